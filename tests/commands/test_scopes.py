"""Which scopes an application gets, where an instance refuses some of them."""

from urllib.parse import parse_qs, urlsplit

import pytest

from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.support.told import fails, said
from tests.support.world import World

NARROW = "read:accounts write:statuses write:media"
BROAD = "read write"


@pytest.fixture
def personality() -> str:
    return "mastodon-4.2"


@pytest.fixture
def asked(world: World) -> list[str]:
    """What each registration asked for, at a server that nobody knows: it tells no scopes."""
    world.instance.server.version = "Tea/1.0"
    scopes: list[str] = []

    def handler(request: Request) -> Response:
        if request.path == "/api/v1/apps":
            scopes.extend(parse_qs(request.body.decode())["scopes"])
        return world.instance(request)

    world.wire.hosts["social.example"] = handler
    return scopes


def knows(world: World, *scopes: str) -> None:
    """Let the instance refuse all others, as it does: with 422."""
    world.instance.server.scopes = scopes


def test_broad_scopes_are_requested_and_told_where_narrow_ones_are_refused(
    world: World, asked: list[str]
) -> None:
    """The server's first word decides: the link asks for what was registered, and it serves."""
    knows(world, "read", "write")
    link = world.link(scopes="post")
    assert asked == [NARROW, BROAD]
    assert parse_qs(urlsplit(link).query)["scope"] == [BROAD]
    (refusal,) = [line for line in world.explained if "HTTP 422" in line]
    assert NARROW in refusal
    told = [line for line in world.shown if line not in world.explained and BROAD in line]
    assert [line for line in told if "“mybot”" in line and line not in world.warned]
    (warning,) = world.warned
    assert warning in told
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1


def test_refusal_of_all_scopes_leaves_a_claim_and_the_key(world: World, asked: list[str]) -> None:
    knows(world, "follow")
    with fails("scope-refused", Exit.INPUT) as caught:
        world.begin()
    assert BROAD in said(caught.value)
    assert NARROW not in said(caught.value)
    assert asked == [NARROW, BROAD]
    assert len([line for line in world.explained if "HTTP 422" in line]) == 1
    assert world.instance.applications == []
    assert ":claim:" in world.repository.variables["MASTODON_JOURNAL"]
    assert world.stored("MASTODON_JOURNAL_KEY") == world.key
    knows(world, "read", "write")
    world.provision()
    assert world.live() == [world.stored()]
