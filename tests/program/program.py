"""The command line, given an environment and nothing else: run in this process, or as one."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any
from unittest.mock import patch

import pytest

from provisioner import process
from provisioner.process import main

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "provisioner")
PATIENT = """
from provisioner import http
from provisioner.process import main
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
        return self.output + self.progress

    @property
    def outcome(self) -> dict[str, Any]:
        """The one object that stands on standard output, with --json."""
        assert self.output.count("\n") == 1
        outcome: dict[str, Any] = json.loads(self.output)
        return outcome

    @property
    def error(self) -> str:
        """The code of the error that a run with --json ended with."""
        assert self.outcome["status"] == "failed"
        assert self.outcome["exit-code"] == self.code
        return str(self.outcome["error"]["name"])


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a run sees: a path, a home, this checkout, and what is given."""
    bare = {"PATH": os.environ["PATH"], "HOME": os.devnull, "PYTHONPATH": str(ROOT)}
    return bare | dict(more or {})


class Stream(io.TextIOWrapper):
    def __init__(self, typed: str | bytes = "", *, is_terminal: bool = False) -> None:
        self._memory = io.BytesIO(typed.encode() if isinstance(typed, str) else typed)
        self._is_terminal = is_terminal
        super().__init__(self._memory, encoding="utf-8")

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def text(self) -> str:
        return self._memory.getvalue().decode()


def run(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    typed: str = "",
    output: Stream | None = None,
) -> Run:
    """Run it in this process: a process of its own takes thirty times as long.

    Signals are left to pytest; `launch` shows what the program does about them. `output` is given
    by who wants to read it while the program runs.
    """
    output, progress = output or Stream(), Stream()
    with (
        patch.dict(os.environ, environment({"COLUMNS": "80"} | dict(env or {})), clear=True),
        pytest.MonkeyPatch.context() as place,
    ):
        place.setattr(sys, "argv", ["provisioner", *arguments])
        for name, stream in ("stdin", Stream(typed)), ("stdout", output), ("stderr", progress):
            place.setattr(sys, name, stream)
        for name in "hold_signals", "heed_signals", "ignore_signals":
            place.setattr(process, name, lambda: None)
        with pytest.raises(SystemExit) as ended:
            main()
    assert isinstance(ended.value.code, int)
    return Run(ended.value.code, output.text, progress.text)


def launch(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    typed: str = "",
    program: tuple[str, ...] = PROGRAM,
) -> Run:
    """Run it as a program of its own, with pipes for its streams."""
    done = subprocess.run(
        [*program, *arguments],
        env=environment(env),
        input=typed,
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def launch_in_terminal(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    answers: tuple[tuple[str, str | bytes | Callable[[str], str]], ...] = (),
    program: tuple[str, ...] = PROGRAM,
) -> str:
    """Run it as a program of its own in a terminal, and give each answer when its prompt is shown.

    An answer may be a function of what is shown so far. Returns all that is shown there.
    """
    waiting = list(answers)
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
        # All of them: what a shell started would keep the terminal.
        watchdog = Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
        watchdog.start()
        shown, seen = b"", 0
        with suppress(OSError):  # Linux says so when the last program has left the terminal
            while piece := os.read(ours, 4096):
                shown += piece
                if waiting and waiting[0][0].encode() in shown[seen:]:
                    answer, seen = waiting.pop(0)[1], len(shown)
                    answer = answer(shown.decode(errors="replace")) if callable(answer) else answer
                    os.write(ours, (answer.encode() if isinstance(answer, str) else answer) + b"\n")
        os.close(ours)
        process.wait(PATIENCE)
        watchdog.cancel()
    return shown.decode()
