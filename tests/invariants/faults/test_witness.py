"""What watches over the matrix can see: the tool is changed for the worse, and that is noticed."""

import dataclasses
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from importlib import import_module
from secrets import token_bytes
from typing import Any

import pytest
from msgspec.structs import replace

from provisioner.commands.authorization import Approval, find_pending
from provisioner.commands.complete import publish
from provisioner.commands.login import by_password
from provisioner.commands.revocation import OldToken, revoke_due
from provisioner.commands.session import Session
from provisioner.github.destinations import Destination, Mapping
from provisioner.journal import Credential, Pending
from provisioner.journal_store import JournalStore
from provisioner.mastodon.client import Mastodon
from provisioner.mastodon.instance import Instance
from provisioner.parsing import Login
from provisioner.report import ProvisionerError, Run
from tests.invariants import I1, I2, I3, I4, I5, I6, I7, I8, I9, Invariant
from tests.invariants.faults.matrix import hits, prepared, requests, strike
from tests.invariants.faults.scenarios import DAY, PUT, SCENARIOS, WRITE
from tests.invariants.witness import DEAD, UNKNOWN


def revoke_early(session: Session, **_: bool) -> list[OldToken]:
    """As if the grace were over."""
    clock = session.clock
    session.clock = lambda: clock() + 2 * DAY
    return revoke_due(session, current_seen_alive=True)


def revoke_the_new(session: Session, **_: bool) -> list[OldToken]:
    """Not the old token is revoked, but the one in use."""
    if current := session.journal.current:
        Mastodon(session.http, current.instance).revoke(current.application, current.token)
    return []


def cover_all(_session: Session, _old: Credential) -> list[Destination]:
    """As if no secret held an old token."""
    return []


def show(
    session: Session, credential: Credential, mappings: Iterable[Mapping]
) -> tuple[Destination, ...]:
    """Progress that tells too much."""
    session.reporter.done(f"Writing {credential.token.reveal()}")
    return publish(session, credential, mappings)


def write_in_the_clear(
    session: Session, credential: Credential, mappings: Iterable[Mapping]
) -> tuple[Destination, ...]:
    """A variable is no secret."""
    session.repository.put_variable("TOKEN", credential.token.reveal(), exists=False)
    return publish(session, credential, mappings)


def stay_silent(_session: Session, **_: object) -> nullcontext[None]:
    """Nobody is told that a run stopped half-way."""
    return nullcontext()


def prepare_nothing(session: Session) -> Pending:
    """The code is spent at once."""
    session.read()
    return find_pending(session)


def believe(_session: Session, _for: Pending, token: Credential, *_: object) -> Credential:
    """Whoever approved, the token is taken."""
    return replace(token, account_id="1")


def another_key(_: bytes) -> Any:
    """Each try is a post of its own."""
    return sha256(token_bytes())


def deny(_session: Session, _instance: Instance, what: str) -> ProvisionerError:
    """A lost answer is told as if nothing was posted."""
    return ProvisionerError("instance-unwell", what, next=(Run("again"),))


def overwrite(session: Session) -> None:
    """Look whether something stands there, and don't mind."""
    session.read_repository(*session.reads_for_writing())


def keep_the_password(pending: Pending, given: Login) -> Approval:
    """In the journal, as a code's hash is."""
    return replace(by_password(pending, given), fingerprint=given.password.reveal())


def save_no_attempt(session: Session, *, room: int = 0, **changes: Pending | None) -> None:
    """The journal never says that a token may have been issued."""
    if pending := changes.get("pending"):
        changes["pending"] = pending.replace(attempts=())
    session.journal = session.journal.replace(**changes)
    session.store.save(session.journal, room)


def forget_earlier(store: JournalStore, value: str | None) -> None:
    """A value from before the last write is taken for another run's."""
    store._latest = value  # noqa: SLF001


@dataclass(frozen=True)
class Sabotage:
    """A function of the commands, what it becomes, the scenario that needs it, what is noticed."""

    function: str
    becomes: Callable[..., object]
    scenario: str
    noticed: str
    request: str = ""
    """What is struck, if anything."""
    fault: str = "answer lost"


FIRST, ROTATION = "first: complete", "rotation: complete"
EXCHANGE = "POST /oauth/token"
POSTING = "POST /api/v1/statuses"
KEEPING = "PUT /repos/octocat/mybot/actions/secrets/MASTODON_CLIENT_SECRET"
SABOTAGES = {
    f"{I1}, grace": Sabotage("complete.revoke_due", revoke_early, ROTATION, "within its grace"),
    f"{I1}, destinations": Sabotage(
        "revocation.uncovered", cover_all, "check, old name still there", DEAD
    ),
    f"{I2}": Sabotage(
        "complete.revoke_due", revoke_the_new, ROTATION, "the token in use was revoked"
    ),
    f"{I3}": Sabotage(
        "session.Session.save", save_no_attempt, FIRST, UNKNOWN, EXCHANGE, "killed after it"
    ),
    f"{I4}, shown": Sabotage("complete.publish", show, FIRST, "shown: Writing"),
    f"{I4}, sent": Sabotage("complete.publish", write_in_the_clear, FIRST, "was sent a secret"),
    f"{I4}, kept": Sabotage(
        "login.by_password", keep_the_password, "mastodon-4.2: login", "keeps a password"
    ),
    f"{I5}": Sabotage(
        *("complete.incomplete_on_error", stay_silent, FIRST, "was changed"),
        *(PUT, "this server: no answers from here on"),
    ),
    f"{I6}": Sabotage("complete._prepare", prepare_nothing, FIRST, "a code was sent before"),
    f"{I7}": Sabotage("complete.verify", believe, FIRST, "was not seen alive"),
    f"{I7}, register": Sabotage(
        *("register._require_free", overwrite, "register", "was overwritten"),
        *(KEEPING, "killed after it"),
    ),
    f"{I8}": Sabotage(
        "complete.verify", believe, "first, approved by another: complete", "no token of this"
    ),
    f"{I9}": Sabotage(
        *("session.JournalStore._note", forget_earlier, FIRST, "no other run"),
        *(WRITE, "GitHub reads late"),
    ),
    "a second post": Sabotage(
        "post.sha256", another_key, "post", "or not once", POSTING, "killed after it"
    ),
    "a post that is not told": Sabotage(
        "post._unclear", deny, "gotosocial: post", "and it said “instance-unwell”", POSTING
    ),
}


@pytest.mark.parametrize("broken", SABOTAGES)
def test_sabotage_is_noticed(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Each invariant is seen to be broken where the tool breaks it."""
    sabotage = SABOTAGES[broken]
    scenario = next(one for one in SCENARIOS if str(one) == sabotage.scenario)
    start = dataclasses.replace(prepared(scenario), rests={})  # before anything is changed
    asked = requests(scenario) if sabotage.request else ()
    struck = tuple(
        hit for hit in hits([sabotage.fault], asked) if asked[hit.at] == sabotage.request
    )
    module, *inside, name = sabotage.function.split(".")
    place = reduce(getattr, inside, import_module(f"provisioner.commands.{module}"))
    monkeypatch.setattr(place, name, sabotage.becomes)
    found = strike(start, struck).violations
    assert [violation for violation in found if sabotage.noticed in violation]


def test_every_invariant_is_broken_once() -> None:
    broken = {name.partition(",")[0] for name in SABOTAGES}
    assert {str(invariant) for invariant in Invariant} <= broken
