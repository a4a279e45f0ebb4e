"""The wheel, installed into an empty environment and started from an empty folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.engine import ROOT

PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--no-index", "--no-deps")
    subprocess.run(
        [*PIP, "wheel", *offline, "--no-build-isolation", f"--wheel-dir={folder}", ROOT], check=True
    )
    [wheel] = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    install = (*PIP, "--python", folder / "env", "install")
    runtime = ROOT / "requirements" / "runtime.txt"
    subprocess.run(
        [*install, "--require-hashes", "--only-binary=:all:", "--requirement", runtime], check=True
    )
    subprocess.run([*install, *offline, wheel], check=True)
    return folder / "env" / "bin"


def run(program: Path, *arguments: str, folder: Path) -> str:
    """What a program prints in an empty folder that is its HOME as well. It ends well."""
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["provisioner", "mastodon-provisioner"])
def test_both_programs_start(programs: Path, tmp_path: Path, name: str) -> None:
    """Both uvx and pipx run the program with the package's name."""
    assert run(programs / name, "--version", folder=tmp_path).startswith("provisioner ")


def test_demo_plays_from_the_wheel(programs: Path, tmp_path: Path) -> None:
    """The embedded servers are in it."""
    run(programs / "provisioner", "demo", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
