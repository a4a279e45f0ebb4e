"""What a token opens."""

import pytest

from provisioner.sandbox.records import State
from tests.sandbox.hands import Clock, Fediverse

WHOAMI = "/api/v1/accounts/verify_credentials"
STATUSES = "/api/v1/statuses"


@pytest.mark.parametrize("scope", ["profile", "read", "read:accounts"])
def test_account(fediverse: Fediverse, scope: str) -> None:
    """Each of three scopes is enough to see whose token it is."""
    app = fediverse.register(scopes=scope)
    body = fediverse.whoami(fediverse.token(app, "bot", scope=scope)).json()
    assert (body["username"], body["acct"], body["bot"]) == ("bot", "bot", True)


def test_narrow_scope(fediverse: Fediverse) -> None:
    """A live token that may only post cannot be verified at the account: 403, not 401."""
    app = fediverse.register(scopes="write:statuses")
    answer = fediverse.whoami(fediverse.token(app, scope="write:statuses"))
    assert (answer.status_code, answer.json()) == (
        403,
        {"error": "This action is outside the authorized scopes"},
    )


def test_application(fediverse: Fediverse) -> None:
    """Any live token names its application, without the application's credentials."""
    app = fediverse.register(scopes="write:statuses")
    token = fediverse.token(app, scope="write:statuses")
    body = fediverse.get("/api/v1/apps/verify_credentials", token).json()
    assert (body["name"], "client_secret" in body) == ("Bot", False)


@pytest.mark.parametrize("path", [WHOAMI, "/api/v1/apps/verify_credentials", "/oauth/userinfo"])
def test_unknown_token(fediverse: Fediverse, path: str) -> None:
    """An unknown token is invalid."""
    answer = fediverse.get(path, "unknown")
    assert (answer.status_code, answer.json()) == (401, {"error": "The access token is invalid"})


def test_application_token(fediverse: Fediverse) -> None:
    """An application's own token stands for no account."""
    answer = fediverse.whoami(fediverse.app_token(fediverse.register()))
    assert (answer.status_code, answer.json()) == (
        422,
        {"error": "This method requires an authenticated user"},
    )


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("suspended", "Your login is currently disabled"),
        ("disabled", "Your login is currently disabled"),
        ("moved", "Your login is currently disabled"),
        ("unconfirmed", "Your login is missing a confirmed e-mail address"),
        ("pending", "Your login is currently pending approval"),
        ("needs-2fa", "Your account requires two-factor authentication"),
    ],
)
def test_account_states(fediverse: Fediverse, state: State, text: str) -> None:
    """An account that cannot act is refused with 403, though its token is live."""
    token = fediverse.token(fediverse.register())
    fediverse.sandbox.instance.accounts[0].state = state
    answer = fediverse.whoami(token)
    assert (answer.status_code, answer.json()) == (403, {"error": text})


def test_user_info(fediverse: Fediverse) -> None:
    """`profile` opens the OpenID endpoint; its issuer ends with a slash."""
    app = fediverse.register(scopes="profile")
    body = fediverse.get("/oauth/userinfo", fediverse.token(app, scope="profile")).json()
    origin = fediverse.sandbox.instance.origin
    assert (body["iss"], body["preferred_username"]) == (f"{origin}/", "alice")


def test_post(fediverse: Fediverse) -> None:
    """A posted status can be read by all and stands on the account's page, escaped."""
    token = fediverse.token(fediverse.register())
    headers = {"Authorization": f"Bearer {token}"}
    posted = fediverse.http.post(STATUSES, data={"status": "1 < 2"}, headers=headers).json()
    shown = fediverse.http.get(f"{STATUSES}/{posted['id']}").json()
    page = fediverse.http.get("/@alice").text
    assert (shown["content"], "1 &lt; 2" in page) == ("<p>1 &lt; 2</p>", True)


@pytest.mark.parametrize(("after", "count"), [(3599, 1), (3601, 2)])
def test_idempotency(fediverse: Fediverse, clock: Clock, after: float, count: int) -> None:
    """The same Idempotency-Key within an hour posts once."""
    token = fediverse.token(fediverse.register())
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
    fediverse.http.post(STATUSES, data={"status": "hello"}, headers=headers)
    clock.now += after
    fediverse.http.post(STATUSES, data={"status": "hello"}, headers=headers)
    assert len(fediverse.sandbox.instance.statuses) == count


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (" ", "Validation failed: Text can't be blank"),
        ("x" * 501, "Validation failed: Text character limit of 500 exceeded"),
    ],
)
def test_bad_status(fediverse: Fediverse, text: str, error: str) -> None:
    """A blank and a long status are refused with 422."""
    token = fediverse.token(fediverse.register())
    headers = {"Authorization": f"Bearer {token}"}
    answer = fediverse.http.post(STATUSES, data={"status": text}, headers=headers)
    assert (answer.status_code, answer.json()) == (422, {"error": error})


def test_private_status(fediverse: Fediverse) -> None:
    """A private status is not there for strangers."""
    token = fediverse.token(fediverse.register())
    headers = {"Authorization": f"Bearer {token}"}
    form = {"status": "hush", "visibility": "private"}
    posted = fediverse.http.post(STATUSES, data=form, headers=headers).json()
    answer = fediverse.http.get(f"{STATUSES}/{posted['id']}")
    assert (answer.status_code, answer.json()) == (404, {"error": "Record not found"})


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v1/nothing"), ("PUT", "/api/v1/apps"), ("GET", "/@nobody")]
)
def test_not_found(fediverse: Fediverse, method: str, path: str) -> None:
    """Everything else is 404."""
    answer = fediverse.http.request(method, path)
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})
