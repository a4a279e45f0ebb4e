"""What the check against GitHub's description catches, and what it lets pass."""

import json
from typing import Any

import pytest

from tests.servers.github_description import Description

SECRETS = "/repos/octo/bot/actions/secrets"
SECRET = f"{SECRETS}/TOKEN"
HEADERS = {"User-Agent": "test", "Content-Type": "application/json"}
SEALED = {"encrypted_value": "c2VhbGVk", "key_id": "568250167242549743"}
ITEM = {"name": "TOKEN", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
LIST = {"total_count": 1, "secrets": [ITEM]}


@pytest.fixture(scope="module")
def github() -> Description:
    return Description.load()


def raw(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("PUT", SECRET, {**SEALED, "key_id": 568250167242549743}, "key_id: .* is not of type"),
        ("PUT", SECRET, {"key_id": "1"}, '"encrypted_value" is a required property'),
        ("PUT", SECRET, {**SEALED, "encrypted_value": "not base64!"}, "does not match"),
        ("PUT", SECRET, {**SEALED, "visibility": "all"}, "visibility"),
        ("PUT", SECRET, None, "is missing"),
        ("DELETE", SECRET, {}, "takes no body"),
        ("PUT", f"{SECRET}/", SEALED, "no such path"),
        ("POST", SECRET, SEALED, "no POST .*, only GET, PUT, DELETE"),
        ("GET", f"{SECRETS}?per_page=many", None, "parameter per_page"),
        ("GET", f"{SECRETS}?perpage=100", None, "no query parameter perpage"),
    ],
)
def test_request_that_github_does_not_describe_is_caught(
    github: Description, method: str, path: str, body: Any, reason: str
) -> None:
    """A property or a parameter that GitHub would ignore among them."""
    path, _, query = path.partition("?")
    with pytest.raises(AssertionError, match=reason):
        github.check_request(method, path, query, HEADERS, raw(body))


@pytest.mark.parametrize(
    ("name", "value"),
    [("User-Agent", ""), ("Content-Type", "text/plain"), ("X-GitHub-Api-Version", "2026-03-10")],
)
def test_wrong_header_is_caught(github: Description, name: str, value: str) -> None:
    with pytest.raises(AssertionError):
        github.check_request("PUT", SECRET, "", HEADERS | {name: value}, raw(SEALED))


@pytest.mark.parametrize(
    ("method", "path", "status", "body", "reason"),
    [
        ("PUT", SECRET, 200, {}, "the answer 200 .* none that GitHub documents: 201, 204"),
        ("PUT", SECRET, 201, None, "is missing"),
        ("PUT", SECRET, 201, {"name": "TOKEN"}, "name"),
        ("PUT", SECRET, 204, {}, "has a body"),
        ("PUT", SECRET, 403, {"error": "no"}, '"message" is a required property'),
        ("PUT", SECRET, 301, {"message": "Moved"}, "no Location"),
        ("GET", SECRETS, 200, LIST | {"total_count": "1"}, "total_count"),
        ("GET", SECRETS, 200, LIST | {"secrets": [{**ITEM, "created_at": "x"}]}, "date-time"),
    ],
)
def test_answer_that_github_does_not_describe_is_caught(
    github: Description, method: str, path: str, status: int, body: Any, reason: str
) -> None:
    with pytest.raises(AssertionError, match=reason):
        github.check_response(method, path, status, HEADERS, raw(body))
