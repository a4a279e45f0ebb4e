"""The GitHub Action: the step of a workflow that is this run, and the runner's protocol.

Sources: docs.github.com, “Workflow commands” and “Variables reference”; what they leave open is
from actions/runner (ActionCommand.cs, ActionCommandManager.cs, FileCommandManager.cs).
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Literal, NoReturn, TextIO

import msgspec
from msgspec.structs import replace

from provisioner import summary
from provisioner.commands.run import Prompts, run
from provisioner.config import Config, parse
from provisioner.inputs import ACTION_INPUTS
from provisioner.process import finish, write_errors_ignored
from provisioner.report import InputError, Item, ProvisionerError, Report, Set, besides, plain
from provisioner.secret import MIN_PART, Secret

DISPATCHED = ("code", "rotate")
"""Inputs of the workflow_dispatch: under `with:` the runner would print them in the log."""
COMMANDS = ("auto", "begin", "complete", "check", "abandon", "deprovision", "demo")
EVENTS = ("workflow_dispatch", "schedule")
TITLE = "Mastodon Provisioner"


class Step(msgspec.Struct, frozen=True):
    """A step of a workflow: what it is asked, and what it tells the runner, as a reporter too."""

    environment: Mapping[str, str]
    out: TextIO
    warned: list[Item] = []

    def run(self) -> int:
        """Do what the workflow asks for, and say how it ended. Raises ProvisionerError."""
        command = self.command()
        if command == "demo":
            from provisioner.demo import play  # noqa: PLC0415 - only where it is asked for

            report = play(self)
            self.summarize(
                "**This was the demo.** Nothing in it is real, and this repository was not "
                "touched. A real run would end so:"
            )
        else:
            config = self.config(command)
            report = run(config, self, Prompts(config.code.reveal))
        self.report(report)
        return report.exit_code

    # What it is asked.

    def command(self) -> str:
        """What is to be done; the secrets handed in are masked before that. Raises InputError."""
        if self._value("GITHUB_ACTIONS") != "true":  # and nobody would hide the masks
            raise InputError(
                "no-runner",
                "This is what the GitHub Action runs, and there is no runner here.",
                next=("Use begin, complete and check.",),
            )
        for one in ACTION_INPUTS:
            if one.secret:
                self.mask(Secret(self.input(one.name)))
        for text in (*map(self.input, DISPATCHED), *map(self.dispatched, DISPATCHED)):
            self.mask(Secret(_code_within(text)))
        command, event = self.input("command") or "auto", self._value("GITHUB_EVENT_NAME")
        if command not in COMMANDS:
            what = f"Not a command of this action: “{plain(command)}”."
            known = f"Use one of {', '.join(f'`{one}`' for one in COMMANDS)}."
            raise InputError("bad-command", what, next=(known,))
        if command != "demo" and event not in EVENTS:
            raise InputError(
                "wrong-event",
                f"This workflow was started by the event “{plain(event)}”.",
                why="Only somebody who may run the repository's workflows, or its schedule, may "
                "start an authorization. Strangers can cause other events.",
                next=("Use the action only in workflows on workflow_dispatch and schedule.",),
            )
        return command

    def config(self, command: str) -> Config:
        """The config of this run. Raises InputError."""
        for name in DISPATCHED:
            # Also where it is empty: the next time it would have a value, in the log.
            if f"INPUT_{name.upper()}" in self.environment:
                raise InputError(
                    "input-in-log",
                    f"The input {name} was given under `with:`.",
                    why="The runner prints what stands there in the log, before the action starts.",
                    next=(
                        f"Move {name} from `with:` to `on: workflow_dispatch: inputs:`.",
                        "If it was a code, open the link again and use the new one.",
                    ),
                )
        if (rotate := self.dispatched("rotate")) not in {"", "true", "false"}:
            steps = ("Give it `type: boolean` under `on: workflow_dispatch: inputs: rotate:`.",)
            what = "The input rotate is neither true nor false."
            raise InputError("bad-boolean", what, next=steps)
        given = {one.name: self.input(one.name) for one in ACTION_INPUTS}
        given["repository"] = given["repository"] or self._value("GITHUB_REPOSITORY")
        code, scheduled = self.dispatched("code"), self._value("GITHUB_EVENT_NAME") == "schedule"
        checks = command == "check" or (command == "auto" and (given["access-token"] or scheduled))
        if checks and not given["github-token"]:
            command = "check-token"
            asked = {"code": code, "rotate": rotate == "true", "max-age": given["max-age"]}
            if name := next(filter(asked.get, asked), ""):
                raise InputError(
                    "no-github-token",
                    f"The input {name} was given, but no GitHub token.",
                    why="Without one, nothing is done but to ask the instance about access-token.",
                    next=(Set("github-token"),),
                )
        config = replace(
            parse(command, given, api_url=self._value("GITHUB_API_URL"), in_workflow=True),
            code=Secret(code),
            rotate=rotate == "true",
            scheduled=scheduled,
            is_rerun=self.is_rerun,
        )
        self._require_key(config)
        return config

    def _require_key(self, config: Config) -> None:
        own = self._value("GITHUB_REPOSITORY")
        if not config.journal_key and config.repository.casefold() not in {"", own.casefold()}:
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

    def input(self, name: str) -> str:
        """An input under `with:`, or its default; hyphens stay in the variable's name."""
        return self._value(f"INPUT_{name.upper()}").strip()

    def dispatched(self, name: str) -> str:
        """An input of the workflow_dispatch; "" where there is none."""
        if self._value("GITHUB_EVENT_NAME") != "workflow_dispatch":
            return ""
        event = json.loads(Path(self._value("GITHUB_EVENT_PATH")).read_text(encoding="utf-8"))
        value = (event.get("inputs") or {}).get(name)
        return ("true" if value is True else str(value or "")).strip()

    @property
    def is_rerun(self) -> bool:
        """Whether somebody pressed *Re-run*: it brings the first attempt's inputs and secrets."""
        return self._value("GITHUB_RUN_ATTEMPT") not in {"", "1"}

    @property
    def page(self) -> str:
        """Where the button *Run workflow* is; all workflows where this one is not known."""
        server = self._value("GITHUB_SERVER_URL") or "https://github.com"
        # owner/name/.github/workflows/file.yml@refs/heads/main
        file = self._value("GITHUB_WORKFLOW_REF").partition("@refs/")[0].rpartition("/")[2]
        page = f"{server}/{self._value('GITHUB_REPOSITORY')}/actions"
        return f"{page}/workflows/{file}" if file else page

    def _value(self, name: str) -> str:
        return self.environment.get(name, "")

    # What it tells, as a reporter.

    def done(self, text: str) -> None:
        self.say(f"✓ {text}")

    def warn(self, item: Item) -> None:
        """Something that a person should know at once: on the run's page too, but if it is good."""
        if item in self.warned:
            return
        self.warned.append(item)
        text = "\n".join([item.text, *_next(" ".join(summary.sentences(item.next)))])
        if item.verdict == "good":
            self.done(text)
        else:
            self.annotate("error" if item.verdict == "bad" else "warning", text, TITLE)

    def explain(self, text: str) -> None:
        self._write(f"::debug::{_data(text)}")

    def mask(self, secret: Secret) -> None:
        """Have the runner show asterisks in place of a secret, from here on."""
        for part in secret.reveal().split():
            # A short one would garble the log, and GitHub drops outputs with a masked value.
            if len(part) >= MIN_PART:
                self._write(f"::add-mask::{_data(part)}")

    def waiting(self, host: str, seconds: float) -> None:
        self.say(f"… Waiting {seconds:.0f} s before {host} is asked again")

    def say(self, text: str) -> None:
        """Lines of the log. The runner finds no command in them: neither `##[…]` nor `::…::`."""
        for line in re.split(r"[\r\n]+", text):
            harmless = line.replace("##[", "# # [")
            self._write(f"| {harmless}" if harmless.lstrip().startswith("::") else harmless)

    def report(self, report: Report) -> None:
        self.say(report.headline)
        if report.link:
            self.say(report.link)
            self.annotate("notice", report.link, report.headline)
        for item in report.items:
            self.warn(item)
        for text in _next(*summary.sentences(besides(report.next, report.link))):
            self.say(text)
        for name, value in {"status": report.status, **report.outputs}.items():
            self.output(name, value)
        self.summarize(summary.of_report(report, self.page, self.warned))

    def error(self, error: ProvisionerError) -> None:
        """What happened, why, what to do next: an annotation, and the summary."""
        again = "This was a re-run. Press Run workflow instead." if self.is_rerun else ""
        steps = _next(" ".join(summary.sentences(error.next)))
        text = "\n".join(filter(None, (again, error.what, error.why, *steps)))
        self.annotate("error", text, error.code)
        self.summarize(summary.of_error(error, self.page, self.warned, is_rerun=self.is_rerun))

    # The runner's protocol. What can't be written stops nothing: a token may be between two places.

    def annotate(self, kind: Literal["notice", "warning", "error"], text: str, title: str) -> None:
        """A line of the log that stands on the run's page too; line breaks are kept."""
        escaped = _data(title).replace(":", "%3A").replace(",", "%2C")
        self._write(f"::{kind} title={escaped}::{_data(text)}")

    def output(self, name: str, value: str) -> None:
        """Set an output; the delimiter can't be foreseen by whoever wrote the value."""
        end = f"end-{os.urandom(16).hex()}"
        self._append("GITHUB_OUTPUT", f"{name}<<{end}\n{value}\n{end}\n")

    def summarize(self, markdown: str) -> None:
        self._append("GITHUB_STEP_SUMMARY", f"{markdown.strip()}\n\n")

    def _append(self, variable: str, text: str) -> None:
        if not (path := self._value(variable)):
            return
        try:
            with Path(path).open("a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            self.say(f"! {variable} could not be written: {error.strerror}")

    def _write(self, line: str) -> None:
        """Write a line at once: what follows it may never come."""
        with write_errors_ignored(self.out):
            self.out.write(f"{line}\n")
            self.out.flush()


def main() -> NoReturn:
    """What action.yml runs: `provisioner action`."""
    step = Step(os.environ, sys.stdout or StringIO())
    finish(step.run, step.error)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _next(*texts: str) -> list[str]:
    return [f"Next: {text}" for text in texts if text]


def _code_within(pasted: str) -> str:
    """The part of a pasted text that is secret: an address around it is not."""
    if match := re.search(r"[?&]code=([^&\s]+)|^code=([^&\s]+)", pasted):
        return match[1] or match[2]
    return "" if re.search("[/?]", pasted) else pasted  # the link itself must stay readable
