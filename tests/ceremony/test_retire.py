"""Replaced tokens: revoked when nothing can need them any more, and not a moment before."""

import json
from dataclasses import dataclass

import pytest

from provisioner.outcomes import Checked, Finding, OldToken, Provisioned
from provisioner.sandbox import Request, Response
from tests.faults.faults import Killed
from tests.stage import FAULTS, ORIGIN, Fault, FaultKind, Stage

DAY = 86400.0
ISSUED = "2027-01-15T08:00:00Z"
"""By when it was issued a person knows the old token."""
MONTH = 30 * DAY
"""How long an old token is tried to be revoked, before it is left to a person."""


@dataclass
class Rotated:
    """A bot whose token was rotated."""

    stage: Stage
    old: str
    new: str

    def check(self, **raw: str) -> Checked:
        outcome = self.stage.check(**raw)
        assert isinstance(outcome, Checked)
        return outcome

    def finding(self) -> Finding:
        """What a check finds of the replaced token."""
        (finding,) = [finding for finding in self.check().findings if ISSUED in finding.text]
        return finding

    def superseded(self) -> list[str]:
        """The replaced tokens in the journal."""
        return [old.credential.token.reveal() for old in self.stage.journal().superseded]


@pytest.fixture
def rotated(stage: Stage) -> Rotated:
    """With the default grace of a day."""
    stage.provision()
    old = stage.stored()
    stage.provision()
    return Rotated(stage, old, stage.stored())


def old_tokens(stage: Stage, **raw: str) -> tuple[OldToken, ...]:
    """What a rotation said of the tokens that it replaced."""
    outcome = stage.provision(**raw)
    assert isinstance(outcome, Provisioned)
    return outcome.old_tokens


def assert_says_how_to_remove_it(finding: Finding) -> None:
    """As whom, and where."""
    assert "mybot@social.example" in finding.todo
    assert f"{ORIGIN}/oauth/authorized_applications" in finding.todo


def test_a_check_says_when_it_will_be_revoked(rotated: Rotated) -> None:
    """Which is good."""
    finding = rotated.finding()
    assert finding.verdict == "good"
    assert "2027-01-16T08:00:00Z" in finding.text


def test_a_check_says_that_it_is_revoked(rotated: Rotated) -> None:
    """Which is good."""
    rotated.stage.time += DAY
    finding = rotated.finding()
    assert finding.verdict == "good"
    assert "2027-01-16T08:00:00Z" not in finding.text
    assert rotated.superseded() == []


def test_a_check_says_that_it_tries_again(rotated: Rotated) -> None:
    """Which is unclear: the token in use was not seen alive, and nobody needs to do anything."""
    rotated.stage.wire.hosts.pop("social.example")
    rotated.stage.time += DAY
    finding = rotated.finding()
    assert finding.verdict == "unclear"
    assert finding.todo == ""
    assert "social.example" in finding.text
    assert "POST /oauth/revoke" not in rotated.stage.wire.log


def test_a_check_says_what_the_revocation_met(rotated: Rotated) -> None:
    """The token in use is alive, and the look at the old one is not answered."""
    real, log = rotated.stage.instance, rotated.stage.wire.log

    def unwell(request: Request) -> Response:
        tried = "POST /oauth/revoke" in log
        return Response(503) if tried and "verify" in request.path else real(request)

    rotated.stage.wire.hosts["social.example"] = unwell
    rotated.stage.time += DAY
    finding = rotated.finding()
    assert finding.verdict == "unclear"
    assert "HTTP 503" in finding.text
    assert rotated.superseded() == [rotated.old]


def test_a_check_says_what_github_answered(stage: Stage) -> None:
    """Whether the old name still stands can't be told: the other findings are as ever."""
    stage.provision(secrets="ONE=access_token")
    stage.provision(secrets="TWO=access_token")
    stage.time += DAY
    stage.wire.faults = [Fault("500", path="secrets/ONE", times=99)]
    finding = Rotated(stage, "", "").finding()
    assert finding.verdict == "unclear"
    assert "GitHub" in finding.text
    assert "ONE" in finding.text


def test_a_check_says_that_a_server_does_not_revoke(rotated: Rotated) -> None:
    """Which needs a person."""
    real = rotated.stage.instance

    def deaf(request: Request) -> Response:
        return Response(200, (), b"{}") if "revoke" in request.path else real(request)

    rotated.stage.wire.hosts["social.example"] = deaf
    rotated.stage.time += DAY
    finding = rotated.finding()
    assert finding.verdict == "bad"
    assert "social.example" in finding.text
    assert_says_how_to_remove_it(finding)


def test_a_check_says_where_it_still_stands(stage: Stage) -> None:
    """In two secrets, which nothing has overwritten."""
    stage.provision(secrets="ONE=access_token\nTWO=access_token")
    stage.provision()
    finding = Rotated(stage, "", "").finding()
    assert finding.verdict == "good"
    assert "ONE, TWO" in finding.text
    stage.time += DAY
    finding = Rotated(stage, "", "").finding()
    assert finding.verdict == "bad"
    assert "ONE, TWO" in finding.text
    assert_says_how_to_remove_it(finding)


def test_a_check_says_that_one_made_by_hand_is_forgotten(stage: Stage) -> None:
    """Which a person should know some day; it is said once."""
    stage.provision_by_hand()
    stage.provision()
    stage.time += DAY
    finding = Rotated(stage, "", "").finding()
    assert finding.verdict == "soon"
    assert_says_how_to_remove_it(finding)
    assert stage.journal().superseded == ()


def test_no_old_token_goes_when_the_one_in_use_is_another_accounts(rotated: Rotated) -> None:
    """The old one may be the last that posts as the bot."""
    current = rotated.stage.journal().current
    assert current is not None
    rotated.stage.rewrite(current=current.model_copy(update={"account_id": "999"}))
    rotated.stage.time += DAY
    assert rotated.finding().verdict == "unclear"
    assert "POST /oauth/revoke" not in rotated.stage.wire.log
    assert rotated.old in rotated.stage.live()


def test_a_check_within_the_grace_revokes_nothing(rotated: Rotated) -> None:
    """Runs that were queued before the rotation still post with the old token."""
    rotated.stage.time += DAY - 60
    rotated.check()
    assert sorted(rotated.stage.live()) == sorted([rotated.old, rotated.new])


def test_a_check_after_the_grace_revokes(rotated: Rotated) -> None:
    """Only the token in use is left, and known."""
    rotated.stage.time += DAY
    outcome = rotated.check()
    assert rotated.stage.live() == [rotated.new]
    assert rotated.superseded() == []
    assert outcome.status == "healthy"


def test_a_grace_of_nothing_revokes_in_the_same_run(stage: Stage) -> None:
    """After a leak, say."""
    stage.provision()
    [token] = old_tokens(stage, grace="0")
    assert (token.fate, token.reason) == ("revoked", "")
    assert stage.live() == [stage.stored()]


def test_a_shorter_grace_holds_for_those_replaced_before(rotated: Rotated) -> None:
    """Who says 0 wants none of them alive."""
    assert [token.fate for token in old_tokens(rotated.stage, grace="0")] == ["revoked"] * 2
    assert rotated.stage.live() == [rotated.stage.stored()]


def test_the_application_of_the_old_token_revokes_it(rotated: Rotated) -> None:
    """Mastodon refuses another application's credentials (403)."""
    rotated.stage.time += DAY
    since = len(rotated.stage.instance.tokens)
    rotated.check()
    old = next(t for t in rotated.stage.instance.tokens[:since] if t.token == rotated.old)
    assert not old.live


def test_a_token_that_a_secret_may_still_hold_is_not_revoked(stage: Stage) -> None:
    """The bot's workflow reads the former name."""
    stage.provision()
    former = stage.stored()
    stage.provision(secrets="NEW_NAME=access_token")
    stage.time += DAY
    outcome = Rotated(stage, former, "").check()
    assert former in stage.live()
    assert outcome.needs_person


def test_once_that_secret_is_deleted_it_is_revoked(stage: Stage) -> None:
    """A person did what the check said."""
    stage.provision()
    former = stage.stored()
    stage.provision(secrets="NEW_NAME=access_token")
    stage.time += DAY
    stage.delete("secrets", "MASTODON_ACCESS_TOKEN")
    assert Rotated(stage, former, "").check().status == "healthy"
    assert former not in stage.live()


def test_a_name_that_a_later_token_took_over_holds_it_no_more(stage: Stage) -> None:
    """First A, then B, then A again: the first token is nowhere."""
    stage.provision()
    stage.provision(secrets="B=access_token")
    stage.provision()
    stage.time += DAY
    stage.check()
    assert len(stage.live()) == 2
    assert stage.stored("B") in stage.live()


def test_a_name_holds_the_last_token_that_was_written_there(stage: Stage) -> None:
    """First A, A again, then B: A holds the second token, though that is replaced itself."""
    stage.provision()
    stage.provision()
    second = stage.stored()
    stage.provision(secrets="B=access_token")
    stage.time += DAY
    stage.check()
    assert sorted(stage.live()) == sorted([second, stage.stored("B")])


@pytest.mark.parametrize("status", [403, 418, 429, 500, 503])
def test_no_old_token_goes_before_the_new_one_is_seen_alive(rotated: Rotated, status: int) -> None:
    """If the new one should be broken, the old one is all there is."""
    real = rotated.stage.instance

    def unwell(request: Request) -> Response:
        return Response(status) if "verify" in request.path else real(request)

    rotated.stage.wire.hosts["social.example"] = unwell
    rotated.stage.time += DAY
    outcome = rotated.check()
    assert rotated.old in rotated.stage.live()
    assert not outcome.needs_person


def test_no_old_token_goes_when_the_new_one_is_dead(rotated: Rotated) -> None:
    """A person revoked the new one by hand."""
    next(t for t in rotated.stage.instance.tokens if t.token == rotated.new).revoked_at = 1.0
    rotated.stage.time += DAY
    assert rotated.check().needs_person
    assert rotated.stage.live() == [rotated.old]


def test_a_200_proves_nothing(rotated: Rotated) -> None:
    """A server that says yes and does nothing: the token stays known, and a person is told."""
    real = rotated.stage.instance

    def deaf(request: Request) -> Response:
        return Response(200, (), b"{}") if "revoke" in request.path else real(request)

    rotated.stage.wire.hosts["social.example"] = deaf
    rotated.stage.time += DAY
    outcome = rotated.check()
    assert outcome.needs_person
    assert rotated.superseded() == [rotated.old]


def test_one_that_works_still_needs_a_person_in_the_end(rotated: Rotated) -> None:
    """Something that stands before the instance for a month is not left to the next check."""
    rotated.stage.time += DAY + MONTH + 60
    rotated.stage.wire.faults = [Fault("html", path="oauth/revoke", times=99)]
    finding = rotated.finding()
    assert finding.verdict == "bad"
    assert "social.example" in finding.text
    assert_says_how_to_remove_it(finding)
    assert rotated.superseded() == [rotated.old]


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_leaves_it_to_the_next_check(rotated: Rotated, kind: FaultKind) -> None:
    """Whatever happened to the revocation, nobody is called, and the next check ends it."""
    rotated.stage.time += DAY
    rotated.stage.wire.faults = [Fault(kind, path="oauth/revoke", times=99)]
    assert not rotated.check().needs_person
    rotated.stage.wire.faults = []
    rotated.check()
    assert rotated.stage.live() == [rotated.new]
    assert rotated.superseded() == []


@pytest.mark.parametrize(("over", "forgotten"), [(-3600, False), (1, True)])
def test_a_token_of_an_instance_that_is_gone_is_forgotten_in_the_end(
    stage: Stage, over: int, *, forgotten: bool
) -> None:
    """It blocks nothing for ever, and a person is told where it was, and why it lives on."""
    stage.provision()
    stage.provision()
    journal = stage.journal()
    gone = journal.superseded[0].credential
    server = gone.server.model_copy(update={"origin": "https://gone.example"})
    endpoints = {"revocation_endpoint": "https://gone.example/oauth/revoke"}
    server = server.model_copy(update=endpoints)
    stage.rewrite(
        superseded=(
            journal.superseded[0].model_copy(
                update={"credential": gone.model_copy(update={"server": server})}
            ),
        )
    )
    stage.time += DAY + MONTH + over
    outcome = stage.check()
    assert isinstance(outcome, Checked)
    assert not outcome.needs_person
    finding = outcome.findings[-1]
    assert finding.verdict == ("soon" if forgotten else "unclear")
    assert ISSUED in finding.text
    assert "gone.example" in finding.text
    assert bool(stage.journal().superseded) != forgotten


def test_a_token_of_an_application_made_by_hand_is_left_alone(stage: Stage) -> None:
    """It may be in use elsewhere; a person is told."""
    stage.provision_by_hand()
    by_hand = stage.stored()
    [token] = old_tokens(stage, grace="0")
    assert token.fate == "forgotten"
    assert by_hand in stage.live()


def test_one_that_is_forgotten_was_spoken_of_before(stage: Stage) -> None:
    """The run is killed when it has just forgotten the token: a person was told all the same."""
    stage.provision_by_hand()
    stage.provision()
    stage.time += DAY
    real = stage.github

    def kill(request: Request) -> Response:
        answer = real(request)
        if request.method == "PATCH":
            raise Killed
        return answer

    stage.wire.hosts["api.github.test"] = kill
    with pytest.raises(Killed):
        stage.check()
    assert stage.journal().superseded == ()
    (warning,) = stage.warned
    assert ISSUED in warning
    assert f"{ORIGIN}/oauth/authorized_applications" in warning


def test_a_replaced_token_that_comes_into_use_again_is_not_revoked(stage: Stage) -> None:
    """The instance answers an exchange with a token that it issued, and we replaced, before."""
    stage.provision()
    first = stage.stored()
    stage.provision()
    code, real = stage.approve(stage.link()), stage.instance

    def first_again(request: Request) -> Response:
        answer = real(request)
        if request.path != "/oauth/token":
            return answer
        body = json.dumps(json.loads(answer.body) | {"access_token": first}).encode()
        return Response(answer.status, answer.headers, body)

    stage.wire.hosts["social.example"] = first_again
    stage.complete(code)
    stage.time += DAY
    stage.check()
    assert stage.stored() == first
    assert first in stage.live()


def test_many_at_once(stage: Stage) -> None:
    """Each with its own application's credentials."""
    for _ in range(4):
        stage.provision()
    stage.time += DAY
    stage.check()
    assert stage.live() == [stage.stored()]
