"""What surrounds the command line: its name, and the checkout."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.environment import fill_in, program
from tests.program.program import environment, run
from tests.support.site import REPOSITORY


@pytest.mark.parametrize(
    ("typed", "there", "words"),
    [
        ("provisioner", "provisioner", ["provisioner"]),
        (".venv/bin/provisioner", "elsewhere", [".venv/bin/provisioner"]),
        ("{path}/provisioner", "provisioner", ["provisioner"]),
        ("{path}/provisioner", "elsewhere", ["{path}/provisioner"]),
    ],
)
def test_printed_commands_have_the_name_that_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, there: str, words: list[str]
) -> None:
    (tmp_path / there).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [typed.format(path=tmp_path)])
    assert program() == [word.format(path=tmp_path) for word in words]


def test_folder_that_was_deleted_takes_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "provisioner").touch(mode=0o755)
    (tmp_path / "gone").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["provisioner"])
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert program() == ["provisioner"]


def test_repository_is_that_of_the_checkouts_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the real git tells it; tests/unit/test_environment.py has a stand-in."""
    git = shutil.which("git")
    assert git is not None
    remote = ["remote", "add", "origin", f"git@github.com:{REPOSITORY}.git"]
    for command in ["init", "--quiet"], remote:
        subprocess.run([git, *command], cwd=tmp_path, check=True, env=environment())
    monkeypatch.chdir(tmp_path)
    given = {"account": "a@b.test", "github-token": "x" * 20}
    assert fill_in("begin", given, lambda _item: None)["repository"] == (REPOSITORY,)


def test_outside_a_checkout_the_repository_is_asked_for(tmp_path: Path) -> None:
    done = run("begin", "--account", "a@b.test", "--json", env={"GH_TOKEN": "x"}, cwd=tmp_path)
    assert (done.code, done.error) == (2, "bad-repository")
