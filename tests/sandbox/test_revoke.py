"""`POST /oauth/revoke`, and the other ends of a token."""

import pytest

from tests.sandbox.hands import Fediverse

REFUSED = (
    403,
    {
        "error": "unauthorized_client",
        "error_description": "You are not authorized to revoke this token",
    },
)


def test_revoked(fediverse: Fediverse) -> None:
    """A revoked token is refused as revoked."""
    app = fediverse.register()
    token = fediverse.token(app)
    fediverse.revoke(app, token)
    answer = fediverse.whoami(token)
    assert (answer.status_code, answer.json()) == (401, {"error": "The access token was revoked"})


@pytest.mark.parametrize("token", ["unknown", ""])
def test_unknown_token(fediverse: Fediverse, token: str) -> None:
    """A token that nobody knows is "revoked" with 200: the answer proves nothing."""
    answer = fediverse.revoke(fediverse.register(), token)
    assert (answer.status_code, answer.json()) == (200, {})


def test_twice(fediverse: Fediverse) -> None:
    """To revoke a token again is no error."""
    app = fediverse.register()
    token = fediverse.token(app)
    fediverse.revoke(app, token)
    assert fediverse.revoke(app, token).status_code == 200


def test_other_application(fediverse: Fediverse) -> None:
    """Another application's token cannot be revoked, and stays alive."""
    token = fediverse.token(fediverse.register())
    answer = fediverse.revoke(fediverse.register(), token)
    assert (
        (answer.status_code, answer.json()),
        fediverse.sandbox.instance.is_live(token),
    ) == (REFUSED, True)


def test_wrong_secret(fediverse: Fediverse) -> None:
    """Without the application's secret nothing can be revoked, not even an unknown token."""
    answer = fediverse.revoke(fediverse.register(), "unknown", client_secret="wrong")
    assert (answer.status_code, answer.json()) == REFUSED


def test_same_token_once_more(fediverse: Fediverse) -> None:
    """To revoke the "old" token of one application kills the "new" one: they are the same."""
    app = fediverse.register()
    old = fediverse.token(app)
    new = fediverse.token(app)
    fediverse.revoke(app, old)
    assert fediverse.whoami(new).status_code == 401


def test_other_applications_token_survives(fediverse: Fediverse) -> None:
    """The same account's token of another application is not touched."""
    app, other = fediverse.register(), fediverse.register()
    old, new = fediverse.token(app), fediverse.token(other)
    fediverse.revoke(app, old)
    assert [one.token for one in fediverse.sandbox.instance.live_tokens("alice")] == [new]


def test_password_reset(fediverse: Fediverse) -> None:
    """A password reset revokes all of the account's tokens."""
    for _ in range(2):
        fediverse.token(fediverse.register())
    fediverse.sandbox.instance.revoke_access("alice")
    assert fediverse.sandbox.instance.live_tokens("alice") == []


def test_vacuum(fediverse: Fediverse) -> None:
    """After the vacuum, a revoked token is merely invalid."""
    app = fediverse.register()
    token = fediverse.token(app)
    fediverse.revoke(app, token)
    fediverse.sandbox.instance.vacuum()
    assert fediverse.whoami(token).json() == {"error": "The access token is invalid"}


def test_deleted_application(fediverse: Fediverse) -> None:
    """With an application go its tokens, and its credentials are unknown."""
    app = fediverse.register()
    token = fediverse.token(app)
    fediverse.sandbox.instance.delete_application(app.client_id)
    assert (
        fediverse.whoami(token).status_code,
        fediverse.exchange(app, "code").json()["error"],
    ) == (401, "invalid_client")
