"""Real processes over real sockets, killed by the sandbox in the middle of a request.

What runs again afterwards does so in this process: it is the same code, and starts at once.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from provisioner.sandbox import Request, Response, serve
from provisioner.sandbox.web import Handler
from tests.cli.program import PATIENCE, PROGRAM, ROOT, environment
from tests.contract.github_description import Description
from tests.faults.faults import Killed, Record
from tests.faults.invariants import Witness
from tests.faults.matrix import Tally
from tests.faults.owner import Owner
from tests.faults.scenarios import AT_ONCE, FIRST, Command, Scenario
from tests.stage import NAME, Stage

KILLED = (FIRST, AT_ONCE)
AT_A_TIME = 2
"""Programs: most of the time goes by while one starts."""


@dataclass(frozen=True)
class Kill:
    """When to kill: before a request is handled, or after, in place of the answer."""

    at: int
    after: bool = False


@dataclass
class Sockets:
    """Both servers of a stage on sockets, where a program's requests arrive."""

    stage: Stage
    kill: Kill | None
    record: Record = field(default_factory=Record)
    process: subprocess.Popen[bytes] | None = None

    def handler(self, application: Handler) -> Handler:
        """Record each request, and kill who asked at the one that was named."""

        def handle(request: Request) -> Response:
            self.stage.time = time.time()  # a program has the machine's clock
            self.record.asks(request.headers["Host"], request)
            number = len(self.record.asked) - 1
            if self.kill == Kill(number):
                self._kill()
                return Response(503)
            answer = application(request)
            if self.kill == Kill(number, after=True):
                self._kill()
            else:
                self.record.reads(request, answer.status)
            return answer

        return handle

    def run(self, command: Command) -> int:
        """Run a program of its own; its exit code."""
        options = {"account": self.stage.account, "repository": NAME, **command.raw}
        options |= {"code": command.code} if command.code else {}
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        more = {
            "GITHUB_API_URL": self.stage.api,
            "GH_TOKEN": self.stage.token,
            "MASTODON_JOURNAL_KEY": self.stage.key,
        }
        self.process = subprocess.Popen(
            [*PROGRAM, command.verb, *words],
            env=environment(more),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self.process.wait(PATIENCE)

    def _kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)


@contextmanager
def on_sockets(kill: Kill | None) -> Iterator[Sockets]:
    """A new stage on sockets of its own."""
    stage = Stage(Description.load())
    stage.time = time.time()
    sockets = Sockets(stage, kill)
    with (
        serve(sockets.handler(stage.instance)) as instance,
        serve(sockets.handler(stage.github)) as github,
    ):
        stage.instance.origin, stage.github.api_url, stage.api = (
            instance.origin,
            github.origin,
            github.origin,
        )
        stage.account = stage.instance.address("mybot")
        handlers = {instance.origin: stage.instance, github.origin: stage.github}
        stage.wire.hosts = {urlsplit(origin).netloc: one for origin, one in handlers.items()}
        yield sockets


def requests(scenario: Scenario) -> list[str]:
    """The requests of a program that nobody kills."""
    with on_sockets(None) as sockets:
        command = scenario.prepare(sockets.stage)
        assert sockets.run(command) == 0
        return sockets.record.asked


def kills(scenario: Scenario) -> list[Kill]:
    """Before each request, and after each that may change something."""
    asked = requests(scenario)
    before = [Kill(at) for at in range(len(asked))]
    return before + [Kill(at, after=True) for at, ask in enumerate(asked) if "GET" not in ask]


def killed(scenario: Scenario, kill: Kill) -> Tally:
    """Kill a program there, and run again what it ran, as often as it takes."""
    with on_sockets(kill) as sockets:
        command = scenario.prepare(sockets.stage)
        witness = Witness(sockets.stage, offboarding=False)
        owner = Owner(sockets.stage, witness, scenario)
        sockets.record = witness.begins(command)
        code = sockets.run(command)
        if code != -signal.SIGKILL:
            witness.found.append(f"it was not killed: {code}")
        owner.goes_on(owner.ends(command, Killed()))
    when = "after" if kill.after else "before"
    where = f"{scenario}: killed {when} request {kill.at} ({owner.asked[0][-1]})"
    violations = [f"{where}: {violation}" for violation in witness.found]
    return Tally(1, len(witness.orphans), len(owner.asked), violations)


def kill_everywhere(scenario: Scenario) -> Tally:
    """All of them, a few at a time."""
    whole = Tally()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for tally in pool.map(lambda kill: killed(scenario, kill), kills(scenario)):
            whole.plays += tally.plays
            whole.orphans += tally.orphans
            whole.most_runs = max(whole.most_runs, tally.most_runs)
            whole.violations += tally.violations
    return whole
