"""GitHub's runner, as an action meets it: its inputs, its event, its commands and its files.

Sources: docs.github.com, “Workflow commands” and “Variables reference”; what they leave open is
from actions/runner (ActionCommand.cs, ActionCommandManager.cs, FileCommandManager.cs).
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from provisioner.errors import InputError, ProvisionerError
from provisioner.secret import SHORTEST_PART, Secret
from provisioner.streams import unstoppable

LONGEST_ANNOTATION = 4096
"""Characters: the runner cuts what is longer."""


@dataclass(frozen=True)
class Runner:
    """The runner of one step. `environment` is the process's, `out` its standard output."""

    environment: Mapping[str, str]
    out: TextIO

    @property
    def is_real(self) -> bool:
        """Whether anybody reads our commands: else a mask would print what it is to hide."""
        return self.environment.get("GITHUB_ACTIONS") == "true"

    @property
    def repository(self) -> str:
        """Whose workflow this is, as `owner/name`."""
        return self.environment.get("GITHUB_REPOSITORY", "")

    @property
    def event(self) -> str:
        """What started the workflow, such as `schedule`."""
        return self.environment.get("GITHUB_EVENT_NAME", "")

    @property
    def is_rerun(self) -> bool:
        """Whether somebody pressed *Re-run*: it brings the first attempt's inputs and secrets."""
        return self.environment.get("GITHUB_RUN_ATTEMPT", "1") != "1"

    @property
    def workflow_page(self) -> str:
        """Where the button *Run workflow* is; all workflows where this one is not known."""
        server = self.environment.get("GITHUB_SERVER_URL") or "https://github.com"
        # owner/name/.github/workflows/file.yml@refs/heads/main
        path = self.environment.get("GITHUB_WORKFLOW_REF", "").partition("@refs/")[0]
        file = path.rpartition("/")[2]
        return f"{server}/{self.repository}/actions" + (f"/workflows/{file}" if file else "")

    def hands_in(self, name: str) -> bool:
        """Whether an input stands under `with:` or has a default, be it empty."""
        return f"INPUT_{name.upper()}" in self.environment

    def input(self, name: str) -> str:
        """An input under `with:`, or its default; hyphens stay in the variable's name."""
        return self.environment.get(f"INPUT_{name.upper()}", "").strip()

    def dispatched(self, name: str) -> str:
        """An input of the workflow_dispatch; "" where there is none.

        Taken from the event's file, since the runner prints in the log what stands under `with:`.
        Raises ProvisionerError where a dispatch's file can't be read.
        """
        if self.event != "workflow_dispatch":
            return ""
        try:
            path = Path(self.environment.get("GITHUB_EVENT_PATH", ""))
            value = (json.loads(path.read_text(encoding="utf-8")).get("inputs") or {}).get(name)
        except (OSError, ValueError, AttributeError, RecursionError):
            raise ProvisionerError(
                "bad-event",
                "The workflow's event can't be read, and with it the inputs of the dispatch.",
                why="The runner writes it into the file that GITHUB_EVENT_PATH names.",
                todo="Run this again; on a runner of your own, look into its work folder.",
            ) from None
        return ("true" if value is True else str(value or "")).strip()

    def flag(self, name: str) -> bool:
        """A boolean of the workflow_dispatch. Raises InputError for anything else."""
        text = self.dispatched(name)
        if text not in {"", "true", "false"}:
            raise InputError(
                "bad-boolean",
                f"The input {name} is neither true nor false.",
                todo=f"Give it `type: boolean` under `on: workflow_dispatch: inputs: {name}:`.",
            )
        return text == "true"

    def mask(self, secret: Secret) -> None:
        """Have the runner show asterisks in place of a secret, from here on.

        Never where no runner reads it. What is as short as a word is left: it would garble the log,
        and GitHub drops a job's output that contains a masked value. Never raises.
        """
        for part in secret.reveal().split():
            if self.is_real and len(part) >= SHORTEST_PART:
                self._write(f"::add-mask::{_data(part)}")

    def line(self, text: str) -> None:
        """A line of the log that is never taken for a command.

        The runner finds `##[…]` anywhere in a line, and `::…::` at its beginning.
        """
        for line in re.split(r"[\r\n]+", text):
            harmless = line.replace("##[", "# # [")
            self._write(f"| {harmless}" if harmless.lstrip().startswith("::") else harmless)

    def debug(self, text: str) -> None:
        """A line of the log that is shown where debug logging is on."""
        self._write(f"::debug::{_data(text)}")

    def annotate(self, kind: Literal["notice", "warning", "error"], text: str, title: str) -> None:
        """A line of the log that stands on the run's page too; line breaks are kept."""
        self._write(f"::{kind} title={_property(title)}::{_data(text[:LONGEST_ANNOTATION])}")

    def output(self, name: str, value: str) -> None:
        """Set an output; the delimiter can't be foreseen by whoever wrote the value."""
        end = f"end-{secrets.token_hex(16)}"
        self._append("GITHUB_OUTPUT", f"{name}<<{end}\n{value}\n{end}\n")

    def summarize(self, markdown: str) -> None:
        """Add to the job's summary."""
        self._append("GITHUB_STEP_SUMMARY", f"{markdown.strip()}\n\n")

    def _append(self, variable: str, text: str) -> None:
        """Append to one of the runner's files; a full disk stops nothing that is done already."""
        path = self.environment.get(variable)
        if not path:
            return
        try:
            with Path(path).open("a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            self.line(f"! {variable} could not be written: {error.strerror}")

    def _write(self, line: str) -> None:
        """A line at once: what follows it may never come. A closed log stops nothing."""
        with unstoppable(self.out):
            self.out.write(f"{line}\n")
            self.out.flush()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
