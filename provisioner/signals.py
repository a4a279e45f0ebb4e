"""SIGINT and SIGTERM: the first one ends the run wherever it is, and those after it are ignored."""

import os
import signal
import threading
import time
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INSISTENCE = 0.1
"""Seconds after which a signal that was not seen is sent again."""


class Interruption(BaseException):
    """A signal arrived: no error, and nobody's to catch but main's."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def hold() -> None:
    """From now on, a signal waits until the program heeds it: it is read in, and can't answer."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def heed() -> None:
    """From now on, the first signal raises an Interruption in this thread, which is the main one.

    Python runs a handler between two steps of a program only: of a signal that arrives just before
    a wait for an answer it would know when that is over, 15 seconds later at the most. GitHub's
    runner has no more than 7.5 for us. So another thread insists.
    """
    arrivals, arriving = os.pipe()
    os.set_blocking(arriving, False)
    signal.set_wakeup_fd(arriving)
    main = threading.get_ident()
    threading.Thread(target=_insist, args=(arrivals, main), daemon=True).start()
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    for number in sorted(signal.sigpending() & set(SIGNALS))[1:]:
        signal.signal(number, signal.SIG_IGN)  # of two that were held back, one ends the run
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # the thread above leaves them to this one


def ignore() -> None:
    """From now on, no signal disturbs: what is left to do is short."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    ignore()
    raise Interruption(number)


def _insist(arrivals: int, main: int) -> None:
    """Send the first signal again and again: it interrupts a wait, and is ignored once seen."""
    number = os.read(arrivals, 1)[0]
    while True:
        time.sleep(INSISTENCE)
        signal.pthread_kill(main, number)
