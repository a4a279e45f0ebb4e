"""Every server that the sandbox plays: the same story, and each one's own traps."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioner.errors import ProvisionerError
from provisioner.report import Exit
from tests.contract.github_description import Description
from tests.servers import PERSONALITIES
from tests.stage import Stage
from tests.told import calls_dead, fails, in_words

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


def test_link_asks_for_the_narrowest_scopes(name: str, stage: Stage) -> None:
    query = parse_qs(urlsplit(stage.link()).query)
    assert query["scope"] == [ASKED[name]]


def test_link_has_no_state_and_forces_a_login(stage: Stage) -> None:
    """`state` would end up in the code, and `force_login=false` would show a token on Pleroma."""
    query = parse_qs(urlsplit(stage.link()).query)
    assert query.get("state") is None
    assert query["force_login"] == ["true"]


def test_stored_token_is_alive_and_healthy(stage: Stage) -> None:
    stage.provision()
    checked = stage.check()
    assert stage.live() == [stage.stored()]
    assert checked.status == "healthy"


def test_expiry_is_told_and_warned_of_a_month_ahead(name: str, stage: Stage) -> None:
    report = stage.provision()
    assert (report.outputs["expires-at"] == "never") == (name not in {"pixelfed", "pleroma"})
    if name == "pixelfed":
        stage.time += 340 * 86400
        end = report.table["Expires"]
        assert [item.verdict for item in stage.check().items if end in item.text] == ["soon"]


@pytest.mark.parametrize("code", ["nonsense", "bm9uc2Vuc2U"])
def test_wrong_code_leads_to_the_link(stage: Stage, code: str) -> None:
    """However the server answers it, a person is led to the link, and the right code then works."""
    link = stage.link()
    with pytest.raises(ProvisionerError) as caught:
        stage.complete(code)
    assert caught.value.exit_code == Exit.ACTION_REQUIRED
    assert caught.value.link == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


@pytest.mark.parametrize("name", CODE_SECONDS)
def test_expired_code_gives_no_token(name: str, stage: Stage) -> None:
    link = stage.link()
    code = stage.approve(link)
    stage.time += CODE_SECONDS[name] + 1
    with pytest.raises(ProvisionerError):
        stage.complete(code)
    assert stage.live() == []
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_revoked_token_needs_action(name: str, stage: Stage) -> None:
    """In whatever words the server says it, the check is red and names the way out.

    Pleroma says the same of an account that may not act: there it is said to be one or the other.
    """
    stage.provision()
    stage.instance.revoke_access("mybot")
    checked = stage.check()
    finding = checked.items[0]
    assert finding.verdict == "bad"
    assert finding.next
    assert checked.exit_code is Exit.ACTION_REQUIRED
    assert calls_dead(finding) == (name != "pleroma")


def test_rotation_revokes_the_old_token_or_says_where_to_remove_it(name: str, stage: Stage) -> None:
    stage.provision()
    old = stage.stored()
    stage.time += 3600
    outcome = stage.provision(grace="0")
    assert stage.stored() != old
    if name == "pixelfed":
        page = f"{stage.instance.origin}{stage.instance.server.applications_page}"
        assert any(page in in_words(item) for item in outcome.items)
    else:
        assert stage.live() == [stage.stored()]


def test_forgotten_application_is_given_up(stage: Stage) -> None:
    link = stage.link()
    code = stage.approve(link)
    stage.instance.delete_application(stage.instance.applications[0].client_id)
    with pytest.raises(ProvisionerError) as caught:
        stage.complete(code)
    assert caught.value.next
    stage.time += 8 * 86400
    if stage.journal().pending is not None:
        stage.abandon()
    stage.provision()
    assert stage.live() == [stage.stored()]


def test_token_of_another_account_is_never_stored(stage: Stage) -> None:
    link = stage.link()
    with fails("wrong-account", Exit.ACTION_REQUIRED):
        stage.complete(stage.approve(link, "alice"))
    assert stage.stored() == ""
