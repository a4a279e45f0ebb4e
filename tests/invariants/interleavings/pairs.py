"""Two runs for the same bot that may meet, what to prepare for them, and what that may cost.

A workflow's `concurrency` keeps runs apart. A laptop, or a workflow without it, does not. GitHub
has no compare-and-swap for variables. So a run looks at the journal and acts with its very next
request, and stops if another run has written or deleted the journal. A completion writes its
attempt right after the batch of reads in which it read the journal. Only a staging write follows
the exchange instead. What is left is the window between those two requests. If another run writes
in it, the one act that follows is stale. At most this is lost, until a check or the next rotation
mends it:

- the other run's last write of the journal: a token that it knew lives on unknown until a person
  removes its application, or a link that it showed leads nowhere;
- the bot's token: the secret holds one that was revoked, if a token is revoked without a grace, or
  given up or deprovisioned at the same time;
- of two very first runs, the journal's key: the journal has to be deleted, and a token that only
  this journal knew lives on.

A begin that was queued before a deprovision and starts after it finds no journal. It makes one with
the key that it was given, which has been deleted: that journal has to be deleted too. A deprovision
or an abandon deletes its secrets even if another run has just written them.

Even then, runs one after the other end with one stored, living token that the journal knows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from provisioner.commands.run import Prompts, perform
from provisioner.parsing import parse_login
from tests.invariants.faults.scenarios import Step
from tests.invariants.faults.scenarios import claimed as cut_when_claimed
from tests.invariants.faults.scenarios import staged as cut_when_staged
from tests.invariants.faults.scenarios import written as cut_when_written
from tests.invariants.witness import DEAD, KEY_LOST, UNKNOWN
from tests.support.world import World

DAY = 86400
Doing = Callable[[World], object]
"""What a run does."""
Runs = tuple[Doing, Doing]
"""Two that may meet."""
Prepare = Callable[[World], Runs]


@dataclass(frozen=True)
class Pair:
    """Two runs that may meet; `prepare` prepares the world for them."""

    name: str
    prepare: Prepare
    window: frozenset[str] = frozenset()
    """What may be violated where one run acts between a look of the other and its next request."""
    anyway: frozenset[str] = frozenset()
    """What may be violated besides, for a reason that has nothing to do with taking turns."""

    def __str__(self) -> str:
        return self.name

    @property
    def offboards(self) -> bool:
        """Whether dead tokens in secrets are what is wanted, for a moment."""
        return "deprovision" in self.name

    @property
    def deletes(self) -> bool:
        """Whether a run may delete the secret."""
        return self.offboards or "abandon" in self.name


def completing(code: str) -> Doing:
    """A completion after which replaced tokens are revoked at once: the hardest case."""
    return lambda world: world.complete(code, grace="0")


def rotate(world: World) -> None:
    """All of it: a link, or the one that is there; an approval; a completion."""
    world.complete(world.approve(world.link()), grace="0")


def finish_and_rotate(world: World) -> None:
    """Finish what a cut run left, and then rotate."""
    world.complete("", grace="0")
    rotate(world)


def begin_anew(world: World) -> None:
    """With other scopes, so that the pending link is replaced."""
    world.begin(scopes="read write")


def both(one: Doing, other: Doing) -> Prepare:
    """Nothing to prepare."""
    return lambda _: (one, other)


def provisioned(prepare: Prepare) -> Prepare:
    """The same where a token is in use already."""

    def prepare_provisioned(world: World) -> Runs:
        world.provision()
        return prepare(world)

    return prepare_provisioned


def two_codes(second: str) -> Prepare:
    """Two completions of one link, the second with a code that `second` got."""

    def prepare(world: World) -> Runs:
        return _two_of(world, world.link(), second)

    return prepare


def by_hand(world: World) -> Runs:
    """Two completions of a link for an application made by hand."""
    return _two_of(world, world.link(**world.hand_made()))


def _two_of(world: World, link: str, second: str = "mybot") -> Runs:
    return completing(world.approve(link)), completing(world.approve(link, second))


def one_code(other: Doing) -> Prepare:
    """A completion, and something else."""
    return lambda world: (completing(world.approve(world.link())), other)


def typed_and_given(world: World) -> Runs:
    """A completion whose code is typed after it has read the journal, and one that was given it."""
    link = world.link()
    code, other = world.approve(link), world.approve(link)
    prompts = Prompts(lambda: code, lambda *_: parse_login("", ""))
    return lambda world: perform(world.session("complete", grace="0"), prompts), completing(other)


def after(step: Step, other: Doing) -> Prepare:
    """The completion of what another run left when it was cut there; and another run."""

    def prepare(world: World) -> Runs:
        step(world)
        return completing(""), other

    return prepare


staged, published = partial(after, cut_when_staged), partial(after, cut_when_written)


def claimed(world: World) -> Runs:
    """Two begins where another one was cut between its claim and the key."""
    cut_when_claimed(world)
    return World.begin, World.begin


def one_due(other: Doing) -> Prepare:
    """A check that finds a replaced token whose grace is over, and something else."""

    def prepare(world: World) -> Runs:
        world.provision()
        world.provision()
        world.time += DAY
        return World.check, other

    return prepare


def one_due_and_code(world: World) -> Runs:
    """The same, and a completion."""
    check, _ = one_due(World.check)(world)
    return check, completing(world.approve(world.link()))


def meeting(one: Doing, prepare: Prepare) -> Prepare:
    """A run of another kind, and the second one."""

    def prepare_other(world: World) -> Runs:
        _, other = prepare(world)
        return one, other

    return prepare_other


NOTHING = frozenset[str]()
LOST, KEY = frozenset({UNKNOWN}), frozenset({KEY_LOST})
DEAD_ONE, EITHER = frozenset({DEAD}), frozenset({DEAD, UNKNOWN})
begin, check, abandon, deprovision = World.begin, World.check, World.abandon, World.deprovision
TABLE: Mapping[str, tuple[Prepare, frozenset[str]]] = {
    "two completions": (provisioned(two_codes("mybot")), NOTHING),
    "two completions, one of a typed code": (provisioned(typed_and_given), NOTHING),
    "two completions, one a stranger's": (provisioned(two_codes("alice")), NOTHING),
    "two first begins": (both(begin, begin), KEY),
    "first begin, first provisioning": (both(begin, rotate), KEY | LOST),
    "two first begins upon a claim": (claimed, KEY),
    "two rotations": (provisioned(both(rotate, rotate)), LOST),
    "completion, begin": (provisioned(one_code(begin)), NOTHING),
    "completion, begin anew": (provisioned(one_code(begin_anew)), LOST),
    "check that revokes, completion": (one_due_and_code, NOTHING),
    "check that revokes, begin": (one_due(begin), NOTHING),
    "two checks that revoke": (one_due(check), NOTHING),
    "two completions of a staged token": (provisioned(staged(completing(""))), NOTHING),
    "completion of a staged token, that and a rotation": (
        provisioned(staged(finish_and_rotate)),
        EITHER,
    ),
    "two completions, own application": (provisioned(by_hand), NOTHING),
    "completion, deprovision": (provisioned(one_code(deprovision)), EITHER),
    "first completion, deprovision": (one_code(deprovision), EITHER),
    "completion of a staged token, deprovision": (provisioned(staged(deprovision)), EITHER),
    "begin, deprovision": (provisioned(both(begin, deprovision)), NOTHING),
    "check that revokes, deprovision": (one_due(deprovision), NOTHING),
    "two deprovisions": (provisioned(both(deprovision, deprovision)), NOTHING),
    "completion, abandon": (provisioned(one_code(abandon)), EITHER),
    "first completion, abandon": (one_code(abandon), EITHER),
    "completion of a staged token, abandon": (provisioned(staged(abandon)), DEAD_ONE),
    "completion of a stored token, abandon": (provisioned(published(abandon)), DEAD_ONE),
    "first completion of a stored token, abandon": (published(abandon), DEAD_ONE),
    "two abandons": (provisioned(meeting(abandon, published(abandon))), NOTHING),
    "begin, abandon": (provisioned(meeting(begin_anew, one_code(abandon))), NOTHING),
    "check that revokes, abandon": (one_due(abandon), NOTHING),
    "abandon, deprovision": (provisioned(meeting(abandon, published(deprovision))), DEAD_ONE),
}
"""What to prepare for two runs, and what that may cost in the window."""
# The begin was queued when there was a key: see test_queue.py.
ANYWAY = {"begin, deprovision": KEY}
PAIRS = tuple(
    Pair(name, prepare, window, ANYWAY.get(name, NOTHING))
    for name, (prepare, window) in TABLE.items()
)
