"""The process: its beginning, signals, the standard streams, and the one place where a run ends.

It imports little: signals are held from the first moment on, and what is imported before that is
read while a signal would still show a traceback.
"""

import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from provisioner import __version__
from provisioner.report import BugError, Exit, ProvisionerError, Run, StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
RESEND_AFTER = 0.1
"""Seconds after which a signal is sent again if it was not seen."""


class Interruption(BaseException):
    """SIGINT or SIGTERM arrived. Only `finish` catches it."""

    def __init__(self, number: int) -> None:
        self.number = number


def main() -> NoReturn:
    """Run a command, or the action, which needs no parser of command lines."""
    hold_signals()  # what is imported next can't answer them
    # Of what is imported nothing is garbage: to look for some takes a tenth of the time until the
    # first request, at the usual threshold of 700 objects.
    gc.set_threshold(100_000)
    if sys.argv[1:] == ["action"]:
        from provisioner import action  # noqa: PLC0415

        action.main()
    from provisioner import cli  # noqa: PLC0415

    cli.main()


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

    def interrupt(number: int, _frame: FrameType | None) -> None:
        ignore_signals()
        raise Interruption(number)

    def resend() -> None:
        number = os.read(arrivals, 1)[0]
        while True:  # once it was seen, it is ignored
            time.sleep(RESEND_AFTER)
            signal.pthread_kill(main, number)

    threading.Thread(target=resend, daemon=True).start()
    for number in SIGNALS:
        signal.signal(number, interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # in this thread; the other keeps the mask


def ignore_signals() -> None:
    """From now on, no signal interrupts: what is left to do is short."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def write_errors_ignored(stream: IO[str]) -> Iterator[None]:
    """Lose what can't be written: a full disk or a closed pipe does not stop a run half-way."""
    try:
        yield
    except BlockingIOError:  # it is full for now, and may be read again
        return
    except (OSError, ValueError):  # ValueError: the stream is closed
        # Python flushes the streams at its end. Where that fails it complains and exits with 120.
        with suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def finish(run: Callable[[], int], tell: Callable[[ProvisionerError], None]) -> NoReturn:
    """Run to the end, and exit with the code that it returns or that of its error.

    Whatever goes wrong is told once, as an error for a person: no traceback reaches a user.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what can't be decoded or shown stops nothing
            stream.reconfigure(errors="replace")
    try:
        heed_signals()
        try:
            code = run()
        finally:
            ignore_signals()  # no late one makes it another code
    except Interruption as interruption:
        stopped = StoppedError(Exit(128 + interruption.number))
        tell(stopped)
        _flush()
        os._exit(stopped.exit_code)  # Python's own end may crash on threads that still read
    except Exception as error:  # noqa: BLE001 - each is told
        told = _for_a_person(error)
        tell(told)
        code = told.exit_code
    _flush()
    sys.exit(code)


def _flush() -> None:
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with write_errors_ignored(stream):
            stream.flush()


def _for_a_person(error: Exception) -> ProvisionerError:
    if isinstance(error, ProvisionerError):
        return error
    if isinstance(error, OSError):  # a full disk and the like
        steps = ("Fix that and run the command again.",)
        where = f": {error.filename}" if error.filename else ""
        return ProvisionerError("system", f"OS error: {error.strerror}{where}.", next=steps)
    # Where it happened, without its message, which may hold a secret.
    frames = traceback.extract_tb(error.__traceback__)
    here = Path(__file__).parent
    ours = [f for f in frames if here in Path(f.filename).parents]
    places = " > ".join(f"{Path(f.filename).name}:{f.lineno}" for f in ours[-3:])
    what = f"This is a bug in provisioner {__version__}: {type(error).__name__} at {places}."
    return BugError("bug", what, next=("Please report this line.", Run("again")))
