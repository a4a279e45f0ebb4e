"""The stand-in for GitHub's runner is no more lenient than the runner.

Most cases are those of the runner's own tests (actions/runner, src/Test/L0); no container is run.
"""

import os
import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest

from provisioner.sandbox import GitHub
from tests.e2e.commands import (
    LARGEST_SUMMARY,
    LONGEST_ANNOTATION,
    BrokenStepError,
    Command,
    CommandError,
    Kind,
    Record,
    pairs,
    parse,
)
from tests.e2e.engine import Engine
from tests.e2e.masks import Masks
from tests.e2e.runner import CANCELLED_BY, FILES, USER, Job, Result, Runner, Running
from tests.e2e.workflow import Action, Workflow, evaluate, example

KNOWN = {"do-something"}
BOT = "bot@social.example"
CREDENTIALS = example("credentials.yml", BOT)
OUTPUT = '../../_temp/_runner_file_commands/"${GITHUB_OUTPUT##*/}"'
"""The output file, as seen from the workspace, where the engine's client runs."""


def masked(text: str, *values: str) -> str:
    """A text in which these values are masked."""
    masks = Masks()
    for value in values:
        masks.add(value)
    return masks.apply(text)


def received(*lines: str, debug: bool = False) -> Record:
    """What becomes of these lines of output."""
    record = Record(Masks(), debug)
    for line in lines:
        record.receive(line)
    return record


# Worker/ActionCommandL0.cs


@pytest.mark.parametrize(
    ("line", "properties", "data"),
    [
        ("##[do-something k1=v1;]msg", {"k1": "v1"}, "msg"),
        ("##[do-something]", {}, ""),
        ("##[do-something k1=%3B=%0D=%0A=%5D;]%3B-%0D-%0A-%5D", {"k1": ";=\r=\n=]"}, ";-\r-\n-]"),
        (
            "##[do-something k1=%253B=%250D=%250A=%255D;]%253B-%250D-%250A-%255D",
            {"k1": "%3B=%0D=%0A=%5D"},
            "%3B-%0D-%0A-%5D",
        ),
        ("##[do-something k1=;k2=;]", {}, ""),
        (">>>   ##[do-something k1=v1;]msg", {"k1": "v1"}, "msg"),
        ("::do-something k1=v1,::msg", {"k1": "v1"}, "msg"),
        ("::do-something::", {}, ""),
        (
            "::do-something k1=;=%2C=%0D=%0A=]=%3A,::;-%0D-%0A-]-:-,",
            {"k1": ";=,=\r=\n=]=:"},
            ";-\r-\n-]-:-,",
        ),
        (
            "::do-something k1=;=%252C=%250D=%250A=]=%253A,::;-%250D-%250A-]-:-,",
            {"k1": ";=%2C=%0D=%0A=]=%3A"},
            ";-%0D-%0A-]-:-,",
        ),
        ("::do-something k1=,k2=,::", {}, ""),
        ("::do-something k1=v1::", {"k1": "v1"}, ""),
        ("   ::do-something k1=v1,::msg", {"k1": "v1"}, "msg"),
    ],
)
def test_commands(line: str, properties: Mapping[str, str], data: str) -> None:
    """Both forms of a command are understood with the runner's own rules of escaping."""
    assert parse(line, KNOWN) == Command("do-something", properties, data)


@pytest.mark.parametrize("line", ["   >>>   ::do-something k1=v1,::msg", "::unknown::", "::do-s"])
def test_no_commands(line: str) -> None:
    """What is not at the start of a line, not known or not complete is no command."""
    assert parse(line, KNOWN) is None


# Worker/ActionCommandManagerL0.cs


def test_stopped_commands() -> None:
    """Between stop-commands and its token in either form, commands are lines like all others."""
    record = received(
        "##[stop-commands]stopToken",
        "::warning::not one",
        "##[warning]nor this",
        "##[stopToken]",
        "::warning::one",
    )
    assert [annotation.message for annotation in record.annotations] == ["one"]
    assert "::warning::not one" in record.log


def test_the_token_of_stopped_commands_is_masked() -> None:
    """It is masked for the rest of the job, also after it was used."""
    record = received("::stop-commands::randomToken", "::randomToken::", "randomToken")
    assert record.log == ["::stop-commands::***", "::***::", "***"]


@pytest.mark.parametrize("token", ["stop-commands", "", "set-env", "pause-logging"])
def test_a_token_that_is_none(token: str) -> None:
    """A command, or nothing, can't be the token: the step breaks."""
    with pytest.raises(BrokenStepError):
        received(f"::stop-commands::{token}")


def test_echo() -> None:
    """`echo` shows the commands that follow, but neither masks nor annotations."""
    record = received("::echo::ON", "::group::shown", "::add-mask::hidden", "::echo::Off   ")
    assert record.log == ["::group::shown", "##[group]shown", "::add-mask::***", "::echo::Off   "]


@pytest.mark.parametrize("value", ["invalid", ""])
def test_a_wrong_echo_fails_the_step(value: str) -> None:
    """The step fails, whatever its exit code."""
    assert received(f"::echo::{value}").failed


def test_debug_logging() -> None:
    """Debug messages are shown where debug logging is on, and so are commands."""
    lines = ("::debug::one%0Atwo", "::endgroup::")
    assert received(*lines).log == ["##[endgroup]"]
    expected = ["##[debug]one", "##[debug]two", "::endgroup::", "##[endgroup]"]
    assert received(*lines, debug=True).log == expected


@pytest.mark.parametrize(
    "command", ["::set-env name=A::b", "::add-path::/b", "##[set-env name=A]b"]
)
def test_commands_that_are_disabled(command: str) -> None:
    """The environment can't be changed by a line of output."""
    record = received(command)
    assert record.failed
    assert not record.env


def test_an_output_without_a_name_fails_the_step() -> None:
    """The old command for an output still works, with a warning, and not without a name."""
    record = received("::set-output name=key::value")
    assert (record.outputs, record.failed) == ({"key": "value"}, False)
    assert [annotation.kind for annotation in record.annotations] == ["warning"]
    assert received("::set-output::value").failed


def test_masks_of_several_lines() -> None:
    """A mask of several lines masks the whole, and each line; blank ones mask nothing."""
    record = received(
        "::add-mask::abc%0Ddef%0Aghi%0D%0Ajkl", "::add-mask:: %0D  %0A   %0D%0A    %0D"
    )
    assert [record.masks.apply(text) for text in ("abc", "def", "ghi", "jkl")] == ["***"] * 4
    assert record.masks.apply("abc\rdef\nghi\r\njkl") == "***"
    assert record.masks.apply("    ") == "    "
    assert [annotation.kind for annotation in record.annotations] == ["warning"]


def test_a_mask_comes_too_late_for_what_was_said() -> None:
    """Only what follows a mask is masked."""
    assert received("s3cr3t", "::add-mask::s3cr3t", "s3cr3t").log == ["s3cr3t", "***"]


# HostContextL0.cs


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("Password123!", "123Password123!123", "123***123"),
        ("Password123!", "password123", "password123"),
        ('Pass"word"123!', '123Pass\\"word\\"123!123', "123***123"),
        ("Pass word 123!", "123Pass%20word%20123%21123", "123***123"),
        ("Pass<word>123!", "123Pass&lt;word&gt;123!123", "123***123"),
        ("Pass'word'123!", "123Pass''word''123!123", "123***123"),
        ('"Password123!!"', "123Password123!!123", "123***123"),
        ('"short"', "123short123", "123short123"),
        ('"short"', '123"short"123', "123***123"),
        ("secret&secret&secret", "secret&secret&|secret|", "***|***|"),
        ("secret&secret+secret", "secret&|secret+secret|", "***|***|"),
        ("secret+secret&secret", "secret+secret&|secret|", "***|***|"),
        ("secret&secret&+secretsecret", "secret&secret&+|s|ecretsecret", "***|s|***"),
        ("secret&+secret&secret", "secret&+|s|ecret&secret", "***|s|***"),
        ("secret&secret&+", "secret&secret&+||", "***||"),
        ("abcabc", "xabcabcabcx", "x***x"),
    ],
)
def test_masks(secret: str, text: str, shown: str) -> None:
    """A value is masked in each encoding that the runner knows, and in no other."""
    assert masked(text, secret) == shown


@pytest.mark.parametrize(
    ("before", "shown"),
    [("", "OlBh***"), ("a", "YTpQ***"), ("ab", "YWI6***"), ("abc", "YWJjOlBh***")],
)
def test_masks_in_base64(before: str, shown: str) -> None:
    """In base64, a value is masked at each offset, its first characters excepted."""
    text = b64encode(f"{before}:Password123!".encode()).decode()
    assert masked(text, "Password123!") == shown


# Worker/ExecutionContextL0.cs


@pytest.mark.parametrize("kind", ["error", "warning", "notice"])
def test_annotations_are_limited(kind: Kind) -> None:
    """Ten of each kind stand beside the run, and no more than 4096 characters of one."""
    record = received(*[f"::{kind}::{'a' * 5000}"] * 15)
    assert [len(one.message) for one in record.annotations] == [LONGEST_ANNOTATION] * 10
    assert len(record.log) == 15


def test_the_title_of_an_annotation_is_not_masked() -> None:
    """The runner masks a message; the title goes to GitHub as it is (ExecutionContext.AddIssue)."""
    record = received("::add-mask::s3cr3t", "::notice title=s3cr3t::s3cr3t")
    [annotation] = record.annotations
    assert (annotation.title, annotation.message) == ("s3cr3t", "***")


# Worker/OutputManagerL0.cs


@pytest.mark.parametrize("marker", ["start-action", "end-action"])
def test_markers_are_the_runners_own(marker: str) -> None:
    """No line can look like the runner's marker of a step's start or end."""
    assert received(f"text ##[{marker} id=fake] more").log == [rf"text ##[\{marker} id=fake] more"]


# Worker/SetOutputFileCommandL0.cs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("A=MY VALUE", {"A": "MY VALUE"}),
        ("\nA=one\n\nB=two\n\n", {"A": "one", "B": "two"}),
        ("A==abc\nB=def=ghi\nC=jkl=\nD=", {"A": "=abc", "B": "def=ghi", "C": "jkl=", "D": ""}),
        ("A<<EOF\nline one\nline two\nEOF", {"A": "line one\nline two"}),
        ("A<<EOF\nEOF", {"A": ""}),
        ("A<<=EOF\nhello\none\n=EOF\nB<<<EOF\nhello\n<EOF", {"A": "hello\none", "B": "hello"}),
        (
            "A<<EOF\nhello\n\nthree\n\nEOF\nB<<EOF\n EOF\nEOF",
            {"A": "hello\n\nthree\n", "B": " EOF"},
        ),
        ("A=one\r\nB<<EOF\r\ntwo\r\nEOF\r\n", {"A": "one\r", "B": "two\r"}),
    ],
)
def test_command_files(text: str, expected: Mapping[str, str]) -> None:
    """Values of one line and of several are read; on Linux, a carriage return belongs to one."""
    assert dict(pairs(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A<<EOF line one line two EOF", "Matching delimiter not found"),
        ("A<<EOF line one\n  line two\n  line three EOF", "EOF marker missing new line"),
        ("A<<EOF\nvalue\nEOF ", "EOF marker missing new line"),
        ("A<<EOF\nvalue\n", "Matching delimiter not found"),
        ("<<EOF\nvalue\nEOF", "Name must not be empty"),
        ("A<<\nvalue\n", "delimiter must not be empty"),
        ("a line", "Invalid format"),
    ],
)
def test_wrong_command_files(text: str, message: str) -> None:
    """What is not in the format is refused, and fails the step."""
    with pytest.raises(CommandError, match=message):
        list(pairs(text))


def files(folder: Path, **contents: str) -> dict[str, Path]:
    """Command files with these contents."""
    made = {name: folder / name for name in FILES}
    for name, path in made.items():
        path.write_text(contents.get(name, ""), "utf-8-sig", newline="")
    return made


def test_what_comes_before_a_mistake_in_a_file_counts(tmp_path: Path) -> None:
    """Outputs are set one after the other, up to the mistake; the step has failed."""
    record = received()
    record.read_files(files(tmp_path, output="A=one\nmistake\nB=two"))
    assert (record.outputs, record.failed) == ({"A": "one"}, True)


def test_node_options_are_refused(tmp_path: Path) -> None:
    """No step may set NODE_OPTIONS for those that follow (SetEnvFileCommandL0.cs)."""
    record = received()
    record.read_files(files(tmp_path, env="NODE_OPTIONS=asdf\nA=b", state="C=d", path="/bin\n\n"))
    assert (record.env, record.state, record.path) == ({"A": "b"}, {"C": "d"}, ["/bin"])
    assert [annotation.kind for annotation in record.annotations] == ["error"]


# Worker/CreateStepSummaryCommandL0.cs


def test_a_summary_is_masked_line_by_line(tmp_path: Path) -> None:
    """What is known as secret when the step has ended is not in its summary."""
    record = received("::add-mask::s3cr3t")
    record.read_files(files(tmp_path, step_summary="# Title\r\n\r\nA s3cr3t"))
    assert record.summary == "# Title\n\nA ***\n"


@pytest.mark.parametrize(("size", "kept"), [(LARGEST_SUMMARY - 3, True), (LARGEST_SUMMARY, False)])
def test_a_large_summary_is_dropped(tmp_path: Path, size: int, kept: bool) -> None:  # noqa: FBT001
    """One that is too large by its byte order mark is dropped with an error; the step goes on."""
    record = received()
    record.read_files(files(tmp_path, step_summary="x" * size))
    assert bool(record.summary) is kept
    assert len(record.annotations) == (0 if kept else 1)
    assert not record.failed


# Worker/ActionRunnerL0.cs and what has no test there: a program takes the place of the container
# engine's client, so that it is seen what this would have been given.


def started(folder: Path, client: str, text: str, **env: str) -> Running:
    """A step of this workflow, begun; `client` is a shell script."""
    program = folder / "client"
    program.write_text(f"#!/bin/sh\n[ $1 = run ] || exit 1\n{client}\n")
    program.chmod(0o755)
    github = GitHub()
    repository = github.add_repository("acme/demo")
    repository.set_secret("PROVISIONER_GITHUB_TOKEN", "t0ps3cret")
    repository.set_secret("MASTODON_ACCESS_TOKEN", "unn4med")
    repository.variables["COLOUR"] = "green"
    run = github.queue("acme/demo")
    repository.set_secret("MASTODON_JOURNAL_KEY", "added later")
    workflow = Workflow(text)
    job = Job(workflow, run, workflow.dispatch(code="c0de"), "http://127.0.0.1:1", env)
    runner = Runner(folder, job, Engine(str(program), ""))
    return runner.start(workflow.step, Action.load(), "an-image:1")


def ran(folder: Path, client: str, text: str = CREDENTIALS, **env: str) -> Result:
    """A step that has ended by itself."""
    with started(folder, client, text, **env) as running:
        return running.wait()


def environment(folder: Path, **env: str) -> dict[str, str]:
    """What the engine's client finds in its environment; a shell drops names with hyphens."""
    shown = ran(folder, r"/usr/bin/tr '\0' '\n' </proc/$$/environ", **env).stdout
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def test_inputs(tmp_path: Path) -> None:
    """Inputs keep their hyphens; those that are not given have their defaults, or are empty."""
    given = environment(tmp_path)
    assert given["INPUT_ACCOUNT"] == BOT
    assert given["INPUT_GITHUB-TOKEN"] == "t0ps3cret"
    assert given["INPUT_JOURNAL-KEY"] == ""
    assert given["INPUT_REPOSITORY"] == "acme/demo"
    assert given["INPUT_SECRETS"] == "MASTODON_ACCESS_TOKEN=access_token"
    assert given["INPUT_SCOPES"] == ""


def test_secrets_are_those_of_the_queueing(tmp_path: Path) -> None:
    """A secret that was set after the run was queued is not seen by it."""
    assert "added later" not in environment(tmp_path).values()


def test_the_environment(tmp_path: Path) -> None:
    """The container's paths are its own, and the job's environment is passed on."""
    given = environment(tmp_path, PATH="nonsense")
    assert given["PATH"] == "nonsense"
    assert given["HOME"] == "/github/home"
    assert given["GITHUB_EVENT_PATH"] == "/github/workflow/event.json"
    assert given["GITHUB_WORKSPACE"] == "/github/workspace"
    assert given["GITHUB_ACTION"] == "__mastodon-provisioner_mastodon-provisioner"
    assert re.fullmatch(r"/github/file_commands/set_output_[-0-9a-f]{36}", given["GITHUB_OUTPUT"])
    assert {given["CI"], given["GITHUB_ACTIONS"]} == {"true"}


def test_no_value_is_among_the_arguments(tmp_path: Path) -> None:
    """The engine's client gets the names of variables by its arguments, and the values by its own
    environment.
    """
    arguments = ran(tmp_path, 'printf "%s\\n" "$@"').stdout.splitlines()
    assert arguments[-2:] == ["an-image:1", "action"]
    assert "INPUT_GITHUB-TOKEN" in arguments
    assert not [argument for argument in arguments if "t0ps3cret" in argument]


def test_everything_under_with_is_printed(tmp_path: Path) -> None:
    """The log shows what a step was given, before the action can say what to mask."""
    step = "account: bot@social.example"
    given = (
        f"{step}\n          code: ${{{{ inputs.code }}}}\n          colour: ${{{{ vars.COLOUR }}}}"
    )
    text = CREDENTIALS.replace(step, given)
    record = ran(tmp_path, "echo '::add-mask::c0de'; echo c0de", text).record
    unexpected = "##[warning]Unexpected input(s) 'code', 'colour', valid inputs are ['entryPoint',"
    assert record.log[0].startswith(unexpected)
    shown = ["  account: bot@social.example", "  code: c0de", "  colour: green"]
    assert record.log[3:7] == [*shown, "  github-token: ***"]
    assert record.log[-1] == "***"


def test_a_secret_that_the_workflow_does_not_name_is_not_masked(tmp_path: Path) -> None:
    """GitHub sends a job only the secrets that its workflow names, so no other has a mask."""
    result = ran(tmp_path, "echo unn4med t0ps3cret")
    assert result.record.log[-1] == "unn4med ***"


def test_a_masked_output_goes_to_no_other_job(tmp_path: Path) -> None:
    """An output that holds a secret, however encoded, is withheld from other jobs."""
    result = ran(tmp_path, f'echo "a=x t0ps3cret" >>{OUTPUT}\necho "b=x" >>{OUTPUT}')
    assert result.record.outputs == {"a": "x t0ps3cret", "b": "x"}
    assert result.record.withheld == {"a"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_command_files_are_the_runners(tmp_path: Path) -> None:
    """Whoever is not root in the container can't write outputs: they belong to another user."""
    result = ran(tmp_path, f'stat -c "%u %a %s" {OUTPUT}')
    assert result.stdout == f"{USER} 644 0"


def test_carriage_returns_end_lines(tmp_path: Path) -> None:
    """A lone carriage return ends a line, so that what follows may be a command."""
    record = ran(tmp_path, r"printf 'a\r::warning::b\r\nc'").record
    assert [line.text for line in record.lines] == ["a", "::warning::b", "c"]
    assert [annotation.message for annotation in record.annotations] == ["b"]


@pytest.mark.parametrize(
    ("ignored", "code", "ended_by"),
    [("", 130, "SIGINT"), ("INT", 143, "SIGTERM"), ("INT TERM", -9, "SIGKILL")],
)
def test_a_cancelled_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: str, code: int, ended_by: str
) -> None:
    """The engine's client gets SIGINT, a while later SIGTERM, and is killed at last."""
    hurried = tuple((number, 1.0) for number, _ in CANCELLED_BY)
    monkeypatch.setattr("tests.e2e.runner.CANCELLED_BY", hurried)
    traps = "trap 'exit 130' INT; trap 'exit 143' TERM" + (
        f"; trap '' {ignored}" if ignored else ""
    )
    with started(tmp_path, f"{traps}\necho ready\nwhile :; do :; done", CREDENTIALS) as running:
        running.until("ready")
        result = running.cancel()
    assert (result.code, result.ended_by) == (code, ended_by)


def test_expressions() -> None:
    """Names are found in any case, and what there is not is empty."""
    contexts = {"secrets": {"A_B": "c"}, "steps": {"app": {"outputs": {"token": "made"}}}}
    text = "${{ secrets.a_b }}/${{secrets.none}}/${{ steps.app.outputs.token }}/${{ steps.x.y.z }}"
    assert evaluate(text, contexts) == "c//made/"


def test_an_unknown_expression() -> None:
    """An expression that the stand-in can't evaluate is not passed over."""
    with pytest.raises(AssertionError):
        evaluate("${{ secrets.a || 'b' }}", {"secrets": {}})


def test_a_dispatch_has_no_other_inputs() -> None:
    """GitHub refuses an input that the workflow does not declare, and sends all that it does."""
    workflow = Workflow(CREDENTIALS)
    assert workflow.dispatch(code="x").inputs == {"code": "x", "rotate": "false"}
    with pytest.raises(AssertionError, match="422"):
        workflow.dispatch(token="x")
