"""Fetches GitHub's own description of its API (OpenAPI), as an npm package carries it.

`python tests/servers/fetch.py FILE` writes it to FILE. What is fetched must have the hash below:
to take a newer description, change the version and the hash together. `make test` runs this once.
Where npm is missing, a Python package that brings it is put into .cache/node.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@octokit/openapi@23.0.2"
SHA512 = (
    "a55f0cecbf46636dc0c9b36f4e6a369f28e6a669edebedac444fedaabd192d07"
    "0f4b8967c3bbb979918d9b044d9010b70fb8195db171e401f32d455105718386"
)
MEMBER = "package/generated/api.github.com.json"

ROOT = Path(__file__).resolve().parents[2]


def main(target: Path) -> None:
    """Write the description to `target`, or say why not."""
    with tempfile.TemporaryDirectory() as folder:
        archive = download(npm(), Path(folder))
        if hashlib.sha512(archive.read_bytes()).hexdigest() != SHA512:
            sys.exit(f"{PACKAGE}: what was downloaded is not what this repository expects")
        with tarfile.open(archive) as files:
            description = files.extractfile(MEMBER)
            assert description is not None
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_suffix(".part")
            unfinished.write_bytes(description.read())
    unfinished.replace(target)


def npm() -> str:
    """Return the npm of this machine, or else one from PyPI."""
    found = shutil.which("npm")
    if found:
        return found
    print("There is no npm here: fetching one into .cache/node", file=sys.stderr)
    venv = ROOT / ".cache" / "node"
    run(sys.executable, "-m", "venv", "--clear", venv)
    hashed = ["--require-hashes", "--only-binary", ":all:"]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    requirements = ROOT / "requirements" / "node.txt"
    run(venv / "bin" / "python", "-m", "pip", "install", *quiet, *hashed, "-r", requirements)
    return str(venv / "bin" / "npm")


def download(npm: str, folder: Path) -> Path:
    """Let npm fetch the package, wherever this machine's npm is told to look for packages."""
    print(f"Fetching GitHub's description of its API ({PACKAGE})", file=sys.stderr)
    quiet = {"npm_config_update_notifier": "false", "npm_config_cache": str(folder / "cache")}
    run(npm, "pack", "--loglevel=error", PACKAGE, cwd=folder, env=os.environ | quiet)
    [archive] = folder.glob("*.tgz")
    return archive


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a command and end here, with what it says, if it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\nThis failed: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
