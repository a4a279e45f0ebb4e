"""A step by itself: what it is asked, and what it writes for the runner. Nothing is requested.

The runner's part is played by `commands.py`, which is written from its source.
"""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provisioner.action import Step
from provisioner.config import Config
from provisioner.report import Exit, Item, ProvisionerError, Report, Set, Verdict
from provisioner.secret import Secret
from tests.action.commands import COMMANDS, Command, lines_of, pairs, parse
from tests.action.step import MASK, Ended, start
from tests.support.told import fails

ACCOUNT = "mybot@social.example"
LINK = "https://social.example/oauth/authorize?client_id=x"
PIECES = (
    *(f"::{name}" for name in sorted(COMMANDS)),
    *(f"##[{name}]x" for name in sorted(COMMANDS)),
    *("::", "##[", "]", " name=x", "%0A", "%25", "%3A", "::set-output name=x::y"),
    *("\n", "\r", "\r\n", "\v", "\f", "\x1b[31m", "\x85", "\u2028", "\u2029", "\xa0", " ", "\t"),
)
"""What hostile text is made of: all that means something to the runner, and white space."""
hostile = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8))).map("".join)


def written(do: Callable[[Step], object], **environment: str) -> str:
    out = io.StringIO(newline="")
    do(Step(environment, out))
    return out.getvalue()


def commands(log: str) -> list[Command]:
    return [command for line in lines_of(log) if (command := parse(line))]


# Lines of the log.


@given(hostile)
@example(" \t::error::x")
@example("x\r::error::x")
@example("x ##[error]x")
def test_line_is_never_a_command(text: str) -> None:
    """No text, whatever a server put into it, makes a line that the runner takes for a command."""
    assert commands(written(lambda step: step.say(text))) == []


@pytest.mark.parametrize("kind", ["notice", "warning", "error"])
@given(text=hostile, title=hostile)
@example("%0A%25", "%3A,:%2C")
@example("a\r\nb\rc", "a\nb")
def test_annotation_arrives_whole(
    kind: Literal["notice", "warning", "error"], text: str, title: str
) -> None:
    log = written(lambda step: step.annotate(kind, text, title=f"<{title}>"))
    assert commands(log) == [Command(kind, {"title": f"<{title}>"}, text)]


@given(hostile)
def test_explanation_is_a_line_for_those_who_debug(text: str) -> None:
    assert commands(written(lambda step: step.explain(text))) == [Command("debug", {}, text)]


@given(hostile)
@example("1234567 12345678")
def test_each_part_of_a_secret_is_masked_but_what_is_as_short_as_a_word(text: str) -> None:
    log = written(lambda step: step.mask(Secret(text)))
    parts = [part for part in text.split() if len(part) >= 8]
    assert commands(log) == [Command("add-mask", {}, part) for part in parts]


def test_wait_is_a_line_of_the_log() -> None:
    assert "2 s before a.test" in written(lambda step: step.waiting("a.test", 2.4))


class Gone(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_log_that_nobody_reads_stops_nothing() -> None:
    """A token may be between two places."""
    Step({}, Gone()).say("line")


# Files.


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_outputs_arrive_whole(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    file = tmp_path_factory.mktemp("outputs") / "output"
    expected = [(f"output-{number}", value) for number, value in enumerate(values)]
    for name, value in expected:
        Step({"GITHUB_OUTPUT": str(file)}, io.StringIO()).output(name, value)
    assert list(pairs(file.read_bytes().decode())) == expected


def test_output_cannot_end_itself(tmp_path: Path) -> None:
    """Not even if it knows how earlier ones ended."""
    file = tmp_path / "output"
    step = Step({"GITHUB_OUTPUT": str(file)}, io.StringIO())
    step.output("status", "healthy")
    end = file.read_text().splitlines()[-1]
    value = f"x\n{end}\nstatus<<{end}\nforged\n{end}"
    step.output("account", value)
    assert dict(pairs(file.read_text())) == {"status": "healthy", "account": value}


def test_summaries_add_up(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    step = Step({"GITHUB_STEP_SUMMARY": str(file)}, io.StringIO())
    step.summarize("\none\n")
    step.summarize("two")
    assert file.read_text() == "one\n\ntwo\n\n"


@pytest.mark.parametrize("path", ["", "gone/file", "/dev/full"])
@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_file_that_cannot_be_written_is_named_and_stops_nothing(
    tmp_path: Path, variable: str, path: str
) -> None:
    """The token is stored; a file that nobody named is none."""

    def do(step: Step) -> None:
        step.output("status", "provisioned")
        step.summarize("done")

    assert written(do) == ""
    said = written(do, **{variable: str(tmp_path / path)})
    assert said.count("\n") == 1
    assert variable in said


def test_half_a_character_stops_nothing(tmp_path: Path) -> None:
    """Half of a pair of surrogates, as JSON may hold."""
    file = tmp_path / "output"
    Step({"GITHUB_OUTPUT": str(file)}, io.StringIO()).output("account", "\ud83d")
    assert dict(pairs(file.read_text())).keys() == {"account"}


# The event.


def event_of(folder: Path, content: str) -> Step:
    file = folder / "event.json"
    file.write_text(content)
    environment = {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_EVENT_PATH": str(file)}
    return Step(environment, io.StringIO())


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"code": " a-b \n"}, "a-b"),
        ({"code": None}, ""),
        ({"code": True}, "true"),
        ({"code": False}, ""),
        ({"rotate": "true"}, ""),
        ([], ""),
    ],
    ids=repr,
)
def test_input_of_a_dispatch_is_read_from_the_event(
    tmp_path: Path, inputs: object, expected: str
) -> None:
    assert event_of(tmp_path, json.dumps({"inputs": inputs})).dispatched("code") == expected


@pytest.mark.parametrize(
    ("ref", "page"),
    [
        ("octo/bot/.github/workflows/a.b-c.yaml@refs/tags/v1@2", "/workflows/a.b-c.yaml"),
        ("octo/bot/.github/workflows/bot@home.yml@refs/heads/main", "/workflows/bot@home.yml"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("server", ["", "https://git.example"])
def test_page_with_the_button_is_the_workflows(ref: str, page: str, server: str) -> None:
    """On the server that the workflow runs on; all workflows' where this one is not known."""
    environment = {"GITHUB_WORKFLOW_REF": ref, "GITHUB_REPOSITORY": "octo/bot"}
    step = Step(environment | {"GITHUB_SERVER_URL": server}, io.StringIO())
    assert step.page == f"{server or 'https://github.com'}/octo/bot/actions{page}"


# What a run is asked.


class Scene:
    """One step of a workflow, with its log and its files."""

    def __init__(
        self,
        folder: Path,
        event: str = "workflow_dispatch",
        inputs: object = None,
        given: Mapping[str, str] | None = None,
        **more: str,
    ) -> None:
        own = {"account": f" {ACCOUNT}\n", "github-token": "github-token-1"}
        own |= {"journal-key": "journal-key-1", **(given or {})}
        self.start = start(folder / str(uuid4()), event, inputs, own, more)
        self.log = io.StringIO()
        self.step = Step(self.start.env, self.log)

    def config(self) -> Config:
        return self.step.config(self.step.command())

    def refuses(self, code: str) -> None:
        with fails(code, Exit.INPUT):
            self.config()
        if code != "no-runner":
            assert {f"{MASK}{secret}" for secret in self.start.secrets} <= set(self.lines)

    @property
    def lines(self) -> list[str]:
        return self.log.getvalue().splitlines()

    @property
    def summary(self) -> str:
        return Ended(self.start, 0, "", "").summary


def test_inputs_event_and_attempt_make_the_config(tmp_path: Path) -> None:
    config = Scene(
        tmp_path,
        inputs={"code": " c0de-c0de ", "rotate": True},
        given={"secrets": "A=access_token\nB=client_id", "grace": "7d", "access-token": "token-1"},
        GITHUB_RUN_ATTEMPT="2",
        GITHUB_API_URL="https://ghe.example/api/v3",
    ).config()
    assert config.command == "auto"
    assert config.access_token == Secret("token-1")
    assert str(config.account) == ACCOUNT
    assert config.repository == "octocat/mybot"
    assert config.code.reveal() == "c0de-c0de"
    assert config.rotate
    assert config.is_rerun
    assert not config.scheduled
    assert config.in_workflow
    assert config.api_url == "https://ghe.example/api/v3"
    assert [mapping.name for mapping in config.secrets] == ["A", "B"]
    assert config.given_grace == 7 * 24 * 3600


def test_runner_that_tells_no_attempt_and_an_empty_input_leave_the_usual_run(
    tmp_path: Path,
) -> None:
    config = Scene(tmp_path, given={"repository": ""}, GITHUB_RUN_ATTEMPT="").config()
    assert config.repository == "octocat/mybot"
    assert not config.is_rerun


def test_schedule_has_no_code(tmp_path: Path) -> None:
    """Whatever its event file says."""
    config = Scene(tmp_path, "schedule", inputs={"code": "c0de-c0de", "rotate": True}).config()
    assert config.scheduled
    assert not config.code
    assert not config.rotate
    assert not config.is_rerun


@pytest.mark.parametrize("name", ["code", "rotate"])
@pytest.mark.parametrize("value", ["", "c0de-c0de"])
def test_input_that_the_log_would_show_is_refused_and_masked(
    tmp_path: Path, name: str, value: str
) -> None:
    """Also where it is empty: the next time it would have a value."""
    scene = Scene(tmp_path, given={name: value})
    scene.refuses("input-in-log")
    assert (f"::add-mask::{value}" in scene.lines) is bool(value)


def test_other_commands_are_refused(tmp_path: Path) -> None:
    assert Scene(tmp_path, given={"command": ""}).config().command == "auto"
    for command in "begin", "abandon":
        assert Scene(tmp_path, given={"command": command}).config().command == command
    other = {"command": "login"}
    Scene(tmp_path, inputs={"code": "c0de-c0de"}, given=other).refuses("bad-command")


@pytest.mark.parametrize("rotate", ["yes", "True", 1, ["true"]])
def test_boolean_is_true_or_false(tmp_path: Path, rotate: object) -> None:
    """What is neither is not guessed at: it may replace a token."""
    Scene(tmp_path, inputs={"rotate": rotate}).refuses("bad-boolean")


def test_other_repository_needs_a_key_from_here(tmp_path: Path) -> None:
    given = {"repository": "me/other", "journal-key": ""}
    Scene(tmp_path, given=given).refuses("journal-key-elsewhere")
    assert Scene(tmp_path, given={"repository": "me/other"}).config().repository == "me/other"
    own = {"repository": "Octocat/MyBot", "journal-key": ""}
    scene = Scene(tmp_path, given=own, GITHUB_REPOSITORY="octocat/MYBOT")
    assert scene.config().repository == "Octocat/MyBot"


# A check without a token for GitHub.


@pytest.mark.parametrize(
    ("event", "command", "token", "checks"),
    [
        ("workflow_dispatch", "auto", "access-token-1", True),
        ("schedule", "auto", "", True),
        ("workflow_dispatch", "check", "", True),
        ("workflow_dispatch", "auto", "", False),
        ("workflow_dispatch", "begin", "access-token-1", False),
        ("schedule", "deprovision", "access-token-1", False),
    ],
)
def test_check_needs_no_github_token(
    tmp_path: Path, event: str, command: str, token: str, *, checks: bool
) -> None:
    """A check of the token itself; an empty one is not provisioned yet."""
    given = {"github-token": "", "journal-key": "", "access-token": token, "command": command}
    scene = Scene(tmp_path, event, given=given)
    if checks:
        config = scene.config()
        assert config.command == "check-token"
        assert config.access_token == Secret(token)
        assert config.repository == ""
    else:
        scene.refuses("no-github-token")
    assert (f"::add-mask::{token}" in scene.lines) is bool(token)


@pytest.mark.parametrize(
    ("inputs", "given"),
    [({"code": "c0de-c0de"}, {}), ({"rotate": True}, {}), ({}, {"max-age": "90d"})],
)
def test_what_needs_github_is_refused_without_a_token_for_it(
    tmp_path: Path, inputs: object, given: Mapping[str, str]
) -> None:
    """Nothing is asked, and so the code is unspent."""
    tokens = {"github-token": "", "access-token": "access-token-1", **given}
    Scene(tmp_path, inputs=inputs, given=tokens).refuses("no-github-token")


@pytest.mark.parametrize("value", ["", "false"])
def test_nothing_runs_without_a_runner(tmp_path: Path, value: str) -> None:
    """Nobody would hide the masks."""
    scene = Scene(tmp_path, GITHUB_ACTIONS=value)
    scene.refuses("no-runner")
    assert scene.lines == []


def test_secret_that_looks_like_an_address_is_masked_whole(tmp_path: Path) -> None:
    secret = "https://client:secret-of-a-bot@social.example?code=of-a-bot"
    scene = Scene(tmp_path, given={"client-secret": secret})
    scene.step.command()
    assert f"::add-mask::{secret}" in scene.lines


@pytest.mark.parametrize(
    ("pasted", "masked"),
    [
        ("https://social.example/oauth/native?code=c0de-c0de&state=x", ["::add-mask::c0de-c0de"]),
        ("code=c0de-c0de&state=x", ["::add-mask::c0de-c0de"]),
        (LINK, []),
    ],
)
def test_only_the_code_of_an_address_is_masked(
    tmp_path: Path, pasted: str, masked: list[str]
) -> None:
    """The instance's address must stay readable."""
    scene = Scene(tmp_path, inputs={"code": pasted})
    scene.step.command()
    assert scene.lines[2:] == masked


# How a run ended.


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


ITEM = Item("soon", "A secret is overwritten.", (Set("secrets", "A=access_token"),))


@pytest.mark.parametrize(
    ("verdict", "start"),
    [
        ("good", "✓ "),
        ("unclear", "::warning "),
        ("soon", "::warning "),
        ("bad", "::error "),
    ],
)
def test_item_is_as_loud_as_its_verdict(scene: Scene, verdict: Verdict, start: str) -> None:
    scene.step.report(Report("attention", "x", items=(Item(verdict, "It.", ("Do this.",)),)))
    [line] = [line for line in scene.lines if "It." in line]
    assert line.startswith(start)
    assert "Next: Do this." in scene.log.getvalue()


def test_warning_of_the_run_is_told_once(scene: Scene) -> None:
    scene.step.warn(ITEM)
    scene.step.warn(ITEM)
    scene.step.report(Report("healthy", "x", items=(ITEM,)))
    assert scene.log.getvalue().count(ITEM.text) == 1
    assert scene.summary.count(ITEM.text) == 1


@pytest.mark.parametrize("fails", [True, False])
def test_warning_that_is_not_in_the_report_stands_in_the_summary(
    scene: Scene, *, fails: bool
) -> None:
    scene.step.warn(ITEM)
    if fails:
        scene.step.error(ProvisionerError("its-code", "It happened."))
    else:
        scene.step.report(Report("healthy", "x"))
    assert ITEM.text in scene.summary
