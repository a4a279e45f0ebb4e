"""Real processes over real sockets, killed or interrupted by the sandbox during a request.

What runs again afterwards does so in this process: it is the same code, and starts at once.
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing import connection, get_context
from multiprocessing.context import ForkServerProcess
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from tempfile import NamedTemporaryFile
from threading import Event
from typing import Literal

from provisioner import http
from provisioner.process import main
from provisioner.report import Exit, StoppedError
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import Handler
from tests.invariants import I5
from tests.invariants.faults.recovery import Recovery
from tests.invariants.faults.scenarios import AT_ONCE, FIRST, Command, Scenario
from tests.invariants.tally import Played, Tally
from tests.invariants.witness import Ending, Witness
from tests.program.program import PATIENCE, environment
from tests.support.wire import Killed, Record
from tests.support.world import NAME, World

KILLED = (FIRST, AT_ONCE)
AT_A_TIME = 2
"""Programs: much of the time goes by while one waits for the other side."""
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload([__name__, "provisioner.cli"])
"""Each program is a fork of a process that has imported it, and has no threads."""

Moment = Literal["before", "after", "with the answer"]
TAKEN: tuple[Moment, ...] = ("before", "with the answer")
"""When an interruption strikes: the program is there to take the answer."""


@dataclass(frozen=True)
class Kill:
    """Which signal, at which request: before it is handled, or after, in place of the answer or
    together with it.
    """

    at: int
    moment: Moment = "before"
    signal: Signals = SIGKILL

    @property
    def ending(self) -> Ending:
        """How the program ends."""
        kill = self.signal == SIGKILL
        return Killed() if kill else StoppedError(Exit(128 + self.signal))


@dataclass
class Sockets:
    """Both servers of a world on sockets, where a program's requests arrive."""

    world: World
    kill: Kill | None
    record: Record = field(default_factory=Record)
    process: ForkServerProcess | None = None
    started: Event = field(default_factory=Event)

    def handler(self, application: Handler) -> Handler:
        """Record each request, and send the signal to who asked at the one that was named."""

        def handle(request: Request) -> Response:
            # A program has the machine's clock. What a killed one still sent must not set it back.
            self.world.time = max(self.world.time, time.time())
            self.record.asks(request.headers["Host"], request)
            number = len(self.record.asked) - 1
            moment = self.kill.moment if self.kill and self.kill.at == number else None
            if moment == "before":
                self._kill(answered=False)
                return Response(503)
            answer = application(request)
            if moment:
                self._kill(answered=moment == "with the answer")
            else:
                self.record.reads(request, answer.status)
            return answer

        return handle

    def run(self, command: Command) -> tuple[int, str]:
        """Run a program of its own: its exit code, or minus the signal, and what it printed."""
        options = {"account": self.world.account, "repository": NAME, **command.raw}
        options |= {"code": command.code} if command.code else {}
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        more = {
            "GITHUB_API_URL": self.world.api,
            "GH_TOKEN": self.world.token,
            "MASTODON_JOURNAL_KEY": self.world.key,
        }
        with NamedTemporaryFile("w+") as shown:
            arguments = (["provisioner", command.verb, *words], environment(more), shown.name)
            self.process = FORKS.Process(target=program, args=arguments)
            self.process.start()
            self.started.set()
            self.process.join(PATIENCE)
            assert self.process.exitcode is not None
            shown.seek(0)
            return self.process.exitcode, shown.read()

    def _kill(self, *, answered: bool) -> None:
        self.started.wait(PATIENCE)
        assert self.kill
        assert self.process
        assert self.process.pid
        os.kill(self.process.pid, self.kill.signal)
        if not answered:
            connection.wait([self.process.sentinel], PATIENCE)


def program(arguments: list[str], environ: Mapping[str, str], shown: str) -> None:
    """What the process does: no server is too slow for it, so that no timeout ends a wait."""
    output = os.open(shown, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = arguments
    http.TIMEOUT = http.DEADLINE = 3600.0  # type: ignore[assignment]
    main()


@contextmanager
def on_sockets(kill: Kill | None) -> Iterator[Sockets]:
    """A new world on sockets of its own."""
    world = World()
    world.time = time.time()
    sockets = Sockets(world, kill)
    with world.served(sockets.handler):
        yield sockets


@cache
def requests(scenario: Scenario) -> list[str]:
    """The requests of a program that nobody kills."""
    with on_sockets(None) as sockets:
        command = scenario.prepare(sockets.world)
        assert sockets.run(command)[0] == 0
        return sockets.record.asked


def kills(asked: Sequence[str]) -> Iterator[Kill]:
    """SIGKILL before each of these requests, and after each that may change something."""
    for at, ask in enumerate(asked):
        yield Kill(at)
        if "GET" not in ask:
            yield Kill(at, "after")


def interruptions(asked: Sequence[str], *, every: bool) -> Iterator[Kill]:
    """SIGINT and SIGTERM at each request, unanswered and together with the answer; or in turn."""
    for at in range(len(asked)):
        four = [Kill(at, moment, number) for moment in TAKEN for number in (SIGINT, SIGTERM)]
        yield from four if every else four[at % 4 :][:1]


def killed(scenario: Scenario, kill: Kill) -> Played:
    """Send a program the signal, and run again what it ran, as often as it takes."""
    with on_sockets(kill) as sockets:
        command = scenario.prepare(sockets.world)
        witness = Witness(sockets.world)
        recovery = Recovery(sockets.world, witness, scenario)
        witness.begins(command)
        sockets.record = witness.record
        code, shown = sockets.run(command)
        sockets.world.shown.append(shown)
        witness.found += _wrong(kill, code, shown)
        recovery.goes_on(recovery.ends(command, kill.ending))
        witness.ends_for_good()
    return Played(tuple(recovery.asked), len(witness.orphans), tuple(witness.found))


def _wrong(kill: Kill, code: int, shown: str) -> Iterator[str]:
    """What is not as it should be in how a program took a signal."""
    if "Traceback" in shown:
        yield "a traceback was shown"
    if code != (-SIGKILL if kill.signal == SIGKILL else 128 + kill.signal):
        yield f"{I5}: it got {kill.signal.name}, and ended with {code}"
    if kill.signal != SIGKILL and "Run the command again" not in " ".join(shown.split()):
        yield f"{I5}: it was interrupted, and does not say what to do"


def kill_everywhere(scenario: Scenario, signals: Iterable[Kill]) -> Tally:
    """With each of these signals, a few at a time."""
    tally, some = Tally(len(requests(scenario))), list(signals)
    tally.tried = len(some)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for kill, played in zip(some, pool.map(partial(killed, scenario), some), strict=True):
            request = played.runs[0][-1]
            signal = f"{kill.signal.name} {kill.moment} {kill.at} ({request})"
            tally.add(f"{scenario}: {signal}", played)
    return tally
