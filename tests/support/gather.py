"""Gathers calls in order: what the judges use, so that a run's requests come in one order."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_order(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make every call, as threads would; then raise the first error, or return the results."""
    results: list[T] = []
    errors: list[Exception] = []
    for call in calls:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)
    if errors:
        raise errors[0]
    return results
