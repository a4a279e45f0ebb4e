"""Every server that the sandbox plays: the same story, and each one's own traps."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioner.errors import Exit, ProvisionerError
from provisioner.outcomes import Checked, Provisioned
from provisioner.sandbox import PERSONALITIES
from tests.contract.github_description import Description
from tests.stage import Stage
from tests.told import calls_dead, fails

ASKED = {
    "mastodon-4.7": "profile write:statuses write:media",
    "mastodon-4.2": "read:accounts write:statuses write:media",
    "gotosocial": "read:accounts write:statuses write:media",
    "pleroma": "read:accounts write:statuses write:media",
    "pixelfed": "read write",
    "takahe": "read write:statuses write:media",
}
CODE_SECONDS = {name: 600 for name in PERSONALITIES if name != "pleroma"}
CODE_SECONDS |= {"gotosocial": 300, "takahe": 60}
"""How long a code is good; on Pleroma that is 100 years."""


@pytest.fixture(params=PERSONALITIES)
def name(request: pytest.FixtureRequest) -> str:
    """A server's name."""
    return str(request.param)


@pytest.fixture
def stage(name: str) -> Iterator[Stage]:
    """A stage with that server; afterwards nothing that was shown holds a secret."""
    made = Stage(Description.load(), name)
    yield made
    assert made.leaks() == []


def test_what_is_asked_for(name: str, stage: Stage) -> None:
    """The link asks for the narrowest scopes that the server knows."""
    query = parse_qs(urlsplit(stage.link()).query)
    assert query["scope"] == [ASKED[name]]


def test_the_link_has_no_state_and_forces_a_login(stage: Stage) -> None:
    """`state` would end up in the code, and `force_login=false` would show a token on Pleroma."""
    query = parse_qs(urlsplit(stage.link()).query)
    assert (query.get("state"), query["force_login"]) == (None, ["true"])


def test_the_story(stage: Stage) -> None:
    """Begin, approve, complete: the stored token is alive, and the check has nothing to say."""
    stage.provision()
    checked = stage.check()
    assert isinstance(checked, Checked)
    assert (stage.live(), checked.status) == ([stage.stored()], "healthy")


def test_an_end_is_foreseen(name: str, stage: Stage) -> None:
    """Where tokens expire the outcome says when, and a check speaks of it a month ahead."""
    outcome = stage.provision()
    assert (outcome.outputs()["expires-at"] == "never") == (name not in {"pixelfed", "pleroma"})
    if name == "pixelfed":
        stage.time += 340 * 86400
        checked = stage.check()
        assert isinstance(checked, Checked)
        end = outcome.outputs()["expires-at"]
        assert [f.verdict for f in checked.findings if end in f.text] == ["soon"]


@pytest.mark.parametrize("code", ["nonsense", "bm9uc2Vuc2U"])
def test_a_wrong_code(stage: Stage, code: str) -> None:
    """However the server answers it, a person is led to the link, and the right code then works."""
    link = stage.link()
    with pytest.raises(ProvisionerError) as caught:
        stage.complete(code)
    assert (caught.value.exit_code, caught.value.link) == (Exit.PERSON, link)
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


@pytest.mark.parametrize("name", CODE_SECONDS)
def test_an_expired_code(name: str, stage: Stage) -> None:
    """A code that was left lying gives no token, and a fresh one does."""
    link = stage.link()
    code = stage.approve(link)
    stage.time += CODE_SECONDS[name] + 1
    with pytest.raises(ProvisionerError):
        stage.complete(code)
    assert stage.live() == []
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_a_revoked_token_is_dead(name: str, stage: Stage) -> None:
    """In whatever words the server says it, the check is red and names the way out.

    Pleroma says the same of an account that may not act: there it is said to be one or the other.
    """
    stage.provision()
    stage.instance.revoke_access("mybot")
    checked = stage.check()
    assert isinstance(checked, Checked)
    finding = checked.findings[0]
    assert finding.verdict == "bad"
    assert finding.todo
    assert checked.needs_person
    assert calls_dead(finding) == (name != "pleroma")


def test_rotation(name: str, stage: Stage) -> None:
    """The old token is revoked in the same run, or the person is told where to remove it."""
    stage.provision()
    old = stage.stored()
    stage.time += 3600
    outcome = stage.provision(grace="0")
    assert isinstance(outcome, Provisioned)
    assert stage.stored() != old
    if name == "pixelfed":
        page = f"{stage.instance.origin}{stage.instance.applications_page}"
        assert any(page in note for note in outcome.notes)
    else:
        assert stage.live() == [stage.stored()]


def test_a_forgotten_application(stage: Stage) -> None:
    """An application that the server deleted is given up, and a new one works."""
    link = stage.link()
    code = stage.approve(link)
    stage.instance.delete_application(stage.instance.applications[0].client_id)
    with pytest.raises(ProvisionerError) as caught:
        stage.complete(code)
    assert caught.value.todo
    stage.time += 8 * 86400
    if stage.journal().pending is not None:
        stage.abandon()
    stage.provision()
    assert stage.live() == [stage.stored()]


def test_somebody_else(stage: Stage) -> None:
    """A token of another account is never stored."""
    link = stage.link()
    with fails("wrong-account", Exit.PERSON):
        stage.complete(stage.approve(link, "alice"))
    assert stage.stored() == ""
