"""A server with metadata (RFC 8414) whose name was not told: nothing is promised for it.

It is a GoToSocial, which ignores an Idempotency-Key and gives an application another token each
time. What it told at begin is what the journal holds as long as the token.
"""

from contextlib import suppress

import pytest

from provisioner.doctor import diagnose
from provisioner.errors import PersonNeededError, ProvisionerError
from provisioner.inputs import parse_question
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.stage import ORIGIN, Fault, Stage

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
        with pytest.raises(PersonNeededError) as caught:
            nameless.post(TEXT)
        assert caught.value.ident == "post-unclear"
    assert [status.text for status in nameless.instance.statuses] == [TEXT]


def test_a_lost_token_is_not_said_to_come_back(nameless: Stage) -> None:
    """Approving again gives another token: the lost one is a person's to remove."""
    link = nameless.link()
    nameless.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ProvisionerError):
        nameless.complete(nameless.approve(link))
    nameless.begin()
    [warning] = [line for line in nameless.shown if "may have issued a token" in line]
    assert "brings it back" not in warning
    assert f"remove the authorization of that time, if there is one, at {ORIGIN}. " in warning


def test_no_page_is_named(nameless: Stage) -> None:
    """Where a person removes an application is not known: no page is made up."""
    nameless.provision()
    current = nameless.journal().current
    assert current is not None
    assert current.server.authorized_applications == ORIGIN


def test_doctor(nameless: Stage) -> None:
    """It says what is chosen, and that it is the least that is known of any."""
    question = parse_question(nameless.account, "", "")
    lines = diagnose(nameless.desk().http, question).choices
    least = ", the least that is known of any"
    assert lines["Code"] == f"to be exchanged within 1 minute{least}"
    assert lines["Unused application"] == f"deleted after 15 minutes{least}"
    assert lines["Posting"].startswith("looked for among the latest posts")


def test_a_lost_token_may_still_come_back(nameless: Stage) -> None:
    """The server may be a Mastodon: the application of a lost exchange is kept, however old."""
    link = nameless.link()
    nameless.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ProvisionerError):
        nameless.complete(nameless.approve(link))
    nameless.wire.faults = [Fault("answer lost", path="/api/v1/instance", times=99)]
    nameless.time += 3600
    assert nameless.link() == link
