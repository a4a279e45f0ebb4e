"""The one window of I3: how long a token can be alive that nothing knows."""

import pytest

from tests.invariants.faults.faults import KILLED_AFTER, KILLED_BEFORE, Fault, Hit
from tests.invariants.faults.matrix import requests
from tests.invariants.faults.play import play
from tests.invariants.faults.scenarios import FIRST


@pytest.mark.parametrize(("fault", "after"), [(KILLED_AFTER, 0), (KILLED_BEFORE, 1)], ids=str)
def test_the_window_is_one_request_long(fault: Fault, after: int) -> None:
    """A run loses its token only if it is killed after the instance answered the exchange and
    before the next request, the staging write, arrived at GitHub.
    """
    asked = requests(FIRST)
    lost_at = [at for at in range(len(asked)) if play(FIRST, (Hit(fault, at),)).orphans]
    assert lost_at == [asked.index("POST /oauth/token") + after]
