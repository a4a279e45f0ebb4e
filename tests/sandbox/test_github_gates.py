"""Who gets past the embedded GitHub's gates."""

import httpx
import pytest

from provisioner.sandbox.permissions import Kind
from tests.sandbox.hands import Clock, Octo

SECRETS = "/repos/acme/demo/actions/secrets"


def ask(octo: Octo, path: str, **headers: str) -> httpx.Response:
    """GET a path with other headers."""
    return octo.http.get(path, headers=headers)


@pytest.mark.parametrize(
    ("value", "message"),
    [("Bearer wrong", "Bad credentials"), ("", "Requires authentication")],
)
def test_credentials(octo: Octo, value: str, message: str) -> None:
    """A wrong token and none are told apart."""
    answer = ask(octo, SECRETS, Authorization=value)
    assert (answer.status_code, answer.json()["message"]) == (401, message)


def test_token_scheme(octo: Octo) -> None:
    """`token` is a scheme too."""
    token = octo.http.headers["Authorization"].removeprefix("Bearer ")
    assert ask(octo, SECRETS, Authorization=f"token {token}").status_code == 200


@pytest.mark.parametrize(
    ("kind", "shape", "by"),
    [
        ("fine-grained", "github_pat_", "personal access token"),
        ("app", "ghs_", "integration"),
    ],
)
def test_permission(octo: Octo, kind: Kind, shape: str, by: str) -> None:
    """A missing permission is 403, and a header names it."""
    token = octo.sandbox.github.add_token({"secrets": "read"}, kind=kind)
    octo.http.headers["Authorization"] = f"Bearer {token}"
    answer = octo.put("TOKEN", "x")
    assert (
        token.startswith(shape),
        answer.status_code,
        answer.json()["message"],
        answer.headers["X-Accepted-GitHub-Permissions"],
    ) == (True, 403, f"Resource not accessible by {by}", "secrets=write")


def test_permission_before_validation(octo: Octo) -> None:
    """Without the permission nobody learns what is wrong with the body."""
    token = octo.sandbox.github.add_token({"secrets": "read"})
    octo.http.headers["Authorization"] = f"Bearer {token}"
    assert octo.http.put(f"{SECRETS}/TOKEN", content=b"{").status_code == 403


@pytest.mark.parametrize("path", ["/secrets", "/secrets/public-key", "/variables"])
def test_workflow_token(octo: Octo, path: str) -> None:
    """A workflow's own token reaches neither secrets nor variables, whatever it was given."""
    token = octo.sandbox.github.add_token(kind="actions")
    answer = ask(octo, octo.path + path, Authorization=f"Bearer {token}")
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "Resource not accessible by integration",
    )


@pytest.mark.parametrize(
    ("private", "status"),
    [(True, 404), (False, 403)],
)
def test_other_repository(octo: Octo, private: bool, status: int) -> None:  # noqa: FBT001
    """A private repository that a token was not given is not there; a public one is forbidden."""
    octo.sandbox.github.add_repository("acme/other", private=private)
    token = octo.sandbox.github.add_token(repositories=["acme/demo"])
    path = "/repos/acme/other/actions/secrets"
    assert ask(octo, path, Authorization=f"Bearer {token}").status_code == status


@pytest.mark.parametrize(
    "path",
    [f"{SECRETS}/", "/repos/acme/none", "/nothing", "/repos/acme/demo/nothing", "/repositories/1"],
)
def test_not_found(octo: Octo, path: str) -> None:
    """A trailing slash and what is not there are 404."""
    answer = octo.http.get(path)
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


def test_case(octo: Octo) -> None:
    """Owner and repository may be written in any case."""
    assert octo.http.get("/repos/ACME/Demo").json()["full_name"] == "acme/demo"


def test_user_agent(octo: Octo) -> None:
    """A request without a User-Agent is refused, with a text that is not JSON."""
    answer = ask(octo, SECRETS, **{"User-Agent": ""})
    assert (answer.status_code, answer.text[:17]) == (403, "Request forbidden")


@pytest.mark.parametrize(
    ("version", "status"), [("2022-11-28", 200), ("2026-03-10", 200), ("2099-01-01", 400)]
)
def test_version(octo: Octo, version: str, status: int) -> None:
    """An unknown version of the API is refused."""
    assert ask(octo, SECRETS, **{"X-GitHub-Api-Version": version}).status_code == status


def test_archived(octo: Octo) -> None:
    """An archived repository can be read and not written."""
    octo.repository.archived = True
    answer = octo.put("TOKEN", "x")
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "Repository was archived so is read-only.",
    )


def test_sso(octo: Octo) -> None:
    """A token that was not authorized for single sign-on is told where to do it."""
    github = octo.sandbox.github
    github.require_sso("ACME")
    answer = octo.http.get(SECRETS)
    github.authorize_sso(octo.http.headers["Authorization"].removeprefix("Bearer "), "acme")
    assert (
        answer.status_code,
        answer.headers["X-GitHub-SSO"].startswith("required; url=https://github.com/orgs/acme/"),
        octo.http.get(SECRETS).status_code,
    ) == (403, True, 200)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/secrets?per_page=2", 301),
        ("PUT", "/secrets/TOKEN", 307),
        ("PATCH", "/variables/JOURNAL", 307),
    ],
)
def test_renamed(octo: Octo, method: str, path: str, status: int) -> None:
    """A former name redirects to the repository's number: 301, and 307 where there is a body."""
    octo.sandbox.github.rename("acme/demo", "acme/new")
    answer = octo.http.request(method, octo.path + path)
    number = octo.repository.id
    location = f"{octo.sandbox.github.api_url}/repositories/{number}/actions{path}"
    assert (answer.status_code, answer.headers["Location"]) == (status, location)


def test_renamed_for_strangers(octo: Octo) -> None:
    """Who cannot see a private repository learns nothing of its new name."""
    octo.sandbox.github.add_repository("acme/mine")
    octo.sandbox.github.rename("acme/demo", "acme/new")
    token = octo.sandbox.github.add_token(repositories=["acme/mine"])
    assert ask(octo, SECRETS, Authorization=f"Bearer {token}").status_code == 404


def test_deleted(octo: Octo) -> None:
    """A deleted repository is not there, and its number is not given to another."""
    octo.sandbox.github.delete_repository("acme/demo")
    other = octo.sandbox.github.add_repository("acme/other")
    assert (octo.http.get(SECRETS).status_code, other.id != octo.repository.id) == (404, True)


def test_removed_token(octo: Octo) -> None:
    """A token that was revoked is worth nothing."""
    token = octo.http.headers["Authorization"].removeprefix("Bearer ")
    octo.sandbox.github.remove_token(token)
    assert octo.http.get(SECRETS).json()["message"] == "Bad credentials"


def test_by_number(octo: Octo) -> None:
    """The redirect's address works, with the present name in the answer."""
    octo.sandbox.github.rename("acme/demo", "Other/new")
    answer = octo.http.get("/repos/acme/demo", follow_redirects=True)
    assert answer.json()["full_name"] == "Other/new"


def test_rate_limit_headers(octo: Octo, clock: Clock) -> None:
    """Every answer says what is left of the hour's requests, and carries a request id."""
    octo.http.get(SECRETS)
    headers = octo.http.get("/nothing").headers
    names = ("Limit", "Remaining", "Used", "Reset", "Resource")
    found = [headers[f"X-RateLimit-{name}"] for name in names]
    assert (found, len(headers["X-GitHub-Request-Id"].split(":"))) == (
        ["5000", "4998", "2", str(int(clock.now) + 3600), "core"],
        5,
    )


def test_primary_limit(octo: Octo, clock: Clock) -> None:
    """An exhausted budget is 403 until the reset; asking for the budget is free."""
    octo.sandbox.github.limit(remaining=0, reset=clock.now + 30)
    statuses = [octo.http.get(path).status_code for path in (SECRETS, "/rate_limit")]
    clock.now += 30
    statuses.append(octo.http.get(SECRETS).status_code)
    assert statuses == [403, 200, 200]


def test_secondary_limit(octo: Octo) -> None:
    """A secondary limit refuses though the budget is not used up, and may say how long to wait."""
    octo.sandbox.github.secondary_limit(7, times=1, status=429)
    answer = octo.http.get(SECRETS)
    assert (
        answer.status_code,
        answer.headers["Retry-After"],
        answer.headers["X-RateLimit-Remaining"],
        octo.http.get(SECRETS).status_code,
    ) == (429, "7", "5000", 200)


def test_secondary_limit_without_a_time(octo: Octo) -> None:
    """GitHub often leaves Retry-After out."""
    octo.sandbox.github.secondary_limit(None)
    answer = octo.http.get(SECRETS)
    assert (answer.status_code, "Retry-After" in answer.headers) == (403, False)


def test_token_expiry(octo: Octo, clock: Clock) -> None:
    """A personal token tells its end, and is worth nothing after it."""
    token = octo.sandbox.github.add_token(expires_at=clock.now + 60)
    octo.http.headers["Authorization"] = f"Bearer {token}"
    alive = octo.http.get(SECRETS).headers["GitHub-Authentication-Token-Expiration"]
    clock.now += 60
    assert (alive, octo.http.get(SECRETS).status_code) == ("2027-01-15 08:03:03 UTC", 401)


def test_user(octo: Octo) -> None:
    """A personal token names its user; a workflow's token has none."""
    login = octo.http.get("/user").json()["login"]
    token = octo.sandbox.github.add_token(kind="actions")
    answer = ask(octo, "/user", Authorization=f"Bearer {token}")
    assert (login, answer.status_code) == ("octocat", 403)


def test_anonymous(octo: Octo) -> None:
    """Without a token a public repository can be seen, a private one cannot."""
    octo.sandbox.github.add_repository("acme/open", private=False)
    paths = ("/repos/acme/open", "/repos/acme/demo")
    assert [ask(octo, path, Authorization="").status_code for path in paths] == [200, 404]
