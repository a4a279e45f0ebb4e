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

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from provisioner.commands.run import Prompts, perform
from provisioner.errors import ProvisionerError
from provisioner.parsing import parse_login
from tests.invariants.faults.scenarios import ACTIONS, PUT, Command, kill_after
from tests.invariants.witness import DEAD, KEY_LOST, UNKNOWN
from tests.support.world import Fault, World

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
        link = world.link()
        return completing(world.approve(link)), completing(world.approve(link, second))

    return prepare


def one_code(other: Doing) -> Prepare:
    """A completion, and something else."""
    return lambda world: (completing(world.approve(world.link())), other)


def typed_and_given(world: World) -> Runs:
    """A completion whose code is typed after it has read the journal, and one that was given it."""
    link = world.link()
    code, other = world.approve(link), world.approve(link)
    prompts = Prompts(lambda: code, lambda _instance: parse_login("", ""))
    return lambda world: perform(world.session("complete", grace="0"), prompts), completing(other)


def staged(other: Doing) -> Prepare:
    """The completion of what another run left, cut when its token was staged; and another."""

    def prepare(world: World) -> Runs:
        code = world.approve(world.link())
        world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
        with suppress(ProvisionerError):
            world.complete(code)
        world.wire.faults = []
        return completing(""), other

    return prepare


def published(other: Doing) -> Prepare:
    """The same, where the token stands in its secret already."""

    def prepare(world: World) -> Runs:
        kill_after(world, Command("complete", world.approve(world.link())), PUT)
        return completing(""), other

    return prepare


def claimed(world: World) -> Runs:
    """Two begins where another one was cut between its claim and the key."""
    kill_after(world, Command("begin"), f"POST {ACTIONS}/variables")
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


def single_run(world: World) -> Doing:
    """A completion with an application made by hand, whose link was approved."""
    made = world.hand_made()
    code = world.code_for(made)
    single = {"client_id": made.client_id, "client_secret": made.client_secret}
    return lambda world: world.complete(code, **single)


def by_hand(world: World) -> Runs:
    """A completion, and a single run."""
    single = single_run(world)
    completion, _ = one_code(World.check)(world)
    return completion, single


def meeting(one: Doing, prepare: Prepare) -> Prepare:
    """A run of another kind, and the second one."""

    def prepare_other(world: World) -> Runs:
        _, other = prepare(world)
        return one, other

    return prepare_other


PAIRS = (
    Pair("two completions", provisioned(two_codes("mybot"))),
    Pair("two completions, one of a typed code", provisioned(typed_and_given)),
    Pair("two completions, one a stranger's", provisioned(two_codes("alice"))),
    Pair("two first begins", both(World.begin, World.begin), frozenset({KEY_LOST})),
    Pair(
        "first begin, first provisioning",
        both(World.begin, rotate),
        frozenset({KEY_LOST, UNKNOWN}),
    ),
    Pair("two first begins upon a claim", claimed, frozenset({KEY_LOST})),
    Pair(
        "first begin, first single run",
        lambda world: (World.begin, single_run(world)),
        frozenset({KEY_LOST, UNKNOWN}),
    ),
    Pair("two rotations", provisioned(both(rotate, rotate)), frozenset({UNKNOWN})),
    Pair("completion, begin", provisioned(one_code(World.begin))),
    Pair("completion, begin anew", provisioned(one_code(begin_anew)), frozenset({UNKNOWN})),
    Pair("check that revokes, completion", one_due_and_code),
    Pair("check that revokes, begin", one_due(World.begin)),
    Pair("two checks that revoke", one_due(World.check)),
    Pair("two completions of a staged token", provisioned(staged(completing("")))),
    Pair(
        "completion of a staged token, that and a rotation",
        provisioned(staged(finish_and_rotate)),
        frozenset({DEAD, UNKNOWN}),
    ),
    Pair("completion, single run", provisioned(by_hand), frozenset({UNKNOWN})),
    Pair(
        "completion, deprovision",
        provisioned(one_code(World.deprovision)),
        frozenset({DEAD, UNKNOWN}),
    ),
    Pair(
        "first completion, deprovision",
        one_code(World.deprovision),
        frozenset({DEAD, UNKNOWN}),
    ),
    Pair(
        "completion of a staged token, deprovision",
        provisioned(staged(World.deprovision)),
        frozenset({DEAD, UNKNOWN}),
    ),
    Pair(
        "begin, deprovision",
        provisioned(both(World.begin, World.deprovision)),
        anyway=frozenset({KEY_LOST}),  # it was queued when there was a key: see test_queue.py
    ),
    Pair(
        "check that revokes, deprovision",
        one_due(World.deprovision),
    ),
    Pair("two deprovisions", provisioned(both(World.deprovision, World.deprovision))),
    Pair(
        "completion, abandon",
        provisioned(one_code(World.abandon)),
        frozenset({DEAD, UNKNOWN}),
    ),
    Pair("first completion, abandon", one_code(World.abandon), frozenset({DEAD, UNKNOWN})),
    Pair(
        "completion of a staged token, abandon",
        provisioned(staged(World.abandon)),
        frozenset({DEAD}),
    ),
    Pair(
        "completion of a stored token, abandon",
        provisioned(published(World.abandon)),
        frozenset({DEAD}),
    ),
    Pair(
        "first completion of a stored token, abandon",
        published(World.abandon),
        frozenset({DEAD}),
    ),
    Pair("two abandons", provisioned(meeting(World.abandon, published(World.abandon)))),
    Pair("begin, abandon", provisioned(meeting(begin_anew, one_code(World.abandon)))),
    Pair("check that revokes, abandon", one_due(World.abandon)),
    Pair(
        "abandon, deprovision",
        provisioned(meeting(World.abandon, published(World.deprovision))),
        frozenset({DEAD}),
    ),
)
