"""From a code to a secret, over a slow link: `provisioner complete`, and Mastodon.py with gh.

Each job runs as programs of its own against the sandbox's instance and GitHub, a slow link in front
of each. Only what comes after the person has approved is measured, from the start of a fresh
process to its end; before it, the links are fast and nothing is counted. All requests of both jobs
follow one another, so the latencies on the critical path are one for each connection and one for
each request.
"""

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from provisioner.sandbox import Person, Sandbox
from tests.benchmarks.slow_link import Asked, SlowLink

NAMES = ("Provisioner", "Mastodon.py + gh")
ROOT = Path(__file__).parents[2]
ROUND_TRIP = 0.1
"""Seconds."""
PATIENCE = 60
USER, PASSWORD = "bot", "bot-password"


@dataclass(frozen=True)
class Stage:
    """The stand-ins with their links, a token for GitHub, and a folder for files."""

    sandbox: Sandbox
    instance: SlowLink
    github: SlowLink
    token: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What every program finds in its environment: a home of its own, this venv's programs."""
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
        return {"HOME": str(self.folder), "LANG": "C.UTF-8", "PATH": path, "GH_TOKEN": self.token}

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Slow links, and a fresh count of what goes over them."""
        for link in (self.instance, self.github):
            link.counted()
            link.round_trip = ROUND_TRIP
        yield
        for link in (self.instance, self.github):
            link.round_trip = 0.0


@dataclass(frozen=True)
class Run:
    """What one measured run took and asked."""

    seconds: float
    instance: list[list[Asked]]
    github: list[list[Asked]]

    @property
    def connections(self) -> list[list[Asked]]:
        """Both hosts'."""
        return [*self.instance, *self.github]

    @property
    def requests(self) -> list[Asked]:
        """Both hosts'."""
        return [asked for connection in self.connections for asked in connection]

    @property
    def latency(self) -> float:
        """Seconds on the critical path that are the links'."""
        return ROUND_TRIP * (len(self.connections) + len(self.requests))

    @property
    def repeated(self) -> int:
        """How many requests had been made before, to the letter."""
        return sum(times - 1 for times in Counter(self.requests).values())


class Job(Protocol):
    """A way to get a token into a repository's secrets."""

    @property
    def repository(self) -> str:
        """The repository."""

    def begin(self) -> str:
        """Prepare; the link that the person opens."""

    def complete(self, code: str) -> None:
        """Do the rest. This is what is measured."""


@dataclass(frozen=True)
class Provisioner:
    """`python -m provisioner complete`, with the code in `--code=`."""

    stage: Stage
    repository: str
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode())

    def begin(self) -> str:
        answer: dict[str, str] = json.loads(self._run("begin", "--json"))
        return answer["authorize-url"]

    def complete(self, code: str) -> None:
        self._run("complete", f"--code={code}")

    def _run(self, verb: str, *options: str) -> str:
        whose = ("--account", self.stage.sandbox.instance.address(USER))
        environment = self.stage.environment | {
            "GITHUB_API_URL": self.stage.github.origin,
            "GITHUB_REPOSITORY": self.repository,
            "MASTODON_JOURNAL_KEY": self.key,
        }
        return run_program(["-m", "provisioner", verb, *whose, *options], environment)


@dataclass(frozen=True)
class MastodonPyAndGh:
    """The script of that name beside this file.

    gh speaks plain HTTP to `github.localhost` only, the address of GitHub's own developers; the
    link is its proxy, and passes everything on to the sandbox.
    """

    stage: Stage
    repository: str

    def begin(self) -> str:
        return self._run("begin", self.stage.instance.origin, self._file).strip()

    def complete(self, code: str) -> None:
        self._run("complete", self._file, code, self.repository)

    @property
    def _file(self) -> str:
        return str(self.stage.folder / "application")

    def _run(self, *arguments: str) -> str:
        environment = self.stage.environment | {
            "GH_HOST": "github.localhost",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_TELEMETRY": "false",
            "HTTP_PROXY": self.stage.github.origin,
            "NO_PROXY": "127.0.0.1",
        }
        return run_program(["tests/benchmarks/mastodon_py_and_gh.py", *arguments], environment)


@contextmanager
def set_stage() -> Iterator[Stage]:
    """Serve the stand-ins behind fast links, until the context ends."""
    with (
        Sandbox(registration_limit=None) as sandbox,
        SlowLink(sandbox.instance.origin) as instance,
        SlowLink(sandbox.github.api_url) as github,
        TemporaryDirectory() as folder,
    ):
        sandbox.instance.origin = instance.origin
        sandbox.github.api_url = github.origin
        sandbox.instance.add_account(USER, PASSWORD, bot=True)
        yield Stage(sandbox, instance, github, sandbox.github.add_token(), Path(folder))


def measure_all(stage: Stage, rounds: int) -> dict[tuple[str, str], list[Run]]:
    """Run both jobs in turn, each round for a new repository, twice: to provision and to rotate.

    Keys are a job's name, and `first` or `rotation`.
    """
    runs: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for number in range(rounds):
        ours, theirs = f"bots/ours-{number}", f"bots/theirs-{number}"
        stage.sandbox.github.add_repository(ours)
        stage.sandbox.github.add_repository(theirs)
        jobs: tuple[Job, Job] = (Provisioner(stage, ours), MastodonPyAndGh(stage, theirs))
        for name, job in zip(NAMES, jobs, strict=True):
            runs[name, "first"].append(measure(stage, job))
            runs[name, "rotation"].append(measure(stage, job))
    return runs


def measure(stage: Stage, job: Job) -> Run:
    """Have the job begun and approved, measure the rest, and see that it really was done."""
    link = job.begin()
    with Person(USER, PASSWORD) as person:
        code = person.approve(link)
    with stage.slow():
        started = time.perf_counter()
        job.complete(code)
        seconds = time.perf_counter() - started
    require_done(stage, job)
    return Run(seconds, stage.instance.counted(), stage.github.counted())


def require_done(stage: Stage, job: Job) -> None:
    """The repository holds the newest token, alive, and the instance's address."""
    instance, repository = stage.sandbox.instance, stage.sandbox.github.repository(job.repository)
    stored = repository.open_secret("MASTODON_ACCESS_TOKEN")
    assert stored == instance.tokens[-1].token
    assert instance.is_live(stored)
    assert repository.variables["MASTODON_BASE_URL"] == stage.instance.origin


def run_program(arguments: list[str], environment: dict[str, str]) -> str:
    """Run Python with these arguments; its standard output. Fails if it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
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
