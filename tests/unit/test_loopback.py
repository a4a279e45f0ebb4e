"""The listener for the browser's redirect, over real sockets: what ends the wait, and what not."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from provisioner.commands.setup import Redirect
from provisioner.loopback import MAX_CONNECTIONS, MAX_HEAD, MAX_PASTE, Loopback
from provisioner.secret import Secret

STATE, ORIGIN = "the-state", "https://social.example"
GOOD = f"/callback?code=the-code&state={STATE}"
CODE, DENIAL = Redirect(Secret("the-code")), Redirect(Secret(""), "access_denied")
PAGE = "<h1>The end</h1>"
PATIENCE = 20.0
Arrived = Redirect | str | None


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with closing(Loopback()) as loopback:
        loopback.listen(0)
        yield loopback


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def port_of(loopback: Loopback) -> int:
    listener = loopback._listener  # noqa: SLF001
    assert listener is not None
    return int(listener.getsockname()[1])


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


def request(loopback: Loopback, target: str, head: str = "GET {} HTTP/1.1\r\nHost: {}") -> bytes:
    """A request's head; its second brace is for the address of this very listener."""
    return (head.format(target, f"127.0.0.1:{port_of(loopback)}") + "\r\n\r\n").encode("latin-1")


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


@pytest.mark.parametrize(
    ("target", "arrives"),
    [
        *((f"{GOOD}{issuer}", CODE) for issuer in ("", f"&iss={ORIGIN}", f"&iss={ORIGIN}/")),
        (f"/callback?error=access_denied&error_description=no&state={STATE}", DENIAL),
        (f"{GOOD}&error=access_denied", DENIAL),  # whatever else comes with it
    ],
)
def test_redirect_ends_the_wait_and_leaves_no_code_in_the_address(
    loopback: Loopback, target: str, arrives: Redirect
) -> None:
    arrived, (answer,) = wait_while(loopback, request(loopback, target))
    assert arrived == arrives
    assert answer.startswith("HTTP/1.1 303 ")
    assert "\r\nLocation: /result\r\n" in answer


STRAYS = {
    "another path": ("/", "404"),
    "longer path": (GOOD.replace("?", "s?"), "404"),
    "no state": ("/callback?code=x", "400"),
    "wrong state": ("/callback?code=x&state=the-stat", "400"),
    "state outside ASCII": ("/callback?code=x&state=%C3%A9", "400"),
    "denial without a state": ("/callback?error=access_denied", "400"),
    "no code": (f"/callback?code=&state={STATE}", "400"),
    "shorter issuer": (f"{GOOD}&iss={ORIGIN[:-1]}", "400"),
    "longer issuer": (f"{GOOD}&iss={ORIGIN}.test", "400"),
    "denial of another": (f"/callback?error=x&state={STATE}&iss={ORIGIN}.test", "400"),
}
OTHERS = {
    "another host": "GET {} HTTP/1.1\r\nHost: localhost:80",
    "two hosts": "GET {} HTTP/1.1\r\nHost: {}\r\nHost: evil.example",
    "no GET": "POST {} HTTP/1.1\r\nHost: {}",
    "no version": "GET {}",
    "no HTTP": "\x16\x03\x01",
}


@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
def test_anything_else_is_answered_and_waited_on(
    loopback: Loopback, stray: tuple[str, str]
) -> None:
    target, status = stray
    arrived, answers = wait_while(loopback, *(request(loopback, one) for one in (target, GOOD)))
    assert arrived == CODE
    assert answers[0].startswith(f"HTTP/1.1 {status} ")
    assert "\r\nContent-Security-Policy: default-src 'none';" in answers[0]
    assert answers[1].startswith("HTTP/1.1 303 ")


@pytest.mark.parametrize("head", OTHERS.values(), ids=OTHERS)
def test_who_does_not_ask_this_very_listener_in_http_gets_no_redirect(
    loopback: Loopback, head: str
) -> None:
    sent = request(loopback, GOOD, head), request(loopback, GOOD)
    arrived, answers = wait_while(loopback, *sent)
    assert arrived == CODE
    assert " 303 " not in answers[0]
    assert "<h1>" in answers[0]
    assert answers[1].startswith("HTTP/1.1 303 ")


def test_nothing_is_accepted_for_a_link_without_a_state(loopback: Loopback) -> None:
    """The time that is left is told, and nothing is done meanwhile for who hung up."""
    told: list[float] = []
    with connect(loopback) as gone:
        gone.sendall(b"GET /")
    with browsing(loopback, request(loopback, "/callback?code=x&state=")):
        assert loopback.wait("", ORIGIN, time.monotonic() + 0.5, told.append) is None
    assert 0 < len(told) < 9
    assert max(told) <= 0.5


def test_request_may_come_in_pieces(loopback: Loopback) -> None:
    raw = request(loopback, GOOD)
    with connect(loopback) as browser:
        browser.sendall(raw[:20])
        assert wait(loopback, 0.2) is None
        browser.sendall(raw[20:])
        assert wait(loopback) == CODE


def test_idle_connections_block_nothing(loopback: Loopback) -> None:
    """Browsers open some ahead, and may never use them."""
    gone = connect(loopback)
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # resets it
    gone.close()
    idle = [connect(loopback) for _ in range(MAX_CONNECTIONS + 3)]
    idle[-1].sendall(b"GET /callback?")  # half a request
    with browsing(loopback, request(loopback, GOOD)):
        assert wait(loopback, PATIENCE / 4) == CODE
    assert idle[0].recv(1) == b""  # the oldest is given up
    loopback.close()
    assert idle[-1].recv(1) == b""
    for one in idle:
        one.close()


# The page.


def bring(loopback: Loopback) -> None:
    wait_while(loopback, request(loopback, GOOD))


def test_page_is_shown_at_the_clean_address_once_the_run_has_ended(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.loopback.PATIENCE", PATIENCE)
    began = time.monotonic()
    bring(loopback)
    elsewhere = request(loopback, "/result", OTHERS["another host"])
    sent = request(loopback, "/favicon.ico"), elsewhere, request(loopback, "/result")
    with browsing(loopback, *sent) as answers:
        loopback.show(PAGE)
    assert time.monotonic() - began < PATIENCE / 2
    assert answers[0].startswith("HTTP/1.1 404 ")
    assert PAGE not in answers[1]
    assert answers[2].startswith("HTTP/1.1 200 ")
    assert "\r\nContent-Security-Policy: default-src 'none';" in answers[2]
    assert answers[2].endswith(PAGE)


def test_browser_that_is_gone_or_never_came_is_not_waited_for(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    loopback.show(PAGE)
    assert time.monotonic() - began < 1
    monkeypatch.setattr("provisioner.loopback.PATIENCE", 0.1)
    bring(loopback)
    loopback.show(PAGE)
    assert time.monotonic() - began < PATIENCE / 2


# The port.


def test_listens_on_loopback_alone(loopback: Loopback) -> None:
    with socket.socket() as other:  # else the wildcard address would be taken
        other.bind(("127.0.0.2", port_of(loopback)))
    connect(loopback).close()


def test_taken_port_is_told_and_can_be_bound_again_at_once(loopback: Loopback) -> None:
    """A run that was interrupted is run again: its connections may linger."""
    port = port_of(loopback)
    bring(loopback)
    with closing(Loopback()) as second:
        assert second.listen(port) == ""
        assert wait(second) is None
        loopback.close()
        assert second.listen(port) == f"http://127.0.0.1:{port}/callback"


# What is typed meanwhile.


def test_typed_line_ends_the_wait_beside_the_listener(pipe: tuple[int, int]) -> None:
    with closing(Loopback(pipe[0])) as loopback:
        loopback.listen(0)
        os.write(pipe[1], b"first\n\xffsecond\nthi")
        assert wait(loopback) == "first"
        assert wait(loopback) == "\ufffdsecond"

        def type_on(_left: float) -> None:  # once the time is told, which is before the wait
            os.write(pipe[1], b"rd\n")

        assert loopback.wait("", ORIGIN, time.monotonic() + PATIENCE, type_on) == "third"
        bring(loopback)
        os.write(pipe[1], b"typed\n")  # it does not keep the page back
        with browsing(loopback, request(loopback, "/result")) as answers:
            loopback.show(PAGE)
        assert answers[0].endswith(PAGE)


@pytest.mark.parametrize(("last", "lines"), [(b"code", ["code"]), (b"code\n", ["code"]), (b"", [])])
def test_end_of_the_input_ends_the_last_line_and_not_the_listener(
    pipe: tuple[int, int], last: bytes, lines: list[str]
) -> None:
    os.write(pipe[1], last)
    os.close(pipe[1])
    began = time.monotonic()
    with closing(Loopback(pipe[0])) as loopback:
        assert [wait(loopback) for _ in range(len(lines) + 1)] == [*lines, None]
        assert time.monotonic() - began < PATIENCE / 2
        loopback.listen(0)
        assert wait_while(loopback, request(loopback, GOOD))[0] == CODE


def test_end_of_a_line_is_kept_where_it_is_far_too_long(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"x" * 2 * MAX_PASTE + b"code\n")
    with closing(Loopback(pipe[0])) as loopback:
        line = wait(loopback)
    assert isinstance(line, str)
    assert len(line) < MAX_PASTE
    assert line.endswith("xcode")


def test_terminal_that_is_gone_leaves_the_listener() -> None:
    person, terminal = os.openpty()
    os.close(person)
    with closing(Loopback(terminal)) as loopback:
        loopback.listen(0)
        assert wait_while(loopback, request(loopback, GOOD))[0] == CODE
    os.close(terminal)


def test_request_without_an_end_is_refused(loopback: Loopback) -> None:
    with browsing(loopback, b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD) as answers:
        assert wait(loopback, 1) is None
    assert " 400 " in answers[0].splitlines()[0] or " 431 " in answers[0].splitlines()[0]


def test_line_of_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "typed"
    path.write_text("code\n")
    with path.open() as file, closing(Loopback(file.fileno())) as loopback:
        assert [wait(loopback), wait(loopback)] == ["code", None]
