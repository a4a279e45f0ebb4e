"""doctor: what it says is what then happens, at every server that the tests play."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioner.errors import ProvisionerError
from provisioner.gather import in_order
from provisioner.mastodon import discovery
from provisioner.parsing import parse_login
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.servers import PERSONALITIES
from tests.stage import ORIGIN, Stage

SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
METADATA = "/.well-known/oauth-authorization-server"

# What doctor's lines begin with, or hold, by what they mean: it tells nothing but sentences.
ENDPOINTS = {True: "from its metadata", False: "Mastodon's usual paths"}
MORE = "more than was requested"
KEPT = "kept"
NO_ENDPOINT = "no endpoint"
PASSWORD = {"no-password-grant": "not offered", "login-refused": "offered"}
POSTING = {
    "post-refused": "only with a picture",
    "post-forbidden": "not possible with these scopes",
    "once": "the same Idempotency-Key does not post twice",
    "twice": "an Idempotency-Key may be ignored",
}


@pytest.fixture(params=PERSONALITIES)
def personality(request: pytest.FixtureRequest) -> str:
    """Every server; a test may name one."""
    return str(request.param)


def lines(stage: Stage, scopes: str = "") -> dict[str, str]:
    """What doctor says, by subject."""
    return dict(stage.run("doctor", scopes=scopes).table)


def seconds(line: str) -> int:
    """The time that a line names."""
    found = re.search(r"([0-9]+) (minute|hour|day)s?", line)
    assert found is not None
    return int(found[1]) * SECONDS[found[2]]


def fate_of_replaced(stage: Stage) -> str:
    """What became of a token that was replaced, after a leak."""
    stage.provision()
    stage.time += 3600
    old = stage.provision(grace="0").facts["old-tokens"]
    assert isinstance(old, list)
    (token,) = old
    return str(token["fate"])


def removal_page(stage: Stage) -> str:
    """Where a person removes an application."""
    current = stage.journal().current
    assert current is not None
    return current.instance.authorized_applications


def post_twice(stage: Stage) -> str:
    """Post the same text twice; what came of it."""
    try:
        for _ in range(2):
            stage.post("howdy universe!")
    except ProvisionerError as error:
        return error.code
    return "once" if len(stage.instance.statuses) == 1 else "twice"


def test_doctor_tells_the_instance_and_its_software_and_changes_nothing(stage: Stage) -> None:
    report = stage.run("doctor")
    assert report.status == "examined"
    assert report.facts["instance"] == ORIGIN
    assert report.facts["choices"] == report.table
    assert all(line.startswith("GET ") for line in stage.wire.log)
    assert not [line for line in stage.wire.log if "/repos" in line]


def test_begin_explains_itself_in_doctors_words(stage: Stage) -> None:
    explained = [f"{subject}: {choice}" for subject, choice in lines(stage).items()]
    stage.begin()
    for line in explained[2:]:
        assert line in stage.explained


def test_endpoints_are_the_metadatas_where_there_is_any(stage: Stage) -> None:
    config = stage.session("doctor").config
    found = discovery.find(stage.session("doctor").http, config.account, "", in_order)
    assert lines(stage)["Endpoints"].startswith(ENDPOINTS[found.info.instance.has_metadata])


def test_scopes_named_first_are_asked_for_and_excess_is_told(stage: Stage) -> None:
    first = lines(stage)["Scopes"].partition(" (")[0]
    (asked,) = parse_qs(urlsplit(stage.link()).query)["scope"]
    assert first.partition(",")[0] == asked
    assert (MORE in first) == bool(stage.warned)


def test_code_can_be_exchanged_until_the_last_moment(stage: Stage) -> None:
    code = stage.approve(stage.link())
    stage.time += seconds(lines(stage)["Code"]) - 1
    stage.complete(code)
    assert stage.live() == [stage.stored()]


def test_unused_application_is_kept_for_as_long_as_doctor_says(stage: Stage) -> None:
    line = lines(stage)["Unused application"]
    stage.begin()
    (application,) = stage.instance.applications
    stage.time += (400 * 86400 if line.startswith(KEPT) else seconds(line)) - 1
    lines(stage)
    assert stage.instance.applications == [application]
    stage.time += 2
    lines(stage)
    assert (stage.instance.applications == [application]) == line.startswith(KEPT)


def test_person_is_sent_to_the_page_where_no_endpoint_revokes(stage: Stage) -> None:
    """It is tried at either."""
    line, fate = lines(stage)["Revocation"], fate_of_replaced(stage)
    assert fate == ("stuck" if line.startswith(NO_ENDPOINT) else "revoked")
    assert removal_page(stage) in line
    assert "POST /oauth/revoke" in stage.wire.log


@pytest.mark.parametrize("personality", ["mastodon-4.7"])
def test_nothing_is_called_where_metadata_names_no_revocation(stage: Stage) -> None:
    def handler(request: Request) -> Response:
        answer = stage.instance(request)
        if request.path != METADATA:
            return answer
        told = json.loads(answer.body)
        assert isinstance(told, dict)
        return json_response(200, {**told, "revocation_endpoint": None})

    stage.wire.hosts["social.example"] = handler
    line, fate = lines(stage)["Revocation"], fate_of_replaced(stage)
    assert line.startswith(NO_ENDPOINT)
    assert removal_page(stage) in line
    assert fate == "stuck"
    assert "POST /oauth/revoke" not in stage.wire.log


def test_password_is_tried_only_where_doctor_says_that_it_is_offered(stage: Stage) -> None:
    with pytest.raises(ProvisionerError) as caught:
        stage.login(lambda: parse_login("mybot", "not-the-password"))
    assert lines(stage)["Password"].startswith(PASSWORD[caught.value.code])


@pytest.mark.parametrize("scopes", ["post", "read"])
def test_same_text_is_posted_as_often_as_doctor_says(stage: Stage, scopes: str) -> None:
    stage.provision(scopes=scopes)
    assert lines(stage, scopes=scopes)["Posting"].startswith(POSTING[post_twice(stage)])
