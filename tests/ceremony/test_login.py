"""login: by user name and password, where an instance still takes them."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from provisioner.errors import Exit, HalfWayError, ProvisionerError
from provisioner.inputs import Login
from provisioner.journal import Superseded
from provisioner.outcomes import DryRun, Outcome, Provisioned
from provisioner.sandbox import PERSONALITIES, Request, Response
from provisioner.sandbox.web import json_response
from provisioner.secret import SEALING
from tests.leaks import forms
from tests.stage import NAME, ORIGIN, START, USERS, Fault, Stage
from tests.told import assert_in_turn, fails, said, says_revoked, says_token_comes_back

OTHERS = tuple(name for name in PERSONALITIES if name not in USERS)
PASSWORD = "mybot-password"
SCOPES = "read:accounts write:statuses write:media"
"""What these servers are asked for."""


@pytest.fixture(params=USERS)
def personality(request: pytest.FixtureRequest) -> str:
    """Each server that takes passwords; a test may name others."""
    return str(request.param)


def at(*names: str) -> pytest.MarkDecorator:
    """Only at these servers."""
    return pytest.mark.parametrize("personality", names, indirect=True)


def log_in(stage: Stage, who: str = "mybot", password: str = PASSWORD, **raw: str) -> Outcome:
    """Log in, and look that neither e-mail address nor password is shown or kept."""
    user = USERS[stage.instance.personality].format(who)
    try:
        return stage.log_in(who, password, **raw)
    finally:
        shown = "\n".join(stage.shown)
        private = [text for text in (user, password) if text not in {"", who}]
        typed = [form for text in private for form in forms(text)]
        assert [form for form in typed if form in shown] == []
        if "MASTODON_JOURNAL" in stage.repository.variables:
            kept = stage.journal().model_dump_json(context=SEALING)
            assert [form for form in typed if form in kept] == []


def never() -> Login:
    """Nobody is to be asked."""
    pytest.fail("asked for user name and password")


def leads_to_a_browser(error: ProvisionerError) -> bool:
    """Whether the way on is the link that begin shows."""
    return "link" in error.todo or error.link != ""


def answering(stage: Stage, answer: Callable[[], Response]) -> None:
    """Let the token endpoint answer differently."""

    def handler(request: Request) -> Response:
        return answer() if request.path == "/oauth/token" else stage.instance(request)

    stage.wire.hosts["social.example"] = handler


def test_the_token_ends_up_in_the_secret(stage: Stage) -> None:
    """What a workflow reads is the one living token, out of one run without a browser."""
    outcome = log_in(stage)
    assert isinstance(outcome, Provisioned)
    assert stage.live() == [stage.stored()]
    assert stage.journal().pending is None


def test_everything_happens_in_the_order_that_is_safe(stage: Stage) -> None:
    """Registered, journal; looked before; attempted; exchanged; staged; verified; written; current.

    Nothing comes between the instance's answer and the write that stages its token.
    """
    log_in(stage)
    actions = f"/repos/{NAME}/actions"
    journal = f"{actions}/variables/MASTODON_JOURNAL"
    registered = stage.wire.log.index("POST /api/v1/apps")
    assert stage.requests(registered) == [
        "POST /api/v1/apps",
        *(f"GET {journal}", f"PATCH {journal}"),
        f"GET {actions}/secrets/MASTODON_ACCESS_TOKEN",
        *(f"GET {journal}", f"PATCH {journal}"),
        "POST /oauth/token",
        f"PATCH {journal}",
        "GET /api/v1/accounts/verify_credentials",
        *(f"GET {journal}", f"PATCH {journal}"),
        f"PUT {actions}/secrets/MASTODON_ACCESS_TOKEN",
        *(f"PATCH {actions}/variables/MASTODON_BASE_URL", f"POST {actions}/variables"),
        *(f"GET {journal}", f"PATCH {journal}"),
        f"GET {journal}",
    ]


def test_the_journal_holds_nothing_of_the_password(stage: Stage) -> None:
    """Not even a hash of it, as it does of a code."""
    log_in(stage)
    current = stage.journal().current
    assert current is not None
    assert current.code == ""


@at(*OTHERS)
def test_where_no_password_is_taken(stage: Stage) -> None:
    """Mastodon of today and others: nobody is asked, nothing is made, and begin is named."""
    with fails("no-password-grant", Exit.INPUT) as caught:
        stage.login(never)
    assert "begin" in caught.value.todo
    assert stage.instance.applications == []
    assert stage.repository.variables == {}


def test_a_server_that_did_not_tell(stage: Stage) -> None:
    """Where only the exchange shows it, the error is the same, and begin uses the application."""
    answering(stage, lambda: json_response(400, {"error": "unsupported_grant_type"}))
    with fails("no-password-grant", Exit.INPUT):
        log_in(stage)
    stage.wire.hosts["social.example"] = stage.instance
    stage.complete(stage.approve(stage.link()))
    assert stage.live() == [stage.stored()]
    assert len(stage.instance.applications) == 1


def test_a_wrong_password(stage: Stage) -> None:
    """Nothing is lost: the next try takes the same application, since registrations are few."""
    with fails("login-refused", Exit.PERSON) as caught:
        log_in(stage, password="mistyped-password")
    assert caught.value.link == ""
    pending = stage.journal().pending
    assert pending is not None
    assert pending.attempted_at is None
    stage.shown.clear()
    log_in(stage)
    assert (stage.live(), len(stage.instance.applications)) == ([stage.stored()], 1)
    assert [line for line in stage.shown if "2027-01-15T08:00:00Z" in line]
    assert stage.warned == []


@at("mastodon-4.2")
def test_two_factor_authentication(stage: Stage) -> None:
    """Mastodon says the same as of a wrong password, so that the error names this cause too."""
    stage.instance.accounts[0].two_factor = True
    with fails("login-refused", Exit.PERSON) as caught:
        log_in(stage)
    assert "two-factor" in said(caught.value)
    assert "begin" in caught.value.todo


@at("pleroma")
def test_two_factor_authentication_on_pleroma(stage: Stage) -> None:
    """Pleroma says so, and then it is no refusal of what was typed; begin goes on."""
    stage.instance.accounts[0].two_factor = True
    with fails("second-factor", Exit.PERSON) as caught:
        log_in(stage)
    assert "begin" in caught.value.todo
    stage.complete(stage.approve(stage.link()))
    assert stage.live() == [stage.stored()]
    assert len(stage.instance.applications) == 1


@at("mastodon-4.2")
def test_a_lost_answer(stage: Stage) -> None:
    """The journal knows of the attempt; the same application gets the very token once more."""
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with fails("no-answer", Exit.HALF_WAY):
        log_in(stage)
    pending, lost = stage.journal().pending, stage.live()
    assert pending is not None
    assert pending.attempted_at is not None
    log_in(stage)
    assert [stage.stored()] == stage.live() == lost
    assert len(stage.instance.applications) == 1


@at("pleroma")
def test_a_lost_answer_where_each_token_is_new(stage: Stage) -> None:
    """Nobody can bring the lost token back: the same application's other one is told of."""
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with fails("no-answer", Exit.HALF_WAY):
        log_in(stage)
    (lost,) = stage.live()
    outcome = log_in(stage)
    assert isinstance(outcome, Provisioned)
    assert stage.live() == [lost, stage.stored()]
    assert len(stage.instance.applications) == 1
    assert outcome.unsettled_since == "2027-01-15T08:00:00Z"
    (note,) = outcome.notes
    assert outcome.unsettled_since in note
    assert outcome.remove_at in note


@pytest.mark.parametrize(
    ("personality", "returns"),
    [("mastodon-4.2", True), ("pleroma", False)],
    indirect=["personality"],
)
def test_a_lost_answer_is_told_with_whether_its_token_comes_back(
    stage: Stage, *, returns: bool
) -> None:
    """By the run that lost it, and by the next one, which uses the application once more."""
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with fails("no-answer", Exit.HALF_WAY) as caught:
        log_in(stage)
    assert says_token_comes_back(caught.value.todo) == returns
    stage.shown.clear()
    log_in(stage)
    (warning,) = stage.warned
    assert "2027-01-15T08:00:00Z" in warning
    assert says_token_comes_back(warning) == returns


def test_the_exchange_is_made_once(stage: Stage) -> None:
    """A server in trouble is not sent the password again and again."""
    stage.wire.faults = [Fault("500", path="/oauth/token", times=9)]
    with pytest.raises(HalfWayError):
        log_in(stage)
    assert stage.wire.log.count("POST /oauth/token") == 1


def test_another_accounts_password(stage: Stage) -> None:
    """Alice's token is revoked and not stored, and the error speaks of no browser."""
    with fails("wrong-account", Exit.PERSON) as caught:
        log_in(stage, "alice", "alice-password")
    assert "alice@social.example" in said(caught.value)
    assert "browser" not in caught.value.why
    assert not leads_to_a_browser(caught.value)
    assert says_revoked(caught.value)
    assert stage.live() == []
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_a_staged_token_of_another_account(stage: Stage) -> None:
    """What finishes it speaks of no browser either, also where the run that staged it was cut."""
    stage.wire.faults = [Fault("refused", path="verify_credentials", times=9)]
    with pytest.raises(HalfWayError):
        log_in(stage, "alice", "alice-password")
    stage.wire.faults = []
    with fails("wrong-account", Exit.PERSON) as caught:
        stage.login(never)
    assert "alice@social.example" in said(caught.value)
    assert "mybot@social.example" in caught.value.todo
    assert "browser" not in caught.value.why
    assert not leads_to_a_browser(caught.value)
    assert stage.live() == []


def test_a_staged_token_of_a_link_that_another_account_approved(stage: Stage) -> None:
    """The cause is the browser, the way on is the login."""
    code = stage.approve(stage.link(), "alice")
    stage.wire.faults = [Fault("refused", path="verify_credentials", times=9)]
    with pytest.raises(HalfWayError):
        stage.complete(code)
    stage.wire.faults = []
    with fails("wrong-account", Exit.PERSON) as caught:
        stage.login(never)
    assert "browser" in caught.value.why
    assert "mybot@social.example" in caught.value.todo
    assert not leads_to_a_browser(caught.value)


def test_a_permission_is_missing(stage: Stage) -> None:
    """What GitHub refuses is not mended by logging in again: its advice and its link are kept."""
    token = stage.github.add_token(permissions={"secrets": "read", "actions_variables": "write"})
    with fails("github-permission", Exit.PERSON) as caught:
        log_in(stage, github_token=token)
    assert stage.account not in caught.value.todo
    assert caught.value.link == "https://github.com/settings/personal-access-tokens"


def test_single_sign_on(stage: Stage) -> None:
    """The link that is good for an hour is shown, also where the token is staged by then."""
    link = "https://github.com/orgs/acme/sso?authorization_request=A1B2"

    def handler(request: Request) -> Response:
        if request.method == "PUT" and request.path.endswith("MASTODON_ACCESS_TOKEN"):
            headers = {"X-GitHub-SSO": f"required; url={link}"}
            return json_response(403, {"message": "Resource protected by SAML"}, headers)
        return stage.github(request)

    stage.wire.hosts["api.github.test"] = handler
    with fails("github-sso", Exit.PERSON) as caught:
        log_in(stage)
    assert caught.value.link == link
    assert stage.account not in caught.value.todo


def test_a_full_journal(stage: Stage) -> None:
    """Old tokens are to be removed at the instance: where, is kept."""
    log_in(stage)
    current = stage.journal().current
    assert current is not None
    old = Superseded(credential=current, revoke_after=int(START) + 9**9)
    stage.rewrite(superseded=(old,) * 34)
    with fails("journal-full", Exit.PERSON) as caught:
        log_in(stage)
    assert caught.value.link == current.server.authorized_applications
    assert stage.account not in caught.value.todo


@pytest.mark.parametrize(("scopes", "warned"), [("", False), ("post", False), ("full", True)])
def test_other_scopes_than_those_of_an_unsettled_attempt(
    stage: Stage, scopes: str, *, warned: bool
) -> None:
    """Its application serves once more, and can't ask for others: that is said."""
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with pytest.raises(HalfWayError):
        log_in(stage)
    stage.shown.clear()
    log_in(stage, scopes=scopes)
    assert len([warning for warning in stage.warned if SCOPES in warning]) == warned


def test_what_a_rotation_takes_away_is_told_by_what_is_asked_for(stage: Stage) -> None:
    """The application that serves once more may ask for less than the inputs do now."""
    log_in(stage, scopes=SCOPES)
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with pytest.raises(HalfWayError):
        log_in(stage, scopes="read:accounts write:statuses")
    stage.shown.clear()
    log_in(stage, scopes=SCOPES)
    assert [warning for warning in stage.warned if "write:media" in warning]


def test_a_staged_token_is_finished_without_a_password(stage: Stage) -> None:
    """A run that was cut after the exchange goes on, and asks nobody."""
    stage.wire.faults = [Fault("refused", path="verify_credentials", times=9)]
    with pytest.raises(HalfWayError):
        log_in(stage)
    stage.wire.faults = []
    stage.login(never)
    assert stage.live() == [stage.stored()]


def test_it_rotates(stage: Stage) -> None:
    """Where a token is in use, a login is a rotation: a new application, the old token's grace."""
    log_in(stage)
    former = stage.stored()
    outcome = log_in(stage, grace="0")
    assert isinstance(outcome, Provisioned)
    assert outcome.status == "rotated"
    assert (stage.live(), former == stage.stored()) == ([stage.stored()], False)


def test_it_takes_the_application_that_begin_made(stage: Stage) -> None:
    """Who changes their mind after begin registers nothing anew."""
    stage.begin()
    log_in(stage)
    assert (stage.live(), len(stage.instance.applications)) == ([stage.stored()], 1)


def test_an_application_of_ones_own(stage: Stage) -> None:
    """--client-id reuses what register or a person made, and registers nothing."""
    application = stage.hand_made()
    log_in(stage, client_id=application.client_id, client_secret=application.client_secret)
    assert (stage.live(), len(stage.instance.applications)) == ([stage.stored()], 1)


@at("mastodon-4.2")
def test_an_application_that_is_gone(stage: Stage) -> None:
    """The instance forgot the application: it is given up, and the next login makes another."""
    stage.begin()
    stage.instance.delete_application(stage.instance.applications[0].client_id)
    with fails("unknown-application", Exit.PERSON):
        log_in(stage)
    log_in(stage)
    assert stage.live() == [stage.stored()]


@at("pleroma")
def test_an_application_that_went_unused(stage: Stage) -> None:
    """Pleroma deletes it after a while, and refuses it as it does a wrong password: not used then.

    Had its exchange issued a token after all, that one would live: the person is told.
    """
    stage.wire.faults = [Fault("request lost", path="/oauth/token")]
    with pytest.raises(HalfWayError):
        log_in(stage)
    stage.time += 901
    outcome = log_in(stage)
    assert isinstance(outcome, Provisioned)
    assert (stage.live(), outcome.unsettled_since) == ([stage.stored()], "2027-01-15T08:00:00Z")


@at("pleroma")
@pytest.mark.parametrize(("age", "given_up"), [(599, False), (600, True)])
def test_an_application_that_may_go_is_not_waited_for(
    stage: Stage, age: int, *, given_up: bool
) -> None:
    """Pleroma deletes it after 15 minutes: after 10 there is another, and the person is told."""
    stage.wire.faults = [Fault("request lost", path="/oauth/token")]
    with pytest.raises(HalfWayError):
        log_in(stage)
    stage.time = START + age
    stage.shown.clear()
    log_in(stage)
    assert len(stage.instance.applications) == (2 if given_up else 1)
    (warning,) = stage.warned
    assert "2027-01-15T08:00:00Z" in warning
    assert (ORIGIN in warning) == given_up


def test_dry_run(stage: Stage) -> None:
    """A dry run asks for nothing, and changes nothing; it says all that a real run would do."""
    outcome = stage.login(never, dry_run="true")
    assert isinstance(outcome, DryRun)
    assert_in_turn(
        outcome.would,
        "password",
        "MASTODON_JOURNAL_KEY",
        SCOPES,
        f"MASTODON_JOURNAL of {NAME}",
        ORIGIN,
        "mybot@social.example",
        "MASTODON_ACCESS_TOKEN",
        "MASTODON_BASE_URL",
    )
    assert (stage.instance.applications, stage.repository.variables) == ([], {})


def test_dry_run_with_an_application_of_ones_own(stage: Stage) -> None:
    """It would not register one."""
    outcome = stage.login(never, dry_run="true", client_id="id", client_secret="its-own-secret")
    assert isinstance(outcome, DryRun)
    assert not [line for line in outcome.would if "application" in line]


def test_dry_run_with_an_application_that_serves_once_more(stage: Stage) -> None:
    """It would register none, and asks GitHub for the key that the secret is sealed with."""
    stage.begin()
    stage.wire.log.clear()
    outcome = stage.login(never, dry_run="true")
    assert isinstance(outcome, DryRun)
    assert_in_turn(outcome.would[:3], "password", "2027-01-15T08:00:00Z", ORIGIN)
    assert f"GET /repos/{NAME}/actions/secrets/public-key" in stage.wire.log


def test_dry_run_without_permission(stage: Stage) -> None:
    """A token for GitHub that knows no secrets is found out."""
    token = stage.github.add_token(permissions={"actions_variables": "write"})
    with fails("github-permission", Exit.PERSON):
        stage.login(never, dry_run="true", github_token=token)


@pytest.mark.parametrize("dry_run", ["", "true"], ids=["for real", "dry run"])
def test_an_existing_secret_is_announced_before_anything_is_asked(
    stage: Stage, dry_run: str
) -> None:
    """Whoever has another bot's token there can still go back."""
    stage.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")

    class GoneBackError(Exception):
        """The person ends the run at the prompt."""

    def ask() -> Login:
        raise GoneBackError

    with suppress(GoneBackError):
        stage.login(ask, dry_run=dry_run)
    assert [warning for warning in stage.warned if "MASTODON_ACCESS_TOKEN" in warning]
    assert (stage.stored(), stage.instance.applications) == ("from-before-us", [])


def test_what_is_hidden(stage: Stage) -> None:
    """The password, and a user name that is not the bot's: that one everybody knows."""
    log_in(stage)
    user = USERS[stage.instance.personality].format("mybot")
    assert (PASSWORD in stage.hidden, user in stage.hidden) == (True, user != "mybot")


def test_nothing_typed(stage: Stage) -> None:
    """Without a password nothing is registered."""
    with fails("no-login", Exit.INPUT):
        log_in(stage, password="")
    assert stage.instance.applications == []


def test_a_server_that_echoes(stage: Stage) -> None:
    """A server that quotes what it was sent is quoted without it."""
    words = f"no such user {USERS[stage.instance.personality].format('mybot')} with {PASSWORD}"
    answering(stage, lambda: json_response(400, {"error": words}))
    with fails("login-refused", Exit.PERSON) as caught:
        log_in(stage)
    assert "no such user" in said(caught.value)


def test_a_password_that_stands_in_the_name(stage: Stage) -> None:
    """Whose token it is is seen all the same."""
    stage.instance.add_account("mybotbotbot", "MyBotBot")
    stage.log_in("mybotbotbot", "MyBotBot", account="mybotbotbot@social.example")
    assert stage.live() == [stage.stored()]
