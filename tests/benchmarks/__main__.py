"""`make bench`: prints how fast the tool is, beside other tools for the same work. No verdict."""

import os
import platform
import statistics
import textwrap
from collections.abc import Iterable
from pathlib import Path

from provisioner import __version__
from tests.benchmarks import image, provisioning, start_up
from tests.benchmarks.provisioning import NAMES, ROUND_TRIP, Run
from tests.benchmarks.slow_link import Asked

ROUNDS = 5
ROUNDS_OF_HELP = 25
KINDS = ("first", "rotation")

DIFFERENCE = """\
What the two do differently. Provisioner writes its journal four times (the attempt, the token, that
it is the right account's, the result), so that a run that is killed anywhere loses no token, and
reads it before each of these but the second, and at the end, so that another run is noticed: this
is what it asks again. It checks whose token it is before anything is stored, and whose repository
and journal these are. Mastodon.py + gh do nothing of this. They ask for the instance's metadata
and version, and gh connects to GitHub anew for each thing that it writes."""


def main() -> None:
    """Measure and print."""
    print(f"provisioner {__version__}, Python {platform.python_version()}, {machine()}\n")
    with provisioning.set_stage() as stage:
        print_provisioning(provisioning.measure_all(stage, ROUNDS))
    print_help(start_up.measure_all(ROUNDS_OF_HELP))
    image.main()


def print_provisioning(runs: dict[tuple[str, str], list[Run]]) -> None:
    """The table, and what was asked in it."""
    print(
        f"From the code to the secret, with {1000 * ROUND_TRIP:.0f} ms for each connection and "
        f"each request, one after another:\nthat is the latency. Medians of {ROUNDS} runs "
        "(range). Connections: to the instance + to GitHub. Asked\ntwice: requests of the same "
        "method, path and body.\n"
    )
    row = "{:<17}{:<9}{:>8}{:>13}{:>13}{:>9}{:>20}{:>8}"
    print(row.format("", "", "requests", "asked twice", "connections", "latency", "wall", "ratio"))
    for (name, kind), of_kind in runs.items():
        latency = statistics.median(run.latency for run in of_kind)
        wall = [run.seconds for run in of_kind]
        to_instance = counts(len(run.instance) for run in of_kind)
        to_github = counts(len(run.github) for run in of_kind)
        print(
            row.format(
                name,
                kind,
                counts(len(run.requests) for run in of_kind),
                counts(run.repeated for run in of_kind),
                f"{to_instance} + {to_github}",
                f"{latency:.1f} s",
                spread(wall, "s", 2),
                f"{statistics.median(wall) / latency:.2f}",
            )
        )
    for kind in KINDS:
        ours, theirs = (statistics.median(r.seconds for r in runs[name, kind]) for name in NAMES)
        print(f"{NAMES[0]} beside {NAMES[1]}, {kind}: {ours / theirs:.2f} of its wall time")
    print(f"\n{DIFFERENCE}\n")
    for name in NAMES:
        print(f"{name}, first, a line for each connection:")
        print_connections(runs[name, "first"][-1])


def print_connections(run: Run) -> None:
    """What was asked over each connection."""
    for host, connections in (("instance", run.instance), ("GitHub", run.github)):
        for asked in connections:
            line = f"{host}: {', '.join(map(short, asked))}"
            print(textwrap.fill(line, 98, initial_indent="  ", subsequent_indent="    "))
    print()


def print_help(seconds: dict[str, list[float]]) -> None:
    """Both times and their ratio."""
    print(f"Start-up, medians of {ROUNDS_OF_HELP} alternating runs (range):\n")
    for name, of_command in seconds.items():
        print(f"{name:<26}{spread([1000 * one for one in of_command], 'ms', 0):>20}")
    ours, typer = (statistics.median(of_command) for of_command in seconds.values())
    print(f"{'ratio':<26}{ours / typer:>20.2f}")


def short(asked: Asked) -> str:
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
