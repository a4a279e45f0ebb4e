"""Serves an application on 127.0.0.1 over real sockets, HTTP/1.1 with keep-alive."""

import contextlib
import logging
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Self

from provisioner.sandbox.web import Handler, Headers, Request, Response

MAX_BODY = 1 << 20  # bytes; the largest honest request is a 64 KB secret
IDLE_SECONDS = 30.0
_BODILESS = frozenset({204, 304})

_log = logging.getLogger(__name__)


class Server:
    """A running server. Close it, or use it as a context manager."""

    def __init__(self, application: Handler, port: int = 0) -> None:
        """Listen on 127.0.0.1; `port` 0 takes a free one. `OSError` where it is taken."""
        self._listener = _Listener(("127.0.0.1", port), _Connection)
        self._listener.application = application
        self.port: int = self._listener.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self._closing = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end the open connections, idle or not; may be called twice."""
        if self._closing:
            return
        self._closing = True
        # Wakes the thread that accepts: serve_forever would poll, and closing would wait for it.
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listener.server_close()
        self._listener.end_connections()

    def _accept(self) -> None:
        while not self._closing:
            self._listener.handle_request()

    def __enter__(self) -> Self:
        """Return the server, which already listens."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the server."""
        self.close()


def serve(application: Handler, port: int = 0) -> Server:
    """Serve an application on 127.0.0.1, on a free port where none is given."""
    return Server(application, port)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    application: Handler

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # HTTPServer looks up the host's full name here, which can take seconds without a network.
        socketserver.TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = self.server_address[1]

    def opened(self, connection: socket.socket) -> None:
        with self._guard:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._guard:
            self._open.discard(connection)

    def end_connections(self) -> None:
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: what ends here is a client that hung up."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet
    timeout: ClassVar[float] = IDLE_SECONDS
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def version_string(self) -> str:
        return "sandbox"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep no log: request lines carry codes."""

    def do_GET(self) -> None:
        body = self._body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        method = "GET" if self.command == "HEAD" else self.command
        headers = Headers(self.headers.items())
        request = Request(method, path, query, headers, body, self.client_address[0])
        self._send(_answer(self.server.application, request))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET

    def _body(self) -> bytes | None:
        """Read the body; where it cannot be read, answer, end the connection and return None."""
        if "Transfer-Encoding" in self.headers:
            self._refuse(411)
            return None
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            self._refuse(400)
            return None
        if int(length) > MAX_BODY:
            self._refuse(413)
            return None
        return self.rfile.read(int(length))

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self._send(Response(status, (("Connection", "close"),)))

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        self.send_header("Server", self.version_string())
        if not response.header("Date"):
            self.send_header("Date", self.date_time_string())
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status not in _BODILESS:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if response.status not in _BODILESS and self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()


def _answer(application: Handler, request: Request) -> Response:
    try:
        return application(request)
    except Exception:  # noqa: BLE001 - a fault of the sandbox is an answer, and is logged
        _log.exception("the sandbox failed at %s %s", request.method, request.path)
        return Response(500)
