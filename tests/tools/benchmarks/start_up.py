"""How long a person waits for `provisioner --help`, beside a Python that does nothing."""

import subprocess
import time

from tests.tools.benchmarks.provisioning import OUR_BIN

PYTHON = str(OUR_BIN / "python")
COMMANDS = {
    "provisioner --help": [PYTHON, "-m", "provisioner", "--help"],
    "python -c pass": [PYTHON, "-c", "pass"],
}


def measure_all(rounds: int) -> dict[str, list[float]]:
    """Seconds of each command's runs; they alternate, after one each that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            if number:
                seconds[name].append(time.perf_counter() - started)
    return seconds
