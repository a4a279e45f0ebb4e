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
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from provisioner.config import Config, parse
from provisioner.errors import ActionRequiredError, InputError, ProvisionerError
from provisioner.report import Exit, Item, Next, Open, Report, Run, Set
from provisioner.secret import Secret
from provisioner.terminal import Terminal

GIVEN = {"account": "mybot@social.example", "repository": "me/mybot", "github-token": "gh-token"}
LINK = "https://social.example/oauth/authorize?client_id=x&scope=read"
COMMAND = "a very long command line that nobody wants to have broken"
SENTENCE = "The token in the secret MASTODON_ACCESS_TOKEN was seen alive at social.example, today."


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


def shown(
    capsys: pytest.CaptureFixture[str], *steps: Open | Run | Set | str, asked: Config | None = None
) -> list[str]:
    """The lines of an error with these steps."""
    Terminal(config=asked or config()).error(error(*steps))
    return capsys.readouterr().err.splitlines()


def pasted(capsys: pytest.CaptureFixture[str], step: Run, asked: Config) -> list[str]:
    """The words of the one command to be pasted."""
    [line] = [one for one in shown(capsys, step, asked=asked) if "provisioner " in one]
    return shlex.split(line)


class TestNext:
    """What to do next."""

    def test_page_stands_alone_on_its_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        """So it can be copied."""
        assert LINK in [line.strip() for line in shown(capsys, Open(LINK))]

    def test_page_says_as_whom_and_what_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        lines = shown(capsys, Open(LINK, "mybot@social.example", "press Authorize"))
        assert any("mybot@social.example" in line and "press Authorize" in line for line in lines)

    def test_command_can_be_pasted(self, capsys: pytest.CaptureFixture[str]) -> None:
        words = pasted(capsys, Run("complete", code=True), config())
        assert words == [
            *("provisioner", "complete", "--account", "mybot@social.example"),
            *("--repository", "me/mybot"),
        ]

    def test_command_repeats_what_was_not_left_to_the_defaults(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        asked = config(
            journal="OTHER_JOURNAL", secrets="A=access_token", client_id="id", client_secret="s"
        )
        asked = replace(asked, given={**asked.given, "client-id": ("i d",)})
        words = pasted(capsys, Run("complete"), asked)
        assert words[words.index("--journal") + 1] == "OTHER_JOURNAL"
        assert words[words.index("--secrets") + 1] == "A=access_token"
        assert words[words.index("--client-id") + 1] == "i d"

    def test_command_repeats_only_what_it_takes(self, capsys: pytest.CaptureFixture[str]) -> None:
        asked = config(app_name="My bot", scopes="full")
        words = pasted(capsys, Run("complete"), asked)
        assert "--app-name" not in words
        assert "--scopes" in words

    def test_command_has_no_secret(self, capsys: pytest.CaptureFixture[str]) -> None:
        asked = config("complete", journal_key="s3cret", code="s3cret")
        assert "s3cret" not in " ".join(pasted(capsys, Run("complete"), asked))
        assert "gh-token" not in " ".join(pasted(capsys, Run("complete"), asked))

    def test_option_of_a_step_replaces_the_one_that_was_given(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        step = Run("begin", options=(Set("scopes", "read write"),))
        words = pasted(capsys, step, config(scopes="post"))
        assert words.count("--scopes") == 1
        assert words[words.index("--scopes") + 1] == "read write"

    def test_same_command_again_needs_no_words(self, capsys: pytest.CaptureFixture[str]) -> None:
        lines = shown(capsys, Run("again", when="in 10 minutes"))
        assert any("again in 10 minutes" in line for line in lines)

    def test_input_is_an_option(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert any("--scopes 'read write'" in x for x in shown(capsys, Set("scopes", "read write")))

    def test_secret_input_is_a_variable_of_the_environment(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An option is visible in the list of processes."""
        text = " ".join(shown(capsys, Set("github-token")))
        assert "GH_TOKEN" in text
        assert "--github-token" not in text

    def test_sentence_stays_as_it_is(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert any("Delete the secret A." in line for line in shown(capsys, "Delete the secret A."))

    def test_sentence_with_a_colon_leads_to_its_command(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = shown(capsys, "Or give it up:", Run("abandon"))
        lead = next(number for number, line in enumerate(lines) if "give it up" in line)
        assert "provisioner abandon" in lines[lead + 1]

    def test_without_a_config_the_command_is_still_named(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Terminal().error(error(Run("check")))
        assert "provisioner check" in capsys.readouterr().err


class TestError:
    """An error."""

    def test_everything_goes_to_standard_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        Terminal().error(error("Do this."))
        captured = capsys.readouterr()
        assert captured.out == ""
        for part in ("It happened.", "It had a cause.", "Do this.", "its-code", "exit code 4"):
            assert part in captured.err

    def test_link_that_is_a_step_is_shown_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        Terminal().error(ProvisionerError("x", "What.", next=(Open(LINK),), link=LINK))
        assert capsys.readouterr().err.count(LINK) == 1

    def test_json_is_one_object_with_the_steps_in_words(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Terminal(as_json=True, config=config()).error(error(Open(LINK), Run("complete", code=True)))
        told = json.loads(capsys.readouterr().out)
        assert told["status"] == "failed"
        assert told["exit-code"] == Exit.ACTION_REQUIRED
        assert told["error"]["name"] == "its-code"
        assert LINK in told["error"]["todo"]
        assert "provisioner complete --account" in told["error"]["todo"]


def report(**parts: object) -> Report:
    """A report with these parts."""
    return replace(Report("healthy", "All is well", outputs={"account": "a@b.test"}), **parts)  # type: ignore[arg-type]


class TestReport:
    """How a run ended well."""

    def test_parts_go_to_standard_output(self, capsys: pytest.CaptureFixture[str]) -> None:
        Terminal(config=config()).report(
            report(
                link=LINK,
                table={"Expires": "never"},
                snippet="env:\n  A: b",
                items=(Item("bad", "The secret is gone.", (Run("begin"),)),),
                next=("Have a look.",),
            )
        )
        out = capsys.readouterr().out
        assert LINK in out.splitlines()
        for part in (
            "All is well",
            "Expires: never",
            "    env:\n      A: b",
            "The secret is gone.",
        ):
            assert part in out
        assert "provisioner begin" in out
        assert "Have a look." in out

    def test_shown_link_is_not_repeated_as_a_step(self, capsys: pytest.CaptureFixture[str]) -> None:
        Terminal(config=config()).report(report(link=LINK, next=(Open(LINK), Run("complete"))))
        assert capsys.readouterr().out.count(LINK) == 1

    def test_empty_lines_stand_between_parts_and_nowhere_else(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        terminal = Terminal(config=config())
        terminal.report(report(link=LINK))
        terminal.report(report(snippet="env:", items=(Item("soon", "Note this."),)))
        captured = capsys.readouterr()
        assert captured.err == ""  # where no progress was told, none is set off
        assert captured.out.startswith("All is well\n\n")
        assert f"\n\n{LINK}\n" in captured.out
        assert captured.out.endswith("    env:\n\n! Note this.\n")

    def test_what_a_dry_run_would_do_is_not_marked_as_done(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Terminal().report(report(items=(Item("planned", "write the secret A"),)))
        assert "- write the secret A" in capsys.readouterr().out.splitlines()

    def test_warning_of_the_run_is_not_shown_twice(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        terminal, item = Terminal(config=config()), Item("soon", "A secret is overwritten.")
        terminal.warn(item)
        terminal.report(report(items=(item,)))
        captured = capsys.readouterr()
        assert (captured.out + captured.err).count(item.text) == 1

    def test_json_has_outputs_and_facts(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = Item("bad", "It is gone.", (Set("scopes", "full"),))
        Terminal(as_json=True, config=config()).report(
            report(items=(found,), facts={"findings": [found], "already": None})
        )
        assert json.loads(capsys.readouterr().out) == {
            "status": "healthy",
            "account": "a@b.test",
            "findings": [
                {"verdict": "bad", "text": "It is gone.", "todo": "Give --scopes full."},
            ],
            "already": None,
        }

    def test_revealed_secret_is_in_no_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        made = report(revealed={"Client secret": Secret("s3cret")})
        Terminal(as_json=True).report(made)
        assert "s3cret" not in capsys.readouterr().out
        Terminal().report(made)
        assert "Client secret: s3cret" in capsys.readouterr().out

    @pytest.mark.parametrize("as_json", [True, False])
    def test_secret_is_revealed_to_a_person_only(self, *, as_json: bool) -> None:
        with pytest.raises(InputError) as caught:
            Terminal(as_json=as_json).require_person()
        assert caught.value.code == "reveal-elsewhere"


class Screen:
    """A terminal of some columns that keeps what is written to it."""

    def __init__(self, columns: int) -> None:
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.file = os.fdopen(slave, "w", encoding="utf-8")

    def read(self) -> list[str]:
        """The lines on it, once nothing more is written."""
        self.file.close()
        text = b""
        with suppress(OSError):  # the end
            while read := os.read(self.master, 65536):
                text += read
        return text.decode().replace("\r\n", "\n").rstrip("\n").split("\n")

    def close(self) -> None:
        """Done with it."""
        self.file.close()
        os.close(self.master)


@pytest.fixture
def screen() -> Iterator[Screen]:
    """40 columns."""
    made = Screen(40)
    yield made
    made.close()


class TestWrapping:
    """Prose at a terminal's width."""

    def test_prose_is_wrapped_between_words(
        self, screen: Screen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        Terminal(progress=screen.file).done(SENTENCE)
        lines = screen.read()
        assert len(lines) > 1
        assert max(map(len, lines)) <= 40
        assert " ".join(" ".join(lines).split()) == f"✓ {SENTENCE}"

    @pytest.mark.parametrize(
        "steps",
        [(Open(f"{LINK}&state={'x' * 60}"),), (Run("complete"),), (f"Run `{COMMAND}`.",)],
        ids=["link", "command", "code"],
    )
    def test_links_and_commands_are_not(
        self, screen: Screen, monkeypatch: pytest.MonkeyPatch, steps: Next
    ) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        Terminal(progress=screen.file, config=config()).error(error(*steps))
        longest = max(screen.read(), key=len)
        assert any(part in longest for part in (LINK, "complete --account", f"`{COMMAND}`."))

    def test_file_gets_whole_sentences(self) -> None:
        """A search for them finds them."""
        out = StringIO()
        Terminal(progress=out).done(SENTENCE)
        assert out.getvalue() == f"✓ {SENTENCE}\n"


class TestColours:
    """Colours."""

    def test_terminal_has_them(self, screen: Screen) -> None:
        Terminal(progress=screen.file).done("Done.")
        assert "\x1b[32m" in "".join(screen.read())

    @pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
    def test_person_can_do_without(
        self, screen: Screen, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        Terminal(progress=screen.file).done("Done.")
        assert "\x1b" not in "".join(screen.read())

    def test_file_has_none(self, capsys: pytest.CaptureFixture[str]) -> None:
        Terminal().error(error())
        assert "\x1b" not in capsys.readouterr().err


class TestBrokenStreams:
    """Streams that nobody reads."""

    def test_missing_streams_stop_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", None)
        terminal = Terminal(progress=None)
        terminal.done("Done.")
        terminal.report(report())
        terminal.error(error())

    def test_closed_stream_stops_nothing(self, tmp_path: Path) -> None:
        file = (tmp_path / "closed").open("w")
        file.close()
        Terminal(progress=file).done("Done.")


def test_explanations_are_for_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().explain("S256, as its metadata offers")
    assert capsys.readouterr().err == ""
    Terminal(verbose=True).explain("S256, as its metadata offers")
    assert "S256" in capsys.readouterr().err
