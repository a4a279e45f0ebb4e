"""A slow link to a server: a TCP proxy that adds latency, and counts what goes over it."""

import contextlib
import json
import re
import socket
import socketserver
import threading
import time
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    """With the query, if there is one."""
    body: bytes

    def writes_variable(self, name: str) -> bool:
        """Whether it creates or changes this variable of the repository."""
        if self.method == "POST" and self.path.endswith("/actions/variables"):
            return bool(json.loads(self.body)["name"] == name)
        return self.method == "PATCH" and self.path.endswith(f"/actions/variables/{name}")


class SlowLink(socketserver.ThreadingTCPServer):
    """Stands in front of a server on this machine and lets a client wait as a distance would.

    A client waits `latency` seconds for a connection and as long for each answer, on any number of
    connections at the same time. The system accepts a connection at once, so both are waited for
    when its first request has come: a client that opens a connection in order to ask something
    can't tell the difference.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, server: str) -> None:
        """Listen on a free port; `server` is an origin, as `http://127.0.0.1:8080`."""
        super().__init__(("127.0.0.1", 0), _Connection)
        parts = urlsplit(server)
        self.server = (parts.hostname or "", parts.port or 80)
        self.latency = 0.0
        self.asked: list[Asked] = []
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"

    def counted(self) -> list[Asked]:
        """What was asked since this was called last."""
        counted, self.asked = self.asked, []
        return counted

    def __enter__(self) -> Self:
        """Accept connections."""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Accept no more."""
        self.shutdown()
        self.server_close()


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: SlowLink

    def handle(self) -> None:
        link, is_open = self.server, False
        # A client that is done hangs up, and that may be an error or just the end.
        with (
            contextlib.suppress(ConnectionError),
            socket.create_connection(link.server) as server,
            server.makefile("rb") as answers,
        ):
            while message := _message(self.rfile):
                head, body = message
                method, target, rest = head.split(b" ", 2)
                # As servers want it: without the origin that a client sends to its proxy.
                path = re.sub(rb"^https?://[^/]+", b"", target)
                time.sleep(link.latency * (1 if is_open else 2))
                is_open = True
                link.asked.append(Asked(method.decode(), path.decode(), body))
                server.sendall(b" ".join((method, path, rest)) + body)
                self.wfile.write(b"".join(_message(answers) or ()))


def _message(stream: BufferedIOBase) -> tuple[bytes, bytes] | None:
    """Head and body of one HTTP/1.1 message; None where the connection ends instead.

    Bodies have a Content-Length: the sandbox sends and takes no others.
    """
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    return head, stream.read(int(length[1]) if length else 0)
