"""The job's summary: what a person finds on the run's page, in GitHub-flavoured Markdown. Pure.

What servers wrote stands in code spans or escaped: it can be no link, no image and no mention.
The steps for a person are worded here for the log as well.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

from provisioner.report import (
    Exit,
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

MARKS = {"good": "✅", "unclear": "❔", "soon": "⚠️", "bad": "❌", "planned": "▫️"}
BUTTON = "Run workflow"
SPECIAL = re.compile(
    r"(“[^”]*”|`[^`]+`|\$\{\{.*?\}\}|[\w.-]+@[\w.-]*\w(?::\d+)?"
    r"|https?://[^\s<>]+?(?=[.,:;)]*(?:\s|$)))"
)
"""What becomes code: what a text quotes, what stands in backticks or is an expression, and an
account, which GitHub would take for an e-mail address. And an address, which becomes a link."""
MEANINGFUL = re.compile(r"([\\`*_\[\]<>|~&@$]|:(?=/)|(?<=www)\.)", re.IGNORECASE)
"""What GitHub-flavoured Markdown sees a meaning in, within a line."""
LEADING = re.compile(r"^(\d*)([#+=.)-])")
"""And at its beginning: headings and lists."""
HEADINGS = {
    Exit.FAILED: "Failed; nothing was changed",
    Exit.INPUT: "An input is wrong",
    Exit.INCOMPLETE: "Incomplete; the next run goes on from there",
    Exit.ACTION_REQUIRED: "Action required",
    Exit.BUG: "This is a bug",
    Exit.SIGINT: "Cancelled",
    Exit.SIGTERM: "Cancelled",
}


def sentences(steps: Next) -> list[str]:
    """The steps for the reader of a workflow's run, as plain text."""
    told: list[str] = []
    for step in steps:
        text = _worded(step)
        if told and told[-1].endswith(":"):  # it leads to this step
            told[-1] += f" {text[0].lower()}{text[1:]}"
        else:
            told.append(text)
    return told


def _worded(step: Step) -> str:
    match step:
        case str():
            return step
        case Open():
            return f"Open {step.url}{step.purpose}."
        case Set():
            text = _set(step)
        case Run():
            inputs = [_set(one) for one in step.options]
            if step.command in {"abandon", "deprovision"}:
                inputs.append(_set(Set("command", step.command)))
            text = " and ".join([*inputs, _press(step)])
            text = f"{step.when}, {text}" if step.when else text
    return f"{text[0].upper()}{text[1:]}."


def _press(step: Run) -> str:
    """The button, and what its form needs for this command."""
    if step.command in {"login", "register", "post"}:
        return f"run `provisioner {step.command}` on your own machine"
    if step.code:
        return f"press {BUTTON} with the code in the field “code”"
    if step.rotate:
        return f"press {BUTTON} with “rotate” ticked"
    fields = "again" if step.command == "again" else "with both fields left empty"
    return f"press {BUTTON} {fields}"


def _set(step: Set) -> str:
    return f"set “{step.name}{f': {step.value}' if step.value else ''}” under “with:”"


def of_report(report: Report, page: str, warned: Iterable[Item] = ()) -> str:
    """How a run ended well; `page` has the button *Run workflow*, and `warned` stood in the log."""
    mark = "⚠️ " if report.exit_code else "" if report.next else "✅ "
    parts = [f"## {mark}{_text(report.headline.rstrip('.:'))}"]
    if report.link:
        parts.append(f"### ➜ [**Open {_name(report.link)}**]({_target(report.link)})")
    parts.append(_items(dict.fromkeys([*report.items, *warned]), page))
    parts.append(_steps(besides(report.next, report.link), page))
    if report.snippet:
        parts.append(f"To paste into the workflow:\n\n```yaml\n{report.snippet}\n```")
    rows = []
    for label, value in report.table.items():
        cell = "<br>".join(_code(line) for line in value.split("\n"))
        rows.append(f"| {label} | {cell} |")
    # The first row is the head, since GitHub's tables need one.
    parts.append("\n".join([*rows[:1], *["| :--- | :--- |"][: len(rows)], *rows[1:]]))
    return "\n\n".join(filter(None, parts))


def of_error(
    error: ProvisionerError, page: str, warned: Iterable[Item] = (), *, is_rerun: bool
) -> str:
    """What happened, why, and what to do next."""
    parts = [f"## ❌ {HEADINGS[error.exit_code]}"]
    if is_rerun:
        parts.append(
            "⚠️ This was a *Re-run*, which has the inputs and the secrets of the first attempt. "
            f"Press {_button(page)} instead; nothing is broken."
        )
    parts.append(f"**What happened:** {_text(error.what)}")
    if error.why:
        parts.append(f"**Why:** {_text(error.why)}")
    steps = error.next
    if not any(isinstance(step, Run) for step in steps):
        steps = (*steps, Run("again"))  # the button is never far
    parts.append(f"**Next:**\n\n{_steps(steps, page)}")
    parts.append(_items(warned, page))
    parts.append(f"<sub>`{error.code}`, exit code {int(error.exit_code)}</sub>")
    return "\n\n".join(filter(None, parts))


def _marked(steps: Next, page: str) -> list[str]:
    return [_text(text).replace(BUTTON, _button(page)) for text in sentences(steps)]


def _steps(steps: Next, page: str) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(_marked(steps, page), 1))


def _items(items: Iterable[Item], page: str) -> str:
    lines = []
    for item in items:
        steps = " ".join(_marked(item.next, page))
        after = f"<br>**Next:** {steps}" if steps else ""
        lines.append(f"- {MARKS[item.verdict]} {_text(item.text)}{after}")
    return "\n".join(lines)


def _button(page: str) -> str:
    return f"[**{BUTTON}**]({_target(page)})"


def _text(text: str) -> str:
    """A sentence of ours: what it quotes becomes code, what a server wrote stays text."""
    line = "".join(
        _special(part) if odd % 2 else MEANINGFUL.sub(r"\\\1", part)
        for odd, part in enumerate(SPECIAL.split(" ".join(text.split())))
    )
    return LEADING.sub(r"\1\\\2", line)


def _special(part: str) -> str:
    if part.startswith("http"):
        return f"[{_name(part)}]({_target(part)})"
    return _code(part[1:-1] if part[0] in "“`" else part)


def _code(text: str) -> str:
    """A code span: its fence is longer than any run of backticks within."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, pad = "`" * (longest + 1), " " if "`" in text else ""
    return f"{fence}{pad}{text.replace('|', '¦')}{pad}{fence}" if text else ""


def _name(url: str) -> str:
    """An address for a link's name: without its scheme and query."""
    return MEANINGFUL.sub(r"\\\1", re.sub(r"^https?://|/?[?#].*|/$", "", url))


def _target(url: str) -> str:
    """A link's destination: nothing in it can end it, or means anything else than itself."""
    safe = re.sub(r"[<>\\\s]", lambda character: quote(character[0]), url)
    return f"<{safe.replace('&', '&amp;')}>"
