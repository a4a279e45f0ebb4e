"""What the command line says of itself."""

import re
import subprocess
from pathlib import Path

from provisioner import __version__
from provisioner.report import Exit
from tests.program.program import PATIENCE, PROGRAM, ROOT, Run, run

COMMANDS = (
    *("setup", "rotate", "init"),
    *("begin", "complete", "login", "register", "post", "check"),
    *("abandon", "deprovision", "doctor", "demo", "sandbox"),
)


def test_help_names_commands_and_exit_codes() -> None:
    shown = run("--help").output
    assert set(re.findall(r"^  ([a-z]+) {2,}", shown, re.MULTILINE)) == set(COMMANDS)
    assert {str(int(code)) for code in Exit} <= set(re.findall(r"\b\d+\b", shown))


def test_version_is_one_line() -> None:
    assert run("--version") == Run(0, f"provisioner {__version__}\n", "")


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
