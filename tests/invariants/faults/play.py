"""A scenario played with faults, and then on without, until its owner is content."""

from dataclasses import dataclass
from functools import cache

from tests.invariants.faults.faults import Hit
from tests.invariants.faults.owner import Owner
from tests.invariants.faults.scenarios import Command, Scenario
from tests.invariants.faults.witness import Witness
from tests.servers.github_description import Description
from tests.support.world import World


@dataclass(frozen=True)
class Played:
    """What a play came to."""

    runs: tuple[tuple[str, ...], ...]
    """The requests of each run: of the struck one, and of those that it took after it."""
    orphans: int
    violations: tuple[str, ...]


@cache
def prepared(scenario: Scenario) -> tuple[World, Command]:
    """The world before the run, to be copied, and the run's command."""
    world = World(Description.load(), scenario.personality)
    command = scenario.prepare(world)
    world.github.observers.remove(world.checked)  # other tests hold GitHub to it, and it takes time
    return world, command


@cache
def play(scenario: Scenario, hits: tuple[Hit, ...] = (), then: tuple[Hit, ...] = ()) -> Played:
    """Run it with these faults; then as often as it takes, the first time with those of `then`."""
    world, command = prepared(scenario)
    world = world.copied()
    witness = Witness(world)
    owner = Owner(world, witness, scenario)
    following = owner.runs(command, hits)
    if following:
        following = owner.runs(following, then)
    owner.goes_on(following)
    return Played(tuple(owner.asked), len(witness.orphans), tuple(witness.found))
