"""Which scopes an application gets, where an instance refuses some of them."""

import re
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioner.ceremony.authorization import register
from provisioner.discovery import describe
from provisioner.errors import Exit, ProvisionerError
from provisioner.mastodon_errors import ScopesRefusedError
from provisioner.sandbox import Request, Response
from tests.stage import ORIGIN, Stage
from tests.told import fails, said

NARROW = "read:accounts write:statuses write:media"
BROAD = "read write"


@pytest.fixture
def personality() -> str:
    """One without metadata; a test may name another."""
    return "mastodon-4.2"


@pytest.fixture
def asked(stage: Stage) -> list[str]:
    """What each registration asked for, at a server that nobody knows: it tells no scopes."""
    stage.instance.version = "Tea/1.0"
    scopes: list[str] = []

    def handler(request: Request) -> Response:
        if request.path == "/api/v1/apps":
            scopes.extend(parse_qs(request.body.decode())["scopes"])
        return stage.instance(request)

    stage.wire.hosts["social.example"] = handler
    return scopes


def knows(stage: Stage, *scopes: str) -> None:
    """Let the instance refuse all others, as it does: with 422."""
    stage.instance.store.traits = replace(stage.instance.store.traits, scopes=scopes)


def test_broad_ones_where_narrow_ones_are_refused(stage: Stage, asked: list[str]) -> None:
    """The server's first word decides: the link asks for what was registered, and it serves."""
    knows(stage, "read", "write")
    link = stage.link()
    assert asked == [NARROW, BROAD]
    assert parse_qs(urlsplit(link).query)["scope"] == [BROAD]
    stage.complete(stage.approve(link))
    assert (stage.live(), len(stage.instance.applications)) == ([stage.stored()], 1)


def test_refused_scopes_are_explained(stage: Stage, asked: list[str]) -> None:
    """To those who ask: which, and what the server answered."""
    knows(stage, "read", "write")
    stage.begin()
    (refusal,) = [line for line in stage.explained if "HTTP 422" in line]
    assert NARROW in refusal
    assert len(asked) == 2


@pytest.mark.usefixtures("asked")
def test_registered_scopes_are_told(stage: Stage) -> None:
    """To everybody, with the application's name; that they are broad is a warning."""
    knows(stage, "read", "write")
    stage.begin()
    told = [line for line in stage.shown if line not in stage.explained and BROAD in line]
    (registered,) = [line for line in told if "mybot" in line]
    assert registered not in stage.warned
    (warning,) = stage.warned
    assert warning in told


def test_narrow_ones_where_they_are_taken(stage: Stage, asked: list[str]) -> None:
    """No more is asked for than what a server takes, and there is nothing to warn of."""
    stage.begin()
    assert asked == [NARROW]
    assert stage.warned == []


def test_all_are_refused(stage: Stage, asked: list[str]) -> None:
    """The error is that of the last set, and nothing is left behind but the key."""
    knows(stage, "follow")
    with fails("registration-refused", Exit.INPUT) as caught:
        stage.begin()
    assert BROAD in said(caught.value)
    assert NARROW not in said(caught.value)
    assert asked == [NARROW, BROAD]
    assert stage.instance.applications == []
    assert stage.journal().pending is None
    knows(stage, "read", "write")
    stage.provision()
    assert stage.live() == [stage.stored()]


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_other_trouble_is_no_refusal_of_scopes(stage: Stage, asked: list[str], status: int) -> None:
    """A server that is closed, asks for patience or is in trouble gets no broader request."""
    counted = stage.wire.hosts["social.example"]

    def unwell(request: Request) -> Response:
        answer = counted(request)
        return Response(status) if request.path == "/api/v1/apps" else answer

    stage.wire.hosts["social.example"] = unwell
    with pytest.raises(ProvisionerError):
        stage.begin()
    assert set(asked) == {NARROW}


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_any_number_of_sets(stage: Stage, asked: list[str], taken: int) -> None:
    """Each is tried once and in order, up to the one that is taken."""
    sets = (("make:tea",), ("make:coffee",), ("make:water",))
    knows(stage, *sets[taken])
    desk = stage.desk()
    server = describe(desk.http, ORIGIN).server
    application, scopes = register(desk.http, stage, server, "mybot", sets)
    assert asked == [" ".join(one) for one in sets[: taken + 1]]
    (registered,) = stage.instance.applications
    assert (application.client_id, scopes) == (registered.client_id, sets[taken])
    assert registered.client_secret in stage.hidden


def test_no_set_of_three(stage: Stage, asked: list[str]) -> None:
    """The last one's refusal is what is told."""
    sets = (("make:tea",), ("make:coffee",), ("make:water",))
    desk = stage.desk()
    server = describe(desk.http, ORIGIN).server
    with pytest.raises(ScopesRefusedError) as caught:
        register(desk.http, stage, server, "mybot", sets)
    assert "make:water" in said(caught.value)
    assert "make:tea" not in said(caught.value)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("personality", "scopes", "broader"),
    [
        ("mastodon-4.7", "", ""),
        ("mastodon-4.2", "", ""),
        ("pixelfed", "", "read write"),
        ("pixelfed", "read write", ""),
        ("pixelfed", "profile write", "read"),
        ("takahe", "", "read"),
    ],
)
def test_what_is_broader_is_warned_of(stage: Stage, scopes: str, broader: str) -> None:
    """What was not asked for, and nothing else; `read:accounts` says no more than `profile`."""
    stage.begin(scopes=scopes)
    named = [re.findall(r"\b(?:read|write)(?::\w+)?\b", warning) for warning in stage.warned]
    assert named == ([broader.split()] if broader else [])
