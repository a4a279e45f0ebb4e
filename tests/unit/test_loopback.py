"""The listener for the browser's redirect, over real sockets: what ends the wait, and what not."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from provisioner.commands.setup import Redirect
from provisioner.loopback import Loopback
from provisioner.secret import Secret

STATE, ORIGIN = "the-state", "https://social.example"
GOOD = f"/callback?code=the-code&state={STATE}"
PAGE = "<h1>The end</h1>"
PATIENCE = 20.0
Arrived = Redirect | str | None


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with closing(Loopback()) as loopback:
        loopback.listen()
        yield loopback


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def port_of(loopback: Loopback) -> int:
    server = loopback._server  # noqa: SLF001
    assert server is not None
    return int(server.server_address[1])


def connect(loopback: Loopback) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(loopback)), timeout=PATIENCE)


def send(loopback: Loopback, raw: bytes) -> str:
    """Send these bytes; all that is answered until the connection ends."""
    with connect(loopback) as connection:
        connection.sendall(raw)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    return answer.decode()


def request(loopback: Loopback, target: str, host: str = "") -> bytes:
    where = host or f"127.0.0.1:{port_of(loopback)}"
    return f"GET {target} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode()


def wait(loopback: Loopback, seconds: float = PATIENCE) -> Arrived:
    return loopback.wait(STATE, ORIGIN, time.monotonic() + seconds, lambda _: None)


@contextmanager
def browsing(loopback: Loopback, *sent: bytes) -> Iterator[list[str]]:
    """A browser sends these, one after the other; what it was answered, in the end."""
    answers: list[str] = []
    browser = threading.Thread(target=lambda: answers.extend(send(loopback, one) for one in sent))
    browser.start()
    yield answers
    browser.join(PATIENCE)


def wait_while(loopback: Loopback, *sent: bytes) -> tuple[Arrived, list[str]]:
    """Wait while a browser sends these; what arrived, and the answers."""
    with browsing(loopback, *sent) as answers:
        arrived = wait(loopback)
    return arrived, answers


def test_redirect_ends_the_wait_and_leaves_no_code_in_the_address(loopback: Loopback) -> None:
    arrived, (answer,) = wait_while(loopback, request(loopback, GOOD))
    assert isinstance(arrived, Redirect)
    assert (arrived.code.reveal(), arrived.error) == ("the-code", "")
    assert answer.startswith("HTTP/1.1 303 ")
    assert "\r\nLocation: /result\r\n" in answer


STRAYS = {
    "another path": ("/", "", "404"),
    "another host": (GOOD, "localhost:80", "400"),
    "no state": ("/callback?code=x", "", "400"),
    "wrong state": ("/callback?code=x&state=the-stat", "", "400"),
    "state outside ASCII": ("/callback?code=x&state=%C3%A9", "", "400"),
    "denial without a state": ("/callback?error=access_denied", "", "400"),
    "no code": (f"/callback?code=&state={STATE}", "", "400"),
    "another issuer": (f"{GOOD}&iss=https://evil.example", "", "400"),
}


@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
def test_anything_else_is_answered_and_waited_on(
    loopback: Loopback, stray: tuple[str, str, str]
) -> None:
    target, host, status = stray
    sent = (request(loopback, target, host), request(loopback, GOOD))
    arrived, answers = wait_while(loopback, *sent)
    assert isinstance(arrived, Redirect)
    assert answers[0].startswith(f"HTTP/1.1 {status} ")
    assert "\r\nContent-Security-Policy: default-src 'none';" in answers[0]
    assert answers[1].startswith("HTTP/1.1 303 ")


@pytest.mark.parametrize(
    "raw", [b"\x16\x03\x01\r\n\r\n", b"GET /callback\r\n\r\n", b"POST /callback HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_get_is_waited_on(loopback: Loopback, raw: bytes) -> None:
    arrived, _ = wait_while(loopback, raw, request(loopback, GOOD))
    assert isinstance(arrived, Redirect)


def test_request_with_two_hosts_is_waited_on(loopback: Loopback) -> None:
    host = f"127.0.0.1:{port_of(loopback)}"
    raw = f"GET {GOOD} HTTP/1.1\r\nHost: evil.example\r\nHost: {host}\r\n\r\n".encode()
    _, answers = wait_while(loopback, raw, request(loopback, GOOD))
    assert answers[0].startswith("HTTP/1.1 400 ")


@pytest.mark.parametrize("issuer", [ORIGIN, f"{ORIGIN}/"])
def test_issuer_is_compared_where_it_is_sent(loopback: Loopback, issuer: str) -> None:
    arrived, _ = wait_while(loopback, request(loopback, f"{GOOD}&iss={issuer}"))
    assert isinstance(arrived, Redirect)


def test_denial_with_the_state_ends_the_wait(loopback: Loopback) -> None:
    denial = f"/callback?error=access_denied&error_description=no&state={STATE}"
    arrived, _ = wait_while(loopback, request(loopback, denial))
    assert arrived == Redirect(Secret(""), "access_denied")


def test_nothing_is_accepted_for_a_link_without_a_state(loopback: Loopback) -> None:
    with browsing(loopback, request(loopback, "/callback?code=x&state=")):
        assert loopback.wait("", ORIGIN, time.monotonic() + 0.5, lambda _: None) is None


def test_idle_connections_block_nothing(loopback: Loopback) -> None:
    """Browsers open some ahead, and may never use them."""
    idle = [connect(loopback) for _ in range(3)]
    idle[-1].sendall(b"GET /callback?")  # half a request
    arrived, _ = wait_while(loopback, request(loopback, GOOD))
    assert isinstance(arrived, Redirect)
    assert idle[0].recv(1) == b""
    for one in idle:
        one.close()


def test_request_in_pieces_is_read(loopback: Loopback) -> None:
    raw = request(loopback, GOOD)

    def trickle() -> None:
        with connect(loopback) as connection:
            for byte in raw:
                connection.sendall(bytes([byte]))

    browser = threading.Thread(target=trickle)
    browser.start()
    assert isinstance(wait(loopback), Redirect)
    browser.join(PATIENCE)


def test_time_is_told_and_ends_the_wait(loopback: Loopback) -> None:
    told: list[float] = []
    assert loopback.wait(STATE, ORIGIN, time.monotonic() + 0.2, told.append) is None
    assert told
    assert max(told) <= 0.2


# The page.


def bring(loopback: Loopback) -> None:
    wait_while(loopback, request(loopback, GOOD))


def test_page_is_shown_at_the_clean_address_once_the_run_has_ended(loopback: Loopback) -> None:
    bring(loopback)
    sent = (request(loopback, "/favicon.ico"), request(loopback, "/result"))
    with browsing(loopback, *sent) as answers:
        loopback.show(PAGE)
    assert answers[0].startswith("HTTP/1.1 404 ")
    assert answers[1].startswith("HTTP/1.1 200 ")
    assert answers[1].endswith(PAGE)


def test_page_is_not_shown_to_another_host(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.loopback.PATIENCE", 0.3)
    bring(loopback)
    with browsing(loopback, request(loopback, "/result", host="evil.example")) as answers:
        loopback.show(PAGE)
    assert PAGE not in answers[0]


def test_browser_that_is_gone_is_not_waited_for(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.loopback.PATIENCE", 0.1)
    bring(loopback)
    began = time.monotonic()
    loopback.show(PAGE)
    assert time.monotonic() - began < PATIENCE / 2


def test_where_no_browser_came_there_is_no_page_to_wait_for(loopback: Loopback) -> None:
    began = time.monotonic()
    loopback.show(PAGE)
    assert time.monotonic() - began < 1


# The port.


def test_listens_on_loopback_alone(loopback: Loopback) -> None:
    with socket.socket() as other:  # else the wildcard address would be taken
        other.bind(("127.0.0.2", port_of(loopback)))
    connect(loopback).close()


def test_taken_port_is_told(loopback: Loopback) -> None:
    with closing(Loopback()) as second:
        assert second.listen(port_of(loopback)) == ""
        assert not second.is_open


def test_port_can_be_bound_again_at_once(loopback: Loopback) -> None:
    """A run that was interrupted is run again: its connections may linger."""
    port = port_of(loopback)
    bring(loopback)
    loopback.close()
    with closing(Loopback()) as second:
        assert second.listen(port) == f"http://127.0.0.1:{port}/callback"


# What is typed meanwhile.


def test_typed_line_ends_the_wait_beside_the_listener(pipe: tuple[int, int]) -> None:
    with closing(Loopback(pipe[0])) as loopback:
        loopback.listen()
        os.write(pipe[1], b"first\nsec")
        assert wait(loopback) == "first"
        os.write(pipe[1], b"ond\n")
        assert wait(loopback) == "second"
        arrived, _ = wait_while(loopback, request(loopback, GOOD))
        assert isinstance(arrived, Redirect)


def test_lines_of_one_read_arrive_one_by_one(pipe: tuple[int, int]) -> None:
    with closing(Loopback(pipe[0])) as loopback:
        os.write(pipe[1], b"first\n\xffsecond\n")
        assert wait(loopback) == "first"
        assert wait(loopback) == "\ufffdsecond"


@pytest.mark.parametrize(("last", "lines"), [(b"code", ["code"]), (b"code\n", ["code"]), (b"", [])])
def test_end_of_the_input_ends_the_last_line(
    pipe: tuple[int, int], last: bytes, lines: list[str]
) -> None:
    os.write(pipe[1], last)
    os.close(pipe[1])
    with closing(Loopback(pipe[0])) as loopback:
        assert [wait(loopback) for _ in range(len(lines) + 1)] == [*lines, None]


def test_browser_is_waited_for_after_the_end_of_the_input(pipe: tuple[int, int]) -> None:
    os.close(pipe[1])
    with closing(Loopback(pipe[0])) as loopback:
        loopback.listen()
        arrived, _ = wait_while(loopback, request(loopback, GOOD))
        assert isinstance(arrived, Redirect)


def test_typing_does_not_keep_the_page_back(pipe: tuple[int, int]) -> None:
    with closing(Loopback(pipe[0])) as loopback:
        loopback.listen()
        bring(loopback)
        os.write(pipe[1], b"typed\n")
        with browsing(loopback, request(loopback, "/result")) as answers:
            loopback.show(PAGE)
        assert answers[0].endswith(PAGE)


def test_file_is_read_and_nothing_at_all_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "typed"
    path.write_text("code\n")
    with path.open() as file, closing(Loopback(file.fileno())) as loopback:
        assert [wait(loopback), wait(loopback)] == ["code", None]
    with closing(Loopback()) as loopback:
        assert wait(loopback) is None
