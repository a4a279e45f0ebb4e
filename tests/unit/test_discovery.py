"""From an account's name to its instance."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import (
    InputError,
    NoAnswerError,
    NotSentError,
    ProvisionerError,
    TransportError,
)
from provisioner.http import Gather, in_threads
from provisioner.mastodon import discovery
from provisioner.mastodon.discovery import Found
from provisioner.mastodon.instance import MAX_WORD, Instance
from provisioner.mastodon.scopes import explain
from provisioner.parsing import Handle
from provisioner.secret import Secret
from provisioner.urls import origin_of
from tests.support.gather import in_order
from tests.unit.instances import ORIGIN, POST, instance_of
from tests.unit.web import (
    FLOOD,
    LOST,
    UNREACHABLE,
    Reply,
    Script,
    Scripted,
    Web,
    page,
    redirect,
    say,
)

OTHER = "https://web.example"
BOT = Handle("mybot", "social.example")
FINGER = "/.well-known/webfinger"
METADATA = "/.well-known/oauth-authorization-server"
V1, V2 = "/api/v1/instance", "/api/v2/instance"
NODE_INFO = "/.well-known/nodeinfo"
ABOUT = say({"version": "4.5.3", "domain": "social.example"})
FIELDS = (
    *("issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint"),
    *("app_registration_endpoint", "scopes_supported", "grant_types_supported"),
)
URLS = st.sampled_from([f"{ORIGIN}/a", f"{ORIGIN}:443/b", "https://evil.example/c", "//d"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda some: st.lists(some, max_size=5) | st.dictionaries(st.text(), some, max_size=3),
    max_leaves=8,
)
T = TypeVar("T")


def find(web: Web, account: Handle = BOT, instance: str = "", gather: Gather = in_order) -> Found:
    """The account's instance."""
    return discovery.find(web.http, account, instance, gather)


def found(script: Script, instance: str = "") -> Instance:
    """The instance that is found in a web."""
    return find(Web(script), instance=instance).info.instance


def metadata(origin: str = ORIGIN, /, **changes: object) -> Reply:
    """What a Mastodon says about itself, with other endpoints than the usual ones."""
    fields = {
        "issuer": f"{origin}/",
        "service_documentation": "https://docs.joinmastodon.org/",
        "authorization_endpoint": f"{origin}/new/authorize",
        "token_endpoint": f"{origin}/new/token",
        "app_registration_endpoint": f"{origin}/new/apps",
        "revocation_endpoint": f"{origin}/new/revoke",
        "scopes_supported": ["read", "write"],
        "code_challenge_methods_supported": ["S256"],
    }
    return say(fields | changes)


def described(origin: str = ORIGIN) -> Instance:
    """An instance as its metadata and its API describe it."""
    return Instance(
        origin=origin,
        authorization_endpoint=f"{origin}/new/authorize",
        token_endpoint=f"{origin}/new/token",
        registration_endpoint=f"{origin}/new/apps",
        revocation_endpoint=f"{origin}/new/revoke",
        has_metadata=True,
        software="Mastodon",
        version="4.5.3",
    )


def mastodon_at(origin: str = ORIGIN) -> dict[str, Scripted]:
    """A Mastodon with metadata."""
    return {f"GET {origin}{METADATA}": metadata(origin), f"GET {origin}{V1}": ABOUT}


def jrd(
    href: object,
    rel: str = "self",
    kind: object = "application/activity+json",
    subject: object = "acct:mybot@social.example",
) -> Reply:
    """A WebFinger answer with one link."""
    return say({"subject": subject, "links": [{"rel": rel, "type": kind, "href": href}]})


def finger(reply: Scripted) -> dict[str, Scripted]:
    """The account's domain answers WebFinger so."""
    return {f"GET {ORIGIN}{FINGER}": reply}


class TestWebFinger:
    """Where the account is."""

    def test_the_question_is_that_of_rfc_7033(self) -> None:
        web = Web(mastodon_at())
        find(web)
        assert dict(web.requests[0].url.params) == {"resource": "acct:mybot@social.example"}
        assert "application/jrd+json" in web.requests[0].headers["accept"]
        assert "authorization" not in web.requests[0].headers

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(404),
            Reply(410),
            Reply(200),
            page(200),
            page(404),
            say([]),
            say("no"),
            say({"links": None}),
            say({"links": {"rel": "self"}}),
            say({"links": ["self", None, 1]}),
            jrd(None),
            jrd(1),
            jrd("acct:mybot@social.example"),
            jrd("http://["),
            jrd(f"{OTHER}/@mybot", rel="http://webfinger.net/rel/profile-page"),
            jrd(f"{OTHER}/@mybot", kind="text/html"),
            jrd(f"{OTHER}/@mybot", kind=None),
        ],
        ids=[
            *("404", "410", "empty", "page", "page 404", "list", "text", "no links"),
            *("links an object", "links of other kinds", "null", "number", "no address"),
            *("half an address", "another link", "a page", "of no type"),
        ],
    )
    def test_where_it_says_nothing_the_account_s_domain_is_its_instance(self, reply: Reply) -> None:
        told = find(Web(mastodon_at() | finger(reply)))
        assert told.info.instance == described()
        assert not told.is_confirmed

    @pytest.mark.parametrize(
        "kind",
        [
            "application/activity+json",
            'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
        ],
    )
    def test_the_link_to_the_actor_names_the_instance(self, kind: str) -> None:
        told = find(Web(mastodon_at(OTHER) | finger(jrd(f"{OTHER}/users/mybot", kind=kind))))
        assert told.info.instance == described(OTHER)
        assert told.is_confirmed

    def test_another_name_of_the_account_is_reported(self) -> None:
        reply = jrd(f"{OTHER}/users/mybot", subject="acct:robot@web.example")
        told = find(Web(mastodon_at(OTHER) | finger(reply)))
        assert told.subject == Handle("robot", "web.example")

    @pytest.mark.parametrize(
        "subject", ["acct:MyBot@social.example", "", None, 1, "acct:", "https://web.example/x"]
    )
    def test_its_own_name_or_none_is_not_another(self, subject: object) -> None:
        told = find(Web(mastodon_at() | finger(jrd(f"{ORIGIN}/users/mybot", subject=subject))))
        assert told.subject is None

    def test_a_redirect_is_followed_with_its_query(self) -> None:
        target = f"{OTHER}{FINGER}?resource=acct%3Amybot%40social.example"
        web = Web(
            mastodon_at(OTHER)
            | finger(redirect(target, 301))
            | {f"GET {OTHER}{FINGER}": jrd(f"{OTHER}/users/mybot")}
        )
        assert find(web).info.instance == described(OTHER)
        assert str(web.requests[1].url) == target

    def test_a_relative_redirect_is_followed(self) -> None:
        script = finger(redirect("/finger")) | {f"GET {ORIGIN}/finger": jrd(f"{OTHER}/users/a")}
        assert found(mastodon_at(OTHER) | script) == described(OTHER)

    def test_redirects_in_a_circle_are_given_up(self) -> None:
        web = Web(mastodon_at() | finger(redirect(FINGER)))
        find(web)
        assert web.asked.count(f"GET {ORIGIN}{FINGER}") == 4

    @pytest.mark.parametrize(
        "location",
        [
            "",
            "http://[",
            "https://xn--/",
            "https://a\u2100.example/",
            "urn:x:y?z",
            "https://a:99999/",
        ],
        ids=ascii,
    )
    def test_an_odd_redirect_is_an_error_for_a_person(self, location: str) -> None:
        reply = Reply(302, b"", {"Location": location.encode().decode("latin-1")})
        try:
            instance = found(mastodon_at() | finger(reply))
        except ProvisionerError:
            return
        assert instance == described()

    def test_a_link_to_a_name_that_cannot_exist_is_none(self) -> None:
        assert found(mastodon_at() | finger(jrd("https://xn--/users/mybot"))) == described()

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
    def test_a_public_domain_leads_to_public_https_only(self, how: str, target: str) -> None:
        reply = redirect(f"{target}/finger") if how == "redirect" else jrd(f"{target}/users/a")
        web = Web(mastodon_at() | finger(reply))
        with pytest.raises(InputError) as caught:
            find(web)
        assert caught.value.code == "bad-webfinger"
        assert {request.url.host for request in web.requests} == {"social.example"}

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
    def test_this_machine_in_disguise_is_not_asked(self, how: str, target: str) -> None:
        reply = redirect(f"{target}/finger") if how == "redirect" else jrd(f"{target}/users/a")
        web = Web(mastodon_at() | finger(reply))
        try:
            find(web)
        except InputError:
            assert how == "redirect"
        assert {request.url.host for request in web.requests} == {"social.example"}

    def test_a_domain_without_a_server_is_reported_as_such(self) -> None:
        with pytest.raises(NotSentError):
            find(Web({}))

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_domain_in_trouble_is_not_one_without_the_account(self, status: int) -> None:
        with pytest.raises(TransportError) as caught:
            find(Web(mastodon_at() | finger(page(status))))
        assert caught.value.code == "instance-unwell"

    def test_a_named_instance_is_not_looked_up(self) -> None:
        web = Web(mastodon_at(OTHER))
        assert find(web, instance=OTHER).info.instance == described(OTHER)
        assert {request.url.host for request in web.requests} == {"web.example"}

    @pytest.mark.parametrize("instance", ["http://social.example", "https://u:p@social.example"])
    def test_an_insecure_instance_is_refused_before_anything_is_sent(self, instance: str) -> None:
        web = Web(mastodon_at())
        with pytest.raises(InputError):
            find(web, instance=instance)
        assert web.requests == []


class TestRoundTrips:
    """What is asked, and what at the same time."""

    def test_a_mastodon_at_its_own_domain_takes_three_requests_in_one_batch(self) -> None:
        web = Web(mastodon_at() | finger(jrd(f"{ORIGIN}/users/mybot")))
        find(web)
        assert web.asked == [f"GET {ORIGIN}{path}" for path in (FINGER, METADATA, V1)]

    def test_all_three_are_asked_at_the_same_time(self) -> None:
        """Each waits until the others are there: one after the other would never end."""
        together = threading.Barrier(3, timeout=10)
        web = Web(mastodon_at() | finger(jrd(f"{ORIGIN}/users/mybot")))
        answer = web.http.transport
        assert answer is not None

        def meet(request: httpx.Request) -> httpx.Response:
            together.wait()
            return answer.handle_request(request)

        web.http.transport = httpx.MockTransport(meet)
        assert find(web, gather=in_threads).info.instance == described()

    def test_batches_nest(self) -> None:
        """A command asks the instance beside GitHub, in one batch of its own."""
        web = Web(mastodon_at() | finger(jrd(f"{ORIGIN}/users/mybot")))
        calls: Sequence[Callable[[], Found]] = [
            lambda: find(web, gather=in_threads) for _ in range(8)
        ]
        assert {one.info.instance for one in in_threads(calls)} == {described()}

    def test_another_origin_is_asked_next_and_the_guess_is_forgotten(self) -> None:
        web = Web(mastodon_at(OTHER) | finger(jrd(f"{OTHER}/users/mybot")))
        assert find(web).info.instance == described(OTHER)
        assert web.asked[3:] == [f"GET {OTHER}{path}" for path in (METADATA, V1)]

    @pytest.mark.parametrize(
        "reply", [LOST, UNREACHABLE, page(503), page(200), FLOOD, metadata("https://evil.example")]
    )
    def test_a_wrong_guess_costs_nothing(self, reply: Scripted) -> None:
        guess = {f"GET {ORIGIN}{METADATA}": reply, f"GET {ORIGIN}{V1}": reply}
        web = Web(mastodon_at(OTHER) | guess | finger(jrd(f"{OTHER}/users/mybot")))
        assert find(web).info.instance == described(OTHER)
        if reply is not UNREACHABLE:
            assert web.waits == []

    @pytest.mark.parametrize("trouble", [page(502), page(429), LOST])
    def test_a_right_guess_that_met_trouble_is_asked_again(self, trouble: Scripted) -> None:
        script = {
            f"GET {ORIGIN}{METADATA}": [trouble, metadata()],
            f"GET {ORIGIN}{V1}": [trouble, ABOUT],
        }
        web = Web({**script, **finger(jrd(f"{ORIGIN}/users/mybot"))})
        assert find(web).info.instance == described()

    def test_what_goes_wrong_does_not_depend_on_the_order_of_answers(self) -> None:
        """The account's domain comes first: it may name another server."""

        def backwards(calls: Sequence[Callable[[], T]]) -> list[T]:
            return in_order(list(calls)[::-1])[::-1]

        script = mastodon_at() | finger(redirect("http://web.example/"))
        for gather in (in_order, backwards):
            with pytest.raises(InputError) as caught:
                find(Web(script), gather=gather)
            assert caught.value.code == "bad-webfinger"


class TestMetadata:
    """What the server says about itself."""

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
    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "https://social.example:8443",
            "http://social.example",
            "https://evil.example@social.example",
        ],
    )
    def test_no_endpoint_may_be_of_another_origin(self, field: str, origin: str) -> None:
        reply = metadata(**{field: f"{origin}/path"})
        with pytest.raises(InputError) as caught:
            found(mastodon_at() | {f"GET {ORIGIN}{METADATA}": reply}, ORIGIN)
        assert caught.value.code == "foreign-metadata"

    @pytest.mark.parametrize(
        "value", [1, ["a"], {"a": "b"}, "/oauth/token", "http://[", "https://xn--/"], ids=str
    )
    @pytest.mark.parametrize("field", ["token_endpoint", "revocation_endpoint", "issuer"])
    def test_an_endpoint_that_is_no_address_is_refused(self, field: str, value: object) -> None:
        reply = metadata(**{field: value})
        with pytest.raises(InputError) as caught:
            found(mastodon_at() | {f"GET {ORIGIN}{METADATA}": reply}, ORIGIN)
        assert caught.value.code == "foreign-metadata"

    def test_an_endpoint_that_leaves_no_room_for_a_link_is_refused(self) -> None:
        reply = metadata(authorization_endpoint=f"{ORIGIN}/authorize?{'x' * 2000}")
        with pytest.raises(InputError):
            found(mastodon_at() | {f"GET {ORIGIN}{METADATA}": reply}, ORIGIN)

    @given(st.dictionaries(st.sampled_from(FIELDS) | st.text(), URLS | JSON, max_size=8))
    def test_whatever_it_says_its_endpoints_are_its_own(self, fields: dict[str, object]) -> None:
        web = Web(mastodon_at() | {f"GET {ORIGIN}{METADATA}": say(fields)})
        try:
            info = find(web, instance=ORIGIN).info
        except ProvisionerError:
            return
        instance = info.instance
        endpoints = {instance.authorization_endpoint, instance.token_endpoint}
        endpoints |= {instance.registration_endpoint, instance.revocation_endpoint} - {""}
        assert set(map(origin_of, endpoints)) == {ORIGIN}
        assert all(len(word) <= MAX_WORD for word in info.scopes_supported)

    @pytest.mark.parametrize("space", ["{}\n", " {}", "{}\t", "\u00a0{}"], ids=ascii)
    def test_white_space_around_an_endpoint_does_not_get_into_it(self, space: str) -> None:
        reply = metadata(token_endpoint=space.format(f"{ORIGIN}/new/token"))
        try:
            instance = found(mastodon_at() | {f"GET {ORIGIN}{METADATA}": reply}, ORIGIN)
        except InputError:
            return
        assert instance == described()

    @pytest.mark.parametrize(
        "field", ["issuer", "revocation_endpoint", "app_registration_endpoint"]
    )
    @pytest.mark.parametrize("value", [None, ""], ids=["null", "empty"])
    def test_a_field_without_a_value_is_missing(self, field: str, value: object) -> None:
        reply = metadata(**{field: value})
        instance = found(mastodon_at() | {f"GET {ORIGIN}{METADATA}": reply}, ORIGIN)
        assert instance.has_metadata
        assert instance.revocation_endpoint == (
            "" if field == "revocation_endpoint" else f"{ORIGIN}/new/revoke"
        )

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(404),
            page(404),
            page(200),
            Reply(200),
            say([]),
            say({}),
            say({"issuer": "x"}),
            page(403),
            redirect(f"{OTHER}{METADATA}"),
        ],
        ids=["404", "page 404", "page", "empty", "list", "{}", "no endpoint", "403", "redirect"],
    )
    def test_without_it_the_paths_are_mastodon_s(self, reply: Reply) -> None:
        web = Web({f"GET {ORIGIN}{METADATA}": reply, f"GET {ORIGIN}{V1}": ABOUT})
        told = find(web, instance=ORIGIN)
        assert told.info.instance == instance_of("Mastodon", "4.5.3")
        assert {request.url.host for request in web.requests} == {"social.example"}

    @pytest.mark.parametrize("trouble", [page(503), LOST])
    def test_with_it_the_version_may_be_out_of_reach(self, trouble: Scripted) -> None:
        instance = found(mastodon_at() | {f"GET {ORIGIN}{V1}": trouble}, ORIGIN)
        assert instance.has_metadata
        assert instance.product == ""


class TestAbout:
    """What the instance's API tells about it."""

    @pytest.mark.parametrize(("v1", "v2"), [(ABOUT, page(500)), (Reply(404), ABOUT)])
    def test_either_version_of_the_api_will_do(self, v1: Reply, v2: Reply) -> None:
        script = {f"GET {ORIGIN}{V1}": v1, f"GET {ORIGIN}{V2}": v2}
        assert found(script, ORIGIN) == instance_of("Mastodon", "4.5.3")

    @pytest.mark.parametrize(
        ("v1", "v2"),
        [
            (say({"error": "This API requires an authenticated user"}, 401), Reply(404)),
            (say({"error": "closed"}, 403), Reply(404)),
            (Reply(404), say({"error": "closed"}, 403)),
        ],
    )
    def test_an_instance_that_is_closed_to_strangers_is_one(self, v1: Reply, v2: Reply) -> None:
        script = {f"GET {ORIGIN}{V1}": v1, f"GET {ORIGIN}{V2}": v2}
        assert found(script, ORIGIN) == instance_of()

    def test_where_metadata_and_version_are_both_refused_nothing_is_guessed(self) -> None:
        refused = say({"error": "blocked"}, 403)
        with pytest.raises(TransportError) as caught:
            found({f"GET {ORIGIN}{path}": refused for path in (METADATA, V1, V2)}, ORIGIN)
        assert caught.value.code == "instance-blocked"

    @pytest.mark.parametrize(
        "reply",
        [Reply(404), page(404), say({}), say([]), say({"version": 4}), redirect(OTHER)],
        ids=["404", "page 404", "nothing in it", "list", "another version", "elsewhere"],
    )
    def test_any_other_server_is_none(self, reply: Reply) -> None:
        with pytest.raises(InputError) as caught:
            found({f"GET {ORIGIN}{path}": reply for path in (METADATA, V1, V2)}, ORIGIN)
        assert caught.value.code == "not-mastodon"
        assert "HTTP " in caught.value.why

    @pytest.mark.parametrize("reply", [page(200), page(403), page(401), redirect("/challenge")])
    def test_a_page_in_place_of_the_api_may_be_from_something_in_front(self, reply: Reply) -> None:
        """TecharoHQ/anubis#31 answers 200; others keep out data centres with 403."""
        with pytest.raises(TransportError) as caught:
            found({f"GET {ORIGIN}{path}": reply for path in (METADATA, V1, V2)}, ORIGIN)
        assert caught.value.code == "instance-blocked"

    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    def test_a_server_in_trouble_may_well_be_an_instance(self, status: int) -> None:
        with pytest.raises(TransportError) as caught:
            found({f"GET {ORIGIN}{path}": page(status) for path in (METADATA, V1, V2)}, ORIGIN)
        assert caught.value.code == "instance-unwell"

    @pytest.mark.parametrize("path", [FINGER, METADATA, V1])
    def test_two_megabytes_are_too_much_anywhere(self, path: str) -> None:
        script = {f"GET {ORIGIN}{one}": Reply(404) for one in (METADATA, V1)}
        with pytest.raises(NoAnswerError) as caught:
            found(script | {f"GET {ORIGIN}{path}": FLOOD})
        assert caught.value.code == "answer-too-large"

    @pytest.mark.parametrize("how", ["redirect", "endpoint", "version", "software"])
    def test_no_secret_is_shown_in_what_a_server_names(self, how: str) -> None:
        secret = "zU9-wjQ_3kd-8s"
        foreign = f"http://other.example/{secret}"
        script: dict[str, dict[str, Scripted]] = {
            "redirect": finger(redirect(foreign)),
            "endpoint": {f"GET {ORIGIN}{METADATA}": metadata(issuer=foreign)},
            "version": {f"GET {ORIGIN}{V1}": say({"version": f"4.3.0+{secret}"})},
            "software": node_info(secret, secret) | {f"GET {ORIGIN}{V1}": say({"version": "0"})},
        }
        web = Web(mastodon_at() | script[how])
        web.http.remember(Secret(secret))
        try:
            shown = str(find(web))
        except InputError as error:
            shown = error.what
        assert secret not in shown


def node_info(name: object, version: object, origin: str = ORIGIN) -> dict[str, Scripted]:
    """A server whose NodeInfo names this software."""
    link = {
        "rel": "http://nodeinfo.diaspora.software/ns/schema/2.1",
        "href": f"{origin}/nodeinfo/2.1",
    }
    document = {"software": {"name": name, "version": version}}
    return {
        f"GET {ORIGIN}{NODE_INFO}": say({"links": [link]}),
        f"GET {origin}/nodeinfo/2.1": say(document),
    }


class TestNodeInfo:
    """What names a server that does not name itself."""

    def test_it_names_hollo(self) -> None:
        """Hollo tells `0.10.0`, a number alone."""
        web = Web(
            mastodon_at()
            | {f"GET {ORIGIN}{V1}": say({"version": "0.10.0"})}
            | node_info("hollo", "0.10.0")
        )
        told = find(web)
        assert told.info.instance.product == "hollo 0.10.0"
        assert told.info.instance.profile.settings_path == "/auth"
        assert "as known of hollo" in explain(told.info, ("read", "write"))["Code"]

    def test_it_names_an_instance_that_is_closed_to_strangers(self) -> None:
        script = node_info("mastodon", "4.5.3")
        script |= {f"GET {ORIGIN}{V1}": say({"error": "closed"}, 401)}
        assert found(script, ORIGIN).product == "mastodon 4.5.3"

    def test_a_server_that_names_itself_is_not_asked(self) -> None:
        web = Web(mastodon_at() | node_info("hollo", "0.10.0"))
        assert find(web).info.instance.software == "Mastodon"
        assert f"GET {ORIGIN}{NODE_INFO}" not in web.asked

    def test_misskey_is_named_as_what_has_no_mastodon_api(self) -> None:
        """It has metadata of its own, with scopes of its own."""
        none = {f"GET {ORIGIN}{path}": say({"error": {}}, 404) for path in (V1, V2)}
        with pytest.raises(InputError) as caught:
            found(mastodon_at() | none | node_info("misskey", "2025.9.0"), ORIGIN)
        assert caught.value.code == "not-mastodon"
        assert "misskey 2025.9.0" in caught.value.what

    @pytest.mark.parametrize(
        "script",
        [
            {f"GET {ORIGIN}{NODE_INFO}": LOST},
            {f"GET {ORIGIN}{NODE_INFO}": page(200)},
            {f"GET {ORIGIN}{NODE_INFO}": say({"links": "x"})},
            node_info("hollo", "0.10.0", origin="https://evil.example"),
            node_info(None, None),
            node_info(["hollo"], {}),
        ],
        ids=["lost", "page", "no links", "elsewhere", "null", "other kinds"],
    )
    def test_without_it_the_server_stays_unnamed(self, script: dict[str, Scripted]) -> None:
        web = Web(mastodon_at() | {f"GET {ORIGIN}{V1}": say({"version": "0.10.0"})} | script)
        assert find(web).info.instance.profile.code_seconds == 60
        assert {request.url.host for request in web.requests} == {"social.example"}


def test_the_read_scopes_reach_the_decisions() -> None:
    told = find(Web(mastodon_at()))
    assert "its metadata lists them" in explain(told.info, POST)["Scopes"]
