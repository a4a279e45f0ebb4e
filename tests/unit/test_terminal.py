"""What a person sees at a terminal: reports, errors, and what to do next as commands."""

import fcntl
import json
import os
import shlex
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from io import BytesIO, TextIOWrapper

import pytest
from msgspec.structs import replace

from provisioner.config import Config, parse
from provisioner.report import (
    ActionRequiredError,
    Exit,
    Item,
    Open,
    ProvisionerError,
    Report,
    Run,
    Set,
)
from provisioner.secret import Secret
from provisioner.terminal import Terminal
from tests.support.told import fails

GIVEN = {"account": "mybot@social.example", "repository": "me/mybot", "github-token": "gh-token"}
LINK = "https://social.example/oauth/authorize?client_id=x&scope=read"


def config(command: str = "begin", **given: str) -> Config:
    """A config with these inputs besides; `_` stands for `-`."""
    return parse(command, {**GIVEN, **{name.replace("_", "-"): v for name, v in given.items()}})


def error(*steps: Open | Run | Set | str) -> ProvisionerError:
    """An error with these next steps."""
    return ActionRequiredError("its-code", "It happened.", why="It had a cause.", next=steps)


@pytest.fixture(autouse=True)
def called(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program was called by its name, with nothing that changes colours."""
    monkeypatch.setattr(sys, "argv", ["provisioner"])
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)


def pasted(capsys: pytest.CaptureFixture[str], step: Run, asked: Config) -> list[str]:
    """The words of the one command to be pasted."""
    Terminal(config=asked).error(error(step))
    lines = capsys.readouterr().err.splitlines()
    [line] = [one for one in lines if "provisioner " in one]
    return shlex.split(line)


# What to do next.


def test_command_can_be_pasted_with_what_it_takes_and_was_not_left_to_the_defaults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = config(
        account="acct:mybot@social.example",
        journal="OTHER_JOURNAL",
        secrets="A=access_token",
        client_id="id",
        client_secret="s",
    )
    asked = replace(asked, given={**asked.given, "client-id": ("i d",)})
    named = ["--account", "mybot@social.example", "--repository", "me/mybot"]
    named += ["--secrets", "A=access_token"]
    own, journal = ["--client-id", "i d"], ["--journal", "OTHER_JOURNAL"]
    login = ["provisioner", "login", *named, *own, *journal]
    assert pasted(capsys, Run("login"), asked) == login
    complete = ["provisioner", "complete", *named, *journal]
    assert pasted(capsys, Run("complete", code=True), asked) == complete
    step, asked = Run("begin", options=(Set("scopes", "read write"),)), config(scopes="post")
    assert pasted(capsys, step, asked) == [
        *("provisioner", "begin", "--account", "mybot@social.example"),
        *("--repository", "me/mybot", "--scopes", "read write"),
    ]
    assert "--app-name" not in pasted(capsys, Run("complete"), config(app_name="My bot"))
    unread = config("register", reveal="yes", client_id="id")  # it needs no GitHub
    assert pasted(capsys, Run("begin"), unread)[-2:] == ["--repository", "me/mybot"]
    of_the_journal = parse("rotate", GIVEN | {"account": ""})
    assert pasted(capsys, Run("check"), of_the_journal)[2:] == ["--repository", "me/mybot"]
    post = config("post", text="too long", visibility="direct")
    assert pasted(capsys, Run("post", text="how dy"), post)[-3:] == [
        *("--visibility", "direct", "how dy")
    ]


@pytest.mark.parametrize(
    ("asked", "step", "command"),
    [
        ("setup", Run("begin"), "setup"),
        ("setup", Run("begin", rotate=True), "rotate"),
        ("rotate", Run("complete"), "complete"),
        ("begin", Run("begin"), "begin"),
        ("check", Run("begin", rotate=True), "rotate"),
    ],
)
def test_setup_leads_to_setup_again(
    capsys: pytest.CaptureFixture[str], asked: str, step: Run, command: str
) -> None:
    assert pasted(capsys, step, config(asked))[1] == command


# An error.


def test_error_goes_to_standard_error_with_steps_to_be_pasted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A secret is no option: that would be visible in the list of processes."""
    steps = (
        Open("https://a.test/x", "mybot@social.example", "press Authorize"),
        *("Or give it up:", Run("abandon"), Run("check", when="in 2 days")),
        *("Have a look.", Run("check")),
        *(Run("complete", code=True), "Or:", Set("scopes", "read write"), Set("github-token")),
        Run("again", when="in 10 minutes"),
    )
    Terminal(config=config()).error(error(*steps))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert (
        captured.err
        == """\
✗ It happened.
  Why: It had a cause.
  Next: Open this page, sign in as mybot@social.example, and press Authorize:
        https://a.test/x
        Or give it up:
        provisioner abandon --account mybot@social.example --repository me/mybot
        In 2 days, run:
        provisioner check --account mybot@social.example --repository me/mybot
        Have a look.
        Run:
        provisioner check --account mybot@social.example --repository me/mybot
        Run this, and paste the code when it is asked for:
        provisioner complete --account mybot@social.example --repository me/mybot
        Or:
        Give --scopes 'read write'.
        Set the environment variable GH_TOKEN.
        Run the command again in 10 minutes.
  (its-code, exit code 4)
"""
    )


def test_json_of_an_error_is_one_object_with_the_steps_in_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Terminal(as_json=True, config=config()).error(error(Open(LINK), Run("complete", code=True)))
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "failed"
    assert told["exit-code"] == Exit.ACTION_REQUIRED
    assert told["error"]["name"] == "its-code"
    assert told["error"]["what"] == "It happened."
    assert told["error"]["why"] == "It had a cause."
    assert told["error"]["link"] == LINK
    assert LINK in told["error"]["todo"]
    assert "provisioner complete --account" in told["error"]["todo"]


# A report.


def report(**parts: object) -> Report:
    """A report with these parts."""
    return replace(Report("healthy", "All is well", outputs={"account": "a@b.test"}), **parts)


def test_report_goes_to_standard_output_part_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(config=config()).report(
        report(
            link=LINK,
            table={"Expires": "never", "Token of": "x"},
            revealed={"Client secret": Secret("s3cret")},
            snippet="env:\n  A: b",
            items=(
                Item("planned", "write the secret A"),
                Item("bad", "The secret is gone.", (Run("begin"),)),
            ),
            next=(Open(LINK), "Have a look."),
        )
    )
    captured = capsys.readouterr()
    assert captured.err == ""
    assert (
        captured.out
        == f"""\
All is well

{LINK}

Expires:  never
Token of: x
Client secret: s3cret

To paste into the workflow:

    env:
      A: b

- write the secret A
✗ The secret is gone.
  Next: Run:
        provisioner begin --account mybot@social.example --repository me/mybot
  Next: Have a look.
"""
    )


def test_warning_is_shown_each_time_it_happens_and_not_again_in_the_report(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal, item = Terminal(config=config()), Item("soon", "A secret is overwritten.")
    terminal.warn(item)
    terminal.warn(item)
    terminal.report(report(items=(item,)))
    captured = capsys.readouterr()
    assert captured.err.count(item.text) == 2
    assert item.text not in captured.out
    assert captured.err.endswith("\n\n")  # the report is set off from the progress
    terminal.preview(report())
    assert capsys.readouterr().err == "\nAll is well\n"


def test_json_has_outputs_and_facts(capsys: pytest.CaptureFixture[str]) -> None:
    found = Item("bad", "It is gone.", (Set("scopes", "full"),))
    Terminal(as_json=True, config=config()).report(
        report(items=(found,), facts={"findings": [found], "already": None})
    )
    assert json.loads(capsys.readouterr().out) == {
        "status": "healthy",
        "account": "a@b.test",
        "findings": [{"verdict": "bad", "text": "It is gone.", "todo": "Give --scopes full."}],
        "already": None,
    }


def test_revealed_secret_is_in_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    made = report(headline="", revealed={"Client secret": Secret("s3cret")})
    Terminal(as_json=True).report(made)
    assert "s3cret" not in capsys.readouterr().out
    Terminal().report(made)
    assert capsys.readouterr().out == "Client secret: s3cret\n"


# A terminal's width and colours.


class Screen:
    """A terminal that keeps what is written to it."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        self.set_columns(40)
        self.file = os.fdopen(slave, "w", encoding="utf-8")

    def set_columns(self, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def read(self) -> list[str]:
        """The lines on it, once nothing more is written."""
        self.file.close()
        text = b""
        with suppress(OSError):  # the end
            while read := os.read(self.master, 65536):
                text += read
        return text.decode().replace("\r\n", "\n").rstrip("\n").split("\n")


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    for end in made.file.close, partial(os.close, made.master):
        with suppress(OSError):  # the test has closed it
            end()


def test_prose_is_wrapped_between_words_and_nothing_that_is_copied(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal(progress=screen.file, config=config())
    terminal.done("The token is known by the name of my-secret-with-hyphens.")
    terminal.error(
        error(Open(LINK), Run("complete"), "Run `a very long command line to be copied`.")
    )
    assert screen.read() == [
        "✓ The token is known by the name of",
        "  my-secret-with-hyphens.",
        *("✗ It happened.", "  Why: It had a cause.", "  Next: Open this page:", f"        {LINK}"),
        "        Run:",
        "        provisioner complete --account mybot@social.example --repository me/mybot",
        "        Run",
        "        `a very long command line to be copied`.",
        "  (its-code, exit code 4)",
    ]


def test_terminal_that_tells_no_width_has_80_columns(screen: Screen) -> None:
    screen.set_columns(0)
    terminal = Terminal(progress=screen.file, verbose=True)
    terminal.explain(f"{'x' * 38} {'x' * 38}")
    terminal.explain(f"{'x' * 39} {'x' * 39}")
    assert [len(line) for line in screen.read()] == [79, 41, 41]


@pytest.mark.parametrize("name", ["NO_COLOR", "TERM"])
def test_person_can_do_without_colours(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "dumb")
    Terminal(progress=screen.file).done("Done.")
    assert screen.read() == ["✓ Done."]


def test_marks_have_colours_and_commands_are_bold(screen: Screen) -> None:
    Terminal(progress=screen.file).error(ProvisionerError("x", "It broke.", next=(Run("check"),)))
    assert screen.read() == [
        "\x1b[31m✗ \x1b[0m\x1b[1mIt broke.\x1b[0m",
        "  Next: Run:",
        "\x1b[1m        provisioner check\x1b[0m",
        "  (x, exit code 1)",
    ]


def test_secret_is_revealed_to_a_person_only(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fails("reveal-elsewhere", Exit.INPUT):
        Terminal().require_person()
    monkeypatch.setattr(sys, "stdout", screen.file)
    Terminal().require_person()
    with fails("reveal-elsewhere", Exit.INPUT):
        Terminal(as_json=True).require_person()


def test_line_is_there_at_once() -> None:
    """What follows it may take long, or never come."""
    seen = BytesIO()
    terminal = Terminal(progress=TextIOWrapper(seen, encoding="utf-8"))
    terminal.done("Done.")
    assert seen.getvalue() == "✓ Done.\n".encode()
    terminal.waiting("a.test", 2.4)
    assert seen.getvalue().decode().endswith("\n… Waiting 2 s before a.test is asked again\n")


def test_missing_and_closed_streams_stop_nothing(
    monkeypatch: pytest.MonkeyPatch, screen: Screen
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    terminal = Terminal(progress=None)
    terminal.done("Done.")
    terminal.report(report())
    terminal.error(error())
    terminal = Terminal(progress=screen.file)
    os.close(screen.master)
    terminal.done("Done.")
    screen.file.close()
    Terminal(progress=screen.file).done("Done.")


def test_explanations_are_for_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().explain("S256, as its metadata offers")
    assert capsys.readouterr().err == ""
    Terminal(verbose=True).explain("S256, as its metadata offers")
    assert "S256" in capsys.readouterr().err
