"""A client whose waits are recorded, and scripted servers for it."""

from collections.abc import Iterator

import pytest

from provisioner.http import Http
from tests.unit.octo import Octo
from tests.unit.server import ScriptedServer

NOW = 1_800_000_000.0
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of this machine stands between a test and its server."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def all_waits() -> list[float]:
    """The seconds of all waits that a test's client was told to make."""
    return []


@pytest.fixture(scope="session")
def shared_http(all_waits: list[float]) -> Iterator[Http]:
    """One client for all tests: to read the certificates takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in PROXIES:
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        made = Http(sleep=all_waits.append, clock=lambda: NOW)
    with made:
        yield made


@pytest.fixture
def waits(all_waits: list[float]) -> list[float]:
    """The seconds of this test's waits, none of which really happened."""
    all_waits.clear()
    return all_waits


@pytest.fixture
def http(shared_http: Http, waits: list[float]) -> Http:
    """The client, with no waits behind it."""
    assert waits == []
    shared_http.known.clear()
    return shared_http


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server; afterwards it was asked for nothing that it has no script for."""
    with ScriptedServer() as made:
        yield made
    assert made.unexpected == []


@pytest.fixture
def other() -> Iterator[ScriptedServer]:
    """Another server, likewise."""
    with ScriptedServer() as made:
        yield made
    assert made.unexpected == []


@pytest.fixture
def octo() -> Iterator[Octo]:
    """An embedded GitHub, to which nothing is sent that GitHub's description does not know."""
    made = Octo()
    yield made
    assert made.checked.violations == []
