"""Requests over real sockets: what they look like, their bounds, and what never leaves."""

import gzip
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, NoReturn
from unittest.mock import Mock
from urllib.parse import parse_qsl, quote

import httpx
import pytest

from provisioner.answer import IDEMPOTENT, IF_UNSENT
from provisioner.http import DEADLINE, MAX_BODY, TIMEOUT, Http, in_threads
from provisioner.report import Exit, NoAnswerError, NotSentError
from provisioner.secret import Secret
from tests.support.told import fails, runs, said, steps
from tests.unit.server import (
    Reply,
    ScriptedServer,
    Wire,
    answer,
    drip,
    hang,
    hang_up,
    raw,
    say,
    truncated,
)

PLAIN = "zU9-wjQ_3kd/8s+Jm=~TOKEN"
TOKEN = Secret(PLAIN)
WELL = say({"ok": True})
BACKOFF = [1.0, 2.0, 4.0]


def hurried(sleep: Callable[[float], None] = lambda _: None) -> Http:
    """A client whose clock goes on by a tenth of the deadline whenever it is looked at."""
    return Http(sleep=sleep, monotonic=count(step=DEADLINE / 10).__next__)


def lost(http: Http, url: str, code: str) -> NoAnswerError:
    """The error of a request without an answer, which is not sent again."""
    with pytest.raises(NoAnswerError) as caught:
        http.send("POST", url, form={"code": TOKEN})
    assert caught.value.code == code
    return caught.value


# What a request looks like on the wire.


def test_request_says_who_asks_and_has_its_secrets_in_plaintext(
    http: Http, server: ScriptedServer
) -> None:
    """GoToSocial refuses a request without a name."""
    server.on("POST", "/", WELL)
    form: dict[str, str | Secret] = {"a": "b c", "token": TOKEN, "id": "a\r\nX-Evil: 1\r\n\r\n&b=c"}
    http.send("POST", f"{server.origin}/", form=form, bearer=Secret("bearer"))
    (request,) = server.requests
    assert dict(parse_qsl(request.body.decode())) == {**form, "token": PLAIN}
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["authorization"] == "Bearer bearer"
    assert request.headers["user-agent"].startswith("mastodon-provisioner/")
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"


def test_cookies_are_not_kept(http: Http, server: ScriptedServer) -> None:
    server.on("GET", "/", answer(200, b"{}", (("Set-Cookie", "a=b; Path=/"),)))
    for _ in range(2):
        assert http.send("GET", f"{server.origin}/").ok
    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize(
    "location", ["urn:ietf:wg:oauth:2.0:oob?error=invalid_scope", "https://xn--a.example/"]
)
def test_redirect_is_an_answer_unless_httpx_cannot_parse_it(
    http: Http, server: ScriptedServer, location: str
) -> None:
    """It parses every Location, also where it is not to follow it."""
    server.on("POST", "/", *(answer(302, b"", (("Location", to),)) for to in (location, "/x")))
    lost(http, f"{server.origin}/", "no-answer")
    assert http.send("POST", f"{server.origin}/", bearer=TOKEN).status == 302
    assert len(server.requests) == 2


# Where requests may go.


def test_insecure_address_gets_nothing(http: Http) -> None:
    with fails("insecure-address", Exit.INPUT):
        http.send("GET", "http://social.example", bearer=TOKEN)


@pytest.mark.parametrize(
    ("error", "code", "waited"),
    [
        (socket.gaierror(socket.EAI_NONAME, ""), "host-unknown", []),
        (socket.gaierror(socket.EAI_AGAIN, ""), "unreachable", BACKOFF),
        (TimeoutError(), "unreachable", BACKOFF),
        (ssl.SSLError(), "tls-failed", []),
    ],
)
def test_reason_why_there_is_no_connection_decides_whether_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
    http: Http,
    waits: list[float],
    error: OSError,
    code: str,
    waited: list[float],
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=error))
    with pytest.raises(NotSentError) as caught:
        http.send("GET", "https://social.example", retry=IDEMPOTENT)
    assert caught.value.code == code
    assert "social.example" in caught.value.what
    assert "http://" not in said(caught.value)
    assert ("certificate" in steps(caught.value.next)) is (code == "tls-failed")
    assert runs(caught.value.next) == ([] if code == "tls-failed" else ["again"])
    assert waits == waited


def test_nothing_is_sent_to_a_server_without_tls(http: Http, waits: list[float]) -> None:
    """Plain http is suggested for this very machine alone."""
    with ScriptedServer() as server, pytest.raises(NotSentError) as caught:
        http.send("GET", f"https://{server.host}/", bearer=TOKEN, retry=IDEMPOTENT)
    assert caught.value.code == "tls-failed"
    assert waits == []
    assert server.requests == []
    assert f"http://{server.host}" in said(caught.value)
    with ScriptedServer(listening=False) as server, pytest.raises(NotSentError) as caught:
        http.send("GET", server.origin)
    assert "http://" not in said(caught.value)


# A proxy from the environment.


def test_plain_http_to_this_machine_passes_no_proxy(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, other: ScriptedServer
) -> None:
    """It would see the token."""
    monkeypatch.setenv("ALL_PROXY", other.origin)
    server.on("GET", "/", WELL)
    with Http() as client:
        assert client.send("GET", f"{server.origin}/", bearer=TOKEN).ok
    assert other.requests == []


def proxied(monkeypatch: pytest.MonkeyPatch, proxy: str) -> NotSentError:
    """The error of a request through a proxy with a password."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:hunter2@{proxy}")
    with Http(sleep=lambda _: None) as client, pytest.raises(NotSentError) as caught:
        client.send("GET", "https://social.example/", bearer=TOKEN)
    assert "hunter2" not in said(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (answer(407), "{}, the proxy for social.example, refused the connection: 407 X."),
        (hang_up, "Could not connect to {}, the proxy for social.example."),
    ],
)
def test_proxy_that_refuses_or_hangs_up_is_named(
    monkeypatch: pytest.MonkeyPatch, other: ScriptedServer, reply: Reply, what: str
) -> None:
    """It is asked for a tunnel, and sees nothing of the request."""
    other.on("CONNECT", "social.example:443", reply)
    error = proxied(monkeypatch, other.host)
    assert error.code == "unreachable"
    assert error.what == what.format(other.host)
    assert "HTTPS_PROXY" in said(error)
    assert runs(error.next) == ["again"]
    assert PLAIN not in str(other.requests)


def test_proxy_of_one_request_is_not_blamed_for_another(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, other: ScriptedServer
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", other.origin)
    other.on("CONNECT", "social.example:443", answer(403))
    server.on("POST", "/", WELL, hang_up)
    with Http(sleep=lambda _: None) as client:
        with pytest.raises(NotSentError):
            client.send("GET", "https://social.example/")
        assert client.send("POST", f"{server.origin}/").ok
        lost(client, f"{server.origin}/", "no-answer")


def test_server_behind_a_proxy_is_blamed_for_its_own_failure(
    monkeypatch: pytest.MonkeyPatch, other: ScriptedServer
) -> None:
    """The tunnel is open, and no TLS at its other end."""

    def tunnel(wire: Wire) -> None:
        wire.write(b"HTTP/1.1 200 OK\r\n\r\n")
        wire.connection.recv(1)
        wire.write(b"SSH-2.0-OpenSSH_9.9\r\n")

    other.on("CONNECT", "social.example:443", tunnel)
    error = proxied(monkeypatch, other.host)
    assert error.code == "tls-failed"
    assert error.what.startswith("TLS verification failed for social.example.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080"),
        ("HTTPS_PROXY", "ftp://127.0.0.1"),
        ("NO_PROXY", "[::1"),
        ("SSL_CERT_FILE", "/nonexistent/certificates.pem"),
    ],
)
def test_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv(name, value)
    with fails("bad-environment", Exit.INPUT) as caught:
        Http().send("GET", "https://social.example/")
    assert name in said(caught.value)


# When a request is sent again.


def test_passing_trouble_is_outlived(
    http: Http, server: ScriptedServer, waits: list[float]
) -> None:
    throttled = answer(429, b"", (("Retry-After", "1"),))  # less than we would wait ourselves
    server.on("GET", "/", answer(503), truncated, throttled, WELL)
    assert http.send("GET", f"{server.origin}/", retry=IDEMPOTENT).ok
    assert waits == BACKOFF


def test_what_never_arrived_is_sent_again(waits: list[float]) -> None:
    """Even a request that must be received once at most."""
    with ScriptedServer(listening=False) as server:
        server.on("POST", "/", WELL)

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            server.listen()

        with Http(sleep=sleep) as client:
            assert client.send("POST", f"{server.origin}/", retry=IF_UNSENT).ok
    assert len(server.requests) == 1
    assert waits == BACKOFF[:1]


@pytest.mark.parametrize(("seconds", "waited"), [(60, [60.0]), (61, [])])
def test_wait_of_more_than_a_minute_is_left_to_the_person(
    http: Http, server: ScriptedServer, waits: list[float], seconds: int, waited: list[float]
) -> None:
    server.on("GET", "/", answer(429, b"", (("Retry-After", str(seconds)),)), WELL)
    assert http.send("GET", f"{server.origin}/", retry=IDEMPOTENT).ok is bool(waited)
    assert waits == waited


def test_wait_is_announced_beforehand(server: ScriptedServer) -> None:
    told: list[tuple[str, float]] = []
    server.on("GET", "/", answer(503, b"", (("Retry-After", "7"),)), WELL)

    def waiting(host: str, seconds: float) -> None:
        told.append((host, seconds))

    with Http(sleep=partial(waiting, "slept"), waiting=waiting) as client:
        client.send("GET", f"{server.origin}/", retry=IDEMPOTENT)
    assert told == [("127.0.0.1", 7.0), ("slept", 7.0)]


# Size and time.


def test_answer_has_a_megabyte_at_most_and_a_larger_one_is_not_read_to_its_end(
    http: Http, server: ScriptedServer
) -> None:
    hung_up = threading.Event()

    def flood(wire: Wire) -> None:
        wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n")
        try:
            for _ in range(800):
                wire.write(b"x" * 65536)
        except OSError:
            hung_up.set()

    larger = answer(200, b"x" * (MAX_BODY + 1), (("Content-Encoding", "gzip"),))
    server.on("POST", "/", answer(200, b"x" * MAX_BODY), larger, flood)
    assert len(http.send("POST", f"{server.origin}/").body) == MAX_BODY
    for _ in range(2):
        lost(http, f"{server.origin}/", "answer-too-large")
    assert hung_up.wait(10)
    parts = httpx.MockTransport(
        lambda _: httpx.Response(200, content=iter([b"x" * MAX_BODY, b"x"]))
    )
    lost(Http(transport=parts), "https://social.example", "answer-too-large")


def test_compressed_answer_is_not_unpacked(http: Http, server: ScriptedServer) -> None:
    bomb = gzip.compress(bytes(2 * MAX_BODY))
    server.on("POST", "/", answer(200, bomb, (("Content-Encoding", "gzip"),)))
    lost(http, f"{server.origin}/", "no-answer")


def test_answer_that_drips_is_cut_at_the_deadline_and_not_asked_for_again(
    server: ScriptedServer, waits: list[float]
) -> None:
    """A timeout bounds one read only, and this server never pauses for long."""
    server.on("GET", "/", drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), WELL)
    with hurried(waits.append) as client:
        with pytest.raises(NoAnswerError) as caught:
            client.send("GET", f"{server.origin}/", retry=IDEMPOTENT)
        assert client.send("GET", f"{server.origin}/").ok
    assert caught.value.code == "too-slow"
    assert waits == []


def test_read_that_ends_at_the_deadline_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, waits: list[float]
) -> None:
    monkeypatch.setattr("provisioner.http.DEADLINE", 0.1)
    server.on("GET", "/", hang)
    began = time.monotonic()
    with Http(sleep=waits.append) as client, pytest.raises(NoAnswerError) as caught:
        client.send("GET", f"{server.origin}/", retry=IDEMPOTENT)
    assert time.monotonic() - began < 5  # and not the 15 seconds of a read
    assert caught.value.code == "too-slow"
    assert waits == []


def test_connection_that_fails_at_the_deadline_is_not_tried_again(waits: list[float]) -> None:
    """A host may have several addresses, each of which takes its time."""
    late = Http(sleep=waits.append, monotonic=count(step=DEADLINE).__next__)
    with ScriptedServer(listening=False) as server, late, fails("too-slow", Exit.FAILED):
        late.send("GET", f"{server.origin}/", retry=IDEMPOTENT)
    assert waits == []


def test_deadline_is_counted_anew_for_each_try(server: ScriptedServer, waits: list[float]) -> None:
    server.on("GET", "/", hang_up, hang_up, hang_up, WELL)
    with hurried(waits.append) as client:
        assert client.send("GET", f"{server.origin}/", retry=IDEMPOTENT).ok
    assert waits == BACKOFF


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        b"HTTP/1.1 101 X\r\n\r\n",
    ],
    ids=lambda data: repr(data[:60]),
)
def test_garbage_is_no_answer(http: Http, server: ScriptedServer, garbage: bytes) -> None:
    server.on("POST", "/", raw(garbage))
    lost(http, f"{server.origin}/", "no-answer")


# Several requests at the same time.


def test_requests_at_the_same_time_share_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five first requests, each of which waits for the others at the server."""
    made, all_there = [], threading.Barrier(5)

    class Counted(httpx.Client):
        def __init__(self, **settings: Any) -> None:
            made.append(self)
            time.sleep(0.05)  # so that the other threads come by while it is made
            super().__init__(**settings)

    def together(wire: Wire) -> None:
        all_there.wait(60)
        WELL(wire)

    monkeypatch.setattr(httpx, "Client", Counted)
    with ScriptedServer(together) as server, Http() as client:
        answers = in_threads([lambda: client.send("GET", f"{server.origin}/")] * 5)
    assert [answer.status for answer in answers] == [200] * 5
    assert [client.is_closed for client in made] == [True]
    assert made[0].timeout == TIMEOUT


def test_each_request_has_a_deadline_of_its_own(server: ScriptedServer) -> None:
    """A request that began later does not prolong the one that drips."""
    dripping = threading.Event()

    def slow(wire: Wire) -> None:
        dripping.set()
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x")(wire)

    def later() -> bool:
        dripping.wait(60)
        return client.send("GET", f"{server.origin}/well").ok

    server.on("GET", "/slow", slow)
    server.on("GET", "/well", WELL)
    with hurried() as client, pytest.raises(NoAnswerError) as caught:
        in_threads([lambda: client.send("GET", f"{server.origin}/slow").ok, later])
    assert caught.value.code == "too-slow"


def fail(text: str) -> NoReturn:
    raise ValueError(text)


def test_order_of_the_calls_counts_for_their_results_and_for_which_error_is_raised() -> None:
    second_failed = threading.Event()

    def first() -> NoReturn:
        assert second_failed.wait(60)
        fail("first")

    def second() -> NoReturn:
        second_failed.set()
        fail("second")

    def third() -> None:
        time.sleep(0.1)  # the others have failed by then
        made.append(1)

    made: list[int] = []
    with pytest.raises(ValueError, match="first"):
        in_threads([first, second, third])
    assert made == [1]
    assert in_threads([lambda: "a", lambda: "b", lambda: "c"]) == ["a", "b", "c"]
    assert in_threads([]) == []


# What is never shown.


@pytest.mark.parametrize("loss", [hang, truncated])
def test_traceback_of_a_lost_request_shows_no_secret_in_any_variable(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, loss: Reply
) -> None:
    monkeypatch.setattr("provisioner.http.TIMEOUT", httpx.Timeout(0.1))
    server.on("POST", "/", loss)
    with Http() as client, pytest.raises(NoAnswerError) as caught:
        client.send("POST", f"{server.origin}/", form={"code": TOKEN}, bearer=TOKEN)
    assert caught.value.code == "no-answer"
    assert ("in time" in caught.value.what) is (loss is hang)
    kept = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(kept.format())
    assert not [form for form in (PLAIN, quote(PLAIN, safe="")) if form in shown]


@pytest.mark.parametrize("bad", ["a b", "a\x7fb"], ids=ascii)
def test_token_that_no_header_can_carry_is_refused_and_not_shown(
    http: Http, server: ScriptedServer, bad: str
) -> None:
    with fails("bad-bearer", Exit.INPUT) as caught:
        http.send("GET", f"{server.origin}/", bearer=Secret(f"hunter2{bad}"), retry=IDEMPOTENT)
    assert "hunter2" not in said(caught.value)
    assert server.requests == []


def test_secrets_of_earlier_requests_are_redacted(http: Http, server: ScriptedServer) -> None:
    server.on("POST", "/", WELL)
    server.on("GET", "/", say({"error": f"{PLAIN}, {PLAIN[::-1]}"}, 403))
    form = {"client_secret": TOKEN}
    http.send("POST", f"{server.origin}/", form=form, bearer=Secret(PLAIN[::-1]))
    assert http.send("GET", f"{server.origin}/").described() == "HTTP 403 (“***, ***”)"


def test_short_word_is_redacted_in_the_answer_to_its_own_request(
    http: Http, server: ScriptedServer
) -> None:
    server.on("POST", "/", WELL)
    answer = http.send("POST", f"{server.origin}/", form={"password": Secret("1234567")})
    assert answer.shown("1234567 is wrong") == "*** is wrong"


@pytest.mark.parametrize(
    ("field", "text", "stays"),
    [
        ("username", "announcements", True),
        ("password", "1234567", True),
        ("code", "12345678", False),
    ],
)
def test_user_names_and_short_words_stay_in_what_a_server_says(
    http: Http, server: ScriptedServer, *, field: str, text: str, stays: bool
) -> None:
    """A user name may be the account's, by which later answers are judged."""
    server.on("POST", "/", WELL)
    http.send("POST", f"{server.origin}/", form={field: Secret(text)})
    assert (text in http.send("POST", f"{server.origin}/").shown(f"{text} is well")) is stays
