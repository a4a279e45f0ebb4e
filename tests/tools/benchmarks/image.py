"""What the action's image costs: the time from `docker run` to the first request, and its size.

Both beside the image's base, and a container of it that does nothing: what is left is ours.
"""

import socket
import statistics
import subprocess
import time

from tests.e2e.engine import ROOT, Engine, base_image, container_engine, stand_in_recipe

IMAGE = "mastodon-provisioner"
ROUNDS = 15
CONTAINER = "mastodon-provisioner-bench"
PATIENCE = 30.0
NAMES = (
    "docker run IMAGE begin, to its first request",
    "docker run BASE python -c pass, to its end",
)


def main() -> None:
    """Measure and print."""
    with container_engine() as engine:
        engine.build(ROOT, IMAGE)
        seconds = measure_all(engine, ROUNDS)
        sizes = {name: int(engine.inspect(name, "{{.Size}}")) for name in (IMAGE, base_image())}
        kind = "a stand-in" if stand_in_recipe(engine) else "the genuine image"
    print(f"\nThe image, on {kind} for its base, medians of {ROUNDS} alternating runs (range):\n")
    for name, of_command in seconds.items():
        low, median, high = (
            1000 * one for one in (min(of_command), statistics.median(of_command), max(of_command))
        )
        print(f"{name:<46}{f'{median:.0f} ms ({low:.0f}-{high:.0f})':>20}")
    ours, bare = (statistics.median(of_command) for of_command in seconds.values())
    print(f"{'ratio':<46}{ours / bare:>20.2f}\n")
    for name, size in sizes.items():
        print(f"{f'size of {name}':<46}{f'{size / 1e6:.0f} MB':>20}")
    ours, bare = sizes.values()
    print(f"{'ratio':<46}{ours / bare:>20.2f}")


def measure_all(engine: Engine, rounds: int) -> dict[str, list[float]]:
    """Seconds of each command's runs; they alternate, after one each that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in NAMES}
    for number in range(rounds + 1):
        for name, measure in zip(NAMES, (to_first_request, to_end_of_nothing), strict=True):
            taken = measure(engine)
            if number:
                seconds[name].append(taken)
    return seconds


def to_first_request(engine: Engine) -> float:
    """From the start of `docker run` until the first byte of a request is here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        address = "127.0.0.1:{1}".format(*listener.getsockname())
        command = [
            *(engine.client, "run", "--rm", f"--name={CONTAINER}", "--network=host"),
            *(f"--env=GITHUB_API_URL=http://{address}", "--env=GH_TOKEN=github_pat_0123456789"),
            *(IMAGE, "begin", f"--account=bot@{address}", "--repository=acme/demo"),
        ]
        started = time.perf_counter()
        with subprocess.Popen(command, env=engine.environment, stderr=subprocess.DEVNULL):
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                seconds = time.perf_counter() - started
            engine.call("rm", "--force", CONTAINER)
    return seconds


def to_end_of_nothing(engine: Engine) -> float:
    """From the start of `docker run` until a Python that does nothing is gone."""
    started = time.perf_counter()
    engine.run(base_image(), "python", "-c", "pass", options=["--network=host"])
    return time.perf_counter() - started
