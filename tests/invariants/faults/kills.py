"""Real processes over real sockets, killed or interrupted by the sandbox during a request.

What runs again afterwards does so in this process: it is the same code, and starts at once.
"""

import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from typing import Literal
from urllib.parse import urlsplit

from provisioner.errors import StoppedError
from provisioner.report import Exit
from provisioner.sandbox import Request, Response, serve
from provisioner.sandbox.web import Handler
from tests.invariants import I5
from tests.invariants.faults.faults import Killed, Record
from tests.invariants.faults.matrix import Tally
from tests.invariants.faults.owner import Owner
from tests.invariants.faults.scenarios import AT_ONCE, FIRST, Command, Scenario
from tests.invariants.faults.witness import Ending, Witness
from tests.program.program import PATIENCE, ROOT, WITHOUT_TIMEOUTS, environment
from tests.servers.github_description import Description
from tests.support.world import NAME, World

KILLED = (FIRST, AT_ONCE)
AT_A_TIME = 2
"""Programs: most of the time goes by while one starts."""

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


@dataclass(frozen=True)
class Ran:
    """How a program ended, and what it printed."""

    code: int
    shown: str


@dataclass
class Sockets:
    """Both servers of a world on sockets, where a program's requests arrive."""

    world: World
    kill: Kill | None
    record: Record = field(default_factory=Record)
    process: subprocess.Popen[str] | None = None

    def handler(self, application: Handler) -> Handler:
        """Record each request, and send the signal to who asked at the one that was named."""

        def handle(request: Request) -> Response:
            self.world.time = time.time()  # a program has the machine's clock
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

    def run(self, command: Command) -> Ran:
        """Run a program of its own; how it ended: by a signal or by itself, not by a timeout."""
        options = {"account": self.world.account, "repository": NAME, **command.raw}
        options |= {"code": command.code} if command.code else {}
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        more = {
            "GITHUB_API_URL": self.world.api,
            "GH_TOKEN": self.world.token,
            "MASTODON_JOURNAL_KEY": self.world.key,
        }
        self.process = subprocess.Popen(
            [*WITHOUT_TIMEOUTS, command.verb, *words],
            env=environment(more),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        shown, _ = self.process.communicate(timeout=PATIENCE)
        return Ran(self.process.returncode, shown)

    def _kill(self, *, answered: bool) -> None:
        assert self.process is not None
        assert self.kill is not None
        self.process.send_signal(self.kill.signal)
        if not answered:
            self.process.wait(PATIENCE)


@contextmanager
def on_sockets(kill: Kill | None) -> Iterator[Sockets]:
    """A new world on sockets of its own."""
    world = World(Description.load())
    world.time = time.time()
    sockets = Sockets(world, kill)
    with (
        serve(sockets.handler(world.instance)) as instance,
        serve(sockets.handler(world.github)) as github,
    ):
        world.instance.origin, world.github.api_url, world.api = (
            instance.origin,
            github.origin,
            github.origin,
        )
        world.account = world.instance.address("mybot")
        handlers = {instance.origin: world.instance, github.origin: world.github}
        world.wire.hosts = {urlsplit(origin).netloc: one for origin, one in handlers.items()}
        yield sockets


@cache
def requests(scenario: Scenario) -> list[str]:
    """The requests of a program that nobody kills."""
    with on_sockets(None) as sockets:
        command = scenario.prepare(sockets.world)
        assert sockets.run(command).code == 0
        return sockets.record.asked


def kills(asked: Sequence[str]) -> Iterator[Kill]:
    """SIGKILL before each of these requests, and after each that may change something."""
    for at, ask in enumerate(asked):
        yield Kill(at)
        if "GET" not in ask:
            yield Kill(at, "after")


def interruptions(asked: Sequence[str], *, every: bool = False) -> Iterator[Kill]:
    """SIGINT and SIGTERM at each request, unanswered and together with the answer; or in turn."""
    for at in range(len(asked)):
        four = [Kill(at, moment, number) for moment in TAKEN for number in (SIGINT, SIGTERM)]
        yield from four if every else four[at % 4 :][:1]


def killed(scenario: Scenario, kill: Kill) -> Tally:
    """Send a program the signal, and run again what it ran, as often as it takes."""
    with on_sockets(kill) as sockets:
        command = scenario.prepare(sockets.world)
        witness = Witness(sockets.world)
        owner = Owner(sockets.world, witness, scenario)
        sockets.record = witness.begins(command)
        ran = sockets.run(command)
        sockets.world.shown.append(ran.shown)
        witness.found += _wrong(kill, ran)
        owner.goes_on(owner.ends(command, kill.ending))
    where = f"{scenario}: {kill.signal.name} {kill.moment} {kill.at} ({owner.asked[0][-1]})"
    violations = [f"{where}: {violation}" for violation in witness.found]
    return Tally(1, len(witness.orphans), len(owner.asked), violations)


def _wrong(kill: Kill, ran: Ran) -> Iterator[str]:
    """What is not as it should be in how a program took a signal."""
    if "Traceback" in ran.shown:
        yield "a traceback was shown"
    if kill.signal == SIGKILL:
        if ran.code != -SIGKILL:
            yield f"it was not killed: {ran.code}"
        return
    if ran.code != 128 + kill.signal:
        yield f"{I5}: it was interrupted, and ended with {ran.code}"
    if "Run the command again" not in " ".join(ran.shown.split()):
        yield f"{I5}: it was interrupted, and does not say what to do"


def kill_everywhere(scenario: Scenario, signals: Iterable[Kill]) -> Tally:
    """With each of these signals, a few at a time."""
    whole = Tally()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for tally in pool.map(lambda kill: killed(scenario, kill), signals):
            whole.plays += tally.plays
            whole.orphans += tally.orphans
            whole.most_runs = max(whole.most_runs, tally.most_runs)
            whole.violations += tally.violations
    return whole
