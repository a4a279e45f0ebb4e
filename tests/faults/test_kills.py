"""Real processes over real sockets, killed with SIGKILL at every request."""

import pytest

from tests.faults.kills import KILLED, kill_everywhere
from tests.faults.scenarios import Scenario


@pytest.mark.parametrize("scenario", KILLED, ids=str)
def test_a_process_that_is_killed(scenario: Scenario) -> None:
    """Whenever it dies, nothing is lost, and a few runs more finish the work."""
    violations = kill_everywhere(scenario).violations
    assert not violations, "\n".join(violations)
