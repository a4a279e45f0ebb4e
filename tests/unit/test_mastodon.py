"""An instance's API, as it is and as it may answer."""

import io
import json
import re
import traceback
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.traceback import Traceback

from provisioner.errors import (
    Exit,
    InputError,
    NoAnswerError,
    NotSentError,
    ProvisionerError,
    TransportError,
)
from provisioner.http import Http
from provisioner.mastodon import (
    Alive,
    Dead,
    Grant,
    Mastodon,
    Unclear,
    Unheard,
)
from provisioner.mastodon_errors import (
    InvalidClientError,
    InvalidGrantError,
    NoPasswordGrantError,
)
from provisioner.oauth import Application, Server, authorization_url, challenge
from provisioner.secret import Secret
from tests.told import fails, said
from tests.unit.conftest import NOW
from tests.unit.server import (
    Recorded,
    Reply,
    ScriptedServer,
    answer,
    flood,
    hang,
    hang_up,
    page,
    redirect,
    say,
    truncated,
)

OOB = "urn:ietf:wg:oauth:2.0:oob"
SCOPES = ("read:accounts", "write:statuses")
TOKEN = "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0"
CODE = "-qHdDkTsjzpU6aGmN8FwzYxU4Yo5lBxSE_Q3Vd2LAz0"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
USER, PASSWORD = "mybot@mail.example", "correct horse & b\u00e4ttery"
APPLICATION = Application(client_id="the-id", client_secret=Secret("the-client-secret"))
PLAINTEXTS = (TOKEN, CODE, VERIFIER, "the-client-secret")
REGISTERED = {
    "id": "563419",
    "name": "mybot",
    "website": None,
    "scopes": list(SCOPES),
    "redirect_uris": [OOB],
    "redirect_uri": OOB,
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
ACCOUNT = {"id": "14715", "username": "mybot", "acct": "mybot"}
INVALID_GRANT = {
    "error": "invalid_grant",
    "error_description": "The provided authorization grant is invalid, expired, revoked.",
}
LATER = "2027-01-15T08:07:00.000000Z"  # seven minutes from NOW
assert NOW == 1_800_000_000.0


@pytest.fixture
def mastodon(http: Http, server: ScriptedServer) -> Mastodon:
    """The API of the scripted server."""
    return Mastodon(http, server_at(server.origin, software="Mastodon"))


def server_at(origin: str, **changes: str) -> Server:
    """A server at Mastodon's classic paths."""
    endpoints = {
        "authorization_endpoint": f"{origin}/oauth/authorize",
        "token_endpoint": f"{origin}/oauth/token",
        "registration_endpoint": f"{origin}/api/v1/apps",
        "revocation_endpoint": f"{origin}/oauth/revoke",
    }
    return Server(origin=origin, has_metadata=True, **(endpoints | changes))


def exchange(mastodon: Mastodon) -> Grant:
    """An exchange with a verifier."""
    return mastodon.exchange(APPLICATION, Secret(CODE), Secret(VERIFIER))


def log_in(mastodon: Mastodon) -> Grant:
    """An exchange of user name and password."""
    return mastodon.log_in(APPLICATION, Secret(USER), Secret(PASSWORD), SCOPES)


def only(server: ScriptedServer) -> Recorded:
    """The one request that arrived."""
    (request,) = server.requests
    return request


class TestAuthorizationUrl:
    """The link that the person opens."""

    def test_parameters(self) -> None:
        """The link has these parameters and no others: no `state` for one."""
        link = authorization_url(server_at("https://m.example"), "id", SCOPES, Secret(VERIFIER))
        assert link.startswith("https://m.example/oauth/authorize?")
        assert parse_qsl(urlsplit(link).query) == [
            ("response_type", "code"),
            ("client_id", "id"),
            ("redirect_uri", OOB),
            ("scope", "read:accounts write:statuses"),
            ("force_login", "true"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ]

    def test_rfc_7636(self) -> None:
        """The challenge is that of RFC 7636, appendix B."""
        assert challenge(Secret(VERIFIER)) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    def test_without_a_verifier(self) -> None:
        """Without a verifier there is no challenge: Mastodon refuses either without the other."""
        link = authorization_url(server_at("https://m.example"), "id", SCOPES, None)
        assert "code_challenge" not in link

    def test_the_verifier_stays_here(self) -> None:
        """The link, which everybody may see, does not hold the verifier."""
        link = authorization_url(server_at("https://m.example"), "id", SCOPES, Secret(VERIFIER))
        assert VERIFIER not in link

    def test_an_endpoint_with_a_query(self) -> None:
        """What an endpoint has for a query is kept, except where it is ours to say."""
        endpoint = "https://m.example/authorize?tenant=1&force_login=false"
        server = server_at("https://m.example", authorization_endpoint=endpoint)
        query = parse_qsl(urlsplit(authorization_url(server, "id", SCOPES, None)).query)
        assert ("tenant", "1") in query
        assert [value for name, value in query if name == "force_login"] == ["true"]

    @given(st.text())
    def test_any_client_id(self, client_id: str) -> None:
        """Nothing in a client id adds a parameter or a line."""
        link = authorization_url(server_at("https://m.example"), client_id, SCOPES, None)
        query = parse_qsl(urlsplit(link).query, keep_blank_values=True)
        assert (dict(query)["client_id"], len(query)) == (client_id, 5)
        assert link.isascii()
        assert link.isprintable()


class TestRegister:
    """A new application."""

    def test_request(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """One string each for redirect and scopes, documented fields only, as a form."""
        server.on("POST", "/api/v1/apps", say(REGISTERED))
        mastodon.register("My B\u00f6t", SCOPES)
        assert only(server).form == {
            "client_name": "My B\u00f6t",
            "redirect_uris": OOB,
            "scopes": "read:accounts write:statuses",
        }

    def test_answer(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """The application is what the server registered."""
        server.on("POST", "/api/v1/apps", say(REGISTERED))
        application = mastodon.register("mybot", SCOPES)
        assert application.client_id == REGISTERED["client_id"]
        assert application.client_secret.reveal() == REGISTERED["client_secret"]
        assert not application.by_hand

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
    def test_other_answers(
        self, mastodon: Mastodon, server: ScriptedServer, changes: dict[str, object]
    ) -> None:
        """Older and other servers say less, or more, of what they registered."""
        server.on("POST", "/api/v1/apps", say(REGISTERED | changes))
        assert mastodon.register("mybot", SCOPES).client_id == REGISTERED["client_id"]

    @pytest.mark.parametrize("rich", [False, True], ids=["plain", "rich"])
    def test_tracebacks_with_locals(
        self, mastodon: Mastodon, server: ScriptedServer, *, rich: bool
    ) -> None:
        """A registration that fails shows no client secret, not even in a traceback's variables."""
        server.on("POST", "/api/v1/apps", say(REGISTERED | {"scopes": []}))
        try:
            mastodon.register("mybot", SCOPES)
        except InputError as error:
            shown = _shown(error, rich=rich)
        assert str(REGISTERED["client_secret"]) not in shown

    def test_mastodon_4_2(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """Mastodon 4.2 names no scopes."""
        old = ("id", "name", "website", "redirect_uri", "client_id", "client_secret")
        server.on("POST", "/api/v1/apps", say({name: REGISTERED[name] for name in old}))
        assert mastodon.register("mybot", SCOPES).client_id == REGISTERED["client_id"]

    def test_a_numeric_client_id(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """Pixelfed's client ids are numbers."""
        server.on("POST", "/api/v1/apps", say(REGISTERED | {"client_id": 3197}))
        assert mastodon.register("mybot", SCOPES).client_id == "3197"

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
            {"client_id": "\u00e4"},
            {"client_id": ["a"]},
            {"client_id": {}},
            {"client_id": True},
        ],
        ids=lambda changes: ascii(changes)[:40],
    )
    def test_unreadable(
        self, mastodon: Mastodon, server: ScriptedServer, changes: dict[str, object]
    ) -> None:
        """An answer without a usable id and secret is no application."""
        server.on("POST", "/api/v1/apps", say(REGISTERED | changes))
        with pytest.raises(TransportError) as caught:
            mastodon.register("mybot", SCOPES)
        assert caught.value.ident == "registration-unreadable"

    @pytest.mark.parametrize(
        "reply", [page(), answer(204), say([]), say(None)], ids=["page", "204", "list", "null"]
    )
    def test_no_json(self, mastodon: Mastodon, server: ScriptedServer, reply: Reply) -> None:
        """Nor is a page."""
        server.on("POST", "/api/v1/apps", reply)
        with pytest.raises(TransportError) as caught:
            mastodon.register("mybot", SCOPES)
        assert caught.value.ident == "registration-unreadable"

    def test_dropped_scopes(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """Scopes that the server left out are named before anybody is asked to approve."""
        server.on("POST", "/api/v1/apps", say(REGISTERED | {"scopes": ["read:accounts"]}))
        with fails("scopes-dropped", Exit.INPUT) as caught:
            mastodon.register("mybot", SCOPES)
        assert "write:statuses" in said(caught.value)
        assert "read:accounts" not in said(caught.value)

    @pytest.mark.parametrize("status", [400, 422])
    def test_refused(self, mastodon: Mastodon, server: ScriptedServer, status: int) -> None:
        """A refusal of scopes or name is the input's fault, and quotes the server."""
        why = "Validation failed: Scopes doesn't match configured on the server."
        server.on("POST", "/api/v1/apps", say({"error": why}, status))
        with fails("registration-refused", Exit.INPUT) as caught:
            mastodon.register("mybot", SCOPES)
        assert why in said(caught.value)

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_closed(self, mastodon: Mastodon, server: ScriptedServer, status: int) -> None:
        """Where we may not register, a person can do it by hand."""
        server.on("POST", "/api/v1/apps", page(status))
        with fails("registration-closed", Exit.PERSON):
            mastodon.register("mybot", SCOPES)

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_redirected(
        self, mastodon: Mastodon, server: ScriptedServer, other: ScriptedServer, status: int
    ) -> None:
        """A redirect is not followed, and not reported as a server in trouble: it moved."""
        server.on("POST", "/api/v1/apps", redirect(f"{other.origin}/api/v1/apps", status))
        with fails("instance-moved", Exit.INPUT):
            mastodon.register("mybot", SCOPES)
        assert other.requests == []

    @pytest.mark.parametrize(
        ("name", "value", "minutes"),
        [
            ("X-RateLimit-Reset", LATER, "7 minutes"),
            ("Retry-After", "300", "5 minutes"),
            ("Retry-After", "61", "2 minutes"),
            ("Retry-After", "5", "1 minute"),
            ("X-None", "", "10 minutes"),
        ],
    )
    def test_throttled(
        self, mastodon: Mastodon, server: ScriptedServer, name: str, value: str, minutes: str
    ) -> None:
        """Who must wait is told for how long, rounded up."""
        server.on(
            "POST", "/api/v1/apps", say({"error": "Too many requests"}, 429, ((name, value),))
        )
        with fails("registration-throttled", Exit.FAILED) as caught:
            mastodon.register("mybot", SCOPES)
        assert re.findall("[0-9]+ minutes?", caught.value.todo) == [minutes]

    @pytest.mark.parametrize(
        ("software", "headers", "limit", "minutes"),
        [
            ("Mastodon", (), ["5", "10"], ["10"]),
            ("", (), [], []),
            ("Pleroma", (), [], []),
            ("Pleroma", (("Retry-After", "300"),), [], ["5"]),
        ],
    )
    def test_throttled_elsewhere(
        self,
        http: Http,
        server: ScriptedServer,
        software: str,
        headers: tuple[tuple[str, str], ...],
        limit: list[str],
        minutes: list[str],
    ) -> None:
        """Mastodon's numbers are told of Mastodon alone; of others, what their answer says."""
        mastodon = Mastodon(http, server_at(server.origin, software=software))
        server.on("POST", "/api/v1/apps", say({"error": "Throttled"}, 429, headers))
        with fails("registration-throttled", Exit.FAILED) as caught:
            mastodon.register("mybot", SCOPES)
        assert re.findall("[0-9]+", caught.value.why) == limit
        assert re.findall("[0-9]+", caught.value.todo) == minutes

    def test_throttled_for_long(
        self, mastodon: Mastodon, server: ScriptedServer, waits: list[float]
    ) -> None:
        """Nothing waits for minutes."""
        throttled = answer(429, b"", (("X-RateLimit-Reset", LATER),))
        server.on("POST", "/api/v1/apps", throttled)
        with pytest.raises(ProvisionerError):
            mastodon.register("mybot", SCOPES)
        assert (len(server.requests), waits) == (1, [])

    @pytest.mark.parametrize(
        "lost", [hang_up, truncated, page(500), page(503)], ids=["nothing", "half", "500", "503"]
    )
    def test_once(self, mastodon: Mastodon, server: ScriptedServer, lost: Reply) -> None:
        """A registration whose answer is lost is not repeated: five in ten minutes are allowed."""
        server.on("POST", "/api/v1/apps", lost)
        with pytest.raises(TransportError):
            mastodon.register("mybot", SCOPES)
        assert len(server.requests) == 1


REFUSED: dict[str, Reply] = {
    "Mastodon": say(INVALID_GRANT, 400),
    "GoToSocial, wrong code": say({"error": "sql: no rows in result set"}, 400),
    "GoToSocial, wrong redirect": say({"error": "invalid redirect uri"}, 403),
    "Takah\u0113, expired": say({"error": "access_denied"}, 401),
}
UNCLEAR: dict[str, Reply] = {
    "a proxy": page(403),
    "missing": answer(404),
    "Takah\u0113, wrong code": page(500),
    "front end": page(200),
    "empty": answer(200),
    "no JSON": answer(200, b"access_token=abc", (("Content-Type", "application/json"),)),
    "list": say([TOKEN]),
    "gateway": page(502),
    "unwell": say({"error": "busy"}, 503),
    "throttled": answer(429),
    "timed out": answer(408),
    "redirect": redirect("https://social.example/login"),
    "odd redirect": redirect(f"{OOB}?error=invalid_scope"),
    "cut": truncated,
    "ended": hang_up,
    "50 MB": flood,
}


class TestExchange:
    """The code for a token."""

    def test_request(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """Credentials in the body, as all servers take them; no `scope`, no Basic auth."""
        server.on("POST", "/oauth/token", say(ISSUED))
        exchange(mastodon)
        assert only(server).header("authorization") is None
        assert only(server).target == "/oauth/token"
        assert only(server).form == {
            "grant_type": "authorization_code",
            "code": CODE,
            "client_id": "the-id",
            "client_secret": "the-client-secret",
            "redirect_uri": OOB,
            "code_verifier": VERIFIER,
        }

    def test_without_a_verifier(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """Without a challenge there is no verifier: Mastodon refuses either without the other."""
        server.on("POST", "/oauth/token", say(ISSUED))
        mastodon.exchange(APPLICATION, Secret(CODE), None)
        assert "code_verifier" not in only(server).form

    def test_answer(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """The token, its scopes, and no expiry."""
        server.on("POST", "/oauth/token", say(ISSUED))
        assert exchange(mastodon) == Grant(Secret(TOKEN), SCOPES, None)

    @pytest.mark.parametrize(
        ("scope", "scopes"),
        [
            (None, None),
            ("", None),
            (5, None),
            ("read", ("read",)),
            ("  read   write ", ("read", "write")),
        ],
        ids=str,
    )
    def test_scopes(
        self,
        mastodon: Mastodon,
        server: ScriptedServer,
        scope: object,
        scopes: tuple[str, ...] | None,
    ) -> None:
        """What was granted is what the server says, if it says so."""
        server.on("POST", "/oauth/token", say(ISSUED | {"scope": scope}))
        assert exchange(mastodon).scopes == scopes

    @pytest.mark.parametrize(
        "scope", ["read \x1b[31mwrite", "read \ud800", "read \u202ewrite"], ids=ascii
    )
    def test_odd_scopes(self, mastodon: Mastodon, server: ScriptedServer, scope: str) -> None:
        """Scopes that can't be printed, or put into the journal, are not taken over."""
        server.on("POST", "/oauth/token", say(ISSUED | {"scope": scope}))
        assert [
            s for s in exchange(mastodon).scopes or () if not s.isascii() or not s.isprintable()
        ] == []

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
    def test_expiry(
        self,
        mastodon: Mastodon,
        server: ScriptedServer,
        expires_in: object,
        seconds: int | None,
    ) -> None:
        """A token expires when the server says so, in whatever way; nonsense does not fail."""
        server.on("POST", "/oauth/token", say(ISSUED | {"expires_in": expires_in}))
        assert exchange(mastodon).expires_in == seconds

    @pytest.mark.parametrize("token", ["t" * 16, "t" * 4096, "!~" * 10], ids=len)
    def test_tokens(self, mastodon: Mastodon, server: ScriptedServer, token: str) -> None:
        """A token is 16 to 4,096 visible characters."""
        server.on("POST", "/oauth/token", say(ISSUED | {"access_token": token}))
        assert exchange(mastodon).token.reveal() == token

    @pytest.mark.parametrize(
        "token",
        [
            "",
            "t",
            "t" * 15,
            "t" * 4097,
            "t" * 5000,
            f"{TOKEN}\n",
            f"{TOKEN}\r\nX: y",
            f" {TOKEN}",
            "\u00e4" * 20,
            None,
            12345678901234567890,
            [TOKEN],
            {"token": TOKEN},
        ],
        ids=lambda token: ascii(token)[:12] + str(len(str(token))),
    )
    def test_bad_tokens(self, mastodon: Mastodon, server: ScriptedServer, token: object) -> None:
        """What could not be masked or sent is no token, and is not shown."""
        server.on("POST", "/oauth/token", say(ISSUED | {"access_token": token}))
        with fails("bad-token", Exit.PERSON) as caught:
            exchange(mastodon)
        assert TOKEN not in str(vars(caught.value))

    @pytest.mark.parametrize("server_is", REFUSED)
    def test_refusals(self, mastodon: Mastodon, server: ScriptedServer, server_is: str) -> None:
        """However a server puts it, a refusal of the code means that no token was issued."""
        server.on("POST", "/oauth/token", REFUSED[server_is])
        with pytest.raises(InvalidGrantError):
            exchange(mastodon)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [400, 401, 403])
    def test_unknown_applications(
        self, mastodon: Mastodon, server: ScriptedServer, status: int
    ) -> None:
        """A refusal of the application is told from one of the code."""
        server.on("POST", "/oauth/token", say({"error": "invalid_client"}, status))
        with pytest.raises(InvalidClientError):
            exchange(mastodon)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("reply", UNCLEAR)
    def test_unclear_answers(
        self, mastodon: Mastodon, server: ScriptedServer, waits: list[float], reply: str
    ) -> None:
        """Any other answer may hide a token: it is no refusal, and the exchange is not repeated."""
        server.on("POST", "/oauth/token", UNCLEAR[reply])
        with pytest.raises(NoAnswerError):
            exchange(mastodon)
        assert (len(server.requests), waits) == (1, [])

    def test_silence(
        self, monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, waits: list[float]
    ) -> None:
        """Nor is it after a silence."""
        monkeypatch.setattr("provisioner.http.TIMEOUT", httpx.Timeout(0.1))
        server.on("POST", "/oauth/token", hang)
        with Http(sleep=waits.append) as http, pytest.raises(NoAnswerError):
            exchange(Mastodon(http, server_at(server.origin)))
        assert waits == []

    def test_nobody_there(self, http: Http) -> None:
        """A connection that was refused spent no code, which the error's kind says."""
        with ScriptedServer(listening=False) as server, pytest.raises(NotSentError):
            exchange(Mastodon(http, server_at(server.origin)))

    def test_a_refused_connection_is_repeated(self) -> None:
        """An exchange that never reached the server is tried again: once it arrives, that is it."""
        with ScriptedServer(listening=False) as server:
            server.on("POST", "/oauth/token", say(ISSUED))
            with Http(sleep=lambda _: server.listen()) as http:
                assert exchange(Mastodon(http, server_at(server.origin))).token == Secret(TOKEN)
        assert len(server.requests) == 1

    def test_a_redirect_leads_nowhere(
        self, mastodon: Mastodon, server: ScriptedServer, other: ScriptedServer
    ) -> None:
        """The code and the client secret are not taken to another server."""
        server.on("POST", "/oauth/token", redirect(f"{other.origin}/oauth/token", 307))
        with pytest.raises(NoAnswerError):
            exchange(mastodon)
        assert other.requests == []

    @pytest.mark.parametrize("status", [200, 400, 401, 500])
    def test_echoes(self, mastodon: Mastodon, server: ScriptedServer, status: int) -> None:
        """A server that quotes what it was sent is quoted without it."""
        server.on("POST", "/oauth/token", say({"error": " ".join(PLAINTEXTS[1:])}, status))
        with pytest.raises(ProvisionerError) as caught:
            exchange(mastodon)
        assert not [plain for plain in PLAINTEXTS[1:] if plain in str(vars(caught.value))]

    @pytest.mark.parametrize(
        ("reply", "rich"),
        [
            (say({"error": " ".join(PLAINTEXTS[1:])}, 400), False),
            (say({"error": "no"}, 500), False),
            (say(ISSUED | {"access_token": f"{TOKEN}\n"}), False),
            (say(ISSUED | {"access_token": f"{TOKEN}\n"}), True),
            (say([TOKEN]), False),
            (answer(200, TOKEN.encode()), False),
        ],
        ids=["refused", "unclear", "bad token", "bad token, rich", "list", "text"],
    )
    def test_tracebacks_with_locals(
        self, mastodon: Mastodon, server: ScriptedServer, reply: Reply, *, rich: bool
    ) -> None:
        """However it fails, a traceback shows neither what was sent nor what came back."""
        server.on("POST", "/oauth/token", reply)
        try:
            exchange(mastodon)
        except ProvisionerError as error:
            shown = _shown(error, rich=rich)
        assert not [plain for plain in PLAINTEXTS if plain in shown]


class TestLogIn:
    """User name and password for a token."""

    def test_request(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """The form is that of RFC 6749, section 4.3.2, and holds the scopes."""
        server.on("POST", "/oauth/token", say(ISSUED))
        assert log_in(mastodon) == Grant(Secret(TOKEN), SCOPES, None)
        assert only(server).target == "/oauth/token"
        assert only(server).form == {
            "grant_type": "password",
            "username": USER,
            "password": PASSWORD,
            "client_id": "the-id",
            "client_secret": "the-client-secret",
            "scope": "read:accounts write:statuses",
        }

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            ("invalid_grant", 400, "login-refused"),
            ("Invalid credentials", 400, "login-refused"),  # Pleroma
            ("mfa_required", 403, "second-factor"),  # Pleroma, two-factor authentication
        ],
    )
    def test_refusals(
        self, mastodon: Mastodon, server: ScriptedServer, error: str, status: int, code: str
    ) -> None:
        """However a server puts it, no token was issued; the password is sent once."""
        server.on("POST", "/oauth/token", say({"error": error}, status))
        with pytest.raises(InvalidGrantError) as caught:
            log_in(mastodon)
        assert caught.value.ident == code
        assert len(server.requests) == 1

    @pytest.mark.parametrize("more", [{}, {"error_description": "Second factor, please."}], ids=str)
    def test_second_factor(
        self, mastodon: Mastodon, server: ScriptedServer, more: dict[str, str]
    ) -> None:
        """Pleroma's word for it counts, whatever it says besides: on with a browser."""
        server.on("POST", "/oauth/token", say({"error": "mfa_required"} | more, 403))
        with pytest.raises(InvalidGrantError) as caught:
            log_in(mastodon)
        assert caught.value.ident == "second-factor"
        assert "begin" in caught.value.todo

    def test_no_second_factor(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """What merely mentions the word is no such answer."""
        said = {"error": "invalid_grant", "error_description": "not mfa_required"}
        server.on("POST", "/oauth/token", say(said, 400))
        with pytest.raises(InvalidGrantError) as caught:
            log_in(mastodon)
        assert caught.value.ident == "login-refused"

    @pytest.mark.parametrize("error", ["unsupported_grant_type", "unauthorized_client"])
    def test_no_passwords(self, mastodon: Mastodon, server: ScriptedServer, error: str) -> None:
        """A server that takes no passwords is told from one that does not like this one."""
        server.on("POST", "/oauth/token", say({"error": error}, 400))
        with pytest.raises(NoPasswordGrantError):
            log_in(mastodon)

    def test_unknown_application(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """And so is one that has forgotten the application."""
        server.on("POST", "/oauth/token", say({"error": "invalid_client"}, 401))
        with pytest.raises(InvalidClientError):
            log_in(mastodon)

    @pytest.mark.parametrize("reply", UNCLEAR)
    def test_unclear_answers(self, mastodon: Mastodon, server: ScriptedServer, reply: str) -> None:
        """Any other answer may hide a token: nothing is repeated."""
        server.on("POST", "/oauth/token", UNCLEAR[reply])
        with pytest.raises(NoAnswerError):
            log_in(mastodon)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("rich", [False, True], ids=["plain", "rich"])
    def test_echoes(self, mastodon: Mastodon, server: ScriptedServer, *, rich: bool) -> None:
        """What a server quotes of the login is not shown, not even by a traceback's variables."""
        server.on("POST", "/oauth/token", say({"error": f"{USER} {PASSWORD}"}, 400))
        try:
            log_in(mastodon)
        except ProvisionerError as error:
            shown = _shown(error, rich=rich) + str(vars(error))
        assert (USER in shown, PASSWORD in shown) == (False, False)


class TestVerify:
    """Whose token it is."""

    def test_request(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """The token goes in its header, and nowhere else."""
        server.on("GET", "/api/v1/accounts/verify_credentials", say(ACCOUNT))
        mastodon.verify(Secret(TOKEN))
        assert only(server).header("authorization") == f"Bearer {TOKEN}"
        assert only(server).target == "/api/v1/accounts/verify_credentials"

    @pytest.mark.parametrize("number", ["14715", 14715], ids=repr)
    def test_alive(self, mastodon: Mastodon, server: ScriptedServer, number: object) -> None:
        """A token that names its account is alive; its number may be a number."""
        server.on("GET", "/api/v1/accounts/verify_credentials", say(ACCOUNT | {"id": number}))
        assert mastodon.verify(Secret(TOKEN)) == Alive("14715", "mybot", "", "mybot")

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
    def test_other_numbers(self, mastodon: Mastodon, server: ScriptedServer, number: str) -> None:
        """Other servers number their accounts in other ways."""
        server.on("GET", "/api/v1/accounts/verify_credentials", say(ACCOUNT | {"id": number}))
        assert mastodon.verify(Secret(TOKEN)) == Alive(number, "mybot", "", "mybot")

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
    def test_missing_fields(
        self, mastodon: Mastodon, server: ScriptedServer, changes: dict[str, object]
    ) -> None:
        """Without a usable number and name it is not clear whose token it is."""
        server.on("GET", "/api/v1/accounts/verify_credentials", say(ACCOUNT | changes))
        assert isinstance(mastodon.verify(Secret(TOKEN)), Unclear)

    def test_a_name_that_echoes_the_token(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """An account's name, which is shown, is shown without the token in it."""
        server.on("GET", "/api/v1/accounts/verify_credentials", say(ACCOUNT | {"username": TOKEN}))
        assert TOKEN not in str(mastodon.verify(Secret(TOKEN)))

    @pytest.mark.parametrize(
        ("software", "reply"),
        [
            ("takahe", answer(400, b"Invalid Bearer token")),
            ("Pixelfed", redirect("/login")),
            ("Pixelfed", say({"error": "Unauthenticated."}, 500)),
            ("Sharkey", say({"error": {"code": "AUTHENTICATION_FAILED", "id": "x"}}, 401)),
        ],
        ids=["takahe", "pixelfed", "pixelfed, json", "sharkey"],
    )
    def test_dead_in_its_own_words(
        self, http: Http, server: ScriptedServer, software: str, reply: Reply
    ) -> None:
        """Where a server is known to say it otherwise than with Mastodon's 401, that means dead."""
        server.on("GET", "/api/v1/accounts/verify_credentials", reply)
        mastodon = Mastodon(http, server_at(server.origin, software=software))
        assert isinstance(mastodon.verify(Secret(TOKEN)), Dead)

    @pytest.mark.parametrize(
        ("software", "reply", "stands"),
        [
            ("Pleroma", say({"error": "Invalid credentials."}, 403), False),
            ("Akkoma", say({"error": "Invalid credentials."}, 403), False),
            ("GoToSocial", say({"error": "Unauthorized: application not supplied"}, 401), True),
        ],
        ids=["pleroma", "akkoma", "gotosocial"],
    )
    def test_a_barred_account_in_its_own_words(
        self, http: Http, server: ScriptedServer, software: str, reply: Reply, *, stands: bool
    ) -> None:
        """Where it is the account, or may be, a person is told so, and the token is not dead."""
        server.on("GET", "/api/v1/accounts/verify_credentials", reply)
        verdict = Mastodon(http, server_at(server.origin, software=software)).verify(Secret(TOKEN))
        assert isinstance(verdict, Unclear)
        assert (verdict.todo != "", verdict.token_stands) == (True, stands)

    @pytest.mark.parametrize("software", ["Mastodon", "takahe", "Pleroma", "Pixelfed", ""])
    @pytest.mark.parametrize(
        "reply",
        [
            answer(400, b"Bad Request"),
            say({"error": "Insufficient permissions: read:accounts."}, 403),
            redirect("/maintenance"),
            redirect("https://other.example/login"),
            page(403),
            page(200),
        ],
        ids=["400", "scopes", "maintenance", "another's login", "page 403", "page 200"],
    )
    def test_no_death_by_likeness(
        self, http: Http, server: ScriptedServer, software: str, reply: Reply
    ) -> None:
        """What only looks like a server's own words kills no token, at that server or another."""
        server.on("GET", "/api/v1/accounts/verify_credentials", reply)
        mastodon = Mastodon(http, server_at(server.origin, software=software))
        assert isinstance(mastodon.verify(Secret(TOKEN)), Unclear)

    @pytest.mark.parametrize(
        ("error", "cause"),
        [
            ("Your login is currently disabled", "disabled"),
            ("Your login is missing a confirmed e-mail address", "e-mail"),
            ("Your login is currently pending approval", "approval"),
            ("Your account requires two-factor authentication", "two-factor"),
        ],
    )
    def test_barred(
        self, mastodon: Mastodon, server: ScriptedServer, error: str, cause: str
    ) -> None:
        """An account that may do nothing is said to be so, with what to do; its token is alive."""
        server.on("GET", "/api/v1/accounts/verify_credentials", say({"error": error}, 403))
        verdict = mastodon.verify(Secret(TOKEN))
        assert isinstance(verdict, Unclear)
        assert cause in verdict.reason
        assert verdict.todo
        assert verdict.token_stands

    @pytest.mark.parametrize(
        "error",
        [
            "The access token is invalid",
            "The access token was revoked",
            "The access token expired",
            "Unauthorized: token was revoked",
        ],
    )
    def test_dead(self, mastodon: Mastodon, server: ScriptedServer, error: str) -> None:
        """A 401 in the API's own form means dead."""
        server.on("GET", "/api/v1/accounts/verify_credentials", say({"error": error}, 401))
        verdict = mastodon.verify(Secret(TOKEN))
        assert isinstance(verdict, Dead)
        for fact in (mastodon.server.host, "HTTP 401", error):
            assert fact in verdict.reason

    @pytest.mark.parametrize(
        ("reply", "refused"),
        [
            (page(401), True),
            (answer(401), True),
            (say([], 401), True),
            (say({"message": "no"}, 401), True),
            (answer(400, b"Bad token"), True),
            (say({"error": "Your login is currently disabled"}, 403), True),
            (say({"error": "This action is outside the authorized scopes"}, 403), True),
            (page(403), True),
            (answer(418), True),
            (say({"error": "This method requires an authenticated user"}, 422), True),
            (page(500), False),
            (page(503), False),
            (page(200), False),
            (answer(200), False),
            (say([]), False),
            (redirect("/login"), False),
            (redirect("urn:ietf:wg:oauth:2.0:oob?error=x"), False),
            (hang_up, False),
            (truncated, False),
            (flood, False),
        ],
        ids=[
            "401 page",
            "401 empty",
            "401 list",
            "401 of another form",
            "400 Takahe",
            "403 disabled",
            "403 scopes",
            "403 page",
            "418",
            "422",
            "500",
            "503",
            "page",
            "empty",
            "list",
            "redirect",
            "odd redirect",
            "nothing",
            "half",
            "50 MB",
        ],
    )
    def test_unclear(
        self, mastodon: Mastodon, server: ScriptedServer, reply: Reply, *, refused: bool
    ) -> None:
        """Nothing else does; whether it was a refusal is kept for tokens that we just revoked."""
        server.on("GET", "/api/v1/accounts/verify_credentials", reply)
        verdict = mastodon.verify(Secret(TOKEN))
        assert isinstance(verdict, Unclear)
        assert verdict.refused == refused

    def test_throttled(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """A rate limit says nothing of the token: not even that it was refused."""
        server.on("GET", "/api/v1/accounts/verify_credentials", say({"error": "Too many"}, 429))
        verdict = mastodon.verify(Secret(TOKEN))
        assert isinstance(verdict, Unclear)
        assert not verdict.refused

    def test_a_moment_s_trouble(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """To look is repeated."""
        path = "/api/v1/accounts/verify_credentials"
        server.on("GET", path, page(502), hang_up, say(ACCOUNT))
        assert mastodon.verify(Secret(TOKEN)) == Alive("14715", "mybot", "", "mybot")

    def test_nobody_there(self, http: Http) -> None:
        """A server that is away says nothing of the token."""
        with ScriptedServer(listening=False) as server:
            verdict = Mastodon(http, server_at(server.origin)).verify(Secret(TOKEN))
        assert isinstance(verdict, Unclear)

    def test_a_redirect_leads_nowhere(
        self, mastodon: Mastodon, server: ScriptedServer, other: ScriptedServer
    ) -> None:
        """The token is not taken to another server."""
        server.on("GET", "/api/v1/accounts/verify_credentials", redirect(f"{other.origin}/", 307))
        mastodon.verify(Secret(TOKEN))
        assert other.requests == []

    def test_echoes(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """A server that quotes the token is quoted without it."""
        reply = say({"error": f"no token {TOKEN}"}, 401)
        server.on("GET", "/api/v1/accounts/verify_credentials", reply)
        assert TOKEN not in str(mastodon.verify(Secret(TOKEN)))

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda x: (
                st.lists(x) | st.dictionaries(st.sampled_from(["error", "id", "username"]), x)
            ),
        )
    )
    @settings(max_examples=40)
    def test_any_json(self, value: object) -> None:
        """No JSON makes it fail."""
        body = httpx.ByteStream(json.dumps(value).encode())
        http = Http(transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=body)))
        verdict = Mastodon(http, server_at("https://m.example")).verify(Secret(TOKEN))
        assert isinstance(verdict, Alive | Unclear)


class TestRevoke:
    """The end of a token."""

    def script(self, server: ScriptedServer, revoke: Reply, verify: Reply) -> None:
        """Answers to the revocation, and to the look after it."""
        server.on("POST", "/oauth/revoke", revoke)
        server.on("GET", "/api/v1/accounts/verify_credentials", verify)

    def test_request(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """A form with the application's credentials in it, without Basic auth or bearer."""
        self.script(server, say({}), say({"error": "The access token was revoked"}, 401))
        mastodon.revoke(APPLICATION, Secret(TOKEN))
        assert server.requests[0].header("authorization") is None
        assert server.requests[0].form == {
            "token": TOKEN,
            "client_id": "the-id",
            "client_secret": "the-client-secret",
        }

    def test_the_token_as_the_bearer(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """Where the form alone is refused, the token itself is shown too, as Mitra wants it."""
        self.script(server, answer(401), say({"error": "The access token is invalid"}, 401))
        mastodon.revoke(APPLICATION, Secret(TOKEN))
        assert server.requests[1].header("authorization") == f"Bearer {TOKEN}"

    @pytest.mark.parametrize(
        ("revoke", "verify", "dead"),
        [
            (say({}), say({"error": "The access token was revoked"}, 401), True),
            (answer(200), answer(400, b"Bad token"), True),
            (say({}), page(401), True),
            (say({}), say(ACCOUNT), False),
            (say({}), page(503), False),
            (say({}), hang_up, False),
            (say({"error": "unauthorized_client"}, 403), say(ACCOUNT), False),
            (answer(403), say({"error": "The access token is invalid"}, 401), True),
            (answer(404), say(ACCOUNT), False),
            (page(500), say({"error": "The access token is invalid"}, 401), True),
            (redirect("/login"), say(ACCOUNT), False),
        ],
        ids=[
            "Mastodon",
            "Takahe",
            "another form of 401",
            "200 for another token",
            "then unwell",
            "then lost",
            "another application's",
            "dead already",
            "no endpoint",
            "500 and dead",
            "redirect",
        ],
    )
    def test_seen(
        self,
        mastodon: Mastodon,
        server: ScriptedServer,
        revoke: Reply,
        verify: Reply,
        *,
        dead: bool,
    ) -> None:
        """A token is dead when it is seen dead: the revocation's own answer proves nothing."""
        self.script(server, revoke, verify)
        assert isinstance(mastodon.revoke(APPLICATION, Secret(TOKEN)), Dead) == dead

    @pytest.mark.parametrize(
        "reply",
        [
            page(200),
            answer(200, b"OK"),
            page(403),
            answer(500),
            say({}, 429),
            hang_up,
            redirect("/login"),
        ],
        ids=["page", "text", "blocked", "unwell", "throttled", "lost", "redirect"],
    )
    def test_unheard(self, mastodon: Mastodon, server: ScriptedServer, reply: Reply) -> None:
        """What is not the instance's own answer says nothing of what it does with revocations."""
        self.script(server, reply, say(ACCOUNT))
        assert isinstance(mastodon.revoke(APPLICATION, Secret(TOKEN)), Unheard)

    @pytest.mark.parametrize(
        "reply",
        [say({}), answer(200), answer(204), say({"error": "unauthorized_client"}, 403), page(404)],
        ids=["Mastodon", "Takahe", "no content", "refused", "no endpoint"],
    )
    def test_heard(self, mastodon: Mastodon, server: ScriptedServer, reply: Reply) -> None:
        """A token that works still after the instance's own answer can't be revoked."""
        self.script(server, reply, say(ACCOUNT))
        assert isinstance(mastodon.revoke(APPLICATION, Secret(TOKEN)), Alive)

    def test_a_page_is_not_believed(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """After a page with 200, which nobody knows the author of, a refusal is no proof."""
        self.script(server, page(200), page(401))
        assert isinstance(mastodon.revoke(APPLICATION, Secret(TOKEN)), Unclear)

    def test_throttled(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """A rate limit on the look afterwards is no proof of death."""
        self.script(server, say({}), say({"error": "Too many requests"}, 429))
        assert not isinstance(mastodon.revoke(APPLICATION, Secret(TOKEN)), Dead)

    @pytest.mark.parametrize("status", [401, 403, 418, 429])
    def test_blocked(self, mastodon: Mastodon, server: ScriptedServer, status: int) -> None:
        """A proxy that lets us do nothing has revoked nothing: the token lives on."""
        self.script(server, page(status), page(status))
        assert not isinstance(mastodon.revoke(APPLICATION, Secret(TOKEN)), Dead)

    def test_a_lost_answer(self, mastodon: Mastodon, server: ScriptedServer) -> None:
        """A revocation whose answer is lost is repeated."""
        self.script(server, say({}), say({"error": "revoked"}, 401))
        server.on("POST", "/oauth/revoke", hang_up, say({}))
        assert isinstance(mastodon.revoke(APPLICATION, Secret(TOKEN)), Dead)

    def test_no_endpoint(self, http: Http, server: ScriptedServer) -> None:
        """Where there is no endpoint nothing is sent to one, and the token is looked at."""
        server.on("GET", "/api/v1/accounts/verify_credentials", say(ACCOUNT))
        endpointless = Mastodon(http, server_at(server.origin, revocation_endpoint=""))
        assert isinstance(endpointless.revoke(APPLICATION, Secret(TOKEN)), Alive)
        assert only(server).method == "GET"


def _shown(error: BaseException, *, rich: bool) -> str:
    """A traceback with all local variables of all frames."""
    if not rich:
        kept = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(kept.format())
    out = io.StringIO()
    rendered = Traceback.from_exception(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_string=100_000,
        locals_max_length=1000,
    )
    Console(file=out, width=5000).print(rendered)
    return out.getvalue()
