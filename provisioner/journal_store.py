"""Where a repository keeps its journal: a variable, and the secret with its key.

GitHub knows no compare-and-swap and answers reads late: a read just after a write may return the
value before it, or 404, for a second or two (nexthink-oss/terraform-provider-github#12, #13). So a
value that this run read or wrote earlier is an old answer and not another run's, and is read again
for up to five seconds.
"""

import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

from provisioner.github.client import Repository
from provisioner.github.destinations import MAX_VALUE
from provisioner.journal import VERSION, Journal, parse_key, seal, unseal
from provisioner.report import (
    ActionRequiredError,
    IncompleteError,
    InputError,
    Next,
    Open,
    ProvisionerError,
    Run,
    Set,
    TransportError,
)
from provisioner.secret import Secret

RETRY_DELAYS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each try of a journal write, until the run gives up."""
LATE_READS = (0.5, 1.0, 1.5, 2.0)
"""Seconds between reads while GitHub may still answer with an old value: five in all."""
ROOM = 24 * 1024
"""Bytes of the variable that one more token takes at the most: its text and the application's may
have 4 KB each, and 50 scopes 64 characters."""
CLAIM = f"{VERSION}:claim:"
"""How the variable begins before its first journal: whoever created it makes the key."""


class UnconfirmedError(IncompleteError):
    """Whether the journal was written could not be settled."""


class OvertakenError(IncompleteError):
    """Another run wrote or deleted the journal since this one read it."""


@dataclass
class JournalStore:
    """The variable `name` of a repository, and the secret `<name>_KEY`."""

    repository: Repository
    name: str
    key: Secret
    """Empty before the very first run."""
    sleep: Callable[[float], None]
    in_workflow: bool = False
    """Whether a workflow hands in the key: it decides what a person is told to do."""
    replaced: str | None = None
    """The journal that can't be opened, in whose place this run begins anew."""
    _latest: str | None = None
    """The variable as this run read or wrote it last."""
    _earlier: set[str | None] = field(default_factory=set)
    """What this run read or wrote before that, and is not the latest again."""
    _rewritten: bool = False

    @property
    def key_name(self) -> str:
        return f"{self.name}_KEY"

    @property
    def is_present(self) -> bool:
        """Whether the variable exists, with a journal or a claim."""
        return self._latest is not None

    @property
    def is_claimed(self) -> bool:
        """Whether a first run created the variable, and has not written a journal yet."""
        return (self._latest or "").startswith(CLAIM)

    @property
    def exists(self) -> bool:
        """Whether there is a journal; a claim is none."""
        return self._latest != self.replaced and not self.is_claimed

    @property
    def key_is_stored(self) -> bool:
        """Whether a secret of the key's name exists: whether it is a key can't be read."""
        return self.key_name in self.repository.secret_names

    def read(self) -> None:
        self._note(self.repository.variable(self.name))

    def open(self) -> Journal | None:
        """The journal as it was read; None where there is none yet. Raises InputError where the key
        or the repository is another, ActionRequiredError where it is damaged or newer.
        """
        key = parse_key(self.key) if self.key else b""
        if self._latest is None or (self.is_claimed and (key or not self.key_is_stored)):
            return None
        if not key:
            raise self._key_missing()
        journal = unseal(self._latest, key)
        if journal.repository_id != self.repository.id:
            raise InputError(
                "journal-foreign",
                f"The journal in {self.repository.name} belongs to another repository.",
                why="The variable was copied from there, or the repository was made from it anew.",
                next=(f"Delete the variable {self.name} here.", Run("begin")),
            )
        return journal

    def give_up(self) -> None:
        """Begin anew in the place of a journal that can't be opened."""
        self.replaced = self._latest

    def reread(self) -> Journal | None:
        """Read again until the value changes, for up to five seconds; the journal as it is then.

        For a journal that says that an exchange was attempted: the write that staged its token may
        not be visible yet.
        """
        self._note(self._read_unless({None, self._latest}) or self._latest)
        return self.open()

    def look(self) -> None:
        """Read the variable again. Raises OvertakenError where another run wrote or deleted it."""
        value = self._read_unless(self._earlier)
        if value == self._latest:
            return
        if value is None:
            raise self._deleted()
        if value not in self._earlier or self._latest is None or self._rewritten:
            raise _overtaken()
        # An own earlier write arrived after the latest one.
        self._rewritten = True
        self._write(self._latest)

    def _read_unless(self, late: Collection[str | None]) -> str | None:
        """The variable's value; one of `late` is read again, for up to five seconds."""
        value = self.repository.variable(self.name)
        for pause in LATE_READS:
            if value not in late:
                break
            self.sleep(pause)
            value = self.repository.variable(self.name)
        return value

    def save(self, journal: Journal, room: int = 0) -> None:
        """Seal and write the journal; returns only once it is certain that it is stored.

        So many bytes of `room` must be left. Only the value that this run knows is overwritten, as
        far as that can be seen: the caller looks first, or has just read or written it. Raises
        OvertakenError, UnconfirmedError where an answer can't be settled in time,
        ActionRequiredError where the journal is too large, and GitHub's definite refusals.
        """
        value = seal(journal, parse_key(self.key))
        if len(value) > MAX_VALUE - room:
            raise self._full(journal)
        self._write(value)

    def claim(self) -> None:
        """Create the variable: only one of two first runs can. Raises as `save`."""
        self._write(CLAIM + secrets.token_hex(8))

    def require_no_key(self) -> None:
        """Raise InputError where a key that is made now would overwrite a secret."""
        if self.key_is_stored and self.replaced is None:
            raise InputError(
                "journal-key-exists",
                f"{self.repository.name} has a secret {self.key_name}, but no journal {self.name}.",
                why="Nobody can read whether that secret is the key of a journal that was deleted, "
                "or belongs to something else. It was not overwritten.",
                next=(
                    "If it belongs to something else, give the journal another name:",
                    Set("journal", "OTHER_JOURNAL"),
                    f"Otherwise delete the secret {self.key_name}.",
                    Run("again"),
                ),
            )

    def take_back_claim(self) -> None:
        """Undo this run's claim, unless it was taken over; what fails is left to the next run."""
        with suppress(ProvisionerError):
            self.look()
            if self.replaced is None:
                self.repository.delete("variables", self.name)
            else:
                self.repository.write_variable(self.name, self.replaced, create=False)

    def _write(self, value: str) -> None:
        """Write; after a lost answer, read back before each new try, and after the last."""
        tried = False
        for pause in (*RETRY_DELAYS, None):
            if pause is not None:
                self.sleep(pause)
            try:
                landed = tried and self._has_landed(value)
                if not landed and pause is not None:  # False where another run was first
                    create = self._latest is None
                    landed = self.repository.write_variable(self.name, value, create=create)
                if landed:
                    self._note(value)
                    return
            except OvertakenError:
                raise
            except TransportError:
                pass
            except ProvisionerError:
                if not tried:  # else an earlier try may have landed
                    raise
            tried = True
        raise UnconfirmedError(
            "journal-unconfirmed",
            f"GitHub did not confirm that the journal ({self.name}) was written.",
            why="Its answers were lost or errors, for longer than a run can wait.",
            next=(Open("https://www.githubstatus.com"), Run("again")),
        )

    def _has_landed(self, value: str) -> bool:
        """Whether a write whose answer was lost is there. Raises OvertakenError."""
        stored = self._read_unless({None} - {self._latest})
        if stored == value:
            return True
        if stored is None and self._latest is not None:
            raise self._deleted()
        if stored not in {self._latest, *self._earlier}:
            raise _overtaken()
        return False

    def _note(self, value: str | None) -> None:
        self._earlier = (self._earlier | {self._latest}) - {value}
        self._latest = value

    def _deleted(self) -> OvertakenError:
        self.repository.require_readable("variables")  # else a 404 does not mean absent
        return OvertakenError(
            "journal-deleted",
            f"The journal ({self.name}) was deleted since this run read it.",
            why="Another run took the bot off (deprovision), or somebody deleted the variable.",
            next=(
                "If the bot is gone for good, remove its application and its secrets by hand.",
                "If it is to go on:",
                Run("begin"),
            ),
        )

    def _full(self, journal: Journal) -> ActionRequiredError:
        one = journal.pending or journal.credentials()[0]
        return ActionRequiredError(
            "journal-full",
            f"The journal ({self.name}) has no room for another token.",
            why=f"It remembers {len(journal.superseded)} replaced tokens, each until it is "
            "revoked.",
            next=(
                "End the grace of the replaced tokens, which revokes them:",
                Run("check", options=(Set("grace", "0"),)),
                Run("again"),
                "Only if the journal is full even then:",
                Open(
                    one.instance.applications_page(),
                    journal.account,
                    "remove the bot's old authorizations",
                ),
                f"Delete the variable {self.name}.",
                Run("begin"),
            ),
        )

    def _key_missing(self) -> InputError:
        if not self.key_is_stored:
            why = f"The secret {self.key_name} does not exist, and no key was handed in."
            lost = f"If it is lost, delete the variable {self.name}, and begin again."
            steps: Next = (
                "Hand in the key that you made before you began.",
                Set("journal-key"),
                lost,
            )
        elif self.in_workflow:
            why = (
                "`journal-key` is missing under `with:`, or the run was queued before the secret "
                f"{self.key_name} existed. Nothing is lost."
            )
            steps = (Set("journal-key", f"${{{{ secrets.{self.key_name} }}}}"), Run("again"))
        else:
            why = (
                f"The key is in the secret {self.key_name}, which only workflows can read. "
                "Nothing is lost."
            )
            steps = (
                "Go on in the repository's workflow, or on the computer where you began.",
                Set("journal-key"),
            )
        return InputError(
            "journal-key-missing",
            f"{self.repository.name} has a journal ({self.name}), but this run has no key for it.",
            why=why,
            next=steps,
        )


def _overtaken() -> OvertakenError:
    return OvertakenError(
        "overtaken",
        "Another run wrote the journal since this one read it.",
        why="Two runs for the same bot were started, and this one was slower.",
        next=("Let the other run finish.", Run("again")),
    )
