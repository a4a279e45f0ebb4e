"""Runs that come too late: queued long ago, pressed *Re-run*, or asleep while others went on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from provisioner.journal_store import OvertakenError
from provisioner.report import Exit, ProvisionerError
from tests.invariants.interleavings.pairs import Doing, begin_anew, published, staged
from tests.invariants.interleavings.turns import ACTIONS, EXCHANGE, LOOK, WRITTEN, Run, Turns
from tests.invariants.witness import JOURNAL, KEY, TOKEN
from tests.support.told import fails, steps
from tests.support.world import NAME, Fault, World

DAY = 86400.0


@pytest.fixture
def world() -> World:
    return World(in_workflow=True)


def everything(world: World) -> tuple[object, ...]:
    """What a run could change, codes that it could spend included."""
    repository, store = world.repository, world.instance
    return (
        dict(repository.variables),
        {name: repository.open_secret(name) for name in repository.secrets},
        world.live(),
        [grant.used for grant in store.grants],
        len(store.applications),
    )


@contextmanager
def stops(
    world: World, code: str, exit_code: Exit
) -> Iterator[pytest.ExceptionInfo[ProvisionerError]]:
    """Expect a run that stops with this error, and changes nothing."""
    before, since = everything(world), len(world.wire.log)
    with fails(code, exit_code) as caught:
        yield caught
    assert everything(world) == before
    assert [ask for ask in world.requests(since) if not ask.startswith("GET ")] == []


class TestQueued:
    """A workflow run gets the secrets as they were when it was queued."""

    @pytest.mark.parametrize("verb", ["begin", "complete", "check", "deprovision"])
    def test_before_the_first_run_made_the_key(self, world: World, verb: str) -> None:
        """It has no key for the journal that is there now: it says so, and to start a new run."""
        queued = world.github.queue(NAME)
        world.begin()
        late = getattr(world, verb)
        with stops(world, "journal-key-missing", Exit.INPUT) as caught:
            late(journal_key=queued.secret(KEY))
        assert f"secrets.{KEY}" in steps(caught.value.next)

    def test_that_new_run_goes_on(self, world: World) -> None:
        link = world.link()
        assert world.link() == link

    def test_before_an_offboarding_and_another_begin(self, bot: World) -> None:
        """Its key is the former journal's: it does not touch the new one."""
        queued = bot.github.queue(NAME)
        bot.deprovision()
        bot.begin()
        with stops(bot, "journal-key-wrong", Exit.INPUT):
            bot.check(journal_key=queued.secret(KEY))

    def test_a_begin_before_an_offboarding(self, bot: World) -> None:
        """It finds no journal, and makes one under the key that it was handed, which is deleted by
        now: the next run says that the key is missing and what to delete, and nothing is lost.
        """
        bot.network = Turns(bot)
        queued = Run(bot.begin)
        bot.deprovision()
        queued.advance()
        with stops(bot, "journal-key-missing", Exit.INPUT) as caught:
            bot.begin()
        assert f"variable {JOURNAL}" in steps(caught.value.next)
        bot.delete("variables", JOURNAL)
        bot.provision()
        assert bot.live() == [bot.stored()]

    def test_a_bots_run_within_the_grace(self, bot: World) -> None:
        """Its token lives as long as it was promised to."""
        queued = bot.github.queue(NAME)
        bot.provision()
        bot.time += DAY - 60
        bot.check()
        assert bot.instance.is_live(queued.secret(TOKEN))


class TestRerun:
    """*Re-run* brings the inputs of the first attempt: its code is not sent again (I6)."""

    def test_finds_the_completion_done(self, world: World, code: str) -> None:
        world.complete(code)
        with stops(world, "completed-already", Exit.ACTION_REQUIRED):
            world.complete(code)

    def test_finds_the_completion_done_and_rotated_since(self, world: World, code: str) -> None:
        world.complete(code)
        world.provision()
        with stops(world, "completed-already", Exit.ACTION_REQUIRED):
            world.complete(code)

    @pytest.mark.parametrize("rotations", [0, 1])
    def test_sends_no_used_code_for_another_link(
        self, world: World, code: str, rotations: int
    ) -> None:
        """The code of the token in use, or of the one before: an instance that is shown a code
        twice should revoke what it issued for it, and so is not shown it.
        """
        world.complete(code)
        for _ in range(rotations):
            world.provision()
        world.begin()
        with stops(world, "code-used", Exit.ACTION_REQUIRED) as caught:
            world.complete(code)
        assert caught.value.link == world.pending.link

    def test_long_after_leaves_the_waiting_link_good(self, world: World, code: str) -> None:
        """The token of that code is revoked and forgotten: the instance refuses the code, and the
        link that waits is as good as before.
        """
        world.complete(code)
        world.provision()
        world.time += DAY
        world.check()
        link = world.link()
        with fails("code-refused", Exit.ACTION_REQUIRED):
            world.complete(code)
        assert world.link() == link
        world.complete(world.approve(link))
        assert world.stored() in world.live()


def test_a_completion_looks_again_if_the_instance_took_long(world: World) -> None:
    """The look beside that request is as old as the request is long."""
    completion, _ = staged(World.check)(world)
    world.wire.faults = [Fault("500", path="verify_credentials", times=3)]
    since = len(world.wire.log)
    completion(world)
    look = LOOK.replace("/variables", f"{ACTIONS}/variables")
    verify = "GET /api/v1/accounts/verify_credentials"
    asked = world.requests(since)
    verified = asked.index(verify) + asked.count(verify)
    assert asked[verified : verified + 2] == [look, look]


def cut_and(do: Doing) -> Callable[[World], Doing]:
    """What follows a completion that was cut when its token was in the secret."""

    def prepare(world: World) -> Doing:
        world.provision()
        _, other = published(do)(world)
        return other

    return prepare


def unverified(world: World) -> Doing:
    completion, _ = staged(World.check)(world)
    return completion


def begun(world: World) -> Doing:
    world.begin()
    return World.abandon


def provisioned(do: Doing) -> Callable[[World], Doing]:
    def prepare(world: World) -> Doing:
        world.provision()
        return do

    return prepare


def with_code(world: World) -> Doing:
    world.provision()
    code = world.approve(world.link())
    return lambda world: world.complete(code)


SLEEPERS = {
    "begin": provisioned(begin_anew),
    "complete": with_code,
    "complete a staged token": unverified,
    "complete a stored token": cut_and(lambda world: world.complete("")),
    "abandon": begun,
    "abandon a stored token": cut_and(World.abandon),
    "deprovision": provisioned(World.deprovision),
}


@pytest.mark.parametrize(("name", "prepare"), SLEEPERS.items(), ids=SLEEPERS)
def test_a_run_that_slept_finds_another_ones_journal(
    world: World, name: str, prepare: Callable[[World], Doing]
) -> None:
    """Before it revokes a token (I1), writes a secret or the journal, it looks, and stops.

    It falls asleep after it has read the journal; a completion with a code, whose attempt and
    exchange follow at once, when its token is staged.
    """
    do = prepare(world)
    world.network = Turns(world)
    run = Run(lambda: do(world))
    last = [EXCHANGE, WRITTEN] if name == "complete" else [LOOK]
    while run.asked[-len(last) :] != last:
        run.advance(1)
    asleep = len(run.asked)
    world.key = world.stored(KEY)
    world.rewrite()
    *before, _ = everything(world)
    run.advance()
    *after, _ = everything(world)
    assert isinstance(run.error, OvertakenError)
    assert after == before
    changed = [act for act in run.asked[asleep:] if not act.startswith("GET ")]
    assert changed in ([], ["POST /api/v1/apps"])  # for a link that nobody is shown
