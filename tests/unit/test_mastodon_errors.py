"""What an instance's answers mean: three tables from an answer to its outcome."""

from collections.abc import Mapping

import httpx
import pytest

from provisioner.answer import Answer
from provisioner.mastodon.errors import (
    IN_FRONT,
    OTHER_NETWORK,
    Dead,
    InvalidClientError,
    ScopesRefusedError,
    Unclear,
    blocked,
    exchange_refused,
    judge,
    registration_refused,
    unwell,
)
from provisioner.report import (
    ActionRequiredError,
    InputError,
    ProvisionerError,
    Run,
    Set,
    Step,
    TransportError,
)
from tests.unit.instances import instance_of
from tests.unit.web import NOW, Reply, page, redirect, say

IN_SEVEN_MINUTES = "2027-01-15T08:07:00.000000Z"
FRIENDICA = Reply(
    401,
    b"<!DOCTYPE html><title>Unauthorized</title><p>Request: 66d1c2",
    {"Content-Type": "text/html", "WWW-Authenticate": 'Basic realm="Friendica"'},
)
DOORKEEPER = 'Bearer realm="Doorkeeper", error="invalid_token", error_description="Token revoked"'


def answer_of(reply: Reply) -> Answer:
    return Answer(reply.status, httpx.Headers(dict(reply.headers)), reply.body, NOW, ())


def invalid(words: str, status: int = 422) -> Reply:
    return say({"error": f"Validation failed: {words}"}, status)


# A refused registration.

REGISTRATIONS: Mapping[str, tuple[Reply, type[ProvisionerError], Step | None]] = {
    "redirect-refused": (invalid("Redirect URI must be an URI"), ProvisionerError, None),
    "scope-refused": (invalid("bad scopes", 400), ScopesRefusedError, Set("scopes")),
    "website-refused": (invalid("Website must be"), ActionRequiredError, Set("client-id")),
    "name-refused": (invalid("Name is too long"), InputError, Set("app-name")),
    "registration-refused": (invalid("Überprüfung"), ScopesRefusedError, Set("app-name")),
    "name-refused in no UTF-8": (
        Reply(422, '{"error": "\ud800 Name"}'.encode(errors="surrogatepass")),
        InputError,
        Set("app-name"),
    ),
    "instance-moved": (redirect("https://web.example/", 308), InputError, Set("instance")),
    "registration-closed": (Reply(404), ActionRequiredError, Set("client-id")),
    "registration-closed by a page": (page(422), ActionRequiredError, Set("client-id")),
    "instance-unwell": (page(503), TransportError, OTHER_NETWORK[0]),
}


@pytest.mark.parametrize("code", REGISTRATIONS)
def test_refused_registration_is_blamed_on_what_its_answer_names(code: str) -> None:
    reply, kind, step = REGISTRATIONS[code]
    error = registration_refused(instance_of("Mastodon"), answer_of(reply), ("read",))
    assert error.code == code.partition(" ")[0]
    assert type(error) is kind
    assert step is None or step in error.next


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        (say({}, 429, X_RateLimit_Reset=IN_SEVEN_MINUTES), "in 7 minutes"),
        (say({}, 429, Retry_After="300"), "in 5 minutes"),
        (page(429), "in a few minutes"),
    ],
)
def test_throttled_registration_says_when_to_come_back(reply: Reply, wait: str) -> None:
    error = registration_refused(instance_of("Mastodon"), answer_of(reply), ("read",))
    assert error.code == "registration-throttled"
    assert error.next == (Run("again", when=wait),)


def test_page_hints_at_what_is_in_front_of_the_server() -> None:
    for reply in (page(503), say({}, 503)):
        error = unwell("social.example", answer_of(reply))
        assert (OTHER_NETWORK[0] in error.next) == (reply == page(503))
        assert (IN_FRONT in error.why) == (reply == page(503))
    assert {*OTHER_NETWORK, Set("instance")} <= {*blocked("", answer_of(page(403))).next}


# A refused exchange. Only for "exchange-unclear" a token may have been issued.

EXCHANGES: Mapping[str, tuple[Reply, str]] = {
    "Mastodon": (say({"error": "invalid_grant"}, 400), "code-refused"),
    "Takahē, expired": (say({"error": "access_denied"}, 401), "code-refused"),
    "GoToSocial's client": (say({"error": "invalid_client"}, 400), "unknown-application"),
    "snac's client": (Reply(401), "unknown-application"),
    "a limit": (Reply(429), "instance-busy in a few minutes"),
    "a limit that says when": (
        say({}, 429, X_RateLimit_Reset=IN_SEVEN_MINUTES),
        "instance-busy in 7 minutes",
    ),
    "a page that says when": (
        Reply(503, page().body, {"Retry-After": "120"}),
        "instance-busy in 2 minutes",
    ),
    "busy": (say({"error": "busy"}, 503), "instance-busy in a few minutes"),
    "a proxy's 401": (page(401), "exchange-unclear"),
    "invalid_client of a gateway": (say({"error": "invalid_client"}, 502), "exchange-unclear"),
    "front end": (page(200), "exchange-unclear"),
    "Varnish, too slow": (page(503), "exchange-unclear"),
    "redirect": (redirect("https://social.example/login"), "exchange-unclear"),
}


def refused(reply: Reply, *, by_password: bool = False) -> ProvisionerError:
    return exchange_refused(instance_of("Mastodon"), answer_of(reply), by_password=by_password)


@pytest.mark.parametrize("name", EXCHANGES)
def test_definite_refusal_of_an_exchange_issued_no_token(name: str) -> None:
    reply, expected = EXCHANGES[name]
    code, _, wait = expected.partition(" ")
    error = refused(reply)
    assert error.code == code
    assert isinstance(error, InvalidClientError) == (code == "unknown-application")
    assert not wait or error.next == (Run("again", when=wait),)


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ("mfa_required", 403, "login-refused"),
        ("invalid_grant", 400, "login-refused"),
        ("unsupported_grant_type", 400, "no-password-grant"),
        ("unauthorized_client", 401, "no-password-grant"),
    ],
)
def test_refused_login_leads_to_begin(said: str, status: int, code: str) -> None:
    error = refused(say({"error": said}, status), by_password=True)
    assert error.code == code
    assert error.next[-1] == Run("begin")


# What an answer says of a token.

DISABLED = "Your login is currently disabled"
NEEDS_2FA = "Your account requires two-factor authentication"
NOT_SUPPLIED = "Unauthorized: application not supplied"
JUDGED: Mapping[str, list[tuple[str, Reply]]] = {
    "dead": [
        ("Mastodon", say({"error": "The access token is invalid"}, 401)),
        ("", say({"error": "Unauthorized: token was revoked"}, 401)),
        ("Sharkey", say({"error": {"code": "AUTHENTICATION_FAILED", "id": "x"}}, 401)),
        ("Mastodon", Reply(401, b"", {"WWW-Authenticate": DOORKEEPER})),  # as RFC 6750 has it
        ("takahe", Reply(400, b"Invalid Bearer token")),
        ("Pixelfed", redirect("/login")),
        ("Pixelfed", say({"error": "Unauthenticated."}, 500)),
        ("snac", Reply(422)),
        ("Friendica", FRIENDICA),
    ],
    "barred": [
        ("GoToSocial", say({"error": NOT_SUPPLIED}, 401)),
        ("Mastodon", say({"error": DISABLED}, 403)),
        ("Mastodon", say({"error": "Your login is missing a confirmed e-mail address"}, 403)),
        ("Mastodon", say({"error": "Your login is currently pending approval"}, 403)),
        ("Mastodon", say({"error": NEEDS_2FA}, 403)),
    ],
    "barred or invalid": [("Pleroma", say({"error": "Invalid credentials."}, 403))],
    "refused": [
        *(
            ("Mastodon", page(401)),
            ("Mastodon", Reply(401)),
            ("Mastodon", Reply(400, b"\xff")),
        ),
        ("Mastodon", Reply(401, b"", {"WWW-Authenticate": 'Basic realm="Staging"'})),
        ("Mastodon", say({"error": "This method requires a user"}, 422)),
        ("Mastodon", say({"error": "This action is outside the authorized scopes"}, 403)),
        # One server's way means nothing elsewhere, or by half.
        *(("Mastodon", Reply(422)), ("Mastodon", FRIENDICA), ("Friendica", page(401))),
        ("Friendica", Reply(403, FRIENDICA.body, FRIENDICA.headers)),
        *(("snac", say({}, 422)), ("snac", say({"error": ""}, 422))),
        ("Mastodon", say({"error": DISABLED}, 422)),
    ],
    "unclear": [
        *(("Mastodon", say({"error": "Too many"}, 429)), ("Mastodon", page(500))),
        *(("Mastodon", Reply(200)), ("Mastodon", redirect("/login"))),
        ("Pixelfed", redirect("https://other.example/login")),
    ],
}
PARTS = {
    "barred": (True, True, True),
    "barred or invalid": (True, True, False),
    "refused": (True, False, False),
    "unclear": (False, False, False),
}


@pytest.mark.parametrize(
    ("verdict", "software", "reply"),
    [(verdict, *given) for verdict, answers in JUDGED.items() for given in answers],
)
def test_only_a_servers_own_word_that_a_token_is_invalid_means_dead(
    verdict: str, software: str, reply: Reply
) -> None:
    """A barred account is told what it needs. Whether anything else was a refusal is kept, for
    tokens that we just revoked ourselves.
    """
    state = judge(instance_of(software), answer_of(reply))
    assert ("web page" in state.reason) is (answer_of(reply).is_page and verdict != "dead")
    if verdict == "dead":
        assert isinstance(state, Dead)
    else:
        assert isinstance(state, Unclear)
        assert ("which of the two" in state.reason) is (verdict == "barred or invalid")
        assert (state.refused, bool(state.next), state.token_accepted) == PARTS[verdict]
