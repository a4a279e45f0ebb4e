"""What watches over the matrix can see: the tool is changed for the worse, and that is noticed."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import reduce
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
from tests.invariants import I1, I2, I3, I4, I5, I6, I7, I8, I9, Invariant


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
    """A function of the ceremony, what it becomes, the scenario that needs it, what is noticed."""

    function: str
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
KEEPING = "PUT /repos/octocat/mybot/actions/secrets/MASTODON_CLIENT_SECRET"
SABOTAGES = {
    f"{I1}, grace": Sabotage("exchange.retire", retire_early, ROTATION, "within its grace"),
    f"{I1}, destinations": Sabotage(
        "retire.uncovered", cover_all, "check, old name still there", "holds a token that was"
    ),
    f"{I2}": Sabotage("exchange.retire", retire_the_new, ROTATION, "the token in use was revoked"),
    f"{I3}": Sabotage(
        "desk.Case.save", save_no_attempt, FIRST, "a token lives that nobody knows of", EXCHANGE
    ),
    f"{I4}, shown": Sabotage("exchange.publish", show, FIRST, "shown: Wrote"),
    f"{I4}, sent": Sabotage("exchange.publish", write_in_the_clear, FIRST, "was sent a secret"),
    f"{I4}, kept": Sabotage(
        "login.ByPassword", keep_the_password, "mastodon-4.2: login", "keeps a password"
    ),
    f"{I5}": Sabotage(
        "complete.half_way", stay_silent, FIRST, "was changed", WRITE, SILENT_FROM_HERE
    ),
    f"{I6}": Sabotage("complete.look_before", look_at_nothing, FIRST, "a code was sent before"),
    f"{I7}": Sabotage("complete.guard", believe, FIRST, "was not seen alive"),
    f"{I7}, register": Sabotage(
        "register._require_free", overwrite, "register", "was overwritten", KEEPING, KILLED_AFTER
    ),
    f"{I8}": Sabotage(
        "complete.guard", believe, "first, approved by another: complete", "no token of this"
    ),
    "a second post": Sabotage(
        "post.key_of", another_key, "post", "or not once", POSTING, KILLED_AFTER
    ),
    "a second post, unseen": Sabotage(
        "post._remembered",
        remember_nothing,
        "gotosocial: post",
        "or not once",
        POSTING,
        KILLED_AFTER,
    ),
}


@pytest.mark.parametrize("broken", SABOTAGES)
def test_sabotage_is_noticed(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Each invariant is seen to be broken where the tool breaks it."""
    sabotage = SABOTAGES[broken]
    scenario = next(one for one in SCENARIOS if str(one) == sabotage.scenario)
    prepared(scenario)  # before anything is changed
    asked = requests(scenario) if sabotage.request else ()
    hits = [Hit(sabotage.fault, at) for at, ask in enumerate(asked) if ask == sabotage.request]
    module, *inside, name = sabotage.function.split(".")
    owner = reduce(getattr, inside, import_module(f"provisioner.ceremony.{module}"))
    monkeypatch.setattr(owner, name, sabotage.becomes)
    found = play.__wrapped__(scenario, tuple(hits)).violations
    assert [violation for violation in found if sabotage.noticed in violation]


def test_every_invariant_is_broken_once() -> None:
    """But for I9, which the tool does not keep yet."""
    broken = {name.partition(",")[0] for name in SABOTAGES}
    assert {str(invariant) for invariant in Invariant} - broken == {str(I9)}
