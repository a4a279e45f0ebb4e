"""What the tests of the command line share."""

from collections.abc import Iterator

import pytest

from tests.program.site import Site
from tests.servers import Sandbox


@pytest.fixture
def site(personality: str) -> Iterator[Site]:
    """A bot at an instance of this kind; afterwards, no command has shown a secret."""
    with Sandbox(personality=personality) as sandbox:
        site = Site(sandbox)
        yield site
        assert site.leaks() == []
