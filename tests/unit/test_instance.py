"""The link that the person opens, and the page where an application is removed."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.mastodon.instance import OUT_OF_BAND, Instance, authorization_url, challenge
from provisioner.secret import Secret
from tests.unit.instances import instance_of

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SCOPES = ("read:accounts", "write:statuses")


def link(instance: Instance, verifier: str = "", state: str = "", client_id: str = "id") -> str:
    """The authorization URL."""
    secret = Secret(verifier) if verifier else None
    return authorization_url(instance, client_id, SCOPES, secret, OUT_OF_BAND, state)


def query_of(url: str) -> list[tuple[str, str]]:
    """The parameters of a URL."""
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def test_the_link_has_these_parameters_and_no_others() -> None:
    url = link(instance_of(), VERIFIER)
    assert url.startswith("https://social.example/oauth/authorize?")
    assert query_of(url) == [
        ("response_type", "code"),
        ("client_id", "id"),
        ("redirect_uri", OUT_OF_BAND),
        ("scope", "read:accounts write:statuses"),
        ("force_login", "true"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    assert challenge(Secret(VERIFIER)) == CHALLENGE


def test_without_a_verifier_there_is_no_challenge() -> None:
    """Mastodon refuses either without the other."""
    assert "code_challenge" not in link(instance_of())


def test_the_link_does_not_contain_the_verifier() -> None:
    assert VERIFIER not in link(instance_of(), VERIFIER)


def test_a_state_is_sent_where_there_is_one() -> None:
    assert ("state", "xyz") in query_of(link(instance_of(), state="xyz"))


def test_pixelfed_is_made_to_ask() -> None:
    assert ("prompt", "consent") in query_of(link(instance_of("Pixelfed", "0.12.6")))


def test_the_query_of_an_endpoint_is_kept() -> None:
    endpoint = "https://social.example/authorize?tenant=1&force_login=false"
    query = query_of(link(instance_of(authorization=endpoint)))
    assert ("tenant", "1") in query
    assert [value for name, value in query if name == "force_login"] == ["true"]


@given(st.text())
def test_no_client_id_adds_a_parameter_or_a_line(client_id: str) -> None:
    url = link(instance_of(), client_id=client_id)
    assert dict(query_of(url))["client_id"] == client_id
    assert len(query_of(url)) == 5
    assert url.isascii()
    assert url.isprintable()


@pytest.mark.parametrize(
    ("software", "page"),
    [
        ("Mastodon", "https://social.example/oauth/authorized_applications"),
        ("hollo", "https://social.example/auth"),
        ("takahe", "https://social.example/@bot@second.example/settings/tokens/"),
        ("Nobody", "https://social.example"),
    ],
)
def test_the_page_of_an_account_s_applications(software: str, page: str) -> None:
    assert instance_of(software).applications_of("bot@second.example") == page


def test_without_an_account_takahe_has_no_page_but_its_own() -> None:
    assert instance_of("takahe").authorized_applications == "https://social.example/"
