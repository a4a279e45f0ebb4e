"""GitHub answers reads late: an old answer is not another run (I9)."""

from contextlib import suppress

import pytest

from provisioner.report import ProvisionerError
from provisioner.sandbox import Request, Response
from tests.support.acts import stage
from tests.support.world import World

DAY = 86400
JOURNAL = "MASTODON_JOURNAL"
LATE = [0.1, 4]
"""For so many seconds after each write, reads return what was there before."""


@pytest.mark.parametrize("late", LATE)
def test_provisioning_rotation_and_revocation_finish(world: World, late: float) -> None:
    """The claim reads as a 404, and each journal as the one before."""
    world.github.late_seconds = late
    for _ in range(2):
        code = world.approve(world.link())
        world.time += 60  # as long as a person takes
        world.complete(code)
        world.time += 86400
        assert world.check().status == "healthy"
        assert world.live() == [world.stored()]
        assert world.current.token.reveal() == world.stored()


@pytest.mark.parametrize("personality", ["gotosocial"])
@pytest.mark.parametrize("command", ["complete", "begin", "check", "abandon", "deprovision"])
def test_token_that_was_staged_just_before_is_not_forgotten(world: World, command: str) -> None:
    """The run reads the journal as it was before the token was staged: it says “attempted”.

    This server gives the same application another token each time.
    """
    link = world.link()
    code, second = world.approve(link), world.approve(link)
    stage(world, code)
    staged = world.repository.variables[JOURNAL]
    world.rewrite(pending=world.pending.replace(staged=None, attempts=(1,)))
    attempted, reads = world.repository.variables[JOURNAL], list[Request]()

    def late(request: Request) -> Response:
        if request.method != "GET" or JOURNAL not in request.path or reads:
            return world.github(request)
        reads.append(request)
        world.repository.variables[JOURNAL] = attempted
        answer = world.github(request)
        world.repository.variables[JOURNAL] = staged
        return answer

    world.wire.hosts["api.github.com"] = late
    with suppress(ProvisionerError):
        world.run(command, second)
    journal = world.repository.variables.get(JOURNAL)
    assert world.live() == (world.known if journal else [])
