"""A stand-in for GitHub's runner, for one step of one job: an action in a container.

Written from the runner's own source (actions/runner 2.336, C#; the comments name its files) and
from GitHub's documentation, never from the code of our action. Where the source leaves a choice to
the server, this takes the stricter one. What it does otherwise:

- The container has the host's network. GitHub gives it a network of its own, but here what stands
  in for GitHub and for Mastodon listens on the host's 127.0.0.1.
- The engine's socket is not mounted: GitHub's runner does that, and our action has no use for it.
- The image is there: GitHub's runner builds it before the job's first step, in a log of its own.
- Problem matchers, job containers, `GITHUB_ARTIFACTS` and the masks that GitHub sends as regular
  expressions are left out.
- Comparing text, .NET passes over characters without a width; this does not.
"""

import base64
import contextlib
import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from provisioner.sandbox import Run
from provisioner.sandbox.repositories import repository_body, user_body
from tests.e2e.commands import Record
from tests.e2e.engine import Engine, EngineError
from tests.e2e.masks import Masks
from tests.e2e.workflow import Action, Event, Step, Workflow, evaluate

PATIENCE = 60.0
USER = 1001
"""Whose process the runner is on GitHub's machines; its umask is 022."""
CANCELLED_BY = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5))
"""And how many seconds are waited for each (ProcessInvoker.cs); then the client is killed."""
SHA = "1f0e3dad99908345f7439f8ffabdffc4ec0b1e9a"

FILES = {
    "path": "add_path_",
    "env": "set_env_",
    "step_summary": "step_summary_",
    "state": "save_state_",
    "output": "set_output_",
}


@dataclass(frozen=True)
class Job:
    """A job as GitHub hands it to a runner.

    The run's secrets are those of the moment when it was queued. `env` is the workflow's and the
    job's, `steps` are the outputs of the steps before, `token` is the job's own GITHUB_TOKEN.
    """

    workflow: Workflow
    run: Run
    event: Event
    api_url: str
    env: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    token: str = field(default_factory=lambda: f"ghs_{secrets.token_hex(18)}", repr=False)
    number: int = 1

    def secret(self, name: str) -> str:
        """What `${{ secrets.NAME }}` becomes; the workflow's own token is always there."""
        return self.token if name.upper() == "GITHUB_TOKEN" else self.run.secret(name)

    @property
    def github(self) -> dict[str, str]:
        """The `github` context, as far as it becomes GITHUB_… variables (GitHubContext.cs)."""
        repository = self.run.repository
        owner = user_body(self.api_url, repository.owner)
        ref = {"ref": "refs/heads/main", "ref_name": "main", "ref_type": "branch"}
        return {
            "actor": "octocat",
            "actor_id": "583231",
            "api_url": self.api_url,
            "base_ref": "",
            "event_name": self.event.name,
            "graphql_url": f"{self.api_url}/graphql",
            "head_ref": "",
            "job": self.workflow.job,
            **ref,
            "ref_protected": "false",
            "repository": repository.full_name,
            "repository_id": str(repository.id),
            "repository_owner": repository.owner,
            "repository_owner_id": str(owner["id"]),
            "retention_days": "90",
            "run_attempt": str(self.run.attempt),
            "run_id": str(16_000_000_000 + self.number),
            "run_number": str(self.number),
            "server_url": "https://github.com",
            "sha": SHA,
            "triggering_actor": "octocat",
            "workflow": self.workflow.name,
            "workflow_ref": f"{repository.full_name}/{self.workflow.path}@refs/heads/main",
            "workflow_sha": SHA,
        }

    @property
    def payload(self) -> dict[str, Any]:
        """What stands in event.json."""
        repository = repository_body(self.api_url, self.run.repository)
        sender = user_body(self.api_url, "octocat")
        return {**self.event.payload, "repository": repository, "sender": sender}

    def masks(self) -> Masks:
        """What is masked from the start (Worker.InitializeSecretMasker, ExecutionContext.cs).

        The secrets are those that the workflow names: GitHub sends no others along.
        """
        masks = Masks()
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        for value in (*map(self.secret, self.workflow.secrets), self.token, basic):
            masks.add(value.strip())
        return masks


class Runner:
    """A fresh machine for one job, with its files in `folder`."""

    def __init__(self, folder: Path, job: Job, engine: Engine, *, debug: bool = False) -> None:
        """Lay out the folders."""
        self.job = job
        self.record = Record(job.masks(), debug)
        self.temp = folder / "work" / "_temp"
        self.parent = folder / "work" / job.run.repository.name
        self.workspace = self.parent / job.run.repository.name
        """Empty, as it is without actions/checkout; a test may put files there."""
        self._engine = engine
        self._home = self.temp / "_github_home"
        self._event = self.temp / "_github_workflow" / "event.json"
        self._commands = self.temp / "_runner_file_commands"
        for path in (self._home, self._event.parent, self._commands, self.workspace):
            path.mkdir(parents=True)
        self._event.write_text(json.dumps(job.payload), "utf-8")
        self._before: set[Path] = set()

    def start(self, step: Step, action: Action, image: str) -> "Running":
        """Print what the step is given, and start its container."""
        owner_and_name, _, ref = step.uses.partition("@")
        suffix = str(uuid.uuid4())
        files = {name: self._commands / f"{prefix}{suffix}" for name, prefix in FILES.items()}
        for file in files.values():
            file.touch(0o644)
        self._give_to_user()
        self._before = set(self.temp.parent.rglob("*"))
        # A step without an id gets a name that begins with two underscores.
        name = step.id or "__" + owner_and_name.replace("/", "_")
        context = {
            **self.job.github,
            "action": name,
            "action_ref": ref,
            "action_repository": owner_and_name,
            "event_path": str(self._event),
            "workspace": str(self.workspace),
            **{name: str(file) for name, file in files.items()},
        }
        contexts = self._contexts(context)
        env = {**self.job.workflow.env, **self.job.env, **step.env}
        env = {name: evaluate(value, contexts) for name, value in env.items()}
        inputs = {name: evaluate(value, contexts) for name, value in step.inputs.items()}
        self._warn_of_unexpected(inputs, action)
        inputs |= {
            name: evaluate(default, contexts)
            for name, default in action.inputs.items()
            if name.lower() not in {given.lower() for given in inputs}
        }
        self._print_details(step.uses, inputs, env)
        args = [evaluate(arg, {**contexts, "inputs": inputs}) for arg in action.args]
        variables = self._variables(inputs, env, context)
        return self._run(image, args, variables, files)

    def left_behind(self) -> list[Path]:
        """The files that the step has made, besides those that it was given to write to."""
        paths = sorted(set(self.temp.parent.rglob("*")) - self._before)
        return [path for path in paths if path.is_file()]

    def _contexts(self, github: Mapping[str, str]) -> dict[str, Any]:
        """What the step's expressions may name."""
        steps = {name: {"outputs": outputs} for name, outputs in self.job.steps.items()}
        return {
            "github": {**github, "token": self.job.token, "event": self.job.payload},
            "inputs": self.job.event.inputs,
            "secrets": {**self.job.run.secrets, "GITHUB_TOKEN": self.job.token},
            "steps": steps,
            "vars": self.job.run.variables,
        }

    def _warn_of_unexpected(self, given: Mapping[str, str], action: Action) -> None:
        """Warn of inputs that the action does not declare (ActionRunner.RunAsync)."""
        valid = ["entryPoint", "args", *action.inputs]
        unexpected = [name for name in given if name.lower() not in map(str.lower, valid)]
        if unexpected:
            told, known = ("', '".join(names) for names in (unexpected, valid))
            message = f"Unexpected input(s) '{told}', valid inputs are ['{known}']"
            self.record.issue("warning", message)

    def _print_details(self, uses: str, inputs: Mapping[str, str], env: Mapping[str, str]) -> None:
        """Print all inputs and the environment, before anything of the action runs.

        This is Handler.PrintActionDetails; only what is masked by now is masked.
        """
        self.record.write(f"##[group]Run {uses}")
        for title, values in (
            ("with:", filter(lambda pair: pair[1], inputs.items())),
            ("env:", env.items()),
        ):
            shown = [f"  {name}: {value}" for name, value in values]
            for line in (title, *shown) if shown else ():
                self.record.write(line)
        self.record.write("##[endgroup]")

    def _variables(
        self, inputs: Mapping[str, str], env: Mapping[str, str], github: Mapping[str, str]
    ) -> dict[str, str]:
        """The container's environment, with the paths as they are inside it."""
        token = secrets.token_urlsafe(48)
        self.record.masks.add(token)
        runner = {
            "arch": "X64",
            "environment": "github-hosted",
            "name": "GitHub Actions 1",
            "os": "Linux",
            "temp": str(self.temp),
            "tool_cache": "/opt/hostedtoolcache",
            "workspace": str(self.parent),
        }
        debug = {"debug": "1"} if self.record.debug else {}
        variables = {
            **env,
            **{f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in inputs.items()},
            "HOME": str(self._home),
            **{f"GITHUB_{name.upper()}": value for name, value in github.items()},
            **{f"RUNNER_{name.upper()}": value for name, value in (runner | debug).items()},
            "ACTIONS_RUNTIME_URL": "https://pipelines.actions.example/",
            "ACTIONS_RUNTIME_TOKEN": token,
            "ACTIONS_RESULTS_URL": "https://results.actions.example/",
        }
        return {name: self._inside(value) for name, value in variables.items()}

    @property
    def _mounts(self) -> list[tuple[Path, str]]:
        return [
            (self.temp, "/github/runner_temp"),
            (self._home, "/github/home"),
            (self._event.parent, "/github/workflow"),
            (self._commands, "/github/file_commands"),
            (self.workspace, "/github/workspace"),
        ]

    def _inside(self, value: str) -> str:
        """A path as the container sees it (ContainerInfo.TranslateToContainerPath)."""
        for path, inside in reversed(self._mounts):
            if value == str(path) or value.startswith(f"{path}/"):
                return inside + value.removeprefix(str(path))
        return value

    def _run(
        self, image: str, args: list[str], variables: Mapping[str, str], files: Mapping[str, Path]
    ) -> "Running":
        """DockerCommandManager.DockerRun: the values of the variables are not in the arguments."""
        name = re.sub(r"\W|^\d+", "", image, flags=re.ASCII) + "_" + secrets.token_hex(3)
        options = [
            f"--name {name}",
            f"--label {secrets.token_hex(3)}",
            "--workdir /github/workspace",
            "--rm",
            *(f'-e "{variable}"' for variable in variables),
            "-e GITHUB_ACTIONS=true",
            *(() if "CI" in variables else ("-e CI=true",)),
            "--network host",
            *(f'-v "{path}":"{inside}"' for path, inside in self._mounts),
            image,
            *('"' + arg.replace('"', '\\"') + '"' for arg in args),
        ]
        command = f"{self._engine.client} run {' '.join(options)}"
        self.record.write(f"##[command]{command}")
        # The client has the engine's address besides; on GitHub's machines it is the usual one.
        environment = {"CI": "true", **self._engine.environment, **variables}
        arguments = shlex.split(command)
        client = subprocess.Popen(
            arguments,
            cwd=self.workspace,
            env={**environment, "GITHUB_ACTIONS": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        return Running(self._engine, name, arguments, client, self.record, files)

    def _give_to_user(self) -> None:
        """Let all files be the runner's: who is not root in a container can't write to them."""
        if os.geteuid() == 0:
            for path in (self.temp.parent, *self.temp.parent.rglob("*")):
                os.chown(path, USER, USER)


@dataclass(frozen=True)
class Result:
    """How a step ended."""

    code: int
    """The container's exit code."""
    ended_by: str
    """The signal that ended a cancelled step, as `SIGINT`."""
    record: Record

    @property
    def log(self) -> str:
        """The log, as a person sees it."""
        return "\n".join(self.record.log)

    @property
    def stdout(self) -> str:
        """What the container wrote to its standard output."""
        return "\n".join(line.text for line in self.record.lines if line.stream == "stdout")


class Running:
    """A step whose container runs; it has ended when the `with` block has."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        arguments: list[str],
        client: subprocess.Popen[str],
        record: Record,
        files: Mapping[str, Path],
    ) -> None:
        """Read what it writes, line by line, as it comes."""
        self._engine = engine
        self._name = name
        self.arguments = arguments
        """Of the engine's client: whoever may list processes can read them."""
        self._client = client
        self._record = record
        self._files = files
        self.inspected: dict[str, Any] = {}
        """What the engine knows of the container; nothing where it was too short-lived."""
        self._broken: list[Exception] = []
        self._lock = threading.Lock()
        streams = {"stdout": client.stdout, "stderr": client.stderr}
        self._threads = [
            threading.Thread(target=self._read, args=stream) for stream in streams.items()
        ]
        self._threads.append(threading.Thread(target=self._inspect))
        for thread in self._threads:
            thread.start()

    def until(self, text: str) -> None:
        """Wait for a line that has this text."""
        deadline = time.monotonic() + PATIENCE
        while not any(text in line.text for line in self._record.lines):
            assert time.monotonic() < deadline, f"no line has {text}"
            time.sleep(0.02)

    def wait(self) -> Result:
        """Wait until it ends by itself."""
        self._client.wait(PATIENCE)
        return self._result("")

    def cancel(self) -> Result:
        """Press *Cancel workflow* (ProcessInvoker.CancelAndKillProcessTree)."""
        for number, patience in CANCELLED_BY:
            self._client.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._client.wait(patience)
                return self._result(number.name)
        self._client.kill()
        self._client.wait(PATIENCE)
        return self._result("SIGKILL")

    def kill(self, name: str) -> Result:
        """Let the engine send the container a signal: KILL, as where the memory is used up."""
        self._engine.call("kill", "--signal", name, self._name)
        return self.wait()

    def _read(self, stream: str, lines: IO[str]) -> None:
        for line in lines:
            with self._lock:
                try:
                    self._record.receive(line.removesuffix("\n"), stream)
                except Exception as error:  # noqa: BLE001 - it is raised where the step is waited for
                    self._broken.append(error)

    def _inspect(self) -> None:
        """Ask the engine what anybody on the machine could ask it, as soon as it knows."""
        while not self.inspected and self._client.poll() is None:
            time.sleep(0.2)
            with contextlib.suppress(EngineError, ValueError):
                self.inspected = json.loads(self._engine.call("inspect", self._name))[0]

    def _result(self, ended_by: str) -> Result:
        for thread in self._threads:
            thread.join(PATIENCE)
        if self._broken:
            raise self._broken[0]
        self._record.read_files(self._files)
        return Result(self._client.returncode, ended_by, self._record)

    def __enter__(self) -> Self:
        """It runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave no container behind, as the machine itself would not."""
        if self._client.poll() is None or self._client.returncode < 0:
            self._engine.can("rm", "--force", self._name, timeout=PATIENCE)
            self._client.kill()
        self._client.communicate()
