"""doctor: what it says is what then happens, at every server that the tests play."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioner.parsing import parse_login
from provisioner.report import ProvisionerError
from tests.servers import SERVERS
from tests.support.world import ORIGIN, World

SECONDS = {"minute": 60, "hour": 3600, "day": 86400}

# What doctor's lines begin with, or hold, by what they mean: it tells nothing but sentences.
PASSWORD = {"no-password-grant": "not offered", "login-refused": "offered"}
POSTING = {
    "post-refused": "only with a picture",
    "post-forbidden": "not possible with these scopes",
    "once": "the same Idempotency-Key does not post twice",
    "twice": "an Idempotency-Key may be ignored",
}


@pytest.fixture(params=SERVERS)
def personality(request: pytest.FixtureRequest) -> str:
    """Every server; a test may name one."""
    return str(request.param)


def lines(world: World, scopes: str = "") -> dict[str, str]:
    return dict(world.run("doctor", scopes=scopes).table)


def seconds(line: str) -> int:
    found = re.search(r"([0-9]+) (minute|hour|day)s?", line)
    assert found is not None
    return int(found[1]) * SECONDS[found[2]]


def post_twice(world: World) -> str:
    try:
        for _ in range(2):
            world.post("howdy universe!")
    except ProvisionerError as error:
        return error.code
    return "once" if len(world.instance.statuses) == 1 else "twice"


def test_doctor_tells_the_instance_and_its_software_and_changes_nothing(world: World) -> None:
    report = world.run("doctor")
    assert report.status == "examined"
    assert report.facts["instance"] == ORIGIN
    assert report.facts["choices"] == report.table
    assert str(report.facts["software"]) in report.table["Software"] != ""
    assert all(line.startswith("GET ") for line in world.wire.log)
    assert not [line for line in world.wire.log if "/repos" in line]


def test_begin_explains_itself_in_doctors_words(world: World) -> None:
    explained = [f"{subject}: {choice}" for subject, choice in lines(world).items()]
    world.begin()
    for line in explained[2:]:
        assert line in world.explained
    assert ORIGIN in world.shown[world.shown.index(world.explained[0]) - 1]


def test_scopes_named_first_are_asked_for_and_excess_is_told(world: World) -> None:
    first = lines(world)["Scopes"].partition(";")[0]
    (asked,) = parse_qs(urlsplit(world.link()).query)["scope"]
    assert first.partition(",")[0] == asked
    assert ("more than was requested" in first) == bool(world.warned)


def test_code_can_be_exchanged_until_the_last_moment(world: World, code: str) -> None:
    world.time += seconds(lines(world)["Code"]) - 1
    world.complete(code)
    assert world.live() == [world.stored()]


def test_unused_application_is_kept_for_as_long_as_doctor_says(world: World) -> None:
    line = lines(world)["Unused application"]
    world.begin()
    (application,) = world.instance.applications
    world.time += (400 * 86400 if line.startswith("kept") else seconds(line)) - 1
    lines(world)
    assert world.instance.applications == [application]
    world.time += 2
    lines(world)
    assert (world.instance.applications == [application]) == line.startswith("kept")


def test_person_is_sent_to_the_page_where_no_endpoint_revokes(world: World) -> None:
    """It is tried at either."""
    line = lines(world)["Revocation"]
    world.provision()
    world.time += 3600
    old = world.provision(grace="0").facts["old-tokens"]
    fate = "stuck" if line.startswith("no endpoint") else "revoked"
    assert isinstance(old, list)
    assert [one["fate"] for one in old] == [fate]
    assert world.current.instance.applications_page() in line
    assert "POST /oauth/revoke" in world.wire.log


def test_password_is_tried_only_where_doctor_says_that_it_is_offered(world: World) -> None:
    with pytest.raises(ProvisionerError) as caught:
        world.login(lambda: parse_login("mybot", "not-the-password"))
    assert lines(world)["Password"].startswith(PASSWORD[caught.value.code])


@pytest.mark.parametrize("personality", [name for name in SERVERS if name != "snac"])
@pytest.mark.parametrize("scopes", ["post", "read"])
def test_same_text_is_posted_as_often_as_doctor_says(world: World, scopes: str) -> None:
    """But on snac, where a token posts whatever its scopes are."""
    world.provision(scopes=scopes)
    assert lines(world, scopes=scopes)["Posting"].startswith(POSTING[post_twice(world)])
