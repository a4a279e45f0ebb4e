"""Walks, breadth first, through every world that the steps can lead to."""

import gc
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.invariants.model.model import (
    ABANDON,
    BEGIN,
    BEGIN_OWN,
    CHECK,
    COMPLETE,
    DEPROVISION,
    FOREIGN,
    STEPS,
    Journal,
    Run,
    Step,
    World,
    uncovered,
)

Worlds = dict[World, tuple[World, str] | None]
"""Every world that there can be, and from which one, and by what, it came first."""
ORDERS: Mapping[str, tuple[str, ...]] = {
    "begin": BEGIN,
    "complete": COMPLETE,
    "check": CHECK,
    "abandon": ABANDON,
    "deprovision": DEPROVISION,
}


OWN_TOO = {**ORDERS, "begin with an own application": BEGIN_OWN}


@dataclass(frozen=True)
class Rules:
    """What may happen: any number of runs, `at_once` of which may meet."""

    orders: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: ORDERS)
    steps: Mapping[str, Step] = field(default_factory=lambda: STEPS)
    at_once: int = 1
    applications: int = 2
    """That may be registered in all."""
    strangers: bool = True
    """Whether somebody else may open the link."""
    places: tuple[int, ...] = (0, 1)
    """Where a completion may be told to write."""
    foreign: bool = True
    """Whether the second secret holds something else at first."""
    late: bool = False
    """Whether a read may return the value before the last write."""
    rereads: bool = True
    """Whether a completion reads a journal that says “attempted” again."""
    tells_apart: bool = False
    """Whether it is another world where two runs change places. Nothing that follows differs."""


def explore(rules: Rules, until: Callable[[World], bool] = lambda _: False) -> Worlds:
    """Walk until nothing new comes, or until a world is found, which is then the last one."""
    first = [World()]
    if rules.foreign:
        first.append(World(secrets=(None, FOREIGN)))
    came: Worlds = dict.fromkeys(first)
    todo = deque(came)
    gc.disable()  # it would look through all worlds again and again, and none refers to itself
    try:
        while todo:
            world = todo.popleft()
            for what, then in _following(world, rules):
                after = then if rules.tells_apart else unordered(then)
                origin = world, what
                if came.setdefault(after, origin) is origin:  # it is new
                    todo.append(after)
                    if until(after):
                        return came
    finally:
        gc.freeze()  # nor afterwards
        gc.enable()
    return came


def unordered(world: World) -> World:
    """The same world whichever of its runs began first."""
    if len(world.runs) < 2:
        return world
    return world._replace(runs=tuple(sorted(world.runs, key=hash)))


def story(world: World, came: Worlds) -> list[str]:
    """The shortest way to a world."""
    steps = []
    while before := came[world]:
        world, what = before
        steps.append(what)
    return steps[::-1]


def finish(world: World) -> World:
    """What a person's runs make of it, one after the other and without a fault.

    Where a secret under another name keeps an old token from being revoked, the person deletes it,
    as a check says.
    """
    for _ in range(10):
        journal = world.journal
        current = journal.current
        well = current and holds_in_use(world)
        if journal.deprovisioning:
            world = _alone(world, DEPROVISION)
        elif journal.staged or journal.application:
            world = _alone(world, COMPLETE)
        elif not well or (current and current not in world.live):
            world = _alone(world, BEGIN)
        elif journal.superseded:
            world = _alone(_deleted(world, journal), CHECK)
    return world


def holds_in_use(world: World) -> bool:
    """Whether each secret that can hold nothing else holds the token in use."""
    known = {n for n, one in enumerate(world.journal.contents) if one == {world.journal.current}}
    return all(world.secrets[n] == world.journal.current for n in known)


def _deleted(world: World, journal: Journal) -> World:
    left = {place for old in journal.superseded for place in uncovered(world, journal, old)}
    secrets = tuple(None if n in left else one for n, one in enumerate(world.secrets))
    return world._replace(secrets=secrets)


def _alone(world: World, steps: tuple[str, ...]) -> World:
    """One run from its first step to its last; where a step can go two ways, the good one."""
    run = Run(steps)
    while run.steps and (turn := next(STEPS[run.steps[0]](world, run), None)):
        world, run = turn
        run = run._replace(steps=run.steps[1:])
    return _settled(world)


def _following(world: World, rules: Rules) -> Iterator[tuple[str, World]]:
    """All that can come next; but no new run where one acted blindly: there a person goes on."""
    for number in range(len(world.runs)):
        yield from _step(world, number, rules)
    if world.begun >= rules.at_once or world.stale:
        return
    for command, order in rules.orders.items():
        if command == "begin" and world.registered >= rules.applications:
            continue
        completes = "exchange" in order
        for place in rules.places if completes else rules.places[:1]:
            for stranger in (False, True) if completes and rules.strangers else (False,):
                runs = (*world.runs, Run(order, place, stranger))
                name = f"{command} for {place}" if completes else command
                yield name, world._replace(runs=runs, begun=world.begun + 1)


def _step(world: World, number: int, rules: Rules) -> Iterator[tuple[str, World]]:
    """One step of one run, which may be its last."""
    before, run, after_it = world.runs[:number], world.runs[number], world.runs[number + 1 :]
    step, others = run.steps[0], (*before, *after_it)
    turns = list(rules.steps[step](world, run))
    if (
        step == "read"
        and rules.late
        and world.before != world.journal
        and not (rules.rereads and "exchange" in run.steps and world.before.attempts)
    ):
        late = rules.steps[step](world._replace(journal=world.before), run)
        turns += [(world, going) for _, going in late]
    forgotten: dict[str, Any] = (
        {} if rules.late else {"before": Journal()}
    )  # where it makes no difference
    for after, going in turns:
        rest = going._replace(steps=going.steps[1:], previous=step)
        if rest.steps:
            runs = (*before, rest, *after_it)
            yield step, after._replace(runs=runs, **forgotten)
        # Where nothing changed, it could as well have ended a step before: but not in the window.
        if after is not world or not rest.steps or run.previous == "exchange":
            lost = after.lost | {run.token} if step == "exchange" else after.lost
            yield f"{step}, and ends", _settled(after, runs=others, lost=lost, **forgotten)
    if not turns:
        yield f"{step}: stops", _settled(world, runs=others)


def _settled(world: World, **changes: Any) -> World:
    """With these changes, and without what makes no difference any more."""
    changes["lost"] = changes.get("lost", world.lost) & world.live
    changes["offboarded"] = world.offboarded.intersection(world.secrets)
    if not changes.get("runs", world.runs):
        changes["begun"], changes["journal"] = 0, world.journal._replace(writes=0)
        changes["before"] = changes.get("before", world.before)._replace(writes=-1)
    return world._replace(**changes)
