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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import Any, Self, TypeVar

import httpx

from provisioner import __version__
from provisioner.answer import IF_NOT_DONE, Answer, RetryPolicy
from provisioner.errors import InputError, NoAnswerError, NotSentError, TransportError
from provisioner.report import Next, Run
from provisioner.secret import MIN_PART, Secret
from provisioner.urls import is_loopback, require_secure

USER_AGENT = f"mastodon-provisioner/{__version__}"
MAX_BODY = 1024 * 1024
"""Bytes of an answer that are read; the largest honest one is an instance's description."""
TIMEOUT = httpx.Timeout(15.0, connect=10.0)
"""Seconds for each read and write, and for a connection."""
DEADLINE = 30.0
"""Seconds for one request and its whole answer, however slowly that arrives."""
REPEATS = 3
"""How often a request is sent again at most, after 1, 2 and 4 seconds."""
MAX_DELAY = 60.0
"""Seconds that a server may make us wait; a longer wait is left to the person."""

Transferred = TypeVar("Transferred")


@dataclass
class Http:
    """A client for all servers, with kept-alive connections.

    `sleep` takes seconds, `clock` gives epoch seconds, `monotonic` seconds that only go forward;
    `waiting` is told a host and seconds before a wait that a person notices; `transport` stands in
    for the network.
    """

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    waiting: Callable[[str, float], None] = lambda _host, _seconds: None
    transport: httpx.BaseTransport | None = None
    monotonic: Callable[[], float] = time.monotonic
    known: set[Secret] = field(default_factory=set, repr=False)
    """The secrets of this run, any of which a server may echo at any time."""
    _clients: dict[bool, httpx.Client] = field(default_factory=dict, init=False, repr=False)
    """By whether they are for loopback."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    """For `known` and `_clients`."""
    _thread: threading.local = field(default_factory=threading.local, init=False, repr=False)
    """`deadline` of the request that this thread is sending, by `monotonic`."""

    def remember(self, secret: Secret) -> None:
        """Redact this secret in every server's words; a short one would redact honest words."""
        if len(secret) >= MIN_PART:
            with self._lock:
                self.known.add(secret)

    def __enter__(self) -> Self:
        """Nothing is connected before the first request."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

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
        request = client.build_request(
            method,
            url,
            params=params,
            data={k: _plaintext(v) for k, v in form.items()} if form is not None else None,
            json=body,
            headers={"Accept": "application/json", **(headers or {}), **_authorization(bearer)},
            extensions={"trace": self._bound_connection},
        )
        sent = {v for v in (form or {}).values() if isinstance(v, Secret)}
        sent |= {bearer} if bearer else set()
        for secret in sent:
            # A user name may be the account's, by which later answers are judged.
            if secret != (form or {}).get("username"):
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
        """The one client for loopback, or for all other hosts, whichever thread asks first."""
        with self._lock:
            if loopback not in self._clients:
                self._clients[loopback] = self._new_client(trust_env=not loopback)
            return self._clients[loopback]

    def _new_client(self, *, trust_env: bool) -> httpx.Client:
        """With the proxy and the certificates that the environment names, if that is trusted.

        It is not for plain http to this very machine: a proxy must not see what that carries.
        """
        try:
            return httpx.Client(
                transport=self.transport,
                trust_env=trust_env,
                timeout=TIMEOUT,
                follow_redirects=False,
                cookies=_NoCookies(),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            )
        except (httpx.InvalidURL, ImportError, OSError, ValueError) as error:
            raise InputError(
                "bad-surroundings",
                "The proxy or certificate settings in the environment are invalid "
                f"({type(error).__name__}).",
                why="One of HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and "
                "SSL_CERT_DIR is wrong. SOCKS proxies are not supported.",
                next=("Correct or unset that variable.",),
            ) from None

    def _outcome(
        self, client: httpx.Client, request: httpx.Request, sent: set[Secret]
    ) -> Answer | TransportError:
        """The whole answer, or why there is none.

        The exceptions of httpx hold the request with its headers and body: none is passed on.
        """
        host = request.url.netloc.decode()
        self._thread.deadline = self.monotonic() + DEADLINE
        try:
            response, body = _read(client, request)
        except (httpx.HTTPError, _DeadlineError) as error:
            if isinstance(error, _DeadlineError) or self._seconds_left() <= 0:
                return _too_slow(host)
            return _failed(request.url, error)
        except (httpx.InvalidURL, ValueError):
            # A Location that httpx can't parse, which it does even where it is not to follow it.
            return _no_answer(host, "it redirects to an invalid address")
        if len(body) > MAX_BODY:
            return _too_large(host)
        if response.headers.get("content-encoding", "identity") != "identity":
            return _no_answer(host, "it is compressed, though plain text was requested")
        with self._lock:
            secrets = sent | self.known
        return Answer(response.status_code, response.headers, body, self.clock(), secrets)

    def _seconds_left(self) -> float:
        """Until the deadline of the request that this thread is sending."""
        return float(self._thread.deadline - self.monotonic())

    def _bound_connection(self, event: str, info: Mapping[str, Any]) -> None:
        """Have each read and write on a new connection end at its request's deadline.

        Timeouts alone bound one read each, and an answer may arrive byte by byte. This is called
        by httpcore (https://www.encode.io/httpcore/extensions/#trace).
        """
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream = info["return_value"]
            stream.read = self._until_deadline(stream.read)
            stream.write = self._until_deadline(stream.write)

    def _until_deadline(
        self, transfer: Callable[[Any, float], Transferred]
    ) -> Callable[[Any, float], Transferred]:
        def bounded(data: Any, timeout: float) -> Transferred:
            left = self._seconds_left()
            if left <= 0:
                raise _DeadlineError
            return transfer(data, min(timeout, left))

        return bounded


class _DeadlineError(Exception):
    """The deadline of a request has passed."""


class _NoCookies(CookieJar):
    """Keeps nothing and sends nothing.

    It does not even read what a server sets: http.cookiejar prints a traceback where it can't.
    """

    def extract_cookies(self, response: object, request: object) -> None:
        """Leave the cookies where they are."""

    def add_cookie_header(self, request: object) -> None:
        """Add none."""


def _read(client: httpx.Client, request: httpx.Request) -> tuple[httpx.Response, bytes]:
    """The answer and its body, up to a chunk more than MAX_BODY; raw, so that no bomb unpacks."""
    response = client.send(request, stream=True)
    try:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > MAX_BODY:
                break
        return response, bytes(body)
    finally:
        response.close()


def _plaintext(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _authorization(bearer: Secret | None) -> dict[str, str]:
    if bearer is None:
        return {}
    if not re.fullmatch("[!-~]+", bearer.reveal()):
        # h11 would quote the whole header in its error.
        raise InputError(
            "bad-bearer",
            "The token contains a character that an HTTP header cannot carry.",
            next=("Copy the token again, without spaces and line breaks.",),
        )
    return {"Authorization": f"Bearer {bearer.reveal()}"}


def _failed(url: httpx.URL, error: httpx.HTTPError) -> TransportError:
    host = url.netloc.decode()
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return _not_sent(url, error)
    if isinstance(error, httpx.TimeoutException):
        return _no_answer(host, "it did not answer in time")
    return _no_answer(host, f"the connection failed ({type(error).__name__})")


def _not_sent(url: httpx.URL, error: BaseException) -> NotSentError:
    host = url.netloc.decode()
    cause: BaseException | None = error
    while cause and not isinstance(cause, socket.gaierror | ssl.SSLError | ConnectionRefusedError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
        return NotSentError(
            "host-unknown",
            f"Could not resolve {host}.",
            why="The name is misspelt or no longer exists, or this machine has no network.",
            next=("Open the name in a browser to check it.", Run("again")),
        )
    if isinstance(cause, ssl.SSLError):
        return NotSentError(
            "tls-failed",
            f"TLS verification failed for {host}. Nothing was sent.",
            why="The certificate is expired, self-signed or for another name, or the connection is "
            "intercepted.",
            next=_plain_http(url)
            or ("Open the address in a browser and look at its certificate.",),
        )
    return NotSentError(
        "unreachable",
        f"Could not connect to {host}.",
        why="The server is down or refuses this network, or the name or port is wrong.",
        next=_plain_http(url) or ("Try it in a browser.", Run("again", when="when it is back")),
    )


def _plain_http(url: httpx.URL) -> Next:
    """What to do about a server on this machine, which needs no TLS; nothing for any other."""
    host = url.netloc.decode()
    if url.scheme != "https" or not is_loopback(host):
        return ()
    return (f"If the server on this machine speaks plain HTTP, name it so: http://{host}.",)


def _no_answer(host: str, reason: str) -> NoAnswerError:
    return NoAnswerError(
        "no-answer",
        f"{host} sent no usable answer: {reason}.",
        why="The server, or the network on the way to it, is overloaded or broken.",
        next=(Run("again", when="in a few minutes"),),
    )


def _too_slow(host: str) -> NoAnswerError:
    return NoAnswerError(
        "too-slow",
        f"{host} did not answer in time.",
        why=f"Its answer was not complete after {DEADLINE:.0f} seconds. The server, or the network "
        "on the way to it, is overloaded.",
        next=(Run("again", when="when the server is faster"),),
    )


def _too_large(host: str) -> NoAnswerError:
    return NoAnswerError(
        "answer-too-large",
        f"{host} sent more than {MAX_BODY // 1024} KB where a short answer was expected.",
        why="This is probably not the API of a Mastodon server or of GitHub.",
        next=("Check the address.",),
    )
