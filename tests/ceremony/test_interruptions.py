"""Every request of begin and complete, hit by every fault, and followed by runs without faults.

Whatever was cut, and wherever: in the end the stored token is alive and the journal's current one,
and no other token lives that the journal does not know.
"""

import pytest

from provisioner.errors import Exit, ProvisionerError
from tests.stage import FAULTS, Fault, FaultKind, Stage

BEGIN_REQUESTS = 14
COMPLETE_REQUESTS = 16


def finish(stage: Stage, *, before: str = "") -> None:
    """What a person does after a failure: what the message says, until it is done."""
    for _ in range(4):
        begun = "MASTODON_JOURNAL" in stage.repository.variables
        pending = stage.journal().pending if begun else None
        current = stage.journal().current if begun else None
        if current and not pending and current.token.reveal() != before:
            return  # it was done, and only the last answer was lost
        try:
            if pending and pending.staged:
                stage.complete("")
            elif pending:
                stage.complete(stage.approve(stage.link()))
            else:
                stage.provision()
        except ProvisionerError:
            continue
        return
    pytest.fail("four runs without a fault did not finish it")


def assert_converged(stage: Stage, *, before: str = "") -> None:
    """One new token, stored, current; the one before superseded, and alive."""
    journal = stage.journal()
    assert journal.pending is None
    assert journal.current is not None
    assert journal.current.token.reveal() == stage.stored()
    known = [credential.token.reveal() for credential in journal.credentials()]
    assert sorted(stage.live()) == sorted(known)
    assert len(known) == (2 if before else 1)
    assert before in {"", *known}


@pytest.mark.parametrize("times", [1, 99], ids=["once", "from there on"])
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("first", range(BEGIN_REQUESTS))
def test_begin_cut_anywhere(stage: Stage, first: int, kind: FaultKind, times: int) -> None:
    """A fault at any request of begin leaves nothing that the next runs can't finish."""
    stage.wire.faults = [Fault(kind, first, times)]
    code = Exit.DONE
    try:
        stage.begin()
    except ProvisionerError as error:
        code = error.exit_code
    stage.wire.faults = []
    assert code in {Exit.DONE, Exit.FAILED, Exit.INPUT, Exit.HALF_WAY, Exit.PERSON}
    finish(stage)
    assert_converged(stage)


@pytest.mark.parametrize("rotation", [False, True], ids=["first", "rotation"])
@pytest.mark.parametrize("times", [1, 99], ids=["once", "from there on"])
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("first", range(COMPLETE_REQUESTS))
def test_complete_cut_anywhere(
    stage: Stage, first: int, kind: FaultKind, times: int, *, rotation: bool
) -> None:
    """A fault at any request of complete: no token is lost, and the bot's old one works on."""
    if rotation:
        stage.provision()
    before = stage.stored()
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault(kind, first, times)]
    try:
        stage.complete(code)
    except ProvisionerError:
        stage.wire.faults = []
        assert stage.stored() in {"", *stage.live()}
        finish(stage, before=before)
    stage.wire.faults = []
    assert_converged(stage, before=before)
