"""Calls that run at the same time, and an interruption while they hang."""

import signal
import subprocess
import sys
import threading
from typing import NoReturn

import pytest

from provisioner.http import in_threads
from tests.program.program import ROOT, environment
from tests.unit.server import ScriptedServer, Wire, hang

HANGING = """
import sys
from provisioner import http, process
from provisioner.answer import IDEMPOTENT

http.TIMEOUT = http.DEADLINE = 3600.0  # so that no timeout ends the reads
process.hold_signals()
process.heed_signals()
try:
    with http.Http() as client:
        http.in_threads([lambda: client.send("GET", sys.argv[1], retry=IDEMPOTENT)] * 5)
except process.Interruption as interruption:
    sys.exit(128 + interruption.number)
"""


def fail(text: str) -> NoReturn:
    raise ValueError(text)


def test_order_of_the_calls_counts_for_their_results_and_for_which_error_is_raised() -> None:
    second_failed = threading.Event()

    def first() -> NoReturn:
        assert second_failed.wait(60)
        fail("first")

    def second() -> NoReturn:
        second_failed.set()
        fail("second")

    made: list[int] = []
    with pytest.raises(ValueError, match="first"):
        in_threads([first, second, lambda: made.append(1)])
    assert made == [1]
    assert in_threads([lambda: "a", lambda: "b", lambda: "c"]) == ["a", "b", "c"]
    assert in_threads([]) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_ends_the_process_within_a_second_while_calls_hang(
    number: signal.Signals,
) -> None:
    all_there = threading.Barrier(6)

    def reply(wire: Wire) -> None:
        all_there.wait(60)
        hang(wire)

    with ScriptedServer(reply) as server:
        command = [sys.executable, "-c", HANGING, f"{server.origin}/"]
        with subprocess.Popen(command, env=environment(), cwd=ROOT) as process:
            all_there.wait(60)
            process.send_signal(number)
            assert process.wait(10) == 128 + number
