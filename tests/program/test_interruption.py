"""SIGINT and SIGTERM end a run at once, whenever they come: with a line, and a code of their own.

Each run is a process of its own.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT, SIGTERM

import pytest

from tests.program.program import PATIENCE, ROOT, WITHOUT_TIMEOUTS, environment, launch
from tests.unit.server import ScriptedServer, Wire

BEGIN = (*WITHOUT_TIMEOUTS, "begin", "--account", "a@b.test", "--repository", "a/b")


@contextmanager
def hanging() -> Iterator[subprocess.Popen[str]]:
    """A begin whose first request has arrived, and is not answered."""
    asked, over = threading.Event(), threading.Event()

    def hang(_wire: Wire) -> None:
        asked.set()
        over.wait(PATIENCE)

    with (
        ScriptedServer(hang) as server,
        subprocess.Popen(
            BEGIN,
            env=environment({"GITHUB_API_URL": server.origin, "GH_TOKEN": "x" * 20}),
            cwd=ROOT,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process,
    ):
        try:
            assert asked.wait(PATIENCE)
            yield process
        finally:
            over.set()
            process.kill()


def require_told_once(said: str, code: int) -> None:
    assert said.count(f"(interrupted, exit code {code})") == 1
    assert "Traceback" not in said


@pytest.mark.parametrize(("number", "times"), [(SIGTERM, 1), (SIGINT, 10_000)])
def test_interrupted_while_a_request_hangs(number: int, times: int) -> None:
    """Whoever presses Ctrl-C until it ends is told once."""
    with hanging() as process:
        for _ in range(times):
            process.send_signal(number)
            if process.poll() is not None:
                break
            time.sleep(0.001)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    require_told_once(said, 128 + number)


MISSED = f"""
import ctypes, operator, os, time
from functools import partial
from provisioner import environment
from provisioner.process import main
def wait(*_asked):
    # Without a step of Python's between them, in which it could run a handler.
    send = partial(ctypes.CDLL(None)["raise"], {int(SIGINT)})
    list(map(operator.call, (send, partial(time.sleep, 7.5), partial(os._exit, 9))))
environment.fill_in = wait
main()
"""


def test_interrupted_just_before_a_wait() -> None:
    """Python has not seen it when the wait begins; GitHub's runner kills after 7.5 seconds."""
    program = (sys.executable, "-c", MISSED)
    assert launch("check", "--account", "a@b.test", program=program).code == 130


EARLY = f"""
import signal, sys
from provisioner.process import main
class Finder:
    def find_spec(name, *_):
        if name == "typer":
            signal.raise_signal({int(SIGTERM)})
sys.meta_path.insert(0, Finder)
main()
"""


def test_interrupted_while_the_program_is_read_in() -> None:
    done = launch("check", program=(sys.executable, "-c", EARLY))
    assert done.code == 143
    require_told_once(done.progress, 143)
