"""The link, the page where an application is removed, and what only a server's name tells."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from provisioner.mastodon.instance import (
    MAX_NAME,
    OUT_OF_BAND,
    PROFILES,
    UNKNOWN,
    Instance,
    authorization_url,
    challenge,
    is_at_least,
    parse_version,
    profile_of,
)
from provisioner.secret import Secret
from tests.unit.instances import instance_of

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""Both are RFC 7636's, appendix B."""
LONG = "x" * MAX_NAME
SCOPES = ("read:accounts", "write:statuses")


def query(instance: Instance, state: str = "") -> list[tuple[str, str]]:
    """The parameters of the authorization URL."""
    url = authorization_url(instance, "i&d", SCOPES, Secret(VERIFIER), OUT_OF_BAND, state)
    assert url.startswith(instance.authorization_endpoint.partition("?")[0] + "?")
    assert url.isascii()
    assert url.isprintable()
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def test_link_has_these_parameters_and_no_others() -> None:
    bare = [
        ("response_type", "code"),
        ("client_id", "i&d"),
        ("redirect_uri", OUT_OF_BAND),
        ("scope", "read:accounts write:statuses"),
        ("force_login", "true"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    assert query(instance_of()) == bare
    assert query(instance_of(), state="xyz") == [*bare, ("state", "xyz")]
    assert query(instance_of("Pixelfed", "0.12.6")) == [*bare, ("prompt", "consent")]
    assert challenge(Secret(VERIFIER)) == CHALLENGE
    own = "https://social.example/authorize?tenant=1&force_login=false"
    assert sorted(query(instance_of(authorization=own))) == sorted([*bare, ("tenant", "1")])


@pytest.mark.parametrize(
    ("software", "page", "with_account"),
    [
        ("Mastodon", "/oauth/authorized_applications", "/oauth/authorized_applications"),
        ("takahe", "/", "/@bot@second.example/settings/tokens/"),
        ("Nobody", "", ""),
    ],
)
def test_page_of_applications_is_the_accounts_where_each_has_one(
    software: str, page: str, with_account: str
) -> None:
    instance = instance_of(software)
    assert instance.product == software
    assert instance.applications_page() == f"https://social.example{page}"
    assert (
        instance.applications_page("bot@second.example") == f"https://social.example{with_account}"
    )


@pytest.mark.parametrize(
    ("told", "name", "version"),
    [
        ("4.3.0+glitch", "Mastodon", "4.3.0+glitch"),
        ("v4.3.0-alpha.1+nightly.2024-03-01", "Mastodon", "4.3.0-alpha.1+nightly.2024-03-01"),
        ("0.20.0+git-57cb4fe", "GoToSocial", "0.20.0+git-57cb4fe"),
        ("2.7.2 (compatible; Pleroma 2.9.1)", "Pleroma", "2.9.1"),
        ("4.2.1 (compatible; Iceshrimp.NET/2024.1-beta2)", "Iceshrimp.NET", "2024.1-beta2"),
        ("3.0.0 (compatible; Sharkey 2025.2.2; like Akkoma)", "Sharkey", "2025.2.2"),
        ("4.0.0 (not true; really snac/2.94)", "snac", "2.94"),
        ("takahe/0.11.0", "takahe", "0.11.0"),
        *((text, "", "") for text in ("0.10.0", "", "unknown")),
        (f"1.0.0 (compatible; {LONG}x {LONG}x)", LONG, LONG),
    ],
)
def test_servers_version_gives_its_name_and_number(told: str, name: str, version: str) -> None:
    assert parse_version(told) == (name, version)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        *((version, True) for version in ("4.3.0", "4.3.0-beta.1+glitch", "4.10.0", "5.0.0")),
        *((version, False) for version in ("4.2.29", "3.5.3", "")),
    ],
)
def test_versions_are_compared_as_numbers(version: str, *, expected: bool) -> None:
    assert is_at_least(version, 4, 3) == expected


@pytest.mark.parametrize(
    ("version", "password", "unused"),
    [
        ("3.5.3", True, 86400),
        ("4.2.29+hometown-1.1.2", True, 86400),
        ("4.3.0", True, None),
        ("4.4.0", False, None),
        ("", False, None),
    ],
)
def test_mastodon_has_the_profile_of_its_version(
    version: str, *, password: bool, unused: int | None
) -> None:
    found = profile_of("mastodon", version)
    assert found == profile_of("MASTODON", version)
    assert found.password_grant == password
    assert found.unused_seconds == unused
    assert found.idempotency_key
    assert found.reuses_token
    assert found.user_name_is_email


def test_unknown_server_is_promised_the_least_of_the_table() -> None:
    assert profile_of("Nobody") == UNKNOWN
    assert not UNKNOWN.idempotency_key
    assert UNKNOWN.password_grant is None
    assert UNKNOWN.invalid_token == ()
    assert UNKNOWN.code_seconds == min(one.code_seconds for one in PROFILES.values())
    unused = [one.unused_seconds for one in PROFILES.values() if one.unused_seconds]
    assert UNKNOWN.unused_seconds == min(unused)


@pytest.mark.parametrize(
    ("software", "measured"),
    [
        ("gotosocial", {"code_seconds": 300, "password_grant": False, "approve_button": "Allow"}),
        ("gotosocial", {"settings_path": "/settings/user/tokens"}),
        ("pleroma", {"approve_button": "Approve"}),
        ("pixelfed", {"password_grant": False, "one_redirect_uri": True}),
        ("takahe", {"code_seconds": 60, "verifying_scope": "read", "many_domains": True}),
        ("takahe", {"password_grant": False, "approve_button": "Allow"}),
        ("friendica", {"code_seconds": 300, "approve_button": "Yes", "replaces_token": True}),
        ("friendica", {"revokes_application": True, "settings_path": "/settings/oauth"}),
        ("hollo", {"idempotency_key": True, "password_grant": False, "settings_path": "/auth"}),
        ("hollo", {"approve_button": "Allow"}),
        ("snac", {"password_grant": False, "revokes_application": True, "approve_button": "OK"}),
        ("snac", {"settings_path": "", "one_redirect_uri": True}),
    ],
)
def test_profile_has_what_was_measured(software: str, measured: dict[str, object]) -> None:
    profile = profile_of(software)
    assert {name: getattr(profile, name) for name in measured} == measured
    assert not profile.reuses_token
