"""login: by user name and password, where an instance still takes them."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from provisioner.errors import HalfWayError, InputError, PersonNeededError, ProvisionerError
from provisioner.inputs import Login, parse_login
from provisioner.outcomes import DryRun, Outcome, Provisioned
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from provisioner.secret import SEALING
from tests.contract.github_description import Description
from tests.leaks import forms
from tests.older import Older
from tests.stage import FAULTS, NAME, Fault, FaultKind, Stage

MOST_REQUESTS = 60
EMAIL = "mybot@example.org"
PASSWORD = "mybot-password"


@pytest.fixture
def older(stage: Stage) -> Older:
    """The stage's instance, with an older Mastodon in its place."""
    older = Older(stage.instance)
    stage.wire.hosts["social.example"] = older
    return older


def log_in(stage: Stage, user: str = EMAIL, password: str = PASSWORD, **raw: str) -> Outcome:
    """Log in, and look that neither user name nor password is shown or kept."""
    try:
        return stage.login(lambda: parse_login(user, password), **raw)
    finally:
        shown = "\n".join(stage.shown)
        typed = [form for text in (user, password) if text for form in forms(text)]
        assert [form for form in typed if form in shown] == []
        if "MASTODON_JOURNAL" in stage.repository.variables:
            kept = stage.journal().model_dump_json(context=SEALING)
            assert [form for form in typed if form in kept] == []


def never() -> Login:
    """Nobody is to be asked."""
    pytest.fail("asked for user name and password")


def answering(stage: Stage, older: Older, answer: Callable[[], Response]) -> None:
    """Let the token endpoint answer differently."""

    def handler(request: Request) -> Response:
        return answer() if request.path == "/oauth/token" else older(request)

    stage.wire.hosts["social.example"] = handler


@pytest.mark.usefixtures("older")
def test_the_token_ends_up_in_the_secret(stage: Stage) -> None:
    """What a workflow reads is the one living token, out of one run without a browser."""
    outcome = log_in(stage)
    assert isinstance(outcome, Provisioned)
    assert stage.live() == [stage.stored()]
    assert stage.journal().pending is None


@pytest.mark.usefixtures("older")
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


@pytest.mark.usefixtures("older")
def test_the_journal_holds_nothing_of_the_password(stage: Stage) -> None:
    """Not even a hash of it, as it does of a code."""
    log_in(stage)
    current = stage.journal().current
    assert current is not None
    assert current.code == ""


def test_mastodon_of_today(stage: Stage) -> None:
    """Where the instance says that it takes no passwords, nobody is asked and nothing is made."""
    with pytest.raises(InputError, match="takes no user name and password") as caught:
        stage.login(never)
    assert (caught.value.ident, "Run begin" in caught.value.todo) == ("no-password-grant", True)
    assert (stage.instance.applications, stage.repository.variables) == ([], {})


def test_a_server_that_did_not_tell(stage: Stage, older: Older) -> None:
    """Where only the exchange shows it, the error is the same, and begin uses the application."""
    answering(stage, older, lambda: json_response(400, {"error": "unsupported_grant_type"}))
    with pytest.raises(InputError) as caught:
        log_in(stage)
    assert caught.value.ident == "no-password-grant"
    stage.wire.hosts["social.example"] = older
    stage.complete(stage.approve(stage.link()))
    assert stage.live() == [stage.stored()]
    assert len(stage.instance.applications) == 1


@pytest.mark.usefixtures("older")
def test_a_wrong_password(stage: Stage) -> None:
    """Nothing is lost: the next try takes the same application, since registrations are few."""
    with pytest.raises(PersonNeededError, match="did not accept the user name") as caught:
        log_in(stage, password="mistyped-password")
    assert (caught.value.ident, caught.value.link) == ("login-refused", "")
    pending = stage.journal().pending
    assert pending is not None
    assert pending.attempted_at is None
    log_in(stage)
    assert (stage.live(), len(stage.instance.applications)) == ([stage.stored()], 1)


def test_two_factor_authentication(stage: Stage, older: Older) -> None:
    """Mastodon says the same as of a wrong password, so that the error names this cause too."""
    older.two_factor.add("mybot")
    with pytest.raises(PersonNeededError) as caught:
        log_in(stage)
    assert "two-factor" in caught.value.why
    assert "begin" in caught.value.todo


@pytest.mark.usefixtures("older")
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


@pytest.mark.usefixtures("older")
def test_the_exchange_is_made_once(stage: Stage) -> None:
    """A server in trouble is not sent the password again and again."""
    stage.wire.faults = [Fault("500", path="/oauth/token", times=9)]
    with pytest.raises(HalfWayError):
        log_in(stage)
    assert stage.wire.log.count("POST /oauth/token") == 1


@pytest.mark.usefixtures("older")
def test_another_accounts_password(stage: Stage) -> None:
    """Alice's token is revoked and not stored, and the error speaks of no browser."""
    with pytest.raises(PersonNeededError, match="given by “alice@social") as caught:
        log_in(stage, "alice@example.org", "alice-password")
    error = caught.value
    assert ("browser" in error.why, "link" in error.todo, error.link) == (False, False, "")
    assert "revoked" in error.why
    assert stage.live() == []
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


@pytest.mark.usefixtures("older")
def test_a_staged_token_is_finished_without_a_password(stage: Stage) -> None:
    """A run that was cut after the exchange goes on, and asks nobody."""
    stage.wire.faults = [Fault("refused", path="verify_credentials", times=9)]
    with pytest.raises(HalfWayError):
        log_in(stage)
    stage.wire.faults = []
    stage.login(never)
    assert stage.live() == [stage.stored()]


@pytest.mark.usefixtures("older")
def test_it_rotates(stage: Stage) -> None:
    """Where a token is in use, a login is a rotation: a new application, the old token's grace."""
    log_in(stage)
    former = stage.stored()
    outcome = log_in(stage, grace="0")
    assert isinstance(outcome, Provisioned)
    assert outcome.status == "rotated"
    assert (stage.live(), former == stage.stored()) == ([stage.stored()], False)


@pytest.mark.usefixtures("older")
def test_it_takes_the_application_that_begin_made(stage: Stage) -> None:
    """Who changes their mind after begin registers nothing anew."""
    stage.begin()
    log_in(stage)
    assert (stage.live(), len(stage.instance.applications)) == ([stage.stored()], 1)


@pytest.mark.usefixtures("older")
def test_an_application_of_ones_own(stage: Stage) -> None:
    """--client-id reuses what register or a person made, and registers nothing."""
    application = stage.hand_made()
    log_in(stage, client_id=application.client_id, client_secret=application.client_secret)
    assert (stage.live(), len(stage.instance.applications)) == ([stage.stored()], 1)


@pytest.mark.usefixtures("older")
def test_an_application_that_is_gone(stage: Stage) -> None:
    """The instance forgot the application: it is given up, and the next login makes another."""
    stage.begin()
    stage.instance.delete_application(stage.instance.applications[0].client_id)
    with pytest.raises(PersonNeededError) as caught:
        log_in(stage)
    assert caught.value.ident == "unknown-application"
    log_in(stage)
    assert stage.live() == [stage.stored()]


@pytest.mark.usefixtures("older")
def test_dry_run(stage: Stage) -> None:
    """A dry run asks for nothing, and changes nothing."""
    outcome = stage.login(never, dry_run="true")
    assert isinstance(outcome, DryRun)
    assert (stage.instance.applications, stage.repository.variables) == ([], {})


@pytest.mark.usefixtures("older")
def test_nothing_typed(stage: Stage) -> None:
    """Without a password nothing is registered."""
    with pytest.raises(InputError) as caught:
        log_in(stage, password="")
    assert (caught.value.ident, stage.instance.applications) == ("no-login", [])


@pytest.mark.parametrize("kind", FAULTS)
def test_any_request_may_fail(kind: FaultKind) -> None:
    """Whichever request is struck, logging in again ends with one living token, the stored one."""
    description = Description.load()
    for struck in range(MOST_REQUESTS):
        stage = Stage(description)
        stage.wire.hosts["social.example"] = Older(stage.instance)
        stage.wire.faults = [fault := Fault(kind, first=struck)]
        for _ in range(4):
            with suppress(ProvisionerError):
                log_in(stage)
                break
        else:
            pytest.fail(f"not done after four runs: request {struck} {kind}")
        assert (struck, stage.live(), stage.leaks()) == (struck, [stage.stored()], [])
        if next(fault._seen) <= struck:  # noqa: SLF001 - it was never reached: that was all
            return
    pytest.fail("a login takes more requests than were struck")


def test_a_server_that_echoes(stage: Stage, older: Older) -> None:
    """A server that quotes what it was sent is quoted without it."""
    words = f"no such user {EMAIL} with {PASSWORD}"
    answering(stage, older, lambda: json_response(400, {"error": words}))
    with pytest.raises(PersonNeededError, match="no such user"):
        log_in(stage)
