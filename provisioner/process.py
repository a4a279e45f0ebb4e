"""The process: signals, the standard streams, and what ends a run without being an error of ours.

It imports little: signals are held from the first moment on, and what is imported before that is
read while a signal would still show a traceback.
"""

import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, NoReturn, Protocol

from provisioner import __version__
from provisioner.errors import BugError, InputError, ProvisionerError, StoppedError
from provisioner.report import Exit, Run

if TYPE_CHECKING:
    import typer

SIGNALS = (signal.SIGINT, signal.SIGTERM)
RESEND_AFTER = 0.1
"""Seconds after which a signal is sent again if it was not seen."""
MIN_SECRET = 16
"""Characters: a shorter word is no token, code or key that was put in the wrong place."""


class Interruption(BaseException):
    """SIGINT or SIGTERM arrived. Only main catches it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def hold_signals() -> None:
    """Keep signals pending until `heed_signals`: while the program is imported, it can't answer."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def heed_signals() -> None:
    """From now on, the first signal raises an Interruption in this thread, the main one.

    Python runs a handler between two bytecodes only. A signal that arrives right before a blocking
    read would be seen when that returns, up to 15 seconds later, and GitHub's runner waits 7.5. So
    a thread sends it again, which ends the read.
    """
    arrivals, arriving = os.pipe()
    os.set_blocking(arriving, False)
    signal.set_wakeup_fd(arriving)
    main = threading.get_ident()
    threading.Thread(target=_resend, args=(arrivals, main), daemon=True).start()
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    for number in sorted(signal.sigpending() & set(SIGNALS))[1:]:
        signal.signal(number, signal.SIG_IGN)  # if both are pending, one is enough
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # in this thread; the other keeps the mask


def ignore_signals() -> None:
    """From now on, no signal interrupts: what is left to do is short."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    ignore_signals()
    raise Interruption(number)


def _resend(arrivals: int, main: int) -> None:
    """Send the first signal until it was seen; from then on it is ignored."""
    number = os.read(arrivals, 1)[0]
    while True:
        time.sleep(RESEND_AFTER)
        signal.pthread_kill(main, number)


@contextmanager
def write_errors_ignored(stream: IO[str]) -> Iterator[None]:
    """Lose what can't be written: a full disk or a closed pipe does not stop a run half-way."""
    try:
        yield
    except BlockingIOError:  # it is full for now, and may be read again
        return
    except (OSError, ValueError):  # ValueError: the stream is closed
        discard(stream)


def discard(stream: IO[str]) -> None:
    """Send all that is still to be written nowhere.

    Python flushes both streams at its end. Where that fails it complains and exits with 120.
    """
    with suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def flush_streams() -> None:
    """Flush both streams now, so that Python's own flush at the end can't fail."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with write_errors_ignored(stream):
            stream.flush()


class Surface(Protocol):
    """What a process is: the command line, or the step of a workflow."""

    def run(self) -> int:
        """Do what was asked; the exit code. Raises ProvisionerError."""

    def error(self, error: ProvisionerError) -> None:
        """Say what went wrong."""


def finish(surface: Surface) -> NoReturn:
    """Run to the end, and exit with one of the documented codes.

    Whatever goes wrong is told once, as an error for a person: no traceback reaches a user.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what can't be decoded or shown stops nothing
            stream.reconfigure(errors="replace")
    try:
        heed_signals()
        _end(surface.run())
    except Interruption as interruption:  # after which signals are ignored
        stopped = StoppedError(Exit(128 + interruption.number))
        surface.error(stopped)
        flush_streams()
        os._exit(stopped.exit_code)  # Python's own end may crash on threads that still read
    except ProvisionerError as error:
        _fail(surface, error)
    except OSError as error:
        _fail(surface, system_error(error))
    except Exception as error:  # noqa: BLE001 - it is a bug, and is said to be one
        _fail(surface, bug(error))


def _fail(surface: Surface, error: ProvisionerError) -> NoReturn:
    ignore_signals()  # it is over: what is left is to say so
    surface.error(error)
    _end(error.exit_code)


def _end(code: int) -> NoReturn:
    """Exit with this code: no late signal and no full stream makes it another."""
    ignore_signals()
    flush_streams()
    sys.exit(code)


def usage_error(error: "typer.TyperException") -> InputError:
    """A wrong command line, in click's words, without what may be a code, a token or a password.

    People put those where they don't belong, and click quotes what it was given. Of that only the
    name of an option or a command is left, if it is too short to be a secret.
    """
    what, context = error.format_message(), getattr(error, "ctx", None)
    quoted = getattr(error, "option_name", "")
    if context and context.parent is None and not quoted:
        quoted = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    kind, parameter = type(error).__name__, getattr(error, "param", None)
    if kind == "BadParameter" and parameter:
        what = f"Invalid value for {'/'.join(parameter.opts)}"
    elif kind not in {"MissingParameter", "BadOptionUsage"} and not 0 < len(quoted) < MIN_SECRET:
        what = re.split(r" [('\"]|: ", what)[0]
    called = context.command_path if context else "provisioner"
    return InputError("usage", f"{what.rstrip('.')}.", next=(f"See `{called} --help`.",))


def system_error(error: OSError) -> ProvisionerError:
    """A full disk and the like."""
    return ProvisionerError(
        "system",
        f"OS error: {error.strerror}.",
        next=("Fix that and run the command again.",),
    )


def bug(error: Exception) -> BugError:
    """An error that nobody foresaw: where it happened, without its message, which may tell."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "provisioner" in f.filename] or frames
    places = " > ".join(f"{Path(f.filename).name}:{f.lineno}" for f in ours[-3:])
    return BugError(
        "bug",
        f"This is a bug in provisioner {__version__}: {type(error).__name__} at {places}.",
        next=("Please report this line.", Run("again")),
    )
