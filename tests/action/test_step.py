"""Whole runs of the action: which command runs, what is refused, and what nobody is to see.

The texts of whole runs are in protocol/, with the claims that hold in all of them in
test_stories.py.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.action.step import ACTION, KEY, RERUN, TOKEN, Site, by, served

TYPED = "xK3-this-was-typed-and-must-not-be-shown"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
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


def rotate(site: Site) -> None:
    """A token is in use, and the one to replace it waits for its approval."""
    site.provision()
    site.begin(rotate="true")


STATES: dict[str, Callable[[Site], object]] = {
    "nothing": lambda _site: None,
    "pending": Site.begin,
    "staged": Site.stop_half_way,
    "current": Site.provision,
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
def test_auto_does_what_comes_next(site: Site, state: str, asked: str, status: str) -> None:
    STATES[state](site)
    inputs = {"code": "", "rotate": "true" if asked in {"code", "rotate"} else "false"}
    if asked == "code":
        inputs["code"] = site.codes[-1] if site.codes else TYPED
    event = "schedule" if asked == "schedule" else "workflow_dispatch"
    assert site.run(event, inputs).status == status


@pytest.mark.parametrize(
    ("command", "event", "status"),
    [
        ("begin", "schedule", "approval-pending"),
        ("complete", "workflow_dispatch", "completed-already"),
        ("check", "workflow_dispatch", "healthy"),
    ],
)
def test_named_command_is_obeyed(site: Site, command: str, event: str, status: str) -> None:
    """Whatever auto would have chosen."""
    site.provision()
    inputs = {"code": site.codes[0], "rotate": "true"} if command != "begin" else None
    assert site.run(event, inputs, {"command": command}).status == status


def test_check_of_the_token_alone_asks_github_nothing(site: Site) -> None:
    site.provision()
    asked = len(site.requests)
    alone = {"github-token": "", "journal-key": "", "access-token": site.stored()}
    done = site.run("schedule", given=alone)
    assert (done.code, done.status) == (0, "healthy")
    assert site.stored() in done.record.masked
    assert [one for one in site.requests[asked:] if "/repos/" in one] == []


def test_demo_needs_no_inputs_and_asks_nobody_outside(site: Site) -> None:
    """On any event."""
    nothing = dict.fromkeys(("account", "github-token", "journal-key", "repository"), "")
    done = site.run("push", given={**nothing, "command": "demo"})
    assert (done.code, done.status) == (0, "provisioned")
    assert done.summary.startswith("**This was the demo.**")
    assert site.requests == []


# Re-runs: the event, the inputs and the secrets of the first attempt.


def test_rerun_of_a_finished_rotation_starts_no_other(site: Site) -> None:
    """A re-run brings the inputs of its first attempt: *rotate* was ticked, and that is done."""
    site.provision()
    site.provision(rotate="true")
    applications = len(site.instance.applications)
    assert site.run(inputs={"rotate": "true"}, variables=RERUN).status == "healthy"
    assert len(site.instance.applications) == applications


def test_rerun_of_a_rotation_under_way_shows_its_link(site: Site) -> None:
    site.provision()
    link = site.run(inputs={"rotate": "true"}).outputs["authorize-url"]
    again = site.run(inputs={"rotate": "true"}, variables=RERUN)
    assert again.outputs["authorize-url"] == link


def test_rerun_of_the_first_begin_makes_no_other_key(tmp_path: Path) -> None:
    """It sees none, as none was there then; what was sealed with the first would be lost."""
    with served(tmp_path, key="") as site:
        code = site.begin()
        key = site.stored(KEY)
        again = site.run(given={"journal-key": ""}, variables=RERUN)
        assert (again.code, again.errors) == (2, ["journal-key-missing"])
        assert site.stored(KEY) == key
        assert len(site.instance.applications) == 1
        assert site.run(inputs={"code": code}).status == "provisioned"


def test_rerun_of_complete_does_not_send_the_code_again(site: Site) -> None:
    """That would revoke the token that is in use."""
    site.provision()
    asked = site.requests.count("POST /oauth/token")
    again = site.run(inputs={"code": site.codes[0]}, variables=RERUN)
    assert (again.code, again.errors) == (4, ["completed-already"])
    assert site.requests.count("POST /oauth/token") == asked
    assert site.live_tokens == [site.stored()]


# What is refused.


@pytest.mark.parametrize(
    ("given", "error", "word"),
    [
        ({"account": ""}, "bad-account", "account"),
        ({"github-token": ""}, "no-github-token", "github-token"),
    ],
)
def test_missing_input_is_named_and_nobody_is_asked(
    site: Site, given: Mapping[str, str], error: str, word: str
) -> None:
    """By its name; nothing empty is quoted, and nothing of a laptop is said."""
    done = site.run(given=given)
    assert (done.code, done.status) == (2, error)
    assert word in done.error
    assert "“”" not in done.error
    assert "GH_TOKEN" not in done.error
    assert site.requests == []
    assert done.outputs == {}


@pytest.mark.parametrize("handed", [True, False])
def test_missing_journal_key_is_looked_for_in_its_secret_if_that_exists(
    tmp_path: Path, *, handed: bool
) -> None:
    """A person who made the key keeps it elsewhere, as in an environment's secret."""
    with served(tmp_path, **({} if handed else {"key": ""})) as site:
        site.run()
        done = site.run(given={"journal-key": ""})
    assert (done.code, done.errors) == (2, ["journal-key-missing"])
    assert ("${{ secrets.MASTODON_JOURNAL_KEY }}" in done.error) is not handed


def test_key_that_is_handed_in_stays_where_it_is(site: Site) -> None:
    """A key out of an environment's secret is not copied to where every branch can read it."""
    site.provision()
    assert list(site.repository.secrets) == [TOKEN]


# What nobody is to see.


def test_code_that_was_pasted_in_two_pieces_is_masked_whole(site: Site) -> None:
    """The pieces are masked as they were handed in; what is sent, and may be echoed, is whole."""
    code = site.begin()
    done = site.run(inputs={"code": f"{code[:20]} {code[20:]}"})
    assert {code, code[:20], code[20:]} <= set(done.record.masked)


def test_no_mask_hits_an_honest_word(site: Site) -> None:
    site.provision()
    site.run("schedule")
    for run in site.runs:
        for text in (*run.record.log, run.record.summary):
            assert "***" not in text


def test_what_an_instance_says_is_never_a_command(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can mask, set or silence nothing."""
    words = (
        "\n::set-output name=status::healthy\r::stop-commands::silence\n##[add-mask]mybot %0A::x::"
    )
    body = json.dumps({"error": "invalid_grant", "error_description": words}).encode()
    code = site.begin()
    refusal = Response(400, (("Content-Type", "application/json"),), body)
    answer = site.instance.answer

    def hostile(request: Request) -> Response:
        return refusal if request.path == "/oauth/token" else answer(request)

    monkeypatch.setattr(site.instance, "answer", hostile)
    done = site.run(inputs={"code": code})
    assert done.code == 4
    assert "mybot" not in done.record.masked
    assert "::set-output name=status::healthy" in done.error


def broken(_size: int) -> NoReturn:
    """Is no code of ours, and fails."""
    raise RuntimeError(TYPED)


def test_bug_is_told_without_its_message(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message may hold a secret."""
    monkeypatch.setattr(os, "urandom", broken)
    done = site.run()
    assert (done.code, done.errors) == (Exit.BUG, ["bug"])
    assert TYPED not in done.shown


# Streams.


@pytest.mark.parametrize(
    "preparation",
    ["os.close(1)", "r, w = os.pipe(); os.close(r); os.dup2(w, 1)"],
    ids=["closed", "without a reader"],
)
def test_step_is_done_without_its_log(site: Site, preparation: str) -> None:
    # No shell: those drop variables that have a hyphen in their names, as our inputs do.
    script = f"import os, sys; {preparation}; os.execv(sys.argv[1], sys.argv[1:])"
    done = site.launch(site.start(), by(sys.executable, "-c", script, *ACTION))
    assert (done.code, done.outputs.get("status")) == (0, "approval-pending")
    assert done.said == ""
