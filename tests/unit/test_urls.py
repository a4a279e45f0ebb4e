"""Which addresses a secret may be sent to."""

import pytest

from provisioner.report import Exit
from provisioner.urls import joined, origin_of, require_secure, shown
from tests.support.told import fails


@pytest.mark.parametrize(
    "url",
    [
        "http://social.example",
        "http://0.0.0.0",
        "http://localhost.social.example",
        "https://user:word@social.example",
        "ftp://127.0.0.1",
        "social.example",
        "",
        "https://[::1",
        "https://127.1",
        "https://0x7f000001",
        "https://0.0.0.0",
        "https://[::]",
        "https://[::ffff:0.0.0.0]",
        "https://social\udcff.example",
        "https://social.example/" + "a" * 70000,
        *("https://social..example", "https://" + "a" * 64 + ".example", "https://xn--a.example"),
        *("https://social.example:65536", "https://" + "a." * 123 + "examplee"),
    ],
    ids=lambda url: repr(url[:40]),
)
def test_only_https_and_http_to_this_very_machine_is_spoken(url: str) -> None:
    with fails("insecure-address", Exit.INPUT) as caught:
        require_secure(url)
    assert "user:word" not in str(vars(caught.value))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://social.example/path?query#fragment", "https://social.example"),
        ("HTTPS://social.example:443", "https://social.example"),
        ("https://social.example:65535/", "https://social.example:65535"),
        ("https://s\u00f6cial.example", "https://xn--scial-jua.example"),
        ("http://localhost:80/", "http://localhost"),
        ("https://" + "a." * 123 + "example", "https://" + "a." * 123 + "example"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
        ("https://social.example\\@evil.example/", ""),
        ("https://social example", ""),
        ("https://social%2eexample", ""),
        ("mailto:mybot@social.example", ""),
    ],
)
def test_server_has_one_origin_however_its_address_is_written(url: str, origin: str) -> None:
    """A doubtful address has none."""
    assert origin_of(url) == origin


def test_redirect_leads_to_an_address_or_nowhere() -> None:
    assert joined("https://social.example/a", "/b") == "https://social.example/b"
    assert joined("https://social.example/a", "https://[") == ""


def test_address_is_shown_without_its_password() -> None:
    for password in ("s3cret", "s3@cret", "s3:cret"):
        assert shown(f"https://me:{password}@host.example/a@b") == "https://host.example/a@b"
