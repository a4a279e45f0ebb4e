"""The command line, run as a person runs it: a program of its own, given an environment."""

import base64
import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.instance import Account, Instance
from tests.servers import GitHub
from tests.support.leaks import forms

ROOT = Path(__file__).parents[2]
REPOSITORY = "acme/demo"
INHERITED = ("HOME", "LANG", "PATH", "TMPDIR")
PATIENCE = 60


@dataclass(frozen=True)
class Run:
    """How a run ended, and what it said."""

    code: int
    output: str
    """Standard output: with --json, one object."""
    progress: str
    """Standard error."""

    def answer(self) -> dict[str, str]:
        """The object that it printed, if it ended well."""
        assert self.code == 0, f"exit code {self.code}:\n{self.output}{self.progress}"
        answer: dict[str, str] = json.loads(self.output)
        return answer

    @property
    def error(self) -> str:
        """The code of the error that it ended with."""
        return str(json.loads(self.output)["error"]["name"])


@dataclass
class Command:
    """`provisioner` for one account and one repository.

    No run may print a secret, or write one to a variable, which everybody in the repository reads.
    """

    instance: Instance
    account: Account
    github: GitHub
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode())
    said: str = ""
    """All that was printed so far."""

    def __post_init__(self) -> None:
        """Give it a token for GitHub, as a person does."""
        self._token = self.github.add_token()

    def begin(self, *options: str) -> str:
        """Begin; the link to open."""
        answer = self.run("begin", *options).answer()
        assert answer["status"] == "approval-pending"
        return answer["authorize-url"]

    def complete(self, pasted: str, *options: str) -> Run:
        """Complete with what a person pasted, typed to standard input."""
        return self.run("complete", *options, typed=pasted + "\n")

    def run(self, verb: str, *options: str, typed: str = "") -> Run:
        """Run any command."""
        whose = ("--account", self.instance.handle(self.account), "--repository", REPOSITORY)
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {
            "GH_TOKEN": self._token,
            "GITHUB_API_URL": self.github.api_url,
            "MASTODON_JOURNAL_KEY": self.key,
        }
        done = subprocess.run(
            [sys.executable, "-m", "provisioner", verb, *whose, "--json", *options],
            cwd=ROOT,
            env=environment,
            input=typed,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        self.said += done.stdout + done.stderr
        self._require_no_secret()
        return Run(done.returncode, done.stdout, done.stderr)

    def stored(self, name: str) -> str:
        """A secret of the repository, as a workflow would see it; "" where there is none."""
        repository = self.github.repository(REPOSITORY)
        return repository.open_secret(name) if name in repository.secrets else ""

    def _require_no_secret(self) -> None:
        shown = self.said + "\n".join(self.github.repository(REPOSITORY).variables.values())
        known = self.instance.secrets() | {self._token: "GitHub token", self.key: "journal key"}
        leaks = {what for text, what in known.items() if any(form in shown for form in forms(text))}
        assert not leaks, f"in the open: {', '.join(sorted(leaks))}"
