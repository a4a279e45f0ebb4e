"""`make interleavings`: prints how often two runs met, and what came of it; fails if it did harm.

Without `--all`, as `make faults` has it, they meet at one of so many places.
"""

import sys
import time
from collections import Counter

from tests.invariants.interleavings.meeting import SAMPLED, meet
from tests.invariants.interleavings.pairs import PAIRS

ROW = "{:<52}{:>14}{:>8}{:>12}{:>11}"
NOTES = """
Interleavings: one run goes up to a request, the other up to one, and then each to its end. Not
played is what is like one that was{sampled}. In window: a run
acted upon a journal that the other one had written between its look and that very act. What this
cost (tests/invariants/interleavings/pairs.py says what it may cost, and why):"""


def main(*, every: bool) -> int:
    """Play all, print the table; the number of violations."""
    started = time.monotonic()
    interleavings = played = in_window = 0
    violations: list[str] = []
    lost: Counter[str] = Counter()
    print(ROW.format("Two runs at once", "interleavings", "played", "violations", "in window"))
    for pair in PAIRS:
        tally = meet(pair, 1 if every else SAMPLED)
        counts = (tally.interleavings, tally.played, len(tally.violations), tally.in_window)
        print(ROW.format(pair.name, *counts), flush=True)
        interleavings += tally.interleavings
        played += tally.played
        in_window += tally.in_window
        violations += sorted(tally.violations)
        lost += tally.lost
    seconds = time.monotonic() - started
    print()
    print(
        f"{len(PAIRS)} pairs, {interleavings} interleavings, {played} played, {len(violations)} "
        f"violations, {in_window} in window; {seconds:.0f} s"
    )
    print(NOTES.format(sampled="" if every else ", or left out of the sample"))
    for what, times in lost.most_common():
        print(f"{times:>6} {what}")
    for violation in violations:
        print(f"- {violation}")
    return len(violations)


if __name__ == "__main__":
    sys.exit(bool(main(every="--all" in sys.argv[1:])))
