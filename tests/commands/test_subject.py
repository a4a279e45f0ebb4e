"""An account whose WebFinger subject is another account: a domain of one's own, before a server.

See mastodon/mastodon#897 and #24928.
"""

import pytest

from provisioner.report import Exit, Open
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.support.told import fails, said
from tests.support.world import ORIGIN, World

OTHER_NAME = "mybot@social.example"


@pytest.fixture
def world(world: World) -> World:
    """The account hello@my.example is mybot@social.example."""
    link = {"rel": "self", "type": "application/activity+json", "href": f"{ORIGIN}/users/mybot"}

    def handler(request: Request) -> Response:
        if request.path != "/.well-known/webfinger":
            return Response(404)
        return json_response(200, {"subject": f"acct:{OTHER_NAME}", "links": [link]})

    world.account = "hello@my.example"
    world.wire.hosts["my.example"] = handler
    return world


def test_whose_token_it_will_be_is_told_before_anything_is_registered(world: World) -> None:
    report = world.begin()
    (warning,) = world.warned
    assert OTHER_NAME in warning
    told = [line for line in world.shown if line.startswith("Registered")]
    assert world.shown.index(warning) < world.shown.index(told[0])
    assert OTHER_NAME in report.headline


def test_token_is_verified_for_the_subject_and_rotated(world: World) -> None:
    assert world.provision().status == "provisioned"
    world.time += 3600
    rotated = world.provision(grace="0")
    (revoked,) = [item for item in rotated.items if item.verdict == "good"]
    assert OTHER_NAME not in revoked.text  # as it would be if it were not the bot's own name
    assert world.live() == [world.stored()]
    assert world.check().status == "healthy"
    assert world.current.account == OTHER_NAME
    assert f"{ORIGIN}/@mybot" in world.post("howdy").link


def test_setup_asks_for_the_approval_of_the_subject(world: World) -> None:
    world.setup()
    assert any(f"Sign in as {OTHER_NAME}" in line for line in world.shown)


def test_another_account_is_refused_and_the_same_link_asks_for_the_subject(world: World) -> None:
    link = world.link()
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.complete(world.approve(link, "alice"))
    assert "alice@social.example" in said(caught.value)
    opened = [step for step in caught.value.next if isinstance(step, Open)]
    assert opened[0].as_account == OTHER_NAME
    assert world.link() == link
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_link_for_another_subject_is_not_shown_again(world: World) -> None:
    link = world.link()
    world.wire.hosts["my.example"] = lambda _: Response(404)
    assert world.link(instance=ORIGIN) != link
