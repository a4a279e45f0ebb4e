"""What GitHub's runner makes of a step's output and of its command files.

Written from the runner's own source (actions/runner 2.336, C#; the comments name its files) and
from GitHub's documentation, never from the code of our action. Of the commands it obeys those that
the action uses; any other is a failure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

COMMANDS = {
    *("add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group"),
    *("notice", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands"),
    "warning",
}
"""What a line may ask for (Runner.Common/ActionCommand.cs)."""
ESCAPES = {"%0D": "\r", "%0A": "\n", "%25": "%"}
IN_PROPERTIES = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
IN_OLDER_FORM = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]", "%25": "%"}


@dataclass(frozen=True)
class Command:
    """A command in a line of output; the names of properties are in lower case."""

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    data: str = ""


def lines_of(log: str) -> list[str]:
    """The lines as the runner reads them: a carriage return ends one too."""
    return re.split(r"\r\n|\r|\n", log.removesuffix("\n")) if log else []


def parse(line: str, commands: AbstractSet[str] = COMMANDS) -> Command | None:
    """The command that a line holds, in the present form or else in the older one.

    `::name key=value,key=value::data` has only white space before it (TryParseV2); anything may
    stand before `##[name key=value;key=value]data` (TryParse).
    """
    forms = (
        (r"\s*::(.*?)::", ",", IN_PROPERTIES, ESCAPES),
        (r".*?##\[(.*?)\]", ";", IN_OLDER_FORM, IN_OLDER_FORM),
    )
    for form, comma, in_properties, in_data in forms:
        if not (found := re.match(form, line, re.DOTALL)):
            continue
        name, _, rest = found[1].partition(" ")
        if name.lower() in commands:
            # Pairs that lack a name or a value are left out, as by Split with RemoveEmptyEntries.
            pairs = (re.fullmatch("=*([^=]+)=+(.+)", one, re.DOTALL) for one in rest.split(comma))
            given = {pair[1].lower().strip(): pair[2] for pair in pairs if pair}
            properties = {name: _unescape(text, in_properties) for name, text in given.items()}
            return Command(name, properties, _unescape(line[found.end() :], in_data))
    return None


def _unescape(text: str, escapes: Mapping[str, str]) -> str:
    for escaped, plain in escapes.items():
        text = text.replace(escaped, plain)
    return text


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """The `name=value` and `name<<delimiter` entries of a command file; only LF ends a line.

    EnvFileKeyValuePairs in FileCommandManager.cs.
    """
    lines = iter(re.findall(r"[^\n]*\n|[^\n]+", text))
    for whole in lines:
        line = whole.removesuffix("\n")
        equals, here = line.find("="), line.find("<<")
        if not line:
            continue
        if equals >= 0 and (here < 0 or equals < here):
            yield line[:equals], line[equals + 1 :]
        elif here >= 0:
            name, delimiter = line[:here], line[here + 2 :]
            assert name
            assert delimiter
            yield name, "\n".join(_here_document(lines, delimiter))
        else:
            raise AssertionError(line)


def _here_document(lines: Iterator[str], delimiter: str) -> Iterator[str]:
    for line in lines:
        if line.removesuffix("\n") == delimiter:
            return
        assert line.endswith("\n")
        yield line.removesuffix("\n")
    raise AssertionError(delimiter)


@dataclass(frozen=True)
class Annotation:
    kind: str
    message: str
    title: str


@dataclass
class Record:
    log: list[str] = field(default_factory=list)
    """As a person sees it."""
    annotations: list[Annotation] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    """As later steps of the job see them."""
    summary: str = ""

    def receive(self, lines: Iterable[str]) -> None:
        """Take in the step's output (OutputManager.cs, ActionCommandManager.cs)."""
        for line in lines:
            match parse(line):
                case None:
                    self.log.append(self.shown(line))
                case Command("add-mask", _, data) if data.strip():
                    self.masked.append(data)
                case Command("error" | "warning" | "notice" as kind, properties, data):
                    title = properties.get("title", "")  # which is not masked
                    self.annotations.append(Annotation(kind, self.shown(data), title))
                case Command("debug"):
                    pass
                case command:
                    raise AssertionError(command)

    def read(self, files: Mapping[str, Path]) -> None:
        """Read the command files (FileCommandManager.ProcessFiles)."""
        written = {name: path.read_text("utf-8") for name, path in files.items() if path.exists()}
        self.outputs = dict(pairs(written.pop("output", "")))
        self.summary = self.shown(written.pop("step_summary", ""))
        assert not any(written.values())

    def shown(self, text: str) -> str:
        """A text with asterisks in place of what is masked so far."""
        for value in sorted(self.masked, key=len, reverse=True):
            text = text.replace(value, "***")
        return text
