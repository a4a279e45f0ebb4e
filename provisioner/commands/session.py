"""What every command starts with: the collaborators of one run, the repository and its journal."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from provisioner.config import Config
from provisioner.github.client import GitHub, Repository
from provisioner.github.destinations import Destination, Mapping, names
from provisioner.http import Gather, Http
from provisioner.inputs import HERE, INPUTS_OF
from provisioner.journal import UNKNOWN, Credential, Journal, Pending
from provisioner.journal_store import JournalStore
from provisioner.key_file import KeyFile, open_journal
from provisioner.parsing import parse_account
from provisioner.report import (
    ActionRequiredError,
    Exit,
    IncompleteError,
    InputError,
    Item,
    Next,
    Open,
    ProvisionerError,
    Report,
    Reporter,
    Run,
    Set,
    Step,
)
from provisioner.secret import Secret
from provisioner.urls import host_of, origin_of


@dataclass
class Session:
    """One run: its inputs and collaborators, and the repository with its journal.

    `clock` gives epoch seconds; `entropy` gives that many random bytes; `gather` overlaps reads.
    """

    config: Config
    http: Http
    github: GitHub
    reporter: Reporter
    clock: Callable[[], float]
    entropy: Callable[[int], bytes]
    gather: Gather
    key_folder: Path | None = None
    """Where this machine keeps the journals' keys; None where the secret alone keeps them."""
    key_file: KeyFile | None = None
    """This journal's, once the repository's number is known."""
    changed: bool = False
    """Whether this run may have changed anything."""
    is_read: bool = False
    """Whether the journal was just read to choose a command, which then need not read it again."""
    variables: dict[str, str | None] = field(default_factory=dict)
    """Variables' values as this run read them; None for those that do not exist."""
    subject: str = ""
    """What WebFinger calls the account, where that is another name."""
    noted: list[Item] = field(default_factory=list)
    journal: Journal = field(init=False)
    """As this run read or wrote it last."""
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        config = self.config
        self.repository = Repository(self.github, config.repository)
        self.store = JournalStore(
            self.repository, config.journal, config.journal_key, self.http.sleep, config.in_workflow
        )

    def now(self) -> int:
        """Epoch seconds."""
        return int(self.clock())

    def done(self, text: str) -> None:
        """Tell of a step; once, even if it is repeated after a person was asked for the code."""
        if text not in self._told:
            self._told.add(text)
            self.reporter.done(text)

    def warn(self, text: str, *steps: Step) -> None:
        """Tell a person at once, and in the report; once, even if it is found twice."""
        item = Item("soon", text, steps)
        if item not in self.noted:
            self.noted.append(item)
            self.reporter.warn(item)

    def mask(self, secret: Secret) -> None:
        self.http.remember(secret)
        self.reporter.mask(secret)

    def read(self, *more: Callable[[], object]) -> None:
        """Read the repository and its journal, live, and call `more` at the same time.

        Raises InputError or ActionRequiredError where either can't be used.
        """
        if self.is_read:
            self.is_read = False
            self.gather(more)
            return
        self.read_repository(self.store.read, *more)
        if self.key_folder:
            host = host_of(origin_of(self.config.api_url))
            name = f"{host}_{self.repository.id}_{self.store.name}.key"
            self.key_file = KeyFile(self.key_folder / name)
            journal = open_journal(self.store, self.key_file, start_over=self.config.start_over)
        else:
            journal = self.store.open()
        if journal and journal.pending and journal.pending.attempts:
            # GitHub may answer late: the token of that exchange may be staged by now.
            journal = self.store.reread()
        if self.config.account is None:  # then the journal names it, or nothing does
            if journal is None:
                raise InputError(
                    "bad-account",
                    "No account was given.",
                    why=f"{self.repository.name} has no journal {self.store.name} that names one: "
                    "nothing is provisioned yet.",
                    next=(
                        "To provision a bot:",
                        Run("setup"),
                        "Or name its journal:",
                        Set("journal"),
                    ),
                )
            self.config = replace(self.config, account=parse_account(journal.account))
        self.journal = journal or Journal(self.repository.id, str(self.config.account))
        for secret in self.journal.secrets():
            self.mask(secret)
        if self.journal.deprovisioning and self.config.command != "deprovision":
            raise ActionRequiredError(
                "deprovisioning",
                f"{self.journal.account} is being taken off {self.repository.name}.",
                next=(Run("deprovision"),),
            )
        found = f"read its journal ({self.store.name})" if journal else "found no journal"
        self.done(f"Opened {self.repository.name} and {found}")

    def look_again(self) -> None:
        """Look at what a person's time may have changed; `read` then reads only what is missing.

        Raises OvertakenError where another run wrote the journal.
        """
        self.gather((self.store.look, self.repository.read_secret_names))
        self.is_read = True

    def read_repository(self, *more: Callable[[], object]) -> None:
        """Read whose repository it is and which secrets it has, and call `more` meanwhile."""
        repository = self.repository
        opened, *_ = self.gather((repository.open, repository.read_secret_names, *more))
        repository.id, repository.name = cast("tuple[int, str]", opened)

    def reads_for_writing(self) -> list[Callable[[], object]]:
        """What is read before something is written: the public key, the variables' values."""
        sealing_key = [self.repository.read_sealing_key] if self.config.secrets else []
        return [*sealing_key, *self.reads_of_variables()]

    def reads_of_variables(self) -> list[Callable[[], object]]:
        return [partial(self._read_variable, one.name) for one in self.config.variables]

    def _read_variable(self, name: str) -> None:
        self.variables[name] = self.repository.variable(name)

    def save(self, *, room: int = 0, **changes: Any) -> None:
        """Write the journal with these fields changed; returns once that is certain.

        The journal was looked at, read or written with the request before this one.
        """
        self.changed = True
        journal = self.journal.replace(**changes)
        self.store.save(journal, room)
        self.journal = journal

    def update(self, **changes: Any) -> None:
        """Look whether the journal is still as this run knows it, and write it."""
        self.store.look()
        self.save(**changes)

    def destination(self, mapping: Mapping) -> Destination:
        return Destination(self.repository.scope, mapping.kind, mapping.name)

    @property
    def destinations(self) -> tuple[Destination, ...]:
        return tuple(map(self.destination, self.config.mappings))

    def may_exist(self, destination: Destination) -> bool:
        """Whether something may stand there: what this run did not find is gone.

        What it did not look for, such as another scope's secrets, may exist.
        """
        if destination.scope != self.repository.scope:
            return True
        if destination.is_secret:
            return destination.name in self.repository.secret_names
        return self.variables.get(destination.name, "") is not None

    def unmanaged(self, mappings: Iterable[Mapping]) -> tuple[Destination, ...]:
        """Which of the secrets to be written exist, and may hold something that is not ours."""
        places = (self.destination(mapping) for mapping in mappings if mapping.kind == "secrets")
        return tuple(one for one in places if UNKNOWN in self.contents(one))

    def contents(self, destination: Destination) -> frozenset[str]:
        """What may stand there now: nothing where it does not exist."""
        if not self.may_exist(destination):
            return frozenset()
        return self.journal.at(destination) or frozenset({UNKNOWN})


def require_nothing_staged(session: Session) -> None:
    """Refuse to do anything else while a token waits to be finished. Raises IncompleteError."""
    if session.journal.staged:
        raise IncompleteError(
            "already-staged",
            "A new token is waiting in the journal, from a run that stopped half-way.",
            next=(*same_names(session), Run("complete")),
        )


def require_current(session: Session) -> Credential:
    """The credential in use. Raises ActionRequiredError where nothing is provisioned yet."""
    pending, current = session.journal.pending, session.journal.current
    if current is None:
        raise ActionRequiredError(
            "nothing-provisioned",
            "Nothing is provisioned yet.",
            next=approve(session, pending) if pending else (Run("begin"),),
        )
    return current


def approve(session: Session, pending: Pending) -> Next:
    """How to go on with a link that waits for its approval."""
    if session.config.command in HERE:  # each opens the link again
        return (Run("again"),)
    press = f"press {pending.instance.profile.approve_button}"
    opened = Open(pending.link, approver(session, pending), press)
    return (opened, *same_names(session), Run("complete", code=True))


def approver(session: Session, pending: Pending) -> str:
    """Whose approval is wanted: the account by the name that its instance gives it."""
    return pending.subject or str(session.config.handle)


def begin_anew(session: Session) -> Run:
    """How to get another link: where a token is in use, a workflow begins only by *rotate*."""
    return Run("begin", rotate=session.journal.current is not None)


def rotate(session: Session, *options: Set) -> Next:
    """How to get a new token in place of the one in use."""
    return (*same_names(session), Run("begin", rotate=True, options=options))


def same_names(session: Session) -> tuple[str, ...]:
    """That the names to be written are to be given again, where this command can't repeat them.

    By the default names alone, another bot's secret might be overwritten.
    """
    current, config = session.journal.current, session.config
    if config.in_workflow or any(one.name == "secrets" for one in INPUTS_OF[config.command]):
        return ()
    same = "Name the same secrets and variables as before"
    if current is None:
        return (f"{same}, if you named any.",)
    places = session.journal.may_hold(current)
    return () if set(session.destinations).issuperset(places) else (f"{same}: {names(places)}.",)


def require_own(session: Session, origin: str) -> None:
    """Refuse the journal of another account or, where `origin` names one, of another instance."""
    journal, config = session.journal, session.config
    if journal.account.casefold() != str(config.handle).casefold():
        raise InputError(
            "journal-other-account",
            f"The journal {config.journal} belongs to {journal.account}, not to {config.handle}.",
            next=(
                "Correct the account; or give this bot a journal and names of its own.",
                Set("journal", "OTHER_JOURNAL"),
                Set("secrets", "OTHER_TOKEN=access_token"),
                Set("variables", "OTHER_URL=base_url"),
            ),
        )
    if origin and journal.origin and origin != journal.origin:
        raise InputError(
            "journal-other-instance",
            f"The journal belongs to {journal.origin}, not to {origin}.",
            next=(
                "Leave the instance out. If the account moved, give it a journal of its own.",
                Set("journal", "OTHER_JOURNAL"),
            ),
        )


def would_write(session: Session) -> Iterator[str]:
    """The steps of a dry run from the exchange on."""
    yield f"check that the token belongs to {session.config.handle}"
    yield from (f"write {place}" for place in session.destinations)


def dry_run(session: Session, would: tuple[str, ...]) -> Report:
    """Everything was checked that can be without changing anything; what would come next."""
    return Report(
        "dry-run",
        "Nothing was changed. A real run would now:",
        items=(*session.noted, *(Item("planned", step) for step in would)),
        outputs={"account": str(session.config.handle)},
        facts={"would": would},
    )


@contextmanager
def incomplete_on_error(session: Session, *, completes: bool = False) -> Iterator[None]:
    """Once something was changed, “failed” is “incomplete”.

    Where the run `completes` an authorization and its token is staged, so is “wrong input”: the
    token waits for it to be corrected, and a person is told that it waits.
    """
    try:
        yield
    except ProvisionerError as error:
        staged, again = session.journal.staged if completes else None, Run("complete")
        stopped = {Exit.FAILED, Exit.INPUT} if staged else {Exit.FAILED}
        incomplete = (session.changed or staged) and error.exit_code in stopped
        if not incomplete and not (staged and error.exit_code is Exit.ACTION_REQUIRED):
            raise
        steps = error.next
        if staged and again not in steps:
            kept = "The new token is kept in the journal: complete then needs no code."
            steps = (*steps, kept, again)
        kind = IncompleteError if incomplete else ActionRequiredError
        raise error.as_kind(kind, next=steps) from None
