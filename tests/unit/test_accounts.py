"""Accounts as people write them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.accounts import Handle, parse_account
from provisioner.addresses import origin_of
from provisioner.errors import Exit, InputError
from tests.told import fails

USERS = st.text(string.ascii_letters + string.digits + "_", min_size=1)
LABELS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20)
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(
    lambda labels: ".".join([*labels, "example"])
)


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
    ],
)
def test_forms(text: str) -> None:
    """All the forms that people copy name the same account."""
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
def test_ports(text: str, domain: str) -> None:
    """A server under development has a port."""
    assert parse_account(text).domain == domain


def test_the_name_keeps_its_case() -> None:
    """Upper case in a user's name is kept, since it is shown to people."""
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
        "https://social.example/@mybot/109372843234",
        "https://user:word@social.example/@mybot",
        "https://social.example/@mybot@other.example",
        "ftp://social.example/@mybot",
    ],
)
def test_refused(text: str) -> None:
    """What names no account, or a server by what no host can be called, is refused."""
    with fails("bad-account", Exit.INPUT):
        parse_account(text)


def test_a_missing_domain_is_explained() -> None:
    """Who forgets the server's name is told why that is no account."""
    with fails("bad-account", Exit.INPUT) as caught:
        parse_account("mybot")
    assert caught.value.why


@given(st.text())
def test_anything(text: str) -> None:
    """Any text is an account whose domain is a host, or refused; nothing else is raised."""
    try:
        account = parse_account(text)
    except InputError:
        return
    assert origin_of(f"https://{account.domain}")


@given(st.text(string.ascii_letters + string.digits + "@:.[]-_/?#%\\ xn\u00df\u0130\u3002\u200d"))
def test_anything_like_an_account(text: str) -> None:
    """The same for texts that look a bit like accounts."""
    try:
        account = parse_account(f"bot@{text}")
    except InputError:
        return
    assert origin_of(f"https://{account.domain}")


@given(USERS, DOMAINS)
def test_round_trip(user: str, domain: str) -> None:
    """An account reads back from how it is shown."""
    account = Handle(user, domain)
    assert parse_account(str(account)) == account
