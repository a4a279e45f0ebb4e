"""What the README says is what the program does."""

import re
from pathlib import Path

import pytest

from provisioner import defaults
from provisioner.destinations import SECRET_FIELDS, VARIABLE_FIELDS
from provisioner.errors import Exit
from provisioner.inputs import PRESETS

README = Path("README.md").read_text()
SOURCE = "".join(path.read_text() for path in sorted(Path("provisioner").glob("[!s]*/*.py")))
SOURCE += "".join(path.read_text() for path in sorted(Path("provisioner").glob("*.py")))
RAISED = re.compile(r"(?:Error|return \w+)\(\s*\"([a-z]+(?:-[a-z]+)+)\"|\"(no-[a-z-]+)\" if ")


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


@pytest.mark.parametrize("preset", PRESETS)
def test_the_presets_are_spelled_out(preset: str) -> None:
    """A preset's name stands among the inputs."""
    assert f"`{preset}`" in section("Inputs")


WORDS = {*SECRET_FIELDS, *VARIABLE_FIELDS} | {
    defaults.SECRETS,
    defaults.VARIABLES,
    defaults.SCOPES,
    defaults.GRACE,
    defaults.JOURNAL,
}


@pytest.mark.parametrize("word", sorted(WORDS))
def test_fields_and_defaults_are_those_of_the_code(word: str) -> None:
    """Each field and each default stands among the inputs."""
    assert f"`{word}`" in section("Inputs")
