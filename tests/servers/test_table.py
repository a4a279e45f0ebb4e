"""Each server answers in each situation as its row of the table says."""

from collections.abc import Callable

import httpx
import pytest

from provisioner.sandbox.records import State
from tests.servers import SERVERS
from tests.servers.client import CHALLENGE, OOB, ORIGIN, VERIFIER, Client
from tests.servers.table import AS_MASTODON, TABLE, Row

Provoke = Callable[[Client], object]
WEBFINGER = "/.well-known/webfinger?resource=acct:"
OTHER = "https://other.example/"
PLAIN = {"code_challenge": "x" * 43, "code_challenge_method": "plain"}


def opening(**changes: str) -> Provoke:
    return lambda client: client.open(client.link(client.register(), **changes))


def exchanging(
    verifier: str | None = None, challenge: dict[str, str] | None = None, **changes: str
) -> Provoke:
    """An exchange with something wrong, after which the code is still good."""

    def provoke(client: Client) -> None:
        keys = client.register()
        code = client.code(keys, **(challenge or {}))
        right = {"code_verifier": VERIFIER} if challenge else {}
        sent = {"code_verifier": verifier} if verifier is not None else right
        answer = client.exchange(keys, code, **(sent | changes))
        said = client.last
        if not answer.is_success:
            assert client.exchange(keys, code, **right).status_code == 200
        client.last = said

    return provoke


def exchanging_twice(client: Client) -> None:
    keys = client.register()
    code = client.code(keys)
    for _ in range(2):
        client.exchange(keys, code)


def exchanging_late(client: Client) -> httpx.Response:
    keys = client.register()
    client.token(keys)  # an application that is in use is not forgotten
    code = client.code(keys)
    client.now += client.instance.server.code_seconds + 1
    return client.exchange(keys, code)


def by_password(password: str = "alice-password", *, two_factor: bool = False) -> Provoke:
    def provoke(client: Client) -> httpx.Response:
        client.alice.two_factor = two_factor
        form = {"grant_type": "password", "username": client.alice.email, "password": password}
        return client.exchange(client.register(), "", **form)

    return provoke


def revoking(token: str = "", **changes: str) -> Provoke:
    def provoke(client: Client) -> httpx.Response:
        keys = client.register()
        return client.revoke(keys, token or client.token(keys), **changes)

    return provoke


def using_a_revoked_token(client: Client) -> httpx.Response:
    token = client.token()
    client.instance.revoke_access("alice")
    return client.whoami(token)


def using_an_expired_token(client: Client) -> httpx.Response:
    token = client.token()
    client.now += client.instance.server.token_seconds or 0
    return client.whoami(token)


def using_the_token_of(state: State) -> Provoke:
    def provoke(client: Client) -> httpx.Response:
        token = client.token()
        client.alice.state = state
        return client.whoami(token)

    return provoke


PROVOKE: dict[str, Provoke] = {
    "no such page": lambda client: client.http.get("/no/such/page"),
    "webfinger: no resource": lambda client: client.http.get("/.well-known/webfinger"),
    "webfinger: unknown account": lambda client: client.http.get(
        f"{WEBFINGER}nobody@social.example"
    ),
    "register: too many": lambda client: [client.apply() for _ in range(6)],
    "register: no name": lambda client: client.apply(client_name=""),
    "register: long name": lambda client: client.apply(client_name="x" * 61),
    "register: no redirect URI": lambda client: client.apply(redirect_uris=""),
    "register: bad redirect URI": lambda client: client.apply(redirect_uris="nonsense"),
    "register: unknown scope": lambda client: client.apply(scopes="make:tea"),
    "link: unknown client": opening(client_id="99", redirect_uri=OTHER),
    "link: foreign redirect URI": opening(redirect_uri=OTHER, response_type="token"),
    "link: response type": opening(response_type="token", scope="make:tea"),
    "link: scope not registered": opening(scope="follow", **PLAIN),
    "link: plain challenge": opening(**PLAIN),
    "exchange: grant type": exchanging(grant_type="tea"),
    "exchange: no code": exchanging(code=""),
    "exchange: no verifier": exchanging("", CHALLENGE),
    "exchange: no redirect URI": exchanging(redirect_uri=""),
    "exchange: unknown client": exchanging(client_id="99"),
    "exchange: wrong secret": exchanging(client_secret="wrong"),
    "exchange: unknown code": exchanging(code="bm9uc2Vuc2U"),
    "exchange: used code": exchanging_twice,
    "exchange: expired code": exchanging_late,
    "exchange: another client's code": lambda client: client.exchange(
        client.register(), client.code(client.register())
    ),
    "exchange: wrong redirect URI": exchanging(redirect_uri=OTHER),
    "exchange: wrong verifier": exchanging("w" * 43, CHALLENGE),
    "exchange: verifier without a challenge": exchanging(VERIFIER),
    "password: wrong": by_password(password="wrong"),
    "password: second factor": by_password(two_factor=True),
    "revoke: unknown token and wrong secret": revoking("unknown", client_secret="wrong"),
    "revoke: another client's token": lambda client: client.revoke(
        client.register(), client.token()
    ),
    "revoke: unknown token": revoking("unknown"),
    "revoke: done": revoking(),
    "token: none": lambda client: client.http.get("/api/v1/accounts/verify_credentials"),
    "token: unknown": lambda client: client.whoami("unknown"),
    "token: revoked": using_a_revoked_token,
    "token: expired": using_an_expired_token,
    "token: narrow scope": lambda client: client.whoami(
        client.token(client.register(scopes="write"), scope="write")
    ),
    "account: unconfirmed": using_the_token_of("unconfirmed"),
    "account: pending": using_the_token_of("pending"),
    "account: disabled": using_the_token_of("disabled"),
    "account: suspended": using_the_token_of("suspended"),
    "account: moved": using_the_token_of("moved"),
    "account: needs-2fa": using_the_token_of("needs-2fa"),
    "post: no text": lambda client: client.post(client.token(), "", "public"),
    "post: long text": lambda client: client.post(client.token(), "x" * 501, "public"),
    "post: unknown visibility": lambda client: client.post(client.token(), "Hi", "nobody"),
}
ROWS = [
    pytest.param(name, situation, row, id=f"{name}: {situation}")
    for name in SERVERS
    for situation, row in TABLE[name].items()
    if row.occurs and row.source != AS_MASTODON
]


@pytest.mark.parametrize(("name", "situation", "row"), ROWS)
def test_server_answers_as_its_row_says(name: str, situation: str, row: Row) -> None:
    client = Client(name)
    PROVOKE[situation](client)
    answer = client.last
    if row.answer is None:
        assert answer.status < 400
        return
    expected = row.answer.response(client.instance.server.needs["account"][-1])
    assert answer.status == expected.status
    assert answer.body == expected.body


@pytest.mark.parametrize("name", SERVERS)
def test_right_request_is_accepted(name: str) -> None:
    client = Client(name)
    keys = client.register(scopes=" ".join(client.instance.server.scopes or ("read", "write")))
    answer = client.exchange(keys, client.code(keys, **CHALLENGE), code_verifier=VERIFIER)
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    assert client.whoami(token).json()["username"] == "alice"
    posts = [client.post(token, "x" * 500, "public").json() for _ in range(2)]
    assert posts[0]["id"] != posts[1]["id"]  # nothing says that they are the same


def test_body_that_is_called_no_form_has_no_fields() -> None:
    body = f"client_name=Bot&redirect_uris={OOB}"
    assert Client().http.post("/api/v1/apps", content=body).status_code == 422


def test_consent_and_token_are_those_of_before_for_the_same_scopes() -> None:
    client = Client()
    keys = client.register()
    unforced = {"force_login": "false"}
    client.open(client.link(keys, **unforced))
    assert client.last.status == 200
    token = client.token(keys)
    links = [
        client.link(keys, **changes) for changes in (unforced, {**unforced, "scope": "read"}, {})
    ]
    assert [client.http.get(link).status_code for link in links] == [302, 200, 200]
    assert client.token(keys) == token != client.token(keys, scope="read")


def test_own_token_is_not_revoked_with_wrong_credentials() -> None:
    client = Client()
    keys = client.register()
    token = client.token(keys)
    for wrong in {"client_secret": "wrong"}, {"client_id": "99"}:
        assert client.revoke(keys, token, **wrong).status_code == 403
    assert client.whoami(token).status_code == 200


def test_next_sign_in_after_a_sign_out_leads_back_to_the_consent_page() -> None:
    """Now as the bot, where the browser was signed in as its owner."""
    client = Client()
    client.instance.add_account("mybot", "mybot-password")
    link = client.link(client.register())
    client.open(link)
    client.http.post("/auth/sign_out")
    form = {"user[email]": "mybot", "user[password]": "mybot-password"}
    for wrong in {"user[email]": "nobody"}, {"user[password]": "wrong"}:
        assert client.http.post("/auth/sign_in", data=form | wrong).status_code == 422
    back = client.http.post("/auth/sign_in", data=form).headers["Location"]
    assert link == f"{ORIGIN}{back}"
    assert "@mybot" in client.http.get(back).text


def test_who_signed_out_gets_no_code() -> None:
    client = Client()
    link = client.link(client.register())
    client.open(link)
    client.http.post("/auth/sign_out")
    for answer in client.http.get("/oauth/authorize/native?code=x"), client.http.post(link):
        assert answer.headers["Location"] == "/auth/sign_in"


def test_browser_without_a_cookie_is_signed_in_as_nobody() -> None:
    client = Client()
    link = client.link(client.register())
    client.open(link)
    client.http.cookies.clear()
    assert client.http.get(link).headers["Location"] == "/auth/sign_in"


def test_idempotency_key_is_one_accounts_own() -> None:
    client = Client()
    client.register()
    [application] = client.instance.applications
    accounts = client.alice, client.instance.add_account("mybot", "mybot-password")
    tokens = [client.instance.mint(application, one, ("write",)).token for one in accounts]
    headers = [{"Authorization": f"Bearer {one}", "Idempotency-Key": "k"} for one in tokens * 2]
    posts = [
        client.http.post("/api/v1/statuses", data={"status": "Hi"}, headers=one) for one in headers
    ]
    assert len({one.json()["id"] for one in posts}) == len(accounts)


def test_slash_at_the_end_of_a_path_does_not_matter() -> None:
    assert Client().http.get("/api/v1/instance/").status_code == 200


def test_number_of_a_deleted_application_is_not_given_again() -> None:
    client = Client("snac")
    keys, _ = client.register(), client.register()
    client.revoke(keys, client.token(keys))
    client.register()
    assert [one.id for one in client.instance.applications] == [2, 3]


def test_query_wins_over_the_form() -> None:
    form = {"client_name": "Form", "redirect_uris": OOB}
    answer = Client().http.post("/api/v1/apps?client_name=Query", data=form)
    assert answer.json()["name"] == "Query"


def test_code_comes_to_a_program_with_its_state() -> None:
    client, home = Client(), "http://127.0.0.1:1/callback"
    link = client.link(client.register(redirect_uris=home), redirect_uri=home, state="mine")
    client.open(link)
    query = httpx.URL(client.http.post(link).headers["Location"]).params
    assert (query["state"], len(query)) == ("mine", 2)
