"""The order of effects, tried in every world that there can be; and what any other order breaks.

`model.py` is the order and the world in which it is tried: read that first. What it is held against
are the invariants of tests/invariants.py.
"""

from functools import cache

import pytest

from tests.invariants import I1, I2, I3, I8, Invariant
from tests.model.explorer import ORDERS, Rules, Worlds, explore, finish, story
from tests.model.model import COMPLETE, STEPS, Run, Step, Token, Turn, World, violations, write

ONE = "one run after the other, and a stranger may open the link"
TWO = "two runs that meet, and a stranger may open the link"
ROTATION = "two runs that meet, where one may rotate"
RULES = {
    ONE: Rules(applications=3),
    TWO: Rules(at_once=2, applications=1),
    ROTATION: Rules(at_once=2, strangers=False),
}


@cache
def worlds(rules: str) -> Worlds:
    """Explored once for all tests: a hundred thousand worlds, in seconds."""
    return explore(RULES[rules])


def stories(rules: str) -> list[str]:
    """How it can come to a violation, without the window being hit."""
    came = worlds(rules)
    bad = [world for world in came if violations(world) and not world.stale]
    return [" > ".join(story(world, came)) for world in bad[:3]]


def well(world: World) -> bool:
    """One token is stored, alive and current; nothing is under way, nothing left to revoke."""
    journal = world.journal
    return (
        journal.current == world.secret
        and world.secret in world.live
        and not journal.replaced
        and not journal.application
    )


def broken(complete: tuple[str, ...] = COMPLETE, **steps: Step) -> dict[Invariant, str]:
    """What would be violated if that were the order, or a step did something else; and the last
    steps of the shortest story that leads to it.
    """
    others = {name.replace("_", " "): step for name, step in steps.items()}
    came = explore(Rules({**ORDERS, "complete": complete}, {**STEPS, **others}))
    found: dict[Invariant, str] = {}
    for world in came:
        for what in violations(world) - found.keys():
            found[what] = " > ".join(story(world, came)[-3:])
    return found


class TestOneAfterTheOther:
    """What `concurrency` in the workflow sees to."""

    def test_nothing_is_ever_violated(self) -> None:
        """Any number of runs, each killed after any request: I1, I2, I3 and I8 hold throughout."""
        print(f"{len(worlds(ONE))} worlds: {ONE}")
        assert stories(ONE) == []

    def test_a_person_can_always_finish(self) -> None:
        """Wherever it was left, runs without a fault end with one token, and nothing unknown."""
        for world in worlds(ONE):
            if not world.runs:
                after = finish(world)
                assert well(after)
                assert not violations(after)
                assert after.live <= {after.secret} | after.lost

    def test_the_one_window_is_spoken_of(self) -> None:
        """A token whose run ended right after the exchange may live unknown; then the journal says
        “attempted”, or a person was told: never neither.
        """
        for world in worlds(ONE):
            pending = {world.journal.application} if world.journal.attempted else set()
            unknown = world.lost - world.journal.tokens - {world.secret}
            held = {run.token for run in world.runs}
            assert {token.application for token in unknown - held} <= world.told | pending


@pytest.mark.parametrize("rules", [TWO, ROTATION])
class TestTwoAtOnce:
    """Without `concurrency`, or from a laptop while a workflow runs."""

    def test_only_an_act_right_after_anothers_write_goes_wrong(self, rules: str) -> None:
        """Nothing is violated in any world in which every act followed a look that held: what is
        left is the window between a look and the request after it.
        """
        in_window = [world for world in worlds(rules) if world.stale]
        print(f"{len(worlds(rules))} worlds, {len(in_window)} after the window was hit: {rules}")
        assert stories(rules) == []

    def test_what_the_window_can_cost(self, rules: str) -> None:
        """A living token that nothing knows; or, where GitHub then refuses to store the staging, a
        dead one in the secret. Never equal tokens, never a stranger's in the secret.
        """
        cost = set().union(*map(violations, worlds(rules)))
        assert cost == {I1, I3}

    def test_a_person_can_always_finish_that_too(self, rules: str) -> None:
        """Even then the bot gets one token, alive and current; only others may live on unknown."""
        for world in worlds(rules):
            if not world.runs:
                after = finish(world)
                assert well(after)
                assert violations(after) <= ({I3} if world.stale else set())


class TestAnotherOrder:
    """Why each thing comes before the next. One run after the other is enough to break these."""

    def test_exchange_before_the_attempt_is_written(self) -> None:
        """If the exchange came before “attempted”, a killed run's token could live and nobody would
        know that there is one to look for.
        """
        order = ("read", "exchange", "look", "write attempt", *COMPLETE[4:])
        assert broken(order)[I3] == "complete > read > exchange, and ends"

    def test_verify_before_stage(self) -> None:
        """If the token were verified before it is staged, a run that is killed while the instance
        answers would lose it: the window would be longer than one request.
        """
        order = (*COMPLETE[:4], "verify", "write staged", *COMPLETE[6:])
        assert broken(order)[I3] == "write attempt > exchange > verify, and ends"

    def test_look_before_stage(self) -> None:
        """If the journal were read before the staging write, as before every other one, that would
        be one more request at which the token can be lost.
        """
        order = (*COMPLETE[:4], "look", *COMPLETE[4:])
        assert broken(order)[I3] == "write attempt > exchange > look, and ends"

    def test_publish_before_stage(self) -> None:
        """If the secret were written before the journal, and GitHub then refused the journal, the
        token that is taken back would be the one that the bot reads.
        """
        order = (*COMPLETE[:4], "publish", *COMPLETE[4:6], *COMPLETE[9:])
        assert broken(order)[I1] == "publish > write staged > take back, and ends"

    def test_publish_before_verify(self) -> None:
        """If the secret were written before it is seen whose token it is, the bot would read a
        stranger's, and then, once that is undone, a dead one.
        """
        order = (*COMPLETE[:5], "publish", "verify", "look", *COMPLETE[9:])
        assert broken(order)[I8] == "exchange > write staged > publish"
        assert broken(order)[I1] == "publish > verify > undo"

    def test_current_before_publish(self) -> None:
        """If the journal called the new token current before the secret holds it, a check after a
        killed run would revoke the old one, which the bot still reads.
        """
        order = (*COMPLETE[:6], "look", "write current", "publish", *COMPLETE[11:])
        assert broken(order)[I1] == "check > read > revoke"

    def test_revoke_before_publish(self) -> None:
        """If the old token were revoked before the secret is overwritten, the bot would read a dead
        token, without any fault.
        """

        def revoke(world: World, run: Run) -> Turn:
            yield from STEPS["revoke"](world, run) if run.seen.replaced else iter([(world, run)])

        order = (*COMPLETE[:6], "look", "write current", "revoke", "publish")
        assert broken(order, revoke=revoke)[I1] == "look > write current > revoke"

    def test_forget_before_revoke(self) -> None:
        """If an old token were forgotten before it is revoked, a killed run would leave it alive,
        and unknown.
        """

        def forget(world: World, run: Run) -> Turn:
            for token in run.seen.replaced:
                yield from write(world, run._replace(old=token))

        def revoke(world: World, run: Run) -> Turn:
            yield world._replace(live=world.live - {run.old}), run

        order = (*COMPLETE[:11], "look", "write forgotten", "revoke")
        violated = broken(order, write_forgotten=forget, revoke=revoke)
        assert violated[I3] == "write current > look > write forgotten"

    def test_the_same_application_for_a_rotation(self) -> None:
        """If a rotation kept the application, the new token would be the old one, and revoking “the
        old one” would kill what the bot reads.
        """

        def register(world: World, run: Run) -> Turn:
            yield world._replace(registered=world.registered + 1), run._replace(token=Token(1))

        assert broken(register=register)[I2] == "publish > look > write current"
        assert broken(register=register)[I1] == "look > write current > revoke"

    def test_a_new_link_while_an_attempt_is_unsettled(self) -> None:
        """If begin replaced a link whose token may be lost, approving it could never bring it back,
        and no later run would speak of it.
        """

        def read(world: World, run: Run) -> Turn:
            if "register" in run.steps and not world.journal.staged:
                yield world, run._replace(seen=world.journal)
            else:
                yield from STEPS["read"](world, run)

        assert broken(read=read)[I3] == "register > look > write link, and ends"

    def test_staging_that_closes_an_earlier_attempt(self) -> None:
        """If staging a token cleared “attempted” although an earlier run may have lost another one,
        a stranger's, nobody would be told of that.
        """

        def stage(world: World, run: Run) -> Turn:
            yield from STEPS["write staged"](world, run._replace(unsettled=False))

        assert broken(write_staged=stage)[I3] == "write attempt > exchange > write staged"
