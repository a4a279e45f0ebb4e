"""The action's image as GitHub runs it: what only a container can show.

What the action says and does is tested in tests/action, within a process; the example workflows
are run whole in test_act.py.
"""

from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals

import pytest

from tests.action import stories
from tests.action.step import TOKEN, WRITTEN, Workflow, served
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


def without_writes(text: str) -> list[str]:
    """The lines of a text; those of a container may come later than its requests."""
    return [line for line in text.splitlines() if not line.startswith(WRITTEN)]


def test_story_is_to_the_letter_that_of_a_process(site: Workflow, container: Container) -> None:
    """Begin, complete, check, and a rotation."""
    site.launcher = container
    kept = stories.kept()
    for name, run in stories.rotation(site).items():
        assert without_writes(stories.text(site, run)) == without_writes(kept[name])


@pytest.mark.parametrize(
    ("number", "code", "errors"),
    [(SIGINT, 130, ["interrupted"]), (SIGTERM, 143, ["interrupted"]), (SIGKILL, 137, [])],
)
def test_run_that_was_cut_says_so_and_its_rerun_finishes(
    site: Workflow, container: Container, number: Signals, code: int, errors: list[str]
) -> None:
    """While it writes the secret: to cancel it, the runner sends its engine's client SIGINT, and
    later SIGTERM (ProcessInvoker.cs); out of memory, the container is killed.
    """

    def cut() -> None:
        if number is SIGKILL:
            container.engine.call("kill", "--signal=KILL", container.name)
        elif site.process:
            site.process.send_signal(number)

    pasted = site.begin()
    with site.cutting(f"PUT /repos/{REPOSITORY}/actions/secrets/{TOKEN}", cut):
        done = site.launch(site.start(inputs={"code": pasted}), container)
    assert (done.code, done.errors) == (code, errors)
    again = site.run(inputs={"code": pasted}, variables={"GITHUB_RUN_ATTEMPT": "2"})
    assert again.status == "provisioned"
    assert site.live_tokens == [site.stored()]
