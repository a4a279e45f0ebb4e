"""What the check against GitHub's description catches, and what it lets pass."""

import json
from typing import Any

import pytest

from tests.servers.github_description import Description

SECRETS = "/repos/octo/bot/actions/secrets"
SECRET = f"{SECRETS}/TOKEN"
VARIABLES = "/repos/octo/bot/actions/variables"
HEADERS = {"User-Agent": "test", "Content-Type": "application/json"}
SEALED = {"encrypted_value": "c2VhbGVk", "key_id": "568250167242549743"}
ITEM = {"name": "TOKEN", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
LIST = {"total_count": 1, "secrets": [ITEM]}


@pytest.fixture(scope="module")
def github() -> Description:
    """GitHub's description, as `make test` has fetched it."""
    return Description.load()


def ask(
    github: Description,
    method: str = "PUT",
    path: str = SECRET,
    body: Any = SEALED,
    **headers: str,
) -> None:
    """Check a request: a good one, but for what a test changes."""
    raw = b"" if body is None else json.dumps(body).encode()
    fields = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    path, _, query = path.partition("?")
    github.check_request(method, path, query, fields, raw)


def answer(
    github: Description, status: int, body: Any = None, method: str = "PUT", path: str = SECRET
) -> None:
    """Check an answer."""
    raw = b"" if body is None else json.dumps(body).encode()
    github.check_response(method, path, status, HEADERS, raw)


def test_every_schema_compiles(github: Description) -> None:
    """Not one schema of GitHub's is skipped because the validator can't read it."""
    assert github.broken_schemas() == []
    odd = {"properties": {"a": {"$ref": "#/components/schemas/gone"}}}
    document = {"paths": {}, "components": {"schemas": {"odd": odd}}}
    assert len(Description(document).broken_schemas()) == 1


def test_what_github_describes_passes(github: Description) -> None:
    ask(github)
    ask(github, "DELETE", body=None)
    ask(github, "GET", f"{SECRETS}?per_page=100&page=2", None)
    ask(github, "GET", "/repositories/1296269/actions/secrets/public-key", None)
    ask(github, "POST", VARIABLES, {"name": "JOURNAL", "value": "x"})
    answer(github, 201, {})
    answer(github, 204)
    answer(github, 200, LIST, "GET", SECRETS)


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("PUT", SECRET, {**SEALED, "key_id": 568250167242549743}, "key_id: .* is not of type"),
        ("PUT", SECRET, {"key_id": "1"}, '"encrypted_value" is a required property'),
        ("PUT", SECRET, {**SEALED, "encrypted_value": "not base64!"}, "does not match"),
        ("PUT", SECRET, {**SEALED, "visibility": "all"}, "visibility"),
        ("PUT", SECRET, None, "is missing"),
        ("DELETE", SECRET, {}, "takes no body"),
        ("PUT", "/repos/octo/bot/actions/secret/TOKEN", SEALED, "no such path"),
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
    with pytest.raises(AssertionError, match=reason):
        ask(github, method, path, body)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"User_Agent": ""}, "User-Agent"),
        ({"Content_Type": "text/plain"}, "is said to be text/plain"),
        ({"X_GitHub_Api_Version": "2026-03-10"}, "2026-03-10"),
    ],
)
def test_wrong_headers_are_caught(
    github: Description, headers: dict[str, str], reason: str
) -> None:
    with pytest.raises(AssertionError, match=reason):
        ask(github, **headers)


def test_body_that_is_not_json_is_caught(github: Description) -> None:
    with pytest.raises(AssertionError, match="is not JSON"):
        github.check_request("PUT", SECRET, "", HEADERS, b"{")


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
        ("GET", SECRETS, 200, LIST | {"secrets": [{"name": "TOKEN"}]}, "created_at"),
        ("GET", SECRETS, 200, LIST | {"next": None}, "next"),
        (
            *("GET", SECRETS, 200),
            LIST | {"secrets": [{**ITEM, "created_at": "yesterday"}]},
            "date-time",
        ),
    ],
)
def test_answer_that_github_does_not_describe_is_caught(
    github: Description, method: str, path: str, status: int, body: Any, reason: str
) -> None:
    with pytest.raises(AssertionError, match=reason):
        answer(github, status, body, method, path)


def test_failing_server_promises_nothing(github: Description) -> None:
    """An answer from 500 on may be a page of something that stands before GitHub."""
    github.check_response("PUT", SECRET, 502, {"Content-Type": "text/html"}, b"<h1>Unicorn</h1>")


def test_null_passes_where_it_is_described() -> None:
    """`nullable` beside `oneOf` allows null, and still checks what is not null."""
    schema = {"properties": {"a": {"nullable": True, "oneOf": [{"type": "string"}]}}}
    ok = {"200": {"content": {"application/json": {"schema": schema}}}}
    description = Description({"paths": {"/x": {"get": {"responses": ok}}}})
    answer(description, 200, {"a": None}, "GET", "/x")
    answer(description, 200, {"a": "text"}, "GET", "/x")
    with pytest.raises(AssertionError, match="a: 1 is not valid"):
        answer(description, 200, {"a": 1}, "GET", "/x")
