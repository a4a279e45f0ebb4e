"""A repository whose owner has copied the example workflow, and all that its runs have shown."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from provisioner.sandbox import GitHub, Run, serve
from tests.contract.github_description import Description, checking_observer
from tests.e2e.browser import Browser
from tests.e2e.command import REPOSITORY
from tests.e2e.engine import Engine
from tests.e2e.instance import Account, Instance
from tests.e2e.runner import Job, Result, Runner, Running
from tests.e2e.wire import Wire, forward
from tests.e2e.workflow import Action, Event, Workflow, example
from tests.leaks import forms

TOKEN = "MASTODON_ACCESS_TOKEN"
KEY = "MASTODON_JOURNAL_KEY"
JOURNAL = "MASTODON_JOURNAL"
GITHUB_TOKEN = "PROVISIONER_GITHUB_TOKEN"

# The secrets that a container is given, by the workflow or by the runner. In all that the engine
# tells of a container, a secret may stand nowhere else.
GIVEN = (
    "ACTIONS_RUNTIME_TOKEN=",
    "INPUT_CLIENT-SECRET=",
    "INPUT_GITHUB-TOKEN=",
    "INPUT_JOURNAL-KEY=",
)
QUIET = 0.2
"""In seconds: how late a line may come where the order of lines and requests is kept, on a machine
that has a processor for each who wants one."""


class Scene:
    """The servers, the person, and the runs so far.

    Both servers are behind a wire, by whose address the container knows them.
    """

    def __init__(
        self, engine: Engine, image: str, instance: Instance, browser: Browser, folder: Path
    ) -> None:
        """Nothing is served yet. `folder` is for the runners' files."""
        self.engine = engine
        self.image = image
        self.instance = instance
        self.browser = browser
        self.github = GitHub()
        self.checked = checking_observer(Description.load())
        self.github.observers.append(self.checked)
        self.to_github = Wire(self.github)
        self.to_instance = Wire(forward(instance.domain))
        self.tokens: list[str] = []
        """For GitHub."""
        self.exposed: set[str] = set()
        """What a test has shown on purpose."""
        self.runs: list[tuple[Runner, Running]] = []
        self._folder = folder
        self._numbers = count(1)
        self._stop = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Serve; of the repository's secrets, there is the token for GitHub alone."""
        self.instance.reset()
        with contextlib.ExitStack() as stack:
            self.github.api_url = stack.enter_context(serve(self.to_github)).origin
            self.origin = stack.enter_context(serve(self.to_instance)).origin
            self._stop = stack.pop_all()
        self.repository = self.github.add_repository(REPOSITORY)
        self.workflow = Workflow(example("credentials.yml", f"bot@{self.domain}"))
        self.set_token(self.github.add_token())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving."""
        self._stop.close()

    @property
    def domain(self) -> str:
        """What stands after the @ of the instance's accounts."""
        return self.origin.removeprefix("http://")

    @property
    def requests(self) -> list[str]:
        """Whatever was asked of either server."""
        return [*self.to_github.log, *self.to_instance.log]

    def set_token(self, token: str) -> None:
        """Store a token for GitHub as the workflow's secret."""
        self.tokens.append(token)
        self.repository.set_secret(GITHUB_TOKEN, token)

    def stored(self, name: str = TOKEN) -> str:
        """A secret as a run would see it that is queued now; "" where there is none."""
        return self.github.queue(REPOSITORY).secret(name)

    # Runs.

    def job(self, event: Event, run: Run | None = None, **env: str) -> Job:
        """Queue a run; its secrets are those of now, or else of an earlier run."""
        queued = run or self.github.queue(REPOSITORY)
        number = next(self._numbers)
        return Job(self.workflow, queued, event, self.github.api_url, env, number=number)

    def start(
        self, job: Job, files: Mapping[str, str] | None = None, *, debug: bool = False
    ) -> Running:
        """Start a job's step, with these files in its workspace."""
        runner = Runner(self._folder / str(len(self.runs)), job, self.engine, debug=debug)
        for name, text in (files or {}).items():
            (runner.workspace / name).write_text(text, "utf-8")
        self._note(runner.record.mark)
        running = runner.start(job.workflow.step, Action.load(), self.image)
        self.runs.append((runner, running))
        return running

    def run(
        self, job: Job, files: Mapping[str, str] | None = None, *, debug: bool = False
    ) -> Result:
        """Run a job to its end."""
        with self.start(job, files, debug=debug) as running:
            return running.wait()

    def dispatch(self, **inputs: str) -> Result:
        """Press *Run workflow*, and wait."""
        return self.run(self.job(self.workflow.dispatch(**inputs)))

    def check(self) -> Result:
        """Let a week pass."""
        return self.run(self.job(self.workflow.schedule()))

    def rerun(self, job: Job, *, debug: bool = False) -> Result:
        """Press *Re-run all jobs*: the same event, and the same secrets."""
        return self.run(replace(job, run=job.run.rerun()), debug=debug)

    # A person.

    def approve(self, begun: Result, account: Account | None = None) -> str:
        """Open the link, sign in and press Authorize: the code."""
        assert begun.record.outputs["status"] == "approval-pending", begun.log
        link = begun.record.outputs["authorize-url"]
        self._note(None)
        return self.browser.approve(link, account or self.instance.bot)

    def provision(self) -> Result:
        """Begin, approve, complete."""
        result = self.dispatch(code=self.approve(self.dispatch()))
        assert result.code == 0, result.log
        return result

    def keep_order(self) -> None:
        """Let each write wait: a line that was printed before it has arrived by then."""
        waiting = os.getloadavg()[0] / (os.cpu_count() or 1)  # lines come later where it is busy
        self.to_github.quiet = self.to_instance.quiet = QUIET * max(1.0, waiting)

    def _note(self, written: Callable[[str], None] | None) -> None:
        self.to_github.written = self.to_instance.written = written

    # What has been shown.

    def secrets(self) -> set[str]:
        """All that is secret here, and all that the action itself said is so."""
        known = {*self.instance.secrets(), *self.tokens}
        known |= {self.repository.open_secret(name) for name in self.repository.secrets}
        for runner, _ in self.runs:
            known |= runner.record.added_masks
        return known - self.exposed - {""}

    def shown(self) -> Iterator[tuple[str, str]]:
        """Where somebody could read, and what."""
        for number, (runner, running) in enumerate(self.runs, 1):
            record = runner.record
            engine = dict(running.inspected)
            engine["Config"] = dict(engine.get("Config", {}))
            env: list[str] = engine["Config"].pop("Env", [])
            texts = {
                "the log": record.log,
                "the output": [line.text for line in record.lines if not line.adds_mask],
                "an annotation": [f"{one.title}\n{one.message}" for one in record.annotations],
                "a command file": [json.dumps([record.outputs, record.env, record.state])],
                "the summary": [record.written_summary],
                "the engine's arguments": running.arguments,
                "what the engine tells": [json.dumps(engine)],
                "the environment": [one for one in env if not one.startswith(GIVEN)],
                "a file": [path.read_text("utf-8", "replace") for path in runner.left_behind()],
                "a variable": list(self.repository.variables.values()),
            }
            for where, what in texts.items():
                yield from ((f"{where} of run {number}", text) for text in what)

    def leaks(self) -> list[str]:
        """Where a secret stands, plain or in another form."""
        leaked = {form for secret in self.secrets() for form in forms(secret)}
        return [
            f"{where}: {text}" for where, text in self.shown() if any(f in text for f in leaked)
        ]
