"""`POST /oauth/token`."""

import base64
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from provisioner.sandbox import Instance
from provisioner.sandbox.records import Store
from tests.sandbox.hands import VERIFIER, Clock, Fediverse

INVALID_GRANT = (400, "invalid_grant")


def test_no_store(fediverse: Fediverse) -> None:
    """No cache keeps a token."""
    app = fediverse.register()
    answer = fediverse.exchange(app, fediverse.code(app))
    assert answer.headers["Cache-Control"] == "no-store, no-cache"


def test_reuse(fediverse: Fediverse, clock: Clock) -> None:
    """The same application, account and scopes in any order get the same token, as old as it is."""
    app = fediverse.register()
    first = fediverse.exchange(app, fediverse.code(app)).json()
    clock.now += 1000
    second = fediverse.exchange(app, fediverse.code(app, scope="write read")).json()
    assert second == first


@pytest.mark.parametrize("difference", ["application", "account", "scopes"])
def test_no_reuse(fediverse: Fediverse, difference: str) -> None:
    """Another application, account or set of scopes gets another token."""
    app = fediverse.register()
    first = fediverse.token(app)
    other = fediverse.register() if difference == "application" else app
    username = "bot" if difference == "account" else "alice"
    scope = "read" if difference == "scopes" else "read write"
    assert fediverse.token(other, username, scope=scope) != first


def test_no_reuse_of_revoked(fediverse: Fediverse) -> None:
    """A revoked token does not come back."""
    app = fediverse.register()
    first = fediverse.token(app)
    fediverse.revoke(app, first)
    assert fediverse.token(app) != first


def test_revoke_between_code_and_exchange(fediverse: Fediverse) -> None:
    """A code outlives the revocation of the old token and gets a new one."""
    app = fediverse.register()
    first = fediverse.token(app)
    code = fediverse.code(app)
    fediverse.revoke(app, first)
    assert fediverse.exchange(app, code).json()["access_token"] != first


def test_pkce(fediverse: Fediverse, challenge: Mapping[str, str]) -> None:
    """The right verifier exchanges a code with an S256 challenge."""
    app = fediverse.register()
    code = fediverse.code(app, **challenge)
    assert fediverse.exchange(app, code, code_verifier=VERIFIER).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": ""}, 400, "Missing required parameter: grant_type."),
        ({"code": ""}, 400, "Missing required parameter: code."),
        ({"redirect_uri": ""}, 400, "Missing required parameter: redirect_uri."),
        ({"code_verifier": ""}, 400, "Missing required parameter: code_verifier."),
        ({"grant_type": "password"}, 400, "The authorization grant type is not supported"),
        ({"client_secret": "wrong"}, 401, "Client authentication failed due to unknown client"),
        ({"client_id": "unknown"}, 401, "Client authentication failed due to unknown client"),
        ({"redirect_uri": "urn:other"}, 400, "The provided authorization grant is invalid"),
        ({"code_verifier": "w" * 43}, 400, "The provided authorization grant is invalid"),
        ({"code": "unknown"}, 400, "The provided authorization grant is invalid"),
    ],
)
def test_refusals(
    fediverse: Fediverse,
    challenge: Mapping[str, str],
    changes: Mapping[str, str],
    status: int,
    error: str,
) -> None:
    """Each cause has Doorkeeper's status and description, and leaves the code usable."""
    app = fediverse.register()
    code = fediverse.code(app, **challenge)
    right = {"code": code, "code_verifier": VERIFIER}
    answer = fediverse.exchange(app, **{**right, **changes})
    description = answer.json()["error_description"]
    again = fediverse.exchange(app, **right).status_code
    assert (answer.status_code, description.startswith(error), again) == (status, True, 200)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong", "code_verifier": ""}, "invalid_request"),
        ({"client_secret": "wrong", "code_verifier": "w"}, "invalid_client"),
        ({"client_secret": "wrong", "code": ""}, "invalid_request"),
        ({"client_secret": "wrong", "grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_order(
    fediverse: Fediverse, challenge: Mapping[str, str], changes: Mapping[str, str], error: str
) -> None:
    """Of two causes the earlier one is named: parameters, then the client, then the grant."""
    app = fediverse.register()
    right = {"code": fediverse.code(app, **challenge), "code_verifier": VERIFIER}
    assert fediverse.exchange(app, **{**right, **changes}).json()["error"] == error


def test_challenge_header(fediverse: Fediverse) -> None:
    """A refusal carries WWW-Authenticate with the error."""
    app = fediverse.register()
    header = fediverse.exchange(app, "unknown").headers["WWW-Authenticate"]
    assert header.startswith('Bearer realm="Doorkeeper", error="invalid_grant", error_descr')


def test_verifier_without_challenge(fediverse: Fediverse) -> None:
    """A verifier for a code that was asked for without a challenge is refused."""
    app = fediverse.register()
    answer = fediverse.exchange(app, fediverse.code(app), code_verifier=VERIFIER)
    assert (answer.status_code, answer.json()["error"]) == INVALID_GRANT


def test_single_use(fediverse: Fediverse) -> None:
    """A code works once, and trying again leaves the token alive."""
    app = fediverse.register()
    code = fediverse.code(app)
    token = fediverse.exchange(app, code).json()["access_token"]
    answer = fediverse.exchange(app, code)
    assert (
        (answer.status_code, answer.json()["error"]),
        fediverse.sandbox.instance.is_live(token),
    ) == (INVALID_GRANT, True)


def test_one_code_for_many(fediverse: Fediverse) -> None:
    """Of exchanges at the same time one succeeds."""
    app = fediverse.register()
    code = fediverse.code(app)
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: fediverse.exchange(app, code).status_code, range(8))
        assert sorted(answers) == [200] + 7 * [400]


def test_other_applications_code(fediverse: Fediverse) -> None:
    """A code is worth nothing to another application."""
    app, other = fediverse.register(), fediverse.register()
    answer = fediverse.exchange(other, fediverse.code(app))
    assert (answer.status_code, answer.json()["error"]) == INVALID_GRANT


def test_white_space_counts(fediverse: Fediverse) -> None:
    """The instance does not trim a code."""
    app = fediverse.register()
    answer = fediverse.exchange(app, f" {fediverse.code(app)}")
    assert (answer.status_code, answer.json()["error"]) == INVALID_GRANT


def test_scope_is_ignored(fediverse: Fediverse) -> None:
    """A scope parameter at the exchange changes nothing."""
    app = fediverse.register()
    answer = fediverse.exchange(app, fediverse.code(app), scope="read")
    assert answer.json()["scope"] == "read write"


def test_json_body(fediverse: Fediverse) -> None:
    """An exchange may be JSON."""
    app = fediverse.register()
    body = {
        "grant_type": "authorization_code",
        "code": fediverse.code(app),
        "redirect_uri": "urn:ietf:wg:oauth:2.0:oob",
        "client_id": app.client_id,
        "client_secret": app.client_secret,
    }
    assert fediverse.http.post("/oauth/token", json=body).status_code == 200


def test_client_credentials(fediverse: Fediverse) -> None:
    """An application gets a token of its own, which stands for no account."""
    fediverse.app_token(fediverse.register())
    assert [one.account for one in fediverse.sandbox.instance.tokens] == [None]


def test_client_credentials_scope(fediverse: Fediverse) -> None:
    """An application cannot get a scope that it was not registered with."""
    app = fediverse.register()
    form = {"client_id": app.client_id, "client_secret": app.client_secret, "scope": "push"}
    answer = fediverse.post("/oauth/token", grant_type="client_credentials", **form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_leading_hyphen() -> None:
    """Codes are 43 base64url characters, and the first may be a hyphen."""
    store: Store = Instance(random=lambda size: b"\xf8" + bytes(size - 1)).store
    assert store.identifier() == base64.urlsafe_b64encode(b"\xf8" + bytes(31)).decode().rstrip("=")
