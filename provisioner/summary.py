"""The job's summary: what a person finds on the run's page, in GitHub-flavoured Markdown. Pure.

What servers wrote stands in code spans or escaped: it can be no link, no image and no mention.
"""

import re
from urllib.parse import quote, urlsplit

from provisioner.addresses import host_of, origin_of
from provisioner.destinations import Mapping
from provisioner.errors import Exit, ProvisionerError
from provisioner.inputs import Inputs
from provisioner.outcomes import ApprovalPending, Checked, Ended, Provisioned

MARKS = {"good": "✅", "unclear": "❔", "soon": "⚠️", "bad": "❌"}
SPECIAL = re.compile(
    r"(“[^”]*”|`[^`]+`|\$\{\{.*?\}\}|--[a-z-]+(?: [A-Z_]+(?:=[a-z_]+)?)?|[A-Z]+(?:_[A-Z]+)+"
    r"|\d{4}-\d\d-\d\dT[\d:]+Z|[\w.-]+@[\w.-]*\w(?::\d+)?"
    r"|https?://[^\s<>]+?(?=[.,:;)]*(?:\s|$)))"
)
"""What a text quotes, names or points to: anything in quotation marks, code, an expression, an
option and its value, a secret's name, a time, an account, an address."""
MEANINGFUL = re.compile(r"([\\`*_\[\]<>|~&@$]|:(?=/)|(?<=www)\.)", re.IGNORECASE)
"""What GitHub-flavoured Markdown sees a meaning in, within a line."""
HEADINGS = {
    Exit.FAILED: "Failed; nothing was changed",
    Exit.INPUT: "An input is wrong",
    Exit.HALF_WAY: "Stopped half-way; the next run goes on from there",
    Exit.PERSON: "You are needed",
    Exit.BUG: "This is a bug",
    Exit.SIGINT: "Cancelled",
    Exit.SIGTERM: "Cancelled",
}


def of(outcome: ApprovalPending | Provisioned | Checked | Ended, inputs: Inputs, page: str) -> str:
    """How a run ended well; `page` is where *Run workflow* is pressed."""
    match outcome:
        case ApprovalPending():
            return _approval(outcome, inputs, page)
        case Provisioned():
            return _provisioned(outcome)
        case Checked():
            return _checked(outcome, page)
        case Ended():
            return f"## {_text(outcome.headline)}\n{_notes(outcome)}"


def of_error(error: ProvisionerError, page: str, *, is_rerun: bool) -> str:
    """What happened, why, and what to do next."""
    parts = [f"## ❌ {HEADINGS[error.exit_code]}"]
    if is_rerun:
        parts.append(
            "⚠️ This was a *Re-run*, which brings the inputs and the secrets of the first attempt. "
            f"Press [**Run workflow**]({_link(page)}) instead; nothing is broken."
        )
    parts.append(f"**What happened:** {_text(error.what)}")
    if error.why:
        parts.append(f"**Why:** {_text(error.why)}")
    if error.todo:
        parts.append(f"**Next:** {_text(error.todo)}")
    if error.link:
        parts.append(f"### ➜ [**Open {_address(error.link)}**]({_link(error.link)})")
    parts.append(_how(error.todo, page))
    parts.append(f"<sub>`{error.ident}`, exit code {int(error.exit_code)}</sub>")
    return "\n\n".join(parts)


def of_warnings(warnings: list[str]) -> str:
    """What was said besides on the way."""
    return "".join(f"\n- ⚠️ {_text(warning)}" for warning in warnings)


def _approval(outcome: ApprovalPending, inputs: Inputs, page: str) -> str:
    user, host = inputs.account.user, _address(outcome.instance)
    again = " It is the link of an earlier run, still good." if outcome.again else ""
    return f"""
## Your turn: authorize as {_code(outcome.account)}

### ➜ [**Open {host} and press Authorize**]({_link(outcome.authorize_url)})

Sign in there as {_code(user)}: an approval by anybody else is noticed, and not used.{again}

Then copy the code that {host} shows. It works once, and may expire after {outcome.code_good_for}:

1. Press [**Run workflow**]({_link(page)}), on this workflow's page.
2. Paste the code into the field **code**, and press the green button.

{_table("Will be stored in", outcome, inputs.mappings)}
"""


def _provisioned(outcome: Provisioned) -> str:
    return f"""
## ✅ {_text(outcome.headline.removesuffix("."))}
{_notes(outcome)}

The bot's workflow reads it so:

```yaml
{outcome.lines_for_bot}
```

{_table("Stored in", outcome, outcome.written)}
| Expires | {_text(outcome.expires_at)} |
"""


def _notes(outcome: Provisioned | Ended) -> str:
    news = [f"\n- ✅ {_text(note)}" for note in outcome.news]
    return "".join([*news, *(f"\n- ⚠️ {_text(note)}" for note in outcome.notes)])


def _checked(outcome: Checked, page: str) -> str:
    mark = "✅" if outcome.status == "healthy" else "⚠️"
    words = "is healthy" if outcome.status == "healthy" else "needs attention"
    found = [f"## {mark} {_code(outcome.account)} {words}", ""]
    for finding in outcome.findings:
        found.append(f"- {MARKS[finding.verdict]} {_text(finding.text)}")
        if finding.todo:
            found.append(f"  <br>**Next:** {_text(finding.todo)}")
    todos = " ".join(finding.todo for finding in outcome.findings)
    return "\n".join([*found, "", _how(todos, page) if todos.strip() else ""])


def _table(
    stored: str, outcome: ApprovalPending | Provisioned, written: tuple[Mapping, ...]
) -> str:
    """Whose token, for what, where to: the first row is the head, as GitHub's tables need one."""
    names = (f"{mapping.kind.removesuffix('s')} {_code(mapping.name)}" for mapping in written)
    return "\n".join(
        [
            f"| Token of | {_code(outcome.account)} |",
            "| :--- | :--- |",
            f"| Server | {_code(outcome.instance)} |",
            f"| May | {' '.join(map(_code, outcome.scopes))} |",
            f"| {stored} {_code(outcome.repository)} as | {'<br>'.join(names)} |",
        ]
    )


def _how(todo: str, page: str) -> str:
    """What the verbs mean on a page with a button; in any case, that the button is pressed."""
    button = f"press [**Run workflow**]({_link(page)})"
    ways, todo = [], re.sub("“[^”]*”|`[^`]*`", "", todo)
    if re.search(r"\brun check\b", todo, re.IGNORECASE):
        ways.append("to check, {} with both fields left empty")
    if re.search(r"\bbeg[iu]n\b", todo, re.IGNORECASE):
        ways.append("to begin, {} with **rotate** ticked where a token is in use already")
    if re.search(r"\bcomplete\b", todo, re.IGNORECASE):
        fields = "both fields left empty" if "no code" in todo else "the **code** in its field"
        ways.append(f"to complete, {{}} with {fields}")
    told = "; ".join(ways or ["then {}"])
    return f"{told[0].upper()}{told[1:]}.".replace("{}", button, 1).replace("{}", "press it")


def _text(text: str) -> str:
    """A sentence of ours: what it quotes becomes code, options become the inputs they stand for."""
    return "".join(
        _special(part) if odd % 2 else MEANINGFUL.sub(r"\\\1", part)
        for odd, part in enumerate(SPECIAL.split(text))
    )


def _special(part: str) -> str:
    if part.startswith("http"):
        return f"<{part}>"
    if part.startswith("--"):
        return _code(part.removeprefix("--").replace(" ", ": "))
    return _code(part[1:-1] if part[0] in "“`" else part)


def _code(text: str) -> str:
    """A code span: its fence is longer than any run of backticks within."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, pad = "`" * (longest + 1), " " if "`" in text else ""
    return f"{fence}{pad}{text.replace('|', '¦')}{pad}{fence}" if text else ""


def _address(url: str) -> str:
    """An address for a link's name: without its query."""
    origin = origin_of(url)
    path = urlsplit(url).path.rstrip("/") if origin else ""
    return MEANINGFUL.sub(r"\\\1", host_of(origin) + path) or "the link"


def _link(url: str) -> str:
    """A link's destination: nothing in it can end it, or means anything else than itself."""
    safe = re.sub(r"[<>\\\s]", lambda character: quote(character[0]), url)
    return f"<{safe.replace('&', '&amp;')}>"
