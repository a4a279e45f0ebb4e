"""What servers do besides answering: how they make, keep and forget codes and tokens."""

import re
from urllib.parse import parse_qs

import pytest

from tests.servers import SERVERS
from tests.servers.client import HOST, OOB, ORIGIN, Client
from tests.support.person import PersonStuckError

MASTODONS = ("mastodon-4.7", "mastodon-4.2")


def found(text: str) -> str:
    """The one word that looks like a code or a token."""
    return str(re.findall(r"[\w-]{40,}", text)[0])


# Mastodon.


@pytest.mark.parametrize("name", MASTODONS)
def test_mastodon_gives_an_application_the_same_token_again(name: str) -> None:
    client = Client(name)
    keys = client.register()
    assert client.token(keys) == client.token(keys)
    assert client.token(keys) != client.token(keys, scope="read")


def test_mastodon_sends_code_and_state_to_a_loopback_address_with_another_port() -> None:
    client = Client()
    keys = client.register(redirect_uris="http://127.0.0.1/callback")
    uri = "http://127.0.0.1:5555/callback"
    client.open(client.link(keys, redirect_uri=uri))
    client.http.post(client.link(keys, redirect_uri=uri, state="a b"))
    place, _, query = client.last.header("Location").partition("?")
    assert place == uri
    assert parse_qs(query)["state"] == ["a b"]
    answer = client.exchange(keys, parse_qs(query)["code"][0], redirect_uri=uri)
    assert answer.status_code == 200


def test_mastodon_tells_of_its_limit_of_registrations_and_no_retry_after() -> None:
    client = Client()
    client.now += 0.25
    answers = [client.apply() for _ in range(6)]
    assert [one.headers["X-RateLimit-Remaining"] for one in answers] == list("432100")
    assert answers[-1].headers["X-RateLimit-Reset"] == "2027-01-15T08:10:00.250000Z"
    assert "Retry-After" not in answers[-1].headers
    client.now += 600
    assert client.apply().status_code == 200


# All but Mastodon.


def test_pleroma_shows_a_token_in_place_of_a_code_where_login_is_not_forced() -> None:
    client = Client("pleroma")
    token = client.token()
    client.open(client.link(client.register(), force_login="false"))
    assert found(client.last.body.decode().partition("<body>")[2]) == token


def test_pleroma_answers_an_idempotency_key_again_for_six_hours() -> None:
    """Neither the token nor the text counts, and a refusal is replayed too."""
    client = Client("pleroma")
    client.post("unknown", key="one")
    token = client.token()
    again = client.post(token, "other", key="one")
    assert again.status_code == 403
    assert again.headers["Idempotent-Replayed"] == "true"
    client.now += 6 * 3600
    assert client.post(token, "other", key="one").status_code == 200


def test_pixelfed_sends_the_code_where_no_browser_goes_if_it_does_not_ask() -> None:
    client = Client("pixelfed")
    keys = client.register()
    client.token(keys)
    with pytest.raises(PersonStuckError, match=rf"{OOB}\?code=def50200"):
        client.code(keys, prompt="")
    assert client.code(keys).startswith("def50200")


def test_takahe_lets_a_person_choose_an_identity() -> None:
    """`verify_credentials` tells no domain in `acct`; the account by its number does."""
    client = Client("takahe")
    client.instance.add_account("alice", "x", "alice@example.org", domain="other.example")
    keys = client.register()
    page = client.link(keys)
    client.open(page)
    number = str(client.instance.accounts[-1].id)
    client.http.post(page, data={"identity": number})
    token = client.exchange(keys, found(client.last.body.decode().partition("<body>")[2]))
    headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
    told = client.http.get("/api/v1/accounts/verify_credentials", headers=headers).json()
    assert told["acct"] == "alice"
    assert told["url"] == "https://other.example/@alice/"
    shown = client.http.get(f"/api/v1/accounts/{number}", headers=headers).json()
    assert shown["acct"] == "alice@other.example"


def test_snac_gives_any_text_a_token_of_nobody() -> None:
    client = Client("snac")
    keys = client.register()
    answer = client.exchange(keys, "never-approved")
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    assert client.whoami(token).status_code == 422
    client.revoke(keys, token)
    assert client.instance.applications == []


def test_friendica_replaces_the_token_at_the_moment_of_approval() -> None:
    """A code gives that token any number of times, and the end of it is the end for everybody."""
    client = Client("friendica")
    keys = client.register()
    old = client.token(keys)
    code = client.code(keys)
    assert not client.instance.is_live(old)
    one, other = (client.exchange(keys, code).json()["access_token"] for _ in range(2))
    assert one == other != old
    client.revoke(keys, client.token(keys, "bot"))
    assert not client.instance.is_live(one)


# Posts.


@pytest.mark.parametrize("name", MASTODONS)
def test_idempotency_key_is_honoured_for_an_hour(name: str) -> None:
    client = Client(name)
    token = client.token()
    client.post(token, key="one")
    client.now += 3599
    client.post(token, key="one")
    assert len(client.instance.statuses) == 1
    client.now += 2
    client.post(token, key="one")
    assert len(client.instance.statuses) == 2


# What a person sees.


@pytest.mark.parametrize("name", [name for name in SERVERS if name != "snac"])
def test_person_ends_one_authorization_and_no_other(name: str) -> None:
    client = Client(name)
    old = client.token()
    client.now += 1
    new = client.token()
    with client.person() as person:
        person.remove(ORIGIN, "08:00:00 UTC", client.instance.server.applications_page)
    assert not client.instance.is_live(old)
    assert client.instance.is_live(new)


def test_accounts_own_domain_is_found_at_the_web_host_too() -> None:
    client = Client()
    client.instance.own_domain = "example.org"
    for domain in ("example.org", HOST):
        query = {"resource": f"acct:alice@{domain}"}
        body = client.http.get("/.well-known/webfinger", params=query).json()
        assert body["subject"] == "acct:alice@example.org"
