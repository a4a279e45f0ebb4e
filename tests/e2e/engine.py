"""A container engine for the end-to-end tests: the running one, or a Docker of our own.

Ours keeps its images between runs: only the first waits for the base image and for packages.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.e2e import stand_in

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "docker"
CLIENTS = ("/usr/bin/docker", shutil.which("docker") or "")
"""Debian's first: it fits Debian's engine, and does BuildKit without a plugin."""
LABEL = "stand-in"
"""On an image that is one: the hash of its recipe."""
PATIENCE = 240.0
ANSWERS_WITHIN = 15.0
PULLED_WITHIN = 60.0
STARTS_WITHIN = 60.0
STOPS_WITHIN = 30.0
KEPT = "until=48h"


class EngineError(Exception):
    """There is no engine, or it did not do what it was told. The message holds what was said."""


@dataclass(frozen=True)
class Engine:
    """A container engine, as a client sees it."""

    client: str
    """The path of `docker`."""
    host: str
    """The engine's address, as `unix:///tmp/docker.sock`."""

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"DOCKER_HOST": self.host}

    def build(self, context: Path, tag: str, *, buildkit: bool = True) -> None:
        """Build the Dockerfile of a folder, by BuildKit or by the legacy builder."""
        builder = str(int(buildkit))
        self.call("build", "--quiet", "--tag", tag, str(context), DOCKER_BUILDKIT=builder)

    def run(
        self, image: str, *arguments: str, options: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run an image, whatever comes of it, in a container that is removed afterwards."""
        return self._run("run", "--rm", *options, image, *arguments)

    def inspect(self, image: str, template: str) -> str:
        return self.call("image", "inspect", "--format", template, image).strip()

    def call(self, *arguments: str, timeout: float = PATIENCE, **variables: str) -> str:
        """Run the client; its standard output. Fails if it fails."""
        done = self._run(*arguments, timeout=timeout, **variables)
        if done.returncode:
            message = f"docker {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}"
            raise EngineError(message)
        return done.stdout

    def can(self, *arguments: str, timeout: float = ANSWERS_WITHIN, **variables: str) -> bool:
        """Whether the client succeeds with this, and in time."""
        try:
            self.call(*arguments, timeout=timeout, **variables)
        except (EngineError, subprocess.TimeoutExpired):
            return False
        return True

    def _run(
        self, *arguments: str, timeout: float = PATIENCE, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.client, *arguments],
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )


def base_image() -> str:
    match = re.search(r"(?m)^FROM (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert match
    return match[1]


def stand_in_recipe(engine: Engine) -> str:
    """What the engine's base image was made by, if it is a stand-in; "" if it is genuine."""
    return engine.inspect(base_image(), f'{{{{index .Config.Labels "{LABEL}"}}}}')


@contextmanager
def container_engine() -> Iterator[Engine]:
    """The running engine, if it has or can fetch the base image; else our own, which does.

    A stand-in is put into our own alone: in somebody's engine its name would be a lie.
    """
    running = _running()
    if running.can("info") and _has_base(running):
        yield running
        return
    with _started(running.client) as ours:
        if not _has_base(ours):
            _import_stand_in(ours)
        yield ours
        _tidy(ours)


def _running() -> Engine:
    """The engine that the machine's own settings lead to, if it runs."""
    for client in CLIENTS:
        if not Path(client).is_file():
            continue
        host = subprocess.run(
            [client, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"],
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout
        engine = Engine(client, host.strip())
        # A newer client without its plugin refuses even to help.
        if engine.can("build", "--help", DOCKER_BUILDKIT="1"):
            return engine
    message = "there is no docker that can do BuildKit: run tests/e2e/setup"
    raise EngineError(message)


def _has_base(engine: Engine) -> bool:
    """Whether the base image is there, or can be fetched; no stand-in by an older recipe is it."""
    try:
        recipe = stand_in_recipe(engine)
    except EngineError:
        return engine.can("pull", "--quiet", base_image(), timeout=PULLED_WITHIN)
    return recipe in {"", stand_in.recipe()}


def _import_stand_in(engine: Engine) -> None:
    settings = ('CMD ["python3"]', f"LABEL {LABEL}={stand_in.recipe()}")
    changes = (word for setting in settings for word in ("--change", setting))
    with TemporaryDirectory() as folder:
        tarball = Path(folder, "image.tar")
        stand_in.make(tarball)
        engine.call("import", *changes, str(tarball), base_image())


@contextmanager
def _started(client: str) -> Iterator[Engine]:
    """Start an engine of our own, and end it afterwards.

    Its images stay in the cache, all else is in a folder of this run. It sees mounts and processes
    of its own alone: even if it is killed, none of them is left, and nothing stops the next one.
    """
    if os.geteuid():
        message = "no container engine answers that has the base image, and only root can start one"
        raise EngineError(message)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("wb") as lock, TemporaryDirectory(prefix="docker-") as folder:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one engine for these images: another run's is waited for
        engine = Engine(client, f"unix://{folder}/socket")
        log = Path(folder, "log")
        command = [
            # Should we be killed, `unshare` is, and tells dockerd.
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", "--pid", "--fork", "--kill-child=TERM", "--mount", "--mount-proc"),
            "dockerd",
            f"--data-root={CACHE}",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/pid",
            f"--host={engine.host}",
        ]
        with (
            log.open("wb") as output,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is ours to answer
            ) as outer,
        ):
            try:
                _wait(engine, outer, log)
                yield engine
            finally:
                _end(outer)


def _end(outer: subprocess.Popen[bytes]) -> None:
    """End dockerd itself, by its number: `unshare` would pass nothing on."""
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    pids = children.read_text(encoding="ascii").split() if outer.poll() is None else []
    for pid in map(int, pids):
        os.kill(pid, signal.SIGTERM)
        try:
            outer.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            os.kill(pid, signal.SIGKILL)


def _wait(engine: Engine, outer: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while not engine.can("info"):
        if outer.poll() is not None or time.monotonic() > deadline:
            message = f"dockerd did not start; its log:\n{log.read_text(errors='replace')}"
            raise EngineError(message)
        time.sleep(0.1)


def _tidy(engine: Engine) -> None:
    """Forget what no run of the last two days has used: every change of the code leaves images."""
    engine.call("container", "prune", "--force")
    for kind in ("image", "builder"):
        engine.call(kind, "prune", "--force", "--filter", KEPT)
