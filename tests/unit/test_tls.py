"""Nothing is sent to a server that can't prove that it is the one that was asked for.

The servers are real sockets with certificates of certificate authorities (CAs) made for a test.
"""

import ssl
import time
from itertools import count
from pathlib import Path

import pytest
from trustme import CA, LeafCert

from provisioner.http import DEADLINE, Http
from provisioner.report import Exit, NotSentError
from provisioner.secret import Secret
from tests.support.told import fails
from tests.unit.server import Reply, ScriptedServer, answer, hang, say

HOST = "127.0.0.1"
WELL = say({"ok": True})


@pytest.fixture
def ca(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CA:
    """The one CA that the client trusts."""
    made, file = CA(), tmp_path / "ca.pem"
    made.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return made


def server_with(certificate: LeafCert, reply: Reply = WELL) -> ScriptedServer:
    """A server that shows this certificate, and would answer so."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(tls)
    return ScriptedServer(reply, tls=tls)


def test_server_with_certificate_of_trusted_ca_is_asked(ca: CA) -> None:
    """SSL_CERT_FILE names the CA, as for a GitHub Enterprise server with a CA of its own."""
    with server_with(ca.issue_cert(HOST)) as server, Http() as http:
        assert http.send("GET", f"{server.origin}/", bearer=Secret("token")).ok
    assert server.requests[0].headers["authorization"] == "Bearer token"


def test_deadline_holds_within_tls(ca: CA) -> None:
    http, began = Http(monotonic=count(step=DEADLINE).__next__), time.monotonic()
    with server_with(ca.issue_cert(HOST), hang) as server, http, fails("too-slow", Exit.FAILED):
        http.send("GET", f"{server.origin}/")
    assert time.monotonic() - began < 10  # and not the 15 seconds of a read


def test_proxy_with_tls_that_refuses_is_named(ca: CA, monkeypatch: pytest.MonkeyPatch) -> None:
    with server_with(ca.issue_cert(HOST), answer(407)) as proxy, Http(sleep=lambda _: None) as http:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        with fails("unreachable", Exit.FAILED) as caught:
            http.send("GET", "https://social.example/")
    assert caught.value.what.startswith(f"{proxy.host}, the proxy for social.example, refused")


@pytest.mark.parametrize("is_trusted", [False, True])
def test_nothing_is_sent_to_server_with_wrong_certificate(ca: CA, *, is_trusted: bool) -> None:
    """The token would go to whoever is in between: the CA is another one, or the name is."""
    certificate = ca.issue_cert("other.example") if is_trusted else CA().issue_cert(HOST)
    server = server_with(certificate)
    with server, Http() as http, pytest.raises(NotSentError) as caught:
        http.send("GET", f"{server.origin}/", bearer=Secret("token"))
    assert caught.value.code == "tls-failed"
    assert server.requests == []
