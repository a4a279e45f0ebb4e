"""`make faults`: plays model, faults and interleavings, prints the tables, fails on any violation.

With `--all`, every fault strikes in every scenario, and every pair is played: that takes minutes.
With `interleavings`, two runs take turns in every way, and nothing else is played. Every processor
takes its share of the rows.
"""

import gc
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from tests.invariants.faults import kills, matrix
from tests.invariants.faults.matrix import KINDS, PAIRED, Hit, Tally
from tests.invariants.faults.scenarios import SCENARIOS, Scenario
from tests.invariants.interleavings.meeting import SAMPLED, meet
from tests.invariants.interleavings.pairs import PAIRS

MODEL = (sys.executable, "-m", "pytest", "-m", "whole", "tests/invariants/model")
LINE = "{:<52}{:>9}{:>14}{:>8}{:>12}{:>11}{:>9}"
NAMED = {str(scenario): scenario for scenario in SCENARIOS}
STRUCK, MET = "struck", "played"
FAULTS = """
Struck: runs that a fault struck, each in a world of its own, and followed by runs without a fault
until the work was done; “at most” is how many runs that took, the struck one among them. In window:
after a run a token lived that stood in no journal and no secret, and the journal said that this may
be so. Each of them was brought back by approving or logging in again, or removed by hand as the
tool had said."""
INTERLEAVINGS = """
Interleavings: one run goes up to a request, the other up to one, and then each to its end. Not
played is what is like one that was, or left out of a sample. In window: a run acted upon a journal
that the other one had written between its look and that very act. What this cost
(tests/invariants/interleavings/pairs.py says what it may cost, and why):"""


@dataclass(frozen=True)
class Row:
    """What was played of a scenario or of a pair."""

    name: str
    requests: int | str
    tried: int
    played: int
    in_window: int
    most_runs: int | str
    violations: list[str]
    lost: Counter[str] = field(default_factory=Counter)
    """What the window between a look and an act cost, as it may."""


Job = tuple[tuple[str, str, str], Callable[[], Row]]
"""The titles of a table and of two of its columns, and what plays one of its rows."""


def main(*, every: bool, only_interleavings: bool) -> int:
    """Play all, print the tables; whether anything was violated."""
    started, titles = time.monotonic(), ("", "", "")
    played, violations, lost = Counter[str](), list[str](), Counter[str]()
    jobs = [] if only_interleavings else list(struck(every=every))
    jobs += meetings(every=every or only_interleavings)
    model = (
        None if only_interleavings else subprocess.Popen(MODEL, stdout=subprocess.PIPE, text=True)
    )
    with ProcessPoolExecutor(initializer=gc.freeze) as processors:
        rows = [(table, processors.submit(play)) for table, play in jobs]
        for table, future in rows:
            if table != titles:
                titles = table
                title, tried, plays = titles
                header = (title, "requests", tried, plays, "violations", "in window", "at most")
                print(f"\n{LINE.format(*header)}")
            row = future.result()
            counts = (row.tried, row.played, len(row.violations), row.in_window, row.most_runs)
            print(LINE.format(row.name, row.requests, *counts), flush=True)
            played[plays] += row.played
            violations += row.violations
            lost += row.lost
    if model:
        print(f"\nThe model:\n{model.communicate()[0]}")
    for note in (FAULTS, INTERLEAVINGS):
        print(note)
    for what, times in lost.most_common():
        print(f"{times:>6} {what}")
    print(
        f"\n{played[STRUCK]} struck runs, {played[MET]} interleavings played, {len(violations)} "
        f"violations; {time.monotonic() - started:.0f} s"
    )
    for violation in violations:
        print(f"- {violation}")
    return int(bool(violations or (model and model.returncode)))


def struck(*, every: bool) -> Iterator[Job]:
    """Every row of the tables of faults, kills and interruptions."""
    single, pair = ("One fault, at each request", "faults"), ("Two faults", "pairs")
    for scenario in SCENARIOS:
        yield (*single, STRUCK), partial(alone, str(scenario), every)
    for scenario in PAIRED:
        for kind in KINDS:
            yield (*pair, STRUCK), partial(in_pairs, str(scenario), kind, every)
    for title, signals in (
        ("SIGKILL to a process on sockets", kills.kills),
        ("SIGINT or SIGTERM to a process on sockets", partial(kills.interruptions, every=every)),
    ):
        for scenario in kills.KILLED:
            yield (title, "signals", STRUCK), partial(signalled, str(scenario), signals)


def meetings(*, every: bool) -> Iterator[Job]:
    """Every row of the table of two runs at once."""
    for number in range(len(PAIRS)):
        yield ("Two runs at once", "interleavings", MET), partial(met, number, every)


def alone(name: str, every: bool) -> Row:  # noqa: FBT001
    """One fault at each request."""
    scenario = NAMED[name]
    faults, tally = list(matrix.faults(scenario, every=every)), Tally()
    hits = matrix.hits(faults, matrix.requests(scenario))
    for hit, played in matrix.strike_each(matrix.prepared(scenario), hits).items():
        tally.add(scenario, played, (hit,))
    unstruck = matrix.unstruck(scenario).violations
    tally.violations += [f"{scenario}: nothing struck: {violation}" for violation in unstruck]
    return _row(scenario, name, len(faults), tally)


def in_pairs(name: str, kind: str, every: bool) -> Row:  # noqa: FBT001
    """Two faults."""
    scenario, (pairs_of, strike) = NAMED[name], KINDS[kind]
    pairs, tally = list(pairs_of(scenario)), Tally()
    seconds: dict[Hit, list[Hit]] = defaultdict(list)
    for first, then in pairs if every else matrix.sample(pairs):
        seconds[first].append(then)
    for first, some in seconds.items():
        for then, played in strike(scenario, first, some).items():
            if kind == "in one run":
                tally.add(scenario, played, (first, then))
            else:
                tally.add(scenario, played, (first,), (then,))
    return _row(scenario, f"{name}, {kind}", len(pairs), tally)


def signalled(name: str, signals: Callable[[list[str]], Iterator[kills.Kill]]) -> Row:
    """A signal at each request of a process."""
    scenario = NAMED[name]
    some = list(signals(kills.requests(scenario)))
    return _row(scenario, name, len(some), kills.kill_everywhere(scenario, some))


def met(number: int, every: bool) -> Row:  # noqa: FBT001
    """Two runs at once."""
    pair = PAIRS[number]
    tally = meet(pair, 1 if every else SAMPLED)
    found = sorted(tally.violations)
    counts = (tally.interleavings, tally.played, tally.in_window)
    return Row(pair.name, "", *counts, "", found, tally.lost)


def _row(scenario: Scenario, name: str, tried: int, tally: Tally) -> Row:
    length = len(matrix.requests(scenario))
    counts = (tally.plays, tally.orphans, tally.most_runs)
    return Row(name, length, tried, *counts, tally.violations)


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(every="--all" in words, only_interleavings="interleavings" in words))
