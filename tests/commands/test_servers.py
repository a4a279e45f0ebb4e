"""Every server that the sandbox plays: the same story, and each one's own traps."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioner.errors import ProvisionerError
from provisioner.report import Exit
from tests.servers import PERSONALITIES
from tests.servers.github_description import Description
from tests.support.told import calls_dead, fails, in_words
from tests.support.world import World

ASKED = {
    "mastodon-4.7": "profile write:statuses write:media",
    "mastodon-4.2": "read:accounts write:statuses write:media",
    "gotosocial": "read:accounts write:statuses write:media",
    "pleroma": "read:accounts write:statuses write:media",
    "pixelfed": "read write",
    "takahe": "read write:statuses write:media",
}
CODE_SECONDS = {name: 600 for name in PERSONALITIES if name != "pleroma"}
CODE_SECONDS |= {"gotosocial": 300, "takahe": 60}
"""How long a code is good; on Pleroma that is 100 years."""


@pytest.fixture(params=PERSONALITIES)
def name(request: pytest.FixtureRequest) -> str:
    """A server's name."""
    return str(request.param)


@pytest.fixture
def world(name: str) -> Iterator[World]:
    """A world with that server; afterwards nothing that was shown holds a secret."""
    made = World(Description.load(), name)
    yield made
    assert made.leaks() == []


def test_link_asks_for_the_narrowest_scopes(name: str, world: World) -> None:
    query = parse_qs(urlsplit(world.link()).query)
    assert query["scope"] == [ASKED[name]]


def test_link_has_no_state_and_forces_a_login(world: World) -> None:
    """`state` would end up in the code, and `force_login=false` would show a token on Pleroma."""
    query = parse_qs(urlsplit(world.link()).query)
    assert query.get("state") is None
    assert query["force_login"] == ["true"]


def test_stored_token_is_alive_and_healthy(world: World) -> None:
    world.provision()
    checked = world.check()
    assert world.live() == [world.stored()]
    assert checked.status == "healthy"


def test_expiry_is_told_and_warned_of_a_month_ahead(name: str, world: World) -> None:
    report = world.provision()
    assert (report.outputs["expires-at"] == "never") == (name not in {"pixelfed", "pleroma"})
    if name == "pixelfed":
        world.time += 340 * 86400
        end = report.table["Expires"]
        assert [item.verdict for item in world.check().items if end in item.text] == ["soon"]


@pytest.mark.parametrize("code", ["nonsense", "bm9uc2Vuc2U"])
def test_wrong_code_leads_to_the_link(world: World, code: str) -> None:
    """However the server answers it, a person is led to the link, and the right code then works."""
    link = world.link()
    with pytest.raises(ProvisionerError) as caught:
        world.complete(code)
    assert caught.value.exit_code == Exit.ACTION_REQUIRED
    assert caught.value.link == link
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


@pytest.mark.parametrize("name", CODE_SECONDS)
def test_expired_code_gives_no_token(name: str, world: World) -> None:
    link = world.link()
    code = world.approve(link)
    world.time += CODE_SECONDS[name] + 1
    with pytest.raises(ProvisionerError):
        world.complete(code)
    assert world.live() == []
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_revoked_token_needs_action(name: str, world: World) -> None:
    """In whatever words the server says it, the check is red and names the way out.

    Pleroma says the same of an account that may not act: there it is said to be one or the other.
    """
    world.provision()
    world.instance.revoke_access("mybot")
    checked = world.check()
    finding = checked.items[0]
    assert finding.verdict == "bad"
    assert finding.next
    assert checked.exit_code is Exit.ACTION_REQUIRED
    assert calls_dead(finding) == (name != "pleroma")


def test_rotation_revokes_the_old_token_or_says_where_to_remove_it(name: str, world: World) -> None:
    world.provision()
    old = world.stored()
    world.time += 3600
    outcome = world.provision(grace="0")
    assert world.stored() != old
    if name == "pixelfed":
        page = f"{world.instance.origin}{world.instance.server.applications_page}"
        assert any(page in in_words(item) for item in outcome.items)
    else:
        assert world.live() == [world.stored()]


def test_forgotten_application_is_given_up(world: World) -> None:
    link = world.link()
    code = world.approve(link)
    world.instance.delete_application(world.instance.applications[0].client_id)
    with pytest.raises(ProvisionerError) as caught:
        world.complete(code)
    assert caught.value.next
    world.time += 8 * 86400
    if world.journal().pending is not None:
        world.abandon()
    world.provision()
    assert world.live() == [world.stored()]


def test_token_of_another_account_is_never_stored(world: World) -> None:
    link = world.link()
    with fails("wrong-account", Exit.ACTION_REQUIRED):
        world.complete(world.approve(link, "alice"))
    assert world.stored() == ""
