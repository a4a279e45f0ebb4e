"""What the tests of the command line share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program.site import Shell
from tests.servers import Sandbox
from tests.support.site import BROWSER


@pytest.fixture
def site(personality: str) -> Iterator[Shell]:
    """A bot at an instance of this kind; afterwards, no command has shown a secret."""
    with Sandbox(personality=personality) as sandbox:
        site = Shell(sandbox)
        yield site
        assert site.leaks(site.shown) == []


@pytest.fixture
def page(site: Shell, tmp_path: Path) -> Path:
    """The machine has a browser, in which the bot's owner approves; where it ends up."""
    program = tmp_path / "browser.py"
    program.write_text(BROWSER)
    site.env["BROWSER"] = f"{sys.executable} {program}"
    return program.with_name("browser.py.page")
