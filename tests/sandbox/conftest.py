"""A served sandbox with a clock of its own, and hands to use it."""

import base64
import hashlib
from collections.abc import Iterator, Mapping

import httpx
import pytest

from provisioner.sandbox import Sandbox
from tests.sandbox.hands import VERIFIER, Clock, Fediverse, Octo


@pytest.fixture
def clock() -> Clock:
    """The sandbox's clock, which stands still until a test moves it."""
    return Clock()


@pytest.fixture
def personality() -> str:
    """The server that the instance plays; a module of tests may name another."""
    return "mastodon-4.7"


@pytest.fixture
def sandbox(clock: Clock, personality: str) -> Iterator[Sandbox]:
    """A served sandbox with two accounts and the repository `acme/demo`."""
    with Sandbox(clock=clock, personality=personality) as made:
        made.instance.add_account("alice", "alice-password")
        made.instance.add_account("bot", "bot-password", bot=True)
        made.github.add_repository("acme/demo")
        yield made


@pytest.fixture(scope="session")
def pool() -> Iterator[httpx.Client]:
    """One connection pool for all tests: to set one up takes longer than most tests."""
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def fediverse(sandbox: Sandbox, pool: httpx.Client) -> Iterator[Fediverse]:
    """Hands for the instance."""
    pool.base_url = httpx.URL(sandbox.instance.origin)
    pool.headers = httpx.Headers({"User-Agent": "tests"})
    pool.cookies.clear()
    made = Fediverse(sandbox, pool)
    yield made
    for person in made.people.values():
        person.close()


@pytest.fixture
def octo(sandbox: Sandbox, pool: httpx.Client) -> Octo:
    """Hands for GitHub, with a token that may do everything."""
    token = sandbox.github.add_token()
    pool.base_url = httpx.URL(sandbox.github.api_url)
    pool.headers = httpx.Headers({"User-Agent": "tests", "Authorization": f"Bearer {token}"})
    return Octo(sandbox, sandbox.github.repository("acme/demo"), pool)


@pytest.fixture
def challenge() -> Mapping[str, str]:
    """The parameters of an S256 challenge for `verifier`."""
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {"code_challenge": encoded, "code_challenge_method": "S256"}
