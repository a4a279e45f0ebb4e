"""GitHub answers reads late: an old answer is not another run (I9)."""

from contextlib import suppress
from functools import partial

import pytest

from provisioner.errors import ProvisionerError
from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.support.acts import INSTANCE, meanwhile, stage
from tests.support.told import fails
from tests.support.world import World

DAY = 86400
JOURNAL = "MASTODON_JOURNAL"
LATE = [0.1, 1, 4]
"""For so many seconds after each write, reads return what was there before."""


def assert_all_is_known(world: World) -> None:
    """The token in the secret is the journal's, and no other lives."""
    current = world.journal().current
    assert current is not None
    assert current.token.reveal() == world.stored()
    assert world.live() == [world.stored()]


def provision(world: World) -> None:
    """Begin and complete, with the minute in between that a person takes."""
    code = world.approve(world.link())
    world.time += 60
    world.complete(code)
    world.time += 60


@pytest.mark.parametrize("late", LATE)
def test_provisioning_rotation_and_revocation_finish(world: World, late: float) -> None:
    """The claim reads as a 404, and each journal as the one before."""
    world.github.late_seconds = late
    provision(world)
    assert_all_is_known(world)
    provision(world)
    world.time += DAY
    assert world.check().status == "healthy"
    assert_all_is_known(world)


@pytest.mark.parametrize("late", LATE)
def test_abandon_of_a_cut_rotation_finishes(world: World, late: float) -> None:
    world.provision()
    in_use, code = world.stored(), world.approve(world.link())
    stage(world, code)
    world.github.late_seconds = late
    world.abandon()
    assert world.live() == [in_use]
    assert world.stored() == in_use


@pytest.mark.parametrize("late", LATE)
def test_deprovision_finishes(world: World, late: float) -> None:
    world.provision()
    world.github.late_seconds = late
    world.deprovision()
    assert world.live() == []
    assert world.repository.variables == {}


@pytest.mark.parametrize("command", ["complete", "begin", "check", "abandon", "deprovision"])
def test_token_that_was_staged_just_before_is_not_forgotten(world: World, command: str) -> None:
    """The run reads the journal as it was before the token was staged: it says “attempted”."""
    code = world.approve(world.link())
    stage(world, code)
    staged = world.repository.variables[JOURNAL]
    pending = world.journal().pending
    assert pending is not None
    world.rewrite(pending=pending.replace(staged=None, attempts=(1,)))
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
        world.run(command)
    journal = world.repository.variables.get(JOURNAL)
    known = world.journal().credentials() if journal else ()
    assert world.live() == [credential.token.reveal() for credential in known]


def test_another_run_is_noticed_among_late_answers(world: World) -> None:
    """Its value is neither ours nor one that this run read before."""
    code = world.approve(world.link())
    world.github.late_seconds = 1
    meanwhile(world, INSTANCE, "GET", "verify_credentials", world.rewrite)
    with fails("overtaken", Exit.INCOMPLETE):
        world.complete(code)
    assert "MASTODON_ACCESS_TOKEN" not in world.repository.secrets


def test_deletion_is_noticed_and_the_journal_not_made_anew(world: World) -> None:
    """A 404 that stays for five seconds is no late answer."""
    code, variables = world.approve(world.link()), world.repository.variables
    meanwhile(world, INSTANCE, "GET", "verify_credentials", lambda: variables.pop(JOURNAL))
    with fails("journal-deleted", Exit.INCOMPLETE):
        world.complete(code)
    assert variables == {}
    assert "MASTODON_ACCESS_TOKEN" not in world.repository.secrets


def test_own_older_journal_that_stays_is_written_over(world: World) -> None:
    """A write whose answer was lost arrived after the latest one."""
    code = world.approve(world.link())
    older = dict(world.repository.variables)
    arrive = partial(world.repository.variables.update, older)
    meanwhile(world, INSTANCE, "GET", "verify_credentials", arrive)
    world.complete(code)
    assert_all_is_known(world)
