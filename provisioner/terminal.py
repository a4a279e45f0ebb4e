"""What a person sees at a terminal: a line per step, the report, the error.

Progress and errors go to standard error, the report to standard output; with `--json` the report
or the error is one JSON object there. Text is wrapped at a terminal's width, between words; links,
commands and YAML never are.
"""

import json
import os
import re
import shlex
import sys
import textwrap
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import StringIO
from typing import TextIO

import typer

from provisioner.config import Config
from provisioner.environment import program, variables_of, wants_colour
from provisioner.inputs import HERE, INPUTS, INPUTS_OF
from provisioner.process import write_errors_ignored
from provisioner.report import (
    InputError,
    Item,
    Next,
    Open,
    ProvisionerError,
    Report,
    Run,
    Set,
    Step,
    besides,
)
from provisioner.secret import Secret

MARKS = {
    "good": ("✓ ", "green"),
    "unclear": ("? ", "yellow"),
    "soon": ("! ", "yellow"),
    "bad": ("✗ ", "red"),
    "planned": ("- ", ""),
}
DEFAULT_WIDTH = 80


class _Stream:
    """A stream that never stops a run: a token may be between two places."""

    def __init__(self, file: TextIO | None) -> None:
        self.file = file or StringIO()  # a stream that the shell closed (`>&-`) is None
        self.is_terminal = not self.file.closed and self.file.isatty()
        self.colours = self.is_terminal and wants_colour()
        self.is_used = False

    def line(self, text: str = "", *, bold: bool = False) -> None:
        if bold and self.colours:
            text = typer.style(text, bold=True)
        self.is_used = True
        with write_errors_ignored(self.file):
            self.file.write(f"{text}\n")
            self.file.flush()

    def prose(self, text: str, mark: str = "", colour: str = "", *, bold: bool = False) -> None:
        """Sentences, wrapped at a terminal's width; `mark` stands before them in colour."""
        lines = self._wrapped(text, len(mark)) if self.is_terminal else [text]
        if self.colours:
            mark = typer.style(mark, fg=colour) if colour else mark
            lines = [typer.style(line, bold=True) if bold else line for line in lines]
        self.line(mark + "\n".join(lines))

    def _wrapped(self, text: str, indent: int) -> list[str]:
        width = DEFAULT_WIDTH
        with suppress(OSError):  # the terminal is gone
            width = os.get_terminal_size(self.file.fileno()).columns or width
        # A command in backticks stays whole, so that it can be copied.
        joined = re.sub("`[^`]*`", lambda code: code[0].replace(" ", "\0"), text)
        lines = textwrap.wrap(
            joined,
            max(width - indent, 20),
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return [line.replace("\0", " ") for line in lines]


@dataclass
class Terminal:
    """The two streams of a terminal, or of whatever stands in its place."""

    as_json: bool = False
    verbose: bool = False
    progress: TextIO | None = field(default_factory=lambda: sys.stderr)
    config: Config | None = None
    """What was asked, once it is parsed: for the commands to be pasted."""

    def __post_init__(self) -> None:
        self._out = _Stream(sys.stdout)
        self._err = _Stream(self.progress)
        self._told: list[Item] = []

    def done(self, text: str) -> None:
        self._err.prose(text, *MARKS["good"])

    def warn(self, item: Item) -> None:
        """Something that a person should know at once, each time that it happens."""
        self._told.append(item)
        self._item(self._err, item)

    def explain(self, text: str) -> None:
        if self.verbose:
            self._err.prose(text, "  ")

    def mask(self, secret: Secret) -> None:
        """Nothing to do: what is not printed is not shown, and a terminal has no masks."""

    def waiting(self, host: str, seconds: float) -> None:
        self._err.prose(f"Waiting {seconds:.0f} s before {host} is asked again", "… ")

    def say(self, text: str) -> None:
        self._out.line(text)

    def report(self, report: Report) -> None:
        if self.as_json:
            facts = {"status": report.status, **report.outputs, **report.facts}
            self._out.line(json.dumps(facts, default=self._as_json))
        else:
            self._show(self._out, report)

    def preview(self, report: Report) -> None:
        """What is about to happen, or what a person is to do while the run waits."""
        self._show(self._err, report)

    def _show(self, out: _Stream, report: Report) -> None:
        if self._err.is_used:
            self._err.line()
        if report.headline:
            out.prose(report.headline, bold=True)
        if report.link:
            out.line(f"\n{report.link}\n")
        width = max(map(len, report.table), default=0)
        for label, text in report.table.items():
            out.prose(text, f"{label + ':':<{width + 2}}")
        for label, secret in report.revealed.items():
            out.line(f"{label}: {secret.reveal()}")
        if report.snippet:
            yaml = textwrap.indent(report.snippet, "    ")
            out.line(f"\nTo paste into the workflow:\n\n{yaml}\n")
        for item in report.items:
            if item not in self._told:
                self._item(out, item)
        self._steps(out, besides(report.next, report.link))

    def error(self, error: ProvisionerError) -> None:
        if self.as_json:
            parts = {"name": error.code, "what": error.what, "why": error.why}
            parts |= {"todo": self._todo(error.next), "link": error.link}
            failed = {"status": "failed", "exit-code": int(error.exit_code), "error": parts}
            self._out.line(json.dumps(failed))
        self._err.prose(error.what, *MARKS["bad"], bold=True)
        if error.why:
            self._err.prose(error.why, "  Why: ")
        self._steps(self._err, error.next)
        self._err.line(f"  ({error.code}, exit code {int(error.exit_code)})")

    def require_person(self) -> None:
        """Raise InputError unless a person looks at standard output: not a file, pipe or log."""
        if self.as_json or not self._out.is_terminal:
            raise InputError(
                "reveal-elsewhere",
                "--reveal shows secrets on a terminal alone, and not as JSON.",
                why="A client secret is only shown to a person. Elsewhere it would end in a file, "
                "another program or a log.",
                next=("Run this on a terminal without --json, or leave out --reveal.",),
            )

    def _item(self, stream: _Stream, item: Item) -> None:
        stream.prose(item.text, *MARKS[item.verdict])
        self._steps(stream, item.next)

    def _steps(self, stream: _Stream, steps: Next) -> None:
        label, leads = "  Next: ", False
        for step in steps:
            text, line = self._words(step)
            if not (leads and text == "Run:"):  # the sentence before says what for
                stream.prose(text, label)
            label, leads = " " * len(label), not line and text.endswith(":")
            if line:
                stream.line(f"{label}{line}", bold=isinstance(step, Run))

    def _words(self, step: Step) -> tuple[str, str]:
        """A step in words, and the link or command that stands on a line of its own."""
        match step:
            case str():
                return step, ""
            case Open():
                return f"Open this page{step.purpose}:", step.url
            case Set():
                one = next(one for one in INPUTS if one.name == step.name)
                if one.secret:
                    return f"Set the environment variable {variables_of(one)[0]}.", ""
                return f"Give {_option(step)}.", ""
            case Run(command="again"):
                return f"Run the command again{f' {step.when}' if step.when else ''}.", ""
            case Run():
                time = f"{step.when[0].upper()}{step.when[1:]}, run:" if step.when else "Run:"
                paste = "Run this, and paste the code when it is asked for:"
                return paste if step.code else time, self._command(step)

    def _command(self, step: Run) -> str:
        """A command to be pasted, with what was not left to the defaults."""
        # On a person's own machine, rotate and setup do it all: they open the link, too.
        command, given = "rotate" if step.rotate else step.command, dict[str, tuple[str, ...]]()
        if config := self.config:
            if command == "begin" and config.command in HERE:
                command = "setup"
            parsed = {"account": str(config.account or ""), "repository": config.repository}
            given = {**config.given, **{name: (word,) for name, word in parsed.items() if word}}
        for own in step.options:
            given.pop(own.name, None)
        words = [*program(), command]
        for one in INPUTS_OF[command]:
            for text in given.get(one.name, ()):
                words += [f"--{one.name}", text]
        words += [step.text] if step.text else []
        return " ".join([shlex.join(words), *map(_option, step.options)])

    def _todo(self, steps: Next) -> str:
        return " ".join(" ".join(filter(None, self._words(step))) for step in steps)

    def _as_json(self, item: Item) -> Mapping[str, str]:
        return {"verdict": item.verdict, "text": item.text, "todo": self._todo(item.next)}


def _option(step: Set) -> str:
    return f"--{step.name}" + (f" {shlex.quote(step.value)}" if step.value else "")
