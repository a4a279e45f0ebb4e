"""What people type, and what it means."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from provisioner.accounts import Handle
from provisioner.errors import Exit, InputError, ProvisionerError
from provisioner.inputs import (
    LONGEST_GRACE,
    PRESETS,
    Inputs,
    parse_app_name,
    parse_code,
    parse_grace,
    parse_inputs,
    parse_instance,
    parse_repository,
    parse_scopes,
)
from provisioner.oauth import Application
from provisioner.secret import Secret
from tests.told import fails

ORIGIN = "https://social.example"
LEAST = {"account": "mybot@social.example", "repository": "me/mybot"}
CODE = "-qHdDkTsjzpU6aGmN8FwzYxU4Yo5lBxSE_Q3Vd2LAz0"
PAGE = f"{ORIGIN}/oauth/authorize/native?code={CODE}"
LINK = f"{ORIGIN}/oauth/authorize?response_type=code&client_id=x&scope=read&force_login=true"


def code_in(text: str) -> str:
    """The code that is found in what was pasted."""
    return parse_code(text, ORIGIN).reveal()


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
    def test_forms(self, pasted: str) -> None:
        """However it is copied from the page, the code is found."""
        assert code_in(pasted) == CODE

    @pytest.mark.parametrize("code", ["x", "ABC123", "a/b+c==", "a.b~c", "--help", "x" * 2048])
    def test_any_code_of_a_server(self, code: str) -> None:
        """Servers make codes of any length and of any visible characters."""
        assert code_in(code) == code

    def test_encoded_characters(self) -> None:
        """A code in an address is decoded."""
        assert code_in(f"{ORIGIN}/?code=a%2Fb%2Bc%3D") == "a/b+c="

    @pytest.mark.parametrize("code", ["a%20b", "a%0Ab", "%20ab%20"])
    def test_encoded_white_space(self, code: str) -> None:
        """White space in an address's code is taken out as well: no server trims."""
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
    def test_no_code(self, pasted: str) -> None:
        """Where there is no code, in the link itself for one, that is said."""
        with fails("no-code", Exit.INPUT):
            code_in(pasted)

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
    def test_what_cannot_be_a_code(self, pasted: str) -> None:
        """What no server issues is refused, rather than sent."""
        with pytest.raises(InputError) as caught:
            code_in(pasted)
        assert caught.value.ident in {"bad-code", "no-code"}

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
    def test_foreign_pages(self, pasted: str) -> None:
        """A code from another server's page is never sent to ours, nor the other way round."""
        with fails("foreign-code", Exit.INPUT):
            code_in(pasted)

    @pytest.mark.parametrize(
        "pasted", ["access_denied", f"{ORIGIN}/?error=access_denied", "error=access_denied&state=x"]
    )
    def test_denied(self, pasted: str) -> None:
        """A denial is told from a bad code."""
        with fails("denied", Exit.PERSON):
            code_in(pasted)

    @pytest.mark.parametrize("pasted", [f"\u00e4{CODE}", f"https://evil.example/?code={CODE}"])
    def test_it_is_not_repeated(self, pasted: str) -> None:
        """An error about a code does not show it."""
        with pytest.raises(InputError) as caught:
            code_in(pasted)
        assert CODE not in str(vars(caught.value))

    @given(st.text())
    def test_anything(self, pasted: str) -> None:
        """Any text holds a code that can be sent, or is refused."""
        try:
            code = code_in(pasted)
        except ProvisionerError:
            return
        assert code.isascii()
        assert not [c for c in code if c.isspace() or not c.isprintable()]

    @given(st.text("htps:/xn-.[]@%?&=#code+ 0aurn\u200d\u2100", max_size=40))
    def test_anything_like_an_address(self, rest: str) -> None:
        """Likewise any address."""
        try:
            code = code_in(f"https://{rest}")
        except ProvisionerError:
            return
        assert not [c for c in code if c.isspace()]

    @given(st.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=100))
    def test_bare_codes(self, code: str) -> None:
        """A bare code stays as it is, and is the same in an address."""
        assume("access_denied" not in code)  # which a person may paste in place of a code
        assert (code_in(code), code_in(f"{ORIGIN}/?code={code}")) == (code, code)


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
    def test_forms(self, text: str, scopes: tuple[str, ...]) -> None:
        """Presets and names, however separated, each once and in their order."""
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
    def test_bad(self, text: str) -> None:
        """What no scope looks like is refused."""
        with fails("bad-scope", Exit.INPUT):
            parse_scopes(text)

    @pytest.mark.parametrize(
        "text", ["", "write", "write:statuses", "read:statuses", "push follow"]
    )
    def test_unverifiable(self, text: str) -> None:
        """Scopes with which nobody can tell whose token it is are refused before it is issued."""
        with fails("unverifiable-scopes", Exit.INPUT):
            parse_scopes(text)

    @pytest.mark.parametrize("preset", PRESETS)
    def test_presets(self, preset: str) -> None:
        """Every preset can be verified."""
        assert parse_scopes(preset) == PRESETS[preset]

    @given(st.text() | st.text("readwrite:,_ "))
    def test_anything(self, text: str) -> None:
        """Any text is scopes, or refused; scopes read back as they are."""
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
            ("30d", LONGEST_GRACE),
            (" 24 H ", 86400),
        ],
    )
    def test_forms(self, text: str, seconds: int) -> None:
        """Seconds, minutes, hours and days, or none at all."""
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
    def test_bad(self, text: str) -> None:
        """Negative, absurd and half-written times are refused."""
        with fails("bad-duration", Exit.INPUT):
            parse_grace(text)

    @given(st.text() | st.text("0123456789smhd -+."))
    def test_anything(self, text: str) -> None:
        """Any text is a time within bounds, or refused."""
        try:
            seconds = parse_grace(text)
        except InputError:
            return
        assert 0 <= seconds <= LONGEST_GRACE


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
    def test_forms(self, text: str, origin: str) -> None:
        """An origin, or the bare name of a host."""
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
    def test_bad(self, text: str) -> None:
        """Anything more or less than an origin is refused."""
        with fails("bad-instance", Exit.INPUT):
            parse_instance(text)


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
        ],
    )
    def test_forms(self, text: str) -> None:
        """`owner/name`, or the repository's address."""
        assert parse_repository(text) == "me/mybot"

    @pytest.mark.parametrize("text", ["a-b/c.d_e-f", "me/.github", "ME/MyBot", "e_corp/x"])
    def test_odd_names(self, text: str) -> None:
        """Names with all that GitHub allows in them."""
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
            "https://github.com/me/mybot/settings",
        ],
    )
    def test_bad(self, text: str) -> None:
        """What names no repository, or another path of the API, is refused."""
        with fails("bad-repository", Exit.INPUT):
            parse_repository(text)


class TestAppName:
    """The application's name."""

    @pytest.mark.parametrize("text", ["My Bot", " My Bot ", "x" * 60, "M\u00fc \U0001f916", ""])
    def test_forms(self, text: str) -> None:
        """Up to 60 printable characters."""
        assert parse_app_name(text) == text.strip()

    @pytest.mark.parametrize(
        "text", ["x" * 61, "a\nb", "a\x07", "a\u202eb", "a\u200bb", "a\udcffb"], ids=ascii
    )
    def test_bad(self, text: str) -> None:
        """Longer names, and characters that hide or turn others, are refused."""
        with fails("bad-app-name", Exit.INPUT):
            parse_app_name(text)


class TestInputs:
    """All together."""

    def test_defaults(self) -> None:
        """What is missing gets the documented default."""
        least = Inputs(
            account=Handle("mybot", "social.example"), repository="me/mybot", grace=24 * 3600
        )
        assert parse_inputs(LEAST) == least

    def test_empty_is_missing(self) -> None:
        """An empty input is a missing one: that is what a workflow hands in."""
        empty = dict.fromkeys(("scopes", "grace", "secrets", "journal", "client_id"), " ")
        assert parse_inputs(LEAST | empty) == parse_inputs(LEAST)

    @pytest.mark.parametrize("name", ["account", "repository"])
    def test_required(self, name: str) -> None:
        """Account and repository are required."""
        with pytest.raises(InputError):
            parse_inputs(LEAST | {name: ""})

    def test_the_app_is_named_after_the_account(self) -> None:
        """The application's public name is the account's, cut to what an instance takes."""
        given = LEAST | {"account": "b" * 99 + "@social.example"}
        assert parse_inputs(given).name_of_app == "b" * 60

    def test_an_application_made_by_hand(self) -> None:
        """Both strings make an application, white space around them aside."""
        made = parse_inputs(LEAST | {"client_id": " id\n", "client_secret": " s3cret "}).application
        assert made == Application(client_id="id", client_secret=Secret("s3cret"), by_hand=True)

    @pytest.mark.parametrize(
        "strings",
        [
            {"client_id": "id"},
            {"client_secret": "s3cret"},
            {"client_id": "i d", "client_secret": "s3cret"},
            {"client_id": "id", "client_secret": "s3cret\ns3cret"},
            {"client_id": "id", "client_secret": "s3cret\u2026"},
        ],
        ids=ascii,
    )
    def test_half_an_application(self, strings: dict[str, str]) -> None:
        """One string without the other, or one that can't be sent, is refused and not shown."""
        with pytest.raises(InputError) as caught:
            parse_inputs(LEAST | strings)
        assert "s3cret" not in str(vars(caught.value))

    @pytest.mark.parametrize(
        "names",
        [
            {"secrets": "MASTODON_JOURNAL_KEY=access_token"},
            {"secrets": "mastodon_journal=access_token"},
            {"variables": "MASTODON_JOURNAL=base_url"},
            {"journal": "token", "secrets": "TOKEN_KEY=access_token"},
        ],
        ids=str,
    )
    def test_reserved_names(self, names: dict[str, str]) -> None:
        """Nothing is written over the journal or its key, whatever they are called."""
        with fails("reserved-name", Exit.INPUT):
            parse_inputs(LEAST | names)

    @pytest.mark.parametrize("journal", ["GITHUB_JOURNAL", "my-journal", "1", "J" * 256, "J" * 252])
    def test_the_journal_s_name(self, journal: str) -> None:
        """The journal's name, and that of its key, must be ones that GitHub takes."""
        with fails("bad-name", Exit.INPUT):
            parse_inputs(LEAST | {"journal": journal})

    def test_they_are_frozen(self) -> None:
        """Nothing changes the inputs of a run, or shows their secrets."""
        inputs = parse_inputs(LEAST | {"journal_key": "s3cret"})
        with pytest.raises(AttributeError):
            inputs.grace = 0  # type: ignore[misc]
        assert "s3cret" not in repr(inputs)
