"""A client, and scripted servers for it."""

from collections.abc import Iterator

import pytest

from provisioner.http import Http
from tests.unit.octo import Octo
from tests.unit.server import ScriptedServer

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of this machine stands between a test and its server."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def waits() -> list[float]:
    """The seconds of this test's waits, none of which really happened."""
    return []


@pytest.fixture
def http(waits: list[float]) -> Iterator[Http]:
    """A client whose waits are recorded."""
    with Http(sleep=waits.append) as made:
        yield made


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
