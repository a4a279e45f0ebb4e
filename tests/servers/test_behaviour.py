"""What servers do besides answering: how they make, keep and forget codes and tokens."""

import re
from urllib.parse import parse_qs

import pytest

from tests.servers import PERSONALITIES
from tests.servers.behaviour import CENTURY, DAY
from tests.servers.client import CHALLENGE, HOST, OOB, ORIGIN, VERIFIER, Client
from tests.support.person import PersonStuckError

MASTODONS = ("mastodon-4.7", "mastodon-4.2")
OTHERS = tuple(name for name in PERSONALITIES if name not in MASTODONS)


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


def test_mastodon_skips_consent_unless_login_is_forced() -> None:
    client = Client()
    keys = client.register()
    client.token(keys)
    client.open(client.link(keys))
    assert b"Authorize" in client.last.body
    client.open(client.link(keys, force_login="false"))
    assert client.last.header("Location").startswith("/oauth/authorize/native?code=")


def test_mastodon_does_not_echo_the_state_out_of_band() -> None:
    client = Client()
    client.token(keys := client.register())
    client.open(client.link(keys, force_login="", state="xyz"))
    assert "xyz" not in client.last.header("Location")


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


def test_mastodon_metadata_names_its_own_registration_endpoint() -> None:
    body = Client().http.get("/.well-known/oauth-authorization-server").json()
    assert body["issuer"] == f"{ORIGIN}/"
    assert body["app_registration_endpoint"] == f"{ORIGIN}/api/v1/apps"


def test_mastodon_4_2_tells_no_scopes() -> None:
    told = {"id", "name", "website", "redirect_uri", "client_id", "client_secret", "vapid_key"}
    assert set(Client("mastodon-4.2").apply().json()) == told


@pytest.mark.parametrize(
    ("name", "seconds"), [("mastodon-4.2", DAY), ("pleroma", 900)], ids=["mastodon-4.2", "pleroma"]
)
def test_unused_application_is_forgotten(name: str, seconds: int) -> None:
    client = Client(name)
    used, unused = client.register(), client.register()
    client.revoke(used, client.token(used))
    client.now += seconds
    client.http.get("/")
    assert len(client.instance.applications) == 2
    client.now += 1
    client.http.get("/")
    assert [one.client_id for one in client.instance.applications] == [used.client_id]
    assert client.exchange(unused, "code").status_code >= 400


# All but Mastodon.


@pytest.mark.parametrize("name", OTHERS)
def test_token_is_another_one_each_time(name: str) -> None:
    client = Client(name)
    keys = client.register()
    old, new = client.token(keys), client.token(keys)
    assert old != new
    if name != "pixelfed":
        client.revoke(keys, old)
        assert not client.instance.is_live(old)
    assert client.whoami(new).status_code == 200


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("mastodon-4.7", r"[\w-]{43}"),
        ("gotosocial", "[A-Z0-9]{48}"),
        ("pleroma", r"[\w-]{43}"),
        ("pixelfed", "def50200[0-9a-f]{800}"),
        ("takahe", r"[\w-]{58}"),
    ],
)
def test_code_has_the_servers_form(name: str, form: str) -> None:
    client = Client(name)
    assert re.fullmatch(form, client.code(client.register()))


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("mastodon-4.7", 600), ("gotosocial", 300), ("pixelfed", 600), ("takahe", 60)],
)
def test_code_is_good_until_the_last_second(name: str, seconds: int) -> None:
    client = Client(name)
    keys = client.register()
    code = client.code(keys)
    client.now += seconds
    assert client.exchange(keys, code).status_code == 200


@pytest.mark.parametrize(
    ("name", "told"),
    [("mastodon-4.7", "read write"), ("gotosocial", "read write"), ("pixelfed", None)],
)
def test_answer_to_an_exchange_tells_scopes(name: str, told: str | None) -> None:
    client = Client(name)
    keys = client.register()
    assert client.exchange(keys, client.code(keys)).json().get("scope") == told


@pytest.mark.parametrize(("name", "seconds"), [("pleroma", CENTURY), ("pixelfed", 365 * DAY)])
def test_token_has_an_end(name: str, seconds: int) -> None:
    client = Client(name)
    keys = client.register()
    body = client.exchange(keys, client.code(keys)).json()
    assert body["expires_in"] == seconds
    client.now += seconds
    assert not client.instance.is_live(body["access_token"])


def test_gotosocial_grants_a_part_of_a_registered_scope() -> None:
    client = Client("gotosocial")
    keys = client.register(scopes="write")
    answer = client.exchange(keys, client.code(keys, scope="write:statuses"))
    assert answer.json()["scope"] == "write:statuses"


def test_gotosocial_shows_the_state_in_the_address() -> None:
    client = Client("gotosocial")
    keys = client.register()
    client.open(client.link(keys))
    client.http.post(client.link(keys, state="xyz"))
    assert client.last.header("Location").endswith("&state=xyz")


def test_pleroma_shows_a_token_in_place_of_a_code_where_login_is_not_forced() -> None:
    client = Client("pleroma")
    token = client.token()
    client.open(client.link(client.register(), force_login="false"))
    assert found(client.last.body.decode().partition("<body>")[2]) == token


@pytest.mark.parametrize("link", [{"force_login": "true"}, {}])
def test_pleroma_asks_where_login_is_forced(link: dict[str, str]) -> None:
    client = Client("pleroma")
    client.token()
    client.open(client.link(client.register(), **link))
    assert b"Authorize" in client.last.body


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


def test_pixelfed_checks_the_verifier() -> None:
    client = Client("pixelfed")
    keys = client.register()
    code = client.code(keys, **CHALLENGE)
    assert client.exchange(keys, code, code_verifier=VERIFIER).status_code == 200


def test_takahe_gives_a_used_code_another_token() -> None:
    client = Client("takahe")
    keys = client.register()
    code = client.code(keys)
    one, other = (client.exchange(keys, code).json()["access_token"] for _ in range(2))
    assert one != other
    assert client.whoami(one).status_code == 200


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


def test_snac_gives_any_text_a_token() -> None:
    client = Client("snac")
    keys = client.register()
    answer = client.exchange(keys, "never-approved")
    assert answer.status_code == 200
    assert client.whoami(answer.json()["access_token"]).status_code == 422


def test_snac_ends_the_application_with_its_token() -> None:
    client = Client("snac")
    keys = client.register()
    client.revoke(keys, client.token(keys))
    assert client.instance.applications == []


def test_hollo_tells_the_time_in_milliseconds() -> None:
    client = Client("hollo")
    keys = client.register()
    body = client.exchange(keys, client.code(keys)).json()
    assert body["created_at"] == int(client.now * 1000)


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


@pytest.mark.parametrize("name", ["gotosocial", "takahe"])
def test_idempotency_key_is_ignored(name: str) -> None:
    client = Client(name)
    token = client.token()
    client.post(token, key="one")
    client.post(token, key="one")
    assert len(client.instance.statuses) == 2


@pytest.mark.parametrize(
    ("name", "anybody", "author"),
    [
        ("mastodon-4.7", 2, 4),
        ("gotosocial", None, 4),
        ("pleroma", 2, 4),
        ("pixelfed", None, 3),
        ("takahe", None, 2),
    ],
)
def test_list_of_posts_shows_what_the_reader_may_see(
    name: str, anybody: int | None, author: int
) -> None:
    client = Client(name)
    token = client.token()
    for visibility in ("public", "unlisted", "private", "direct"):
        client.post(token, visibility=visibility, media_ids="1")
    assert len(client.posts(token).json()) == author
    seen = client.posts()
    assert (len(seen.json()) if seen.is_success else None) == anybody


# What a person sees.


@pytest.mark.parametrize("name", PERSONALITIES)
def test_person_ends_one_authorization_and_no_other(name: str) -> None:
    client = Client(name)
    old = client.token()
    client.now += 1
    new = client.token()
    with client.person() as person:
        person.remove(ORIGIN, "08:00:00 UTC", client.instance.server.applications_page)
    assert not client.instance.is_live(old)
    assert client.instance.is_live(new)


def test_person_with_two_choices_of_one_name_is_stuck() -> None:
    client = Client()
    client.token()
    client.token()
    with client.person() as person, pytest.raises(PersonStuckError):
        person.remove(ORIGIN, "Bot")


def test_person_with_a_wrong_password_is_stuck() -> None:
    client = Client()
    client.alice.password = "another"
    with pytest.raises(PersonStuckError, match="Invalid E-mail address or password"):
        client.code(client.register())


def test_person_can_sign_out_and_approve_as_another() -> None:
    client = Client()
    keys = client.register()
    client.open(client.link(keys))
    client.http.post("/auth/sign_out")
    with client.person("bot") as person:
        token = client.exchange(keys, person.approve(client.link(keys))).json()["access_token"]
    assert client.whoami(token).json()["acct"] == "bot"


def test_page_escapes_what_it_is_given() -> None:
    client = Client()
    keys = client.register(client_name="<script>")
    client.open(client.link(keys))
    assert b"<script>" not in client.last.body


def test_code_can_be_had_in_process() -> None:
    client = Client()
    keys = client.register()
    code = client.instance.approve(client.link(keys), "bot")
    token = client.exchange(keys, code).json()["access_token"]
    assert client.whoami(token).json()["username"] == "bot"


def test_accounts_own_domain_is_found_at_the_web_host_too() -> None:
    client = Client()
    client.instance.own_domain = "example.org"
    for domain in ("example.org", HOST):
        query = {"resource": f"acct:alice@{domain}"}
        body = client.http.get("/.well-known/webfinger", params=query).json()
        assert body["subject"] == "acct:alice@example.org"
