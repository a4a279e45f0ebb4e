"""A step of a workflow in a container of the action's image, as GitHub's runner starts it.

From actions/runner 2.336 (ContainerActionHandler.cs, DockerCommandManager.cs): the folders, their
owner, and variables whose values are not among the arguments. Only the network is the host's, as
what stands in for GitHub and for Mastodon listens on 127.0.0.1.
"""

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.action.step import FOLDERS, Start
from tests.e2e.engine import Engine

USER = 1001
"""Whose process the runner is on GitHub's machines: who is not root in the container can't write
the files."""


@dataclass
class Container:
    """Launches a step (`tests.action.step.Launcher`)."""

    engine: Engine
    image: str
    name: str = ""
    """Of the container that was launched last."""

    def __call__(self, start: Start) -> tuple[Sequence[str], Mapping[str, str]]:
        """The engine's client, and its environment."""
        for file in start.files.values():
            file.touch(0o644)
        for path in start.folder.rglob("*"):
            if os.geteuid() == 0:
                os.chown(path, USER, USER)
        env = {name: text.replace(str(start.folder), "/github") for name, text in start.env.items()}
        env |= {"HOME": "/github/home", "GITHUB_WORKSPACE": "/github/workspace"}
        self.name = f"provisioner-{uuid.uuid4()}"
        command = [
            *(self.engine.client, "run", f"--name={self.name}", "--rm", "--network=host"),
            *(f"--volume={start.folder / name}:/github/{name}" for name in FOLDERS),
            "--workdir=/github/workspace",
            *(f"--env={name}" for name in env),
            *(self.image, "action"),
        ]
        return command, {**self.engine.environment, **env}
