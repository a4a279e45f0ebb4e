"""What the README says is what the program does."""

import re
from pathlib import Path

from provisioner.report import Exit
from tests.support.readme import filled

README = Path("README.md").read_text()
SOURCE = "".join(path.read_text() for path in sorted(Path("provisioner").glob("[!s]*/*.py")))
SOURCE += "".join(path.read_text() for path in sorted(Path("provisioner").glob("*.py")))
RAISED = re.compile(r"Error\(\s*\"([a-z]+(?:-[a-z]+)+)\"|\"(no-[a-z-]+)\" if ")


def section(title: str) -> str:
    """A section of the README, without those below it."""
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_error_stands_in_troubleshooting() -> None:
    """The names that the code raises are the names that the README explains."""
    raised = {name for match in RAISED.findall(SOURCE) for name in match if name}
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", section("Troubleshooting")))
    assert raised - named == set()


def test_troubleshooting_explains_no_error_that_does_not_exist() -> None:
    """What the README explains can happen."""
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", section("Troubleshooting")))
    assert {name for name in named if f'"{name}"' not in SOURCE} == set()


def test_the_exit_codes_are_a_closed_table() -> None:
    """Every exit code stands in the README, and no other."""
    rows = re.findall(r"^\| ([\d, ]+) \|", section("Exit codes"), re.MULTILINE)
    documented = {int(code) for row in rows for code in row.split(",")}
    assert documented == {int(code) for code in Exit}


def test_blocks_are_as_their_sources() -> None:
    """Examples, inputs and outputs equal their sources; tests.support.readme renews them."""
    assert filled(README) == README
