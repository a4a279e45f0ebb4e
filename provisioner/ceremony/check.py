"""check: whether the token is alive, the right account's, where it should be, and not too old."""

from collections.abc import Iterator

from provisioner.capabilities import missing
from provisioner.ceremony.desk import (
    Case,
    Desk,
    iso,
    require_current,
    require_nothing_staged,
    require_own,
)
from provisioner.ceremony.retire import retire
from provisioner.journal import Credential
from provisioner.mastodon import Alive, Dead, Mastodon, Unclear
from provisioner.outcomes import Checked, Finding

DAY = 86400
SOON, NOW = 30 * DAY, 8 * DAY
"""Seconds before an end that a check, which is made every week, speaks of it, and insists."""
AGAIN = "Begin, and complete, for a new one."


def check(desk: Desk, case: Case) -> Checked:
    """Look at the current credential and its secrets, and revoke the replaced ones that are due.

    Only the instance's own word makes a token dead: whatever else goes wrong is “unclear”.
    Raises PersonNeededError where nothing was provisioned yet, ProvisionerError.
    """
    if case.journal.generation:
        require_own(case.journal, desk.inputs, desk.inputs.instance)
    require_nothing_staged(case)
    if case.journal.current is None:  # an abandoned authorization may have left a token
        for old in retire(desk, case):
            if old.fate != "forgotten":  # of that, the person was told
                desk.tell.warn(old.note)
    current = require_current(case)
    token = _token(desk, current)
    findings = (
        token,
        *((_age(desk, current), _expiry(desk, current)) if token.verdict != "bad" else ()),
        _scopes(desk, current),
        *(_secret(case, place.name) for place in current.destinations if place.kind == "secrets"),
        *_waiting(case),
        *_old_tokens(desk, case),
        *_github_token(desk),
    )
    return Checked(
        account=str(desk.inputs.account),
        scopes=current.scopes,
        expires_at=iso(current.expires_at),
        findings=findings,
    )


def _token(desk: Desk, current: Credential) -> Finding:
    account = str(desk.inputs.account)
    match Mastodon(desk.http, current.server).verify(current.token):
        case Alive(id=number) if number == current.account_id:
            return Finding("good", f"The token is alive, and belongs to {account}")
        case Alive(shown=user):
            return Finding(
                "bad",
                f"The token belongs to another account now: “{user}”",
                "Look into this at the instance; then begin, and complete, for a new token.",
            )
        case Dead(reason):
            return Finding(
                "bad",
                f"The token is dead: {reason}",
                f"Somebody revoked it at the instance. {AGAIN}",
            )
        case Unclear(reason, todo=todo) if todo:
            return Finding("bad", f"The token can't be used: {reason}", todo)
        case Unclear(reason):
            return Finding("unclear", f"Whether the token is alive can't be told: {reason}")


def _age(desk: Desk, current: Credential) -> Finding:
    days, longest = (desk.now() - current.issued_at) // DAY, desk.inputs.max_age
    if longest is not None and desk.now() - current.issued_at > longest:
        return Finding("bad", f"The token is {days} days old: older than it may become", AGAIN)
    return Finding("good", f"It is {days} days old")


def _expiry(desk: Desk, current: Credential) -> Finding:
    return _end(desk, "It expires", current.expires_at, AGAIN)


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
        f"Somebody deleted it, or a deprovision that stopped: run that again. Else: {AGAIN}",
    )


def _waiting(case: Case) -> Iterator[Finding]:
    """A rotation that was begun: nobody would see its link again otherwise."""
    if pending := case.journal.pending:
        yield Finding(
            "soon",
            f"An authorization of {iso(pending.begun_at)} waits for its approval: {pending.link}",
            "Open that, press Authorize, and complete with the code; or abandon it.",
        )


def _old_tokens(desk: Desk, case: Case) -> Iterator[Finding]:
    for old in retire(desk, case):
        match old.fate:
            case "waiting" | "revoked":
                yield Finding("good", old.note)
            case "retry":
                yield Finding("unclear", old.note)
            case "forgotten":
                yield Finding("soon", old.fact, old.todo)
            case "stuck":
                yield Finding("bad", old.fact, old.todo)


def _github_token(desk: Desk) -> Iterator[Finding]:
    if desk.github.token_expires_at is not None:
        todo = "Make another one in GitHub's settings, and hand that in."
        yield _end(desk, "The token for GitHub expires", desk.github.token_expires_at, todo)


def _end(desk: Desk, what: str, moment: int | None, todo: str) -> Finding:
    """When something expires: said ahead, and insisted upon before the last check."""
    left = SOON if moment is None else moment - desk.now()
    text = f"{what}: {iso(moment)}"
    if left >= SOON:
        return Finding("good", text)
    return Finding("bad" if left < NOW else "soon", text, todo)
