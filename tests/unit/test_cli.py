"""The command line: its help, and what is refused before anything is asked of anybody."""

import io
import json
import re
import sys
from dataclasses import dataclass

import pytest

from provisioner import cli, process
from provisioner.inputs import COMMANDS, INPUTS_OF

SECRET = "xK3-this-was-typed-and-must-not-be-shown"
WHOSE = ("--account", "mybot@social.example", "--repository", "me/mybot")


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Both streams."""
        return self.out + self.err


class Program:
    """The program, run in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def __call__(self, *arguments: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        self._patch.setattr(sys, "argv", ["provisioner", *arguments])
        self._patch.setattr(sys, "stdin", io.StringIO())
        self._patch.setattr(sys, "stdout", out)
        self._patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, out.getvalue(), err.getvalue())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program, with nothing in its environment, and signals left to pytest."""
    for name in ("GH_TOKEN", "GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_API_URL", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ACCOUNT", "CODE", "JOURNAL_KEY", "CLIENT_SECRET"):
        monkeypatch.delenv(f"MASTODON_{name}", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("heed_signals", "ignore_signals"):
        monkeypatch.setattr(process, name, lambda: None)
    return Program(monkeypatch)


class TestHelp:
    """What a command says of itself."""

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_an_example_that_can_be_copied(
        self, run: Program, command: str
    ) -> None:
        example = rf"^ *provisioner {command}\b.*$"
        assert re.search(example, run(command, "--help").out, re.MULTILINE)

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_option_of_the_table_is_explained(self, run: Program, command: str) -> None:
        text = run(command, "-h").out
        assert [one.name for one in INPUTS_OF[command] if one.name not in text.lower()] == []

    @pytest.mark.parametrize("command", ["", *COMMANDS])
    def test_help_fits_80_columns(self, run: Program, command: str) -> None:
        shown = run(*filter(None, [command]), "--help").out
        assert [line for line in shown.splitlines() if len(line) > 80] == []
        assert "..." not in shown.replace("[ARGS]...", "")

    def test_help_is_shown_where_nothing_is_asked(self, run: Program) -> None:
        assert run().out == run("--help").out
        assert run().code == 0

    def test_action_is_not_for_people(self, run: Program) -> None:
        assert re.search("^ *action ", run("--help").out, re.MULTILINE) is None


class TestUsage:
    """A wrong command line."""

    @pytest.mark.parametrize(
        "arguments",
        [
            (SECRET,),
            ("complete", f"--{SECRET}"),
            ("complete", f"--kode={SECRET}"),
            ("complete", f"-{SECRET}"),
            ("complete", *WHOSE, SECRET),
            ("sandbox", "--github-port", SECRET),
            ("complete", f"--json={SECRET}"),
            ("begin", "--account", SECRET, "--account", SECRET),
            ("post", *WHOSE, "howdy", "hunter2"),
            ("post", *WHOSE, "howdy", f"{SECRET}\n\x1b[31m"),
            ("sandbox", f"--instance-port={SECRET}\n"),
            ("demo", "hunter2"),
            ("demo", "correct horse battery"),
        ],
    )
    def test_word_that_may_be_a_secret_is_not_shown(
        self, run: Program, arguments: tuple[str, ...]
    ) -> None:
        ended = run(*arguments)
        assert ended.code == 2
        assert not [word for word in (SECRET[:8], "hunter2", "horse") if word in ended.all]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("begn",), "No such command 'begn'."),
            (("begin", "--acount", "a@b.test"), "No such option: --acount"),
            (("begin", "--acount", "a@b.test"), "provisioner begin --help"),
            (("post", *WHOSE), "Missing argument 'TEXT'."),
            (("check", "--account"), "Option '--account' requires an argument."),
            (("demo", "hunter2"), "Got unexpected extra argument(s)."),
        ],
    )
    def test_short_wrong_word_is_named(
        self, run: Program, arguments: tuple[str, ...], said: str
    ) -> None:
        assert said in run(*arguments).err

    def test_provision_is_not_taken_for_deprovision(self, run: Program) -> None:
        assert "deprovision" not in run("provision").err

    def test_wrong_port_is_named_by_its_option(self, run: Program) -> None:
        assert "--github-port" in run("sandbox", "--github-port", "65536").err

    def test_option_that_takes_one_value_is_refused_twice(self, run: Program) -> None:
        ended = run("check", *WHOSE, "--journal", "A", "--journal", "B")
        assert ended.code == 2
        assert "--journal" in ended.err

    def test_error_is_one_object_where_json_was_asked_for(self, run: Program) -> None:
        for arguments in (("begin", "--json"), ("begin", "--nonsense", "--json")):
            told = json.loads(run(*arguments).out)
            assert told["status"] == "failed"
            assert told["exit-code"] == 2


class TestSecretOptions:
    """Secrets in the list of processes."""

    @pytest.mark.parametrize(
        ("option", "variable"),
        [
            ("--github-token", "GH_TOKEN"),
            ("--journal-key", "MASTODON_JOURNAL_KEY"),
            ("--client-secret", "MASTODON_CLIENT_SECRET"),
        ],
    )
    def test_secret_option_is_warned_of(self, run: Program, option: str, variable: str) -> None:
        ended = run("begin", "--account", "nonsense", option, SECRET)
        assert option in ended.err
        assert variable in ended.err
        assert SECRET not in ended.all

    def test_code_is_not(self, run: Program) -> None:
        """It is good once."""
        assert "processes" not in run("complete", "--account", "x", "--code", SECRET).err

    def test_variable_is_not(self, run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GH_TOKEN", SECRET)
        assert "processes" not in run("begin", "--account", "nonsense").err

    @pytest.mark.parametrize(("command", "told"), [("begin", True), ("complete", False)])
    def test_unused_client_secret_is_told_of(
        self, run: Program, monkeypatch: pytest.MonkeyPatch, command: str, *, told: bool
    ) -> None:
        monkeypatch.setenv("MASTODON_CLIENT_SECRET", SECRET)
        ended = run(command, "--account", "nonsense")
        assert ("MASTODON_CLIENT_SECRET" in ended.err) is told


class TestDeprovision:
    """What can't be undone."""

    def test_without_a_terminal_it_needs_a_yes(
        self, run: Program, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GH_TOKEN", "x" * 20)
        ended = run("deprovision", *WHOSE)
        assert ended.code == 2
        assert "not-confirmed" in ended.err
        assert "--yes" in ended.err

    @pytest.mark.parametrize("option", ["--yes", "--dry-run"])
    def test_yes_and_dry_run_are_not_asked(
        self, run: Program, monkeypatch: pytest.MonkeyPatch, option: str
    ) -> None:
        monkeypatch.setenv("GH_TOKEN", "x" * 20)
        monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
        assert "unreachable" in run("deprovision", *WHOSE, option).err


def test_secret_is_revealed_on_a_terminal_only(run: Program) -> None:
    ended = run("register", "--account", "mybot@social.example", "--reveal")
    assert ended.code == 2
    assert "reveal-elsewhere" in ended.err
