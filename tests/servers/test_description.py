"""What the check against GitHub's description catches, and what it lets pass."""

import json
from typing import Any

import pytest

from provisioner.sandbox.web import Headers, Request, Response
from tests.servers.github_description import Description, checking_observer

SECRET = "/repos/octo/bot/actions/secrets/TOKEN"
SECRETS = "/repos/octo/bot/actions/secrets"
ENVIRONMENT = "/repos/octo/bot/environments/production"
HEADERS = {"User-Agent": "test", "Content-Type": "application/json"}
SEALED = {"encrypted_value": "c2VhbGVk", "key_id": "568250167242549743"}
ITEM = {"name": "TOKEN", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
SECRET_LIST = {"total_count": 1, "secrets": [ITEM]}
NOT_FOUND = {
    "message": "Not Found",
    "documentation_url": "https://docs.github.com",
    "status": "404",
}


@pytest.fixture(scope="module")
def github() -> Description:
    """GitHub's description, as `make test` has fetched it."""
    return Description.load()


def ask(
    github: Description,
    method: str = "PUT",
    path: str = SECRET,
    query: str = "",
    body: Any = SEALED,
    **headers: str,
) -> None:
    """Check a request: a good one, but for what a test changes."""
    raw = b"" if body is None else json.dumps(body).encode()
    fields = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
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


@pytest.mark.parametrize(
    "schema", [{"type": "text"}, {"$ref": "#/components/schemas/gone"}, {"pattern": "("}]
)
def test_a_schema_that_does_not_compile_is_counted(schema: dict[str, str]) -> None:
    """A schema with an unknown type, a dead reference or a bad pattern is not passed over."""
    document = {"paths": {}, "components": {"schemas": {"odd": {"properties": {"a": schema}}}}}
    assert len(Description(document).broken_schemas()) == 1


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("PUT", SECRET, "", SEALED),
        ("DELETE", SECRET, "", None),
        ("GET", SECRETS, "per_page=100&page=2", None),
        ("GET", f"{SECRETS}/public-key", "", None),
        ("GET", "/repositories/1296269/actions/secrets/public-key", "", None),
        ("GET", "/repositories/1296269", "", None),
        ("PUT", "/repos/octo/bot/environments/eu%2Fwest/secrets/TOKEN", "", SEALED),
        ("PUT", ENVIRONMENT, "", None),
        ("PUT", ENVIRONMENT, "", {"reviewers": None, "deployment_branch_policy": None}),
        ("PUT", "/orgs/octo/actions/secrets/TOKEN", "", {**SEALED, "visibility": "all"}),
        ("POST", "/repos/octo/bot/actions/variables", "", {"name": "JOURNAL", "value": "x"}),
        ("PATCH", "/repos/octo/bot/actions/variables/JOURNAL", "", {"value": "x"}),
    ],
)
def test_what_github_describes_passes(
    github: Description, method: str, path: str, query: str, body: Any
) -> None:
    """Requests as GitHub describes them are no violations."""
    ask(github, method, path, query, body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({**SEALED, "key_id": 568250167242549743}, "key_id: .* is not of type"),
        ({"key_id": "1"}, '"encrypted_value" is a required property'),
        ({**SEALED, "encrypted_value": "not base64!"}, "encrypted_value: .* does not match"),
        ({**SEALED, "visibility": "all"}, "visibility"),
        ([SEALED], 'is not of type "object"'),
        ("text", 'is not of type "object"'),
        (None, "is missing"),
    ],
)
def test_a_wrong_body_is_caught(github: Description, body: Any, reason: str) -> None:
    """A body of another shape, or with a property that GitHub would ignore, is a violation."""
    with pytest.raises(AssertionError, match=reason):
        ask(github, body=body)


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        ("PUT", "/repos/octo/bot/actions/secret/TOKEN", "no such path"),
        ("PUT", f"{SECRET}/", "no such path"),
        ("GET", "/repos/octo/bot/environments/eu/west/secrets", "no such path"),
        ("GET", "/repositories/octo/actions/secrets", "no such path"),
        ("GET", f"/api/v3{SECRETS}", "no such path"),
        ("POST", SECRET, "no POST .*, only GET, PUT, DELETE"),
    ],
)
def test_an_undocumented_call_is_caught(
    github: Description, method: str, path: str, reason: str
) -> None:
    """A path or a method that GitHub doesn't document is a violation."""
    with pytest.raises(AssertionError, match=reason):
        ask(github, method, path)


@pytest.mark.parametrize(
    ("query", "reason"),
    [("per_page=many", "parameter per_page"), ("perpage=100", "no query parameter perpage")],
)
def test_a_wrong_query_is_caught(github: Description, query: str, reason: str) -> None:
    """A parameter of another type, or one that GitHub would ignore, is a violation."""
    with pytest.raises(AssertionError, match=reason):
        ask(github, "GET", SECRETS, query, None)


def test_a_parameter_in_the_path_is_checked(github: Description) -> None:
    """A repository's number must be a number."""
    path = "/orgs/octo/actions/secrets/TOKEN/repositories/"
    ask(github, "PUT", f"{path}1296269", body=None)
    with pytest.raises(AssertionError, match="parameter repository_id"):
        ask(github, "PUT", f"{path}bot", body=None)


def test_a_body_where_none_belongs_is_caught(github: Description) -> None:
    """A deletion says all in its path."""
    with pytest.raises(AssertionError, match="takes no body"):
        ask(github, "DELETE", body={})


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
    """GitHub wants a user agent, JSON said to be JSON, and the version that is described here."""
    with pytest.raises(AssertionError, match=reason):
        ask(github, **headers)


@pytest.mark.parametrize("text", [b"{", b"\xff", b'{"a": 1} {}'])
def test_a_body_that_is_not_json_is_caught(github: Description, text: bytes) -> None:
    """What can't be parsed is a violation, and no crash of the check."""
    with pytest.raises(AssertionError, match="is not JSON"):
        github.check_request("PUT", SECRET, "", HEADERS, text)


def test_documented_answers_pass(github: Description) -> None:
    """A creation answers with an empty object, an update and a deletion with nothing."""
    answer(github, 201, {})
    answer(github, 204)
    answer(github, 204, method="DELETE")
    answer(github, 200, SECRET_LIST, "GET", SECRETS)
    answer(github, 200, SECRET_LIST, "GET", "/repositories/1296269/actions/secrets")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, {}, "the answer 200 .* none that GitHub documents: 201, 204"),
        (202, None, "the answer 202 .* none that GitHub documents"),
        (418, {"message": "teapot"}, "the answer 418 .* none that GitHub documents"),
        (201, None, "is missing"),
        (201, {"name": "TOKEN"}, "name"),
        (201, [], 'is not of type "object"'),
        (204, {}, "has a body"),
    ],
)
def test_a_wrong_answer_is_caught(github: Description, status: int, body: Any, reason: str) -> None:
    """Another status or another body than GitHub documents is a violation."""
    with pytest.raises(AssertionError, match=reason):
        answer(github, status, body)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"total_count": "1"}, "total_count"),
        ({"secrets": [{"name": "TOKEN"}]}, "created_at"),
        ({"secrets": [{**ITEM, "created_at": "yesterday"}]}, "date-time"),
        ({"next": None}, "next"),
    ],
)
def test_a_wrong_listing_is_caught(
    github: Description, change: dict[str, Any], reason: str
) -> None:
    """Types, required properties and dates are checked inside lists too."""
    with pytest.raises(AssertionError, match=reason):
        answer(github, 200, SECRET_LIST | change, "GET", SECRETS)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429])
def test_refusals_have_the_shape_of_errors(github: Description, status: int) -> None:
    """GitHub may refuse anything, documented there or not, and says why in a message."""
    answer(github, status, NOT_FOUND)
    with pytest.raises(AssertionError, match='"message" is a required property'):
        answer(github, status, {"error": "no"})
    with pytest.raises(AssertionError, match="is missing"):
        answer(github, status)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_say_where_to(github: Description, status: int) -> None:
    """A renamed repository is redirected, with a Location and a message."""
    body = json.dumps({"message": "Moved Permanently"}).encode()
    there = {"Location": "https://api.github.com/repositories/1296269/actions/secrets/TOKEN"}
    github.check_response("PUT", SECRET, status, HEADERS | there, body)
    with pytest.raises(AssertionError, match="no Location"):
        github.check_response("PUT", SECRET, status, HEADERS, body)


def test_a_failing_server_promises_nothing(github: Description) -> None:
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


def test_the_observer_collects_both_sides(github: Description) -> None:
    """A bad request and a bad answer are kept; good ones are not."""
    observer = checking_observer(github)
    headers = tuple(HEADERS.items())
    good = Request("PUT", SECRET, "", Headers(headers), json.dumps(SEALED).encode())
    bad = Request("PUT", SECRET, "", Headers(headers), b"{}")
    observer(good, Response(204))
    assert observer.violations == []
    observer(bad, Response(204))
    observer(good, Response(200, headers, b"{}"))
    request, response = observer.violations
    assert "the body of PUT" in request
    assert "the answer 200" in response
