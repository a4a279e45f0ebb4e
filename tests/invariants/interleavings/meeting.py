"""Every way in which two runs can take turns, with up to two changes between them; and its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count

from provisioner.report import ProvisionerError
from tests.invariants import I5, I6, I7, I8
from tests.invariants.interleavings.pairs import Pair, Runs
from tests.invariants.interleavings.turns import (
    ALL,
    CREATED,
    EXCHANGE,
    STAGED,
    WRITTEN,
    Run,
    Turns,
    commutes,
)
from tests.invariants.tally import Tally
from tests.invariants.witness import (
    DEAD,
    EQUAL,
    JOURNAL,
    KEY_LOST,
    SHOWN,
    UNKNOWN,
    has_journal,
    known_tokens,
    remembered,
    unknown_tokens,
    without_names,
)
from tests.support.leaks import plaintext
from tests.support.world import World

ENDLESS = f"{I5}: no number of runs finishes it"
SPENT, GONE = f"{I6}: a code was spent before the attempt was written", f"{I7}: the secret is gone"
FOREIGN = f"{I8}: another account's token is stored"
DAY = 86400
SAMPLED = 6
"""Of how many interleavings one is played in a sample."""
MOST_RUNS = 8
"""That a person makes afterwards; more, and it has not converged."""


@dataclass
class Played:
    """One run made `i` requests, the other `j`; then the one its rest, and then the other."""

    world: World
    turns: Turns
    one: list[str]
    """What it asked for."""
    other: list[str]
    i: int
    j: int

    @property
    def alike(self) -> Iterator[tuple[int, int]]:
        """The next places that make no difference: what would change its order commutes."""
        for i, act in enumerate(self.one[self.i :], self.i + 1):
            if not commutes(act, self.other[: self.j]):
                break
            yield i, self.j
        for j, act in enumerate(self.other[self.j :], self.j + 1):
            if not commutes(act, self.one[self.i :]):
                break
            yield self.i, j

    @property
    def where(self) -> str:
        """The requests around the places at which the runs changed."""
        return f"{self.one[max(self.i - 1, 0) : self.i + 1]} {self.other[self.j - 1 :][:2]}"


def meet(pair: Pair, every: int = 1) -> Tally:
    """Let the two meet everywhere, or at one of `every` so many places."""
    world, tally = World(in_workflow=True), Tally()
    runs = pair.prepare(world)
    keeps_secret = bool(world.stored()) and not pair.deletes
    endings: dict[str, set[str]] = {}
    violations: set[str] = set()
    for played in interleavings(world, runs, every):
        tally.tried += 1
        if played is None:
            continue
        tally.played += 1
        violated = at_the_end(played, offboards=pair.offboards, keeps_secret=keeps_secret)
        ending = shape(played.world)
        if ending not in endings:
            endings[ending] = afterwards(played.world)
        violated = (violated | endings[ending]) - pair.anyway
        if played.turns.stale - {STAGED}:
            tally.in_window += 1
            tally.lost.update(violated & pair.window)
            violated -= pair.window
        violated |= played.turns.long_stale
        violations |= {f"{pair}: {what}: {played.where}" for what in violated}
    tally.violations = sorted(violations)
    return tally


def interleavings(world: World, runs: Runs, every: int = 1) -> Iterator[Played | None]:
    """One run up to a place, the other up to a place, the one to its end, the other to its end.

    A place is before any request, or the end. None stands for one that is like one played before.
    Where that takes too long, one of `every` so many is played, and the others are left out.
    """
    turn = count()
    for pair in (runs, runs[::-1]):
        places = len(play(world, pair, ALL, ALL).one)
        known: dict[tuple[int, int], int] = {}
        for i in range(places + 1):
            for j in count(1):
                if (i, j) in known:
                    yield None
                elif next(turn) % every:
                    continue
                else:
                    played = play(world, pair, i, j)
                    known |= dict.fromkeys([(i, j), *played.alike], len(played.other))
                    yield played
                if known[i, j] <= j:  # it had ended before the one went on
                    break


def play(world: World, runs: Runs, i: int, j: int) -> Played:
    """A copy of the world, in which both runs begin, take these turns, and end."""
    world = world.copied()
    world.network = turns = Turns(world)
    one, other = (Run(partial(do, world)) for do in runs)
    for run, requests in ((one, i), (other, j), (one, ALL), (other, ALL)):
        run.advance(requests)
    return Played(world, turns, one.asked, other.asked, i, j)


def at_the_end(played: Played, *, offboards: bool, keeps_secret: bool) -> set[str]:
    """What is wrong now that both runs have ended."""
    world, journal, stored = played.world, remembered(played.world), played.world.stored()
    known = known_tokens(journal)
    link = journal.pending.application.client_id if journal and journal.pending else ""
    owners = {token.token: token.account for token in world.instance.tokens}
    dead = bool(stored) and not world.instance.is_live(stored)
    holds = {
        DEAD: not dead and (offboards or not played.turns.dead),
        EQUAL: len(set(known)) == len(known),
        # A lost token of the pending link comes back when that is approved again.
        UNKNOWN: all(one.application.client_id == link for one in unknown_tokens(world, journal)),
        KEY_LOST: journal is not None or not has_journal(world),
        SPENT: all(map(_attempt_first, (played.one, played.other))),
        GONE: bool(stored) or not keeps_secret,
        FOREIGN: not stored or owners[stored] is world.instance.accounts[0],
    }
    return {what for what, held in holds.items() if not held}


def _attempt_first(asked: list[str]) -> bool:
    """Whether a code was sent once at the most, and right after the journal was written."""
    sent = [n for n, act in enumerate(asked) if act == EXCHANGE]
    return len(sent) <= 1 and all(asked[n - 1] in {CREATED, WRITTEN} for n in sent)


def afterwards(world: World) -> set[str]:
    """A person goes on, as the messages say; what is wrong when all is done."""
    world.network = world.wire
    wrong = {SHOWN} if world.leaks() else set()
    if not any(_run(world) for _ in range(MOST_RUNS)):
        return wrong | {ENDLESS}
    stored = world.stored()
    ours = [one for one in world.living() if one.application.client_id not in world.by_hand]
    return wrong | {UNKNOWN for token in ours if token.token != stored}


def _run(world: World) -> bool:
    """One more run, or what else a message asks for; whether a check then finds all well."""
    try:
        match next_of(world):
            case "begin":
                world.complete(world.approve(world.link()), grace="0")
            case "complete":
                world.complete("", grace="0")
            case "deprovision":
                world.deprovision()
            case "delete the journal":
                world.delete("variables", JOURNAL)
            case _:
                world.time += DAY
                world.check()
                return True
    except ProvisionerError:
        pass
    return False


def next_of(world: World) -> str:
    """What a person is told to do next."""
    if not has_journal(world):
        return "begin"
    journal, stored = remembered(world), world.stored()
    if journal is None:
        return "delete the journal"
    if journal.deprovisioning:
        return "deprovision"
    if journal.pending:
        return "complete" if journal.pending.staged else "begin"
    current = journal.current.token.reveal() if journal.current else ""
    return "check" if current == stored and world.instance.is_live(stored) else "begin"


def shape(world: World) -> str:
    """The world but for names and times: what follows is the same in all worlds of one shape."""
    repository, journal = world.repository, remembered(world)
    there = (JOURNAL in repository.variables, has_journal(world), sorted(repository.secrets))
    return without_names(repr((plaintext(journal), there, world.stored(), world.live())))
