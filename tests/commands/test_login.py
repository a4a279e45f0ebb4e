"""login: by user name and password, where an instance still takes them."""

from collections.abc import Callable
from contextlib import suppress

import msgspec
import pytest

from provisioner.errors import ActionRequiredError, IncompleteError, ProvisionerError
from provisioner.journal import Superseded
from provisioner.parsing import Login
from provisioner.report import Exit, Open, Report
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from provisioner.secret import Secret
from tests.servers import PERSONALITIES
from tests.support.leaks import forms
from tests.support.told import (
    assert_in_turn,
    fails,
    pages,
    runs,
    said,
    says_revoked,
    says_token_comes_back,
    says_token_may_be_lost,
    steps,
)
from tests.support.world import NAME, ORIGIN, START, USERS, Fault, World

OTHERS = tuple(name for name in PERSONALITIES if name not in USERS)
PASSWORD = "mybot-password"
BEGUN = "15 January 2027, 08:00 UTC"
SCOPES = "read:accounts write:statuses write:media"
"""What these servers are asked for."""


@pytest.fixture(params=USERS)
def personality(request: pytest.FixtureRequest) -> str:
    """Each server that takes passwords; a test may name others."""
    return str(request.param)


def at(*names: str) -> pytest.MarkDecorator:
    """Only at these servers."""
    return pytest.mark.parametrize("personality", names, indirect=True)


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
    """Nobody is to be asked."""
    pytest.fail("asked for user name and password")


def would(report: Report) -> tuple[str, ...]:
    """What a dry run says that a real one would do."""
    steps = report.facts["would"]
    assert isinstance(steps, tuple)
    return steps


def leads_to_a_browser(error: ProvisionerError) -> bool:
    """Whether the way on is the link that begin shows."""
    return error.link != "" or runs(error.next) == ["complete"]


def answering(world: World, answer: Callable[[], Response]) -> None:
    """Let the token endpoint answer differently."""

    def handler(request: Request) -> Response:
        return answer() if request.path == "/oauth/token" else world.instance(request)

    world.wire.hosts["social.example"] = handler


def test_secret_holds_the_one_living_token(world: World) -> None:
    log_in(world)
    assert world.live() == [world.stored()]
    assert world.journal().pending is None


def test_requests_come_in_the_order_that_is_safe(world: World) -> None:
    """Registered, journal; attempted; exchanged; staged; verified and looked; written; current.

    Nothing comes between the instance's answer and the write that stages its token.
    """
    log_in(world)
    actions = f"/repos/{NAME}/actions"
    journal = f"{actions}/variables/MASTODON_JOURNAL"
    registered = world.wire.log.index("POST /api/v1/apps")
    assert world.requests(registered) == [
        "POST /api/v1/apps",
        *(f"GET {journal}", f"PATCH {journal}"),
        f"PATCH {journal}",
        "POST /oauth/token",
        f"PATCH {journal}",
        *("GET /api/v1/accounts/verify_credentials", f"GET {journal}"),
        f"PUT {actions}/secrets/MASTODON_ACCESS_TOKEN",
        f"POST {actions}/variables",
        *(f"GET {journal}", f"PATCH {journal}"),
    ]


def test_journal_holds_no_hash_of_the_password(world: World) -> None:
    """Not even a hash of it, as it does of a code."""
    log_in(world)
    current = world.journal().current
    assert current is not None
    assert current.code == ""


@at(*OTHERS)
def test_where_no_password_is_taken_nobody_is_asked(world: World) -> None:
    with fails("no-password-grant", Exit.INPUT) as caught:
        world.login(never)
    assert "begin" in runs(caught.value.next)
    assert world.instance.applications == []
    assert world.repository.variables == {}


def test_server_that_refuses_passwords_only_at_the_exchange_leads_to_begin(world: World) -> None:
    """Where only the exchange shows it, the error is the same, and begin uses the application."""
    answering(world, lambda: json_response(400, {"error": "unsupported_grant_type"}))
    with fails("no-password-grant", Exit.INPUT):
        log_in(world)
    world.wire.hosts["social.example"] = world.instance
    world.complete(world.approve(world.link()))
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1


def test_after_a_wrong_password_the_application_is_used_again(world: World) -> None:
    """Nothing is lost: the next try takes the same application, since registrations are few."""
    with fails("login-refused", Exit.ACTION_REQUIRED) as caught:
        log_in(world, password="mistyped-password")
    assert caught.value.link == ""
    pending = world.journal().pending
    assert pending is not None
    assert pending.attempts == ()
    world.shown.clear()
    log_in(world)
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1
    assert [line for line in world.shown if BEGUN in line]
    assert world.warned == []


@at("mastodon-4.2")
def test_refused_login_names_two_factor_authentication_and_begin(world: World) -> None:
    """Mastodon says the same as of a wrong password, so that the error names this cause too."""
    world.instance.accounts[0].two_factor = True
    with fails("login-refused", Exit.ACTION_REQUIRED) as caught:
        log_in(world)
    assert "two-factor" in said(caught.value)
    assert "begin" in runs(caught.value.next)


@at("pleroma")
def test_second_factor_leads_to_begin(world: World) -> None:
    """Pleroma says so, and then it is no refusal of what was typed; begin goes on."""
    world.instance.accounts[0].two_factor = True
    with fails("second-factor", Exit.ACTION_REQUIRED) as caught:
        log_in(world)
    assert "begin" in runs(caught.value.next)
    world.complete(world.approve(world.link()))
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1


@at("mastodon-4.2")
def test_token_of_a_lost_answer_comes_back_to_the_same_application(world: World) -> None:
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with fails("no-answer", Exit.ACTION_REQUIRED):
        log_in(world)
    pending, lost = world.journal().pending, world.live()
    assert pending is not None
    assert pending.attempts == (int(START),)
    log_in(world)
    assert [world.stored()] == world.live() == lost
    assert len(world.instance.applications) == 1


@at("pleroma")
def test_token_of_a_lost_answer_is_told_of_where_each_token_is_new(world: World) -> None:
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with fails("no-answer", Exit.ACTION_REQUIRED):
        log_in(world)
    (lost,) = world.live()
    outcome = log_in(world)
    assert world.live() == [lost, world.stored()]
    assert len(world.instance.applications) == 1
    assert outcome.facts["unsettled-since"] == "2027-01-15T08:00:00Z"
    (item,) = outcome.items
    assert BEGUN in item.text
    assert pages(item.next) == [outcome.facts["remove-at"]]


@pytest.mark.parametrize(
    ("personality", "returns"),
    [("mastodon-4.2", True), ("pleroma", False)],
    indirect=["personality"],
)
def test_lost_answer_says_whether_its_token_comes_back(world: World, *, returns: bool) -> None:
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with fails("no-answer", Exit.ACTION_REQUIRED) as caught:
        log_in(world)
    assert says_token_may_be_lost(said(caught.value))
    assert says_token_comes_back(said(caught.value)) == returns
    assert runs(caught.value.next) == ["login"]
    assert not leads_to_a_browser(caught.value)


@pytest.mark.parametrize(
    ("personality", "approver"),
    [("mastodon-4.2", "whoever else"), ("pleroma", "the account")],
    indirect=["personality"],
)
def test_lost_answer_is_told_of_without_a_word_against_the_token_in_use(
    world: World, approver: str
) -> None:
    """Where the lost token came back, to remove its authorization would kill it."""
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ActionRequiredError):
        log_in(world)
    report = log_in(world)
    (item,) = report.items
    assert BEGUN in item.text
    (page,) = [step for step in item.next if isinstance(step, Open)]
    assert page.as_account.startswith(approver)


def test_exchange_is_made_once(world: World) -> None:
    """A server in trouble is not sent the password again and again."""
    world.wire.faults = [Fault("500", path="/oauth/token", times=9)]
    with pytest.raises(ActionRequiredError):
        log_in(world)
    assert world.wire.log.count("POST /oauth/token") == 1


def test_token_of_another_account_is_revoked_and_no_browser_is_spoken_of(world: World) -> None:
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        log_in(world, "alice", "alice-password")
    assert "alice@social.example" in said(caught.value)
    assert "browser" not in caught.value.why
    assert not leads_to_a_browser(caught.value)
    assert says_revoked(caught.value)
    assert world.live() == []
    assert "MASTODON_ACCESS_TOKEN" not in world.repository.secrets


def test_staged_token_of_another_account_leads_to_another_login(world: World) -> None:
    """What finishes it speaks of no browser either, also where the run that staged it was cut."""
    world.wire.faults = [Fault("refused", path="verify_credentials", times=9)]
    with pytest.raises(IncompleteError):
        log_in(world, "alice", "alice-password")
    world.wire.faults = []
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.login(never)
    assert "alice@social.example" in said(caught.value)
    assert "mybot@social.example" in steps(caught.value.next)
    assert "browser" not in caught.value.why
    assert not leads_to_a_browser(caught.value)
    assert world.live() == []


def test_staged_token_of_a_link_that_another_account_approved_leads_to_a_login(
    world: World,
) -> None:
    code = world.approve(world.link(), "alice")
    world.wire.faults = [Fault("refused", path="verify_credentials", times=9)]
    with pytest.raises(IncompleteError):
        world.complete(code)
    world.wire.faults = []
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.login(never)
    assert "browser" in caught.value.why
    assert "mybot@social.example" in steps(caught.value.next)
    assert not leads_to_a_browser(caught.value)


def test_missing_permission_leads_to_github_alone(world: World) -> None:
    """What GitHub refuses is not mended by logging in again: its advice and its link are kept."""
    token = world.github.add_token(permissions={"secrets": "read", "actions_variables": "write"})
    with fails("github-permission", Exit.ACTION_REQUIRED) as caught:
        log_in(world, github_token=token)
    assert "login" not in runs(caught.value.next)
    assert caught.value.link == "https://github.com/settings/personal-access-tokens"


def test_link_of_single_sign_on_is_shown_where_a_token_is_staged(world: World) -> None:
    """The link that is good for an hour is shown, also where the token is staged by then."""
    link = "https://github.com/orgs/acme/sso?authorization_request=A1B2"

    def handler(request: Request) -> Response:
        if request.method == "PUT" and request.path.endswith("MASTODON_ACCESS_TOKEN"):
            headers = {"X-GitHub-SSO": f"required; url={link}"}
            return json_response(403, {"message": "Resource protected by SAML"}, headers)
        return world.github(request)

    world.wire.hosts["api.github.test"] = handler
    with fails("github-sso", Exit.ACTION_REQUIRED) as caught:
        log_in(world)
    assert caught.value.link == link
    assert "login" not in runs(caught.value.next)


def test_full_journal_leads_to_the_instance_alone(world: World) -> None:
    log_in(world)
    current = world.journal().current
    assert current is not None
    old = Superseded(credential=current, revoke_after=int(START) + 9**9)
    world.rewrite(superseded=(old,) * 34)
    with fails("journal-full", Exit.ACTION_REQUIRED) as caught:
        log_in(world)
    assert pages(caught.value.next) == [current.instance.authorized_applications]
    assert "login" not in runs(caught.value.next)


@pytest.mark.parametrize(("scopes", "warned"), [("", False), ("post", False), ("full", True)])
def test_other_scopes_than_those_of_an_unsettled_attempt_are_warned_of(
    world: World, scopes: str, *, warned: bool
) -> None:
    """Its application serves once more, and can't ask for others: that is said."""
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with pytest.raises(ActionRequiredError):
        log_in(world)
    world.shown.clear()
    log_in(world, scopes=scopes)
    assert len([warning for warning in world.warned if SCOPES in warning]) == warned


def test_rotation_is_compared_with_what_the_application_asks_for(world: World) -> None:
    """The application that serves once more may ask for less than the inputs do now."""
    log_in(world, scopes=SCOPES)
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with pytest.raises(ActionRequiredError):
        log_in(world, scopes="read:accounts write:statuses")
    world.shown.clear()
    log_in(world, scopes=SCOPES)
    assert [warning for warning in world.warned if "write:media" in warning]


def test_staged_token_is_finished_without_a_password(world: World) -> None:
    world.wire.faults = [Fault("refused", path="verify_credentials", times=9)]
    with pytest.raises(IncompleteError):
        log_in(world)
    world.wire.faults = []
    world.login(never)
    assert world.live() == [world.stored()]


def test_login_where_a_token_is_in_use_rotates(world: World) -> None:
    log_in(world)
    former = world.stored()
    outcome = log_in(world, grace="0")
    assert outcome.status == "rotated"
    assert world.live() == [world.stored()]
    assert former != world.stored()


def test_login_uses_the_application_that_begin_made(world: World) -> None:
    world.begin()
    log_in(world)
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1


def test_own_application_is_used_and_none_registered(world: World) -> None:
    application = world.hand_made()
    log_in(world, client_id=application.client_id, client_secret=application.client_secret)
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1


@at("mastodon-4.2")
def test_application_that_is_gone_is_given_up(world: World) -> None:
    world.begin()
    world.instance.delete_application(world.instance.applications[0].client_id)
    with fails("unknown-application", Exit.ACTION_REQUIRED):
        log_in(world)
    log_in(world)
    assert world.live() == [world.stored()]


@at("pleroma")
@pytest.mark.parametrize(("age", "given_up"), [(594, False), (600, True)])
def test_application_that_may_be_deleted_is_replaced_and_told_of(
    world: World, age: int, *, given_up: bool
) -> None:
    """Pleroma deletes it after 15 minutes: after 10 there is another, and the person is told.

    The journal of a lost exchange is read for five seconds.
    """
    world.wire.faults = [Fault("request lost", path="/oauth/token")]
    with pytest.raises(ActionRequiredError):
        log_in(world)
    world.time = START + age
    world.shown.clear()
    log_in(world)
    assert len(world.instance.applications) == (2 if given_up else 1)
    assert world.live() == [world.stored()]
    (warning,) = world.warned
    assert BEGUN in warning


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


def test_dry_run_with_an_own_application_registers_none(world: World) -> None:
    outcome = world.login(never, dry_run="true", client_id="id", client_secret="its-own-secret")
    assert not [line for line in would(outcome) if "application" in line]


def test_dry_run_says_which_application_is_used_again(world: World) -> None:
    """It would register none, and asks GitHub for the key that the secret is sealed with."""
    world.begin()
    world.wire.log.clear()
    outcome = world.login(never, dry_run="true")
    assert_in_turn(would(outcome)[:3], "password", BEGUN, ORIGIN)
    assert f"GET /repos/{NAME}/actions/secrets/public-key" in world.wire.log


def test_dry_run_finds_a_missing_permission(world: World) -> None:
    token = world.github.add_token(permissions={"actions_variables": "write"})
    with fails("github-permission", Exit.ACTION_REQUIRED):
        world.login(never, dry_run="true", github_token=token)


@pytest.mark.parametrize("dry_run", ["", "true"], ids=["for real", "dry run"])
def test_unmanaged_secret_is_announced_before_anything_is_asked(world: World, dry_run: str) -> None:
    """Whoever has another bot's token there can still go back."""
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")

    class GoneBackError(Exception):
        """The person ends the run at the prompt."""

    def ask() -> Login:
        raise GoneBackError

    with suppress(GoneBackError):
        world.login(ask, dry_run=dry_run)
    assert [warning for warning in world.warned if "MASTODON_ACCESS_TOKEN" in warning]
    assert world.stored() == "from-before-us"
    assert world.instance.applications == []


def test_password_and_private_user_name_are_masked(world: World) -> None:
    """The password, and a user name that is not the bot's: that one everybody knows."""
    log_in(world)
    user = USERS[world.instance.personality].format("mybot")
    assert PASSWORD in world.hidden
    assert (user in world.hidden) == (user != "mybot")


def test_without_a_password_nothing_is_registered(world: World) -> None:
    with fails("no-login", Exit.INPUT):
        log_in(world, password="")
    assert world.instance.applications == []


def test_server_that_echoes_is_quoted_without_secrets(world: World) -> None:
    words = f"no such user {USERS[world.instance.personality].format('mybot')} with {PASSWORD}"
    answering(world, lambda: json_response(400, {"error": words}))
    with fails("login-refused", Exit.ACTION_REQUIRED) as caught:
        log_in(world)
    assert "no such user" in said(caught.value)


def test_password_that_stands_in_the_name_hides_no_account(world: World) -> None:
    world.instance.add_account("mybotbotbot", "MyBotBot")
    world.log_in("mybotbotbot", "MyBotBot", account="mybotbotbot@social.example")
    assert world.live() == [world.stored()]
