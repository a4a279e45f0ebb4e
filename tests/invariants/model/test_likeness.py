"""The model's orders are those of the code: each step is the request that is really made."""

from collections.abc import Callable

import pytest

from tests.invariants.faults.scenarios import ACTIONS, PUT, STRANGER, WRITE, Command, kill_after
from tests.invariants.model.model import ABANDON, BEGIN, CHECK, COMPLETE, DEPROVISION
from tests.support.world import World

SECRET, JOURNAL = "secrets/MASTODON_ACCESS_TOKEN", "variables/MASTODON_JOURNAL"
LOOK, VERIFY = f"GET {ACTIONS}/{JOURNAL}", "GET /api/v1/accounts/verify_credentials"
REQUESTS = {
    "read": LOOK,
    "look": LOOK,
    "register": "POST /api/v1/apps",
    "exchange": "POST /oauth/token",
    "verify": VERIFY,
    "write secret": PUT,
    "clean": PUT,
    "revoke": "POST /oauth/revoke",
    "revoke all": "POST /oauth/revoke",
    "delete secrets": f"DELETE {ACTIONS}/{SECRET}",
    "delete journal": f"DELETE {ACTIONS}/{JOURNAL}",
}
UP_TO_CURRENT = COMPLETE[: COMPLETE.index("write current") + 1]
FROM_VERIFY = UP_TO_CURRENT[COMPLETE.index("verify") :]


def begin(_: World) -> Command:
    return Command("begin")


def rotation(world: World) -> Command:
    return Command("complete", world.approve(world.link()), {"grace": "0"})


def over_something_else(world: World) -> Command:
    """Under a name where something stands that the journal does not know."""
    world.repository.set_secret("OTHER_TOKEN", STRANGER)
    names = {"secrets": "MASTODON_ACCESS_TOKEN=access_token,OTHER_TOKEN=access_token"}
    return Command("complete", world.approve(world.link()), names)


def staged(world: World) -> Command:
    """What another run staged."""
    kill_after(world, rotation(world), WRITE, 2)
    return Command("complete")


def check(world: World) -> Command:
    world.provision(grace="1h")
    world.time += 3600
    return Command("check")


def abandon(world: World) -> Command:
    """What another run wrote already."""
    kill_after(world, rotation(world), PUT)
    return Command("abandon")


def deprovision(_: World) -> Command:
    return Command("deprovision")


ORDERS = {
    begin: BEGIN,
    rotation: tuple(step for step in COMPLETE if step != "write ahead"),
    over_something_else: UP_TO_CURRENT,
    staged: ("read", *FROM_VERIFY),
    check: CHECK,
    abandon: (*ABANDON, *CHECK[1:]),
    deprovision: DEPROVISION,
}


def steps(requests: list[str], *, verifies: bool) -> list[str]:
    """The requests that the model knows.

    Not those that are parts of a revocation, which tries the current token and then the old one.
    """
    known = [request for request in requests if request in {*REQUESTS.values(), WRITE}]
    first = known.index(VERIFY) if verifies else -1
    return [request for n, request in enumerate(known) if request != VERIFY or n == first]


@pytest.mark.parametrize(
    ("prepare", "order"), ORDERS.items(), ids=[prepare.__name__ for prepare in ORDERS]
)
def test_the_model_takes_the_steps_of_the_code(
    world: World, prepare: Callable[[World], Command], order: tuple[str, ...]
) -> None:
    """Where a token is in use: the same requests in the same order."""
    world.provision()
    command = prepare(world)
    since = len(world.wire.log)
    command.run(world)
    made = steps(world.requests(since), verifies="verify" in order)
    assert made == [REQUESTS.get(step, WRITE) for step in order]
