"""What surrounds the command line: its name, and the checkout."""

import sys
from pathlib import Path

import pytest

from provisioner.environment import program


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
