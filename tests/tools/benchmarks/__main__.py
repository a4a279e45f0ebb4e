"""`make bench`: prints how fast the tool is, beside other tools for the same work. No verdict."""

import os
import platform
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median

from provisioner import __version__
from tests.e2e.engine import ROOT, Engine, base_image, container_engine, stand_in_recipe
from tests.tools.benchmarks import provisioning
from tests.tools.benchmarks.provisioning import KINDS, LATENCIES, OUR_BIN, STEPS, TOOLS, Runs

ROUNDS, ROUNDS_OF_HELP, ROUNDS_OF_IMAGE = 5, 25, 15
IMAGE, CONTAINER = "mastodon-provisioner", "mastodon-provisioner-bench"
TOKEN = "github_pat_0123456789"
IN_WORKFLOW = (
    (
        *("GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=schedule", "INPUT_ACCOUNT=bot@{}"),
        *("GITHUB_REPOSITORY=acme/demo", "INPUT_REPOSITORY=acme/demo"),
        f"INPUT_GITHUB-TOKEN={TOKEN}",
    ),
    "action",
)
ON_COMMAND_LINE = (
    (f"GH_TOKEN={TOKEN}",),
    *("begin", "--account=bot@{}", "--repository=acme/demo"),
)
"""Variables of a container, and its arguments; {} is where the request is to arrive."""
PATIENCE = 30.0
GOALS = {
    ("begin", "first"): "goals: 8 round trips",
    ("begin", "rotation"): "goals: 6 round trips",
    ("complete", "first"): "goals: 15 requests, 10 round trips, ratio 1.1",
    ("complete", "rotation"): "goals: 14 requests, 9 round trips, ratio 1.0",
}
"""Requests, round trips, and the ratio to the other tools: at most."""
DIFFERENCE = """\
What the two do differently. Provisioner writes a journal before and after the exchange, so that a
run that is killed anywhere loses no token, and looks at it again before it writes the secret, so
that another run is noticed. It checks whose token it is before anything is stored. Mastodon.py + gh
do nothing of this. They ask for the instance's version, and gh connects to GitHub anew for each
thing that it writes.
"""


def main() -> None:
    """Measure and print."""
    print(f"provisioner {__version__}, Python {platform.python_version()}, {platform.platform()}")
    print(f"{os.cpu_count()} processors\n")
    with provisioning.served() as servers:
        print_provisioning(provisioning.measure_all(servers, ROUNDS))
        setups = [provisioning.seconds_of_setup(servers, f"bots/{n}") for n in range(ROUNDS)]
        print(f"setup, from the command to its end, less the person's: {median(setups):.2f} s\n")
    python = str(OUR_BIN / "python")
    programs = {
        "provisioner --help": [python, "-m", "provisioner", "--help"],
        "python -c pass": [python, "-c", "pass"],
    }
    print_ratio(
        "Start-up",
        {name: partial(to_end, command) for name, command in programs.items()},
        ROUNDS_OF_HELP,
    )
    with container_engine() as engine:
        measure_image(engine)


def print_provisioning(runs: Runs) -> None:
    """The table."""
    short_ms, long_ms = (round(1000 * latency) for latency in LATENCIES)
    print(
        f"Wall: from a process's start to its end, with {short_ms} ms for each connection and each "
        f"answer; medians\nof {ROUNDS} runs. Writes: all (the journal's). Round trips: "
        f"(wall at {long_ms} ms - wall at {short_ms} ms)\n/ {long_ms - short_ms} ms, of the "
        "fastest runs, since whatever else the machine does only makes one slower.\n"
    )
    row = "{:<20}{:>10}{:>10}{:>13}{:>10}"
    for step in STEPS:
        for kind in KINDS:
            print(row.format(f"{step}, {kind}", "requests", "writes", "round trips", "wall"))
            walls = []
            for tool in TOOLS:
                short, long = (runs[tool, step, kind, latency] for latency in LATENCIES)
                requests = {len(one.requests) for one in (*short, *long)}
                writes = {f"{one.writes} ({one.journal_writes})" for one in (*short, *long)}
                fastest = [min(one.seconds for one in some) for some in (short, long)]
                trips = (fastest[1] - fastest[0]) / (LATENCIES[1] - LATENCIES[0])
                walls.append(median(one.seconds for one in short))
                counts = (" or ".join(map(str, sorted(some))) for some in (requests, writes))
                print(row.format(f"  {tool}", *counts, f"{trips:.1f}", f"{walls[-1]:.2f} s"))
            print(f"  ratio of the wall times: {walls[0] / walls[1]:.2f} ({GOALS[step, kind]})\n")
    print(DIFFERENCE)


def measure_image(engine: Engine) -> None:
    """What the action's image costs beside its base, and a container of it that does nothing."""
    base = base_image()
    engine.build(ROOT, IMAGE)
    kind = "a stand-in" if stand_in_recipe(engine) else "the genuine image"
    nothing = [engine.client, "run", "--rm", "--network=host", base, "python", "-c", "pass"]
    print_ratio(
        f"The image, on {kind} for its base",
        {
            "docker run IMAGE action, to its first request": partial(
                to_first_request, engine, *IN_WORKFLOW
            ),
            "docker run IMAGE begin, to its first request": partial(
                to_first_request, engine, *ON_COMMAND_LINE
            ),
            "docker run BASE python -c pass, to its end": partial(
                to_end, nothing, engine.environment
            ),
        },
        ROUNDS_OF_IMAGE,
    )
    sizes = [int(engine.inspect(name, "{{.Size}}")) for name in (IMAGE, base)]
    print(f"Size: {sizes[0] / 1e6:.0f} MB; of {base}: {sizes[1] / 1e6:.0f} MB")


def to_first_request(engine: Engine, variables: Sequence[str], *arguments: str) -> float:
    """Seconds from the start of `docker run` until the first byte of a request is here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        command = [
            *(engine.client, "run", "--rm", f"--name={CONTAINER}", "--network=host"),
            *(f"--env={one.format(address)}" for one in ("GITHUB_API_URL=http://{}", *variables)),
            *(IMAGE, *(one.format(address) for one in arguments)),
        ]
        started = time.perf_counter()
        with subprocess.Popen(command, env=engine.environment, stderr=subprocess.DEVNULL):
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                seconds = time.perf_counter() - started
            engine.call("rm", "--force", CONTAINER)
    return seconds


def to_end(command: list[str], environment: Mapping[str, str] | None = None) -> float:
    """Seconds from a program's start to its end."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def print_ratio(title: str, measures: Mapping[str, Callable[[], float]], rounds: int) -> None:
    """Run measures in turn, after one run each that is not counted: medians, beside the last."""
    seconds: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name, measure in measures.items():
            taken = measure()
            if number:
                seconds[name].append(1000 * taken)
    print(f"\n{title}, medians of {rounds} alternating runs (range), beside the last:\n")
    *_, last = seconds.values()
    for name, some in seconds.items():
        ratio = median(some) / median(last)
        print(f"{name:<46}{median(some):>8.0f} ms ({min(some):.0f}-{max(some):.0f}){ratio:>8.2f}")


if __name__ == "__main__":
    main()
