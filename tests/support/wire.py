"""The network between a run and the sandbox, in memory: it records requests, and it can fail."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import httpx

from provisioner.sandbox import Headers, Request, Response
from tests.servers import GitHub

FaultKind = Literal[
    "refused",
    "request lost",
    "answer lost",
    "answer cut",
    "half an answer",
    "500",
    "504, though it acted",
    "403",
    "429 with Retry-After",
    "429 without",
    "html",
    "killed before it",
    "killed after it",
    "read late",
]
ALWAYS = 10**9
"""More requests than there are."""
LATE_SECONDS = 4.0
"""For how long GitHub answers with what was there before a write; the tool waits for longer."""
_JSON, _HTML = {"Content-Type": "application/json"}, {"Content-Type": "text/html"}
_THROTTLED = b'{"message": "Too many requests", "error": "Too many requests"}'
_ANSWERS: Mapping[str, Response] = {
    "500": Response(500, body=b"Internal Server Error"),
    "403": Response(
        403,
        tuple(_JSON.items()),
        b'{"message": "Resource not accessible", "error": "This action is not allowed"}',
    ),
    "429 with Retry-After": Response(429, (*_JSON.items(), ("Retry-After", "20")), _THROTTLED),
    "429 without": Response(429, tuple(_JSON.items()), _THROTTLED),
    "html": Response(200, tuple(_HTML.items()), b"<h1>Welcome</h1>"),
}
"""What is answered without acting."""
_GATEWAY_TIMEOUT = Response(
    504, tuple(_HTML.items()), b"<html><h1>504 Gateway Time-out</h1></html>"
)


class Killed(BaseException):
    """The process is gone: no `except` of the run sees it, and nothing of the run happens after."""


_UNSENT: Mapping[str, type[BaseException]] = {
    "refused": httpx.ConnectError,
    "request lost": httpx.ReadTimeout,
    "killed before it": Killed,
}
_LOST: Mapping[str, type[BaseException]] = {
    "answer lost": httpx.ReadError,
    "killed after it": Killed,
}
"""What happens after it was acted upon."""


@dataclass(eq=False)
class Fault:
    """What goes wrong, and with which requests: from the `first` that matches on, `times` of them.

    `of_server` restricts it to the server of that first one.
    """

    kind: FaultKind
    first: int = 0
    times: int = 1
    method: str = ""
    path: str = ""
    of_server: bool = False
    _seen: int = 0
    _server: bytes = b""

    def strikes(self, request: httpx.Request) -> bool:
        """Whether this request is hit."""
        if self.method not in {"", request.method} or self.path not in request.url.path:
            return False
        number, self._seen = self._seen, self._seen + 1
        if number == self.first:
            self._server = request.url.netloc
        hit = self.first <= number < self.first + self.times
        return hit and (not self.of_server or request.url.netloc == self._server)


class Record:
    """What one run asked of the servers, and what it could read of the answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sent: dict[str, str] = {}
        """All that each server was sent: addresses, headers and bodies."""
        self.seen_alive: set[str] = set()
        """The tokens that the run saw alive."""

    def asks(self, server: str, request: Request) -> None:
        """A request is on its way."""
        self.asked.append(f"{request.method} {request.path}")
        headers = request.headers.multi_items()
        text = f"{request.path}?{request.query}\n{headers}\n{request.body.decode()}\n"
        self.sent[server] = self.sent.get(server, "") + text

    def reads(self, request: Request, status: int) -> None:
        """A whole answer arrived."""
        if status == 200 and request.path.endswith("/accounts/verify_credentials"):
            self.seen_alive.add(request.bearer or "")


class _BreaksOff(httpx.SyncByteStream):
    """A part of a body, and then nothing."""

    def __init__(self, part: bytes) -> None:
        self.part = part

    def __iter__(self) -> Iterator[bytes]:
        yield self.part
        raise httpx.RemoteProtocolError("peer closed connection")


@dataclass
class Wire(httpx.BaseTransport):
    """Carries requests to handlers by the name of the host."""

    hosts: dict[str, Callable[[Request], Response]]
    github: GitHub | None = None
    """The one that reads late."""
    log: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    record: Record = field(default_factory=Record)
    """Of the run that is under way."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.netloc.decode()
        path, _, query = request.url.raw_path.decode().partition("?")
        headers = Headers(request.headers.multi_items())
        asked = Request(request.method, path, query, headers, request.read())
        self.log.append(f"{request.method} {request.url.path}")
        self.record.asks(host, asked)
        struck = [fault.kind for fault in self.faults if fault.strikes(request)]
        kind = next((kind for kind in struck if kind != "read late"), "")
        if self.github:
            usual = self.github.late_seconds
            self.github.late_seconds = LATE_SECONDS if "read late" in struck else usual
        try:
            answer = self._answer(self.hosts.get(host), asked, kind)
        finally:
            if self.github:
                self.github.late_seconds = usual
        if not kind:
            self.record.reads(asked, answer.status_code)
        return answer

    def _answer(
        self, handler: Callable[[Request], Response] | None, asked: Request, kind: str
    ) -> httpx.Response:
        if handler is None:
            raise httpx.ConnectError("refused")
        if kind in _UNSENT:
            raise _UNSENT[kind](kind)
        if kind in _ANSWERS:
            return _received(_ANSWERS[kind])
        answer = handler(asked)
        if kind in _LOST:
            raise _LOST[kind](kind)
        if kind == "504, though it acted":
            return _received(_GATEWAY_TIMEOUT)
        half = answer.body[: len(answer.body) // 2]
        if kind == "half an answer":
            return _received(Response(answer.status, answer.headers, half))
        return _received(answer, _BreaksOff(half) if kind == "answer cut" else None)


def _received(answer: Response, stream: httpx.SyncByteStream | None = None) -> httpx.Response:
    """An answer whose body is still to be read, as from a socket."""
    stream = stream or httpx.ByteStream(answer.body)
    return httpx.Response(answer.status, headers=list(answer.headers), stream=stream)
