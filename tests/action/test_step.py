"""The action as a step of a workflow: which command runs, what is shown, and what never is.

The texts of whole runs are in protocol/, with the claims that hold in all of them in
test_stories.py.
"""

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from provisioner.action import COMMANDS
from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.action.step import (
    ACTION,
    HANDED_KEY,
    JOURNAL,
    KEY,
    MASK,
    TOKEN,
    Ended,
    Site,
    by,
    served,
)
from tests.program.program import PATIENCE, WITHOUT_TIMEOUTS
from tests.unit.github_server import RawServer

TYPED = "xK3-this-was-typed-and-must-not-be-shown"
RERUN = {"GITHUB_RUN_ATTEMPT": "2"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A served sandbox with a bot.

    Afterwards no run has shown a secret, or written an output that GitHub would withhold from other
    jobs, and GitHub's description was kept to.
    """
    with served(tmp_path) as site:
        yield site
    for run in site.runs:
        assert site.leaks(run.shown) == []
        assert run.record.withheld == set()
    assert site.checked.violations == []


# Which command runs.

Prepare = Callable[[Site], object]


def rotate(site: Site) -> None:
    """A token is in use, and the one to replace it waits for its approval."""
    site.provision()
    site.begin(rotate="true")


STATES: dict[str, Prepare] = {
    "nothing": lambda _site: None,
    "pending": Site.begin,
    "staged": Site.stop_half_way,
    "current": Site.provision,
    "rotating": rotate,
}


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("nothing", "nothing-provisioned"),
        ("pending", "nothing-provisioned"),
        ("staged", "already-staged"),
        ("current", "healthy"),
        ("rotating", "attention"),
    ],
)
def test_schedule_checks(site: Site, state: str, status: str) -> None:
    """Whatever the journal says: nobody is there to open a link."""
    STATES[state](site)
    assert site.run("schedule").status == status


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("nothing", "approval-pending"),
        ("pending", "approval-pending"),
        ("staged", "provisioned"),
        ("current", "healthy"),
        ("rotating", "attention"),
    ],
)
def test_dispatch_begins_completes_what_is_staged_or_checks(
    site: Site, state: str, status: str
) -> None:
    STATES[state](site)
    assert site.run(inputs={"code": "", "rotate": "false"}).status == status


@pytest.mark.parametrize(
    ("state", "rotate", "status"),
    [
        ("nothing", "false", "nothing-pending"),
        ("pending", "false", "provisioned"),
        ("pending", "true", "provisioned"),
        ("staged", "false", "provisioned"),
        ("current", "false", "completed-already"),
        ("current", "true", "completed-already"),
        ("rotating", "false", "rotated"),
    ],
)
def test_dispatch_with_a_code_completes(site: Site, state: str, rotate: str, status: str) -> None:
    """Whatever the journal says, and whatever else is ticked."""
    STATES[state](site)
    code = site.codes[-1] if site.codes else TYPED
    assert site.run(inputs={"code": code, "rotate": rotate}).status == status


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("nothing", "approval-pending"),
        ("pending", "approval-pending"),
        ("staged", "provisioned"),
        ("current", "approval-pending"),
        ("rotating", "approval-pending"),
    ],
)
def test_dispatch_with_rotate_begins(site: Site, state: str, status: str) -> None:
    """But for a token that waits to be finished."""
    STATES[state](site)
    assert site.run(inputs={"code": "", "rotate": "true"}).status == status


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


def test_empty_command_is_auto(site: Site) -> None:
    assert site.run(given={"command": ""}).status == "approval-pending"


def test_second_dispatch_shows_the_same_link(site: Site) -> None:
    """Instances allow few registrations."""
    first, second = site.run(), site.run()
    assert first.outputs["authorize-url"] == second.outputs["authorize-url"]
    assert len(site.instance.applications) == 1


def test_empty_repository_is_the_workflows_own(site: Site) -> None:
    assert site.run(given={"repository": ""}).status == "approval-pending"


def test_demo_needs_no_inputs_and_asks_nobody_outside(site: Site) -> None:
    """On any event."""
    nothing = dict.fromkeys(("account", "github-token", "journal-key", "repository"), "")
    done = site.run("push", given={**nothing, "command": "demo"})
    assert (done.code, done.status) == (0, "provisioned")
    assert site.requests == []


# Re-runs: the event, the inputs and the secrets of the first attempt.


@pytest.mark.parametrize("inputs", [{"rotate": "true"}, {"rotate": "true", "code": ""}])
def test_rerun_of_a_finished_rotation_starts_no_other(
    site: Site, inputs: Mapping[str, str]
) -> None:
    """A re-run brings the inputs of its first attempt: *rotate* was ticked, and that is done."""
    site.provision()
    site.run(inputs={"code": site.begin(rotate="true")})
    applications = len(site.instance.applications)
    assert site.run(inputs=inputs, variables=RERUN).status == "healthy"
    assert len(site.instance.applications) == applications


def test_rerun_of_a_rotation_under_way_shows_its_link(site: Site) -> None:
    """Nobody approved it yet."""
    site.provision()
    link = site.run(inputs={"rotate": "true"}).outputs["authorize-url"]
    again = site.run(inputs={"rotate": "true"}, variables=RERUN)
    assert again.outputs["authorize-url"] == link


def test_rerun_of_the_first_begin_makes_no_other_key(tmp_path: Path) -> None:
    """It sees none, as none was there then; what was sealed with the first would be lost."""
    with served(tmp_path, key="") as site:
        code = site.begin()
        key, journal = site.stored(KEY), site.repository.variables[JOURNAL]
        again = site.run(given={"journal-key": ""}, variables=RERUN)
        assert (again.code, again.errors) == (2, ["journal-key-missing"])
        assert site.stored(KEY) == key
        assert site.repository.variables[JOURNAL] == journal
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


def refused(
    site: Site,
    event: str = "workflow_dispatch",
    inputs: object = None,
    given: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """How a run ends that is refused before anybody is asked: its exit code, and the error's."""
    done = site.run(event, inputs, given, variables)
    assert site.requests == []
    assert done.outputs == {}
    return done.code, done.status


def test_unknown_command_is_refused_with_those_that_there_are(site: Site) -> None:
    assert refused(site, given={"command": "sandbox"}) == (2, "bad-command")
    for name in COMMANDS:
        assert name in site.runs[-1].error


@pytest.mark.parametrize(
    ("given", "error", "word"),
    [
        ({"account": ""}, "bad-account", "account"),
        ({"github-token": ""}, "no-github-token", "github-token"),
        ({"client-id": "x"}, "bad-application", "client secret"),
        ({"client-secret": "x"}, "bad-application", "client id"),
    ],
)
def test_missing_input_is_named(
    site: Site, given: Mapping[str, str], error: str, word: str
) -> None:
    """By its name; nothing empty is quoted, and nothing of a laptop is said."""
    assert refused(site, given=given) == (2, error)
    told = site.runs[-1].error
    assert word in told
    assert "“”" not in told
    assert "GH_TOKEN" not in told


def test_missing_repository_is_refused(site: Site) -> None:
    variables = {"GITHUB_REPOSITORY": ""}
    assert refused(site, given={"repository": ""}, variables=variables) == (2, "bad-repository")


def test_missing_journal_key_is_refused_with_the_secret_to_hand_in(tmp_path: Path) -> None:
    with served(tmp_path, key="") as site:
        site.run()
        done = site.run(given={"journal-key": ""})
    assert (done.code, done.errors) == (2, ["journal-key-missing"])
    assert "${{ secrets.MASTODON_JOURNAL_KEY }}" in done.error


def test_missing_journal_key_that_no_secret_holds_is_not_said_to_be_in_one(site: Site) -> None:
    """A person made it, and keeps it elsewhere, as in an environment's secret."""
    site.run()
    done = site.run(given={"journal-key": ""})
    assert (done.code, done.errors) == (2, ["journal-key-missing"])
    assert "${{" not in done.error


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("A" * 43 + "=", "journal-key-wrong"),
        ("correct horse battery staple", "bad-journal-key"),
    ],
)
def test_another_journal_key_opens_nothing_and_is_not_shown(
    site: Site, key: str, error: str
) -> None:
    site.run()
    done = site.run(given={"journal-key": key})
    assert (done.code, done.errors) == (2, [error])
    assert key not in done.shown


# Masks.


def masks_of(tmp_path: Path, **inputs: str) -> list[str]:
    """What a step masks that is refused for its event."""
    with served(tmp_path) as site:
        return site.run("push", given={"github-token": "", "journal-key": "", **inputs}).masked


@pytest.mark.parametrize(
    "secret", ["https://client:secret-of-a-bot@social.example", "client-secret?code=of-a-bot"]
)
def test_secret_that_looks_like_an_address_is_masked_whole(tmp_path: Path, secret: str) -> None:
    assert masks_of(tmp_path, **{"client-secret": secret}) == [secret]


def test_code_that_was_pasted_in_two_pieces_is_masked_whole(site: Site) -> None:
    """The pieces are masked as they were handed in; what is sent, and may be echoed, is whole."""
    code = site.begin()
    done = site.run(inputs={"code": f"{code[:20]} {code[20:]}"})
    assert {code, code[:20], code[20:]} <= set(done.masked)


def test_no_mask_hits_an_honest_word(site: Site) -> None:
    """There are no asterisks in the logs and summaries of a story."""
    site.provision()
    site.run("schedule")
    for run in site.runs:
        for text in (*run.record.log, run.record.summary):
            assert "***" not in text


def test_debug_logging_shows_no_secret(site: Site) -> None:
    """The runner then shows every command and every output."""
    site.provision()
    site.run("schedule")
    for run in site.runs:
        assert site.leaks("\n".join(run.received(debug=True).log)) == []


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
    obeyed = {line.command.name for line in done.record.lines if line.command}
    assert done.code == 4
    assert obeyed == {"add-mask", "error"}
    assert "mybot" not in done.masked
    assert "::set-output name=status::healthy" in done.error


# What is told.


SCOPES = "profile write:statuses write:media"


def test_outputs_of_a_story(site: Site) -> None:
    """Each outcome has its outputs, and whose token it is about; the token is none of them."""
    begin = site.run()
    complete = site.run(inputs={"code": site.approve(begin.outputs["authorize-url"])})
    check = site.run("schedule")
    known = {"account": site.account, "scopes": SCOPES}
    link = begin.outputs["authorize-url"]
    assert begin.outputs == {**known, "status": "approval-pending", "authorize-url": link}
    assert complete.outputs == {**known, "status": "provisioned", "expires-at": "never"}
    assert check.outputs == {**known, "status": "healthy", "expires-at": "never"}
    assert site.live_tokens == [site.stored()]
    assert site.repository.variables["MASTODON_BASE_URL"] == site.instance.origin


def test_replaced_token_is_no_warning(site: Site) -> None:
    """It goes as it should."""
    site.provision()
    done = site.run(inputs={"code": site.begin(rotate="true")})
    assert done.status == "rotated"
    assert done.annotations == []


def test_what_a_person_has_to_do_after_a_rotation_is_a_warning(site: Site) -> None:
    """Here the old token still stands in a secret that this run did not write."""
    site.provision()
    done = site.run(
        inputs={"code": site.begin(rotate="true")}, given={"secrets": "OTHER=access_token"}
    )
    [warning] = [text for text in done.annotations if text.kind == "warning"]
    assert TOKEN in warning.message


def test_check_that_finds_a_dead_token_fails_with_outputs(site: Site) -> None:
    """What to do stands on the run's page."""
    site.provision()
    site.instance.revoke_access("mybot")
    done = site.run("schedule")
    assert (done.code, done.status) == (4, "attention")
    assert "\nNext: " in done.error


# Errors.


def rate_limit(site: Site) -> Ended:
    """GitHub's budget is used up from the start."""
    with site.budget_ends():
        return site.run()


def wrong_input(site: Site) -> Ended:
    """An account that is none, beside a code."""
    site.codes.append(TYPED)
    return site.run(inputs={"code": TYPED}, given={"account": "mybot"})


def half_way(site: Site) -> Ended:
    """GitHub's budget is used up after the first write."""
    with site.budget_ends(after="POST"):
        return site.run()


def wrong_account(site: Site) -> Ended:
    """Somebody else approved."""
    return site.run(inputs={"code": site.begin("alice")})


@pytest.mark.parametrize(
    ("fail", "code", "error"),
    [
        (rate_limit, 1, "github-rate-limit"),
        (wrong_input, 2, "bad-account"),
        (half_way, 3, "github-rate-limit"),
        (wrong_account, 4, "wrong-account"),
    ],
)
def test_failure_is_an_exit_code_one_error_and_a_summary(
    site: Site, fail: Callable[[Site], Ended], code: int, error: str
) -> None:
    """What was handed in is masked before anything is said."""
    done = fail(site)
    assert (done.code, done.errors) == (code, [error])
    assert done.outputs == {}
    assert f"`{error}`" in done.summary
    assert f"exit code {code}" in done.summary
    assert done.lines[:2] == [f"{MASK}{site.token}", f"{MASK}{HANDED_KEY}"]


def broken(_size: int) -> NoReturn:
    """Is no code of ours, and fails."""
    raise RuntimeError(TYPED)


def test_bug_is_told_without_its_message(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its kind and place; the message may hold a secret."""
    monkeypatch.setattr(os, "urandom", broken)
    done = site.run()
    assert (done.code, done.errors) == (Exit.BUG, ["bug"])
    assert TYPED not in done.shown
    assert "Traceback" not in done.shown
    assert re.search(r"RuntimeError at .*\w+\\?\.py\\?:\d+", done.summary)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_cancelled_while_a_request_hangs(site: Site, number: int, code: int) -> None:
    """It does not wait: it ends with an error and a summary."""
    over = threading.Event()

    def hang(_seen: object) -> None:
        assert site.process is not None
        site.process.send_signal(number)
        over.wait(PATIENCE)

    with RawServer(hang) as server:
        start = site.start(variables={"GITHUB_API_URL": server.origin})
        done = site.launch(start, by(*WITHOUT_TIMEOUTS, "action"))
        over.set()
    assert (done.code, done.errors) == (code, ["interrupted"])
    assert "`interrupted`" in done.summary


# The journal's key.


def test_key_that_is_handed_in_stays_where_it_is(site: Site) -> None:
    """A key out of an environment's secret is not copied to where every branch can read it."""
    site.provision()
    assert list(site.repository.secrets) == [TOKEN]


def test_key_is_made_where_none_is_handed_in(tmp_path: Path) -> None:
    """It is stored; the next run is handed it, and goes on."""
    with served(tmp_path, key="") as site:
        code = site.begin()
        assert site.stored(KEY) != ""
        assert site.run(inputs={"code": code}).status == "provisioned"


# Streams.


def prepared(preparation: str) -> tuple[str, ...]:
    """The action, started by a program that does something to its streams first.

    No shell: those drop variables that have a hyphen in their names, as our inputs do.
    """
    script = f"import os, sys; {preparation}; os.execv(sys.argv[1], sys.argv[1:])"
    return (sys.executable, "-c", script, *ACTION)


@pytest.mark.parametrize(
    "preparation",
    ["os.close(1)", "r, w = os.pipe(); os.close(r); os.dup2(w, 1)"],
    ids=["closed", "without a reader"],
)
def test_step_is_done_without_its_log(site: Site, preparation: str) -> None:
    done = site.launch(site.start(), by(*prepared(preparation)))
    assert (done.code, done.outputs.get("status")) == (0, "approval-pending")
    assert done.said == ""
