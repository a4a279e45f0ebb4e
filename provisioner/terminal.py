"""What a person sees: a line per step, the outcome, the error.

Progress and errors go to standard error, the outcome to standard output; with `--json` the outcome
or the error is one JSON object there. Colour follows `NO_COLOR` and whether it is a terminal. All
text is printed as it is, never read as markup.
"""

import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from io import StringIO
from typing import TextIO

from rich.console import Console
from rich.text import Text

from provisioner import streams
from provisioner.destinations import where_to_delete
from provisioner.errors import InputError, ProvisionerError
from provisioner.inputs import Inputs
from provisioner.oauth import Application
from provisioner.outcomes import (
    ApprovalPending,
    Checked,
    Diagnosis,
    DryRun,
    Ended,
    Outcome,
    Posted,
    Provisioned,
    Registered,
)
from provisioner.secret import Secret
from provisioner.surroundings import program

MARKS = {
    "good": ("✓", "green"),
    "unclear": ("?", "yellow"),
    "soon": ("!", "yellow"),
    "bad": ("✗", "red"),
}


class _Stream(Console):
    """A stream that never stops a run: a token may be between two places."""

    def __init__(self, file: TextIO | None) -> None:
        # A stream that the shell closed (`>&-`) is None.
        super().__init__(
            file=file or StringIO(),
            color_system=None if os.environ.get("NO_COLOR") else "auto",
            highlight=False,
            soft_wrap=True,
            # Lines are never wrapped. But rich would read COLUMNS and LINES: with 0 it prints
            # nothing, and with a number that is none to Python it fails.
            width=80,
            height=25,
        )

    def show(self, text: Text) -> None:
        """Print a line, if anybody is there to read it."""
        with streams.unstoppable(self.file):
            self.print(text)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more: rich itself would end the program."""
        streams.give_up(self.file)


@dataclass
class Terminal:
    """The two streams of a terminal, or of whatever stands in its place."""

    as_json: bool = False
    verbose: bool = False
    progress: TextIO | None = field(default_factory=lambda: sys.stderr)

    def __post_init__(self) -> None:
        """Bind to the streams as they are now."""
        self._out = _Stream(sys.stdout)
        self._err = _Stream(self.progress)

    def done(self, text: str) -> None:
        """A step is done."""
        self._err.show(Text.assemble(("✓ ", "green"), text))

    def warn(self, text: str) -> None:
        """Something that the person should know, and that does not stop the run."""
        self._err.show(Text.assemble(("! ", "yellow"), text))

    def explain(self, text: str) -> None:
        """Why something was chosen, for those who ask."""
        if self.verbose:
            self._err.show(Text(f"  {text}", "dim"))

    def hide(self, secret: Secret) -> None:
        """Nothing to do: what is not printed is not shown, and a terminal has no masks."""

    def waiting(self, host: str, seconds: float) -> None:
        """A pause before a request is repeated."""
        self._err.show(Text(f"… {host} is asked again in {seconds:.0f} s", "dim"))

    def error(self, error: ProvisionerError) -> None:
        """What happened, why, what to do next."""
        if self.as_json:
            parts = {"name": error.ident, "what": error.what, "why": error.why}
            parts |= {"todo": error.todo, "link": error.link}
            self._json({"status": "failed", "exit-code": int(error.exit_code), "error": parts})
        self._err.show(Text.assemble(("✗ ", "bold red"), (error.what, "bold")))
        for label, text in (("Why: ", error.why), ("Next: ", error.todo), ("Link: ", error.link)):
            if text:
                self._err.show(Text.assemble("  ", (label, "dim"), text.strip()))
        self._err.show(Text(f"  ({error.ident}, exit code {int(error.exit_code)})", "dim"))

    def outcome(self, outcome: Outcome, inputs: Inputs) -> None:
        """How the run ended."""
        if self.as_json:
            self._json(_as_json(outcome))
            return
        match outcome:
            case ApprovalPending():
                self._approval(outcome, inputs)
            case Provisioned():
                self._provisioned(outcome)
            case Checked():
                self._checked(outcome)
            case Ended():
                self.say(outcome.headline, "bold")
                self._notes(outcome)
            case Posted():
                self.say(outcome.headline, "bold")
                self.say(outcome.url, "cyan")
            case DryRun():
                self.say("Nothing was changed. A real run would now:")
                for step in outcome.would:
                    self.say(f"  - {step}")

    def _approval(self, outcome: ApprovalPending, inputs: Inputs) -> None:
        self._err.show(Text())
        self.say(f"Open this link, sign in as {outcome.account}, and press Authorize:", "bold")
        self.say()
        self.say(outcome.authorize_url, "cyan")
        self.say()
        self.say(f"It asks for: {' '.join(outcome.scopes)}.")
        self.say(f"The instance then shows a code, which may expire after {outcome.code_good_for}.")
        if not inputs.journal_key:
            self._approval_for_workflow(outcome, inputs)
            return
        self.say("Go on with it:")
        self.say()
        self.say(f"  {_complete_command(outcome, inputs)}", "bold")

    def _approval_for_workflow(self, outcome: ApprovalPending, inputs: Inputs) -> None:
        """How to go on where the key was made by this run, which kept it in a secret."""
        where = where_to_delete("variables", inputs.journal, outcome.repository)
        self.say(f"Go on with it in the workflow of {outcome.repository}: press Run workflow, and")
        self.say("put the code into its field. You handed in no journal key: the one that was made")
        self.say(f"is in the secret {inputs.journal}_KEY, which only workflows can read.")
        self.say()
        self.say(f"To complete here instead: delete the variable {inputs.journal} {where},")
        self.say("make a key of your own, and begin again:")
        self.say()
        self.say('  export MASTODON_JOURNAL_KEY="$(openssl rand -base64 32)"', "bold")

    def _provisioned(self, outcome: Provisioned) -> None:
        self._err.show(Text())
        self.say(outcome.headline, "bold green")
        self.say(f"Scopes: {' '.join(outcome.scopes)}. Expires: {outcome.expires_at}.")
        self.say("In the bot's workflow:")
        self.say()
        for line in outcome.lines_for_bot.splitlines():
            self.say(f"    {line}")
        if outcome.news or outcome.notes:
            self._err.show(Text())  # they are no part of the YAML
        self._notes(outcome)

    def _notes(self, outcome: Provisioned | Ended) -> None:
        for note in outcome.news:
            self.done(note)
        for note in outcome.notes:
            self.warn(note)

    def _checked(self, outcome: Checked) -> None:
        for finding in outcome.findings:
            mark, colour = MARKS[finding.verdict]
            self._out.show(Text.assemble((f"{mark} ", colour), finding.text))
            if finding.todo:
                self.say(f"  Next: {finding.todo}")
        words = {"healthy": "is healthy", "attention": "needs attention"}
        self.say(f"{outcome.account} {words[outcome.status]}", "bold")

    def diagnosis(self, found: Diagnosis) -> None:
        """What a doctor found."""
        if self.as_json:
            self._json({"status": "examined", **asdict(found)})
            return
        width = max(map(len, found.choices))
        for subject, choice in found.choices.items():
            self._out.show(Text.assemble((f"{subject:<{width}}  ", "bold"), choice))

    def registered(self, outcome: Registered) -> None:
        """An application whose two strings are kept."""
        names = [mapping.name for mapping in outcome.written]
        if self.as_json:
            self._json({**outcome.outputs(), "written": names})
            return
        where = f"{outcome.repository}, as {' and '.join(names)}"
        self.say(f"The application “{outcome.name}” is kept in {where}.", "bold")
        self.say("To begin and complete with it, in the credentials workflow:")
        self.say()
        for line in outcome.lines_for_workflow.splitlines():
            self.say(f"    {line}")
        self.say()
        self.say("Only workflows read secrets: for your own machine, register with --reveal.")

    def revealed(
        self, application: Application, outcome: Registered, options: Mapping[str, object]
    ) -> None:
        """An application's two strings, for the person who asked to see them, with these options.

        And how to begin with them: in a shell the secret is typed unseen, and in no history.
        """
        self.say(f"The application “{outcome.name}” of {outcome.instance}:", "bold")
        self.say(f"  Client id:      {application.client_id}")
        self.say(f"  Client secret:  {application.client_secret.reveal()}")
        self.say("They are shown this once: keep them. To go on, hand the secret to your shell,")
        self.say("which asks for it without showing it, and begin (or, by password, login):")
        self.say()
        self.say("  read -rs MASTODON_CLIENT_SECRET && export MASTODON_CLIENT_SECRET", "bold")
        words = [*program(), "begin", "--client-id", application.client_id]
        words += ["--scopes", " ".join(outcome.scopes)]
        if options["instance"]:
            words += ["--instance", outcome.instance]
        line = shlex.join(words)
        for name in ("account", "repository"):
            line += f" --{name} {shlex.quote(str(options[name])) if options[name] else '…'}"
        self.say(f"  {line}", "bold")

    def require_eyes(self) -> None:
        """Raise InputError unless a person looks at standard output: not a file, pipe or log."""
        if self.as_json:
            what, todo = "--reveal and --json don't go together.", "Leave --json out"
        elif not self._out.file.isatty():
            what, todo = "Standard output is no terminal.", "Run it on a terminal"
        else:
            return
        raise InputError(
            "reveal-elsewhere",
            what,
            why="A client secret is shown to a person only: elsewhere it would end in a file, "
            "another program or a log.",
            todo=f"{todo}; or let a repository keep it, as register does by default.",
        )

    def say(self, text: str = "", style: str = "") -> None:
        """A line of the outcome."""
        self._out.show(Text(text, style))

    def _json(self, value: Mapping[str, object]) -> None:
        self._out.show(Text(json.dumps(value)))


def _as_json(outcome: Outcome) -> dict[str, object]:
    """The outputs, and what a person is told besides."""
    more: dict[str, object] = {}
    match outcome:
        case Provisioned():
            more = {"overwritten": outcome.overwritten, "remove-at": outcome.remove_at}
            more["unsettled-since"] = outcome.unsettled_since
            more["same-since"] = outcome.same_since
            more["old-tokens"] = [
                {
                    "issued-at": old.issued_at,
                    "fate": old.fate,
                    "revoke-after": old.revoke_after,
                    "reason": old.reason,
                    "approver": old.approver,
                }
                for old in outcome.old_tokens
            ]
        case Checked():
            more = {"findings": [asdict(finding) for finding in outcome.findings]}
        case DryRun():
            more = {"would": outcome.would}
        case Ended():
            more = {"notes": outcome.notes, "news": outcome.news}
        case Posted():
            more = {"already": outcome.already}
        case ApprovalPending():
            pass
    return {**outcome.outputs(), **more}


def _complete_command(outcome: ApprovalPending, inputs: Inputs) -> str:
    """The command to go on with, with what was not left to the defaults."""
    words = [*program(), "complete", "--account", outcome.account]
    words += ["--repository", outcome.repository]
    if outcome.client_id:
        words += ["--client-id", outcome.client_id]
    if inputs.journal != Inputs.journal:
        words += ["--journal", inputs.journal]
    for kind in ("secrets", "variables"):
        mappings = getattr(inputs, kind)
        if mappings != getattr(Inputs, kind):
            words += [w for m in mappings for w in (f"--{kind}", f"{m.name}={m.field}")]
    return shlex.join(words)
