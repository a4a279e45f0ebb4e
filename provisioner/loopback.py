"""Waits on this machine for the browser to bring the code (RFC 8252), and for a paste meanwhile.

One loop in the main thread over the listener, its connections and standard input: an idle
connection blocks nothing, and Ctrl-C is an ordinary interruption. Nothing of a request is logged.
"""

import hmac
import os
import selectors
import socket
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl

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
MAX_HEAD = 16 * 1024
MAX_CONNECTIONS = 50
MAX_PASTE = 8192


@dataclass(frozen=True)
class Redirect:
    """What the instance had the browser bring (RFC 6749, sections 4.1.2 and 4.1.2.1)."""

    code: Secret
    error: str = ""
    """The instance's word for why there is no code: `access_denied`."""


class Loopback:
    """A listener on 127.0.0.1, and standard input beside it.

    `stdin` is its file descriptor; it is left out where it can't be waited for, as a file can't.
    """

    def __init__(self, stdin: int | None = None) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener: socket.socket | None = None
        self._heads: dict[socket.socket, bytearray] = {}
        """What each connection has sent so far, the oldest first."""
        self._host = ""
        self._typed = b""
        self._is_promised = False
        self._stdin = stdin if stdin is not None and _can_wait_for(stdin) else None
        if self._stdin is not None:
            self._selector.register(self._stdin, selectors.EVENT_READ)

    def listen(self, port: int = 0) -> str:
        """The redirect URI, with a free port or this one; "" where it is taken."""
        try:
            listener = socket.create_server(("127.0.0.1", port))
        except OSError:
            return ""
        listener.settimeout(0)
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ)
        self._host = f"127.0.0.1:{listener.getsockname()[1]}"
        return f"http://{self._host}{CALLBACK}"

    @property
    def is_open(self) -> bool:
        return bool(self._listener or self._stdin is not None or self._typed)

    def wait(
        self, state: str, origin: str, until: float, tick: Callable[[float], None]
    ) -> Redirect | str | None:
        """The instance's redirect, or a line that was typed; None where nothing came in time.

        The redirect must carry this `state`. `until` is a time of `time.monotonic`; `tick` is told
        the seconds left, about once a second.
        """
        while self.is_open and (left := until - time.monotonic()) > 0:
            if (line := self._line()) is not None:
                return line
            tick(left)
            for connection, head in self._turn(min(left, TICK)):
                judged = self._judge(head, state, origin)
                if isinstance(judged, Redirect):
                    self._is_promised = True
                    _answer(connection, HTTPStatus.SEE_OTHER, {"Location": RESULT})
                    return judged
                status, title = judged
                _answer(connection, status, HEADERS, notice(title, STILL_WAITING))
        return None

    def show(self, page: str) -> None:
        """Answer the browser that brought the redirect, once it is known how the run ended."""
        until = time.monotonic() + PATIENCE
        while self._is_promised and (left := until - time.monotonic()) > 0:
            for connection, head in self._turn(left):
                if _target(head, self._host) == RESULT:
                    self._is_promised = False
                    _answer(connection, HTTPStatus.OK, HEADERS, page)
                else:
                    _answer(connection, HTTPStatus.NOT_FOUND, HEADERS, notice("Not found"))

    def close(self) -> None:
        for one in (*self._heads, *filter(None, [self._listener])):
            one.close()
        self._selector.close()

    def _turn(self, seconds: float) -> list[tuple[socket.socket, str]]:
        """Wait once; the connections whose requests have come in whole, with their heads."""
        whole = []
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj == self._stdin:
                self._read_typed()
            else:
                connection = cast("socket.socket", key.fileobj)
                if (head := self._read_head(connection)) is not None:
                    whole.append((connection, head))
        return whole

    def _accept(self) -> None:
        if len(self._heads) == MAX_CONNECTIONS:
            self._forget(next(iter(self._heads))).close()
        with suppress(OSError):  # it hung up
            connection, _ = cast("socket.socket", self._listener).accept()
            connection.settimeout(0)
            self._heads[connection] = bytearray()
            self._selector.register(connection, selectors.EVENT_READ)

    def _read_head(self, connection: socket.socket) -> str | None:
        if connection not in self._heads:  # closed for another one a moment ago
            return None
        try:
            piece = connection.recv(MAX_HEAD)
        except OSError:
            piece = b""
        head = self._heads[connection]
        head += piece
        if not piece or len(head) > MAX_HEAD:
            self._forget(connection).close()
        elif b"\r\n\r\n" in head:
            self._forget(connection)
            return head.partition(b"\r\n\r\n")[0].decode("latin-1")
        return None

    def _forget(self, connection: socket.socket) -> socket.socket:
        self._selector.unregister(connection)
        del self._heads[connection]
        return connection

    def _read_typed(self) -> None:
        stdin = cast("int", self._stdin)
        try:
            piece = os.read(stdin, MAX_PASTE)
        except OSError:  # the terminal is gone
            piece = b""
        self._typed = (self._typed + piece)[-MAX_PASTE:]
        if not piece:
            if self._typed and not self._typed.endswith(b"\n"):
                self._typed += b"\n"
            self._selector.unregister(stdin)
            self._stdin = None

    def _line(self) -> str | None:
        line, ended, rest = self._typed.partition(b"\n")
        if not ended:
            return None
        self._typed = rest
        return line.decode(errors="replace")

    def _judge(self, head: str, state: str, origin: str) -> Redirect | tuple[HTTPStatus, str]:
        """The redirect; or how a request is answered that does not end the wait."""
        target = _target(head, self._host)
        path, _, query = target.partition("?")
        if not target:
            return HTTPStatus.BAD_REQUEST, "This address answers a browser on this machine alone"
        if path != CALLBACK:
            return HTTPStatus.NOT_FOUND, "Not found"
        given = _parameters(query)
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


def _target(head: str, host: str) -> str:
    """The request's target, "" unless it is a GET for this very host.

    Another Host comes from a page elsewhere whose name was made to lead here (DNS rebinding).
    """
    first, *fields = head.split("\r\n")
    method, _, rest = first.partition(" ")
    target, _, version = rest.partition(" ")
    hosts = [one.partition(":")[2].strip() for one in fields if one.lower().startswith("host:")]
    is_ours = method == "GET" and version.startswith("HTTP/1.") and hosts == [host]
    return target if is_ours else ""


def _parameters(query: str) -> Mapping[str, str]:
    """The parameters of a query; none where one is given twice (RFC 6749, section 3.1)."""
    with suppress(ValueError):  # too many
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20)
        given = dict(pairs)
        return given if len(given) == len(pairs) else {}
    return {}


def _answer(
    connection: socket.socket, status: HTTPStatus, headers: Mapping[str, str], page: str = ""
) -> None:
    body = page.encode()
    fields = {**headers, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{k}: {v}" for k, v in fields.items())]
    with suppress(OSError):  # the browser hung up
        connection.settimeout(TICK)
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        connection.shutdown(socket.SHUT_WR)
    connection.close()


def _can_wait_for(descriptor: int) -> bool:
    """Whether it is a terminal, a pipe or a socket: epoll refuses a file, which is always ready."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return os.isatty(descriptor) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
