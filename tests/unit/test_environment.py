"""What surrounds a run on the command line: variables, gh, the git remote, and who types."""

import io
import sys
from pathlib import Path

import pytest

from provisioner import environment
from provisioner.config import Values
from provisioner.errors import InputError
from provisioner.mastodon.instance import Instance

GIVEN: Values = {"account": ["mybot@social.example"], "repository": [], "github-token": []}


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is on the PATH; no variable gives an input."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("GH_TOKEN", "GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_API_URL", "GH_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ACCOUNT", "CODE", "JOURNAL_KEY", "CLIENT_SECRET"):
        monkeypatch.delenv(f"MASTODON_{name}", raising=False)
    return tmp_path


def put(folder: Path, name: str, script: str) -> None:
    """Put a program on the PATH."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)


class TestInputs:
    """Where an input comes from."""

    def test_first_variable_that_is_set_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GH_TOKEN", " ")
        monkeypatch.setenv("GITHUB_TOKEN", "second")
        assert environment.fill_in("begin", GIVEN)["github-token"] == "second"

    def test_option_counts_more_than_a_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MASTODON_ACCOUNT", "other@social.example")
        assert environment.fill_in("begin", GIVEN)["account"] == GIVEN["account"]

    def test_empty_option_counts_as_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MASTODON_ACCOUNT", "other@social.example")
        assert environment.fill_in("begin", {"account": [""]})["account"] == "other@social.example"

    def test_white_space_in_a_variable_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MASTODON_CODE", "a b")
        assert environment.fill_in("complete", GIVEN)["code"] == "a b"

    def test_command_takes_its_own_variables_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MASTODON_CODE", "c0de")
        assert "code" not in environment.fill_in("check", GIVEN)


class TestClientSecret:
    """A client secret that was exported for another command."""

    def test_without_a_client_id_it_is_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MASTODON_CLIENT_SECRET", "s3cret")
        assert environment.ignores_client_secret("begin", GIVEN)
        assert "client-secret" not in environment.fill_in("begin", GIVEN)

    def test_with_a_client_id_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MASTODON_CLIENT_SECRET", "s3cret")
        given = {**GIVEN, "client-id": ["id"]}
        assert not environment.ignores_client_secret("begin", given)
        assert environment.fill_in("begin", given)["client-secret"] == "s3cret"

    @pytest.mark.parametrize("value", [None, ""])
    def test_where_none_is_set_nothing_is_said(
        self, monkeypatch: pytest.MonkeyPatch, value: str | None
    ) -> None:
        if value is not None:
            monkeypatch.setenv("MASTODON_CLIENT_SECRET", value)
        assert not environment.ignores_client_secret("begin", GIVEN)
        assert "client-secret" not in environment.fill_in("begin", GIVEN)


class TestGh:
    """The token that `gh` has."""

    def test_gh_is_asked_for_github_s_token(self, programs: Path) -> None:
        put(programs, "gh", 'echo "$*"')
        words = environment.fill_in("begin", GIVEN)["github-token"]
        assert words == "auth token --hostname github.com"

    def test_gh_is_asked_for_the_host_that_gets_the_token(
        self, programs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(programs, "gh", 'echo "$4"')
        monkeypatch.setenv("GITHUB_API_URL", "https://ghe.example/api/v3")
        assert environment.fill_in("begin", GIVEN)["github-token"] == "ghe.example"

    def test_stand_in_on_this_machine_gets_no_token_of_gh(
        self, programs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(programs, "gh", "echo token")
        monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:8080")
        assert "github-token" not in environment.fill_in("begin", GIVEN)

    @pytest.mark.parametrize("script", ["exit 1", "echo x; exit 1", "printf '\\377'"])
    def test_failing_gh_is_no_token(self, programs: Path, script: str) -> None:
        put(programs, "gh", script)
        assert environment.fill_in("begin", GIVEN)["github-token"] == ""

    def test_gh_does_not_read_our_standard_input(self, programs: Path) -> None:
        """It may have the code."""
        put(programs, "gh", "read line; echo token$line")
        assert environment.fill_in("begin", GIVEN)["github-token"] == "token"

    def test_gh_is_not_needed_where_nothing_is_stored(self, programs: Path) -> None:
        put(programs, "gh", "echo token")
        assert "github-token" not in environment.fill_in("doctor", GIVEN)
        assert "github-token" not in environment.fill_in("register", {**GIVEN, "reveal": True})


class TestEnterprise:
    """A GitHub Enterprise Server, for which gh has variables of its own."""

    @pytest.mark.parametrize(
        ("variables", "url"),
        [
            ({"GH_HOST": "ghe.example"}, "https://ghe.example/api/v3"),
            ({"GH_HOST": "octo.ghe.com"}, "https://api.octo.ghe.com"),
            ({"GH_HOST": "github.com"}, ""),
            (
                {"GH_HOST": "ghe.example", "GITHUB_API_URL": "https://a.example"},
                "https://a.example",
            ),
        ],
    )
    def test_gh_host_names_the_api_unless_its_address_is_given(
        self, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert environment.api_url() == url

    @pytest.mark.parametrize(
        ("host", "token"),
        [("ghe.example", "enterprise"), ("octo.ghe.com", "github"), ("", "github")],
    )
    def test_token_is_the_one_for_that_host(
        self, monkeypatch: pytest.MonkeyPatch, host: str, token: str
    ) -> None:
        """A token of github.com must not reach another server."""
        monkeypatch.setenv("GH_HOST", host)
        monkeypatch.setenv("GH_TOKEN", "github")
        monkeypatch.setenv("GH_ENTERPRISE_TOKEN", "enterprise")
        assert environment.fill_in("begin", GIVEN)["github-token"] == token

    def test_token_of_github_is_none_for_an_enterprise_server(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_API_URL", "https://ghe.example/api/v3")
        monkeypatch.setenv("GH_TOKEN", "github")
        assert environment.fill_in("begin", GIVEN)["github-token"] == ""


class TestCheckout:
    """The repository of the checkout."""

    @pytest.mark.parametrize(
        ("remote", "repository"),
        [
            ("git@github.com:me/mybot.git", "me/mybot"),
            ("https://github.com/me/mybot", "me/mybot"),
            ("https://codeberg.org/me/mybot", ""),
            ("/srv/git/mybot.git", ""),
        ],
    )
    def test_remote_origin_names_it(self, programs: Path, remote: str, repository: str) -> None:
        put(programs, "git", f"echo {remote}")
        assert environment.fill_in("begin", GIVEN)["repository"] == repository

    def test_variable_counts_more(self, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(programs, "git", "echo git@github.com:me/mybot.git")
        monkeypatch.setenv("GITHUB_REPOSITORY", "me/other")
        assert environment.fill_in("begin", GIVEN)["repository"] == "me/other"


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


class TestText:
    """The text of a post."""

    @pytest.mark.parametrize(
        ("typed", "text"),
        [
            ("\ufeffhowdy\nuniverse!\n", "howdy\nuniverse!"),
            ("grüß euch, 🌍\r\n", "grüß euch, 🌍"),
            ("", ""),
        ],
    )
    def test_dash_reads_standard_input(
        self, monkeypatch: pytest.MonkeyPatch, typed: str, text: str
    ) -> None:
        """Without an editor's byte order mark, and without the line break that `echo` adds."""
        type_in(monkeypatch, typed)
        assert environment.fill_in("post", {**GIVEN, "text": "-"})["text"] == text

    def test_without_standard_input_there_is_no_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        assert environment.fill_in("post", {**GIVEN, "text": "-"})["text"] == ""

    def test_other_text_is_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, "unread")
        assert environment.fill_in("post", {**GIVEN, "text": "howdy"})["text"] == "howdy"

    def test_what_is_not_utf_8_is_kept_to_be_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, b"gr\xfc\xdfe")
        assert "\udcfc" in str(environment.fill_in("post", {**GIVEN, "text": "-"})["text"])

    def test_endless_input_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, "x" * (environment.MAX_TEXT + 1))
        with pytest.raises(InputError) as caught:
            environment.fill_in("post", {**GIVEN, "text": "-"})
        assert caught.value.code == "post-too-long"


class TestPrompts:
    """What is asked for, and never an option."""

    def test_code_is_read_from_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, "\ufeffc0de\n")
        assert environment.ask_code() == "c0de\n"

    def test_login_is_two_lines_of_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, "me@mail.example\n pass word \n")
        login = environment.ask_login("mybot", instance())
        assert login.user.reveal() == "me@mail.example"
        assert login.password.reveal() == " pass word "

    def test_without_standard_input_there_is_no_code_and_no_login(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        assert environment.ask_code() == ""
        with pytest.raises(InputError):
            environment.ask_login("mybot", instance())

    def test_right_word_confirms(self, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, "mybot@social.example\n", is_terminal=True)
        environment.confirm("This deletes everything.", "mybot@social.example")

    @pytest.mark.parametrize("typed", ["y\n", "\n", "mybot\n"])
    def test_other_words_do_not(self, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
        type_in(monkeypatch, typed, is_terminal=True)
        with pytest.raises(InputError) as caught:
            environment.confirm("This deletes everything.", "mybot@social.example")
        assert caught.value.code == "not-confirmed"

    def test_nobody_confirms_in_a_pipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, "mybot@social.example\n")
        with pytest.raises(InputError) as caught:
            environment.confirm("This deletes everything.", "mybot@social.example")
        assert caught.value.code == "not-confirmed"


def instance() -> Instance:
    """An instance of no known software."""
    origin = "https://social.example"
    return Instance(origin, f"{origin}/a", f"{origin}/t", f"{origin}/r", "", has_metadata=False)
