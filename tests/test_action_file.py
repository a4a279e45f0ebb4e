"""action.yml says what the action does, and the example workflows say it to the action."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import action, defaults
from provisioner.destinations import SECRET_FIELDS, VARIABLE_FIELDS
from provisioner.inputs import PRESETS
from provisioner.outcomes import ApprovalPending, Checked, Provisioned

ACTION: dict[str, Any] = yaml.safe_load(Path("action.yml").read_text())
EXAMPLES = sorted(Path(".github/examples").glob("*.yml"))


def used() -> list[dict[str, str]]:
    """What the examples hand in to this action."""
    jobs = (job for path in EXAMPLES for job in yaml.safe_load(path.read_text())["jobs"].values())
    steps = [step for job in jobs for step in job["steps"]]
    ours = [s["with"] for s in steps if s.get("uses", "").startswith("mastodon-provisioner/")]
    assert ours
    return ours


def test_inputs_are_those_that_are_read() -> None:
    """No input is promised that is not read, and none is read that is not promised."""
    assert set(ACTION["inputs"]) == {*action.INPUTS, "github-token", "command"}


def test_code_and_rotate_are_no_inputs() -> None:
    """The runner would print them in the log before the action could mask them."""
    assert not set(action.DISPATCHED) & set(ACTION["inputs"])


def test_no_expression_stands_in_a_description() -> None:
    """The runner evaluates them wherever they stand, and fails."""
    described = {**ACTION["inputs"], **ACTION["outputs"]}.values()
    assert not any("${{" in what["description"] for what in described)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("secrets", defaults.SECRETS),
        ("variables", defaults.VARIABLES),
        ("grace", defaults.GRACE),
        ("journal", defaults.JOURNAL),
    ],
)
def test_defaults_are_those_of_the_code(name: str, default: str) -> None:
    """The same defaults hold for the action and for the command line."""
    assert ACTION["inputs"][name]["default"] == default


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("secrets", SECRET_FIELDS),
        ("variables", VARIABLE_FIELDS),
        ("scopes", PRESETS),
        ("command", action.COMMANDS),
    ],
)
def test_descriptions_name_what_can_be_written(name: str, words: tuple[str, ...]) -> None:
    """Each field, preset and command stands in its input's description."""
    described = ACTION["inputs"][name]["description"].replace(",", " ").split()
    assert set(words) <= {word.strip(".,;") for word in described}


def test_outputs_are_those_that_are_written() -> None:
    """Every outcome of the action writes outputs that action.yml names, and all have one."""
    kinds: list[Any] = [ApprovalPending, Provisioned, Checked]
    blank = [kind(*((),) * len(fields(kind))) for kind in kinds]
    assert {name for outcome in blank for name in outcome.outputs()} == set(ACTION["outputs"])


def test_examples_hand_in_what_the_action_knows() -> None:
    """An input that is misspelt would be ignored by the runner with a warning."""
    assert {name for given in used() for name in given} <= set(ACTION["inputs"])


def test_examples_hand_in_what_is_required() -> None:
    """The runner does not enforce it."""
    required = {name for name, what in ACTION["inputs"].items() if what.get("required")}
    assert all(required <= set(given) for given in used())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_give_the_workflow_no_permission(path: Path) -> None:
    """The workflow's own token is not needed."""
    assert yaml.safe_load(path.read_text())["permissions"] == {}
