"""What the end-to-end tests share: browser, instance, GitHub, command line, engine and image."""

import contextlib
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import WebDriverException
from xdist.workermanage import WorkerController

from provisioner.sandbox import serve
from tests.e2e.browser import Browser
from tests.e2e.command import REPOSITORY, Command
from tests.e2e.engine import ROOT, Engine, base_image, container_engine
from tests.e2e.instance import Instance
from tests.servers import GitHub

IMAGE = "mastodon-provisioner"
JOB_IMAGE = "mastodon-provisioner:job"
ENGINE = pytest.StashKey[Engine]()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser; each sign-in starts it afresh."""
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def instance(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Instance]:
    """An instance; the fixture's parameter, where a test gives one, is which: each starts once."""
    which = getattr(request, "param", "4.7")
    folder = tmp_path_factory.mktemp("instance")
    policy = "form-action 'self'" if which == "strict" else ""
    with Instance(folder, legacy=which == "4.2", policy=policy) as instance:
        yield instance


@pytest.fixture
def command(instance: Instance) -> Iterator[Command]:
    """The command line for the account `bot`, with an embedded GitHub of its own.

    No test knows of the applications and tokens of the one before.
    """
    instance.reset()
    github = GitHub()
    github.add_repository(REPOSITORY)
    with serve(github) as server:
        github.api_url = server.origin
        yield Command(instance, instance.bot, github)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Start one engine for all workers of pytest-xdist: one alone can have the cached images."""
    stash = node.config.stash
    if ENGINE not in stash:
        stop = contextlib.ExitStack()
        node.config.add_cleanup(stop.close)
        stash[ENGINE] = stop.enter_context(container_engine())
    node.workerinput["engine"] = (stash[ENGINE].client, stash[ENGINE].host)


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A container engine that has the image's base."""
    if workerinput := getattr(request.config, "workerinput", None):
        yield Engine(*workerinput["engine"])
        return
    with container_engine() as engine:
        yield engine


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    engine.build(ROOT, IMAGE)
    return IMAGE


@pytest.fixture(scope="session")
def job_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image for a workflow's jobs, by its name: the base with curl."""
    folder = tmp_path_factory.mktemp("job")
    install = "apt-get update -qq && apt-get install -qq --no-install-recommends curl"
    (folder / "Dockerfile").write_text(f"FROM {base_image()}\nRUN {install}\n")
    engine.build(folder, JOB_IMAGE)
    return JOB_IMAGE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the instance was asked and what the browser shows, where a test failed."""
    report = yield
    failed = report.failed and report.when != "teardown"  # then they may be gone
    for used in getattr(item, "funcargs", {}).values() if failed else ():
        if isinstance(used, Instance):
            report.sections.append(("The instance's log", used.log()))
        if isinstance(used, Browser):
            picture = Path(tempfile.gettempdir(), f"{item.name}.png")
            with contextlib.suppress(WebDriverException):
                used.screenshot(picture)
                report.sections.append(("The browser", f"{used.address}\npictured in {picture}"))
    return report
