"""Applications on sockets, and from several threads."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from provisioner.sandbox import Request, Response, Sandbox, Server, serve
from provisioner.sandbox.server import MAX_BODY
from tests.servers.client import Client


def exchange(server: Server, raw: bytes) -> bytes:
    """Send bytes and return all that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(raw)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "header", [f"Content-Length: {MAX_BODY + 1}", "Content-Length: -1", "Transfer-Encoding: x"]
)
def test_body_without_an_honest_length_is_refused_unread(header: str) -> None:
    with serve(lambda _: Response(200)) as server:
        raw = exchange(server, f"POST / HTTP/1.1\r\n{header}\r\n\r\n".encode())
    assert raw.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nDate: " in raw


def test_close_does_not_wait_for_connections_that_are_kept_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without its bound on idle connections, a server that waited for one would never close."""
    monkeypatch.setattr("provisioner.sandbox.server._Connection.timeout", None)
    server = serve(lambda _: Response(200, (("Date", "now"),)))
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(65536).count(b"\r\nDate: ") == 1
        server.close()
        assert connection.recv(1) == b""


def test_bug_is_an_answer_and_logged_without_the_query(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Request) -> Response:
        raise RuntimeError

    with serve(broken) as server:
        status = httpx.get(f"{server.origin}/x?code=1", trust_env=False).status_code
    assert status == 500
    assert caplog.messages == ["the sandbox failed at GET /x"]


def test_port_is_taken_as_long_as_the_server_runs() -> None:
    with serve(lambda _: Response(200)) as server:
        sandbox = Sandbox(github_port=server.port)
        with pytest.raises(OSError, match="in use"):
            sandbox.__enter__()
    serve(lambda _: Response(200), server.port).close()


def test_code_is_spent_once_however_many_threads_ask() -> None:
    client = Client()
    keys = client.register()
    code = client.code(keys)

    def clock() -> float:
        time.sleep(0.01)  # meanwhile another thread would find the code unspent, too
        return client.now

    client.instance.clock = clock
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.exchange(keys, code).status_code, range(8)))
    assert sorted(answers) == [200, *[400] * 7]


def test_header_replaces_that_of_its_name_in_any_case() -> None:
    answer = Response(200, (("Date", "then"), ("Vary", "*"))).plus({"date": "now"})
    assert answer.headers == (("Vary", "*"), ("date", "now"))
