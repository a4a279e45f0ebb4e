"""A workflow, read from its file as it stands, and what GitHub makes of it: events, expressions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / ".github" / "examples"
ACTION = "mastodon-provisioner/mastodon-provisioner@"
PLACEHOLDER = "account: mybot@mastodon.social # your bot"

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_REFERENCE = re.compile(r"\s*([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+)\s*")


def example(name: str, account: str) -> str:
    """An example workflow, in which its user has changed the one line that names the bot."""
    text = (EXAMPLES / name).read_text()
    assert text.count(PLACEHOLDER) == 1
    return text.replace(PLACEHOLDER, f"account: {account}")


def evaluate(text: str, contexts: Mapping[str, Any]) -> str:
    """What becomes of a text with `${{ context.name }}` in it; other expressions are not known.

    Names are found in any case, and what isn't there is the empty string.
    """

    def value(expression: re.Match[str]) -> str:
        reference = _REFERENCE.fullmatch(expression[1])
        assert reference, f"an expression that this stand-in does not know: {expression[0]}"
        context, *names = reference[1].lower().split(".")
        here: Any = contexts[context]
        for name in names:
            found = {key.lower(): item for key, item in here.items()} if here else {}
            here = found.get(name, "")
        return str(here)

    return _EXPRESSION.sub(value, text)


@dataclass(frozen=True)
class Event:
    """What started a run: GITHUB_EVENT_NAME, and what stands in event.json."""

    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> Mapping[str, str]:
        """The `inputs` context of a dispatch."""
        inputs: Mapping[str, str] = self.payload.get("inputs") or {}
        return inputs


@dataclass(frozen=True)
class Step:
    """A step; `uses` is empty where it is a script."""

    uses: str
    id: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """An action that runs in a container: its inputs with their defaults, and its arguments."""

    inputs: Mapping[str, str]
    args: list[str]

    @classmethod
    def load(cls, folder: Path = ROOT) -> Self:
        """Read action.yml; a key under `runs` that this stand-in doesn't know is an error."""
        action = _yaml((folder / "action.yml").read_text())
        runs = action["runs"]
        assert runs.keys() <= {"using", "image", "args"}
        assert runs["using"] == "docker"
        inputs = {name: given.get("default", "") for name, given in action["inputs"].items()}
        return cls(inputs, runs.get("args", []))


class Workflow:
    """A workflow of one job."""

    def __init__(self, text: str, file: str = "credentials.yml") -> None:
        """Read it."""
        self.text = text
        self.path = f".github/workflows/{file}"
        document = _yaml(text)
        self.name = document.get("name", self.path)
        self._on = document["on"]
        [(self.job, job)] = document["jobs"].items()
        self.env = document.get("env", {}) | job.get("env", {})
        self.steps = [
            Step(
                step.get("uses", ""), step.get("id", ""), step.get("with", {}), step.get("env", {})
            )
            for step in job["steps"]
        ]

    @property
    def secrets(self) -> set[str]:
        """The secrets that it names: GitHub sends its job those and no others."""
        return {name.upper() for name in re.findall(r"\bsecrets\.(\w+)", self.text)}

    @property
    def step(self) -> Step:
        """The step that uses our action."""
        [step] = [step for step in self.steps if step.uses.startswith(ACTION)]
        return step

    def dispatch(self, **given: str) -> Event:
        """Press *Run workflow*: the form has the declared inputs and sends them all, as strings."""
        declared = (self._on["workflow_dispatch"] or {}).get("inputs", {})
        assert given.keys() <= declared.keys(), "422: Unexpected inputs provided"
        empty = {name: "false" if of["type"] == "boolean" else "" for name, of in declared.items()}
        inputs = {**empty, **given}
        payload = {"inputs": inputs or None, "ref": "refs/heads/main", "workflow": self.path}
        return Event("workflow_dispatch", payload)

    def schedule(self) -> Event:
        """Let the time of the week come."""
        [schedule] = self._on["schedule"]
        return Event("schedule", {"schedule": schedule["cron"], "workflow": self.path})


def _yaml(text: str) -> Any:
    """Every scalar is a string: to GitHub, unlike to YAML 1.1, `on` is a word and `no` too."""
    return yaml.BaseLoader(text).get_single_data()
