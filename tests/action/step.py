"""A step of a workflow: the action, with an environment and files as the runner gives them."""

import base64
import io
import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest
import typer

from provisioner import cli, defaults
from provisioner.errors import ProvisionerError
from provisioner.journal import Journal, parse_key, unseal
from provisioner.sandbox import Person, Request, Response, Sandbox
from tests.cli.program import PATIENCE, ROOT, environment
from tests.e2e.commands import Annotation, Record
from tests.e2e.masks import Masks
from tests.leaks import forms

REPOSITORY = "octocat/mybot"
KEY = base64.b64encode(bytes(range(32))).decode()
WORKFLOW = ".github/workflows/credentials.yml"
ACTION = (sys.executable, "-m", "provisioner", "action")
MASK = "::add-mask::"


def lines_of(log: str) -> list[str]:
    """The lines as the runner reads them: a carriage return ends one too."""
    return re.split(r"\r\n|\r|\n", log.removesuffix("\n"))


@dataclass(frozen=True)
class Ended:
    """How a step ended, and what the runner makes of what it left behind."""

    code: int
    log: str = field(repr=False)
    """Its standard output, in which nothing is masked yet."""
    said: str
    """Its standard error."""
    written: Mapping[str, str] = field(repr=False)
    """The runner's files, in which nothing is masked yet."""
    record: Record = field(repr=False)
    """What the runner makes of all that."""

    @classmethod
    def of(cls, code: int, log: str, said: str, files: Mapping[str, Path]) -> Self:
        """Read what it left behind."""
        record = Record(Masks())
        for line in lines_of(log):
            record.receive(line)
        record.read_files(files)
        written = {name: path.read_text() for name, path in files.items() if path.exists()}
        return cls(code, log, said, written, record)

    @property
    def lines(self) -> list[str]:
        """The log, as it came."""
        return lines_of(self.log)

    @property
    def annotations(self) -> list[Annotation]:
        """What stands on the run's page."""
        return self.record.annotations

    @property
    def outputs(self) -> dict[str, str]:
        """What later steps read."""
        return self.record.outputs

    @property
    def summary(self) -> str:
        """The summary as it was written."""
        return self.written.get("step_summary", "")

    @property
    def masked(self) -> list[str]:
        """What is to be masked, in its order."""
        return [line.removeprefix(MASK) for line in self.lines if line.startswith(MASK)]

    @property
    def shown(self) -> str:
        """All that it wrote anywhere, but for the masks."""
        log = (line for line in self.lines if not line.startswith(MASK))
        return "\n".join([*log, self.said, *self.written.values()])


class Site:
    """A served sandbox with a bot and its repository, and a runner's folder."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        sandbox.instance.add_account("mybot", "password")
        sandbox.instance.add_account("alice", "password")
        self.sandbox = sandbox
        self.repository = sandbox.github.add_repository(REPOSITORY)
        self.account = sandbox.instance.address("mybot")
        self.token = sandbox.github.add_token()
        self.requests: list[str] = []
        self.codes: list[str] = []
        self.verifiers: set[str] = set()
        self._folder = folder
        self._runs = itertools.count(1)
        for application in (sandbox.instance, sandbox.github):
            application.observers.append(self._note)

    def start(
        self,
        event: str = "workflow_dispatch",
        inputs: object = None,
        given: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> tuple[dict[str, str], dict[str, Path]]:
        """A new step's environment and files.

        `inputs` are the workflow_dispatch's; `given` replaces what stands under `with:`, and
        `variables` what the runner sets.
        """
        number = next(self._runs)
        names = ("path", "env", "step_summary", "state", "output")
        files = {name: self._folder / f"{name}-{number}" for name in names}
        payload = self._folder / f"event-{number}.json"
        payload.write_text(json.dumps({"inputs": inputs, "ref": "refs/heads/main"}))
        with_ = {
            "account": self.account,
            "github-token": self.token,
            "journal-key": KEY,
            "command": "auto",
            "repository": REPOSITORY,
            "secrets": defaults.SECRETS,
            "variables": defaults.VARIABLES,
            "grace": defaults.GRACE,
            "journal": defaults.JOURNAL,
            **(given or {}),
        }
        env = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.sandbox.github.api_url,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(payload),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_STEP_SUMMARY": str(files["step_summary"]),
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/{WORKFLOW}@refs/heads/main",
            **{f"INPUT_{name.upper()}": text for name, text in with_.items()},
            **(variables or {}),
        }
        return env, files

    def run(
        self,
        event: str = "workflow_dispatch",
        inputs: object = None,
        given: Mapping[str, str] | None = None,
        *,
        program: tuple[str, ...] = ACTION,
    ) -> Ended:
        """Run the step as a program of its own."""
        env, files = self.start(event, inputs, given)
        done = subprocess.run(
            program,
            env=environment(env),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        self._remember()
        return Ended.of(done.returncode, done.stdout, done.stderr, files)

    def play(
        self,
        event: str = "workflow_dispatch",
        inputs: object = None,
        given: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run the step in this very process, which takes less time. Raises ProvisionerError."""
        env, files = self.start(event, inputs, given, variables)
        code, log = 0, io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(log):
            for name, text in env.items():
                patch.setenv(name, text)
            try:
                cli.action()
            except typer.Exit as end:
                code = end.exit_code
        self._remember()
        return Ended.of(code, log.getvalue(), "", files)

    def ending(
        self,
        event: str = "workflow_dispatch",
        inputs: object = None,
        given: Mapping[str, str] | None = None,
    ) -> str:
        """Run it so; the status that it ends with, or its error's name."""
        try:
            return self.play(event, inputs, given).outputs["status"]
        except ProvisionerError as error:
            return error.ident

    # The states of a journal.

    def begin(self, who: str = "mybot", **inputs: str) -> str:
        """Begin, and have somebody approve it: the code."""
        return self.approve(self.play(inputs=inputs).outputs["authorize-url"], who)

    def approve(self, link: str, who: str = "mybot") -> str:
        """Somebody opens the link, signs in and presses Authorize: the code."""
        with Person(who, "password") as person:
            self.codes.append(person.approve(link))
        return self.codes[-1]

    def provision(self) -> None:
        """Begin, approve and complete."""
        self.play(inputs={"code": self.begin()})

    def stop_half_way(self) -> None:
        """Begin, approve, and complete until the token is staged."""
        code = self.begin()
        with self.budget_ends(after="PATCH", times=2), pytest.raises(ProvisionerError):
            self.play(inputs={"code": code})

    @contextmanager
    def budget_ends(self, after: str = "", times: int = 1) -> Iterator[None]:
        """GitHub's rate limit is used up: at once, or after some requests of this method."""
        seen = itertools.count(1)

        def observe(request: Request, _response: Response) -> None:
            if request.method == after and next(seen) == times:
                self.sandbox.github.limit(remaining=0, reset=time.time() + 1800)

        self.sandbox.github.observers.append(observe)
        if not after:
            self.sandbox.github.limit(remaining=0, reset=time.time() + 1800)
        yield
        self.sandbox.github.observers.remove(observe)
        self.sandbox.github.limit(remaining=5000)

    def journal(self) -> Journal | None:
        """What the repository remembers, if it can be read with the key that is handed in."""
        try:
            return unseal(self.repository.variables["MASTODON_JOURNAL"], parse_key(self.key))
        except KeyError:
            return None

    @property
    def key(self) -> str:
        """The journal's key: the one that was made, or the one that is handed in."""
        made = "MASTODON_JOURNAL_KEY" in self.repository.secrets
        return self.repository.open_secret("MASTODON_JOURNAL_KEY") if made else KEY

    def secrets(self) -> set[str]:
        """What nobody is to see."""
        instance = self.sandbox.instance
        tokens = {token.token for token in instance.tokens}
        strings = {application.client_secret for application in instance.applications}
        return {self.token, self.key, *self.codes, *self.verifiers, *tokens, *strings}

    def leaks(self, text: str) -> list[str]:
        """The lines in which something stands that nobody is to see, in whatever form."""
        leaked = {form for secret in self.secrets() for form in forms(secret)}
        return [line for line in text.splitlines() if any(form in line for form in leaked)]

    def _remember(self) -> None:
        journal = self.journal()
        if journal and journal.pending and journal.pending.verifier:
            self.verifiers.add(journal.pending.verifier.reveal())

    def _note(self, request: Request, _response: Response) -> None:
        self.requests.append(f"{request.method} {request.path}")


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """A site, while the context lasts."""
    with Sandbox() as sandbox:
        yield Site(sandbox, folder)
