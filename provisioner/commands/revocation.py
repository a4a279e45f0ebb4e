"""Tokens that must end: revoked once nothing can need them, or left to a person to remove."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any, Literal

import msgspec

from provisioner.commands.session import Session
from provisioner.github.client import UNFINISHED
from provisioner.github.destinations import Destination, names
from provisioner.inputs import HERE
from provisioner.journal import Contents, Credential, Pending, Superseded
from provisioner.mastodon.client import Mastodon
from provisioner.mastodon.errors import Alive, Dead, Unclear
from provisioner.mastodon.instance import Application
from provisioner.report import Item, Open, ProvisionerError, TransportError, iso, when
from provisioner.secret import Secret

GIVE_UP = 30 * 86400
"""Seconds after which a token is dropped whose end can't be seen, as where its instance does not
answer any more; one that works still is a person's to remove."""
APPROVER = "the account that approved it"
APPLICATION_STAYS = "leave the application itself, which the token in use belongs to"

Fate = Literal["waiting", "revoked", "retry", "stuck", "forgotten"]
"""“stuck” needs a person, “retry” is left to the next run, “forgotten” is dropped from the
journal."""


class OldToken(msgspec.Struct, frozen=True):
    """A token that was replaced, or not used, and what became of it."""

    credential: Credential
    fate: Fate
    revoke_after: int
    reason: str
    item: Item

    def facts(self) -> dict[str, str]:
        return {
            "issued-at": iso(self.credential.issued_at),
            "fate": self.fate,
            "revoke-after": iso(self.revoke_after),
            "reason": self.reason,
            "approver": self.credential.account,
        }


def revoke_due(
    session: Session, *, current_seen_alive: bool = False, rejected: Secret | None = None
) -> list[OldToken]:
    """Revoke every superseded token whose time has come; tells what became of each.

    One is revoked only when its grace is over, when no secret can hold it any more, and when the
    current token was just seen alive, unless it is the one that this run `rejected` and wrote
    nowhere; with its own application's credentials; and it counts as revoked only once it is seen
    dead. Trouble on the way undoes nothing that was reached before:
    the token stays in the journal, and a later run goes on.
    """
    trouble = cache(partial(_trouble_with_current, session, seen_alive=current_seen_alive))
    became = []
    for old in session.journal.superseded:
        try:
            unneeded = old.credential.token == rejected
            told = _told(session, old, *_settle(session, old, str if unneeded else trouble))
            if told.fate == "forgotten":  # a person is told before: the run may end any moment
                session.warn(told.item.text, *told.item.next)
            if told.fate in {"forgotten", "revoked"}:
                left = tuple(one for one in session.journal.superseded if one != old)
                session.update(superseded=left, contents=_contents_without(session, old.credential))
            if told.fate == "revoked":
                issued = when(old.credential.issued_at)
                session.reporter.done(f"Revoked the token of {issued}, and saw it dead")
        except ProvisionerError as error:
            told = _told(session, old, "retry", error.what)
        became.append(told)
    return became


def supersede(session: Session, token: Credential | None, **changes: Any) -> None:
    """Write that a token which is not used is to be revoked.

    The person's own application may have given the very token that is in use, or one that was
    replaced: those stay as they are.
    """
    if token and not is_known_besides(session, token):
        unused = Superseded(token, session.now())
        changes["superseded"] = (*session.journal.superseded, unused)
    session.update(**changes)


def _contents_without(session: Session, gone: Credential) -> tuple[Contents, ...]:
    """The contents without a token that no secret holds: those that might have do not exist."""
    journal, mark = session.journal, {gone.fingerprint}
    return journal.with_contents(
        {place: session.contents(place) - mark for place in journal.may_hold(gone)}
    )


def is_known_besides(session: Session, staged: Credential) -> bool:
    """Whether a staged token is also the one in use, or one that was replaced."""
    known = session.journal.replace(pending=None).credentials()
    return any(one.token == staged.token for one in known)


def end_grace_where_idle(session: Session) -> None:
    """After a rotation by `setup` or `rotate`, end the grace if no workflow run uses old secrets.

    On a person's own machine no schedule would revoke the old token later.
    """
    here = session.config.command in HERE and session.config.given_grace is None
    if not here or not session.journal.superseded:
        return
    states = [partial(session.repository.has_runs, state) for state in UNFINISHED]
    with suppress(TransportError):  # then it ends by itself
        if not any(session.gather(states)):
            end_grace(session, 0)


def end_grace(session: Session, seconds: int) -> None:
    """Have the replaced tokens live for so many seconds from now on at the most."""
    superseded = session.journal.superseded
    shortened = tuple(old.by(session.now() + seconds) for old in superseded)
    if shortened != superseded:
        session.update(superseded=shortened)


def uncovered(session: Session, old: Credential) -> list[Destination]:
    """The secrets that may still hold this token."""
    places = session.journal.may_hold(old)
    return [place for place in places if place.is_secret and session.may_exist(place)]


def _trouble_with_current(session: Session, *, seen_alive: bool) -> str:
    """Why the current token can't be relied upon; "" where it can, or where there is none."""
    current = session.journal.current
    if current is None or seen_alive:
        return ""
    match Mastodon(session.http, current.instance).verify(current.token):
        case Alive(id=number) if number == current.account_id:
            return ""
        case Alive():
            return "the token in use belongs to another account"
        case Dead(reason) | Unclear(reason):
            return f"the token in use was not seen alive: {reason}"


def _settle(session: Session, old: Superseded, trouble: Callable[[], str]) -> tuple[Fate, str]:
    """Revoke it if it may be; its fate, and the reason."""
    token = old.credential
    if token.token == session.config.access_token:  # perhaps from before the rotation
        return "waiting", "the secret that this run was handed holds it"
    if old.revoke_after > session.now():
        return "waiting", ""
    if uncovered(session, token):
        return "stuck", ""
    if token.application.user_supplied:
        return "forgotten", "its application is your own"
    if reason := trouble():
        return "retry", reason
    return _revoke(session, old)


def _revoke(session: Session, old: Superseded) -> tuple[Fate, str]:
    token, overdue = old.credential, session.now() - old.revoke_after > GIVE_UP
    match Mastodon(session.http, token.instance).revoke(token.application, token.token):
        case Dead():
            return "revoked", ""
        case Unclear(reason, token_accepted=works) if overdue:
            return ("stuck" if works else "forgotten"), reason
        case Unclear(reason):
            return "retry", reason
        case Alive():
            return "stuck", f"{token.instance.host} did not revoke it"


def _told(session: Session, old: Superseded, fate: Fate, reason: str) -> OldToken:
    token = old.credential
    left = uncovered(session, token)
    reason = f"it may still stand in {names(left)}" if left else reason
    which = f"The {'old ' if token.seen_alive_at else ''}token of {when(token.issued_at)}"
    why, by_hand = reason.rstrip("."), (removal(session, token),)
    unread = f"Delete {names(left)}, if no workflow reads it."
    delete = (unread, "Otherwise rotate, and have that written too.") if left else ()
    match fate:
        case "revoked":
            item = Item("good", f"{which} is revoked")
        case "waiting":
            text = f"{which} is kept until {when(old.revoke_after)}, for runs that still use it"
            item = Item("soon", f"{text}. But {why}", delete) if why else Item("good", text)
        case "retry":
            item = Item("unclear", f"{which} is not revoked yet: {why}. The next run tries again")
        case "stuck":
            item = Item("bad", f"{which} is not revoked: {why}", delete or by_hand)
        case "forgotten":
            item = Item("soon", f"{which} will not be revoked: {why}", by_hand)
    return OldToken(token, fate, old.revoke_after, reason, item)


def removal(session: Session, credential: Credential) -> Open:
    """Where a person removes the credential's application, and as whom."""
    at, approver = when(credential.issued_at), credential.account
    then = f"remove the application authorized on {at}"
    current = session.journal.current
    is_own = current and credential.account_id in {"", current.account_id}
    if is_own and _is_in_use(session, credential.application):
        then = f"end the token of {at} alone, if it is listed; {APPLICATION_STAYS}"
    page = credential.instance.applications_page(approver)
    return Open(page, approver, then)


def _is_in_use(session: Session, application: Application) -> bool:
    """Whether the bot's token belongs to it, so that to remove it would end the bot."""
    current = session.journal.current
    ends = current is not None and current.application.client_id == application.client_id
    return ends and session.config.command != "deprovision"


def tell_lost(
    session: Session, pending: Pending | None, approver: str = APPROVER, *, is_in_use: bool = False
) -> None:
    """Tell a person of exchanges whose answer was lost, before the journal forgets them.

    `is_in_use` is whether the application is to stay, since the bot's new token belongs to it.
    """
    if pending is None:
        return
    for attempt in pending.attempts:
        then = f"remove the authorization of {when(attempt)}, if there is one"
        if is_in_use or _is_in_use(session, pending.application):
            then = f"{then}; {APPLICATION_STAYS}"
        session.warn(
            f"An exchange of {when(attempt)} may have issued a token that was lost.",
            Open(pending.instance.applications_page(), approver, then),
        )
