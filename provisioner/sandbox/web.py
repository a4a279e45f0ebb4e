"""HTTP messages without sockets, and what the sandbox's two applications share.

An application is a function from a `Request` to a `Response`. Nothing here opens a socket
(`server.py` does), so a test can call an application in its own process, wrap it and make it fail.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

import httpx


class Headers(httpx.Headers):
    """Header fields by name, where case does not matter; repeated ones are joined with a comma."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(list(pairs), encoding="latin-1")


@dataclass(frozen=True)
class Request:
    """One request. `path` is as it was sent: percent-encoded, without the query."""

    method: str
    path: str
    query: str = ""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    client: str = "127.0.0.1"

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path between slashes, decoded: `%2F` stays inside its part."""
        return tuple(unquote(part) for part in self.path.split("/")[1:])

    @property
    def queries(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def bearer(self) -> str | None:
        """The token of the Authorization header; None where there is none."""
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        return value if scheme.lower() == "bearer" else None

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form; empty where the body is none."""
        if not self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def parameters(self) -> dict[str, str]:
        """Query and form in one; the query's win, as in Rails."""
        return self.form | self.queries


@dataclass(frozen=True)
class Response:
    """One answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str, default: str = "") -> str:
        """Return the first header of that name, in any case."""
        found = (value for key, value in self.headers if key.lower() == name.lower())
        return next(found, default)

    def plus(self, headers: Mapping[str, str]) -> "Response":
        """Return the same answer with more headers, which replace those of the same name."""
        new = {name.lower() for name in headers}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in new)
        return Response(self.status, kept + tuple(headers.items()), self.body)


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault
    """Ends a handler early: the application answers with `response`."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"answered with {response.status}")
        self.response = response


Handler = Callable[[Request], Response]
Observer = Callable[[Request, Response], None]


class Application:
    """A handler with a lock around its state, and observers that see each exchange.

    Observers run after the answer is made and before it is sent, one exchange at a time and in the
    order of the answers. They must not call the application over a socket: it is still locked.
    """

    def __init__(self) -> None:
        self.observers: list[Observer] = []
        self.lock = threading.RLock()

    def __call__(self, request: Request) -> Response:
        """Answer the request and show the exchange to the observers."""
        with self.lock:
            try:
                response = self.answer(request)
            except Refused as refused:
                response = refused.response
            response = self.finish(request, response)
            for observer in self.observers:
                observer(request, response)
        return response

    def answer(self, request: Request) -> Response:
        """Handle one request; may raise `Refused`."""
        raise NotImplementedError

    def finish(self, request: Request, response: Response) -> Response:  # noqa: ARG002
        """Add what every answer of this application carries."""
        return response


def json_response(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    fields = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return Response(status, tuple(fields.items()), json.dumps(body).encode())


def html_response(status: int, page: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a page."""
    fields = {"Content-Type": "text/html; charset=utf-8", **(headers or {})}
    return Response(status, tuple(fields.items()), page.encode())


def redirect(
    location: str, status: int = 302, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a redirect."""
    return html_response(status, "", {"Location": location, **(headers or {})})
