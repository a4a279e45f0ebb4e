"""The action's image as GitHub runs it: what only a container can show.

What the action says and does is tested in tests/action, within a process; the example workflows
are run whole in test_act.py.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest

from tests.action import stories
from tests.action.step import KEY, TOKEN, WRITTEN, Start, Workflow, served
from tests.e2e.container import Container
from tests.e2e.engine import Engine
from tests.support.site import REPOSITORY


@pytest.fixture
def container(engine: Engine, image: str) -> Iterator[Container]:
    """The container of each step; none is left."""
    container = Container(engine, image)
    yield container
    engine.can("rm", "--force", container.name)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Workflow]:
    """A site where the action makes the key; what is not launched runs in this process.

    Afterwards no run has shown a secret, or left a file.
    """
    with served(tmp_path, key="") as site:
        yield site
    for run in site.runs:
        assert site.leaks(run.shown) == []
        assert list((run.start.folder / "home").iterdir()) == []


# The story.


def without_writes(text: str) -> list[str]:
    """The lines of a text; those of a container may come later than its requests."""
    return [line for line in text.splitlines() if not line.startswith(WRITTEN)]


def test_story_is_to_the_letter_that_of_a_process(site: Workflow, container: Container) -> None:
    """Begin, complete, check, and a rotation."""
    site.launcher = container
    kept = stories.kept()
    for name, run in stories.rotation(site).items():
        assert without_writes(stories.text(site, run)) == without_writes(kept[name])


# What is cut off, while the secret is being written.


def cancel(site: Workflow, _container: Container) -> None:
    """Press *Cancel workflow*: the engine's client gets SIGINT (ProcessInvoker.cs)."""
    assert site.process is not None
    site.process.send_signal(SIGINT)


def terminate(site: Workflow, _container: Container) -> None:
    """What the runner sends when it has waited long enough."""
    assert site.process is not None
    site.process.send_signal(SIGTERM)


def kill(_site: Workflow, container: Container) -> None:
    """Use up the memory."""
    container.engine.call("kill", "--signal=KILL", container.name)


def complete(site: Workflow) -> tuple[Start, str]:
    """A step that completes, and its code."""
    code = site.begin()
    return site.start(inputs={"code": code}), code


@pytest.mark.parametrize(
    ("cut", "code", "errors"),
    [(cancel, 130, ["interrupted"]), (terminate, 143, ["interrupted"]), (kill, 137, [])],
)
def test_run_that_was_cut_says_so_and_its_rerun_finishes(
    site: Workflow,
    container: Container,
    cut: Callable[[Workflow, Container], None],
    code: int,
    errors: list[str],
) -> None:
    start, pasted = complete(site)
    with site.cutting(
        f"PUT /repos/{REPOSITORY}/actions/secrets/{TOKEN}", lambda: cut(site, container)
    ):
        done = site.launch(start, container)
    assert (done.code, done.errors) == (code, errors)
    again = site.run(inputs={"code": pasted}, variables={"GITHUB_RUN_ATTEMPT": "2"})
    assert again.status == "provisioned"
    assert site.live_tokens == [site.stored()]


def test_token_that_a_cancelled_run_did_not_stage_takes_another_approval(
    site: Workflow, container: Container
) -> None:
    """Its code is spent, and the token is known to nobody: the next one is the same.

    Mastodon gives an application one token at a time.
    """
    start, pasted = complete(site)
    with site.cutting("POST /oauth/token", lambda: cancel(site, container)):
        assert site.launch(start, container).code == 130
    again = site.run(inputs={"code": pasted}, variables={"GITHUB_RUN_ATTEMPT": "2"})
    assert again.code == 4
    assert site.provision().status == "provisioned"
    assert site.live_tokens == [site.stored()]


def test_key_of_a_begin_that_was_killed_serves_the_next(
    site: Workflow, container: Container
) -> None:
    with site.cutting(
        f"PUT /repos/{REPOSITORY}/actions/secrets/{KEY}", lambda: kill(site, container)
    ):
        assert site.launch(site.start(), container).code == 137
    assert site.provision().status == "provisioned"
    assert site.live_tokens == [site.stored()]
