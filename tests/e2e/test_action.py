"""The action's image as GitHub runs it, with real Doorkeeper and a person at a browser.

Each scene begins with the example workflow as it stands. After each, no secret has been shown.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import NamedTuple

import pytest

from provisioner.sandbox import Response
from tests.e2e.browser import Browser
from tests.e2e.engine import Engine
from tests.e2e.instance import Instance
from tests.e2e.runner import Job, Result
from tests.e2e.scene import GITHUB_TOKEN, JOURNAL, KEY, TOKEN, Scene
from tests.e2e.snapshot import ENDED, FOLDER, GIVEN, MASK, WRITTEN, compare
from tests.e2e.workflow import Event, Workflow

SECRET_URL = f"/repos/acme/demo/actions/secrets/{TOKEN}"
KEY_URL = f"/repos/acme/demo/actions/secrets/{KEY}"
JOURNAL_URL = f"/repos/acme/demo/actions/variables/{JOURNAL}"
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
EVENTS = (
    Event("push", {"ref": "refs/heads/main", "before": "0" * 40, "commits": []}),
    Event("pull_request_target", {"action": "opened", "number": 1, "pull_request": {}}),
    Event("issues", {"action": "opened", "issue": {"number": 1, "title": "code"}}),
    Event("repository_dispatch", {"action": "begin", "client_payload": {"code": "x"}}),
)


@pytest.fixture
def scene(
    engine: Engine, image: str, instance: Instance, browser: Browser, tmp_path: Path
) -> Iterator[Scene]:
    """A scene; when it is over, nothing secret was shown, no run has left a file, no output was one
    that GitHub would withhold from other jobs, and GitHub's description was kept to.
    """
    with Scene(engine, image, instance, browser, tmp_path) as scene:
        yield scene
        assert scene.leaks() == []
        for runner, _ in scene.runs:
            assert runner.left_behind() == []
            assert runner.record.withheld == set()
        assert scene.checked.violations == []


def ended(result: Result, code: int, status: str = "") -> Result:
    """A run that ended so, with this status among its outputs."""
    assert (result.code, result.record.failed) == (code, False), result.log
    assert result.record.outputs.get("status", "") == status
    return result


def require_settled(scene: Scene) -> None:
    """The repository has a token of the bot, and the instance knows of no other."""
    assert scene.instance.whose(scene.stored()) == "bot"
    assert scene.instance.live_tokens() == [scene.stored()]


# The story.


def test_the_story(scene: Scene) -> None:
    """Two dispatches and one approval store a token, a weekly run finds it healthy, and the same
    again replaces it; the old one is left to those who still use it.
    """
    scene.keep_order()
    begin = ended(scene.dispatch(), 0, "approval-pending")
    complete = ended(scene.dispatch(code=scene.approve(begin)), 0, "provisioned")
    require_settled(scene)
    old = scene.stored()
    check = ended(scene.check(), 0, "healthy")
    rotate = ended(scene.dispatch(rotate="true"), 0, "approval-pending")
    rotated = ended(scene.dispatch(code=scene.approve(rotate)), 0, "rotated")
    assert scene.stored() != old
    assert [scene.instance.whose(token) for token in (old, scene.stored())] == ["bot", "bot"]
    assert all(running.inspected for _, running in scene.runs)
    compare("begin", scene, begin)
    compare("complete", scene, complete)
    compare("check", scene, check)
    compare("rotate", scene, rotate)
    compare("complete-rotation", scene, rotated)


def test_begin_shows_the_link(scene: Scene) -> None:
    """The link is a line of the log, an annotation, an output, and in the summary."""
    result = ended(scene.dispatch(), 0, "approval-pending")
    link = result.record.outputs["authorize-url"]
    assert link.startswith(f"{scene.origin}/oauth/authorize?")
    assert link in result.record.log
    [annotation] = result.record.annotations
    assert (annotation.kind, annotation.message) == ("notice", link)
    assert f"<{escape(link)}>" in result.record.summary
    assert result.record.outputs.keys() == {"status", "authorize-url", "account", "scopes"}


def test_begin_again_shows_the_same_link(scene: Scene) -> None:
    """Whoever presses the button once more, without a code, loses nothing."""
    first, second = scene.dispatch(), scene.dispatch()
    assert second.record.outputs == first.record.outputs
    assert scene.instance.applications() == 1


def test_complete_writes_outputs(scene: Scene) -> None:
    """Whose token it is, what it may do and until when are outputs; the token is not."""
    result = ended(scene.provision(), 0, "provisioned")
    assert result.record.outputs == {
        "status": "provisioned",
        "account": f"bot@{scene.domain}",
        "scopes": "profile write:statuses write:media",
        "expires-at": "never",
    }
    assert scene.repository.variables["MASTODON_BASE_URL"] == scene.origin


def test_debug_logging(scene: Scene) -> None:
    """With debug logging on, the runner shows every command and every output: still no secret."""
    job = scene.job(scene.workflow.dispatch())
    begin = ended(scene.run(job, debug=True), 0, "approval-pending")
    complete = scene.job(scene.workflow.dispatch(code=scene.approve(begin)))
    ended(scene.run(complete, debug=True), 0, "provisioned")
    ended(scene.run(scene.job(scene.workflow.schedule()), debug=True), 0, "healthy")


# What goes wrong.


def test_a_wrong_code(scene: Scene) -> None:
    """A code that the instance never gave needs a person; the link of before is shown and good."""
    scene.keep_order()
    begin = scene.dispatch()
    wrong = ended(scene.dispatch(code="NotTheCodeThatTheInstanceHasShown0123456789"), 4)
    assert [annotation.kind for annotation in wrong.record.annotations] == ["error"]
    assert wrong.record.summary
    assert scene.stored() == ""
    ended(scene.dispatch(code=scene.approve(begin)), 0, "provisioned")
    require_settled(scene)
    compare("wrong-code", scene, wrong)


def test_somebody_else_approves(scene: Scene) -> None:
    """The token of another account is not published, and does not stay alive."""
    scene.keep_order()
    code = scene.approve(scene.dispatch(), scene.instance.alice)
    refused = ended(scene.dispatch(code=code), 4)
    assert scene.stored() == ""
    assert scene.instance.live_tokens() == []
    ended(scene.dispatch(code=scene.approve(scene.dispatch())), 0, "provisioned")
    require_settled(scene)
    compare("wrong-account", scene, refused)


def test_a_revoked_token(scene: Scene) -> None:
    """The weekly run fails where the token's owner has revoked it, and says what to do."""
    scene.provision()
    scene.instance.revoke_all()
    check = ended(scene.check(), 4, "attention")
    assert [annotation.kind for annotation in check.record.annotations] == ["error"]
    ended(scene.dispatch(code=scene.approve(scene.dispatch(rotate="true"))), 0, "rotated")
    require_settled(scene)
    compare("revoked", scene, check)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_another_event(scene: Scene, event: Event) -> None:
    """On an event that others can set off, nothing is done: not a single request is made."""
    result = ended(scene.run(scene.job(event)), 2)
    assert scene.requests == []
    if event.name == "push":
        compare("wrong-event", scene, result)


def test_without_a_token_for_github(scene: Scene) -> None:
    """Where the secret is missing or misspelled, the run says so before it asks anybody."""
    scene.repository.set_secret(GITHUB_TOKEN, "")
    result = ended(scene.dispatch(), 2)
    assert scene.requests == []
    assert "github-token" in result.log
    compare("no-github-token", scene, result)


def test_the_workflows_own_token(scene: Scene) -> None:
    """GITHUB_TOKEN, which can't write secrets, is refused by GitHub; no application is left."""
    scene.workflow = Workflow(scene.workflow.text.replace(GITHUB_TOKEN, "GITHUB_TOKEN"))
    token = scene.github.add_token(kind="actions")
    scene.tokens.append(token)
    job = replace(scene.job(scene.workflow.dispatch()), token=token)
    result = ended(scene.run(job), 4)
    assert scene.instance.applications() == 0
    compare("own-token", scene, result)


def test_a_token_that_may_not_write_secrets(scene: Scene) -> None:
    """A token that lacks a permission is refused by GitHub; no application is left."""
    scene.set_token(scene.github.add_token({"actions_variables": "write", "metadata": "read"}))
    result = ended(scene.dispatch(), 4)
    assert scene.instance.applications() == 0
    compare("forbidden", scene, result)


def test_a_code_under_with(scene: Scene) -> None:
    """A code that a workflow passes under `with:` is refused, for the runner has shown it by then.

    No request is made, so that the code is worth nothing to those who read it.
    """
    code = scene.approve(scene.dispatch())
    before = len(scene.requests)
    account = f"account: bot@{scene.domain}"
    given = f"{account}\n          code: ${{{{ inputs.code }}}}"
    scene.workflow = Workflow(scene.workflow.text.replace(account, given))
    result = ended(scene.dispatch(code=code), 2)
    assert len(scene.requests) == before
    assert [line for line in result.record.log if code in line] == [f"  code: {code}"]
    scene.exposed.add(code)
    compare("code-under-with", scene, result)


def test_a_check_before_there_is_anything(scene: Scene) -> None:
    """The weekly run of somebody who has not begun yet fails, and makes nothing."""
    result = ended(scene.check(), 4)
    assert [asked for asked in scene.requests if not asked.startswith("GET ")] == []
    assert scene.instance.applications() == 0
    compare("check-before-begin", scene, result)


def test_another_key(scene: Scene) -> None:
    """A key that is not the journal's opens nothing, and is not shown."""
    scene.dispatch()
    scene.repository.set_secret(KEY, base64.b64encode(bytes(range(32))).decode())
    ended(scene.dispatch(), 2)
    scene.repository.set_secret(KEY, "correct horse battery staple")
    ended(scene.dispatch(), 2)


def test_an_instance_that_speaks_to_the_runner(scene: Scene) -> None:
    """What an instance writes is never a command: it can mask, set or silence nothing."""
    scene.dispatch()
    words = (
        "\n::set-output name=status::healthy\r::stop-commands::silence\n##[add-mask]bot %0A::x::"
    )
    body = json.dumps({"error": "invalid_grant", "error_description": words}).encode()
    headers = (("Content-Type", "application/json"),)
    scene.to_instance.handler = lambda _: Response(400, headers, body)
    result = ended(scene.dispatch(code="a-code-that-does-not-matter"), 4)
    obeyed = [line.command for line in result.record.lines if line.command]
    assert {command.name for command in obeyed} == {"add-mask", "error"}
    assert "bot" not in result.record.added_masks
    assert "::set-output name=status::healthy" in result.record.annotations[0].message


def test_an_application_made_by_hand(scene: Scene) -> None:
    """Its secret is masked with the other inputs, and no other application is registered."""
    scene.keep_order()
    with scene.instance.api() as api:
        scopes = "profile write:statuses write:media"
        form = {"client_name": "by hand", "redirect_uris": OUT_OF_BAND, "scopes": scopes}
        made = api.post("/api/v1/apps", data=form).json()
    scene.repository.variables["CLIENT_ID"] = made["client_id"]
    scene.repository.set_secret("CLIENT_SECRET", made["client_secret"])
    account = f"account: bot@{scene.domain}"
    given = (
        account,
        "client-id: ${{ vars.CLIENT_ID }}",
        "client-secret: ${{ secrets.CLIENT_SECRET }}",
    )
    text = scene.workflow.text.replace(account, "\n          ".join(given))
    scene.workflow = Workflow(text)
    begin = ended(scene.dispatch(), 0, "approval-pending")
    complete = ended(scene.dispatch(code=scene.approve(begin)), 0, "provisioned")
    require_settled(scene)
    assert scene.instance.applications() == 1
    compare("own-application-begin", scene, begin)
    compare("own-application-complete", scene, complete)


# What a workspace or a job's environment can do.

PWNED = """
import os, pathlib, sys
print("pwned", *map(os.environ.get, os.environ))
pathlib.Path("/github/workspace/pwned").touch()
sys.exit(0)
"""
MODULES = ("httpx.py", "typing.py", "encodings.py", "sitecustomize.py", "provisioner.py")


def test_a_hostile_workspace(scene: Scene) -> None:
    """No module in the checked-out repository is imported, whatever PYTHON… says."""
    files = dict.fromkeys(MODULES, PWNED)
    job = scene.job(
        scene.workflow.dispatch(),
        PYTHONPATH="/github/workspace",
        PYTHONSTARTUP="/github/workspace/httpx.py",
        PYTHONINSPECT="1",
    )
    ended(scene.run(job, files), 0, "approval-pending")


def test_a_hostile_environment(scene: Scene) -> None:
    """No variable of the job takes the interpreter, the trust or the language away."""
    job = scene.job(
        scene.workflow.dispatch(),
        PATH="utter-nonsense",
        PYTHONHOME="/nonsense",
        HOME="/nonsense",
        LC_ALL="C",
        PYTHONIOENCODING="ascii",
    )
    ended(scene.run(job), 0, "approval-pending")


# What is cut off: a run that hangs at a request, whose answer never comes, is ended from outside.


class Cut(NamedTuple):
    """How a run is ended, at which request, and whether that has had its effect."""

    how: str
    method: str
    path: str
    late: bool
    spent: bool = False
    """The code that the run was given is good for nothing any more."""


CODES = {"cancelled": 130, "terminated": 143, "killed": 137}
CUTS_OF_BEGIN = {
    "the key is stored": Cut("killed", "PUT", KEY_URL, late=True),
    "registered": Cut("cancelled", "POST", "/api/v1/apps", late=True),
    "the journal is stored": Cut("terminated", "PATCH", JOURNAL_URL, late=True),
}
CUTS_OF_COMPLETE = {
    "no token": Cut("killed", "POST", "/oauth/token", late=False),
    "a token that nobody knows": Cut("cancelled", "POST", "/oauth/token", late=True, spent=True),
    "staged": Cut("killed", "PUT", SECRET_URL, late=False),
    "published": Cut("cancelled", "PUT", SECRET_URL, late=True),
}


def run_until(scene: Scene, cut: Cut, job: Job) -> Result:
    """Run a job up to where it is cut."""
    wire = scene.to_github if cut.path.startswith("/repos/") else scene.to_instance
    with (
        wire.holding(cut.method, cut.path, late=cut.late) as held,
        scene.start(job) as running,
    ):
        held.wait()
        match cut.how:
            case "cancelled":
                result = running.cancel()
                assert result.ended_by == "SIGINT"
            case "terminated":
                result = running.kill("TERM")
            case _:
                result = running.kill("KILL")
    assert result.code == CODES[cut.how], result.log
    return result


@pytest.mark.parametrize("cut", CUTS_OF_BEGIN.values(), ids=CUTS_OF_BEGIN)
def test_begin_is_cut(scene: Scene, cut: Cut) -> None:
    """Wherever the first run ends, the next one shows a link, and its approval stores the token."""
    run_until(scene, cut, scene.job(scene.workflow.dispatch()))
    scene.provision()
    require_settled(scene)


@pytest.mark.parametrize("cut", CUTS_OF_COMPLETE.values(), ids=CUTS_OF_COMPLETE)
def test_complete_is_cut(scene: Scene, cut: Cut) -> None:
    """Wherever a run with a code ends, a re-run of it stores one living token.

    Where the code is spent and its token lost, that takes another approval; the token is then the
    same, for Mastodon gives an application one token at a time.
    """
    job = scene.job(scene.workflow.dispatch(code=scene.approve(scene.dispatch())))
    run_until(scene, cut, job)
    again = scene.rerun(job)
    if cut.spent:
        ended(again, 4)
        again = scene.dispatch(code=scene.approve(scene.dispatch()))
    ended(again, 0, "provisioned")
    require_settled(scene)


def test_a_cancelled_run_says_so(scene: Scene) -> None:
    """Who cancels a run is told, on the run's page too, how to go on."""
    scene.keep_order()
    job = scene.job(scene.workflow.dispatch(code=scene.approve(scene.dispatch())))
    result = run_until(scene, Cut("cancelled", "PUT", SECRET_URL, late=False), job)
    assert result.record.annotations
    assert result.record.summary
    ended(scene.dispatch(), 0, "provisioned")
    compare("cancelled", scene, result)


# Re-runs: the same event, and the secrets of the first attempt.


def test_a_rerun_of_the_first_begin(scene: Scene) -> None:
    """It sees no journal key, as none was there then, and must not make another: what was sealed
    with the first would be lost. The story goes on with the next dispatch.
    """
    job = scene.job(scene.workflow.dispatch())
    begin = ended(scene.run(job), 0, "approval-pending")
    key, journal = scene.stored(KEY), scene.repository.variables[JOURNAL]
    again = ended(scene.rerun(job), 2)
    assert (scene.stored(KEY), scene.repository.variables[JOURNAL]) == (key, journal)
    assert scene.instance.applications() == 1
    ended(scene.dispatch(code=scene.approve(begin)), 0, "provisioned")
    require_settled(scene)
    compare("rerun-begin", scene, again)


def test_a_rerun_of_complete(scene: Scene) -> None:
    """Its code is spent, and asking for a token with it would revoke the one that is in use."""
    begin = scene.dispatch()
    job = scene.job(scene.workflow.dispatch(code=scene.approve(begin)))
    ended(scene.run(job), 0, "provisioned")
    token, asked = scene.stored(), scene.to_instance.log.count("POST /oauth/token 200")
    again = ended(scene.rerun(job), 4)
    assert scene.stored() == token
    assert scene.to_instance.log.count("POST /oauth/token 200") == asked
    require_settled(scene)
    compare("rerun-complete", scene, again)


# The kept texts themselves.

KEPT = sorted(FOLDER.glob("*.txt"))
BORN = {"POST /api/v1/apps 200": "<client secret", "POST /oauth/token 200": "<access token"}


def lines(file: Path) -> list[str]:
    """The lines of a run up to its end, without what it was given."""
    text = file.read_text("utf-8").partition(f"\n{ENDED}")[0]
    return text.splitlines()[3:]


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_inputs_are_masked_first(file: Path) -> None:
    """Every secret that a run was given is masked before it says or writes anything else."""
    given = re.findall(r"<[\w ]+>", file.read_text("utf-8").splitlines()[1].removeprefix(GIVEN))
    said = lines(file)
    first = next(number for number, line in enumerate(said) if not line.startswith(MASK))
    assert {f"{MASK}{secret}" for secret in given} <= set(said[:first])


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_later_secrets_are_masked_at_birth(file: Path) -> None:
    """When a server has made a secret, the next thing that a run says is that it be masked."""
    said = lines(file)
    for number, line in enumerate(said):
        for request, secret in BORN.items():
            if line == WRITTEN + request:
                following = next(
                    said for said in said[number + 1 :] if not said.startswith(WRITTEN)
                )
                assert following.startswith(MASK + secret)


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_a_kept_text_shows_no_secret(file: Path) -> None:
    """A name for a secret stands nowhere but in masks."""
    shown = [line for line in lines(file) if not line.startswith(MASK)]
    secret = re.compile(r"<(GitHub token|journal key|client secret|verifier|code|access token)\b")
    assert [line for line in shown if secret.search(line)] == []


def test_secrets_that_are_made_are_masked_before_they_are_written() -> None:
    """The journal's key is masked before it is stored, and a verifier before its link is shown."""
    said = lines(FOLDER / "begin.txt")
    key, stored = said.index(f"{MASK}<journal key>"), said.index(f"{WRITTEN}PUT {KEY_URL} 201")
    verifier = said.index(f"{MASK}<verifier 1>")
    link = next(number for number, line in enumerate(said) if "code_challenge=" in line)
    assert key < stored < verifier < link
