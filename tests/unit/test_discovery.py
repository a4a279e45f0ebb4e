"""From an account's name to its server."""

import json
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.accounts import Handle
from provisioner.addresses import origin_of
from provisioner.discovery import describe, find_origin, home_of
from provisioner.errors import (
    Exit,
    InputError,
    NoAnswerError,
    NotSentError,
    ProvisionerError,
    TransportError,
)
from provisioner.http import Http
from provisioner.oauth import LONGEST_WORD, Server
from provisioner.secret import Secret
from tests.told import fails, said
from tests.unit.server import Reply, ScriptedServer, answer, flood, hang, page, redirect, say

WEBFINGER = "/.well-known/webfinger"
FIELDS = (
    *("issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint"),
    *("app_registration_endpoint", "scopes_supported", "grant_types_supported"),
)
URLS = st.sampled_from(
    ["https://social.example/a", "https://social.example:443/b", "https://evil.example/c", "//d"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda some: st.lists(some, max_size=5) | st.dictionaries(st.text(), some, max_size=3),
    max_leaves=8,
)
METADATA = "/.well-known/oauth-authorization-server"
V1 = "/api/v1/instance"
V2 = "/api/v2/instance"
DESCRIPTION = say({"version": "4.5.3", "domain": "social.example"})


@pytest.fixture(autouse=True)
def tells_no_version(server: ScriptedServer, other: ScriptedServer) -> None:
    """The instances' own description is missing, unless a test has another."""
    server.on("GET", V1, answer(404))
    other.on("GET", V1, answer(404))


def discover(http: Http, account: Handle, instance: str) -> Server:
    """What begin does: by WebFinger unless an instance is named, and else the domain itself."""
    origin = instance or find_origin(http, account) or home_of(account)
    return describe(http, origin).server


def metadata(origin: str, **changes: object) -> dict[str, object]:
    """What a Mastodon says of itself, with other endpoints than the classic ones."""
    return {
        "issuer": f"{origin}/",
        "service_documentation": "https://docs.joinmastodon.org/",
        "authorization_endpoint": f"{origin}/new/authorize",
        "token_endpoint": f"{origin}/new/token",
        "app_registration_endpoint": f"{origin}/new/apps",
        "revocation_endpoint": f"{origin}/new/revoke",
        "scopes_supported": ["read", "write"],
        "code_challenge_methods_supported": ["S256"],
    } | changes


def classic(origin: str) -> Server:
    """A server at Mastodon's classic paths."""
    return Server(
        origin=origin,
        authorization_endpoint=f"{origin}/oauth/authorize",
        token_endpoint=f"{origin}/oauth/token",
        registration_endpoint=f"{origin}/api/v1/apps",
        revocation_endpoint=f"{origin}/oauth/revoke",
        has_metadata=False,
        software="Mastodon",
        version="4.5.3",
    )


def described(origin: str) -> Server:
    """A server as its metadata describes it."""
    return Server(
        origin=origin,
        authorization_endpoint=f"{origin}/new/authorize",
        token_endpoint=f"{origin}/new/token",
        registration_endpoint=f"{origin}/new/apps",
        revocation_endpoint=f"{origin}/new/revoke",
        has_metadata=True,
    )


def bot_at(server: ScriptedServer) -> Handle:
    """An account of this server's domain."""
    return Handle("mybot", server.host)


def jrd(href: object, rel: str = "self") -> dict[str, object]:
    """A WebFinger answer with one link."""
    return {"subject": "acct:mybot@social.example", "links": [{"rel": rel, "href": href}]}


class TestWebFinger:
    """Where the account lives."""

    def test_the_question(self, http: Http, server: ScriptedServer) -> None:
        """The account is asked for as RFC 7033 has it, and nothing else is sent."""
        server.on("GET", WEBFINGER, answer(404))
        server.on("GET", METADATA, say(metadata(server.origin)))
        discover(http, bot_at(server), "")
        asked = server.requests[0]
        assert asked.query == {"resource": f"acct:mybot@{server.host}"}
        assert "application/jrd+json" in (asked.header("accept") or "")
        assert asked.header("authorization") is None

    @pytest.mark.parametrize(
        "reply",
        [
            answer(404),
            answer(410),
            answer(200),
            page(200),
            page(404),
            say([]),
            say("no"),
            say({"links": None}),
            say({"links": {"rel": "self"}}),
            say({"links": ["self", None, 1]}),
            say(jrd(None)),
            say(jrd(1)),
            say(jrd("acct:mybot@social.example")),
            say(jrd("http://[")),
            say(jrd("https://other.example/@mybot", rel="http://webfinger.net/rel/profile-page")),
        ],
        ids=[
            "404",
            "410",
            "empty",
            "page",
            "page 404",
            "list",
            "text",
            "no links",
            "links an object",
            "links of other kinds",
            "null",
            "number",
            "no address",
            "half an address",
            "another link",
        ],
    )
    def test_no_answer_to_it(self, http: Http, server: ScriptedServer, reply: Reply) -> None:
        """Where WebFinger says nothing, the account's domain is its server."""
        server.on("GET", WEBFINGER, reply)
        server.on("GET", METADATA, say(metadata(server.origin)))
        assert discover(http, bot_at(server), "") == described(server.origin)

    def test_the_own_link(self, http: Http, server: ScriptedServer, other: ScriptedServer) -> None:
        """The account's own link names the server where that has another domain."""
        server.on("GET", WEBFINGER, say(jrd(f"{other.origin}/users/mybot")))
        other.on("GET", METADATA, say(metadata(other.origin)))
        assert discover(http, bot_at(server), "") == described(other.origin)

    def test_a_redirect(self, http: Http, server: ScriptedServer, other: ScriptedServer) -> None:
        """A domain delegates WebFinger by redirect; the question goes along."""
        target = f"{other.origin}{WEBFINGER}?resource=acct%3Amybot%40{server.host}"
        server.on("GET", WEBFINGER, redirect(target, 301))
        other.on("GET", WEBFINGER, say(jrd(f"{other.origin}/users/mybot")))
        other.on("GET", METADATA, say(metadata(other.origin)))
        assert discover(http, bot_at(server), "") == described(other.origin)
        assert other.requests[0].query == {"resource": f"acct:mybot@{server.host}"}

    def test_a_relative_redirect(self, http: Http, server: ScriptedServer) -> None:
        """A redirect within the server is followed as well."""
        server.on("GET", WEBFINGER, redirect("/finger"))
        server.on("GET", "/finger", say(jrd(f"{server.origin}/users/mybot")))
        server.on("GET", METADATA, say(metadata(server.origin)))
        assert discover(http, bot_at(server), "") == described(server.origin)

    def test_endless_redirects(self, http: Http, server: ScriptedServer) -> None:
        """Redirects in a circle are given up after a few."""
        server.on("GET", WEBFINGER, redirect(WEBFINGER))
        server.on("GET", METADATA, say(metadata(server.origin)))
        discover(http, bot_at(server), "")
        assert [request.path for request in server.requests].count(WEBFINGER) == 4

    @pytest.mark.parametrize(
        "location",
        [
            "",
            "http://[",
            "https://xn--/",
            "https://a\xe2\x84\x80.example/",
            "urn:x:y?z",
            "https://a:99999/",
        ],
        ids=ascii,
    )
    def test_odd_redirects(self, server: ScriptedServer, location: str) -> None:
        """A redirect to no address is an error for a person, or none at all."""
        server.on("GET", WEBFINGER, redirect(location))
        server.on("GET", METADATA, say(metadata(server.origin)))
        with _offline_but(server) as http:
            try:
                found = discover(http, bot_at(server), "")
            except ProvisionerError:
                return
        assert found == described(server.origin)

    def test_an_odd_link(self, http: Http, server: ScriptedServer) -> None:
        """A link to a name that can't exist is one, too."""
        server.on("GET", WEBFINGER, say(jrd("https://xn--/users/mybot")))
        server.on("GET", METADATA, say(metadata(server.origin)))
        try:
            found = discover(http, bot_at(server), "")
        except ProvisionerError:
            return
        assert found == described(server.origin)

    @pytest.mark.parametrize(
        "target",
        [
            "http://web.example",
            "https://127.0.0.1",
            "https://localhost",
            "http://127.0.0.1:3000",
            "https://[::1]",
            "https://a.localhost",
            "https://[::ffff:127.0.0.1]",
        ],
    )
    @pytest.mark.parametrize("how", ["redirect", "link"])
    def test_downgrades(self, how: str, target: str) -> None:
        """A public domain leads to public https only: not to plain http, not to this machine."""
        asked: list[str] = []

        def respond(request: httpx.Request) -> httpx.Response:
            asked.append(request.url.host)
            if how == "redirect":
                return _response(302, {}, Location=f"{target}/finger")
            return _response(200, jrd(f"{target}/users/mybot"))

        with _offline(respond) as http, pytest.raises(InputError) as caught:
            discover(http, Handle("mybot", "social.example"), "")
        assert caught.value.ident == "bad-webfinger"
        assert asked == ["social.example"]

    @pytest.mark.parametrize(
        "target",
        [
            "https://127.1",
            "https://2130706433",
            "https://0x7f000001",
            "https://0.0.0.0",
            "https://[::]",
            "https://[::ffff:0.0.0.0]",
        ],
    )
    @pytest.mark.parametrize("how", ["redirect", "link"])
    def test_this_machine_in_disguise(self, how: str, target: str) -> None:
        """What a resolver takes for this machine is no address: nobody but the domain is asked."""
        asked: set[str] = set()

        def respond(request: httpx.Request) -> httpx.Response:
            asked.add(request.url.host)
            if how == "redirect":
                return _response(302, {}, Location=f"{target}/finger")
            return _response(200, jrd(f"{target}/users/mybot"))

        with _offline(respond) as http, pytest.raises(InputError):
            discover(http, Handle("mybot", "social.example"), "")
        assert asked == {"social.example"}

    @pytest.mark.parametrize("how", ["redirect", "endpoint", "version"])
    def test_echoes(self, how: str) -> None:
        """Where a server names an address or a version, no secret of this run is shown in it."""
        asked, secret = Handle("mybot", "social.example"), "zU9-wjQ_3kd-8s"
        foreign = f"http://other.example/{secret}"

        def respond(request: httpx.Request) -> httpx.Response:
            if request.url.path == WEBFINGER and how == "redirect":
                return _response(302, {}, Location=foreign)
            if request.url.path == METADATA and how == "endpoint":
                told = metadata("https://social.example", issuer=foreign)
                return _response(200, told)
            return _response(200, {"version": f"4.3.0 ({secret})"})

        with _offline(respond) as http:
            http.remember(Secret(secret))
            try:
                shown = str(discover(http, asked, ""))
            except InputError as error:
                shown = said(error)
        assert (secret in shown, "other.example" in shown) == (False, how != "version")

    def test_another_public_domain(self) -> None:
        """A public domain may lead to another one over https, from then on asked alone."""

        def respond(request: httpx.Request) -> httpx.Response:
            if request.url.host == "social.example":
                return _response(200, jrd("https://web.example/users/mybot"))
            return _response(200, metadata("https://web.example"))

        with _offline(respond) as http:
            found = discover(http, Handle("mybot", "social.example"), "")
        assert found == described("https://web.example")

    def test_nobody_there(self, http: Http) -> None:
        """A domain without a server is reported as such."""
        with ScriptedServer(listening=False) as server, pytest.raises(NotSentError):
            discover(http, bot_at(server), "")

    def test_instance_overrides(
        self, http: Http, server: ScriptedServer, other: ScriptedServer
    ) -> None:
        """An instance that was named is not looked up."""
        other.on("GET", METADATA, say(metadata(other.origin)))
        assert discover(http, bot_at(server), other.origin) == described(other.origin)
        assert server.requests == []

    @pytest.mark.parametrize("instance", ["http://social.example", "https://u:p@social.example"])
    def test_an_insecure_instance(self, http: Http, server: ScriptedServer, instance: str) -> None:
        """An instance that can't be trusted with a token is refused before anything is sent."""
        with pytest.raises(InputError):
            discover(http, bot_at(server), instance)
        assert server.requests == []


class TestMetadata:
    """What the server says of itself."""

    @pytest.mark.parametrize(
        "field",
        [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "app_registration_endpoint",
            "revocation_endpoint",
        ],
    )
    @pytest.mark.parametrize("foreign", ["https://evil.example", "port", "scheme", "user"])
    def test_other_origins(
        self, http: Http, server: ScriptedServer, field: str, foreign: str
    ) -> None:
        """Not a single endpoint may be of another origin."""
        origins = {
            "port": "http://127.0.0.1:1",
            "scheme": server.origin.replace("http:", "https:"),
            "user": server.origin.replace("//", "//evil.example@"),
        }
        given = metadata(server.origin, **{field: f"{origins.get(foreign, foreign)}/path"})
        server.on("GET", METADATA, say(given))
        with fails("foreign-metadata", Exit.INPUT):
            discover(http, bot_at(server), server.origin)

    @pytest.mark.parametrize(
        "value", [1, ["a"], {"a": "b"}, "/oauth/token", "http://[", "https://xn--/"], ids=str
    )
    @pytest.mark.parametrize("field", ["token_endpoint", "revocation_endpoint", "issuer"])
    def test_no_addresses(
        self, http: Http, server: ScriptedServer, field: str, value: object
    ) -> None:
        """An endpoint that is no address is an error for a person."""
        server.on("GET", METADATA, say(metadata(server.origin, **{field: value})))
        with fails("foreign-metadata", Exit.INPUT):
            discover(http, bot_at(server), server.origin)

    def test_an_endpoint_too_long_for_a_link(self, http: Http, server: ScriptedServer) -> None:
        """An endpoint that would not leave room for a link is refused before it is shown."""
        endless = f"{server.origin}/authorize?{'x' * 2000}"
        given = metadata(server.origin, authorization_endpoint=endless)
        server.on("GET", METADATA, say(given))
        with pytest.raises(InputError):
            discover(http, bot_at(server), server.origin)

    @given(st.dictionaries(st.sampled_from(FIELDS) | st.text(), URLS | JSON, max_size=8))
    def test_any_metadata(self, fields: dict[str, object]) -> None:
        """Whatever it says, its endpoints are of its own origin, or it is refused."""

        def respond(request: httpx.Request) -> httpx.Response:
            path = request.url.path
            return _response(200, fields if path == METADATA else {"version": "4.7.3"})

        with _offline(respond) as http:
            try:
                told = describe(http, "https://social.example")
            except ProvisionerError:
                return
        server = told.server
        endpoints = {server.authorization_endpoint, server.token_endpoint}
        endpoints |= {server.registration_endpoint, server.revocation_endpoint} - {""}
        assert set(map(origin_of, endpoints)) == {"https://social.example"}
        assert all(len(word) <= LONGEST_WORD for word in told.scopes_supported)

    @pytest.mark.parametrize("space", ["{}\n", " {}", "{}\t", "\u00a0{}"], ids=ascii)
    def test_white_space(self, http: Http, server: ScriptedServer, space: str) -> None:
        """White space around an endpoint is taken off, or the endpoint refused."""
        endpoint = space.format(f"{server.origin}/new/token")
        server.on("GET", METADATA, say(metadata(server.origin, token_endpoint=endpoint)))
        try:
            found = discover(http, bot_at(server), server.origin)
        except InputError:
            return
        assert found == described(server.origin)

    @pytest.mark.parametrize(
        "field", ["issuer", "revocation_endpoint", "app_registration_endpoint"]
    )
    @pytest.mark.parametrize("value", [None, ""], ids=["null", "empty"])
    def test_missing_values(
        self, http: Http, server: ScriptedServer, field: str, value: object
    ) -> None:
        """A field without a value is a missing one."""
        server.on("GET", METADATA, say(metadata(server.origin, **{field: value})))
        assert discover(http, bot_at(server), server.origin).has_metadata

    def test_no_revocation(self, http: Http, server: ScriptedServer) -> None:
        """A server that names no revocation endpoint has none."""
        given = metadata(server.origin)
        del given["revocation_endpoint"]
        server.on("GET", METADATA, say(given))
        assert discover(http, bot_at(server), server.origin).revocation_endpoint == ""

    @pytest.mark.parametrize(
        "reply",
        [
            answer(404),
            page(404),
            page(200),
            answer(200),
            say([]),
            say({}),
            say({"issuer": "x"}),
            page(403),
        ],
        ids=["404", "page 404", "page 200", "empty", "list", "nothing in it", "no endpoint", "403"],
    )
    def test_none(self, http: Http, server: ScriptedServer, reply: Reply) -> None:
        """Without metadata, or with a front end in its place, the paths are Mastodon's."""
        server.on("GET", METADATA, reply)
        server.on("GET", V1, DESCRIPTION)
        assert discover(http, bot_at(server), server.origin) == classic(server.origin)

    def test_a_redirect(self, http: Http, server: ScriptedServer, other: ScriptedServer) -> None:
        """Metadata is not fetched from elsewhere."""
        server.on("GET", METADATA, redirect(f"{other.origin}{METADATA}"))
        server.on("GET", V1, DESCRIPTION)
        assert discover(http, bot_at(server), server.origin) == classic(server.origin)
        assert other.requests == []


class TestClassicServers:
    """Servers without metadata."""

    @pytest.mark.parametrize(
        ("v1", "v2"),
        [
            (DESCRIPTION, page(500)),
            (answer(404), DESCRIPTION),
        ],
        ids=["v1", "v2"],
    )
    def test_recognized(self, http: Http, server: ScriptedServer, v1: Reply, v2: Reply) -> None:
        """A server that describes itself as Mastodon does, or says that it may not, is one."""
        server.on("GET", METADATA, answer(404))
        server.on("GET", V1, v1)
        server.on("GET", V2, v2)
        assert discover(http, bot_at(server), server.origin) == classic(server.origin)

    @pytest.mark.parametrize(
        ("v1", "v2"),
        [
            (say({"error": "This API requires an authenticated user"}, 401), answer(404)),
            (say({"error": "closed"}, 403), answer(404)),
            (answer(404), say({"error": "closed"}, 403)),
        ],
        ids=["v1, 401", "v1, 403", "v2"],
    )
    def test_closed(self, http: Http, server: ScriptedServer, v1: Reply, v2: Reply) -> None:
        """An instance that describes itself to nobody is one all the same, of unknown software."""
        server.on("GET", METADATA, answer(404))
        server.on("GET", V1, v1)
        server.on("GET", V2, v2)
        found = discover(http, bot_at(server), server.origin)
        assert found == classic(server.origin).model_copy(update={"software": "", "version": ""})

    def test_silent(self, http: Http, server: ScriptedServer) -> None:
        """Where metadata and version are both refused, nothing is guessed."""
        for path in (METADATA, V1, V2):
            server.on("GET", path, say({"error": "blocked"}, 403))
        with pytest.raises(TransportError) as caught:
            discover(http, bot_at(server), server.origin)
        assert caught.value.ident == "instance-silent"

    @pytest.mark.parametrize(
        ("reply", "status"),
        [
            (answer(404), 404),
            (page(200), 200),
            (page(403), 403),
            (say({}), 200),
            (say([]), 200),
            (say({"version": 4}), 200),
            (redirect("/login"), 302),
        ],
        ids=["404", "page", "page 403", "nothing in it", "list", "another version", "redirect"],
    )
    def test_not_mastodon(
        self, http: Http, server: ScriptedServer, reply: Reply, status: int
    ) -> None:
        """Any other server is none, and the error says what it answers."""
        server.on("GET", METADATA, reply)
        server.on("GET", V2, reply)
        server.on("GET", V1, reply)
        with fails("not-mastodon", Exit.INPUT) as caught:
            discover(http, bot_at(server), server.origin)
        assert f"HTTP {status}" in said(caught.value)

    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    def test_unwell(self, http: Http, server: ScriptedServer, status: int) -> None:
        """A server in trouble may well be one: it is to be tried again later."""
        for path in (METADATA, V2, V1):
            server.on("GET", path, page(status))
        with fails("instance-unwell", Exit.FAILED):
            discover(http, bot_at(server), server.origin)

    def test_hanging(
        self, monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, waits: list[float]
    ) -> None:
        """A server that says nothing is not waited for without end."""
        monkeypatch.setattr("provisioner.http.TIMEOUT", httpx.Timeout(0.1))
        server.on("GET", WEBFINGER, hang)
        with Http(sleep=waits.append) as http, pytest.raises(NoAnswerError):
            discover(http, bot_at(server), "")

    @pytest.mark.parametrize("path", [WEBFINGER, METADATA, V1])
    def test_50_mb(self, http: Http, server: ScriptedServer, path: str) -> None:
        """A server that sends 50 MB anywhere is none to talk to."""
        server.on("GET", WEBFINGER, answer(404))
        server.on("GET", METADATA, answer(404))
        server.on("GET", path, flood)
        with pytest.raises(NoAnswerError) as caught:
            discover(http, bot_at(server), "")
        assert caught.value.ident == "answer-too-large"


def _response(status: int, body: dict[str, object], **headers: str) -> httpx.Response:
    """An answer that is read as from a socket."""
    return httpx.Response(
        status, headers=headers, stream=httpx.ByteStream(json.dumps(body).encode())
    )


def _offline(respond: Callable[[httpx.Request], httpx.Response]) -> Http:
    """A client in a world of https, which no test's own server could speak credibly."""
    return Http(sleep=lambda _: None, transport=httpx.MockTransport(respond))


def _offline_but(server: ScriptedServer) -> Http:
    """A client that reaches this server alone."""
    direct = httpx.HTTPTransport()

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.netloc.decode() != server.host:
            raise httpx.ConnectError("there is no network in tests")
        return direct.handle_request(request)

    return _offline(respond)
