"""Replaced tokens: revoked when nothing can need them any more, and not a moment before."""

from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from provisioner.report import Exit, Item, Report, when
from provisioner.sandbox import Request, Response
from tests.support.acts import answering, fields, instead, stage
from tests.support.told import in_words
from tests.support.wire import Killed
from tests.support.world import FAULTS, ORIGIN, START, Fault, FaultKind, World

DAY = 86400
ISSUED = when(int(START))
"""By when it was issued a person knows the old token."""
MONTH = 30 * DAY
"""How long an old token is tried to be revoked, before it is left to a person."""
VERIFY = "/api/v1/accounts/verify_credentials"
REVOCATION = "POST /oauth/revoke"


@dataclass
class Rotated:
    """A bot whose token was rotated."""

    world: World
    old: str
    new: str

    def check(self, **raw: str) -> Report:
        return self.world.check(**raw)

    def found(self, **raw: str) -> Item:
        """What a check finds of the replaced token."""
        return of_the_old(self.check(**raw))

    def superseded(self) -> list[str]:
        """The replaced tokens in the journal."""
        return [old.credential.token.reveal() for old in self.world.journal().superseded]


@pytest.fixture
def rotated(world: World) -> Rotated:
    """With the default grace of a day."""
    world.provision()
    old = world.stored()
    world.provision()
    return Rotated(world, old, world.stored())


def of_the_old(report: Report) -> Item:
    """What a run says of the token that was issued first."""
    (item,) = [item for item in report.items if f"of {ISSUED}" in item.text]
    return item


def fates(report: Report) -> list[str]:
    """What became of the tokens that a rotation replaced."""
    old = report.facts["old-tokens"]
    assert isinstance(old, list)
    return [token["fate"] for token in old]


def assert_says_how_to_remove_it(item: Item) -> None:
    """As whom, and where."""
    assert "mybot@social.example" in in_words(item)
    assert f"{ORIGIN}/oauth/authorized_applications" in in_words(item)


# What a check says of a replaced token.


def test_revocation_waits_unclear_while_the_instance_is_unreachable(rotated: Rotated) -> None:
    """The token in use was not seen alive, and nobody needs to do anything."""
    rotated.world.wire.hosts.pop("social.example")
    rotated.world.time += DAY
    found = rotated.found()
    assert found.verdict == "unclear"
    assert found.next == ()
    assert "social.example" in found.text
    assert REVOCATION not in rotated.world.wire.log


def test_revocation_that_cannot_be_seen_is_tried_again(rotated: Rotated) -> None:
    world = rotated.world

    def unwell(request: Request) -> Response:
        tried = REVOCATION in world.wire.log and "verify" in request.path
        return Response(503) if tried else world.instance(request)

    world.wire.hosts["social.example"] = unwell
    rotated.world.time += DAY
    found = rotated.found()
    assert found.verdict == "unclear"
    assert "HTTP 503" in found.text
    assert rotated.superseded() == [rotated.old]


@pytest.mark.parametrize("days", [1, 90])
def test_revocation_counts_only_after_the_token_is_seen_dead(rotated: Rotated, days: int) -> None:
    """A server says yes and does nothing: the token stays known, and a person is told."""
    instead(rotated.world, "/oauth/revoke", lambda _: Response(200, (), b"{}"))
    rotated.world.time += days * DAY
    report = rotated.check()
    assert report.exit_code is Exit.ACTION_REQUIRED
    assert of_the_old(report).verdict == "bad"
    assert "social.example" in of_the_old(report).text
    assert_says_how_to_remove_it(of_the_old(report))
    assert rotated.superseded() == [rotated.old]


def test_check_names_the_secrets_where_the_old_token_still_stands(world: World) -> None:
    """Nothing has overwritten them: it is told ahead, and needs a person once the grace is over."""
    world.provision(secrets="ONE=access_token\nTWO=access_token")
    world.provision()
    ahead = of_the_old(world.check())
    world.time += DAY
    due = of_the_old(world.check())
    for item, verdict in ((ahead, "soon"), (due, "bad")):
        assert item.verdict == verdict
        assert "ONE" in item.text
        assert "TWO" in item.text
        assert "secret TWO" in str(item.next)
    assert REVOCATION not in world.wire.log


def test_token_of_a_hand_made_application_is_left_to_a_person_who_is_told_once(
    world: World,
) -> None:
    """It may be in use elsewhere."""
    world.provision_by_hand()
    world.provision()
    world.time += DAY
    found = of_the_old(world.check())
    assert found.verdict == "soon"
    assert_says_how_to_remove_it(found)
    assert world.journal().superseded == ()
    assert world.check().status == "healthy"
    assert REVOCATION not in world.wire.log


def test_person_is_told_of_a_token_before_the_journal_drops_it(world: World) -> None:
    """The run is killed when it has just dropped the token."""
    world.provision_by_hand()
    world.provision(grace="1h")
    world.time += 3600
    real = world.github

    def kill(request: Request) -> Response:
        answer = real(request)
        if request.method == "PATCH":
            raise Killed
        return answer

    world.wire.hosts["api.github.com"] = kill
    with pytest.raises(Killed):
        world.check()
    assert world.journal().superseded == ()
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
    rotated: Rotated, later: int, grace: str, until: int | None
) -> None:
    """A grace that is given shortens those that run, and lengthens none."""
    rotated.world.time += later
    found = rotated.found(**({"grace": grace} if grace else {}))
    assert found.verdict == "good"
    if until is None:
        assert rotated.world.live() == [rotated.new]
        assert rotated.superseded() == []
    else:
        assert sorted(rotated.world.live()) == sorted([rotated.old, rotated.new])
        assert [old.revoke_after for old in rotated.world.journal().superseded] == [START + until]
        assert when(int(START) + until) in found.text


def test_rotation_with_grace_0_revokes_in_the_same_run(world: World) -> None:
    """After a leak, say."""
    world.provision()
    assert fates(world.provision(grace="0")) == ["revoked"]
    assert world.live() == [world.stored()]


def test_rotation_with_grace_0_revokes_those_replaced_before_too(rotated: Rotated) -> None:
    assert fates(rotated.world.provision(grace="0")) == ["revoked", "revoked"]
    assert rotated.world.live() == [rotated.world.stored()]


def test_many_old_tokens_are_each_revoked_by_their_own_application(world: World) -> None:
    """Mastodon refuses another application's credentials (403)."""
    for _ in range(4):
        world.provision()
    world.time += DAY
    world.check()
    assert world.live() == [world.stored()]


# Where it may still stand (I1).


@pytest.mark.parametrize(("later", "grace"), [(DAY, "24h"), (0, "0")])
def test_token_that_a_secret_may_still_hold_is_not_revoked(
    world: World, later: int, grace: str
) -> None:
    """The bot's workflow reads the former name, until a person deletes it."""
    world.provision()
    former = world.stored()
    report = world.provision(secrets="NEW_NAME=access_token")
    assert "MASTODON_ACCESS_TOKEN" in str(report.facts["old-tokens"])
    world.time += later
    assert world.check(grace=grace).exit_code is Exit.ACTION_REQUIRED
    assert former in world.live()
    world.delete("secrets", "MASTODON_ACCESS_TOKEN")
    assert world.check(grace=grace).status == "healthy"
    assert former not in world.live()


def test_name_that_a_later_token_took_over_holds_the_first_no_more(world: World) -> None:
    """First A, then B, then A again: the first token is nowhere."""
    world.provision()
    world.provision(secrets="B=access_token")
    world.provision()
    world.time += DAY
    world.check()
    assert sorted(world.live()) == sorted([world.stored(), world.stored("B")])


def test_name_holds_the_last_token_that_was_written_there(world: World) -> None:
    """First A, A again, then B: A holds the second token, though that is replaced itself."""
    world.provision()
    world.provision()
    second = world.stored()
    world.provision(secrets="B=access_token")
    world.time += DAY
    world.check()
    assert sorted(world.live()) == sorted([second, world.stored("B")])


@pytest.mark.parametrize("grace", ["0", "24h"])
def test_name_that_a_cut_rotation_was_to_write_does_not_cover_the_old_token(
    world: World, grace: str
) -> None:
    """A rotation was staged for A and cut, then completed for B: A holds the old token still.

    The new token may stand there, as the journal has it; that it does, nobody has seen (I1).
    """
    world.provision(secrets="A=access_token")
    first = world.stored("A")
    code = world.approve(world.link(secrets="A=access_token"))
    stage(world, code, secrets="A=access_token")
    world.complete(secrets="B=access_token", grace=grace)
    world.time += DAY
    report = world.check(grace="0")
    assert world.stored("A") == first
    assert first in world.live()
    assert of_the_old(report).verdict == "bad"
    assert "A" in str(of_the_old(report).next)
    world.delete("secrets", "A")
    assert world.check().status == "healthy"
    assert world.live() == [world.stored("B")]


# The new one comes first.


@pytest.mark.parametrize("status", [403, 418, 429, 500, 503])
@pytest.mark.parametrize("grace", ["", "0"])
def test_no_old_token_goes_before_the_new_one_is_seen_alive(
    rotated: Rotated, status: int, grace: str
) -> None:
    """If the new one should be broken, the old one is all there is."""
    instead(rotated.world, VERIFY, lambda _: Response(status))
    rotated.world.time += DAY
    report = rotated.check(**({"grace": grace} if grace else {}))
    assert report.exit_code is Exit.DONE
    assert rotated.old in rotated.world.live()
    assert REVOCATION not in rotated.world.wire.log


def test_no_old_token_goes_when_the_one_in_use_is_dead(rotated: Rotated) -> None:
    """A person revoked the new one by hand."""
    next(t for t in rotated.world.instance.tokens if t.token == rotated.new).revoked_at = 1.0
    rotated.world.time += DAY
    assert rotated.check().exit_code is Exit.ACTION_REQUIRED
    assert rotated.world.live() == [rotated.old]


def test_no_old_token_goes_when_the_one_in_use_is_another_accounts(rotated: Rotated) -> None:
    """The old one may be the last that posts as the bot."""
    current = rotated.world.journal().current
    assert current is not None
    rotated.world.rewrite(current=replace(current, account_id="999"))
    rotated.world.time += DAY
    assert rotated.found().verdict == "unclear"
    assert REVOCATION not in rotated.world.wire.log
    assert rotated.old in rotated.world.live()


def test_replaced_token_that_comes_into_use_again_is_not_revoked(world: World) -> None:
    """The instance answers an exchange with a token that it issued, and we replaced, before."""
    world.provision()
    first = world.stored()
    world.provision()
    code = world.approve(world.link())
    answering(world, "/oauth/token", fields(access_token=first))
    world.complete(code)
    world.time += DAY
    world.check()
    assert world.stored() == first
    assert first in world.live()


# Trouble.


@pytest.mark.parametrize("kind", FAULTS)
def test_fault_leaves_the_revocation_to_the_next_check(rotated: Rotated, kind: FaultKind) -> None:
    rotated.world.time += DAY
    rotated.world.wire.faults = [Fault(kind, path="oauth/revoke", times=99)]
    assert rotated.check().exit_code is Exit.DONE
    rotated.world.wire.faults = []
    rotated.check()
    assert rotated.world.live() == [rotated.new]
    assert rotated.superseded() == []


def test_token_that_works_after_a_month_of_trouble_needs_a_person(rotated: Rotated) -> None:
    """Something that stands before the instance for a month is not left to the next check."""
    rotated.world.time += DAY + MONTH + 60
    rotated.world.wire.faults = [Fault("html", path="oauth/revoke", times=99)]
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
    world = rotated.world
    (old,) = world.journal().superseded
    gone = replace(
        old.credential.instance,
        origin="https://gone.example",
        revocation_endpoint="https://gone.example/oauth/revoke",
    )
    world.rewrite(superseded=(replace(old, credential=replace(old.credential, instance=gone)),))
    world.time += DAY + MONTH + over
    report = rotated.check()
    assert report.exit_code is Exit.DONE
    assert of_the_old(report).verdict == ("soon" if forgotten else "unclear")
    assert "gone.example" in of_the_old(report).text
    assert bool(rotated.superseded()) != forgotten
