"""check: whether what was provisioned is still good."""

import pytest
from msgspec.structs import replace

from provisioner.errors import IncompleteError
from provisioner.journal import Credential
from provisioner.report import Exit, Item, Report, Run, when
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.support.told import assert_in_turn, calls_dead, fails, in_words, runs
from tests.support.world import FAULTS, ORIGIN, START, Fault, FaultKind, World

DAY = 86400
ACCOUNT = "mybot@social.example"


def token(report: Report) -> Item:
    """What a check found of the token itself."""
    return report.items[0]


def current(world: World) -> Credential:
    """The credential in use."""
    found = world.journal().current
    assert found is not None
    return found


def answer_verify(world: World, answer: Response) -> None:
    """Let the instance answer so to whoever asks whose a token is."""

    def handler(request: Request) -> Response:
        return answer if "verify" in request.path else world.instance(request)

    world.wire.hosts["social.example"] = handler


def stage_a_token(world: World) -> None:
    """A run that stops when the token is staged."""
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with pytest.raises(IncompleteError):
        world.complete(code)
    world.wire.faults = []


NAMES = {"secrets": "OTHER_TOKEN=access_token", "variables": "OTHER_URL=base_url"}


def test_rotation_of_other_names_is_told_to_name_them(world: World) -> None:
    """A check takes no names: a begin by the default ones might overwrite another bot's secret."""
    world.provision(**NAMES)
    world.time += 2 * DAY
    report = world.check(max_age="1d")
    [told] = [item for item in report.items if item.verdict == "bad"]
    assert told.next[-1] == Run("begin", rotate=True)
    assert "the secret OTHER_TOKEN and the variable OTHER_URL" in str(told.next[0])


def test_names_are_told_only_where_they_are_missing(world: World) -> None:
    """Not for the default ones, nor in a workflow, which has them under `with:`."""
    world.provision()
    world.provision(journal="OTHER_JOURNAL", **NAMES)
    world.time += 2 * DAY
    usual = world.check(max_age="1d")
    world.in_workflow = True
    here = world.check(max_age="1d", journal="OTHER_JOURNAL", journal_key=world.key, **NAMES)
    for report in (usual, here):
        [told] = [item for item in report.items if item.verdict == "bad"]
        assert told.next == (Run("begin", rotate=True),)


def test_pending_and_staged_tokens_are_told_to_be_completed_under_the_same_names(
    world: World,
) -> None:
    world.begin(**NAMES)
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        world.check()
    assert "same secrets and variables" in str(caught.value.next[1])
    stage_a_token(world)
    with fails("already-staged", Exit.INCOMPLETE) as caught:
        world.check()
    assert "same secrets and variables" in str(caught.value.next[0])


def test_good_token_is_healthy_and_each_thing_seen_is_told(world: World) -> None:
    world.provision()
    world.time += 3.5 * DAY
    report = world.check()
    assert report.status == "healthy"
    assert report.exit_code is Exit.DONE
    assert report.outputs == {
        "account": ACCOUNT,
        "scopes": "profile write:statuses write:media",
        "expires-at": "never",
    }
    assert {item.verdict for item in report.items} == {"good"}
    assert_in_turn(
        [item.text for item in report.items],
        ACCOUNT,
        "3 days",
        "never",
        "profile write:statuses write:media",
        "MASTODON_ACCESS_TOKEN",
    )
    assert [item.next for item in report.items if item.next] == []


def test_check_within_a_day_of_the_last_only_reads(world: World) -> None:
    world.provision()
    since = len(world.wire.log)
    world.check()
    assert all(line.startswith("GET ") for line in world.requests(since))


def test_revoked_token_needs_a_person(world: World) -> None:
    world.provision()
    world.instance.revoke_access("mybot")
    report = world.check()
    assert report.status == "attention"
    assert report.exit_code is Exit.ACTION_REQUIRED
    assert calls_dead(token(report))
    assert Run("begin", rotate=True) in token(report).next


# What can't be told needs nobody, for three weeks.


@pytest.mark.parametrize("status", [400, 403, 418, 429, 500, 503])
def test_ambiguous_answer_is_unclear_and_needs_nobody(world: World, status: int) -> None:
    world.provision()
    answer_verify(world, Response(status))
    report = world.check()
    assert report.status == "unclear"
    assert report.exit_code is Exit.DONE
    assert token(report).verdict == "unclear"
    assert token(report).next == ()
    assert f"HTTP {status}" in token(report).text


@pytest.mark.parametrize("kind", FAULTS)
def test_trouble_is_not_taken_for_a_dead_token(world: World, kind: FaultKind) -> None:
    """An outage is not a revocation, and a page with 200 says nothing about the token."""
    world.provision()
    world.wire.faults = [Fault(kind, path="verify_credentials", times=99)]
    report = world.check()
    assert report.status == "unclear"
    assert token(report).verdict == "unclear"


@pytest.mark.parametrize(("over", "verdict"), [(-1, "unclear"), (0, "bad")])
def test_token_not_seen_alive_for_three_weeks_needs_a_person(
    world: World, over: int, verdict: str
) -> None:
    world.provision()
    answer_verify(world, Response(418))
    world.time += 21 * DAY + over
    report = world.check()
    assert token(report).verdict == verdict
    assert not calls_dead(token(report))
    assert (report.exit_code is Exit.ACTION_REQUIRED) == (verdict == "bad")
    assert (when(int(START)) in token(report).text) == (verdict == "bad")


def test_check_that_sees_the_token_alive_begins_the_three_weeks_anew(world: World) -> None:
    world.provision()
    world.time += 20 * DAY
    world.check()
    assert current(world).seen_alive_at == START + 20 * DAY
    answer_verify(world, Response(503))
    world.time += 20 * DAY
    assert world.check().status == "unclear"
    assert current(world).seen_alive_at == START + 20 * DAY


def test_check_is_healthy_though_the_journal_cannot_be_written(world: World) -> None:
    """That it was seen alive is then not kept, and nothing else is lost."""
    world.provision()
    world.time += DAY
    world.wire.faults = [Fault("refused", method="PATCH", times=99)]
    assert world.check().status == "healthy"
    assert current(world).seen_alive_at == START


def test_what_needs_a_person_outweighs_what_is_unclear(world: World) -> None:
    world.provision()
    world.delete("secrets", "MASTODON_ACCESS_TOKEN")
    answer_verify(world, Response(503))
    report = world.check()
    assert report.status == "attention"
    assert report.exit_code is Exit.ACTION_REQUIRED


def test_echo_of_the_client_secret_is_not_shown(world: World) -> None:
    """The instance was sent it in an earlier run, and quotes it in this one."""
    world.provision()
    secret = current(world).application.client_secret.reveal()
    answer_verify(world, json_response(403, {"error": f"app secret {secret} refused"}))
    assert "app secret *** refused" in token(world.check()).text
    assert world.leaks() == []


def test_token_of_another_account_needs_a_person(world: World) -> None:
    """The name was given to somebody else: the bot would post as them (I8)."""
    world.provision()
    world.rewrite(current=replace(current(world), account_id="999"))
    found = token(world.check())
    assert found.verdict == "bad"
    assert found.next
    assert "mybot" in found.text
    assert not calls_dead(found)


@pytest.mark.parametrize(("over", "old"), [(0, False), (1, True)])
def test_token_is_too_old_a_second_after_max_age(world: World, over: int, *, old: bool) -> None:
    world.provision()
    world.time += 90 * DAY + over
    age = world.check(max_age="90d").items[1]
    assert age.verdict == ("bad" if old else "good")
    assert "90 days" in age.text
    assert bool(age.next) == old


ENDS = [(30 * DAY, "good"), (30 * DAY - 1, "soon"), (8 * DAY, "soon"), (8 * DAY - 1, "bad")]
"""A month before an end it is spoken of; what the last weekly check sees needs a person."""


@pytest.mark.parametrize(("left", "verdict"), ENDS)
def test_tokens_end_is_told_ahead(world: World, left: int, verdict: str) -> None:
    world.provision()
    until = int(START) + 100 * DAY
    world.rewrite(current=replace(current(world), expires_at=until))
    world.time = until - left
    report = world.check()
    assert report.outputs["expires-at"] == "2027-04-25T08:00:00Z"
    end = report.items[2]
    assert end.verdict == verdict
    assert when(until) in end.text
    assert bool(end.next) == (verdict != "good")


@pytest.mark.parametrize(("left", "verdict"), ENDS)
def test_end_of_the_token_for_github_is_told_ahead(world: World, left: int, verdict: str) -> None:
    """It would keep the tool itself from working."""
    world.provision()
    world.token = world.github.add_token(expires_at=world.time + left)
    end = world.check().items[-1]
    assert end.verdict == verdict
    assert "GitHub" in end.text
    assert when(int(START) + left) in end.text
    assert bool(end.next) == (verdict != "good")


def test_what_a_person_should_see_to_some_day_is_attention_and_no_failure(world: World) -> None:
    world.provision()
    world.rewrite(current=replace(current(world), expires_at=int(START) + 20 * DAY))
    report = world.check()
    assert report.status == "attention"
    assert report.exit_code is Exit.DONE


def test_rotation_under_way_is_shown_with_its_link(world: World) -> None:
    """Nobody would see its link again otherwise."""
    world.provision()
    link = world.link()
    waiting = world.check().items[-1]
    assert waiting.verdict == "soon"
    assert when(int(START)) in waiting.text
    assert link in in_words(waiting)
    assert runs(waiting.next) == ["complete", "abandon"]


def test_deleted_secret_needs_a_person(world: World) -> None:
    """The bot would read an empty string."""
    world.provision()
    world.delete("secrets", "MASTODON_ACCESS_TOKEN")
    report = world.check()
    assert report.exit_code is Exit.ACTION_REQUIRED
    assert report.items[-1].verdict == "bad"
    assert "MASTODON_ACCESS_TOKEN" in report.items[-1].text


def test_missing_scopes_are_named_and_need_a_person(world: World) -> None:
    world.provision()
    report = world.check(scopes="interact")
    assert report.exit_code is Exit.ACTION_REQUIRED
    (lacking,) = [item for item in report.items if item.verdict == "bad"]
    assert "read:notifications" in lacking.text


def test_check_where_nothing_is_provisioned_says_to_begin(world: World) -> None:
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        world.check()
    assert runs(caught.value.next) == ["begin"]
    assert caught.value.link == ""
    assert world.instance.applications == []


def test_check_of_a_pending_approval_shows_its_link(world: World) -> None:
    link = world.link()
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        world.check()
    assert caught.value.link == link


def test_check_points_out_a_staged_token(world: World) -> None:
    stage_a_token(world)
    with fails("already-staged", Exit.INCOMPLETE) as caught:
        world.check()
    assert runs(caught.value.next) == ["complete"]


@pytest.mark.parametrize(("days", "forgotten"), [(1, False), (31, True)])
def test_abandoned_token_of_an_instance_that_is_gone_is_told_of_and_given_up_after_a_month(
    world: World, days: int, *, forgotten: bool
) -> None:
    """Who removes it, and where, is told when it is given up, and not while it is still tried."""
    stage_a_token(world)
    world.wire.hosts.pop("social.example")
    world.abandon()
    world.time += days * DAY
    world.shown.clear()
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED):
        world.check()
    (warning,) = world.warned
    assert when(int(START)) in warning
    assert (f"{ORIGIN}/oauth/authorized_applications" in warning) == forgotten
    assert bool(world.journal().superseded) != forgotten


def test_check_refuses_another_accounts_journal(world: World) -> None:
    world.provision()
    with fails("journal-other-account", Exit.INPUT):
        world.check(account="alice@social.example")
