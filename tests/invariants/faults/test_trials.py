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
from tests.invariants.faults.scenarios import FIRST, SCENARIOS, Scenario

WAITS = next(one for one in SCENARIOS if one.name == "first, exchange lost before: complete")
"""It waits for so long that one second more makes a look at the journal an old one."""


@pytest.mark.parametrize(("scenario", "at"), [(FIRST, 4), (FIRST, 6), (FIRST, 12), (WAITS, 0)])
def test_a_fault_comes_to_the_same_in_a_run_of_its_own(scenario: Scenario, at: int) -> None:
    start, asked = prepared(scenario), requests(scenario)
    some = [hit for hit in hits(FAULTS, asked) if hit.at == at]
    for hit, played in strike_each(start, some).items():
        assert played == strike(Start(start.recovery, start.command, {}), (hit,)), hit
