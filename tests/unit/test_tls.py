"""Nothing is sent to a server that can't prove that it is the one that was asked for.

The servers are real sockets with certificates of certificate authorities (CAs) made for a test.
"""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from trustme import CA, LeafCert

from provisioner.errors import NotSentError
from provisioner.http import Http
from provisioner.secret import Secret
from tests.unit.server import ScriptedServer, say

HOST = "127.0.0.1"


@pytest.fixture
def ca(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CA:
    """The one CA that the client trusts."""
    made, file = CA(), tmp_path / "ca.pem"
    made.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return made


def server_with(certificate: LeafCert) -> ScriptedServer:
    """A server that shows this certificate, and would answer well."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(tls)
    return ScriptedServer(say({"ok": True}), tls=tls)


def expired(ca: CA) -> LeafCert:
    now = datetime.now(UTC)
    long_ago, yesterday = now - timedelta(days=9), now - timedelta(days=1)
    return ca.issue_cert(HOST, not_before=long_ago, not_after=yesterday)


WRONG: dict[str, Callable[[CA], LeafCert]] = {
    "of a CA that is not trusted": lambda _ca: CA().issue_cert(HOST),
    "for another name": lambda ca: ca.issue_cert("other.example"),
    "expired": expired,
}


def test_server_with_certificate_of_trusted_ca_is_asked(ca: CA) -> None:
    """SSL_CERT_FILE names the CA, as for a GitHub Enterprise server with a CA of its own."""
    with server_with(ca.issue_cert(HOST)) as server, Http() as http:
        assert http.send("GET", f"{server.origin}/", bearer=Secret("token")).ok
    assert server.requests[0].headers["authorization"] == "Bearer token"


def refuse(server: ScriptedServer) -> None:
    with server, Http() as http, pytest.raises(NotSentError) as caught:
        http.send("GET", f"{server.origin}/", bearer=Secret("token"))
    assert caught.value.code == "tls-failed"
    assert server.requests == []


@pytest.mark.parametrize("certificate", WRONG.values(), ids=WRONG)
def test_nothing_is_sent_to_server_with_wrong_certificate(
    ca: CA, certificate: Callable[[CA], LeafCert]
) -> None:
    """The token would go to whoever is in between."""
    refuse(server_with(certificate(ca)))


def test_nothing_is_sent_to_server_of_unknown_ca_by_default() -> None:
    """Without SSL_CERT_FILE the CAs are the public ones."""
    refuse(server_with(CA().issue_cert(HOST)))
