"""What can go wrong, in a form that a person can act on.

Every error that reaches a user is a `ProvisionerError`: what happened, the likely cause, what to do
next, and a link where one helps. It is raised where it is understood and rendered once, by the
command line. No text in here may hold a secret; text that a server wrote passes `plain()` first.

    ProvisionerError          exit code 1: failed, nothing changed
    ├── InputError            2: the input is wrong
    ├── HalfWayError          3: stopped half-way, run it again
    ├── PersonNeededError     4: a person is needed
    ├── BugError              70: nobody foresaw it
    ├── StoppedError          130, 143: a signal arrived
    └── TransportError        1: no usable answer from a server
        ├── NotSentError         the request never reached it
        └── NoAnswerError        it may have acted on the request
"""

import re
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes: a closed table, documented in the README."""

    DONE = 0
    FAILED = 1
    INPUT = 2
    HALF_WAY = 3
    PERSON = 4
    BUG = 70
    SIGINT = 130
    SIGTERM = 143


class ProvisionerError(Exception):
    """An error for a person.

    `ident` is its stable name, for scripts and for the README's troubleshooting; `what` happened,
    `why` (the likely cause), `todo` (what to do next) and a `link` are sentences.
    """

    exit_code: Exit = Exit.FAILED

    def __init__(
        self, ident: str, what: str, *, why: str = "", todo: str = "", link: str = ""
    ) -> None:
        """Keep the parts; the message of the exception is `what`."""
        super().__init__(what)
        self.ident = ident
        self.what = what
        self.why = why
        self.todo = todo
        self.link = link


class InputError(ProvisionerError):
    """The input is wrong: nothing was changed, and the same input will fail again."""

    exit_code = Exit.INPUT


class HalfWayError(ProvisionerError):
    """The run stopped half-way; the journal knows where, and another run goes on from there."""

    exit_code = Exit.HALF_WAY


class PersonNeededError(ProvisionerError):
    """Only a person can go on: at the instance, in the browser or in GitHub's settings."""

    exit_code = Exit.PERSON


class BugError(ProvisionerError):
    """Nobody foresaw it."""

    exit_code = Exit.BUG


class StoppedError(ProvisionerError):
    """SIGINT or SIGTERM arrived; `exit_code` says which."""

    def __init__(self, exit_code: Exit) -> None:
        super().__init__(
            "interrupted", "Interrupted.", todo="Run it again: it goes on from where it stopped."
        )
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
