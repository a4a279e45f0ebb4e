"""Every request of this program goes through here.

The only place that makes an `httpx.Client`: bounded in time and size, over TLS (plain http for
loopback hosts only), no redirect followed, no cookie kept, and secrets turned into plaintext only
at the last step.
"""

import contextlib
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.cookiejar import CookieJar
from typing import Any, Self

import httpx

from provisioner import __version__
from provisioner.addresses import is_loopback, require_secure
from provisioner.answer import Answer, passing
from provisioner.errors import InputError, NoAnswerError, NotSentError, TransportError
from provisioner.secret import SHORTEST_PART, Secret

USER_AGENT = f"mastodon-provisioner/{__version__}"
MAX_BODY = 1024 * 1024
"""Bytes of an answer that are read; the largest honest one is an instance's description."""
TIMEOUT = httpx.Timeout(15.0, connect=10.0)
DEADLINE = 60.0
"""Seconds for one answer as a whole, however slowly it drips. After one that took longer a server
has half as long for its next, and then a quarter, until one comes whole."""
REPEATS = 3
"""How often a request that may be repeated is repeated, after 1, 2 and 4 seconds."""
LONGEST_WAIT = 60.0
"""Seconds that a server may make us wait; a longer wait is left to the person."""


@dataclass
class Http:
    """A client for all servers: one kept-alive connection to each.

    `sleep` takes seconds, `clock` gives epoch seconds; `waiting` is told a host and seconds before
    a wait that a person notices; `transport` stands in for the network.
    """

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    waiting: Callable[[str, float], None] = lambda _host, _seconds: None
    transport: httpx.BaseTransport | None = None
    known: set[Secret] = field(default_factory=set, repr=False)
    """The secrets of this run, any of which a server may echo at any time."""

    def remember(self, secret: Secret) -> None:
        """Show no server's words with this secret in them; a short one stands in honest words."""
        if len(secret) >= SHORTEST_PART:
            self.known.add(secret)

    def __enter__(self) -> Self:
        """Nothing is connected before the first request."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        for name in ("_public", "_loopback"):
            if name in self.__dict__:
                self.__dict__[name].close()

    def send(  # noqa: PLR0913 - as many parts as a request has
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str | Secret] | None = None,
        body: Mapping[str, object] | None = None,
        bearer: Secret | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = False,
        wait: Callable[[Answer], float | None] = passing,
    ) -> Answer:
        """Send a request and read its whole answer.

        Sent again is a request that never reached the server, or that `wait` says was refused for a
        while; and, where it may be done twice (`repeat`), one whose answer was lost or passing.

        Raises InputError for a URL that is neither https nor loopback, NotSentError, NoAnswerError.
        """
        plain_http = require_secure(url).startswith("http://")
        secrets = {v for v in (form or {}).values() if isinstance(v, Secret)}
        secrets |= {bearer} if bearer else set()
        for secret in secrets:
            # A user name may be the account's, by which later answers are judged.
            if secret != (form or {}).get("username"):
                self.remember(secret)
        client = self._loopback if plain_http else self._public
        request = client.build_request(
            method,
            url,
            params=params,
            data={k: _plaintext(v) for k, v in form.items()} if form is not None else None,
            json=body,
            headers={"Accept": "application/json", **(headers or {}), **_authorization(bearer)},
        )
        for attempt in range(REPEATS + 1):
            outcome = self._outcome(client, request, secrets | self.known)
            pause = _pause(outcome, wait)
            if pause is None or pause > LONGEST_WAIT or attempt == REPEATS:
                break
            if not repeat and not _untouched(outcome):
                break
            pause = max(pause, 2.0**attempt)
            self.waiting(request.url.host, pause)
            self.sleep(pause)
        if isinstance(outcome, TransportError):
            raise outcome
        return outcome

    @cached_property
    def _public(self) -> httpx.Client:
        """For https, through the proxy and with the certificates that the environment names."""
        try:
            return self._client(trust_env=True)
        except (httpx.InvalidURL, ImportError, OSError, ValueError) as error:
            raise InputError(
                "bad-surroundings",
                "The environment's proxy or certificate settings can't be used "
                f"({type(error).__name__}).",
                why="One of HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and "
                "SSL_CERT_DIR is wrong. SOCKS proxies are not supported.",
                todo="Correct it or unset it.",
            ) from None

    @cached_property
    def _loopback(self) -> httpx.Client:
        """For plain http to this very machine: a proxy must not see what that carries."""
        return self._client(trust_env=False)

    def _client(self, *, trust_env: bool) -> httpx.Client:
        return httpx.Client(
            transport=self.transport,
            trust_env=trust_env,
            timeout=TIMEOUT,
            follow_redirects=False,
            cookies=_NoCookies(),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        )

    @cached_property
    def _sockets(self) -> dict[str, socket.socket]:
        """The open connection to each host, for the deadline to cut."""
        return {}

    @cached_property
    def _cuts(self) -> Counter[str]:
        """How many answers in a row of each host were cut by the deadline."""
        return Counter()

    def _outcome(
        self, client: httpx.Client, request: httpx.Request, secrets: set[Secret]
    ) -> Answer | TransportError:
        """The whole answer, or why there is none.

        The exceptions of httpx hold the request with its headers and body: none is passed on.
        """
        host, late = request.url.netloc.decode(), threading.Event()
        try:
            with self._deadline(host, request, late):
                response, body = _read(client, request)
        except httpx.HTTPError as error:
            return _too_slow(host) if late.is_set() else _failed(request.url, error)
        except (httpx.InvalidURL, ValueError):
            # A Location that httpx can't parse, which it does even where it is not to follow it.
            return _no_answer(host, "it redirects to an address that can't exist")
        if late.is_set():  # a body without a length looks whole where it was cut
            return _too_slow(host)
        self._cuts.pop(host, None)
        if len(body) > MAX_BODY:
            return _too_large(host)
        if response.headers.get("content-encoding", "identity") != "identity":
            return _no_answer(host, "it is compressed, though we asked for plain text")
        return Answer(response.status_code, response.headers, body, self.clock(), secrets)

    @contextlib.contextmanager
    def _deadline(self, host: str, request: httpx.Request, late: threading.Event) -> Iterator[None]:
        """Cut the connection after DEADLINE: timeouts bound each read, but not a drip of them."""

        def shut() -> None:
            with contextlib.suppress(OSError, KeyError):
                socket.socket.shutdown(self._sockets[host], socket.SHUT_RDWR)

        def opened(event: str, info: Mapping[str, Any]) -> None:
            if event.endswith(("connect_tcp.complete", "start_tls.complete")):
                self._sockets[host] = info["return_value"].get_extra_info("socket")
                if late.is_set():
                    shut()

        def cut() -> None:
            self._cuts[host] += 1
            late.set()
            shut()

        request.extensions["trace"] = opened
        watchdog = threading.Timer(DEADLINE / 2 ** min(self._cuts[host], 2), cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()


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


def _pause(
    outcome: Answer | TransportError, wait: Callable[[Answer], float | None]
) -> float | None:
    """Seconds after which a repeat is worth while; None: never."""
    if isinstance(outcome, Answer):
        return wait(outcome)
    return None if outcome.ident in {"host-unknown", "tls-failed", "too-slow"} else 0.0


def _untouched(outcome: Answer | TransportError) -> bool:
    """Whether the server can't have acted: it never got the request, or refused it."""
    if isinstance(outcome, Answer):
        return 400 <= outcome.status < 500
    return isinstance(outcome, NotSentError)


def _plaintext(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _authorization(bearer: Secret | None) -> dict[str, str]:
    if bearer is None:
        return {}
    if not re.fullmatch("[!-~]+", bearer.reveal()):
        # h11 would quote the whole header in its error.
        raise InputError(
            "bad-bearer",
            "A token holds a character that no header can carry.",
            todo="Copy it again, without spaces and line breaks.",
        )
    return {"Authorization": f"Bearer {bearer.reveal()}"}


def _failed(url: httpx.URL, error: httpx.HTTPError) -> TransportError:
    host = url.netloc.decode()
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return _not_sent(url, error)
    if isinstance(error, httpx.TimeoutException):
        return _no_answer(host, "it did not answer in time")
    return _no_answer(host, f"the answer broke off ({type(error).__name__})")


def _not_sent(url: httpx.URL, error: BaseException) -> NotSentError:
    host = url.netloc.decode()
    cause: BaseException | None = error
    while cause and not isinstance(cause, socket.gaierror | ssl.SSLError | ConnectionRefusedError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
        return NotSentError(
            "host-unknown",
            f"There is no server by the name {host}.",
            why="The name is misspelt or no longer exists, or this machine has no network.",
            todo="Check the name by opening it in a browser, then run this again.",
        )
    if isinstance(cause, ssl.SSLError):
        return NotSentError(
            "tls-failed",
            f"{host} can't prove that it is {host}: the TLS handshake failed.",
            why="Its certificate is expired, self-signed or for another name, or somebody is in "
            "between.",
            todo=_plain_http(url) or "Look at the certificate in a browser. Nothing was sent.",
        )
    return NotSentError(
        "unreachable",
        f"{host} can't be reached: no connection could be made.",
        why="The server is down or refuses this network, or the name or port is wrong.",
        todo=_plain_http(url) or "Try it in a browser; when it is back, run this again.",
    )


def _plain_http(url: httpx.URL) -> str:
    """What to do where a server on this very machine may speak no TLS: it need not."""
    host = url.netloc.decode()
    if url.scheme != "https" or not is_loopback(host):
        return ""
    return f"If the server on this machine speaks plain http, name it so: http://{host}."


def _no_answer(host: str, reason: str) -> NoAnswerError:
    return NoAnswerError(
        "no-answer",
        f"{host} gave no whole answer: {reason}.",
        why="The server or the network between is overloaded or broken.",
        todo="Run this again in a few minutes.",
    )


def _too_slow(host: str) -> NoAnswerError:
    return NoAnswerError(
        "too-slow",
        f"{host} did not answer in time.",
        why=f"It takes longer over one answer than this waits: {DEADLINE:.0f} seconds, and less "
        "each time that it did so before. The server or the network between is overloaded.",
        todo="Run this again when it is well.",
    )


def _too_large(host: str) -> NoAnswerError:
    return NoAnswerError(
        "answer-too-large",
        f"{host} sent more than {MAX_BODY // 1024} KB where a short answer was expected.",
        why="This is hardly the API of a Mastodon server or of GitHub.",
        todo="Check the address.",
    )
