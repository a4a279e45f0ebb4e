"""A strict scripted server on a real socket: it says what a test scripted, and nothing else."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

Headers = tuple[tuple[str, str], ...]


@dataclass
class Wire:
    """One connection, after its request was read."""

    connection: socket.socket
    stopping: threading.Event

    def write(self, data: bytes) -> None:
        """Send, as long as the client listens."""
        self.connection.sendall(data)


Reply = Callable[[Wire], None]


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived; the names of its headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target if self.method == "CONNECT" else urlsplit(self.target).path


class ScriptedServer:
    """Answers each method and path with its replies in turn, the last one again and again.

    `always` is the reply to all other requests; without one they are `unexpected`.
    """

    def __init__(
        self,
        always: Reply | None = None,
        *,
        listening: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[Recorded] = []
        self.unexpected: list[str] = []
        self._always = always
        self._script: dict[tuple[str, str], list[Reply]] = {}
        self._tls = tls
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.host = f"127.0.0.1:{self.port}"
        self.origin = f"{'https' if tls else 'http'}://{self.host}"
        if listening:
            self.listen()

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """Script the replies to requests for a path."""
        self._script[method, path] = list(replies)

    def listen(self) -> None:
        """Accept connections; before this they are refused."""
        self._listener.listen(16)
        self._spawn(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(60)
        if self._tls:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:  # the client does not like the certificate
                connection.close()
                return
        with connection, suppress(OSError):
            request = read(connection)
            if request is None:
                return
            wire = Wire(connection, self._stopping)
            with self._lock:
                self.requests.append(request)
                reply = self._reply(request)
            reply(wire)
            connection.shutdown(socket.SHUT_WR)
            # Read on until the client is done, so that it never sees a reset in place of an end.
            connection.settimeout(0.2)
            while connection.recv(65536):
                pass

    def _reply(self, request: Recorded) -> Reply:
        replies = self._script.get((request.method, request.path))
        if replies:
            return replies.pop(0) if len(replies) > 1 else replies[0]
        if self._always is None:
            self.unexpected.append(f"{request.method} {request.target}")
        return self._always or answer(599)


def read(connection: socket.socket) -> Recorded | None:
    """Read one request; None where the client hangs up, or begins a TLS handshake."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        data += chunk
        if not chunk or data[:1] == b"\x16":
            return None
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = [(name.lower(), value.strip()) for name, _, value in (o.partition(":") for o in lines)]
    headers = dict(pairs)
    assert len(headers) == len(pairs), "a header stands twice"
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Recorded(method, target, headers, body)


def raw(data: bytes) -> Reply:
    """These bytes, whatever they are."""
    return lambda wire: wire.write(data)


def answer(status: int = 200, body: bytes = b"", headers: Headers = ()) -> Reply:
    """A well-formed answer."""
    head = (*headers, ("Content-Length", str(len(body))), ("Connection", "close"))
    lines = "".join(f"{name}: {value}\r\n" for name, value in head)
    return raw(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode("latin-1") + body)


def say(value: object, status: int = 200) -> Reply:
    """A JSON answer."""
    return answer(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def hang(wire: Wire) -> None:
    """No answer, as long as the server runs."""
    wire.stopping.wait()


def hang_up(_wire: Wire) -> None:
    """The connection's end in place of an answer."""


def truncated(wire: Wire) -> None:
    """An answer that ends before its announced length."""
    wire.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"access')


def drip(beginning: bytes, piece: bytes) -> Reply:
    """An answer that never pauses for long and never ends, until the client hangs up."""

    def reply(wire: Wire) -> None:
        wire.write(beginning)
        while not wire.stopping.wait(0.02):
            wire.write(piece)

    return reply
