"""What a run does and tells, in one order: a step is told when it is done, and before the next.

A run may end at any moment: what it told until then is all that a person knows.
"""

import re
from itertools import dropwhile

import pytest

from provisioner.report import when
from provisioner.sandbox.web import json_response
from tests.support.acts import INSTANCE, lose_answer, meanwhile
from tests.support.told import assert_in_turn
from tests.support.world import NAME, ORIGIN, START, World

ACCOUNT = "mybot@social.example"
TOKEN, URL = "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"
JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
LOOK, WRITE = f"GET:{JOURNAL}", f"PATCH:{JOURNAL}"
EIGHT, NINE = when(int(START)), when(int(START) + 3600)


@pytest.fixture
def world(world: World) -> World:
    world.wire.log = world.shown
    return world


def story(world: World, command: str, code: str = "", **raw: str) -> list[str]:
    """What was told until the report; each write, and look at the journal, as METHOD:NAME."""
    since = len(world.shown)
    report = world.run(command, code, **raw)
    told = world.shown[since : world.shown.index(repr(report), since)]
    lines = [re.sub(r"^([A-Z]+) /.*/", r"\1:", line) for line in told]
    lines = [one for one in lines if one == LOOK or not one.startswith(("GET:", *world.explained))]
    return [*dropwhile(LOOK.__eq__, lines)]


def test_steps_from_the_link_to_a_revocation_are_told_in_turn(world: World) -> None:
    link = ("POST:apps", "“mybot”", LOOK, WRITE, "journal")
    claim = ("POST:variables", f"PUT:{KEY}", KEY)
    assert_in_turn(story(world, "begin"), NAME, ORIGIN, *claim, *link)
    assert_in_turn(story(world, "begin", scopes="full"), NAME, ORIGIN, *link, EIGHT)
    staged = (NAME, WRITE, "POST:token", WRITE, "journal", LOOK, ACCOUNT)
    secret, current = (f"PUT:{TOKEN}", TOKEN), (LOOK, WRITE, "journal")
    first = story(world, "complete", world.approve(world.pending.link))
    assert_in_turn(first, *staged, *secret, "POST:variables", URL, *current)
    world.time += 3600
    rotation = story(world, "begin")
    assert_in_turn(rotation, NAME, ORIGIN, EIGHT, "read write", *link)
    second = story(world, "complete", world.approve(world.pending.link), grace="0")
    revoked = ("POST:revoke", LOOK, WRITE, EIGHT)
    assert_in_turn(second, *staged, *secret, *current, *revoked)


@pytest.mark.parametrize(("seconds", "again"), [(5, ()), (6, (LOOK,))])
def test_journal_is_looked_at_again_where_the_instance_took_more_than_five_seconds(
    world: World, seconds: int, again: tuple[str, ...]
) -> None:
    code = world.approve(world.link())
    for path in ("/oauth-authorization-server", "/verify_credentials"):
        meanwhile(world, INSTANCE, "GET", path, lambda: world.sleep(seconds))
    told = story(world, "complete", code)
    staged = (NAME, *again, WRITE, "POST:token", WRITE, "journal", LOOK, *again, ACCOUNT)
    assert_in_turn(told[: told.index(f"PUT:{TOKEN}")], *staged)


@pytest.mark.parametrize("personality", ["friendica"])
def test_what_a_rotation_replaces_is_told_before_its_link(world: World) -> None:
    """Of an account that has another name by now, at a server that ends the token in use."""
    raw = {**world.hand_made(), "secrets": "OTHER=access_token"}
    world.provision(**raw)
    narrow = "read:accounts write:statuses"
    lose_answer(world, world.approve(world.link(scopes=narrow, **raw)), **raw)
    world.repository.set_secret(TOKEN, "from-before-us")
    actor = {"rel": "self", "type": "application/activity+json", "href": f"{ORIGIN}/users/bot"}
    named = {"subject": "acct:bot@social.example", "links": [actor]}
    world.answer("/.well-known/webfinger", json_response(200, named))
    world.repository.variables["THIRD_URL"] = "https://other.example"
    raw |= {"secrets": f"{TOKEN}=access_token", "variables": "THIRD_URL=base_url"}
    told = story(world, "begin", scopes="full", **raw)
    replaced = ("THIRD_URL", TOKEN, narrow, EIGHT, "OTHER", "write:media", "'begin'")
    assert_in_turn(told, NAME, ORIGIN, "bot@social.example,", *replaced, EIGHT)


def test_steps_of_a_deprovision_are_told_in_turn(world: World) -> None:
    """A token was lost, and that of an application of one's own lives on."""
    world.provision(**world.hand_made(), secrets="ONE=access_token")
    world.time += 3600
    world.provision(secrets="TWO=access_token")
    lose_answer(world, world.approve(world.link(secrets="TWO=access_token")))
    world.repository.set_secret(TOKEN, "from-before-us")
    secrets = ("DELETE:ONE", "ONE", f"DELETE:{URL}", URL, "DELETE:TWO", "TWO")
    journal = (LOOK, f"DELETE:{JOURNAL}", JOURNAL, f"DELETE:{KEY}", KEY)
    assert_in_turn(
        story(world, "deprovision"),
        *(NAME, NINE, TOKEN, LOOK, WRITE, "POST:revoke", NINE, *secrets, EIGHT, *journal),
    )


def test_steps_of_a_register_are_told_in_turn(world: World) -> None:
    secret, variable = "MASTODON_CLIENT_SECRET", "MASTODON_CLIENT_ID"
    kept = (f"PUT:{secret}", secret, "POST:variables", variable)
    assert_in_turn(story(world, "register"), ORIGIN, "POST:apps", "“mybot”", *kept)
