"""A GitHub token that expires under a run's feet.

Each time nothing is lost, the error says what to do, and whoever does that gets to the end.
"""

import pytest

from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.support.told import fails, pages, said, says_no_code_is_needed
from tests.support.world import World

JOURNAL, SECRET = "MASTODON_JOURNAL", "MASTODON_ACCESS_TOKEN"


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
    assert world.live() == [world.stored()]


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
    assert world.live() == [world.stored()]


# The old application is gone.
