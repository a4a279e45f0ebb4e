"""An instance's API: what is sent, how often, and what is taken from an answer."""

import traceback
from collections.abc import Callable

import pytest

from provisioner.errors import ActionRequiredError, NoAnswerError, ProvisionerError, TransportError
from provisioner.mastodon.client import Grant, Mastodon, ping
from provisioner.mastodon.errors import (
    Alive,
    Dead,
    InvalidGrantError,
    NotNowError,
    ScopesRefusedError,
    Unclear,
    Unheard,
)
from provisioner.mastodon.instance import OUT_OF_BAND, Application
from provisioner.secret import Secret
from tests.unit.instances import ORIGIN, instance_of
from tests.unit.web import LOST, UNREACHABLE, Reply, Scripted, Web, form_of, page, redirect, say

APPS = f"POST {ORIGIN}/api/v1/apps"
EXCHANGE = f"POST {ORIGIN}/oauth/token"
POST = f"POST {ORIGIN}/api/v1/statuses"
REVOKE = f"POST {ORIGIN}/oauth/revoke"
VERIFY = f"GET {ORIGIN}/api/v1/accounts/verify_credentials"
METADATA = f"GET {ORIGIN}/.well-known/oauth-authorization-server"
SCOPES = ("read:accounts", "write:statuses")
TOKEN = "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0"
CODE = "-qHdDkTsjzpU6aGmN8FwzYxU4Yo5lBxSE_Q3Vd2LAz0"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
LOOPBACK = "http://127.0.0.1:8080/callback"
USER, PASSWORD = "mybot@mail.example", "correct horse & bättery"
YEAR = 365 * 86400
CLIENT_SECRET = "the-client-secret"
APPLICATION = Application(client_id="the-id", client_secret=Secret(CLIENT_SECRET))
REGISTERED: dict[str, object] = {
    "scopes": list(SCOPES),
    "client_id": "TWhM-tNSuncnqN7DBJmoyeLnk6K3iJJ71KKXxgL1hPM",
    "client_secret": "ZEaFUFmF0umgBX1qKJDjaU99Q31lDkOU8NutzTOoliw",
}
ISSUED: dict[str, object] = {
    "access_token": TOKEN,
    "token_type": "Bearer",
    "scope": " ".join(SCOPES),
}
ACCOUNT: dict[str, object] = {
    "id": "14715",
    "username": "mybot",
    "acct": "mybot",
    "url": f"{ORIGIN}/@mybot",
}
ALIVE = Alive("14715", "mybot", "", "mybot")
REVOKED = say({"error": "The access token was revoked"}, 401)


def mastodon(web: Web, software: str = "Mastodon") -> Mastodon:
    return Mastodon(web.http, instance_of(software))


def register(reply: Scripted) -> Application:
    return mastodon(Web({APPS: reply})).register("mybot", SCOPES)


def exchange(web: Web) -> Grant:
    return mastodon(web).exchange(APPLICATION, Secret(CODE), Secret(VERIFIER))


def log_in(web: Web) -> Grant:
    return mastodon(web).log_in(APPLICATION, Secret(USER), Secret(PASSWORD), SCOPES)


def issued(**changes: object) -> Grant:
    return exchange(Web({EXCHANGE: say(ISSUED | changes)}))


def verify(reply: Scripted) -> Alive | Dead | Unclear:
    return mastodon(Web({VERIFY: reply})).verify(Secret(TOKEN))


def traceback_of(error: BaseException) -> str:
    """A traceback with all local variables of the program's frames."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    assert frames
    kept = traceback.TracebackException(type(error), error, frames, capture_locals=True)
    return "".join(kept.format())


# Registration.


@pytest.mark.parametrize(
    ("software", "redirect_uri", "uris"),
    [
        ("Mastodon", OUT_OF_BAND, OUT_OF_BAND),
        ("Mastodon", LOOPBACK, f"{LOOPBACK}\n{OUT_OF_BAND}"),
        ("Friendica", LOOPBACK, LOOPBACK),
        ("", LOOPBACK, LOOPBACK),
    ],
)
def test_registration_sends_scopes_and_the_redirect_uris_that_the_server_takes_as_strings(
    software: str, redirect_uri: str, uris: str
) -> None:
    web = Web({APPS: say(REGISTERED)})
    mastodon(web, software).register("My Böt", SCOPES, redirect_uri)
    assert form_of(web.requests[0]) == {
        "client_name": "My Böt",
        "redirect_uris": uris,
        "scopes": "read:accounts write:statuses",
    }


@pytest.mark.parametrize("changes", [{"scopes": "read"}, {"client_id": 3197}], ids=str)
def test_application_is_what_the_server_registered(changes: dict[str, object]) -> None:
    """Servers tell more or less of it; Pixelfed's ids are numbers."""
    said = REGISTERED | changes
    application = register(say(said))
    assert application.client_id == str(said["client_id"])
    assert application.client_secret.reveal() == said["client_secret"]
    assert not application.user_supplied


@pytest.mark.parametrize(
    "body",
    [
        *([], {"client_secret": ""}, {"client_secret": "s3\n"}),
        *({"client_id": None}, {"client_id": True}, {"client_id": "a b"}),
    ],
    ids=str,
)
def test_answer_without_usable_id_and_secret_is_no_application(body: object) -> None:
    with pytest.raises(TransportError) as caught:
        register(say(REGISTERED | body if isinstance(body, dict) else body))
    assert caught.value.code == "registration-unreadable"


def test_page_in_place_of_a_registration_may_be_from_something_in_front() -> None:
    with pytest.raises(TransportError) as caught:
        register(page(200))
    assert caught.value.code == "instance-blocked"


def test_scopes_that_the_server_dropped_are_named_and_no_secret_shown() -> None:
    with pytest.raises(ScopesRefusedError) as caught:
        register(say(REGISTERED | {"scopes": ["read:accounts"]}))
    assert caught.value.code == "scopes-dropped"
    assert "write:statuses" in caught.value.what
    assert str(REGISTERED["client_secret"]) not in traceback_of(caught.value)


@pytest.mark.parametrize(
    ("reply", "kind"), [(LOST, NoAnswerError), (say({}, 422), ScopesRefusedError)]
)
def test_registration_is_not_repeated(reply: Scripted, kind: type[ProvisionerError]) -> None:
    """Mastodon allows five in ten minutes."""
    web = Web({APPS: reply})
    with pytest.raises(kind):
        mastodon(web).register("mybot", SCOPES)
    assert web.asked == [APPS]


# The exchange, of a code or of a password.


def test_exchange_sends_credentials_in_the_body_without_scope_and_basic_auth() -> None:
    web = Web({EXCHANGE: say(ISSUED)})
    assert exchange(web) == Grant(Secret(TOKEN), SCOPES, None)
    assert "authorization" not in web.requests[0].headers
    assert form_of(web.requests[0]) == {
        "grant_type": "authorization_code",
        "code": CODE,
        "client_id": "the-id",
        "client_secret": "the-client-secret",
        "redirect_uri": OUT_OF_BAND,
        "code_verifier": VERIFIER,
    }


def test_exchange_without_a_challenge_has_no_verifier_and_the_links_redirect() -> None:
    """Mastodon refuses either without the other."""
    web = Web({EXCHANGE: say(ISSUED)})
    mastodon(web).exchange(APPLICATION, Secret(CODE), None, "http://127.0.0.1:8080/")
    assert "code_verifier" not in form_of(web.requests[0])
    assert form_of(web.requests[0])["redirect_uri"] == "http://127.0.0.1:8080/"


def test_login_sends_the_form_of_rfc_6749_with_the_scopes() -> None:
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


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        (None, None),
        ("", None),
        ("  read   write ", ("read", "write")),
        ("read \x1b[31mwrite", ("read",)),
        (f"read {TOKEN} the-client-secret", ("read",)),
        (" ".join(f"s{n}" for n in range(99)), tuple(f"s{n}" for n in range(50))),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_granted_scopes_are_what_the_server_says(
    scope: object, scopes: tuple[str, ...] | None
) -> None:
    assert issued(scope=scope).scopes == scopes


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        *((1, 1), (7200.0, 7200), ("7200", 7200), (200 * YEAR - 1, 200 * YEAR - 1)),
        *((0, None), (200 * YEAR, None), ("never", None), (True, None), ([], None)),
        (float("inf"), None),
    ],
    ids=repr,
)
def test_token_expires_when_the_server_says_so_in_whatever_way(
    expires_in: object, seconds: int | None
) -> None:
    assert issued(expires_in=expires_in).expires_in == seconds


@pytest.mark.parametrize("token", [*("t" * 15, f"{TOKEN}\n", [TOKEN])], ids=ascii)
def test_what_could_not_be_masked_or_sent_is_no_token(token: object) -> None:
    assert issued(access_token="t" * 16).token.reveal() == "t" * 16
    with pytest.raises(ActionRequiredError) as caught:
        issued(access_token=token)
    assert caught.value.code == "bad-token"
    assert TOKEN not in traceback_of(caught.value)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (say({"error": "invalid_grant"}, 400), InvalidGrantError),
        (say({}, 429, Retry_After="5"), NotNowError),
        (say([TOKEN]), NoAnswerError),
        (LOST, NoAnswerError),
    ],
)
def test_whatever_the_answer_a_code_is_sent_once(
    reply: Scripted, kind: type[ProvisionerError]
) -> None:
    web = Web({EXCHANGE: reply})
    with pytest.raises(kind):
        exchange(web)
    assert web.asked == [EXCHANGE]
    assert web.waits == []


def test_exchange_that_never_reached_the_server_is_repeated() -> None:
    web = Web({EXCHANGE: [UNREACHABLE, say(ISSUED)]})
    assert exchange(web).token == Secret(TOKEN)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("give", "secrets"),
    [(exchange, (CODE, VERIFIER, CLIENT_SECRET)), (log_in, (USER, PASSWORD, CLIENT_SECRET))],
)
def test_no_error_and_no_traceback_shows_what_was_sent(
    give: Callable[[Web], Grant], secrets: tuple[str, ...], status: int
) -> None:
    with pytest.raises(ProvisionerError) as caught:
        give(Web({EXCHANGE: say({"error": " ".join(secrets)}, status)}))
    shown = traceback_of(caught.value)
    assert not [plain for plain in secrets if plain in shown]


# Whose token it is.


def test_token_to_verify_goes_in_its_header_and_nowhere_else() -> None:
    web = Web({VERIFY: say(ACCOUNT)})
    assert mastodon(web).verify(Secret(TOKEN)) == ALIVE
    assert web.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(web.requests[0].url)


@pytest.mark.parametrize("number", [14715, "01F8MH1H7YV1Z7_-"])
def test_servers_number_accounts_in_several_ways(number: object) -> None:
    state = verify(say(ACCOUNT | {"id": number}))
    assert isinstance(state, Alive)
    assert state.id == str(number)


@pytest.mark.parametrize(
    "changes",
    [*({"id": value} for value in (None, True, "x" * 65, "../1", "1\n2")), {"username": ""}],
    ids=ascii,
)
def test_account_without_number_and_name_is_unclear(changes: dict[str, object]) -> None:
    state = verify(say(ACCOUNT | changes))
    assert isinstance(state, Unclear)
    assert not state.refused


def test_only_200_is_alive() -> None:
    assert not isinstance(verify(say(ACCOUNT, 201)), Alive)


def test_moments_trouble_is_waited_out() -> None:
    web = Web({VERIFY: [page(502), LOST, say(ACCOUNT)]})
    assert mastodon(web).verify(Secret(TOKEN)) == ALIVE


def test_server_that_is_away_says_nothing_about_the_token() -> None:
    state = verify(LOST)
    assert isinstance(state, Unclear)
    assert not state.refused


def test_token_is_not_shown_where_it_is_quoted() -> None:
    assert TOKEN not in str(verify(say({"error": f"no token {TOKEN}"}, 401)))
    assert TOKEN not in str(verify(say(ACCOUNT | {"username": TOKEN})))


@pytest.mark.parametrize(
    ("acct", "url", "domain"),
    [
        ("mybot", f"{ORIGIN}/@mybot", ""),
        ("mybot", "https://second.example/@mybot", "second.example"),
        ("mybot@second.example", f"{ORIGIN}/@mybot", "second.example"),
        ("mybot", None, ""),
        ("mybot", "javascript:alert(1)", ""),
    ],
    ids=["own", "by its address", "by its name", "no address", "odd address"],
)
def test_domain_is_told_by_the_name_or_else_by_the_profiles_address(
    acct: object, url: object, domain: str
) -> None:
    state = verify(say(ACCOUNT | {"acct": acct, "url": url}))
    assert isinstance(state, Alive)
    assert state.domain == domain


def of_takahe(reply: Scripted) -> Alive | Dead | Unclear:
    """`verify_credentials` says "mybot" for identities of all its domains."""
    web = Web({VERIFY: say(ACCOUNT), f"GET {ORIGIN}/api/v1/accounts/14715": reply})
    state = mastodon(web, "takahe").verify(Secret(TOKEN))
    assert web.requests[1].headers["authorization"] == f"Bearer {TOKEN}"
    return state


def test_takahe_tells_the_domain_when_it_is_asked_for_the_account() -> None:
    state = of_takahe(say({"acct": "mybot@second.example"}))
    assert state == Alive("14715", "mybot", "second.example", "mybot@second.example")


@pytest.mark.parametrize("reply", [say({"acct": "mybot"}), LOST])
def test_takahes_account_is_unclear_where_the_domain_is_not_told(reply: Scripted) -> None:
    """Then the token is good all the same: it is not one that a revocation made dead."""
    state = of_takahe(reply)
    assert isinstance(state, Unclear)
    assert not state.refused


# Revocation.


def test_revocation_is_a_form_with_the_applications_credentials() -> None:
    web = Web({REVOKE: say({}), VERIFY: REVOKED})
    mastodon(web).revoke(APPLICATION, Secret(TOKEN))
    assert "authorization" not in web.requests[0].headers
    assert form_of(web.requests[0]) == {
        "token": TOKEN,
        "client_id": "the-id",
        "client_secret": "the-client-secret",
    }
    assert web.asked == [REVOKE, VERIFY]


def test_refused_revocation_is_tried_with_the_token_as_bearer() -> None:
    """As Mitra wants it."""
    web = Web({REVOKE: [Reply(401), say({})], VERIFY: Reply(403)})
    assert isinstance(mastodon(web).revoke(APPLICATION, Secret(TOKEN)), Dead)
    assert web.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


BARRED = say({"error": "Your login is currently disabled"}, 403)


@pytest.mark.parametrize(
    ("revocation", "state", "outcome"),
    [
        (say({}), REVOKED, Dead),
        (Reply(200), Reply(400, b"Bad token"), Dead),  # Takahē
        (Reply(403), REVOKED, Dead),
        (page(500), REVOKED, Dead),
        (say({}), page(503), Unclear),
        (say({}), BARRED, Unclear),
        (page(200), page(401), Unclear),
        (say({}), say(ACCOUNT), Alive),
        (say({"error": "unauthorized"}, 403), say(ACCOUNT), Alive),
        (page(404), say(ACCOUNT), Alive),
        (page(200), say(ACCOUNT), Unheard),
        (page(403), say(ACCOUNT), Unheard),
        (Reply(500), say(ACCOUNT), Unheard),
        (say({}, 429), say(ACCOUNT), Unheard),
        (LOST, say(ACCOUNT), Unheard),
        (redirect("/login"), say(ACCOUNT), Unheard),
    ],
)
def test_revocation_counts_only_after_the_token_is_seen_dead(
    revocation: Scripted, state: Scripted, outcome: type
) -> None:
    """Unheard is what works still, and was perhaps not answered by the instance itself."""
    web = Web({REVOKE: revocation, VERIFY: state})
    assert isinstance(mastodon(web).revoke(APPLICATION, Secret(TOKEN)), outcome)


def test_revocation_whose_answer_is_lost_is_repeated() -> None:
    web = Web({REVOKE: [LOST, say({})], VERIFY: say(ACCOUNT)})
    assert isinstance(mastodon(web).revoke(APPLICATION, Secret(TOKEN)), Alive)
    assert web.asked == [REVOKE, REVOKE, VERIFY]


def test_token_is_only_looked_at_where_there_is_no_endpoint() -> None:
    web = Web({VERIFY: say(ACCOUNT)})
    without = Mastodon(web.http, instance_of(revocation=""))
    assert without.revoke(APPLICATION, Secret(TOKEN)) == ALIVE
    assert web.asked == [VERIFY]


# A post.


def post(web: Web, visibility: str = "") -> int:
    return mastodon(web).post(Secret(TOKEN), "howdy", visibility, "the-key").status


@pytest.mark.parametrize(
    ("visibility", "fields"), [("", {}), ("unlisted", {"visibility": "unlisted"})]
)
def test_post_is_a_form_with_an_idempotency_key(visibility: str, fields: dict[str, str]) -> None:
    """Without a visibility it is left to the account's settings."""
    web = Web({POST: say({"id": "1"})})
    assert post(web, visibility) == 200
    assert form_of(web.requests[0]) == {"status": "howdy"} | fields
    assert web.requests[0].headers["idempotency-key"] == "the-key"
    assert web.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_post_whose_answer_is_lost_is_not_repeated() -> None:
    web = Web({POST: LOST})
    with pytest.raises(NoAnswerError):
        post(web)
    assert web.asked == [POST]


def test_ping_takes_any_answer_and_waits_for_none() -> None:
    web = Web({METADATA: page(503)})
    ping(web.http, ORIGIN)
    assert web.asked == [METADATA]
    assert web.waits == []


def test_ping_without_an_answer_is_tried_again_and_then_an_error() -> None:
    web = Web({METADATA: LOST})
    with pytest.raises(TransportError):
        ping(web.http, ORIGIN)
    assert len(web.asked) > 1
