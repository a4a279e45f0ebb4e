"""What people type: each form that is understood, and what is refused."""

import string

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
    parse_instance,
    parse_login,
    parse_max_age,
    parse_repository,
    parse_visibility,
)
from provisioner.report import Open, Run
from provisioner.urls import github_host, origin_of

USERS = st.text(string.ascii_letters + string.digits + "_", min_size=1)
LABELS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20)
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(
    lambda labels: ".".join([*labels, "example"])
)
API = "https://api.github.com"
ORIGIN = "https://social.example"
CODE = "-qHdDkTsjzpU6aGmN8FwzYxU4Yo5lBxSE_Q3Vd2LAz0"
PAGE = f"{ORIGIN}/oauth/authorize/native?code={CODE}"
LINK = f"{ORIGIN}/oauth/authorize?response_type=code&client_id=x&scope=read&force_login=true"


def code_in(text: str) -> str:
    """The code that is found in what was pasted."""
    return parse_code(text, ORIGIN, LINK).reveal()


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

    def test_code_in_an_address_is_decoded(self) -> None:
        assert code_in(f"{ORIGIN}/?code=a%2Fb%2Bc%3D") == "a/b+c="

    @pytest.mark.parametrize("code", ["a%20b", "a%0Ab", "%20ab%20"])
    def test_white_space_is_removed_from_a_code_in_an_address(self, code: str) -> None:
        assert code_in(f"{ORIGIN}/?code={code}") == "ab"

    @pytest.mark.parametrize(
        "pasted",
        [
            "",
            " \n",
            "code=",
            "&state=xyz",
            "?code=&state=xyz",
            f"{ORIGIN}/?code=",
            ORIGIN,
            LINK,
            '""',
        ],
    )
    def test_text_without_a_code_is_refused_as_such(self, pasted: str) -> None:
        with pytest.raises(InputError) as caught:
            code_in(pasted)
        assert caught.value.code == "no-code"

    def test_pasted_authorization_link_is_told_from_the_page_that_follows_it(self) -> None:
        with pytest.raises(InputError) as caught:
            code_in(LINK)
        assert "link itself" in caught.value.why

    @pytest.mark.parametrize(
        "pasted",
        [
            "\u00e4bc",
            "abc\u200b",
            "\ufeffabc",
            "abc\x00",
            "abc\x1b[0m",
            "abc\udcff",
            "code=%00",
            "code=%ff",
            "x" * 2049,
            "error=invalid_scope",
        ],
        ids=lambda pasted: ascii(pasted[:20]),
    )
    def test_text_that_no_server_issues_is_refused(self, pasted: str) -> None:
        with pytest.raises(InputError) as caught:
            code_in(pasted)
        assert caught.value.code in {"bad-code", "no-code"}

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
        with pytest.raises(InputError) as caught:
            code_in(pasted)
        assert caught.value.code == "foreign-code"

    @pytest.mark.parametrize(
        "pasted", ["access_denied", f"{ORIGIN}/?error=access_denied", "error=access_denied&state=x"]
    )
    def test_denied_authorization_is_told_from_a_bad_code(self, pasted: str) -> None:
        with pytest.raises(ActionRequiredError) as caught:
            code_in(pasted)
        assert caught.value.code == "denied"

    @pytest.mark.parametrize("pasted", [f"\u00e4{CODE}", f"https://evil.example/?code={CODE}"])
    def test_error_does_not_show_the_code(self, pasted: str) -> None:
        with pytest.raises(InputError) as caught:
            code_in(pasted)
        assert CODE not in str(vars(caught.value))

    @given(st.text())
    def test_any_text_has_a_code_or_is_refused(self, pasted: str) -> None:
        try:
            code = code_in(pasted)
        except ProvisionerError:
            return
        assert code.isascii()
        assert not [c for c in code if c.isspace() or not c.isprintable()]

    @given(st.text("htps:/xn-.[]@%?&=#code+ 0aurn\u200d\u2100", max_size=40))
    def test_any_address_has_a_code_or_is_refused(self, rest: str) -> None:
        try:
            code = code_in(f"https://{rest}")
        except ProvisionerError:
            return
        assert not [c for c in code if c.isspace()]

    @given(st.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=100))
    def test_bare_code_stays_as_it_is(self, code: str) -> None:
        assert code_in(code) == code
        assert code_in(f"{ORIGIN}/?code={code}") == code


class TestScopes:
    """The scopes to ask for."""

    @pytest.mark.parametrize(
        ("text", "scopes"),
        [
            ("post", PRESETS["post"]),
            ("full", ("read", "write")),
            ("read write", ("read", "write")),
            ("read,write", ("read", "write")),
            ("read,\n write", ("read", "write")),
            ("write read write", ("write", "read")),
            ("profile write:statuses", ("profile", "write:statuses")),
            ("admin:read:accounts read", ("admin:read:accounts", "read")),
            ("post follow", (*PRESETS["post"], "follow")),
        ],
    )
    def test_presets_and_names_are_expanded_once_in_order(
        self, text: str, scopes: tuple[str, ...]
    ) -> None:
        assert parse_scopes(text) == scopes

    @pytest.mark.parametrize(
        "text",
        [
            "READ",
            "read:",
            ":read",
            "read:a:b:c",
            "read;write",
            "r\u00e9ad",
            "read\x00",
            "-read",
            "*",
        ],
    )
    def test_malformed_scope_is_refused(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_scopes(text)
        assert caught.value.code == "bad-scope"

    @pytest.mark.parametrize(
        "text", ["", "write", "write:statuses", "read:statuses", "push follow"]
    )
    def test_scopes_that_do_not_tell_whose_token_it_is_are_refused(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_scopes(text)
        assert caught.value.code == "unverifiable-scopes"

    @pytest.mark.parametrize("preset", PRESETS)
    def test_presets_tell_whose_token_it_is(self, preset: str) -> None:
        assert parse_scopes(preset) == PRESETS[preset]

    @given(st.text() | st.text("readwrite:,_ "))
    def test_any_text_is_scopes_or_refused(self, text: str) -> None:
        try:
            scopes = parse_scopes(text)
        except InputError:
            return
        assert parse_scopes(" ".join(scopes)) == scopes


class TestDuration:
    """How long an old token lives on."""

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("0", 0),
            ("0s", 0),
            ("90s", 90),
            ("90m", 5400),
            ("24h", 86400),
            ("7d", 604800),
            ("30d", MAX_GRACE),
            (" 24 H ", 86400),
        ],
    )
    def test_units_are_seconds_minutes_hours_days(self, text: str, seconds: int) -> None:
        assert parse_grace(text) == seconds

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "1",
            "h",
            "-1h",
            "-0",
            "+1h",
            "1.5h",
            "1e3s",
            "1h30m",
            "1w",
            "31d",
            "2592001s",
            "999999999d",
            "9" * 5000 + "s",
            "\u0663h",
            "\uff10",
            "inf",
            "nan",
            "24 hours",
        ],
        ids=lambda text: ascii(text[:20]),
    )
    def test_malformed_or_excessive_time_is_refused(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_grace(text)
        assert caught.value.code == "bad-duration"

    @given(st.text() | st.text("0123456789smhd -+."))
    def test_any_text_is_a_time_within_bounds_or_refused(self, text: str) -> None:
        try:
            seconds = parse_grace(text)
        except InputError:
            return
        assert 0 <= seconds <= MAX_GRACE


class TestInstance:
    """The address of an instance."""

    @pytest.mark.parametrize(
        ("text", "origin"),
        [
            ("", ""),
            ("  ", ""),
            ("https://social.example", ORIGIN),
            ("https://social.example/", ORIGIN),
            (" https://social.example \n", ORIGIN),
            ("social.example", ORIGIN),
            ("social.example/", ORIGIN),
            ("SOCIAL.example", ORIGIN),
            ("https://SOCIAL.example", ORIGIN),
            ("https://social.example:443", ORIGIN),
            ("social.example:8443", "https://social.example:8443"),
            ("https://s\u00f6cial.example", "https://xn--scial-jua.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://localhost:80/", "http://localhost"),
        ],
    )
    def test_origin_or_bare_host_is_taken(self, text: str, origin: str) -> None:
        assert parse_instance(text) == origin

    @pytest.mark.parametrize(
        "text",
        [
            "https://social.example/@mybot",
            "https://social.example/?a=b",
            "social.example/about",
            "ftp://social.example",
            "https://user:word@social.example",
            "social example",
            "://",
            "https://",
            "social.example:99999",
            "social..example",
            "xn--",
            "https://xn--a.example",
            "social\udcff.example",
            "mybot@social.example",
        ],
        ids=ascii,
    )
    def test_anything_but_an_origin_is_refused(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_instance(text)
        assert caught.value.code == "bad-instance"


class TestRepository:
    """The repository's name."""

    @pytest.mark.parametrize(
        "text",
        [
            "me/mybot",
            " me/mybot\n",
            "https://github.com/me/mybot",
            "https://github.com/me/mybot/",
            "https://github.com/me/mybot.git",
            "HTTPS://GitHub.com/me/mybot",
            "https://www.github.com/me/mybot",
            "https://x-access-token:secret@github.com/me/mybot",
            "github.com/me/mybot",
            "git@github.com:me/mybot.git",
            "ssh://git@github.com/me/mybot.git",
            "ssh://git@github.com:22/me/mybot.git",
            "ssh://git@ssh.github.com:443/me/mybot.git",
            "git://github.com/me/mybot",
            "https://github.com/me/mybot/settings/secrets/actions?tab=x#y",
        ],
    )
    def test_name_or_git_address_is_taken(self, text: str) -> None:
        assert parse_repository(text) == "me/mybot"

    @pytest.mark.parametrize("text", ["a-b/c.d_e-f", "me/.github", "ME/MyBot", "e_corp/x"])
    def test_names_may_have_all_characters_that_github_allows(self, text: str) -> None:
        assert parse_repository(text) == text

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "mybot",
            "me/",
            "/mybot",
            "me/mybot/actions",
            "me/my bot",
            "me/mybot?x",
            "me/mybot#x",
            "me/..",
            "me/.",
            "../me",
            "-me/mybot",
            "me/my%2Fbot",
            "m\u00e9/mybot",
            "me/mybot\x00",
            "me\\mybot",
            "https://codeberg.org/me/mybot",
            "git@gitlab.com:me/mybot.git",
            "codeberg.org/me/mybot",
            "https://github.com.evil.example/me/mybot",
            "https://evil.example/github.com/me/mybot",
            "https://evil.example@codeberg.org/me/mybot",
        ],
    )
    def test_what_is_no_repository_is_refused(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_repository(text)
        assert caught.value.code == "bad-repository"

    def test_address_of_another_host_is_refused_for_its_host(self) -> None:
        with pytest.raises(InputError) as caught:
            parse_repository("https://codeberg.org/me/mybot")
        assert "github.com" in caught.value.why

    def test_password_in_an_address_is_not_shown(self) -> None:
        with pytest.raises(InputError) as caught:
            parse_repository("https://me:s3cret@codeberg.org/me/mybot")
        assert "s3cret" not in str(vars(caught.value))

    def test_enterprise_server_has_its_own_host(self) -> None:
        api = "https://ghe.example/api/v3"
        assert parse_repository("git@ghe.example:me/mybot.git", api) == "me/mybot"
        with pytest.raises(InputError):
            parse_repository("https://github.com/me/mybot", api)

    @pytest.mark.parametrize(
        ("api", "host"),
        [
            ("https://api.github.com", "github.com"),
            ("http://127.0.0.1:8080", "github.com"),
            ("https://api.octo.ghe.com", "octo.ghe.com"),
            ("https://ghe.example:8443/api/v3", "ghe.example"),
            ("https://api.example/api/v3", "api.example"),
        ],
    )
    def test_api_serves_repositories_of_one_host(self, api: str, host: str) -> None:
        assert github_host(api) == host


class TestAppName:
    """The application's name."""

    @pytest.mark.parametrize("text", ["My Bot", " My Bot ", "x" * 60, "M\u00fc \U0001f916", ""])
    def test_up_to_60_printable_characters_are_taken(self, text: str) -> None:
        assert parse_app_name(text) == text.strip()

    @pytest.mark.parametrize(
        "text", ["x" * 61, "a\nb", "a\x07", "a\u202eb", "a\u200bb", "a\udcffb"], ids=ascii
    )
    def test_long_or_unprintable_name_is_refused(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_app_name(text)
        assert caught.value.code == "bad-app-name"


class TestAccount:
    """Whose token it is."""

    @pytest.mark.parametrize(
        "text",
        [
            "mybot@social.example",
            "@mybot@social.example",
            "  mybot@social.example\n",
            "mybot@SOCIAL.example",
            "https://social.example/@mybot",
            "https://social.example/@mybot/",
            "http://social.example/@mybot",
            "social.example/@mybot",
            "https://social.example/@mybot/109372843234",
            "https://social.example/@mybot@social.example/",
            "https://other.example/@mybot@social.example",
            "https://social.example/users/mybot",
            "https://social.example/mybot?lang=de",
            "https://social.example/profile/mybot#top",
            "acct:mybot@social.example",
            "\u2066@mybot@social.example\u2069",
            "mybot\u200b@\ufeffsocial.example",
        ],
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
        ],
    )
    def test_server_may_have_a_port(self, text: str, domain: str) -> None:
        assert parse_account(text).domain == domain

    def test_user_name_keeps_its_case(self) -> None:
        assert str(parse_account("MyBot@social.example")) == "MyBot@social.example"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "@",
            "mybot",
            "@mybot",
            "mybot@",
            "@@social.example",
            "@social.example",
            "my bot@social.example",
            "my\nbot@social.example",
            "mybot@social.example@other.example",
            "mybot@social.example/path",
            "mybot@social.example?query",
            "mybot@social.example#fragment",
            "mybot@social example",
            "mybot@social.example\\",
            "mybot@social.example:",
            "mybot@social.example:99999",
            "mybot@social.example:-1",
            "mybot@social.example:port",
            "mybot@social%2eexample",
            "mybot@<social.example>",
            "mybot@*.example",
            "mybot@social..example",
            "mybot@.example",
            "mybot@" + "a" * 64 + ".example",
            "mybot@" + "a." * 130 + "example",
            "mybot@xn--",
            "mybot@xn--a.example",
            "mybot@social\u200d.example",
            "mybot@social\udcff.example",
            "mybot@social.example\x00",
            "\x00mybot@social.example",
            "mybot@[::1",
            "mybot@256.256.256.256",
            "https://social.example/",
            "https://social.example/about",
            "octocat/mybot",
            "https://user:word@social.example/@mybot",
            "ftp://social.example/@mybot",
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

    @given(st.text())
    def test_any_text_is_an_account_or_refused(self, text: str) -> None:
        try:
            account = parse_account(text)
        except InputError:
            return
        assert origin_of(f"https://{account.domain}")

    @given(
        st.text(string.ascii_letters + string.digits + "@:.[]-_/?#%\\ xn\u00df\u0130\u3002\u200d")
    )
    def test_any_domain_is_a_host_or_refused(self, text: str) -> None:
        try:
            account = parse_account(f"bot@{text}")
        except InputError:
            return
        assert origin_of(f"https://{account.domain}")

    @given(USERS, DOMAINS)
    def test_account_reads_back_from_its_text(self, user: str, domain: str) -> None:
        account = Handle(user, domain)
        assert parse_account(str(account)) == account


class TestMaxAge:
    """The age at which a check demands a new token."""

    @pytest.mark.parametrize(
        ("text", "days"), [("1d", 1), ("24h", 1), ("90d", 90), ("3650d", 3650)]
    )
    def test_a_day_to_ten_years_are_taken(self, text: str, days: int) -> None:
        assert parse_max_age(text) == days * 86400

    @pytest.mark.parametrize("text", ["0", "23h", "3651d", "", "90"])
    def test_other_ages_are_refused(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_max_age(text)
        assert caught.value.code == "bad-duration"


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

    @pytest.mark.parametrize("token", ["github_pat_x", "ghs_x", "x"])
    def test_any_word_is_taken(self, token: str) -> None:
        assert parse_github_token(token, API).reveal() == token

    @pytest.mark.parametrize("token", ["gh p", "ghp_\n", "ghp_\u00e9", "x" * 5000])
    def test_what_can_be_no_header_is_refused_and_not_shown(self, token: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_github_token(token, API)
        assert caught.value.code == "bad-github-token"
        assert token not in str(vars(caught.value))

    @pytest.mark.parametrize("in_workflow", [True, False])
    def test_missing_token_leads_to_the_form_for_one(self, *, in_workflow: bool) -> None:
        with pytest.raises(InputError) as caught:
            parse_github_token("", API, in_workflow=in_workflow)
        assert caught.value.code == "no-github-token"
        assert caught.value.link.startswith("https://github.com/settings/")

    def test_enterprise_server_has_its_own_variable_and_form(self) -> None:
        with pytest.raises(InputError) as caught:
            parse_github_token("", "https://ghe.example/api/v3")
        assert "GH_ENTERPRISE_TOKEN" in caught.value.why
        assert caught.value.link.startswith("https://ghe.example/settings/")


class TestApi:
    """The address of GitHub's API."""

    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ("", "https://api.github.com"),
            ("https://ghe.example/api/v3/", "https://ghe.example/api/v3"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ],
    )
    def test_address_is_taken_without_its_last_slash(self, text: str, url: str) -> None:
        assert parse_api_url(text) == url

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("http://ghe.example", "insecure-address"),
            ("ghe.example", "insecure-address"),
            ("https://ghe.example?x", "bad-api-url"),
            ("https://ghe.example#x", "bad-api-url"),
        ],
    )
    def test_unsafe_address_is_refused(self, text: str, code: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_api_url(text)
        assert caught.value.code == code


@pytest.mark.parametrize("text", ["", *VISIBILITIES])
def test_known_visibility_is_taken(text: str) -> None:
    assert parse_visibility(text) == text


def test_unknown_visibility_is_refused_and_not_shown() -> None:
    with pytest.raises(InputError) as caught:
        parse_visibility("publik")
    assert caught.value.code == "usage"
    assert "publik" not in str(vars(caught.value))


@pytest.mark.parametrize("pasted", ["", "\u00e4", LINK, "https://evil.example/?code=x"])
def test_refused_code_leads_to_the_link_again(pasted: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_code(pasted, ORIGIN, LINK)
    assert caught.value.next == (Open(LINK, then="press Authorize"), Run("complete", code=True))
