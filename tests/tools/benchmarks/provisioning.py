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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from tests.servers import Sandbox
from tests.support.person import Person
from tests.tools.benchmarks.slow_link import Asked, SlowLink

TOOLS = ("Provisioner", "Mastodon.py + gh")
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
class Servers:
    """The sandbox with its links, a token for GitHub, and a folder for files."""

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


@dataclass(frozen=True)
class Run:
    """What one measured step took and asked."""

    seconds: float
    requests: list[Asked]

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


class Provisioner:
    """`python -m provisioner complete`, with the code in `--code=`."""

    program: tuple[str, ...] = (str(OUR_BIN / "python"), "-m", "provisioner")

    def __init__(self, servers: Servers, repository: str) -> None:
        self.repository = repository
        self._account = servers.sandbox.instance.address(USER)
        self._environment = servers.environment | {
            "GITHUB_API_URL": servers.github.origin,
            "GITHUB_REPOSITORY": repository,
            "MASTODON_JOURNAL_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        }

    def begin(self) -> str:
        """Register an application; the link that the person opens."""
        answer: dict[str, str] = json.loads(self._run("begin", "--json"))
        return answer["authorize-url"]

    def setup(self, browser: str) -> None:
        """Do all of it, with this program for a browser."""
        self._environment["BROWSER"] = browser
        self._run("setup", "--json")

    def complete(self, code: str) -> None:
        """Exchange the code, and store the token."""
        self._run("complete", f"--code={code}")

    def _run(self, verb: str, *options: str) -> str:
        command = [*self.program, verb, "--account", self._account, *options]
        return run_program(command, self._environment)


class MastodonPyAndGh:
    """The script of that name beside this file.

    gh speaks plain HTTP to `github.localhost` only, the address of GitHub's own developers; the
    link is its proxy, and passes everything on to the sandbox.
    """

    def __init__(self, servers: Servers, repository: str) -> None:
        self.repository = repository
        self._origin, self._file = servers.instance.origin, str(servers.folder / "application")
        self._environment = servers.environment | {
            "GH_HOST": "github.localhost",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_TELEMETRY": "false",
            "HTTP_PROXY": servers.github.origin,
            "NO_PROXY": "127.0.0.1",
        }

    def begin(self) -> str:
        return self._run("begin", self._origin, self._file).strip()

    def complete(self, code: str) -> None:
        self._run("complete", self._file, code, self.repository)

    def _run(self, *arguments: str) -> str:
        return run_program([str(THEIR_BIN / "python"), SCRIPT, *arguments], self._environment)


@contextmanager
def served() -> Iterator[Servers]:
    """Serve the sandbox behind fast links, until the context ends."""
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
        yield Servers(sandbox, instance, github, sandbox.github.add_token(), Path(folder))


def measure_all(servers: Servers, rounds: int) -> Runs:
    """Run both tools in turn, each round for new repositories: to provision, and to rotate."""
    runs: Runs = defaultdict(list)
    for number in range(rounds):
        for latency in LATENCIES:
            for tool in TOOLS:
                make = Provisioner if tool == TOOLS[0] else MastodonPyAndGh
                job = make(servers, f"bots/{make.__name__}-{number}-{latency}")
                servers.sandbox.github.add_repository(job.repository)
                for kind in KINDS:
                    link, begun = timed(servers, latency, job.begin)
                    with Person(USER, PASSWORD) as person:
                        code = person.approve(link)
                    _, completed = timed(servers, latency, partial(job.complete, code))
                    require_done(servers, job.repository)
                    runs[tool, "begin", kind, latency].append(begun)
                    runs[tool, "complete", kind, latency].append(completed)
    return runs


def seconds_of_setup(servers: Servers, name: str) -> float:
    """Seconds from the command `setup` to its end, at the lower latency, less the person's.

    The link is approved as soon as the browser is opened, so that a person takes no time.
    """
    servers.sandbox.github.add_repository(name)
    opened = servers.folder / "opened"
    opened.unlink(missing_ok=True)
    os.mkfifo(opened)
    browser = servers.folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    job = Provisioner(servers, name)

    def approve() -> None:
        link = opened.read_text().strip()
        asked = dict(parse_qsl(urlsplit(link).query))
        brought = {"code": servers.sandbox.instance.approve(link, USER), "state": asked["state"]}
        back = f"{asked['redirect_uri']}?{urlencode(brought)}"
        httpx.get(back, follow_redirects=True, trust_env=False, timeout=PATIENCE)

    with ThreadPoolExecutor(1) as person:
        approval = person.submit(approve)
        _, run = timed(servers, LATENCIES[0], partial(job.setup, str(browser)))
        approval.result()
    require_done(servers, name)
    return run.seconds


def timed(servers: Servers, latency: float, step: Callable[[], T]) -> tuple[T, Run]:
    """What a step returns, and what it took over links that slow."""
    links = (servers.instance, servers.github)
    for link in links:
        link.counted()
        link.latency = latency
    started = time.perf_counter()
    result = step()
    seconds = time.perf_counter() - started
    for link in links:
        link.latency = 0.0
    return result, Run(seconds, [asked for link in links for asked in link.counted()])


def require_done(servers: Servers, name: str) -> None:
    """The repository holds the newest token, alive, and the instance's address."""
    instance, repository = servers.sandbox.instance, servers.sandbox.github.repository(name)
    stored = repository.open_secret("MASTODON_ACCESS_TOKEN")
    assert stored == instance.tokens[-1].token
    assert instance.is_live(stored)
    assert repository.variables["MASTODON_BASE_URL"] == servers.instance.origin


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
