"""Pixelfed 0.12, as its code and its users tell."""

import re
from collections.abc import Mapping

import httpx
import pytest

from provisioner.sandbox import PersonStuckError
from tests.sandbox.hands import OOB, VERIFIER, Clock, Fediverse

YEAR = 365 * 86_400


@pytest.fixture
def personality() -> str:
    """The server that the instance plays."""
    return "pixelfed"


def post(fediverse: Fediverse, token: str, key: str = "", **fields: str) -> httpx.Response:
    """Post something."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    return fediverse.http.post("/api/v1/statuses", data=fields, headers=headers)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_version(fediverse: Fediverse, version: str) -> None:
    """Both descriptions claim an old Mastodon's interface, and tell the version in brackets."""
    body = fediverse.http.get(f"/api/{version}/instance").json()
    assert body["version"] == "3.5.3 (compatible; Pixelfed 0.12.6)"


def test_no_metadata(fediverse: Fediverse) -> None:
    """There is no metadata of RFC 8414."""
    answer = fediverse.http.get("/.well-known/oauth-authorization-server")
    assert answer.status_code == 404


def test_registration(fediverse: Fediverse) -> None:
    """Scopes and website are ignored, the name is escaped, and the client id is a number."""
    body = fediverse.apply(
        client_name="Tea & Bot", website="https://example.org", scopes="make:tea"
    ).json()
    assert re.fullmatch(r"[A-Za-z0-9]{40}", body.pop("client_secret"))
    assert body == {
        "id": "1",
        "name": "Tea &amp; Bot",
        "website": None,
        "redirect_uri": OOB,
        "client_id": "1",
        "vapid_key": None,
    }


@pytest.mark.parametrize(("accept", "status"), [("*/*", 302), ("application/json", 500)])
def test_registration_refused(fediverse: Fediverse, accept: str, status: int) -> None:
    """A field that is missing leads elsewhere, and is 500 for who asks for JSON."""
    headers = {"Accept": accept}
    answer = fediverse.http.post("/api/v1/apps", data={"client_name": "B"}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "scope", ["profile", "read:accounts", "write:statuses", "admin:read:accounts"]
)
def test_granular_scope(fediverse: Fediverse, scope: str) -> None:
    """A part of a scope is unknown, and that is said to an address that no browser can open."""
    app = fediverse.register(scopes=scope)
    expected = rf"open {OOB}\?error=invalid_scope&.*&hint=Check\+the\+%60.*%60\+scope&message="
    with pytest.raises(PersonStuckError, match=expected):
        fediverse.code(app, scope=scope)


@pytest.mark.parametrize("scope", ["read write follow push", "admin:read admin:write"])
def test_scopes(fediverse: Fediverse, scope: str) -> None:
    """There are six scopes, and registering some or none of them changes nothing."""
    app = fediverse.register(scopes="read")
    fediverse.token(app, scope=scope)
    assert fediverse.sandbox.instance.tokens[0].scopes == tuple(scope.split())


def test_token(fediverse: Fediverse, clock: Clock) -> None:
    """A token is a JWT with an end in a year and a refresh token; its scopes are not told."""
    app = fediverse.register()
    body = fediverse.exchange(app, fediverse.code(app)).json()
    token, refresh_token = body.pop("access_token"), body.pop("refresh_token")
    assert body == {"token_type": "Bearer", "expires_in": YEAR, "created_at": int(clock.now)}
    assert re.fullmatch(r"eyJ[\w-]+\.[\w-]+\.[\w-]{683}", token)
    assert re.fullmatch(r"def50200[0-9a-f]{800}", refresh_token)


def test_new_token_for_another_application(fediverse: Fediverse) -> None:
    """Another application's token is another token, and both work."""
    old, new = (fediverse.token(fediverse.register()) for _ in range(2))
    assert [fediverse.whoami(one).status_code for one in (old, new)] == [200, 200]


def test_same_application_again(fediverse: Fediverse) -> None:
    """With a token of the same scopes nobody is asked, and the code goes where no browser can."""
    app = fediverse.register()
    fediverse.token(app)
    with pytest.raises(PersonStuckError, match=rf"open {OOB}\?code=def50200") as stuck:
        fediverse.code(app)
    code = str(stuck.value).rpartition("code=")[2]
    assert fediverse.exchange(app, code).status_code == 200


@pytest.mark.parametrize("changes", [{"prompt": "consent"}, {"scope": "write read"}])
def test_asked_again(fediverse: Fediverse, changes: Mapping[str, str]) -> None:
    """With `prompt=consent`, or with the scopes in another order, the person is asked again."""
    app = fediverse.register()
    old = fediverse.token(app)
    assert fediverse.token(app, **changes) != old


@pytest.mark.parametrize(
    ("changes", "status", "error", "hint"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", None),
        ({"client_id": "99"}, 401, "invalid_client", None),
        ({"redirect_uri": "https://other.example/"}, 401, "invalid_client", None),
        ({"redirect_uri": ""}, 400, "invalid_request", "Check the `redirect_uri` parameter"),
        ({"code": "wrong"}, 400, "invalid_request", "Cannot decrypt the authorization code"),
        ({"code": ""}, 400, "invalid_request", "Check the `code` parameter"),
        ({"grant_type": "password"}, 401, "invalid_client", None),
        (
            {"grant_type": "tea"},
            400,
            "unsupported_grant_type",
            "Check that all required parameters have been provided",
        ),
    ],
)
def test_refusals(
    fediverse: Fediverse, changes: Mapping[str, str], status: int, error: str, hint: str | None
) -> None:
    """Each cause has League's error and hint, and leaves the code good."""
    app = fediverse.register()
    code = fediverse.code(app)
    answer = fediverse.exchange(app, **{"code": code, **changes})
    body = answer.json()
    again = fediverse.exchange(app, code).status_code
    found = (answer.status_code, body["error"], body.get("hint"), again)
    assert found == (status, error, hint, 200)
    assert body["message"] == body["error_description"]


def test_refusal_for_json(fediverse: Fediverse) -> None:
    """Who asks for JSON gets 500 and one sentence for every error of OAuth."""
    app = fediverse.register()
    fediverse.http.headers["Accept"] = "application/json"
    answer = fediverse.exchange(app, "code", client_secret="wrong")
    assert (answer.status_code, answer.json()) == (500, {"error": "Client authentication failed"})


def test_white_space_is_trimmed(fediverse: Fediverse) -> None:
    """White space around a code does not matter."""
    app = fediverse.register()
    assert fediverse.exchange(app, f" {fediverse.code(app)}\n").status_code == 200


def test_used_code(fediverse: Fediverse) -> None:
    """A used code is refused as revoked, and its token stays alive."""
    app = fediverse.register()
    code = fediverse.code(app)
    token = fediverse.exchange(app, code).json()["access_token"]
    hint = fediverse.exchange(app, code).json()["hint"]
    found = (hint, fediverse.whoami(token).status_code)
    assert found == ("Authorization code has been revoked", 200)


def test_pkce(fediverse: Fediverse, challenge: Mapping[str, str]) -> None:
    """The right verifier exchanges a code with an S256 challenge."""
    app = fediverse.register()
    code = fediverse.code(app, **challenge)
    assert fediverse.exchange(app, code, code_verifier=VERIFIER).status_code == 200


@pytest.mark.parametrize(
    ("verifier", "error"),
    [("", "invalid_request"), ("short", "invalid_request"), ("w" * 43, "invalid_grant")],
)
def test_wrong_verifier(
    fediverse: Fediverse, challenge: Mapping[str, str], verifier: str, error: str
) -> None:
    """A verifier that is missing, malformed or wrong is refused."""
    app = fediverse.register()
    answer = fediverse.exchange(app, fediverse.code(app, **challenge), code_verifier=verifier)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_verifier_without_challenge(fediverse: Fediverse) -> None:
    """A verifier where there was no challenge is refused."""
    app = fediverse.register()
    answer = fediverse.exchange(app, fediverse.code(app), code_verifier=VERIFIER)
    hint = "code_verifier received when no code_challenge is present"
    assert (answer.status_code, answer.json()["hint"]) == (400, hint)


def test_no_revocation(fediverse: Fediverse) -> None:
    """There is nothing at /oauth/revoke, and the token stays alive."""
    app = fediverse.register()
    token = fediverse.token(app)
    found = (fediverse.revoke(app, token).status_code, fediverse.whoami(token).status_code)
    assert found == (404, 200)


def test_refresh_token(fediverse: Fediverse) -> None:
    """A refresh token replaces the token and itself; both old ones are dead then."""
    app = fediverse.register()
    old = fediverse.exchange(app, fediverse.code(app)).json()
    form = {"client_id": app.client_id, "client_secret": app.client_secret}
    form |= {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
    new = fediverse.post("/oauth/token", **form).json()
    again = fediverse.post("/oauth/token", **form).status_code
    found = [fediverse.whoami(one["access_token"]).status_code for one in (old, new)]
    assert (found, again) == ([302, 200], 400)


@pytest.mark.parametrize("how", ["unknown", "revoked", "expired", "app"])
def test_dead_token(fediverse: Fediverse, clock: Clock, how: str) -> None:
    """A token that does not work leads to the sign-in, and nothing says 401."""
    app = fediverse.register()
    token = "unknown" if how == "unknown" else fediverse.token(app)
    if how == "revoked":
        fediverse.sandbox.instance.revoke_access("alice")
    elif how == "expired":
        clock.now += YEAR
    elif how == "app":
        token = fediverse.app_token(app)
    answer = fediverse.whoami(token)
    login = f"{fediverse.sandbox.instance.origin}/login"
    assert (answer.status_code, answer.headers["Location"]) == (302, login)


def test_dead_token_for_json(fediverse: Fediverse) -> None:
    """Who asks for JSON gets 500 for a token that does not work."""
    fediverse.http.headers["Accept"] = "application/json"
    answer = fediverse.whoami("unknown")
    assert (answer.status_code, answer.json()) == (500, {"error": "Unauthenticated."})


def test_expired_token_is_not_live(fediverse: Fediverse, clock: Clock) -> None:
    """After a year the instance says itself that a token is dead."""
    token = fediverse.token(fediverse.register())
    clock.now += YEAR - 1
    before = fediverse.sandbox.instance.is_live(token)
    clock.now += 1
    assert (before, fediverse.sandbox.instance.is_live(token)) == (True, False)


@pytest.mark.parametrize(("scope", "status"), [("read", 200), ("write", 403)])
def test_verify(fediverse: Fediverse, scope: str, status: int) -> None:
    """Whose token it is needs `read`."""
    token = fediverse.token(fediverse.register(), scope=scope)
    assert fediverse.whoami(token).status_code == status


def test_apps_verify(fediverse: Fediverse) -> None:
    """Any token of an account tells its application."""
    token = fediverse.token(fediverse.register(), scope="write")
    body = fediverse.get("/api/v1/apps/verify_credentials", token).json()
    assert body == {"name": "Bot", "website": None, "vapid_key": None}


def test_a_post_needs_a_picture(fediverse: Fediverse) -> None:
    """A text alone is refused."""
    token = fediverse.token(fediverse.register())
    found = [
        post(fediverse, token, status="Hi", **one).status_code for one in ({}, {"media_ids": "1"})
    ]
    assert found == [403, 200]


def test_idempotency_key(fediverse: Fediverse) -> None:
    """The same Idempotency-Key is refused the second time."""
    token = fediverse.token(fediverse.register())
    answers = [post(fediverse, token, "one", status="Hi", media_ids="1") for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 400]


def test_denial(fediverse: Fediverse) -> None:
    """A denial is told to an address that no browser can open."""
    with pytest.raises(PersonStuckError, match=rf"open {OOB}\?error=access_denied"):
        fediverse.person().deny(fediverse.link(fediverse.register()))


def test_wrong_link(fediverse: Fediverse) -> None:
    """An unknown application or redirect URI is JSON, before anybody signs in."""
    app = fediverse.register()
    links = [
        fediverse.link(app, client_id="99"),
        fediverse.link(app, redirect_uri="https://other.example/"),
    ]
    answers = [fediverse.http.get(link) for link in links]
    found = [(one.status_code, one.json()["error"]) for one in answers]
    assert found == 2 * [(401, "invalid_client")]


@pytest.mark.parametrize("resource", ["", "acct:nobody@{domain}", "acct:alice@example.com"])
def test_webfinger_refusals(fediverse: Fediverse, resource: str) -> None:
    """Whatever is not right is an empty 400."""
    query = {"resource": resource.format(domain=fediverse.sandbox.instance.domain)}
    answer = fediverse.http.get("/.well-known/webfinger", params=query)
    assert (answer.status_code, answer.content) == (400, b"")
