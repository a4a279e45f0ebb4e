"""Tries faults at one request, each in a copy of the world, while one run goes on.

A run knows of the servers what `Http.send` returns. Where a struck request is sent again and then
brings the same answer, from a world that differs by nothing but names and seconds, the rest of the
run is the same as without the fault. A killed run has no rest. So neither is played from its start.
"""

from collections.abc import Iterable
from typing import Any

from provisioner.answer import Answer
from provisioner.errors import ProvisionerError
from provisioner.http import Http
from tests.invariants.faults.recovery import Recovery
from tests.support.wire import Fault, FaultKind, Killed

Struck = tuple[FaultKind, int]
"""A fault, and the one request that it strikes, counted from 0."""
COUNT = "x-ratelimit-remaining"
"""Counts requests: no run makes as many as GitHub allows."""


class Trials:
    """What faults do at the requests of one run, each at one of them."""

    def __init__(self, recovery: Recovery, struck: Iterable[Struck]) -> None:
        self.recovery = recovery
        """Of the run that goes on."""
        self.killed: dict[Struck, Recovery] = {}
        """Where the run was killed."""
        self.rejoined: dict[Struck, tuple[Recovery, int]] = {}
        """Where it made no difference, and how many requests the run that goes on had made then."""
        self.kinds: dict[int, list[FaultKind]] = {}
        """What to try, by the request."""
        for kind, at in struck:
            self.kinds.setdefault(at, []).append(kind)

    def client(self, **options: Any) -> Http:
        """A client for the run that goes on."""
        return _TryingHttp(self, **options)


class _TryingHttp(Http):
    """Sends each request of a run; before that, in copies of the world, with faults."""

    def __init__(self, trials: Trials, **options: Any) -> None:
        super().__init__(**options)
        self.trials = trials

    def send(self, method: str, url: str, **options: Any) -> Answer:
        recovery, asked = self.trials.recovery, self.trials.recovery.witness.record.asked
        at = len(asked)
        tried: list[tuple[FaultKind, Recovery, Answer]] = []
        for kind in self.trials.kinds.get(at, ()):
            copy = recovery.copied()
            world = copy.world
            world.wire.faults.append(Fault(kind))
            http = Http(world.sleep, world.clock, self.waiting, world.network, known={*self.known})
            try:
                answer = http.send(method, url, **options)
            except Killed:
                self.trials.killed[kind, at] = copy
            except ProvisionerError:
                continue  # what the run makes of it is to be played
            else:
                world.wire.faults.pop()
                tried.append((kind, copy, answer))
        answer = super().send(method, url, **options)
        if tried:
            here = _state(recovery, answer)
            for kind, copy, answer_there in tried:
                if _state(copy, answer_there) == here:
                    self.trials.rejoined[kind, at] = copy, len(asked)
        return answer


def _state(recovery: Recovery, answer: Answer) -> str:
    """All that the rest of a run depends on, what its witness goes by included."""
    world, record = recovery.world, recovery.witness.record
    headers = [pair for pair in answer.headers.items() if pair[0] != COUNT]
    known = sorted(secret.reveal() for secret in answer.secrets)
    came = answer.status, headers, answer.body, known
    seen = sorted(set(record.asked)), sorted(record.seen_alive)
    return recovery.likeness(came, seen, world.repository.variables, world.drawn, world.late)
