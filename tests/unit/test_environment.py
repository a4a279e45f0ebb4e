"""What surrounds a run on the command line: variables, gh, the git remote, and who types."""

import io
import os
import sys
from pathlib import Path

import pytest

from provisioner import environment
from provisioner.config import Words
from provisioner.errors import InputError
from provisioner.mastodon.instance import Instance
from provisioner.report import Item

API = "GITHUB_API_URL"


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


class TestVariables:
    """Where an input comes from."""

    @pytest.mark.parametrize(
        ("variables", "given", "account"),
        [
            ({"MASTODON_ACCOUNT": " v@a"}, {}, (" v@a",)),
            ({"MASTODON_ACCOUNT": "v@a"}, {"account": "o@a"}, ("o@a",)),
            ({"MASTODON_ACCOUNT": "v@a"}, {"account": " "}, ("v@a",)),
            ({"MASTODON_ACCOUNT": " "}, {}, None),
            ({"MASTODON_CODE": "c"}, {}, None),
        ],
    )
    def test_option_counts_more_than_a_variable_unless_it_is_empty(
        self,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        given: dict[str, str],
        account: tuple[str] | None,
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        words = filled("doctor", **given)
        assert words == ({"account": account} if account else {})

    def test_first_variable_that_is_set_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GITHUB_TOKEN", "second")
        for first, token in (" ", "second"), ("first", "first"):
            monkeypatch.setenv("GH_TOKEN", first)
            assert filled()["github-token"] == (token,)

    @pytest.mark.parametrize(
        ("command", "given", "used"),
        [("begin", {}, False), ("begin", {"client_id": "id"}, True), ("check", {}, False)],
    )
    def test_client_secret_that_was_exported_for_another_command_is_not_used(
        self, monkeypatch: pytest.MonkeyPatch, command: str, given: dict[str, str], *, used: bool
    ) -> None:
        monkeypatch.setenv("MASTODON_CLIENT_SECRET", "s3cret")
        assert ("client-secret" in filled(command, **given)) is used

    def test_secret_option_is_warned_of_and_not_shown(self) -> None:
        """Other users of the machine see it."""
        _, (warning,) = filled_and_warned("begin", journal_key="s3cret")
        assert "--journal-key " in warning
        assert "$MASTODON_JOURNAL_KEY" in warning
        assert "s3cret" not in warning

    def test_code_and_variables_are_not_warned_of(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A code is good once."""
        monkeypatch.setenv("GH_TOKEN", "s3cret")
        assert filled_and_warned("complete", code="c0de")[1] == []


class TestGitHub:
    """Which GitHub it is, and which token is for it."""

    @pytest.mark.parametrize(
        ("host", "url", "api", "token"),
        [
            ("", "", "", "github"),
            ("github.com", "", "", "github"),
            ("ghe.example", "", "https://ghe.example/api/v3", "enterprise"),
            ("octo.ghe.com", "", "https://api.octo.ghe.com", "github"),
            ("ghe.example", "https://api.github.com", "https://api.github.com", "github"),
        ],
    )
    def test_host_or_address_names_the_api_and_the_token_for_it(
        self, monkeypatch: pytest.MonkeyPatch, host: str, url: str, api: str, token: str
    ) -> None:
        monkeypatch.setenv("GH_HOST", host)
        monkeypatch.setenv(API, url)
        monkeypatch.setenv("GH_TOKEN", "github")
        monkeypatch.setenv("GITHUB_ENTERPRISE_TOKEN", "enterprise")
        assert environment.api_url() == api
        assert filled()["github-token"] == (token,)

    def test_token_of_github_is_not_sent_to_an_enterprise_server(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(API, "https://ghe.example/api/v3")
        monkeypatch.setenv("GH_TOKEN", "github")
        assert "github-token" not in filled()

    @pytest.mark.parametrize(
        ("url", "host"), [("", "github.com"), ("https://ghe.example/api/v3", "ghe.example")]
    )
    def test_gh_is_asked_for_the_token_of_the_host_that_gets_it(
        self, programs: Path, monkeypatch: pytest.MonkeyPatch, url: str, host: str
    ) -> None:
        put(programs, "gh", 'echo "$*"')
        monkeypatch.setenv(API, url)
        assert filled()["github-token"] == (f"auth token --hostname {host}",)

    def test_stand_in_on_this_machine_gets_no_token_of_gh(
        self, programs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(programs, "gh", "echo token")
        monkeypatch.setenv(API, "http://127.0.0.1:8080")
        assert "github-token" not in filled()

    @pytest.mark.parametrize("script", ["echo x; exit 1", "printf '\\377'"])
    def test_failing_gh_is_no_token(self, programs: Path, script: str) -> None:
        put(programs, "gh", script)
        assert "github-token" not in filled()

    def test_gh_does_not_read_our_standard_input(self, programs: Path) -> None:
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

    def test_gh_and_git_are_not_asked_where_nothing_is_stored(self, programs: Path) -> None:
        put(programs, "gh", "echo token")
        put(programs, "git", "echo git@github.com:me/mybot.git")
        assert filled("doctor") == {}
        assert set(filled("register", reveal=True)) == {"reveal"}

    @pytest.mark.parametrize(
        ("remote", "url", "repository"),
        [
            ("git@github.com:me/mybot.git", "", "me/mybot"),
            ("https://codeberg.org/me/mybot", "", ""),
            ("git@ghe.example:me/mybot.git", "https://ghe.example/api/v3", "me/mybot"),
            ("git@github.com:me/mybot.git", "https://ghe.example/api/v3", ""),
        ],
    )
    def test_remote_origin_names_a_repository_of_the_api_s_host(
        self,
        programs: Path,
        monkeypatch: pytest.MonkeyPatch,
        remote: str,
        url: str,
        repository: str,
    ) -> None:
        put(programs, "git", f'test "$*" = "remote get-url origin" && echo {remote}')
        monkeypatch.setenv(API, url)
        assert filled().get("repository", ("",)) == (repository,)
        monkeypatch.setenv("GITHUB_REPOSITORY", "me/other")
        assert filled()["repository"] == ("me/other",)


class Typed(io.TextIOWrapper):
    """Standard input with this on it."""

    def __init__(self, typed: bytes, *, is_terminal: bool) -> None:
        super().__init__(io.BytesIO(typed), encoding="utf-8")
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def type_in(
    monkeypatch: pytest.MonkeyPatch, typed: str | bytes, *, is_terminal: bool = False
) -> None:
    """Have this on standard input."""
    data = typed.encode() if isinstance(typed, str) else typed
    monkeypatch.setattr(sys, "stdin", Typed(data, is_terminal=is_terminal))


class TestTyped:
    """What is read from standard input, or asked for."""

    @pytest.mark.parametrize(
        ("text", "typed", "posted"),
        [
            ("-", b"howdy\nuniverse!\n", "howdy\nuniverse!"),
            ("-", b"gr\xfc\xdfe", "gr\udcfc\udcdfe"),
            ("howdy", b"unread", "howdy"),
        ],
    )
    def test_text_is_itself_or_for_a_dash_what_standard_input_has(
        self, monkeypatch: pytest.MonkeyPatch, text: str, typed: bytes, posted: str
    ) -> None:
        """Without the line break that `echo` adds."""
        type_in(monkeypatch, typed)
        assert filled("post", text=text)["text"] == (posted,)

    def test_endless_input_is_not_read_to_its_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, "x" * (environment.MAX_TEXT + 1))
        assert len(filled("post", text="-")["text"][0]) == environment.MAX_TEXT

    def test_code_and_login_are_read_from_standard_input(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        type_in(monkeypatch, "c0de\n")
        assert environment.ask_code() == "c0de\n"
        type_in(monkeypatch, "me@mail.example\n pass word \n")
        login = environment.ask_login("mybot", instance())
        assert login.user.reveal() == "me@mail.example"
        assert login.password.reveal() == " pass word "

    def test_without_standard_input_there_is_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        assert filled("post", text="-")["text"] == ("",)
        assert environment.ask_code() == ""
        with pytest.raises(InputError):
            environment.ask_login("mybot", instance())

    def test_right_word_confirms(self, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, "mybot@social.example\n", is_terminal=True)
        environment.confirm("This deletes everything.", "mybot@social.example")

    @pytest.mark.parametrize(
        ("typed", "is_terminal"), [("mybot\n", True), ("mybot@social.example\n", False)]
    )
    def test_other_words_do_not_and_nobody_does_in_a_pipe(
        self, monkeypatch: pytest.MonkeyPatch, typed: str, *, is_terminal: bool
    ) -> None:
        type_in(monkeypatch, typed, is_terminal=is_terminal)
        with pytest.raises(InputError) as caught:
            environment.confirm("This deletes everything.", "mybot@social.example")
        assert caught.value.code == "not-confirmed"


def instance() -> Instance:
    """An instance of no known software."""
    origin = "https://social.example"
    return Instance(origin, f"{origin}/a", f"{origin}/t", f"{origin}/r", "", has_metadata=False)


WINDOWS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@pytest.fixture
def no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux, and nothing says that there is a screen."""
    monkeypatch.setattr(sys, "platform", "linux")
    for name in WINDOWS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_window")
class TestBrowser:
    """Which program opens a page."""

    def test_without_a_screen_there_is_none(self, programs: Path) -> None:
        put(programs, "xdg-open", "")
        assert environment.browser() == []

    @pytest.mark.parametrize("screen", ["DISPLAY", "WAYLAND_DISPLAY"])
    def test_first_that_is_there_opens_it(
        self, programs: Path, monkeypatch: pytest.MonkeyPatch, screen: str
    ) -> None:
        monkeypatch.setenv(screen, ":0")
        assert environment.browser() == []
        for name in "firefox", "xdg-open":
            put(programs, name, "")
        assert environment.browser() == ["xdg-open"]

    @pytest.mark.parametrize(
        ("wanted", "command"),
        [("mine -new-tab %s", ["mine", "-new-tab"]), ("w3m:mine", ["mine"]), ("gone:w3m", [])],
    )
    def test_the_one_that_is_named_counts_unless_it_takes_the_terminal(
        self, programs: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, command: list[str]
    ) -> None:
        for name in "mine", "w3m":
            put(programs, name, "")
        monkeypatch.setenv("BROWSER", wanted)
        assert environment.browser() == command

    def test_macos_has_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        assert environment.browser() == ["open"]


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
