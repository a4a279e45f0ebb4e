"""What the command line says of itself."""

import re
import subprocess
from pathlib import Path

import pytest

from provisioner import __version__
from provisioner.errors import Exit
from tests.cli.program import PATIENCE, PROGRAM, ROOT, Run, run

COMMANDS = (
    *("begin", "complete", "login", "register", "post", "check"),
    *("abandon", "deprovision", "doctor", "demo", "sandbox"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example_in_80_columns(command: str) -> None:
    done = run(command, "--help")
    lines = done.output.splitlines()
    assert (done.code, done.progress) == (0, "")
    assert max(map(len, lines)) <= 80
    assert "…" not in done.output  # nothing was cut off to make it fit
    [example] = [n for n, line in enumerate(lines) if re.match(rf" +provisioner {command}\b", line)]
    assert lines[example + 1] == ""  # it can be copied: it is one line


def test_help_names_commands_and_exit_codes() -> None:
    shown = run("--help").output
    assert max(map(len, shown.splitlines())) <= 80
    assert set(re.findall(r"^  ([a-z]+) {2,}", shown, re.MULTILINE)) == set(COMMANDS)
    assert {str(int(code)) for code in Exit} <= set(re.findall(r"\b\d+\b", shown))


def test_version_is_one_line() -> None:
    assert run("--version") == Run(0, f"provisioner {__version__}\n", "")


def test_no_arguments_show_the_help() -> None:
    assert run() == run("--help")


def test_help_needs_no_home_no_writable_folder_and_no_utf8(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    bare = {"PYTHONPATH": str(ROOT), "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [*PROGRAM, "--help"],
        env=bare,
        cwd=tmp_path,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0
