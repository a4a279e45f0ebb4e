"""The runner's protocol: what we write is what GitHub's runner reads, and nothing else.

Its part is played by `commands.py`, which is written from its source.
"""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.action import MAX_ANNOTATION, Runner
from provisioner.errors import InputError, ProvisionerError
from provisioner.secret import MIN_PART, Secret
from tests.action.commands import COMMANDS, Command, pairs, parse
from tests.action.step import lines_of

REAL = {"GITHUB_ACTIONS": "true"}
PIECES = (
    *(f"::{name}" for name in sorted(COMMANDS)),
    *(f"##[{name}]x" for name in sorted(COMMANDS)),
    *("::", "##[", "]", " name=x", "%0A", "%25", "%3A", "::set-output name=x::y"),
    *("\n", "\r", "\r\n", "\v", "\f", "\x1b[31m", "\x85", "\u2028", "\u2029", "\xa0", " ", "\t"),
)
"""What hostile text is made of: all that means something to the runner, and white space."""
hostile = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8))).map("".join)


def written(do: Callable[[Runner], None], **environment: str) -> str:
    """What a runner's standard output gets."""
    out = io.StringIO(newline="")
    do(Runner(REAL | environment, out))
    return out.getvalue()


def commands(log: str) -> list[Command]:
    """The commands that the runner finds in a log."""
    return [command for line in lines_of(log) if (command := parse(line))]


# Lines.


@given(hostile)
def test_line_is_never_a_command(text: str) -> None:
    """No text, whatever a server put into it, makes a line that the runner takes for a command."""
    assert commands(written(lambda runner: runner.line(text))) == []


@given(st.text().filter(lambda text: not re.search(r"::|##\[|[\r\n]", text)))
def test_honest_line_is_left_as_it_is(text: str) -> None:
    """A text that means nothing to the runner, such as a link, is printed to the letter."""
    assert written(lambda runner: runner.line(text)) == f"{text}\n"


# Annotations.


@pytest.mark.parametrize("kind", ["notice", "warning", "error"])
@given(text=hostile, title=hostile)
def test_annotation_arrives_whole(
    kind: Literal["notice", "warning", "error"], text: str, title: str
) -> None:
    """A text comes out at the runner as it went in, line breaks and percent signs too."""
    log = written(lambda runner: runner.annotate(kind, text, title=f"<{title}>"))
    assert commands(log) == [Command(kind, {"title": f"<{title}>"}, text)]


@pytest.mark.parametrize("escape", ["%0A", "%0D", "%25", "%3A", "%2C", "%250A"])
def test_percent_comes_first(escape: str) -> None:
    """What looks like an escape in a text is no escape: the runner shows it to the letter."""
    log = written(lambda runner: runner.annotate("notice", escape, title=escape))
    assert commands(log) == [Command("notice", {"title": escape}, escape)]


def test_long_annotation_is_cut_before_it_is_escaped() -> None:
    """A text that is too long is cut where the runner would cut it, and in no escape."""
    log = written(lambda runner: runner.annotate("error", "%" * 5000, title="x"))
    assert commands(log)[0].data == "%" * MAX_ANNOTATION


# Masks.


@given(hostile)
def test_each_part_is_masked(text: str) -> None:
    """A secret is masked in each of its parts, to the letter, and nothing else is said."""
    log = written(lambda runner: runner.mask(Secret(text)))
    parts = [part for part in text.split() if len(part) >= MIN_PART]
    assert commands(log) == [Command("add-mask", {}, part) for part in parts]


@pytest.mark.parametrize("text", ["", " ", "\n", "true", "false", "a b c", "x" * 7])
def test_short_parts_are_not_masked(text: str) -> None:
    """What is as short as a word is not masked: the log would be full of asterisks."""
    assert written(lambda runner: runner.mask(Secret(text))) == ""


@pytest.mark.parametrize("environment", [{}, {"GITHUB_ACTIONS": ""}, {"GITHUB_ACTIONS": "false"}])
def test_no_mask_without_a_runner(environment: dict[str, str]) -> None:
    """Where no runner reads, no mask is written: it would show what it is to hide."""
    out = io.StringIO()
    Runner(environment, out).mask(Secret("x" * 20))
    assert out.getvalue() == ""


# Outputs and the summary.


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_outputs_arrive_whole(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    """Values come out at the runner as they went in, whatever lines they have."""
    file = tmp_path_factory.mktemp("outputs") / "output"
    expected = [(f"output-{number}", value) for number, value in enumerate(values)]
    for name, value in expected:
        Runner({"GITHUB_OUTPUT": str(file)}, io.StringIO()).output(name, value)
    assert list(pairs(file.read_bytes().decode())) == expected


def test_output_cannot_end_itself(tmp_path: Path) -> None:
    """A value that knows how earlier ones ended does not end itself, and sets no other output."""
    file = tmp_path / "output"
    runner = Runner({"GITHUB_OUTPUT": str(file)}, io.StringIO())
    runner.output("status", "healthy")
    end = file.read_text().splitlines()[-1]
    value = f"x\n{end}\nstatus<<{end}\nforged\n{end}"
    runner.output("account", value)
    assert dict(pairs(file.read_text())) == {"status": "healthy", "account": value}


def test_summaries_add_up(tmp_path: Path) -> None:
    """A second summary stands below the first, as a paragraph of its own."""
    file = tmp_path / "summary"
    runner = Runner({"GITHUB_STEP_SUMMARY": str(file)}, io.StringIO())
    runner.summarize("\none\n")
    runner.summarize("two")
    assert file.read_text() == "one\n\ntwo\n\n"


FULL = Path("/dev/full")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="a folder"),
        pytest.param("gone/file", id="in no folder"),
        pytest.param(
            str(FULL), marks=pytest.mark.skipif(not FULL.exists(), reason="Linux"), id="full"
        ),
    ],
)
@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_file_that_cannot_be_written(tmp_path: Path, variable: str, path: str) -> None:
    """A file that can't be written is named in a line, and stops nothing: the token is stored."""

    def do(runner: Runner) -> None:
        runner.output("status", "provisioned")
        runner.summarize("done")

    said = written(do, **{variable: str(tmp_path / path)})
    assert said.count("\n") == 1
    assert variable in said


def test_half_a_character_stops_nothing(tmp_path: Path) -> None:
    """Half of a pair of surrogates, as JSON may hold, is no reason to stop half-way."""
    file = tmp_path / "output"
    Runner({"GITHUB_OUTPUT": str(file)}, io.StringIO()).output("account", "\ud83d")
    assert len(dict(pairs(file.read_bytes().decode()))) == 1


def test_no_files() -> None:
    """Where the runner names no files, nothing is written and nothing is said."""

    def do(runner: Runner) -> None:
        runner.output("status", "healthy")
        runner.summarize("well")

    assert written(do) == ""


class Gone(io.StringIO):
    """A log that nobody reads any more."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def closed() -> io.StringIO:
    """A log that was closed."""
    out = io.StringIO()
    out.close()
    return out


@pytest.mark.parametrize("out", [Gone(), closed()], ids=["gone", "closed"])
def test_log_that_nobody_reads(out: io.StringIO) -> None:
    """A log that nobody reads stops nothing: a token may be between two places."""
    runner = Runner(REAL, out)
    runner.mask(Secret("x" * 20))
    runner.line("line")
    runner.annotate("notice", "text", title="title")
    assert runner.is_real


# Inputs and the event.


@pytest.mark.parametrize(("given", "expected"), [("  x\n", "x"), ("", ""), (" ", "")])
def test_input_is_trimmed(given: str, expected: str) -> None:
    """An input is read by its name as it is, hyphens and all, without white space around it."""
    runner = Runner({"INPUT_GITHUB-TOKEN": given}, io.StringIO())
    assert runner.input("github-token") == expected


def event_of(tmp_path: Path, content: str) -> Runner:
    """A runner whose event file holds that."""
    file = tmp_path / "event.json"
    file.write_text(content)
    environment = {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_EVENT_PATH": str(file)}
    return Runner(environment, io.StringIO())


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"code": "abc"}, "abc"),
        ({"code": " a-b \n"}, "a-b"),
        ({"code": ""}, ""),
        ({"code": None}, ""),
        ({"rotate": "true"}, ""),
        ({}, ""),
        (None, ""),
    ],
    ids=repr,
)
def test_dispatched_input(tmp_path: Path, inputs: object, expected: str) -> None:
    """An input of the workflow_dispatch is read from the event, and is empty where it is not."""
    runner = event_of(tmp_path, json.dumps({"inputs": inputs}))
    assert runner.dispatched("code") == expected


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not JSON",
        "[]",
        "null",
        '"text"',
        "1",
        '{"inputs": ["code"]}',
        '{"inputs": "code"}',
        '{"inputs": 1}',
        "\x00",
    ],
)
def test_rubbish_for_an_event(tmp_path: Path, content: str) -> None:
    """An event that is none of GitHub's is refused: a code in it would be passed over."""
    with pytest.raises(ProvisionerError) as caught:
        event_of(tmp_path, content).dispatched("code")
    assert caught.value.code == "bad-event"


@pytest.mark.parametrize("name", ["", "event.json", "\x00"])
def test_no_event(tmp_path: Path, name: str) -> None:
    """A dispatch without an event file is refused too."""
    path = str(tmp_path / name) if name else ""
    environment = {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_EVENT_PATH": path}
    with pytest.raises(ProvisionerError) as caught:
        Runner(environment, io.StringIO()).dispatched("code")
    assert caught.value.code == "bad-event"


def test_deep_event(tmp_path: Path) -> None:
    """An event file that nests deeper than Python reads is refused, and no bug."""
    with pytest.raises(ProvisionerError) as caught:
        event_of(tmp_path, "[" * 200_000).dispatched("code")
    assert caught.value.code == "bad-event"


@pytest.mark.parametrize("content", ["{}", '{"inputs": null}', '{"inputs": []}'])
def test_no_inputs(tmp_path: Path, content: str) -> None:
    """A dispatch of a workflow that has no inputs has none."""
    assert event_of(tmp_path, content).dispatched("code") == ""


def test_another_event_has_no_inputs() -> None:
    """A schedule brings no code, whatever its event file says."""
    runner = Runner({"GITHUB_EVENT_NAME": "schedule"}, io.StringIO())
    assert runner.dispatched("code") == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("true", True),
        ("false", False),
        (True, True),
        (False, False),
        ("", False),
        (None, False),
        (" true ", True),
    ],
    ids=repr,
)
def test_flag(tmp_path: Path, value: object, expected: bool) -> None:  # noqa: FBT001
    """A boolean is read as GitHub's form and its API send it; none is false."""
    runner = event_of(tmp_path, json.dumps({"inputs": {"rotate": value}}))
    assert runner.flag("rotate") is expected


@pytest.mark.parametrize(
    "value", ["True", "yes", "on", "1", 1, "truefalse", ["true"], {"a": 1}], ids=repr
)
def test_no_flag(tmp_path: Path, value: object) -> None:
    """What is neither true nor false is refused, and not guessed at: it may replace a token."""
    runner = event_of(tmp_path, json.dumps({"inputs": {"rotate": value}}))
    with pytest.raises(InputError) as caught:
        runner.flag("rotate")
    assert caught.value.code == "bad-boolean"


# What the environment says of the run.


@pytest.mark.parametrize(
    ("ref", "page"),
    [
        ("octo/bot/.github/workflows/bot.yml@refs/heads/main", "/workflows/bot.yml"),
        ("octo/bot/.github/workflows/a.b-c.yaml@refs/tags/v1@2", "/workflows/a.b-c.yaml"),
        ("octo/bot/.github/workflows/bot@home.yml@refs/heads/main", "/workflows/bot@home.yml"),
        ("", ""),
    ],
)
def test_page_of_the_workflow(ref: str, page: str) -> None:
    """The page with the button is the workflow's; all workflows' where this one is not known."""
    environment = {"GITHUB_WORKFLOW_REF": ref, "GITHUB_REPOSITORY": "octo/bot"}
    runner = Runner(environment, io.StringIO())
    assert runner.workflow_page == f"https://github.com/octo/bot/actions{page}"


def test_page_on_another_server() -> None:
    """On an Enterprise server the page is that server's."""
    environment = {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "octo/bot"}
    runner = Runner(environment, io.StringIO())
    assert runner.workflow_page == "https://git.example/octo/bot/actions"


@pytest.mark.parametrize(("attempt", "expected"), [("1", False), ("2", True), ("", False)])
def test_rerun(attempt: str, expected: bool) -> None:  # noqa: FBT001
    """A second attempt is a re-run; where nothing is said, it is the first."""
    environment = {"GITHUB_RUN_ATTEMPT": attempt} if attempt else {}
    assert Runner(environment, io.StringIO()).is_rerun is expected
