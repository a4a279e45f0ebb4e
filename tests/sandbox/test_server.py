"""Applications on sockets."""

import socket

import httpx
import pytest

from provisioner.sandbox import Headers, Request, Response, Sandbox, Server, serve
from provisioner.sandbox.server import MAX_BODY
from tests.sandbox.hands import Fediverse


def exchange(server: Server, raw: bytes) -> bytes:
    """Send bytes and return all that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(raw)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_keep_alive() -> None:
    """One connection serves many requests."""
    ports: set[int] = set()
    with serve(lambda _: Response(200, (), b"hello")) as server:
        with httpx.Client(trust_env=False) as http:
            for _ in range(3):
                answer = http.get(server.origin)
                stream = answer.extensions["network_stream"]
                ports.add(stream.get_extra_info("client_addr")[1])
        assert len(ports) == 1


def test_no_content() -> None:
    """A 204 has neither a body nor a Content-Length (RFC 9110 section 8.6)."""
    with serve(lambda _: Response(204)) as server:
        raw = exchange(server, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert b"content-length" not in raw.lower()


def test_head() -> None:
    """HEAD is answered as GET, without the body."""
    with serve(lambda request: Response(200, (), request.method.encode())) as server:
        raw = exchange(server, b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert raw.endswith(b"Content-Length: 3\r\n\r\n")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Content-Length: {MAX_BODY + 1}", 413),
        ("Content-Length: -1", 400),
        ("Transfer-Encoding: chunked", 411),
    ],
)
def test_bodies_are_bounded(header: str, status: int) -> None:
    """A body without an honest, bounded length is refused unread."""
    with serve(lambda _: Response(200)) as server:
        raw = exchange(server, f"POST / HTTP/1.1\r\n{header}\r\n\r\n".encode())
    assert raw.startswith(f"HTTP/1.1 {status} ".encode())


def test_close_does_not_wait_for_connections_that_are_kept_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without its bound on idle connections, a server that waited for one would never close."""
    monkeypatch.setattr("provisioner.sandbox.server._Connection.timeout", None)
    server = serve(lambda _: Response(200))
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(65536)
        server.close()
        assert connection.recv(1) == b""


def test_a_bug_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    """An application that fails answers 500, and the log says where."""

    def broken(_: Request) -> Response:
        raise RuntimeError

    with serve(broken) as server:
        status = httpx.get(f"{server.origin}/x?code=1", trust_env=False).status_code
    assert (status, caplog.messages) == (500, ["the sandbox failed at GET /x"])


def test_observers(fediverse: Fediverse) -> None:
    """Observers see each exchange, refusals too."""
    seen: list[tuple[str, int]] = []
    instance = fediverse.sandbox.instance
    instance.observers.append(lambda asked, answer: seen.append((asked.path, answer.status)))
    fediverse.http.get("/api/v2/instance")
    fediverse.whoami("unknown")
    assert seen == [("/api/v2/instance", 200), ("/api/v1/accounts/verify_credentials", 401)]


def test_header_names() -> None:
    """A header is found in any case, and a repeated one is joined."""
    headers = Headers([("Accept", "a"), ("ACCEPT", "b")])
    assert (headers["accept"], len(headers)) == ("a, b", 1)


def test_state_outlives_the_sandbox() -> None:
    """What happened can be looked at after the sandbox is closed; the port is free again."""
    with Sandbox() as sandbox:
        sandbox.instance.add_account("alice", "password")
    with Sandbox(instance_port=int(sandbox.instance.domain.rpartition(":")[2])) as again:
        assert (sandbox.instance.accounts[0].username, again.instance.origin) == (
            "alice",
            sandbox.instance.origin,
        )


def test_port_taken() -> None:
    """A port that is taken is an error."""
    with serve(lambda _: Response(200)) as server:
        sandbox = Sandbox(github_port=server.port)
        with pytest.raises(OSError, match="in use"):
            sandbox.__enter__()


def test_no_secrets_in_representations(fediverse: Fediverse) -> None:
    """What a failed assertion prints holds no token, secret, code or password."""
    fediverse.token(fediverse.register())
    store = fediverse.sandbox.instance.store
    hidden = (store.tokens[0].token, store.applications[0].client_secret, store.grants[0].code)
    printed = repr((store.tokens, store.applications, store.grants, store.accounts))
    assert [one for one in (*hidden, "alice-password") if one in printed] == []
