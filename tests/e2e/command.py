"""The command line for one account and one repository, as a program of its own."""

import base64
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.instance import Account, Instance
from tests.program.program import PATIENCE, PROGRAM, ROOT, Run, environment, launch
from tests.servers import GitHub
from tests.support.leaks import forms

REPOSITORY = "acme/demo"


@dataclass
class Setup:
    process: subprocess.Popen[str]
    check: Callable[[Run], None]

    def link(self) -> str:
        assert self.process.stderr
        for line in self.process.stderr:
            if "/oauth/authorize" in line:
                return line.strip()
        raise AssertionError("it ended before it showed a link")

    def press_enter(self) -> None:
        """Ask for a link that shows a code."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ended(self, pasted: str = "") -> Run:
        """How it ended, perhaps after a paste."""
        output, progress = self.process.communicate(pasted and pasted + "\n", timeout=PATIENCE)
        done = Run(self.process.returncode, output, progress)
        self.check(done)
        return done


@dataclass
class Command:
    """`provisioner`; no run may print a secret, or write one to a variable, which all can read."""

    instance: Instance
    account: Account
    github: GitHub
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode())
    said: str = ""
    """All that was printed so far."""

    def __post_init__(self) -> None:
        """Give it a token for GitHub, as a person does."""
        self._token = self.github.add_token()

    def begin(self) -> str:
        return str(self.succeeds("begin")["authorize-url"])

    def complete(self, pasted: str, *options: str) -> Run:
        return self.run("complete", *options, typed=pasted + "\n")

    def succeeds(self, verb: str, *options: str, typed: str = "") -> dict[str, str]:
        """Run a command that ends well; what it printed."""
        done = self.run(verb, *options, typed=typed)
        assert done.code == 0, done.all
        return done.outcome

    def run(self, verb: str, *options: str, typed: str = "") -> Run:
        done = launch(verb, *self._whose, "--json", *options, env=self._env, typed=typed)
        self._require_no_secret(done)
        return done

    @contextmanager
    def setup(self) -> Iterator["Setup"]:
        with subprocess.Popen(
            [*PROGRAM, "setup", *self._whose, "--json"],
            env=environment(self._env | {"BROWSER": "true"}),  # which opens nothing
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            yield Setup(process, self._require_no_secret)
            process.kill()

    @property
    def _whose(self) -> tuple[str, ...]:
        return ("--account", self.instance.handle(self.account), "--repository", REPOSITORY)

    @property
    def _env(self) -> dict[str, str]:
        return {
            "GH_TOKEN": self._token,
            "GITHUB_API_URL": self.github.api_url,
            "MASTODON_JOURNAL_KEY": self.key,
        }

    def _require_no_secret(self, done: Run) -> None:
        self.said += done.all
        shown = self.said + "\n".join(self.github.repository(REPOSITORY).variables.values())
        known = self.instance.secrets() | {self._token: "GitHub token", self.key: "journal key"}
        leaks = {what for text, what in known.items() if any(form in shown for form in forms(text))}
        assert not leaks, f"in the open: {', '.join(sorted(leaks))}"

    def stored(self, name: str = "MASTODON_ACCESS_TOKEN") -> str:
        """A secret of the repository, as a workflow would see it; "" where there is none."""
        return self.github.queue(REPOSITORY).secret(name)
