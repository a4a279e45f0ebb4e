"""What every verb starts with: the collaborators, the repository and its journal."""

import base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypedDict, Unpack

from provisioner.capabilities import Description
from provisioner.choices import explain
from provisioner.destinations import Mapping
from provisioner.discovery import NOT_FOUND, describe, locate
from provisioner.errors import (
    Exit,
    HalfWayError,
    InputError,
    PersonNeededError,
    ProvisionerError,
)
from provisioner.github import GitHub, Repository
from provisioner.http import Http
from provisioner.inputs import Inputs
from provisioner.journal import Credential, Destination, Journal, Pending, Sent, Superseded
from provisioner.secret import Secret
from provisioner.store import JournalStore, OvertakenError


class Tell(Protocol):
    """Who is told of the progress, a line per step."""

    def done(self, text: str) -> None:
        """A step is done."""

    def warn(self, text: str) -> None:
        """Something that the person should know, and that does not stop the run."""

    def explain(self, text: str) -> None:
        """Why something was chosen, for those who ask (`--verbose`)."""

    def hide(self, secret: Secret) -> None:
        """A secret came into being, or was read: it is never to be shown. Must not raise."""


@dataclass(frozen=True)
class Desk:
    """The inputs and the collaborators of one run.

    `clock` gives epoch seconds; `entropy` gives that many random bytes.
    """

    inputs: Inputs
    http: Http
    github: GitHub
    tell: Tell
    clock: Callable[[], float]
    entropy: Callable[[int], bytes]

    def now(self) -> int:
        """Epoch seconds."""
        return int(self.clock())


class Changes(TypedDict, total=False):
    """Fields of the journal that a run changes."""

    account: str
    origin: str
    pending: Pending | None
    current: Credential | None
    superseded: tuple[Superseded, ...]
    sent: tuple[Sent, ...]


@dataclass
class Case:
    """A repository with its journal: what is stored there, and what this run makes of it."""

    repository: Repository
    store: JournalStore
    journal: Journal
    changed: bool = False
    """Whether this run, or the one that it goes on with, may have changed anything."""

    def save(self, **changes: Unpack[Changes]) -> None:
        """Write the journal with these fields changed; returns once that is certain."""
        self.changed = True
        self.journal = self.store.write(self.journal.model_copy(update=dict(changes)))

    def stage(self, pending: Pending) -> None:
        """Write the journal with a token just issued, with no other request before."""
        journal = self.journal.model_copy(update={"pending": pending})
        self.journal = self.store.write(journal, at_once=True)

    def confirm(self) -> None:
        """Read the last write back: what was garbled on its way is written once more.

        GitHub's 204 was the confirmation; this is all that is left to do, and so fails nothing.
        """
        if self.changed:
            with suppress(ProvisionerError):
                self.store.require_unchanged()

    def secrets_written(self) -> set[str]:
        """Names of the secrets that credentials in the journal were written to."""
        return {
            place.name
            for credential in self.journal.credentials()
            for place in credential.destinations
            if place.kind == "secrets" and place.repository_id == self.repository.id
        }

    def strangers(self, mappings: Iterable[Mapping]) -> tuple[str, ...]:
        """Which of the secrets to be written exist, and are not in the journal."""
        ours = self.secrets_written()
        names = [mapping.name for mapping in mappings if mapping.name not in ours]
        return tuple(name for name in names if self.repository.has_secret(name))

    def is_strangers(self, token: Credential) -> bool:
        """Whether somebody else than the bot is known to have approved it."""
        return token.account.casefold() not in {"", self.journal.account.casefold()}

    def approver(self, token: Credential) -> str:
        """As whom a person signs in to remove the token's application, in a sentence."""
        if self.is_strangers(token):
            return f"“{token.account}”"
        return token.account or "the account that approved it"

    def may_hold(self, place: Destination) -> bool:
        """Whether something may have been written there: a secret that is not there was not."""
        if place.kind != "secrets" or self.repository.has_secret(place.name):
            return True
        self.repository.require_readable("secrets")
        return False

    def ensure_key(self, desk: Desk) -> None:
        """Before the very first write, put the journal's key into its secret.

        That proves that secrets can be written, before anybody is asked to approve anything. A key
        that is there already is overwritten only if there is certainly no journal under it. A key
        that a workflow hands in comes out of a secret, perhaps a protected environment's: it stays
        there, and that secrets can be written shows only when the token is.
        """
        if self.journal.generation > 0:
            return
        name, made = self.store.key_name, not self.store.key
        if not desk.inputs.keeps_key and self.repository.has_secret(name):
            self.repository.require_readable("variables")
        if not desk.inputs.keeps_key:
            _ = self.repository.sealing_key  # so that no request comes between the look and the PUT
        if made:
            self.store.key = Secret(base64.b64encode(desk.entropy(32)).decode())
            desk.tell.hide(self.store.key)
        self.store.require_unchanged()
        self.changed = True
        if not desk.inputs.keeps_key:
            self.repository.put_secret(name, self.store.key)
            doing = "Made the journal's key, and stored it" if made else "Stored the journal's key"
            desk.tell.done(f"{doing} in the secret {name}")
        self.save()  # at once: a second first run at this moment finds it, and stops
        if not desk.inputs.keeps_key:
            # But it may have put its own key there just before: the journal's has the last word.
            self.repository.put_secret(name, self.store.key)


def open_case(desk: Desk) -> Case:
    """Find the repository and read its journal, live; an empty one where there is none yet.

    Raises InputError where the journal can't be opened, PersonNeededError where it is damaged or
    newer, or the repository archived or out of reach.
    """
    inputs = desk.inputs
    repository = desk.github.repository(inputs.repository)
    store = JournalStore(
        repository, inputs.journal, inputs.journal_key, desk.http.sleep, inputs.in_workflow
    )
    journal = store.read()
    for secret in journal.secrets() if journal else ():
        desk.http.remember(secret)  # some server was sent it, in a run before this one
        desk.tell.hide(secret)
    found = f"read its journal (generation {journal.generation})" if journal else "found no journal"
    desk.tell.done(f"Opened {repository.name} and {found}")
    empty = Journal(repository_id=repository.id, account=str(inputs.account))
    return Case(repository, store, journal or empty)


def find_instance(desk: Desk, case: Case) -> Description:
    """Discover the account's instance; where the journal holds tokens it must be theirs."""
    account = desk.inputs.account
    origin, how = locate(desk.http, account, desk.inputs.instance)
    if how == NOT_FOUND:
        desk.tell.warn(f"{account.domain} does not say where {account} lives: check the spelling")
    told = describe(desk.http, origin)
    if case.journal.holds_tokens:
        require_own(case.journal, desk.inputs, told.server.origin)
    product = f" ({told.server.product})" if told.server.product else ""
    desk.tell.done(f"Found the instance: {origin}{product}")
    for subject, choice in explain(told, desk.inputs.scopes_to_ask).items():
        desk.tell.explain(f"{subject}: {choice}")
    return told


def require_nothing_staged(case: Case) -> None:
    """Refuse to do anything else while a token waits to be finished. Raises HalfWayError."""
    if case.journal.pending and case.journal.pending.staged:
        raise HalfWayError(
            "already-staged",
            "A new token is waiting in the journal, from a run that stopped half-way.",
            todo="Run complete: it needs no code, and goes on from there.",
        )


def require_current(case: Case) -> Credential:
    """The credential in use. Raises PersonNeededError where nothing is provisioned yet."""
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


def require_own(journal: Journal, inputs: Inputs, origin: str) -> None:
    """Refuse the journal of another account or, where `origin` names one, of another instance."""
    if journal.account.casefold() != str(inputs.account).casefold():
        raise InputError(
            "journal-other-account",
            f"The journal {inputs.journal} belongs to {journal.account}, not to {inputs.account}.",
            why="A journal remembers one bot, so that no token is mixed up with another's.",
            todo="Correct --account, or give this bot a journal and names of its own: --journal "
            "OTHER_JOURNAL --secrets OTHER_TOKEN=access_token --variables OTHER_URL=base_url.",
        )
    if origin and journal.origin and origin != journal.origin:
        raise InputError(
            "journal-other-instance",
            f"The journal belongs to {journal.origin}, not to {origin}.",
            why="A credential is replaced at the instance that issued it.",
            todo="Leave --instance out. If the account moved to another server, give it a journal "
            "of its own with --journal.",
        )


def without_pending(desk: Desk, journal: Journal, places: tuple[Destination, ...]) -> Changes:
    """Nothing is pending any more; a staged token, which may stand in these places, is to be
    revoked.

    One's own application may have given the very token that is in use: that stays, wherever it
    stands.
    """
    staged, current = journal.pending.staged if journal.pending else None, journal.current
    if staged is None:
        return {"pending": None}
    if current and current.token == staged.token:
        places = (*current.destinations, *places)
        return {"pending": None, "current": current.model_copy(update={"destinations": places})}
    unused = staged.model_copy(update={"destinations": places})
    to_revoke = Superseded(credential=unused, revoke_after=desk.now())
    return {"pending": None, "superseded": (*journal.superseded, to_revoke)}


def may_stand_in(pending: Pending | None) -> tuple[Destination, ...]:
    """Where a staged token may have been written: nowhere before it was verified."""
    staged = pending.staged if pending else None
    return staged.destinations if staged and staged.account_id else ()


def unsettled(pending: Pending | None) -> tuple[str, ...]:
    """What a person is told of an exchange whose answer was lost, if there was one."""
    if pending is None or pending.attempted_at is None or pending.staged:
        return ()
    note = f"An exchange of {iso(pending.attempted_at)} may have issued a token that was lost. If "
    note += "there is an authorization of that time, remove it as the account that approved it: "
    return (note + pending.server.authorized_applications,)


@contextmanager
def half_way(case: Case) -> Iterator[None]:
    """Once something was changed, “failed” is “stopped half-way”; with a token staged, so is
    “wrong input”, since the token waits for it to be mended.
    """
    try:
        yield
    except ProvisionerError as error:
        pending = case.journal.pending
        staged = pending is not None and pending.staged is not None
        if staged and not isinstance(error, OvertakenError):
            error.todo += " The new token is kept in the journal: complete then needs no code."
        stopped = {Exit.FAILED, Exit.INPUT} if staged else {Exit.FAILED}
        if case.changed and error.exit_code in stopped:
            raise HalfWayError(
                error.ident, error.what, why=error.why, todo=error.todo, link=error.link
            ) from None
        raise


def iso(seconds: int | None) -> str:
    """Epoch seconds as ISO 8601 in UTC; “never” for None."""
    if seconds is None:
        return "never"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
