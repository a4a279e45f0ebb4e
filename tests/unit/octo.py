"""The client in front of an embedded GitHub, in memory: requests are kept, answers may be changed.

Every exchange is held against GitHub's own description.
"""

import json
from collections.abc import Callable, Mapping

import httpx

from provisioner.github.client import GitHub, Repository
from provisioner.http import Http
from provisioner.sandbox import Headers, Request, Response
from provisioner.secret import Secret
from tests.servers import GitHub as EmbeddedGitHub
from tests.servers.github_description import CheckingObserver, Description

NAME = "octo/bot"
API = "https://api.github.com"
NOW = 1_800_000_000.0
FAILED = b"<!DOCTYPE html><h1>Whoa there!</h1>"
"""What stands before GitHub answers with such a page."""


def reply(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Response:
    """An answer: JSON, or what is given as bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, tuple((headers or {}).items()), raw)


def acted(real: Callable[[], Response]) -> None:
    """GitHub acts, and its answer is lost."""
    real()


class Octo(httpx.BaseTransport):
    """An embedded GitHub with one repository, a token for it, and a client.

    `interfere` gets each request and a function that lets GitHub act and returns its answer; what
    it returns is sent, and None is a lost answer. Other hosts say yes to everything.
    """

    def __init__(self) -> None:
        self.github = EmbeddedGitHub(API, clock=lambda: NOW)
        self.stored = self.github.add_repository(NAME)
        self.checked = CheckingObserver(Description.load())
        self.github.observers.append(self.checked)
        self.statuses: list[int] = []
        self.seen: list[Request] = []
        self.foreign: list[str] = []
        self.waits: list[float] = []
        self.interfere: Callable[[Request, Callable[[], Response]], Response | None]
        self.interfere = lambda _request, real: real()
        http = Http(sleep=self.waits.append, clock=lambda: NOW, transport=self)
        self.client = GitHub(http, API, Secret(self.github.add_token()))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not str(request.url).startswith(f"{API}/"):
            self.foreign.append(str(request.url))
            return httpx.Response(200, json={"id": 1, "full_name": "a/b"})
        path, _, query = request.url.raw_path.decode().partition("?")
        headers = Headers(request.headers.items())
        seen = Request(request.method, path, query, headers, request.read())
        self.seen.append(seen)
        answer = self.interfere(seen, lambda: self.github(seen))
        if answer is None:
            raise httpx.RemoteProtocolError("The connection was closed.")
        self.statuses.append(answer.status)
        fields = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
        stream = httpx.ByteStream(answer.body)
        return httpx.Response(answer.status, headers=fields, stream=stream)

    @property
    def methods(self) -> list[str]:
        """The methods of the requests so far."""
        return [request.method for request in self.seen]

    def open(self, name: str = NAME) -> Repository:
        """Open a repository as a session does; what was asked so far is forgotten."""
        number, today = Repository(self.client, name).open()
        for seen in (self.seen, self.statuses, self.waits):
            seen.clear()
        return Repository(self.client, today, number)

    def use(self, token: str) -> None:
        """Go on with another token."""
        self.client.token = Secret(token)

    def always(self, answer: Response | None, method: str = "", path: str = "") -> None:
        """Answer so to such requests, without letting GitHub act."""
        self.interfere = lambda request, real: (
            answer if method in {"", request.method} and path in request.path else real()
        )

    def once(
        self, method: str, answer: Callable[[Callable[[], Response]], Response | None]
    ) -> None:
        """Answer so to the first such request; `answer` may let GitHub act."""
        met: list[Request] = []

        def interfere(request: Request, real: Callable[[], Response]) -> Response | None:
            if request.method != method or met:
                return real()
            met.append(request)
            return answer(real)

        self.interfere = interfere
