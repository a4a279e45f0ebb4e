"""Where a repository keeps its journal: a variable, and the secret with its key."""

from collections.abc import Callable
from dataclasses import dataclass, field

from provisioner.destinations import LARGEST_VALUE, check_size, where_to_delete
from provisioner.errors import (
    HalfWayError,
    InputError,
    PersonNeededError,
    ProvisionerError,
    TransportError,
)
from provisioner.github import Repository
from provisioner.journal import DamagedError, Journal, parse_key, seal, unseal
from provisioner.secret import Secret

PATIENCE = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each try of a journal write, until the run gives up."""


class UnconfirmedError(HalfWayError):
    """Whether the journal was written could not be settled."""


class OvertakenError(HalfWayError):
    """Another run wrote the journal since this one read it."""


class DeletedError(OvertakenError):
    """The journal that this run knew is gone: it is not made anew."""


@dataclass
class JournalStore:
    """The variable `name` of a repository, and the secret `<name>_KEY`."""

    repository: Repository
    name: str
    key: Secret
    """Empty before the very first run."""
    sleep: Callable[[float], None]
    in_workflow: bool = False
    """Whether a workflow hands in the key: what is to be done where it does not."""
    _stored: str | None = field(default=None, repr=False)
    """The variable as this run knows it."""

    @property
    def key_name(self) -> str:
        """The name of the secret that holds the key."""
        return f"{self.name}_KEY"

    def read(self) -> Journal | None:
        """The journal as it is now; None where there is none yet.

        Raises InputError where it can't be opened with this key or is another repository's, and
        PersonNeededError where it is damaged or newer.
        """
        key = parse_key(self.key.reveal()) if self.key else b""
        self._stored = self.repository.variable(self.name)
        if self._stored is None:
            return None
        if not key:
            raise _key_missing(self)
        journal = unseal(self._stored, key)
        if journal.repository_id != self.repository.id:
            raise InputError(
                "journal-foreign",
                f"The journal in {self.repository.name} belongs to another repository.",
                why="The variable was copied from there, or the repository was made from it anew.",
                todo=f"Delete the variable {self.name} here, and begin.",
            )
        return journal

    def require_unchanged(self) -> None:
        """Read the variable again. Raises OvertakenError where another run wrote or deleted it.

        Where it was garbled on its way it is written once more: the caller's journal is at stake.
        """
        known = self._stored
        if known is None:
            if self.repository.variable(self.name) is not None:
                raise _overtaken()
        elif not self._holds(known):
            self._write(known)

    def require_room(self, journal: Journal) -> None:
        """Raise PersonNeededError where a journal would be larger than a variable may be."""
        if len(seal(journal, parse_key(self.key.reveal()))) > LARGEST_VALUE:
            raise PersonNeededError(
                "journal-full",
                f"The journal ({self.name}) has no room for another token.",
                why=f"It remembers {len(journal.superseded)} replaced tokens, each until it is "
                "revoked.",
                todo="Remove the bot's old authorizations at its instance, delete the variable, "
                "and begin again.",
                link=journal.credentials()[0].server.authorized_applications,
            )

    def write(self, journal: Journal, *, at_once: bool = False) -> Journal:
        """Seal and write; returns only once it is certain that the journal is stored.

        The variable is read before each try: that shows whether another run wrote it since, and
        settles an answer that was lost. With `at_once` the first try goes without: where a token
        was just issued, no request may come between. Raises OvertakenError, DeletedError among
        them; UnconfirmedError where an answer can't be settled in time; GitHub's definite refusals.
        """
        journal = journal.model_copy(update={"generation": journal.generation + 1})
        value = seal(journal, parse_key(self.key.reveal()))
        check_size(self.name, value)
        self._write(value, at_once=at_once)
        return journal

    def _write(self, value: str, *, at_once: bool = False) -> None:
        unsettled = False
        for pause in PATIENCE:
            self.sleep(pause)
            try:
                written = (not at_once and self._holds(value)) or self._put(value)
            except TransportError:
                unsettled = True
                written = self._landed(value)
            except ProvisionerError:
                if not unsettled:  # else an earlier try may have landed
                    raise
                written = self._landed(value)
            if written:
                self._stored = value
                return
            at_once = False
        raise UnconfirmedError(
            "journal-unconfirmed",
            f"GitHub did not confirm that the journal ({self.name}) was written.",
            why="Its answers were lost or errors, for longer than a run can wait.",
            todo="Run this again when GitHub is well: see https://www.githubstatus.com.",
        )

    def _holds(self, value: str) -> bool:
        """Whether the variable holds the value.

        One that our own key does not open is no other run's: ours was garbled on its way. One that
        we knew and that is gone was deleted, as the last act of an offboarding or by hand: a run
        under way does not bring the bot back.
        """
        stored = self.repository.variable(self.name)
        if stored is None and self._stored is not None:
            self.repository.require_readable("variables")
            raise _deleted(self)
        if stored not in {None, value, self._stored} and not self._is_garbled(stored):
            raise _overtaken()
        self._stored = stored
        return stored == value

    def _is_garbled(self, stored: str | None) -> bool:
        try:
            unseal(stored or "", parse_key(self.key.reveal()))
        except DamagedError:
            return True
        except ProvisionerError:
            return False
        return False

    def _landed(self, value: str) -> bool:
        """Whether the write landed all the same; False where that can't be seen."""
        try:
            return self._holds(value)
        except OvertakenError:
            raise
        except ProvisionerError:
            return False

    def _put(self, value: str) -> bool:
        """Write once; False where another run created or deleted the variable at this moment."""
        if self._stored is None:
            return self.repository.create_variable(self.name, value, repeat=False)
        return self.repository.update_variable(self.name, value, repeat=False)


def _overtaken() -> OvertakenError:
    return OvertakenError(
        "overtaken",
        "Another run wrote the journal since this one read it.",
        why="Two runs for the same bot were started, and this one was slower.",
        todo="Let the other one finish, then run this again.",
    )


def _deleted(store: JournalStore) -> DeletedError:
    return DeletedError(
        "journal-deleted",
        f"The journal ({store.name}) was deleted since this run read it.",
        why="Another run took the bot off (deprovision), or somebody deleted the variable.",
        todo="If the bot is to go on, begin again.",
    )


def _key_missing(store: JournalStore) -> InputError:
    if store.in_workflow:
        why = "`journal-key` is missing under `with:`, the secret was deleted, or the run was "
        why += "queued before the secret existed."
        todo = f"Hand in ${{{{ secrets.{store.key_name} }}}} and start a new run. If that secret "
        todo += f"was deleted, delete the variable {store.name} too, and begin again."
    else:
        where = where_to_delete("variables", store.name, store.repository.name)
        why = "MASTODON_JOURNAL_KEY is not set in this shell."
        todo = "Set it to the key that you made before you began. If the tool made one, only "
        todo += f"workflows can read it, out of the secret {store.key_name}: go on in one, or "
        todo += f"delete the variable {store.name} {where} and begin again with a key of your own."
    return InputError(
        "journal-key-missing",
        f"The repository has a journal ({store.name}), but no key for it was handed in.",
        why=why,
        todo=todo,
    )
