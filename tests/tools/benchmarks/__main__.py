"""`make bench`: prints how fast the tool is, beside other tools for the same work. No verdict."""

import os
import platform
import statistics
import textwrap
from collections.abc import Iterable
from pathlib import Path

from provisioner import __version__
from tests.tools.benchmarks import image, provisioning, start_up
from tests.tools.benchmarks.provisioning import KINDS, LATENCIES, NAMES, STEPS, Run, Runs
from tests.tools.benchmarks.slow_link import Asked

ROUNDS = 5
ROUNDS_OF_HELP = 25
OURS, THEIRS = NAMES
SHORT, LONG = LATENCIES
# Requests, round trips, and the ratio to the other tools: at most.
GOALS = {
    ("begin", "first"): "goals: 8 round trips",
    ("begin", "rotation"): "goals: 6 round trips",
    ("complete", "first"): "goals: 15 requests, 10 round trips, ratio 1.1",
    ("complete", "rotation"): "goals: 14 requests, 9 round trips, ratio 1.0",
}

DIFFERENCE = """\
What the two do differently. Provisioner writes a journal before and after the exchange, so that a
run that is killed anywhere loses no token, and looks at it again before it writes the secret, so
that another run is noticed. It checks whose token it is before anything is stored. Mastodon.py + gh
do nothing of this. They ask for the instance's version, and gh connects to GitHub anew for each
thing that it writes."""


def main() -> None:
    """Measure and print."""
    print(f"provisioner {__version__}, Python {platform.python_version()}, {machine()}\n")
    with provisioning.set_stage() as world:
        print_provisioning(provisioning.measure_all(world, ROUNDS))
    print_help(start_up.measure_all(ROUNDS_OF_HELP))
    image.main()


def print_provisioning(runs: Runs) -> None:
    """The table, and what was asked in it."""
    short_ms, long_ms = (round(1000 * latency) for latency in LATENCIES)
    print(
        f"Wall: from a process's start to its end, with {short_ms} ms for each connection and each "
        f"answer; medians\nof {ROUNDS} runs (range). Writes: all (the journal's). Round trips: "
        f"(wall at {long_ms} ms - wall at {short_ms} ms)\n/ {long_ms - short_ms} ms, of the "
        "fastest runs.\n"
    )
    row = "{:<20}{:>8}{:>8}{:>12}{:>22}"
    for step in STEPS:
        for kind in KINDS:
            print(row.format(f"{step}, {kind}", "requests", "writes", "round trips", "wall"))
            for name in NAMES:
                short, long = (runs[name, step, kind, latency] for latency in LATENCIES)
                both = (*short, *long)
                journal = counts(run.journal_writes for run in both)
                print(
                    row.format(
                        f"  {name}",
                        counts(len(run.requests) for run in both),
                        f"{counts(run.writes for run in both)} ({journal})",
                        f"{round_trips(short, long):.1f}",
                        spread([run.seconds for run in short], "s", 2),
                    )
                )
            ratio = wall(runs[OURS, step, kind, SHORT]) / wall(runs[THEIRS, step, kind, SHORT])
            print(f"  ratio of the wall times: {ratio:.2f} ({GOALS[step, kind]})\n")
    print(f"{DIFFERENCE}\n")
    for step in STEPS:
        for name in NAMES:
            print(f"{name}, {step}, first, a line for each connection:")
            print_connections(runs[name, step, "first", SHORT][-1])


def round_trips(short: list[Run], long: list[Run]) -> float:
    """How many latencies follow one another: the slope of the wall time.

    Of the fastest runs, since whatever else the machine does only makes one slower.
    """
    fastest = [min(run.seconds for run in runs) for runs in (short, long)]
    return (fastest[1] - fastest[0]) / (LONG - SHORT)


def wall(runs: list[Run]) -> float:
    """The median of the runs' seconds."""
    return statistics.median(run.seconds for run in runs)


def print_connections(run: Run) -> None:
    """What was asked over each connection."""
    for host, connections in (("instance", run.instance), ("GitHub", run.github)):
        for asked in connections:
            line = f"{host}: {', '.join(map(short_form, asked))}"
            print(textwrap.fill(line, 98, initial_indent="  ", subsequent_indent="    "))
    print()


def print_help(seconds: dict[str, list[float]]) -> None:
    """Both times and their ratio."""
    print(f"Start-up, medians of {ROUNDS_OF_HELP} alternating runs (range):\n")
    for name, of_command in seconds.items():
        print(f"{name:<26}{spread([1000 * one for one in of_command], 'ms', 0):>20}")
    ours, bare = (statistics.median(of_command) for of_command in seconds.values())
    print(f"{'ratio':<26}{ours / bare:>20.2f}")


def short_form(asked: Asked) -> str:
    """A request by its method and the end of its path."""
    return f"{asked.method} {'/'.join(asked.path.split('/')[-2:])}"


def spread(values: list[float], unit: str, digits: int) -> str:
    """Median and range."""
    low, median, high = (
        f"{one:.{digits}f}" for one in (min(values), statistics.median(values), max(values))
    )
    return f"{median} {unit} ({low}-{high})"


def counts(values: Iterable[int]) -> str:
    """A number where all are the same, as they should be; else their range."""
    low, *_, high = sorted(values)
    return str(low) if low == high else f"{low}-{high}"


def machine() -> str:
    """The system and its processors."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{platform.system()}, {os.cpu_count()} x {names[0] if names else model}"


if __name__ == "__main__":
    main()
