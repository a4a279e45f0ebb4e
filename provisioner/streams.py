"""The standard streams: that nobody reads them any more, or that their disk is full, stops nothing.

What was reached is reached all the same, and the exit code tells of that alone.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def unstoppable(stream: IO[str]) -> Iterator[None]:
    """What is written in here is lost, and so is what comes after it, where it can't be written."""
    try:
        yield
    except BlockingIOError:  # it is full for now, and may be read again
        return
    except (OSError, ValueError):  # ValueError: the stream is closed
        give_up(stream)


def give_up(stream: IO[str]) -> None:
    """Write no more: what Python still holds of the stream goes nowhere, and it does not complain.

    At its end Python flushes both streams; where that fails it exits with 120, whatever was said.
    """
    with suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def settle() -> None:
    """Have Python's last flush succeed: what it would fail at is done, and given up, now."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with unstoppable(stream):
            stream.flush()
