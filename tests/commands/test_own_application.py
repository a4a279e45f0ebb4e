"""An application that somebody made by hand."""

import pytest

from provisioner.commands.revocation import APPLICATION_STAYS
from provisioner.report import Exit, Run
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.support.acts import lose_answer, stage
from tests.support.told import fails, said, says_application_stays, says_revoked, steps
from tests.support.world import ORIGIN, START, World

PAGE = f"{ORIGIN}/oauth/authorized_applications"


def test_same_token_again_is_no_rotation_and_gets_no_younger(world: World) -> None:
    """Mastodon gives the same application the same token: that is said, and it gets no younger."""
    raw = world.hand_made()
    world.provision(**raw)
    world.time += 3600
    outcome = world.provision(grace="0", **raw)
    assert outcome.status == "provisioned"
    assert outcome.facts["old-tokens"] == []
    assert outcome.facts["same-since"] == "2027-01-15T08:00:00Z"
    assert world.live() == [world.stored()]
    assert world.journal().superseded == ()
    (item,) = outcome.items
    assert "15 January 2027, 08:00 UTC" in item.text
    assert Run("begin", rotate=True) in item.next
    assert world.current.issued_at == START


def test_token_of_an_own_application_is_not_revoked(world: World) -> None:
    """Another account's token is not stored, but lives on: who can remove it is told where."""
    code = world.approve(world.link(**world.hand_made()), "alice")
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert "alice@social.example" in said(caught.value)
    assert PAGE in said(caught.value)
    assert not says_revoked(caught.value)
    assert len(world.live()) == 1
    assert "MASTODON_ACCESS_TOKEN" not in world.repository.secrets


def test_scopes_of_an_application_must_be_named_where_the_server_tells_nothing(
    world: World,
) -> None:
    raw = {"client_id": "id", "client_secret": "its-own-secret"}
    for path in ("/.well-known/", "/nodeinfo"):
        world.answer(path, Response(404))
    world.instance.server.version = "1.0"
    with fails("scopes-untold", Exit.INPUT) as caught:
        world.begin(**raw)
    assert "Set(" in steps(caught.value.next)
    assert world.begin(scopes="write read", **raw).outputs["scopes"] == "write read"


@pytest.mark.parametrize("personality", ["gotosocial"])
def test_nobody_is_told_to_remove_the_application_that_the_token_in_use_belongs_to(
    world: World,
) -> None:
    """Where one's own application gets another token each time, it would end the bot's too."""
    raw = world.hand_made()
    world.provision(**raw)
    lose_answer(world, world.approve(world.link(**raw)), **raw)
    world.shown.clear()
    link = world.link(**raw)
    assert APPLICATION_STAYS in "".join(world.warned)
    lost, replaced = world.complete(world.approve(link), grace="0", **raw).items
    stage(world, world.approve(world.link(**raw)), **raw)
    (unverified,) = world.abandon(**raw).items
    for note in (lost, replaced, unverified):
        assert says_application_stays(note)
    assert len(world.live()) == 4
    [kept] = world.deprovision().items
    assert not says_application_stays(kept)  # now there is no bot that it would end


@pytest.mark.parametrize("personality", ["gotosocial"])
def test_application_of_a_lost_exchange_stays_where_it_issued_the_next_token(world: World) -> None:
    lose_answer(world, world.approve(world.link()))
    [lost] = world.provision().items
    assert says_application_stays(lost)


def test_token_of_an_own_application_that_could_not_be_staged_lives_on(world: World) -> None:
    """GitHub refuses the journal: what may be in use elsewhere is not revoked."""
    code = world.approve(world.link(**world.hand_made()))

    def refusing(request: Request) -> Response:
        if request.method in {"PATCH", "POST"} and world.instance.tokens:
            return json_response(403, {"message": "Resource not accessible by this token"})
        return world.github(request)

    world.wire.hosts["api.github.com"] = refusing
    with fails("github-permission", Exit.ACTION_REQUIRED):
        world.complete(code)
    assert len(world.live()) == 1
