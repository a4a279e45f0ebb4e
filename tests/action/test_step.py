"""Whole runs of the action: which command runs, what is refused, and what nobody is to see.

The texts of whole runs are in protocol/, with the claims that hold in all of them in
test_stories.py.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.action.step import ACTION, RERUN, Workflow, by, served

TYPED = "xK3-this-was-typed-and-must-not-be-shown"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Workflow]:
    """A served sandbox with a bot.

    Afterwards no run has shown a secret, or written an output that GitHub would withhold from other
    jobs since it holds what is masked, and GitHub's description was kept to.
    """
    with served(tmp_path) as site:
        yield site
    for run in site.runs:
        assert site.leaks(run.shown) == []
        assert [text for text in run.outputs.values() if run.record.shown(text) != text] == []
    assert site.checked.violations == []


def rotate(site: Workflow) -> None:
    """A token is in use, and the one to replace it waits for its approval."""
    site.provision()
    site.begin(rotate="true")


STATES: dict[str, Callable[[Workflow], object]] = {
    "nothing": lambda _site: None,
    "pending": Workflow.begin,
    "staged": Workflow.stop_half_way,
    "current": Workflow.provision,
    "rotating": rotate,
}
AUTO = {
    # The state of the journal: what a schedule, a dispatch, one with a code, one with rotate ends
    # with. A schedule only checks: nobody is there to open a link.
    "nothing": ("nothing-provisioned", "approval-pending", "nothing-pending", "approval-pending"),
    "pending": ("nothing-provisioned", "approval-pending", "provisioned", "approval-pending"),
    "staged": ("already-staged", "provisioned", "provisioned", "provisioned"),
    "current": ("healthy", "healthy", "completed-already", "approval-pending"),
    "rotating": ("attention", "attention", "rotated", "approval-pending"),
}


@pytest.mark.parametrize(
    ("state", "asked", "status"),
    [
        (state, asked, status)
        for state, statuses in AUTO.items()
        for asked, status in zip(("schedule", "dispatch", "code", "rotate"), statuses, strict=True)
    ],
)
def test_auto_does_what_comes_next(site: Workflow, state: str, asked: str, status: str) -> None:
    STATES[state](site)
    inputs = {"code": "", "rotate": "true" if asked in {"code", "rotate"} else "false"}
    if asked == "code":
        inputs["code"] = site.codes[-1] if site.codes else TYPED
    event = "schedule" if asked == "schedule" else "workflow_dispatch"
    assert site.run(event, inputs).status == status


def test_demo_needs_no_inputs_and_asks_nobody_outside(site: Workflow) -> None:
    """On any event."""
    nothing = dict.fromkeys(("account", "github-token", "journal-key", "repository"), "")
    done = site.run("push", given={**nothing, "command": "demo"})
    assert (done.code, done.status) == (0, "provisioned")
    assert done.summary.startswith("**This was the demo.**")
    assert site.requests == []


# Re-runs: the event, the inputs and the secrets of the first attempt.


def test_rerun_of_a_finished_rotation_starts_no_other(site: Workflow) -> None:
    """A re-run brings the inputs of its first attempt: *rotate* was ticked, and that is done."""
    site.provision()
    site.provision(rotate="true")
    applications = len(site.instance.applications)
    assert site.run(inputs={"rotate": "true"}, variables=RERUN).status == "healthy"
    assert len(site.instance.applications) == applications


def test_rerun_of_a_rotation_under_way_shows_its_link(site: Workflow) -> None:
    site.provision()
    link = site.run(inputs={"rotate": "true"}).outputs["authorize-url"]
    again = site.run(inputs={"rotate": "true"}, variables=RERUN)
    assert again.outputs["authorize-url"] == link


# Streams.


def test_step_is_done_without_its_log(site: Workflow) -> None:
    # No shell: those drop variables that have a hyphen in their names, as our inputs do.
    script = "import os, sys; os.close(1); os.execv(sys.argv[1], sys.argv[1:])"
    done = site.launch(site.start(), by(sys.executable, "-c", script, *ACTION))
    assert (done.code, done.outputs.get("status")) == (0, "approval-pending")
    assert done.said == ""
