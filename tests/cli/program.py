"""The command line as a program of its own, given an environment and nothing else."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "provisioner")
PATIENT = """
from provisioner import http
from provisioner.__main__ import main
http.TIMEOUT = http.DEADLINE = 3600.0
main()
"""
WITHOUT_TIMEOUTS = (sys.executable, "-c", PATIENT)
"""The program, to which no server is too slow within an hour: what ends a wait is not a timeout."""
PATIENCE = 120
"""Seconds after which a program hangs, however busy the machine is."""


@dataclass(frozen=True)
class Run:
    """How a run ended, and what it printed."""

    code: int
    output: str
    progress: str

    @property
    def all(self) -> str:
        """Both streams."""
        return self.output + self.progress


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a run sees: a path, a home, this checkout, and what is given."""
    bare = {"PATH": os.environ["PATH"], "HOME": os.devnull, "PYTHONPATH": str(ROOT)}
    return bare | dict(more or {})


def run(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    typed: str = "",
    cwd: Path | None = None,
    program: tuple[str, ...] = PROGRAM,
) -> Run:
    """Run it with pipes for its streams."""
    done = subprocess.run(
        [*program, *arguments],
        env=environment(env),
        input=typed,
        cwd=cwd or ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def run_in_terminal(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    prompt: str = "",
    typed: str | bytes = "",
    then: tuple[tuple[str, str], ...] = (),
    program: tuple[str, ...] = PROGRAM,
) -> str:
    """Run it in a terminal, and type something at each prompt; all that is shown there."""
    answers = [(prompt, typed), *then] if prompt else []
    ours, theirs = pty.openpty()
    colours = {"TERM": "xterm-256color", "COLUMNS": "80"}
    with subprocess.Popen(
        [*program, *arguments],
        env=environment(colours | dict(env or {})),
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        watchdog = Timer(PATIENCE, process.kill)
        watchdog.start()
        shown = b""
        with suppress(OSError):  # Linux says so when the last program has left the terminal
            while piece := os.read(ours, 4096):
                shown += piece
                if answers and answers[0][0].encode() in shown:
                    answer = answers.pop(0)[1]
                    os.write(ours, (answer.encode() if isinstance(answer, str) else answer) + b"\n")
        os.close(ours)
        process.wait(PATIENCE)
        watchdog.cancel()
    return shown.decode()
