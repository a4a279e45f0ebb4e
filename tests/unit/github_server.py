"""An embedded GitHub behind a raw server, which records each request and may garble any answer."""

import json
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Self

from provisioner.github.client import GitHub, Repository
from provisioner.http import Http
from provisioner.sandbox import Headers, Request
from provisioner.sandbox import Repository as StoredRepository
from provisioner.secret import Secret
from tests.servers import GitHub as EmbeddedGitHub
from tests.servers.github_description import Description, checking_observer

NAME = "octo/bot"
NOW = 1_800_000_000.0


@dataclass(frozen=True)
class Seen:
    """A request as it came over the wire; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def line(self) -> str:
        """Method and the end of the path."""
        return f"{self.method} {self.path.removeprefix(f'/repos/{NAME}')}"


Script = Callable[[Seen], bytes | None]
Interference = Callable[[Seen, Callable[[], bytes]], bytes | None]


def reply(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> bytes:
    """An answer: JSON, or what is given as bytes."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    fields = {"Content-Type": "application/json; charset=utf-8", "Connection": "close"}
    fields |= {} if status == 204 else {"Content-Length": str(len(raw))}
    lines = [f"HTTP/1.1 {status} Scripted"]
    lines += [f"{name}: {value}" for name, value in (fields | dict(headers or {})).items()]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + raw


class RawServer:
    """Answers each request with what a script returns, and hangs up; None: without an answer."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self._listener = _Listener(("127.0.0.1", 0), _Connection)
        self._listener.take = self._take
        self.origin = f"http://127.0.0.1:{self._listener.server_address[1]}"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,))
        self._thread.start()

    def _take(self, seen: Seen) -> bytes | None:
        self.seen.append(seen)
        return self.script(seen)

    @property
    def lines(self) -> list[str]:
        """The requests so far."""
        return [seen.line for seen in self.seen]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32
    take: Script


class _Connection(socketserver.StreamRequestHandler):
    server: _Listener

    def handle(self) -> None:
        method, _, rest = self.rfile.readline().decode().partition(" ")
        headers: dict[str, str] = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if not rest:
            return
        body = self.rfile.read(int(headers.get("content-length", "0")))
        answer = self.server.take(Seen(method, rest.split()[0], headers, body))
        if answer is not None:
            self.wfile.write(answer)


@cache
def _http() -> Http:
    """One client for all tests: to make one takes longer than most tests, and none stays open."""
    return Http()


def _untouched(_seen: Seen, real: Callable[[], bytes]) -> bytes:
    return real()


def open_repository(client: GitHub, name: str = NAME) -> Repository:
    """A repository as a session opens it."""
    number, today = Repository(client, name).open()
    return Repository(client, today, number)


class Octo:
    """An embedded GitHub with one repository, a token for it, and a client.

    Every exchange with it is held against GitHub's own description. `interfere` gets each request
    and a function that lets GitHub act and returns its answer; what it returns is sent.
    """

    def __init__(self) -> None:
        self.github = EmbeddedGitHub(clock=lambda: NOW)
        self.stored: StoredRepository = self.github.add_repository(NAME)
        self.checked = checking_observer(Description.load())
        self.github.observers.append(self.checked)
        self.interfere: Interference = _untouched
        self.wire = RawServer(lambda seen: self.interfere(seen, lambda: self._answer(seen)))
        self.github.api_url = self.wire.origin
        self.waits: list[float] = []
        http = _http()
        http.sleep, http.clock = self.waits.append, lambda: NOW
        self.client = GitHub(http, self.wire.origin, Secret(self.github.add_token()))

    def repository(self) -> Repository:
        """The repository, opened anew; what was asked before is forgotten."""
        opened = self.open()
        self.wire.seen.clear()
        self.waits.clear()
        return opened

    def open(self, name: str = NAME) -> Repository:
        """Open a repository, under the name that it bears today."""
        return open_repository(self.client, name)

    def token(self, token: str) -> None:
        """Go on with another token."""
        self.client.token = Secret(token)

    def always(self, answer: bytes, method: str = "", path: str = "") -> None:
        """Answer so to such requests, without letting GitHub act."""

        def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes:
            return answer if method in {"", seen.method} and path in seen.path else real()

        self.interfere = interfere

    def _answer(self, seen: Seen) -> bytes:
        path, _, query = seen.path.partition("?")
        request = Request(seen.method, path, query, Headers(seen.headers.items()), seen.body)
        response = self.github(request)
        return reply(response.status, response.body, dict(response.headers))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wire.__exit__(kind, error, trace)
