"""A journal that is changed on its way, after it was sealed: noticed, and written once more."""

import pytest

from provisioner.journal import DamagedError
from provisioner.sandbox import Request, Response
from tests.stage import Stage

BEGIN_WRITES = 2
COMPLETE_WRITES = 4


def garble(stage: Stage, turn: int) -> None:
    """Change one character of the `turn`-th journal that is written from now on."""
    real, seen = stage.wire.hosts["api.github.test"], []

    def handler(request: Request) -> Response:
        answer = real(request)
        if request.method in {"PATCH", "POST"} and b"MASTODON_JOURNAL" in request.body:
            seen.append(request)
            if len(seen) == turn:
                value = stage.repository.variables["MASTODON_JOURNAL"]
                changed = "A" if value[100] != "A" else "B"
                stage.repository.variables["MASTODON_JOURNAL"] = value[:100] + changed + value[101:]
        return answer

    stage.wire.hosts["api.github.test"] = handler


@pytest.mark.parametrize("turn", range(1, BEGIN_WRITES + 1))
def test_in_begin(stage: Stage, turn: int) -> None:
    """The application and the verifier are in the journal when the link is shown."""
    garble(stage, turn)
    link = stage.link()
    pending = stage.journal().pending
    assert pending is not None
    assert pending.link == link


@pytest.mark.parametrize("turn", range(1, COMPLETE_WRITES + 1))
def test_in_complete(stage: Stage, turn: int) -> None:
    """The token that is stored is the journal's current one, and the only one that lives."""
    code = stage.approve(stage.link())
    garble(stage, turn)
    stage.complete(code)
    current = stage.journal().current
    assert current is not None
    assert current.token.reveal() == stage.stored()
    assert stage.live() == [stage.stored()]


@pytest.mark.parametrize("turn", [1, 2])
def test_in_a_check_that_revokes(stage: Stage, turn: int) -> None:
    """The current token stays known."""
    for _ in range(3):
        stage.provision()
    stage.time += 86400
    garble(stage, turn)
    stage.check()
    assert [credential.token.reveal() for credential in stage.journal().credentials()] == [
        stage.stored()
    ]


def test_before_the_run_it_is_a_persons(stage: Stage) -> None:
    """What a run did not write itself it can't write again."""
    stage.provision()
    value = stage.repository.variables["MASTODON_JOURNAL"]
    stage.repository.variables["MASTODON_JOURNAL"] = value[:-9] + "AAAAAAAA="
    with pytest.raises(DamagedError):
        stage.check()
