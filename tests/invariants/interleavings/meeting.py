"""Plays every interleaving of a pair, and counts what came of it."""

from collections import Counter
from dataclasses import dataclass, field

from tests.invariants.interleavings.interleave import Played, interleavings
from tests.invariants.interleavings.pairs import Pair
from tests.invariants.interleavings.scene import Scene
from tests.invariants.interleavings.verdict import afterwards, at_the_end, shape
from tests.invariants.interleavings.witness import STAGED

SAMPLED = 6
"""Of how many interleavings one is played in a sample."""


@dataclass
class Tally:
    """What came of the interleavings of a pair."""

    interleavings: int = 0
    played: int = 0
    """The others are like one of these, or were left out of the sample."""
    in_window: int = 0
    """In which a run acted on a journal that the other had changed since its last request."""
    endings: dict[str, set[str]] = field(default_factory=dict)
    """The different worlds that were left, and what is wrong when a person went on from there."""
    lost: Counter[str] = field(default_factory=Counter)
    """What the window cost, as it may."""
    violations: set[str] = field(default_factory=set)


def meet(pair: Pair, every: int = 1) -> Tally:
    """Let the two meet everywhere, or at one of `every` so many places."""
    scene, tally = Scene(), Tally()
    runs = pair.prepare(scene)
    keeps_secret = bool(scene.stored()) and not pair.deletes
    for played in interleavings(scene, runs, every):
        tally.interleavings += 1
        if played is None:
            continue
        tally.played += 1
        violated = at_the_end(played, offboards=pair.offboards, keeps_secret=keeps_secret)
        ending = shape(played.scene)
        if ending not in tally.endings:
            tally.endings[ending] = afterwards(played.scene)
        violated = (violated | tally.endings[ending]) - pair.anyway
        if played.witness.stale - {STAGED}:
            tally.in_window += 1
            tally.lost.update(violated & pair.window)
            violated -= pair.window
        violated |= played.witness.long_stale
        tally.violations |= {f"{pair}: {what}: {_where(played)}" for what in violated}
    return tally


def _where(played: Played) -> str:
    """The requests around the places at which the runs changed."""
    return f"{played.one[played.i - 1 : played.i + 1]} {played.other[played.j - 1 :][:2]}"
