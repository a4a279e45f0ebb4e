"""The command line against the engine that Mastodon is built on, with a person at a browser."""

import re
from urllib.parse import urlencode

import pytest

from tests.e2e.browser import Browser
from tests.e2e.command import REPOSITORY, Command
from tests.e2e.instance import Instance

TOKEN = "MASTODON_ACCESS_TOKEN"
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
VERSIONS = pytest.mark.parametrize(
    "instance", [{}, {"legacy": True}], indirect=True, ids=["4.7", "4.2"]
)


@VERSIONS
def test_a_naive_rotation_kills_the_bot(instance: Instance, browser: Browser) -> None:
    """The trap that rotation is built around: who authorizes an application on Mastodon again gets
    the token that it already has, and who then revokes “the old one” is left with none.
    """
    with instance.api() as api:
        wanted = {"redirect_uri": OUT_OF_BAND, "scope": "read write"}
        registration = {"client_name": "trap", "redirect_uris": OUT_OF_BAND, "scopes": "read write"}
        application = api.post("/api/v1/apps", data=registration).json()
        client = {name: application[name] for name in ("client_id", "client_secret")}
        query = urlencode(
            {**wanted, "client_id": client["client_id"], "response_type": "code", "force_login": 1}
        )
        tokens = []
        for _ in range(2):
            code = browser.approve(f"{instance.origin}/oauth/authorize?{query}", instance.bot)
            grant = {**wanted, **client, "grant_type": "authorization_code", "code": code}
            tokens.append(api.post("/oauth/token", data=grant).json()["access_token"])
        old, new = tokens
        api.post("/oauth/revoke", data={**client, "token": old})
    assert (new == old, instance.whose(new)) == (True, "")


@VERSIONS
def test_a_rotation_of_ours_does_not(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """The old token is revoked in the same run, and the new one posts."""
    command.complete(browser.approve(command.begin(), instance.bot)).answer()
    old = command.stored(TOKEN)
    code = browser.approve(command.begin(), instance.bot)
    assert command.complete(code, "--grace", "0").answer()["status"] == "rotated"
    new = command.stored(TOKEN)
    assert (instance.whose(old), instance.whose(new)) == ("", "bot")
    assert instance.live_tokens() == [new]


@VERSIONS
def test_deprovision(instance: Instance, browser: Browser, command: Command) -> None:
    """Nothing is left: no token at the instance, no secret and no variable in the repository."""
    command.complete(browser.approve(command.begin(), instance.bot)).answer()
    assert command.run("deprovision", "--yes").answer()["status"] == "deprovisioned"
    repository = command.github.repository(REPOSITORY)
    assert instance.live_tokens() == []
    assert (dict(repository.secrets), repository.variables) == ({}, {})


@VERSIONS
def test_the_secret_is_the_live_token(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """After begin, approval and complete, the secret holds a token that can post as the bot."""
    code = browser.approve(command.begin(), instance.bot)
    assert command.complete(code).answer()["status"] == "provisioned"
    with instance.api(command.stored(TOKEN)) as api:
        status = api.post("/api/v1/statuses", data={"status": "howdy universe!"}).json()
    assert (status["account"]["username"], status["content"]) == ("bot", "<p>howdy universe!</p>")


def test_the_address_of_the_instance_is_stored(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """Beside the token, the workflow finds the instance's address, as a variable."""
    command.complete(browser.approve(command.begin(), instance.bot)).answer()
    variables = command.github.repository(REPOSITORY).variables
    assert variables["MASTODON_BASE_URL"] == instance.origin


@pytest.mark.parametrize("instance", [{"legacy": True}], indirect=True, ids=["4.2"])
def test_login(instance: Instance, command: Command) -> None:
    """Mastodon 4.2 takes user name and password: one run, no browser; then the first post."""
    typed = f"{instance.bot.email}\n{instance.bot.password}\n"
    assert command.run("login", typed=typed).answer()["status"] == "provisioned"
    assert instance.live_tokens() == [command.stored(TOKEN)]
    posts = [command.run("post", "howdy universe!").answer()["url"] for _ in range(2)]
    assert posts[0] == posts[1]
    assert instance.bot.password not in command.said


@pytest.mark.parametrize("instance", [{"legacy": True}], indirect=True, ids=["4.2"])
def test_login_after_a_wrong_password(instance: Instance, command: Command) -> None:
    """4: type it again; the application serves once more."""
    refused = command.run("login", typed=f"{instance.bot.email}\nmistaken\n")
    assert (refused.code, refused.error) == (4, "login-refused")
    typed = f"{instance.bot.email}\n{instance.bot.password}\n"
    command.run("login", typed=typed).answer()
    assert instance.whose(command.stored(TOKEN)) == "bot"


@pytest.mark.parametrize("instance", [{"legacy": True}], indirect=True, ids=["4.2"])
def test_a_password_gets_the_same_token_again(instance: Instance) -> None:
    """Why a login whose answer was lost loses nothing: the same application gets the same token."""
    with instance.api() as api:
        registration = {"client_name": "lost", "redirect_uris": OUT_OF_BAND, "scopes": "read write"}
        application = api.post("/api/v1/apps", data=registration).json()
        grant = {name: application[name] for name in ("client_id", "client_secret")}
        grant |= {"grant_type": "password", "scope": "read write"}
        grant |= {"username": instance.bot.email, "password": instance.bot.password}
        tokens = [api.post("/oauth/token", data=grant).json()["access_token"] for _ in range(2)]
    assert tokens[0] == tokens[1]


def test_login_where_it_is_not_offered(instance: Instance, command: Command) -> None:
    """2: Mastodon of today takes no passwords from programs, and says so in its metadata."""
    refused = command.run("login")
    assert (refused.code, refused.error) == (2, "no-password-grant")
    assert instance.live_tokens() == []


@VERSIONS
def test_the_wrong_account_is_refused(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """Where somebody else approved, a person is needed: the token is revoked, nothing stored."""
    refused = command.complete(browser.approve(command.begin(), instance.alice))
    assert (refused.code, refused.error) == (4, "wrong-account")
    assert instance.handle(instance.alice) in refused.progress
    assert instance.live_tokens() == []
    assert command.stored(TOKEN) == ""


def test_the_right_account_after_the_wrong_one(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """After a wrong account, the same link serves the right one."""
    link = command.begin()
    command.complete(browser.approve(link, instance.alice))
    command.complete(browser.approve(link, instance.bot)).answer()
    assert instance.whose(command.stored(TOKEN)) == "bot"


def test_an_expired_code_is_refused(instance: Instance, browser: Browser, command: Command) -> None:
    """A code that was left lying needs a person: nothing is stored, and begin shows the link
    again.
    """
    link = command.begin()
    code = browser.approve(link, instance.bot)
    instance.pass_minutes(11)
    assert command.complete(code).code == 4
    assert command.stored(TOKEN) == ""
    assert command.begin() == link


@VERSIONS
def test_a_fresh_code_after_an_expired_one(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """After an expired code, a fresh one from the same link is good."""
    link = command.begin()
    code = browser.approve(link, instance.bot)
    instance.pass_minutes(11)
    command.complete(code)
    command.complete(browser.approve(link, instance.bot)).answer()
    assert instance.whose(command.stored(TOKEN)) == "bot"


def test_a_code_works_once(instance: Instance, browser: Browser, command: Command) -> None:
    """A code given again after success is refused, and leaves its token alive and stored."""
    code = browser.approve(command.begin(), instance.bot)
    command.complete(code).answer()
    token = command.stored(TOKEN)
    assert command.complete(code).code == 4
    assert command.stored(TOKEN) == token
    assert instance.whose(token) == "bot"


def test_a_spent_code_in_a_rotation(instance: Instance, browser: Browser, command: Command) -> None:
    """The code of the first time, given to a rotation, needs a person; the old token lives on."""
    code = browser.approve(command.begin(), instance.bot)
    command.complete(code).answer()
    token = command.stored(TOKEN)
    command.begin()
    assert command.complete(code).code == 4
    assert command.stored(TOKEN) == token
    assert instance.whose(token) == "bot"


def test_the_address_of_the_page_is_a_code(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """The address of the page that shows the code may be pasted in place of the code."""
    code = browser.approve(command.begin(), instance.bot)
    assert code in browser.address
    command.run("complete", f"--code={browser.address}").answer()
    assert instance.whose(command.stored(TOKEN)) == "bot"


def test_white_space_in_a_code(instance: Instance, browser: Browser, command: Command) -> None:
    """White space that came along with a pasted code, around or inside it, does not matter."""
    code = browser.approve(command.begin(), instance.bot)
    command.run("complete", f"--code=  {code[:20]}\n {code[20:]}\r\n").answer()
    assert instance.whose(command.stored(TOKEN)) == "bot"


def test_begin_again_shows_the_same_link(instance: Instance, command: Command) -> None:
    """A second begin registers no second application: Mastodon allows five in ten minutes."""
    assert command.begin() == command.begin()
    assert instance.applications() == 1


@pytest.mark.parametrize("instance", [{"throttle": 10**9}], indirect=True, ids=["throttled"])
def test_the_limit_on_registrations(instance: Instance, command: Command) -> None:
    """Where Mastodon takes no more applications for long, the run ends and says for how long."""
    with instance.api() as api:
        for _ in range(5):
            api.post("/api/v1/apps")
    refused = command.run("begin")
    assert (refused.code, refused.error) == (3, "registration-throttled")
    assert re.search(r"in \d+ minutes", refused.progress)


def test_denied(instance: Instance, browser: Browser, command: Command) -> None:
    """Who presses Deny and pastes what the page says is told so; the same link still serves."""
    link = command.begin()
    browser.sign_in(link, instance.bot)
    browser.press("Deny")
    refused = command.complete(browser.refusal())
    assert (refused.code, refused.error) == (4, "denied")
    command.complete(browser.approve(link, instance.bot)).answer()


def test_rotation(instance: Instance, browser: Browser, command: Command) -> None:
    """A rotation stores a different token; the old one lives on, for runs that still hold it."""
    command.complete(browser.approve(command.begin(), instance.bot)).answer()
    old = command.stored(TOKEN)
    answer = command.complete(browser.approve(command.begin(), instance.bot)).answer()
    new = command.stored(TOKEN)
    assert answer["status"] == "rotated"
    assert new != old
    assert [instance.whose(token) for token in (old, new)] == ["bot", "bot"]


@VERSIONS
def test_a_live_token_is_healthy(instance: Instance, browser: Browser, command: Command) -> None:
    """A check of a token that was just provisioned finds nothing wrong."""
    command.complete(browser.approve(command.begin(), instance.bot)).answer()
    assert command.run("check").answer()["status"] == "healthy"


@VERSIONS
def test_a_revoked_token_needs_a_person(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """A check of a token that its owner revoked at the instance needs a person."""
    command.complete(browser.approve(command.begin(), instance.bot)).answer()
    instance.revoke_all()
    assert command.run("check").code == 4
