"""Which faults strike which requests of a scenario, alone and in pairs; and each such play."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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
from tests.invariants.faults.trials import Rest, Trials
from tests.invariants.tally import Played
from tests.invariants.witness import Witness
from tests.support.wire import ALWAYS, Fault, FaultKind, Killed, Wire
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
Later = tuple[list[tuple[str, ...]], list[str], bool]
"""The runs after the struck ones, what was wrong then, and whether a token was in the window."""


@dataclass(frozen=True)
class Start:
    """A world before a run, to be copied for each play."""

    recovery: Recovery
    command: Command
    rests: dict[str, Later]
    """What is known of the runs after struck ones."""


@cache
def prepared(scenario: Scenario) -> Start:
    """The world before the scenario's run."""
    world = World(personality=scenario.personality)
    command = scenario.prepare(world)
    world.wire = Wire(world.wire.hosts, world.github)  # without a log, so that a copy costs less
    world.network = world.wire
    return Start(Recovery(world, Witness(world), scenario), command, {})


def strike(start: Start, hits: Hits = ()) -> Played:
    """Run it with these faults; then as often as it takes."""
    recovery = start.recovery.copied()
    following = recovery.runs(start.command, [hit.fault for hit in hits])
    return _gone_on(start, recovery, following)


def strike_each(start: Start, hits: Iterable[Hit], besides: Hits = ()) -> dict[Hit, Played]:
    """The same with each of these faults, all of them `besides` some others."""
    hits, recovery, command = list(hits), start.recovery.copied(), start.command
    this, began = len(recovery.asked), recovery.world.time
    others = [hit.fault for hit in besides]
    trials = Trials(recovery, command, {hit: hit.fault for hit in hits}, others)
    ended, unstruck = recovery.ended, _gone_on(start, recovery, trials.following)
    rests: dict[str, list[Rest]] = defaultdict(list)
    for sent in trials.sent.values():
        rests[sent.state].append(Rest(sent, unstruck.runs[this][sent.asked :], ended, unstruck))
    each = {}
    for hit in hits:
        if hit not in trials.struck:  # what it strikes is the repetition of a request
            each[hit] = strike(start, (*besides, hit))
            continue
        sent, copy, lasts = struck = trials.struck[hit]
        if isinstance(sent.outcome, Killed):
            each[hit] = _gone_on(start, copy, copy.ends(command, Killed()))
        elif rest := next((one for one in rests[sent.state] if one.follows(struck, began)), None):
            copy.witness.ends_for_good()
            run = (*copy.witness.record.asked, *rest.asked)
            runs = (*rest.played.runs[:this], run, *rest.played.runs[this + 1 :])
            found = dict.fromkeys((*copy.witness.found, *rest.played.violations))
            each[hit] = Played(runs, rest.played.orphans, tuple(found))
        else:
            following, ended = copy.ends(command, trials.resume(hit)), copy.ended
            each[hit] = played = _gone_on(start, copy, following)
            asked = played.runs[this][sent.asked :]
            rests[sent.state].append(Rest(sent, asked, ended, played, lasts))
    return each


def _gone_on(start: Start, recovery: Recovery, following: Command | None) -> Played:
    """Go on after the struck runs, where `rests` does not know what comes.

    Where two worlds differ by nothing but names and seconds, the same follows: it is played once.
    """
    witness, here = recovery.witness, recovery.likeness(following, recovery.world.time)
    if here not in start.rests:
        ran, found, orphans = len(recovery.asked), len(witness.found), len(witness.orphans)
        recovery.goes_on(following)
        in_window = len(witness.orphans) > orphans
        start.rests[here] = recovery.asked[ran:], witness.found[found:], in_window
        runs, violations = recovery.asked, witness.found
    else:
        rest, wrong, in_window = start.rests[here]
        runs, violations = [*recovery.asked, *rest], [*witness.found, *wrong]
    witness.ends_for_good()
    orphans = len(witness.orphans) + in_window
    return Played(tuple(runs), orphans, tuple(dict.fromkeys((*violations, *witness.found))))


@cache
def unstruck(scenario: Scenario) -> Played:
    """What comes of it where nothing strikes."""
    return strike(prepared(scenario))


def requests(scenario: Scenario) -> tuple[str, ...]:
    """The requests of a run that nothing strikes."""
    return unstruck(scenario).runs[0]


def faults(scenario: Scenario, *, every: bool = False) -> Iterable[str]:
    """The faults that are played at each request of a scenario."""
    return DECISIVE if scenario.variant and not every else FAULTS


def hits(faults: Iterable[str], asked: tuple[str, ...]) -> Iterator[Hit]:
    """Each of these faults at each of these requests where it makes a difference."""
    for name in faults:
        for at, ask in enumerate(asked):
            if FAULTS[name][0] != "read late" or re.match(r"(?!GET ).*/variables", ask):
                yield Hit(name, at)


Pair = tuple[Hit, Hit]


def pairs_in_one_run(scenario: Scenario) -> Iterator[Pair]:
    """Two faults in the same run, the second one in what the run does after the first."""
    for first, played in strike_each(
        prepared(scenario), hits(SURVIVED, requests(scenario))
    ).items():
        yield from ((first, then) for then in hits(SECOND, played.runs[0]) if then.at > first.at)


def pairs_in_two_runs(scenario: Scenario) -> Iterator[Pair]:
    """A fault in the run, and another one in the run after it."""
    for first, played in strike_each(prepared(scenario), hits(CUTTING, requests(scenario))).items():
        for run in played.runs[1:2]:
            yield from ((first, then) for then in hits(DECISIVE, run))


def strike_in_one_run(scenario: Scenario, first: Hit, then: Iterable[Hit]) -> dict[Hit, Played]:
    """The first fault and each of the others."""
    return strike_each(prepared(scenario), then, (first,))


def strike_in_two_runs(scenario: Scenario, first: Hit, then: Iterable[Hit]) -> dict[Hit, Played]:
    """The first fault, and each of the others in the run after it."""
    start = prepared(scenario)
    recovery = start.recovery.copied()
    following = recovery.runs(start.command, [first.fault])
    assert following
    return strike_each(Start(recovery, following, start.rests), then)


KINDS = {
    "in one run": (pairs_in_one_run, strike_in_one_run),
    "in two runs": (pairs_in_two_runs, strike_in_two_runs),
}


def sample(pairs: list[Pair]) -> list[Pair]:
    """MOST_PAIRS of them: always the same."""
    return Random(0).sample(pairs, min(MOST_PAIRS, len(pairs)))  # noqa: S311 - no secret


def where(scenario: Scenario, played: Played, first: Hits, then: Hits = ()) -> str:
    """Which requests of the first run were struck, and perhaps of the one after it."""
    struck = "; ".join(
        f"run {run + 1}, request {hit.at} ({(*asked, 'not asked')[min(hit.at, len(asked))]}): "
        f"{hit.name}"
        for run, (hits, asked) in enumerate(zip((first, then), played.runs, strict=False))
        for hit in hits
    )
    return f"{scenario}: {struck}"
