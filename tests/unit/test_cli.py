"""The command line: its help, and what is refused before anything is asked of anybody."""

import json
import re

import pytest

from provisioner.inputs import COMMANDS, INPUTS_OF
from provisioner.report import Exit
from tests.program.program import Run, run

SECRET = "xK3-this-was-typed-and-must-not-be-shown"
WHOSE = ("--account", "mybot@social.example", "--repository", "me/mybot")


# What the program says of itself.


@pytest.mark.parametrize("command", COMMANDS)
def test_command_has_an_example_that_can_be_copied_and_each_option(command: str) -> None:
    shown = run(command, "-h").output
    (example,) = re.findall(rf"^ *(provisioner {command}\b.*)$", shown, re.MULTILINE)
    assert example.count("@") <= 1  # an account that is given twice is refused
    assert [one.name for one in INPUTS_OF[command] if one.name not in shown.lower()] == []
    words = " ".join(shown.split())
    assert [one.name for one in INPUTS_OF[command] if one.help[:12] not in words] == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_80_columns(command: str) -> None:
    shown = run(*filter(None, [command]), "--help").output
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert "..." not in shown.replace("[ARGS]...", "")


def test_option_tells_where_it_comes_from_otherwise() -> None:
    shown = " ".join(run("begin", "--help").output.split())
    assert "[$GH_TOKEN, $GITHUB_TOKEN, gh auth token]" in shown
    assert "NAME=field, repeatable" in shown
    assert "[MASTODON_JOURNAL]" in shown


def test_help_is_shown_where_nothing_is_asked() -> None:
    """It names the commands, apart from what the action runs, and the exit codes."""
    shown = run("--help").output
    assert run() == Run(0, shown, "")
    assert "completion" not in shown
    assert set(re.findall(r"^  ([a-z]+) {2,}", shown, re.MULTILINE)) == set(COMMANDS)
    assert {str(int(code)) for code in Exit} <= set(re.findall(r"\b\d+\b", shown))


# A wrong command line.


@pytest.mark.parametrize(
    "arguments",
    [
        (SECRET,),
        (SECRET[:16],),
        ("complete", f"--{SECRET}"),
        ("complete", f"-{SECRET}"),
        ("complete", *WHOSE, SECRET),
        ("sandbox", "--github-port", SECRET),
        ("complete", f"--json={SECRET}"),
        ("begin", "--account", SECRET, "--account", SECRET),
        ("post", *WHOSE, "howdy", "hunter2"),
        ("demo", "correct horse battery"),
        ("login", "--password", "hunter2"),
    ],
)
def test_word_that_may_be_a_secret_is_not_shown(arguments: tuple[str, ...]) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert not [word for word in (SECRET[:8], "hunter2", "horse") if word in ended.all]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("begn",), "No such command 'begn'."),
        (("--acount",), "No such option: --acount"),
        (("begin", "--acount", "a@b.test"), "No such option: --acount"),
        (("begin", "--acount", "a@b.test"), " begin --help`"),
        (("post", *WHOSE), "Missing argument 'TEXT'.\n"),
        (("check", "--account"), "Option '--account' requires an argument."),
        (("check", "--json=x"), "Option '--json' does not take a value."),
        (("check", *WHOSE, "--journal", "A", "--journal", "B"), "--journal takes one value"),
        (("init", "a@b.test", "--account", "c@d.test"), "--account takes one value"),
        (("demo", "hunter2"), "Got unexpected extra argument(s)."),
        (("sandbox", "--github-port", "65536"), "--github-port"),
        (("sandbox", "--instance-port", "1", "--instance-port", "1"), "--instance-port"),
    ],
)
def test_what_is_wrong_is_named(arguments: tuple[str, ...], said: str) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert said in ended.progress


def test_provision_is_not_taken_for_deprovision() -> None:
    assert "deprovision" not in run("provision").progress


def test_error_is_one_object_where_json_was_asked_for() -> None:
    for arguments in (("begin", "--json"), ("begin", "--nonsense", "--json")):
        told = json.loads(run(*arguments).output)
        assert told["status"] == "failed"
        assert told["exit-code"] == 2


def test_secret_is_revealed_on_a_terminal_only() -> None:
    assert "reveal-elsewhere" in run("register", *WHOSE[:2], "--reveal").progress


def test_deprovision_without_a_terminal_needs_a_yes_or_a_dry_run() -> None:
    """What can't be undone is asked for."""
    env = {"GH_TOKEN": "x" * 20, "HTTPS_PROXY": "nonsense://proxy"}
    refused = run("deprovision", *WHOSE, env=env)
    assert refused.code == 2
    assert "not-confirmed" in refused.progress
    assert "--yes" in refused.progress
    for option in "--yes", "--dry-run":
        assert "bad-environment" in run("deprovision", *WHOSE, option, env=env).progress
