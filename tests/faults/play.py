"""A scenario played with faults, and then on without, until its owner is content."""

from dataclasses import dataclass
from functools import cache

from tests.contract.github_description import Description
from tests.faults.faults import Hit
from tests.faults.owner import Owner
from tests.faults.scenarios import Command, Scenario
from tests.faults.witness import Witness
from tests.stage import Stage


@dataclass(frozen=True)
class Played:
    """What a play came to."""

    runs: tuple[tuple[str, ...], ...]
    """The requests of each run: of the struck one, and of those that it took after it."""
    orphans: int
    violations: tuple[str, ...]


@cache
def prepared(scenario: Scenario) -> tuple[Stage, Command]:
    """The world before the run, to be copied, and the run's command."""
    stage = Stage(Description.load(), scenario.personality)
    command = scenario.prepare(stage)
    stage.github.observers.remove(stage.checked)  # other tests hold GitHub to it, and it takes time
    return stage, command


@cache
def play(scenario: Scenario, hits: tuple[Hit, ...] = (), then: tuple[Hit, ...] = ()) -> Played:
    """Run it with these faults; then as often as it takes, the first time with those of `then`."""
    world, command = prepared(scenario)
    stage = world.copied()
    witness = Witness(stage)
    owner = Owner(stage, witness, scenario)
    following = owner.runs(command, hits)
    if following:
        following = owner.runs(following, then)
    owner.goes_on(following)
    return Played(tuple(owner.asked), len(witness.orphans), tuple(witness.found))
