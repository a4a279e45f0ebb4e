"""The model's orders are those of the code: each step is the request that is really made."""

from collections.abc import Mapping
from functools import partial

import pytest

from tests.invariants.faults.scenarios import (
    ACTIONS,
    PUT,
    STRANGER,
    WRITE,
    Command,
    Prepare,
    approved,
    hour,
    kill_after,
    provisioned,
    run,
    written,
)
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


def foreign_name(world: World) -> None:
    world.repository.set_secret("OTHER_TOKEN", STRANGER)


def staged(world: World) -> None:
    """What another run staged."""
    kill_after(world, Command("complete", approved(world)), WRITE, 2)


NAMES = "MASTODON_ACCESS_TOKEN=access_token,OTHER_TOKEN=access_token"
UP_TO_CURRENT = COMPLETE[: COMPLETE.index("write current") + 1]
ORDERS: Mapping[str, tuple[Prepare, tuple[str, ...]]] = {
    "begin": (run("begin"), BEGIN),
    "rotation": (
        run("complete", approved, grace="0"),
        tuple(step for step in COMPLETE if step != "write ahead"),
    ),
    # Under a name where something stands that the journal does not know.
    "over_something_else": (run("complete", foreign_name, approved, secrets=NAMES), UP_TO_CURRENT),
    "staged": (run("complete", staged), ("read", *UP_TO_CURRENT[COMPLETE.index("verify") :])),
    "check": (run("check", partial(provisioned, grace="1h"), hour), CHECK),
    # What another run wrote already.
    "abandon": (run("abandon", written), (*ABANDON, *CHECK[1:])),
    "deprovision": (run("deprovision"), DEPROVISION),
}


def steps(requests: list[str], *, verifies: bool) -> list[str]:
    """The requests that the model knows.

    Not those that are parts of a revocation, which tries the current token and then the old one.
    """
    known = [request for request in requests if request in {*REQUESTS.values(), WRITE}]
    first = known.index(VERIFY) if verifies else -1
    return [request for n, request in enumerate(known) if request != VERIFY or n == first]


@pytest.mark.parametrize("name", ORDERS)
def test_the_model_takes_the_steps_of_the_code(world: World, name: str) -> None:
    """Where a token is in use: the same requests in the same order."""
    prepare, order = ORDERS[name]
    world.provision()
    command = prepare(world)
    since = len(world.wire.log)
    command.run(world)
    made = steps(world.requests(since), verifies="verify" in order)
    assert made == [REQUESTS.get(step, WRITE) for step in order]
