"""Calls that run one after the other, or at the same time."""

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

HANGING = """
import sys
from provisioner import http, process
from provisioner.http import in_threads
from provisioner.answer import IDEMPOTENT
from provisioner.http import Http

http.TIMEOUT = http.DEADLINE = 3600.0  # so that no timeout ends the reads
process.hold_signals()
process.heed_signals()
try:
    with Http() as client:
        in_threads([lambda: client.send("GET", sys.argv[1], retry=IDEMPOTENT)] * 5)
except process.Interruption as interruption:
    sys.exit(128 + interruption.number)
"""


@BOTH
def test_results_come_in_the_order_of_the_calls(gather: Gather) -> None:
    assert gather([lambda: "a", lambda: "b", lambda: "c"]) == ["a", "b", "c"]


@BOTH
def test_nothing_to_call_has_no_results(gather: Gather) -> None:
    assert gather([]) == []


def test_results_come_in_the_order_of_the_calls_if_the_last_is_done_first() -> None:
    last_is_done = threading.Event()

    def first() -> str:
        assert last_is_done.wait(60)
        return "first"

    def last() -> str:
        last_is_done.set()
        return "last"

    assert in_threads([first, last]) == ["first", "last"]


@BOTH
def test_error_of_the_first_call_that_failed_is_raised(gather: Gather) -> None:
    with pytest.raises(ValueError, match="second"):
        gather([lambda: None, lambda: _fail("second"), lambda: _fail("third")])


def test_error_of_the_first_call_is_raised_if_another_fails_sooner() -> None:
    second_failed = threading.Event()

    def first() -> NoReturn:
        assert second_failed.wait(60)
        _fail("first")

    def second() -> NoReturn:
        try:
            _fail("second")
        finally:
            second_failed.set()

    with pytest.raises(ValueError, match="first"):
        in_threads([first, second])


@BOTH
def test_every_call_is_made_even_if_the_first_fails(gather: Gather) -> None:
    """So that the judges, which use `in_order`, see the requests that threads would send."""
    made: list[int] = []
    with pytest.raises(ValueError, match="first"):
        gather([lambda: _fail("first"), lambda: made.append(1), lambda: made.append(2)])
    assert sorted(made) == [1, 2]


def test_calls_in_threads_run_at_the_same_time() -> None:
    all_there = threading.Barrier(5)
    in_threads([lambda: all_there.wait(60)] * 5)


def test_interruption_ends_calls_in_order_at_once() -> None:
    def interrupted() -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_order([interrupted, lambda: pytest.fail("made after the interruption")])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_ends_the_process_while_calls_hang(number: signal.Signals) -> None:
    all_there = threading.Barrier(6)

    def reply(wire: Wire) -> None:
        all_there.wait(60)
        hang(wire)

    with ScriptedServer() as server:
        server.on("GET", "/", reply)
        command = [sys.executable, "-c", HANGING, f"{server.origin}/"]
        with subprocess.Popen(command, env=environment(), cwd=ROOT) as process:
            all_there.wait(60)
            process.send_signal(number)
            assert process.wait(60) == 128 + number


def _fail(text: str) -> NoReturn:
    raise ValueError(text)
