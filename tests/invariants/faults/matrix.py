"""Which faults strike which requests of a scenario, alone and in pairs; and each such play."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Literal, NamedTuple

from tests.invariants.faults.recovery import Recovery
from tests.invariants.faults.scenarios import (
    AT_ONCE,
    CHECK,
    FIRST,
    POST,
    POST_ANEW,
    Command,
    Scenario,
)
from tests.invariants.witness import Witness
from tests.support.wire import ALWAYS, Fault, FaultKind, Wire
from tests.support.world import World

FAULTS: Mapping[str, tuple[FaultKind, Literal["once", "this server", "all"]]] = {
    "connection refused": ("refused", "once"),
    "request lost": ("request lost", "once"),
    "answer lost": ("answer lost", "once"),
    "answer cut": ("answer cut", "once"),
    "half an answer": ("half an answer", "once"),
    "500": ("500", "once"),
    "504, though it acted": ("504, though it acted", "once"),
    "429 with Retry-After": ("429 with Retry-After", "once"),
    "429 without": ("429 without", "once"),
    "a page with 200": ("html", "once"),
    "killed before it": ("killed before it", "once"),
    "killed after it": ("killed after it", "once"),
    "no connections from here on": ("refused", "all"),
    "no answers from here on": ("answer lost", "all"),
    "this server: no answers from here on": ("answer lost", "this server"),
    "this server: 500 from here on": ("500", "this server"),
    "this server: 403 from here on": ("403", "this server"),
    "this server: pages from here on": ("html", "this server"),
    "GitHub reads late": ("read late", "once"),
    "GitHub reads late from here on": ("read late", "all"),
}
"""What goes wrong, and whether with one request, or from it on with its server, or with all."""
DECISIVE = (
    "killed after it",
    "answer lost",
    "504, though it acted",
    "this server: no answers from here on",
    "this server: 403 from here on",
    "GitHub reads late",
    "GitHub reads late from here on",
)
"""Those that leave the most in doubt: what was done and is not known, or can't be gone on with."""
PAIRED = (FIRST, AT_ONCE, CHECK, POST, POST_ANEW)
"""The scenarios for pairs of faults."""
SURVIVED = ("answer lost", "504, though it acted", "GitHub reads late from here on")
"""The first of two faults in one run, which often goes on after it."""
SECOND = (
    "killed after it",
    "this server: no answers from here on",
    "this server: 403 from here on",
    "answer lost",
)
"""And the second one."""
CUTTING = ("killed after it", "this server: no answers from here on")
"""The first of two faults where the second one, a decisive one, strikes the next run."""
MOST_PAIRS = 250
"""Of a scenario and a kind: of more, a sample is played."""


class Hit(NamedTuple):
    """A fault by its name, and the request that it strikes, counted from 0."""

    name: str
    at: int

    @property
    def fault(self) -> Fault:
        """To be put on the wire."""
        kind, where = FAULTS[self.name]
        times = 1 if where == "once" else ALWAYS
        return Fault(kind, self.at, times, of_server=where == "this server")


Hits = tuple[Hit, ...]


@dataclass(frozen=True)
class Played:
    """What a play came to."""

    runs: tuple[tuple[str, ...], ...]
    """The requests of each run: of the struck one, and of those that it took after it."""
    orphans: int
    violations: tuple[str, ...]


@dataclass
class Tally:
    """What many plays of one scenario came to."""

    plays: int = 0
    orphans: int = 0
    """Plays after some run of which a token was in the window."""
    most_runs: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, scenario: Scenario, first: Hits, then: Hits = ()) -> None:
        """Play once more."""
        played = play(scenario, first, then)
        self.plays += 1
        self.orphans += bool(played.orphans)
        self.most_runs = max(self.most_runs, len(played.runs))
        struck = "; ".join(
            f"run {run + 1}, request {hit.at} ({(*asked, 'not asked')[min(hit.at, len(asked))]}): "
            f"{hit.name}"
            for run, (hits, asked) in enumerate(zip((first, then), played.runs, strict=False))
            for hit in hits
        )
        self.violations += [f"{scenario}: {struck}: {what}" for what in played.violations]


Rest = tuple[list[tuple[str, ...]], list[str], bool]
"""The runs after the struck ones, what was wrong then, and whether a token was in the window."""


@cache
def prepared(scenario: Scenario) -> tuple[World, Command, dict[str, Rest]]:
    """The world before the run, to be copied, the run's command, and what is known of the rest."""
    world = World(personality=scenario.personality)
    command = scenario.prepare(world)
    world.wire = Wire(world.wire.hosts, world.github)  # without a log, so that a copy costs less
    world.network = world.wire
    return world, command, {}


@cache
def play(scenario: Scenario, hits: Hits = (), then: Hits = ()) -> Played:
    """Run it with these faults; then as often as it takes, the first time with those of `then`."""
    world, command, rests = prepared(scenario)
    return strike(scenario, world.copied(), command, rests, hits, then)


def strike(
    scenario: Scenario,
    world: World,
    command: Command,
    rests: dict[str, Rest],
    hits: Hits,
    then: Hits = (),
) -> Played:
    """Play it in this world; what comes after the faults only where `rests` does not know it.

    Where two worlds differ by nothing but names and seconds, the same follows: it is played once.
    """
    witness = Witness(world)
    recovery = Recovery(world, witness, scenario)
    following = recovery.runs(command, [hit.fault for hit in hits])
    if following and then:
        following = recovery.runs(following, [hit.fault for hit in then])
    here = recovery.likeness(following)
    if here not in rests:
        ran, found, orphans = len(recovery.asked), len(witness.found), len(witness.orphans)
        recovery.goes_on(following)
        in_window = len(witness.orphans) > orphans
        rests[here] = recovery.asked[ran:], witness.found[found:], in_window
        runs, violations = recovery.asked, witness.found
    else:
        rest, wrong, in_window = rests[here]
        runs, violations = [*recovery.asked, *rest], [*witness.found, *wrong]
    witness.ends_for_good()
    orphans = len(witness.orphans) + in_window
    return Played(tuple(runs), orphans, tuple(dict.fromkeys((*violations, *witness.found))))


def faults(scenario: Scenario, *, every: bool = False) -> Iterable[str]:
    """The faults that are played at each request of a scenario."""
    return DECISIVE if scenario.variant and not every else FAULTS


def unstruck(scenario: Scenario) -> list[str]:
    """What is wrong although nothing strikes."""
    return [f"{scenario}: nothing struck: {violation}" for violation in play(scenario).violations]


def requests(scenario: Scenario) -> tuple[str, ...]:
    """The requests of a run that nothing strikes."""
    return play(scenario).runs[0]


def hits(faults: Iterable[str], asked: tuple[str, ...]) -> Iterator[Hit]:
    """Each of these faults at each of these requests where it makes a difference."""
    for name in faults:
        for at, ask in enumerate(asked):
            if FAULTS[name][0] != "read late" or re.match(r"(?!GET ).*/variables", ask):
                yield Hit(name, at)


Pair = tuple[Hits, Hits]
"""The faults of a first run, and of the run after it."""


def pairs_in_one_run(scenario: Scenario) -> Iterator[Pair]:
    """Two faults in the same run, the second one in what the run does after the first."""
    for first in hits(SURVIVED, requests(scenario)):
        for second in hits(SECOND, play(scenario, (first,)).runs[0]):
            if second.at > first.at:
                yield (first, second), ()


def pairs_in_two_runs(scenario: Scenario) -> Iterator[Pair]:
    """A fault in the run, and another one in the run after it."""
    for first in hits(CUTTING, requests(scenario)):
        for run in play(scenario, (first,)).runs[1:2]:
            yield from (((first,), (second,)) for second in hits(DECISIVE, run))


KINDS: Mapping[str, Callable[[Scenario], Iterator[Pair]]] = {
    "in one run": pairs_in_one_run,
    "in two runs": pairs_in_two_runs,
}


def sample(pairs: list[Pair]) -> list[Pair]:
    """MOST_PAIRS of them: always the same."""
    return Random(0).sample(pairs, min(MOST_PAIRS, len(pairs)))  # noqa: S311 - no secret
