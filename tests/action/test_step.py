"""The action as a step of a workflow: which verb runs, what is shown, and what never is."""

import html
import io
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest

from provisioner.action import COMMANDS, Step
from provisioner.errors import Exit, InputError, PersonNeededError, ProvisionerError
from provisioner.runner import Runner
from provisioner.summary import HEADINGS
from tests.action.step import ACTION, KEY, MASK, REPOSITORY, Ended, Site, served
from tests.cli.program import PATIENCE, ROOT, WITHOUT_TIMEOUTS, environment
from tests.e2e.commands import Annotation
from tests.github.server import RawServer

TYPED = "xK3-this-was-typed-and-must-not-be-shown"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A served sandbox with a bot."""
    with served(tmp_path) as made:
        yield made


# Which verb runs.

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
    """A schedule checks, whatever the journal says: nobody is there to open a link."""
    STATES[state](site)
    assert site.ending("schedule") == status


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
def test_dispatch(site: Site, state: str, status: str) -> None:
    """A dispatch begins where nothing is provisioned, completes what is staged, else checks."""
    STATES[state](site)
    assert site.ending(inputs={"code": "", "rotate": "false"}) == status


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
def test_dispatch_with_a_code(site: Site, state: str, rotate: str, status: str) -> None:
    """A dispatch with a code completes, whatever the journal says and whatever else is ticked."""
    STATES[state](site)
    code = site.codes[-1] if site.codes else TYPED
    assert site.ending(inputs={"code": code, "rotate": rotate}) == status


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
def test_dispatch_with_rotate(site: Site, state: str, status: str) -> None:
    """With rotate ticked, a dispatch begins, but for a token that waits to be finished."""
    STATES[state](site)
    assert site.ending(inputs={"code": "", "rotate": "true"}) == status


@pytest.mark.parametrize(
    ("command", "event", "status"),
    [
        ("begin", "schedule", "approval-pending"),
        ("complete", "workflow_dispatch", "completed-already"),
        ("check", "workflow_dispatch", "healthy"),
    ],
)
def test_command_is_obeyed(site: Site, command: str, event: str, status: str) -> None:
    """A command that is named is what runs, whatever auto would have chosen."""
    site.provision()
    inputs = {"code": site.codes[0], "rotate": "true"} if command != "begin" else None
    assert site.ending(event, inputs, {"command": command}) == status


def test_no_command_is_auto(site: Site) -> None:
    """Without a command it is auto: a dispatch begins."""
    assert site.ending(given={"command": ""}) == "approval-pending"


def test_pending_link_is_the_same(site: Site) -> None:
    """A second dispatch shows the first one's link again: instances allow few registrations."""
    first, second = site.play(), site.play()
    assert first.outputs["authorize-url"] == second.outputs["authorize-url"]


@pytest.mark.parametrize("inputs", [{"rotate": "true"}, {"rotate": "true", "code": ""}])
def test_rerun_of_a_finished_rotation_starts_no_other(
    site: Site, inputs: Mapping[str, str]
) -> None:
    """A re-run brings the inputs of its first attempt: *rotate* was ticked, and that is done."""
    site.provision()
    site.play(inputs={"code": site.begin(rotate="true")})
    applications = len(site.sandbox.instance.applications)
    done = site.play(inputs=inputs, variables={"GITHUB_RUN_ATTEMPT": "2"})
    assert done.outputs["status"] == "healthy"
    assert len(site.sandbox.instance.applications) == applications


def test_rerun_of_a_rotation_under_way_shows_its_link(site: Site) -> None:
    """Nobody approved it yet."""
    site.provision()
    link = site.play(inputs={"rotate": "true"}).outputs["authorize-url"]
    again = site.play(inputs={"rotate": "true"}, variables={"GITHUB_RUN_ATTEMPT": "2"})
    assert again.outputs["authorize-url"] == link


# What is refused.


def masks_of(inputs: Mapping[str, str]) -> str:
    """What a step says before it does anything."""
    out = io.StringIO()
    Step(
        Runner({"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "schedule", **inputs}, out)
    ).command()
    return out.getvalue()


def refused(
    site: Site,
    event: str = "workflow_dispatch",
    inputs: object = None,
    given: Mapping[str, str] | None = None,
) -> str:
    """The name of the error for a wrong input, which is raised before anybody is asked."""
    with pytest.raises(InputError) as caught:
        site.play(event, inputs, given)
    assert site.requests == []
    return caught.value.ident


@pytest.mark.parametrize(
    ("event", "command"),
    [
        ("push", "auto"),
        ("pull_request", "auto"),
        ("pull_request_target", "begin"),
        ("issue_comment", "complete"),
        ("workflow_run", "check"),
        ("repository_dispatch", "auto"),
        ("", "auto"),
    ],
)
def test_events_of_strangers(site: Site, event: str, command: str) -> None:
    """Events that a stranger can cause are refused before any request is made."""
    assert refused(site, event, given={"command": command}) == "wrong-event"


@pytest.mark.parametrize("name", ["code", "rotate"])
def test_dispatch_inputs_under_with(site: Site, name: str) -> None:
    """What the runner would print in the log is refused, though it would have served."""
    assert refused(site, given={name: "true"}) == "input-in-log"


def test_code_under_with_is_masked() -> None:
    """A code that stands in the log already is masked in what follows."""
    assert masks_of({"INPUT_CODE": TYPED}) == f"{MASK}{TYPED}\n"


@pytest.mark.parametrize("command", ["rotate", "Auto", "begin complete", "sandbox"])
def test_unknown_command(site: Site, command: str) -> None:
    """A command that is none is refused, and the error says which there are."""
    with pytest.raises(InputError) as caught:
        site.play(given={"command": command})
    known = [name for name in COMMANDS if name in caught.value.todo]
    assert (caught.value.ident, known, site.requests) == ("bad-command", list(COMMANDS), [])


@pytest.mark.parametrize("rotate", ["yes", "True", "1", "TRUE"])
def test_strict_boolean(site: Site, rotate: str) -> None:
    """A boolean that is none is refused, and not taken for either."""
    assert refused(site, inputs={"rotate": rotate}) == "bad-boolean"


@pytest.mark.parametrize(
    ("given", "ident", "word"),
    [
        ({"account": ""}, "bad-account", r"\baccount\b"),
        ({"github-token": ""}, "no-github-token", r"\bGitHub token\b"),
        ({"client-id": "x"}, "bad-application", r"\bclient secret\b"),
        ({"client-secret": "x"}, "bad-application", r"\bclient id\b"),
    ],
)
def test_missing_input(site: Site, given: Mapping[str, str], ident: str, word: str) -> None:
    """An input that is missing is said to be missing, by its name, and quotes nothing empty."""
    with pytest.raises(InputError) as caught:
        site.play(given=given)
    error = caught.value
    named, empty = re.search(word, error.what) is not None, "“”" in error.what
    assert (error.ident, named, empty, site.requests) == (ident, True, False, [])


def test_missing_repository(site: Site) -> None:
    """Without a repository anywhere, the error says so."""
    with pytest.raises(InputError, match="No repository was named"):
        site.play(given={"repository": ""}, variables={"GITHUB_REPOSITORY": ""})


def test_repository_of_the_workflow(site: Site) -> None:
    """A repository that is not named is the workflow's own."""
    assert site.ending(given={"repository": ""}) == "approval-pending"


def test_missing_key(site: Site) -> None:
    """Without the key to a journal that is there, the error names the secret to hand in."""
    site.play()
    with pytest.raises(InputError, match="no key for it was handed in") as caught:
        site.play(given={"journal-key": ""})
    assert "${{ secrets.MASTODON_JOURNAL_KEY }}" in caught.value.todo
    assert "shell" not in caught.value.why


def test_missing_github_token(site: Site) -> None:
    """Without a token for GitHub, the error speaks of the secret, and of no laptop."""
    with pytest.raises(InputError) as caught:
        site.play(given={"github-token": ""})
    assert "put it into the secret" in caught.value.todo
    assert "GH_TOKEN" not in caught.value.todo


def test_no_runner() -> None:
    """Where there is no runner it does nothing, and shows none of the secrets it was handed."""
    out = io.StringIO()
    env = {"INPUT_GITHUB-TOKEN": TYPED, "GITHUB_EVENT_NAME": "schedule"}
    with pytest.raises(InputError) as caught:
        Step(Runner(env, out)).command()
    assert (caught.value.ident, out.getvalue()) == ("no-runner", "")


# The story of one bot, each run a program of its own.


@dataclass(frozen=True)
class Story:
    """Begin, complete and check."""

    site: Site
    begin: Ended
    complete: Ended
    check: Ended

    @property
    def runs(self) -> tuple[Ended, ...]:
        """All three."""
        return self.begin, self.complete, self.check

    @property
    def born(self) -> dict[str, str]:
        """The secrets that came into being, by name."""
        instance = self.site.sandbox.instance
        [verifier] = self.site.verifiers
        return {
            "key": self.site.key,
            "client secret": instance.applications[0].client_secret,
            "verifier": verifier,
            "token": instance.tokens[0].token,
        }


@cache
def story() -> Story:
    """Play it once: the journal's key is left to the action, the code is pasted as an address."""
    with TemporaryDirectory() as folder, served(Path(folder)) as site:
        begin = site.run(inputs={"code": "", "rotate": "false"}, given={"journal-key": ""})
        code = site.approve(begin.outputs["authorize-url"])
        page = f"{site.sandbox.instance.origin}/oauth/authorize/native?code={quote(code)}"
        complete = site.run(
            inputs={"code": page, "rotate": "false"}, given={"journal-key": site.key}
        )
        return Story(site, begin, complete, site.run("schedule", given={"journal-key": site.key}))


def test_story_ends_well() -> None:
    """Three runs, one link, one code: all succeed, and the bot has its token."""
    told = story()
    assert [run.code for run in told.runs] == [0, 0, 0]
    assert told.site.repository.open_secret("MASTODON_ACCESS_TOKEN") == told.born["token"]


def test_nothing_on_standard_error() -> None:
    """All that is said is in one stream, whose order the runner keeps."""
    assert [run.said for run in story().runs] == ["", "", ""]


# Masks.


def test_handed_in_secrets_are_masked_first() -> None:
    """What was handed in is masked before anything else is said: token, key, and the code."""
    told = story()
    secrets = [told.site.token, told.site.key, told.site.codes[0]]
    assert told.complete.lines[:3] == [f"{MASK}{secret}" for secret in secrets]


@pytest.mark.parametrize(
    "secret", ["https://client:secret-of-a-bot@social.example", "client-secret?code=of-a-bot"]
)
def test_secret_that_looks_like_an_address(secret: str) -> None:
    """What is handed in as a secret is masked as a whole, whatever it looks like."""
    assert masks_of({"INPUT_CLIENT-SECRET": secret}) == f"{MASK}{secret}\n"


def test_address_of_the_code_is_not_masked() -> None:
    """Of a pasted address only the code is masked: the instance stands in the link too."""
    told = story()
    assert [mask for mask in told.complete.masked if "/" in mask and mask != told.site.key] == []


def test_code_that_was_pasted_in_two_pieces_is_masked_whole(site: Site) -> None:
    """The pieces are masked as they were handed in; what is sent, and may be echoed, is whole."""
    code = site.begin()
    done = site.play(inputs={"code": f"{code[:20]} {code[20:]}"})
    assert {code, code[:20], code[20:]} <= set(done.masked)


@pytest.mark.parametrize(
    ("secret", "run", "line"),
    [
        ("key", "begin", "Made the journal's key"),
        ("client secret", "begin", "Registered the application"),
        ("verifier", "begin", "Wrote the journal"),
        ("client secret", "complete", "read its journal"),
        ("verifier", "complete", "read its journal"),
        ("token", "complete", "Exchanged the code"),
        ("token", "check", "read its journal"),
        ("client secret", "check", "read its journal"),
    ],
)
def test_mask_comes_before_the_next_line(secret: str, run: str, line: str) -> None:
    """A secret that comes into being, or out of the journal, is masked before it is spoken of."""
    lines = getattr(story(), run).lines
    [told] = [number for number, text in enumerate(lines) if line in text]
    assert lines.index(f"{MASK}{story().born[secret]}") < told


@pytest.mark.parametrize("run", ["begin", "complete", "check"])
def test_nothing_secret_is_shown(run: str) -> None:
    """No log, output or summary holds a secret, plain, percent-encoded or within base64."""
    told = story()
    assert len(told.site.secrets()) == 6
    assert told.site.leaks(getattr(told, run).shown) == []


@pytest.mark.parametrize("run", ["begin", "complete", "check"])
def test_outputs_are_not_masked(run: str) -> None:
    """No output holds what is masked: the runner would not hand it on to other jobs."""
    record = getattr(story(), run).record
    assert {name: record.masks.apply(text) for name, text in record.outputs.items()} == (
        record.outputs
    )


@pytest.mark.parametrize("run", ["begin", "complete", "check"])
def test_nothing_is_masked_that_a_person_reads(run: str) -> None:
    """There are no asterisks in the log and in the summary: no mask hits an honest word."""
    record = getattr(story(), run).record
    assert [text for text in (*record.log, record.summary) if "***" in text] == []


# What is told.


def test_link_is_everywhere() -> None:
    """The link is a line of its own, a notice, an output, and in the summary."""
    begin = story().begin
    link = begin.outputs["authorize-url"]
    title = f"Open this link, and sign in as {story().site.account}"
    assert (
        link in begin.lines,
        Annotation("notice", link, title) in begin.annotations,
        link in html.unescape(begin.summary),
    ) == (True, True, True)


def test_link_comes_after_all_else_was_done() -> None:
    """The link is shown once the journal that knows of it was written."""
    lines = story().begin.lines
    assert lines.index("✓ Wrote the journal") < lines.index(story().begin.outputs["authorize-url"])


def outputs_of(run: str) -> dict[str, str]:
    """The outputs of a run, without the link, which is another one each time."""
    outputs: dict[str, str] = getattr(story(), run).outputs
    return {name: text for name, text in outputs.items() if name != "authorize-url"}


SCOPES = "profile write:statuses write:media"


@pytest.mark.parametrize(
    ("run", "outputs"),
    [
        ("begin", {"status": "approval-pending", "scopes": SCOPES}),
        ("complete", {"status": "provisioned", "scopes": SCOPES, "expires-at": "never"}),
        ("check", {"status": "healthy", "scopes": SCOPES, "expires-at": "never"}),
    ],
)
def test_outputs(run: str, outputs: dict[str, str]) -> None:
    """Each outcome has its outputs, and whose token it is about."""
    assert outputs_of(run) == {"account": story().site.account, **outputs}


def test_outputs_are_declared() -> None:
    """No output is set that action.yml does not know."""
    declared = (
        (ROOT / "action.yml").read_text().partition("\noutputs:\n")[2].partition("\nruns:")[0]
    )
    names = set(re.findall(r"^  ([a-z-]+):", declared, re.MULTILINE))
    assert {name for run in story().runs for name in run.outputs} == names


def test_replaced_token_is_no_warning(site: Site) -> None:
    """That the old token goes as it should is a line of the log, and of the summary."""
    site.provision()
    done = site.play(inputs={"code": site.begin(rotate="true")})
    assert done.outputs["status"] == "rotated"
    assert not [text for text in done.annotations if text.kind == "warning"]
    assert "✓ The old token" in done.log
    assert "- ✅ The old token" in done.summary


def test_replaced_token_is_warned_of(site: Site) -> None:
    """What a person has to do after a rotation stands on the run's page."""
    site.provision()
    done = site.play(
        inputs={"code": site.begin(rotate="true")}, given={"secrets": "OTHER=access_token"}
    )
    [warning] = [text for text in done.annotations if text.kind == "warning"]
    assert "it still stands in MASTODON_ACCESS_TOKEN" in warning.message


def test_finding_that_needs_a_person(site: Site) -> None:
    """A check that finds a dead token fails, says what to do on the run's page, sets outputs."""
    site.provision()
    site.sandbox.instance.revoke_access("mybot")
    done = site.play("schedule")
    errors = [text.message for text in done.annotations if text.kind == "error"]
    assert (done.code, done.outputs["status"], len(errors)) == (Exit.PERSON, "attention", 1)
    assert re.match(r"(?s)The token is dead: .*\nNext: Somebody revoked it", errors[0])


def test_demo_needs_nothing(site: Site) -> None:
    """The demo runs on any event, with no input but the command, and asks nobody outside."""
    nothing = dict.fromkeys(("account", "github-token", "journal-key", "repository"), "")
    done = site.run("push", given={**nothing, "command": "demo"})
    assert (done.code, done.outputs["status"], site.requests) == (0, "provisioned", [])


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


FAILURES: dict[Exit, tuple[Callable[[Site], Ended], str]] = {
    Exit.FAILED: (rate_limit, "github-rate-limit"),
    Exit.INPUT: (wrong_input, "bad-account"),
    Exit.HALF_WAY: (half_way, "github-rate-limit"),
    Exit.PERSON: (wrong_account, "wrong-account"),
}


@pytest.mark.parametrize("code", FAILURES)
def test_failure(site: Site, code: Exit) -> None:
    """A failure is its exit code, one error on the run's page, and a summary; no output.

    Nothing secret is shown: what was handed in is masked before anything is said.
    """
    do, ident = FAILURES[code]
    done = do(site)
    titles = [text.title for text in done.annotations if text.kind == "error"]
    heading = done.summary.splitlines()[0]
    assert (done.code, titles, done.outputs) == (code, [ident], {})
    assert (heading, f"`{ident}`" in done.summary) == (f"## ❌ {HEADINGS[code]}", True)
    assert site.leaks(done.shown) == []
    assert done.lines[:2] == [f"{MASK}{site.token}", f"{MASK}{KEY}"]


def told(error: ProvisionerError, tmp_path: Path, attempt: str = "1") -> Ended:
    """What becomes of an error."""
    files = {name: tmp_path / name for name in ("path", "env", "step_summary", "state", "output")}
    env = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_RUN_ATTEMPT": attempt,
        "GITHUB_STEP_SUMMARY": str(files["step_summary"]),
    }
    out = io.StringIO()
    Step(Runner(env, out)).error(error)
    return Ended.of(error.exit_code, out.getvalue(), "", files)


def test_error_is_one_annotation_with_all_its_parts(tmp_path: Path) -> None:
    """What happened, why, what next and the link are the lines of one annotation."""
    error = PersonNeededError(
        "name", "What.", why="Why.", todo="Do.", link="https://a.test/?id=a--b"
    )
    assert told(error, tmp_path).annotations == [
        Annotation("error", "What.\nWhy.\nNext: Do.\nhttps://a.test/?id=a--b", "name")
    ]


def test_options_are_inputs_in_an_annotation(tmp_path: Path) -> None:
    """An option of the command line is told as the input that it is, and nothing else is cut."""
    error = InputError("name", "Of --scopes.", why="“a--b”", todo="Choose --app-name.")
    assert told(error, tmp_path).annotations == [
        Annotation("error", "Of scopes.\n“a--b”\nNext: Choose app-name.", "name")
    ]


def test_error_leaves_out_what_it_has_not(tmp_path: Path) -> None:
    """An error without a cause, a step or a link has no empty lines."""
    assert told(InputError("name", "What."), tmp_path).annotations == [
        Annotation("error", "What.", "name")
    ]


@pytest.mark.parametrize(("attempt", "hinted"), [("1", False), ("2", True), ("10", True)])
def test_rerun_is_told_to_run_anew(tmp_path: Path, attempt: str, hinted: bool) -> None:  # noqa: FBT001
    """Who pressed Re-run is told to press Run workflow, and nobody else is."""
    summary = told(InputError("name", "What."), tmp_path, attempt).summary
    assert ("Re-run" in summary) is hinted


BROKEN = f"""
import os, sys
from provisioner.cli import main
def broken(size):
    raise RuntimeError("{TYPED}")
os.urandom = broken
sys.argv = ["provisioner", "action"]
main()
"""


def test_bug(site: Site) -> None:
    """A bug is 70, with its kind and place in the summary, without its message, which may tell."""
    done = site.run(program=(sys.executable, "-c", BROKEN))
    assert (done.code, TYPED in done.shown, "Traceback" in done.shown) == (Exit.BUG, False, False)
    assert re.search(r"RuntimeError at .*\w+\\?\.py\\?:\d+", done.summary)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.SIGINT), (signal.SIGTERM, Exit.SIGTERM)]
)
def test_cancelled(site: Site, number: int, code: Exit) -> None:
    """Cancelled while a request hangs, it does not wait: it ends with an error and a summary."""
    asked, over = threading.Event(), threading.Event()

    def hang(_seen: object) -> None:
        asked.set()
        over.wait(PATIENCE)

    with RawServer(hang) as server:
        env, files = site.start(variables={"GITHUB_API_URL": server.origin})
        with subprocess.Popen(
            [*WITHOUT_TIMEOUTS, "action"],
            env=environment(env),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            assert asked.wait(PATIENCE)
            process.send_signal(number)
            log, _ = process.communicate(timeout=PATIENCE)
        over.set()
    done = Ended.of(process.returncode, log, "", files)
    titles = [text.title for text in done.annotations]
    assert done.code == code
    assert titles == ["interrupted"]
    assert "`interrupted`" in done.summary


# The journal's key.


def test_key_that_is_handed_in_stays_where_it_is(site: Site) -> None:
    """A key out of an environment's secret is not copied to where every branch can read it."""
    site.provision()
    assert list(site.repository.secrets) == ["MASTODON_ACCESS_TOKEN"]


def test_key_is_made(site: Site) -> None:
    """Without a key, one is made and stored; the next run is handed it, and goes on."""
    link = site.play(given={"journal-key": ""}).outputs["authorize-url"]
    key = site.repository.open_secret("MASTODON_JOURNAL_KEY")
    code = site.approve(link)
    assert site.ending(inputs={"code": code}, given={"journal-key": key}) == "provisioned"


# Streams.


def launched(preparation: str) -> tuple[str, ...]:
    """The action, started by a program that does something to its streams first.

    No shell: those drop variables that have a hyphen in their names, as our inputs do.
    """
    script = f"import os, sys; {preparation}; os.execv(sys.argv[1], sys.argv[1:])"
    return (sys.executable, "-c", script, *ACTION)


def test_closed_log(site: Site) -> None:
    """A step without a standard output is done all the same."""
    done = site.run(program=launched("os.close(1)"))
    assert (done.code, done.outputs.get("status")) == (0, "approval-pending")


def test_log_that_nobody_reads(site: Site) -> None:
    """A step whose log nobody reads any more is done all the same, and says nothing of it."""
    done = site.run(program=launched("r, w = os.pipe(); os.close(r); os.dup2(w, 1)"))
    assert (done.code, done.outputs.get("status"), done.said) == (0, "approval-pending", "")
