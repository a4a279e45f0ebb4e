"""What the end-to-end tests share: a browser, an instance, a GitHub, and the command line."""

import contextlib
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import WebDriverException

from provisioner.sandbox import GitHub, serve
from tests.e2e.browser import Browser
from tests.e2e.command import REPOSITORY, Command
from tests.e2e.instance import Instance


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser; each sign-in starts it afresh."""
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def instance(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Instance]:
    """An instance; the fixture's parameter, where a test gives one, is its settings."""
    settings = getattr(request, "param", {})
    with Instance(tmp_path_factory.mktemp("instance"), **settings) as instance:
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the instance was asked and what the browser shows, where a test failed."""
    report = yield
    for used in getattr(item, "funcargs", {}).values() if report.failed else ():
        if isinstance(used, Instance):
            report.sections.append(("The instance's log", used.log()))
        if isinstance(used, Browser):
            picture = Path(tempfile.gettempdir(), f"{item.name}.png")
            with contextlib.suppress(WebDriverException):
                used.screenshot(picture)
                report.sections.append(("The browser", f"{used.address}\npictured in {picture}"))
    return report
