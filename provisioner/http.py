"""Every request of this program goes through here.

The only place that makes an `httpx.Client`: bounded in time and size, over TLS (plain http for
loopback hosts only), no redirect followed, no cookie kept, and secrets turned into plaintext only
at the last step. It may be used from several threads at once.
"""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar
from typing import Any, Protocol, Self, TypeVar, cast

import httpx

from provisioner import __version__
from provisioner.answer import IF_NOT_DONE, Answer, RetryPolicy
from provisioner.report import (
    InputError,
    Next,
    NoAnswerError,
    NotSentError,
    Run,
    TransportError,
    plain,
)
from provisioner.secret import MIN_PART, Secret
from provisioner.urls import is_loopback, require_secure

MAX_BODY = 1024 * 1024
"""Bytes of an answer that are read."""
TIMEOUT = httpx.Timeout(15.0, connect=10.0)
"""Seconds for each read and write, and for a connection."""
DEADLINE = 30.0
"""Seconds for one request and its whole answer, however slowly that arrives."""
REPEATS = 3
"""How often a request is sent again at most, after 1, 2 and 4 seconds."""
MAX_DELAY = 60.0
"""Seconds that a server may make us wait; a longer wait is left to the person."""

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


class Gather(Protocol):
    """Makes several calls, which may overlap: reads, never writes (see `github/client.py`).

    Every call is made, even where one fails. Returns their results in the order of `calls`, or
    raises the error of the first in that order that failed: what a run says does not depend on
    which server answered first.
    """

    def __call__(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Make the calls, and wait for all of them."""


def in_threads(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Gather calls at the same time, each in a thread of its own."""
    # No `with`: its end would wait for what hangs where a run is interrupted (see `process.py`).
    pool = ThreadPoolExecutor(len(calls) or 1)
    futures = [pool.submit(call) for call in calls]
    wait(futures)
    pool.shutdown()
    return [future.result() for future in futures]


def both(gather: Gather, one: Callable[[], A], other: Callable[[], B]) -> tuple[A, B]:
    """Gather two calls of different types."""
    calls: tuple[Callable[[], object], ...] = (one, other)
    first, second = gather(calls)
    return cast("A", first), cast("B", second)


@dataclass
class Http:
    """A client for all servers, with kept-alive connections.

    `clock` gives epoch seconds, `monotonic` seconds that only go forward; `waiting` is told a host
    and seconds before a wait that a person notices; `transport` stands in for the network.
    """

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    waiting: Callable[[str, float], None] = lambda _host, _seconds: None
    transport: httpx.BaseTransport | None = None
    monotonic: Callable[[], float] = time.monotonic
    known: set[Secret] = field(default_factory=set, repr=False)
    """The secrets of this run, any of which a server may echo at any time."""
    _clients: dict[bool, httpx.Client] = field(default_factory=dict, init=False, repr=False)
    """The one for loopback, and the one for all other hosts."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _thread: threading.local = field(default_factory=threading.local, init=False, repr=False)
    """Of the request that this thread is sending: its `deadline` by `monotonic`, its `host`, and
    the `proxy` that is to open a tunnel to it ("" if none is, or the tunnel is open)."""

    def remember(self, secret: Secret) -> None:
        """Redact this secret in every server's words; a short one would redact honest words."""
        if len(secret) >= MIN_PART:
            with self._lock:
                self.known.add(secret)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str | Secret] | None = None,
        body: Mapping[str, object] | None = None,
        bearer: Secret | None = None,
        headers: Mapping[str, str] | None = None,
        retry: RetryPolicy = IF_NOT_DONE,
    ) -> Answer:
        """Send a request and read its whole answer; `retry` says when it is sent again.

        Raises InputError for a URL that is neither https nor loopback, NotSentError, NoAnswerError.
        """
        client = self._client(loopback=require_secure(url).startswith("http://"))
        fields = form or {}
        sent = {value for value in (*fields.values(), bearer) if isinstance(value, Secret)}
        request = client.build_request(
            method,
            url,
            params=params,
            data={k: v.reveal() if isinstance(v, Secret) else v for k, v in fields.items()},
            json=body,
            headers={"Accept": "application/json", **(headers or {}), **_authorization(bearer)},
            extensions={"trace": self._trace},
        )
        for secret in sent - {fields.get("username")}:
            # A user name may be the account's, by which later answers are judged.
            self.remember(secret)
        for attempt in range(REPEATS + 1):
            outcome = self._outcome(client, request, sent)
            delay = retry.delay_after(outcome)
            if delay is None or delay > MAX_DELAY or attempt == REPEATS:
                break
            delay = max(delay, 2.0**attempt)
            self.waiting(request.url.host, delay)
            self.sleep(delay)
        if isinstance(outcome, TransportError):
            raise outcome
        return outcome

    def _client(self, *, loopback: bool) -> httpx.Client:
        agent = f"mastodon-provisioner/{__version__}"
        with self._lock:
            if client := self._clients.get(loopback):
                return client
            try:
                client = httpx.Client(
                    transport=self.transport,
                    # The environment names proxies and certificates. What plain http carries to
                    # this very machine, no proxy may see.
                    trust_env=not loopback,
                    timeout=TIMEOUT,
                    follow_redirects=False,
                    cookies=_NoCookies(),
                    headers={"User-Agent": agent, "Accept-Encoding": "identity"},
                )
            except (httpx.InvalidURL, ImportError, OSError, ValueError) as error:
                raise InputError(
                    "bad-environment",
                    "The proxy or certificate settings in the environment are invalid "
                    f"({type(error).__name__}).",
                    why="One of HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and "
                    "SSL_CERT_DIR is wrong. SOCKS proxies are not supported.",
                    next=("Correct or unset that variable.",),
                ) from None
            self._clients[loopback] = client
            return client

    def _outcome(
        self, client: httpx.Client, request: httpx.Request, sent: set[Secret]
    ) -> Answer | TransportError:
        """The whole answer, or why there is none.

        The exceptions of httpx hold the request with its headers and body: none is passed on.
        """
        host, thread = request.url.netloc.decode(), self._thread
        thread.deadline = self.monotonic() + DEADLINE
        thread.host, thread.proxy = request.url.raw_host.decode(), ""
        try:
            response, body = _read(client, request)
        except httpx.HTTPError as error:
            if self.monotonic() >= thread.deadline:
                reason = f"it was not complete after {DEADLINE:.0f} seconds"
                return _no_answer(host, reason, "too-slow")
            if thread.proxy or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                return _not_sent(request.url, thread.proxy, error)
            if isinstance(error, httpx.TimeoutException):
                return _no_answer(host, "it did not come in time")
            return _no_answer(host, f"the connection failed ({type(error).__name__})")
        except (httpx.InvalidURL, ValueError):
            # A Location that httpx can't parse, which it does even where it is not to follow it.
            return _no_answer(host, "it redirects to an invalid address")
        if len(body) > MAX_BODY:
            reason = f"it has more than {MAX_BODY // 1024} KB, and no API of Mastodon or GitHub has"
            return _no_answer(host, reason, "answer-too-large")
        if response.headers.get("content-encoding", "identity") != "identity":
            return _no_answer(host, "it is compressed, though plain text was requested")
        with self._lock:
            secrets = sent | self.known
        return Answer(response.status_code, response.headers, body, self.clock(), secrets)

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Note which proxy is asked, and have all reads end at their request's deadline.

        Timeouts alone bound one read each, and an answer may arrive byte by byte. This is called
        by httpcore (https://www.encode.io/httpcore/extensions/#trace).
        """
        thread = self._thread
        if event.endswith("connect_tcp.started") and info["host"] != thread.host:
            thread.proxy = f"{info['host']}:{info['port']}"
        elif event.endswith("start_tls.started") and info["server_hostname"] == thread.host:
            thread.proxy = ""
        elif event.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream = info["return_value"]
            stream.read = partial(self._read_in_time, stream.read)

    def _read_in_time(
        self, read: Callable[[int, float], bytes], size: int, timeout: float
    ) -> bytes:
        # With 0 seconds left it fails, or returns what has come already: that is bounded in size.
        left = max(0.0, self._thread.deadline - self.monotonic())
        return read(size, min(timeout, left))


class _NoCookies(CookieJar):
    """Reads nothing that a server sets: http.cookiejar prints a traceback where it can't."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Leave the cookies where they are."""


def _read(client: httpx.Client, request: httpx.Request) -> tuple[httpx.Response, bytes]:
    """The answer and its body, up to a chunk more than MAX_BODY; raw, so that no bomb unpacks."""
    with closing(client.send(request, stream=True)) as response:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > MAX_BODY:
                break
        return response, bytes(body)


def _authorization(bearer: Secret | None) -> dict[str, str]:
    if bearer is None:
        return {}
    if not re.fullmatch("[!-~]+", bearer.reveal()):
        # h11 would quote the whole header in its error.
        what = "The token contains a character that an HTTP header cannot carry."
        steps = ("Copy the token again, without spaces and line breaks.",)
        raise InputError("bad-bearer", what, next=steps)
    return {"Authorization": f"Bearer {bearer.reveal()}"}


def _not_sent(url: httpx.URL, proxy: str, error: httpx.HTTPError) -> NotSentError:
    """Why there is no connection to a host, or to the proxy (host and port) in front of it."""
    host = url.netloc.decode()
    peer = f"{proxy}, the proxy for {host}" if proxy else host
    cause: BaseException | None = error
    while cause and not isinstance(cause, OSError):
        cause = cause.__context__
    steps: Next = ("Open its address in a browser.", Run("again"))
    if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
        code, what = "host-unknown", f"Could not resolve {peer}."
        why = "The name is misspelt or no longer exists, or this machine has no network."
    elif isinstance(cause, ssl.SSLError):
        code, what = "tls-failed", f"TLS verification failed for {peer}. Nothing was sent."
        why = (
            "The certificate is expired, self-signed or for another name, or the connection is "
            "intercepted."
        )
        steps = ("Open the address in a browser and look at its certificate.",)
    elif isinstance(error, httpx.ProxyError):
        code, what = "unreachable", f"{peer}, refused the connection: {plain(str(error), 80)}."
        why = (
            "The proxy demands a user name and a password, does not admit this host, or can't "
            "reach it: the host's name may be misspelt."
        )
    else:
        code, what = "unreachable", f"Could not connect to {peer}."
        why = "The server is down or refuses this network, or the name or port is wrong."
    if proxy:
        check = "Check HTTPS_PROXY, ALL_PROXY and NO_PROXY in the environment, or ask who runs the "
        steps = (f"{check}proxy.", Run("again"))
    elif url.scheme == "https" and is_loopback(host):
        steps = (f"If the server on this machine speaks plain HTTP, name it so: http://{host}.",)
    return NotSentError(code, what, why=why, next=steps)


def _no_answer(host: str, reason: str, code: str = "no-answer") -> NoAnswerError:
    return NoAnswerError(
        code,
        f"{host} sent no usable answer: {reason}.",
        why="The server, or the network on the way to it, is overloaded or broken; or this is not "
        "the address of an API.",
        next=(Run("again", when="in a few minutes"),),
    )
