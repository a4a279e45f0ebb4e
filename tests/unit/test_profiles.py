"""What only a server's name tells, and how the name is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.mastodon.instance import (
    MAX_NAME,
    PROFILES,
    UNKNOWN,
    is_at_least,
    parse_version,
    profile_of,
)


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
        ("2.8.0 (compatible; Friendica 2024.09-rc)", "Friendica", "2024.09-rc"),
        ("4.2.1 (compatible; Iceshrimp.NET/2024.1-beta2)", "Iceshrimp.NET", "2024.1-beta2"),
        ("3.0.0 (compatible; Sharkey 2025.2.2; like Akkoma)", "Sharkey", "2025.2.2"),
        ("4.0.0 (compatible; Mitra 2.18.0)", "Mitra", "2.18.0"),
        ("4.0.0 (not true; really snac/2.94)", "snac", "2.94"),
        ("takahe/0.11.0", "takahe", "0.11.0"),
        ("0.10.0", "", ""),
        ("", "", ""),
        ("unknown", "", ""),
    ],
)
def test_each_server_s_version_gives_its_name_and_number(
    told: str, name: str, version: str
) -> None:
    assert parse_version(told) == (name, version)


@given(st.text())
def test_name_and_version_are_always_short_and_without_white_space(told: str) -> None:
    for part in parse_version(told):
        assert len(part) <= MAX_NAME
        assert "".join(part.split()) == part


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
def test_versions_are_compared_as_numbers(version: str, *, expected: bool) -> None:
    assert is_at_least(version, 4, 3) == expected


def test_the_case_of_a_name_does_not_matter() -> None:
    assert profile_of("Takahe") == profile_of("TAKAHE") == PROFILES["takahe"]


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
def test_a_mastodon_has_the_profile_of_its_version(
    version: str, *, password: bool, unused: int | None
) -> None:
    found = profile_of("Mastodon", version)
    assert found.password_grant == password
    assert found.unused_seconds == unused
    assert found.idempotency_key
    assert found.reuses_token


def test_an_unknown_server_is_promised_nothing() -> None:
    assert profile_of("Nobody") == UNKNOWN
    assert not UNKNOWN.idempotency_key
    assert UNKNOWN.password_grant is None
    assert UNKNOWN.invalid_token == ()


def test_an_unknown_server_gets_the_shortest_times_of_the_table() -> None:
    unused = [one.unused_seconds for one in PROFILES.values() if one.unused_seconds]
    assert UNKNOWN.code_seconds == min(one.code_seconds for one in PROFILES.values())
    assert UNKNOWN.unused_seconds == min(unused)


@pytest.mark.parametrize(
    ("software", "field", "value"),
    [
        ("hollo", "idempotency_key", True),
        ("hollo", "password_grant", False),
        ("hollo", "settings_path", "/auth"),
        ("hollo", "reuses_token", False),
        ("snac", "password_grant", False),
        ("snac", "idempotency_key", False),
        ("snac", "revokes_application", True),
        ("snac", "approve_button", "OK"),
        ("friendica", "approve_button", "Yes"),
        ("friendica", "replaces_token", True),
        ("friendica", "reuses_token", False),
        ("friendica", "code_seconds", 300),
        ("takahe", "many_domains", True),
        ("takahe", "settings_path", "/@{account}/settings/tokens/"),
    ],
)
def test_the_table_has_what_was_measured(software: str, field: str, value: object) -> None:
    assert getattr(profile_of(software), field) == value
