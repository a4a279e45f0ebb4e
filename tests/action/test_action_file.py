"""action.yml says what the action does, and the example workflows say it to the action."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import action
from provisioner.github.destinations import FIELDS
from provisioner.inputs import ACTION_INPUTS, Input
from provisioner.mastodon.scopes import PRESETS

ACTION: dict[str, Any] = yaml.safe_load(Path("action.yml").read_text())
EXAMPLES = sorted(Path("provisioner/workflows").glob("*.yml"))


def used() -> list[dict[str, str]]:
    """What the examples hand in to this action."""
    jobs = (job for path in EXAMPLES for job in yaml.safe_load(path.read_text())["jobs"].values())
    steps = [step for job in jobs for step in job["steps"]]
    ours = [s["with"] for s in steps if s.get("uses", "").startswith("mastodon-provisioner/")]
    assert ours
    return ours


def test_inputs_are_those_of_the_table_and_the_command() -> None:
    assert set(ACTION["inputs"]) == {*(one.name for one in ACTION_INPUTS), "command"}


@pytest.mark.parametrize("one", ACTION_INPUTS, ids=lambda one: one.name)
def test_input_is_described_as_in_the_table(one: Input) -> None:
    described = ACTION["inputs"][one.name]
    default = "${{ github.repository }}" if one.name == "repository" else one.default
    assert described["description"] == one.help
    assert described.get("default", "") == default


def test_no_expression_stands_in_a_description() -> None:
    """The runner evaluates them wherever they stand, and fails."""
    described = {**ACTION["inputs"], **ACTION["outputs"]}.values()
    assert not any("${{" in what["description"] for what in described)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("secrets", FIELDS["secrets"]),
        ("variables", FIELDS["variables"]),
        ("scopes", tuple(PRESETS)),
        ("command", action.COMMANDS),
    ],
)
def test_description_names_what_can_be_written(name: str, known: tuple[str, ...]) -> None:
    described = re.findall(r"[\w-]+", ACTION["inputs"][name]["description"])
    assert set(known) <= set(described)


def test_examples_hand_in_what_is_required_and_what_the_action_knows() -> None:
    """The runner does not enforce the one, and ignores what is misspelt."""
    required = {name for name, what in ACTION["inputs"].items() if what.get("required")}
    for given in used():
        assert required <= set(given) <= set(ACTION["inputs"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_give_the_workflow_no_permission(path: Path) -> None:
    """The workflow's own token is not needed."""
    assert yaml.safe_load(path.read_text())["permissions"] == {}
