"""`make faults`: prints how many faults were played, and what came of it; fails if any did harm.

With `--all`, every fault strikes in every scenario, and every pair is played: that takes minutes.
Every processor takes its share of the rows.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.invariants.faults import kills, matrix
from tests.invariants.faults.matrix import KINDS, PAIRED, Pair, Tally
from tests.invariants.faults.scenarios import SCENARIOS, Scenario

ROW = "{:<42}{:>9}{:>9}{:>9}{:>12}{:>11}{:>10}"
HEADER = ("struck", "violations", "in window", "at most")
SINGLE, PAIR = ("One fault, at each request", "faults"), ("Two faults", "pairs")
KILLED = ("SIGKILL to a process on sockets", "signals")
INTERRUPTED = ("SIGINT or SIGTERM to a process on sockets", "signals")
NOTES = """
Struck: runs that a fault struck, each in a world of its own, and followed by runs without a fault
until the work was done; “at most” is how many runs that took, the struck one among them. In window:
after a run a token lived that stood in no journal and no secret, and the journal said that this may
be so. Each of them was brought back by approving or logging in again, or removed by hand as the
tool had said."""


@dataclass(frozen=True)
class Job:
    """A row of a table that is still to be played."""

    table: tuple[str, str]
    scenario: Scenario
    kind: str = ""
    """Of a pair."""
    every: bool = False


@dataclass(frozen=True)
class Row:
    """What was played."""

    name: str
    requests: int
    tried: int
    """How many faults, pairs or signals there are."""
    tally: Tally


def main(*, every: bool) -> int:
    """Play all, print the tables; the number of violations."""
    started = time.monotonic()
    tallies, table = [], ("", "")
    rows = list(jobs(every=every))
    with ProcessPoolExecutor() as processors:
        for job, row in zip(rows, processors.map(play, rows), strict=True):
            if job.table != table:
                table = job.table
                print()
                print(ROW.format(table[0], "requests", table[1], *HEADER))
            counts = (row.tally.plays, len(row.tally.violations), row.tally.orphans)
            print(
                ROW.format(row.name, row.requests, row.tried, *counts, row.tally.most_runs),
                flush=True,
            )
            tallies.append(row.tally)
    struck, orphans = sum(one.plays for one in tallies), sum(one.orphans for one in tallies)
    violations = [violation for tally in tallies for violation in tally.violations]
    seconds = time.monotonic() - started
    print()
    print(
        f"{struck} struck runs, {len(violations)} violations, {orphans} in window; {seconds:.0f} s"
    )
    print(NOTES)
    for violation in violations:
        print(f"- {violation}")
    return len(violations)


def jobs(*, every: bool) -> Iterator[Job]:
    """Every row of every table."""
    yield from (Job(SINGLE, scenario, every=every) for scenario in SCENARIOS)
    yield from (Job(PAIR, scenario, kind, every) for scenario in PAIRED for kind in KINDS)
    for table in (KILLED, INTERRUPTED):
        yield from (Job(table, scenario, every=every) for scenario in kills.KILLED)


def play(job: Job) -> Row:
    """Play one row, in a process of its own."""
    scenario, asked = job.scenario, matrix.requests(job.scenario)
    if job.table in {KILLED, INTERRUPTED}:
        on_sockets = kills.requests(scenario)
        kill = job.table == KILLED
        signals = (
            kills.kills(on_sockets) if kill else kills.interruptions(on_sockets, every=job.every)
        )
        tally = kills.kill_everywhere(scenario, signals)
        return Row(str(scenario), len(asked), tally.plays, tally)
    if job.table == SINGLE:
        faults = list(matrix.faults(scenario, every=job.every))
        tally = _played(scenario, (((hit,), ()) for hit in matrix.hits(faults, asked)))
        tally.violations += matrix.unstruck(scenario)
        return Row(str(scenario), len(asked), len(faults), tally)
    pairs = list(KINDS[job.kind](scenario))
    some = pairs if job.every else matrix.sample(pairs)
    return Row(f"{scenario}, {job.kind}", len(asked), len(pairs), _played(scenario, some))


def _played(scenario: Scenario, pairs: Iterable[Pair]) -> Tally:
    tally = Tally()
    for first, then in pairs:
        tally.add(scenario, first, then)
    return tally


if __name__ == "__main__":
    sys.exit(bool(main(every="--all" in sys.argv[1:])))
