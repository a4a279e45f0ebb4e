"""login: by user name and password, where an instance still takes them.

What it shares with complete is in `test_complete.py`.
"""

from contextlib import suppress

import msgspec
import pytest

from provisioner.parsing import Login
from provisioner.report import Exit, IncompleteError, Report
from provisioner.sandbox.web import json_response
from provisioner.secret import Secret
from tests.servers import PERSONALITIES
from tests.support.acts import failing, stage
from tests.support.leaks import forms
from tests.support.told import assert_in_turn, fails, runs, said, steps, would
from tests.support.wire import Killed
from tests.support.world import NAME, ORIGIN, USERS, Fault, World

PASSWORD = "mybot-password"
BEGUN = "15 January 2027, 08:00 UTC"
SCOPES = "read:accounts write:statuses write:media"
"""What these servers are asked for."""
TOKEN = "/oauth/token"


@pytest.fixture(params=USERS)
def personality(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def log_in(world: World, who: str = "mybot", password: str = PASSWORD, **raw: str) -> Report:
    """Log in, and look that neither e-mail address nor password is shown or kept."""
    user = USERS[world.instance.personality].format(who)
    try:
        return world.log_in(who, password, **raw)
    finally:
        shown = "\n".join(world.shown)
        private = [text for text in (user, password) if text not in {"", who}]
        typed = [form for text in private for form in forms(text)]
        assert [form for form in typed if form in shown] == []
        if "MASTODON_JOURNAL" in world.repository.variables:
            kept = msgspec.json.encode(world.journal(), enc_hook=Secret.reveal).decode()
            assert [form for form in typed if form in kept] == []


def never() -> Login:
    pytest.fail("asked for user name and password")


@pytest.mark.parametrize("personality", [name for name in PERSONALITIES if name not in USERS])
def test_where_no_password_is_taken_nobody_is_asked(world: World) -> None:
    """A token that is staged is finished all the same."""
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    with fails("no-password-grant", Exit.INPUT) as caught:
        world.login(never)
    assert "begin" in runs(caught.value.next)
    assert world.warned == []  # nothing will be overwritten
    assert world.instance.applications == []
    assert world.repository.variables == {}
    stage(world, world.approve(world.link()))
    world.login(never)
    assert world.live() == [world.stored()]


def test_server_that_refuses_passwords_only_at_the_exchange_leads_to_begin(world: World) -> None:
    """The error is the same, no attempt is left, and begin uses the application."""
    world.answer(TOKEN, json_response(400, {"error": "unsupported_grant_type"}))
    with fails("no-password-grant", Exit.INPUT):
        log_in(world)
    assert world.pending.attempts == ()
    world.wire.hosts["social.example"] = world.instance
    world.complete(world.approve(world.link()))
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1


def test_second_factor_leads_to_begin(world: World) -> None:
    """Pleroma says so; Mastodon says the same as of a wrong password, so that both are named."""
    world.instance.accounts[0].two_factor = True
    with fails("login-refused", Exit.ACTION_REQUIRED) as caught:
        log_in(world)
    assert "two-factor" in said(caught.value)
    assert "begin" in runs(caught.value.next)
    world.complete(world.approve(world.link()))
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1


@pytest.mark.parametrize("path", ["/api/v1/apps", TOKEN])
def test_refused_connection_asks_for_the_same_login_again(world: World, path: str) -> None:
    world.wire.faults = [Fault("refused", path=path, times=99)]
    with pytest.raises(IncompleteError) as caught:
        world.log_in()
    assert runs(caught.value.next) == ["again"]
    assert "same code" not in steps(caught.value.next)


@pytest.mark.parametrize("by_link", [False, True])
def test_staged_token_of_another_account_leads_to_another_login(
    world: World, *, by_link: bool
) -> None:
    if by_link:
        stage(world, world.approve(world.link(), "alice"))
    else:
        with failing(world, Fault("refused", path="verify_credentials", times=9)):
            log_in(world, "alice", "alice-password")
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.login(never)
    assert "alice@social.example" in said(caught.value)
    assert "mybot@social.example" in steps(caught.value.next)
    assert caught.value.link == ""
    assert runs(caught.value.next) == ["login"]
    assert world.live() == []


@pytest.mark.parametrize("is_own", [False, True])
def test_application_of_the_link_or_the_persons_own_is_used(world: World, *, is_own: bool) -> None:
    raw = {}
    if is_own:
        raw = world.hand_made()
    else:
        world.begin()
    log_in(world, **raw)
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1


def test_run_that_waited_for_a_password_while_another_wrote_sends_nothing(world: World) -> None:
    world.log_in()

    def slowly() -> Login:
        world.log_in()
        world.hidden.clear()
        return Login(Secret("mybot"), Secret(PASSWORD))

    with fails("overtaken", Exit.INCOMPLETE):
        world.login(slowly)
    assert PASSWORD in world.hidden
    assert len(world.instance.applications) == 2
    assert len(world.live()) == 2


def test_dry_run_asks_nobody_and_says_what_a_real_run_would_do(world: World) -> None:
    outcome = world.login(never, dry_run="true")
    assert_in_turn(
        would(outcome),
        "password",
        "MASTODON_JOURNAL_KEY",
        SCOPES,
        f"MASTODON_JOURNAL of {NAME}",
        ORIGIN,
        "mybot@social.example",
        "MASTODON_ACCESS_TOKEN",
        "MASTODON_BASE_URL",
    )
    assert world.instance.applications == []
    assert world.repository.variables == {}
    own = world.login(never, dry_run="true", client_id="id", client_secret="its-own-secret")
    assert not [line for line in would(own) if "application" in line]


def test_dry_run_says_which_application_is_used_again(world: World) -> None:
    world.begin()
    outcome = world.login(never, dry_run="true")
    assert_in_turn(would(outcome)[:3], "password", BEGUN, ORIGIN)


@pytest.mark.parametrize("dry_run", ["", "true"], ids=["for real", "dry run"])
def test_unmanaged_secret_is_announced_before_anything_is_asked(world: World, dry_run: str) -> None:
    """Whoever has another bot's token there can still go back."""
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")

    def ask() -> Login:
        raise Killed

    with suppress(Killed):
        world.login(ask, dry_run=dry_run)
    assert [warning for warning in world.warned if "MASTODON_ACCESS_TOKEN" in warning]
    assert world.stored() == "from-before-us"
    assert world.instance.applications == []


def test_password_and_private_user_name_are_masked(world: World) -> None:
    """The password, and a user name that is not the bot's: that one everybody knows."""
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    report = log_in(world)
    user = USERS[world.instance.personality].format("mybot")
    assert PASSWORD in world.hidden
    assert (user in world.hidden) == (user != "mybot")
    assert len(report.items) == 1  # of the overwritten secret a person is told once


def test_password_that_stands_in_the_name_hides_no_account(world: World) -> None:
    world.instance.add_account("mybotbotbot", "MyBotBot")
    world.log_in("mybotbotbot", "MyBotBot", account="mybotbotbot@social.example")
    assert world.live() == [world.stored()]
