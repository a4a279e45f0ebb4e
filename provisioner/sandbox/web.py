"""HTTP messages without sockets, and what the sandbox's two applications share.

An application is a function from a `Request` to a `Response`. Nothing here opens a socket
(`server.py` does), so a test can call an application in its own process, wrap it and make it fail.
"""

import html
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote


class Headers(Mapping[str, str]):
    """Header fields by name, where case does not matter (RFC 9110 section 5.1).

    Repeated fields are joined with a comma, as section 5.3 allows.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        """Take the fields in the order in which they were sent."""
        self._fields: dict[str, tuple[str, str]] = {}
        for name, value in pairs:
            known = self._fields.get(name.lower())
            joined = value if known is None else f"{known[1]}, {value}"
            self._fields[name.lower()] = (name, joined)

    def __getitem__(self, name: str) -> str:
        """Return the value; `KeyError` where the field is missing."""
        return self._fields[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        """Yield the names as they were written."""
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        """Count the distinct names."""
        return len(self._fields)


@dataclass(frozen=True)
class Request:
    """One request. `path` is as it was sent: percent-encoded, without the query.

    Query, headers and body may hold credentials and stay out of the representation.
    """

    method: str
    path: str
    query: str = field(default="", repr=False)
    headers: Headers = field(default_factory=Headers, repr=False)
    body: bytes = field(default=b"", repr=False)
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
    def media_type(self) -> str:
        """The body's media type in lower case, without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Response:
    """One answer; its body may hold credentials and stays out of the representation."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str, default: str = "") -> str:
        """Return the first header of that name, in any case."""
        found = (value for key, value in self.headers if key.lower() == name.lower())
        return next(found, default)

    def json(self) -> object:
        """Parse the body; `ValueError` where it is not JSON."""
        return json.loads(self.body)

    def plus(self, headers: Mapping[str, str]) -> "Response":
        """Return the same answer with more headers, which replace those of the same name."""
        new = {name.lower() for name in headers}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in new)
        return Response(self.status, kept + tuple(headers.items()), self.body)


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault
    """Ends a handler early: the application answers with `response`."""

    def __init__(self, response: Response) -> None:
        """Keep the answer that is to be given."""
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
        """Start without observers."""
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
    """Return a page that no cache keeps and no other site can frame.

    Its policy leaves `form-action` open, as Mastodon's does: browsers would otherwise block the
    redirect from the consent form to the application.
    """
    fields = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        **(headers or {}),
    }
    return Response(status, tuple(fields.items()), page.encode())


def redirect(
    location: str, status: int = 302, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a redirect with a line of HTML for those who do not follow it."""
    body = f'<a href="{html.escape(location)}">Continue</a>'
    return html_response(status, body, {"Location": location, **(headers or {})})


def redirect_with(uri: str, query: str) -> Response:
    """Return a redirect to an address with a query, which it may have one of already."""
    return redirect(f"{uri}{'&' if '?' in uri else '?'}{query}")
