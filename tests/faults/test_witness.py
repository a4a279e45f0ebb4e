"""What watches over the matrix can see: the tool is changed for the worse, and that is noticed."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from secrets import token_hex

import pytest

from provisioner.ceremony import Case, Desk
from provisioner.ceremony.login import ByPassword
from provisioner.ceremony.publish import publish
from provisioner.ceremony.retire import retire
from provisioner.destinations import Mapping
from provisioner.github import Repository
from provisioner.inputs import Login
from provisioner.journal import Credential, Pending
from provisioner.mastodon import Mastodon
from provisioner.outcomes import OldToken
from tests.faults.faults import KILLED_AFTER, LOST, SILENT_FROM_HERE, Fault, Hit
from tests.faults.matrix import requests
from tests.faults.play import play, prepared
from tests.faults.scenarios import DAY, SCENARIOS


def retire_early(desk: Desk, case: Case) -> tuple[OldToken, ...]:
    """As if the grace were over."""
    return retire(replace(desk, clock=lambda: desk.clock() + 2 * DAY), case)


def retire_the_new(desk: Desk, case: Case) -> tuple[OldToken, ...]:
    """Not the old token is revoked, but the one in use."""
    if current := case.journal.current:
        Mastodon(desk.http, current.server).revoke(current.application, current.token)
    return ()


def cover_all(_case: Case, _old: Credential) -> list[str]:
    """As if no secret held an old token."""
    return []


def show(desk: Desk, case: Case, credential: Credential, mappings: Iterable[Mapping]) -> None:
    """Progress that tells too much."""
    publish(desk, case, credential, mappings)
    desk.tell.done(f"Wrote {credential.token.reveal()}")


def write_in_the_clear(
    desk: Desk, case: Case, credential: Credential, mappings: Iterable[Mapping]
) -> None:
    """A variable is no secret."""
    publish(desk, case, credential, mappings)
    case.repository.put_variable("TOKEN", credential.token.reveal())


def stay_silent(_case: Case) -> nullcontext[None]:
    """Nobody is told that a run stopped half-way."""
    return nullcontext()


def look_at_nothing(_desk: Desk, _case: Case, pending: Pending, _code: object) -> Pending:
    """The code is spent at once."""
    return pending


def believe(_desk: Desk, _case: Case, _at: Mastodon, _for: Pending, token: Credential) -> object:
    """Whoever approved, the token is taken."""
    return token.model_copy(update={"account_id": "1"})


def another_key(*_: str) -> str:
    """Each try is a post of its own."""
    return token_hex()


def remember_nothing(_desk: Desk, _case: Case, _key: str) -> None:
    """Whatever was sent before is sent again."""


def overwrite(repository: Repository, mapping: Mapping) -> None:
    """Look whether something stands there, and don't mind."""
    repository.has_secret(mapping.name)


def keep_the_password(login: Login) -> ByPassword:
    """In the journal, as a code's hash is."""
    return ByPassword(login, fingerprint=login.password.reveal())


def save_no_attempt(case: Case, **changes: Pending | None) -> None:
    """The journal never says that a token may have been issued."""
    if pending := changes.get("pending"):
        changes["pending"] = pending.model_copy(update={"attempted_at": None})
    case.journal = case.store.write(case.journal.model_copy(update=dict(changes)))


@dataclass(frozen=True)
class Sabotage:
    """What a function of the ceremony becomes, the scenario that needs it, and what is noticed."""

    module: str
    name: str
    becomes: Callable[..., object]
    scenario: str
    noticed: str
    request: str = ""
    """What is struck, if anything."""
    fault: Fault = LOST


FIRST, ROTATION = "first: complete", "rotation: complete"
EXCHANGE = "POST /oauth/token"
POSTING = "POST /api/v1/statuses"
WRITE = "PUT /repos/octocat/mybot/actions/secrets/MASTODON_ACCESS_TOKEN"
SABOTAGES = {
    "I1, grace": Sabotage("exchange", "retire", retire_early, ROTATION, "within its grace"),
    "I1, destinations": Sabotage(
        "retire", "uncovered", cover_all, "check, old name still there", "holds a token that was"
    ),
    "I2": Sabotage("exchange", "retire", retire_the_new, ROTATION, "the token in use was revoked"),
    "I4, shown": Sabotage("exchange", "publish", show, FIRST, "shown: Wrote"),
    "I4, sent": Sabotage("exchange", "publish", write_in_the_clear, FIRST, "was sent a secret"),
    "I5": Sabotage(
        "complete", "half_way", stay_silent, FIRST, "was changed", WRITE, SILENT_FROM_HERE
    ),
    "I6": Sabotage("complete", "look_before", look_at_nothing, FIRST, "a code was sent before"),
    "I7": Sabotage("complete", "guard", believe, FIRST, "was not seen alive"),
    "I8": Sabotage(
        "complete", "guard", believe, "first, approved by another: complete", "no token of this"
    ),
    "a second post": Sabotage(
        "post", "key_of", another_key, "post", "or not once", POSTING, KILLED_AFTER
    ),
    "a second post, unseen": Sabotage(
        "post",
        "_remembered",
        remember_nothing,
        "gotosocial: post",
        "or not once",
        POSTING,
        KILLED_AFTER,
    ),
    "I7, register": Sabotage(
        *("register", "_require_free", overwrite, "register", "was overwritten"),
        *("PUT /repos/octocat/mybot/actions/secrets/MASTODON_CLIENT_SECRET", KILLED_AFTER),
    ),
    "I4, kept": Sabotage(
        "login", "ByPassword", keep_the_password, "mastodon-4.2: login", "keeps a password"
    ),
}


@pytest.mark.parametrize("invariant", SABOTAGES)
def test_sabotage_is_noticed(monkeypatch: pytest.MonkeyPatch, invariant: str) -> None:
    """Each invariant is seen to be broken where the tool breaks it."""
    sabotage = SABOTAGES[invariant]
    scenario = next(one for one in SCENARIOS if one.name == sabotage.scenario)
    prepared(scenario)  # before anything is changed
    asked = requests(scenario) if sabotage.request else ()
    hits = [Hit(sabotage.fault, at) for at, ask in enumerate(asked) if ask == sabotage.request]
    module = import_module(f"provisioner.ceremony.{sabotage.module}")
    monkeypatch.setattr(module, sabotage.name, sabotage.becomes)
    found = play.__wrapped__(scenario, tuple(hits)).violations
    assert [violation for violation in found if sabotage.noticed in violation]


def test_an_attempt_that_is_not_written_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """I3: a token whose answer was lost, and that nobody knows of, is found at the instance."""
    scenario = next(one for one in SCENARIOS if one.name == FIRST)
    hit = Hit(LOST, requests(scenario).index(EXCHANGE))
    monkeypatch.setattr(Case, "save", save_no_attempt)
    found = play.__wrapped__(scenario, (hit,)).violations
    assert "I3: a token lives that nobody knows of" in found
