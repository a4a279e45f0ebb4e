"""The stand-in for GitHub's runner is no more lenient than the runner.

Most cases are those of the runner's own tests (actions/runner, src/Test/L0).
"""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.action.commands import (
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
from tests.action.masks import Masks
from tests.action.step import FILES, lines_of

KNOWN = {"do-something"}


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


def test_an_output_that_holds_what_is_masked_goes_to_no_other_job(tmp_path: Path) -> None:
    """However it is encoded (JobExtension.cs)."""
    record = received("::add-mask::t0ps3cret")
    record.read_files(files(tmp_path, output="a=x t0ps3cret\nb=x\nc=dDBwczNjcmV0"))
    assert record.withheld == {"a", "c"}


def test_carriage_returns_end_lines() -> None:
    """A lone carriage return ends a line, so that what follows may be a command."""
    lines = lines_of("a\r::warning::b\r\nc")
    assert lines == ["a", "::warning::b", "c"]
    assert [annotation.message for annotation in received(*lines).annotations] == ["b"]
