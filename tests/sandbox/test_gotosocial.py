"""GoToSocial 0.20, row by row as it was measured."""

import re
from collections.abc import Mapping

import httpx
import pytest

from provisioner.sandbox import PersonStuckError
from tests.sandbox.hands import OOB, Clock, Fediverse, Registered

NO_ROWS = (400, "sql: no rows in result set")


@pytest.fixture
def personality() -> str:
    """The server that the instance plays."""
    return "gotosocial"


def outcome(answer: httpx.Response) -> tuple[int, str]:
    """Return a refusal's status and error."""
    return answer.status_code, answer.json()["error"]


def test_user_agent(fediverse: Fediverse) -> None:
    """Without a User-Agent it is a teapot."""
    del fediverse.http.headers["User-Agent"]
    fediverse.http.headers["User-Agent"] = ""
    answer = fediverse.http.get("/api/v1/instance")
    told = {"error": "I'm a teapot: no user-agent sent with request"}
    assert (answer.status_code, answer.json()) == (418, told)


@pytest.mark.parametrize("accept", ["text/html", "text/plain", "application/xml, text/html"])
def test_accept(fediverse: Fediverse, accept: str) -> None:
    """An Accept that does not allow JSON is 406."""
    headers = {"Accept": accept}
    assert fediverse.http.get("/api/v1/instance", headers=headers).status_code == 406


@pytest.mark.parametrize("accept", ["", "*/*", "application/*", "text/html, application/json"])
def test_accepts(fediverse: Fediverse, accept: str) -> None:
    """An Accept that allows JSON in any way will do, and so does none."""
    headers = {"Accept": accept}
    assert fediverse.http.get("/api/v1/instance", headers=headers).status_code == 200


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_version(fediverse: Fediverse, version: str) -> None:
    """Both descriptions tell its own version."""
    body = fediverse.http.get(f"/api/{version}/instance").json()
    assert re.fullmatch(r"0\.20\.0\S*\+git-\w+", body["version"])


def test_no_metadata(fediverse: Fediverse) -> None:
    """There is no metadata of RFC 8414."""
    answer = fediverse.http.get("/.well-known/oauth-authorization-server")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})


def test_rate_limit_headers(fediverse: Fediverse) -> None:
    """Each answer of the API tells of the limit, with an ISO 8601 reset."""
    headers = fediverse.http.get("/api/v1/instance").headers
    found = [headers[f"X-Ratelimit-{name}"] for name in ("Limit", "Remaining", "Reset")]
    assert found == ["300", "299", "2027-01-15T08:05:00.000Z"]


def test_rate_limit(fediverse: Fediverse) -> None:
    """Beyond the limit it is 429, and no Retry-After says how long."""
    fediverse.sandbox.instance.store.requests.limit = 1
    fediverse.http.get("/api/v1/instance")
    answer = fediverse.http.get("/api/v1/instance")
    assert (outcome(answer), answer.headers.get("Retry-After")) == (
        (429, "rate limit reached"),
        None,
    )


def test_registrations_are_not_limited(fediverse: Fediverse) -> None:
    """There is no limit of its own for registrations."""
    assert [fediverse.apply().status_code for _ in range(6)] == 6 * [200]


def test_booting(fediverse: Fediverse) -> None:
    """While it boots, everything is 503 with a page and two Retry-After headers."""
    fediverse.sandbox.instance.booting = True
    answer = fediverse.http.get("/api/v1/instance")
    after = answer.headers.get_list("Retry-After")
    fediverse.sandbox.instance.booting = False
    assert (answer.status_code, after) == (503, ["120", "Fri, 15 Jan 2027 08:04:03 GMT"])
    assert fediverse.http.get("/api/v1/instance").status_code == 200


def test_registration(fediverse: Fediverse) -> None:
    """The answer tells scopes, redirect URIs, a ULID and a UUID, and nothing of an end."""
    body = fediverse.apply().json()
    assert (body["scopes"], body["redirect_uris"], set(body)) == (
        ["read", "write"],
        [OOB],
        {
            "id",
            "created_at",
            "name",
            "redirect_uri",
            "redirect_uris",
            "client_id",
            "client_secret",
            "vapid_key",
            "scopes",
        },
    )
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26} [0-9a-f-]{36}", " ".join(_secrets(body)))


def _secrets(body: Mapping[str, str]) -> tuple[str, str]:
    return body["client_id"], body["client_secret"]


def test_any_scope(fediverse: Fediverse) -> None:
    """Any scope can be registered."""
    assert fediverse.apply(scopes="make:tea").json()["scopes"] == ["make:tea"]


def test_redirect_uris_as_array(fediverse: Fediverse) -> None:
    """In JSON an array is 400; as `redirect_uris[]` it silently becomes out of band."""
    uris = ["http://127.0.0.1/callback"]
    json = fediverse.http.post("/api/v1/apps", json={"client_name": "B", "redirect_uris": uris})
    form = fediverse.http.post("/api/v1/apps", data={"client_name": "B", "redirect_uris[]": uris})
    assert (json.status_code, form.json()["redirect_uris"]) == (400, [OOB])


@pytest.mark.parametrize("changes", [{"client_name": ""}, {"scopes": "x" * 1025}])
def test_registration_refused(fediverse: Fediverse, changes: Mapping[str, str]) -> None:
    """A field that is missing or too long is 400."""
    assert fediverse.apply(**changes).status_code == 400


@pytest.mark.parametrize("scope", ["make:tea", "follow", "admin:read"])
def test_scope_fails_after_consent(fediverse: Fediverse, scope: str) -> None:
    """A scope that is not permitted fails when *Allow* is pressed, at what no browser can open."""
    app = fediverse.register(scopes="read write")
    with pytest.raises(PersonStuckError, match=rf"open {OOB}\?error=invalid_scope&error_desc"):
        fediverse.code(app, scope=scope)


def test_granular_scope(fediverse: Fediverse) -> None:
    """A granular scope is granted to an application with the broad one."""
    app = fediverse.register(scopes="write")
    answer = fediverse.exchange(app, fediverse.code(app, scope="write:statuses"))
    assert answer.json()["scope"] == "write:statuses"


def test_code(fediverse: Fediverse) -> None:
    """A code has 48 upper-case letters and digits."""
    assert re.fullmatch(r"[A-Z0-9]{48}", fediverse.code(fediverse.register()))


def test_revoke_between_code_and_exchange(fediverse: Fediverse) -> None:
    """A code outlives the end of the old token."""
    app = fediverse.register()
    old = fediverse.token(app)
    code = fediverse.code(app)
    fediverse.revoke(app, old)
    assert fediverse.exchange(app, code).status_code == 200


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(301, (400, "invalid_grant")), (600, (400, "invalid_grant")), (601, NO_ROWS)],
)
def test_expired_code(
    fediverse: Fediverse, clock: Clock, seconds: int, expected: tuple[int, str]
) -> None:
    """After five minutes a code is refused, and after ten it is gone."""
    app = fediverse.register()
    code = fediverse.code(app)
    clock.now += seconds
    assert outcome(fediverse.exchange(app, code)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code": "WRONG"}, NO_ROWS),
        ({"code": "{code} "}, NO_ROWS),
        ({"client_id": "WRONG"}, NO_ROWS),
        ({"client_id": ""}, (400, "invalid_client")),
        ({"client_secret": "wrong"}, (400, "invalid_client")),
        ({"redirect_uri": "https://other.example/"}, (403, "invalid redirect uri")),
        ({"redirect_uri": ""}, (400, "invalid_request")),
        ({"grant_type": "password"}, (400, "invalid_request")),
        ({"grant_type": "refresh_token"}, (400, "invalid_request")),
    ],
)
def test_refusals(
    fediverse: Fediverse, changes: Mapping[str, str], expected: tuple[int, str]
) -> None:
    """Each cause has its status and error, and leaves the code good."""
    app = fediverse.register()
    code = fediverse.code(app)
    filled = {name: value.format(code=code) for name, value in changes.items()}
    answer = fediverse.exchange(app, **{"code": code, **filled})
    again = fediverse.exchange(app, code).status_code
    assert (outcome(answer), again) == (expected, 200)


def test_no_password_grant(fediverse: Fediverse) -> None:
    """A password gives no token."""
    app = fediverse.register()
    form = {"client_id": app.client_id, "client_secret": app.client_secret, "redirect_uri": OOB}
    answer = fediverse.post("/oauth/token", grant_type="password", **form)
    assert outcome(answer) == (400, "unsupported_grant_type")


def test_used_code(fediverse: Fediverse) -> None:
    """A used code is as unknown as a wrong one, and its token stays alive."""
    app = fediverse.register()
    code = fediverse.code(app)
    token = fediverse.exchange(app, code).json()["access_token"]
    again = outcome(fediverse.exchange(app, code))
    assert (again, fediverse.whoami(token).status_code) == (NO_ROWS, 200)


def test_scope_is_ignored(fediverse: Fediverse) -> None:
    """A scope parameter at the exchange changes nothing."""
    app = fediverse.register()
    answer = fediverse.exchange(app, fediverse.code(app), scope="read")
    assert answer.json()["scope"] == "read write"


def test_basic_is_refused(fediverse: Fediverse) -> None:
    """HTTP Basic does not authenticate an application."""
    app = fediverse.register()
    form = {
        "grant_type": "authorization_code",
        "code": fediverse.code(app),
        "redirect_uri": OOB,
    }
    answer = fediverse.http.post("/oauth/token", data=form, auth=(app.client_id, app.client_secret))
    assert outcome(answer) == (400, "invalid_request")


def test_state(fediverse: Fediverse) -> None:
    """The state stands in the address of the page that shows the code."""
    seen: list[str] = []
    fediverse.sandbox.instance.observers.append(
        lambda request, _: seen.append(f"{request.path}?{request.query}")
    )
    fediverse.code(fediverse.register(), state="xyz")
    assert re.fullmatch(r"/oauth/oob\?code=[A-Z0-9]{48}&state=xyz", seen[-1])


def test_signs_in_each_time(fediverse: Fediverse) -> None:
    """The session ends with the page that shows the code: each time the password is asked for."""
    seen: list[str] = []
    app = fediverse.register()
    fediverse.code(app)
    fediverse.sandbox.instance.observers.append(lambda request, _: seen.append(request.path))
    fediverse.code(app)
    assert "/auth/sign_in" in seen


def test_only_the_address_signs_in(fediverse: Fediverse) -> None:
    """A user name is not enough to sign in."""
    person = {"password": "alice-password"}
    names = ("alice", "alice@example.org")
    answers = [fediverse.post("/auth/sign_in", username=name, **person) for name in names]
    assert [one.status_code for one in answers] == [401, 302]


def test_unknown_application(fediverse: Fediverse) -> None:
    """An unknown application is found out after the sign-in only."""
    text = fediverse.person().look(fediverse.link(Registered("nobody", "")))
    assert "db error getting app for clientID nobody" in text


def revoke_form(app: Registered, token: str) -> dict[str, str]:
    """Return what revokes a token."""
    return {"client_id": app.client_id, "client_secret": app.client_secret, "token": token}


def test_revoke(fediverse: Fediverse) -> None:
    """A revoked token is 401, as an unknown one."""
    app = fediverse.register()
    token = fediverse.token(app)
    answer = fediverse.revoke(app, token)
    after = [outcome(fediverse.whoami(one)) for one in (token, "unknown")]
    assert (answer.status_code, answer.json(), after) == (
        200,
        {},
        2 * [(401, "Unauthorized: token not supplied")],
    )


def test_revoke_by_json(fediverse: Fediverse) -> None:
    """A JSON body is not read."""
    app = fediverse.register()
    answer = fediverse.http.post("/oauth/revoke", json=revoke_form(app, fediverse.token(app)))
    assert outcome(answer) == (400, "invalid_request")


def test_revoke_by_basic(fediverse: Fediverse) -> None:
    """HTTP Basic is not read."""
    app = fediverse.register()
    auth = (app.client_id, app.client_secret)
    answer = fediverse.http.post("/oauth/revoke", data={"token": "unknown"}, auth=auth)
    assert outcome(answer) == (400, "invalid_request")


def test_revoke_unknown(fediverse: Fediverse) -> None:
    """An unknown token is 200, even with a wrong secret."""
    answer = fediverse.revoke(fediverse.register(), "unknown", client_secret="wrong")
    assert (answer.status_code, answer.json()) == (200, {})


def test_revoke_refused(fediverse: Fediverse) -> None:
    """A wrong secret and another application are 403, and the token stays alive."""
    app, other = fediverse.register(), fediverse.register()
    token = fediverse.token(app)
    answers = [
        fediverse.revoke(app, token, client_secret="wrong"),
        fediverse.revoke(other, token),
    ]
    assert [outcome(one) for one in answers] == 2 * [(403, "unauthorized_client")]
    assert fediverse.whoami(token).status_code == 200


@pytest.mark.parametrize(
    ("scope", "status"),
    [("write:statuses", 403), ("profile", 200), ("read:accounts", 200), ("read", 200)],
)
def test_verify(fediverse: Fediverse, scope: str, status: int) -> None:
    """Whose token it is needs `profile` or `read:accounts`."""
    token = fediverse.token(fediverse.register(scopes=scope), scope=scope)
    assert fediverse.whoami(token).status_code == status


def test_app_token(fediverse: Fediverse) -> None:
    """An application's own token is 401 where a user is needed."""
    app = fediverse.register()
    form = {"client_id": app.client_id, "client_secret": app.client_secret, "redirect_uri": OOB}
    body = fediverse.post("/oauth/token", grant_type="client_credentials", **form).json()
    answer = fediverse.whoami(body["access_token"])
    assert outcome(answer) == (401, "Unauthorized: user not supplied or not authorized")


def test_suspended(fediverse: Fediverse) -> None:
    """A suspended account's token is 401."""
    token = fediverse.token(fediverse.register())
    fediverse.sandbox.instance.accounts[0].state = "suspended"
    assert fediverse.whoami(token).status_code == 401


def test_apps_verify(fediverse: Fediverse) -> None:
    """There is no `apps/verify_credentials`."""
    token = fediverse.token(fediverse.register())
    assert fediverse.get("/api/v1/apps/verify_credentials", token).status_code == 404


@pytest.mark.parametrize(
    ("resource", "status"),
    [("", 400), ("acct:alice@example.com", 400), ("acct:nobody@{domain}", 404)],
)
def test_webfinger_refusals(fediverse: Fediverse, resource: str, status: int) -> None:
    """Another host is 400, a stranger 404."""
    query = {"resource": resource.format(domain=fediverse.sandbox.instance.domain)}
    assert fediverse.http.get("/.well-known/webfinger", params=query).status_code == status
