"""check: whether the token is alive, the right account's, where it should be, and not too old.

Without a token for GitHub, it is the very token in the bot's secret that is checked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from provisioner.commands.begin import discover
from provisioner.commands.revocation import end_grace, revoke_due
from provisioner.commands.session import (
    Session,
    approve,
    require_current,
    require_nothing_staged,
    require_own,
    rotate,
)
from provisioner.journal import Credential
from provisioner.mastodon.client import Mastodon
from provisioner.mastodon.errors import Alive, Dead, Unclear
from provisioner.mastodon.scopes import missing
from provisioner.parsing import Handle, parse_handle
from provisioner.report import (
    ActionRequiredError,
    Exit,
    Item,
    Next,
    ProvisionerError,
    Report,
    Run,
    Set,
    TransportError,
    iso,
    when,
)

DAY = 86400
SOON, NOW = 30 * DAY, 8 * DAY
"""Seconds before an end that a check, which is made every week, speaks of it, and insists."""
UNSEEN = 21 * DAY
"""Seconds without the token seen alive after which a person is needed: three weekly checks."""
NEW_TOKEN: Next = (
    "Rotate where a GitHub token is at hand: on your own machine, or in the workflow for it.",
)


def check(session: Session) -> Report:
    """Look at the current credential and its secrets, and revoke the superseded ones that are due.

    Only the instance's own word makes a token dead: whatever else goes wrong is “unclear”.
    Raises ActionRequiredError where nothing was provisioned yet, ProvisionerError.
    """
    session.read()
    require_own(session, session.config.instance)
    require_nothing_staged(session)
    if session.journal.current is None:  # an abandoned authorization may have left a token
        for old in revoke_due(session):
            session.warn(old.item.text, *old.item.next)
    current = require_current(session)
    items = (*session.noted, *_look_at(session, current))
    scopes, expires_at = " ".join(current.scopes), iso(current.expires_at)
    return _report(session, items, {"scopes": scopes, "expires-at": expires_at})


def check_token(session: Session) -> Report:
    """Whether the token works, whose it is, and what it may do, as far as the instance tells.

    Raises ActionRequiredError where there is no token, ProvisionerError.
    """
    token = session.config.access_token
    if not token:
        raise ActionRequiredError(
            "nothing-provisioned",
            "Nothing is provisioned yet: no access token was handed in.",
            why="The secret does not exist, or `access-token` does not name it.",
            next=("Provision the bot on your own machine, or in the workflow for it.",),
        )
    names, scopes = [session.config.handle], tuple[str, ...]()
    state: Alive | Dead | Unclear
    try:
        info = discover(session)
        names += [parse_handle(info.subject)] if info.subject else []
        mastodon = Mastodon(session.http, info.instance)
        state = mastodon.verify(token)
        if isinstance(state, Alive):
            scopes = mastodon.scopes_of(token)
    except TransportError as error:
        state = Unclear(error.what.removesuffix("."), refused=False)
    items, outputs = [_handed_in(state, names)], {}
    if scopes:
        outputs["scopes"] = " ".join(scopes)
        items.append(_scopes(scopes, session.config.scopes, NEW_TOKEN))
    unknown = "whether it is the current token, and its age: that takes a GitHub token"
    return replace(_report(session, items, outputs), table={"Not known": unknown})


def _report(session: Session, items: Sequence[Item], outputs: Mapping[str, str]) -> Report:
    account, verdicts = str(session.config.handle), {item.verdict for item in items}
    status, headline = "healthy", f"{account} is healthy"
    if verdicts & {"bad", "soon"}:
        status, headline = "attention", f"{account} needs attention"
    elif "unclear" in verdicts:
        status = "unclear"
        headline = f"{account}: not everything could be checked. The next check tries again"
    return Report(
        status,
        headline,
        exit_code=Exit.ACTION_REQUIRED if "bad" in verdicts else Exit.DONE,
        items=items,
        outputs={"account": account, **outputs},
        facts={"findings": items},
    )


def _look_at(session: Session, current: Credential) -> Iterator[Item]:
    token = _token(session, current)
    yield token
    alive = token.verdict == "good"
    if alive and session.now() - current.seen_alive_at >= DAY:
        with suppress(ProvisionerError):  # that this can't be kept, fails nothing
            session.update(current=current.replace(seen_alive_at=session.now()))
    if token.verdict != "bad":
        yield _age(session, current)
        yield _end(session, "The token", current.expires_at, rotate(session))
    wanted = session.config.scopes
    yield _scopes(current.scopes, wanted, rotate(session, Set("scopes", " ".join(wanted))))
    known = session.journal.known(current)
    for place in (one for one in session.journal.may_hold(current) if one.is_secret):
        exists = session.may_exist(place)
        if place in known and not exists:
            gone = f"The secret {place.name} is gone from {session.repository.name}"
            yield Item("bad", f"{gone}: somebody deleted it", rotate(session))
        elif place in known:
            yield Item("good", f"The secret {place.name} exists")
        elif exists:  # a run that wrote it was cut, and went on with other names or was given up
            another = f"The secret {place.name} may hold another token, perhaps a dead one"
            yield Item("soon", another, rotate(session))
    if pending := session.journal.pending:  # nobody would see its link again otherwise
        yield Item(
            "soon",
            f"An authorization of {when(pending.begun_at)} waits for its approval",
            (*approve(session, pending), "Or give it up:", Run("abandon")),
        )
    if session.config.given_grace is not None:  # one that is given ends those that run
        end_grace(session, session.config.given_grace)
    yield from (old.item for old in revoke_due(session, current_seen_alive=alive))
    if session.github.token_expires_at is not None:
        new = "Make another token in GitHub's settings, and hand that in."
        expires_at = session.github.token_expires_at
        yield _end(session, "The token for GitHub", expires_at, (new,))


def _token(session: Session, current: Credential) -> Item:
    account = str(session.config.handle)
    match Mastodon(session.http, current.instance).verify(current.token):
        case Alive(id=number) if number == current.account_id:
            return Item("good", f"The token is alive, and belongs to {account}")
        case Alive(shown=user):
            text = f"The token belongs to another account now: “{user}”"
            return Item("bad", text, rotate(session))
        case Dead() | Unclear() as state:
            item = _not_alive(state, rotate(session))
    if item.verdict == "unclear" and session.now() - current.seen_alive_at >= UNSEEN:
        seen = f"{item.text}. It was last seen alive on {when(current.seen_alive_at)}"
        return Item("bad", seen, ("Look at the instance in a browser.", *rotate(session)))
    return item


def _handed_in(state: Alive | Dead | Unclear, names: Iterable[Handle]) -> Item:
    handle, *_ = names
    match state:
        case Alive(user=user, domain=domain) if any(one.is_named(user, domain) for one in names):
            return Item("good", f"The token is alive, and belongs to {handle}")
        case Alive(shown=shown):
            text = f"The token belongs to “{shown}”: {handle} was renamed, or it is another account"
            return Item("bad", text, ("Correct the account, or rotate.", *NEW_TOKEN))
        case Dead() | Unclear():
            return _not_alive(state, NEW_TOKEN)


def _not_alive(state: Dead | Unclear, steps: Next) -> Item:
    match state:
        case Dead(reason):
            return Item("bad", f"The token is dead, revoked at the instance: {reason}", steps)
        case Unclear(reason, next=barred) if barred:
            return Item("bad", f"The token can't be used: {reason}", state.otherwise(steps))
        case Unclear(reason):
            text = f"Could not tell whether the token is alive: {reason}"
            return Item("unclear", f"{text}. The next check tries again")


def _age(session: Session, current: Credential) -> Item:
    # A clock may have gone ahead where it was issued.
    age, longest = max(0, session.now() - current.issued_at), session.config.max_age
    days = f"{age // DAY} days" if age // DAY != 1 else "1 day"
    if longest is not None and age > longest:
        return Item("bad", f"The token is {days} old, older than max-age", rotate(session))
    return Item("good", f"The token is {days} old")


def _scopes(scopes: tuple[str, ...], wanted: tuple[str, ...], steps: Next) -> Item:
    lacking, granted = missing(scopes, wanted), " ".join(scopes)
    if not lacking:
        return Item("good", f"The token was granted “{granted}”")
    return Item("bad", f"The token lacks {' '.join(lacking)}: it was granted “{granted}”", steps)


def _end(session: Session, what: str, moment: int | None, steps: Next) -> Item:
    if moment is None:
        return Item("good", f"{what} never expires")
    left, text = moment - session.now(), f"{what} expires on {when(moment)}"
    if left >= SOON:
        return Item("good", text)
    return Item("bad" if left < NOW else "soon", text, steps)
