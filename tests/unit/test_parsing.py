"""What people type: each form that is understood, and what is refused."""

import string
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import ActionRequiredError, InputError, ProvisionerError
from provisioner.mastodon.scopes import PRESETS, parse_scopes
from provisioner.parsing import (
    MAX_GRACE,
    VISIBILITIES,
    Handle,
    parse_account,
    parse_api_url,
    parse_app_name,
    parse_code,
    parse_github_token,
    parse_grace,
    parse_handle,
    parse_instance,
    parse_login,
    parse_max_age,
    parse_repository,
    parse_visibility,
)
from provisioner.report import Open, Run
from provisioner.urls import github_host, origin_of

Parser = Callable[[str], str | int]
API = "https://api.github.com"
ENTERPRISE = "https://ghe.example/api/v3"
ORIGIN = "https://social.example"
CODE = "-qHdDkTsjzpU6aGmN8FwzYxU4Yo5lBxSE_Q3Vd2LAz0"
PAGE = f"{ORIGIN}/oauth/authorize/native?code={CODE}"
LINK = f"{ORIGIN}/oauth/authorize?response_type=code&client_id=x&scope=read&force_login=true"
LABELS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20)


def code_in(text: str) -> str:
    """The code that is found in what was pasted."""
    return parse_code(text, ORIGIN, LINK).reveal()


def refused_code(text: str) -> InputError:
    """The error for what was pasted."""
    with pytest.raises(InputError) as caught:
        code_in(text)
    return caught.value


class TestCode:
    """The one-time code."""

    @pytest.mark.parametrize(
        "pasted",
        [
            CODE,
            f"  {CODE}\r\n",
            f"{CODE[:20]}\n{CODE[20:]}",
            " ".join(CODE),
            f'"{CODE}"',
            f"`{CODE}`",
            f"<{PAGE}>",
            PAGE,
            f"{PAGE}&state=xyz",
            f"{PAGE}#top",
            PAGE.replace("https://social", "HTTPS://SOCIAL"),
            PAGE.replace(".example/", ".example:443/"),
            f"code={CODE}",
            f"?code={CODE}",
            f"code={CODE}&state=xyz",
            f"?state=xyz&code={CODE}",
            f"state=xyz&code={CODE}",
            f"{CODE}&state=xyz",
            f"urn:ietf:wg:oauth:2.0:oob?code={CODE}",
            PAGE.removeprefix("https://"),
        ],
    )
    def test_every_form_of_a_pasted_code_is_understood(self, pasted: str) -> None:
        assert code_in(pasted) == CODE

    @pytest.mark.parametrize("code", ["x", "ABC123", "a/b+c==", "a.b~c", "--help", "x" * 2048])
    def test_code_may_have_any_length_and_any_visible_characters(self, code: str) -> None:
        assert code_in(code) == code

    @pytest.mark.parametrize(
        ("query", "code"), [("a%2Fb%2Bc%3D", "a/b+c="), ("a%20b", "ab"), ("%20ab%0A", "ab")]
    )
    def test_code_in_an_address_is_decoded_and_its_white_space_removed(
        self, query: str, code: str
    ) -> None:
        assert code_in(f"{ORIGIN}/?code={query}") == code

    @pytest.mark.parametrize(
        "pasted",
        [
            *("", " \n", '""', "code=", "&state=xyz", "?code=&state=xyz", "error=invalid_scope"),
            *(f"{ORIGIN}/?code=", ORIGIN, LINK),
        ],
    )
    def test_text_without_a_code_is_refused_as_such(self, pasted: str) -> None:
        assert refused_code(pasted).code == "no-code"

    def test_page_with_the_address_of_the_link_is_said_to_show_the_code(self) -> None:
        """Takahē shows the code there: who pastes the address did open the link."""
        why = refused_code(LINK).why
        assert "the link itself" in why
        assert "copy the code from the page" in why

    @pytest.mark.parametrize(
        "pasted",
        [
            *("\u00e4bc", "abc\u200b", "\ufeffabc", "abc\x00", "abc\x1b[0m", "abc\udcff"),
            *("code=%00", "code=%ff", "x" * 2049),
        ],
        ids=lambda pasted: ascii(pasted[:20]),
    )
    def test_text_that_no_server_issues_is_refused(self, pasted: str) -> None:
        assert refused_code(pasted).code == "bad-code"

    @pytest.mark.parametrize(
        "pasted",
        [
            "https://evil.example/?code=x",
            "http://social.example/?code=x",
            "https://social.example:8443/?code=x",
            "https://social.example.evil.example/?code=x",
            "https://social.example@evil.example/?code=x",
            "https://evil.example\\@social.example/?code=x",
            "https://evil.example#@social.example/?code=x",
            "https://user@social.example/?code=x",
            "javascript://social.example/?code=x",
            "https://[/?code=x",
            "https://xn--/?code=x",
            "https://social\u2100.example/?code=x",
            "https://social.example:99999/?code=x",
            "https:// evil.example/?code=x",
        ],
    )
    def test_code_of_another_instance_is_refused(self, pasted: str) -> None:
        assert refused_code(pasted).code == "foreign-code"

    @pytest.mark.parametrize(
        "pasted", ["access_denied", f"{ORIGIN}/?error=access_denied", "error=access_denied&state=x"]
    )
    def test_denied_authorization_is_told_from_a_bad_code(self, pasted: str) -> None:
        with pytest.raises(ActionRequiredError) as caught:
            code_in(pasted)
        assert caught.value.code == "denied"

    @pytest.mark.parametrize("pasted", [f"\u00e4{CODE}", f"https://evil.example/?code={CODE}"])
    def test_error_does_not_show_the_code(self, pasted: str) -> None:
        assert CODE not in str(vars(refused_code(pasted)))

    @pytest.mark.parametrize("pasted", ["", "\u00e4", LINK, "https://evil.example/?code=x"])
    def test_refused_code_leads_to_the_link_again(self, pasted: str) -> None:
        error = refused_code(pasted)
        assert error.next == (Open(LINK, then="press Authorize"), Run("complete", code=True))
        assert error.link == LINK

    @given(st.text() | st.text("htps:/xn-.[]@%?&=#code+ 0aurn\u200d\u2100").map("https://".__add__))
    def test_any_text_has_a_code_or_is_refused(self, pasted: str) -> None:
        try:
            code = code_in(pasted)
        except ProvisionerError:
            return
        assert code.isascii()
        assert not [c for c in code if c.isspace() or not c.isprintable()]

    @given(st.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=100))
    def test_bare_code_stays_as_it_is(self, code: str) -> None:
        assert code_in(code) == code
        assert code_in(f"{ORIGIN}/?code={code}") == code


class TestScopes:
    """The scopes to ask for."""

    @pytest.mark.parametrize(
        ("text", "scopes"),
        [
            *PRESETS.items(),
            ("read write", ("read", "write")),
            ("read,\n write", ("read", "write")),
            ("write read write", ("write", "read")),
            ("admin:read:accounts read", ("admin:read:accounts", "read")),
            ("post follow", (*PRESETS["post"], "follow")),
        ],
    )
    def test_presets_and_names_are_expanded_once_in_order(
        self, text: str, scopes: tuple[str, ...]
    ) -> None:
        assert parse_scopes(text) == scopes

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            *((bad, "bad-scope") for bad in ("READ", "read:", ":read", "read:a:b:c", "read;write")),
            *((bad, "bad-scope") for bad in ("r\u00e9ad", "read\x00", "-read", "*")),
            *((no, "unverifiable-scopes") for no in ("", "write", "write:statuses", "push follow")),
            ("read:statuses", "unverifiable-scopes"),
        ],
    )
    def test_what_is_malformed_or_does_not_tell_whose_token_it_is_is_refused(
        self, text: str, code: str
    ) -> None:
        with pytest.raises(InputError) as caught:
            parse_scopes(text)
        assert caught.value.code == code

    @given(st.text() | st.text("readwrite:,_ "))
    def test_any_text_is_scopes_or_refused(self, text: str) -> None:
        try:
            scopes = parse_scopes(text)
        except InputError:
            return
        assert parse_scopes(" ".join(scopes)) == scopes


class TestAccount:
    """Whose token it is."""

    @pytest.mark.parametrize(
        "text",
        [
            "mybot@social.example",
            "@mybot@social.example",
            "  mybot@social.example\n",
            "mybot@SOCIAL.example",
            "acct:mybot@social.example",
            "\u2066@mybot@social.example\u2069",
            "\u200emybot\u200b@\ufeffsocial.example\u00a0",
            "https://social.example/@mybot",
            "https://social.example/@mybot/",
            "http://social.example/@mybot",
            "social.example/@mybot",
            "https://social.example/@mybot/109372843234",
            "https://social.example/@mybot?lang=de#top",
            "https://social.example/users/mybot",
            "https://social.example/users/mybot/statuses/1",
            "https://social.example/profile/mybot",
            "https://social.example/mybot",
            "https://social.example/@mybot@social.example/",
            "https://other.example/@mybot@social.example",
            "\u2068https://social.example/@mybot\u2069",
        ],
        ids=ascii,
    )
    def test_all_forms_that_people_copy_name_the_account(self, text: str) -> None:
        assert parse_account(text) == Handle("mybot", "social.example")

    @pytest.mark.parametrize(
        ("text", "domain"),
        [
            ("mybot@localhost:3000", "localhost:3000"),
            ("mybot@127.0.0.1:8080", "127.0.0.1:8080"),
            ("mybot@[::1]:8080", "[::1]:8080"),
            ("https://social.example:8443/@mybot", "social.example:8443"),
            ("localhost:3000/@mybot", "localhost:3000"),
            ("mybot@s\u00f6cial.example", "xn--scial-jua.example"),
            ("mybot@xn--scial-jua.example", "xn--scial-jua.example"),
        ],
    )
    def test_domain_may_have_a_port_and_is_kept_as_it_is_sent(self, text: str, domain: str) -> None:
        assert parse_account(text).domain == domain

    def test_user_name_keeps_its_case(self) -> None:
        assert str(parse_account("MyBot@social.example")) == "MyBot@social.example"

    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", "@", "mybot", "@mybot", "mybot@", "@@social.example", "@social.example"),
            *("my bot@social.example", "my\nbot@social.example", "mybot@social example"),
            "mybot@social.example@other.example",
            *("mybot@social.example/path", "mybot@social.example?query", "mybot@social.example#f"),
            *("mybot@social.example\\", "mybot@social.example:", "mybot@social.example:99999"),
            *("mybot@social.example:-1", "mybot@social.example:port", "mybot@social%2eexample"),
            *("mybot@<social.example>", "mybot@*.example", "mybot@social..example"),
            *(
                "mybot@.example",
                "mybot@" + "a" * 64 + ".example",
                "mybot@" + "a." * 130 + "example",
            ),
            *("mybot@xn--", "mybot@xn--a.example", "mybot@social\u200d.example"),
            *("mybot@social\udcff.example", "mybot@social.example\x00", "\x00mybot@social.example"),
            *("mybot@[::1", "mybot@256.256.256.256"),
            *("https://social.example/", "octocat/mybot"),
            "https://user:word@social.example/@mybot",
            "ftp://social.example/@mybot",
            *(f"https://social.example/{page}" for page in ("about", "explore", "home", "login")),
            *(f"https://social.example/{page}" for page in ("public", "settings", "users")),
        ],
    )
    def test_what_is_no_account_is_refused(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_account(text)
        assert caught.value.code == "bad-account"

    def test_missing_server_is_explained(self) -> None:
        with pytest.raises(InputError) as caught:
            parse_account("mybot")
        assert "server" in caught.value.why

    def test_server_names_an_account_by_its_handle_alone(self) -> None:
        with pytest.raises(InputError):
            parse_handle("https://social.example/mybot")

    @given(st.text() | st.text(string.printable + "xn\u00df\u0130\u3002\u200d").map("bot@".__add__))
    def test_any_text_is_an_account_of_a_host_or_refused(self, text: str) -> None:
        try:
            account = parse_account(text)
        except InputError:
            return
        assert origin_of(f"https://{account.domain}")

    @given(st.from_regex("[A-Za-z0-9_]+", fullmatch=True), st.lists(LABELS, max_size=4))
    def test_account_reads_back_from_its_text(self, user: str, labels: list[str]) -> None:
        account = Handle(user, ".".join([*labels, "example"]))
        assert parse_account(str(account)) == account


def refused_repository(text: str, api: str = API) -> InputError:
    """The error for a repository."""
    with pytest.raises(InputError) as caught:
        parse_repository(text, api)
    assert caught.value.code == "bad-repository"
    return caught.value


class TestRepository:
    """The repository's name."""

    @pytest.mark.parametrize(
        "text",
        [
            " me/mybot\n",
            "me/mybot.git",
            "https://github.com/me/mybot",
            "https://github.com/me/mybot/",
            "https://github.com/me/mybot.git",
            "HTTPS://GitHub.com/me/mybot",
            "https://www.github.com/me/mybot",
            "https://x-access-token:secret@github.com/me/mybot",
            "github.com/me/mybot",
            "git@github.com:me/mybot.git",
            "git@github.com:/me/mybot",
            "ssh://git@github.com/me/mybot.git",
            "ssh://git@github.com:22/me/mybot.git",
            "ssh://git@ssh.github.com:443/me/mybot.git",
            "git+ssh://git@github.com/me/mybot.git",
            "git://github.com/me/mybot",
            "https://github.com/me/mybot/settings/secrets/actions",
            "github.com/me/mybot/tree/main",
            "https://github.com/me/mybot?tab=readme#install",
        ],
    )
    def test_name_git_address_or_page_is_taken(self, text: str) -> None:
        assert parse_repository(text) == "me/mybot"

    @pytest.mark.parametrize("text", ["a-b/c.d_e-f", "me/.github", "ME/MyBot", "e_corp/x"])
    def test_names_may_have_all_characters_that_github_allows(self, text: str) -> None:
        assert parse_repository(text) == text

    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", "mybot", "me/", "/mybot", "me/mybot/actions", "me/my bot", "me/mybot?x"),
            *("me/mybot#x", "me/..", "me/.", "../me", "-me/mybot", "me/my%2Fbot", "m\u00e9/mybot"),
            *("me/mybot\x00", "me\\mybot"),
        ],
    )
    def test_what_is_no_repository_is_refused(self, text: str) -> None:
        assert refused_repository(text).why == ""

    @pytest.mark.parametrize(
        "text",
        [
            "https://codeberg.org/me/mybot",
            "git@gitlab.com:me/mybot.git",
            "codeberg.org/me/mybot",
            "codeberg.org:me/mybot/x",
            "https://github.com.evil.example/me/mybot",
            "https://evil.example/github.com/me/mybot",
            "https://github.com@codeberg.org/me/mybot",
            "https://codeberg.org/https://github.com/me/mybot",
            "https://ghe.example/me/mybot",
            "https://github.com/me",
        ],
    )
    def test_address_of_another_host_is_refused_for_its_host(self, text: str) -> None:
        assert "github.com" in refused_repository(text).why

    def test_password_in_an_address_is_not_shown(self) -> None:
        error = refused_repository("https://me:s3cret@codeberg.org/me/mybot")
        assert "s3cret" not in str(vars(error))

    def test_enterprise_server_has_its_own_host(self) -> None:
        assert parse_repository("git@ghe.example:me/mybot.git", ENTERPRISE) == "me/mybot"
        refused_repository("https://github.com/me/mybot", ENTERPRISE)

    @pytest.mark.parametrize(
        ("api", "host"),
        [
            (API, "github.com"),
            ("http://127.0.0.1:8080", "github.com"),
            ("http://[::1]:8080", "github.com"),
            ("https://api.octo.ghe.com", "octo.ghe.com"),
            ("https://ghe.example:8443/api/v3", "ghe.example"),
            ("https://api.example/api/v3", "api.example"),
        ],
    )
    def test_api_serves_repositories_of_one_host(self, api: str, host: str) -> None:
        assert github_host(api) == host


class TestLogin:
    """User name and password."""

    def test_only_the_line_break_is_taken_off_a_password(self) -> None:
        login = parse_login(" bot@social.example \n", "  pass word \r\n")
        assert login.user.reveal() == "bot@social.example"
        assert login.password.reveal() == "  pass word "

    @pytest.mark.parametrize(("user", "password"), [("", "x"), (" ", "x"), ("x", ""), ("x", "\n")])
    def test_both_are_needed(self, user: str, password: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_login(user, password)
        assert caught.value.code == "no-login"


class TestGitHubToken:
    """The token for GitHub's API."""

    def test_any_word_is_taken(self) -> None:
        assert parse_github_token("x", API).reveal() == "x"

    @pytest.mark.parametrize("token", ["gh p", "ghp_\n", "ghp_\u00e9", "x" * 5000])
    def test_what_can_be_no_header_is_refused_and_not_shown(self, token: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_github_token(token, API)
        assert caught.value.code == "bad-github-token"
        assert token not in str(vars(caught.value))

    @pytest.mark.parametrize(
        ("api", "in_workflow", "why", "site"),
        [
            (API, True, "input", "https://github.com"),
            (API, False, "GH_TOKEN", "https://github.com"),
            (ENTERPRISE, False, "GH_ENTERPRISE_TOKEN", "https://ghe.example"),
        ],
    )
    def test_missing_token_leads_to_the_form_of_the_server_it_is_for(
        self, api: str, why: str, site: str, *, in_workflow: bool
    ) -> None:
        with pytest.raises(InputError) as caught:
            parse_github_token("", api, in_workflow=in_workflow)
        assert caught.value.code == "no-github-token"
        assert why in caught.value.why
        assert caught.value.link.startswith(f"{site}/settings/")


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_instance, "  ", ""),
        (parse_instance, " https://social.example \n", ORIGIN),
        (parse_instance, "social.example", ORIGIN),
        (parse_instance, "social.example/", ORIGIN),
        (parse_instance, "https://SOCIAL.example:443", ORIGIN),
        (parse_instance, "social.example:8443", "https://social.example:8443"),
        (parse_instance, "https://s\u00f6cial.example", "https://xn--scial-jua.example"),
        (parse_instance, "http://localhost:3000", "http://localhost:3000"),
        (parse_instance, "http://localhost:80/", "http://localhost"),
        (parse_api_url, "", API),
        (parse_api_url, f"{ENTERPRISE}/", ENTERPRISE),
        (parse_api_url, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        (parse_app_name, "", ""),
        (parse_app_name, " M\u00fc \U0001f916 ", "M\u00fc \U0001f916"),
        (parse_app_name, "x" * 60, "x" * 60),
        (parse_grace, "0", 0),
        (parse_grace, "0s", 0),
        (parse_grace, "90s", 90),
        (parse_grace, "90m", 90 * 60),
        (parse_grace, " 24 H ", 24 * 3600),
        (parse_grace, "30d", MAX_GRACE),
        (parse_max_age, "1d", 86400),
        (parse_max_age, "24h", 86400),
        (parse_max_age, "3650d", 3650 * 86400),
        *((parse_visibility, text, text) for text in ("", *VISIBILITIES)),
    ],
)
def test_input_is_taken(parse: Parser, text: str, value: str | int) -> None:
    assert parse(text) == value


WRONG: dict[str, tuple[Parser, tuple[str, ...]]] = {
    "bad-instance": (
        parse_instance,
        (
            *("https://social.example/@mybot", "https://social.example/?a=b"),
            *("social.example/about", "ftp://social.example", "https://user:word@social.example"),
            *("social example", "://", "https://", "social.example:99999", "social..example"),
            *("xn--", "https://xn--a.example", "social\udcff.example", "mybot@social.example"),
        ),
    ),
    "insecure-address": (parse_api_url, ("http://ghe.example", "ghe.example")),
    "bad-api-url": (parse_api_url, ("https://ghe.example?x", "https://ghe.example#x")),
    "bad-app-name": (
        parse_app_name,
        ("x" * 61, "a\nb", "a\x07", "a\u202eb", "a\u200bb", "a\udcffb"),
    ),
    "bad-duration": (
        parse_grace,
        (
            *("", "1", "h", "-1h", "-0", "+1h", "1.5h", "1e3s", "1h30m", "1w", "31d", "2592001s"),
            *("999999999d", "9" * 5000 + "s", "\u0663h", "\uff10", "inf", "nan", "24 hours"),
        ),
    ),
    "usage": (parse_visibility, ("publik",)),
}


@pytest.mark.parametrize(
    ("code", "parse", "text"),
    [
        *((code, parse, text) for code, (parse, texts) in WRONG.items() for text in texts),
        *(("bad-duration", parse_max_age, text) for text in ("0", "23h", "3651d", "", "90")),
    ],
    ids=lambda value: getattr(value, "__name__", ascii(value)[:50]),
)
def test_other_input_is_refused(code: str, parse: Parser, text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert caught.value.code == code


@given(st.text() | st.text("0123456789smhd -+."))
def test_any_text_is_a_time_within_bounds_or_refused(text: str) -> None:
    with suppress(InputError):
        assert 0 <= parse_grace(text) <= MAX_GRACE


def test_unknown_visibility_is_not_shown() -> None:
    """It may be a secret in the wrong place."""
    with pytest.raises(InputError) as caught:
        parse_visibility("publik")
    assert "publik" not in str(vars(caught.value))
