"""check: whether the stored token is alive, the right account's, and where it should be."""

from provisioner.ceremony.desk import (
    Case,
    Desk,
    iso,
    require_nothing_staged,
    require_own,
)
from provisioner.ceremony.guard import missing
from provisioner.errors import PersonNeededError
from provisioner.journal import Credential
from provisioner.mastodon import Alive, Dead, Mastodon, Unclear
from provisioner.outcomes import Checked, Finding


def check(desk: Desk, case: Case) -> Checked:
    """Look at the current credential and its secrets; changes nothing.

    Only the instance's own word makes a token dead: whatever else goes wrong is “unclear”.
    Raises PersonNeededError where nothing was provisioned yet, ProvisionerError.
    """
    if case.journal.generation:
        require_own(case.journal, desk.inputs, desk.inputs.instance)
    require_nothing_staged(case)
    current = _current(case)
    findings = (
        _token(desk, current),
        _expiry(desk, current),
        _scopes(desk, current),
        *(_secret(case, place.name) for place in current.destinations if place.kind == "secrets"),
    )
    return Checked(
        account=str(desk.inputs.account),
        scopes=current.scopes,
        expires_at=iso(current.expires_at),
        findings=findings,
    )


def _current(case: Case) -> Credential:
    pending, current = case.journal.pending, case.journal.current
    if current is None:
        raise PersonNeededError(
            "nothing-provisioned",
            "Nothing is provisioned yet.",
            todo="Open the link, press Authorize, and complete with the code."
            if pending
            else "Run begin, and open the link that it shows.",
            link=pending.link if pending else "",
        )
    return current


def _token(desk: Desk, current: Credential) -> Finding:
    account = str(desk.inputs.account)
    match Mastodon(desk.http, current.server).verify(current.token):
        case Alive(id=number) if number == current.account_id:
            return Finding("good", f"The token is alive, and belongs to {account}")
        case Alive(user=user):
            return Finding(
                "bad",
                f"The token belongs to another account now: “{user}”",
                "Look into this at the instance; then begin, and complete, for a new token.",
            )
        case Dead(reason):
            return Finding(
                "bad",
                f"The token is dead: {reason}",
                "Begin, and complete, for a new one: somebody revoked it at the instance.",
            )
        case Unclear(reason):
            return Finding("unclear", f"Whether the token is alive can't be told: {reason}")


def _expiry(desk: Desk, current: Credential) -> Finding:
    if current.expires_at is not None and current.expires_at <= desk.now():
        return Finding(
            "bad",
            f"The token expired on {iso(current.expires_at)}",
            "Begin, and complete, for a new one.",
        )
    return Finding("good", f"It expires: {iso(current.expires_at)}")


def _scopes(desk: Desk, current: Credential) -> Finding:
    lacking = missing(current.scopes, desk.inputs.scopes)
    if lacking:
        return Finding(
            "bad",
            f"The token lacks {' '.join(lacking)}: it was granted “{' '.join(current.scopes)}”",
            "Begin, and complete, for a token with these scopes; or ask for fewer.",
        )
    return Finding("good", f"It was granted “{' '.join(current.scopes)}”")


def _secret(case: Case, name: str) -> Finding:
    if case.repository.has_secret(name):
        return Finding("good", f"A secret {name} is there")
    return Finding(
        "bad",
        f"The secret {name} is gone from {case.repository.name}",
        "Somebody deleted it. Begin, and complete, to write a new token.",
    )
