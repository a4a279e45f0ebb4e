"""What changes under a run's feet: the GitHub token, an application.

Each time nothing is lost, the error says what to do, and whoever does that gets to the end.
"""

import pytest

from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.support.told import fails, in_words, pages, said, says_no_code_is_needed
from tests.support.world import NAME, ORIGIN, World

JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
SECRET = "MASTODON_ACCESS_TOKEN"
DAY = 86400.0


def is_done(world: World, name: str = NAME) -> bool:
    return [world.github.queue(name).secret(SECRET)] == world.live()


# The GitHub token expires.


def expire_at(world: World, method: str, path: str, turn: int = 1) -> None:
    """From the `turn`-th such request on, GitHub does not know the token any more."""
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        if request.method == method and path in request.path:
            seen.append(request)
            if len(seen) == turn:
                world.github.remove_token(world.token)
        return world.github(request)

    world.wire.hosts["api.github.com"] = handler


def renew(world: World) -> None:
    world.wire.hosts["api.github.com"] = world.github
    world.token = world.github.add_token()


def test_github_token_that_expires_at_the_staging_write_loses_nothing(world: World) -> None:
    """The new token is in the one window: the link brings it back, and both runs say so (I3)."""
    link = world.link()
    code = world.approve(link)
    expire_at(world, "PATCH", JOURNAL, turn=2)  # the first one writes the attempt
    with fails("github-token-refused", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert link in pages(caught.value.next)  # it gives another code
    assert not says_no_code_is_needed(caught.value)
    [lost] = world.live()
    renew(world)
    with fails("code-refused", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    world.complete(world.approve(caught.value.link))
    assert world.stored() == lost
    assert is_done(world)


@pytest.mark.parametrize(
    ("method", "path", "spent"),
    [
        ("PATCH", JOURNAL, False),
        ("PUT", f"secrets/{SECRET}", True),
        ("POST", "actions/variables", True),
    ],
    ids=["attempt", "secret", "variable"],
)
def test_no_code_is_needed_after_the_staging_write_and_the_same_one_is_good_before(
    world: World, code: str, method: str, path: str, *, spent: bool
) -> None:
    """The code is spent last (I6)."""
    expire_at(world, method, path)
    with fails("github-token-refused", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert says_no_code_is_needed(caught.value) == spent
    assert "github.com/settings" in said(caught.value)
    renew(world)
    world.complete("" if spent else code)
    assert is_done(world)


# The old application is gone.


@pytest.mark.parametrize("took_its_token", [True, False])
def test_person_is_told_only_where_an_application_that_is_gone_left_its_token_alive(
    bot: World, *, took_its_token: bool
) -> None:
    """Mastodon deletes both together. Elsewhere, no program can revoke the token any more."""
    bot.provision()
    if took_its_token:
        bot.instance.delete_application(bot.instance.applications[0].client_id)
    else:
        bot.answer("/oauth/revoke", json_response(401, {"error": "invalid_client"}))
    bot.time += DAY
    found = [one for one in bot.check().items if one.verdict == "bad"]
    assert len(found) == len(bot.journal().superseded) == (not took_its_token)
    if found:
        assert f"{ORIGIN}/oauth/authorized_applications" in in_words(found[0])
