"""Waits on this machine for the browser to bring the code (RFC 8252), and for a paste meanwhile.

One loop in the main thread over the listener, its connections and standard input: an idle
connection blocks nothing, and Ctrl-C is an ordinary interruption. Nothing of a request is logged.
"""

import hmac
import os
import select
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from urllib.parse import parse_qsl

from provisioner.commands.setup import Redirect
from provisioner.landing import HEADERS, notice
from provisioner.secret import Secret

CALLBACK, RESULT = "/callback", "/result"
"""Where the instance sends the browser, and where it is sent on to, so that no code stays in its
address bar and history."""
TICK = 1.0
"""Seconds between two looks at the time that is left."""
PATIENCE = 3.0
"""Seconds that the browser has to ask for its page."""
STILL_WAITING = "The terminal still waits. To give up, press Ctrl-C there."
MAX_CONNECTIONS = 50
"""Browsers open some ahead, and may never use them."""
MAX_HEAD, MAX_PASTE = 64 * 1024, 8192
"""Bytes that are kept of a request, and of a line."""

Reply = tuple[HTTPStatus, Mapping[str, str], str]
"""Status, headers and page."""
Answer = Callable[[str], Reply]
"""What answers a request, given its target, which is "" where it is for another host."""


class Loopback:
    """A listener on 127.0.0.1, and beside it standard input, by its file descriptor."""

    def __init__(self, stdin: int | None = None) -> None:
        self._listener: socket.socket | None = None
        self._heads: dict[socket.socket, bytes] = {}
        """What each connection has sent so far, the oldest first."""
        self._stdin = stdin
        self._typed = b""
        self._is_promised = False

    def listen(self, port: int) -> str:
        """The redirect URI, with this port, or a free one for 0; "" where it is taken."""
        try:
            backlog = 2 * MAX_CONNECTIONS
            self._listener = socket.create_server(("127.0.0.1", port), backlog=backlog)
        except OSError:
            return ""
        self._listener.setblocking(False)  # noqa: FBT003
        self._host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        return f"http://{self._host}{CALLBACK}"

    def wait(
        self, state: str, origin: str, until: float, tick: Callable[[float], None]
    ) -> Redirect | str | None:
        """The instance's redirect, or a line that was typed; None where nothing came in time.

        The redirect must carry this `state`. `until` is a time of `time.monotonic`; `tick` is told
        the seconds left, about once a second.
        """
        arrived: list[Redirect] = []

        def answer(target: str) -> Reply:
            judged = _judge(target, state, origin)
            if isinstance(judged, Redirect):
                arrived.append(judged)
                return HTTPStatus.SEE_OTHER, {"Location": RESULT}, ""
            status, title = judged
            return status, HEADERS, notice(title, STILL_WAITING)

        while (left := until - time.monotonic()) > 0:
            if (line := self._line()) is not None:
                return line
            if self._listener is None and self._stdin is None:  # nothing can arrive
                return None
            tick(left)
            self._turn(min(left, TICK), answer)
            if arrived:
                self._is_promised = True
                return arrived[0]
        return None

    def show(self, page: str) -> None:
        """Answer the browser that brought the redirect, once it is known how the run ended."""

        def answer(target: str) -> Reply:
            if target != RESULT:
                return HTTPStatus.NOT_FOUND, HEADERS, notice("Not found")
            self._is_promised = False
            return HTTPStatus.OK, HEADERS, page

        until = time.monotonic() + PATIENCE
        while self._is_promised and (left := until - time.monotonic()) > 0:
            self._turn(left, answer)

    def close(self) -> None:
        for connection in self._heads:
            connection.close()
        if self._listener:
            self._listener.close()

    def _turn(self, seconds: float, answer: Answer) -> None:
        """Wait once; read what is typed, and answer the requests that have arrived whole."""
        sources = [one for one in (self._listener, self._stdin) if one is not None]
        ready, _, _ = select.select([*sources, *self._heads], [], [], seconds)
        if self._stdin is not None and self._stdin in ready:
            self._read_typed(self._stdin)
        for connection in [one for one in self._heads if one in ready]:
            piece = b""
            with suppress(OSError):  # the browser hung up
                piece = connection.recv(MAX_HEAD)
            head = self._heads[connection] = self._heads[connection] + piece
            if not piece or b"\r\n\r\n" in head or len(head) > MAX_HEAD:
                request = _Request(self._heads.pop(connection), self._host, answer)
                with suppress(OSError):
                    connection.sendall(request.reply.getvalue())
                connection.close()
        if self._listener:
            with suppress(OSError):  # nobody came, or is gone again
                self._heads[self._listener.accept()[0]] = b""
        if len(self._heads) > MAX_CONNECTIONS:
            oldest = next(iter(self._heads))
            del self._heads[oldest]
            oldest.close()

    def _read_typed(self, stdin: int) -> None:
        piece = b""
        with suppress(OSError):  # the terminal is gone
            piece = os.read(stdin, MAX_PASTE)
        self._typed = (self._typed + piece)[-MAX_PASTE:]
        if not piece:  # the end, also of the last line
            self._stdin = None
            self._typed += b"\n" if self._typed else b""

    def _line(self) -> str | None:
        line, ended, rest = self._typed.partition(b"\n")
        if not ended:
            return None
        self._typed = rest
        return line.decode(errors="replace")


class _Request(BaseHTTPRequestHandler):
    """A request as it came, and the reply to it."""

    protocol_version = "HTTP/1.1"

    def __init__(self, head: bytes, host: str, answer: Answer) -> None:
        self.reply = BytesIO()
        self.rfile, self.wfile = BytesIO(head), self.reply
        self._host, self._answer = host, answer
        self.handle()

    def do_GET(self) -> None:
        # Another Host comes from a page elsewhere whose name was made to lead here (DNS rebinding).
        is_ours = self.headers.get_all("Host") == [self._host]
        self._send(*self._answer(self.path if is_ours else ""))

    def send_error(self, code: int, *_: object) -> None:
        """Show a page of ours where the request is none, or no GET."""
        self._send(HTTPStatus(code), HEADERS, notice("This address answers a browser alone"))

    def _send(self, status: HTTPStatus, headers: Mapping[str, str], page: str) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: the address has the code."""


def _judge(target: str, state: str, origin: str) -> Redirect | tuple[HTTPStatus, str]:
    """The redirect; or how a request is answered that does not end the wait."""
    path, _, query = target.partition("?")
    if path != CALLBACK:
        return HTTPStatus.NOT_FOUND, "Not found"
    given = dict(parse_qsl(query))
    if not state or not hmac.compare_digest(given.get("state", "").encode(), state.encode()):
        # Hollo's denial among them: without a state anybody could end the wait.
        return HTTPStatus.BAD_REQUEST, "This does not come from the link that was shown"
    if given.get("iss", origin).removesuffix("/") != origin:  # RFC 9207
        return HTTPStatus.BAD_REQUEST, "This comes from another server"
    if error := given.get("error"):
        return Redirect(Secret(""), error)
    if code := given.get("code"):
        return Redirect(Secret(code))
    return HTTPStatus.BAD_REQUEST, "This brings no code"
