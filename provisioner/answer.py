"""A server's answer, all of it untrusted: what it says, and when the request is sent again."""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property

import httpx
import msgspec

from provisioner.report import NotSentError, TransportError, plain
from provisioner.secret import Secret, redact
from provisioner.urls import shown

SECONDS = re.compile(r"[0-9]{1,12}")
NO_JSON = object()
"""What a body is that can't be parsed; `null` can."""
SECONDARY_WAIT = 60.0
"""Seconds to wait after one of GitHub's secondary rate limits that names no time, says GitHub."""


@dataclass(frozen=True)
class Answer:
    """Status, headers and the whole body, which may hold a token and is not in the `repr`."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float
    """Epoch seconds, by our clock."""
    secrets: Collection[Secret] = field(repr=False)
    """All that were sent in this run: an error message may echo them."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def redirect(self) -> bool:
        return 300 <= self.status < 400

    @property
    def refused(self) -> bool:
        """Whether the status is 4xx, except those that are about the moment (408, 429)."""
        return 400 <= self.status < 500 and self.status not in {408, 429}

    @property
    def is_page(self) -> bool:
        """Whether the body is neither JSON nor empty: it may be from something in between."""
        return bool(self.body.strip()) and self._json is NO_JSON

    def fields(self) -> dict[str, object]:
        return self._json if isinstance(self._json, dict) else {}

    @cached_property
    def _json(self) -> object:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return NO_JSON

    def text(self, name: str) -> str:
        """A field's text, or "" where the field is missing or not a string."""
        value = self.fields().get(name)
        return value if isinstance(value, str) else ""

    def shown(self, text: str) -> str:
        """The server's own text, fit to print: without our secrets, one line, cut."""
        return plain(redact(text, self.secrets))

    def shown_url(self, url: str) -> str:
        return shown(redact(url, self.secrets))

    def described(self) -> str:
        """Status and the server's words, unless that is a page: `HTTP 422 (“Taken”)`."""
        words = self.text("error_description") or self.text("error") or self.text("message")
        words = self.shown(words)
        return f"HTTP {self.status} (“{words}”)" if words else f"HTTP {self.status}"


def retry_after(answer: Answer) -> float | None:
    """Seconds that the server asks us to wait, in either form of RFC 9110, section 10.2.3.

    GoToSocial sends both forms, each in a header of its own: the first one counts.
    """
    value = next(iter(answer.headers.get_list("retry-after")), "").strip()
    if SECONDS.fullmatch(value):
        return float(value)
    return _seconds_until(value, parsedate_to_datetime, answer)


def rate_limit_reset(answer: Answer) -> float | None:
    """Seconds until `X-RateLimit-Reset`: ISO 8601 from Mastodon, epoch seconds from GitHub."""
    value = answer.headers.get("x-ratelimit-reset", "")
    if SECONDS.fullmatch(value):
        return max(0.0, float(value) - answer.received_at)
    return _seconds_until(value, datetime.fromisoformat, answer)


def _seconds_until(date: str, parse: Callable[[str], datetime], answer: Answer) -> float | None:
    try:
        return max(0.0, parse(date).timestamp() - answer.received_at)
    except (ValueError, OverflowError):
        return None


def retry_delay(answer: Answer) -> float | None:
    """Seconds until the same request is worth another try; None for an answer that is final."""
    if answer.status == 429:
        return retry_after(answer) or rate_limit_reset(answer) or 0.0
    if answer.status in {500, 502, 503, 504}:
        return retry_after(answer) or 0.0
    return None


def rate_limited(answer: Answer) -> bool:
    """Whether GitHub's rate limit refused: 403 or 429, of which 403 also carries real refusals."""
    return answer.status == 429 or (
        answer.status == 403
        and (
            "retry-after" in answer.headers
            or answer.headers.get("x-ratelimit-remaining") == "0"
            or "rate limit" in answer.text("message")
        )
    )


def github_delay(answer: Answer) -> float | None:
    """The same for GitHub, whose rate limits may come with a 403 and name no time.

    https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    if not rate_limited(answer):
        return retry_delay(answer)
    if (seconds := retry_after(answer)) is not None:
        return seconds
    is_primary = answer.headers.get("x-ratelimit-remaining") == "0"
    return (rate_limit_reset(answer) if is_primary else None) or SECONDARY_WAIT


class RetryPolicy(msgspec.Struct, frozen=True):
    """When a request is sent again: always where it never reached the server.

    `refused`: also where the server refused it for a while (429) and so did not act. `lost`: also
    where the server may have acted, because the answer was lost or was a 5xx.
    """

    refused: bool = True
    lost: bool = False
    delay: Callable[[Answer], float | None] = retry_delay

    def delay_after(self, outcome: Answer | TransportError) -> float | None:
        """Seconds to wait before the request is sent again; None where it is not."""
        if isinstance(outcome, Answer):
            definite = outcome.status < 500
            return self.delay(outcome) if self.lost or (self.refused and definite) else None
        if outcome.code in {"host-unknown", "tls-failed", "too-slow"}:
            return None
        return 0.0 if self.lost or isinstance(outcome, NotSentError) else None


IF_UNSENT = RetryPolicy(refused=False)
"""For a request that must be received once at most, whatever the answer: a one-time code's."""
IF_NOT_DONE = RetryPolicy()
IDEMPOTENT = RetryPolicy(lost=True)
"""For a request that may be carried out twice."""
