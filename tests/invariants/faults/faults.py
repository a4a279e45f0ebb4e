"""What can go wrong with a request, and the line from a run to the sandbox, where it does.

A fault is given the way to deliver the request, and chooses: not to deliver it, to deliver it and
lose or spoil the answer, or to end the run. It strikes at one request, or from that one on.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import httpx

from provisioner.sandbox import Headers, Request
from tests.support.world import World

Deliver = Callable[[], httpx.Response]

LATE_SECONDS = 4.0
"""For how long GitHub answers with what was there before a write, and the tool waits for longer."""
GATEWAY = b"<html><h1>504 Gateway Time-out</h1></html>"
REFUSAL = b'{"message": "Resource not accessible", "error": "This action is not allowed"}'
THROTTLED = b'{"message": "Too many requests", "error": "Too many requests"}'
JSON = (("Content-Type", "application/json"),)
HTML = (("Content-Type", "text/html"),)


class Killed(BaseException):
    """The process is gone: no `except` of the run sees it, and nothing of the run happens after."""


@dataclass(frozen=True)
class Fault:
    """A fault, and how long it lasts: for one request, or from it on for its server, or for all."""

    name: str
    strike: Callable[[Deliver], httpx.Response] = field(repr=False)
    lasts: Literal["once", "server", "all"] = "once"
    reads_late: bool = False
    """Whether nothing is lost, and GitHub answers reads of variables late."""

    def __str__(self) -> str:
        return self.name

    def hits(self, asked: Sequence[str]) -> Iterator["Hit"]:
        """At each of these requests where it makes a difference."""
        for at, ask in enumerate(asked):
            if not self.reads_late or ("/variables" in ask and not ask.startswith("GET ")):
                yield Hit(self, at)


@dataclass(frozen=True)
class Hit:
    """A fault that strikes at a request, which is counted from 0."""

    fault: Fault
    at: int

    def strikes(self, servers: Sequence[str]) -> bool:
        """Whether the last of these requests is hit; what is given are their servers."""
        if len(servers) <= self.at or self.fault.lasts == "once":
            return len(servers) == self.at + 1
        return self.fault.lasts == "all" or servers[-1] == servers[self.at]


class Record:
    """What one run asked of the servers, and what it could read of the answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.servers: list[str] = []
        self.sent: dict[str, bytes] = defaultdict(bytes)
        """What each server was sent: addresses, headers and bodies."""
        self.seen_alive: set[str] = set()
        """The tokens that the run saw alive."""

    def asks(self, server: str, request: Request) -> None:
        """A request is on its way."""
        self.asked.append(f"{request.method} {request.path}")
        self.servers.append(server)
        head = "".join(f"{name}: {value}\n" for name, value in request.headers.items())
        self.sent[server] += f"{request.path}?{request.query}\n{head}".encode() + request.body

    def reads(self, request: Request, status: int) -> None:
        """A whole answer arrived."""
        if status == 200 and request.path.endswith("/accounts/verify_credentials"):
            self.seen_alive.add(request.headers["Authorization"].removeprefix("Bearer "))


class Line(httpx.BaseTransport):
    """Carries one run's requests to the sandbox, and records them; here faults strike."""

    def __init__(self, world: World, record: Record, hits: Sequence[Hit]) -> None:
        self.wire = world.wire
        self.github = world.github
        self.record = record
        self.hits = hits

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path, _, query = request.url.raw_path.decode().partition("?")
        headers = Headers(request.headers.items())
        seen = Request(request.method, path, query, headers, request.read())
        self.record.asks(request.url.netloc.decode(), seen)
        struck = [hit.fault for hit in self.hits if hit.strikes(self.record.servers)]
        self.github.late_seconds = LATE_SECONDS if any(one.reads_late for one in struck) else 0
        for fault in struck:
            if not fault.reads_late:
                return fault.strike(lambda: self.wire.handle_request(request))
        response = self.wire.handle_request(request)
        self.record.reads(seen, response.status_code)
        return response


def _answer(status: int, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> httpx.Response:
    """An answer whose body is still to be read, as from a socket."""
    return httpx.Response(status, headers=list(headers), stream=httpx.ByteStream(body))


class _BreaksOff(httpx.SyncByteStream):
    """The first half of a body, and then nothing."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self.body[: len(self.body) // 2]
        raise httpx.RemoteProtocolError("peer closed connection")


def _delivered(deliver: Deliver) -> httpx.Response:
    return deliver()


def _refused(_: Deliver) -> httpx.Response:
    raise httpx.ConnectError("refused")


def _request_lost(_: Deliver) -> httpx.Response:
    raise httpx.ReadTimeout("nobody answers")


def _answer_lost(deliver: Deliver) -> httpx.Response:
    deliver()
    raise httpx.ReadError("cut")


def _cut(deliver: Deliver) -> httpx.Response:
    answer = deliver()
    stream = _BreaksOff(answer.read())
    return httpx.Response(answer.status_code, headers=answer.headers, stream=stream)


def _half(deliver: Deliver) -> httpx.Response:
    answer = deliver()
    body = answer.read()
    return _answer(answer.status_code, body[: len(body) // 2], list(answer.headers.items()))


def _gateway(deliver: Deliver) -> httpx.Response:
    deliver()
    return _answer(504, GATEWAY, HTML)


def _killed_before(_: Deliver) -> httpx.Response:
    raise Killed


def _killed_after(deliver: Deliver) -> httpx.Response:
    deliver()
    raise Killed


def _unwell(_: Deliver) -> httpx.Response:
    return _answer(500, b"Internal Server Error")


def _page(_: Deliver) -> httpx.Response:
    return _answer(200, b"<h1>Welcome</h1>", HTML)


def _forbidden(_: Deliver) -> httpx.Response:
    return _answer(403, REFUSAL, JSON)


def _throttled(_: Deliver) -> httpx.Response:
    return _answer(429, THROTTLED, JSON)


def _throttled_for(_: Deliver) -> httpx.Response:
    return _answer(429, THROTTLED, (*JSON, ("Retry-After", "20")))


KILLED_BEFORE = Fault("killed before it", _killed_before)
KILLED_AFTER = Fault("killed after it", _killed_after)
LOST = Fault("answer lost", _answer_lost)
GATEWAY_TIMEOUT = Fault("504, though it acted", _gateway)
REFUSED_FROM_HERE = Fault("this server: 403 from here on", _forbidden, "server")
SILENT_FROM_HERE = Fault("this server: no answers from here on", _answer_lost, "server")
READ_LATE = Fault("GitHub reads late", _delivered, reads_late=True)
READ_LATE_FROM_HERE = Fault("GitHub reads late from here on", _delivered, "all", reads_late=True)

FAULTS = (
    Fault("connection refused", _refused),
    Fault("request lost", _request_lost),
    LOST,
    Fault("answer cut", _cut),
    Fault("half an answer", _half),
    Fault("500", _unwell),
    GATEWAY_TIMEOUT,
    Fault("429 with Retry-After", _throttled_for),
    Fault("429 without", _throttled),
    Fault("a page with 200", _page),
    KILLED_BEFORE,
    KILLED_AFTER,
    Fault("no connections from here on", _refused, "all"),
    Fault("no answers from here on", _answer_lost, "all"),
    SILENT_FROM_HERE,
    Fault("this server: 500 from here on", _unwell, "server"),
    REFUSED_FROM_HERE,
    Fault("this server: pages from here on", _page, "server"),
    READ_LATE,
    READ_LATE_FROM_HERE,
)

DECISIVE = (
    *(KILLED_AFTER, LOST, GATEWAY_TIMEOUT, SILENT_FROM_HERE, REFUSED_FROM_HERE),
    *(READ_LATE, READ_LATE_FROM_HERE),
)
"""Those that leave the most in doubt: what was done and is not known, or can't be gone on with."""
