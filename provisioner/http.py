"""Every request of this program goes through here.

The only place that makes an `httpx.Client`: bounded in time and size, over TLS (plain http for
loopback hosts only), no redirect followed, no cookie kept, and secrets turned into plaintext only
at the last step.
"""

import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Self

import httpx

from provisioner import __version__
from provisioner.errors import InputError, NoAnswerError, NotSentError, TransportError, plain
from provisioner.secret import Secret, redact

USER_AGENT = f"mastodon-provisioner/{__version__}"
MAX_BODY = 1024 * 1024
"""Bytes of an answer that are read; the largest honest one is an instance's description."""
TIMEOUT = httpx.Timeout(15.0, connect=10.0)
DEADLINE = 60.0
"""Seconds for one answer as a whole, however slowly it drips."""
REPEATS = 3
"""How often a request that may be repeated is repeated, after 1, 2 and 4 seconds."""
LONGEST_WAIT = 60.0
"""Seconds that a server may make us wait; a longer wait is left to the person."""
LOOPBACK_HOSTS = ("localhost", "*.localhost", "127.0.0.1", "[::1]")
SECONDS = r"[0-9]{1,12}"


@dataclass(frozen=True)
class Answer:
    """A server's whole answer. Everything in it is untrusted."""

    status: int
    headers: httpx.Headers
    body: bytes
    received_at: float
    """Epoch seconds, by our clock."""
    sent: tuple[Secret, ...] = field(repr=False)
    """The secrets of the request, which an error message may echo."""

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def redirect(self) -> bool:
        """Whether the status sends us elsewhere (3xx)."""
        return 300 <= self.status < 400

    def json(self) -> object:
        """The body as JSON, or None where it is something else."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def fields(self) -> dict[str, object]:
        """The body's JSON object, or an empty one."""
        value = self.json()
        return value if isinstance(value, dict) else {}

    def text(self, name: str) -> str:
        """A field's text, or "" where the field is missing or not a string."""
        value = self.fields().get(name)
        return value if isinstance(value, str) else ""

    def said(self) -> str:
        """What the server says of an error, fit to print: "" where that is a page or nothing."""
        words = self.text("error_description") or self.text("error") or self.text("message")
        return plain(redact(words, self.sent))

    def described(self) -> str:
        """Status and words in one phrase: `HTTP 422 ("Validation failed")`."""
        words = self.said()
        return f'HTTP {self.status} ("{words}")' if words else f"HTTP {self.status}"


def retry_after(answer: Answer) -> float | None:
    """Seconds that the server asks us to wait, in either form of RFC 9110, section 10.2.3."""
    for value in answer.headers.get_list("retry-after"):
        if re.fullmatch(SECONDS, value.strip()):
            return float(value)
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - answer.received_at)
        except (ValueError, OverflowError):
            continue
    return None


def rate_limit_reset(answer: Answer) -> float | None:
    """Seconds until `X-RateLimit-Reset`: ISO 8601 from Mastodon, epoch seconds from GitHub."""
    value = answer.headers.get("x-ratelimit-reset", "")
    try:
        reset = (
            float(value)
            if re.fullmatch(SECONDS, value)
            else datetime.fromisoformat(value).timestamp()
        )
    except (ValueError, OverflowError):
        return None
    return max(0.0, reset - answer.received_at)


def passing(answer: Answer) -> float | None:
    """Seconds to wait before a repeat is worth while; None for an answer that is final."""
    if answer.status == 429:
        return retry_after(answer) or rate_limit_reset(answer) or 0.0
    if answer.status in {500, 502, 503, 504}:
        return retry_after(answer) or 0.0
    return None


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

    def __post_init__(self) -> None:
        """Build the one client."""
        self._client = httpx.Client(
            transport=self.transport,
            timeout=TIMEOUT,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            # A proxy from the environment must not see what plain http carries over loopback.
            mounts={f"all://{host}": None for host in LOOPBACK_HOSTS},
        )

    def __enter__(self) -> Self:
        """Nothing is connected before the first request."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

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
        require_secure(url)
        secrets = tuple(v for v in (form or {}).values() if isinstance(v, Secret))
        secrets += (bearer,) if bearer else ()
        request = self._client.build_request(
            method,
            url,
            params=params,
            data={k: _plaintext(v) for k, v in form.items()} if form is not None else None,
            json=body,
            headers={"Accept": "application/json", **(headers or {}), **_authorization(bearer)},
        )
        for attempt in range(REPEATS + 1):
            outcome = self._outcome(request, secrets)
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

    def _outcome(
        self, request: httpx.Request, secrets: tuple[Secret, ...]
    ) -> Answer | TransportError:
        try:
            return self._once(request, secrets)
        except TransportError as error:
            return error

    def _once(self, request: httpx.Request, secrets: tuple[Secret, ...]) -> Answer:
        host = request.url.netloc.decode()
        started = time.monotonic()
        try:
            response = self._client.send(request, stream=True)
            try:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_BODY:
                        raise _too_large(host)
                    if time.monotonic() - started > DEADLINE:
                        raise _no_answer(host, f"it took longer than {DEADLINE:.0f} seconds")
            finally:
                response.close()
        # `from None` throughout: the exceptions of httpx hold the request, its headers and body.
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise _not_sent(host, error) from None
        except httpx.LocalProtocolError:
            raise _not_sent(host, None) from None
        except httpx.TimeoutException:
            raise _no_answer(host, "it did not answer in time") from None
        except httpx.HTTPError as error:
            raise _no_answer(host, f"the answer broke off ({type(error).__name__})") from None
        return Answer(response.status_code, response.headers, bytes(body), self.clock(), secrets)


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this very machine."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL (RFC 6454), "" where it is not an http URL with a host."""
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError):
        return ""
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.userinfo:
        return ""
    return f"{parsed.scheme}://{parsed.netloc.decode()}"


def require_secure(url: str) -> str:
    """The URL's origin. Raises InputError unless it is https, or http to this very machine."""
    origin = origin_of(url)
    if origin.startswith("https://") or (origin and is_loopback(httpx.URL(origin).host)):
        return origin
    raise InputError(
        "insecure-address",
        f"“{plain(url)}” is not an address that a token may be sent to.",
        why="Only https:// keeps a token from being read on its way; http:// is accepted for this "
        "very machine alone (localhost, 127.0.0.1).",
        todo="Give the address with https:// and without a user name in it.",
    )


def _pause(
    outcome: Answer | TransportError, wait: Callable[[Answer], float | None]
) -> float | None:
    """Seconds after which a repeat is worth while; None: never."""
    if isinstance(outcome, Answer):
        return wait(outcome)
    return None if outcome.ident in {"host-unknown", "tls-failed"} else 0.0


def _untouched(outcome: Answer | TransportError) -> bool:
    """Whether the server can't have acted: it never got the request, or refused it."""
    if isinstance(outcome, Answer):
        return 400 <= outcome.status < 500
    return isinstance(outcome, NotSentError)


def _plaintext(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _authorization(bearer: Secret | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer.reveal()}"} if bearer else {}


def _not_sent(host: str, error: BaseException | None) -> NotSentError:
    cause = error
    while cause and not isinstance(cause, socket.gaierror | ssl.SSLError | ConnectionRefusedError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, socket.gaierror):
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
            todo="Look at the certificate in a browser. Nothing was sent.",
        )
    return NotSentError(
        "unreachable",
        f"{host} can't be reached: no connection could be made.",
        why="The server is down or refuses this network, or the port is wrong.",
        todo="Try it in a browser; when it is back, run this again.",
    )


def _no_answer(host: str, reason: str) -> NoAnswerError:
    return NoAnswerError(
        "no-answer",
        f"{host} gave no whole answer: {reason}.",
        why="The server or the network between is overloaded or broken.",
        todo="Run this again in a few minutes.",
    )


def _too_large(host: str) -> NoAnswerError:
    return NoAnswerError(
        "answer-too-large",
        f"{host} sent more than {MAX_BODY // 1024} KB where a short answer was expected.",
        why="This is hardly the API of a Mastodon server or of GitHub.",
        todo="Check the address.",
    )
