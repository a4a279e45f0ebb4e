"""GitHub answers reads late: an old answer is not another run (I9)."""

from contextlib import suppress

import pytest

from provisioner.errors import ProvisionerError
from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.stage import Fault, Stage
from tests.told import fails

DAY = 86400
JOURNAL = "MASTODON_JOURNAL"
LATE = [0.1, 1, 4]
"""For so many seconds after each write, reads return what was there before."""


def assert_all_is_known(stage: Stage) -> None:
    """The token in the secret is the journal's, and no other lives."""
    current = stage.journal().current
    assert current is not None
    assert current.token.reveal() == stage.stored()
    assert stage.live() == [stage.stored()]


def provision(stage: Stage) -> None:
    """Begin and complete, with the minute in between that a person takes."""
    code = stage.approve(stage.link())
    stage.time += 60
    stage.complete(code)
    stage.time += 60


@pytest.mark.parametrize("late", LATE)
def test_first_provisioning_finishes(stage: Stage, late: float) -> None:
    """The claim reads as a 404, and each journal as the one before."""
    stage.github.late_seconds = late
    provision(stage)
    assert_all_is_known(stage)


@pytest.mark.parametrize("late", LATE)
def test_rotation_and_revocation_finish(stage: Stage, late: float) -> None:
    stage.github.late_seconds = late
    provision(stage)
    provision(stage)
    stage.time += DAY
    assert stage.check().status == "healthy"
    assert_all_is_known(stage)


@pytest.mark.parametrize("late", LATE)
def test_abandon_of_a_cut_rotation_finishes(stage: Stage, late: float) -> None:
    stage.provision()
    in_use, code = stage.stored(), stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(ProvisionerError):
        stage.complete(code)
    stage.wire.faults = []
    stage.github.late_seconds = late
    stage.abandon()
    assert stage.live() == [in_use]
    assert stage.stored() == in_use


@pytest.mark.parametrize("late", LATE)
def test_deprovision_finishes(stage: Stage, late: float) -> None:
    stage.provision()
    stage.github.late_seconds = late
    stage.deprovision()
    assert stage.live() == []
    assert stage.repository.variables == {}


@pytest.mark.parametrize("command", ["complete", "begin", "check", "abandon", "deprovision"])
def test_token_that_was_staged_just_before_is_not_forgotten(stage: Stage, command: str) -> None:
    """The run reads the journal as it was before the token was staged: it says “attempted”."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(ProvisionerError):
        stage.complete(code)
    stage.wire.faults = []
    staged = stage.repository.variables[JOURNAL]
    pending = stage.journal().pending
    assert pending is not None
    stage.rewrite(pending=pending.replace(staged=None, attempts=(1,)))
    attempted, reads = stage.repository.variables[JOURNAL], list[Request]()

    def late(request: Request) -> Response:
        if request.method != "GET" or JOURNAL not in request.path or reads:
            return stage.github(request)
        reads.append(request)
        stage.repository.variables[JOURNAL] = attempted
        answer = stage.github(request)
        stage.repository.variables[JOURNAL] = staged
        return answer

    stage.wire.hosts["api.github.test"] = late
    with suppress(ProvisionerError):
        stage.run(command)
    journal = stage.repository.variables.get(JOURNAL)
    known = stage.journal().credentials() if journal else ()
    assert stage.live() == [credential.token.reveal() for credential in known]


def test_another_run_is_noticed_among_late_answers(stage: Stage) -> None:
    """Its value is neither ours nor one that this run read before."""
    code = stage.approve(stage.link())
    stage.github.late_seconds = 1
    real, reads = stage.instance, list[Request]()

    def meanwhile(request: Request) -> Response:
        if "verify_credentials" in request.path and not reads:
            reads.append(request)
            stage.rewrite()
        return real(request)

    stage.wire.hosts["social.example"] = meanwhile
    with fails("overtaken", Exit.INCOMPLETE):
        stage.complete(code)
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_deletion_is_noticed_and_the_journal_not_made_anew(stage: Stage) -> None:
    """A 404 that stays for five seconds is no late answer."""
    code = stage.approve(stage.link())
    real = stage.instance

    def meanwhile(request: Request) -> Response:
        if "verify_credentials" in request.path:
            stage.repository.variables.pop(JOURNAL, None)
        return real(request)

    stage.wire.hosts["social.example"] = meanwhile
    with fails("journal-deleted", Exit.INCOMPLETE):
        stage.complete(code)
    assert stage.repository.variables == {}
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_own_older_journal_that_stays_is_written_over(stage: Stage) -> None:
    """A write whose answer was lost arrived after the latest one."""
    code = stage.approve(stage.link())
    former, real, done = stage.repository.variables[JOURNAL], stage.instance, list[Request]()

    def meanwhile(request: Request) -> Response:
        if "verify_credentials" in request.path and not done:
            done.append(request)
            stage.repository.variables[JOURNAL] = former
        return real(request)

    stage.wire.hosts["social.example"] = meanwhile
    stage.complete(code)
    assert_all_is_known(stage)
