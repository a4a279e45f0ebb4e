"""An instance's API: what is sent, how often, and what is taken from an answer."""

import traceback
from collections.abc import Callable

import pytest

from provisioner.mastodon.client import Grant, Mastodon, ping
from provisioner.mastodon.errors import Alive, Dead, Unclear
from provisioner.mastodon.instance import OUT_OF_BAND, Application
from provisioner.report import ActionRequiredError, Exit, ProvisionerError, TransportError
from provisioner.secret import Secret
from tests.support.told import fails
from tests.unit.instances import ORIGIN, instance_of
from tests.unit.web import LOST, Reply, Scripted, Web, form_of, page, redirect, say

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


def register(web: Web) -> Application:
    return mastodon(web).register("mybot", SCOPES)


def exchange(web: Web) -> Grant:
    return mastodon(web).exchange(APPLICATION, Secret(CODE), Secret(VERIFIER))


def log_in(web: Web) -> Grant:
    return mastodon(web).log_in(APPLICATION, Secret(USER), Secret(PASSWORD), SCOPES)


def post(web: Web, visibility: str = "") -> int:
    return mastodon(web).post(Secret(TOKEN), "howdy", visibility, "the-key").status


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
    application = register(Web({APPS: say(said)}))
    assert application.client_id == str(said["client_id"])
    assert application.client_secret.reveal() == said["client_secret"]
    assert not application.user_supplied


@pytest.mark.parametrize(
    ("code", "reply"),
    [
        ("registration-unreadable", say([])),
        *(
            ("registration-unreadable", say(REGISTERED | changes))
            for changes in (
                *({"client_secret": ""}, {"client_secret": "s3\n"}),
                *({"client_id": None}, {"client_id": True}, {"client_id": "a b"}),
            )
        ),
        ("scopes-dropped", say(REGISTERED | {"scopes": ["read:accounts"]})),
        *(("instance-blocked", page(200)), ("registration-closed", page(403))),
        ("registration-refused", say({}, 422)),
        ("no-answer", LOST),
    ],
)
def test_failed_registration_is_not_repeated_and_its_secret_not_shown(
    code: str, reply: Scripted
) -> None:
    """Mastodon allows five in ten minutes."""
    web = Web({APPS: reply})
    with pytest.raises(ProvisionerError) as caught:
        register(web)
    assert caught.value.code == code
    assert ("write:statuses" in caught.value.what) is code.startswith(
        ("scopes", "registration-ref")
    )
    assert str(REGISTERED["client_secret"]) not in traceback_of(caught.value)
    assert web.asked == [APPS]


# The exchange, of a code or of a password.


def test_exchange_sends_credentials_in_the_body_without_scope_and_basic_auth() -> None:
    web = Web({EXCHANGE: say(ISSUED)})
    assert exchange(web) == Grant(Secret(TOKEN), SCOPES, None)
    assert "authorization" not in web.requests[0].headers
    sent = {
        "grant_type": "authorization_code",
        "code": CODE,
        "code_verifier": VERIFIER,
        "redirect_uri": OUT_OF_BAND,
        "client_id": "the-id",
        "client_secret": "the-client-secret",
    }
    assert form_of(web.requests[0]) == sent
    mastodon(web).exchange(APPLICATION, Secret(CODE), Secret(VERIFIER), LOOPBACK)
    assert form_of(web.requests[1]) == sent | {"redirect_uri": LOOPBACK}


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


@pytest.mark.parametrize("token", ["t" * 15, f"{TOKEN}\n", [TOKEN]], ids=ascii)
def test_what_could_not_be_masked_or_sent_is_no_token(token: object) -> None:
    assert issued(access_token="t" * 16).token.reveal() == "t" * 16
    with pytest.raises(ActionRequiredError) as caught:
        issued(access_token=token)
    assert caught.value.code == "bad-token"
    assert TOKEN not in traceback_of(caught.value)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (say({"error": "invalid_grant"}, 400), "code-refused"),
        (say({}, 429, Retry_After="5"), "instance-busy"),
        (say([TOKEN]), "exchange-unclear"),
        (say(ISSUED, 500), "exchange-unclear"),
        (LOST, "no-answer"),
    ],
)
def test_whatever_the_answer_a_code_is_sent_once(reply: Scripted, code: str) -> None:
    web = Web({EXCHANGE: reply})
    with pytest.raises(ProvisionerError) as caught:
        exchange(web)
    assert caught.value.code == code
    assert web.asked == [EXCHANGE]
    assert web.waits == []


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


# Whose token it is, and what it may do.


@pytest.mark.parametrize("number", [14715, "14715", "01F8MH1H7YV1Z7_-"], ids=repr)
def test_account_is_whose_token_was_sent_in_the_header(number: object) -> None:
    """A moment's trouble is waited out. Servers number accounts in several ways."""
    web = Web({VERIFY: [page(502), LOST, say(ACCOUNT | {"id": number})]})
    state = mastodon(web).verify(Secret(TOKEN))
    assert state == Alive(str(number), "mybot", "", "mybot")
    assert web.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(web.requests[0].url)


@pytest.mark.parametrize(
    "reply",
    [
        *(say(ACCOUNT | {"id": value}) for value in (None, True, "x" * 65, "../1", "1\n2")),
        *(say(ACCOUNT | {"username": ""}), say(ACCOUNT, 201), LOST),
    ],
)
def test_answer_without_number_and_name_says_nothing_about_the_token(reply: Scripted) -> None:
    web = Web({VERIFY: reply})
    state = mastodon(web, "takahe").verify(Secret(TOKEN))
    assert isinstance(state, Unclear)
    assert not state.refused
    assert {*web.asked} == {VERIFY}  # the number would be a part of the next address


def test_token_is_not_shown_where_it_is_quoted() -> None:
    assert TOKEN not in str(verify(say({"error": f"no token {TOKEN}"}, 401)))
    state = verify(say(ACCOUNT | {"username": TOKEN}))
    assert isinstance(state, Alive)
    assert TOKEN not in state.shown


@pytest.mark.parametrize(
    ("acct", "url", "domain"),
    [
        ("mybot", "https://second.example/@mybot", "second.example"),
        ("mybot@second.example", f"{ORIGIN}/@mybot", "second.example"),
        ("mybot", None, ""),
        ("mybot", "javascript:alert(1)", ""),
    ],
    ids=["by its address", "by its name", "no address", "odd address"],
)
def test_domain_is_told_by_the_name_or_else_by_the_profiles_address(
    acct: object, url: object, domain: str
) -> None:
    state = verify(say(ACCOUNT | {"acct": acct, "url": url}))
    assert isinstance(state, Alive)
    assert state.domain == domain


@pytest.mark.parametrize(
    ("reply", "domain"),
    [
        ([page(502), say({"acct": "mybot@second.example"})], "second.example"),
        ([say({"acct": "mybot"})], ""),
        ([LOST], ""),
    ],
)
def test_takahe_tells_the_domain_when_it_is_asked_for_the_account(
    reply: list[Scripted], domain: str
) -> None:
    """Where it is not told, the token is good: it is not one that a revocation made dead."""
    web = Web({VERIFY: say(ACCOUNT), f"GET {ORIGIN}/api/v1/accounts/14715": reply})
    state = mastodon(web, "takahe").verify(Secret(TOKEN))
    assert web.requests[1].headers["authorization"] == f"Bearer {TOKEN}"
    if domain:
        assert state == Alive("14715", "mybot", domain, f"mybot@{domain}")
    else:
        assert isinstance(state, Unclear)
        assert not state.refused


@pytest.mark.parametrize(
    ("reply", "scopes"),
    [
        (say({"scope": ["read", 5, "a b", TOKEN]}), ("read",)),
        (say({"scope": ["read"]}, 401), ()),
        (say({"scope": "read"}), ()),
        (LOST, ()),
    ],
)
def test_scopes_of_a_token_are_what_the_server_lists(
    reply: Scripted, scopes: tuple[str, ...]
) -> None:
    web = Web({f"GET {ORIGIN}/oauth/token/info": reply})
    assert mastodon(web).scopes_of(Secret(TOKEN)) == scopes
    assert web.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


# Revocation.


def test_revocation_is_a_form_with_the_applications_credentials_and_then_with_a_bearer() -> None:
    """As Mitra wants it."""
    web = Web({REVOKE: [Reply(401), say({})], VERIFY: Reply(403)})
    assert isinstance(mastodon(web).revoke(APPLICATION, Secret(TOKEN)), Dead)
    assert form_of(web.requests[0]) == {
        "token": TOKEN,
        "client_id": "the-id",
        "client_secret": "the-client-secret",
    }
    assert "authorization" not in web.requests[0].headers
    assert web.requests[1].headers["authorization"] == f"Bearer {TOKEN}"
    assert form_of(web.requests[1]) == form_of(web.requests[0])


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
        ([LOST, say({})], say(ACCOUNT), Alive),
        (say({"error": "unauthorized"}, 403), say(ACCOUNT), Alive),
        (page(404), say(ACCOUNT), Alive),
        (page(200), say(ACCOUNT), Unclear),
        (page(403), say(ACCOUNT), Unclear),
        (Reply(500), say(ACCOUNT), Unclear),
        (say({}, 429), say(ACCOUNT), Unclear),
        (LOST, say(ACCOUNT), Unclear),
        (redirect("/login"), say(ACCOUNT), Unclear),
    ],
)
def test_revocation_counts_only_after_the_token_is_seen_dead(
    revocation: Scripted | list[Scripted], state: Scripted, outcome: type
) -> None:
    """It is unclear where perhaps another than the instance answered, though the token works."""
    web = Web({REVOKE: revocation, VERIFY: state})
    became = mastodon(web).revoke(APPLICATION, Secret(TOKEN))
    assert isinstance(became, outcome)
    if isinstance(became, Unclear):
        assert became.token_accepted is (state in [say(ACCOUNT), BARRED])


def test_token_is_only_looked_at_where_there_is_no_endpoint() -> None:
    web = Web({VERIFY: say(ACCOUNT)})
    without = Mastodon(web.http, instance_of(revocation=""))
    assert without.revoke(APPLICATION, Secret(TOKEN)) == ALIVE
    assert web.asked == [VERIFY]


# A post.


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
    with fails("no-answer", Exit.FAILED):
        post(web)
    assert web.asked == [POST]


def test_ping_takes_any_answer_and_repeats_only_what_got_none() -> None:
    web, lost = Web({METADATA: page(503)}), Web({METADATA: LOST})
    ping(web.http, ORIGIN)
    assert web.asked == [METADATA]
    with pytest.raises(TransportError):
        ping(lost.http, ORIGIN)
    assert len(lost.asked) > 1
