"""Walks, breadth first, through every world that the steps can lead to."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.model.model import BEGIN, CHECK, COMPLETE, STEPS, Run, Step, World

Worlds = dict[World, tuple[World, str] | None]
"""Every world that there can be, and from which one, and by what, it came first."""
ORDERS = {"begin": BEGIN, "complete": COMPLETE, "check": CHECK}


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


def explore(rules: Rules) -> Worlds:
    """Walk until nothing new comes."""
    came: Worlds = {World(): None}
    todo = deque(came)
    while todo:
        world = todo.popleft()
        for what, after in _following(world, rules):
            if after not in came:
                came[after] = world, what
                todo.append(after)
    return came


def story(world: World, came: Worlds) -> list[str]:
    """The shortest way to a world."""
    steps = []
    while before := came[world]:
        world, what = before
        steps.append(what)
    return steps[::-1]


def finish(world: World) -> World:
    """What a person's runs make of it, one after the other and without a fault."""
    for _ in range(8):
        journal = world.journal
        well = journal.current == world.secret and world.secret in world.live
        if journal.staged or journal.application:
            world = _alone(world, COMPLETE)
        elif not well:
            world = _alone(world, BEGIN)
        elif journal.replaced:
            world = _alone(world, CHECK)
    return world


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
    for verb, order in rules.orders.items():
        if verb == "begin" and world.registered >= rules.applications:
            continue
        for stranger in (False, True) if verb == "complete" and rules.strangers else (False,):
            runs = (*world.runs, Run(order, stranger))
            yield verb, world._replace(runs=runs, begun=world.begun + 1)


def _step(world: World, number: int, rules: Rules) -> Iterator[tuple[str, World]]:
    """One step of one run, which may be its last."""
    before, run, after_it = world.runs[:number], world.runs[number], world.runs[number + 1 :]
    step, others = run.steps[0], (*before, *after_it)
    turns = list(rules.steps[step](world, run))
    for after, going in turns:
        rest = going._replace(steps=going.steps[1:])
        if rest.steps:
            yield step, after._replace(runs=(*before, rest, *after_it))
        lost = after.lost | ({run.token} if step == "exchange" else set())
        yield f"{step}, and ends", _settled(after._replace(runs=others, lost=lost))
    if not turns:
        yield f"{step}: stops", _settled(world._replace(runs=others))


def _settled(world: World) -> World:
    """Without what makes no difference any more."""
    world = world._replace(lost=world.lost & world.live)
    if world.runs:
        return world
    return world._replace(begun=0, journal=world.journal._replace(writes=0))
