"""A strict scripted server on a real socket: it says what a test scripted, and nothing else."""

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

Headers = tuple[tuple[str, str], ...]


class Wire:
    """One connection, after its request was read."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self._connection = connection
        self.stopping = stopping
        self.written = 0

    def next_request(self) -> None:
        """Read another request on the same connection."""
        assert _read(self._connection)

    def write(self, data: bytes) -> None:
        """Send, as long as the client listens."""
        self._connection.sendall(data)
        self.written += len(data)


Reply = Callable[[Wire], None]


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived."""

    method: str
    target: str
    headers: Headers
    body: bytes

    @property
    def path(self) -> str:
        return self.target if self.method == "CONNECT" else urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return _single(urlsplit(self.target).query)

    @property
    def form(self) -> dict[str, str]:
        assert self.header("content-type") == "application/x-www-form-urlencoded"
        return _single(self.body.decode("ascii"))

    def header(self, name: str) -> str | None:
        """The one header of this name; None where there is none."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1
        return values[0] if values else None


def _single(text: str) -> dict[str, str]:
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    assert len(dict(pairs)) == len(pairs), "a parameter stands twice"
    return dict(pairs)


class ScriptedServer:
    """Answers each method and path with its replies in turn, the last one again and again."""

    def __init__(self, *, listening: bool = True, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Recorded] = []
        self.unexpected: list[str] = []
        self.wires: list[Wire] = []
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(60)
        if self._tls:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:  # the client does not like the certificate
                connection.close()
                return
        with connection, suppress(OSError):
            request = _read(connection)
            if request is None:
                return
            wire = Wire(connection, self._stopping)
            with self._lock:
                self.requests.append(request)
                self.wires.append(wire)
                replies = self._script.get((request.method, request.path), [])
                if not replies:
                    self.unexpected.append(f"{request.method} {request.target}")
                    reply = answer(599)
                else:
                    reply = replies.pop(0) if len(replies) > 1 else replies[0]
            reply(wire)
            connection.shutdown(socket.SHUT_WR)
            # Read on until the client is done, so that it never sees a reset in place of an end.
            connection.settimeout(0.2)
            while connection.recv(65536):
                pass


def _read(connection: socket.socket) -> Recorded | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (chunk := connection.recv(65536)):
            return None
        data += chunk
        if data[:1] == b"\x16":  # the beginning of a TLS handshake
            return None
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.split(":", 1) for line in lines)
    headers = tuple((name.lower(), value.strip()) for name, value in pairs)
    while len(body) < int(dict(headers).get("content-length", "0")):
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


def say(value: object, status: int = 200, headers: Headers = ()) -> Reply:
    """A JSON answer."""
    body = json.dumps(value).encode()
    return answer(status, body, (("Content-Type", "application/json"), *headers))


def page(status: int = 200) -> Reply:
    """An HTML page, as a front end or a proxy sends it."""
    body = b"<!DOCTYPE html><title>Hello</title><p>error"
    return answer(status, body, (("Content-Type", "text/html; charset=utf-8"),))


def redirect(location: str, status: int = 302) -> Reply:
    """An answer that sends the client elsewhere."""
    return answer(status, b"", (("Location", location),))


def hang(wire: Wire) -> None:
    """No answer, as long as the server runs."""
    wire.stopping.wait()


def hang_up(_wire: Wire) -> None:
    """The connection's end in place of an answer."""


def truncated(wire: Wire) -> None:
    """An answer that ends before its announced length."""
    wire.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"access')


def flood(wire: Wire) -> None:
    """An answer of 50 MB."""
    wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n")
    for _ in range(800):
        wire.write(b"x" * 65536)


def drip(beginning: bytes, piece: bytes) -> Reply:
    """An answer that never pauses for long and never ends, until the client hangs up."""

    def reply(wire: Wire) -> None:
        wire.write(beginning)
        while not wire.stopping.wait(0.02):
            wire.write(piece)

    return reply
