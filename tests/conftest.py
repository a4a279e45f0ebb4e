"""What all tests share."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.contract.github_description import Description
from tests.stage import Stage

ENVIRONMENT = (
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GITHUB_API_URL",
    "GITHUB_REPOSITORY",
    "MASTODON_ACCOUNT",
    "MASTODON_CODE",
    "MASTODON_CLIENT_SECRET",
    "MASTODON_JOURNAL_KEY",
)


# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("any-speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-speed")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own environment reaches a test."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def personality() -> str:
    """The server that a stage's instance plays; a test may name another."""
    return "mastodon-4.7"


@pytest.fixture
def stage(personality: str) -> Iterator[Stage]:
    """A stage; afterwards nothing secret was shown (I4), and GitHub's description was kept to."""
    stage = Stage(Description.load(), personality)
    yield stage
    assert stage.leaks() == []
    assert stage.checked.violations == []
