"""What the embedded GitHub does and refuses; `tests/servers` has GitHub's own description."""

import base64
from typing import Any

import httpx
import pytest
from nacl.public import PublicKey, SealedBox

from tests.servers import GitHub
from tests.servers.github import Kind
from tests.support.world import API, START, Wire

ACTIONS = "/repos/acme/demo/actions"
SECRETS, VARIABLES = f"{ACTIONS}/secrets", f"{ACTIONS}/variables"
IMPROPER = "Bad request - validation failed due to an improperly encrypted secret"


class Caller:
    """Somebody with a token, and a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START
        self.github = GitHub(API, clock=lambda: self.now)
        self.repository = self.github.add_repository("acme/demo")
        wire = Wire({"api.github.test": self.github})
        self.http = httpx.Client(transport=wire, base_url=API, headers={"User-Agent": "tests"})
        self.use(self.github.add_token())

    def use(self, token: str) -> None:
        """Go on with another token."""
        self.token = token
        self.http.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(path, headers=headers)

    def sealed(self, value: str) -> dict[str, str]:
        key = self.get(f"{SECRETS}/public-key").json()
        box = SealedBox(PublicKey(base64.b64decode(key["key"]))).encrypt(value.encode())
        return {"encrypted_value": base64.b64encode(box).decode(), "key_id": key["key_id"]}

    def put(self, name: str, value: str) -> httpx.Response:
        return self.http.put(f"{SECRETS}/{name}", json=self.sealed(value))

    def create(self, name: str, value: str) -> httpx.Response:
        return self.http.post(VARIABLES, json={"name": name, "value": value})

    def change(self, name: str, value: str) -> httpx.Response:
        return self.http.patch(f"{VARIABLES}/{name}", json={"value": value})

    def read(self, name: str) -> str | None:
        """A variable's value, None for a 404."""
        answer = self.get(f"{VARIABLES}/{name}")
        return answer.json()["value"] if answer.status_code == 200 else None


@pytest.fixture
def caller() -> Caller:
    return Caller()


def said(answer: httpx.Response) -> tuple[int, str]:
    """Status and message of a refusal."""
    return answer.status_code, answer.json()["message"]


# Who may do what.


def test_no_token_and_an_unknown_one_are_told_apart(caller: Caller) -> None:
    assert said(caller.get(SECRETS, Authorization="")) == (401, "Requires authentication")
    assert said(caller.get(SECRETS, Authorization="Bearer x")) == (401, "Bad credentials")
    caller.github.remove_token(caller.token)
    assert said(caller.get(SECRETS)) == (401, "Bad credentials")


@pytest.mark.parametrize(
    ("kind", "shape", "by"),
    [
        ("fine-grained", "github_pat_", "personal access token"),
        ("app", "ghs_", "integration"),
    ],
)
def test_missing_permission_is_refused_and_named(
    caller: Caller, kind: Kind, shape: str, by: str
) -> None:
    caller.use(caller.github.add_token({"secrets": "read"}, kind=kind))
    assert caller.token.startswith(shape)
    answer = caller.put("TOKEN", "x")
    assert said(answer) == (403, f"Resource not accessible by {by}")
    assert answer.headers["X-Accepted-GitHub-Permissions"] == "secrets=write"
    assert caller.create("NAME", "x").status_code == 403
    assert caller.get(SECRETS).status_code == 200


def test_permission_is_checked_before_the_body(caller: Caller) -> None:
    caller.use(caller.github.add_token({"secrets": "read"}))
    assert caller.http.put(f"{SECRETS}/TOKEN", content=b"{").status_code == 403


@pytest.mark.parametrize("path", [SECRETS, f"{SECRETS}/public-key", VARIABLES])
def test_workflow_token_reaches_nothing_whatever_it_was_given(caller: Caller, path: str) -> None:
    caller.use(caller.github.add_token(kind="actions"))
    assert said(caller.get(path)) == (403, "Resource not accessible by integration")


def test_other_repository_is_not_there(caller: Caller) -> None:
    caller.github.add_repository("acme/other")
    caller.use(caller.github.add_token(repositories=["acme/other"]))
    assert caller.get("/repos/acme/other").status_code == 200
    assert said(caller.get("/repos/acme/demo")) == (404, "Not Found")
    assert said(caller.get(SECRETS)) == (404, "Not Found")


@pytest.mark.parametrize("path", ["/nothing", "/repos/acme/none", f"{ACTIONS}/nothing"])
def test_what_is_not_there_is_404(caller: Caller, path: str) -> None:
    assert said(caller.get(path)) == (404, "Not Found")


def test_user_agent_is_demanded(caller: Caller) -> None:
    answer = caller.get(SECRETS, **{"User-Agent": ""})
    assert answer.status_code == 403
    assert answer.text.startswith("Request forbidden")


@pytest.mark.parametrize(
    ("version", "status"), [("2022-11-28", 200), ("2026-03-10", 200), ("2099-01-01", 400)]
)
def test_unknown_version_is_refused(caller: Caller, version: str, status: int) -> None:
    assert caller.get(SECRETS, **{"X-GitHub-Api-Version": version}).status_code == status


def test_archived_repository_can_be_read_only(caller: Caller) -> None:
    caller.repository.archived = True
    answer = caller.put("TOKEN", "x")
    assert said(answer) == (403, "Repository was archived so is read-only.")
    assert caller.get(SECRETS).status_code == 200


def test_single_sign_on_is_demanded_of_each_token(caller: Caller) -> None:
    caller.github.require_sso("ACME")
    answer = caller.get(SECRETS)
    assert answer.status_code == 403
    assert answer.headers["X-GitHub-SSO"].startswith("required; url=https://github.com/orgs/acme/")
    caller.github.authorize_sso(caller.token, "acme")
    assert caller.get(SECRETS).status_code == 200


def test_token_tells_its_end_and_is_worth_nothing_after_it(caller: Caller) -> None:
    caller.use(caller.github.add_token(expires_at=caller.now + 60))
    header = caller.get(SECRETS).headers["GitHub-Authentication-Token-Expiration"]
    assert header == "2027-01-15 08:01:00 UTC"
    caller.now += 60
    assert caller.get(SECRETS).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{SECRETS}?per_page=2", 301),
        ("PUT", f"{SECRETS}/TOKEN", 307),
        ("PATCH", f"{VARIABLES}/JOURNAL", 307),
    ],
)
def test_former_name_redirects_to_the_number(
    caller: Caller, method: str, path: str, status: int
) -> None:
    caller.github.rename("acme/demo", "Other/new")
    answer = caller.http.request(method, path)
    place = f"{API}/repositories/{caller.repository.id}/actions"
    assert answer.status_code == status
    assert answer.headers["Location"] == path.replace(ACTIONS, place)
    answer = caller.http.get("/repos/acme/demo", follow_redirects=True)
    assert answer.json()["full_name"] == "Other/new"


def test_primary_limit_ends_at_its_reset(caller: Caller) -> None:
    caller.github.limit(remaining=1, reset=caller.now + 30)
    answers = [caller.get(SECRETS) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 403]
    assert answers[1].headers["X-RateLimit-Remaining"] == "0"
    assert answers[1].headers["X-RateLimit-Reset"] == str(int(START) + 30)
    caller.now += 30
    assert caller.get(SECRETS).status_code == 200


@pytest.mark.parametrize(("after", "told"), [(7, "7"), (None, None)])
def test_secondary_limit_may_tell_how_long(
    caller: Caller, after: int | None, told: str | None
) -> None:
    caller.github.secondary_limit(after, status=429)
    answer = caller.get(SECRETS)
    assert answer.status_code == 429
    assert answer.headers.get("Retry-After") == told
    assert answer.headers["X-RateLimit-Remaining"] != "0"
    assert caller.get(SECRETS).status_code == 200


# Secrets.


def test_secret_is_created_changed_and_deleted(caller: Caller) -> None:
    """201, 204, 204, then 404; names are stored in upper case, and values never come back."""
    assert caller.put("token", "s3cret ü").status_code == 201
    assert caller.repository.open_secret("Token") == "s3cret ü"
    assert caller.put("TOKEN", "new").status_code == 204
    shown = caller.get(f"{SECRETS}/token").json()
    times = {"created_at": "2027-01-15T08:00:00Z", "updated_at": "2027-01-15T08:00:00Z"}
    assert shown == {"name": "TOKEN", **times}
    assert caller.get(SECRETS).json() == {"total_count": 1, "secrets": [shown]}
    assert [caller.http.delete(f"{SECRETS}/token").status_code for _ in range(2)] == [204, 404]


@pytest.mark.parametrize("change", ["key_id", "box", "old key", "not base64"])
def test_box_that_does_not_open_is_refused(caller: Caller, change: str) -> None:
    body = caller.sealed("value")
    match change:
        case "key_id":
            body["key_id"] = "1"
        case "box":
            body["encrypted_value"] = base64.b64encode(bytes(80)).decode()
        case "old key":
            caller.repository.rotate_key()
        case _:
            body["encrypted_value"] = "plain-text!"
    answer = caller.http.put(f"{SECRETS}/TOKEN", json=body)
    assert answer.status_code == 422
    assert (answer.json()["message"] == IMPROPER) == (change != "not base64")
    assert "plain-text!" not in answer.text
    assert caller.repository.secrets == {}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"{}", 422),
        (b'{"encrypted_value": "AAAA"}', 422),
        (b'{"encrypted_value": "AAAA", "key_id": 1}', 422),
    ],
)
def test_malformed_body_is_refused(caller: Caller, content: bytes, status: int) -> None:
    assert caller.http.put(f"{SECRETS}/TOKEN", content=content).status_code == status


@pytest.mark.parametrize("name", ["1ST", "A-B", "GITHUB_X", "github_x", "É"])
def test_impossible_name_is_refused(caller: Caller, name: str) -> None:
    assert caller.put(name, "value").json()["message"].startswith("Secret names ")
    assert caller.create(name, "x").json()["message"].startswith("Variable names ")


@pytest.mark.parametrize(("size", "status"), [(49_152, 201), (49_153, 422)])
def test_value_has_48_kilobytes(caller: Caller, size: int, status: int) -> None:
    assert caller.put("TOKEN", "x" * size).status_code == status
    assert caller.create("NAME", "x" * size).status_code == status


def test_numbers_are_limited(caller: Caller) -> None:
    for number in range(100):
        caller.repository.set_secret(f"S{number}", "x")
    caller.repository.variables.update({f"V{number}": "" for number in range(500)})
    assert caller.put("MORE", "x").status_code == 422
    assert caller.put("S0", "x").status_code == 204
    assert caller.create("MORE", "x").status_code == 422


def test_queued_run_keeps_the_secrets_of_its_queueing(caller: Caller) -> None:
    caller.put("TOKEN", "old")
    run = caller.github.queue("acme/demo")
    caller.put("TOKEN", "new")
    caller.create("NAME", "now")
    assert run.secret("token") == "old"
    assert run.variables == {"NAME": "now"}
    assert run.secret("none") == ""


# Variables.


def test_variable_is_created_changed_and_deleted(caller: Caller) -> None:
    assert caller.create("journal", "old").status_code == 201
    assert said(caller.create("JOURNAL", "x")) == (409, "Already exists - Variable already exists")
    assert caller.change("journal", "new").status_code == 204
    shown: dict[str, Any] = caller.get(f"{VARIABLES}/JOURNAL").json()
    times = {"created_at": "2027-01-15T08:00:00Z", "updated_at": "2027-01-15T08:00:00Z"}
    assert shown == {"name": "JOURNAL", "value": "new", **times}
    assert caller.get(VARIABLES).json() == {"total_count": 1, "variables": [shown]}
    assert caller.http.delete(f"{VARIABLES}/Journal").status_code == 204
    assert caller.change("JOURNAL", "x").status_code == 404


# Late reads.


def test_read_after_a_write_is_late_so_many_times(caller: Caller) -> None:
    """A write itself is never late: POST and PATCH see what is there."""
    caller.github.late_reads = 2
    caller.create("JOURNAL", "one")
    assert [caller.read("JOURNAL") for _ in range(3)] == [None, None, "one"]
    caller.change("JOURNAL", "two")
    assert caller.create("JOURNAL", "x").status_code == 409
    assert [caller.read("JOURNAL") for _ in range(3)] == ["one", "one", "two"]
    caller.http.delete(f"{VARIABLES}/JOURNAL")
    assert [caller.read("JOURNAL") for _ in range(3)] == ["two", "two", None]


def test_read_after_a_write_is_late_for_so_long(caller: Caller) -> None:
    caller.github.late_seconds = 2.0
    caller.create("JOURNAL", "one")
    assert caller.read("JOURNAL") is None
    caller.now += 1.9
    assert caller.read("JOURNAL") is None
    caller.now += 0.1
    assert caller.read("JOURNAL") == "one"


def test_late_read_is_still_refused_to_those_who_may_not_read(caller: Caller) -> None:
    caller.github.late_reads = 1
    caller.create("JOURNAL", "one")
    caller.use(caller.github.add_token({"secrets": "write"}))
    assert caller.get(f"{VARIABLES}/JOURNAL").status_code == 403


def test_other_variables_are_read_as_they_are(caller: Caller) -> None:
    caller.create("OTHER", "x")
    caller.github.late_reads = 1
    caller.create("JOURNAL", "one")
    assert caller.read("OTHER") == "x"
