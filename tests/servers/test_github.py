"""The embedded GitHub refuses what GitHub refuses; GitHub's own description has the shapes.

That it takes what the client sends is seen in `tests/unit/test_github_client.py`.
"""

import base64

import httpx
import pytest
from nacl.public import PublicKey, SealedBox

from tests.servers import GitHub
from tests.support.world import API, START, Wire

SECRETS, VARIABLES = (f"/repos/acme/demo/actions/{kind}" for kind in ("secrets", "variables"))


class Caller:
    """Somebody with a token, and a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START
        self.github = GitHub(API, clock=lambda: self.now)
        self.repository = self.github.add_repository("acme/demo")
        wire = Wire({"api.github.com": self.github})
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


# Who may do what.


def test_no_token_and_one_that_ended_are_told_apart(caller: Caller) -> None:
    assert caller.get(SECRETS, Authorization="").json()["message"] == "Requires authentication"
    caller.use(caller.github.add_token(expires_at=caller.now + 60))
    header = caller.get(SECRETS).headers["GitHub-Authentication-Token-Expiration"]
    assert header == "2027-01-15 08:01:00 UTC"
    caller.now += 60
    assert caller.get(SECRETS).json()["message"] == "Bad credentials"
    caller.use(caller.github.add_token())
    caller.github.remove_token(caller.token)
    assert caller.get(SECRETS).status_code == 401


def test_permission_is_checked_before_the_body(caller: Caller) -> None:
    caller.use(caller.github.add_token({"secrets": "read"}))
    answer = caller.http.put(f"{SECRETS}/TOKEN", content=b"{")
    assert answer.status_code == 403
    assert answer.headers["X-Accepted-GitHub-Permissions"] == "secrets=write"
    assert caller.create("NAME", "x").status_code == 403
    assert caller.get(SECRETS).status_code == 200


@pytest.mark.parametrize("path", [SECRETS, f"{SECRETS}/public-key", VARIABLES])
def test_workflow_token_reaches_nothing_whatever_it_was_given(caller: Caller, path: str) -> None:
    caller.use(caller.github.add_token(kind="actions"))
    assert caller.get(path).json()["message"] == "Resource not accessible by integration"


def test_user_agent_and_a_known_version_are_demanded(caller: Caller) -> None:
    assert caller.get(SECRETS, **{"User-Agent": ""}).status_code == 403
    assert caller.get(SECRETS, **{"X-GitHub-Api-Version": "2026-03-10"}).status_code == 200
    assert caller.get(SECRETS, **{"X-GitHub-Api-Version": "2099-01-01"}).status_code == 400


def test_archived_repository_can_be_read_only(caller: Caller) -> None:
    caller.repository.archived = True
    answer = caller.create("NAME", "x")
    assert answer.json()["message"] == "Repository was archived so is read-only."
    assert caller.get(SECRETS).status_code == 200


def test_single_sign_on_is_demanded_of_each_token(caller: Caller) -> None:
    caller.github.require_sso("ACME")
    assert caller.get(SECRETS).status_code == 403
    caller.github.authorize_sso(caller.token, "acme")
    assert caller.get(SECRETS).status_code == 200


def test_limits_end(caller: Caller) -> None:
    caller.github.limit(remaining=1, reset=caller.now + 30)
    assert [caller.get(SECRETS).status_code for _ in range(2)] == [200, 403]
    caller.now += 30
    caller.github.secondary_limit(7, status=429)
    assert [caller.get(SECRETS).status_code for _ in range(2)] == [429, 200]


# Secrets and variables.


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


def test_names_are_the_same_in_any_case_and_values_of_secrets_never_come_back(
    caller: Caller,
) -> None:
    caller.put("token", "s3cret ü")
    assert caller.repository.open_secret("Token") == "s3cret ü"
    assert "s3cret" not in caller.get(f"{SECRETS}/TOKEN").text
    assert [caller.http.delete(f"{SECRETS}/Token").status_code for _ in range(2)] == [204, 404]
    caller.create("journal", "old")
    assert caller.create("JOURNAL", "x").status_code == 409
    assert caller.http.delete(f"{VARIABLES}/Journal").status_code == 204
    assert caller.change("JOURNAL", "x").status_code == 404


def test_queued_run_keeps_the_secrets_of_its_queueing(caller: Caller) -> None:
    caller.put("TOKEN", "old")
    run = caller.github.queue("acme/demo")
    caller.put("TOKEN", "new")
    caller.create("NAME", "now")
    assert run.secret("token") == "old"
    assert run.secret("none") == ""
    assert run.variables == {"NAME": "now"}


# Late reads.


def test_read_after_a_write_is_late_so_many_times(caller: Caller) -> None:
    """A write itself is never late, and other variables are read as they are."""
    caller.create("OTHER", "x")
    caller.github.late_reads = 2
    caller.create("JOURNAL", "one")
    assert [caller.read("JOURNAL") for _ in range(3)] == [None, None, "one"]
    caller.change("JOURNAL", "two")
    assert caller.create("JOURNAL", "x").status_code == 409
    assert [caller.read("JOURNAL") for _ in range(3)] == ["one", "one", "two"]
    caller.http.delete(f"{VARIABLES}/JOURNAL")
    assert caller.read("OTHER") == "x"
    assert [caller.read("JOURNAL") for _ in range(3)] == ["two", "two", None]


def test_read_after_a_write_is_late_for_so_long(caller: Caller) -> None:
    caller.github.late_seconds = 2.0
    caller.create("JOURNAL", "one")
    caller.now += 1.9
    assert caller.read("JOURNAL") is None
    caller.now += 0.1
    assert caller.read("JOURNAL") == "one"


def test_late_read_is_still_refused_to_those_who_may_not_read(caller: Caller) -> None:
    caller.github.late_reads = 1
    caller.create("JOURNAL", "one")
    caller.use(caller.github.add_token({"secrets": "write"}))
    assert caller.get(f"{VARIABLES}/JOURNAL").status_code == 403
