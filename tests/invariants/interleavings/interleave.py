"""Every way in which two runs can take turns, with up to two changes between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count

from tests.invariants.interleavings.scene import Runs, Scene
from tests.invariants.interleavings.turns import ALL, Run, Turns
from tests.invariants.interleavings.witness import Witness, commutes


@dataclass
class Played:
    """One run made `i` requests, the other `j`; then the one its rest, and then the other."""

    scene: Scene
    witness: Witness
    one: list[str]
    """What it asked for."""
    other: list[str]
    i: int
    j: int

    @property
    def alike(self) -> Iterator[tuple[int, int]]:
        """The next places that make no difference: what would change its order commutes."""
        for i, act in enumerate(self.one[self.i :], self.i + 1):
            if not commutes(act, self.other[: self.j]):
                break
            yield i, self.j
        for j, act in enumerate(self.other[self.j :], self.j + 1):
            if not commutes(act, self.one[self.i :]):
                break
            yield self.i, j


def interleavings(scene: Scene, runs: Runs, every: int = 1) -> Iterator[Played | None]:
    """One run up to a place, the other up to a place, the one to its end, the other to its end.

    A place is before any request, or the end. None stands for one that is like one played before.
    Where that takes too long, one of `every` so many is played, and the others are left out.
    """
    turn = count()
    for pair in (runs, runs[::-1]):
        places = len(play(scene, pair, ALL, ALL).one)
        known: dict[tuple[int, int], int] = {}
        for i in range(places + 1):
            for j in count(1):
                if (i, j) in known:
                    yield None
                elif next(turn) % every:
                    continue
                else:
                    played = play(scene, pair, i, j)
                    known |= dict.fromkeys([(i, j), *played.alike], len(played.other))
                    yield played
                if known[i, j] <= j:  # it had ended before the one went on
                    break


def play(scene: Scene, runs: Runs, i: int, j: int) -> Played:
    """A copy of the scene, in which both runs begin, take these turns, and end."""
    world = scene.copied()
    assert isinstance(world, Scene)
    witness = Witness(world)
    world.network = Turns(world.wire, witness)
    one, other = (Run(partial(do, world)) for do in runs)
    for run, requests in ((one, i), (other, j), (one, ALL), (other, ALL)):
        run.advance(requests)
    return Played(world, witness, witness.asked[one][1:], witness.asked[other][1:], i, j)
