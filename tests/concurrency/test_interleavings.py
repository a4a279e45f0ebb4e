"""Two real runs that meet, at every pair of requests: what holds whatever happens, and what not.

A workflow's `concurrency` keeps runs apart; a laptop, or a workflow without it, does not. GitHub
has no compare-and-swap for variables. So a run looks at the journal and acts with its very next
request, and stops where another run has written; only a staging write follows the exchange instead.
What is left is the window between those two requests. If another run writes in it, the one act that
follows is stale, and at the most this is lost, until a check or the next rotation mends it:

- the other run's last write of the journal: a token that it knew lives on unknown, until a person
  removes its application; or a link that it showed leads nowhere;
- the bot's token: the secret holds one that was revoked, where one is revoked without a grace;
- of two very first runs, or where one offboards at the same time: the journal's key, so that the
  journal has to be deleted.

Even then, runs one after the other end with one stored, living token that the journal knows.
"""

from collections import Counter

import pytest

from tests.concurrency.interleave import interleavings
from tests.concurrency.pairs import PAIRS, Pair
from tests.concurrency.scene import Scene
from tests.concurrency.verdict import afterwards, at_the_end, shape
from tests.concurrency.witness import STAGED

BROKEN = [pytest.param(p, marks=pytest.mark.xfail(reason=p.bug), id=p.name) for p in PAIRS if p.bug]
SOUND = [pytest.param(p, id=p.name) for p in PAIRS if not p.bug]


@pytest.mark.parametrize("pair", SOUND + BROKEN)
def test_two_runs_that_meet(pair: Pair) -> None:
    """I1 to I8 hold, and a person's runs end well; but for the window, whose cost is bounded."""
    scene = Scene()
    runs = pair.prepare(scene)
    keeps_secret = bool(scene.stored()) and not pair.deletes
    count: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    wrong: set[str] = set()
    endings: dict[str, set[str]] = {}
    for played in interleavings(scene, runs, pair.every):
        count["interleavings"] += 1
        if played is None:
            continue
        count["played"] += 1
        violated = at_the_end(played, offboards=pair.offboards, keeps_secret=keeps_secret)
        ending = shape(played.scene)
        if ending not in endings:
            endings[ending] = afterwards(played.scene)
        violated = (violated | endings[ending]) - pair.anyway
        if played.witness.stale - {STAGED}:
            count["in the window"] += 1
            lost.update(violated)
            violated -= pair.window
        where = f"{played.one[played.i - 1 : played.i + 1]} {played.other[played.j - 1 :][:2]}"
        wrong |= {f"{what}: {where}" for what in violated | played.witness.long_stale}
    print(f"{pair}: {dict(count)}, {len(endings)} endings; lost in the window: {dict(lost)}")
    assert not wrong
