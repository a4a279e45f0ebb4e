"""What every verb starts with: the collaborators, the repository and its journal."""

import base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from provisioner.discovery import Server, discover
from provisioner.errors import Exit, HalfWayError, InputError, ProvisionerError
from provisioner.github import GitHub, Repository
from provisioner.http import Http
from provisioner.inputs import Inputs
from provisioner.journal import Journal, JournalStore
from provisioner.secret import Secret


class Tell(Protocol):
    """Who is told of the progress, a line per step."""

    def done(self, text: str) -> None:
        """A step is done."""

    def warn(self, text: str) -> None:
        """Something that the person should know, and that does not stop the run."""


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


@dataclass
class Case:
    """A repository with its journal: what is stored there, and what this run makes of it."""

    repository: Repository
    store: JournalStore
    journal: Journal
    changed: bool = False
    """Whether this run may have changed anything yet."""

    def save(self, **changes: object) -> None:
        """Write the journal with these fields changed; returns once that is certain."""
        self.changed = True
        self.journal = self.store.write(self.journal.model_copy(update=changes))

    def secrets_written(self) -> set[str]:
        """Names of the secrets that credentials in the journal were written to."""
        return {
            place.name
            for credential in self.journal.credentials()
            for place in credential.destinations
            if place.kind == "secrets" and place.repository == self.repository.name
        }

    def look_for(self, names: Iterable[str]) -> dict[str, bool]:
        """Which of these secrets exist, for those that are not ours."""
        ours = self.secrets_written()
        return {name: self.repository.has_secret(name) for name in names if name not in ours}

    def ensure_key(self, desk: Desk) -> None:
        """Before the very first write, put the journal's key into its secret.

        That proves that secrets can be written, before anybody is asked to approve anything.
        """
        if self.journal.generation > 0:
            return
        made = not self.store.key
        if made:
            self.store.key = Secret(base64.b64encode(desk.entropy(32)).decode())
        self.changed = True
        self.repository.put_secret(self.store.key_name, self.store.key)
        verb = "Made" if made else "Stored"
        desk.tell.done(f"{verb} the journal's key: secret {self.store.key_name}")


def open_case(desk: Desk) -> Case:
    """Find the repository and read its journal, live; an empty one where there is none yet.

    Raises InputError where the journal can't be opened.
    """
    inputs = desk.inputs
    repository = desk.github.repository(inputs.repository)
    store = JournalStore(repository, inputs.journal, inputs.journal_key, desk.http.sleep)
    journal = store.read()
    found = f"read its journal (generation {journal.generation})" if journal else "found no journal"
    desk.tell.done(f"Opened {repository.name} and {found}")
    empty = Journal(repository_id=repository.id, account=str(inputs.account))
    return Case(repository, store, journal or empty)


def find_server(desk: Desk) -> Server:
    """Discover the account's instance."""
    server = discover(desk.http, desk.inputs.account, desk.inputs.instance)
    desk.tell.done(f"Found the instance of {desk.inputs.account}: {server.origin}")
    return server


def require_own(journal: Journal, inputs: Inputs, origin: str) -> None:
    """Refuse the journal of another account or, where `origin` names one, of another instance."""
    if journal.account.casefold() != str(inputs.account).casefold():
        raise InputError(
            "journal-other-account",
            f"The journal {inputs.journal} belongs to {journal.account}, not to {inputs.account}.",
            why="A journal remembers one bot, so that no token is mixed up with another's.",
            todo="Correct --account, or give this bot a journal of its own, for example "
            f"--journal {inputs.journal}_2.",
        )
    if origin and origin != journal.origin:
        raise InputError(
            "journal-other-instance",
            f"The journal belongs to {journal.origin}, not to {origin}.",
            why="A credential is replaced at the instance that issued it.",
            todo="Leave --instance out. If the account moved to another server, give it a journal "
            "of its own with --journal.",
        )


@contextmanager
def half_way(case: Case) -> Iterator[None]:
    """Once something was changed, a plain failure is “stopped half-way”."""
    try:
        yield
    except ProvisionerError as error:
        if error.exit_code is not Exit.FAILED or not case.changed:
            raise
        raise HalfWayError(
            error.ident,
            error.what,
            why=error.why,
            todo=error.todo or "Run this again: it goes on from here.",
            link=error.link,
        ) from None


def iso(seconds: int | None) -> str:
    """Epoch seconds as ISO 8601 in UTC; “never” for None."""
    if seconds is None:
        return "never"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
