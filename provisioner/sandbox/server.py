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
        """Stop listening and end the open connections, idle or not."""
        self._closing = True
        # Wakes the thread that accepts: serve_forever would poll, and closing would wait for it.
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listener.server_close()
        for connection in list(self._listener.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closing:
            self._listener.handle_request()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


serve = Server


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    application: Handler

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # HTTPServer looks up the host's full name here, which can take seconds without a network.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: what ends here is a client that hung up."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet
    timeout: ClassVar[float] = 30.0
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep no log: request lines carry codes."""

    def do_GET(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > MAX_BODY:
            # The body stays unread: http.server hangs up after this header.
            self._send(Response(413, (("Connection", "close"),)))
            return
        path, _, query = self.path.partition("?")
        headers = Headers(self.headers.items())
        body = self.rfile.read(int(length))
        request = Request(self.command, path, query, headers, body, self.client_address[0])
        try:
            response = self.server.application(request)
        except Exception:  # noqa: BLE001 - a fault of the sandbox is an answer, and is logged
            _log.exception("the sandbox failed at %s %s", request.method, request.path)
            response = Response(500)
        self._send(response)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        if not response.header("Date"):
            self.send_header("Date", self.date_time_string())
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status not in _BODILESS:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)
