"""The GitHub Action: the runner's protocol, and the step of a workflow that is this run.

Sources: docs.github.com, “Workflow commands” and “Variables reference”; what they leave open is
from actions/runner (ActionCommand.cs, ActionCommandManager.cs, FileCommandManager.cs).
"""

import json
import os
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Literal, NoReturn, TextIO

from provisioner import summary
from provisioner.commands.run import Prompts, run
from provisioner.config import Config, parse
from provisioner.errors import InputError, ProvisionerError, plain
from provisioner.inputs import ACTION_INPUTS
from provisioner.process import finish, write_errors_ignored
from provisioner.report import Exit, Item, Next, Report, Run, Set, besides, opens
from provisioner.secret import MIN_PART, Secret

MAX_ANNOTATION = 4096  # characters: the runner cuts what is longer
DISPATCHED = ("code", "rotate")
"""Inputs of the workflow_dispatch: under `with:` the runner would print them in the log."""
COMMANDS = ("auto", "begin", "complete", "check", "abandon", "deprovision", "demo")
EVENTS = ("workflow_dispatch", "schedule")
TITLE = "Mastodon Provisioner"


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
                "The workflow's event, which has the inputs of the dispatch, can't be read.",
                why="The runner writes it to the file that GITHUB_EVENT_PATH names.",
                next=("On a self-hosted runner, look into its work folder.", Run("again")),
            ) from None
        return ("true" if value is True else str(value or "")).strip()

    def flag(self, name: str) -> bool:
        """A boolean of the workflow_dispatch. Raises InputError for anything else."""
        text = self.dispatched(name)
        if text not in {"", "true", "false"}:
            raise InputError(
                "bad-boolean",
                f"The input {name} is neither true nor false.",
                next=(f"Give it `type: boolean` under `on: workflow_dispatch: inputs: {name}:`.",),
            )
        return text == "true"

    def mask(self, secret: Secret) -> None:
        """Have the runner show asterisks in place of a secret, from here on.

        Never where no runner reads it. What is as short as a word is left: it would garble the log,
        and GitHub drops a job's output that contains a masked value. Never raises.
        """
        for part in secret.reveal().split():
            if self.is_real and len(part) >= MIN_PART:
                self._write(f"::add-mask::{_data(part)}")

    def line(self, text: str) -> None:
        """A line of the log. The runner finds no command in it: neither `##[…]` nor `::…::`."""
        for line in re.split(r"[\r\n]+", text):
            harmless = line.replace("##[", "# # [")
            self._write(f"| {harmless}" if harmless.lstrip().startswith("::") else harmless)

    def debug(self, text: str) -> None:
        """A line of the log that is shown where debug logging is on."""
        self._write(f"::debug::{_data(text)}")

    def annotate(self, kind: Literal["notice", "warning", "error"], text: str, title: str) -> None:
        """A line of the log that stands on the run's page too; line breaks are kept."""
        self._write(f"::{kind} title={_property(title)}::{_data(text[:MAX_ANNOTATION])}")

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
        with write_errors_ignored(self.out):
            self.out.write(f"{line}\n")
            self.out.flush()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


@dataclass(frozen=True)
class Step:
    """The step of a workflow that this run is. As a reporter, it writes to the runner's log."""

    runner: Runner
    warned: list[Item] = field(default_factory=list)

    def run(self) -> int:
        """Do what the workflow asks for, and say how it ended. Raises ProvisionerError."""
        command = self.command()
        if command == "demo":
            return self._demo()
        config = self.config(command)
        report = run(config, self, Prompts(lambda: config.code, _no_login))
        self.report(report)
        return report.exit_code

    def command(self) -> str:
        """What is to be done. Before anything else, the secrets handed in are masked.

        Raises InputError: for a command or an event that is none of the action's.
        """
        for one in ACTION_INPUTS:
            if one.secret:
                self.mask(Secret(self.runner.input(one.name)))
        for text in (*map(self.runner.input, DISPATCHED), *map(self.runner.dispatched, DISPATCHED)):
            self.mask(Secret(_code_within(text)))
        if not self.runner.is_real:
            raise InputError(
                "no-runner",
                "This is what the GitHub Action runs, and there is no runner here.",
                next=("Use begin, complete and check.",),
            )
        command = self.runner.input("command") or "auto"
        if command not in COMMANDS:
            raise InputError(
                "bad-command",
                f"Not a command of this action: “{plain(command)}”.",
                next=(f"Use one of {', '.join(f'`{one}`' for one in COMMANDS)}.",),
            )
        if command != "demo" and self.runner.event not in EVENTS:
            raise InputError(
                "wrong-event",
                f"This workflow was started by the event “{plain(self.runner.event)}”.",
                why="Only somebody who may run the repository's workflows, or its schedule, may "
                "start an authorization. Strangers can cause other events.",
                next=("Use the action only in workflows on workflow_dispatch and schedule.",),
            )
        return command

    def config(self, command: str) -> Config:
        """The config of this run. Raises InputError."""
        for name in DISPATCHED:
            # Also where it is empty: the next time it would have a value, in the log.
            if f"INPUT_{name.upper()}" in self.runner.environment:
                raise InputError(
                    "input-in-log",
                    f"The input {name} was given under `with:`.",
                    why="The runner prints what stands there in the log, before the action starts.",
                    next=(
                        f"Move {name} from `with:` to `on: workflow_dispatch: inputs:`.",
                        "If it was a code, open the link again and use the new one.",
                    ),
                )
        given = {one.name: self.runner.input(one.name) for one in ACTION_INPUTS}
        given["repository"] = given["repository"] or self.runner.repository
        api_url = self.runner.environment.get("GITHUB_API_URL", "")
        config = replace(
            parse(command, given, api_url=api_url, in_workflow=True),
            code=self.runner.dispatched("code"),
            rotate=self.runner.flag("rotate"),
            scheduled=self.runner.event == "schedule",
            is_rerun=self.runner.is_rerun,
        )
        self._require_key(config)
        return config

    def _require_key(self, config: Config) -> None:
        here = config.repository.casefold() == self.runner.repository.casefold()
        if not here and not config.keeps_key:
            raise InputError(
                "journal-key-elsewhere",
                f"The journal of {config.repository} needs a key from this workflow.",
                why="A key that is made now would become a secret of that repository, where this "
                "workflow can't read it.",
                next=(
                    "Put the output of `openssl rand -base64 32` into a secret of this repository.",
                    Set("journal-key"),
                ),
            )

    def _demo(self) -> Exit:
        from provisioner.demo import play  # noqa: PLC0415 - only where it is asked for

        report = play(self)
        self.runner.summarize(
            "**This was the demo.** Nothing in it is real, and this repository was not touched. "
            "A real run would end so:"
        )
        self.report(report)
        return Exit.DONE

    def done(self, text: str) -> None:
        """A step is done."""
        self.runner.line(f"✓ {text}")

    def warn(self, item: Item) -> None:
        """Something that a person should know at once."""
        self.warned.append(item)
        self._item(item)

    def explain(self, text: str) -> None:
        """Why something was chosen: GitHub shows it where debug logging is on."""
        self.runner.debug(text)

    def mask(self, secret: Secret) -> None:
        """A secret came into being: it is masked before it travels."""
        self.runner.mask(secret)

    def waiting(self, host: str, seconds: float) -> None:
        """A pause before a request is repeated."""
        self.runner.line(f"… Waiting {seconds:.0f} s before {host} is asked again")

    def say(self, text: str = "", *, bold: bool = False) -> None:  # noqa: ARG002 - no log has that
        """A line, as it is."""
        self.runner.line(text)

    def report(self, report: Report) -> None:
        """How the run ended well: in the log, as outputs, and in the summary."""
        runner = self.runner
        runner.line(report.headline)
        if report.link:
            runner.line(report.link)
            runner.annotate("notice", report.link, report.headline)
        for item in report.items:
            if item not in self.warned:
                self._item(item)
        for text in summary.sentences(besides(report.next, report.link), summary.Words()):
            runner.line(f"Next: {text}")
        for name, value in {"status": report.status, **report.outputs}.items():
            runner.output(name, value)
        runner.summarize(summary.of_report(report, runner.workflow_page, self.warned))

    def _item(self, item: Item) -> None:
        """A good one is a line of the log; the others stand on the run's page too."""
        text = _told(item.text, item.next)
        if item.verdict == "good":
            self.done(text)
        else:
            self.runner.annotate("error" if item.verdict == "bad" else "warning", text, TITLE)

    def error(self, error: ProvisionerError) -> None:
        """What happened, why, what to do next: an annotation, and the summary."""
        runner, rerun = self.runner, self.runner.is_rerun
        again = "This was a re-run. Press Run workflow instead." if rerun else ""
        parts = [again, error.what, error.why, _told("", error.next)]
        parts += [] if opens(error.next, error.link) else [error.link]
        runner.annotate("error", "\n".join(filter(None, parts)), error.code)
        runner.summarize(summary.of_error(error, runner.workflow_page, self.warned, is_rerun=rerun))


def main() -> NoReturn:
    """What action.yml runs: `provisioner action`."""
    step = Step(Runner(os.environ, sys.stdout or StringIO()))
    finish(step.run, step.error)


def _told(text: str, steps: Next) -> str:
    """A text and what to do next, as plain text."""
    told = " ".join(summary.sentences(steps, summary.Words()))
    return f"{text}\nNext: {told}".strip() if told else text


def _no_login(_instance: object) -> NoReturn:
    raise ValueError("No command of the action logs in.")


def _code_within(pasted: str) -> str:
    """The part of a pasted text that is secret: an address around it is not."""
    if match := re.search(r"[?&]code=([^&\s]+)|^code=([^&\s]+)", pasted):
        return match[1] or match[2]
    return "" if re.search("[/?]", pasted) else pasted  # the link itself must stay readable
