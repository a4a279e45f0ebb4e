"""A workflow, read from its file as it stands, and the events that GitHub makes for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "provisioner" / "workflows"
ACTION = "mastodon-provisioner/mastodon-provisioner@"
PLACEHOLDER = "account: mybot@mastodon.social # your bot"


def example(name: str, account: str) -> str:
    """An example workflow, in which its user has changed the one line that names the bot."""
    text = (EXAMPLES / name).read_text()
    assert text.count(PLACEHOLDER) == 1
    return text.replace(PLACEHOLDER, f"account: {account}")


@dataclass(frozen=True)
class Event:
    """What started a run: GITHUB_EVENT_NAME, and what stands in event.json."""

    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)


class Workflow:
    """A workflow of one job."""

    def __init__(self, text: str, file: str = "credentials.yml") -> None:
        """Read it. To GitHub, unlike to YAML 1.1, `on` is a word: every scalar is a string."""
        self.text = text
        self.path = f".github/workflows/{file}"
        document: dict[str, Any] = yaml.BaseLoader(text).get_single_data()
        self._on = document["on"]
        [job] = document["jobs"].values()
        self.uses = [step["uses"] for step in job["steps"] if "uses" in step]
        """The actions that it uses."""

    @property
    def our_action(self) -> str:
        [ours] = [uses for uses in self.uses if uses.startswith(ACTION)]
        return str(ours)

    def dispatch(self, **given: str) -> Event:
        """Press *Run workflow*: the form has the declared inputs and sends them all, as strings."""
        declared = (self._on["workflow_dispatch"] or {}).get("inputs", {})
        assert given.keys() <= declared.keys(), "422: Unexpected inputs provided"
        empty = {name: "false" if of["type"] == "boolean" else "" for name, of in declared.items()}
        inputs = {**empty, **given}
        payload = {"inputs": inputs or None, "ref": "refs/heads/main", "workflow": self.path}
        return Event("workflow_dispatch", payload)

    def schedule(self) -> Event:
        [schedule] = self._on["schedule"]
        return Event("schedule", {"schedule": schedule["cron"], "workflow": self.path})
