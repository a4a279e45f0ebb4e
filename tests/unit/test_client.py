"""An instance's API: what is sent, how often, and what is taken from an answer."""

import json
import traceback

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import (
    ActionRequiredError,
    NoAnswerError,
    NotSentError,
    ProvisionerError,
    TransportError,
)
from provisioner.mastodon.client import MAX_SCOPES, Grant, Mastodon, ping
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
METADATA = f"GET {ORIGIN}/.well-known/oauth-authorization-server"
SCOPES = ("read:accounts", "write:statuses")
TOKEN = "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0"
CODE = "-qHdDkTsjzpU6aGmN8FwzYxU4Yo5lBxSE_Q3Vd2LAz0"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
LOOPBACK = "http://127.0.0.1:8080/callback"
USER, PASSWORD = "mybot@mail.example", "correct horse & bättery"
APPLICATION = Application(client_id="the-id", client_secret=Secret("the-client-secret"))
PLAINTEXTS = (TOKEN, CODE, VERIFIER, "the-client-secret")
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
ODD: tuple[object, ...] = (None, "", 1, [], ["a"], {"a": 1}, True)
ODD_IDS = (*ODD[:2], *ODD[3:], *("1\n2", "\ud800", "9" * 5000, "x" * 65, "../1", "https://a/?x"))
NO_SECONDS: tuple[object, ...] = (
    *(None, 0, -1, 10**12, "never", True, [], float("nan"), float("inf")),
)
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


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scopes": None},
        {"scopes": "read:accounts write:statuses"},
        {"scopes": ["write:statuses", "read:accounts", "read:lists"]},
        {"vapid_key": "BCk-QqERU0q-CfYZjcuB6lnyyOYfJ2AifKqfeGIm7Z"},
        {"client_id": 3197},
    ],
    ids=str,
)
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
        *(None, []),
        *({"client_secret": value} for value in (*ODD[:3], "s3\n", "s" * 5000)),
        *({"client_id": value} for value in (*ODD[:2], *ODD[3:], "a b", "a\r\nX: y", "ä")),
    ],
    ids=lambda body: ascii(body)[:30],
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
    "reply",
    [LOST, page(500), page(503), say({}, 422), redirect("https://web.example/", 307)],
)
def test_registration_is_neither_repeated_nor_redirected(reply: Scripted) -> None:
    """Mastodon allows five in ten minutes."""
    web = Web({APPS: reply})
    with pytest.raises(ProvisionerError):
        mastodon(web).register("mybot", SCOPES)
    assert web.asked == [APPS]


def test_registration_does_not_wait_for_minutes() -> None:
    web = Web({APPS: say({}, 429, Retry_After="420")})
    with pytest.raises(NotNowError):
        mastodon(web).register("mybot", SCOPES)
    assert web.asked == [APPS]
    assert web.waits == []


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
        (5, None),
        ("  read   write ", ("read", "write")),
        ("read \x1b[31mwrite", ("read",)),
        ("read \ud800", ("read",)),
        (f"read {TOKEN} the-client-secret", ("read",)),
        (" ".join(f"s{n}" for n in range(99)), tuple(f"s{n}" for n in range(MAX_SCOPES))),
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
        (7200, 7200),
        (7200.0, 7200),
        ("7200", 7200),
        (100 * 365 * 86400, 100 * 365 * 86400),
        *((odd, None) for odd in NO_SECONDS),
    ],
    ids=repr,
)
def test_token_expires_when_the_server_says_so_in_whatever_way(
    expires_in: object, seconds: int | None
) -> None:
    assert issued(expires_in=expires_in).expires_in == seconds


@pytest.mark.parametrize("token", ["t" * 16, "t" * 4096, "!~" * 10], ids=len)
def test_token_is_16_to_4096_visible_characters(token: str) -> None:
    assert issued(access_token=token).token.reveal() == token


@pytest.mark.parametrize(
    "token",
    [
        *("", "t" * 15, "t" * 4097, f"{TOKEN}\n", f"{TOKEN}\r\nX: y", f" {TOKEN}", "ä" * 20),
        *(None, 12345678901234567890, [TOKEN], {"token": TOKEN}),
    ],
    ids=lambda token: ascii(token)[:12] + str(len(str(token))),
)
def test_what_could_not_be_masked_or_sent_is_no_token(token: object) -> None:
    with pytest.raises(ActionRequiredError) as caught:
        issued(access_token=token)
    assert caught.value.code == "bad-token"
    assert TOKEN not in traceback_of(caught.value)


@pytest.mark.parametrize("give", [exchange, log_in])
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (say({"error": "invalid_grant"}, 400), InvalidGrantError),
        (say({}, 429, Retry_After="5"), NotNowError),
        (Reply(503), NotNowError),
        *((page(status), NoAnswerError) for status in (200, 403, 500, 502)),
        (redirect("https://web.example/oauth/token", 307), NoAnswerError),
        (redirect(f"{OUT_OF_BAND}?error=invalid_scope"), NoAnswerError),
        *((trouble, NoAnswerError) for trouble in (LOST, httpx.ReadTimeout("Nothing."), FLOOD)),
    ],
)
def test_whatever_the_answer_what_was_given_is_sent_once(
    give: type, reply: Scripted, kind: type[ProvisionerError]
) -> None:
    web = Web({EXCHANGE: reply})
    with pytest.raises(kind):
        give(web)
    assert web.asked == [EXCHANGE]
    assert web.waits == []


def test_exchange_that_never_reached_the_server_is_repeated() -> None:
    web = Web({EXCHANGE: [UNREACHABLE, say(ISSUED)]})
    assert exchange(web).token == Secret(TOKEN)
    with pytest.raises(NotSentError):
        exchange(Web({EXCHANGE: UNREACHABLE}))


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_server_that_quotes_secrets_is_quoted_without_them(status: int) -> None:
    quoting = say({"error": " ".join((*PLAINTEXTS[1:], USER, PASSWORD))}, status)
    with pytest.raises(ProvisionerError) as caught:
        exchange(Web({EXCHANGE: quoting}))
    assert not [plain for plain in PLAINTEXTS if plain in str(vars(caught.value))]
    with pytest.raises(ProvisionerError) as caught:
        log_in(Web({EXCHANGE: quoting}))
    assert USER not in str(vars(caught.value))
    assert PASSWORD not in str(vars(caught.value))


@pytest.mark.parametrize(
    "reply", [say({"error": " ".join(PLAINTEXTS)}, 400), say([TOKEN]), Reply(200, TOKEN.encode())]
)
def test_no_traceback_shows_what_was_sent_or_came_back(reply: Reply) -> None:
    web = Web({EXCHANGE: reply})
    with pytest.raises(ProvisionerError) as caught:
        exchange(web)
    shown = traceback_of(caught.value)
    assert not [plain for plain in PLAINTEXTS[1:] if plain in shown]


# Whose token it is.


def test_token_to_verify_goes_in_its_header_and_nowhere_else() -> None:
    web = Web({VERIFY: say(ACCOUNT)})
    assert mastodon(web).verify(Secret(TOKEN)) == ALIVE
    assert web.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(web.requests[0].url)


@pytest.mark.parametrize(
    "number", [14715, "01F8MH1H7YV1Z7D2C8K2730QBF", "018d6f5e-5f3c-7e6b-9d5a-2f1f", "9s_-b2"]
)
def test_servers_number_accounts_in_several_ways(number: object) -> None:
    state = verify(say(ACCOUNT | {"id": number}))
    assert isinstance(state, Alive)
    assert state.id == str(number)


@pytest.mark.parametrize(
    "changes",
    [{"id": value} for value in ODD_IDS] + [{"username": value} for value in ODD[:3]],
    ids=lambda changes: ascii(changes)[:30],
)
def test_account_without_number_and_name_is_unclear(changes: dict[str, object]) -> None:
    state = verify(say(ACCOUNT | changes))
    assert isinstance(state, Unclear)
    assert not state.refused


@pytest.mark.parametrize("reply", [say(ACCOUNT, 201), page(403), REVOKED])
def test_only_200_is_alive(reply: Reply) -> None:
    assert not isinstance(verify(reply), Alive)


def test_moments_trouble_is_waited_out() -> None:
    web = Web({VERIFY: [page(502), LOST, say(ACCOUNT)]})
    assert mastodon(web).verify(Secret(TOKEN)) == ALIVE


@pytest.mark.parametrize("trouble", [LOST, UNREACHABLE, FLOOD])
def test_server_that_is_away_says_nothing_about_the_token(trouble: Scripted) -> None:
    state = verify(trouble)
    assert isinstance(state, Unclear)
    assert not state.refused


def test_token_is_not_taken_to_another_server_nor_shown_where_it_is_quoted() -> None:
    web = Web({VERIFY: redirect("https://web.example/", 307)})
    mastodon(web).verify(Secret(TOKEN))
    assert web.asked == [VERIFY]
    assert TOKEN not in str(verify(say({"error": f"no token {TOKEN}"}, 401)))
    assert TOKEN not in str(verify(say(ACCOUNT | {"username": TOKEN})))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.sampled_from(["error", "id", "username"]), x),
    )
)
@settings(max_examples=40)
def test_no_json_makes_verify_fail(value: object) -> None:
    assert isinstance(verify(Reply(200, json.dumps(value).encode())), Alive | Unclear)


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


@pytest.mark.parametrize("reply", [say({"acct": "mybot"}), say({}), Reply(404), page(403), LOST])
def test_takahes_account_is_unclear_where_the_domain_is_not_told(reply: Scripted) -> None:
    """Then the token is good all the same: it is not one that a revocation made dead."""
    state = of_takahe(reply)
    assert isinstance(state, Unclear)
    assert not state.refused


# Revocation.


def revoke(revocation: Scripted, state: Scripted, software: str = "Mastodon") -> object:
    web = Web({REVOKE: revocation, VERIFY: state})
    return mastodon(web, software).revoke(APPLICATION, Secret(TOKEN))


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
UNHEARD: dict[str, Scripted] = {
    "page": page(200),
    "text": Reply(200, b"OK"),
    "blocked": page(403),
    "unwell": Reply(500),
    "throttled": say({}, 429),
    "lost": LOST,
    "redirect": redirect("/login"),
}
REVOCATIONS: dict[str, tuple[Scripted, Scripted, type]] = {
    "Mastodon": (say({}), REVOKED, Dead),
    "Takahē": (Reply(200), Reply(400, b"Bad token"), Dead),
    "a page with 401 after it": (say({}), page(401), Dead),
    "dead already": (Reply(403), REVOKED, Dead),
    "500 and dead": (page(500), REVOKED, Dead),
    "heard, then unwell": (say({}), page(503), Unclear),
    "heard, then lost": (say({}), LOST, Unclear),
    "heard, then throttled": (say({}), say({}, 429), Unclear),
    "heard, and the account is barred": (say({}), BARRED, Unclear),
    "unheard, then refused": (page(200), page(401), Unclear),
    "a proxy that lets nothing through": (page(403), page(403), Unclear),
    "heard, and alive": (say({}), say(ACCOUNT), Alive),
    "heard by Takahē, and alive": (Reply(200), say(ACCOUNT), Alive),
    "refused, and alive": (say({"error": "unauthorized"}, 403), say(ACCOUNT), Alive),
    "no endpoint": (Reply(404), say(ACCOUNT), Alive),
    "no endpoint, a page": (page(404), say(ACCOUNT), Alive),
    **{f"unheard: {name}": (reply, say(ACCOUNT), Unheard) for name, reply in UNHEARD.items()},
}


@pytest.mark.parametrize("name", REVOCATIONS)
def test_revocation_counts_only_after_the_token_is_seen_dead(name: str) -> None:
    """Unheard is what works still, and was perhaps not answered by the instance itself."""
    revocation, state, outcome = REVOCATIONS[name]
    assert isinstance(revoke(revocation, state), outcome)


@pytest.mark.parametrize(("software", "state"), [("snac", Reply(422)), ("Friendica", page(401))])
def test_revoked_token_is_seen_dead_on_every_server(software: str, state: Reply) -> None:
    assert isinstance(revoke(say({}), state, software), Dead)


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


@pytest.mark.parametrize("reply", [page(500), page(503), say({"error": "no"}, 422)])
def test_any_answer_to_a_post_is_returned_and_nothing_repeated(reply: Reply) -> None:
    web = Web({POST: reply})
    assert post(web) == reply.status
    assert web.asked == [POST]


def test_post_whose_answer_is_lost_is_not_repeated() -> None:
    web = Web({POST: LOST})
    with pytest.raises(NoAnswerError):
        post(web)
    assert web.asked == [POST]


def test_replayed_refusal_is_asked_about_anew() -> None:
    """Pleroma repeats a refusal to the same key for six hours, even if its cause is gone."""
    replayed = say({"error": "Invalid credentials."}, 403, Idempotent_Replayed="true")
    web = Web({POST: [replayed, replayed, say({"id": "1"}, Idempotent_Replayed="true")]})
    assert post(web) == 200
    keys = [request.headers["idempotency-key"] for request in web.requests]
    assert keys == ["the-key", "the-key-1", "the-key-2"]
    only_replaying = Web({POST: replayed})
    assert post(only_replaying) == 403
    assert len(only_replaying.requests) == 5


# Whether an instance answers.


@pytest.mark.parametrize("reply", [say({}), Reply(404), page(503), Reply(429), redirect("/")])
def test_ping_takes_any_answer_and_waits_for_none(reply: Reply) -> None:
    web = Web({METADATA: reply})
    ping(web.http, ORIGIN)
    assert web.asked == [METADATA]
    assert web.waits == []


@pytest.mark.parametrize("trouble", [LOST, UNREACHABLE])
def test_ping_without_an_answer_is_an_error(trouble: Scripted) -> None:
    with pytest.raises(TransportError):
        ping(Web({METADATA: trouble}).http, ORIGIN)
