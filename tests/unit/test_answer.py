"""What a server's answer says, all of it untrusted, and when a request is sent again."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime

import httpx
import pytest

from provisioner.answer import IDEMPOTENT, IF_NOT_DONE, IF_UNSENT, Answer, RetryPolicy, retry_delay
from provisioner.report import NoAnswerError, NotSentError, TransportError
from provisioner.secret import Secret

NOW = 1_800_000_000.0
TOKEN = "zU9-wjQ_3kd/8s+Jm=~TOKEN"
Headers = list[tuple[bytes, bytes]]


def made(status: int = 429, body: bytes = b"", headers: Headers | None = None) -> Answer:
    """An answer to a request that carried the token."""
    return Answer(status, httpx.Headers(headers or []), body, NOW, (Secret(TOKEN),))


def http_date(seconds: float) -> bytes:
    """The moment that many seconds from now, as headers write it."""
    return format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True).encode()


# What it says.


def test_answer_is_printed_without_its_body() -> None:
    assert TOKEN not in repr(made(200, json.dumps({"access_token": TOKEN}).encode()))


@pytest.mark.parametrize("field", ["error", "error_description", "message"])
def test_words_are_shown_without_the_secrets_that_were_sent(field: str) -> None:
    """A description says more than the name of an error."""
    body = {"error": "invalid_grant"} if field == "error_description" else {}
    shown = made(400, json.dumps({**body, field: f"bad token {TOKEN}"}).encode()).described()
    assert shown == "HTTP 400 (“bad token ***”)"


@pytest.mark.parametrize(
    ("body", "is_page"),
    [
        (b" \n", False),
        (b"<!DOCTYPE html><title>error</title>", True),
        (b"null", False),
        (b"[]", False),
        (b'{"error": {"error": "a"}}', False),
        (b'{"error": "a"', True),
        (b"[" * 500_000, True),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else "",
)
def test_body_without_words_says_nothing(body: bytes, *, is_page: bool) -> None:
    assert made(400, body).described() == "HTTP 400"
    assert made(400, body).is_page is is_page


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        *((status, "ok") for status in (200, 299)),
        *((status, "redirect") for status in (300, 399)),
        *((status, "refused") for status in (400, 499)),
        *((status, "") for status in (199, 408, 429, 500)),
    ],
)
def test_statuses_are_told_apart(status: int, kinds: str) -> None:
    answer = made(status)
    assert [name for name in ("ok", "redirect", "refused") if getattr(answer, name)] == (
        [kinds] if kinds else []
    )


# When to ask again.


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([(b"retry-after", b" 30 ")], 30.0),
        ([(b"retry-after", http_date(30))], 30.0),
        ([(b"retry-after", b"30"), (b"retry-after", http_date(60))], 30.0),
        ([(b"x-ratelimit-reset", str(int(NOW) + 30).encode())], 30.0),
        ([(b"x-ratelimit-reset", b"2027-01-15T10:00:30+02:00")], 30.0),
        ([(b"retry-after", b"30"), (b"x-ratelimit-reset", b"1800000500")], 30.0),
        ([], 0.0),
        ([(b"retry-after", http_date(-500))], 0.0),
        ([(b"retry-after", b"Thu, 01 Jan 99999999999999 00:00:00 GMT")], 0.0),
        ([(b"x-ratelimit-reset", b"0")], 0.0),
        ([(b"x-ratelimit-reset", b"0001-01-01")], 0.0),
    ],
    ids=str,
)
def test_server_says_when_in_any_form_that_servers_use(headers: Headers, seconds: float) -> None:
    assert retry_delay(made(429, headers=headers)) == seconds


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_5xx_is_worth_another_try_when_the_server_says_so(status: int) -> None:
    assert retry_delay(made(status)) == 0.0
    assert retry_delay(made(status, headers=[(b"retry-after", b"7")])) == 7.0


@pytest.mark.parametrize(
    ("policy", "unsent", "throttled", "failed", "lost"),
    [
        (IF_UNSENT, True, False, False, False),
        (IF_NOT_DONE, True, True, False, False),
        (IDEMPOTENT, True, True, True, True),
    ],
    ids=["if unsent", "if not done", "idempotent"],
)
def test_request_is_sent_again_as_its_policy_says(
    policy: RetryPolicy, *, unsent: bool, throttled: bool, failed: bool, lost: bool
) -> None:
    def repeats(outcome: Answer | TransportError) -> bool:
        return policy.delay_after(outcome) == 0.0

    assert repeats(NotSentError("unreachable", "")) is unsent
    assert repeats(made(429)) is throttled
    assert repeats(made(500)) is failed
    assert repeats(NoAnswerError("no-answer", "")) is lost


@pytest.mark.parametrize(
    "outcome",
    [
        *(made(status, headers=[(b"retry-after", b"7")]) for status in (200, 304, 403, 408, 501)),
        *(NotSentError(code, "") for code in ("host-unknown", "tls-failed")),
        NoAnswerError("too-slow", ""),
    ],
    ids=lambda outcome: str(getattr(outcome, "code", None) or outcome.status),
)
def test_other_answers_and_lasting_failures_are_final(outcome: Answer | TransportError) -> None:
    assert IDEMPOTENT.delay_after(outcome) is None
