"""What an instance tells strangers."""

import pytest

from provisioner.sandbox import Instance, Request
from tests.sandbox.hands import Fediverse


def test_webfinger(fediverse: Fediverse) -> None:
    """WebFinger leads from an address, in any case, to the actor and the profile page."""
    instance = fediverse.sandbox.instance
    query = {"resource": f"acct:{instance.address('ALICE')}"}
    answer = fediverse.http.get("/.well-known/webfinger", params=query)
    links = {one["rel"]: one.get("href") for one in answer.json()["links"]}
    assert (answer.headers["Content-Type"], answer.json()["subject"], links["self"]) == (
        "application/jrd+json; charset=utf-8",
        f"acct:{instance.address('alice')}",
        f"{instance.origin}/users/alice",
    )


@pytest.mark.parametrize(
    ("resource", "status"),
    [("", 400), ("acct:nobody@{domain}", 404), ("acct:alice@example.com", 404)],
)
def test_webfinger_refusals(fediverse: Fediverse, resource: str, status: int) -> None:
    """Strangers and other hosts are 404, no resource is 400."""
    query = {"resource": resource.format(domain=fediverse.sandbox.instance.domain)}
    assert fediverse.http.get("/.well-known/webfinger", params=query).status_code == status


def test_webfinger_with_a_web_domain() -> None:
    """An instance on another web domain answers for its accounts' domain, and names both."""
    instance = Instance("https://social.example.com", domain="example.com")
    instance.add_account("alice", "password")
    answer = instance(Request("GET", "/.well-known/webfinger", "resource=acct:alice@example.com"))
    expected = ["https://social.example.com/@alice", "https://social.example.com/users/alice"]
    assert answer.json() == {
        "subject": "acct:alice@example.com",
        "aliases": expected,
        "links": [
            {
                "rel": "http://webfinger.net/rel/profile-page",
                "type": "text/html",
                "href": expected[0],
            },
            {"rel": "self", "type": "application/activity+json", "href": expected[1]},
            {
                "rel": "http://ostatus.org/schema/1.0/subscribe",
                "template": "https://social.example.com/authorize_interaction?uri={uri}",
            },
        ],
    }


def test_issuer(fediverse: Fediverse) -> None:
    """The metadata's issuer is the origin with a slash at its end, which RFC 8414 counts."""
    body = fediverse.http.get("/.well-known/oauth-authorization-server").json()
    assert body["issuer"] == f"{fediverse.sandbox.instance.origin}/"


def test_endpoints(fediverse: Fediverse) -> None:
    """Each endpoint of the metadata is on the origin, and is there."""
    body = fediverse.http.get("/.well-known/oauth-authorization-server").json()
    endpoints = [body[name] for name in sorted(body) if name.endswith("_endpoint")]
    calls = [fediverse.http.request(m, url) for url in endpoints for m in ("GET", "POST")]
    there = {str(one.url) for one in calls if one.status_code != 404}
    assert there == set(endpoints)


def test_methods(fediverse: Fediverse) -> None:
    """S256 is the only challenge method, and the password grant is gone."""
    body = fediverse.http.get("/.well-known/oauth-authorization-server").json()
    assert (body["code_challenge_methods_supported"], body["grant_types_supported"]) == (
        ["S256"],
        ["authorization_code", "client_credentials"],
    )


@pytest.mark.parametrize(("path", "name"), [("v1", "uri"), ("v2", "domain")])
def test_instance(fediverse: Fediverse, path: str, name: str) -> None:
    """Both descriptions of the instance tell its domain and version."""
    body = fediverse.http.get(f"/api/{path}/instance").json()
    instance = fediverse.sandbox.instance
    assert (body[name], body["version"]) == (instance.domain, "4.7.3")
