"""Calls that run at the same time, and an interruption while they hang."""

import signal
import subprocess
import sys
import threading
from typing import NoReturn

import pytest

from provisioner.http import Gather, in_threads
from tests.program.program import ROOT, environment
from tests.support.gather import in_order
from tests.unit.server import ScriptedServer, Wire, hang

BOTH = pytest.mark.parametrize("gather", [in_order, in_threads])
"""The judges use `in_order`: it has to make the calls that threads would."""

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


@BOTH
def test_results_come_in_the_order_of_the_calls(gather: Gather) -> None:
    assert gather([lambda: "a", lambda: "b", lambda: "c"]) == ["a", "b", "c"]
    assert gather([]) == []


@BOTH
def test_every_call_is_made_and_the_first_error_raised(gather: Gather) -> None:
    made: list[int] = []
    with pytest.raises(ValueError, match="first"):
        gather([lambda: made.append(1), lambda: fail("first"), lambda: fail("second"), made.clear])
    assert made == []


def test_order_of_the_calls_counts_even_if_a_later_one_fails_sooner() -> None:
    second_failed = threading.Event()

    def first() -> NoReturn:
        assert second_failed.wait(60)
        fail("first")

    def second() -> NoReturn:
        second_failed.set()
        fail("second")

    with pytest.raises(ValueError, match="first"):
        in_threads([first, second])


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
