"""A step of a workflow: the action, with an environment and files as the runner gives them."""

import base64
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs

import yaml

from provisioner.sandbox import Request, Response
from tests.action.commands import Record, lines_of
from tests.program.program import PATIENCE, ROOT, Stream, environment, run
from tests.servers import Sandbox
from tests.servers.github_description import CheckingObserver, Description
from tests.support.site import REPOSITORY, Site

TOKEN, KEY, JOURNAL = "MASTODON_ACCESS_TOKEN", "MASTODON_JOURNAL_KEY", "MASTODON_JOURNAL"
HANDED_KEY = base64.b64encode(bytes(range(32))).decode()
"""A journal's key that a person made."""
WORKFLOW = ".github/workflows/credentials.yml"
PAGE = f"https://github.com/{REPOSITORY}/actions/workflows/credentials.yml"
ACTION = (sys.executable, "-m", "provisioner", "action")
RERUN = {"GITHUB_RUN_ATTEMPT": "2"}
MASK = "::add-mask::"
WRITTEN = "→ "
"""Before a request that changes something, among the lines of a log; its status ends the line."""
FOLDERS = ("file_commands", "home", "workflow", "workspace")
"""What a container sees in /github."""
FILES = ("path", "env", "step_summary", "state", "output")
INPUTS = {
    name: given.get("default", "").replace("${{ github.repository }}", REPOSITORY)
    for name, given in yaml.safe_load((ROOT / "action.yml").read_text())["inputs"].items()
}
"""What the runner hands in where a workflow says nothing: it knows the inputs by action.yml."""


@dataclass(frozen=True)
class Start:
    """A step that is about to run: its environment, and a folder as the container's /github."""

    folder: Path
    event: str
    env: Mapping[str, str] = field(repr=False)
    files: Mapping[str, Path]
    """The runner's command files."""
    secrets: Sequence[str] = field(repr=False)
    """What is handed in and secret, in the order of the inputs; then the code."""


def start(
    folder: Path,
    event: str,
    inputs: object,
    given: Mapping[str, str],
    variables: Mapping[str, str],
) -> Start:
    """Prepare a step in a folder.

    `inputs` are those of the dispatch, `given` is what the workflow hands in under `with:`,
    `variables` what the runner sets besides.
    """
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    files = {name: folder / "file_commands" / name for name in FILES}
    payload = folder / "workflow" / "event.json"
    payload.write_text(json.dumps({"inputs": inputs, "ref": "refs/heads/main"}))
    with_ = {**INPUTS, **given}
    env = {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(payload),
        "GITHUB_OUTPUT": str(files["output"]),
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_STEP_SUMMARY": str(files["step_summary"]),
        "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/{WORKFLOW}@refs/heads/main",
        **{f"INPUT_{name.upper()}": text for name, text in with_.items()},
        **variables,
    }
    secrets = [with_[name] for name in ("github-token", "journal-key", "client-secret")]
    secrets += [inputs.get("code", "")] if isinstance(inputs, dict) else []
    return Start(folder, event, env, files, list(filter(None, secrets)))


@dataclass
class Ended:
    """How a step ended, and what the runner makes of what it left behind."""

    start: Start
    code: int
    log: str = field(repr=False)
    """Its standard output, in which nothing is masked yet."""
    said: str
    """Its standard error."""
    writes: Sequence[tuple[int, str]] = ()
    """The requests that changed something: how much of the log was there, and the request."""

    def __post_init__(self) -> None:
        self.lines = lines_of(self.log)

    @cached_property
    def record(self) -> Record:
        record = Record()
        record.receive(self.lines)
        record.read(self.start.files)
        return record

    @property
    def lines_and_writes(self) -> list[str]:
        """The log, and among its lines the requests that changed something, in their order."""
        told, read = [], 0
        for position, request in self.writes:
            told += [*lines_of(self.log[read:position]), WRITTEN + request]
            read = position
        return told + lines_of(self.log[read:])

    @property
    def errors(self) -> list[str]:
        return [text.title for text in self.record.annotations if text.kind == "error"]

    @property
    def outputs(self) -> dict[str, str]:
        return self.record.outputs

    @property
    def status(self) -> str:
        """The status among the outputs; where there is none, the error's code."""
        return self.outputs.get("status") or self.errors[0]

    @property
    def summary(self) -> str:
        """The summary as it was written, in which nothing is masked yet."""
        file = self.start.files["step_summary"]
        return file.read_text() if file.exists() else ""

    @property
    def shown(self) -> str:
        """All that it wrote anywhere, but for the masks."""
        log = (line for line in self.lines if not line.startswith(MASK))
        files = (path.read_text() for path in self.start.files.values() if path.exists())
        return "\n".join([*log, self.said, *files])


Launcher = Callable[[Start], tuple[Sequence[str], Mapping[str, str]]]
"""The program for a step, and its environment."""


def by(*program: str) -> Launcher:
    return lambda start: (program, environment(start.env))


class Workflow(Site):
    """A site, and a workflow whose runs happen in this process.

    Where `key` is empty the action makes the journal's key itself, and each run is handed what is
    stored. `launcher` has all runs be programs of their own.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, key: str) -> None:
        super().__init__(sandbox)
        self.key = key
        self.launcher: Launcher | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.runs: list[Ended] = []
        self.requests: list[str] = []
        self.checked = CheckingObserver(Description.load())
        self._folder, self._numbers = folder, itertools.count(1)
        self._writes: list[tuple[int, str]] = []
        self._log: Callable[[], str] = str
        self.github.observers += [self.checked, self._note]
        self.instance.observers.append(self._note)

    def start(
        self,
        event: str = "workflow_dispatch",
        inputs: object = None,
        given: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Start:
        """Prepare a step, with what `start` has of it."""
        own = {"account": self.account, "github-token": self.token}
        own["journal-key"] = self.key or self.stored(KEY)
        runner = {"GITHUB_API_URL": self.github.api_url, **(variables or {})}
        folder = self._folder / str(next(self._numbers))
        return start(folder, event, inputs, {**own, **(given or {})}, runner)

    def run(
        self,
        event: str = "workflow_dispatch",
        inputs: object = None,
        given: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Ended:
        start = self.start(event, inputs, given, variables)
        if self.launcher:
            return self.launch(start, self.launcher)
        log = Stream()
        self._log, self._writes = lambda: log.text, []
        done = run("action", env=start.env, output=log)
        return self._ended(start, done.code, done.output, done.progress)

    def launch(self, start: Start, launcher: Launcher) -> Ended:
        """Run the step as a program of its own."""
        program, env = launcher(start)
        log, said = start.folder / "log", start.folder / "said"
        self._log, self._writes = log.read_text, []
        with log.open("wb") as out, said.open("wb") as err:
            self.process = subprocess.Popen(
                program, env=env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
            try:
                code = self.process.wait(PATIENCE)
            finally:
                self.process.kill()
        return self._ended(start, code, log.read_text(), said.read_text())

    def _ended(self, start: Start, code: int, log: str, said: str) -> Ended:
        self.runs.append(Ended(start, code, log, said, self._writes))
        self._log, self._writes = str, []  # what is asked from now on is no request of this run
        return self.runs[-1]

    def _note(self, request: Request, response: Response) -> None:
        """Remember a request, and how much of the log was written before it."""
        asked = f"{request.method} {request.path}"
        self.requests.append(asked)
        if request.method != "GET":
            self._writes.append((len(self._log()), f"{asked} {response.status}"))
        if request.path == "/oauth/token":
            self.verifiers += parse_qs(request.body.decode()).get("code_verifier", [])

    # The states of a journal.

    def begin(self, who: str = "mybot", **inputs: str) -> str:
        return self.approve(self.run(inputs=inputs).outputs["authorize-url"], who)

    def provision(self, **inputs: str) -> Ended:
        return self.run(inputs={"code": self.begin(**inputs)})

    def stop_half_way(self) -> None:
        """Begin, approve, and complete until the token is staged: GitHub's rate limit ends it."""
        code, writes = self.begin(), itertools.count(1)

        def observe(request: Request, _response: Response) -> None:
            if request.method == "PATCH" and next(writes) == 2:
                self.github.limited_until = time.time() + 1800

        self.github.observers.append(observe)
        assert self.run(inputs={"code": code}).code == 3
        self.github.observers.remove(observe)
        self.github.limited_until = 0

    @contextmanager
    def cutting(self, asked: str, cut: Callable[[], object]) -> Iterator[None]:
        """Cut the step that is launched at this request, which takes effect and is not answered."""

        def observe(request: Request, _response: Response) -> None:
            if f"{request.method} {request.path}" == asked:
                assert self.process is not None
                cut()
                self.process.wait(PATIENCE)

        for application in (self.instance, self.github):
            application.observers.append(observe)
        yield
        for application in (self.instance, self.github):
            application.observers.remove(observe)


@contextmanager
def served(folder: Path, key: str = HANDED_KEY) -> Iterator[Workflow]:
    with Sandbox() as sandbox:
        yield Workflow(sandbox, folder, key)
