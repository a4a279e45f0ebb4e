"""Replaced tokens: revoked when nothing can need them any more, and not a moment before."""

import json
from contextlib import suppress
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from provisioner.errors import ProvisionerError
from provisioner.report import Exit, Item, Report, when
from provisioner.sandbox import Request, Response
from tests.faults.faults import Killed
from tests.stage import FAULTS, ORIGIN, START, Fault, FaultKind, Stage
from tests.told import in_words

DAY = 86400
ISSUED = when(int(START))
"""By when it was issued a person knows the old token."""
MONTH = 30 * DAY
"""How long an old token is tried to be revoked, before it is left to a person."""
REVOCATION = "POST /oauth/revoke"


@dataclass
class Rotated:
    """A bot whose token was rotated."""

    stage: Stage
    old: str
    new: str

    def check(self, **raw: str) -> Report:
        return self.stage.check(**raw)

    def found(self, **raw: str) -> Item:
        """What a check finds of the replaced token."""
        return of_the_old(self.check(**raw))

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


def of_the_old(report: Report) -> Item:
    """What a run says of the token that was issued first."""
    (item,) = [item for item in report.items if f"of {ISSUED}" in item.text]
    return item


def fates(report: Report) -> list[str]:
    """What became of the tokens that a rotation replaced."""
    old = report.facts["old-tokens"]
    assert isinstance(old, list)
    return [token["fate"] for token in old]


def answer_after_revocation(stage: Stage, status: int) -> None:
    """Let the instance answer so to whoever asks whose a token is, once one was to be revoked."""
    real, log = stage.instance, stage.wire.log

    def unwell(request: Request) -> Response:
        tried = REVOCATION in log
        return Response(status) if tried and "verify" in request.path else real(request)

    stage.wire.hosts["social.example"] = unwell


def revoke_nothing(stage: Stage) -> None:
    """Let the instance say yes to each revocation, and do nothing."""
    real = stage.instance

    def deaf(request: Request) -> Response:
        return Response(200, (), b"{}") if "revoke" in request.path else real(request)

    stage.wire.hosts["social.example"] = deaf


def assert_says_how_to_remove_it(item: Item) -> None:
    """As whom, and where."""
    assert "mybot@social.example" in in_words(item)
    assert f"{ORIGIN}/oauth/authorized_applications" in in_words(item)


# What a check says of a replaced token.


def test_check_says_until_when_the_old_token_lives(rotated: Rotated) -> None:
    found = rotated.found()
    assert found.verdict == "good"
    assert when(int(START) + DAY) in found.text
    assert rotated.superseded() == [rotated.old]


def test_check_says_that_the_old_token_is_revoked(rotated: Rotated) -> None:
    rotated.stage.time += DAY
    found = rotated.found()
    assert found.verdict == "good"
    assert when(int(START) + DAY) not in found.text
    assert rotated.superseded() == []


def test_revocation_waits_unclear_while_the_instance_is_unreachable(rotated: Rotated) -> None:
    """The token in use was not seen alive, and nobody needs to do anything."""
    rotated.stage.wire.hosts.pop("social.example")
    rotated.stage.time += DAY
    found = rotated.found()
    assert found.verdict == "unclear"
    assert found.next == ()
    assert "social.example" in found.text
    assert REVOCATION not in rotated.stage.wire.log


def test_revocation_that_cannot_be_seen_is_tried_again(rotated: Rotated) -> None:
    answer_after_revocation(rotated.stage, 503)
    rotated.stage.time += DAY
    found = rotated.found()
    assert found.verdict == "unclear"
    assert "HTTP 503" in found.text
    assert rotated.superseded() == [rotated.old]


@pytest.mark.parametrize("days", [1, 90])
def test_revocation_counts_only_after_the_token_is_seen_dead(rotated: Rotated, days: int) -> None:
    """A server says yes and does nothing: the token stays known, and a person is told."""
    revoke_nothing(rotated.stage)
    rotated.stage.time += days * DAY
    report = rotated.check()
    assert report.exit_code is Exit.ACTION_REQUIRED
    assert of_the_old(report).verdict == "bad"
    assert "social.example" in of_the_old(report).text
    assert_says_how_to_remove_it(of_the_old(report))
    assert rotated.superseded() == [rotated.old]


def test_check_names_the_secrets_where_the_old_token_still_stands(stage: Stage) -> None:
    """Nothing has overwritten them: it is told ahead, and needs a person once the grace is over."""
    stage.provision(secrets="ONE=access_token\nTWO=access_token")
    stage.provision()
    ahead = of_the_old(stage.check())
    stage.time += DAY
    due = of_the_old(stage.check())
    for item, verdict in ((ahead, "soon"), (due, "bad")):
        assert item.verdict == verdict
        assert "ONE" in item.text
        assert "TWO" in item.text
        assert "secret TWO" in str(item.next)
    assert REVOCATION not in stage.wire.log


def test_token_of_a_hand_made_application_is_left_to_a_person_who_is_told_once(
    stage: Stage,
) -> None:
    """It may be in use elsewhere."""
    stage.provision_by_hand()
    stage.provision()
    stage.time += DAY
    found = of_the_old(stage.check())
    assert found.verdict == "soon"
    assert_says_how_to_remove_it(found)
    assert stage.journal().superseded == ()
    assert stage.check().status == "healthy"
    assert REVOCATION not in stage.wire.log


def test_person_is_told_of_a_token_before_the_journal_drops_it(stage: Stage) -> None:
    """The run is killed when it has just dropped the token."""
    stage.provision_by_hand()
    stage.provision(grace="1h")
    stage.time += 3600
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


# When it is revoked.


def test_check_within_the_grace_revokes_nothing(rotated: Rotated) -> None:
    """Runs that were queued before the rotation still post with the old token."""
    rotated.stage.time += DAY - 60
    rotated.check()
    assert sorted(rotated.stage.live()) == sorted([rotated.old, rotated.new])


def test_check_after_the_grace_revokes_the_old_token_alone(rotated: Rotated) -> None:
    rotated.stage.time += DAY
    assert rotated.check().status == "healthy"
    assert rotated.stage.live() == [rotated.new]
    assert rotated.superseded() == []


def test_check_with_grace_0_revokes_at_once(rotated: Rotated) -> None:
    assert rotated.check(grace="0").status == "healthy"
    assert rotated.stage.live() == [rotated.new]
    assert rotated.superseded() == []


def test_check_with_a_shorter_grace_keeps_it_for_later_checks(rotated: Rotated) -> None:
    rotated.check(grace="1h")
    assert [old.revoke_after for old in rotated.stage.journal().superseded] == [START + 3600]
    rotated.stage.time += 3600
    rotated.check()
    assert rotated.stage.live() == [rotated.new]


def test_check_with_a_longer_grace_lengthens_nothing(rotated: Rotated) -> None:
    rotated.check(grace="30d")
    assert [old.revoke_after for old in rotated.stage.journal().superseded] == [START + DAY]


def test_check_with_grace_0_keeps_what_a_secret_may_still_hold(stage: Stage) -> None:
    """A grace that is over covers no secret (I1)."""
    stage.provision()
    former = stage.stored()
    stage.provision(secrets="NEW_NAME=access_token")
    assert stage.check(grace="0").exit_code is Exit.ACTION_REQUIRED
    assert former in stage.live()


@pytest.mark.parametrize("status", [418, 503])
def test_check_with_grace_0_keeps_it_while_the_new_one_is_not_seen_alive(
    rotated: Rotated, status: int
) -> None:
    real = rotated.stage.instance

    def unwell(request: Request) -> Response:
        return Response(status) if "verify" in request.path else real(request)

    rotated.stage.wire.hosts["social.example"] = unwell
    rotated.check(grace="0")
    assert rotated.old in rotated.stage.live()
    assert REVOCATION not in rotated.stage.wire.log


def test_rotation_with_grace_0_revokes_in_the_same_run(stage: Stage) -> None:
    """After a leak, say."""
    stage.provision()
    assert fates(stage.provision(grace="0")) == ["revoked"]
    assert stage.live() == [stage.stored()]


def test_rotation_with_grace_0_revokes_those_replaced_before_too(rotated: Rotated) -> None:
    assert fates(rotated.stage.provision(grace="0")) == ["revoked", "revoked"]
    assert rotated.stage.live() == [rotated.stage.stored()]


def test_many_old_tokens_are_each_revoked_by_their_own_application(stage: Stage) -> None:
    """Mastodon refuses another application's credentials (403)."""
    for _ in range(4):
        stage.provision()
    stage.time += DAY
    stage.check()
    assert stage.live() == [stage.stored()]


# Where it may still stand (I1).


def test_token_that_a_secret_may_still_hold_is_not_revoked(stage: Stage) -> None:
    """The bot's workflow reads the former name."""
    stage.provision()
    former = stage.stored()
    stage.provision(secrets="NEW_NAME=access_token")
    stage.time += DAY
    assert stage.check().exit_code is Exit.ACTION_REQUIRED
    assert former in stage.live()


def test_once_that_secret_is_deleted_the_token_is_revoked(stage: Stage) -> None:
    """A person did what the check said."""
    stage.provision()
    former = stage.stored()
    stage.provision(secrets="NEW_NAME=access_token")
    stage.time += DAY
    stage.delete("secrets", "MASTODON_ACCESS_TOKEN")
    assert stage.check().status == "healthy"
    assert former not in stage.live()


def test_name_that_a_later_token_took_over_holds_the_first_no_more(stage: Stage) -> None:
    """First A, then B, then A again: the first token is nowhere."""
    stage.provision()
    stage.provision(secrets="B=access_token")
    stage.provision()
    stage.time += DAY
    stage.check()
    assert sorted(stage.live()) == sorted([stage.stored(), stage.stored("B")])


def test_name_holds_the_last_token_that_was_written_there(stage: Stage) -> None:
    """First A, A again, then B: A holds the second token, though that is replaced itself."""
    stage.provision()
    stage.provision()
    second = stage.stored()
    stage.provision(secrets="B=access_token")
    stage.time += DAY
    stage.check()
    assert sorted(stage.live()) == sorted([second, stage.stored("B")])


@pytest.mark.parametrize("grace", ["0", "24h"])
def test_name_that_a_cut_rotation_was_to_write_does_not_cover_the_old_token(
    stage: Stage, grace: str
) -> None:
    """A rotation was staged for A and cut, then completed for B: A holds the old token still.

    The new token may stand there, as the journal has it; that it does, nobody has seen (I1).
    """
    stage.provision(secrets="A=access_token")
    first = stage.stored("A")
    code = stage.approve(stage.link(secrets="A=access_token"))
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(ProvisionerError):
        stage.complete(code, secrets="A=access_token")
    stage.wire.faults = []
    stage.complete(secrets="B=access_token", grace=grace)
    stage.time += DAY
    report = stage.check(grace="0")
    assert stage.stored("A") == first
    assert first in stage.live()
    assert of_the_old(report).verdict == "bad"
    assert "A" in str(of_the_old(report).next)
    stage.delete("secrets", "A")
    assert stage.check().status == "healthy"
    assert stage.live() == [stage.stored("B")]


# The new one comes first.


@pytest.mark.parametrize("status", [403, 418, 429, 500, 503])
def test_no_old_token_goes_before_the_new_one_is_seen_alive(rotated: Rotated, status: int) -> None:
    """If the new one should be broken, the old one is all there is."""
    real = rotated.stage.instance

    def unwell(request: Request) -> Response:
        return Response(status) if "verify" in request.path else real(request)

    rotated.stage.wire.hosts["social.example"] = unwell
    rotated.stage.time += DAY
    assert rotated.check().exit_code is Exit.DONE
    assert rotated.old in rotated.stage.live()


def test_no_old_token_goes_when_the_one_in_use_is_dead(rotated: Rotated) -> None:
    """A person revoked the new one by hand."""
    next(t for t in rotated.stage.instance.tokens if t.token == rotated.new).revoked_at = 1.0
    rotated.stage.time += DAY
    assert rotated.check().exit_code is Exit.ACTION_REQUIRED
    assert rotated.stage.live() == [rotated.old]


def test_no_old_token_goes_when_the_one_in_use_is_another_accounts(rotated: Rotated) -> None:
    """The old one may be the last that posts as the bot."""
    current = rotated.stage.journal().current
    assert current is not None
    rotated.stage.rewrite(current=replace(current, account_id="999"))
    rotated.stage.time += DAY
    assert rotated.found().verdict == "unclear"
    assert REVOCATION not in rotated.stage.wire.log
    assert rotated.old in rotated.stage.live()


def test_replaced_token_that_comes_into_use_again_is_not_revoked(stage: Stage) -> None:
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


# Trouble.


@pytest.mark.parametrize("kind", FAULTS)
def test_fault_leaves_the_revocation_to_the_next_check(rotated: Rotated, kind: FaultKind) -> None:
    rotated.stage.time += DAY
    rotated.stage.wire.faults = [Fault(kind, path="oauth/revoke", times=99)]
    assert rotated.check().exit_code is Exit.DONE
    rotated.stage.wire.faults = []
    rotated.check()
    assert rotated.stage.live() == [rotated.new]
    assert rotated.superseded() == []


def test_token_that_works_after_a_month_of_trouble_needs_a_person(rotated: Rotated) -> None:
    """Something that stands before the instance for a month is not left to the next check."""
    rotated.stage.time += DAY + MONTH + 60
    rotated.stage.wire.faults = [Fault("html", path="oauth/revoke", times=99)]
    found = rotated.found()
    assert found.verdict == "bad"
    assert "social.example" in found.text
    assert_says_how_to_remove_it(found)
    assert rotated.superseded() == [rotated.old]


@pytest.mark.parametrize(("over", "forgotten"), [(-3600, False), (1, True)])
def test_token_of_an_instance_that_is_gone_is_dropped_after_a_month(
    rotated: Rotated, over: int, *, forgotten: bool
) -> None:
    """It blocks nothing for ever, and a person is told where it was, and why it lives on."""
    stage = rotated.stage
    (old,) = stage.journal().superseded
    gone = replace(
        old.credential.instance,
        origin="https://gone.example",
        revocation_endpoint="https://gone.example/oauth/revoke",
    )
    stage.rewrite(superseded=(replace(old, credential=replace(old.credential, instance=gone)),))
    stage.time += DAY + MONTH + over
    report = rotated.check()
    assert report.exit_code is Exit.DONE
    assert of_the_old(report).verdict == ("soon" if forgotten else "unclear")
    assert "gone.example" in of_the_old(report).text
    assert bool(rotated.superseded()) != forgotten
