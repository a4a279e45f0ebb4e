"""Plays faults at the requests of one run, and plays nothing twice.

A run knows of the servers what `Http.send` returns, and nothing else. So one run goes through, and
each fault strikes copies of the world as it was before a request:

- Where two faults end in the same answer, at the same second, from worlds that differ by nothing
  but names, the rest of the run is the same, and is played once.
- A run that is killed has no rest.
- Every other run is made again. It gets the answers that are known, up to the struck request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from provisioner.answer import Answer
from provisioner.http import Http
from provisioner.report import ProvisionerError
from provisioner.secret import Secret
from tests.invariants.faults.recovery import Recovery, ending_of
from tests.invariants.faults.scenarios import Command
from tests.invariants.witness import Ending
from tests.support.wire import Fault, FaultKind, Killed
from tests.support.world import START, World

Hit = tuple[str, int]
"""A fault by its name, and the one request that it strikes, counted from 0."""
COUNT = "x-ratelimit-remaining"
"""Counts requests: no run makes as many as GitHub allows."""


@dataclass
class Sent:
    """What a run sent, what came of it, and everything as it was before."""

    before: Recovery
    method: str
    url: str
    value: str
    """Of the variable that it writes, if it does."""
    outcome: Answer | ProvisionerError
    time: float
    """When that came."""
    known: set[Secret]


@dataclass
class Trials:
    """One run that goes through, and what faults do to it."""

    recovery: Recovery
    kinds: Mapping[Hit, FaultKind]
    """What to try."""
    killed: dict[Hit, Recovery] = field(default_factory=dict)
    """Where the run was killed."""
    answered: dict[Hit, tuple[str, Recovery]] = field(default_factory=dict)
    """Where the struck request was answered in the end: all that the rest depends on."""
    sent: dict[int, Sent] = field(default_factory=dict)
    """By the number of the request."""

    def resume(
        self, command: Command, world: World, fault: Fault
    ) -> tuple[Recovery, Ending | Exception]:
        """Make the run again from the request on that is struck, and how it ends.

        `world` is a copy of the one before the run.
        """
        http: list[_ResumingHttp] = []

        def client(**options: Any) -> Http:
            http.append(_ResumingHttp(self, world, fault, **options))
            return http[0]

        world.client = client
        codes = iter(self.sent[fault.first].before.world.codes[len(world.codes) :])
        vars(world)["approve"] = lambda *_: next(codes)
        ending = ending_of(command, world)
        return http[0].recovery, ending


class TryingHttp(Http):
    """Sends each request of the run that goes through; before that, in copies, with faults."""

    def __init__(self, trials: Trials, **options: Any) -> None:
        super().__init__(**options)
        self.trials = trials

    def send(self, method: str, url: str, **options: Any) -> Answer:
        trials, recovery = self.trials, self.trials.recovery
        asked = recovery.witness.record.asked
        at, before = len(asked), recovery.copied()
        for hit, kind in trials.kinds.items():
            if hit[1] == at:
                self._try(hit, kind, method, url, options)
        outcome: Answer | ProvisionerError
        try:
            outcome = super().send(method, url, **options)
        except ProvisionerError as error:
            outcome = error
        value, now = _value(options), recovery.world.time
        trials.sent[at] = Sent(before, method, url, value, outcome, now, {*self.known})
        if isinstance(outcome, ProvisionerError):
            raise outcome
        return outcome

    def _try(
        self, hit: Hit, kind: FaultKind, method: str, url: str, options: dict[str, Any]
    ) -> None:
        copy, fault = self.trials.recovery.copied(), Fault(kind)
        world = copy.world
        http = Http(world.sleep, world.clock, self.waiting, world.network, known={*self.known})
        world.wire.faults.append(fault)
        try:
            answer = http.send(method, url, **options)
        except Killed:
            self.trials.killed[hit] = copy
        except ProvisionerError:
            pass  # what the run makes of it is to be played
        else:
            world.wire.faults.remove(fault)
            self.trials.answered[hit] = _state(copy, hit[1], answer), copy


class _ResumingHttp(Http):
    """Returns what is known of a run's requests, and sends those from the struck one on."""

    def __init__(self, trials: Trials, world: World, fault: Fault, **options: Any) -> None:
        super().__init__(**options)
        self.recovery = trials.sent[fault.first].before
        self._world, self._fault = world, fault
        self._known = [sent for at, sent in trials.sent.items() if at < fault.first]
        self._values: dict[str, str] = {}
        """What the known run wrote into variables, and what this one does: seals are random."""

    def send(self, method: str, url: str, **options: Any) -> Answer:
        if self._known:
            sent = self._known.pop(0)
            assert (sent.method, sent.url) == (method, url)
            if sent.value:
                self._values[sent.value] = _value(options)
            self._world.time = sent.time
            self.known |= sent.known
            if isinstance(sent.outcome, ProvisionerError):
                raise sent.outcome
            body = sent.outcome.body
            for known, value in self._values.items():
                body = body.replace(known.encode(), value.encode())
            return replace(sent.outcome, body=body)
        if self._fault not in self._world.wire.faults:
            self.recovery = self.recovery.restored(self._world)
            self._world.reword(self._values)
            self._world.wire.faults.append(self._fault)
            self._fault.first = 0
            self.transport = self._world.network
        return super().send(method, url, **options)


def _value(options: dict[str, Any]) -> str:
    return str((options.get("body") or {}).get("value", ""))


def _state(recovery: Recovery, at: int, answer: Answer) -> str:
    """All that the rest of a run depends on after that request; and its witness, too."""
    world, record = recovery.world, recovery.witness.record
    headers = [pair for pair in answer.headers.items() if pair[0] != COUNT]
    known = sorted(secret.reveal() for secret in answer.secrets)
    came = at, answer.status, headers, answer.body, known
    seen = sorted(set(record.asked)), sorted(record.seen_alive)
    here = world.time - START, world.repository.variables, world.drawn, world.late
    return recovery.likeness(came, seen, here)
