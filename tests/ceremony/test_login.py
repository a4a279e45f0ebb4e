"""login: by user name and password, where an instance still takes them."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from provisioner.errors import HalfWayError, InputError, PersonNeededError
from provisioner.inputs import Login
from provisioner.journal import Superseded
from provisioner.outcomes import DryRun, Outcome, Provisioned
from provisioner.sandbox import PERSONALITIES, Request, Response
from provisioner.sandbox.web import json_response
from provisioner.secret import SEALING
from tests.leaks import forms
from tests.stage import NAME, ORIGIN, START, USERS, Fault, Stage

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
    with pytest.raises(InputError, match="takes no user name and password") as caught:
        stage.login(never)
    assert (caught.value.ident, "Run begin" in caught.value.todo) == ("no-password-grant", True)
    assert (stage.instance.applications, stage.repository.variables) == ([], {})


def test_a_server_that_did_not_tell(stage: Stage) -> None:
    """Where only the exchange shows it, the error is the same, and begin uses the application."""
    answering(stage, lambda: json_response(400, {"error": "unsupported_grant_type"}))
    with pytest.raises(InputError) as caught:
        log_in(stage)
    assert caught.value.ident == "no-password-grant"
    stage.wire.hosts["social.example"] = stage.instance
    stage.complete(stage.approve(stage.link()))
    assert stage.live() == [stage.stored()]
    assert len(stage.instance.applications) == 1


def test_a_wrong_password(stage: Stage) -> None:
    """Nothing is lost: the next try takes the same application, since registrations are few."""
    with pytest.raises(PersonNeededError, match="did not accept the user name") as caught:
        log_in(stage, password="mistyped-password")
    assert (caught.value.ident, caught.value.link) == ("login-refused", "")
    pending = stage.journal().pending
    assert pending is not None
    assert pending.attempted_at is None
    stage.shown.clear()
    log_in(stage)
    assert (stage.live(), len(stage.instance.applications)) == ([stage.stored()], 1)
    assert "The application of 2027-01-15T08:00:00Z serves once more" in stage.shown
    assert not [line for line in stage.shown if line.startswith("!")]


@at("mastodon-4.2")
def test_two_factor_authentication(stage: Stage) -> None:
    """Mastodon says the same as of a wrong password, so that the error names this cause too."""
    stage.instance.accounts[0].two_factor = True
    with pytest.raises(PersonNeededError) as caught:
        log_in(stage)
    assert "two-factor" in caught.value.why
    assert "begin" in caught.value.todo


@at("pleroma")
def test_two_factor_authentication_on_pleroma(stage: Stage) -> None:
    """Pleroma says so, and then nobody is told to look for a typing mistake; begin goes on."""
    stage.instance.accounts[0].two_factor = True
    with pytest.raises(PersonNeededError, match="two-factor") as caught:
        log_in(stage)
    assert (caught.value.ident, "mistyped" in caught.value.why) == ("login-refused", False)
    assert "begin" in caught.value.todo
    stage.complete(stage.approve(stage.link()))
    assert stage.live() == [stage.stored()]
    assert len(stage.instance.applications) == 1


@at("mastodon-4.2")
def test_a_lost_answer(stage: Stage) -> None:
    """The journal knows of the attempt; the same application gets the very token once more."""
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with pytest.raises(HalfWayError) as caught:
        log_in(stage)
    assert "Log in again" in caught.value.todo
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
    with pytest.raises(HalfWayError) as caught:
        log_in(stage)
    assert "told what to remove" in caught.value.todo
    (lost,) = stage.live()
    outcome = log_in(stage)
    assert isinstance(outcome, Provisioned)
    assert stage.live() == [lost, stage.stored()]
    assert len(stage.instance.applications) == 1
    assert any("may have issued another token" in note for note in outcome.notes)


@pytest.mark.parametrize(
    ("personality", "why"),
    [
        ("mastodon-4.2", "social.example gives the same application the same token again"),
        ("pleroma", "this application is kept for it, and you are told what to remove"),
    ],
    indirect=["personality"],
)
def test_what_is_said_after_a_lost_answer(stage: Stage, why: str) -> None:
    """Why the same application is used once more, whether or not its token can come back."""
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with pytest.raises(HalfWayError) as caught:
        log_in(stage)
    assert why in caught.value.todo
    stage.shown.clear()
    log_in(stage)
    (warning,) = [line for line in stage.shown if line.startswith("!")]
    assert warning == (
        "! An exchange on 2027-01-15T08:00:00Z may have issued a token that was lost, and so its "
        f"application is used once more: {why}"
    )


def test_the_exchange_is_made_once(stage: Stage) -> None:
    """A server in trouble is not sent the password again and again."""
    stage.wire.faults = [Fault("500", path="/oauth/token", times=9)]
    with pytest.raises(HalfWayError):
        log_in(stage)
    assert stage.wire.log.count("POST /oauth/token") == 1


def test_another_accounts_password(stage: Stage) -> None:
    """Alice's token is revoked and not stored, and the error speaks of no browser."""
    with pytest.raises(PersonNeededError, match="given by “alice@social") as caught:
        log_in(stage, "alice", "alice-password")
    error = caught.value
    assert ("browser" in error.why, "link" in error.todo, error.link) == (False, False, "")
    assert "revoked" in error.why
    assert stage.live() == []
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_a_staged_token_of_another_account(stage: Stage) -> None:
    """What finishes it speaks of no browser either, also where the run that staged it was cut."""
    stage.wire.faults = [Fault("refused", path="verify_credentials", times=9)]
    with pytest.raises(HalfWayError):
        log_in(stage, "alice", "alice-password")
    stage.wire.faults = []
    with pytest.raises(PersonNeededError, match="given by “alice@social") as caught:
        stage.login(never)
    error = caught.value
    assert error.why.startswith("User name and password are another account's.")
    assert error.todo.startswith("Log in again, as mybot@social.example.")
    assert (error.link, stage.live()) == ("", [])


def test_a_staged_token_of_a_link_that_another_account_approved(stage: Stage) -> None:
    """The cause is the browser, the way on is the login."""
    code = stage.approve(stage.link(), "alice")
    stage.wire.faults = [Fault("refused", path="verify_credentials", times=9)]
    with pytest.raises(HalfWayError):
        stage.complete(code)
    stage.wire.faults = []
    with pytest.raises(PersonNeededError) as caught:
        stage.login(never)
    assert caught.value.why.startswith("The browser was signed in as somebody else")
    assert caught.value.todo.startswith("Log in again")


def test_a_permission_is_missing(stage: Stage) -> None:
    """What GitHub refuses is not mended by logging in again: its advice and its link are kept."""
    token = stage.github.add_token(permissions={"secrets": "read", "actions_variables": "write"})
    with pytest.raises(PersonNeededError) as caught:
        log_in(stage, github_token=token)
    error = caught.value
    assert (error.ident, "Edit the token" in error.todo) == ("github-permission", True)
    assert error.link == "https://github.com/settings/personal-access-tokens"


def test_single_sign_on(stage: Stage) -> None:
    """The link that is good for an hour is shown, also where the token is staged by then."""
    link = "https://github.com/orgs/acme/sso?authorization_request=A1B2"

    def handler(request: Request) -> Response:
        if request.method == "PUT" and request.path.endswith("MASTODON_ACCESS_TOKEN"):
            headers = {"X-GitHub-SSO": f"required; url={link}"}
            return json_response(403, {"message": "Resource protected by SAML"}, headers)
        return stage.github(request)

    stage.wire.hosts["api.github.test"] = handler
    with pytest.raises(PersonNeededError) as caught:
        log_in(stage)
    assert (caught.value.ident, caught.value.link) == ("github-sso", link)
    assert "authorize the token" in caught.value.todo


def test_a_full_journal(stage: Stage) -> None:
    """Old tokens are to be removed at the instance: where, is kept."""
    log_in(stage)
    current = stage.journal().current
    assert current is not None
    old = Superseded(credential=current, revoke_after=int(START) + 9**9)
    stage.rewrite(superseded=(old,) * 34)
    with pytest.raises(PersonNeededError, match="has no room") as caught:
        log_in(stage)
    assert caught.value.link == current.server.authorized_applications
    assert "Remove the bot's old authorizations" in caught.value.todo


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
    told = [line for line in stage.shown if "other scopes need a new one" in line]
    assert told == (
        [f"! The pending authorization is for {SCOPES}: other scopes need a new one"]
        if warned
        else []
    )


def test_what_a_rotation_takes_away_is_told_by_what_is_asked_for(stage: Stage) -> None:
    """The application that serves once more may ask for less than the inputs do now."""
    log_in(stage, scopes=SCOPES)
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with pytest.raises(HalfWayError):
        log_in(stage, scopes="read:accounts write:statuses")
    stage.shown.clear()
    log_in(stage, scopes=SCOPES)
    assert "! It may also “write:media”; the new one will not" in stage.shown


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
    with pytest.raises(PersonNeededError) as caught:
        log_in(stage)
    assert caught.value.ident == "unknown-application"
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
    told = [
        line for line in stage.shown if line.startswith("! An exchange of 2027-01-15T08:00:00Z")
    ]
    assert [line.endswith(f": {ORIGIN}") for line in told] == ([True] if given_up else [])


def test_dry_run(stage: Stage) -> None:
    """A dry run asks for nothing, and changes nothing; it says all that a real run would do."""
    outcome = stage.login(never, dry_run="true")
    assert outcome == DryRun(
        "mybot@social.example",
        (
            "ask for user name and password",
            "write the journal's key to the secret MASTODON_JOURNAL_KEY",
            f"register the application “mybot” at {ORIGIN}, for {SCOPES}",
            f"write the journal to the variable MASTODON_JOURNAL of {NAME}",
            f"exchange user name and password at {ORIGIN}",
            "check that the token belongs to mybot@social.example",
            "seal and write the secret MASTODON_ACCESS_TOKEN",
            "write the variable MASTODON_BASE_URL",
        ),
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
    assert outcome.would[:3] == (
        "ask for user name and password",
        "use the application of 2027-01-15T08:00:00Z once more",
        f"exchange user name and password at {ORIGIN}",
    )
    assert f"GET /repos/{NAME}/actions/secrets/public-key" in stage.wire.log


def test_dry_run_without_permission(stage: Stage) -> None:
    """A token for GitHub that knows no secrets is found out."""
    token = stage.github.add_token(permissions={"actions_variables": "write"})
    with pytest.raises(PersonNeededError) as caught:
        stage.login(never, dry_run="true", github_token=token)
    assert caught.value.ident == "github-permission"


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
    assert [line for line in stage.shown if "has a secret MASTODON_ACCESS_TOKEN that is" in line]
    assert (stage.stored(), stage.instance.applications) == ("from-before-us", [])


def test_what_is_hidden(stage: Stage) -> None:
    """The password, and a user name that is not the bot's: that one everybody knows."""
    log_in(stage)
    user = USERS[stage.instance.personality].format("mybot")
    assert (PASSWORD in stage.hidden, user in stage.hidden) == (True, user != "mybot")


def test_nothing_typed(stage: Stage) -> None:
    """Without a password nothing is registered."""
    with pytest.raises(InputError) as caught:
        log_in(stage, password="")
    assert (caught.value.ident, stage.instance.applications) == ("no-login", [])


def test_a_server_that_echoes(stage: Stage) -> None:
    """A server that quotes what it was sent is quoted without it."""
    words = f"no such user {USERS[stage.instance.personality].format('mybot')} with {PASSWORD}"
    answering(stage, lambda: json_response(400, {"error": words}))
    with pytest.raises(PersonNeededError, match="no such user"):
        log_in(stage)


def test_a_password_that_stands_in_the_name(stage: Stage) -> None:
    """Whose token it is is seen all the same."""
    stage.instance.add_account("mybotbotbot", "MyBotBot")
    stage.log_in("mybotbotbot", "MyBotBot", account="mybotbotbot@social.example")
    assert stage.live() == [stage.stored()]
