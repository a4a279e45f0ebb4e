"""From an account's name to its instance."""

from collections.abc import Callable
from functools import partial

import httpx
import pytest

from provisioner.mastodon import discovery
from provisioner.mastodon.instance import Instance
from provisioner.mastodon.scopes import InstanceInfo
from provisioner.parsing import Handle
from provisioner.report import Exit, InputError, ProvisionerError, Set
from provisioner.secret import Secret
from tests.support.gather import in_order
from tests.unit.instances import ORIGIN, instance_of
from tests.unit.web import LOST, Reply, Script, Scripted, Web, page, redirect, say

OTHER = "https://web.example"
EVIL = "https://evil.example"
BOT = Handle("MyBot", "social.example")
FINGER = "/.well-known/webfinger"
METADATA = "/.well-known/oauth-authorization-server"
V1, V2 = "/api/v1/instance", "/api/v2/instance"
NODE_INFO = "/.well-known/nodeinfo"
ABOUT = say({"version": "4.5.3", "domain": "social.example"})
ENDPOINTS = {
    "authorization_endpoint": "/new/authorize",
    "token_endpoint": "/new/token",
    "app_registration_endpoint": "/new/apps",
    "revocation_endpoint": "/new/revoke",
}


def find(web: Web, account: Handle = BOT, instance: str = "") -> InstanceInfo:
    return discovery.find(web.http, account, instance, in_order)


def found(script: Script, instance: str = "") -> Instance:
    return find(Web(script), instance=instance).instance


def metadata(origin: str = ORIGIN, /, **changes: object) -> Reply:
    """What a Mastodon says about itself, with other endpoints than the usual ones."""
    fields = {name: origin + path for name, path in ENDPOINTS.items()}
    return say({"issuer": f"{origin}/", **fields, "scopes_supported": ["read", "write"]} | changes)


def described(origin: str = ORIGIN) -> Instance:
    """An instance as its metadata and its API describe it."""
    authorize, token, apps, revoke = (origin + path for path in ENDPOINTS.values())
    return Instance(origin, authorize, token, apps, revoke, True, "Mastodon", "4.5.3")  # noqa: FBT003


def everywhere(reply: Scripted, *paths: str) -> dict[str, Scripted]:
    """Each of these addresses answers so."""
    return {f"GET {ORIGIN}{path}": reply for path in paths or (METADATA, V1, V2)}


def mastodon_at(origin: str = ORIGIN) -> dict[str, Scripted]:
    """A Mastodon with metadata."""
    return {f"GET {origin}{METADATA}": metadata(origin), f"GET {origin}{V1}": ABOUT}


def jrd(href: object, kind: object = "application/activity+json", **changes: object) -> Reply:
    """A WebFinger answer with one link."""
    link = {"rel": "self", "type": kind, "href": href}
    return say({"subject": "acct:mybot@social.example", "links": [link]} | changes)


def finger(reply: Scripted) -> dict[str, Scripted]:
    return everywhere(reply, FINGER)


def refused(script: Script, instance: str = "") -> ProvisionerError:
    with pytest.raises(ProvisionerError) as caught:
        found(script, instance)
    return caught.value


# WebFinger.


def test_mastodon_at_its_own_domain_takes_three_requests_in_one_batch() -> None:
    web = Web(mastodon_at() | finger(jrd(f"{ORIGIN}/users/mybot")))
    told = find(web)
    assert told.instance == described()
    assert told.scopes_supported == ("read", "write")
    assert told.is_confirmed
    assert web.asked == [f"GET {ORIGIN}{path}" for path in (FINGER, METADATA, V1)]
    assert "WebFinger" in told.how
    assert dict(web.requests[0].url.params) == {"resource": "acct:MyBot@social.example"}
    assert "application/jrd+json" in web.requests[0].headers["accept"]


@pytest.mark.parametrize(
    "reply",
    [
        *(Reply(404), page(200), say({"links": 1}), say({"links": ["self"]}), jrd(None)),
        jrd(f"{OTHER}/@mybot", "text/html"),
        say({"links": [{"rel": "me", "type": "application/activity+json", "href": OTHER}]}),
        Reply(404, jrd(f"{OTHER}/@mybot").body),
    ],
)
def test_accounts_domain_is_its_instance_where_webfinger_names_no_actor(reply: Reply) -> None:
    """A link counts only with an ActivityPub media type."""
    told = find(Web(mastodon_at() | finger(reply)))
    assert told.instance == described()
    assert not told.is_confirmed
    assert str(BOT) in told.how


@pytest.mark.parametrize(
    ("kind", "subject", "other"),
    [
        ("application/activity+json", "acct:robot@web.example", "robot@web.example"),
        ("application/activity+json", "acct:mybot@web.example", "mybot@web.example"),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams"', "", ""),
        *(("application/ld+json", own, "") for own in ("acct:MYBOT@social.example", "x://web")),
    ],
)
def test_link_to_the_actor_names_the_instance_and_the_subject_another_name(
    kind: str, subject: str, other: str
) -> None:
    reply = jrd(f"{OTHER}/users/mybot", kind, subject=subject)
    web = Web(mastodon_at(OTHER) | finger(reply))
    told = find(web)
    assert told.instance == described(OTHER)
    assert told.is_confirmed
    assert told.subject == other
    assert web.asked[3:] == [f"GET {OTHER}{path}" for path in (METADATA, V1)]


@pytest.mark.parametrize("location", [f"{OTHER}{FINGER}?resource=acct%3Amybot%40a.b", "/finger?x"])
def test_redirect_of_webfinger_is_followed_with_its_query(location: str) -> None:
    target = str(httpx.URL(ORIGIN).join(location))
    answers: dict[str, Scripted] = {f"GET {target.partition('?')[0]}": jrd(f"{OTHER}/users/mybot")}
    web = Web(mastodon_at(OTHER) | finger(redirect(location, 301)) | answers)
    assert find(web).instance == described(OTHER)
    assert str(web.requests[1].url) == target


def test_redirects_in_a_circle_are_given_up() -> None:
    web = Web(mastodon_at() | finger(redirect(FINGER)))
    assert not find(web).is_confirmed
    assert web.asked.count(f"GET {ORIGIN}{FINGER}") == 4


@pytest.mark.parametrize("how", [redirect, jrd, partial(jrd, subject="acct:a@web.example")])
@pytest.mark.parametrize(
    "target", [*("http://web.example", "https://127.0.0.1", "https://a.localhost:1")]
)
def test_public_domain_leads_to_public_https_only(how: Callable[[str], Reply], target: str) -> None:
    web = Web(mastodon_at() | finger(how(f"{target}/users/a")))
    with pytest.raises(InputError) as caught:
        find(web)
    assert caught.value.code == "bad-webfinger"
    assert Set("instance") in caught.value.next
    assert {request.url.host for request in web.requests} == {"social.example"}


def test_domain_on_this_machine_may_lead_to_this_machine() -> None:
    local, server = "http://localhost:3000", "http://127.0.0.1:4000"
    script = mastodon_at(server) | {f"GET {local}{FINGER}": jrd(f"{server}/users/mybot")}
    account = Handle("mybot", "localhost:3000")
    assert find(Web(script), account).instance == described(server)


# Round trips.


def test_named_instance_is_not_looked_up_nor_asked_for_a_name_that_it_tells() -> None:
    web = Web(mastodon_at(OTHER))
    assert find(web, instance=OTHER) == InstanceInfo(
        described(OTHER), ("read", "write"), how="named"
    )
    assert web.asked == [f"GET {OTHER}{path}" for path in (METADATA, V1)]


@pytest.mark.parametrize("reply", [LOST, page(503), metadata(EVIL)])
def test_wrong_guess_costs_nothing(reply: Scripted) -> None:
    script = mastodon_at(OTHER) | everywhere(reply) | finger(jrd(f"{OTHER}/users/mybot"))
    web = Web(script)
    assert find(web).instance == described(OTHER)
    assert web.waits == []


@pytest.mark.parametrize("trouble", [page(502), LOST])
@pytest.mark.parametrize("path", [FINGER, METADATA, V1])
def test_instance_that_met_trouble_is_asked_again(path: str, trouble: Scripted) -> None:
    script = mastodon_at() | finger(jrd(f"{ORIGIN}/users/mybot"))
    asked = f"GET {ORIGIN}{path}"
    told = find(Web(script | {asked: [trouble, script[asked]]}))
    assert told.is_confirmed
    assert told.instance == described()
    assert found(script | {asked: [trouble, script[asked]]}, ORIGIN) == described()


# Metadata.


@pytest.mark.parametrize("field", ["issuer", *ENDPOINTS])
@pytest.mark.parametrize(
    "value",
    [*(f"{EVIL}/path", 1, "/oauth/token"), f"{ORIGIN}/{'x' * (2000 - len(ORIGIN))}"],
    ids=["another origin", "number", "path", "too long"],
)
def test_endpoint_of_another_origin_or_none_is_refused(field: str, value: object) -> None:
    script = mastodon_at() | everywhere(metadata(**{field: value}), METADATA)
    error = refused(script, ORIGIN)
    assert error.code == "foreign-metadata"
    assert error.exit_code is Exit.INPUT
    assert Set("instance") in error.next


@pytest.mark.parametrize(
    ("field", "without"),
    [
        ("issuer", None),
        ("revocation_endpoint", ""),
        ("app_registration_endpoint", f"{ORIGIN}/api/v1/apps"),
        ("authorization_endpoint", f"{ORIGIN}/oauth/authorize"),
    ],
)
@pytest.mark.parametrize("value", [None, ""])
def test_field_without_a_value_is_missing(
    field: str, without: str | None, value: str | None
) -> None:
    instance = found(mastodon_at() | everywhere(metadata(**{field: value}), METADATA), ORIGIN)
    assert instance.has_metadata
    if without is not None:
        name = field.removeprefix("app_")
        assert getattr(instance, name) == without


@pytest.mark.parametrize(
    "reply",
    [
        *(Reply(404), page(200), say({"issuer": "x"}), page(403)),
        *(redirect(f"{OTHER}{METADATA}"), Reply(500, metadata().body)),
    ],
)
def test_without_metadata_the_paths_are_mastodons(reply: Reply) -> None:
    web = Web(everywhere(reply, METADATA) | everywhere(ABOUT, V1))
    assert find(web, instance=ORIGIN).instance == instance_of("Mastodon", "4.5.3")
    assert {request.url.host for request in web.requests} == {"social.example"}


def test_lists_of_metadata_are_bounded_and_of_words() -> None:
    words = ["read", 1, "a b", *(f"read:{n}" for n in range(999))]
    listed = metadata(scopes_supported=words, issuer=f"{ORIGIN}/{'x' * (1999 - len(ORIGIN))}")
    info = find(Web(mastodon_at() | everywhere(listed, METADATA)), instance=ORIGIN)
    assert info.scopes_supported[:2] == ("read", "read:0")
    assert len(info.scopes_supported) == 198


@pytest.mark.parametrize("trouble", [page(503), LOST])
def test_version_may_be_out_of_reach_where_there_is_metadata(trouble: Scripted) -> None:
    instance = found(mastodon_at() | everywhere(trouble, V1), ORIGIN)
    assert instance.has_metadata
    assert instance.product == ""


# What the instance's API tells about it.


CLOSED = {"error": "This API requires an authenticated user"}


@pytest.mark.parametrize(
    ("v1", "v2", "version"),
    [
        (ABOUT, page(500), ("Mastodon", "4.5.3")),
        (Reply(404), [page(502), ABOUT], ("Mastodon", "4.5.3")),
        (say(CLOSED, 401), Reply(404), ("", "")),
        (say(CLOSED, 403), Reply(404), ("", "")),
        (Reply(404), say(CLOSED, 403), ("", "")),
    ],
)
def test_either_version_of_the_api_will_do_even_closed_to_strangers(
    v1: Reply, v2: Reply | list[Scripted], version: tuple[str, str]
) -> None:
    assert found(everywhere(v1, V1) | {f"GET {ORIGIN}{V2}": v2}, ORIGIN) == instance_of(*version)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        *((Reply(404), "not-mastodon"), (page(404), "not-mastodon"), (say([]), "not-mastodon")),
        (say({"version": 4}), "not-mastodon"),
        *((say(body, 404), "not-mastodon") for body in ({"version": "4.5.3"}, {"error": "x"})),
        (redirect(OTHER), "not-mastodon"),
        *((say({"error": "blocked"}, status), "instance-blocked") for status in (401, 403)),
        *((page(status), "instance-blocked") for status in (200, 401, 403, 405)),
        *((Reply(status), "instance-blocked") for status in (202, 401, 403)),
        (page(410), "not-mastodon"),
        (redirect("/challenge"), "instance-blocked"),
        (page(503), "instance-unwell"),
    ],
)
def test_server_that_does_not_describe_itself_is_no_instance_or_something_is_in_front(
    reply: Reply, code: str
) -> None:
    web = Web(everywhere(reply))
    with pytest.raises(ProvisionerError) as caught:
        find(web, instance=ORIGIN)
    assert caught.value.code == code
    assert ("HTTP" in caught.value.why) is (code == "not-mastodon")
    assert " runs " not in caught.value.what  # no software was named
    assert code != "instance-unwell" or f"GET {ORIGIN}{NODE_INFO}" not in web.asked


def test_page_that_refuses_is_no_instance_that_is_closed_to_strangers() -> None:
    assert refused(everywhere(page(403), V1), ORIGIN).code == "instance-blocked"


@pytest.mark.parametrize("path", [FINGER, METADATA, V1])
def test_server_without_an_answer_is_reported_as_such(path: str) -> None:
    script = everywhere(Reply(404), METADATA, V1) | everywhere(LOST, path)
    assert refused(script).code == "no-answer"
    assert refused(mastodon_at() | finger(page(503))).code == "instance-unwell"


# NodeInfo.


def node_info(name: object, version: object, origin: str = ORIGIN) -> dict[str, Scripted]:
    """A server whose NodeInfo names this software."""
    rel = "http://nodeinfo.diaspora.software/ns/schema/2.1"
    links = [{"rel": "other", "href": f"{origin}/x"}, {"rel": rel, "href": f"{origin}/info/2.1"}]
    document = {"software": {"name": name, "version": version}}
    return everywhere(say({"links": links}), NODE_INFO) | everywhere(say(document), "/info/2.1")


NUMBER = everywhere(say({"version": "0.10.0"}), V1)
"""As Hollo tells its version: it names nobody."""


@pytest.mark.parametrize("origin", [ORIGIN, "http://social.example"])
@pytest.mark.parametrize("script", [NUMBER, everywhere(say(CLOSED, 401), V1)])
def test_node_info_names_a_server_that_does_not_name_itself(
    script: dict[str, Scripted], origin: str
) -> None:
    """BookWyrm gives its own address with http."""
    web = Web(mastodon_at() | script | node_info("hollo", "0.10.0", origin))
    instance = find(web).instance
    assert instance.product == "hollo 0.10.0"
    assert instance.profile.settings_path == "/auth"
    assert {request.url.scheme for request in web.requests} == {"https"}


@pytest.mark.parametrize(
    ("software", "script"),
    [
        ("misskey", mastodon_at() | everywhere(LOST, V1, V2)),
        ("Misskey", mastodon_at() | everywhere(say({"version": "13"}), V1, V2)),
        ("PeerTube", everywhere(page(200))),
        ("something-new", everywhere(Reply(404))),
    ],
)
def test_software_without_a_mastodon_api_is_named(
    software: str, script: dict[str, Scripted]
) -> None:
    """Misskey has metadata of its own, with scopes of its own."""
    error = refused(script | node_info(software, "2025.9.0"), ORIGIN)
    assert error.code == "not-mastodon"
    assert software in error.what


@pytest.mark.parametrize(
    "script",
    [
        *(everywhere(LOST, NODE_INFO), node_info("hollo", "1", origin=EVIL)),
        node_info(["hollo"], {}),
        node_info("", "") | everywhere(say({"software": "hollo"}), "/info/2.1"),
        everywhere(say({"links": [{"rel": "other", "href": f"{ORIGIN}/info/2.1"}]}), NODE_INFO)
        | everywhere(say({"software": {"name": "hollo"}}), "/info/2.1"),
    ],
)
def test_server_stays_unnamed_without_node_info(script: dict[str, Scripted]) -> None:
    web = Web(mastodon_at() | NUMBER | script)
    assert find(web).instance.product == ""
    assert {request.url.host for request in web.requests} == {"social.example"}


@pytest.mark.parametrize("how", ["redirect", "endpoint", "version", "software"])
def test_no_secret_is_shown_in_what_a_server_names(how: str) -> None:
    secret = "zU9-wjQ_3kd-8s"
    foreign = f"http://other.example/{secret}"
    script: dict[str, dict[str, Scripted]] = {
        "redirect": finger(redirect(foreign)),
        "endpoint": everywhere(metadata(issuer=foreign), METADATA),
        "version": everywhere(say({"version": f"4.3.0+{secret}"}), V1),
        "software": node_info(secret, secret) | NUMBER,
    }
    web = Web(mastodon_at() | script[how])
    web.http.remember(Secret(secret))
    try:
        shown = str(find(web))
    except InputError as error:
        shown = error.what
    assert secret not in shown
