"""What people type: each form that is understood, and what is refused."""

from collections.abc import Callable

import pytest

from provisioner.parsing import (
    Handle,
    parse_account,
    parse_api_url,
    parse_app_name,
    parse_code,
    parse_duration,
    parse_github_token,
    parse_instance,
    parse_login,
    parse_port,
    parse_repository,
    parse_visibility,
)
from provisioner.report import Exit, Open, Run
from provisioner.urls import github_host
from tests.support.told import fails

Parser = Callable[[str], str | int]
API = "https://api.github.com"
ENTERPRISE = "https://ghe.example/api/v3"
ORIGIN = "https://social.example"
CODE = "-qHdDkTsjzpU6aGmN8FwzYxU4Yo5lBxSE_Q3Vd2LAz0"
PAGE = f"{ORIGIN}/oauth/authorize/native?code={CODE}"
LINK = f"{ORIGIN}/oauth/authorize?response_type=code&client_id=x&scope=read&force_login=true"


# The one-time code.


def parse_grace(text: str) -> int:
    return parse_duration("grace", text)


def parse_max_age(text: str) -> int:
    return parse_duration("max-age", text)


def parse_github_port(text: str) -> int:
    return parse_port("github-port", text)


@pytest.mark.parametrize(
    ("pasted", "code"),
    [
        *((given, given) for given in ("x", "a/b+c==", "--help", "x" * 2048)),
        *((f"{CODE[:20]} \r\n{CODE[20:]}", CODE), (f"\"'`{CODE}`'\"", CODE)),
        *((f"<{PAGE}>", CODE), (f"{PAGE}#top", CODE), (f"{PAGE}&state=xyz", CODE)),
        (PAGE.replace("https://social", "HTTPS://SOCIAL"), CODE),
        (PAGE.removeprefix("https://"), CODE),
        *((f"code={CODE}", CODE), (f"?state=xyz&code={CODE}", CODE)),
        *((f"state=xyz&code={CODE}", CODE), (f"{CODE}&state=xyz", CODE)),
        (f"urn:ietf:wg:oauth:2.0:oob?code={CODE}", CODE),
        *((f"{ORIGIN}/?code=a%2Fb%2Bc%3D", "a/b+c="), (f"{ORIGIN}/?code=%20a%20b", "ab")),
    ],
)
def test_every_form_of_a_pasted_code_is_understood(pasted: str, code: str) -> None:
    assert parse_code(pasted, ORIGIN, LINK).reveal() == code


@pytest.mark.parametrize(
    ("pasted", "code"),
    [
        *((text, "no-code") for text in ("", "code=", "error=invalid_scope", ORIGIN, LINK)),
        *((text, "bad-code") for text in (f"\u00e4{CODE}", "abc\x00", "code=%00", "x" * 2049)),
        *(
            (f"{origin}/?code={CODE}", "foreign-code")
            for origin in (
                *("https://evil.example", "http://social.example", "https://social.example:8443"),
                *("https://user@social.example", "https://evil.example#@social.example"),
                *("javascript://social.example", "https://["),
                *("evil.example", "localhost:4711", "social.example.evil.example"),
            )
        ),
    ],
    ids=lambda text: ascii(text)[:60],
)
def test_other_text_is_refused_not_shown_and_leads_to_the_link_again(
    pasted: str, code: str
) -> None:
    with fails(code, Exit.INPUT) as caught:
        parse_code(pasted, ORIGIN, LINK)
    error = caught.value
    assert error.next == (Open(LINK, then="press Authorize"), Run("complete", code=True))
    assert error.link == LINK
    assert CODE not in str(vars(error))
    # Takahē shows the code there: who pastes the address did open the link.
    assert ("copy the code from the page" in error.why) is (pasted in {ORIGIN, LINK})


def test_denied_authorization_is_told_from_a_bad_code() -> None:
    with fails("denied", Exit.ACTION_REQUIRED) as caught:
        parse_code(f"{ORIGIN}/?error=access_denied", ORIGIN, LINK)
    assert caught.value.link == LINK


# Whose token it is.


@pytest.mark.parametrize(
    ("text", "user", "domain"),
    [
        *(
            (text, "mybot", "social.example")
            for text in (
                *("  mybot@SOCIAL.example\n", "@mybot@social.example", "acct:mybot@social.example"),
                "\u200emybot\u200b@\ufeffsocial.example\u00a0",
                *("https://social.example/@mybot", "http://social.example/users/mybot/statuses/1"),
                *("social.example/profile/mybot?lang=de", "https://social.example/mybot#top"),
                "https://other.example/@mybot@social.example",
                *("\uff20mybot\uff20social.example", "ACCT:mybot@social.example"),
                *("<mailto:mybot@social.example>", "\u201cmybot@social.example\u201d,"),
                *("(@mybot@social.example).", "mybot@social.example/", "social.example/mybot/"),
                *("https://social.example/web/@mybot", "https://social.example/deck/@mybot/1"),
            )
        ),
        ("MyBot@social.example", "MyBot", "social.example"),
        ("mybot@[::1]:8080", "mybot", "[::1]:8080"),
        ("localhost:3000/@mybot", "mybot", "localhost:3000"),
        ("mybot@s\u00f6cial.example", "mybot", "xn--scial-jua.example"),
    ],
    ids=ascii,
)
def test_all_forms_that_people_copy_name_the_account(text: str, user: str, domain: str) -> None:
    """The user name keeps its case, and the domain is as it is sent."""
    assert parse_account(text) == Handle(user, domain)


@pytest.mark.parametrize(
    "text",
    [
        *("", "mybot", "mybot@", "@social.example", "my bot@social.example", "octocat/mybot"),
        *(f"mybot@social.example{end}" for end in ("/path", "?query", "#f", "\\", ":", "@a.b")),
        *("mybot@social example", "mybot@social..example", "mybot@social\u200d.example"),
        *("https://user:word@social.example/@mybot", "ftp://social.example/@mybot"),
        *(f"https://social.example/{page}" for page in ("about", "explore", "home", "login")),
        *(f"https://social.example/{page}" for page in ("public", "settings/x", "users")),
        *(f"https://social.example/{page}" for page in ("web/accounts/1", "p/mybot/1", "u/mybot")),
        *(f"https://social.example/{page}" for page in ("ap/users/1", "search?q=@mybot", "deck")),
        f"{'m' * 256}@social.example",
    ],
    ids=ascii,
)
def test_what_is_no_account_is_refused(text: str) -> None:
    with fails("bad-account", Exit.INPUT) as caught:
        parse_account(text)
    assert ("“" in caught.value.what) is (text != "")  # it is quoted, or was not given
    assert ("its server" in caught.value.why) is ("@" not in text[1:])


@pytest.mark.parametrize(
    ("domain", "user", "home", "is_named"),
    [
        ("social.example", "MyBot", "", True),
        ("social.example", "mybot", "Social.example", True),
        ("social.example", "mybot", "other.example", False),
        ("social.example", "alice", "", False),
        ("127.0.0.1:3000", "mybot", "social.example", True),
    ],
)
def test_account_is_known_by_its_name_and_domain_apart_from_their_case(
    domain: str, user: str, home: str, *, is_named: bool
) -> None:
    """A loopback address is no domain of an account."""
    assert Handle("Mybot", domain).is_named(user, home) is is_named


# The repository.


@pytest.mark.parametrize(
    "text",
    [
        *("me/mybot", "me/mybot.git", "me/mybot/", "HTTPS://GitHub.com/me/mybot"),
        "https://x-access-token:secret@www.github.com/me/mybot.git",
        *("git@github.com:me/mybot.git", "git@github.com:/me/mybot"),
        "git+ssh://git@ssh.github.com:443/me/mybot.git",
        *("github.com/me/mybot/tree/main", "https://github.com/me/mybot?tab=readme"),
        "https://github.com/me/mybot#install",
    ],
)
def test_name_git_address_or_page_of_a_repository_is_taken(text: str) -> None:
    assert parse_repository(text) == "me/mybot"


@pytest.mark.parametrize(
    ("text", "api", "names_host"),
    [
        *((x, API, False) for x in ("", "mybot", "me/mybot/actions", "me/my bot", "me/mybot?x")),
        *((x, API, False) for x in (f"{'m' * 101}/mybot", f"me/{'m' * 101}")),
        *(
            (f"https://{host}/me/mybot", API, True)
            for host in ("codeberg.org", "github.com.a.test")
        ),
        *(
            (f"https://{host}/me/mybot", API, True)
            for host in ("a.test/github.com", "me:s3@a.test")
        ),
        ("https://github.com@codeberg.org/me/mybot", API, True),
        *(("git@gitlab.com:me/mybot.git", API, True), ("codeberg.org/me/mybot", API, True)),
        ("https://github.com/me/mybot", ENTERPRISE, True),
    ],
)
def test_other_text_and_the_address_of_another_host_are_refused(
    text: str, api: str, *, names_host: bool
) -> None:
    with fails("bad-repository", Exit.INPUT) as caught:
        parse_repository(text, api)
    assert (github_host(api) in caught.value.why) is names_host
    assert ":s3@" not in str(vars(caught.value))


@pytest.mark.parametrize(
    ("api", "host"),
    [
        (API, "github.com"),
        ("http://127.0.0.1:8080", "github.com"),
        ("https://api.octo.ghe.com", "octo.ghe.com"),
        ("https://ghe.example:8443/api/v3", "ghe.example"),
        ("https://api.example/api/v3", "api.example"),
    ],
)
def test_api_serves_repositories_of_one_host(api: str, host: str) -> None:
    assert github_host(api) == host
    own = f"git@{host}:me/mybot.git"
    assert parse_repository(own, api) == "me/mybot"


# The rest.


def test_login_needs_both_and_only_the_line_break_is_taken_off_a_password() -> None:
    login = parse_login(" bot@social.example \n", "  pass word \r\n")
    assert login.user.reveal() == "bot@social.example"
    assert login.password.reveal() == "  pass word "
    for user, password in (" ", "x"), ("x", "\n"):
        with fails("no-login", Exit.INPUT):
            parse_login(user, password)


@pytest.mark.parametrize(
    ("api", "in_workflow", "why", "site"),
    [
        (API, True, "input", "https://github.com"),
        (API, False, "GH_TOKEN", "https://github.com"),
        (ENTERPRISE, False, "GH_ENTERPRISE_TOKEN", "https://ghe.example"),
    ],
)
def test_missing_github_token_leads_to_the_form_of_the_server_it_is_for(
    api: str, why: str, site: str, *, in_workflow: bool
) -> None:
    with fails("no-github-token", Exit.INPUT) as caught:
        parse_github_token("", api, in_workflow=in_workflow)
    assert why in caught.value.why
    assert caught.value.link.startswith(f"{site}/settings/")
    with fails("bad-github-token", Exit.INPUT) as caught:  # no header can carry it
        parse_github_token("ghp x", api, in_workflow=in_workflow)
    assert "ghp_" in caught.value.why
    assert "ghp x" not in str(vars(caught.value))


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_instance, "", ""),
        (parse_instance, "https://SOCIAL.example:443", ORIGIN),
        (parse_instance, "social.example/", ORIGIN),
        (parse_instance, "http://localhost:3000", "http://localhost:3000"),
        (parse_api_url, "", API),
        (parse_api_url, f"{ENTERPRISE}/", ENTERPRISE),
        (parse_app_name, "x" * 60, "x" * 60),
        (parse_grace, "0", 0),
        (parse_grace, "90s", 90),
        (parse_grace, "90m", 90 * 60),
        (parse_grace, "24 H", 24 * 3600),
        (parse_grace, "30d", 30 * 86400),
        (parse_max_age, "1d", 86400),
        (parse_max_age, "3650d", 3650 * 86400),
        *((parse_github_port, str(port), port) for port in (0, 65535)),
        *((parse_visibility, x, x) for x in ("", "public", "unlisted", "private", "direct")),
    ],
)
def test_input_is_taken(parse: Parser, text: str, value: str | int) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("code", "parse", "texts"),
    [
        ("bad-instance", parse_instance, [f"a.example{end}" for end in ("/a", "?", "#", "\\")]),
        ("bad-instance", parse_instance, ["ftp://social.example", "a..b", "mybot@social.example"]),
        ("insecure-address", parse_api_url, ["http://ghe.example", "http://ghe.example?x"]),
        ("bad-api-url", parse_api_url, ["https://ghe.example?x", "https://ghe.example#x"]),
        ("bad-app-name", parse_app_name, ["x" * 61, "a\nb"]),
        ("bad-duration", parse_grace, ["", "1", "-1h", "1.5h", "1h30m", "1w", "2592001s"]),
        ("bad-duration", parse_grace, ["9" * 5000 + "s", "\u0663h", "24 hours"]),
        ("bad-duration", parse_max_age, ["0", "86399s", "315360001s"]),
        ("usage", parse_github_port, ["65536", "-1", "\u0663", "9" * 5000]),
        ("usage", parse_visibility, ["publik"]),
    ],
)
def test_other_input_is_refused(code: str, parse: Parser, texts: list[str]) -> None:
    for text in texts:
        with fails(code, Exit.INPUT) as caught:
            parse(text)
        # A word in place of a visibility may be a secret in the wrong place.
        assert code != "usage" or text not in str(vars(caught.value))
