"""Requests over real sockets: bounds, repeats, and what never leaves."""

import base64
import gzip
import io
import json
import socket
import sys
import threading
import time
import traceback
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count
from typing import Any, NoReturn
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.traceback import Traceback

from provisioner.answer import IDEMPOTENT, IF_UNSENT, Answer, rate_limit_reset, retry_after
from provisioner.errors import (
    InputError,
    NoAnswerError,
    NotSentError,
    ProvisionerError,
    TransportError,
)
from provisioner.http import (
    DEADLINE,
    MAX_BODY,
    Http,
    in_threads,
)
from provisioner.report import Exit
from provisioner.secret import Secret
from provisioner.urls import origin_of, require_secure
from tests.support.told import fails, said
from tests.unit.conftest import NOW
from tests.unit.server import (
    Headers,
    Reply,
    ScriptedServer,
    Wire,
    answer,
    drip,
    flood,
    hang,
    hang_up,
    page,
    raw,
    redirect,
    say,
    truncated,
)

PLAIN = "zU9-wjQ_3kd/8s+Jm=~TOKEN"
WELL = say({"ok": True})
BACKOFF = [1.0, 2.0, 4.0]


def made(
    status: int = 429, body: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None
) -> Answer:
    """An answer to a request that carried the token."""
    return Answer(status, httpx.Headers(headers or []), body, NOW, (Secret(PLAIN),))


def http_date(seconds: float) -> str:
    """The moment that many seconds from now, as headers write it."""
    return format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)


def impatient(monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], None]) -> Http:
    """A client that gives up a read after a fraction of a second."""
    monkeypatch.setattr("provisioner.http.TIMEOUT", httpx.Timeout(0.1))
    return Http(sleep=sleep)


def hurried(sleep: Callable[[float], None] = lambda _: None) -> Http:
    """A client whose clock goes on by a tenth of the deadline whenever it is looked at."""
    return Http(sleep=sleep, monotonic=count(step=DEADLINE / 10).__next__)


class TestRequests:
    """What a request looks like on the wire."""

    def test_headers(self, http: Http, server: ScriptedServer) -> None:
        """A request says who asks, and for JSON: GoToSocial refuses it otherwise."""
        server.on("GET", "/", WELL)
        http.send("GET", f"{server.origin}/")
        (request,) = server.requests
        assert (request.header("user-agent") or "").startswith("mastodon-provisioner/")
        assert request.header("accept") == "application/json"

    def test_secrets_become_plaintext_on_the_wire_only(
        self, http: Http, server: ScriptedServer
    ) -> None:
        """A form's secrets arrive in the body, a bearer token in its header."""
        server.on("POST", "/", WELL)
        form: dict[str, str | Secret] = {"a": "b c", "token": Secret(PLAIN)}
        http.send("POST", f"{server.origin}/", form=form, bearer=Secret("bearer"))
        (request,) = server.requests
        assert request.form == {"a": "b c", "token": PLAIN}
        assert request.header("authorization") == "Bearer bearer"

    def test_form_fields_stay_fields(self, http: Http, server: ScriptedServer) -> None:
        """Line breaks and separators in a value make no further field or header."""
        server.on("POST", "/", WELL)
        http.send("POST", f"{server.origin}/", form={"client_id": "a\r\nX-Evil: 1\r\n\r\n&b=c"})
        assert server.requests[0].form == {"client_id": "a\r\nX-Evil: 1\r\n\r\n&b=c"}

    def test_no_cookie_comes_back(self, http: Http, server: ScriptedServer) -> None:
        """A cookie that a server sets is not sent to it."""
        server.on("GET", "/", say({}, headers=(("Set-Cookie", "session=1; Path=/"),)), WELL)
        http.send("GET", f"{server.origin}/")
        http.send("GET", f"{server.origin}/")
        assert [request.header("cookie") for request in server.requests] == [None, None]

    @pytest.mark.parametrize("more", ["max-age", 'expires="x"'])
    def test_a_cookie_that_makes_no_sense(
        self, http: Http, server: ScriptedServer, recwarn: pytest.WarningsRecorder, more: str
    ) -> None:
        """One that Python's own parser fails on, with a traceback, is not even looked at."""
        cookies = (("Set-Cookie", "a=b"), ("Set-Cookie2", f"a=b; {more}"))
        server.on("GET", "/", say({}, headers=cookies))
        assert http.send("GET", f"{server.origin}/").ok
        assert list(recwarn) == []

    def test_a_name_with_several_addresses(self, http: Http, server: ScriptedServer) -> None:
        """A server that listens on one address of a name's several is found."""
        server.on("GET", "/", WELL)
        assert http.send("GET", f"http://localhost:{server.port}/").ok

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_redirects_are_not_followed(
        self, http: Http, server: ScriptedServer, other: ScriptedServer, method: str, status: int
    ) -> None:
        """A redirect is an answer; what a request carries goes nowhere else."""
        server.on(method, "/", redirect(f"{other.origin}/steal", status))
        got = http.send(method, f"{server.origin}/", bearer=Secret(PLAIN), retry=IDEMPOTENT)
        assert got.redirect
        assert len(server.requests) == 1
        assert other.requests == []

    @pytest.mark.parametrize(
        "location",
        ["http://[", "//", "", "https://social.example:99999/", "https://a\xff.example/"],
        ids=repr,
    )
    def test_a_redirect_to_an_odd_address_is_an_answer(
        self, http: Http, server: ScriptedServer, location: str
    ) -> None:
        """It is followed nowhere, whatever it names."""
        server.on("POST", "/", redirect(location))
        got = http.send("POST", f"{server.origin}/", form={"code": Secret(PLAIN)})
        assert got.status == 302
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "location",
        [
            "urn:ietf:wg:oauth:2.0:oob?error=invalid_scope",
            "https://xn--/",
            "https://xn--a.example/",
            "https://\xe2\x84\x80.example/",
            "javascript:alert(1)",
            "https://" + "a" * 70000,
        ],
        ids=lambda location: repr(location[:30]),
    )
    def test_a_redirect_that_httpx_refuses_is_no_answer(
        self, http: Http, server: ScriptedServer, location: str
    ) -> None:
        """It parses every Location, also where it is not to follow it. Nothing is repeated."""
        server.on("POST", "/", redirect(location))
        with pytest.raises(NoAnswerError) as caught:
            http.send("POST", f"{server.origin}/", form={"code": Secret(PLAIN)})
        assert caught.value.code == "no-answer"
        assert len(server.requests) == 1


class TestAddresses:
    """Where requests may go."""

    @pytest.mark.parametrize(
        "url",
        [
            "http://social.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[::]",
            "http://localhost.social.example",
            "http://127.0.0.1.social.example",
            "http://127.0.0.1@social.example",
            "http://social.example#127.0.0.1",
            "https://user:word@social.example",
            "https://user@social.example",
            "ftp://127.0.0.1",
            "file:///etc/hosts",
            "//127.0.0.1",
            "social.example",
            "",
            "https://",
            "https://[::1",
            "https://social.example:port",
            "https://127.1",
            "https://2130706433",
            "https://0x7f000001",
            "https://0X7F.1",
            "https://0177.0.0.1",
            "https://0.0.0.0",
            "https://[::]",
            "https://[::ffff:0.0.0.0]",
            "https://social\x00.example",
            "https://social\udcff.example",
            "https://social.example/" + "a" * 70000,
        ],
        ids=lambda url: repr(url[:40]),
    )
    def test_refused(self, http: Http, url: str) -> None:
        """Only https, and http to this very machine, is spoken; other addresses are refused."""
        with fails("insecure-address", Exit.INPUT):
            http.send("GET", url, bearer=Secret(PLAIN))

    @pytest.mark.parametrize(
        "url",
        [
            "https://social..example",
            "https://.",
            "https://" + "a" * 64 + ".example",
            "https://xn--",
            "https://xn--a.example",
            "https://127.0.0.1:99999",
            "https://127.0.0.1:-1",
            "https://127.0.0.1/\n",
            "\thttps://127.0.0.1/",
            "https://127.0.0.1/\n\nHost: evil.example",
        ],
        ids=lambda url: repr(url[:40]),
    )
    def test_impossible(self, http: Http, url: str) -> None:
        """An address that no server can have is an error for a person, not a raw exception."""
        with pytest.raises(ProvisionerError):
            http.send("GET", url)

    @pytest.mark.parametrize(
        ("url", "origin"),
        [
            ("https://social.example", "https://social.example"),
            ("https://social.example/", "https://social.example"),
            ("https://social.example/path?query#fragment", "https://social.example"),
            ("https://social.example:443/", "https://social.example"),
            ("https://SOCIAL.example/", "https://social.example"),
            ("HTTPS://social.example:443", "https://social.example"),
            ("https://social.example:8443/", "https://social.example:8443"),
            ("https://s\u00f6cial.example", "https://xn--scial-jua.example"),
            ("https://xn--scial-jua.example", "https://xn--scial-jua.example"),
            ("http://localhost:80/", "http://localhost"),
            ("http://[::1]:3000/", "http://[::1]:3000"),
            ("https://social.example\\@evil.example/", ""),
            ("https://evil.example@social.example/", ""),
            ("https://social example", ""),
            ("https://social%2eexample", ""),
            ("mailto:mybot@social.example", ""),
        ],
    )
    def test_origins(self, url: str, origin: str) -> None:
        """One server has one origin however its address is written; a doubtful address has none."""
        assert origin_of(url) == origin

    @given(st.text())
    def test_any_text_has_an_origin_or_none(self, rest: str) -> None:
        """No text makes `origin_of` fail, and an origin's origin is itself."""
        origin = origin_of(f"https://{rest}")
        assert origin_of(origin) == origin

    @given(st.text("abcxn-.:@[]%0123456789/?#\\\u00df\u0130\u3002\u200d\u0661", max_size=20))
    def test_any_address_has_an_origin_or_none(self, rest: str) -> None:
        """Nor does any that looks like an address."""
        origin = origin_of(f"https://{rest}")
        assert origin_of(origin) == origin

    def test_a_password_in_an_address_is_not_repeated(self) -> None:
        """An address is refused without showing the password in it."""
        with pytest.raises(InputError) as caught:
            require_secure("https://admin:hunter2@social.example")
        assert "hunter2" not in str(vars(caught.value))

    def test_no_name(self, monkeypatch: pytest.MonkeyPatch, http: Http, waits: list[float]) -> None:
        """A name that does not exist is reported at once."""
        monkeypatch.setattr(socket, "getaddrinfo", _unresolved(socket.EAI_NONAME))
        with pytest.raises(NotSentError) as caught:
            http.send("GET", "https://social.example", retry=IDEMPOTENT)
        assert caught.value.code == "host-unknown"
        assert waits == []

    def test_no_name_for_now(
        self, monkeypatch: pytest.MonkeyPatch, http: Http, waits: list[float]
    ) -> None:
        """A resolver that is in trouble for a moment is asked again."""
        monkeypatch.setattr(socket, "getaddrinfo", _unresolved(socket.EAI_AGAIN))
        with pytest.raises(NotSentError):
            http.send("GET", "https://social.example", retry=IDEMPOTENT)
        assert waits == BACKOFF

    def test_no_tls(self, http: Http, waits: list[float]) -> None:
        """Where the TLS handshake fails, nothing was sent, and no repeat is tried."""
        with ScriptedServer() as server, pytest.raises(NotSentError) as caught:
            http.send("GET", f"https://{server.host}/", bearer=Secret(PLAIN), retry=IDEMPOTENT)
        assert caught.value.code == "tls-failed"
        assert waits == []
        assert server.requests == []
        assert f"http://{server.host}" in said(caught.value)

    def test_no_tls_elsewhere(self, monkeypatch: pytest.MonkeyPatch, http: Http) -> None:
        """Plain http is suggested for this very machine alone."""
        address = socket.getaddrinfo("127.0.0.1", 1, type=socket.SOCK_STREAM)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: address)
        with pytest.raises(NotSentError) as caught:
            http.send("GET", "https://social.example:1")
        assert caught.value.code == "unreachable"
        assert "http://" not in said(caught.value)


class TestProxies:
    """A proxy from the environment."""

    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "127.0.0.2",
        ],
    )
    def test_loopback_goes_past_it(
        self, monkeypatch: pytest.MonkeyPatch, other: ScriptedServer, host: str
    ) -> None:
        """Plain http to this machine never passes a proxy, which would see the token."""
        if host == "127.0.0.2" and sys.platform != "linux":
            pytest.skip("only Linux answers on all of 127.0.0.0/8")
        monkeypatch.setenv("HTTP_PROXY", other.origin)
        other.on("GET", "/", WELL)
        closed = ScriptedServer(listening=False)
        client = Http(sleep=lambda _: None)
        with client, closed, pytest.raises(NotSentError):
            client.send("GET", f"http://{host}:{closed.port}/", bearer=Secret(PLAIN))
        assert other.requests == []

    def test_https_goes_through_it(
        self, monkeypatch: pytest.MonkeyPatch, other: ScriptedServer
    ) -> None:
        """A proxy is asked for a tunnel, and sees nothing of the request."""
        monkeypatch.setenv("HTTPS_PROXY", other.origin)
        other.on("CONNECT", "social.example:443", answer(403))
        with Http(sleep=lambda _: None) as client, pytest.raises(NotSentError):
            client.send("GET", "https://social.example/", bearer=Secret(PLAIN))
        assert {request.method for request in other.requests} == {"CONNECT"}
        assert PLAIN not in str(other.requests)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("ALL_PROXY", "socks5://127.0.0.1:1080"),
            ("HTTPS_PROXY", "ftp://127.0.0.1"),
            ("HTTPS_PROXY", "://"),
            ("NO_PROXY", "[::1"),
            ("SSL_CERT_FILE", "/nonexistent/certificates.pem"),
        ],
    )
    def test_a_setting_that_cannot_be_used(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        """A proxy or certificate setting that can't be used is named in an error for a person."""
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv(name, value)
        with pytest.raises(ProvisionerError) as caught:
            Http().send("GET", "https://social.example/")
        assert caught.value.code == "bad-surroundings"
        assert name in said(caught.value)


class TestRepeats:
    """Which requests are sent again, and when."""

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_passing_answers(
        self, http: Http, server: ScriptedServer, waits: list[float], status: int
    ) -> None:
        """A request that may be done twice outlives a moment's trouble."""
        server.on("GET", "/", page(status), page(status), page(status), WELL)
        assert http.send("GET", f"{server.origin}/", retry=IDEMPOTENT).ok
        assert waits == BACKOFF

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_lasting_trouble(
        self, http: Http, server: ScriptedServer, waits: list[float], status: int
    ) -> None:
        """After three repeats the answer is what it is."""
        server.on("GET", "/", page(status))
        assert http.send("GET", f"{server.origin}/", retry=IDEMPOTENT).status == status
        assert len(server.requests) == 4
        assert waits == BACKOFF

    @pytest.mark.parametrize("status", [200, 204, 304, 400, 401, 403, 404, 408, 422, 501])
    def test_final_answers(
        self, http: Http, server: ScriptedServer, waits: list[float], status: int
    ) -> None:
        """Any other answer is final."""
        server.on("GET", "/", answer(status))
        assert http.send("GET", f"{server.origin}/", retry=IDEMPOTENT).status == status
        assert len(server.requests) == 1
        assert waits == []

    @pytest.mark.parametrize(
        "lost",
        [hang_up, truncated, raw(b"HTTP/1.1 200 OK\r\n")],
        ids=["nothing", "half a body", "half a head"],
    )
    def test_lost_answers(
        self, http: Http, server: ScriptedServer, waits: list[float], lost: Reply
    ) -> None:
        """A request that may be done twice is repeated when its answer is lost."""
        server.on("GET", "/", lost, lost, WELL)
        assert http.send("GET", f"{server.origin}/", retry=IDEMPOTENT).ok
        assert waits == BACKOFF[:2]

    @pytest.mark.parametrize(
        "lost",
        [hang_up, truncated, page(500), page(502), page(503)],
        ids=["nothing", "half a body", "500", "502", "503"],
    )
    def test_once_only(
        self, http: Http, server: ScriptedServer, waits: list[float], lost: Reply
    ) -> None:
        """A request that may not be done twice is not repeated if the server may have acted."""
        server.on("POST", "/", lost, WELL)
        try:
            ok = http.send("POST", f"{server.origin}/", form={"a": "b"}).ok
        except NoAnswerError:
            ok = False
        assert not ok
        assert len(server.requests) == 1
        assert waits == []

    def test_throttled(self, http: Http, server: ScriptedServer, waits: list[float]) -> None:
        """A 429 is no action: what it refused is sent again even if it may not be done twice."""
        server.on("POST", "/", answer(429), WELL)
        assert http.send("POST", f"{server.origin}/", form={"a": "b"}).ok
        assert waits == BACKOFF[:1]

    def test_a_one_time_request_is_not_sent_again_after_any_answer(
        self, http: Http, server: ScriptedServer, waits: list[float]
    ) -> None:
        server.on("POST", "/", answer(429), WELL)
        assert http.send("POST", f"{server.origin}/", retry=IF_UNSENT).status == 429
        assert waits == []

    def test_a_one_time_request_is_sent_again_where_it_never_arrived(self) -> None:
        with ScriptedServer(listening=False) as server:
            server.on("POST", "/", WELL)
            with Http(sleep=lambda _: server.listen()) as client:
                assert client.send("POST", f"{server.origin}/", retry=IF_UNSENT).ok
        assert len(server.requests) == 1

    def test_refused_connections(self) -> None:
        """What never reached the server is sent again even if it may not be done twice."""
        with ScriptedServer(listening=False) as server:
            server.on("POST", "/", WELL)
            with Http(sleep=lambda _: server.listen()) as client:
                assert client.send("POST", f"{server.origin}/", form={"a": "b"}).ok
        assert len(server.requests) == 1

    def test_nobody_there(self, http: Http, waits: list[float]) -> None:
        """A server that stays away is reported as unreachable after three repeats."""
        with ScriptedServer(listening=False) as server, pytest.raises(NotSentError) as caught:
            http.send("POST", f"{server.origin}/")
        assert caught.value.code == "unreachable"
        assert waits == BACKOFF

    @pytest.mark.parametrize(
        "headers",
        [
            (("Retry-After", "30"),),
            (("Retry-After", " 30 "),),
            (("Retry-After", http_date(30)),),
            (("Retry-After", "30"), ("Retry-After", http_date(500))),
            (("Retry-After", "soon"), ("Retry-After", http_date(30))),
            (("Retry-After", "\xb2"), ("Retry-After", "30")),
            (("X-RateLimit-Reset", str(int(NOW) + 30)),),
            (("X-RateLimit-Reset", "2027-01-15T08:00:30.000000Z"),),
            (("X-RateLimit-Reset", "2027-01-15T10:00:30+02:00"),),
            (("Retry-After", "30"), ("X-RateLimit-Reset", str(int(NOW) + 500))),
        ],
        ids=str,
    )
    def test_the_server_says_when(
        self, http: Http, server: ScriptedServer, waits: list[float], headers: Headers
    ) -> None:
        """The wait is what the server asks for, in any of the forms that servers use."""
        server.on("GET", "/", answer(429, b"", headers), WELL)
        http.send("GET", f"{server.origin}/", retry=IDEMPOTENT)
        assert waits == [30.0]

    @pytest.mark.parametrize(
        "headers",
        [
            (("Retry-After", "61"),),
            (("Retry-After", http_date(3600)),),
            (("X-RateLimit-Reset", str(int(NOW) + 300)),),
            (("X-RateLimit-Reset", "2027-01-15T08:05:00.000000Z"),),
            (("Retry-After", "999999999999"),),
        ],
        ids=str,
    )
    def test_long_waits_are_left_to_the_person(
        self, http: Http, server: ScriptedServer, waits: list[float], headers: Headers
    ) -> None:
        """Who would have to wait for more than a minute is told so at once."""
        server.on("GET", "/", answer(429, b"", headers))
        assert http.send("GET", f"{server.origin}/", retry=IDEMPOTENT).status == 429
        assert len(server.requests) == 1
        assert waits == []

    @pytest.mark.parametrize(
        "headers",
        [
            (("Retry-After", "0"),),
            (("Retry-After", "-5"),),
            (("Retry-After", http_date(-500)),),
            (("Retry-After", "Thu, 01 Jan 99999999999999 00:00:00 GMT"),),
            (("Retry-After", "Thu, 01 Jan 2030 00:00:00 +99999999999999"),),
            (("X-RateLimit-Reset", "0"),),
            (("X-RateLimit-Reset", "-5"),),
            (("X-RateLimit-Reset", "\xb2"),),
            (("X-RateLimit-Reset", "0001-01-01"),),
            (("X-RateLimit-Reset", "NaN"),),
            (("X-RateLimit-Reset", str(int(NOW) + 5)), ("X-RateLimit-Reset", "6")),
        ],
        ids=str,
    )
    def test_nonsense_is_no_reason_to_wait(
        self, http: Http, server: ScriptedServer, waits: list[float], headers: Headers
    ) -> None:
        """Moments that are past or no moments at all leave our own wait as it is."""
        server.on("GET", "/", answer(429, b"", headers), WELL)
        http.send("GET", f"{server.origin}/", retry=IDEMPOTENT)
        assert waits == [1.0]

    @given(st.binary() | st.text("0123456789+-:TZ. ").map(str.encode))
    def test_any_header(self, value: bytes) -> None:
        """No header makes a wait negative, or fails."""
        throttled = made(headers=[(b"retry-after", value), (b"x-ratelimit-reset", value)])
        assert min(retry_after(throttled) or 0, rate_limit_reset(throttled) or 0) >= 0

    @given(st.integers(), st.integers(-99999, 99999))
    def test_any_date(self, year: int, zone: int) -> None:
        """Nor does any date, however far away."""
        value = f"Fri, 01 Jan {year} 00:00:00 {zone:+05}".encode()
        assert (retry_after(made(headers=[(b"retry-after", value)])) or 0) >= 0

    def test_a_wait_is_announced(self, server: ScriptedServer) -> None:
        """Before a wait, the person is told for whom and how long."""
        told: list[tuple[str, float]] = []
        server.on("GET", "/", answer(503, b"", (("Retry-After", "7"),)), WELL)

        def waiting(host: str, seconds: float) -> None:
            told.append((host, seconds))

        with Http(sleep=lambda _: None, waiting=waiting) as client:
            client.send("GET", f"{server.origin}/", retry=IDEMPOTENT)
        assert told == [("127.0.0.1", 7.0)]


class TestBounds:
    """Size and time."""

    def test_the_largest_answer(self, http: Http, server: ScriptedServer) -> None:
        """An answer of a megabyte is read."""
        server.on("GET", "/", answer(200, b"x" * MAX_BODY))
        assert len(http.send("GET", f"{server.origin}/").body) == MAX_BODY

    def test_larger_answers(self, http: Http, server: ScriptedServer) -> None:
        """A larger one is left at that, long before its 50 MB have passed."""
        server.on("GET", "/", flood)
        with pytest.raises(NoAnswerError) as caught:
            http.send("GET", f"{server.origin}/")
        assert caught.value.code == "answer-too-large"
        assert server.wires[0].written < 20 * MAX_BODY

    def test_compressed_answers(self, http: Http, server: ScriptedServer) -> None:
        """Nobody asked for a compressed answer, and none fills the memory."""
        bomb = gzip.compress(gzip.compress(bytes(64 * MAX_BODY)))
        server.on("GET", "/", answer(200, bomb, (("Content-Encoding", "gzip, gzip"),)))
        tracemalloc.start()
        try:
            with pytest.raises(NoAnswerError):
                http.send("GET", f"{server.origin}/")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 32 * MAX_BODY

    def test_silence(
        self, monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, waits: list[float]
    ) -> None:
        """A server that says nothing is not waited for."""
        server.on("GET", "/", hang)
        with impatient(monkeypatch, waits.append) as client, pytest.raises(NoAnswerError) as caught:
            client.send("GET", f"{server.origin}/")
        assert caught.value.code == "no-answer"

    @pytest.mark.parametrize(
        ("beginning", "piece"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b"x"),
            (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
            (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
            (b"", b"HTTP/1.1 103 X\r\n\r\n"),
        ],
        ids=["body", "body without a length", "headers", "early hints"],
    )
    def test_answer_that_drips_is_cut_at_the_deadline_and_not_asked_for_again(
        self, server: ScriptedServer, waits: list[float], beginning: bytes, piece: bytes
    ) -> None:
        """A timeout bounds one read only, and this server never pauses for long."""
        server.on("GET", "/", drip(beginning, piece))
        with hurried(waits.append) as client, pytest.raises(NoAnswerError) as caught:
            client.send("GET", f"{server.origin}/", retry=IDEMPOTENT)
        assert caught.value.code == "too-slow"
        assert len(server.requests) == 1
        assert waits == []

    def test_deadline_holds_on_a_connection_that_is_used_again(self) -> None:
        answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "]

        def reply(wire: Wire) -> None:
            wire.write(answers[0])
            wire.next_request()
            drip(answers[1], b"x")(wire)

        with ScriptedServer() as server, hurried() as client:
            server.on("GET", "/", reply)
            assert client.send("GET", f"{server.origin}/").ok
            with pytest.raises(NoAnswerError) as caught:
                client.send("GET", f"{server.origin}/")
        assert caught.value.code == "too-slow"
        assert len(server.wires) == 1

    def test_server_that_dripped_once_is_heard_again(self, server: ScriptedServer) -> None:
        server.on("GET", "/", drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), WELL)
        with hurried() as client:
            with pytest.raises(NoAnswerError):
                client.send("GET", f"{server.origin}/")
            assert client.send("GET", f"{server.origin}/").ok

    def test_deadline_is_counted_anew_for_each_try(
        self, server: ScriptedServer, waits: list[float]
    ) -> None:
        server.on("GET", "/", hang_up, hang_up, hang_up, WELL)
        with hurried(waits.append) as client:
            assert client.send("GET", f"{server.origin}/", retry=IDEMPOTENT).ok
        assert waits == BACKOFF

    @pytest.mark.parametrize(
        "garbage",
        [
            b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 000 X\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 101 X\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        ],
        ids=lambda data: repr(data[:60]),
    )
    def test_garbage(self, http: Http, server: ScriptedServer, garbage: bytes) -> None:
        """What is no HTTP, or contradicts itself, is no answer."""
        server.on("GET", "/", raw(garbage))
        with pytest.raises(NoAnswerError):
            http.send("GET", f"{server.origin}/")


LOSSES: dict[str, Reply] = {
    "silence": hang,
    "end": hang_up,
    "half an answer": truncated,
    "garbage": raw(b"garbage\r\n\r\n"),
}


class TestThreads:
    """Several requests at the same time."""

    def test_requests_at_the_same_time_share_one_client(
        self, monkeypatch: pytest.MonkeyPatch, server: ScriptedServer
    ) -> None:
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
        server.on("GET", "/", together)
        with Http() as client:
            answers = in_threads([lambda: client.send("GET", f"{server.origin}/")] * 5)
        assert [answer.status for answer in answers] == [200] * 5
        assert len(made) == 1

    def test_each_request_has_a_deadline_of_its_own(self, server: ScriptedServer) -> None:
        """A request that began later does not prolong the one that drips."""
        dripping = threading.Event()

        def reply(wire: Wire) -> None:
            dripping.set()
            drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x")(wire)

        def later() -> bool:
            dripping.wait(60)
            return client.send("GET", f"{server.origin}/well").ok

        def slow() -> bool:
            return client.send("GET", f"{server.origin}/slow").ok

        server.on("GET", "/slow", reply)
        server.on("GET", "/well", WELL)
        with hurried() as client, pytest.raises(NoAnswerError) as caught:
            in_threads([slow, later])
        assert caught.value.code == "too-slow"

    def test_secrets_are_redacted_that_another_request_carried_meanwhile(
        self, server: ScriptedServer
    ) -> None:
        """A server may echo in one answer what it was sent in another request."""
        known = threading.Event()

        def echo(wire: Wire) -> None:
            known.wait(60)
            say({"error": f"no {PLAIN}"}, 403)(wire)

        def learn(wire: Wire) -> None:
            WELL(wire)
            known.set()

        server.on("GET", "/echo", echo)
        server.on("GET", "/token", learn)
        with Http() as client:
            echoed, _ = in_threads(
                [
                    lambda: client.send("GET", f"{server.origin}/echo"),
                    lambda: client.send("GET", f"{server.origin}/token", bearer=Secret(PLAIN)),
                ]
            )
        assert echoed.described() == "HTTP 403 (“no ***”)"


class TestSecrecy:
    """What is never shown."""

    @pytest.mark.parametrize(
        ("loss", "rich"), [*((loss, False) for loss in LOSSES), ("half an answer", True)]
    )
    def test_tracebacks_with_locals(
        self, monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, loss: str, *, rich: bool
    ) -> None:
        """However a request fails, the traceback shows no secret of it, not in any variable."""
        server.on("POST", "/", LOSSES[loss])
        with impatient(monkeypatch, lambda _: None) as client:
            try:
                client.send("POST", f"{server.origin}/", form=_form(), bearer=Secret(PLAIN))
            except TransportError as error:
                shown = _shown(error, rich=rich)
        assert not [form for form in (PLAIN, quote(PLAIN, safe="")) if form in shown]

    @pytest.mark.parametrize(
        "bad", ["a\nb", "a\r\nX-Evil: 1", "a\x00b", "a\u2026b", "a\udcffb"], ids=ascii
    )
    def test_tokens_that_no_header_can_carry(
        self, http: Http, server: ScriptedServer, waits: list[float], bad: str
    ) -> None:
        """A token that can't stand in a header is what the error is about, not the network."""
        server.on("GET", "/", WELL)
        with fails("bad-bearer", Exit.INPUT) as caught:
            http.send("GET", f"{server.origin}/", bearer=Secret(f"hunter2{bad}"), retry=IDEMPOTENT)
        assert "hunter2" not in said(caught.value)
        assert waits == []
        assert server.requests == []

    def test_an_answer_is_not_printed(self) -> None:
        """An answer, which may hold a new token, is printed without its body."""
        assert PLAIN not in repr(made(200, json.dumps({"access_token": PLAIN}).encode()))

    @pytest.mark.parametrize(
        "echo",
        [PLAIN, quote(PLAIN, safe=""), base64.b64encode(PLAIN.encode()).decode()],
        ids=["plain", "URL-encoded", "base64"],
    )
    @pytest.mark.parametrize("field", ["error", "error_description", "message"])
    def test_echoes(self, field: str, echo: str) -> None:
        """A server's words are shown without the secrets that it was sent."""
        shown = made(400, json.dumps({field: f"bad token {echo}"}).encode()).described()
        assert shown == "HTTP 400 (“bad token ***”)"

    def test_echoes_of_earlier_requests(self, http: Http, server: ScriptedServer) -> None:
        """Nor is shown what a server was sent before, in a form or as a bearer token."""
        server.on("POST", "/", WELL)
        server.on("GET", "/", say({"error": f"{PLAIN}, {PLAIN[::-1]}"}, 403))
        form = {"client_secret": Secret(PLAIN)}
        http.send("POST", f"{server.origin}/", form=form, bearer=Secret(PLAIN[::-1]))
        answer = http.send("GET", f"{server.origin}/")
        assert answer.described() == "HTTP 403 (“***, ***”)"

    @pytest.mark.parametrize("field", [{"username": "announcements"}, {"password": "bot"}])
    def test_no_echoes(self, http: Http, server: ScriptedServer, field: dict[str, str]) -> None:
        """A user name that may be the account's, or a short word, stays what a server says."""
        server.on("POST", "/", WELL)
        form = {name: Secret(text) for name, text in field.items()}
        http.send("POST", f"{server.origin}/", form=form)
        (text,) = field.values()
        assert http.send("POST", f"{server.origin}/").shown(f"{text} is well") == f"{text} is well"


class TestWords:
    """What a server says."""

    def test_the_description_comes_first(self) -> None:
        """A description says more than an error's name."""
        body = json.dumps({"error": "invalid_grant", "error_description": "It expired."}).encode()
        assert made(400, body).described() == "HTTP 400 (“It expired.”)"

    def test_words_are_tamed(self) -> None:
        """Control characters and line breaks are taken out, and long texts cut."""
        body = json.dumps({"error": "\x1b[31m::add-mask::\r\n\u202e\ud800" + "x" * 999}).encode()
        words = made(400, body).described()
        assert words.isprintable()
        assert not words.isascii()
        assert len(words) == 200 + len("HTTP 400 (“”)")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<!DOCTYPE html><title>error</title>",
            b"null",
            b"[]",
            b'"error"',
            b'{"error": 1}',
            b'{"error": null}',
            b'{"error": ["a"]}',
            b'{"error": {"error": "a"}}',
            b'{"error": "a"',
            b"\xff\xfe\x00",
            b"[" * 500_000,
            b'{"error":' * 100_000,
            b'{"error": "a", "id": ' + b"9" * 5000 + b"}",
        ],
        ids=lambda body: repr(body[:20]) + str(len(body)),
    )
    def test_no_words(self, body: bytes) -> None:
        """A page, a list or anything else says nothing, and is no reason to fail."""
        assert made(400, body).described() == "HTTP 400"

    @given(st.binary())
    def test_any_body(self, body: bytes) -> None:
        """Nor does any body fail."""
        assert made(400, body).described().isprintable()


def _unresolved(code: int) -> Callable[..., NoReturn]:
    def getaddrinfo(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(code, "no address")

    return getaddrinfo


def _form() -> dict[str, str | Secret]:
    return {"code": Secret(PLAIN)}


def _shown(error: BaseException, *, rich: bool) -> str:
    """A traceback with all local variables of all frames."""
    if not rich:
        kept = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(kept.format())
    out = io.StringIO()
    rendered = Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True)
    Console(file=out, width=500).print(rendered)
    return out.getvalue()
