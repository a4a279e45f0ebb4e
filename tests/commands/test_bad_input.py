"""What people and servers get wrong on the way: its error, and the next run finishes all the same.

Inputs that are refused before anything is asked are in `tests/unit`.
"""

from collections.abc import Callable

import pytest

from provisioner.report import Exit
from tests.servers.github import Access
from tests.support.acts import answering, fields
from tests.support.told import fails
from tests.support.world import World


def exchange(world: World, **changed: object) -> None:
    """Complete where the token endpoint's answer has these fields instead."""
    code = world.approve(world.link())
    answering(world, "/oauth/token", fields(**changed))
    world.complete(code)


def expired(world: World) -> None:
    """Complete eleven minutes after the approval."""
    code = world.approve(world.link())
    world.time += 660
    world.complete(code)


def of_another_application(world: World) -> None:
    """Complete with a code that was meant for another application."""
    code = world.approve(world.link(app_name="another"))
    world.begin()
    world.complete(code)


def damaged(world: World) -> None:
    """Complete with a journal in which one character was changed."""
    world.begin()
    value = world.repository.variables["MASTODON_JOURNAL"]
    world.repository.variables["MASTODON_JOURNAL"] = value[:-9] + value[-9:].swapcase()
    try:
        world.complete("code")
    finally:
        world.repository.variables["MASTODON_JOURNAL"] = value


def begin_with(world: World, **permissions: Access) -> None:
    """Begin with a GitHub token that may do this only."""
    given: dict[str, Access] = {"metadata": "read", **permissions}
    world.begin(github_token=world.github.add_token(permissions=given))


CASES: dict[str, tuple[Callable[[World], object], str]] = {
    "an expired code": (expired, "code-refused"),
    "a code used before": (
        lambda world: (world.provision(), world.complete(world.codes[0])),
        "completed-already",
    ),
    "a code of another application": (of_another_application, "code-refused"),
    "an authorization that was denied": (
        lambda world: (world.begin(), world.complete('{"error":"access_denied"}')),
        "denied",
    ),
    "a token with a line break": (
        lambda world: exchange(world, access_token=f"{'x' * 30}\n{'y' * 30}"),
        "bad-token",
    ),
    "a damaged journal": (damaged, "journal-damaged"),
    "a wrong GitHub token": (
        lambda world: world.begin(github_token="github_pat_wrong"),
        "github-token-refused",
    ),
    "a GitHub token that only reads": (
        lambda world: begin_with(world, secrets="read", actions_variables="read"),
        "github-permission",
    ),
    "a GitHub token without Variables": (
        lambda world: begin_with(world, secrets="write"),
        "github-permission",
    ),
    "a GitHub token without Secrets": (
        lambda world: begin_with(world, actions_variables="write"),
        "github-permission",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_went_wrong_is_told_and_the_next_run_finishes(world: World, name: str) -> None:
    """The error says what to do, and leaves nothing that begin and complete can't finish."""
    go_wrong, code = CASES[name]
    with fails(code, Exit.ACTION_REQUIRED) as caught:
        go_wrong(world)
    assert caught.value.next
    world.wire.hosts["social.example"] = world.instance
    world.provision()
    assert world.stored() in world.live()
    assert world.current.token.reveal() == world.stored()
