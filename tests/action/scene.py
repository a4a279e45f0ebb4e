"""A bot at mastodon.social, played as a workflow's runs: for what a person reads in the summaries.

Instance and GitHub are the sandbox's; the wire replaces only the sockets, so that they bear the
names that people know. Nothing is left to chance: the same runs give the same summaries.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from provisioner.action import Runner, Step
from provisioner.commands.run import Prompts, perform
from provisioner.commands.session import Session
from provisioner.errors import ProvisionerError
from provisioner.github.client import GitHub as GitHubClient
from provisioner.http import Http
from provisioner.parsing import parse_login
from provisioner.sandbox import Request, Response
from tests.servers import GitHub, make
from tests.support.gather import in_order
from tests.support.person import Person
from tests.support.world import Wire

HOST = "mastodon.social"
ACCOUNT = f"mybot@{HOST}"
REPOSITORY = "octocat/mybot"
WORKFLOW = ".github/workflows/credentials.yml"
PAGE = f"https://github.com/{REPOSITORY}/actions/workflows/credentials.yml"
API = "https://api.github.com"
START = 1_800_000_000.0
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@dataclass
class Scene:
    """One bot and its repository; time passes when it is told to."""

    folder: Path
    time: float = START
    link: str = ""
    """The one that was shown last."""
    _numbers: dict[int, "count[int]"] = field(default_factory=dict)
    _runs: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        """Set the scene."""
        self.instance = make(origin=f"https://{HOST}", clock=self.clock, random=self.random)
        self.instance.add_account("mybot", "password")
        self.instance.add_account("alice", "password")
        self.github = GitHub(API, clock=self.clock, random=self.random)
        self.repository = self.github.add_repository(REPOSITORY)
        self.wire = Wire({HOST: self.instance, "api.github.com": self.github})
        self.token = self.github.add_token()

    def run(
        self,
        inputs: object = None,
        event: str = "workflow_dispatch",
        *,
        attempt: str = "1",
        **given: str,
    ) -> str:
        """A run of the workflow: its summary. `given` stands under `with:`, with _ for -."""
        number = next(self._runs)
        payload, summary, output = (
            self.folder / f"{name}-{number}" for name in ("event", "summary", "output")
        )
        payload.write_text(json.dumps({"inputs": inputs}))
        with_ = {"account": ACCOUNT, "github_token": self.token, "journal_key": KEY, **given}
        env = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(payload),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": attempt,
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/{WORKFLOW}@refs/heads/main",
            **{f"INPUT_{name.upper().replace('_', '-')}": text for name, text in with_.items()},
        }
        step = Step(Runner(env, io.StringIO()))
        try:
            self._perform(step)
        except ProvisionerError as error:
            step.error(error)
        return summary.read_text()

    def begin(self, **inputs: str) -> str:
        """Begin: the summary."""
        return self.run(inputs)

    def approve(self, who: str = "mybot") -> str:
        """Somebody opens the link, signs in and presses Authorize: the code."""
        with Person(who, "password", transport=Wire({HOST: self.instance})) as person:
            return person.approve(self.link)

    def complete(self, who: str = "mybot") -> str:
        """Approve, and complete: the summary."""
        return self.run({"code": self.approve(who)})

    def provision(self) -> None:
        """Begin, approve and complete."""
        self.begin()
        self.complete()

    def check(self, **given: str) -> str:
        """What the weekly schedule does: the summary."""
        return self.run(event="schedule", **given)

    def answers(self, path: str, answer: Callable[[Request, Response], Response]) -> None:
        """From now on the instance's answers at this path are replaced."""

        def handler(request: Request) -> Response:
            given = self.instance(request)
            return answer(request, given) if request.path == path else given

        self.wire.hosts[HOST] = handler

    def clock(self) -> float:
        """Epoch seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds

    def random(self, size: int) -> bytes:
        """Bytes of which none look alike, the same in each scene."""
        number = next(self._numbers.setdefault(size, count(1)))
        return pow(0x9E3779B97F4A7C15F39CC0605CEDC835, number + size, 1 << 8 * size).to_bytes(size)

    def _perform(self, step: Step) -> None:
        config = step.config(step.command())
        prompts = Prompts(lambda: config.code, lambda _instance: parse_login("", ""))
        with Http(sleep=self.sleep, clock=self.clock, transport=self.wire) as http:
            github = GitHubClient(http, API, config.github_token)
            session = Session(config, http, github, step, self.clock, self.random, in_order)
            report = perform(session, prompts)
        self.link = report.outputs.get("authorize-url", self.link)
        step.report(report)
