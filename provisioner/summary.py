"""The job's summary: what a person finds on the run's page, in GitHub-flavoured Markdown. Pure.

What servers wrote stands in code spans or escaped: it can be no link, no image and no mention.
The steps for a person are worded here for the log as well, without the Markdown.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from provisioner.errors import ProvisionerError
from provisioner.report import Exit, Item, Next, Open, Report, Run, Set, Step, besides, opens
from provisioner.urls import host_of, origin_of

MARKS = {"good": "✅", "unclear": "❔", "soon": "⚠️", "bad": "❌", "planned": "▫️"}
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


class Words(NamedTuple):
    """How a step is written: as plain text, or as Markdown."""

    text: Callable[[str], str] = str
    code: Callable[[str], str] = str
    bold: Callable[[str], str] = str
    address: Callable[[str], str] = str
    button: str = "Run workflow"


def markdown(page: str) -> Words:
    """As Markdown; `page` is where *Run workflow* is pressed."""
    return Words(_text, _code, "**{}**".format, _address, f"[**Run workflow**]({_target(page)})")


def worded(step: Step, words: Words) -> str:
    """A step for the reader of a workflow's run."""
    match step:
        case Open():
            who = f", sign in as {_who(step.as_account, words)}" if step.as_account else ""
            then = f"{',' if who else ''} and {words.text(step.then)}" if step.then else ""
            return f"Open {words.address(step.url)}{who}{then}."
        case Run():
            parts = [_set(one, words) for one in step.options]
            if step.command in {"abandon", "deprovision"}:
                parts.append(_set(Set("command", step.command), words))
            parts.append(_press(step, words))
            told = " and ".join(parts)
            told = f"{words.text(step.when)}, {told}" if step.when else told
            return f"{told[0].upper()}{told[1:]}."
        case Set():
            told = _set(step, words)
            return f"{told[0].upper()}{told[1:]}."
        case str():
            return words.text(step)


def sentences(steps: Next, words: Words) -> list[str]:
    """The steps for the reader of a workflow's run; a text with a colon leads to the next step."""
    told: list[str] = []
    for step in steps:
        text = worded(step, words)
        if told and told[-1].endswith(":"):
            told[-1] += f" {text[0].lower()}{text[1:]}"
        else:
            told.append(text)
    return told


def _press(step: Run, words: Words) -> str:
    """The button, and what its form needs for this command."""
    if step.command in {"login", "register", "post"}:
        return f"run {words.code(f'provisioner {step.command}')} on your own machine"
    press = f"press {words.button}"
    if step.code:
        return f"{press} with the code in the field {words.bold('code')}"
    if step.rotate:
        return f"{press} with {words.bold('rotate')} ticked"
    return f"{press} again" if step.command == "again" else f"{press} with both fields left empty"


def _set(step: Set, words: Words) -> str:
    text = f"{step.name}: {step.value}" if step.value else step.name
    return f"set {words.code(text)} under {words.code('with:')}"


def _who(account: str, words: Words) -> str:
    return words.code(account) if "@" in account else words.text(account)


def of_report(report: Report, page: str, warned: Iterable[Item] = ()) -> str:
    """How a run ended well; `warned` are the items that stood in the log besides."""
    mark = "⚠️ " if report.exit_code else "" if report.next else "✅ "
    parts = [f"## {mark}{_text(report.headline.rstrip('.:'))}"]
    if report.link:
        parts.append(_prominent(report.link))
    items = [*report.items, *(item for item in warned if item not in report.items)]
    parts.append(_items(items, page))
    parts.append(_steps(besides(report.next, report.link), page))
    if report.snippet:
        parts.append(f"To paste into the workflow:\n\n```yaml\n{report.snippet}\n```")
    if report.table:
        # The first row is the head, since GitHub's tables need one.
        (label, value), *rows = report.table.items()
        lines = [f"| {_text(label)} | {_cell(value)} |", "| :--- | :--- |"]
        parts.append("\n".join([*lines, *(f"| {_text(key)} | {_cell(v)} |" for key, v in rows)]))
    return "\n\n".join(filter(None, parts))


def of_error(
    error: ProvisionerError, page: str, warned: Iterable[Item] = (), *, is_rerun: bool
) -> str:
    """What happened, why, and what to do next."""
    parts = [f"## ❌ {HEADINGS[error.exit_code]}"]
    if is_rerun:
        parts.append(
            "⚠️ This was a *Re-run*, which has the inputs and the secrets of the first attempt. "
            f"Press [**Run workflow**]({_target(page)}) instead; nothing is broken."
        )
    parts.append(f"**What happened:** {_text(error.what)}")
    if error.why:
        parts.append(f"**Why:** {_text(error.why)}")
    if error.link and not opens(error.next, error.link):
        parts.append(_prominent(error.link))
    steps = error.next
    if not any(isinstance(step, Run) for step in steps):
        steps = (*steps, Run("again"))  # the button is never far
    parts.append(f"**Next:**\n\n{_steps(steps, page)}")
    parts.append(_items(warned, page))
    parts.append(f"<sub>`{error.code}`, exit code {int(error.exit_code)}</sub>")
    return "\n\n".join(filter(None, parts))


def _steps(steps: Next, page: str) -> str:
    return "\n".join(f"{n}. {one}" for n, one in enumerate(sentences(steps, markdown(page)), 1))


def _items(items: Iterable[Item], page: str) -> str:
    words = markdown(page)
    lines = []
    for item in items:
        steps = " ".join(sentences(item.next, words))
        after = f"<br>**Next:** {steps}" if steps else ""
        lines.append(f"- {MARKS[item.verdict]} {_text(item.text)}{after}")
    return "\n".join(lines)


def _prominent(url: str) -> str:
    return f"### ➜ [**Open {_name(url)}**]({_target(url)})"


def _cell(text: str) -> str:
    """A fact in a table: a code span for each of its lines."""
    return "<br>".join(_code(line) for line in text.split("\n"))


def _text(text: str) -> str:
    """A sentence of ours: what it quotes becomes code, what a server wrote stays text."""
    line = "".join(
        _special(part) if odd % 2 else MEANINGFUL.sub(r"\\\1", part)
        for odd, part in enumerate(SPECIAL.split(" ".join(text.split())))
    )
    return LEADING.sub(r"\1\\\2", line)


def _special(part: str) -> str:
    if part.startswith("http"):
        return f"<{part}>"
    return _code(part[1:-1] if part[0] in "“`" else part)


def _code(text: str) -> str:
    """A code span: its fence is longer than any run of backticks within."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, pad = "`" * (longest + 1), " " if "`" in text else ""
    return f"{fence}{pad}{text.replace('|', '¦')}{pad}{fence}" if text else ""


def _address(url: str) -> str:
    return f"[{_name(url)}]({_target(url)})"


def _name(url: str) -> str:
    """An address for a link's name: without its query."""
    origin = origin_of(url)
    path = urlsplit(url).path.rstrip("/") if origin else ""
    return MEANINGFUL.sub(r"\\\1", host_of(origin) + path) or "the link"


def _target(url: str) -> str:
    """A link's destination: nothing in it can end it, or means anything else than itself."""
    safe = re.sub(r"[<>\\\s]", lambda character: quote(character[0]), url)
    return f"<{safe.replace('&', '&amp;')}>"
