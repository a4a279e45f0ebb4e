"""Mastodon 4.2: what is not there yet, and what is still there."""

from collections.abc import Mapping

import httpx
import pytest

from provisioner.sandbox import Instance
from tests.sandbox.hands import OOB, VERIFIER, Clock, Fediverse, Registered

DAY = 86_400


@pytest.fixture
def personality() -> str:
    """The server that the instance plays."""
    return "mastodon-4.2"


def by_password(fediverse: Fediverse, app: Registered, **changes: str) -> httpx.Response:
    """Send alice's password for a token."""
    form = {
        "grant_type": "password",
        "username": "alice@example.org",
        "password": "alice-password",
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "scope": "read write",
    }
    return fediverse.post("/oauth/token", **{**form, **changes})


@pytest.mark.parametrize("path", ["v1", "v2"])
def test_version(fediverse: Fediverse, path: str) -> None:
    """It says that it is 4.2.8."""
    assert fediverse.http.get(f"/api/{path}/instance").json()["version"] == "4.2.8"


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/oauth/userinfo"])
def test_not_there_yet(fediverse: Fediverse, path: str) -> None:
    """Metadata came with 4.3, the endpoint about users with 4.4."""
    assert fediverse.http.get(path).status_code == 404


@pytest.mark.parametrize("scope", ["profile", "read:collections", "write:collections"])
def test_scopes_of_later_versions(fediverse: Fediverse, scope: str) -> None:
    """A scope that came later cannot be registered."""
    answer = fediverse.apply(scopes=f"read {scope}")
    assert (answer.status_code, answer.json()) == (
        422,
        {"error": "Validation failed: Scopes doesn't match configured on the server."},
    )


def test_crypto(fediverse: Fediverse) -> None:
    """The scope `crypto` is still there."""
    assert fediverse.apply(scopes="crypto").status_code == 200


def test_fields(fediverse: Fediverse) -> None:
    """The answer to a registration tells neither scopes nor when the secret ends."""
    assert set(fediverse.apply().json()) == {
        "id",
        "name",
        "website",
        "redirect_uri",
        "client_id",
        "client_secret",
        "vapid_key",
    }


def test_redirect_uris_as_array(fediverse: Fediverse) -> None:
    """An array of redirect URIs is dropped, and then there are none."""
    body = {"client_name": "Bot", "redirect_uris": [OOB]}
    answer = fediverse.http.post("/api/v1/apps", json=body)
    assert (answer.status_code, answer.json()) == (
        422,
        {"error": "Validation failed: Redirect URI can't be blank"},
    )


def test_no_limit(fediverse: Fediverse) -> None:
    """Any number of applications may be registered: the limit came with 4.2.9."""
    answers = [fediverse.apply() for _ in range(6)]
    assert (answers[-1].status_code, "X-RateLimit-Limit" in answers[-1].headers) == (200, False)


@pytest.mark.parametrize("verifier", [{}, {"code_verifier": VERIFIER}, {"code_verifier": "x"}])
def test_challenge_is_ignored(
    fediverse: Fediverse, challenge: Mapping[str, str], verifier: Mapping[str, str]
) -> None:
    """A code with a challenge is exchanged without a verifier, and with any."""
    app = fediverse.register()
    assert fediverse.exchange(app, fediverse.code(app, **challenge), **verifier).status_code == 200


def test_plain_is_ignored(fediverse: Fediverse) -> None:
    """Even a challenge method that 4.3 refuses is no hindrance."""
    app = fediverse.register()
    assert fediverse.code(app, code_challenge="x", code_challenge_method="plain")


def test_verifier_alone_is_ignored(fediverse: Fediverse) -> None:
    """A verifier without a challenge is no hindrance."""
    app = fediverse.register()
    assert fediverse.exchange(app, fediverse.code(app), code_verifier=VERIFIER).status_code == 200


def test_password_grant(fediverse: Fediverse) -> None:
    """The e-mail address and the password give a token."""
    app = fediverse.register()
    answer = by_password(fediverse, app, scope="read")
    assert (answer.status_code, answer.json()["scope"]) == (200, "read")
    assert fediverse.whoami(answer.json()["access_token"]).json()["username"] == "alice"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"username": "alice"}, (400, "invalid_grant")),
        ({"password": "wrong"}, (400, "invalid_grant")),
        ({"scope": "push"}, (400, "invalid_scope")),
    ],
)
def test_password_grant_refusals(
    fediverse: Fediverse, changes: Mapping[str, str], expected: tuple[int, str]
) -> None:
    """The client, then the person, then the scopes must be right; a user name is none."""
    answer = by_password(fediverse, fediverse.register(), **changes)
    assert (answer.status_code, answer.json()["error"]) == expected


def test_two_factor_authentication(fediverse: Fediverse) -> None:
    """With a second factor, the right password is refused in the words for a wrong one."""
    fediverse.sandbox.instance.accounts[0].two_factor = True
    answer = by_password(fediverse, fediverse.register())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_reuse(fediverse: Fediverse) -> None:
    """The same application, account and scopes get the same token, as in 4.7."""
    app = fediverse.register()
    assert fediverse.token(app) == fediverse.token(app)


@pytest.mark.parametrize(("scope", "status"), [("write", 403), ("read", 200)])
def test_application_needs_read(fediverse: Fediverse, scope: str, status: int) -> None:
    """Only a token that may read learns which application it belongs to."""
    app = fediverse.register()
    token = fediverse.token(app, scope=scope)
    answer = fediverse.get("/api/v1/apps/verify_credentials", token)
    told = {"name", "website", "vapid_key"} if status == 200 else {"error"}
    assert (answer.status_code, set(answer.json())) == (status, told)


@pytest.mark.parametrize(("seconds", "status"), [(DAY, 200), (DAY + 1, 401)])
def test_unused_application(fediverse: Fediverse, clock: Clock, seconds: int, status: int) -> None:
    """An application without a token and a code vanishes after a day."""
    app = fediverse.register()
    clock.now += seconds
    form = {"client_id": app.client_id, "client_secret": app.client_secret}
    answer = fediverse.post("/oauth/token", grant_type="client_credentials", **form)
    assert answer.status_code == status


def test_used_application(fediverse: Fediverse, clock: Clock) -> None:
    """An application with a token stays."""
    app = fediverse.register()
    token = fediverse.token(app)
    clock.now += 2 * DAY
    assert fediverse.whoami(token).status_code == 200


def test_other_version() -> None:
    """Another version can be claimed."""
    assert Instance(personality="mastodon-4.2", version="4.1.0").version == "4.1.0"
