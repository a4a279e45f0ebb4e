"""nektos/act, which runs the example workflows whole: another runner, written by others.

It is not GitHub: it prints in another way, knows neither `environment` nor `concurrency`, and takes
secrets and variables from files. Nothing may be fetched: actions come from folders, and images from
the engine.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from provisioner.sandbox import Run
from tests.e2e.command import REPOSITORY
from tests.e2e.engine import Engine
from tests.e2e.workflow import ROOT, Event, Workflow, example
from tests.servers import GitHub
from tests.support.leaks import forms

PATIENCE = 240.0
ACT = Path(sys.executable).with_name("act")
# What of the action's folder is used; act would send the builder all that is there, like .venv.
PARTS = ("action.yml", "Dockerfile", "LICENSE", "pyproject.toml", "provisioner", "requirements")
# GitHub has this since May 2026, act not yet. It starts one run at a time here.
QUEUE = "  queue: max\n"
OUTPUT = re.compile(r"::set-output:: ([\w-]+)=(.*)")


def understood(name: str, account: str) -> Workflow:
    """An example workflow in which its user has named the bot, less what act can't read."""
    text = example(name, account)
    assert text.count(QUEUE) == 1
    return Workflow(text.replace(QUEUE, ""), name)


@dataclass(frozen=True)
class Log:
    """How a run ended, and what was printed."""

    code: int
    text: str
    number: int
    """GITHUB_RUN_ID."""

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of its steps; a later one replaces an earlier one of its name."""
        return dict(OUTPUT.findall(self.text))


class Act:
    """Runs workflows for an empty repository, in `folder`; `image` is what their jobs run in."""

    def __init__(self, folder: Path, engine: Engine, image: str, github: GitHub) -> None:
        self.github = github
        self.logs: list[Log] = []
        self.known: set[str] = set()
        """What was secret in any run."""
        self._folder = folder
        self._engine = engine
        self._image = image
        self._numbers = count(1)
        self._actions: dict[str, Path] = {}
        self._repository = folder / "repository"
        self._repository.mkdir()
        author = ("-c", "user.name=octocat", "-c", "user.email=octocat@example.org")
        for command in ("init", "--quiet"), ("commit", "--quiet", "--allow-empty", "--message=one"):
            subprocess.run(["git", *author, *command], cwd=self._repository, check=True)

    def add_workflow(self, workflow: Workflow) -> None:
        path = self._repository / workflow.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(workflow.text, "utf-8")

    def add_action(self, uses: str) -> Path:
        """A folder that stands for an action, by what a workflow calls it."""
        self._actions[uses] = self._folder / f"action-{len(self._actions)}"
        self._actions[uses].mkdir()
        return self._actions[uses]

    def add_our_action(self, uses: str) -> None:
        folder = self.add_action(uses)
        unwanted = shutil.ignore_patterns("__pycache__")
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=unwanted)
            else:
                shutil.copy(ROOT / part, folder)

    def run(self, workflow: Workflow, event: Event, run: Run | None = None) -> Log:
        """Run a workflow with the secrets of now, or those of a run that was queued before."""
        number = next(self._numbers)
        queued = run or self.github.queue(REPOSITORY)
        self.known |= set(queued.secrets.values())
        done = subprocess.run(
            [ACT, *self._arguments(number, workflow, event, queued)],
            cwd=self._repository,
            env=self._engine.environment | {"HOME": str(self._folder)},  # it would read ~/.actrc
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        self.logs.append(Log(done.returncode, done.stdout, number))
        return self.logs[-1]

    def _arguments(self, number: int, workflow: Workflow, event: Event, run: Run) -> list[str]:
        folder = self._folder / f"run-{number}"
        folder.mkdir()
        values = {
            "--eventpath": json.dumps(dict(event.payload)),
            "--secret-file": _assigned(run.secrets),
            "--var-file": _assigned(run.variables),
        }
        for name, text in values.items():
            (folder / name).touch(0o600)
            (folder / name).write_text(text, "utf-8")
        environment = {
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": 1,
            "GITHUB_RUN_ID": number,
        }
        return [
            event.name,
            *(f"{name}={folder / name}" for name in values),
            *(f"--env={name}={value}" for name, value in environment.items()),
            *(f"--local-repository={uses}={path}" for uses, path in self._actions.items()),
            f"--workflows={workflow.path}",
            f"--platform=ubuntu-latest={self._image}",
            f"--action-cache-path={self._folder / 'cache'}",
            "--pull=false",
            # Our action is built once: by the legacy builder, which is the only one that act has.
            f"--rebuild={str(not self.logs).lower()}",
            "--rm",
            "--no-cache-server",
            "--container-daemon-socket=-",
        ]

    def leaks(self, *more: str) -> list[str]:
        """The lines of the logs in which a secret stands, plain or in another form."""
        secrets = (self.known | set(more)) - {""}
        leaked = {form for secret in secrets for form in forms(secret)}
        lines = (line for log in self.logs for line in log.text.splitlines())
        return [line for line in lines if any(form in line for form in leaked)]


def _assigned(values: Mapping[str, str]) -> str:
    """An .env file; nothing is special between single quotes."""
    assert not any("'" in value for value in values.values())
    return "".join(f"{name}='{value}'\n" for name, value in values.items())
