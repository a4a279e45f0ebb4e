"""check: whether what was provisioned is still good."""

import pytest

from provisioner.ceremony.desk import iso
from provisioner.errors import Exit, HalfWayError
from provisioner.outcomes import Checked
from provisioner.sandbox import Headers, Request, Response
from provisioner.sandbox.web import json_response
from tests.stage import FAULTS, NAME, ORIGIN, START, Fault, FaultKind, Stage
from tests.told import assert_in_turn, calls_dead, fails, found

DAY = 86400


def checked(stage: Stage, **raw: str) -> Checked:
    """What a check found."""
    outcome = stage.check(**raw)
    assert isinstance(outcome, Checked)
    return outcome


def test_a_good_token_is_healthy(stage: Stage) -> None:
    """Alive, the right account's, with its scopes, and its secret is there."""
    stage.provision()
    assert checked(stage).status == "healthy"


def test_a_check_says_what_it_saw(stage: Stage) -> None:
    """A finding for the token, its age, its end, its scopes and each secret."""
    stage.provision()
    stage.time += 3.5 * DAY
    outcome = checked(stage)
    assert outcome.account == "mybot@social.example"
    assert outcome.scopes == ("profile", "write:statuses", "write:media")
    assert outcome.expires_at == "never"
    assert {finding.verdict for finding in outcome.findings} == {"good"}
    assert_in_turn(
        [finding.text for finding in outcome.findings],
        "mybot@social.example",
        "3 days",
        "never",
        "profile write:statuses write:media",
        "MASTODON_ACCESS_TOKEN",
    )
    assert [finding.todo for finding in outcome.findings if finding.todo] == []


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
    assert calls_dead(outcome.findings[0])


@pytest.mark.parametrize("status", [400, 403, 418, 429, 500, 503])
def test_an_ambiguous_answer_is_not_taken_for_a_dead_token(stage: Stage, status: int) -> None:
    """It can't be told: attention, but nobody is called."""
    stage.provision()

    def unwell(request: Request) -> Response:
        return Response(status) if "verify" in request.path else stage.instance(request)

    stage.wire.hosts["social.example"] = unwell
    outcome = checked(stage)
    assert (outcome.status, outcome.needs_person) == ("attention", False)
    assert outcome.findings[0].verdict == "unclear"
    assert f"HTTP {status}" in outcome.findings[0].text


def test_an_echo_of_the_client_secret_is_not_shown(stage: Stage) -> None:
    """The instance was sent it in an earlier run, and quotes it in this one."""
    stage.provision()
    current = stage.journal().current
    assert current is not None
    words = {"error": f"app secret {current.application.client_secret.reveal()} refused"}

    def quoting(request: Request) -> Response:
        return json_response(403, words) if "verify" in request.path else stage.instance(request)

    stage.wire.hosts["social.example"] = quoting
    assert "app secret *** refused" in checked(stage).findings[0].text
    assert stage.leaks() == []


def test_a_token_of_another_account_needs_a_person(stage: Stage) -> None:
    """The name was given to somebody else: the bot would post as them."""
    stage.provision()
    current = stage.journal().current
    assert current is not None
    stage.rewrite(current=current.model_copy(update={"account_id": "999"}))
    finding = checked(stage).findings[0]
    assert finding.verdict == "bad"
    assert finding.todo
    assert "mybot" in finding.text
    assert not calls_dead(finding)


@pytest.mark.parametrize(("over", "old"), [(0, False), (1, True)])
def test_a_token_may_become_too_old(stage: Stage, over: int, *, old: bool) -> None:
    """With --max-age it is to be replaced from then on, and not a second before."""
    stage.provision()
    stage.time += 90 * DAY + over
    finding = checked(stage, max_age="90d").findings[1]
    assert finding.verdict == ("bad" if old else "good")
    assert "90 days" in finding.text
    assert bool(finding.todo) == old


ENDS = [(30 * DAY, "good"), (30 * DAY - 1, "soon"), (8 * DAY, "soon"), (8 * DAY - 1, "bad")]


@pytest.mark.parametrize(("left", "verdict"), ENDS)
def test_a_tokens_end_is_told_ahead(stage: Stage, left: int, verdict: str) -> None:
    """A month before it is spoken of; what the last weekly check before it sees needs a person."""
    stage.provision()
    current = stage.journal().current
    assert current is not None
    until = int(START) + 100 * DAY
    stage.rewrite(current=current.model_copy(update={"expires_at": until}))
    stage.time = until - left
    outcome = checked(stage)
    assert outcome.expires_at == "2027-04-25T08:00:00Z"
    finding = outcome.findings[2]
    assert finding.verdict == verdict
    assert "2027-04-25T08:00:00Z" in finding.text
    assert bool(finding.todo) == (verdict != "good")


@pytest.mark.parametrize(("left", "verdict"), ENDS)
def test_the_end_of_the_token_for_github_is_told_ahead(
    stage: Stage, left: int, verdict: str
) -> None:
    """It would keep the tool itself from working."""
    stage.provision()
    token = stage.github.add_token(expires_at=stage.time + left)
    finding = checked(stage, github_token=token).findings[-1]
    assert finding.verdict == verdict
    assert "GitHub" in finding.text
    assert iso(int(START) + left) in finding.text
    assert bool(finding.todo) == (verdict != "good")


def test_a_rotation_under_way_is_shown(stage: Stage) -> None:
    """Nobody would see its link again otherwise."""
    stage.provision()
    link = stage.link()
    finding = checked(stage).findings[-1]
    assert finding.verdict == "soon"
    assert finding.todo
    assert "2027-01-15T08:00:00Z" in finding.text
    assert link in found(finding)


@pytest.mark.parametrize("kind", FAULTS)
def test_trouble_is_not_taken_for_a_dead_token(stage: Stage, kind: FaultKind) -> None:
    """An outage is not a revocation, and a page with 200 says nothing about the token."""
    stage.provision()
    stage.wire.faults = [Fault(kind, path="verify_credentials", times=99)]
    outcome = checked(stage)
    assert outcome.findings[0].verdict == "unclear"
    assert not outcome.needs_person


def test_a_deleted_secret_needs_a_person(stage: Stage) -> None:
    """The bot would read an empty string."""
    stage.provision()
    fields = {"User-Agent": "a person", "Authorization": f"Bearer {stage.token}"}
    place = f"/repos/{NAME}/actions/secrets/MASTODON_ACCESS_TOKEN"
    stage.github(Request("DELETE", place, headers=Headers(fields.items())))
    outcome = checked(stage)
    assert outcome.needs_person
    finding = outcome.findings[-1]
    assert finding.verdict == "bad"
    assert "MASTODON_ACCESS_TOKEN" in finding.text


def test_missing_scopes_need_a_person(stage: Stage) -> None:
    """The bot wants more than its token may: what is missing is named."""
    stage.provision()
    outcome = checked(stage, scopes="interact")
    assert outcome.needs_person
    (finding,) = [finding for finding in outcome.findings if finding.verdict == "bad"]
    assert "read:notifications" in finding.text


def test_nothing_provisioned_says_what_to_run(stage: Stage) -> None:
    """A check never begins: it names the next step."""
    with fails("nothing-provisioned", Exit.PERSON) as caught:
        stage.check()
    assert "begin" in caught.value.todo
    assert caught.value.link == ""


def test_a_pending_approval_shows_its_link(stage: Stage) -> None:
    """Begun but not approved: the link is in the message."""
    link = stage.link()
    with fails("nothing-provisioned", Exit.PERSON) as caught:
        stage.check()
    assert caught.value.link == link


def test_a_staged_token_is_pointed_out(stage: Stage) -> None:
    """A run that stopped half-way is to be finished first."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with pytest.raises(HalfWayError):
        stage.complete(code)
    stage.wire.faults = []
    with fails("already-staged", Exit.HALF_WAY):
        stage.check()


@pytest.mark.parametrize(("days", "forgotten"), [(1, False), (31, True)])
def test_an_old_token_where_nothing_is_in_use(stage: Stage, days: int, *, forgotten: bool) -> None:
    """An abandoned authorization may have left one, of an instance that is gone: told once.

    Who removes it, and where, is told when it is given up, and not while it is still tried.
    """
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with pytest.raises(HalfWayError):
        stage.complete(code)
    stage.wire.hosts.pop("social.example")
    stage.abandon()
    stage.time += days * DAY
    stage.shown.clear()
    with fails("nothing-provisioned", Exit.PERSON):
        stage.check()
    (warning,) = stage.warned
    assert "2027-01-15T08:00:00Z" in warning
    assert (f"{ORIGIN}/oauth/authorized_applications" in warning) == forgotten
    assert bool(stage.journal().superseded) != forgotten


def test_another_accounts_journal_is_refused(stage: Stage) -> None:
    """Checked is what was asked for."""
    stage.provision()
    with fails("journal-other-account", Exit.INPUT):
        stage.check(account="alice@social.example")
