"""What all tests share."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.github_description import Description
from tests.support.world import World

ENVIRONMENT = (
    "GH_TOKEN",
    "GH_HOST",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
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
    """The server that a world's instance plays; a test may name another."""
    return "mastodon-4.7"


@pytest.fixture
def world(personality: str) -> Iterator[World]:
    """A world; afterwards nothing secret was shown (I4), and GitHub's description was kept to."""
    world = World(Description.load(), personality)
    yield world
    assert world.leaks() == []
    assert world.violations == []
