"""The embedded GitHub answers as GitHub's description says, and refuses what GitHub refuses."""

import base64
import json

import pytest
from nacl.public import PublicKey, SealedBox

from provisioner.sandbox.web import Headers, Request, Response
from tests.servers import GitHub
from tests.servers.github_description import CheckingObserver, Description

ACTIONS = "/repos/octo/bot/actions"
SECRET, VARIABLES = f"{ACTIONS}/secrets/TOKEN", f"{ACTIONS}/variables"


class Octo:
    """Somebody who asks the embedded GitHub, with every exchange checked."""

    def __init__(self) -> None:
        self.github = GitHub()
        self.github.add_repository("octo/bot")
        self.token = self.github.add_token()
        self.checked = CheckingObserver(Description.load())
        self.github.observers.append(self.checked)

    def ask(self, method: str, path: str, body: object = None) -> Response:
        """Send a request with a token."""
        fields = {"User-Agent": "test", "Authorization": f"Bearer {self.token}"}
        if body is not None:
            fields["Content-Type"] = "application/json"
        raw = b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        return self.github(Request(method, path, query, Headers(fields.items()), raw))

    def sealed(self, value: str = "value") -> dict[str, str]:
        """Seal a value for the repository."""
        key = json.loads(self.ask("GET", f"{ACTIONS}/secrets/public-key").body)
        box = SealedBox(PublicKey(base64.b64decode(key["key"]))).encrypt(value.encode())
        return {"encrypted_value": base64.b64encode(box).decode(), "key_id": key["key_id"]}


@pytest.fixture
def octo() -> Octo:
    return Octo()


def test_every_endpoint_answers_as_described(octo: Octo) -> None:
    """A refusal has GitHub's shape, whatever it is for; a redirect leads to the same."""
    sealed, value = octo.sealed(), {"name": "JOURNAL", "value": "x"}
    exchanges = [
        (octo.ask("GET", "/repos/octo/bot"), 200),
        (octo.ask("DELETE", SECRET), 404),
        (octo.ask("PUT", SECRET, sealed), 201),
        (octo.ask("PUT", SECRET, sealed), 204),
        (octo.ask("PUT", f"{ACTIONS}/secrets/GITHUB_TOKEN", sealed), 422),
        (octo.ask("GET", SECRET), 200),
        (octo.ask("GET", f"{ACTIONS}/secrets"), 200),
        (octo.ask("DELETE", SECRET), 204),
        (octo.ask("POST", VARIABLES, value), 201),
        (octo.ask("POST", VARIABLES, {"name": "journal", "value": "y"}), 409),
        (octo.ask("PATCH", f"{VARIABLES}/JOURNAL", {"value": "y"}), 204),
        (octo.ask("GET", f"{VARIABLES}/JOURNAL"), 200),
        (octo.ask("GET", VARIABLES), 200),
        (octo.ask("DELETE", f"{VARIABLES}/JOURNAL"), 204),
    ]
    octo.github.limited_until = octo.github.clock() + 60
    exchanges.append((octo.ask("GET", "/repos/octo/bot"), 403))
    octo.github.limited_until = 0
    octo.github.rename("octo/bot", "octo/robot")
    moved = octo.ask("GET", f"{ACTIONS}/secrets/public-key")
    there = moved.header("Location").removeprefix(octo.github.api_url)
    exchanges += [(moved, 301), (octo.ask("GET", there), 200)]
    exchanges += [(octo.ask("GET", "/repos/octo/bot"), 301), (octo.ask("DELETE", SECRET), 307)]
    octo.token = octo.github.add_token({})
    exchanges.append((octo.ask("GET", "/repos/octo/robot/actions/secrets"), 403))
    octo.token = "unknown"
    exchanges += [(octo.ask("GET", f"/repos/octo/{name}"), 401) for name in ("robot", "none")]
    assert [answer.status for answer, _ in exchanges] == [status for _, status in exchanges]
    assert octo.checked.violations == []


def test_permission_is_checked_before_the_body(octo: Octo) -> None:
    octo.token = octo.github.add_token({"secrets": "read"})
    answer = octo.ask("PUT", SECRET, {})
    assert answer.status == 403
    assert answer.header("X-Accepted-GitHub-Permissions") == "secrets=write"


@pytest.mark.parametrize("change", ["key_id", "box", "old key", "not base64"])
def test_box_that_does_not_open_is_refused(octo: Octo, change: str) -> None:
    body = octo.sealed()
    repository = octo.github.repository("octo/bot")
    match change:
        case "key_id":
            body["key_id"] = "1"
        case "box":
            body["encrypted_value"] = base64.b64encode(bytes(80)).decode()
        case "old key":
            repository.rotate_key()
        case _:
            body["encrypted_value"] = "plain-text!"
    answer = octo.ask("PUT", SECRET, body)
    assert answer.status == 422
    assert b"plain-text!" not in answer.body
    assert repository.secrets == {}


@pytest.mark.parametrize("name", ["1ST", "A-B", "github_x"])
def test_impossible_name_is_refused(octo: Octo, name: str) -> None:
    assert octo.ask("PUT", f"{ACTIONS}/secrets/{name}", octo.sealed()).status == 422
    assert octo.ask("POST", VARIABLES, {"name": name, "value": "x"}).status == 422
    assert octo.github.repository("octo/bot").variables == {}


@pytest.mark.parametrize(("size", "status"), [(49_152, 201), (49_153, 422)])
def test_value_has_48_kilobytes(octo: Octo, size: int, status: int) -> None:
    assert octo.ask("PUT", SECRET, octo.sealed("x" * size)).status == status
    assert octo.ask("POST", VARIABLES, {"name": "NAME", "value": "x" * size}).status == status


def test_number_of_secrets_and_variables_is_limited(octo: Octo) -> None:
    repository = octo.github.repository("octo/bot")
    for number in range(100):
        repository.set_secret(f"S{number}", "x")
    repository.variables.update({f"V{number}": "" for number in range(500)})
    assert octo.ask("PUT", SECRET, octo.sealed()).status == 422
    assert octo.ask("PUT", f"{ACTIONS}/secrets/S0", octo.sealed()).status == 204
    assert octo.ask("POST", VARIABLES, {"name": "MORE", "value": "x"}).status == 422


def test_names_are_the_same_in_any_case(octo: Octo) -> None:
    octo.ask("PUT", f"{ACTIONS}/secrets/token", octo.sealed())
    assert octo.github.repository("octo/bot").open_secret("Token") == "value"
    octo.ask("POST", VARIABLES, {"name": "journal", "value": "x"})
    assert octo.ask("POST", VARIABLES, {"name": "JOURNAL", "value": "y"}).status == 409
    assert octo.github.repository("octo/bot").variables == {"JOURNAL": "x"}


def test_queued_run_keeps_the_secrets_of_its_queueing(octo: Octo) -> None:
    octo.ask("PUT", SECRET, octo.sealed("old"))
    run = octo.github.queue("octo/bot")
    octo.ask("PUT", SECRET, octo.sealed("new"))
    octo.ask("POST", VARIABLES, {"name": "NAME", "value": "now"})
    assert run.secret("token") == "old"
    assert run.variables == {"NAME": "now"}


def test_read_after_a_write_is_late_for_a_time(octo: Octo) -> None:
    """A write itself is never late."""
    octo.github.late_seconds = 5
    octo.github.clock = lambda: 100.0
    octo.ask("POST", VARIABLES, {"name": "JOURNAL", "value": "one"})
    assert octo.ask("POST", VARIABLES, {"name": "JOURNAL", "value": "x"}).status == 409
    assert octo.ask("GET", f"{VARIABLES}/JOURNAL").status == 404
    octo.github.clock = lambda: 105.0
    assert octo.ask("GET", f"{VARIABLES}/JOURNAL").status == 200


def test_page_of_variables_has_thirty_at_most(octo: Octo) -> None:
    repository = octo.github.repository("octo/bot")
    repository.variables |= {f"V{number}": "" for number in range(40)}
    page = json.loads(octo.ask("GET", f"{VARIABLES}?per_page=100").body)
    assert (page["total_count"], len(page["variables"])) == (40, 30)
