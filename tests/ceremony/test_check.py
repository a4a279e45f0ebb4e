"""check: whether what was provisioned is still good."""

import pytest

from provisioner.errors import HalfWayError, InputError, PersonNeededError
from provisioner.outcomes import Checked
from provisioner.sandbox import Headers, Request, Response
from tests.stage import NAME, Fault, Stage


def checked(stage: Stage, **raw: str) -> Checked:
    """What a check found."""
    outcome = stage.check(**raw)
    assert isinstance(outcome, Checked)
    return outcome


def test_a_good_token_is_healthy(stage: Stage) -> None:
    """Alive, the right account's, with its scopes, and its secret is there."""
    stage.provision()
    assert checked(stage).status == "healthy"


def test_a_check_changes_nothing(stage: Stage) -> None:
    """It only ever reads."""
    stage.provision()
    since = len(stage.wire.log)
    stage.check()
    assert all(line.startswith("GET ") for line in stage.requests(since))


def test_a_revoked_token_needs_a_person(stage: Stage) -> None:
    """The instance's own 401 is a clear word."""
    stage.provision()
    stage.instance.revoke_access("mybot")
    outcome = checked(stage)
    assert outcome.needs_person
    assert "dead" in outcome.findings[0].text


@pytest.mark.parametrize("status", [400, 403, 418, 429, 500, 503])
def test_an_ambiguous_answer_is_not_taken_for_a_dead_token(stage: Stage, status: int) -> None:
    """It can't be told: attention, but nobody is called."""
    stage.provision()

    def unwell(request: Request) -> Response:
        return Response(status) if "verify" in request.path else stage.instance(request)

    stage.wire.hosts["social.example"] = unwell
    outcome = checked(stage)
    assert (outcome.status, outcome.needs_person) == ("attention", False)


def test_an_unreachable_instance_is_not_taken_for_a_dead_token(stage: Stage) -> None:
    """An outage is not a revocation."""
    stage.provision()
    stage.wire.faults = [Fault("refused", path="verify_credentials", times=99)]
    assert not checked(stage).needs_person


def test_a_page_in_place_of_the_api_is_not_taken_for_a_dead_token(stage: Stage) -> None:
    """HTML with 200 says nothing about the token."""
    stage.provision()
    stage.wire.faults = [Fault("html", path="verify_credentials", times=99)]
    assert not checked(stage).needs_person


def test_a_deleted_secret_needs_a_person(stage: Stage) -> None:
    """The bot would read an empty string."""
    stage.provision()
    fields = {"User-Agent": "a person", "Authorization": f"Bearer {stage.token}"}
    place = f"/repos/{NAME}/actions/secrets/MASTODON_ACCESS_TOKEN"
    stage.github(Request("DELETE", place, headers=Headers(fields.items())))
    outcome = checked(stage)
    assert outcome.needs_person
    assert "is gone" in outcome.findings[-1].text


def test_missing_scopes_need_a_person(stage: Stage) -> None:
    """The bot wants more than its token may."""
    stage.provision()
    assert checked(stage, scopes="interact").needs_person


def test_nothing_provisioned_says_what_to_run(stage: Stage) -> None:
    """A check never begins: it names the next step."""
    with pytest.raises(PersonNeededError) as caught:
        stage.check()
    assert "Run begin" in caught.value.todo


def test_a_pending_approval_shows_its_link(stage: Stage) -> None:
    """Begun but not approved: the link is in the message."""
    link = stage.link()
    with pytest.raises(PersonNeededError) as caught:
        stage.check()
    assert caught.value.link == link


def test_a_staged_token_is_pointed_out(stage: Stage) -> None:
    """A run that stopped half-way is to be finished first."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with pytest.raises(HalfWayError):
        stage.complete(code)
    stage.wire.faults = []
    with pytest.raises(HalfWayError, match="waiting"):
        stage.check()


def test_another_accounts_journal_is_refused(stage: Stage) -> None:
    """Checked is what was asked for."""
    stage.provision()
    with pytest.raises(InputError, match="belongs to mybot"):
        stage.check(account="alice@social.example")
