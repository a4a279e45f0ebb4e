"""Why the order of effects is what it is: the order as data, in a world small enough to try it all.

The world is made of the journal, the instance's living tokens, and two secrets, of which the second
may hold something that the journal does not know. A run is a list of steps, each of them one
request. After any step the run may end: it was killed, or the answer or the next request was lost,
which comes to the same. Two runs may take turns at any step. `explorer.py` walks through every
world that can come of that.

A token is told by its application and by who approved, since on Mastodon the same application,
account and scopes give the same token. GitHub knows no compare-and-swap: a run looks at the
journal, and acts with its next request; what another run writes in between goes unseen. And GitHub
answers reads late: a read may return the value before the last write.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tests.invariants import I1, I2, I3, I7, I8, Invariant

BEGIN = ("read", "register", "look", "write link")
BEGIN_OWN = ("read", "use own", "look", "write link")
COMPLETE = (
    *("read", "write attempt", "exchange", "write staged", "verify", "look"),
    *("write ahead", "write secret", "look", "write current"),
    *("revoke", "look", "write forgotten"),
)
CHECK = ("read", "revoke", "look", "write forgotten")
ABANDON = ("read", "look", "write claim", "clean", "look", "write abandoned")
DEPROVISION = (
    *("read", "look", "write mark", "revoke all", "delete secrets", "look"),
    "delete journal",
)
UNDO = ("look", "write unused", "revoke", "look", "write forgotten")
"""What is left of a completion where the token turns out to be a stranger's."""

MANY = 2
"""Attempts: more make no difference."""
FOREIGN = "something that the journal does not know"
OWN = 9
"""An application of the person's own, whose tokens may be in use elsewhere: none is revoked."""


class Token(NamedTuple):
    """The token of an application, approved by the bot's owner or by a stranger."""

    application: int
    stranger: bool = False


Contents = frozenset[Token | str]
"""What may stand in a secret."""
NOTHING: Contents = frozenset()


class Journal(NamedTuple):
    """What is remembered between runs."""

    application: int = 0  # whose link waits for approval; 0: none
    attempts: int = 0  # exchanges whose answer may be lost
    staged: Token | None = None
    current: Token | None = None
    superseded: tuple[Token, ...] = ()  # still to be revoked, oldest first
    contents: tuple[Contents, ...] = (NOTHING, NOTHING)  # of the two secrets
    deprovisioning: bool = False
    writes: int = 0  # so that no two writes look the same

    @property
    def tokens(self) -> frozenset[Token]:
        """All that it knows."""
        return frozenset(filter(None, (self.staged, self.current, *self.superseded)))

    def containing(self, place: int, contents: Contents) -> "Journal":
        """The same, but for what may stand in that secret."""
        changed = (contents if n == place else one for n, one in enumerate(self.contents))
        return self._replace(contents=tuple(changed))

    def without(self, token: Token) -> "Journal":
        """The same, but for a token that can stand nowhere any more."""
        return self._replace(contents=tuple(one - {token} for one in self.contents))


class Run(NamedTuple):
    """A run: what it has still to do, the journal as it knows it, and the token in its hands."""

    steps: tuple[str, ...]
    place: int = 0  # where it is told to write
    stranger: bool = False  # whose code it was given
    seen: Journal = Journal()
    token: Token = Token(0)
    old: Token = Token(0)  # the one that it revoked
    resumed: bool = False  # with a token that an earlier run staged
    previous: str = ""  # its last step


class World(NamedTuple):
    """All there is."""

    journal: Journal = Journal()
    before: Journal = Journal()  # the journal before its last write: a late read returns it
    live: frozenset[Token] = frozenset()
    secrets: tuple[Token | str | None, ...] = (None, None)
    registered: int = 0
    runs: tuple[Run, ...] = ()
    begun: int = 0  # runs since there was none
    lost: frozenset[Token] = frozenset()  # issued to a run that ended before it could stage them
    told: frozenset[int] = frozenset()  # applications of which a person knows: tokens may be lost
    stale: str = ""  # the first act of a run upon a journal that another one had changed
    damage: str = ""  # what was deleted that must not be
    offboarded: frozenset[Token] = (
        frozenset()
    )  # revoked by deprovision: secrets may still hold them


Turn = Iterator[tuple[World, Run]]
Step = Callable[[World, Run], Turn]


def read(world: World, run: Run) -> Turn:
    """See where things stand. A staged token is gone on with; nothing else is done before that.

    One that is being taken off is left to deprovision.
    """
    journal, deprovision = world.journal, "write mark" in run.steps
    run = run._replace(seen=journal)
    if journal.deprovisioning and not deprovision:
        return
    if deprovision or "write claim" in run.steps:
        if deprovision or journal.application:
            yield world, run
    elif "exchange" in run.steps:
        if journal.staged:
            steps = ("read", *run.steps[run.steps.index("write staged") + 1 :])
            yield world, run._replace(steps=steps, token=journal.staged, resumed=True)
        elif journal.application:
            yield world, run._replace(token=Token(journal.application, run.stranger))
    elif not (journal.staged or ("write link" in run.steps and journal.attempts)):
        yield world, run


def look(world: World, run: Run) -> Turn:
    """Go on only if no other run wrote the journal."""
    if world.journal == run.seen:
        yield world, run


def register(world: World, run: Run) -> Turn:
    """Always a new application: the old one would give the old token."""
    number = world.registered + 1
    yield world._replace(registered=number), run._replace(token=Token(number))


def use_own(world: World, run: Run) -> Turn:
    """The person's own application is the same each time, and so is its token."""
    yield world, run._replace(token=Token(OWN))


def exchange(world: World, run: Run) -> Turn:
    """The instance issues the token; or gives the very same again."""
    yield world._replace(live=world.live | {run.token}), run


def verify(world: World, run: Run) -> Turn:
    """Whose token it is, and whether it lives."""
    good = run.token in world.live and not run.token.stranger
    yield world, run if good else run._replace(steps=("verify", *UNDO))


def write_secret(world: World, run: Run) -> Turn:
    """Write the secret."""
    yield _noted(_put(world, run.place, run.token), world, run), run


def revoke(world: World, run: Run) -> Turn:
    """Revoke one that was superseded, its grace over; one that this run did not reject itself only
    if the current one is seen alive.
    """
    current = run.seen.current
    alive = current is None or current in world.live
    for old in run.seen.superseded:
        if old.application == OWN and not uncovered(world, run.seen, old):
            yield world, run._replace(old=old)  # it is left to the person
        elif (alive or old == run.token) and not uncovered(world, run.seen, old):
            yield world._replace(live=world.live - {old}), run._replace(old=old)


def uncovered(world: World, journal: Journal, old: Token) -> set[int]:
    """The secrets that exist and may still hold it."""
    there = [place for place, value in enumerate(world.secrets) if value is not None]
    return {place for place in there if old in journal.contents[place]}


def take_back(world: World, run: Run) -> Turn:
    """Revoke what could not be staged, unless another run may hold the very same token."""
    known = {world.journal.application, *(token.application for token in world.journal.tokens)}
    shared = world.journal != run.seen and run.token.application in known
    is_known = run.token in (run.seen.current, *run.seen.superseded)
    kept = shared or is_known or run.token.application == OWN
    yield world if kept else world._replace(live=world.live - {run.token}), run


def clean(world: World, run: Run) -> Turn:
    """Have no secret hold the token that is given up: restore what is in use, delete the rest.

    A secret that held something which the journal does not know is left alone.
    """
    after, current, given_up = world, run.seen.current, _given_up(run.seen)
    for place, contents in enumerate(run.seen.contents):
        if given_up.contents[place] != contents:
            in_use = current if given_up.contents[place] else None
            after = _put(after, place, in_use) if in_use else _delete(after, place)
    yield _noted(after, world, run), run


def _given_up(journal: Journal) -> Journal:
    """The secrets that may hold the staged token, cleaned."""
    staged, current = journal.staged, journal.current
    for place, contents in enumerate(journal.contents):
        if staged in contents and current in contents and FOREIGN not in contents:
            journal = journal.containing(place, frozenset(filter(None, [current])))
        elif contents == {staged} and staged not in journal.superseded:
            journal = journal.containing(place, NOTHING)
    return journal


def revoke_all(world: World, run: Run) -> Turn:
    """Revoke every token that the journal knows."""
    tokens = ours(run.seen.tokens)
    yield world._replace(live=world.live - tokens, offboarded=world.offboarded | tokens), run


def delete_secrets(world: World, run: Run) -> Turn:
    """Delete every secret that is known to have held a token of the journal."""
    after = world
    for place, contents in enumerate(run.seen.contents):
        if contents and FOREIGN not in contents:
            after = _delete(after, place)
    yield _noted(after, world, run), run


def delete_journal(world: World, run: Run) -> Turn:
    """The bot is taken off."""
    gone = Journal(writes=world.journal.writes + 1)
    after = world._replace(journal=gone, before=world.journal)
    yield _noted(after, world, run), run._replace(seen=gone)


def write(world: World, run: Run) -> Turn:
    """Write the journal as this run knows it, with one change."""
    changed = CHANGES[run.steps[0]](world, run)
    journal = changed._replace(writes=world.journal.writes + 1)
    after = world._replace(journal=journal, before=world.journal)
    yield _noted(after, world, run), run._replace(seen=journal)


def stage(world: World, run: Run) -> Turn:
    """Without a look before, so that nothing is in between. Where GitHub refuses, take it back."""
    yield from write(world, run)
    lost = world.lost | {run.token}
    yield world._replace(lost=lost), run._replace(steps=("write staged", "take back"))


def write_ahead(world: World, run: Run) -> Turn:
    """Only where the token was staged by another run, or the place held something else."""
    needed = run.resumed or run.token not in run.seen.contents[run.place]
    yield from write(world, run) if needed else iter([(world, run)])


def tell_and_write(world: World, run: Run) -> Turn:
    """A person is told of what may be lost, before the journal forgets it."""
    told = world.told | ({run.seen.application} if run.seen.attempts else set())
    yield from write(world._replace(told=told), run)


def _staged(world: World, run: Run) -> Journal:
    """The token with the place where it may stand: an empty one, or the current token's."""
    staged = run.seen._replace(staged=run.token, attempts=run.seen.attempts - 1)
    now = standing(world, run)
    return _naming(staged, run, now) if now in (NOTHING, {run.seen.current}) else staged


def standing(world: World, run: Run) -> Contents:
    """What may stand in the run's secret now."""
    if world.secrets[run.place] is None:
        return NOTHING
    return run.seen.contents[run.place] or frozenset([FOREIGN])


def _naming(journal: Journal, run: Run, now: Contents) -> Journal:
    return journal.containing(run.place, now | {run.token})


def _ahead(world: World, run: Run) -> Journal:
    journal = run.seen._replace(staged=run.token)
    for place, value in enumerate(world.secrets):  # what is gone holds nothing
        if value is None and run.token in journal.contents[place]:
            journal = journal.containing(place, NOTHING)
    return _naming(journal, run, standing(world, run))


def _current(_: World, run: Run) -> Journal:
    old = run.seen.containing(run.place, frozenset([run.token]))
    former = [old.current] if old.current else []
    superseded = tuple(one for one in (*old.superseded, *former) if one != run.token)
    return Journal(current=run.token, superseded=superseded, contents=old.contents)


def _unused(_: World, run: Run) -> Journal:
    """A token that must not be used is to be revoked, unless it is the one that is in use."""
    old, staged = run.seen, run.seen.staged
    written = run.resumed and not run.token.stranger
    kept = old if written or staged is None or staged in _known(old) else old.without(staged)
    return kept._replace(staged=None, superseded=_superseding(old))


def _known(journal: Journal) -> tuple[Token | None, ...]:
    return (journal.current, *journal.superseded)


def _superseding(journal: Journal) -> tuple[Token, ...]:
    """The superseded tokens and the staged one, unless it is in use or one of them."""
    staged = journal.staged
    new = () if staged is None or staged in _known(journal) else (staged,)
    return (*journal.superseded, *new)


def _abandoned(_: World, run: Run) -> Journal:
    """The staged token is to be revoked; it may stand where something foreign stood."""
    old = _given_up(run.seen)
    return Journal(current=old.current, superseded=_superseding(old), contents=old.contents)


def _marked(_: World, run: Run) -> Journal:
    old = run.seen
    return Journal(
        current=old.current,
        superseded=_superseding(old),
        contents=old.contents,
        deprovisioning=True,
    )


CHANGES: Mapping[str, Callable[[World, Run], Journal]] = {
    "write link": lambda _, run: run.seen._replace(application=run.token.application, attempts=0),
    "write attempt": lambda _, run: run.seen._replace(attempts=min(MANY, run.seen.attempts + 1)),
    "write staged": _staged,
    "write unused": _unused,
    "write ahead": _ahead,
    "write current": _current,
    "write forgotten": lambda _, run: run.seen.without(run.old)._replace(
        superseded=tuple(one for one in run.seen.superseded if one != run.old)
    ),
    "write claim": lambda _, run: run.seen,
    "write abandoned": _abandoned,
    "write mark": _marked,
}
STEPS: Mapping[str, Step] = {
    **dict.fromkeys(CHANGES, write),
    "write staged": stage,
    "write ahead": write_ahead,
    "write current": tell_and_write,
    "write abandoned": tell_and_write,
    "write mark": tell_and_write,
    "read": read,
    "look": look,
    "register": register,
    "use own": use_own,
    "exchange": exchange,
    "verify": verify,
    "write secret": write_secret,
    "revoke": revoke,
    "take back": take_back,
    "clean": clean,
    "revoke all": revoke_all,
    "delete secrets": delete_secrets,
    "delete journal": delete_journal,
}


def ours(tokens: frozenset[Token]) -> frozenset[Token]:
    """Those of the applications that the tool registered."""
    return frozenset(token for token in tokens if token.application != OWN)


CHECKED = (I1, I2, I3, I7, I8)
"""The invariants that `violations` tells of."""


def violations(world: World) -> set[Invariant]:
    """Which invariants do not hold."""
    journal = world.journal
    stored = {one for one in world.secrets if isinstance(one, Token)}
    held = {*stored, *journal.tokens, *(run.token for run in world.runs)}
    # The one window: a run ended right after the exchange, and the journal or a person knows it.
    spoken_of = world.told | ({journal.application} if journal.attempts else set())
    in_window = {token for token in world.lost if token.application in spoken_of}
    hold = (
        stored <= world.live | world.offboarded,
        journal.current not in journal.superseded,
        ours(world.live) <= held | in_window,
        not world.damage,
        not any(token.stranger for token in stored),
    )
    return {one for one, holds in zip(CHECKED, hold, strict=True) if not holds}


def _put(world: World, place: int, token: Token) -> World:
    secrets = tuple(token if n == place else one for n, one in enumerate(world.secrets))
    return world._replace(secrets=secrets)


def _delete(world: World, place: int) -> World:
    """Delete a secret: something foreign must not go, nor what is in use unless the bot is."""
    value, journal = world.secrets[place], world.journal
    in_use = journal.current is not None and value == journal.current
    if value == FOREIGN or (in_use and not journal.deprovisioning):
        world = world._replace(damage=str(value))
    secrets = tuple(None if n == place else one for n, one in enumerate(world.secrets))
    return world._replace(secrets=secrets)


def _noted(after: World, before: World, run: Run) -> World:
    """Note an act in the window: right after a look, a read or a write, and yet another run wrote
    in between.
    """
    looked = run.previous.startswith(("look", "read", "write")) or run.steps[0] == "write staged"
    if after.stale or before.journal == run.seen or not looked:
        return after
    return after._replace(stale=run.steps[0])
