"""The order of effects, tried in every world that there can be; and what any other order breaks.

`model.py` is the order and the world in which it is tried: read that first. The invariants stand in
`tests/invariants/__init__.py`.
"""

from dataclasses import replace
from functools import cache

import pytest

from tests.invariants import I1, I2, I3, I7, I8, Invariant
from tests.invariants.model.explorer import (
    ORDERS,
    OWN_TOO,
    Rules,
    Worlds,
    explore,
    finish,
    holds_in_use,
    story,
    unordered,
)
from tests.invariants.model.model import (
    COMPLETE,
    STEPS,
    Run,
    Step,
    Turn,
    World,
    ours,
    violations,
    write,
)

SMALL = "one run after the other, one name"
ONE = "one run after the other, two names, and a stranger may open the link"
FOREIGN = "one run after the other, two names, one of which holds something foreign"
OWN = "one run after the other, two names, and a person's own application"
LATE = "one run after the other, where GitHub answers reads late"
TWO = "two runs that meet, and a stranger may open the link"
ROTATION = "two runs that meet, where one may rotate"
ENDING = "two runs that meet, where one gives up or takes off"
THREE = {name: ORDERS[name] for name in ("begin", "complete", "check")}
RULES = {
    SMALL: Rules(strangers=False, foreign=False, places=(0,)),
    ONE: Rules(foreign=False, applications=1),
    FOREIGN: Rules(strangers=False),
    OWN: Rules(OWN_TOO, strangers=False, foreign=False, applications=1),
    LATE: Rules(strangers=False, foreign=False, places=(0,), late=True),
    TWO: Rules(THREE, at_once=2, applications=1, foreign=False, places=(0,)),
    ROTATION: Rules(THREE, at_once=2, strangers=False, foreign=False, places=(0,)),
    ENDING: Rules(at_once=2, strangers=False, foreign=False, places=(0,), applications=1),
}
WHOLE = pytest.mark.whole
"""Takes long: `make faults` runs it."""
MEETING = pytest.mark.parametrize("rules", [TWO, ROTATION, ENDING])


@cache
def worlds(rules: str) -> Worlds:
    """Explored once for all tests."""
    return explore(RULES[rules])


@cache
def violated(rules: str) -> dict[World, set[Invariant]]:
    """In which worlds an invariant does not hold."""
    return {world: broken for world in worlds(rules) if (broken := violations(world))}


def stories(rules: str) -> list[str]:
    """How it can come to a violation, without the window being hit."""
    bad = [world for world in violated(rules) if not world.stale]
    return [" > ".join(story(world, worlds(rules))) for world in bad[:3]]


def well(world: World) -> bool:
    """One token is stored, alive and current; nothing is under way, nothing left to revoke."""
    journal, current = world.journal, world.journal.current
    return (
        current is not None
        and current in world.live
        and holds_in_use(world)
        and not (journal.superseded or journal.application or journal.deprovisioning)
    )


def broken(
    what: Invariant,
    rules: str = SMALL,
    order: dict[str, tuple[str, ...]] | None = None,
    **steps: Step,
) -> str:
    """How that invariant would be violated outside the window if that were the order, or a step did
    something else: the last steps of the shortest story; "" where it never would be.
    """
    usual = RULES[rules]
    others = {name.replace("_", " "): step for name, step in steps.items()}
    changed = replace(usual, orders={**usual.orders, **(order or {})}, steps={**STEPS, **others})

    def is_bad(world: World) -> bool:
        return not world.stale and what in violations(world)

    came = explore(changed, is_bad)
    last = next(reversed(came))
    return " > ".join(story(last, came)[-3:]) if is_bad(last) else ""


@pytest.mark.parametrize(
    "rules", [ONE, LATE, *(pytest.param(one, marks=WHOLE) for one in (FOREIGN, OWN))]
)
class TestOneAfterTheOther:
    """What `concurrency` in the workflow sees to."""

    def test_nothing_is_ever_violated(self, rules: str) -> None:
        print(f"{len(worlds(rules))} worlds: {rules}")
        assert stories(rules) == []

    def test_a_person_can_always_finish(self, rules: str) -> None:
        """Wherever it was left, runs without a fault end with one token, and nothing unknown."""
        for world in worlds(rules):
            if not world.runs:
                after = finish(world)
                assert well(after)
                assert not violations(after)
                assert ours(after.live) <= {*after.secrets} | after.lost

    def test_the_one_window_is_spoken_of(self, rules: str) -> None:
        """A token whose run ended right after the exchange may live unknown; then the journal says
        “attempted”, or a person was told: never neither.
        """
        for world in worlds(rules):
            pending = {world.journal.application} if world.journal.attempts else set()
            unknown = ours(world.lost) - world.journal.tokens - {*world.secrets}
            held = {run.token for run in world.runs}
            assert {token.application for token in unknown - held} <= world.told | pending


def test_worlds_whose_runs_change_places_are_explored_as_one() -> None:
    """None is left out: all of them, each with its runs in one order, are those explored."""
    orders = {name: ORDERS[name] for name in ("begin", "complete")}
    rules = replace(RULES[ROTATION], applications=1, orders=orders)
    every = explore(replace(rules, tells_apart=True))
    assert set(map(unordered, every)) == explore(rules).keys()


@WHOLE
@MEETING
class TestTwoAtOnce:
    """Without `concurrency`, or from a laptop while a workflow runs."""

    def test_only_an_act_right_after_anothers_write_goes_wrong(self, rules: str) -> None:
        """What is left is the window between a look and the request after it."""
        in_window = [world for world in worlds(rules) if world.stale]
        print(f"{len(worlds(rules))} worlds, {len(in_window)} after the window was hit: {rules}")
        assert stories(rules) == []

    def test_the_window_never_costs_equal_tokens_or_a_strangers(self, rules: str) -> None:
        cost = set().union(*violated(rules).values())
        assert cost <= {I1, I3, I7}

    def test_a_person_can_always_finish_that_too(self, rules: str) -> None:
        """Even then the bot gets one token, alive and current; only others may live on unknown."""
        for world in worlds(rules):
            if not world.runs:
                after = finish(world)
                assert well(after)
                assert violations(after) <= ({I3, I7} if world.stale else set())


def without(order: tuple[str, ...], *steps: str) -> tuple[str, ...]:
    """The order without these steps."""
    return tuple(step for step in order if step not in steps)


def after(order: tuple[str, ...], first: str, *then: str) -> tuple[str, ...]:
    """The order with steps inserted after the first of that name."""
    place = order.index(first) + 1
    return (*order[:place], *then, *order[place:])


class TestAnotherOrder:
    """Why each thing comes before the next."""

    def test_exchange_before_the_attempt_is_written(self) -> None:
        """A killed run's token could live, and nobody would know that there is one to look for."""
        order = after(without(COMPLETE, "write attempt"), "exchange", "look", "write attempt")
        assert broken(I3, order={"complete": order}).endswith("read > exchange, and ends")

    def test_verify_before_stage(self) -> None:
        """A run that is killed while the instance answers would lose the token."""
        order = after(without(COMPLETE, "verify"), "exchange", "verify")
        assert broken(I3, order={"complete": order}).endswith("exchange > verify, and ends")

    def test_look_before_stage(self) -> None:
        """That would be one more request at which the token can be lost."""
        order = after(COMPLETE, "exchange", "look")
        assert broken(I3, order={"complete": order}).endswith("exchange > look, and ends")

    def test_write_secret_before_stage(self) -> None:
        """If GitHub then refused the journal, the token that is taken back would be in use."""
        order = after(without(COMPLETE, "write ahead", "write secret"), "exchange", "write secret")
        assert broken(I1, order={"complete": order}).endswith("write staged > take back, and ends")

    def test_write_secret_before_verify(self) -> None:
        """The bot would read a stranger's token, and, once that is undone, a dead one."""
        order = after(without(COMPLETE, "write secret"), "write staged", "write secret")
        assert broken(I8, ONE, order={"complete": order}).endswith("write staged > write secret")
        assert broken(I1, ONE, order={"complete": order})

    def test_current_before_write_secret(self) -> None:
        """A check after a killed run would revoke the old token, which the bot still reads."""
        order = after(without(COMPLETE, "write secret"), "write current", "write secret")
        assert broken(I1, order={"complete": order}).endswith("check > read > revoke")

    def test_revoke_before_write_secret(self) -> None:
        """The bot would read a dead token, without any fault."""

        def revoke(world: World, run: Run) -> Turn:
            yield from STEPS["revoke"](world, run) if run.seen.superseded else iter([(world, run)])

        order = after(without(COMPLETE, "write secret"), "revoke", "write secret")
        assert broken(I1, order={"complete": order}, revoke=revoke)

    def test_forget_before_revoke(self) -> None:
        """A killed run would leave the old token alive, and unknown."""

        def forget(world: World, run: Run) -> Turn:
            for one in run.seen.superseded:
                yield from write(world, run._replace(old=one))

        def revoke(world: World, run: Run) -> Turn:
            yield world._replace(live=world.live - {run.old}), run

        order = ("read", "look", "write forgotten", "revoke")
        last = broken(I3, order={"check": order}, write_forgotten=forget, revoke=revoke)
        assert last.endswith("look > write forgotten")

    def test_the_same_token_is_superseded(self) -> None:
        """Where an application gives its token again, the one in use would be due."""

        def supersede(world: World, run: Run) -> Turn:
            for written, going in STEPS["write current"](world, run):
                journal = written.journal._replace(superseded=(run.token,))
                yield written._replace(journal=journal), going._replace(seen=journal)

        assert broken(I2, write_current=supersede)

    def test_a_new_link_while_an_attempt_is_unsettled(self) -> None:
        """Approving could never bring the token back, and no later run would speak of it."""

        def read(world: World, run: Run) -> Turn:
            if "register" in run.steps and not world.journal.staged:
                yield world, run._replace(seen=world.journal)
            else:
                yield from STEPS["read"](world, run)

        assert broken(I3, read=read).endswith("look > write link, and ends")

    def test_staging_that_closes_an_earlier_attempt(self) -> None:
        """Nobody would be told of another token that an earlier run may have lost."""

        def stage(world: World, run: Run) -> Turn:
            for staged, going in STEPS["write staged"](world, run):
                if staged.journal == world.journal:  # GitHub refused it
                    yield staged, going
                else:
                    journal = staged.journal._replace(attempts=0)
                    yield staged._replace(journal=journal), going._replace(seen=journal)

        assert broken(I3, ONE, write_staged=stage)

    def test_a_journal_that_says_attempted_is_not_read_again(self) -> None:
        """GitHub reads late: the token that the run before staged would be wiped (trace 7)."""
        came = explore(replace(RULES[LATE], rereads=False), lambda world: I3 in violations(world))
        assert I3 in violations(next(reversed(came)))

    @WHOLE
    def test_begin_does_not_look_after_registering(self) -> None:
        """An exchange that was attempted meanwhile would be forgotten (trace 8)."""
        assert broken(I3, ROTATION, order={"begin": without(ORDERS["begin"], "look")})


class TestNames:
    """A completion that was cut, and went on under another name."""

    def test_a_place_that_may_hold_the_new_token_counts_as_covered(self) -> None:
        """A check would revoke the old token, which the first name still holds (trace 1)."""

        def revoke(world: World, run: Run) -> Turn:
            current, contents = run.seen.current, run.seen.contents
            for old in run.seen.superseded:
                covered = all(current in one for one in contents if old in one)
                if current in world.live and covered:
                    yield world._replace(live=world.live - {old}), run._replace(old=old)

        assert broken(I1, FOREIGN, revoke=revoke).endswith("revoke")

    def test_staged_names_a_place_that_holds_something_foreign(self) -> None:
        """A deprovision would delete what never was ours (trace 5)."""

        def stage(world: World, run: Run) -> Turn:
            emptied = world._replace(secrets=(None, None))
            for staged, going in STEPS["write staged"](emptied, run):
                yield staged._replace(secrets=world.secrets), going

        assert broken(I7, FOREIGN, write_staged=stage)


class TestEnding:
    """abandon and deprovision."""

    def test_deprovision_does_not_mark_the_journal(self) -> None:
        """An abandon after a cut deprovision would write a token that is dead by then (trace 2)."""

        def mark(world: World, run: Run) -> Turn:
            for marked, going in STEPS["write mark"](world, run):
                journal = marked.journal._replace(deprovisioning=False)
                yield marked._replace(journal=journal), going._replace(seen=journal)

        assert broken(I1, write_mark=mark).endswith("look > write claim > clean")

    def test_abandon_tells_of_lost_exchanges_only_if_nothing_is_staged(self) -> None:
        """A token that was lost before would live, and nobody would be told (trace 3)."""

        def forget(world: World, run: Run) -> Turn:
            if not run.seen.staged:
                yield from STEPS["write abandoned"](world, run)
                return
            for told, going in STEPS["write abandoned"](world, run):
                yield told._replace(told=world.told), going

        assert broken(I3, ONE, write_abandoned=forget)

    @WHOLE
    def test_a_resumed_run_does_not_write_the_journal_before_its_secret(self) -> None:
        """An abandon at the same time would not notice it, and revoke its token (trace 4)."""

        def ahead(world: World, run: Run) -> Turn:
            yield world, run

        assert broken(I1, ENDING, write_ahead=ahead)

    @WHOLE
    def test_abandon_does_not_claim_the_journal(self) -> None:
        """A run under way would not notice, and write its secret after that was deleted."""

        def claim(world: World, run: Run) -> Turn:
            yield world, run

        assert broken(I1, ENDING, write_claim=claim)

    def test_deprovision_deletes_the_journal_first(self) -> None:
        """A killed run would leave tokens alive that nothing knows."""
        order = ("read", "look", "delete journal", "revoke all", "delete secrets")
        assert broken(I3, order={"deprovision": order})
