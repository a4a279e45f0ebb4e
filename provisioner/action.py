"""The GitHub Action: what a workflow's step asks for, and how it is answered."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from provisioner import ceremony, summary
from provisioner.ceremony import Case, Desk
from provisioner.errors import InputError, ProvisionerError, plain
from provisioner.inputs import Inputs, parse_inputs
from provisioner.outcomes import (
    ApprovalPending,
    Checked,
    DryRun,
    Ended,
    Finding,
    Outcome,
    Posted,
    Provisioned,
)
from provisioner.runner import Runner
from provisioner.secret import Secret
from provisioner.surroundings import parse_github_token

INPUTS = (
    "account",
    "app-name",
    "client-id",
    "client-secret",
    "grace",
    "instance",
    "journal",
    "journal-key",
    "max-age",
    "repository",
    "scopes",
    "secrets",
    "variables",
)
SECRET_INPUTS = ("github-token", "journal-key", "client-secret")
DISPATCHED = ("code", "rotate")
"""Inputs of the workflow_dispatch: under `with:` the runner would print them in the log."""
COMMANDS = ("auto", "begin", "complete", "check", "abandon", "deprovision", "demo")
EVENTS = ("workflow_dispatch", "schedule")
TITLE = "Mastodon Provisioner"


@dataclass(frozen=True)
class Step:
    """The step of a workflow that this run is: told of the progress, it writes the runner's log."""

    runner: Runner
    warnings: list[str] = field(default_factory=list)

    def command(self) -> str:
        """What is to be done. Before anything else, the secrets handed in are masked.

        Raises InputError: for a command, an event or an input that is none of the action's.
        """
        for name in SECRET_INPUTS:
            self.hide(Secret(self.runner.input(name)))
        for text in (*map(self.runner.input, DISPATCHED), *map(self.runner.dispatched, DISPATCHED)):
            self.hide(Secret(_code_within(text)))
        if not self.runner.is_real:
            raise InputError(
                "no-runner",
                "This is what the GitHub Action runs, and there is no runner here.",
                todo="Use begin, complete and check.",
            )
        command = self.runner.input("command") or "auto"
        if command not in COMMANDS:
            raise InputError(
                "bad-command",
                f"“{plain(command)}” is not a command of this action.",
                todo=f"Write one of `{', '.join(COMMANDS)}`.",
            )
        if command != "demo":
            self._require_our_event()
        return command

    def inputs(self) -> tuple[Inputs, Secret]:
        """The inputs, and the token for GitHub. Raises InputError."""
        # One that is empty today would be full, and in the log, the next time.
        for name in filter(self.runner.hands_in, DISPATCHED):
            raise InputError(
                "input-in-log",
                f"The input {name} was handed in under `with:`.",
                why="The runner prints what stands there in the log, before the action starts.",
                todo="Remove it there, and have it under `on: workflow_dispatch: inputs:`, where "
                "the action finds it by itself. If it was a code: open the link again, and "
                "complete with the new one.",
            )
        raw = {name.replace("-", "_"): self.runner.input(name) for name in INPUTS}
        raw["repository"] = raw["repository"] or self.runner.repository
        inputs = parse_inputs(raw, in_workflow=True)
        here = inputs.repository.casefold() == self.runner.repository.casefold()
        if not here and not inputs.keeps_key:
            raise InputError(
                "journal-key-elsewhere",
                f"The journal of {inputs.repository} needs a key that this workflow hands in.",
                why="One that is made now would become a secret over there, where this workflow "
                "can't read it.",
                todo="Put the output of `openssl rand -base64 32` into a secret of this "
                "repository, and hand that in as --journal-key.",
            )
        return inputs, parse_github_token(self.runner.input("github-token"), in_workflow=True)

    def verb(self, command: str) -> Callable[[Desk, Case], Outcome]:
        """The verb that a command stands for; for `auto`, one that chooses when it has looked."""
        code = self.runner.dispatched("code")
        verbs: dict[str, Callable[[Desk, Case], Outcome]] = {
            "begin": ceremony.begin,
            "complete": lambda desk, case: ceremony.complete(desk, case, lambda: code),
            "check": ceremony.check,
            "abandon": ceremony.abandon,
            "deprovision": ceremony.deprovision,
        }
        if command != "auto":
            return verbs[command]
        rotate = self.runner.flag("rotate")
        return lambda desk, case: verbs[self._choose(case, code, rotate=rotate)](desk, case)

    def _choose(self, case: Case, code: str, *, rotate: bool) -> str:
        pending, current = case.journal.pending, case.journal.current
        if self.runner.event == "schedule":
            return "check"
        if code or (pending and pending.staged):
            return "complete"
        if self.runner.is_rerun and not pending:
            rotate = False  # that rotation is done: a re-run of it must not start another
        return "begin" if rotate or current is None else "check"

    def _require_our_event(self) -> None:
        if self.runner.event not in EVENTS:
            raise InputError(
                "wrong-event",
                f"This workflow was started by “{plain(self.runner.event)}”.",
                why="Only somebody who may run the repository's workflows, or its schedule, may "
                "start an authorization; other events can be caused by strangers.",
                todo="Use the action in a workflow on: workflow_dispatch and schedule alone.",
            )

    # What a run tells, in the runner's form.

    def done(self, text: str) -> None:
        """A step is done."""
        self.runner.line(f"✓ {text}")

    def warn(self, text: str) -> None:
        """Something that the person should know, and that does not stop the run."""
        self.warnings.append(text)
        self.runner.annotate("warning", _as_inputs(text), TITLE)

    def explain(self, text: str) -> None:
        """Why something was chosen: GitHub shows it where debug logging is on."""
        self.runner.debug(text)

    def hide(self, secret: Secret) -> None:
        """A secret came into being: it is masked before it travels."""
        self.runner.mask(secret)

    def waiting(self, host: str, seconds: float) -> None:
        """A pause before a request is repeated."""
        self.runner.line(f"… {host} is asked again in {seconds:.0f} s")

    def say(self, text: str = "", _style: str = "") -> None:
        """A line of the outcome."""
        self.runner.line(text)

    def played(self, outcome: Outcome, inputs: Inputs) -> None:
        """How the demo ended."""
        self.runner.summarize(
            "**This was the demo.** Nothing in it is real, and this repository was not touched. "
            "A real run would end so:"
        )
        self.outcome(outcome, inputs)

    def outcome(self, outcome: Outcome, inputs: Inputs) -> None:
        """How the run ended: in the log, as outputs, and in the summary."""
        match outcome:
            case ApprovalPending():
                self.runner.line(f"Open this link, sign in as {outcome.account}, press Authorize:")
                self.runner.line(outcome.authorize_url)
                title = f"Open this link, and sign in as {outcome.account}"
                self.runner.annotate("notice", outcome.authorize_url, title)
            case Provisioned() | Ended():
                self.runner.line(outcome.headline)
                for note in outcome.news:
                    self.done(note)
                for note in outcome.notes:
                    self.runner.annotate("warning", _as_inputs(note), TITLE)
            case Checked():
                for finding in outcome.findings:
                    self._finding(finding)
            case DryRun() | Posted():  # no input asks for these
                return
        for name, value in outcome.outputs().items():
            self.runner.output(name, value)
        told = summary.of(outcome, inputs, self.runner.workflow_page)
        self.runner.summarize(told + summary.of_warnings(self.warnings))

    def _finding(self, finding: Finding) -> None:
        """A good one is a line of the log; the others stand on the run's page too."""
        text = f"{finding.text}\nNext: {finding.todo}" if finding.todo else finding.text
        match finding.verdict:
            case "good":
                self.done(text)
            case "unclear" | "soon":
                self.warn(text)
            case "bad":
                self.runner.annotate("error", text, TITLE)

    def error(self, error: ProvisionerError) -> None:
        """What happened, why, what to do next: an annotation, and the summary."""
        again = "This was a re-run. Press Run workflow instead." if self.runner.is_rerun else ""
        parts = [again, error.what, error.why, f"Next: {error.todo}" if error.todo else ""]
        text = "\n".join(filter(None, (*map(_as_inputs, parts), error.link)))
        self.runner.annotate("error", text, error.ident)
        page = self.runner.workflow_page
        self.runner.summarize(summary.of_error(error, page, is_rerun=self.runner.is_rerun))


def _code_within(pasted: str) -> str:
    """The part of a pasted text that is secret: an address around it is not."""
    if match := re.search(r"[?&]code=([^&\s]+)|^code=([^&\s]+)", pasted):
        return match[1] or match[2]
    return "" if re.search("[/?]", pasted) else pasted  # the link itself must stay readable


def _as_inputs(text: str) -> str:
    """What is an option of the command line is an input here; an address may hold two hyphens."""
    return re.sub(r"(?<![\w-])--(?=[a-z])", "", text)
