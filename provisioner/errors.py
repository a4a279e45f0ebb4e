"""What can go wrong, in a form that a person can act on.

Every error that reaches a user is a `ProvisionerError`: what happened, the likely cause, and what
to do next. It is raised where it is understood, never changed afterwards, and rendered once. No
text in here may hold a secret; text that a server wrote passes `plain()` first.
"""

import re
from typing import TypeVar

from provisioner.report import Exit, Next, Open, Run

Kind = TypeVar("Kind", bound="ProvisionerError")


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


def plain(text: str, limit: int = 200) -> str:
    """Untrusted text made fit to print: one line, printable characters only, cut to `limit`.

    It stands in “quotation marks” of ours, and so has none of them itself.
    """
    printable = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(re.sub("[“”]", '"', printable).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
