"""Which plays there are: each request with each fault, and pairs of faults."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from tests.invariants.faults.faults import (
    DECISIVE,
    FAULTS,
    GATEWAY_TIMEOUT,
    KILLED_AFTER,
    LOST,
    READ_LATE_FROM_HERE,
    REFUSED_FROM_HERE,
    SILENT_FROM_HERE,
    Fault,
    Hit,
)
from tests.invariants.faults.play import Played, play
from tests.invariants.faults.scenarios import AT_ONCE, CHECK, FIRST, POST, POST_ANEW, Scenario

PAIRED = (FIRST, AT_ONCE, CHECK, POST, POST_ANEW)
"""The scenarios for pairs of faults."""
SURVIVED = (LOST, GATEWAY_TIMEOUT, READ_LATE_FROM_HERE)
"""The first of two faults in one run, which often goes on after it."""
SECOND = (KILLED_AFTER, SILENT_FROM_HERE, REFUSED_FROM_HERE, LOST)
"""And the second one."""
CUTTING = (KILLED_AFTER, SILENT_FROM_HERE)
"""The first of two faults where the second one, a decisive one, strikes the next run."""
MOST_PAIRS = 250
"""Of a scenario and a kind: of more, a sample is played."""


@dataclass(frozen=True)
class Strike:
    """The faults of one play: those of the first run, and those of the next."""

    first: tuple[Hit, ...]
    then: tuple[Hit, ...] = ()


Kind = Callable[[Scenario], Iterator[Strike]]


@dataclass
class Tally:
    """What many plays of one scenario came to."""

    plays: int = 0
    orphans: int = 0
    """Plays after some run of which a token was in the window."""
    most_runs: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, scenario: Scenario, strike: Strike) -> None:
        """Play once more."""
        played = play(scenario, strike.first, strike.then)
        self.plays += 1
        self.orphans += bool(played.orphans)
        self.most_runs = max(self.most_runs, len(played.runs))
        where = f"{scenario}: {_told(strike, played)}"
        self.violations += [f"{where}: {violation}" for violation in played.violations]


def faults(scenario: Scenario, *, every: bool = False) -> tuple[Fault, ...]:
    """The faults that are played at each request of a scenario."""
    return DECISIVE if scenario.variant and not every else FAULTS


def unstruck(scenario: Scenario) -> list[str]:
    """What is wrong although nothing strikes."""
    return [f"{scenario}: nothing struck: {violation}" for violation in play(scenario).violations]


def requests(scenario: Scenario) -> tuple[str, ...]:
    """The requests of a run that nothing strikes."""
    return play(scenario).runs[0]


def singles(scenario: Scenario, fault: Fault) -> Iterator[Strike]:
    """This fault at each request."""
    yield from (Strike((hit,)) for hit in fault.hits(requests(scenario)))


def pairs_in_one_run(scenario: Scenario) -> Iterator[Strike]:
    """Two faults in the same run, the second one in what the run does after the first."""
    for first in _each(SURVIVED, requests(scenario)):
        for second in _each(SECOND, play(scenario, (first,)).runs[0]):
            if second.at > first.at:
                yield Strike((first, second))


def pairs_in_two_runs(scenario: Scenario) -> Iterator[Strike]:
    """A fault in the run, and another one in the run after it."""
    for first in _each(CUTTING, requests(scenario)):
        for run in play(scenario, (first,)).runs[1:2]:
            yield from (Strike((first,), (second,)) for second in _each(DECISIVE, run))


KINDS: Mapping[str, Kind] = {
    "in one run": pairs_in_one_run,
    "in two runs": pairs_in_two_runs,
}


def sample(strikes: Iterable[Strike]) -> list[Strike]:
    """MOST_PAIRS of them: always the same."""
    whole = list(strikes)
    return Random(0).sample(whole, min(MOST_PAIRS, len(whole)))  # noqa: S311 - no secret


def _each(faults: Iterable[Fault], asked: tuple[str, ...]) -> Iterator[Hit]:
    """Each of these faults at each of these requests."""
    return (hit for fault in faults for hit in fault.hits(asked))


def _told(strike: Strike, played: Played) -> str:
    """Which requests were struck, and by what."""
    told = []
    for run, hits in enumerate((strike.first, strike.then)):
        asked = played.runs[run] if run < len(played.runs) else ()
        for hit in hits:
            request = asked[hit.at] if hit.at < len(asked) else "not asked"
            told.append(f"run {run + 1}, request {hit.at} ({request}): {hit.fault}")
    return "; ".join(told)
