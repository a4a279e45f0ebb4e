"""check without a token for GitHub: what the instance tells of the token in the secret."""

import pytest

from provisioner.report import Exit, Report
from provisioner.sandbox import Response
from provisioner.sandbox.web import json_response
from tests.support.told import calls_dead, fails
from tests.support.world import ORIGIN, World

DAY = 86400
GRANTED = "profile write:statuses write:media"


@pytest.fixture
def world(world: World) -> World:
    """In a workflow, with a token in its secret."""
    world.in_workflow = True
    world.provision()
    return world


def check(world: World, **raw: str) -> Report:
    """A check that is given what the secret holds; it asks GitHub nothing."""
    asked = len(world.requests())
    report = world.run("check-token", **{"access_token": world.stored(), **raw})
    assert [one for one in world.requests(asked) if "/repos/" in one] == []
    return report


VERIFY = "/api/v1/accounts/verify_credentials"


def test_token_that_works_is_healthy_and_what_is_not_known_is_said(world: World) -> None:
    report = check(world)
    assert (report.status, report.exit_code) == ("healthy", Exit.DONE)
    assert report.outputs == {"account": "mybot@social.example"}
    assert "age" in report.table["Not known"]


def test_scopes_are_told_where_the_server_tells_them(world: World) -> None:
    told = {"scope": [*GRANTED.split(), "no scope", 1]}
    world.answer("/oauth/token/info", json_response(200, told))
    assert check(world).outputs["scopes"] == GRANTED
    assert check(world, scopes="profile write:statuses").status == "healthy"
    report = check(world, scopes="profile read:lists")
    assert (report.status, report.exit_code) == ("attention", Exit.ACTION_REQUIRED)
    assert "read:lists" in report.items[-1].text


def test_scopes_that_are_not_told_are_not_demanded(world: World) -> None:
    world.answer("/oauth/token/info", json_response(401, {"scope": ["read"]}))
    report = check(world, scopes="profile read:lists")
    assert report.status == "healthy"
    assert "scopes" not in report.outputs


def test_token_that_is_dead_is_not_asked_for_its_scopes(world: World) -> None:
    world.answer(VERIFY, json_response(401, {"error": "The access token was revoked"}))
    assert check(world).exit_code == Exit.ACTION_REQUIRED
    assert not any("/oauth/token/info" in asked for asked in world.wire.log)


@pytest.mark.parametrize("name", [{"username": "other"}, {"acct": "mybot@else.example"}])
def test_another_name_needs_a_person_and_is_not_called_dead(
    world: World, name: dict[str, str]
) -> None:
    """It was renamed, or is another account."""
    account = {"id": "1", "username": "mybot", "acct": "mybot", **name}
    world.answer(VERIFY, json_response(200, account))
    report = check(world)
    assert (report.status, report.exit_code) == ("attention", Exit.ACTION_REQUIRED)
    assert not calls_dead(report.items[-1])


def test_account_is_known_by_the_name_that_webfinger_gives_it(world: World) -> None:
    link = {"rel": "self", "type": "application/activity+json", "href": f"{ORIGIN}/users/bot"}
    named = {"subject": "acct:bot@social.example", "links": [link]}
    world.answer(VERIFY, json_response(200, {"id": "1", "username": "bot", "acct": "bot"}))
    assert check(world).status == "attention"
    world.answer("/.well-known/webfinger", json_response(200, named))
    assert check(world).status == "healthy"


@pytest.mark.parametrize("path", [VERIFY, "/.well-known/webfinger"])
def test_instance_in_trouble_needs_nobody(world: World, path: str) -> None:
    world.answer(path, Response(500))
    report = check(world)
    assert (report.status, report.exit_code) == ("unclear", Exit.DONE)
    assert "healthy" not in report.headline


def test_token_goes_to_the_instance_that_is_named(world: World) -> None:
    world.account = "mybot@elsewhere.example"
    asked = len(world.requests())
    check(world, instance=ORIGIN)
    assert not any("webfinger" in one for one in world.requests(asked))


def test_empty_token_is_not_provisioned_yet_and_nobody_is_asked(world: World) -> None:
    asked = len(world.requests())
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED):
        check(world, access_token=" ")
    assert world.requests(asked) == []


# With both tokens: the journal says what is current.


def test_superseded_token_that_the_secret_still_held_is_told_and_not_revoked(world: World) -> None:
    """The run may have been queued before the rotation."""
    old = world.stored()
    world.provision()
    world.time += 2 * DAY
    report = world.check(access_token=old)
    [told] = [item for item in report.items if item.verdict == "soon"]
    assert "the secret that this run was handed" in told.text
    assert old in world.live()
    assert world.check(access_token=world.stored()).status == "healthy"
    assert old not in world.live()
