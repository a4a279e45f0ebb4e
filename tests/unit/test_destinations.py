"""What can be written where."""

import pytest

from provisioner.github.destinations import (
    Destination,
    Kind,
    Mapping,
    check_name,
    expression,
    is_repository,
    names,
    parse_mappings,
    require_distinct,
)
from provisioner.report import Exit
from tests.support.told import fails

TOKEN = Mapping("secrets", "TOKEN", "access_token")
ID = Mapping("secrets", "ID", "client_id")
URL = Mapping("variables", "URL", "base_url")


@pytest.mark.parametrize(
    "text", ["\n  TOKEN = access_token \r\n\n ID=client_id\n", "token=access_token,id=client_id,"]
)
def test_lines_or_commas_part_the_mappings(text: str) -> None:
    assert parse_mappings("secrets", ["", " \n ", text]) == (TOKEN, ID)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        *(("secrets", field) for field in ("access_token", "client_id", "client_secret")),
        *(("variables", field) for field in ("base_url", "account", "scopes")),
        *(("variables", field) for field in ("expires_at", "client_id")),
    ],
)
def test_each_field_can_be_written(kind: Kind, field: str) -> None:
    assert parse_mappings(kind, [f"NAME={field}"]) == (Mapping(kind, "NAME", field),)


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        *(("secrets", f"TOKEN={field}", "bad-mapping") for field in ("ACCESS_TOKEN", "base_url")),
        ("secrets", "TOKEN=access_token ID=client_id", "bad-mapping"),
        # People put the token itself where its field belongs.
        *(("secrets", f"{name}s3cr3t-t0k3n", "bad-mapping") for name in ("TOKEN=", "")),
        ("secrets", "A=s3cr3t-t0k3n=access_token", "bad-mapping"),
        # Anybody with the repository reads a variable.
        *(("variables", f"A={one}", "bad-mapping") for one in ("access_token", "client_secret")),
        # GitHub does not tell the cases apart.
        ("secrets", "A=access_token\na=client_id", "duplicate-name"),
    ],
)
def test_mapping_that_can_not_be_written_is_refused_and_not_repeated(
    kind: Kind, text: str, code: str
) -> None:
    with fails(code, Exit.INPUT) as caught:
        parse_mappings(kind, [text])
    assert "s3cr3t" not in str(vars(caught.value))


@pytest.mark.parametrize("name", ["_", "a_1", "A" * 255, "GITHUB", "MY_GITHUB_TOKEN"])
def test_name_that_github_takes_is_stored_in_upper_case(name: str) -> None:
    assert check_name(name) == name.upper()


@pytest.mark.parametrize(
    "name",
    [*("", "1A", "A-B", "A\n", "\u0131", "A\u0661", "A" * 256, "GITHUB_TOKEN", "github_token")],
    ids=lambda name: ascii(name[:20]) + str(len(name)),
)
def test_name_that_github_refuses_is_refused_before_anything_is_sent(name: str) -> None:
    with fails("bad-name", Exit.INPUT):
        check_name(name)


@pytest.mark.parametrize("name", ["MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"])
def test_nothing_is_written_over_the_journal_or_its_key(name: str) -> None:
    require_distinct("MASTODON_JOURNAL", [TOKEN, ID])
    with fails("reserved-name", Exit.INPUT):
        require_distinct("MASTODON_JOURNAL", [TOKEN, Mapping("secrets", name, "access_token")])


def test_places_are_named_for_a_workflow_and_for_a_person() -> None:
    assert expression(TOKEN) == "${{ secrets.TOKEN }}"
    assert expression(URL) == "${{ vars.URL }}"
    place = Destination("repository/1", "secrets", "TOKEN")
    assert str(place) == "the secret TOKEN"
    assert names([URL, place, TOKEN]) == "the secret TOKEN and the variable URL"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("octo/bot", True),
        ("Octo-1_a/.github", True),
        ("octo/a.b-c_d", True),
        *((name, False) for name in ("octo", "octo/", "/bot", "octo/bot/x", "-octo/bot", "octo/.")),
        *((name, False) for name in ("octo/..", "octo/b t", "octo/bot\n", "öcto/bot")),
    ],
)
def test_repository_has_the_characters_that_github_takes(name: str, *, is_one: bool) -> None:
    assert is_repository(name) is is_one
