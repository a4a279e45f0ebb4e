"""Replaced tokens: revoked when nothing can need them any more, and not a moment before."""

import pytest
from msgspec.structs import replace

from provisioner.github.destinations import Destination
from provisioner.report import Exit, Item, Report, when
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.support.acts import answering, fields, killed, stage
from tests.support.told import in_words, says_application_stays
from tests.support.world import FAULTS, ORIGIN, START, Fault, World

DAY = 86400
ISSUED = when(int(START))
"""By when it was issued a person knows the old token."""
MONTH = 30 * DAY
"""How long an old token is tried to be revoked, before it is left to a person."""
VERIFY = "/api/v1/accounts/verify_credentials"
REVOCATION = "POST /oauth/revoke"


@pytest.fixture
def rotated(world: World) -> World:
    world.provision()
    world.provision()
    return world


@pytest.fixture
def old(rotated: World) -> str:
    return rotated.superseded[0]


def of_the_old(report: Report) -> Item:
    (item,) = [item for item in report.items if f"of {ISSUED}" in item.text]
    return item


def assert_says_how_to_remove_it(item: Item) -> None:
    assert "mybot@social.example" in in_words(item)
    assert f"{ORIGIN}/oauth/authorized_applications" in in_words(item)
    assert not says_application_stays(item)


# What a check says of a replaced token.


@pytest.mark.parametrize("days", [1, 90])
def test_revocation_counts_only_after_the_token_is_seen_dead(
    rotated: World, old: str, days: int
) -> None:
    """A server says yes and does nothing: the token stays known, and a person is told."""
    rotated.answer("/oauth/revoke", Response(200, (), b"{}"))
    rotated.time += days * DAY
    report = rotated.check()
    assert report.exit_code is Exit.ACTION_REQUIRED
    assert of_the_old(report).verdict == "bad"
    assert "social.example" in of_the_old(report).text
    assert_says_how_to_remove_it(of_the_old(report))
    assert rotated.superseded == [old]


@pytest.mark.parametrize("by_hand", [False, True])
def test_token_that_a_secret_may_still_hold_is_not_revoked_and_the_secret_is_named(
    world: World, *, by_hand: bool
) -> None:
    """A workflow may read it (I1): told ahead, it needs a person once the grace is over."""
    raw = world.hand_made() if by_hand else {}
    world.provision(secrets="ONE=access_token\nTWO=access_token", **raw)
    former = world.stored("TWO")
    replaced = world.provision()
    assert "ONE" in str(replaced.facts["old-tokens"])
    ahead = of_the_old(world.check())
    world.time += DAY
    due = of_the_old(world.check())
    for item, verdict in ((ahead, "soon"), (due, "bad")):
        assert item.verdict == verdict
        assert "ONE" in item.text
        assert "TWO" in item.text
        assert "secret TWO" in str(item.next)
    assert world.check(grace="0").exit_code is Exit.ACTION_REQUIRED
    assert REVOCATION not in world.wire.log
    world.delete("secrets", "ONE")
    world.delete("secrets", "TWO")
    assert world.check().status == ("attention" if by_hand else "healthy")
    assert (former in world.live()) == by_hand


def test_token_of_a_hand_made_application_is_left_to_a_person_who_is_told_once(
    world: World,
) -> None:
    """It may be in use elsewhere, whatever became of the one that replaced it."""
    world.provision(**world.hand_made())
    world.provision()
    world.time += DAY
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    found = of_the_old(world.check())
    world.wire.faults = []
    assert found.verdict == "soon"
    assert_says_how_to_remove_it(found)
    assert world.superseded == []
    assert world.check().status == "healthy"
    assert REVOCATION not in world.wire.log


def test_person_is_told_of_a_token_before_the_journal_drops_it(world: World) -> None:
    """The run is killed when it has just dropped the token."""
    world.provision(**world.hand_made())
    world.provision(grace="1h")
    world.time += 3600
    with killed(world, Fault("killed after it", method="PATCH")):
        world.check()
    assert world.superseded == []
    (warning,) = world.warned
    assert ISSUED in warning
    assert f"{ORIGIN}/oauth/authorized_applications" in warning


# When it is revoked.


@pytest.mark.parametrize(
    ("later", "grace", "until"),
    [
        (DAY - 60, "", DAY),  # runs that were queued before the rotation still post with it
        (DAY, "", None),
        (0, "0", None),
        (0, "1h", 3600),
        (0, "30d", DAY),
    ],
)
def test_check_revokes_the_old_token_once_its_grace_is_over(
    rotated: World, old: str, later: int, grace: str, until: int | None
) -> None:
    """A grace that is given shortens those that run, and lengthens none."""
    rotated.time += later
    found = of_the_old(rotated.check(**({"grace": grace} if grace else {})))
    assert found.verdict == "good"
    if until is None:
        assert rotated.live() == [rotated.stored()]
        assert rotated.superseded == []
    else:
        assert sorted(rotated.live()) == sorted([old, rotated.stored()])
        assert [old.revoke_after for old in rotated.journal().superseded] == [START + until]
        assert when(int(START) + until) in found.text


def test_rotation_with_grace_0_revokes_all_replaced_tokens_in_the_same_run(rotated: World) -> None:
    """After a leak, say. Each by its own application: Mastodon refuses another's credentials."""
    names = {"variables": "OTHER_URL=base_url"}  # a variable holds no token
    old_tokens = rotated.provision(grace="0", **names).facts["old-tokens"]
    assert str(old_tokens).count("'fate': 'revoked'") == 2
    assert rotated.live() == [rotated.stored()]
    sent = rotated.wire.record.sent["social.example"]
    assert sent.count(f"Bearer {rotated.stored()}") == 1  # that it is alive was seen before


# Where it may still stand (I1).


def test_name_that_a_later_token_took_over_holds_the_first_no_more(bot: World) -> None:
    """First A, then B, then A again: the first token is nowhere."""
    bot.provision(secrets="B=access_token")
    bot.provision()
    bot.time += DAY
    bot.check()
    assert sorted(bot.live()) == sorted([bot.stored(), bot.stored("B")])


def test_place_that_this_run_did_not_look_for_may_hold_the_old_token(
    rotated: World, old: str
) -> None:
    """Such as an environment's secret."""
    journal = rotated.journal()
    (superseded,) = journal.superseded
    places = {Destination("environment/1", "secrets", "A"): {superseded.credential.fingerprint}}
    rotated.rewrite(contents=journal.with_contents(places))
    rotated.time += DAY
    rotated.check()
    assert old in rotated.live()


def test_name_holds_the_last_token_that_was_written_there(rotated: World) -> None:
    """First A, A again, then B: A holds the second token, though that is replaced itself."""
    second = rotated.stored()
    rotated.provision(secrets="B=access_token")
    rotated.time += DAY
    rotated.check()
    assert sorted(rotated.live()) == sorted([second, rotated.stored("B")])


def test_name_that_a_cut_rotation_was_to_write_does_not_cover_the_old_token(world: World) -> None:
    """A rotation was staged for A and cut, then completed for B: A holds the old token still.

    The new token may stand there, as the journal has it; that it does, nobody has seen (I1).
    """
    world.provision(secrets="A=access_token")
    first = world.stored("A")
    code = world.approve(world.link(secrets="A=access_token"))
    stage(world, code, secrets="A=access_token")
    world.complete(secrets="B=access_token", grace="0")
    report = world.check(grace="0")
    assert world.stored("A") == first
    assert first in world.live()
    assert of_the_old(report).verdict == "bad"
    assert "A" in str(of_the_old(report).next)
    world.delete("secrets", "A")
    for _ in range(2):  # nor does the journal take it afterwards for a secret of the new one
        assert world.check().status == "healthy"
    assert world.live() == [world.stored("B")]


# The new one comes first.


@pytest.mark.parametrize("status", [403, 503])
@pytest.mark.parametrize("grace", ["", "0"])
def test_no_old_token_goes_before_the_new_one_is_seen_alive(
    rotated: World, old: str, status: int, grace: str
) -> None:
    """If the new one should be broken, the old one is all there is. Nobody needs to do anything."""
    rotated.answer(VERIFY, Response(status))
    rotated.time += DAY
    report = rotated.check(**({"grace": grace} if grace else {}))
    assert report.exit_code is Exit.DONE
    assert of_the_old(report).verdict == "unclear"
    assert "social.example" in of_the_old(report).text
    assert of_the_old(report).next == ()
    assert old in rotated.live()
    assert REVOCATION not in rotated.wire.log


@pytest.mark.parametrize("is_dead", [True, False])
def test_no_old_token_goes_when_the_one_in_use_is_dead_or_another_accounts(
    rotated: World, old: str, *, is_dead: bool
) -> None:
    """The old one may be the last that posts as the bot."""
    if is_dead:
        rotated.instance.tokens[-1].revoked_at = 1.0
    else:
        rotated.rewrite(current=replace(rotated.current, account_id="999"))
    rotated.time += DAY
    assert of_the_old(rotated.check()).verdict == "unclear"
    assert REVOCATION not in rotated.wire.log
    assert old in rotated.live()


def test_token_in_use_is_looked_at_once_for_all_old_ones(rotated: World) -> None:
    rotated.provision()
    rotated.instance.tokens[-1].revoked_at = 1.0
    rotated.time += DAY
    since = len(rotated.wire.log)
    rotated.check()
    assert len(rotated.superseded) == 2
    looks = [line for line in rotated.requests(since) if VERIFY in line]
    assert len(looks) == 2  # the check itself has one


@pytest.mark.parametrize("name", ["MASTODON_ACCESS_TOKEN", "OTHER"])
def test_replaced_token_that_comes_into_use_again_is_not_revoked(
    rotated: World, old: str, name: str
) -> None:
    """The instance answers an exchange with a token that it issued, and we replaced, before. The
    one that replaced it lives for as long as it stands where both were written (I1).
    """
    code = rotated.approve(rotated.link())
    answering(rotated, "/oauth/token", fields(access_token=old))
    rotated.complete(code, secrets=f"{name}=access_token")
    assert old not in rotated.superseded
    rotated.time += DAY
    rotated.check()
    assert rotated.stored(name) == old
    assert {rotated.stored(), old} <= set(rotated.live())


# Trouble.


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault(one, path="oauth/revoke", times=99) for one in FAULTS),
        Fault("403", method="PATCH", times=99),
    ],
)
def test_fault_leaves_the_revocation_to_the_next_check(
    rotated: World, old: str, fault: Fault
) -> None:
    """Also one that keeps the journal from dropping the token."""
    rotated.time += DAY
    rotated.wire.faults = [fault]
    report = rotated.check()
    assert report.exit_code is Exit.DONE
    if fault.kind != "answer lost":  # then it is seen dead
        assert of_the_old(report).verdict == "unclear"
        assert rotated.superseded == [old]
    rotated.wire.faults = []
    rotated.check()
    assert rotated.live() == [rotated.stored()]
    assert rotated.superseded == []


def test_token_that_works_after_a_month_of_trouble_needs_a_person(rotated: World, old: str) -> None:
    """Something that stands before the instance for a month is not left to the next check."""
    rotated.time += DAY + MONTH + 60
    rotated.wire.faults = [Fault("html", path="oauth/revoke", times=99)]
    found = of_the_old(rotated.check())
    assert found.verdict == "bad"
    assert "social.example" in found.text
    assert_says_how_to_remove_it(found)
    assert rotated.superseded == [old]


@pytest.mark.parametrize(("over", "forgotten"), [(-3600, False), (1, True)])
def test_token_of_an_instance_that_is_gone_is_dropped_after_a_month(
    rotated: World, over: int, *, forgotten: bool
) -> None:
    """It blocks nothing for ever, and a person is told where it was, and why it lives on."""
    (old,) = rotated.journal().superseded
    gone = replace(
        old.credential.instance,
        origin="https://gone.example",
        revocation_endpoint="https://gone.example/oauth/revoke",
    )
    rotated.rewrite(superseded=(replace(old, credential=replace(old.credential, instance=gone)),))
    rotated.time += DAY + MONTH + over
    report = rotated.check()
    assert report.exit_code is Exit.DONE
    assert of_the_old(report).verdict == ("soon" if forgotten else "unclear")
    assert "gone.example" in of_the_old(report).text
    assert bool(rotated.superseded) != forgotten


def test_token_that_is_refused_in_words_of_no_meaning_is_dropped_after_a_month(
    rotated: World, old: str
) -> None:
    """Its application was removed by hand, say: then no revocation is accepted either."""
    real = rotated.wire.hosts["social.example"]

    def refusing(request: Request) -> Response:
        about_old = old in (request.bearer, request.form.get("token"))
        return json_response(403, {"error": "Hm"}) if about_old else real(request)

    rotated.wire.hosts["social.example"] = refusing
    for verdict in ("unclear", "soon"):
        rotated.time += MONTH
        assert of_the_old(rotated.check()).verdict == verdict
    assert rotated.superseded == []
