"""Strikes one run with many faults, each in a world of its own, and plays nothing twice.

A run knows of the servers what `Http.send` returns, and nothing else. So one run goes through. At
each of its requests, each fault strikes a copy of the world, which tells what comes of the request.

- A run that is killed there has no rest.
- Where a request came to the same before, in a world that differs by nothing but names and
  seconds, the rest is the same (`Rest.follows`). It is played once.
- Every other run is made again: with the answers that are known, up to the struck request, and with
  the copy as its world from there on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from provisioner.answer import Answer
from provisioner.commands.authorization import LOOK_IS_OLD
from provisioner.http import Http
from provisioner.report import ProvisionerError
from provisioner.secret import Secret
from tests.invariants.faults.recovery import Recovery, ending_of
from tests.invariants.faults.scenarios import Command
from tests.invariants.tally import Played
from tests.invariants.witness import Ending
from tests.support.wire import Fault, Killed
from tests.support.world import World

Hit = tuple[str, int]
"""A fault by its name, and the first request that it strikes, counted from 0."""
BUDGET = "x-ratelimit-"
"""How GitHub counts requests: no run makes as many as it allows."""


@dataclass
class Sent:
    """What a run sent, and what came of it."""

    method: str
    url: str
    value: str
    """Of the variable that it writes, if it does."""
    outcome: Answer | ProvisionerError | Killed
    asked: int
    """How many requests the run had made then, those among them that repeated it."""
    time: float
    waited: float
    """Seconds, until it was sent for the last time."""
    known: set[Secret]
    state: str
    """All that the rest of the run depends on, but for seconds."""

    def result(self) -> Answer:
        """Raises what was raised."""
        if isinstance(self.outcome, Answer):
            return self.outcome
        raise self.outcome


class Struck(NamedTuple):
    """A request that a fault struck in a copy, and the copy after it."""

    sent: Sent
    recovery: Recovery
    lasts: bool
    """Whether the fault strikes later requests too."""


class Rest(NamedTuple):
    """How a run went on after a request."""

    sent: Sent
    asked: tuple[str, ...]
    """What it asked then."""
    ended: float
    played: Played
    """What came of it, the runs after it included."""
    lasts: bool = False
    """Whether a fault went on striking."""

    def follows(self, struck: Struck, began: float) -> bool:
        """Whether it follows a struck request too, in a run that `began` then, and came so far.

        A fault that goes on must find nothing to strike. And a look at the journal counts as old
        after some seconds: what comes later is the same where no run lasts that long, or where both
        waited that long for this very request.
        """
        waited, other = self.sent.waited, struck.sent.waited
        lasted = self.ended - began
        in_time = waited == other or max(lasted, lasted + other - waited) <= LOOK_IS_OLD
        in_time = in_time or min(waited, other) > LOOK_IS_OLD
        return in_time and not (self.asked and (self.lasts or struck.lasts))


class Trials:
    """One run that goes through, and what faults do to its requests."""

    def __init__(
        self,
        recovery: Recovery,
        command: Command,
        faults: Mapping[Hit, Fault],
        besides: Sequence[Fault],
    ) -> None:
        """Make the run with what strikes it `besides` each of the faults."""
        self.recovery, self.command = recovery, command
        self.before = recovery.world.copied()
        self.sent: dict[int, Sent] = {}
        """What the run sent, by the number of the request."""
        self.struck: dict[Hit, Struck] = {}
        self._faults = faults
        recovery.world.client = partial(_TryingHttp, self)
        self.following = recovery.runs(command, besides)
        """What is to be run after the one that goes through."""
        recovery.world.client = Http

    def try_all(self, http: Http, method: str, url: str, options: dict[str, Any]) -> Sent:
        """Send a request in copies, each with a fault, and then without."""
        at = len(self.recovery.witness.record.asked)
        for hit, fault in self._faults.items():
            if fault.first != at:
                continue
            copy = self.recovery.copied()
            world = copy.world
            again = Http(world.sleep, world.clock, transport=world.network, known={*http.known})
            strikes = Fault(fault.kind, times=fault.times, of_server=fault.of_server)
            world.wire.faults.append(strikes)
            sent = _send(copy, at, again, method, url, options)
            lasts = fault.times > 1
            if not lasts:
                world.wire.faults.remove(strikes)
            self.struck[hit] = Struck(sent, copy, lasts)
        self.sent[at] = _send(self.recovery, at, http, method, url, options)
        return self.sent[at]

    def resume(self, hit: Hit) -> Ending | Exception:
        """Make the run again, in the struck copy's world from after that request on."""
        at, struck = self._faults[hit].first, self.struck[hit]
        world = self.before.copied(self.before.instance, self.before.github)
        known = [sent for n, sent in self.sent.items() if n < at]
        world.client = partial(_ResumingHttp, [*known, struck.sent], world, struck.recovery.world)
        codes = iter(self.recovery.world.codes[len(world.codes) :])
        vars(world)["approve"] = lambda *_: next(codes)
        return ending_of(self.command, world)


class _TryingHttp(Http):
    """Sends each request of the run that goes through; before that, in copies, with faults."""

    def __init__(self, trials: Trials, **options: Any) -> None:
        super().__init__(**options)
        self._trials = trials

    def send(self, method: str, url: str, **options: Any) -> Answer:
        return self._trials.try_all(self, method, url, options).result()


class _ResumingHttp(Http):
    """Returns what is known of a run's requests, and sends the others in another world."""

    def __init__(self, known: Iterable[Sent], world: World, then: World, **options: Any) -> None:
        super().__init__(**options)
        self._known_requests, self._world, self._then = [*known], world, then
        self._values: dict[str, str] = {}
        """What the known run wrote into variables, and what this one does: seals are random."""

    def send(self, method: str, url: str, **options: Any) -> Answer:
        if not self._known_requests:
            return super().send(method, url, **options)
        sent = self._known_requests.pop(0)
        assert (sent.method, sent.url) == (method, url)
        if sent.value:
            self._values[sent.value] = _value(options)
        self._world.time = sent.time
        self.known |= sent.known
        if not self._known_requests:
            self._then.reword(self._values)
            self._world.becomes(self._then)
            self.transport = self._then.network
        answer = sent.result()
        body = answer.body
        for known, value in self._values.items():
            body = body.replace(known.encode(), value.encode())
        return replace(answer, body=body)


def _send(
    recovery: Recovery, at: int, http: Http, method: str, url: str, options: dict[str, Any]
) -> Sent:
    outcome: Answer | ProvisionerError | Killed
    since = recovery.world.time
    try:
        outcome = Http.send(http, method, url, **options)
    except (ProvisionerError, Killed) as error:
        outcome = error
    state = _state(recovery, at, outcome)
    asked, now = len(recovery.witness.record.asked), recovery.world.time
    value, known = _value(options), {*http.known}
    return Sent(method, url, value, outcome, asked, now, now - since, known, state)


def _value(options: dict[str, Any]) -> str:
    return str((options.get("body") or {}).get("value", ""))


def _state(recovery: Recovery, at: int, outcome: Answer | ProvisionerError | Killed) -> str:
    """All that the rest of a run depends on after a request; and its witness, too."""
    world, record = recovery.world, recovery.witness.record
    came: object = type(outcome), vars(outcome)
    if isinstance(outcome, Answer):
        headers = [pair for pair in outcome.headers.items() if BUDGET not in pair[0]]
        known = sorted(secret.reveal() for secret in outcome.secrets)
        came = outcome.status, headers, outcome.body, known
    seen = sorted(set(record.asked)), sorted(record.seen_alive)
    here = world.repository.variables, world.drawn, world.late
    return recovery.likeness(at, came, seen, here)
