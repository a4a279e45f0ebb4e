"""The stand-in for GitHub's runner is no more lenient than the runner.

The cases are those of the runner's own tests (actions/runner, src/Test/L0).
"""

from collections.abc import Mapping

import pytest

from tests.action.commands import Command, CommandError, Record, lines_of, pairs, parse

KNOWN = {"do-something"}


@pytest.mark.parametrize(
    ("line", "properties", "data"),
    [
        ("##[do-something k1=v1;]msg", {"k1": "v1"}, "msg"),
        ("##[do-something k1=%3B=%0D=%0A=%5D;]%3B-%0D-%0A-%5D", {"k1": ";=\r=\n=]"}, ";-\r-\n-]"),
        (">>>   ##[do-something k1=v1;]msg", {"k1": "v1"}, "msg"),
        (
            "::do-something k1=;=%2C=%0D=%0A=]=%3A,::;-%0D-%0A-]-:-,",
            {"k1": ";=,=\r=\n=]=:"},
            ";-\r-\n-]-:-,",
        ),
        ("::do-something k1=%252C=%253A,::%250D", {"k1": "%2C=%3A"}, "%0D"),
        ("::do-something k1=,k2=,::", {}, ""),
        ("   ::do-something k1=v1,::msg", {"k1": "v1"}, "msg"),
    ],
)
def test_both_forms_of_a_command_are_understood(
    line: str, properties: Mapping[str, str], data: str
) -> None:
    assert parse(line, KNOWN) == Command("do-something", properties, data)


@pytest.mark.parametrize("line", ["   >>>   ::do-something k1=v1,::msg", "::unknown::", "::do-s"])
def test_what_is_not_at_the_start_not_known_or_not_whole_is_no_command(line: str) -> None:
    assert parse(line, KNOWN) is None


def test_mask_comes_too_late_for_what_was_said() -> None:
    record = Record()
    record.receive(lines_of("s3cr3t\r::add-mask::s3cr3t\r\ns3cr3t\n::error title=s3cr3t::s3cr3t"))
    assert record.log == ["s3cr3t", "***"]
    assert (record.annotations[0].message, record.annotations[0].title) == ("***", "s3cr3t")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("\nA=one\n\nB=two\n\n", {"A": "one", "B": "two"}),
        ("A==abc\nB=def=ghi\nC=jkl=\nD=", {"A": "=abc", "B": "def=ghi", "C": "jkl=", "D": ""}),
        ("A<<EOF\nline one\nline two\nEOF", {"A": "line one\nline two"}),
        ("A<<=EOF\nhello\none\n=EOF\nB<<<EOF\nhello\n<EOF", {"A": "hello\none", "B": "hello"}),
        ("A<<EOF\n\nthree\n\nEOF\nB<<EOF\n EOF\nEOF", {"A": "\nthree\n", "B": " EOF"}),
        ("A=one\r\nB<<EOF\r\ntwo\r\nEOF\r\n", {"A": "one\r", "B": "two\r"}),
    ],
)
def test_command_file_is_read(text: str, expected: Mapping[str, str]) -> None:
    assert dict(pairs(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A<<EOF line one line two EOF", "Matching delimiter not found"),
        ("A<<EOF\nvalue\nEOF ", "EOF marker missing new line"),
        ("<<EOF\nvalue\nEOF", "Name must not be empty"),
        ("a line", "Invalid format"),
    ],
)
def test_wrong_command_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        list(pairs(text))
