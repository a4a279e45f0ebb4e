"""The embedded GitHub answers as GitHub's description says, on every path that it serves."""

import base64
import json

import pytest
from nacl.public import PublicKey, SealedBox

from provisioner.sandbox.web import Headers, Request, Response
from tests.servers import GitHub
from tests.servers.github_description import CheckingObserver, Description

ACTIONS = "/repos/octo/bot/actions"


class Octo:
    """Somebody who asks the embedded GitHub, with every exchange checked."""

    def __init__(self, description: Description) -> None:
        self.github = GitHub()
        self.github.add_repository("octo/bot")
        self.token = self.github.add_token()
        self.checked = CheckingObserver(description)
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
    return Octo(Description.load())


def test_every_endpoint_answers_as_described(octo: Octo) -> None:
    """A repository, its secrets and variables, from their creation to their end."""
    sealed = octo.sealed()
    secret, variables = f"{ACTIONS}/secrets/TOKEN", f"{ACTIONS}/variables"
    exchanges = [
        (octo.ask("GET", "/repos/octo/bot"), 200),
        (octo.ask("PUT", secret, sealed), 201),
        (octo.ask("PUT", secret, sealed), 204),
        (octo.ask("GET", secret), 200),
        (octo.ask("GET", f"{ACTIONS}/secrets"), 200),
        (octo.ask("DELETE", secret), 204),
        (octo.ask("POST", variables, {"name": "JOURNAL", "value": "x"}), 201),
        (octo.ask("PATCH", f"{variables}/JOURNAL", {"value": "y"}), 204),
        (octo.ask("GET", f"{variables}/JOURNAL"), 200),
        (octo.ask("GET", variables), 200),
        (octo.ask("DELETE", f"{variables}/JOURNAL"), 204),
    ]
    assert [answer.status for answer, _ in exchanges] == [status for _, status in exchanges]
    assert octo.checked.violations == []


def test_refusals_answer_as_described(octo: Octo) -> None:
    """A refusal has GitHub's shape, whatever it is for."""
    sealed = octo.sealed()
    missing = octo.ask("DELETE", f"{ACTIONS}/secrets/TOKEN")
    bad_name = octo.ask("PUT", f"{ACTIONS}/secrets/GITHUB_TOKEN", sealed)
    variable = {"name": "JOURNAL", "value": "x"}
    octo.ask("POST", f"{ACTIONS}/variables", variable)
    taken = octo.ask("POST", f"{ACTIONS}/variables", variable)
    octo.github.secondary_limit()
    limited = octo.ask("GET", "/repos/octo/bot")
    octo.github.rename("octo/bot", "octo/robot")
    moved = octo.ask("GET", "/repos/octo/bot"), octo.ask("DELETE", f"{ACTIONS}/secrets/TOKEN")
    octo.token = octo.github.add_token({})
    forbidden = octo.ask("GET", "/repos/octo/robot/actions/secrets")
    octo.token = "unknown"
    unknown = octo.ask("GET", "/repos/octo/robot")
    answers = missing, bad_name, taken, limited, *moved, forbidden, unknown
    assert [answer.status for answer in answers] == [404, 422, 409, 403, 301, 307, 403, 401]
    assert octo.checked.violations == []


def test_a_redirect_leads_to_where_the_same_is_answered(octo: Octo) -> None:
    """The path with the repository's number is checked as the one with its name."""
    octo.github.rename("octo/bot", "octo/robot")
    moved = octo.ask("GET", f"{ACTIONS}/secrets/public-key").header("Location")
    assert octo.ask("GET", moved.removeprefix(octo.github.api_url)).status == 200
    assert octo.checked.violations == []


def test_a_client_that_github_would_not_understand_is_caught(octo: Octo) -> None:
    """What the embedded GitHub refuses with 422 is a violation of the client's, not its own."""
    answer = octo.ask("PUT", f"{ACTIONS}/secrets/TOKEN", {"encrypted_value": "AAAA", "key_id": 1})
    assert answer.status == 422
    [violation] = octo.checked.violations
    assert "key_id" in violation
