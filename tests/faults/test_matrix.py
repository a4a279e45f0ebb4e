"""Every request of every scenario, struck by every fault: DESIGN.md's invariants hold.

Checked are the sandbox's own state at each moment and after each run, and that a person who does
what is shown gets to the end (`invariants.py`, `play.py`). `python -m tests.faults` counts it all.
"""

import pytest

from tests.faults.faults import KILLED_AFTER, KILLED_BEFORE, Fault, Hit
from tests.faults.matrix import (
    PAIRED,
    Kind,
    Tally,
    faults,
    pairs_in_one_run,
    pairs_in_two_runs,
    requests,
    sample,
    singles,
)
from tests.faults.play import play
from tests.faults.scenarios import FIRST, SCENARIOS, Scenario

MATRIX = [(scenario, fault) for scenario in SCENARIOS for fault in faults(scenario)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_without_a_fault(scenario: Scenario) -> None:
    """The run that is struck in the other tests does its work where nothing strikes."""
    assert play(scenario).violations == ()


@pytest.mark.parametrize(("scenario", "fault"), MATRIX, ids=str)
def test_a_fault_at_each_request(scenario: Scenario, fault: Fault) -> None:
    """Wherever it strikes, nothing is lost, and a few runs more finish the work."""
    tally = Tally()
    for strike in singles(scenario, fault):
        tally.add(scenario, strike)
    assert not tally.violations, "\n".join(tally.violations)


@pytest.mark.parametrize("kind", [pairs_in_one_run, pairs_in_two_runs])
@pytest.mark.parametrize("scenario", PAIRED, ids=str)
def test_two_faults(scenario: Scenario, kind: Kind) -> None:
    """The second fault strikes what the tool does about the first one."""
    tally = Tally()
    for strike in sample(kind(scenario)):
        tally.add(scenario, strike)
    assert not tally.violations, "\n".join(tally.violations)


@pytest.mark.parametrize(("fault", "after"), [(KILLED_AFTER, 0), (KILLED_BEFORE, 1)], ids=str)
def test_the_window_is_one_request_long(fault: Fault, after: int) -> None:
    """A token is nowhere known from the instance's answer until the write that follows at once."""
    exchange = requests(FIRST).index("POST /oauth/token")
    every = range(len(requests(FIRST)))
    assert [at for at in every if play(FIRST, (Hit(fault, at),)).orphans] == [exchange + after]
