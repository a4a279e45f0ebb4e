"""What GitHub's runner makes of a step's output and of its command files.

Written from the runner's own source (actions/runner 2.336, C#; the comments name its files) and
from GitHub's documentation, never from the code of our action. Problem matchers and the masks that
GitHub sends as regular expressions are left out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.action.masks import Masks

MOST_ANNOTATIONS = 10
"""Of each type, for a step (ExecutionContext.cs)."""
LONGEST_ANNOTATION = 4096
"""Of UTF-16's units there, of characters here."""
LARGEST_SUMMARY = 1024 * 1024
"""In bytes (FileCommandManager.cs, CreateStepSummaryCommand)."""

# What a line asks for: Runner.Common/ActionCommand.cs.

COMMANDS = frozenset(
    {
        "add-mask",
        "add-matcher",
        "add-path",
        "debug",
        "echo",
        "endgroup",
        "error",
        "group",
        "notice",
        "remove-matcher",
        "save-state",
        "set-env",
        "set-output",
        "stop-commands",
        "warning",
    }
)


@dataclass(frozen=True)
class Command:
    """A command in a line of output; the names of properties are in lower case."""

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    data: str = ""


def parse(line: str, commands: AbstractSet[str] = COMMANDS) -> Command | None:
    """The command that a line holds, in the present form or else in the older one."""
    return _parse_v2(line, commands) or _parse_v1(line, commands)


def _parse_v2(line: str, commands: AbstractSet[str]) -> Command | None:
    """`::name key=value,key=value::data`: TryParseV2; only white space may stand before it."""
    found = re.match(r"\s*::(.*?)::", line)
    if not found:
        return None
    name, space, properties = found[1].partition(" ")
    pairs = properties.strip().split(",") if space and name else []
    escapes = {"%0D": "\r", "%0A": "\n", "%25": "%"}
    in_properties = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
    return _command(
        name, commands, _properties(pairs, in_properties), _unescape(line[found.end() :], escapes)
    )


def _parse_v1(line: str, commands: AbstractSet[str]) -> Command | None:
    """`##[name key=value;key=value]data`: TryParse; anything may stand before it."""
    _, prefix, rest = line.partition("##[")
    inside, bracket, data = rest.partition("]")
    if not (prefix and bracket):
        return None
    name, space, properties = inside.partition(" ")
    pairs = properties.split(";") if space and name else []
    escapes = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]", "%25": "%"}
    return _command(name, commands, _properties(pairs, escapes), _unescape(data, escapes))


def _command(
    name: str, commands: AbstractSet[str], properties: dict[str, str], data: str
) -> Command | None:
    return Command(name, properties, data) if name.lower() in commands else None


def _properties(pairs: list[str], escapes: Mapping[str, str]) -> dict[str, str]:
    """Pairs that lack a name or a value are left out, as by Split with RemoveEmptyEntries."""
    found = (re.fullmatch("=*([^=]+)=+(.+)", pair, re.DOTALL) for pair in pairs)
    return {pair[1].lower(): _unescape(pair[2], escapes) for pair in found if pair}


def _unescape(text: str, escapes: Mapping[str, str]) -> str:
    for escaped, plain in escapes.items():
        text = text.replace(escaped, plain)
    return text


# What is in a command file: EnvFileKeyValuePairs in FileCommandManager.cs.


class CommandError(Exception):
    """What is wrong with a command or a command file, in the runner's words."""


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """The `name=value` and `name<<delimiter` entries of a command file; only LF ends a line."""
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
            if not (name and delimiter):
                rule = "Name must not be empty and delimiter must not be empty"
                raise CommandError(f"Invalid format '{line}'. {rule}")
            yield name, "\n".join(_here_document(lines, delimiter))
        else:
            raise CommandError(f"Invalid format '{line}'")


def _here_document(lines: Iterator[str], delimiter: str) -> Iterator[str]:
    for line in lines:
        if line.removesuffix("\n") == delimiter:
            return
        if not line.endswith("\n"):
            raise CommandError("Invalid value. EOF marker missing new line.")
        yield line.removesuffix("\n")
    raise CommandError(f"Invalid value. Matching delimiter not found '{delimiter}'")


# What the runner makes of it all: OutputManager.cs, ActionCommandManager.cs, ExecutionContext.cs.

Kind = Literal["error", "warning", "notice"]


@dataclass(frozen=True)
class Annotation:
    """What stands beside the run; the runner masks its message, and its title not."""

    kind: Kind
    message: str
    title: str


@dataclass(frozen=True)
class Line:
    """A line of output as it came, and the command that the runner found in it."""

    text: str
    command: Command | None


class BrokenStepError(Exception):
    """What the runner does not survive: the step ends there, whatever the container does."""


@dataclass
class Record:
    """What becomes of a step's output and its command files."""

    masks: Masks
    debug: bool = False
    """The repository's ACTIONS_STEP_DEBUG, which `Enable debug logging` sets for a re-run."""
    log: list[str] = field(default_factory=list)
    """As a person sees it; one entry may have several lines."""
    lines: list[Line] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    """As later steps of the job see them, where the step has an id."""
    state: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    summary: str = ""
    """As a person sees it."""
    failed: bool = False
    """The runner failed the step for a command, whatever the exit code."""
    _stop_token: str = ""

    def __post_init__(self) -> None:
        """Echo commands where there is debug logging (ExecutionContext.InitializeJob)."""
        self._echo = self.debug
        self._commands = set(COMMANDS)

    def receive(self, text: str) -> None:
        """Take in one line of the step's output (OutputManager.OnDataReceived)."""
        command = parse(text, self._commands)
        if command and not self._handle(command, text):
            command = None
        self.lines.append(Line(text, command))
        if not command:
            for marker in ("start-action", "end-action"):
                text = text.replace(f"##[{marker}", rf"##[\{marker}")
            self.write(text)

    @property
    def withheld(self) -> set[str]:
        """The outputs that no other job gets, as they hold what is masked (JobExtension.cs)."""
        return {name for name, value in self.outputs.items() if self.masks.apply(value) != value}

    def write(self, text: str) -> None:
        """Write to the log (ExecutionContext.Write)."""
        self.log.append(self.masks.apply(text))

    def issue(self, kind: Kind, message: str, title: str = "") -> None:
        """Annotate the run (ExecutionContext.AddIssue)."""
        message = self.masks.apply(message)[:LONGEST_ANNOTATION]
        known = sum(annotation.kind == kind for annotation in self.annotations)
        if known < MOST_ANNOTATIONS and message.strip():
            self.annotations.append(Annotation(kind, message, title))
        if message:
            self.write(f"##[{kind}]{message}")

    def note(self, message: str) -> None:
        """Say something to those who debug (ExecutionContextExtension.Debug)."""
        for line in message.replace("\r\n", "\n").split("\n") if self.debug else ():
            self.write(f"##[debug]{line}")

    def _handle(self, command: Command, text: str) -> bool:
        """Obey (ActionCommandManager.TryProcessCommand); False makes it a line like others."""
        name = command.name.lower()
        if self._stop_token:
            if name != self._stop_token.lower():
                return False
            self.write(text)
            self._commands.discard(name)
            self._stop_token = ""
            return True
        if name == "stop-commands":
            self._stop(command.data)
            self.write(text)
            return True
        quiet = name in {"add-mask", "debug", "error", "notice", "warning"}
        if self._echo and not quiet:
            self.write(text)
        try:
            self._obey(name, command)
        except CommandError as error:
            self._fail(f"Unable to process command '{name if quiet else text}'", error)
        return True

    def _stop(self, token: str) -> None:
        """Obey no commands until the token comes (ValidateStopToken, which throws)."""
        if token.lower() in self._commands | {"", "pause-logging"}:
            raise BrokenStepError("an endToken that is empty, pause-logging or a command")
        self._stop_token = token
        self._commands.add(token.lower())
        if len(token) > 6:
            self.masks.add(token)

    def _obey(self, name: str, command: Command) -> None:
        match name:
            case "add-mask" if not command.data.strip():
                message = "Can't add secret mask for empty string in ##[add-mask] command."
                self.issue("warning", message)
            case "add-mask":
                if self._echo:
                    self.write("::add-mask::***")
                self.masks.add(command.data)
            case "error" | "warning" | "notice" as kind:
                self.issue(kind, command.data, command.properties.get("title", ""))
            case "debug":
                self.note(command.data)
            case "group" | "endgroup":
                self.write(f"##[{name}]{command.data if name == 'group' else ''}")
            case "echo":
                self._echo = _switch(command.data)
            case "set-output" | "save-state":
                # The server has switched DistributedTask.DeprecateStepOutputCommands on.
                message = f"The `{name}` command is deprecated and will be disabled soon."
                self.issue("warning", message)
                target = self.outputs if name == "set-output" else self.state
                target[_named(command)] = command.data
            case "set-env" | "add-path":
                raise CommandError(f"The `{name}` command is disabled.")
            case _:
                raise NotImplementedError(name)

    # The command files: FileCommandManager.ProcessFiles, in the order of ExtensionManager.cs.

    def read_files(self, files: Mapping[str, Path]) -> None:
        """Read what the step has written to its command files, so far as they are still there."""
        self._read(files, "path", self._add_path)
        self._read(files, "env", self._set_env)
        self._summarize(files)
        self._read(files, "state", self._save_state)
        self._read(files, "output", self._set_output)

    def _read(self, files: Mapping[str, Path], name: str, accept: Callable[[str], None]) -> None:
        raw = files[name].read_bytes() if files[name].exists() else b""
        try:
            accept(raw.decode("utf-8-sig", "replace"))
        except CommandError as error:
            self._fail(f"Unable to process file command '{name}'", error)

    def _fail(self, what: str, error: CommandError) -> None:
        self.issue("error", f"{what} successfully.")
        self.issue("error", str(error))
        self.failed = True

    def _add_path(self, text: str) -> None:
        self.path += filter(None, _lines(text))

    def _set_env(self, text: str) -> None:
        for name, value in pairs(text):
            if name.upper() == "NODE_OPTIONS":
                message = f"Can't store {name} output parameter using '$GITHUB_ENV' command."
                self.issue("error", message)
            else:
                self.env[name] = value
                self.note(f"{name}='{value}'")

    def _summarize(self, files: Mapping[str, Path]) -> None:
        file = files["step_summary"]
        if file.exists() and file.stat().st_size > LARGEST_SUMMARY:
            message = "$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k"
            self.issue("error", message)
        else:
            self._read(files, "step_summary", self._add_summary)

    def _add_summary(self, text: str) -> None:
        self.summary = "".join(f"{self.masks.apply(line)}\n" for line in _lines(text))

    def _save_state(self, text: str) -> None:
        for name, value in pairs(text):
            self.state[name] = value
            self.note(f"Save intra-action state {name} = {value}")

    def _set_output(self, text: str) -> None:
        for name, value in pairs(text):
            if not name:
                raise CommandError("Value cannot be null or empty. (Parameter 'name')")
            self.outputs[name] = value
            self.note(f"Set output {name} = {value}")


def _lines(text: str) -> list[str]:
    """The lines of a text as .NET's StreamReader reads them."""
    lines = re.split(r"\r\n|\r|\n", text)
    return lines if lines[-1] else lines[:-1]


def _named(command: Command) -> str:
    name = command.properties.get("name", "")
    if not name:
        raise CommandError(f"Required field 'name' is missing in ##[{command.name}] command.")
    return name


def _switch(value: str) -> bool:
    """What `echo` is set to (EchoCommandExtension)."""
    switches = {"ON": True, "OFF": False}
    if value.strip().upper() not in switches:
        message = "Invalid echo command value. Possible values can be: 'on', 'off'."
        raise CommandError(f"{message} Current value is: '{value}'.")
    return switches[value.strip().upper()]
