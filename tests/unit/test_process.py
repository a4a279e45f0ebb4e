"""Signals, and the standard streams."""

import os
import subprocess
import sys

from provisioner import process
from tests.program.program import ROOT, environment

BOTH = """
import os, signal
from provisioner import process
process.hold_signals()
for number in (signal.SIGTERM, signal.SIGINT):
    os.kill(os.getpid(), number)
try:
    process.heed_signals()
except process.Interruption as interruption:
    print(interruption.number)
"""

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


def python(program: str) -> subprocess.CompletedProcess[str]:
    """A program of its own, since signals are the process's."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_of_two_that_were_held_one_interrupts_and_the_other_is_silent() -> None:
    done = python(BOTH)
    assert done.stdout == "2\n"
    assert done.stderr == ""


def test_signal_after_the_run_does_not_change_its_exit_code() -> None:
    done = python(LATE)
    assert (done.returncode, done.stderr) == (3, "")


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
