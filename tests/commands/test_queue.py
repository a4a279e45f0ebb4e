"""Runs that come too late: queued long ago, pressed *Re-run*, or asleep while others went on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from provisioner.errors import ProvisionerError
from provisioner.journal_store import OvertakenError
from provisioner.report import Exit
from tests.invariants.interleavings.pairs import Doing, begin_anew, published, staged
from tests.invariants.interleavings.turns import ACTIONS, EXCHANGE, LOOK, WRITTEN, Run, Turns
from tests.invariants.witness import JOURNAL, KEY, TOKEN
from tests.support.told import fails, steps
from tests.support.world import NAME, Fault, World

DAY = 86400.0


@pytest.fixture
def scene() -> World:
    """Nothing has happened yet."""
    return World(in_workflow=True)


def everything(scene: World) -> tuple[object, ...]:
    """What a run could change, codes that it could spend included."""
    repository, store = scene.repository, scene.instance
    return (
        dict(repository.variables),
        {name: repository.open_secret(name) for name in repository.secrets},
        scene.live(),
        [grant.used for grant in store.grants],
        len(store.applications),
    )


@contextmanager
def stops(
    scene: World, code: str, exit_code: Exit
) -> Iterator[pytest.ExceptionInfo[ProvisionerError]]:
    """Expect a run that asks for this and that, stops with this error, and changes nothing."""
    before, since = everything(scene), len(scene.wire.log)
    with fails(code, exit_code) as caught:
        yield caught
    assert everything(scene) == before
    assert [ask for ask in scene.requests(since) if not ask.startswith("GET ")] == []


class TestQueued:
    """A workflow run gets the secrets as they were when it was queued."""

    @pytest.mark.parametrize("verb", ["begin", "complete", "check", "deprovision"])
    def test_before_the_first_run_made_the_key(self, scene: World, verb: str) -> None:
        """It has no key for the journal that is there now: it says so, and to start a new run."""
        queued = scene.github.queue(NAME)
        scene.begin()
        late = getattr(scene, verb)
        with stops(scene, "journal-key-missing", Exit.INPUT) as caught:
            late(journal_key=queued.secret(KEY))
        assert f"secrets.{KEY}" in steps(caught.value.next)

    def test_that_new_run_goes_on(self, scene: World) -> None:
        """Nothing is lost by it: the link is the first run's."""
        link = scene.link()
        assert scene.link() == link

    def test_before_an_offboarding_and_another_begin(self, scene: World) -> None:
        """Its key is the former journal's: it does not touch the new one."""
        scene.provision()
        queued = scene.github.queue(NAME)
        scene.deprovision()
        scene.begin()
        with stops(scene, "journal-key-wrong", Exit.INPUT):
            scene.check(journal_key=queued.secret(KEY))

    def test_a_begin_before_an_offboarding(self, scene: World) -> None:
        """It finds no journal, and makes one under the key that it was handed, which is deleted by
        now: the next run says that the key is missing and what to delete, and nothing is lost.
        """
        scene.provision()
        scene.network = Turns(scene)
        queued = Run(scene.begin)
        scene.deprovision()
        queued.advance()
        with stops(scene, "journal-key-missing", Exit.INPUT) as caught:
            scene.begin()
        assert f"variable {JOURNAL}" in steps(caught.value.next)
        scene.delete("variables", JOURNAL)
        scene.provision()
        assert scene.live() == [scene.stored()]

    def test_a_bots_run_within_the_grace(self, scene: World) -> None:
        """It was queued before a rotation, and its token lives as long as it was promised to."""
        scene.provision()
        queued = scene.github.queue(NAME)
        scene.provision()
        scene.time += DAY - 60
        scene.check()
        assert scene.instance.is_live(queued.secret(TOKEN))


class TestRerun:
    """*Re-run* brings the inputs of the first attempt: its code is not sent again (I6)."""

    def test_of_a_completion(self, scene: World) -> None:
        """There is nothing to complete; the code is not sent again."""
        code = scene.approve(scene.link())
        scene.complete(code)
        with stops(scene, "completed-already", Exit.ACTION_REQUIRED):
            scene.complete(code)

    def test_of_a_completion_before_a_rotation(self, scene: World) -> None:
        """Nor after others have come and gone."""
        code = scene.approve(scene.link())
        scene.complete(code)
        scene.provision()
        with stops(scene, "completed-already", Exit.ACTION_REQUIRED):
            scene.complete(code)

    @pytest.mark.parametrize("rotations", [0, 1])
    def test_while_another_link_waits(self, scene: World, rotations: int) -> None:
        """The code of the token in use, or of the one before: an instance that is shown a code
        twice should revoke what it issued for it, and so is not shown it.
        """
        code = scene.approve(scene.link())
        scene.complete(code)
        for _ in range(rotations):
            scene.provision()
        scene.begin()
        with stops(scene, "code-used", Exit.ACTION_REQUIRED):
            scene.complete(code)

    def test_long_after(self, scene: World) -> None:
        """The token of that code is revoked and forgotten: the instance refuses the code, and the
        link that waits is as good as before.
        """
        code = scene.approve(scene.link())
        scene.complete(code)
        scene.provision()
        scene.time += DAY
        scene.check()
        link = scene.link()
        with fails("code-refused", Exit.ACTION_REQUIRED):
            scene.complete(code)
        assert scene.link() == link
        scene.complete(scene.approve(link))
        assert scene.stored() in scene.live()


def test_a_completion_looks_again_if_the_instance_took_long(scene: World) -> None:
    """The look beside that request is as old as the request is long."""
    completion, _ = staged(World.check)(scene)
    scene.wire.faults = [Fault("500", path="verify_credentials", times=3)]
    since = len(scene.wire.log)
    completion(scene)
    look = LOOK.replace("/variables", f"{ACTIONS}/variables")
    verify = "GET /api/v1/accounts/verify_credentials"
    asked = scene.requests(since)
    verified = asked.index(verify) + asked.count(verify)
    assert asked[verified : verified + 2] == [look, look]


def begun(scene: World) -> Doing:
    """A begin, where nothing waits."""
    scene.provision()
    return begin_anew


def with_code(scene: World) -> Doing:
    """A completion."""
    scene.provision()
    code = scene.approve(scene.link())
    return lambda scene: scene.complete(code)


def cut_and(do: Doing) -> Callable[[World], Doing]:
    """What follows a completion that was cut when its token was in the secret."""

    def prepare(scene: World) -> Doing:
        scene.provision()
        _, other = published(do)(scene)
        return other

    return prepare


def abandoned(scene: World) -> Doing:
    """Giving up a link."""
    scene.begin()
    return World.abandon


def unverified(scene: World) -> Doing:
    """Going on with a token that another run staged."""
    completion, _ = staged(World.check)(scene)
    return completion


def offboarded(scene: World) -> Doing:
    """Offboarding."""
    scene.provision()
    return World.deprovision


SLEEPERS = {
    "begin": begun,
    "complete": with_code,
    "complete a staged token": unverified,
    "complete a stored token": cut_and(lambda scene: scene.complete("")),
    "abandon": abandoned,
    "abandon a stored token": cut_and(World.abandon),
    "deprovision": offboarded,
}


@pytest.mark.parametrize(("name", "prepare"), SLEEPERS.items(), ids=SLEEPERS)
def test_a_run_that_slept_finds_another_ones_journal(
    scene: World, name: str, prepare: Callable[[World], Doing]
) -> None:
    """Before it revokes a token (I1), writes a secret or the journal, it looks, and stops.

    It falls asleep after it has read the journal; a completion with a code, whose attempt and
    exchange follow at once, when its token is staged.
    """
    do = prepare(scene)
    scene.network = Turns(scene)
    run = Run(lambda: do(scene))
    last = [EXCHANGE, WRITTEN] if name == "complete" else [LOOK]
    while run.asked[-len(last) :] != last:
        run.advance(1)
    asleep = len(run.asked)
    scene.key = scene.stored(KEY)
    scene.rewrite()
    *before, _ = everything(scene)
    run.advance()
    *after, _ = everything(scene)
    assert isinstance(run.error, OvertakenError)
    assert after == before
    changed = [act for act in run.asked[asleep:] if not act.startswith("GET ")]
    assert changed in ([], ["POST /api/v1/apps"])  # for a link that nobody is shown
