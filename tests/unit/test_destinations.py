"""What can be written where."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import InputError
from provisioner.github.destinations import (
    MAX_VALUE,
    Mapping,
    check_name,
    check_size,
    parse_mappings,
    require_distinct,
)
from provisioner.report import Exit
from tests.support.told import fails

TOKEN = Mapping("secrets", "TOKEN", "access_token")
ID = Mapping("secrets", "ID", "client_id")


@pytest.mark.parametrize(
    "text",
    [
        "TOKEN=access_token\nID=client_id",
        "TOKEN=access_token,ID=client_id",
        "\n  TOKEN = access_token \r\n\n ID=client_id\n",
        "token=access_token\nid=client_id",
        "TOKEN=access_token,\nID=client_id,",
    ],
)
def test_lines(text: str) -> None:
    """Lines or commas part the mappings; white space and the names' case don't matter."""
    assert parse_mappings("secrets", [text]) == (TOKEN, ID)


@pytest.mark.parametrize("text", ["", " \n ", ","])
def test_nothing(text: str) -> None:
    """No lines are no mappings."""
    assert parse_mappings("secrets", [text]) == ()


@pytest.mark.parametrize(
    "text",
    [
        "TOKEN",
        "TOKEN=",
        "TOKEN=token",
        "TOKEN=ACCESS_TOKEN",
        "TOKEN=access_token=x",
        "TOKEN:access_token",
        "TOKEN=access_token ID=client_id",
        "TOKEN=base_url",
        "TOKEN=journal_key",
    ],
)
def test_bad_lines(text: str) -> None:
    """A line that names no field that a secret can hold is refused."""
    with fails("bad-mapping", Exit.INPUT):
        parse_mappings("secrets", [text])


@pytest.mark.parametrize("field", ["access_token", "client_secret"])
def test_no_secret_into_a_variable(field: str) -> None:
    """What is secret is never written to a variable, which anybody with the repository reads."""
    with pytest.raises(InputError):
        parse_mappings("variables", [f"NAME={field}"])


@pytest.mark.parametrize(
    "text", ["TOKEN=s3cr3t-t0k3n", "s3cr3t-t0k3n", "A=s3cr3t-t0k3n=access_token"]
)
def test_a_pasted_token_is_not_repeated(text: str) -> None:
    """Who puts the token itself where its field belongs does not read it in the error."""
    with pytest.raises(InputError) as caught:
        parse_mappings("secrets", [text])
    assert "s3cr3t" not in str(vars(caught.value))


@pytest.mark.parametrize("text", ["A=access_token\nA=client_id", "A=access_token\na=access_token"])
def test_duplicates(text: str) -> None:
    """A name stands once, in whatever case: GitHub does not tell them apart."""
    with fails("duplicate-name", Exit.INPUT):
        parse_mappings("secrets", [text])


@pytest.mark.parametrize(
    "name", ["A", "_", "a_1", "A" * 255, "GITHUB", "GITHUBX", "MY_GITHUB_TOKEN"]
)
def test_names(name: str) -> None:
    """A name that GitHub takes is stored in upper case."""
    assert check_name(name) == name.upper()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1A",
        "A-B",
        "A B",
        "A.B",
        "A/B",
        "A\n",
        "../A",
        "\u00c4",
        "\u0131",
        "\uff21",
        "A\u0661",
        "A" * 256,
        "GITHUB_TOKEN",
        "github_token",
        "GitHub_",
    ],
    ids=lambda name: ascii(name[:20]) + str(len(name)),
)
def test_bad_names(name: str) -> None:
    """A name that GitHub refuses is refused before anything is sent."""
    with fails("bad-name", Exit.INPUT):
        check_name(name)


@given(st.text())
def test_any_name(name: str) -> None:
    """Any text is a name in ASCII, or refused."""
    try:
        checked = check_name(name)
    except InputError:
        return
    assert set(checked) <= set(string.ascii_uppercase + string.digits + "_")


@given(st.text() | st.text("AB=_,\n\r access_token"))
def test_any_lines(text: str) -> None:
    """Any text is mappings with names and fields that can be written, or refused."""
    try:
        mappings = parse_mappings("secrets", [text])
    except InputError:
        return
    assert all(check_name(mapping.name) == mapping.name for mapping in mappings)


@pytest.mark.parametrize("name", ["MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"])
def test_reserved_names(name: str) -> None:
    """Nothing is written over the journal or its key."""
    with fails("reserved-name", Exit.INPUT):
        require_distinct("MASTODON_JOURNAL", [TOKEN, Mapping("secrets", name, "access_token")])


def test_other_names() -> None:
    """All other names are free."""
    require_distinct("MASTODON_JOURNAL", [TOKEN, ID])


@pytest.mark.parametrize("value", ["", "x" * MAX_VALUE, "\u00fc" * (MAX_VALUE // 2)], ids=len)
def test_sizes(value: str) -> None:
    """A value of 48 KB fits."""
    check_size("TOKEN", value)


@pytest.mark.parametrize("value", ["x" * (MAX_VALUE + 1), "\u00fc" * (MAX_VALUE // 2 + 1)], ids=len)
def test_too_large(value: str) -> None:
    """A larger one does not, counted in bytes, and is not repeated in the error."""
    with pytest.raises(InputError) as caught:
        check_size("TOKEN", value)
    assert len(str(vars(caught.value))) < 1000
