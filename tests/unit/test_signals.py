"""Signals that arrive while the program is read in."""

import subprocess
import sys

from tests.cli.program import ROOT, environment

BOTH = """
import os, signal
from provisioner import signals
signals.hold()
for number in (signal.SIGTERM, signal.SIGINT):
    os.kill(os.getpid(), number)
try:
    signals.heed()
except signals.Interruption as interruption:
    print(interruption.number)
"""


def test_both_at_once() -> None:
    """Of two that were held back one ends the run, and the other makes no noise."""
    done = subprocess.run(
        [sys.executable, "-c", BOTH],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert (done.stdout, done.stderr) == ("2\n", "")
