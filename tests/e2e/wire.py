"""What stands between the container and the servers: sees requests, and can hold one for ever."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection

from provisioner.sandbox import Request, Response

PATIENCE = 60.0
HOP_BY_HOP = {"connection", "content-length", "keep-alive", "transfer-encoding"}

Handler = Callable[[Request], Response]


def forward(netloc: str) -> Handler:
    """A handler that passes requests on as they are, `Host` included, to another server."""

    def handler(request: Request) -> Response:
        connection = HTTPConnection(netloc, timeout=PATIENCE)
        target = request.path + (f"?{request.query}" if request.query else "")
        headers = {name: text for name, text in request.headers.items() if _end_to_end(name)}
        connection.request(request.method, target, request.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        kept = tuple((name, text) for name, text in answer.getheaders() if _end_to_end(name))
        return Response(answer.status, kept, body)

    return handler


def _end_to_end(header: str) -> bool:
    return header.lower() not in HOP_BY_HOP


@dataclass
class Held:
    """A request that is never answered, whether or not it has its effect."""

    method: str
    path: str
    late: bool
    """The server has done what it was asked, and only its answer is held."""
    reached: threading.Event = field(default_factory=threading.Event)
    dropped: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Wait until the request has come."""
        assert self.reached.wait(PATIENCE), f"there was no {self.method} {self.path}"


@dataclass
class Wire:
    """A handler in front of another one."""

    handler: Handler
    log: list[str] = field(default_factory=list)
    """Each request's method, path and status."""
    written: Callable[[str], None] | None = None
    """Told of each write when its answer is made, and before that is sent."""
    quiet: float = 0
    """For how many seconds a write waits then: what was printed before it has arrived by now."""
    _held: Held | None = None

    def __call__(self, request: Request) -> Response:
        """Pass a request on, and its answer back."""
        held = self._held
        if held and (held.method, held.path) == (request.method, request.path):
            if held.late:
                self.handler(request)
            held.reached.set()
            held.dropped.wait(PATIENCE)
            return Response(504)
        written = None if request.method == "GET" else self.written
        if written:
            time.sleep(self.quiet)
        response = self.handler(request)
        self.log.append(f"{request.method} {request.path} {response.status}")
        if written:
            written(self.log[-1])
        return response

    @contextmanager
    def holding(self, method: str, path: str, *, late: bool = False) -> Iterator[Held]:
        """Hold this request while the block lasts."""
        self._held = Held(method, path, late)
        try:
            yield self._held
        finally:
            self._held.dropped.set()
            self._held = None
