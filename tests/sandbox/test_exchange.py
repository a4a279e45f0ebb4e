"""`POST /oauth/token`, as far as several servers do the same; each module has what is its own."""

from collections.abc import Mapping

import pytest

from tests.sandbox.hands import OOB, VERIFIER, Clock, Fediverse


@pytest.mark.parametrize(
    ("personality", "length"), [("mastodon-4.7", 43), ("gotosocial", 48), ("takahe", 58)]
)
def test_token(fediverse: Fediverse, clock: Clock, length: int) -> None:
    """An exchange returns the token with its scopes and time, and nothing about an end."""
    app = fediverse.register()
    body = fediverse.exchange(app, fediverse.code(app)).json()
    assert {**body, "access_token": len(body["access_token"])} == {
        "access_token": length,
        "token_type": "Bearer",
        "scope": "read write",
        "created_at": int(clock.now),
    }


@pytest.mark.parametrize("personality", ["gotosocial", "pleroma", "takahe"])
def test_new_token_each_time(fediverse: Fediverse) -> None:
    """The same application gets another token, and the end of one is not the other's."""
    app = fediverse.register()
    old, new = fediverse.token(app), fediverse.token(app)
    fediverse.revoke(app, old)
    assert (old != new, fediverse.whoami(new).status_code) == (True, 200)


@pytest.mark.parametrize(
    ("personality", "seconds", "status"),
    [
        ("mastodon-4.7", 600, 200),
        ("mastodon-4.7", 600.01, 400),
        ("gotosocial", 300, 200),
        ("gotosocial", 301, 400),
        ("pixelfed", 600, 200),
        ("pixelfed", 601, 400),
        ("takahe", 60, 200),
        ("takahe", 61, 401),
    ],
)
def test_code_lifetime(fediverse: Fediverse, clock: Clock, seconds: float, status: int) -> None:
    """A code can be exchanged for one, five or ten minutes."""
    app = fediverse.register()
    code = fediverse.code(app)
    clock.now += seconds
    assert fediverse.exchange(app, code).status_code == status


@pytest.mark.parametrize("personality", ["gotosocial", "pleroma", "takahe"])
def test_pkce_is_ignored(fediverse: Fediverse, challenge: Mapping[str, str]) -> None:
    """A wrong verifier passes."""
    app = fediverse.register()
    code = fediverse.code(app, **challenge)
    assert fediverse.exchange(app, code, code_verifier=f"{VERIFIER}x").status_code == 200


@pytest.mark.parametrize("personality", ["mastodon-4.7", "pleroma", "takahe"])
def test_basic(fediverse: Fediverse) -> None:
    """An application may authenticate by HTTP Basic."""
    app = fediverse.register()
    form = {
        "grant_type": "authorization_code",
        "code": fediverse.code(app),
        "redirect_uri": OOB,
    }
    auth = (app.client_id, app.client_secret)
    assert fediverse.http.post("/oauth/token", data=form, auth=auth).status_code == 200
