"""Two real runs that meet, at every pair of requests: what holds whatever happens, and what not.

A workflow's `concurrency` keeps runs apart; a laptop, or a workflow without it, does not. GitHub
has no compare-and-swap for variables. So a run looks at the journal and acts with its very next
request, and stops where another run has written or deleted it; only a staging write follows the
exchange instead. What is left is the window between those two requests. If another run writes in
it, the one act that follows is stale, and at the most this is lost, until a check or the next
rotation mends it:

- the other run's last write of the journal: a token that it knew lives on unknown, until a person
  removes its application; or a link that it showed leads nowhere;
- the bot's token: the secret holds one that was revoked, where one is revoked without a grace,
  given up, or taken off at the same time;
- of two very first runs: the journal's key, so that the journal has to be deleted, and a token that
  only this knew lives on.

A begin that was queued before an offboarding, and starts after it, finds no journal and makes one
under the key that it was given, which is deleted by then: that journal has to be deleted. And the
secrets that an offboarding or an abandon deletes it deletes, even if another run just wrote them.

Even then, runs one after the other end with one stored, living token that the journal knows.
"""

import pytest

from tests.concurrency.meeting import SAMPLED, meet
from tests.concurrency.pairs import PAIRS, Pair


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_two_runs_that_meet(pair: Pair) -> None:
    """I1 to I8 hold, and a person's runs end well; but for the window, whose cost is bounded.

    A sample: `python -m tests.concurrency --all` plays them all, and counts.
    """
    tally = meet(pair, SAMPLED)
    assert not tally.violations, "\n".join(sorted(tally.violations))
