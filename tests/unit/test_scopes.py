"""What is chosen for an instance, by what it tells, and the reasons that are given."""

import pytest

from provisioner.mastodon.scopes import (
    PRESETS,
    InstanceInfo,
    candidates,
    excess,
    explain,
    missing,
    parse_scopes,
)
from provisioner.report import Exit
from tests.support.told import fails
from tests.unit.instances import CLASSIC, NEW, ORIGIN, POST, info_of

COARSE = ("read", "write")
READ_AND_POST = ("read", *POST[1:])
PIXELFED = info_of("Pixelfed", "0.12.6")


def test_presets_and_scopes_are_separated_by_spaces_or_commas_and_taken_once() -> None:
    text = "read:accounts, post,read:accounts  admin:read:reports"
    assert parse_scopes(text) == ("read:accounts", *PRESETS["post"], "admin:read:reports")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((text, "bad-scope") for text in ("profile nonsense", "read:", "profile write:Statuses")),
        *((text, "bad-scope") for text in ("read:a:b:c", "-read")),
        *((text, "unverifiable-scopes") for text in ("", "write", "read:statuses")),
    ],
)
def test_what_is_no_scope_or_tells_no_account_is_refused(text: str, code: str) -> None:
    with fails(code, Exit.INPUT):
        parse_scopes(text)


OF_ADMINS = ("read:accounts", "admin:read:reports")


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (info_of("Mastodon", "4.7.3", NEW), (POST, CLASSIC)),
        (info_of("mastodon", "4.3.0"), (POST, CLASSIC)),
        (info_of("Mastodon", "4.2.8"), (CLASSIC,)),
        (info_of("GoToSocial", "0.20.0"), (CLASSIC, COARSE)),
        (info_of("Friendica", "2024.09"), (CLASSIC, COARSE)),
        (info_of("takahe", "0.11.0"), (READ_AND_POST, COARSE)),
        (info_of(), (CLASSIC, COARSE)),
        (PIXELFED, (COARSE,)),
        (info_of(scopes=COARSE), (COARSE,)),
        (info_of(scopes=tuple(s for s in NEW if s != "profile")), (CLASSIC,)),
        (info_of(scopes=("read", "write", *POST[1:])), (READ_AND_POST,)),
    ],
    ids=[
        *("4.7", "4.3 by NodeInfo", "4.2", "gotosocial", "friendica", "takahe"),
        *("unknown", "pixelfed", "coarse", "no profile", "read alone"),
    ],
)
def test_narrowest_scopes_that_the_instance_knows_come_first(
    info: InstanceInfo, expected: tuple[tuple[str, ...], ...]
) -> None:
    assert candidates(POST, info) == expected


def test_only_scopes_that_the_instance_knows_are_broadened() -> None:
    assert candidates(OF_ADMINS, info_of()) == (OF_ADMINS, ("read", "admin:read"))
    known = info_of(scopes=("read", "admin:read", OF_ADMINS[1]))
    assert candidates(OF_ADMINS, known) == (("read", OF_ADMINS[1]), ("read", "admin:read"))
    with fails("scopes-unknown", Exit.INPUT):
        candidates(("read", "admin:read:nonsense", "profile:x"), PIXELFED)
    with fails("scopes-unknown", Exit.INPUT):
        candidates(("profile", "write:nonsense"), info_of("Mastodon", "4.7.3", NEW))


@pytest.mark.parametrize(
    ("granted", "wanted", "lacking"),
    [
        (COARSE, POST, []),
        (CLASSIC, POST, []),
        (POST, CLASSIC, ["read:accounts"]),
        (("write:statuses",), ("write",), ["write"]),
        (("admin:read",), ("admin:read:reports", "admin:write"), ["admin:write"]),
        (("readings",), ("read:accounts",), ["read:accounts"]),
        ((), ("profile",), ["profile"]),
    ],
)
def test_broad_scope_contains_its_narrower_ones_and_nothing_else(
    granted: tuple[str, ...], wanted: tuple[str, ...], lacking: list[str]
) -> None:
    assert missing(granted, wanted) == lacking


@pytest.mark.parametrize(
    ("scopes", "requested", "more"),
    [
        (POST, POST, []),
        (CLASSIC, POST, []),
        (COARSE, POST, ["read", "write"]),
        (READ_AND_POST, POST, ["read"]),
        (COARSE, COARSE, []),
    ],
)
def test_telling_whose_the_token_is_does_not_count_as_excess(
    scopes: tuple[str, ...], requested: tuple[str, ...], more: list[str]
) -> None:
    assert excess(scopes, requested) == more


@pytest.mark.parametrize(
    ("info", "offered"),
    [
        (info_of("Mastodon", "4.7.3", NEW, ("authorization_code",)), False),
        (info_of("Mastodon", "4.7.3", NEW, ("password",)), True),
        (info_of("Nobody", "1.0", NEW), False),
        (info_of("Mastodon", "4.2.8"), True),
        (info_of("Mastodon", "4.3.9"), True),
        (info_of("Mastodon", "4.4.0"), False),
        (info_of("Pleroma", "2.9.1"), True),
        (info_of("GoToSocial", "0.20.0"), False),
        (info_of(), None),
    ],
)
def test_passwords_are_offered_by_metadata_then_profile_and_else_tried(
    info: InstanceInfo, *, offered: bool | None
) -> None:
    assert info.password_grant is offered


@pytest.mark.parametrize(
    ("info", "subject", "words"),
    [
        (info_of("Mastodon", "4.7.3", NEW), "Known from", "its metadata"),
        (
            info_of("Mastodon", "4.2.8"),
            "Known from",
            "Mastodon's usual paths, then what is known of",
        ),
        (info_of(scopes=NEW), "Known from", "the least of any server"),
        (PIXELFED, "Scopes", "read write, more than was requested"),
        (
            info_of(scopes=NEW),
            "Scopes",
            f"{' '.join(POST)}; if it refuses them: {' '.join(CLASSIC)}",
        ),
        (info_of("Nobody", "1.0"), "Scopes", "; if it refuses them: read"),
        (info_of("takahe", "0.11.0"), "Code", "for 1 minute"),
        (info_of("Pleroma", "2.9.1"), "Unused application", "deleted after 15 minutes"),
        (info_of("Mastodon", "4.7.3"), "Unused application", "kept"),
        (info_of(scopes=NEW, revocation=""), "Revocation", "no endpoint"),
        (info_of("Pixelfed", "0.12.6", NEW), "Revocation", "over the API"),
        (info_of(), "Revocation", "over the API"),
        (PIXELFED, "Revocation", "no endpoint"),
        (PIXELFED, "Revocation", f"at {ORIGIN}/settings/applications"),
        (info_of("Akkoma", "3.10.4"), "Password", "offered"),
        (info_of("Friendica", "2024.03"), "Password", "not offered"),
        (info_of("Akkoma", "3.10.4"), "Posting", "does not post twice"),
        (info_of("GoToSocial", "0.20.0"), "Posting", "may be ignored"),
        (PIXELFED, "Posting", "only with a picture"),
    ],
)
def test_explanation_says_what_is_known_and_from_where(
    info: InstanceInfo, subject: str, words: str
) -> None:
    assert words in explain(info, POST)[subject]


def test_scopes_that_cannot_post_are_said_to_be_so() -> None:
    assert "write:statuses" in explain(info_of(), ("read:accounts",))["Posting"]
    assert "write:statuses" not in explain(info_of(), COARSE)["Posting"]
    broader = explain(info_of(scopes=COARSE), ("profile", "write:media"))
    assert "write:statuses" not in broader["Posting"]
