"""The job's summary: what a person finds on the run's page, in GitHub-flavoured Markdown. Pure.

What servers wrote stands in code spans or escaped: it can be no link, no image and no mention.
"""

import re
from urllib.parse import quote

from provisioner.addresses import host_of, origin_of
from provisioner.destinations import Mapping
from provisioner.errors import Exit, ProvisionerError
from provisioner.inputs import Inputs
from provisioner.outcomes import ApprovalPending, Checked, Provisioned

MARKS = {"good": "✅", "unclear": "❔", "bad": "❌"}
SPECIAL = re.compile(
    r"(“[^”]*”|`[^`]+`|--[a-z-]+|[\w.-]+@[\w.-]*\w(?::\d+)?|https?://[^\s<>]+?(?=[.,:;)]*(?:\s|$)))"
)
"""What a text quotes, names or points to: anything in quotation marks, code, an option, an account,
an address."""
HEADINGS = {
    Exit.FAILED: "Failed; nothing was changed",
    Exit.INPUT: "Something is wrong in what was handed in",
    Exit.HALF_WAY: "Stopped half-way; the next run goes on from there",
    Exit.PERSON: "You are needed",
    Exit.BUG: "This is a bug",
    Exit.SIGINT: "Cancelled",
    Exit.SIGTERM: "Cancelled",
}


def of(outcome: ApprovalPending | Provisioned | Checked, inputs: Inputs, page: str) -> str:
    """How a run ended well; `page` is where *Run workflow* is pressed."""
    match outcome:
        case ApprovalPending():
            return _approval(outcome, inputs, page)
        case Provisioned():
            return _provisioned(outcome)
        case Checked():
            return _checked(outcome, page)


def of_error(error: ProvisionerError, page: str, *, is_rerun: bool) -> str:
    """What happened, why, and what to do next."""
    parts = [f"## ❌ {HEADINGS[error.exit_code]}", f"**What happened:** {_text(error.what)}"]
    if error.why:
        parts.append(f"**Why:** {_text(error.why)}")
    if error.todo:
        parts.append(f"**Next:** {_text(error.todo)}")
    if error.link:
        parts.append(f"### ➜ [**Open {_host(error.link)}**]({_link(error.link)})")
    parts += _how(error.todo, page)
    if is_rerun:
        parts.append(
            f"⚠️ This was a *Re-run*, which brings the inputs and the secrets of the first attempt. "
            f"Press [**Run workflow**]({_link(page)}) instead."
        )
    parts.append(f"<sub>`{error.ident}`, exit code {int(error.exit_code)}</sub>")
    return "\n\n".join(parts)


def _approval(outcome: ApprovalPending, inputs: Inputs, page: str) -> str:
    user, host = inputs.account.user, _host(outcome.instance)
    again = " (the link of an earlier run, still good)" if outcome.again else ""
    return f"""
## One click to go: {_code(outcome.account)}

### ➜ [**Open {host} and press Authorize**]({_link(outcome.authorize_url)}){again}

Sign in there as {_code(user)}. Somebody else's approval would be noticed, and not be used.

Then copy the code that {host} shows. It works once, and for a few minutes (ten on Mastodon):

1. Press [**Run workflow**]({_link(page)}).
2. Paste the code into the field **code**, and press the green button.

{_table(outcome.account, outcome.instance, outcome.scopes, inputs.mappings, outcome.repository)}
"""


def _provisioned(outcome: Provisioned) -> str:
    notes = "".join(f"\n- ⚠️ {_text(note)}" for note in outcome.notes)
    table = _table(
        outcome.account, outcome.instance, outcome.scopes, outcome.written, outcome.repository
    )
    return f"""
## ✅ {_text(outcome.headline)}

{table}
| Expires | {_text(outcome.expires_at)} |
{notes}

In the bot's workflow:

```yaml
{outcome.lines_for_bot}
```
"""


def _checked(outcome: Checked, page: str) -> str:
    mark = "✅" if outcome.status == "healthy" else "⚠️"
    words = "is healthy" if outcome.status == "healthy" else "needs attention"
    found = [f"## {mark} {_code(outcome.account)} {words}", ""]
    for finding in outcome.findings:
        found.append(f"- {MARKS[finding.verdict]} {_text(finding.text)}")
        if finding.todo:
            found.append(f"  <br>**Next:** {_text(finding.todo)}")
    todos = " ".join(finding.todo for finding in outcome.findings)
    return "\n".join([*found, "", "\n\n".join(_how(todos, page))])


def _table(
    account: str, instance: str, scopes: tuple[str, ...], written: tuple[Mapping, ...], place: str
) -> str:
    """Whose token, where, for what: the first row is the head, as GitHub's tables need one."""
    names = (f"{mapping.kind.removesuffix('s')} {_code(mapping.name)}" for mapping in written)
    return "\n".join(
        [
            f"| Account | {_code(account)} |",
            "| :--- | :--- |",
            f"| Server | {_code(instance)} |",
            f"| May | {' '.join(map(_code, scopes))} |",
            f"| Written to {_code(place)} | {'<br>'.join(names)} |",
        ]
    )


def _how(todo: str, page: str) -> list[str]:
    """What the verbs mean on a page with a button."""
    press = f"press [**Run workflow**]({_link(page)})"
    ways = []
    if re.search(r"\bbeg[iu]n\b", todo, re.IGNORECASE):
        ways.append(f"- to begin: {press}, with **rotate** ticked where a token is in use already")
    if re.search(r"\bcomplete\b", todo, re.IGNORECASE):
        ways.append(f"- to complete: {press} with the **code** (empty, where none is needed)")
    if not ways and re.search(r"\b[Rr]un (this|it|check)\b", todo):
        ways.append(f"- to run it again: {press}")
    return ["\n".join(ways)] if ways else []


def _text(text: str) -> str:
    """A sentence of ours: what it quotes becomes code, options become the inputs they stand for.

    Everything else is escaped: any punctuation may be, in GitHub-flavoured Markdown.
    """
    return "".join(
        _special(part) if odd % 2 else re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", part)
        for odd, part in enumerate(SPECIAL.split(text))
    )


def _special(part: str) -> str:
    if part.startswith("http"):
        return f"<{part}>"
    if part.startswith("“"):
        return f"“{_code(part[1:-1])}”"
    return _code(part.removeprefix("--").strip("`"))


def _code(text: str) -> str:
    """A code span: its fence is longer than any run of backticks within."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, pad = "`" * (longest + 1), " " if "`" in text else ""
    return f"{fence}{pad}{text.replace('|', '¦')}{pad}{fence}" if text else ""


def _host(url: str) -> str:
    return re.sub(r"([._-])", r"\\\1", host_of(origin_of(url))) or "the link"


def _link(url: str) -> str:
    """A link's destination: nothing in it can end it."""
    safe = re.sub(r"[<>\s]", lambda character: quote(character[0]), url)
    return f"<{safe}>"
