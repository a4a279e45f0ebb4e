"""`make faults`: prints how many faults were played, and what came of it; fails if any did harm.

With `--all`, every fault strikes in every scenario, and every pair is played: that takes minutes.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from tests.faults import kills, matrix
from tests.faults.kills import Kill
from tests.faults.matrix import PAIRED, Kind, Strike, Tally
from tests.faults.scenarios import SCENARIOS, Scenario

ROW = "{:<42}{:>9}{:>9}{:>9}{:>12}{:>11}{:>10}"
KINDS: dict[str, Kind] = {
    "in one run": matrix.pairs_in_one_run,
    "in two runs": matrix.pairs_in_two_runs,
}
NOTES = """
Struck: runs that a fault struck, each in a world of its own, and followed by runs without a fault
until the work was done; “at most” is how many runs that took, the struck one among them. In window:
after a run a token lived that stood in no journal and no secret, and the journal said that this may
be so. Each of them was brought back by approving again, or removed by hand as the tool had said."""


def main(*, every: bool) -> int:
    """Play all, print the tables; the number of violations."""
    started = time.monotonic()
    tallies = [*singles(every=every), *pairs(every=every), *processes(every=every)]
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


def singles(*, every: bool) -> Iterator[Tally]:
    """A fault at each request."""
    header("One fault, at each request", "faults")
    for scenario in SCENARIOS:
        faults = matrix.faults(scenario, every=every)
        strikes = [one for fault in faults for one in matrix.singles(scenario, fault)]
        yield played(scenario, scenario.name, len(faults), strikes)


def pairs(*, every: bool) -> Iterator[Tally]:
    """Two faults: all, or a sample."""
    header("Two faults", "pairs")
    for scenario in PAIRED:
        for name, kind in KINDS.items():
            strikes = list(kind(scenario))
            some = strikes if every else matrix.sample(strikes)
            yield played(scenario, f"{scenario}, {name}", len(strikes), some)


def processes(*, every: bool) -> Iterator[Tally]:
    """Real ones, killed and interrupted."""
    signals: dict[str, Callable[[Scenario], Iterator[Kill]]] = {
        "SIGKILL": kills.kills,
        "SIGINT or SIGTERM": partial(kills.interruptions, every=every),
    }
    for title, of in signals.items():
        header(f"{title} to a process on sockets", "signals")
        for scenario in kills.KILLED:
            tally = kills.kill_everywhere(scenario, of(scenario))
            row(scenario, scenario.name, tally.plays, tally)
            yield tally


def played(scenario: Scenario, name: str, faults: int, strikes: Iterable[Strike]) -> Tally:
    """Play these, and print what came of them."""
    tally = Tally()
    for strike in strikes:
        tally.add(scenario, strike)
    row(scenario, name, faults, tally)
    return tally


def header(title: str, faults: str) -> None:
    """The head of a table."""
    print()
    print(ROW.format(title, "requests", faults, "struck", "violations", "in window", "at most"))


def row(scenario: Scenario, name: str, faults: int, tally: Tally) -> None:
    """A row of it."""
    counts = (tally.plays, len(tally.violations), tally.orphans, tally.most_runs)
    print(ROW.format(name, len(matrix.requests(scenario)), faults, *counts), flush=True)


if __name__ == "__main__":
    sys.exit(bool(main(every="--all" in sys.argv[1:])))
