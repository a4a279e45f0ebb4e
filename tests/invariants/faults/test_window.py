"""The one window of I3: how long a token can be alive that nothing knows."""

import pytest

from tests.invariants.faults.matrix import Hit, prepared, requests, strike_each
from tests.invariants.faults.scenarios import FIRST


@pytest.mark.parametrize(("fault", "after"), [("killed after it", 0), ("killed before it", 1)])
def test_the_window_is_one_request_long(fault: str, after: int) -> None:
    """A run loses its token only if it is killed after the instance answered the exchange and
    before the next request, the staging write, arrived at GitHub.
    """
    asked = requests(FIRST)
    plays = strike_each(prepared(FIRST), (Hit(fault, at) for at in range(len(asked))))
    lost_at = [hit.at for hit, played in plays.items() if played.orphans]
    assert lost_at == [asked.index("POST /oauth/token") + after]
