"""What surrounds a run on the command line: variables, gh, the git remote, and who types."""

import os
import sys
from pathlib import Path

import pytest
import typer

from provisioner import environment
from provisioner.config import Words
from provisioner.report import Exit, InputError, Item
from tests.program.program import Stream
from tests.support.told import fails
from tests.unit.instances import instance_of

ENTERPRISE = "https://ghe.example/api/v3"
WINDOWS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, script: str) -> None:
    """Put a program on the PATH."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)


def filled(command: str = "begin", /, **given: str | bool) -> Words:
    """What a command is given in the end; `_` stands for `-`."""
    return filled_and_warned(command, **given)[0]


def filled_and_warned(command: str, /, **given: str | bool) -> tuple[Words, list[str]]:
    """The same, and the warnings about it."""
    warnings: list[Item] = []
    values = {name.replace("_", "-"): value for name, value in given.items()}
    return environment.fill_in(command, values, warnings.append), [item.text for item in warnings]


# Where an input comes from.


@pytest.mark.parametrize(
    ("variables", "given", "account"),
    [
        ({"MASTODON_ACCOUNT": " v@a"}, {}, " v@a"),
        ({"MASTODON_ACCOUNT": "v@a"}, {"account": "o@a"}, "o@a"),
        ({"MASTODON_ACCOUNT": "v@a"}, {"account": " "}, "v@a"),
        ({"MASTODON_ACCOUNT": " "}, {}, None),
        ({"MASTODON_CODE": "c"}, {}, None),
    ],
)
def test_option_counts_more_than_a_variable_unless_it_is_empty(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    given: dict[str, str],
    account: str | None,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert filled("doctor", **given) == ({"account": (account,)} if account else {})


@pytest.mark.parametrize(
    ("command", "given", "used", "warnings"),
    [
        ("begin", {}, False, 1),
        ("begin", {"client_id": "id"}, True, 0),
        ("check", {}, False, 0),
    ],
)
def test_client_secret_that_was_exported_for_another_command_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    given: dict[str, str],
    warnings: int,
    *,
    used: bool,
) -> None:
    monkeypatch.setenv("MASTODON_CLIENT_SECRET", "s3cret")
    words, warned = filled_and_warned(command, **given)
    assert ("client-secret" in words) is used
    assert len(warned) == warnings


def test_secret_option_is_warned_of_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other users of the machine see it. A code is good once."""
    monkeypatch.setenv("GH_TOKEN", "s3cret")
    assert filled_and_warned("complete", code="c0de")[1] == []
    _, (warning,) = filled_and_warned("begin", journal_key="s3cret")
    assert "--journal-key " in warning
    assert "$MASTODON_JOURNAL_KEY" in warning
    assert "s3cret" not in warning


# Which GitHub it is, and which token is for it.


@pytest.mark.parametrize(
    ("variables", "api", "token"),
    [
        ({}, "", "auth token --hostname github.com"),
        ({"GH_TOKEN": "first", "GITHUB_TOKEN": "second"}, "", "first"),
        ({"GH_TOKEN": " ", "GITHUB_TOKEN": "second"}, "", "second"),
        ({"GH_HOST": "github.com", "GH_TOKEN": "x", "GH_ENTERPRISE_TOKEN": "y"}, "", "x"),
        ({"GH_HOST": "octo.ghe.com", "GH_TOKEN": "x"}, "https://api.octo.ghe.com", "x"),
        ({"GH_HOST": " ghe.example ", "GH_ENTERPRISE_TOKEN": "x"}, ENTERPRISE, "x"),
        ({"GITHUB_API_URL": f" {ENTERPRISE}", "GITHUB_ENTERPRISE_TOKEN": "x"}, ENTERPRISE, "x"),
        (
            {"GITHUB_API_URL": ENTERPRISE, "GH_TOKEN": "of github.com"},
            *(ENTERPRISE, "auth token --hostname ghe.example"),
        ),
        (
            {"GITHUB_API_URL": "https://api.github.com", "GH_HOST": "ghe.example", "GH_TOKEN": "x"},
            *("https://api.github.com", "x"),
        ),
        ({"GITHUB_API_URL": "http://127.0.0.1:8080"}, "http://127.0.0.1:8080", None),
    ],
)
def test_address_or_host_names_the_api_and_the_token_for_it(
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    api: str,
    token: str | None,
) -> None:
    """What stands in for GitHub on this machine gets no token of gh."""
    put(programs, "gh", 'echo "$*"')
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert environment.api_url() == api
    assert filled().get("github-token") == ((token,) if token else None)


@pytest.mark.parametrize(
    "script", ["echo x; exit 1", "printf '\\377'", "echo x; exec /bin/sleep 99"]
)
def test_failing_gh_is_no_token(
    programs: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """It may wait for somebody to unlock a keyring."""
    monkeypatch.setattr(environment, "SUBPROCESS_TIMEOUT", 0.5)
    put(programs, "gh", script)
    assert "github-token" not in filled()


def test_gh_does_not_read_our_standard_input(programs: Path) -> None:
    """It may have the code."""
    put(programs, "gh", "read line; echo token$line")
    typed, ours = programs / "typed", os.dup(0)
    typed.write_text("c0de\n")
    with typed.open() as file:
        os.dup2(file.fileno(), 0)
    try:
        assert filled()["github-token"] == ("token",)
    finally:
        os.dup2(ours, 0)
        os.close(ours)


def test_nobody_is_asked_for_what_is_not_needed(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(programs, "gh", "echo token")
    put_remotes(programs, {"origin": BOT})
    assert set(filled("begin")) == {"github-token", "repository"}
    assert filled("doctor") == {}
    assert set(filled("register", reveal=True)) == {"reveal"}
    monkeypatch.setenv("MASTODON_ACCOUNT", "v@a")
    type_in(monkeypatch, "", is_terminal=True)
    found = {"github-token": ("token",), "repository": ("me/mybot",)}
    assert filled("setup", bot="o@a") == {"account": ("o@a",), **found}


def put_remotes(folder: Path, remotes: dict[str, str], resolved: str = "") -> None:
    """Put a git on the PATH whose checkout has these."""
    lines = "\n".join(f"{name}\t{address} (push)" for name, address in remotes.items())
    put(folder, "git", f'test "$1" = remote && echo "{lines}" || echo {resolved}')


BOT, FORK = "git@github.com:me/mybot.git", "https://github.com/you/mybot"


@pytest.mark.parametrize(
    ("remotes", "resolved", "url", "repository"),
    [
        ({"origin": BOT, "up": FORK}, "", "", "me/mybot"),
        ({"mine": BOT}, "", "", "me/mybot"),
        ({"origin": "https://codeberg.org/me/x", "hub": BOT}, "", "", "me/mybot"),
        ({"mine": BOT, "up": FORK}, "", "", ""),
        ({"mine": BOT, "up": FORK}, "remote.mine.gh-resolved base", "", "me/mybot"),
        ({"origin": FORK}, "remote.origin.gh-resolved me/mybot", "", "me/mybot"),
        ({"origin": "https://codeberg.org/me/mybot"}, "", "", ""),
        ({"origin": "git@ghe.example:me/mybot.git"}, "", ENTERPRISE, "me/mybot"),
        ({"origin": BOT}, "", ENTERPRISE, ""),
    ],
)
def test_checkout_names_a_repository_of_the_api_s_host_if_it_is_clear(
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
    remotes: dict[str, str],
    resolved: str,
    url: str,
    repository: str,
) -> None:
    put_remotes(programs, remotes, resolved)
    monkeypatch.setenv("GITHUB_API_URL", url)
    assert filled().get("repository", ("",)) == (repository,)
    monkeypatch.setenv("GITHUB_REPOSITORY", "me/other")
    assert filled()["repository"] == ("me/other",)


HTTPS, SCOPES = "https://github.com/me/bot.git", "echo \"  - Token scopes: 'repo'\""


@pytest.mark.parametrize(
    ("origin", "gh", "lacks"),
    [
        (HTTPS, SCOPES, True),
        (HTTPS, SCOPES.replace("'repo'", "'repo', 'workflow'"), False),
        (HTTPS, "echo '  - Token: github_pat_***'", False),
        ("git@github.com:me/bot.git", SCOPES, False),
    ],
)
def test_scope_that_gh_lacks_is_of_use_where_git_pushes_over_https(
    programs: Path, origin: str, gh: str, *, lacks: bool
) -> None:
    """As `gh auth status` prints it, gh 2.x (pkg/cmd/auth/status/status.go)."""
    put(programs, "git", f"echo {origin}")
    put(programs, "gh", gh)
    assert environment.lacks_workflow_scope() is lacks


# What is typed, or read from standard input.


def type_in(
    monkeypatch: pytest.MonkeyPatch, typed: str | bytes, *, is_terminal: bool = False
) -> None:
    """Have this on standard input."""
    monkeypatch.setattr(sys, "stdin", Stream(typed, is_terminal=is_terminal))


@pytest.mark.parametrize(
    ("text", "typed", "posted"),
    [
        ("-", b" howdy\nuniverse! \n", " howdy\nuniverse! "),
        ("-", b"gr\xfc\xdfe", "gr\udcfc\udcdfe"),
        ("howdy", b"unread", "howdy"),
    ],
)
def test_text_is_itself_or_for_a_dash_what_standard_input_has(
    monkeypatch: pytest.MonkeyPatch, text: str, typed: bytes, posted: str
) -> None:
    """Without the line break that `echo` adds."""
    type_in(monkeypatch, typed)
    assert filled("post", text=text)["text"] == (posted,)


def test_text_that_no_server_takes_is_refused_and_not_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    type_in(monkeypatch, "x" * environment.MAX_TEXT)
    assert len(filled("post", text="-")["text"][0]) == environment.MAX_TEXT
    type_in(monkeypatch, "x" * (environment.MAX_TEXT + 1))
    with fails("post-too-long", Exit.INPUT):
        filled("post", text="-")


def test_code_and_login_are_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, "c0de\n")
    assert environment.ask_code() == "c0de\n"
    type_in(monkeypatch, "me@mail.example\n pass word \n")
    login = environment.ask_login("mybot", instance_of())
    assert login.user.reveal() == "me@mail.example"
    assert login.password.reveal() == " pass word "


def test_without_standard_input_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert filled("post", text="-")["text"] == ("",)
    assert environment.ask_code() == ""
    with fails("no-login", Exit.INPUT):
        environment.ask_login("mybot", instance_of())
    with fails("not-confirmed", Exit.INPUT):
        environment.confirm("This deletes everything.", "mybot")


def test_right_word_on_a_terminal_confirms(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "mybot \n", is_terminal=True)
    environment.confirm("This deletes everything.", "mybot")
    assert "This deletes everything." in capsys.readouterr().err
    for typed, is_terminal in ("bot\n", True), ("mybot\n", False):
        type_in(monkeypatch, typed, is_terminal=is_terminal)
        with fails("not-confirmed", Exit.INPUT):
            environment.confirm("This deletes everything.", "mybot")
        assert ("This deletes" in capsys.readouterr().err) == is_terminal  # else the error says it


@pytest.mark.parametrize("is_attended", [True, False])
@pytest.mark.parametrize(
    ("command", "remotes", "repository", "asked"),
    [
        ("rotate", {"mine": BOT}, "me/mybot", ["github-token"]),
        ("rotate", {"origin": BOT, "up": FORK}, "", ["repository", "github-token"]),
        ("setup", {}, "", ["repository", "account", "github-token"]),
        ("init", {"mine": BOT}, "", ["account"]),
        ("begin", {"origin": BOT, "up": FORK}, "me/mybot", []),
    ],
)
def test_person_is_asked_for_what_the_checkout_and_the_journal_do_not_tell(
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    remotes: dict[str, str],
    repository: str,
    asked: list[str],
    *,
    is_attended: bool,
) -> None:
    """Nobody is asked in a pipe. Where a token is made is told first."""
    put_remotes(programs, remotes)
    type_in(monkeypatch, "".join(f"{name}\n" for name in asked), is_terminal=is_attended)
    monkeypatch.setattr("getpass.getpass", input)
    found = {"repository": (repository,)} if repository else {}
    typed = {name: (name,) for name in asked} if is_attended else {}
    assert filled(command) == found | typed
    told = capsys.readouterr().err.partition("GitHub token (")[0]
    assert ("/personal-access-tokens/new" in told) is ("github-token" in typed)


# This machine.


@pytest.mark.parametrize(
    ("variables", "there", "command"),
    [
        ({}, ["xdg-open"], []),
        ({"DISPLAY": ":0"}, [], []),
        ({"DISPLAY": ":0"}, ["firefox", "xdg-open"], ["xdg-open"]),
        ({"WAYLAND_DISPLAY": "x"}, ["firefox"], ["firefox"]),
        ({"BROWSER": "mine -new-tab %s"}, ["mine"], ["mine", "-new-tab"]),
        ({"BROWSER": "w3m:mine"}, ["w3m", "mine"], ["mine"]),
        ({"BROWSER": "gone:w3m"}, ["w3m"], []),
    ],
)
def test_browser_is_the_named_or_the_first_that_has_a_window(
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    there: list[str],
    command: list[str],
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in WINDOWS:
        monkeypatch.setenv(name, variables.get(name, ""))
    for name in there:
        put(programs, name, "")
    assert environment.browser() == command
    monkeypatch.setattr(sys, "platform", "darwin")
    assert environment.browser() == ((command if "BROWSER" in variables else []) or ["open"])


@pytest.mark.parametrize(
    ("typed", "there", "words"),
    [
        (".venv/bin/provisioner", "elsewhere", [".venv/bin/provisioner"]),
        ("{path}/provisioner", "provisioner", ["provisioner"]),
        ("{path}/provisioner", "elsewhere", ["{path}/provisioner"]),
        ("{path}/__main__.py", "elsewhere", ["python", "-m", "provisioner"]),
    ],
)
def test_printed_commands_have_the_name_that_was_typed(
    programs: Path, monkeypatch: pytest.MonkeyPatch, typed: str, there: str, words: list[str]
) -> None:
    put(programs, there, "")
    monkeypatch.setattr(sys, "argv", [typed.format(path=programs)])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "provisioner"])
    assert environment.program() == [word.format(path=programs) for word in words]


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({"XDG_STATE_HOME": "/state"}, "/state/mastodon-provisioner"),
        ({"XDG_STATE_HOME": "relative"}, "/home/me/.local/state/mastodon-provisioner"),
        ({}, "/home/me/.local/state/mastodon-provisioner"),
        ({"GITHUB_ACTIONS": "true", "XDG_STATE_HOME": "/state"}, None),
    ],
)
def test_folder_for_keys_is_the_users_own_and_none_in_a_workflow(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], folder: str | None
) -> None:
    for name in "GITHUB_ACTIONS", "XDG_STATE_HOME":
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": "/home/me"} | given).items():
        monkeypatch.setenv(name, value)
    assert environment.key_folder() == (Path(folder) if folder else None)


@pytest.mark.parametrize(("typed", "agrees"), [("y\n", True), ("YES\n", True), ("\n", False)])
def test_only_a_yes_agrees(monkeypatch: pytest.MonkeyPatch, typed: str, *, agrees: bool) -> None:
    type_in(monkeypatch, typed, is_terminal=True)
    assert environment.agree("Replace it?") is agrees


def test_end_of_the_input_leaves_the_line_of_its_prompt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "", is_terminal=True)
    with pytest.raises(typer.Abort):
        environment.agree("Replace it?")
    assert capsys.readouterr().err.endswith(":\n")


def test_nobody_agrees_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, "y\n")
    with pytest.raises(InputError):
        environment.agree("Replace it?")
