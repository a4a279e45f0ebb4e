"""A server with metadata (RFC 8414) whose name was not told: nothing is promised for it.

It is a GoToSocial, which ignores an Idempotency-Key and gives an application another token each
time. What it told at begin is what the journal holds as long as the token.
"""

from contextlib import suppress

import pytest

from provisioner.doctor import diagnose
from provisioner.errors import Exit, ProvisionerError
from provisioner.inputs import parse_question
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.stage import ORIGIN, Fault, Stage
from tests.told import fails, says_token_comes_back

TEXT = "howdy universe!"
METADATA = {
    "issuer": ORIGIN,
    "authorization_endpoint": f"{ORIGIN}/oauth/authorize",
    "token_endpoint": f"{ORIGIN}/oauth/token",
    "revocation_endpoint": f"{ORIGIN}/oauth/revoke",
}


@pytest.fixture
def personality() -> str:
    """The server behind the metadata."""
    return "gotosocial"


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """Metadata stands in front of it."""

    def handler(request: Request) -> Response:
        if request.path == "/.well-known/oauth-authorization-server":
            return json_response(200, METADATA)
        return stage.instance(request)

    stage.wire.hosts["social.example"] = handler
    return stage


@pytest.fixture
def nameless(stage: Stage) -> Stage:
    """Its description was not to be had at begin, however often it was asked for."""
    stage.wire.faults = [Fault("answer lost", path="/api/v1/instance", times=99)]
    return stage


def test_one_lost_answer(stage: Stage) -> None:
    """It is asked again: an answer lost once does not cost the server its name."""
    stage.wire.faults = [Fault("answer lost", path="/api/v1/instance")]
    stage.link()
    pending = stage.journal().pending
    assert pending is not None
    assert (pending.server.software, pending.server.has_metadata) == ("GoToSocial", True)


def test_no_second_post(nameless: Stage) -> None:
    """A post whose answer was lost is sent once, and a person is told to look."""
    nameless.provision()
    nameless.wire.faults = [Fault("answer lost", method="POST", path="/api/v1/statuses")]
    for _ in range(2):
        with fails("post-unclear", Exit.PERSON):
            nameless.post(TEXT)
    assert [status.text for status in nameless.instance.statuses] == [TEXT]


def test_a_lost_token_is_not_said_to_come_back(nameless: Stage) -> None:
    """Approving again gives another token: the lost one is a person's to remove."""
    link = nameless.link()
    nameless.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ProvisionerError):
        nameless.complete(nameless.approve(link))
    nameless.begin()
    [warning] = nameless.warned
    assert not says_token_comes_back(warning)
    assert ORIGIN in warning


def test_no_page_is_named(nameless: Stage) -> None:
    """Where a person removes an application is not known: no page is made up."""
    nameless.provision()
    current = nameless.journal().current
    assert current is not None
    assert current.server.authorized_applications == ORIGIN


def test_doctor(nameless: Stage) -> None:
    """It says what is chosen: the least that any server grants."""
    question = parse_question(nameless.account, "", "")
    lines = diagnose(nameless.desk().http, question).choices
    assert "1 minute" in lines["Code"]
    assert "15 minutes" in lines["Unused application"]


def test_a_lost_token_may_still_come_back(nameless: Stage) -> None:
    """The server may be a Mastodon: the application of a lost exchange is kept, however old."""
    link = nameless.link()
    nameless.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ProvisionerError):
        nameless.complete(nameless.approve(link))
    nameless.wire.faults = [Fault("answer lost", path="/api/v1/instance", times=99)]
    nameless.time += 3600
    assert nameless.link() == link
