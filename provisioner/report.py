"""What a run says in the end: a `Report`, or a `ProvisionerError`. Pure.

Every surface renders either, and adds no fact. What a person should do next is data (`Next`): the
terminal words it as a command to paste, a workflow as a button to press. An error is raised where
it is understood, and never changed afterwards. No text may hold a secret; text that a server wrote
passes `plain()` first.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Literal, Protocol, TypeVar

import msgspec

from provisioner.secret import Secret

Kind = TypeVar("Kind", bound="ProvisionerError")


class Exit(IntEnum):
    """The exit codes: a closed table, documented in the README."""

    DONE = 0
    FAILED = 1
    INPUT = 2
    INCOMPLETE = 3
    ACTION_REQUIRED = 4
    BUG = 70
    SIGINT = 130
    SIGTERM = 143


class Open(msgspec.Struct, frozen=True):
    """Open a page in a browser."""

    url: str
    as_account: str = ""
    """Sign in as this account; "" where nobody needs to, or nobody knows."""
    then: str = ""
    """What to do there, as a verb phrase: “press Authorize”."""

    @property
    def purpose(self) -> str:
        """As whom it is opened and what for: the end of a sentence."""
        who = f", sign in as {self.as_account}" if self.as_account else ""
        then = f"{',' if who else ''} and {self.then}" if self.then else ""
        return who + then


class Run(msgspec.Struct, frozen=True):
    """Run a command of this tool; "again" is the one that was just run."""

    command: str
    code: bool = False
    """With a new one-time code."""
    rotate: bool = False
    """To replace a token that is in use."""
    options: tuple["Set", ...] = ()
    text: str = ""
    """What to post."""
    when: str = ""
    """“in 10 minutes”; "" for now."""


class Set(msgspec.Struct, frozen=True):
    """Give an input, named as in the reference: `app-name`."""

    name: str
    value: str = ""
    """An example; "" where the text says enough."""


Step = Open | Run | Set | str
"""One step for a person; a string is a sentence that is true on every surface."""
Next = tuple[Step, ...]

Verdict = Literal["good", "unclear", "soon", "bad", "planned"]
"""“unclear” needs nobody, “soon” needs a person some day, “bad” needs one now; “planned” is what a
dry run would do."""


class Item(msgspec.Struct, frozen=True):
    """What a run found, did or left behind."""

    verdict: Verdict
    text: str
    next: Next = ()


class Report(msgspec.Struct, frozen=True):
    """How a run ended well.

    `outputs` are the action's outputs and fields of `--json`; `facts` are fields of `--json` alone.
    Neither ever holds a token.
    """

    status: str
    headline: str
    exit_code: Exit = Exit.DONE
    items: Sequence[Item] = ()
    link: str = ""
    """The authorization URL, or another page to open."""
    next: Next = ()
    table: Mapping[str, str] = {}
    """Facts for people: label and value."""
    snippet: str = ""
    """YAML to paste into a workflow."""
    outputs: Mapping[str, str] = {}
    facts: Mapping[str, object] = {}
    revealed: Mapping[str, Secret] = {}
    """Label and secret, for a person at a terminal who asked: in no JSON and no summary."""


class Reporter(Protocol):
    """Who is told of the progress: a terminal, or the log of a workflow. Nothing in it raises."""

    def done(self, text: str) -> None:
        """A step is done."""

    def warn(self, item: Item) -> None:
        """Something that a person should know at once; if the report has it too, it shows once."""

    def explain(self, text: str) -> None:
        """Why something was chosen, for those who ask (`--verbose`)."""

    def mask(self, secret: Secret) -> None:
        """A secret came into being, or was read: it is never to be shown."""

    def waiting(self, host: str, seconds: float) -> None:
        """A pause before a request is repeated."""


class ProvisionerError(Exception):
    """An error for a person: nothing was changed.

    `code` is its stable name, for scripts and for the reference; `what` happened and `why` (the
    likely cause) are sentences; `next` is what to do.
    """

    exit_code = Exit.FAILED

    def __init__(
        self,
        code: str,
        what: str,
        *,
        why: str = "",
        next: Next = (),  # noqa: A002 - as everywhere, what to do next
    ) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.why = why
        self.next = next

    def as_kind(
        self,
        kind: type[Kind],
        *,
        why: str = "",
        next: Next = (),  # noqa: A002
    ) -> Kind:
        """A new error of another class about the same event; what is not given stays as it is."""
        return kind(self.code, self.what, why=why or self.why, next=next or self.next)

    @property
    def link(self) -> str:
        """The first page to open; "" where there is none."""
        return next((step.url for step in self.next if isinstance(step, Open)), "")


class InputError(ProvisionerError):
    """The input is wrong: nothing was changed, and the same input will fail again."""

    exit_code = Exit.INPUT


class IncompleteError(ProvisionerError):
    """The run stopped half-way; the journal knows where, and another run goes on from there."""

    exit_code = Exit.INCOMPLETE


class ActionRequiredError(ProvisionerError):
    """Only a person can go on: at the instance, in the browser or in GitHub's settings."""

    exit_code = Exit.ACTION_REQUIRED


class BugError(ProvisionerError):
    """Nobody foresaw it."""

    exit_code = Exit.BUG


class StoppedError(ProvisionerError):
    """SIGINT or SIGTERM arrived; `exit_code` says which."""

    def __init__(self, exit_code: Exit) -> None:
        super().__init__("interrupted", "Interrupted.", next=(Run("again"),))
        self.exit_code = exit_code


class TransportError(ProvisionerError):
    """No usable answer from a server."""


class NotSentError(TransportError):
    """The request never reached the server: it can't have acted on it."""


class NoAnswerError(TransportError):
    """The request was sent, but no whole answer came: the server may have acted on it."""


def besides(steps: Next, url: str) -> Next:
    """The steps apart from opening this page, where it is shown already."""
    return tuple(step for step in steps if not (isinstance(step, Open) and step.url == url))


def iso(seconds: int | None) -> str:
    """Epoch seconds as ISO 8601 in UTC, for JSON; “never” for None."""
    if seconds is None:
        return "never"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def when(seconds: int | None) -> str:
    """Epoch seconds for a person: “4 May 2026, 14:05 UTC”; “never” for None."""
    if seconds is None:
        return "never"
    return f"{datetime.fromtimestamp(seconds, UTC):%-d %B %Y, %H:%M} UTC"


def duration(seconds: float) -> str:
    """Seconds for a person, rounded up: “1 minute”, “10 minutes”, “3 hours”, “2 days”."""
    minutes = max(1, -int(-seconds // 60))
    units = ((1440, "day"), (60, "hour"), (1, "minute"))
    size, unit = next(one for one in units if minutes == one[0] or minutes >= 2 * one[0])
    number = -(-minutes // size)
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def plain(text: str, limit: int = 200) -> str:
    """Untrusted text made fit to print: one line, printable characters only, cut to `limit`.

    It stands in “quotation marks” of ours, and so has none of them itself.
    """
    printable = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(re.sub("[“”]", '"', printable).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
