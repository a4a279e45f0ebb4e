"""`POST /api/v1/apps`."""

from datetime import datetime

import pytest

from tests.sandbox.hands import OOB, Clock, Fediverse


def test_fields(fediverse: Fediverse) -> None:
    """A registration returns 200 and the fields of Mastodon 4.7, with a secret that never ends."""
    body = fediverse.apply(scopes="read write:statuses", website="https://example.org").json()
    assert {**body, "client_id": "", "client_secret": "", "vapid_key": ""} == {
        "id": "1",
        "name": "Bot",
        "website": "https://example.org",
        "scopes": ["read", "write:statuses"],
        "redirect_uris": [OOB],
        "redirect_uri": OOB,
        "vapid_key": "",
        "client_id": "",
        "client_secret": "",
        "client_secret_expires_at": 0,
    }


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("client_name", "", "Application name can't be blank"),
        ("client_name", "x" * 61, "Application name is too long (maximum is 60 characters)"),
        ("redirect_uris", "", "Redirect URI can't be blank"),
        ("redirect_uris", "/callback", "Redirect URI must be an absolute URI."),
        ("redirect_uris", "https://a.example/#b", "Redirect URI cannot contain a fragment."),
        ("redirect_uris", "javascript:alert(1)", "Redirect URI is forbidden by the server."),
        ("scopes", "read everything", "Scopes doesn't match configured on the server."),
        ("website", "example.org", "Application website is not a valid URL"),
    ],
)
def test_validation(fediverse: Fediverse, field: str, value: str, text: str) -> None:
    """A wrong field is refused with 422 and Mastodon's words, and registers nothing."""
    answer = fediverse.apply(**{field: value})
    registered = fediverse.sandbox.instance.applications
    assert (answer.status_code, answer.json(), registered) == (
        422,
        {"error": f"Validation failed: {text}"},
        [],
    )


def test_scopes_as_array(fediverse: Fediverse) -> None:
    """Scopes sent as a JSON array vanish without a word: the application gets `read` alone."""
    body = {"client_name": "Bot", "redirect_uris": OOB, "scopes": ["read", "write"]}
    assert fediverse.http.post("/api/v1/apps", json=body).json()["scopes"] == ["read"]


def test_redirect_uris_as_array(fediverse: Fediverse) -> None:
    """Redirect URIs may be a JSON array, as in 4.3 and newer."""
    uris = [OOB, "http://127.0.0.1/callback"]
    answer = fediverse.http.post("/api/v1/apps", json={"client_name": "B", "redirect_uris": uris})
    assert answer.json()["redirect_uris"] == uris


def test_redirect_uris_as_form_array(fediverse: Fediverse) -> None:
    """Redirect URIs may come as `redirect_uris[]`, and scopes that come so vanish."""
    uris = [OOB, "http://127.0.0.1/callback"]
    form = {"client_name": "B", "redirect_uris[]": uris, "scopes[]": ["write"]}
    body = fediverse.http.post("/api/v1/apps", data=form).json()
    assert (body["redirect_uris"], body["scopes"]) == (uris, ["read"])


def test_malformed_json(fediverse: Fediverse) -> None:
    """A body that is said to be JSON and is not is 400."""
    headers = {"Content-Type": "application/json"}
    answer = fediverse.http.post("/api/v1/apps", content=b"{", headers=headers)
    assert answer.status_code == 400


def test_throttle(fediverse: Fediverse) -> None:
    """The sixth registration in a window is refused with 429, and no Retry-After says how long."""
    for _ in range(5):
        fediverse.apply()
    answer = fediverse.apply()
    retry = answer.headers.get("Retry-After")
    assert (answer.status_code, answer.json(), retry) == (
        429,
        {"error": "Too many requests"},
        None,
    )


def test_throttle_headers(fediverse: Fediverse) -> None:
    """The reset is the end of the clock's window in ISO 8601, with this request's microseconds."""
    headers = fediverse.apply().headers
    found = [headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")]
    assert found == ["5", "4", "2027-01-15T08:10:00.456789Z"]


def test_throttle_window(fediverse: Fediverse, clock: Clock) -> None:
    """Windows are the clock's: registration works again at the reset, not ten minutes later."""
    for _ in range(5):
        fediverse.apply()
    clock.now = datetime.fromisoformat(fediverse.apply().headers["X-RateLimit-Reset"]).timestamp()
    assert fediverse.apply().status_code == 200


def test_throttle_counts_failures(fediverse: Fediverse) -> None:
    """Refused registrations count as well."""
    for _ in range(5):
        fediverse.apply(client_name="")
    assert fediverse.apply().status_code == 429


def test_throttle_off(fediverse: Fediverse) -> None:
    """Without a limit there are no throttle's headers."""
    fediverse.sandbox.instance.registration_limit = None
    assert "X-RateLimit-Limit" not in fediverse.apply().headers
