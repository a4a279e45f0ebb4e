"""Every server that the sandbox plays: the same story, and each one's own traps."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from provisioner.report import Exit, ProvisionerError, Run
from provisioner.sandbox import authorize
from tests.servers import SERVERS
from tests.support.acts import lose_answer
from tests.support.told import calls_dead, fails
from tests.support.world import ORIGIN, World

NEW = "profile write:statuses write:media"
ASKED = {
    "mastodon-4.7": NEW,
    "hollo": NEW,
    "pixelfed": "read write",
    "takahe": "read write:statuses write:media",
}
CLASSIC = "read:accounts write:statuses write:media"


@pytest.fixture(params=SERVERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def personality(name: str) -> str:
    return name


def test_token_with_the_narrowest_scopes_is_stored_and_healthy(name: str, world: World) -> None:
    query = parse_qs(urlsplit(world.link()).query)
    assert query["scope"] == [ASKED.get(name, CLASSIC)]
    world.provision()
    assert world.live() == [world.stored()]
    assert world.check().status == "healthy"


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


def test_revoked_token_needs_action(name: str, bot: World) -> None:
    """In whatever words the server says it, the check is red and names the way out.

    Pleroma says the same of an account that may not act: there it is said to be one or the other.
    """
    bot.instance.revoke_access("mybot")
    checked = bot.check()
    finding = checked.items[0]
    assert finding.verdict == "bad"
    assert finding.next
    assert checked.exit_code is Exit.ACTION_REQUIRED
    assert calls_dead(finding) == (name != "pleroma")


def test_token_of_another_account_is_never_stored(name: str, world: World) -> None:
    """Where its application ends with a token, so does the link."""
    link = world.link()
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.complete(world.approve(link, "alice"))
    assert world.stored() == ""
    ends = name in {"snac", "friendica"}
    assert (world.journal().pending is None) == ends
    assert caught.value.link == ("" if ends else link)
    assert (Run("begin") in caught.value.next) == ends
    world.complete(world.approve(world.link()))
    assert world.stored() in world.live()


@pytest.mark.parametrize("name", ["takahe"])
@pytest.mark.parametrize(
    ("wanted", "approver", "is_right"),
    [
        ("social.example", "social.example", True),
        ("second.example", "second.example", True),
        ("social.example", "second.example", False),
        ("second.example", "social.example", False),
        ("third.example", "social.example", False),
    ],
)
def test_identity_of_the_same_name_at_another_domain_is_another_account(
    world: World, wanted: str, approver: str, *, is_right: bool
) -> None:
    """And so is one at a domain that the server does not serve."""
    world.instance.add_account("mybot", "second-password", domain="second.example")
    world.account = f"mybot@{wanted}"
    link = httpx.URL(world.link(instance=ORIGIN))
    by = world.instance.accounts[-1 if approver == "second.example" else 0]
    asked = authorize.check(world.instance, dict(link.params))
    code = authorize.approve(world.instance, asked, by).code
    world.codes.append(code)
    if is_right:
        world.complete(code)
        assert world.live() == [world.stored()]
        return
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert f"“mybot@{approver}”" in caught.value.what
    assert world.live() == []


@pytest.mark.parametrize("name", ["snac"])
def test_lost_exchange_is_told_of_before_its_link_is_given_up(world: World) -> None:
    link = world.link()
    lose_answer(world, world.approve(link))
    before = len(world.warned)
    with fails("wrong-account", Exit.ACTION_REQUIRED):
        world.complete(world.approve(link, "alice"))
    assert len(world.warned) == before + 1


@pytest.mark.parametrize("name", ["friendica"])
def test_lost_token_that_another_approval_ends_is_nobodys_to_remove(world: World) -> None:
    link = world.link()
    lose_answer(world, world.approve(link))
    before = len(world.warned)
    assert world.link() == link
    (warning,) = world.warned[before:]
    assert world.instance.server.applications_page not in warning
    world.complete(world.approve(link))
    assert "whoever else" in world.warned[-1]
    assert world.live() == [world.stored()]


@pytest.mark.parametrize("name", ["friendica", "hollo"])
def test_own_application_that_ends_its_token_when_it_is_approved_is_warned_of(
    name: str, world: World
) -> None:
    raw = world.hand_made()
    world.provision(**raw)
    before = len(world.warned)
    link = world.link(**raw)
    warned = [line for line in world.warned[before:] if "rotate=True" in line]
    assert len(warned) == (name == "friendica")
    old = world.stored()
    world.approve(link)
    assert (old in world.live()) == (name == "hollo")


@pytest.mark.parametrize("name", ["friendica"])
def test_link_that_is_shown_again_is_warned_of_for_its_own_application(world: World) -> None:
    """After a lost exchange it is shown whatever the inputs name."""
    raw = world.hand_made()
    world.provision(**raw)
    lose_answer(world, world.approve(world.link(**raw)), **raw)
    before = len(world.warned)
    world.link()
    assert "rotate=True" in "".join(world.warned[before:])
