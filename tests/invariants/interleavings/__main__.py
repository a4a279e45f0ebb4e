"""`make interleavings`: prints how often two runs met, and what came of it; fails if it did harm.

Without `--all`, as `make faults` has it, they meet at one of so many places.
"""

import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.invariants.interleavings.meeting import SAMPLED, Tally, meet
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
    whole = Tally()
    print(ROW.format("Two runs at once", "interleavings", "played", "violations", "in window"))
    with ProcessPoolExecutor() as processors:
        played = processors.map(partial(play, 1 if every else SAMPLED), range(len(PAIRS)))
        for pair, tally in zip(PAIRS, played, strict=True):
            counts = (tally.interleavings, tally.played, len(tally.violations), tally.in_window)
            print(ROW.format(pair.name, *counts), flush=True)
            whole.interleavings += tally.interleavings
            whole.played += tally.played
            whole.in_window += tally.in_window
            whole.violations |= tally.violations
            whole.lost += tally.lost
    seconds = time.monotonic() - started
    print(
        f"\n{len(PAIRS)} pairs, {whole.interleavings} interleavings, {whole.played} played, "
        f"{len(whole.violations)} violations, {whole.in_window} in window; {seconds:.0f} s"
    )
    print(NOTES.format(sampled="" if every else ", or left out of the sample"))
    for what, times in Counter(whole.lost).most_common():
        print(f"{times:>6} {what}")
    for violation in sorted(whole.violations):
        print(f"- {violation}")
    return len(whole.violations)


def play(every: int, number: int) -> Tally:
    """Play one pair, in a process of its own."""
    return meet(PAIRS[number], every)


if __name__ == "__main__":
    sys.exit(bool(main(every="--all" in sys.argv[1:])))
