"""What only a server's name tells, and how the name is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.servers import HABITS, LONGEST_NAME, habits, is_at_least, parse_version


@pytest.mark.parametrize(
    ("told", "name", "version"),
    [
        ("4.7.3", "Mastodon", "4.7.3"),
        ("4.3.0+glitch", "Mastodon", "4.3.0+glitch"),
        ("4.3.0-alpha.1+nightly.2024-03-01", "Mastodon", "4.3.0-alpha.1+nightly.2024-03-01"),
        ("4.0.15+hometown-1.1.1", "Mastodon", "4.0.15+hometown-1.1.1"),
        ("0.20.0+git-57cb4fe", "GoToSocial", "0.20.0+git-57cb4fe"),
        ("1.0.0+git-57cb4fe", "GoToSocial", "1.0.0+git-57cb4fe"),
        ("2.7.2 (compatible; Pleroma 2.9.1)", "Pleroma", "2.9.1"),
        ("2.7.2 (compatible; Akkoma 3.10.4-0-gebfb617)", "Akkoma", "3.10.4-0-gebfb617"),
        ("3.5.3 (compatible; Pixelfed 0.12.6)", "Pixelfed", "0.12.6"),
        ("2.8.0 (compatible; Friendica 2024.03)", "Friendica", "2024.03"),
        ("4.2.1 (compatible; Iceshrimp.NET/2024.1-beta2)", "Iceshrimp.NET", "2024.1-beta2"),
        ("3.0.0 (compatible; Sharkey 2025.2.2; like Akkoma)", "Sharkey", "2025.2.2"),
        ("4.0.0 (compatible; Mitra 2.18.0)", "Mitra", "2.18.0"),
        ("4.0.0 (not true; really snac/2.52)", "snac", "2.52"),
        ("takahe/0.11.0", "takahe", "0.11.0"),
        ("0.6.0", "", ""),
        ("", "", ""),
        ("unknown", "", ""),
    ],
)
def test_versions(told: str, name: str, version: str) -> None:
    """Each server's own way to tell its version gives its name and number."""
    assert parse_version(told) == (name, version)


@given(st.text())
def test_any_version(told: str) -> None:
    """Whatever a server tells, name and version are short and have no white space."""
    for part in parse_version(told):
        assert (len(part) <= LONGEST_NAME, "".join(part.split())) == (True, part)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("4.3.0", True),
        ("4.3.0-beta.1+glitch", True),
        ("4.10.0", True),
        ("5.0.0", True),
        ("4.2.29", False),
        ("3.5.3", False),
        ("", False),
    ],
)
def test_at_least(version: str, *, expected: bool) -> None:
    """Versions are compared as numbers, not as texts."""
    assert is_at_least(version, 4, 3) == expected


def test_the_case_of_a_name_does_not_matter() -> None:
    """The table is asked in lower case, whatever the server writes."""
    assert habits("Takahe") == habits("TAKAHE") == HABITS["takahe"]


@pytest.mark.parametrize(
    ("version", "password", "unused"),
    [
        ("3.5.3", True, 86400),
        ("4.2.29+hometown-1.1.2", True, 86400),
        ("4.3.0", True, None),
        ("4.4.0", False, None),
        ("4.7.3", False, None),
        ("", False, None),
    ],
)
def test_older_versions(version: str, *, password: bool, unused: int | None) -> None:
    """A version has the habits of its time; without one, it is taken for the newest."""
    found = habits("Mastodon", version)
    assert (found.password_grant, found.unused_seconds) == (password, unused)
    assert (found.idempotency_key, found.reuses_token) == (True, True)


def test_nothing_is_promised_for_a_server_that_nobody_knows() -> None:
    """A server that is not in the table gets what every one of them keeps to."""
    unknown = habits("Nobody")
    promises = (unknown.idempotency_key, unknown.password_grant, unknown.invalid_token)
    assert promises == (False, None, ())
    assert unknown.code_seconds == min(h.code_seconds for h in HABITS.values())
    assert unknown.unused_seconds == min(h.unused_seconds or 10**9 for h in HABITS.values())
