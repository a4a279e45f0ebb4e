"""What a person sees: a line per step, the outcome, the error.

Progress and errors go to standard error, the outcome to standard output; with `--json` the outcome
or the error is one JSON object there. Colour follows `NO_COLOR` and whether it is a terminal. All
text is printed as it is, never read as markup.
"""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Protocol, TextIO

from rich.console import Console
from rich.text import Text

from provisioner.errors import ProvisionerError
from provisioner.inputs import Inputs
from provisioner.outcomes import ApprovalPending, Checked, DryRun, Outcome, Provisioned

MARKS = {"good": ("✓", "green"), "unclear": ("?", "yellow"), "bad": ("✗", "red")}


class SealedBox(Protocol):
    """A stored secret, as far as anybody can see it."""

    @property
    def ciphertext_length(self) -> int:
        """Bytes."""


@dataclass
class Terminal:
    """The two streams of a terminal, or of whatever stands in its place."""

    as_json: bool = False
    progress: TextIO = field(default_factory=lambda: sys.stderr)

    def __post_init__(self) -> None:
        """Bind to the streams as they are now."""
        self._out = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._err = Console(file=self.progress, highlight=False, soft_wrap=True)

    def done(self, text: str) -> None:
        """A step is done."""
        self._err.print(Text.assemble(("✓ ", "green"), text))

    def warn(self, text: str) -> None:
        """Something that the person should know, and that does not stop the run."""
        self._err.print(Text.assemble(("! ", "yellow"), text))

    def waiting(self, host: str, seconds: float) -> None:
        """A pause before a request is repeated."""
        self._err.print(Text(f"… {host} is asked again in {seconds:.0f} s", "dim"))

    def error(self, error: ProvisionerError) -> None:
        """What happened, why, what to do next."""
        if self.as_json:
            parts = {"name": error.ident, "what": error.what, "why": error.why}
            parts |= {"todo": error.todo, "link": error.link}
            self._json({"status": "failed", "exit-code": int(error.exit_code), "error": parts})
        self._err.print(Text.assemble(("✗ ", "bold red"), (error.what, "bold")))
        for label, text in (("Why: ", error.why), ("Next: ", error.todo), ("Link: ", error.link)):
            if text:
                self._err.print(Text.assemble("  ", (label, "dim"), text.strip()))
        self._err.print(Text(f"  ({error.ident}, exit code {error.exit_code})", "dim"))

    def outcome(self, outcome: Outcome, inputs: Inputs) -> None:
        """How the run ended."""
        if self.as_json:
            findings = outcome.findings if isinstance(outcome, Checked) else ()
            details = {"findings": [asdict(finding) for finding in findings]} if findings else {}
            self._json({**outcome.outputs(), **details})
            return
        match outcome:
            case ApprovalPending():
                self._approval(outcome, inputs)
            case Provisioned():
                self._provisioned(outcome)
            case Checked():
                self._checked(outcome)
            case DryRun():
                self.say("Nothing was changed. A real run would now:")
                for step in outcome.would:
                    self.say(f"  - {step}")

    def _approval(self, outcome: ApprovalPending, inputs: Inputs) -> None:
        self.say()
        self.say(f"Open this link, sign in as {outcome.account}, and press Authorize:", "bold")
        self.say()
        self.say(outcome.authorize_url, "cyan")
        self.say()
        self.say("The instance then shows a code that is good for a few minutes. Go on with it:")
        self.say()
        self.say(f"  {_complete_command(outcome, inputs)}", "bold")
        if not inputs.journal_key:
            self.warn(
                f"Only workflows can read the journal's key ({inputs.journal}_KEY), so that "
                "complete must run in one. To complete here instead: delete the variable "
                f"{inputs.journal}, set MASTODON_JOURNAL_KEY to the output of `openssl rand "
                "-base64 32`, and begin again"
            )

    def _provisioned(self, outcome: Provisioned) -> None:
        self.say()
        self.say(f"{outcome.account} is {outcome.status} in {outcome.repository}.", "bold green")
        self.say(f"It may {' '.join(outcome.scopes)}; it expires {outcome.expires_at}.")
        self.say("In the bot's workflow:")
        self.say()
        self.say("    env:")
        for mapping in outcome.written:
            context = "secrets" if mapping.kind == "secrets" else "vars"
            self.say(f"      {mapping.name}: ${{{{ {context}.{mapping.name} }}}}")
        for name in outcome.overwritten:
            self.warn(
                f"The secret {name} held something before, and that token lives on. If it was for "
                f"this account, remove its application: {outcome.revoke_at}"
            )
        if outcome.old_token_until:
            self.warn(
                "The old token stays alive for runs that still use it. Remove its application "
                f"after {outcome.old_token_until}: {outcome.revoke_at}"
            )

    def _checked(self, outcome: Checked) -> None:
        for finding in outcome.findings:
            mark, colour = MARKS[finding.verdict]
            self._out.print(Text.assemble((f"{mark} ", colour), finding.text))
            if finding.todo:
                self.say(f"  Next: {finding.todo}")
        self.say(f"{outcome.account}: {outcome.status}", "bold")

    def title(self, text: str) -> None:
        """A chapter of the demo's story."""
        self.say(f"\n{text}", "bold")

    def stored(
        self, repository: str, secrets: Mapping[str, "SealedBox"], variables: Mapping[str, str]
    ) -> None:
        """What an embedded GitHub holds: names and sizes, and no secret."""
        for name, box in secrets.items():
            self.say(f"  {repository}  secret    {name}  {box.ciphertext_length} bytes, sealed")
        for name, value in variables.items():
            shown = value if len(value) <= 40 else f"{len(value)} bytes, sealed"
            self.say(f"  {repository}  variable  {name}  {shown}")

    def say(self, text: str = "", style: str = "") -> None:
        """A line of the outcome."""
        self._out.print(Text(text, style))

    def _json(self, value: Mapping[str, object]) -> None:
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()


def _complete_command(outcome: ApprovalPending, inputs: Inputs) -> str:
    """The command to go on with, with what was not left to the defaults."""
    words = ["provisioner", "complete", "--account", outcome.account]
    words += ["--repository", outcome.repository]
    if inputs.journal != Inputs.journal:
        words += ["--journal", inputs.journal]
    for kind in ("secrets", "variables"):
        mappings = getattr(inputs, kind)
        if mappings != getattr(Inputs, kind):
            words += [w for m in mappings for w in (f"--{kind}", f"{m.name}={m.field}")]
    return shlex.join(words)
