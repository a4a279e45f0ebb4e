"""`begin` and `complete` over slow links: `provisioner`, and Mastodon.py with gh.

Each runs as programs of its own against the sandbox's instance and GitHub, a slow link in front of
each. A step is measured from the start of a fresh process to its end, at two latencies: what one
more second of latency adds to the wall time is the number of round trips that follow one another,
connections included, however many requests overlap.
"""

import base64
import json
import os
import secrets
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

from tests.servers import Sandbox
from tests.support.person import Person
from tests.tools.benchmarks.slow_link import Asked, SlowLink

NAMES = ("Provisioner", "Mastodon.py + gh")
ROOT = Path(__file__).parents[3]
# Each has what it needs alone: httpx, for one, imports trio and rich where they are there.
OUR_BIN, THEIR_BIN = (ROOT / ".cache" / name / "bin" for name in ("runtime", "benchmarks"))
LATENCIES = (0.1, 0.3)
"""Seconds for each connection and each answer."""
KINDS = ("first", "rotation")
STEPS = ("begin", "complete")
SCRIPT = "tests/tools/benchmarks/mastodon_py_and_gh.py"
PATIENCE = 60
USER, PASSWORD = "bot", "bot-password"
T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The stand-ins with their links, a token for GitHub, and a folder for files."""

    sandbox: Sandbox
    instance: SlowLink
    github: SlowLink
    token: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What every program finds in its environment: a home of its own, and gh."""
        path = os.pathsep.join((str(THEIR_BIN), os.environ.get("PATH", "")))
        return {"HOME": str(self.folder), "LANG": "C.UTF-8", "PATH": path, "GH_TOKEN": self.token}

    @contextmanager
    def slow(self, latency: float) -> Iterator[None]:
        """Slow links, and a fresh count of what goes over them."""
        for link in (self.instance, self.github):
            link.counted()
            link.latency = latency
        yield
        for link in (self.instance, self.github):
            link.latency = 0.0


@dataclass(frozen=True)
class Run:
    """What one measured step took and asked."""

    seconds: float
    instance: list[list[Asked]]
    github: list[list[Asked]]

    @property
    def requests(self) -> list[Asked]:
        """What was asked of either host, over any connection."""
        return [asked for connection in (*self.instance, *self.github) for asked in connection]

    @property
    def writes(self) -> int:
        """How many requests may change something."""
        return sum(asked.method != "GET" for asked in self.requests)

    @property
    def journal_writes(self) -> int:
        """How many of them write the journal."""
        return sum(asked.writes_variable("MASTODON_JOURNAL") for asked in self.requests)


Runs = dict[tuple[str, str, str, float], list[Run]]
"""By the tool's name, the step, the kind and the latency."""


class Job(Protocol):
    """A way to get a token into a repository's secrets."""

    @property
    def repository(self) -> str:
        """The repository."""

    def begin(self) -> str:
        """Register an application; the link that the person opens."""

    def complete(self, code: str) -> None:
        """Exchange the code, and store the token."""


@dataclass(frozen=True)
class Provisioner:
    """`python -m provisioner complete`, with the code in `--code=`."""

    world: World
    repository: str
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode())
    program: tuple[str, ...] = (str(OUR_BIN / "python"), "-m", "provisioner")

    def begin(self) -> str:
        answer: dict[str, str] = json.loads(self._run("begin", "--json"))
        return answer["authorize-url"]

    def complete(self, code: str) -> None:
        self._run("complete", f"--code={code}")

    def _run(self, verb: str, *options: str) -> str:
        whose = ("--account", self.world.sandbox.instance.address(USER))
        environment = self.world.environment | {
            "GITHUB_API_URL": self.world.github.origin,
            "GITHUB_REPOSITORY": self.repository,
            "MASTODON_JOURNAL_KEY": self.key,
        }
        return run_program([*self.program, verb, *whose, *options], environment)


@dataclass(frozen=True)
class MastodonPyAndGh:
    """The script of that name beside this file.

    gh speaks plain HTTP to `github.localhost` only, the address of GitHub's own developers; the
    link is its proxy, and passes everything on to the sandbox.
    """

    world: World
    repository: str

    def begin(self) -> str:
        return self._run("begin", self.world.instance.origin, self._file).strip()

    def complete(self, code: str) -> None:
        self._run("complete", self._file, code, self.repository)

    @property
    def _file(self) -> str:
        return str(self.world.folder / "application")

    def _run(self, *arguments: str) -> str:
        environment = self.world.environment | {
            "GH_HOST": "github.localhost",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_TELEMETRY": "false",
            "HTTP_PROXY": self.world.github.origin,
            "NO_PROXY": "127.0.0.1",
        }
        return run_program([str(THEIR_BIN / "python"), SCRIPT, *arguments], environment)


@contextmanager
def set_stage() -> Iterator[World]:
    """Serve the stand-ins behind fast links, until the context ends."""
    with (
        Sandbox() as sandbox,
        SlowLink(sandbox.instance.origin) as instance,
        SlowLink(sandbox.github.api_url) as github,
        TemporaryDirectory() as folder,
    ):
        sandbox.instance.registration_limit = None
        sandbox.instance.origin = instance.origin
        sandbox.github.api_url = github.origin
        sandbox.instance.add_account(USER, PASSWORD, bot=True)
        yield World(sandbox, instance, github, sandbox.github.add_token(), Path(folder))


def measure_all(world: World, rounds: int) -> Runs:
    """Run both jobs in turn, each round for new repositories: to provision, and to rotate."""
    runs: Runs = defaultdict(list)
    for number in range(rounds):
        for latency in LATENCIES:
            for name, job_of in zip(NAMES, (Provisioner, MastodonPyAndGh), strict=True):
                job: Job = job_of(world, f"bots/{job_of.__name__}-{number}-{latency}")
                world.sandbox.github.add_repository(job.repository)
                for kind in KINDS:
                    begin, complete = measure(world, job, latency)
                    runs[name, "begin", kind, latency].append(begin)
                    runs[name, "complete", kind, latency].append(complete)
    return runs


def measure(world: World, job: Job, latency: float) -> tuple[Run, Run]:
    """Have the job begun, approved and completed; see that it really was done."""
    link, begin = timed(world, latency, job.begin)
    with Person(USER, PASSWORD) as person:
        code = person.approve(link)
    _, complete = timed(world, latency, lambda: job.complete(code))
    require_done(world, job)
    return begin, complete


def timed(world: World, latency: float, step: Callable[[], T]) -> tuple[T, Run]:
    """What a step returns, and what it took."""
    with world.slow(latency):
        started = time.perf_counter()
        result = step()
        seconds = time.perf_counter() - started
    return result, Run(seconds, world.instance.counted(), world.github.counted())


def require_done(world: World, job: Job) -> None:
    """The repository holds the newest token, alive, and the instance's address."""
    instance, repository = world.sandbox.instance, world.sandbox.github.repository(job.repository)
    stored = repository.open_secret("MASTODON_ACCESS_TOKEN")
    assert stored == instance.tokens[-1].token
    assert instance.is_live(stored)
    assert repository.variables["MASTODON_BASE_URL"] == world.instance.origin


def run_program(command: list[str], environment: dict[str, str]) -> str:
    """Run a program; its standard output. Fails if it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout
