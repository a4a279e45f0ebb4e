"""doctor: what it says is what then happens, at every server that the sandbox plays."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioner.discovery import describe
from provisioner.doctor import diagnose
from provisioner.errors import ProvisionerError
from provisioner.inputs import parse_login, parse_question
from provisioner.outcomes import OldToken, Provisioned
from provisioner.sandbox import PERSONALITIES, Request, Response
from provisioner.sandbox.web import json_response
from tests.stage import ORIGIN, Stage

SECONDS = {"minute": 60, "day": 86400}
METADATA = "/.well-known/oauth-authorization-server"

# What doctor's lines begin with, or hold, by what they mean: it tells nothing but sentences.
ENDPOINTS = {True: "those of its metadata", False: "the classic paths"}
MORE = "more than was asked for"
KEPT = "kept"
NOTHING_TO_CALL = "nothing to call"
PASSWORD = {"no-password-grant": "not taken", "login-refused": "taken"}
PICTURES_ONLY, MAY_NOT_POST = "not from here", "not with these scopes"
REMEMBERED, LOOKED_FOR = "the journal remembers", "looked for"
ONCE_BY_KEY = "the same Idempotency-Key"


@pytest.fixture(params=PERSONALITIES)
def personality(request: pytest.FixtureRequest) -> str:
    """Every server; a test may name one."""
    return str(request.param)


def lines(stage: Stage, scopes: str = "") -> dict[str, str]:
    """What doctor says."""
    return diagnose(stage.desk().http, parse_question(stage.account, "", scopes)).choices


def seconds(line: str) -> int:
    """The time that a line names."""
    found = re.search(r"([0-9]+) (minute|day)s?", line)
    assert found is not None
    return int(found[1]) * SECONDS[found[2]]


def replaced(stage: Stage) -> OldToken:
    """What became of a token that was replaced, after a leak."""
    stage.provision()
    stage.time += 3600
    outcome = stage.provision(grace="0")
    assert isinstance(outcome, Provisioned)
    (old,) = outcome.old_tokens
    return old


def post(stage: Stage) -> str:
    """Post, and tell what was done so that it is not posted twice, or why it was not posted."""
    since = len(stage.wire.log)
    try:
        stage.post("howdy universe!")
    except ProvisionerError as error:
        return {"post-refused": PICTURES_ONLY, "post-forbidden": MAY_NOT_POST}[error.ident]
    if stage.journal().sent:
        return REMEMBERED
    looked = [line for line in stage.requests(since) if re.fullmatch(r"GET .*/statuses", line)]
    return LOOKED_FOR if looked else ONCE_BY_KEY


def test_verbose(stage: Stage) -> None:
    """A begin chooses the same, and says so in the same words."""
    said = [f"{subject}: {choice}" for subject, choice in lines(stage).items()]
    stage.begin()
    for line in said[2:]:
        assert line in stage.explained


def test_endpoints(stage: Stage) -> None:
    """They are those of the metadata where there is any."""
    has_metadata = describe(stage.desk().http, ORIGIN).server.has_metadata
    assert lines(stage)["Endpoints"].startswith(ENDPOINTS[has_metadata])


def test_scopes(stage: Stage) -> None:
    """Those that it names first are asked for, and it says where they are more than they should."""
    first = lines(stage)["Scopes"].partition(" (")[0]
    (asked,) = parse_qs(urlsplit(stage.link()).query)["scope"]
    assert first.partition(",")[0] == asked
    assert (MORE in first) == bool(stage.warned)


def test_code(stage: Stage) -> None:
    """A code can be exchanged until the last moment."""
    code = stage.approve(stage.link())
    stage.time += seconds(lines(stage)["Code"]) - 1
    stage.complete(code)
    assert stage.live() == [stage.stored()]


def test_unused_application(stage: Stage) -> None:
    """It is there for as long as that, and no longer; or for good."""
    line = lines(stage)["Unused application"]
    stage.begin()
    (application,) = stage.instance.applications
    stage.time += (400 * 86400 if line.startswith(KEPT) else seconds(line)) - 1
    lines(stage)
    assert stage.instance.applications == [application]
    stage.time += 2
    lines(stage)
    assert (stage.instance.applications == [application]) == line.startswith(KEPT)


def test_revocation(stage: Stage) -> None:
    """Where there is nothing to call, a person is sent to the page that it names; else nobody is.

    It is tried at either.
    """
    line, old = lines(stage)["Revocation"], replaced(stage)
    assert old.fate == ("stuck" if line.startswith(NOTHING_TO_CALL) else "revoked")
    assert old.remove_at in line.split()
    assert "POST /oauth/revoke" in stage.wire.log


@pytest.mark.parametrize("personality", ["mastodon-4.7"])
def test_revocation_that_metadata_does_not_name(stage: Stage) -> None:
    """Then nothing is called, and a person is sent to the page."""

    def handler(request: Request) -> Response:
        answer = stage.instance(request)
        if request.path != METADATA:
            return answer
        told = answer.json()
        assert isinstance(told, dict)
        return json_response(200, {**told, "revocation_endpoint": None})

    stage.wire.hosts["social.example"] = handler
    line, old = lines(stage)["Revocation"], replaced(stage)
    assert line.startswith(NOTHING_TO_CALL)
    assert old.remove_at in line.split()
    assert old.fate == "stuck"
    assert "POST /oauth/revoke" not in stage.wire.log


def test_password(stage: Stage) -> None:
    """Where it is not taken, login says so; else it is tried."""
    with pytest.raises(ProvisionerError) as caught:
        stage.login(lambda: parse_login("mybot", "not-the-password"))
    assert lines(stage)["Password"].startswith(PASSWORD[caught.value.ident])


@pytest.mark.parametrize("scopes", ["post", "read:accounts read:statuses write:statuses", "read"])
def test_posting(stage: Stage, scopes: str) -> None:
    """With each kind of token, what is done against a second post is what it says."""
    stage.provision(scopes=scopes)
    assert lines(stage, scopes)["Posting"].startswith(post(stage))
