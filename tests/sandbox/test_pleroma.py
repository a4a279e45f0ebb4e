"""Pleroma 2.9, as its code and its users tell."""

from collections.abc import Mapping

import httpx
import pytest

from provisioner.sandbox import Person, PersonStuckError
from tests.sandbox.hands import OOB, Clock, Fediverse, Registered

CENTURY = 100 * 365 * 86_400
INVALID = (400, {"error": "Invalid credentials"})
CRASHED = (500, {"errors": {"detail": "Internal server error"}})


@pytest.fixture
def personality() -> str:
    """The server that the instance plays."""
    return "pleroma"


def post(fediverse: Fediverse, token: str, key: str, text: str = "Hi") -> httpx.Response:
    """Post with an Idempotency-Key."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    return fediverse.http.post("/api/v1/statuses", data={"status": text}, headers=headers)


def log_in(fediverse: Fediverse) -> Person:
    """Return alice, signed in to the front end."""
    person = fediverse.person()
    assert "Signed in as @alice" in person.look(f"{fediverse.sandbox.instance.origin}/")
    return person


@pytest.mark.parametrize(
    "path", ["/.well-known/oauth-authorization-server", "/oauth/userinfo", "/no/such/page"]
)
def test_front_end(fediverse: Fediverse, path: str) -> None:
    """The front end is the answer to all that is not there, with 200."""
    answer = fediverse.http.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_unknown_api(fediverse: Fediverse) -> None:
    """Under /api there is a 404."""
    answer = fediverse.http.get("/api/v9/tea")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not implemented"})


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_version(fediverse: Fediverse, version: str) -> None:
    """Both descriptions claim an old Mastodon's interface, and tell the version in brackets."""
    body = fediverse.http.get(f"/api/{version}/instance").json()
    assert body["version"] == "2.7.2 (compatible; Pleroma 2.9.1)"


def test_registration(fediverse: Fediverse) -> None:
    """The answer tells no scopes."""
    body = fediverse.apply().json()
    assert {**body, "client_id": "", "client_secret": ""} == {
        "id": "1",
        "name": "Bot",
        "client_id": "",
        "client_secret": "",
        "redirect_uri": OOB,
        "website": None,
    }


def test_redirect_uris_as_array(fediverse: Fediverse) -> None:
    """Redirect URIs may be an array."""
    body = {"client_name": "B", "redirect_uris": [OOB]}
    assert fediverse.http.post("/api/v1/apps", json=body).json()["redirect_uri"] == OOB


def test_missing_field(fediverse: Fediverse) -> None:
    """A field that is missing is 400."""
    answer = fediverse.http.post("/api/v1/apps", json={"client_name": "B"})
    assert (answer.status_code, answer.json()) == (400, {"error": "Missing field: redirect_uris."})


def test_default_scope(fediverse: Fediverse) -> None:
    """Without scopes an application may `read`, and that is what a link without a scope grants."""
    client = fediverse.http.post("/api/v1/apps", json={"client_name": "B", "redirect_uris": OOB})
    app = Registered(client.json()["client_id"], client.json()["client_secret"])
    answer = fediverse.exchange(app, fediverse.code(app, scope="read"))
    assert answer.json()["scope"] == "read"


def test_throttle(fediverse: Fediverse, clock: Clock) -> None:
    """Five applications in fifteen minutes; nothing says how long to wait."""
    for _ in range(5):
        fediverse.apply()
    answer = fediverse.apply()
    clock.now += 900
    assert (answer.status_code, answer.json()) == (429, {"error": "Throttled"})
    assert fediverse.apply().status_code == 200


def test_token(fediverse: Fediverse, clock: Clock) -> None:
    """A token has an end in a hundred years, a refresh token, an id and whose it is."""
    app = fediverse.register()
    body = fediverse.exchange(app, fediverse.code(app)).json()
    lengths = (len(body.pop("access_token")), len(body.pop("refresh_token")))
    assert (lengths, body) == (
        (43, 43),
        {
            "id": 1,
            "token_type": "Bearer",
            "expires_in": CENTURY,
            "scope": "read write",
            "created_at": int(clock.now),
            "me": f"{fediverse.sandbox.instance.origin}/users/alice",
        },
    )


def test_code_lifetime(fediverse: Fediverse, clock: Clock) -> None:
    """A code lives as long as a token."""
    app, other = fediverse.register(), fediverse.register()
    fediverse.token(app)
    fediverse.token(other)
    code = fediverse.code(app)
    clock.now += CENTURY - 10
    assert fediverse.exchange(app, code).status_code == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_secret": "wrong"}, INVALID),
        ({"client_id": "wrong"}, INVALID),
        ({"code": "A" * 43}, INVALID),
        ({"code": "{code} "}, CRASHED),
        ({"code": "not base64!"}, CRASHED),
        ({"grant_type": "tea"}, (500, {"error": "Bad request"})),
        ({"grant_type": ""}, (500, {"error": "Bad request"})),
    ],
)
def test_refusals(
    fediverse: Fediverse, changes: Mapping[str, str], expected: tuple[int, object]
) -> None:
    """Each cause has its status and error, and leaves the code good."""
    app = fediverse.register()
    code = fediverse.code(app)
    filled = {name: value.format(code=code) for name, value in changes.items()}
    answer = fediverse.exchange(app, **{"code": code, **filled})
    again = fediverse.exchange(app, code).status_code
    assert (answer.status_code, answer.json(), again) == (*expected, 200)


def test_redirect_uri_is_not_looked_at(fediverse: Fediverse) -> None:
    """The exchange does not look at the redirect URI."""
    app = fediverse.register()
    answer = fediverse.exchange(app, fediverse.code(app), redirect_uri="https://other.example/")
    assert answer.status_code == 200


def test_used_code(fediverse: Fediverse) -> None:
    """A used code is refused, and its token stays alive."""
    app = fediverse.register()
    code = fediverse.code(app)
    token = fediverse.exchange(app, code).json()["access_token"]
    again = fediverse.exchange(app, code)
    assert (again.status_code, again.json(), fediverse.whoami(token).status_code) == (*INVALID, 200)


@pytest.mark.parametrize("name", ["alice", "alice@example.org"])
def test_password_grant(fediverse: Fediverse, name: str) -> None:
    """A user name or an e-mail address with the password gives a token."""
    app = fediverse.register()
    form = {"client_id": app.client_id, "client_secret": app.client_secret, "scope": "read"}
    person = {"username": name, "password": "alice-password"}
    body = fediverse.post("/oauth/token", grant_type="password", **form, **person).json()
    assert fediverse.whoami(body["access_token"]).json()["username"] == "alice"


def test_two_factor_authentication(fediverse: Fediverse) -> None:
    """With a second factor, the right password gives a token for that only."""
    fediverse.sandbox.instance.accounts[0].two_factor = True
    app = fediverse.register()
    form = {"client_id": app.client_id, "client_secret": app.client_secret}
    person = {"username": "alice", "password": "alice-password"}
    answer = fediverse.post("/oauth/token", grant_type="password", **form, **person)
    body = {**answer.json(), "mfa_token": ""}
    expected = {"error": "mfa_required", "mfa_token": "", "supported_challenge_types": "totp"}
    assert (answer.status_code, body) == (403, expected)
    assert fediverse.sandbox.instance.tokens == []


def test_refresh_token(fediverse: Fediverse) -> None:
    """A refresh token replaces the token, which is dead then, and stays what it was."""
    app = fediverse.register()
    old = fediverse.exchange(app, fediverse.code(app)).json()
    form = {"client_id": app.client_id, "client_secret": app.client_secret}
    form |= {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
    new = fediverse.post("/oauth/token", **form).json()
    found = [fediverse.whoami(one["access_token"]).status_code for one in (old, new)]
    assert (found, new["refresh_token"]) == ([403, 200], old["refresh_token"])


def test_revoke_without_a_client(fediverse: Fediverse) -> None:
    """The token alone is enough to revoke it."""
    token = fediverse.token(fediverse.register())
    answer = fediverse.post("/oauth/revoke", token=token)
    found = (answer.status_code, answer.json(), fediverse.whoami(token).status_code)
    assert found == (200, {}, 403)


@pytest.mark.parametrize("token", ["unknown", ""])
def test_revoke_unknown(fediverse: Fediverse, token: str) -> None:
    """What is no token is 200, too, whoever asks."""
    app = fediverse.register()
    answer = fediverse.revoke(app, token, client_secret="wrong")
    assert (answer.status_code, answer.json()) == (200, {})


def test_revoke_nothing(fediverse: Fediverse) -> None:
    """Without a token it is a bad request, which here is 500."""
    answer = fediverse.post("/oauth/revoke")
    assert (answer.status_code, answer.json()) == (500, {"error": "Bad request"})


@pytest.mark.parametrize("token", ["unknown", "app"])
def test_no_user(fediverse: Fediverse, token: str) -> None:
    """A token that is unknown, or an application's own, is 403 where a user is needed."""
    if token == "app":
        token = fediverse.app_token(fediverse.register())
    answer = fediverse.whoami(token)
    assert (answer.status_code, answer.json()) == (403, {"error": "Invalid credentials."})


@pytest.mark.parametrize(
    ("scope", "status"),
    [("read", 200), ("read:accounts", 200), ("write", 403), ("profile", 403)],
)
def test_verify(fediverse: Fediverse, scope: str, status: int) -> None:
    """Whose token it is needs `read:accounts`, of which `read` is enough."""
    token = fediverse.token(fediverse.register(scopes=scope), scope=scope)
    answer = fediverse.whoami(token)
    assert answer.status_code == status
    if status == 403:
        assert answer.json() == {"error": "Insufficient permissions: read:accounts."}


def test_apps_verify(fediverse: Fediverse) -> None:
    """Any token tells its application; without one nothing matches, which is 400."""
    token = fediverse.token(fediverse.register(scopes="write"), scope="write")
    path = "/api/v1/apps/verify_credentials"
    known, unknown = fediverse.get(path, token), fediverse.get(path, "unknown")
    assert (known.json(), unknown.status_code) == ({"name": "Bot", "website": None}, 400)


@pytest.mark.parametrize(("seconds", "status"), [(900, 200), (901, 400)])
def test_unused_application(fediverse: Fediverse, clock: Clock, seconds: int, status: int) -> None:
    """An application that nobody got a token for is deleted after fifteen minutes, code and all."""
    app = fediverse.register()
    code = fediverse.code(app)
    clock.now += seconds
    assert fediverse.exchange(app, code).status_code == status


def test_used_application(fediverse: Fediverse, clock: Clock) -> None:
    """An application that somebody got a token for stays, even after its end."""
    app = fediverse.register()
    fediverse.revoke(app, fediverse.token(app))
    clock.now += 86_400
    assert fediverse.exchange(app, fediverse.code(app)).status_code == 200


@pytest.mark.parametrize("value", ["false", "False", "0", ""])
def test_token_exists(fediverse: Fediverse, value: str) -> None:
    """`force_login` that is there and false shows the session's ACCESS TOKEN in place of a code.

    It is the front end's: whose application the token belongs to is not looked at.
    """
    shown = log_in(fediverse).approve(fediverse.link(fediverse.register(), force_login=value))
    token = fediverse.sandbox.instance.live_tokens("alice")[0]
    assert (shown, token.application.name) == (token.token, "PleromaFE")


@pytest.mark.parametrize("changes", [{}, {"force_login": "true"}])
def test_session_without_force_login(fediverse: Fediverse, changes: Mapping[str, str]) -> None:
    """Without `force_login`, or with a true one, a known person is asked, without a password."""
    app = fediverse.register()
    person = log_in(fediverse)
    assert "Signed in as @alice" in person.look(fediverse.link(app, **changes))
    assert fediverse.exchange(app, person.approve(fediverse.link(app, **changes))).is_success


def test_no_session(fediverse: Fediverse) -> None:
    """A browser without a session gets a code, whatever `force_login` says."""
    app = fediverse.register()
    code = fediverse.code(app, force_login="false")
    assert fediverse.exchange(app, code).status_code == 200


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"client_id": "nobody"}, 'Unknown OAuth app client_id: "nobody"'),
        ({"redirect_uri": "https://other.example/"}, "Redirect URI not requested by the app"),
        ({"scope": "push"}, "This action is outside the authorized scopes"),
        ({"scope": "write:statuses"}, "This action is outside the authorized scopes"),
    ],
)
def test_wrong_links(fediverse: Fediverse, changes: Mapping[str, str], text: str) -> None:
    """A wrong request is found out when the form is sent, and told on the same page.

    A part of a scope that the application has is not offered by the form, so none is granted.
    """
    app = fediverse.register()
    with pytest.raises(PersonStuckError, match=text):
        fediverse.code(app, **changes)


def test_suspended(fediverse: Fediverse) -> None:
    """A suspended account can neither approve nor act."""
    app = fediverse.register()
    token = fediverse.token(app)
    fediverse.sandbox.instance.accounts[0].state = "suspended"
    assert fediverse.whoami(token).status_code == 403
    with pytest.raises(PersonStuckError, match="Your account is currently disabled"):
        fediverse.code(app)


def test_idempotency_key(fediverse: Fediverse) -> None:
    """The same Idempotency-Key is answered as before, and there is one post."""
    token = fediverse.token(fediverse.register())
    answers = [post(fediverse, token, "one") for _ in range(2)]
    found = (answers[0].json(), answers[1].headers["Idempotent-Replayed"])
    assert found == (answers[1].json(), "true")
    assert len(fediverse.sandbox.instance.statuses) == 1


def test_idempotency_key_of_another(fediverse: Fediverse) -> None:
    """Even another account with the same key is shown the first one's post."""
    app = fediverse.register()
    alice, bot = fediverse.token(app), fediverse.token(app, "bot")
    post(fediverse, alice, "one", "Tea")
    assert "Tea" in post(fediverse, bot, "one", "Coffee").json()["content"]


def test_idempotency_lifetime(fediverse: Fediverse, clock: Clock) -> None:
    """A key is forgotten after six hours."""
    token = fediverse.token(fediverse.register())
    post(fediverse, token, "one")
    clock.now += 6 * 3600
    post(fediverse, token, "one")
    assert len(fediverse.sandbox.instance.statuses) == 2
