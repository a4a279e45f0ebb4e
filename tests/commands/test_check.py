"""check: whether what was provisioned is still good."""

import pytest
from msgspec.structs import replace

from provisioner.report import Exit, Item, Report, Run, Set, iso, when
from provisioner.sandbox import Response
from provisioner.sandbox.web import json_response
from tests.support.acts import failing, stage
from tests.support.told import assert_in_turn, calls_dead, fails, in_words, runs
from tests.support.world import ORIGIN, START, Fault, World

DAY = 86400
ACCOUNT = "mybot@social.example"
NAMES = {"secrets": "OTHER_TOKEN=access_token", "variables": "OTHER_URL=base_url"}


def bad(report: Report) -> Item:
    assert report.status == "attention"
    assert report.exit_code is Exit.ACTION_REQUIRED
    [item] = [item for item in report.items if item.verdict == "bad"]
    return item


def test_good_token_is_healthy_and_each_thing_seen_is_told(bot: World) -> None:
    bot.time += 3.5 * DAY
    report = bot.check()
    assert report.status == "healthy"
    assert report.exit_code is Exit.DONE
    assert report.outputs == {
        "account": ACCOUNT,
        "scopes": "profile write:statuses write:media",
        "expires-at": "never",
    }
    assert {(item.verdict, item.next) for item in report.items} == {("good", ())}
    assert_in_turn(
        [item.text for item in report.items],
        ACCOUNT,
        "3 days",
        "never",
        "profile write:statuses write:media",
        "MASTODON_ACCESS_TOKEN",
    )


def test_check_within_a_day_of_the_last_only_reads(bot: World) -> None:
    since = len(bot.wire.log)
    bot.check()
    bot.check(grace="0")
    assert all(line.startswith("GET ") for line in bot.requests(since))


def test_revoked_token_needs_a_person(bot: World) -> None:
    bot.instance.revoke_access("mybot")
    report = bot.check()
    assert calls_dead(bad(report))
    assert bad(report).next == (Run("begin", rotate=True),)
    assert not [item for item in report.items if "never expires" in item.text]


# What can't be told needs nobody, for three weeks.


@pytest.mark.parametrize(("over", "verdict"), [(-1, "unclear"), (0, "bad")])
def test_token_not_seen_alive_for_three_weeks_needs_a_person(
    bot: World, over: int, verdict: str
) -> None:
    """Each check that sees it alive, a day or more after the last, begins them anew."""
    bot.time += DAY
    bot.check()
    seen = int(bot.time)
    assert bot.current.seen_alive_at == seen
    bot.answer("verify_credentials", Response(418))
    bot.time += 21 * DAY + over
    report = bot.check()
    assert bot.current.seen_alive_at == seen
    assert report.items[0].verdict == verdict
    assert not calls_dead(report.items[0])
    assert report.status == ("attention" if verdict == "bad" else "unclear")
    assert report.exit_code is (Exit.ACTION_REQUIRED if verdict == "bad" else Exit.DONE)
    assert (when(seen) in report.items[0].text) == bool(report.items[0].next) == (verdict == "bad")


def test_check_is_healthy_though_the_journal_cannot_be_written(bot: World) -> None:
    """That the token was seen alive is then not kept, and nothing else is lost."""
    bot.time += DAY
    bot.wire.faults = [Fault("refused", method="PATCH", times=99)]
    assert bot.check().status == "healthy"
    assert bot.current.seen_alive_at == START


def test_echo_of_the_client_secret_is_not_shown(bot: World) -> None:
    """The instance was sent it in an earlier run, and quotes it in this one."""
    said = f"app secret {bot.current.application.client_secret.reveal()} refused"
    bot.answer("verify_credentials", json_response(403, {"error": said}))
    assert "app secret *** refused" in bot.check().items[0].text


# What needs a person, now or some day.


def test_token_of_another_account_needs_a_person(bot: World) -> None:
    """The name was given to somebody else: the bot would post as them (I8)."""
    bot.rewrite(current=replace(bot.current, account_id="999"))
    found = bad(bot.check())
    assert found.next
    assert "mybot" in found.text
    assert not calls_dead(found)


def test_deleted_secret_needs_a_person_though_the_token_is_unclear(bot: World) -> None:
    """The bot would read an empty string."""
    bot.delete("secrets", "MASTODON_ACCESS_TOKEN")
    bot.answer("verify_credentials", Response(503))
    found = bad(bot.check())
    assert "MASTODON_ACCESS_TOKEN" in found.text
    assert found.next == (Run("begin", rotate=True),)


def test_missing_scopes_are_named_and_need_a_person(bot: World) -> None:
    found = bad(bot.check(scopes="interact"))
    assert "read:notifications" in found.text
    assert "read:notifications" in str(found.next)


def test_token_of_a_machine_whose_clock_is_ahead_is_new(bot: World) -> None:
    bot.time -= 60
    assert "is 0 days old" in bot.check().items[1].text


@pytest.mark.parametrize(("over", "old"), [(0, False), (1, True)])
def test_token_is_too_old_a_second_after_max_age(bot: World, over: int, *, old: bool) -> None:
    bot.time += 90 * DAY + over
    age = bot.check(max_age="90d").items[1]
    assert age.verdict == ("bad" if old else "good")
    assert "90 days" in age.text
    assert bool(age.next) == old


@pytest.mark.parametrize("whose", ["the instance", "GitHub"])
@pytest.mark.parametrize(
    ("left", "verdict"),
    [(30 * DAY, "good"), (30 * DAY - 1, "soon"), (8 * DAY, "soon"), (8 * DAY - 1, "bad")],
)
def test_end_of_a_token_is_told_a_month_ahead_and_needs_a_person_at_the_last_weekly_check(
    bot: World, left: int, verdict: str, whose: str
) -> None:
    """That of the token for GitHub would keep the tool itself from working."""
    bot.provision()
    until = int(bot.time) + left
    if whose == "GitHub":
        bot.token = bot.github.add_token(expires_at=until)
    else:
        bot.rewrite(current=replace(bot.current, expires_at=until))
    report = bot.check()
    end = report.items[-1 if whose == "GitHub" else 2]
    assert report.outputs["expires-at"] == ("never" if whose == "GitHub" else iso(until))
    assert end.verdict == verdict
    assert ("GitHub" in end.text) == (whose == "GitHub")
    assert when(until) in end.text
    assert bool(end.next) == (verdict != "good")
    assert report.status == ("healthy" if verdict == "good" else "attention")
    assert (report.exit_code is Exit.ACTION_REQUIRED) == (verdict == "bad")


def test_rotation_under_way_is_shown_with_its_link(bot: World) -> None:
    """Nobody would see its link again otherwise."""
    link = bot.link()
    waiting = bot.check().items[-1]
    assert waiting.verdict == "soon"
    assert when(int(START)) in waiting.text
    assert link in in_words(waiting)
    assert runs(waiting.next) == ["complete", "abandon"]


# A check takes no names: a begin by the default ones might overwrite another bot's secret.


@pytest.mark.parametrize("in_workflow", [True, False])
@pytest.mark.parametrize("names", [NAMES, {}], ids=["other names", "default names"])
def test_rotation_is_told_to_name_the_same_names_only_where_it_would_not_have_them(
    world: World, names: dict[str, str], *, in_workflow: bool
) -> None:
    """A workflow has them under `with:`."""
    world.provision(**names)
    world.repository.set_secret("MASTODON_JOURNAL_KEY", world.key)
    world.time += 2 * DAY
    world.in_workflow = in_workflow
    told = bad(world.check(max_age="1d", **(names if in_workflow else {})))
    assert told.next[-1] == Run("begin", rotate=True)
    assert len(told.next) == (2 if names and not in_workflow else 1)
    if told.next[1:]:
        assert "the secret OTHER_TOKEN and the variable OTHER_URL" in str(told.next[0])


# Where there is no token in use.


def test_check_where_nothing_is_provisioned_says_to_begin(world: World) -> None:
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        world.check()
    assert runs(caught.value.next) == ["begin"]
    assert caught.value.link == ""
    assert world.instance.applications == []


def test_check_of_a_pending_approval_shows_its_link_and_asks_for_the_same_names(
    world: World,
) -> None:
    link = world.link(**NAMES)
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        world.check()
    assert caught.value.link == link
    assert "same secrets and variables" in str(caught.value.next[1])
    world.in_workflow = True  # it has them under `with:`
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        world.check()
    assert len(caught.value.next) == 2


def test_check_points_out_a_staged_token_and_asks_for_the_same_names(world: World) -> None:
    """An old token is revoked once that one is finished."""
    with failing(world, Fault("500", path="oauth/revoke", times=99)):
        world.complete(world.approve(world.link(), "alice"))
    stage(world, world.approve(world.pending.link))
    since = len(world.wire.log)
    with fails("already-staged", Exit.INCOMPLETE) as caught:
        world.check()
    assert all(line.startswith("GET ") for line in world.requests(since))
    assert runs(caught.value.next) == ["complete"]
    assert "same secrets and variables" in str(caught.value.next[0])
    with fails("journal-other-account", Exit.INPUT):
        world.check(account="alice@social.example")


@pytest.mark.parametrize(("days", "forgotten"), [(1, False), (31, True)])
def test_abandoned_token_of_an_instance_that_is_gone_is_told_of_and_given_up_after_a_month(
    world: World, days: int, *, forgotten: bool
) -> None:
    """Who removes it, and where, is told when it is given up, and not while it is still tried."""
    stage(world, world.approve(world.link()))
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


@pytest.mark.parametrize(
    ("raw", "code", "names"),
    [
        (
            {"account": "alice@social.example"},
            "journal-other-account",
            ["journal", "secrets", "variables"],
        ),
        ({"instance": "https://other.example"}, "journal-other-instance", ["journal"]),
    ],
)
@pytest.mark.parametrize("command", ["check", "complete", "post", "abandon", "deprovision"])
def test_journal_of_another_account_or_instance_is_refused(
    bot: World, command: str, raw: dict[str, str], code: str, names: list[str]
) -> None:
    bot.begin()
    since = len(bot.wire.log)
    with fails(code, Exit.INPUT) as caught:
        bot.run(command, text="howdy universe!", **raw)
    assert [step.name for step in caught.value.next if isinstance(step, Set)] == names
    assert all(line.startswith("GET") for line in bot.requests(since))


@pytest.mark.parametrize("command", ["check", "post", "rotate", "deprovision"])
def test_journal_names_the_account_that_was_not_given(bot: World, command: str) -> None:
    done = bot.run(command, account="", text="howdy universe!")
    assert done.status in {"healthy", "posted", "rotated", "deprovisioned"}


def test_account_is_demanded_where_no_journal_names_it(world: World) -> None:
    with fails("bad-account", Exit.INPUT) as caught:
        world.check(account="")
    assert caught.value.next[1::2] == (Run("setup"), Set("journal"))
