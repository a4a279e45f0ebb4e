"""What is chosen for an instance, by what it tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.capabilities import Description, excess, missing, sets_of_scopes
from provisioner.errors import Exit, InputError
from tests.told import fails
from tests.unit.descriptions import CLASSIC, NEW, POST, told

COARSE = ("read", "write")


PIXELFED = told("Pixelfed", "0.12.6")


class TestScopes:
    """Which scopes are asked for, and which next."""

    @pytest.mark.parametrize(
        ("instance", "expected"),
        [
            (told("Mastodon", "4.7.3", NEW), (POST, CLASSIC)),
            (told("Mastodon", "4.2.8"), (CLASSIC,)),
            (told("GoToSocial", "0.20.0"), (CLASSIC, COARSE)),
            (told("takahe", "0.11.0"), (("read", *POST[1:]), COARSE)),
            (told(), (CLASSIC, COARSE)),
            (PIXELFED, (COARSE,)),
            (told("", "", ("read", "write", "follow")), (COARSE,)),
            (told("", "", tuple(s for s in NEW if s != "profile")), (CLASSIC,)),
            (told("", "", ("read", "write", *POST[1:])), (("read", *POST[1:]),)),
        ],
        ids=[
            *("4.7", "4.2", "gotosocial", "takahe", "unknown", "pixelfed", "coarse"),
            *("no profile", "read alone"),
        ],
    )
    def test_a_posting_bot(
        self, instance: Description, expected: tuple[tuple[str, ...], ...]
    ) -> None:
        """The narrowest that the instance knows comes first; the broad ones last, if at all."""
        assert sets_of_scopes(POST, instance) == expected

    @pytest.mark.parametrize("instance", [told("Mastodon", "4.7.3", NEW), PIXELFED])
    def test_a_scope_that_the_instance_does_not_know(self, instance: Description) -> None:
        """What it does not know by its own word is refused, never replaced by something broader."""
        with fails("scopes-unknown", Exit.INPUT):
            sets_of_scopes(("read", "admin:read:nonsense", "profile:x"), instance)

    def test_a_mistake_is_not_broadened(self) -> None:
        """Where granular scopes are known, one that is not known must be a mistake."""
        with pytest.raises(InputError):
            sets_of_scopes(("profile", "write:nonsense"), told("Mastodon", "4.7.3", NEW))

    def test_administrators_scopes(self) -> None:
        """The broad scope of an administrator's is an administrator's, not all of read."""
        sets = sets_of_scopes(("read:accounts", "admin:read:reports"), told())
        assert sets[-1] == ("read", "admin:read")


@given(
    st.lists(st.sampled_from([*NEW, "admin:read:reports", "read:nonsense"]), min_size=1),
    st.lists(st.sampled_from([*NEW, "admin:read"])),
    st.sampled_from(["Mastodon", "GoToSocial", "Pixelfed", "takahe", ""]),
)
def test_any_scopes(asked: list[str], known: list[str], software: str) -> None:
    """Whatever is known, no set leaves it, and each can do what was asked for."""
    instance = told(software, "4.2.8", tuple(dict.fromkeys(known)))
    wanted = tuple(dict.fromkeys(asked))
    try:
        sets = sets_of_scopes(wanted, instance)
    except InputError:
        return
    assert all(set(scopes) <= set(instance.scopes_known or scopes) for scopes in sets)
    assert [missing(scopes, wanted) for scopes in sets] == [[] for _ in sets]


@pytest.mark.parametrize(
    ("granted", "wanted", "lacking"),
    [
        (("read", "write"), POST, []),
        (CLASSIC, POST, []),
        (POST, CLASSIC, ["read:accounts"]),
        (("write:statuses",), ("write",), ["write"]),
        (("admin:read",), ("admin:read:reports", "admin:write"), ["admin:write"]),
        (("readings",), ("read:accounts",), ["read:accounts"]),
        ((), ("profile",), ["profile"]),
    ],
)
def test_missing(granted: tuple[str, ...], wanted: tuple[str, ...], lacking: list[str]) -> None:
    """A broad scope holds its narrower ones, `read:accounts` holds `profile`, and nothing else."""
    assert missing(granted, wanted) == lacking


@pytest.mark.parametrize(
    ("instance", "offered"),
    [
        (told("Mastodon", "4.7.3", NEW, ("authorization_code", "client_credentials")), False),
        (told("Mastodon", "4.3.1", NEW, ("authorization_code", "password")), True),
        (told("Mastodon", "4.2.8"), True),
        (told("Mastodon", "4.3.9"), True),
        (told("Mastodon", "4.4.0"), False),
        (told("Pleroma", "2.9.1"), True),
        (told("GoToSocial", "0.20.0"), False),
        (told(), True),
    ],
)
def test_passwords(instance: Description, *, offered: bool) -> None:
    """Metadata tells, else the version; where nothing tells, the server is asked."""
    assert instance.offers_password == offered


@pytest.mark.parametrize(
    ("instance", "known"),
    [
        (told("Mastodon", "4.7.3", NEW), True),
        (told("Mastodon", "4.7.3", NEW, revocation=""), False),
        (told("Pixelfed", "0.12.6", NEW), True),
        (PIXELFED, False),
        (told(), True),
    ],
    ids=["metadata", "metadata without", "metadata of pixelfed", "pixelfed", "unknown"],
)
def test_revocation(instance: Description, *, known: bool) -> None:
    """Metadata tells, else the name; where nothing tells, there is something to call."""
    assert instance.revokes == known


@pytest.mark.parametrize(
    ("scopes", "asked", "more"),
    [
        (POST, POST, []),
        (CLASSIC, POST, []),
        (COARSE, POST, ["read", "write"]),
        (("read", *POST[1:]), POST, ["read"]),
        (COARSE, COARSE, []),
    ],
)
def test_excess(scopes: tuple[str, ...], asked: tuple[str, ...], more: list[str]) -> None:
    """A broad scope is more than its narrower ones; to tell whose the token is, is not counted."""
    assert excess(scopes, asked) == more
