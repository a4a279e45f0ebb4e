"""Real processes over real sockets, killed or interrupted at every request."""

import pytest

from tests.faults.kills import KILLED, interruptions, kill_everywhere, kills
from tests.faults.scenarios import Scenario


@pytest.mark.parametrize("scenario", KILLED, ids=str)
def test_a_process_that_is_killed(scenario: Scenario) -> None:
    """Whenever it dies, nothing is lost, and a few runs more finish the work."""
    violations = kill_everywhere(scenario, kills(scenario)).violations
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize("scenario", KILLED, ids=str)
def test_a_process_that_is_interrupted(scenario: Scenario) -> None:
    """It ends without its answer and says what to do; a few runs more finish the work."""
    violations = kill_everywhere(scenario, interruptions(scenario)).violations
    assert not violations, "\n".join(violations)
