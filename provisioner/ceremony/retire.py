"""Retiring replaced tokens: each is revoked once nothing can need it, and then seen dead."""

from provisioner.ceremony.desk import Case, Desk, iso
from provisioner.errors import ProvisionerError
from provisioner.journal import Credential, Destination, Superseded
from provisioner.mastodon import Alive, Dead, Mastodon, Unclear, Unheard
from provisioner.outcomes import Fate, OldToken

GIVE_UP = 30 * 86400
"""Seconds after which a token of an instance that does not answer any more is forgotten; one that
works still is a person's to remove."""


def retire(desk: Desk, case: Case) -> tuple[OldToken, ...]:
    """Revoke every superseded token whose time has come; tells what became of each.

    One is revoked only when its grace is over, when no secret can hold it any more, and when the
    current token was just seen alive; with its own application's credentials; and it counts as
    revoked only once it is seen dead. Trouble on the way undoes nothing that was reached before:
    the token stays in the journal, and a later run goes on.
    """
    due = [old for old in case.journal.superseded if old.revoke_after <= desk.now()]
    trouble = _trouble_with_current(desk, case) if due else ""
    became = []
    for old in case.journal.superseded:
        try:
            became.append(_retire(desk, case, old, trouble) if old in due else _waits(case, old))
        except ProvisionerError as error:
            became.append(_told(case, old, "retry", error.what))
    case.confirm()
    return tuple(became)


def _retire(desk: Desk, case: Case, old: Superseded, trouble: str) -> OldToken:
    token = old.credential
    places = [place.name for place in uncovered(case, token) if case.may_hold(place)]
    if places:
        reason = f"it still stands in {', '.join(places)}"
        return _told(case, old, "stuck", reason, left_in=True)
    if token.application.by_hand:
        return _give_up(desk, case, old, "its application is your own")
    if trouble:
        return _told(case, old, "retry", trouble)
    match Mastodon(desk.http, token.server).revoke(token.application, token.token):
        case Dead():
            _forget(case, old)
            desk.tell.done(f"Revoked the token of {iso(token.issued_at)}, and saw it dead")
            if trouble := _trouble_with_current(desk, case):
                desk.tell.warn(f"After that, {trouble}")
            return _told(case, old, "revoked")
        case Unclear(reason, refused=False) if desk.now() - old.revoke_after > GIVE_UP:
            return _give_up(desk, case, old, reason)
        case Unheard(reason) if desk.now() - old.revoke_after > GIVE_UP:
            return _told(case, old, "stuck", reason)
        case Unclear(reason) | Unheard(reason):
            return _told(case, old, "retry", reason)
        case Alive():
            return _told(case, old, "stuck", f"{token.server.host} did not revoke it")


def uncovered(case: Case, old: Credential) -> list[Destination]:
    """The secrets that were written with this token, and with none since."""
    journal = case.journal
    superseded = [each.credential for each in journal.superseded]
    later = superseded[superseded.index(old) + 1 :] if old in superseded else []
    if journal.current:
        later.append(journal.current)
    written = {place for credential in later for place in credential.destinations}
    return [p for p in old.destinations if p.kind == "secrets" and p not in written]


def _trouble_with_current(desk: Desk, case: Case) -> str:
    """Why the current token can't be relied upon; "" where it can, or where there is none."""
    current = case.journal.current
    if current is None:
        return ""
    match Mastodon(desk.http, current.server).verify(current.token):
        case Alive(id=number) if number == current.account_id:
            return ""
        case Alive():
            return "the token in use belongs to another account"
        case Dead(reason) | Unclear(reason):
            return f"the token in use was not seen alive: {reason}"


def _give_up(desk: Desk, case: Case, old: Superseded, reason: str) -> OldToken:
    """Leave a token to a person, who is told before it is forgotten: the run may end any moment."""
    told = _told(case, old, "forgotten", reason)
    desk.tell.warn(told.note)
    _forget(case, old)
    return told


def _forget(case: Case, old: Superseded) -> None:
    case.save(superseded=tuple(each for each in case.journal.superseded if each != old))


def _waits(case: Case, old: Superseded) -> OldToken:
    left_in = ", ".join(place.name for place in uncovered(case, old.credential))
    reason = f"it still stands in {left_in}: change the workflows that read that, and delete it"
    return _told(case, old, "waiting", reason if left_in else "")


def _told(
    case: Case, old: Superseded, fate: Fate, reason: str = "", *, left_in: bool = False
) -> OldToken:
    token = old.credential
    return OldToken(
        issued_at=iso(token.issued_at),
        fate=fate,
        revoke_after=iso(old.revoke_after),
        reason=reason,
        remove_at=token.server.authorized_applications,
        approver=case.approver(token),
        is_strangers=case.is_strangers(token),
        left_in=left_in,
    )
