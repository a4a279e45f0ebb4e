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
from functools import partial
from itertools import product

from tests.invariants.faults import kills, matrix
from tests.invariants.faults.matrix import KINDS, PAIRED, Hit
from tests.invariants.faults.scenarios import SCENARIOS
from tests.invariants.interleavings.meeting import SAMPLED, meet
from tests.invariants.interleavings.pairs import PAIRS
from tests.invariants.tally import Tally

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


Job = tuple[tuple[str, str, str], str, Callable[[], Tally]]
"""The titles of a table and of two of its columns; a row's name, and what plays it."""


def main(*, every: bool, only_interleavings: bool) -> int:
    """Play all, print the tables; whether anything was violated."""
    started, titles = time.monotonic(), ("", "", "")
    played, violations, lost = Counter[str](), list[str](), Counter[str]()
    # The longest come first, so that no processor is idle in the end.
    jobs = list(meetings(every=every or only_interleavings))
    jobs += [] if only_interleavings else struck(every=every)
    model = (
        None if only_interleavings else subprocess.Popen(MODEL, stdout=subprocess.PIPE, text=True)
    )
    with ProcessPoolExecutor(initializer=gc.freeze) as processors:
        rows = [(table, name, processors.submit(play)) for table, name, play in jobs]
        for table, name, future in rows:
            if table != titles:
                titles = table
                title, tried, plays = titles
                header = (title, "requests", tried, plays, "violations", "in window", "at most")
                print(f"\n{LINE.format(*header)}")
            row = future.result()
            counts = (row.tried, row.played, len(row.violations), row.in_window)
            print(LINE.format(name, row.requests or "", *counts, row.most_runs or ""), flush=True)
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
    for title, signals in (
        ("SIGKILL to a process on sockets", kills.kills),
        ("SIGINT or SIGTERM to a process on sockets", partial(kills.interruptions, every=every)),
    ):
        for name in map(str, kills.KILLED):
            yield (title, "signals", STRUCK), name, partial(signalled, name, signals)
    for name, kind in product(map(str, PAIRED), KINDS):
        table = ("Two faults", "pairs", STRUCK)
        yield table, f"{name}, {kind}", partial(in_pairs, name, kind, every)
    for name in NAMED:
        table = ("One fault, at each request", "faults", STRUCK)
        yield table, name, partial(alone, name, every)


def meetings(*, every: bool) -> Iterator[Job]:
    """Every row of the table of two runs at once."""
    for number, pair in enumerate(PAIRS):
        yield ("Two runs at once", "interleavings", MET), pair.name, partial(met, number, every)


# What a processor is sent are names: scenarios and pairs can't be.


def alone(name: str, every: bool) -> Tally:  # noqa: FBT001
    """One fault at each request."""
    scenario = NAMED[name]
    unstruck, faults = matrix.unstruck(scenario), list(matrix.faults(scenario, every=every))
    tally = Tally(len(unstruck.runs[0]), len(faults))
    tally.violations = [f"{scenario}: nothing struck: {what}" for what in unstruck.violations]
    hits = matrix.hits(faults, matrix.requests(scenario))
    for hit, played in matrix.strike_each(matrix.prepared(scenario), hits).items():
        tally.add(matrix.where(scenario, played, (hit,)), played)
    return tally


def in_pairs(name: str, kind: str, every: bool) -> Tally:  # noqa: FBT001
    """Two faults."""
    scenario, (pairs_of, strike) = NAMED[name], KINDS[kind]
    pairs = list(pairs_of(scenario))
    tally = Tally(len(matrix.requests(scenario)), len(pairs))
    seconds: dict[Hit, list[Hit]] = defaultdict(list)
    for first, then in pairs if every else matrix.sample(pairs):
        seconds[first].append(then)
    for first, some in seconds.items():
        for then, played in strike(scenario, first, some).items():
            both = [(first, then)] if kind == "in one run" else [(first,), (then,)]
            tally.add(matrix.where(scenario, played, *both), played)
    return tally


def signalled(name: str, signals: Callable[[list[str]], Iterator[kills.Kill]]) -> Tally:
    """A signal at each request of a process."""
    scenario = NAMED[name]
    return kills.kill_everywhere(scenario, signals(kills.requests(scenario)))


def met(number: int, every: bool) -> Tally:  # noqa: FBT001
    """Two runs at once."""
    return meet(PAIRS[number], 1 if every else SAMPLED)


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(every="--all" in words, only_interleavings="interleavings" in words))
