"""Calls that may run at the same time: reads, never writes.

GitHub asks writers to send one request after the other
(https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from threading import Thread
from typing import Protocol, TypeVar, cast

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


class Gather(Protocol):
    """Makes several calls: every one of them, even where one fails.

    Returns their results in the order of `calls`, or raises the error of the first in that order
    that failed: what a run says does not depend on which server answered first.
    """

    def __call__(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Make the calls, and wait for all of them."""


def both(gather: Gather, one: Callable[[], A], other: Callable[[], B]) -> tuple[A, B]:
    """Two calls of different types."""
    calls: tuple[Callable[[], object], ...] = (one, other)
    first, second = gather(calls)
    return cast("A", first), cast("B", second)


def in_order(calls: Sequence[Callable[[], T]]) -> list[T]:
    """One after the other, in the order of `calls`."""
    futures: list[Future[T]] = [Future() for _ in calls]
    for call, future in zip(calls, futures, strict=True):
        _run(call, future)
    return [future.result() for future in futures]


def in_threads(calls: Sequence[Callable[[], T]]) -> list[T]:
    """At the same time, each in a thread of its own.

    A ThreadPoolExecutor would not do: Python waits for its threads at the end, and an interrupted
    run has to end at once even if a server does not answer. It does not wait for daemons.
    """
    futures: list[Future[T]] = [Future() for _ in calls]
    for started in zip(calls, futures, strict=True):
        Thread(target=_run, args=started, daemon=True).start()
    wait(futures)
    return [future.result() for future in futures]


def _run(call: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
        if not isinstance(error, Exception):  # an interruption ends the run at once
            raise
