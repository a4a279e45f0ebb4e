"""check: whether what was provisioned is still good."""

import pytest

from provisioner.errors import HalfWayError, InputError, PersonNeededError
from provisioner.outcomes import Checked, Finding
from provisioner.sandbox import Headers, Request, Response
from provisioner.sandbox.web import json_response
from tests.stage import NAME, START, Fault, Stage

DAY = 86400
AGAIN = "Begin, and complete, for a new one."


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
    assert checked(stage) == Checked(
        account="mybot@social.example",
        scopes=("profile", "write:statuses", "write:media"),
        expires_at="never",
        findings=(
            Finding("good", "The token is alive, and belongs to mybot@social.example"),
            Finding("good", "It is 3 days old"),
            Finding("good", "It expires: never"),
            Finding("good", "It was granted “profile write:statuses write:media”"),
            Finding("good", "A secret MASTODON_ACCESS_TOKEN is there"),
        ),
    )


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
    assert outcome.findings[0].verdict == "unclear"
    assert "can't be told: social.example answered" in outcome.findings[0].text


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
    assert (finding.verdict, finding.text) == (
        "bad",
        "The token belongs to another account now: “mybot”",
    )


@pytest.mark.parametrize(("over", "old"), [(0, False), (1, True)])
def test_a_token_may_become_too_old(stage: Stage, over: int, *, old: bool) -> None:
    """With --max-age it is to be replaced from then on, and not a second before."""
    stage.provision()
    stage.time += 90 * DAY + over
    finding = checked(stage, max_age="90d").findings[1]
    too_old = Finding("bad", "The token is 90 days old: older than it may become", AGAIN)
    assert finding == (too_old if old else Finding("good", "It is 90 days old"))


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
    assert vars(outcome.findings[2]) == {
        "verdict": verdict,
        "text": "It expires: 2027-04-25T08:00:00Z",
        "todo": "" if verdict == "good" else AGAIN,
    }


@pytest.mark.parametrize(("left", "verdict"), ENDS)
def test_the_end_of_the_token_for_github_is_told_ahead(
    stage: Stage, left: int, verdict: str
) -> None:
    """It would keep the tool itself from working."""
    stage.provision()
    token = stage.github.add_token(expires_at=stage.time + left)
    finding = checked(stage, github_token=token).findings[-1]
    assert finding.verdict == verdict
    assert finding.text.startswith("The token for GitHub expires: 2027-")
    assert ("Make another one" in finding.todo) == (verdict != "good")


def test_a_rotation_under_way_is_shown(stage: Stage) -> None:
    """Nobody would see its link again otherwise."""
    stage.provision()
    link = stage.link()
    finding = checked(stage).findings[-1]
    assert finding.verdict == "soon"
    assert finding.text.endswith(f"of 2027-01-15T08:00:00Z waits for its approval: {link}")


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
    assert caught.value.link == ""


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


@pytest.mark.parametrize(("days", "said"), [(1, "is not revoked yet"), (31, "will not be revoked")])
def test_an_old_token_where_nothing_is_in_use(stage: Stage, days: int, said: str) -> None:
    """An abandoned authorization may have left one, of an instance that is gone: told once."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with pytest.raises(HalfWayError):
        stage.complete(code)
    stage.wire.hosts.pop("social.example")
    stage.abandon()
    stage.time += days * DAY
    stage.shown.clear()
    with pytest.raises(PersonNeededError, match="Nothing is provisioned"):
        stage.check()
    (warning,) = [line for line in stage.shown if line.startswith("!")]
    assert warning.startswith(f"! The old token, of 2027-01-15T08:00:00Z, {said}: ")


def test_another_accounts_journal_is_refused(stage: Stage) -> None:
    """Checked is what was asked for."""
    stage.provision()
    with pytest.raises(InputError, match="belongs to mybot"):
        stage.check(account="alice@social.example")
