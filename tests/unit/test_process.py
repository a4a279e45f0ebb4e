"""Signals, and the standard streams."""

import os
import signal
import sys

import pytest

from provisioner import process
from tests.program.program import Run, launch

LATE = """
import signal, sys
from provisioner import process

class Stream:
    def flush(self):
        signal.raise_signal(signal.SIGTERM)

sys.stdout = Stream()
process.hold_signals()
process.finish(lambda: 3, lambda error: print(error.code, file=sys.stderr))
"""

SEALING = """
import signal, sys
from provisioner import process
from provisioner.journal import Journal, Pending, seal
from provisioner.mastodon.instance import Application, Instance
from provisioner.secret import Secret

class Interrupting(Secret):
    def reveal(self):
        signal.raise_signal(int(sys.argv[1]))
        for _ in range(1000):  # here the handler runs, called by the encoder
            pass
        return super().reveal()

def run():
    instance = Instance("https://a", "a", "t", "r", "v", has_metadata=False)
    application = Application("1", Interrupting("the-client-secret"))
    pending = Pending(instance, application, None, (), (), "bot", begun_at=1)
    seal(Journal(repository_id=1, account="a@b", pending=pending), bytes(32))

process.hold_signals()
process.finish(run, lambda error: print(error.code))
"""


def python(program: str, *arguments: str) -> Run:
    """A program of its own, since signals are the process's."""
    return launch(*arguments, program=(sys.executable, "-c", program))


# What a signal does, and when.


def test_signal_after_the_run_does_not_change_its_exit_code() -> None:
    done = python(LATE)
    assert (done.code, done.progress) == (3, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_the_journal_is_encoded_ends_as_interrupted(number: signal.Signals) -> None:
    """Our own function, which the encoder calls for each secret, may be where it arrives."""
    done = python(SEALING, str(int(number)))
    assert done == Run(128 + number, "interrupted\n", "")


# What can't be written stops nothing.


def test_pipe_that_is_full_for_now_is_not_given_up() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "w", buffering=1) as stream, os.fdopen(reading, "rb") as reader:
        for _ in range(3):
            with process.write_errors_ignored(stream):
                stream.write("x" * 65536 + "\n")
        reader.read1(1 << 20)
        with process.write_errors_ignored(stream):
            stream.write("the outcome\n")
        assert b"the outcome\n" in reader.read1(1 << 20)


def test_pipe_that_nobody_reads_any_more_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as stream:
        for _ in range(2):
            with process.write_errors_ignored(stream):
                stream.write("x\n")
