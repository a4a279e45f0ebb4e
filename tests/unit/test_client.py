"""An instance's API, as it is and as it may answer."""

import io
import json
import traceback

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import (
    ActionRequiredError,
    InputError,
    NoAnswerError,
    NotSentError,
    ProvisionerError,
    TransportError,
)
from provisioner.mastodon.client import Grant, Mastodon, ping
from provisioner.mastodon.errors import (
    Alive,
    Dead,
    InvalidClientError,
    InvalidGrantError,
    NoPasswordGrantError,
    NotNowError,
    ScopesRefusedError,
    Unclear,
    Unheard,
)
from provisioner.mastodon.instance import OUT_OF_BAND, Application
from provisioner.report import Run, Set
from provisioner.secret import Secret
from tests.unit.instances import ORIGIN, instance_of
from tests.unit.web import (
    FLOOD,
    LOST,
    UNREACHABLE,
    Reply,
    Scripted,
    Web,
    form_of,
    page,
    redirect,
    say,
)

APPS = f"POST {ORIGIN}/api/v1/apps"
EXCHANGE = f"POST {ORIGIN}/oauth/token"
POST = f"POST {ORIGIN}/api/v1/statuses"
REVOKE = f"POST {ORIGIN}/oauth/revoke"
VERIFY = f"GET {ORIGIN}/api/v1/accounts/verify_credentials"
SCOPES = ("read:accounts", "write:statuses")
TOKEN = "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0"
CODE = "-qHdDkTsjzpU6aGmN8FwzYxU4Yo5lBxSE_Q3Vd2LAz0"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
USER, PASSWORD = "mybot@mail.example", "correct horse & bättery"
APPLICATION = Application(client_id="the-id", client_secret=Secret("the-client-secret"))
PLAINTEXTS = (TOKEN, CODE, VERIFIER, "the-client-secret")
REGISTERED = {
    "id": "563419",
    "name": "mybot",
    "website": None,
    "scopes": list(SCOPES),
    "redirect_uris": [OUT_OF_BAND],
    "redirect_uri": OUT_OF_BAND,
    "client_id": "TWhM-tNSuncnqN7DBJmoyeLnk6K3iJJ71KKXxgL1hPM",
    "client_secret": "ZEaFUFmF0umgBX1qKJDjaU99Q31lDkOU8NutzTOoliw",
    "client_secret_expires_at": 0,
}
ISSUED = {
    "access_token": TOKEN,
    "token_type": "Bearer",
    "scope": " ".join(SCOPES),
    "created_at": 1_800_000_000,
}
ACCOUNT = {"id": "14715", "username": "mybot", "acct": "mybot", "url": f"{ORIGIN}/@mybot"}
ALIVE = Alive("14715", "mybot", "", "mybot")
REVOKED = say({"error": "The access token was revoked"}, 401)
IN_SEVEN_MINUTES = "2027-01-15T08:07:00.000000Z"


LOOPBACK = "http://127.0.0.1:8080/callback"


def mastodon(web: Web, software: str = "Mastodon") -> Mastodon:
    """The API of an instance in a web."""
    return Mastodon(web.http, instance_of(software))


def register(reply: Scripted, software: str = "Mastodon") -> Application:
    """A registration that is answered so."""
    return mastodon(Web({APPS: reply}), software).register("mybot", SCOPES)


def exchange(web: Web) -> Grant:
    """An exchange with a verifier."""
    return mastodon(web).exchange(APPLICATION, Secret(CODE), Secret(VERIFIER))


def log_in(web: Web) -> Grant:
    """An exchange of user name and password."""
    return mastodon(web).log_in(APPLICATION, Secret(USER), Secret(PASSWORD), SCOPES)


def verify(reply: Scripted, software: str = "Mastodon") -> Alive | Dead | Unclear:
    """A look at a token that is answered so."""
    return mastodon(Web({VERIFY: reply}), software).verify(Secret(TOKEN))


def traceback_of(error: BaseException) -> str:
    """A traceback with all local variables of the program's frames."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    assert frames
    kept = traceback.TracebackException(type(error), error, frames, capture_locals=True)
    out = io.StringIO()
    kept.print(file=out)
    return out.getvalue()


class TestRegister:
    """A new application."""

    def test_redirect_and_scopes_are_one_string_each_in_a_form(self) -> None:
        web = Web({APPS: say(REGISTERED)})
        mastodon(web).register("My Böt", SCOPES)
        (request,) = web.requests
        assert form_of(request) == {
            "client_name": "My Böt",
            "redirect_uris": OUT_OF_BAND,
            "scopes": "read:accounts write:statuses",
        }

    @pytest.mark.parametrize(
        ("software", "uris"),
        [("Mastodon", f"{LOOPBACK}\n{OUT_OF_BAND}"), ("Friendica", LOOPBACK), ("", LOOPBACK)],
    )
    def test_redirect_to_this_machine_goes_beside_the_usual_one_where_two_are_taken(
        self, software: str, uris: str
    ) -> None:
        web = Web({APPS: say(REGISTERED)})
        mastodon(web, software).register("mybot", SCOPES, LOOPBACK)
        assert form_of(web.requests[0])["redirect_uris"] == uris

    def test_the_application_is_what_the_server_registered(self) -> None:
        application = register(say(REGISTERED))
        assert application.client_id == REGISTERED["client_id"]
        assert application.client_secret.reveal() == REGISTERED["client_secret"]
        assert not application.user_supplied

    @pytest.mark.parametrize(
        "changes",
        [
            {"scopes": None},
            {"scopes": "read:accounts write:statuses"},
            {"scopes": ["write:statuses", "read:accounts", "read:lists"]},
            {"redirect_uris": None},
            {"vapid_key": "BCk-QqERU0q-CfYZjcuB6lnyyOYfJ2AifKqfeGIm7Z-HiTU5T9eTG5GxVA0_OH5m"},
        ],
        ids=str,
    )
    def test_servers_say_more_or_less_of_what_they_registered(
        self, changes: dict[str, object]
    ) -> None:
        assert register(say(REGISTERED | changes)).client_id == REGISTERED["client_id"]

    def test_mastodon_4_2_names_no_scopes(self) -> None:
        old = ("id", "name", "website", "redirect_uri", "client_id", "client_secret")
        reply = say({name: REGISTERED[name] for name in old})
        assert register(reply).client_id == REGISTERED["client_id"]

    def test_pixelfed_s_client_ids_are_numbers(self) -> None:
        assert register(say(REGISTERED | {"client_id": 3197})).client_id == "3197"

    @pytest.mark.parametrize(
        "changes",
        [
            {"client_secret": None},
            {"client_secret": ""},
            {"client_secret": 1},
            {"client_secret": "s3cret\n"},
            {"client_secret": "s" * 5000},
            {"client_id": None},
            {"client_id": ""},
            {"client_id": "a b"},
            {"client_id": "a\r\nX: y"},
            {"client_id": "ä"},
            {"client_id": ["a"]},
            {"client_id": {}},
            {"client_id": True},
        ],
        ids=lambda changes: ascii(changes)[:40],
    )
    def test_without_a_usable_id_and_secret_there_is_no_application(
        self, changes: dict[str, object]
    ) -> None:
        with pytest.raises(TransportError) as caught:
            register(say(REGISTERED | changes))
        assert caught.value.code == "registration-unreadable"

    @pytest.mark.parametrize("reply", [Reply(204), say([]), say(None)], ids=str)
    def test_what_is_no_object_is_no_application(self, reply: Reply) -> None:
        with pytest.raises(TransportError) as caught:
            register(reply)
        assert caught.value.code == "registration-unreadable"

    def test_scopes_that_the_server_dropped_are_named(self) -> None:
        with pytest.raises(ScopesRefusedError) as caught:
            register(say(REGISTERED | {"scopes": ["read:accounts"]}))
        assert "write:statuses" in caught.value.what

    def test_a_failing_registration_shows_no_client_secret(self) -> None:
        with pytest.raises(ScopesRefusedError) as caught:
            register(say(REGISTERED | {"scopes": []}))
        assert str(REGISTERED["client_secret"]) not in traceback_of(caught.value)

    @pytest.mark.parametrize(
        ("error", "kind", "code", "steps"),
        [
            (
                "Validation failed: Scopes doesn't match configured on the server.",
                ScopesRefusedError,
                "scope-refused",
                (Set("scopes"),),
            ),
            (
                "Validation failed: Redirect URI must be an absolute URI.",
                ProvisionerError,
                "redirect-refused",
                (),
            ),
            (
                "Validation failed: Name is too long (maximum is 60 characters)",
                InputError,
                "name-refused",
                (Set("app-name"),),
            ),
            (
                "Überprüfung gescheitert",
                ScopesRefusedError,
                "registration-refused",
                (Set("scopes"), Set("app-name")),
            ),
        ],
    )
    @pytest.mark.parametrize("status", [400, 422])
    def test_a_refusal_is_blamed_on_what_its_words_name(
        self,
        status: int,
        error: str,
        kind: type[ProvisionerError],
        code: str,
        steps: tuple[Set, ...],
    ) -> None:
        with pytest.raises(kind) as caught:
            register(say({"error": error}, status))
        assert caught.value.code == code
        assert caught.value.next == steps
        assert error in caught.value.what

    def test_a_website_that_is_demanded_needs_a_person(self) -> None:
        error = "Validation failed: Website must start with http:// or https://"
        with pytest.raises(ActionRequiredError) as caught:
            register(say({"error": error}, 422))
        assert caught.value.code == "website-refused"

    def test_hollo_names_the_field_in_another_part_of_its_answer(self) -> None:
        body = {"error": "invalid", "zod_error": {"issues": [{"path": ["redirect_uris"]}]}}
        with pytest.raises(ProvisionerError) as caught:
            register(say(body, 422))
        assert caught.value.code == "redirect-refused"

    @pytest.mark.parametrize("reply", [page(401), page(403), page(404), page(422), Reply(403)])
    def test_where_we_may_not_register_a_person_can(self, reply: Reply) -> None:
        with pytest.raises(ActionRequiredError) as caught:
            register(reply)
        assert caught.value.code == "registration-closed"
        assert Set("client-id") in caught.value.next

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_not_followed_but_told(self, status: int) -> None:
        web = Web({APPS: redirect("https://web.example/api/v1/apps", status)})
        with pytest.raises(InputError) as caught:
            mastodon(web).register("mybot", SCOPES)
        assert caught.value.code == "instance-moved"
        assert web.asked == [APPS]

    @pytest.mark.parametrize(
        ("headers", "wait"),
        [
            ({"X_RateLimit_Reset": IN_SEVEN_MINUTES}, "in 7 minutes"),
            ({"Retry_After": "300"}, "in 5 minutes"),
            ({}, "in 10 minutes"),
        ],
    )
    def test_who_must_wait_is_told_for_how_long(self, headers: dict[str, str], wait: str) -> None:
        with pytest.raises(NotNowError) as caught:
            register(say({"error": "Too many requests"}, 429, **headers))
        assert caught.value.code == "registration-throttled"
        assert caught.value.next == (Run("again", when=wait),)

    def test_mastodon_s_numbers_are_told_of_mastodon(self) -> None:
        with pytest.raises(NotNowError) as caught:
            register(say({"error": "Throttled"}, 429))
        assert "Mastodon registers 5 in 10 minutes" in caught.value.why

    @pytest.mark.parametrize("software", ["", "Pleroma"])
    def test_of_others_no_numbers_are_told(self, software: str) -> None:
        with pytest.raises(NotNowError) as caught:
            register(say({"error": "Throttled"}, 429), software)
        assert caught.value.next == (Run("again", when="in a few minutes"),)

    def test_nothing_waits_for_minutes(self) -> None:
        web = Web({APPS: say({}, 429, X_RateLimit_Reset=IN_SEVEN_MINUTES)})
        with pytest.raises(NotNowError):
            mastodon(web).register("mybot", SCOPES)
        assert web.asked == [APPS]
        assert web.waits == []

    @pytest.mark.parametrize("lost", [LOST, page(500), page(503)])
    def test_a_registration_whose_answer_is_lost_is_not_repeated(self, lost: Scripted) -> None:
        """Mastodon allows five in ten minutes."""
        web = Web({APPS: lost})
        with pytest.raises(TransportError):
            mastodon(web).register("mybot", SCOPES)
        assert web.asked == [APPS]


INVALID_GRANT = {
    "error": "invalid_grant",
    "error_description": "The provided authorization grant is invalid, expired, revoked.",
}
REFUSED = {
    "Mastodon": say(INVALID_GRANT, 400),
    "GoToSocial, wrong code": say({"error": "sql: no rows in result set"}, 400),
    "GoToSocial, wrong redirect": say({"error": "invalid redirect uri"}, 403),
    "Takahē, expired": say({"error": "access_denied"}, 401),
    "Friendica": say({"error": "Unauthorized"}, 403),
}
NOT_NOW = {
    "GoToSocial, too many": say({}, 429, X_RateLimit_Reset=IN_SEVEN_MINUTES),
    "a limit without a time": Reply(429),
    "a proxy's limit": page(429),
    "GoToSocial, booting": say({"error": "starting"}, 503, Retry_After="120"),
    "a page that says when": Reply(503, page().body, {"Retry-After": "120"}),
    "unwell": say({"error": "busy"}, 503),
    "empty": Reply(503),
}
UNCLEAR: dict[str, Scripted] = {
    "a proxy": page(403),
    "missing": Reply(404),
    "Takahē, wrong code": page(500),
    "front end": page(200),
    "nothing": Reply(200),
    "no JSON": Reply(200, b"access_token=abc", {"Content-Type": "application/json"}),
    "list": say([TOKEN]),
    "gateway": page(502),
    "Varnish, too slow": page(503),
    "timed out": Reply(408),
    "redirect": redirect("https://social.example/login"),
    "odd redirect": redirect(f"{OUT_OF_BAND}?error=invalid_scope"),
    "lost": LOST,
    "silence": httpx.ReadTimeout("Nothing came."),
    "2 MB": FLOOD,
}


class TestExchange:
    """The code for a token."""

    def test_credentials_go_in_the_body_without_scope_and_basic_auth(self) -> None:
        web = Web({EXCHANGE: say(ISSUED)})
        exchange(web)
        (request,) = web.requests
        assert "authorization" not in request.headers
        assert form_of(request) == {
            "grant_type": "authorization_code",
            "code": CODE,
            "client_id": "the-id",
            "client_secret": "the-client-secret",
            "redirect_uri": OUT_OF_BAND,
            "code_verifier": VERIFIER,
        }

    def test_without_a_challenge_there_is_no_verifier(self) -> None:
        """Mastodon refuses either without the other."""
        web = Web({EXCHANGE: say(ISSUED)})
        mastodon(web).exchange(APPLICATION, Secret(CODE), None)
        assert "code_verifier" not in form_of(web.requests[0])

    def test_the_redirect_uri_is_that_of_the_link(self) -> None:
        web = Web({EXCHANGE: say(ISSUED)})
        mastodon(web).exchange(APPLICATION, Secret(CODE), None, "http://127.0.0.1:8080/")
        assert form_of(web.requests[0])["redirect_uri"] == "http://127.0.0.1:8080/"

    def test_a_grant_is_token_scopes_and_expiry(self) -> None:
        assert exchange(Web({EXCHANGE: say(ISSUED)})) == Grant(Secret(TOKEN), SCOPES, None)

    @pytest.mark.parametrize(
        ("scope", "scopes"),
        [
            (None, None),
            ("", None),
            (5, None),
            ("read", ("read",)),
            ("  read   write ", ("read", "write")),
            ("read \x1b[31mwrite", ("read",)),
            ("read \ud800", ("read",)),
            ("read \u202ewrite", ("read",)),
        ],
        ids=ascii,
    )
    def test_what_was_granted_is_what_the_server_says(
        self, scope: object, scopes: tuple[str, ...] | None
    ) -> None:
        assert exchange(Web({EXCHANGE: say(ISSUED | {"scope": scope})})).scopes == scopes

    @pytest.mark.parametrize(
        ("expires_in", "seconds"),
        [
            (7200, 7200),
            (31_536_000, 31_536_000),
            (7200.0, 7200),
            ("7200", 7200),
            (None, None),
            (0, None),
            (-1, None),
            (10**12, None),
            ("never", None),
            (True, None),
            ([], None),
            (float("nan"), None),
            (float("inf"), None),
        ],
        ids=repr,
    )
    def test_a_token_expires_when_the_server_says_so_in_whatever_way(
        self, expires_in: object, seconds: int | None
    ) -> None:
        reply = say(ISSUED | {"expires_in": expires_in})
        assert exchange(Web({EXCHANGE: reply})).expires_in == seconds

    @pytest.mark.parametrize("token", ["t" * 16, "t" * 4096, "!~" * 10], ids=len)
    def test_a_token_is_16_to_4096_visible_characters(self, token: str) -> None:
        reply = say(ISSUED | {"access_token": token})
        assert exchange(Web({EXCHANGE: reply})).token.reveal() == token

    @pytest.mark.parametrize(
        "token",
        [
            "",
            "t" * 15,
            "t" * 4097,
            f"{TOKEN}\n",
            f"{TOKEN}\r\nX: y",
            f" {TOKEN}",
            "ä" * 20,
            None,
            12345678901234567890,
            [TOKEN],
            {"token": TOKEN},
        ],
        ids=lambda token: ascii(token)[:12] + str(len(str(token))),
    )
    def test_what_could_not_be_masked_or_sent_is_no_token(self, token: object) -> None:
        with pytest.raises(ActionRequiredError) as caught:
            exchange(Web({EXCHANGE: say(ISSUED | {"access_token": token})}))
        assert caught.value.code == "bad-token"
        assert TOKEN not in str(vars(caught.value))

    @pytest.mark.parametrize("reply", REFUSED)
    def test_however_a_server_refuses_the_code_no_token_was_issued(self, reply: str) -> None:
        web = Web({EXCHANGE: REFUSED[reply]})
        with pytest.raises(InvalidGrantError) as caught:
            exchange(web)
        assert caught.value.code == "code-refused"
        assert web.asked == [EXCHANGE]

    @pytest.mark.parametrize(
        "reply",
        [*(say({"error": "invalid_client"}, status) for status in (400, 401, 403)), Reply(401)],
        ids=["GoToSocial", "Mastodon", "Friendica", "snac"],
    )
    def test_a_refusal_of_the_application_is_not_one_of_the_code(self, reply: Reply) -> None:
        with pytest.raises(InvalidClientError) as caught:
            exchange(Web({EXCHANGE: reply}))
        assert caught.value.code == "unknown-application"

    @pytest.mark.parametrize("reply", NOT_NOW)
    def test_a_server_that_is_busy_has_issued_no_token(self, reply: str) -> None:
        web = Web({EXCHANGE: NOT_NOW[reply]})
        with pytest.raises(NotNowError) as caught:
            exchange(web)
        assert caught.value.code == "instance-busy"
        assert web.asked == [EXCHANGE]
        assert web.waits == []

    @pytest.mark.parametrize(
        ("reply", "wait"),
        [
            ("GoToSocial, too many", "in 7 minutes"),
            ("GoToSocial, booting", "in 2 minutes"),
            ("a limit without a time", "in a few minutes"),
        ],
    )
    def test_a_busy_server_says_when_to_come_back(self, reply: str, wait: str) -> None:
        with pytest.raises(NotNowError) as caught:
            exchange(Web({EXCHANGE: NOT_NOW[reply]}))
        assert caught.value.next == (Run("again", when=wait),)

    @pytest.mark.parametrize("reply", UNCLEAR)
    def test_any_other_answer_may_hide_a_token(self, reply: str) -> None:
        """It is no refusal, and the exchange is not repeated."""
        web = Web({EXCHANGE: UNCLEAR[reply]})
        with pytest.raises(NoAnswerError):
            exchange(web)
        assert web.asked == [EXCHANGE]
        assert web.waits == []

    def test_a_refused_connection_spent_no_code(self) -> None:
        with pytest.raises(NotSentError):
            exchange(Web({EXCHANGE: UNREACHABLE}))

    def test_an_exchange_that_never_reached_the_server_is_repeated(self) -> None:
        web = Web({EXCHANGE: [UNREACHABLE, say(ISSUED)]})
        assert exchange(web).token == Secret(TOKEN)

    def test_the_code_is_not_taken_to_another_server(self) -> None:
        web = Web({EXCHANGE: redirect("https://web.example/oauth/token", 307)})
        with pytest.raises(NoAnswerError):
            exchange(web)
        assert web.asked == [EXCHANGE]

    @pytest.mark.parametrize("status", [200, 400, 401, 500])
    def test_a_server_that_quotes_secrets_is_quoted_without_them(self, status: int) -> None:
        with pytest.raises(ProvisionerError) as caught:
            exchange(Web({EXCHANGE: say({"error": " ".join(PLAINTEXTS[1:])}, status)}))
        assert not [plain for plain in PLAINTEXTS[1:] if plain in str(vars(caught.value))]

    @pytest.mark.parametrize(
        "reply",
        [
            say({"error": " ".join(PLAINTEXTS[1:])}, 400),
            say({"error": "no"}, 500),
            say(ISSUED | {"access_token": f"{TOKEN}\n"}),
            say([TOKEN]),
            Reply(200, TOKEN.encode()),
        ],
        ids=["refused", "unclear", "bad token", "list", "text"],
    )
    def test_no_traceback_shows_what_was_sent_or_came_back(self, reply: Reply) -> None:
        web = Web({EXCHANGE: reply})
        with pytest.raises(ProvisionerError) as caught:
            exchange(web)
        shown = traceback_of(caught.value)
        assert not [plain for plain in PLAINTEXTS if plain in shown]


class TestLogIn:
    """User name and password for a token."""

    def test_the_form_is_that_of_rfc_6749_with_the_scopes(self) -> None:
        web = Web({EXCHANGE: say(ISSUED)})
        assert log_in(web) == Grant(Secret(TOKEN), SCOPES, None)
        assert form_of(web.requests[0]) == {
            "grant_type": "password",
            "username": USER,
            "password": PASSWORD,
            "client_id": "the-id",
            "client_secret": "the-client-secret",
            "scope": "read:accounts write:statuses",
        }

    @pytest.mark.parametrize("error", ["invalid_grant", "Invalid credentials"])
    def test_however_a_server_refuses_the_password_is_sent_once(self, error: str) -> None:
        web = Web({EXCHANGE: say({"error": error}, 400)})
        with pytest.raises(InvalidGrantError) as caught:
            log_in(web)
        assert caught.value.code == "login-refused"
        assert web.asked == [EXCHANGE]

    @pytest.mark.parametrize("more", [{}, {"error_description": "Second factor, please."}], ids=str)
    def test_pleroma_s_word_for_a_second_factor_leads_to_begin(self, more: dict[str, str]) -> None:
        with pytest.raises(InvalidGrantError) as caught:
            log_in(Web({EXCHANGE: say({"error": "mfa_required"} | more, 403)}))
        assert caught.value.code == "second-factor"
        assert caught.value.next == (Run("begin"),)

    def test_what_merely_mentions_a_second_factor_is_a_refusal(self) -> None:
        said = {"error": "invalid_grant", "error_description": "not mfa_required"}
        with pytest.raises(InvalidGrantError) as caught:
            log_in(Web({EXCHANGE: say(said, 400)}))
        assert caught.value.code == "login-refused"

    @pytest.mark.parametrize("error", ["unsupported_grant_type", "unauthorized_client"])
    def test_a_server_without_passwords_does_not_blame_this_one(self, error: str) -> None:
        with pytest.raises(NoPasswordGrantError):
            log_in(Web({EXCHANGE: say({"error": error}, 400)}))

    def test_a_forgotten_application_is_told_as_such(self) -> None:
        with pytest.raises(InvalidClientError):
            log_in(Web({EXCHANGE: say({"error": "invalid_client"}, 401)}))

    @pytest.mark.parametrize("reply", UNCLEAR)
    def test_any_other_answer_may_hide_a_token(self, reply: str) -> None:
        web = Web({EXCHANGE: UNCLEAR[reply]})
        with pytest.raises(NoAnswerError):
            log_in(web)
        assert web.asked == [EXCHANGE]

    def test_what_a_server_quotes_of_the_login_is_not_shown(self) -> None:
        with pytest.raises(ProvisionerError) as caught:
            log_in(Web({EXCHANGE: say({"error": f"{USER} {PASSWORD}"}, 400)}))
        assert USER not in str(vars(caught.value))
        assert PASSWORD not in str(vars(caught.value))


class TestVerify:
    """Whose token it is."""

    def test_the_token_goes_in_its_header_and_nowhere_else(self) -> None:
        web = Web({VERIFY: say(ACCOUNT)})
        mastodon(web).verify(Secret(TOKEN))
        (request,) = web.requests
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in str(request.url)

    @pytest.mark.parametrize("number", ["14715", 14715], ids=repr)
    def test_a_token_that_names_its_account_is_alive(self, number: object) -> None:
        assert verify(say(ACCOUNT | {"id": number})) == ALIVE

    @pytest.mark.parametrize(
        "number",
        [
            "01F8MH1H7YV1Z7D2C8K2730QBF",
            "9v5bmRalQvjOy0ECcC",
            "018d6f5e-5f3c-7e6b-9d5a-2f1f0c4b8a11",
            "9s_-b2",
        ],
        ids=["GoToSocial", "Pleroma", "Mitra", "others"],
    )
    def test_other_servers_number_accounts_in_other_ways(self, number: str) -> None:
        state = verify(say(ACCOUNT | {"id": number}))
        assert isinstance(state, Alive)
        assert state.id == number

    @pytest.mark.parametrize(
        "changes",
        [
            {"id": None},
            {"id": ""},
            {"id": []},
            {"id": [1]},
            {"id": {"a": 1}},
            {"id": True},
            {"id": float("nan")},
            {"id": "1\n2"},
            {"id": "\ud800"},
            {"id": "9" * 5000},
            {"id": "https://evil.example/login?x"},
            {"id": "../1"},
            {"id": "x" * 65},
            {"username": None},
            {"username": ""},
            {"username": 1},
        ],
        ids=lambda changes: ascii(changes)[:30],
    )
    def test_without_number_and_name_it_is_not_clear_whose_token_it_is(
        self, changes: dict[str, object]
    ) -> None:
        assert isinstance(verify(say(ACCOUNT | changes)), Unclear)

    def test_a_name_that_echoes_the_token_is_shown_without_it(self) -> None:
        assert TOKEN not in str(verify(say(ACCOUNT | {"username": TOKEN})))

    def test_a_rate_limit_says_nothing_about_the_token(self) -> None:
        state = verify(say({"error": "Too many"}, 429))
        assert isinstance(state, Unclear)
        assert not state.refused

    def test_a_moment_s_trouble_is_waited_out(self) -> None:
        web = Web({VERIFY: [page(502), LOST, say(ACCOUNT)]})
        assert mastodon(web).verify(Secret(TOKEN)) == ALIVE

    @pytest.mark.parametrize("trouble", [LOST, UNREACHABLE, FLOOD])
    def test_a_server_that_is_away_says_nothing_about_the_token(self, trouble: Scripted) -> None:
        state = verify(trouble)
        assert isinstance(state, Unclear)
        assert not state.refused

    def test_the_token_is_not_taken_to_another_server(self) -> None:
        web = Web({VERIFY: redirect("https://web.example/", 307)})
        mastodon(web).verify(Secret(TOKEN))
        assert web.asked == [VERIFY]

    def test_a_server_that_quotes_the_token_is_quoted_without_it(self) -> None:
        assert TOKEN not in str(verify(say({"error": f"no token {TOKEN}"}, 401)))

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda x: (
                st.lists(x) | st.dictionaries(st.sampled_from(["error", "id", "username"]), x)
            ),
        )
    )
    @settings(max_examples=40)
    def test_no_json_makes_it_fail(self, value: object) -> None:
        state = verify(Reply(200, json.dumps(value).encode()))
        assert isinstance(state, Alive | Unclear)


class TestDomain:
    """Of which domain the account is."""

    @pytest.mark.parametrize(
        ("acct", "url", "domain"),
        [
            ("mybot", f"{ORIGIN}/@mybot", ""),
            ("mybot", "https://second.example/@mybot", "second.example"),
            ("mybot@second.example", f"{ORIGIN}/@mybot", "second.example"),
            ("mybot", None, ""),
            ("mybot", "javascript:alert(1)", ""),
            (None, f"{ORIGIN}/@mybot", ""),
        ],
        ids=["own", "by its address", "by its name", "no address", "odd address", "no name"],
    )
    def test_the_name_tells_it_or_else_the_address_of_the_profile(
        self, acct: object, url: object, domain: str
    ) -> None:
        state = verify(say(ACCOUNT | {"acct": acct, "url": url}))
        assert isinstance(state, Alive)
        assert state.domain == domain

    def test_takahe_tells_it_when_it_is_asked_for_the_account(self) -> None:
        """`verify_credentials` says "mybot" for identities of all its domains."""
        account = f"GET {ORIGIN}/api/v1/accounts/14715"
        web = Web({VERIFY: say(ACCOUNT), account: say({"acct": "mybot@second.example"})})
        state = mastodon(web, "takahe").verify(Secret(TOKEN))
        assert isinstance(state, Alive)
        assert state.domain == "second.example"
        assert state.shown == "mybot@second.example"
        assert web.requests[1].headers["authorization"] == f"Bearer {TOKEN}"

    @pytest.mark.parametrize(
        "reply", [say({"acct": "mybot"}), say({}), Reply(404), page(403), LOST]
    )
    def test_takahe_s_account_is_unclear_where_that_is_not_told(self, reply: Scripted) -> None:
        web = Web({VERIFY: say(ACCOUNT), f"GET {ORIGIN}/api/v1/accounts/14715": reply})
        state = mastodon(web, "takahe").verify(Secret(TOKEN))
        assert isinstance(state, Unclear)
        assert not state.refused


class TestRevoke:
    """The end of a token."""

    def revoke(
        self, revocation: Scripted, state: Scripted, software: str = "Mastodon"
    ) -> Alive | Dead | Unclear | Unheard:
        """A revocation that is answered so, and the look after it."""
        web = Web({REVOKE: revocation, VERIFY: state})
        return mastodon(web, software).revoke(APPLICATION, Secret(TOKEN))

    def test_it_is_a_form_with_the_application_s_credentials(self) -> None:
        """Without Basic auth or bearer."""
        web = Web({REVOKE: say({}), VERIFY: REVOKED})
        mastodon(web).revoke(APPLICATION, Secret(TOKEN))
        assert "authorization" not in web.requests[0].headers
        assert form_of(web.requests[0]) == {
            "token": TOKEN,
            "client_id": "the-id",
            "client_secret": "the-client-secret",
        }

    def test_where_the_form_alone_is_refused_the_token_is_the_bearer(self) -> None:
        """As Mitra wants it."""
        web = Web({REVOKE: Reply(401), VERIFY: REVOKED})
        mastodon(web).revoke(APPLICATION, Secret(TOKEN))
        assert web.requests[1].headers["authorization"] == f"Bearer {TOKEN}"

    @pytest.mark.parametrize(
        ("revocation", "state", "dead"),
        [
            (say({}), REVOKED, True),
            (Reply(200), Reply(400, b"Bad token"), True),
            (say({}), page(401), True),
            (say({}), say(ACCOUNT), False),
            (say({}), page(503), False),
            (say({}), LOST, False),
            (say({}), say({"error": "Your login is currently disabled"}, 403), False),
            (say({"error": "unauthorized_client"}, 403), say(ACCOUNT), False),
            (Reply(403), REVOKED, True),
            (Reply(404), say(ACCOUNT), False),
            (page(500), REVOKED, True),
            (redirect("/login"), say(ACCOUNT), False),
        ],
        ids=[
            *("Mastodon", "Takahē", "another form of 401", "200 for another token"),
            *("then unwell", "then lost", "token is good", "another application's"),
            *("dead already", "no endpoint", "500 and dead", "redirect"),
        ],
    )
    def test_revocation_counts_only_after_the_token_is_seen_dead(
        self, revocation: Scripted, state: Scripted, *, dead: bool
    ) -> None:
        assert isinstance(self.revoke(revocation, state), Dead) == dead

    @pytest.mark.parametrize(
        ("software", "state"), [("snac", Reply(422)), ("Friendica", page(401))]
    )
    def test_a_revoked_token_is_seen_dead_on_every_server(
        self, software: str, state: Scripted
    ) -> None:
        assert isinstance(self.revoke(say({}), state, software), Dead)

    @pytest.mark.parametrize(
        "reply",
        [
            page(200),
            Reply(200, b"OK"),
            page(403),
            Reply(500),
            say({}, 429),
            LOST,
            redirect("/login"),
        ],
        ids=["page", "text", "blocked", "unwell", "throttled", "lost", "redirect"],
    )
    def test_what_is_not_the_instance_s_own_answer_is_unheard(self, reply: Scripted) -> None:
        assert isinstance(self.revoke(reply, say(ACCOUNT)), Unheard)

    @pytest.mark.parametrize(
        "reply",
        [say({}), Reply(200), Reply(204), say({"error": "unauthorized_client"}, 403), page(404)],
        ids=["Mastodon", "Takahē", "no content", "refused", "no endpoint"],
    )
    def test_a_token_that_works_after_the_instance_s_answer_cannot_be_revoked(
        self, reply: Scripted
    ) -> None:
        assert isinstance(self.revoke(reply, say(ACCOUNT)), Alive)

    def test_after_a_page_with_200_a_refusal_is_no_proof(self) -> None:
        assert isinstance(self.revoke(page(200), page(401)), Unclear)

    def test_a_rate_limit_afterwards_is_no_proof(self) -> None:
        assert not isinstance(self.revoke(say({}), say({}, 429)), Dead)

    @pytest.mark.parametrize("status", [401, 403, 418, 429])
    def test_a_proxy_that_lets_nothing_through_has_revoked_nothing(self, status: int) -> None:
        assert not isinstance(self.revoke(page(status), page(status)), Dead)

    def test_a_revocation_whose_answer_is_lost_is_repeated(self) -> None:
        web = Web({REVOKE: [LOST, say({})], VERIFY: REVOKED})
        assert isinstance(mastodon(web).revoke(APPLICATION, Secret(TOKEN)), Dead)

    def test_without_an_endpoint_the_token_is_only_looked_at(self) -> None:
        web = Web({VERIFY: say(ACCOUNT)})
        without = Mastodon(web.http, instance_of(revocation=""))
        assert without.revoke(APPLICATION, Secret(TOKEN)) == ALIVE
        assert web.asked == [VERIFY]


class TestPost:
    """A text, once."""

    def post(self, web: Web, visibility: str = "") -> int:
        """The status of the answer."""
        return mastodon(web).post(Secret(TOKEN), "howdy", visibility, "the-key").status

    def test_it_is_a_form_with_an_idempotency_key(self) -> None:
        web = Web({POST: say({"id": "1"})})
        assert self.post(web, "unlisted") == 200
        assert form_of(web.requests[0]) == {"status": "howdy", "visibility": "unlisted"}
        assert web.requests[0].headers["idempotency-key"] == "the-key"
        assert web.requests[0].headers["authorization"] == f"Bearer {TOKEN}"

    def test_the_visibility_is_left_to_the_account_s_settings(self) -> None:
        web = Web({POST: say({"id": "1"})})
        self.post(web)
        assert form_of(web.requests[0]) == {"status": "howdy"}

    @pytest.mark.parametrize("reply", [page(500), page(503), say({"error": "no"}, 422)])
    def test_any_answer_is_returned_and_nothing_repeated(self, reply: Reply) -> None:
        web = Web({POST: reply})
        assert self.post(web) == reply.status
        assert web.asked == [POST]

    def test_a_lost_answer_is_not_repeated(self) -> None:
        web = Web({POST: LOST})
        with pytest.raises(NoAnswerError):
            self.post(web)
        assert web.asked == [POST]

    def test_a_replayed_refusal_is_asked_about_anew(self) -> None:
        """Pleroma repeats a refusal to the same key for six hours, even if its cause is gone."""
        replayed = say({"error": "Invalid credentials."}, 403, Idempotent_Replayed="true")
        web = Web({POST: [replayed, replayed, say({"id": "1"})]})
        assert self.post(web) == 200
        keys = [request.headers["idempotency-key"] for request in web.requests]
        assert keys == ["the-key", "the-key-1", "the-key-2"]

    def test_a_server_that_only_replays_is_given_up(self) -> None:
        web = Web({POST: say({"error": "no"}, 403, Idempotent_Replayed="true")})
        assert self.post(web) == 403
        assert len(web.requests) == 5


class TestPing:
    """Whether an instance answers."""

    @pytest.mark.parametrize("reply", [say({}), Reply(404), page(503), Reply(429), redirect("/")])
    def test_any_answer_will_do_and_is_not_waited_out(self, reply: Reply) -> None:
        web = Web({f"GET {ORIGIN}/.well-known/oauth-authorization-server": reply})
        ping(web.http, ORIGIN)
        assert len(web.requests) == 1
        assert web.waits == []

    @pytest.mark.parametrize("trouble", [LOST, UNREACHABLE])
    def test_none_is_an_error(self, trouble: Scripted) -> None:
        with pytest.raises(TransportError):
            ping(
                Web({f"GET {ORIGIN}/.well-known/oauth-authorization-server": trouble}).http, ORIGIN
            )
