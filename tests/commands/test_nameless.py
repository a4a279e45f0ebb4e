"""A server with metadata (RFC 8414) whose name was not told: nothing is promised for it.

It is a GoToSocial, which ignores an Idempotency-Key and gives an application another token each
time. What it told at begin is what the journal holds as long as the token.
"""

import pytest

from provisioner.report import Exit
from provisioner.sandbox.web import json_response
from tests.support.acts import lose_answer
from tests.support.told import fails, says_token_comes_back
from tests.support.world import ORIGIN, Fault, World

TEXT = "howdy universe!"
METADATA = {
    "issuer": ORIGIN,
    "authorization_endpoint": f"{ORIGIN}/oauth/authorize",
    "token_endpoint": f"{ORIGIN}/oauth/token",
    "revocation_endpoint": f"{ORIGIN}/oauth/revoke",
}


@pytest.fixture
def personality() -> str:
    """The server behind the metadata."""
    return "gotosocial"


@pytest.fixture
def world(world: World) -> World:
    """Metadata stands in front of it."""
    world.answer("/.well-known/oauth-authorization-server", json_response(200, METADATA))
    return world


@pytest.fixture
def nameless(world: World) -> World:
    """Its description was not to be had at begin, however often it was asked for."""
    world.wire.faults = [Fault("answer lost", path="/api/v1/instance", times=99)]
    return world


def test_one_lost_answer_does_not_cost_the_server_its_name(world: World) -> None:
    world.wire.faults = [Fault("answer lost", path="/api/v1/instance")]
    world.link()
    assert world.pending.instance.software == "GoToSocial"
    assert world.pending.instance.has_metadata


def test_post_whose_answer_was_lost_is_unclear(nameless: World) -> None:
    """Whether the server honours an Idempotency-Key is not known."""
    nameless.provision()
    nameless.wire.faults = [Fault("answer lost", method="POST", path="/api/v1/statuses")]
    with fails("post-unclear", Exit.ACTION_REQUIRED):
        nameless.post(TEXT)
    assert [status.text for status in nameless.instance.statuses] == [TEXT]


def test_link_of_a_lost_exchange_is_kept_and_its_token_not_said_to_come_back(
    nameless: World,
) -> None:
    """The server may be a Mastodon, or one where the lost token is a person's to remove."""
    link = nameless.link()
    lose_answer(nameless, nameless.approve(link))
    nameless.wire.faults = [Fault("answer lost", path="/api/v1/instance", times=99)]
    nameless.time += 3600
    assert nameless.link() == link
    [warning] = nameless.warned
    assert not says_token_comes_back(warning)
    assert ORIGIN in warning
