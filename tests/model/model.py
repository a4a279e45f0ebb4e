"""Why the order of effects is what it is: the order as data, in a world small enough to try it all.

Three things make up the world: the journal, the instance's living tokens, and the secret that the
bot reads. A run is a list of steps, each of them one request. After any step the run may end: it
was killed, or the answer or the next request was lost, which comes to the same. Two runs may take
turns at any step. `explorer.py` walks through every world that can come of that.

A token is told by its application and by who approved, since on Mastodon the same application,
account and scopes give the same token. And GitHub knows no compare-and-swap: a run looks at the
journal, and acts with its next request; what another run writes in between goes unseen.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tests.invariants import I1, I2, I3, I8, Invariant

BEGIN = ("read", "register", "look", "write link")
COMPLETE = (
    *("read", "look", "write attempt", "exchange", "write staged", "verify"),
    *("look", "write ahead", "publish", "look", "write current"),
    *("revoke", "look", "write forgotten"),
)
CHECK = ("read", "revoke", "look", "write forgotten")
UNDO = ("undo", "look", "write unstaged")
"""What is left of a completion where the token turns out to be a stranger's."""


class Token(NamedTuple):
    """The token of an application, approved by the bot's owner or by a stranger."""

    application: int
    stranger: bool = False


class Journal(NamedTuple):
    """What is remembered between runs."""

    application: int = 0  # whose link waits for approval; 0: none
    attempted: bool = False  # a token of it may have been issued and lost
    staged: Token | None = None
    current: Token | None = None
    replaced: frozenset[Token] = frozenset()  # still to be revoked
    writes: int = 0  # so that no two writes look the same

    @property
    def tokens(self) -> frozenset[Token]:
        """All that it knows."""
        return self.replaced | {token for token in (self.staged, self.current) if token}


class Run(NamedTuple):
    """A run: what it has still to do, the journal as it knows it, and the token in its hands."""

    steps: tuple[str, ...]
    stranger: bool = False  # whose code it was given
    seen: Journal = Journal()
    unsettled: bool = False  # an earlier run may have lost a token of this link
    token: Token = Token(0)
    old: Token = Token(0)  # the one that it revokes


class World(NamedTuple):
    """All there is."""

    journal: Journal = Journal()
    live: frozenset[Token] = frozenset()
    secret: Token | None = None
    registered: int = 0
    runs: tuple[Run, ...] = ()
    begun: int = 0  # runs since there was none
    lost: frozenset[Token] = frozenset()  # issued to a run that ended before it could stage them
    told: frozenset[int] = frozenset()  # applications of which a person knows: tokens may be lost
    stale: str = ""  # the first act of a run upon a journal that another one had changed


Turn = Iterator[tuple[World, Run]]
Step = Callable[[World, Run], Turn]


def read(world: World, run: Run) -> Turn:
    """See where things stand. A staged token is gone on with; nothing else is done before that."""
    journal = world.journal
    run = run._replace(seen=journal, unsettled=journal.attempted)
    if "exchange" not in run.steps:
        if not (journal.staged or ("register" in run.steps and journal.attempted)):
            yield world, run
    elif journal.staged:
        after_staging = run.steps[run.steps.index("write staged") :]
        yield world, run._replace(steps=after_staging, token=journal.staged)
    elif journal.application:
        yield world, run._replace(token=Token(journal.application, run.stranger))


def look(world: World, run: Run) -> Turn:
    """Go on only if no other run wrote the journal."""
    if world.journal == run.seen:
        yield world, run


def register(world: World, run: Run) -> Turn:
    """Always a new application: the old one would give the old token."""
    number = world.registered + 1
    yield world._replace(registered=number), run._replace(token=Token(number))


def exchange(world: World, run: Run) -> Turn:
    """The instance issues the token; or gives the very same again."""
    yield world._replace(live=world.live | {run.token}), run


def verify(world: World, run: Run) -> Turn:
    """Whose token it is, and whether it lives."""
    good = run.token in world.live and not run.token.stranger
    yield world, run if good else run._replace(steps=("verify", *UNDO))


def publish(world: World, run: Run) -> Turn:
    """Write the secret."""
    yield _noted(world, run)._replace(secret=run.token), run


def revoke(world: World, run: Run) -> Turn:
    """Revoke one that was replaced, its grace over, if the current one is seen alive."""
    for token in run.seen.replaced if run.seen.current in world.live else ():
        yield world._replace(live=world.live - {token}), run._replace(old=token)


def undo(world: World, run: Run) -> Turn:
    """Revoke what must not be used, unless it is in use."""
    in_use = run.token in {run.seen.current, *run.seen.replaced}
    yield world if in_use else world._replace(live=world.live - {run.token}), run


def take_back(world: World, run: Run) -> Turn:
    """Revoke what could not be staged, unless another run may hold the very same token."""
    known = {world.journal.application, *(token.application for token in world.journal.tokens)}
    shared = world.journal != run.seen and run.token.application in known
    yield from iter([(world, run)]) if shared else undo(world, run)


def write(world: World, run: Run) -> Turn:
    """Write the journal as this run knows it, with one change."""
    journal = CHANGES[run.steps[0]](run.seen, run)._replace(writes=world.journal.writes + 1)
    yield _noted(world, run)._replace(journal=journal), run._replace(seen=journal)


def stage(world: World, run: Run) -> Turn:
    """Without a look before, so that nothing is in between. Where GitHub refuses, take it back."""
    yield from write(world, run)
    lost = world.lost | {run.token}
    yield world._replace(lost=lost), run._replace(steps=("write staged", "take back"))


def promote(world: World, run: Run) -> Turn:
    """Make it current. If an earlier exchange is unsettled, a person is told, and it is closed."""
    told = world.told | ({run.token.application} if run.seen.attempted else set())
    yield from write(world._replace(told=told), run)


CHANGES: Mapping[str, Callable[[Journal, Run], Journal]] = {
    "write link": lambda old, run: old._replace(application=run.token.application, attempted=False),
    "write attempt": lambda old, _: old._replace(attempted=True),
    "write staged": lambda old, run: old._replace(staged=run.token, attempted=run.unsettled),
    "write unstaged": lambda old, _: old._replace(staged=None),
    "write ahead": lambda old, _: old,  # that the secret may hold it from now on
    "write current": lambda old, run: Journal(
        current=run.token, replaced=old.replaced | ({old.current} if old.current else set())
    ),
    "write forgotten": lambda old, run: old._replace(replaced=old.replaced - {run.old}),
}
STEPS: Mapping[str, Step] = {
    **dict.fromkeys(CHANGES, write),
    "write staged": stage,
    "write current": promote,
    "read": read,
    "look": look,
    "register": register,
    "exchange": exchange,
    "verify": verify,
    "publish": publish,
    "revoke": revoke,
    "undo": undo,
    "take back": take_back,
}


def violations(world: World) -> set[Invariant]:
    """The invariants that do not hold here."""
    return {invariant for invariant, holds in HOLDS.items() if not holds(world)}


def every_token_is_known(world: World) -> bool:
    """But for the one window: a run ended right after the exchange, and the journal or a person
    knows it.
    """
    journal = world.journal
    held = {world.secret, *journal.tokens, *(run.token for run in world.runs)}
    spoken_of = world.told | ({journal.application} if journal.attempted else set())
    in_window = {token for token in world.lost if token.application in spoken_of}
    return world.live <= held | in_window


HOLDS: Mapping[Invariant, Callable[[World], bool]] = {
    I1: lambda world: world.secret is None or world.secret in world.live,
    I2: lambda world: world.journal.current not in world.journal.replaced,
    I3: every_token_is_known,
    I8: lambda world: world.secret is None or not world.secret.stranger,
}
"""The others are about what this world does not have: codes, passwords, servers that fail."""


def _noted(world: World, run: Run) -> World:
    """Note a stale act: there was a write between the look and this."""
    return world if world.stale or world.journal == run.seen else world._replace(stale=run.steps[0])
