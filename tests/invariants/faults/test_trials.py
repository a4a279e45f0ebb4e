"""What is played once for many faults comes to what each of them comes to alone."""

import pytest

from tests.invariants.faults.matrix import (
    FAULTS,
    Start,
    hits,
    prepared,
    requests,
    strike,
    strike_each,
)
from tests.invariants.faults.scenarios import FIRST


@pytest.mark.parametrize("at", [4, 6, 12], ids=lambda at: requests(FIRST)[at])
def test_a_fault_comes_to_the_same_in_a_run_of_its_own(at: int) -> None:
    start = prepared(FIRST)
    some = [hit for hit in hits(FAULTS, requests(FIRST)) if hit.at == at]
    for hit, played in strike_each(start, some).items():
        assert played == strike(Start(start.recovery, start.command, {}), (hit,)), hit
