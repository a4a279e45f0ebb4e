"""The command line against the engine that Mastodon is built on, with a person at a browser."""

from urllib.parse import urlencode

import pytest

from tests.e2e.browser import Browser
from tests.e2e.command import REPOSITORY, Command
from tests.e2e.instance import Instance

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
NEW = pytest.mark.parametrize("instance", ["4.7"], indirect=True)
OLD = pytest.mark.parametrize("instance", ["4.2"], indirect=True)
VERSIONS = pytest.mark.parametrize("instance", ["4.7", "4.2"], indirect=True)


@VERSIONS
def test_naive_rotation_kills_the_bot(instance: Instance, browser: Browser) -> None:
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
    assert new == old
    assert instance.whose(new) == ""


@VERSIONS
def test_token_is_stored_rotated_and_taken_off(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """Each token in the secret can post; the old one is revoked in the rotation's own run."""
    for grace, status in ((), "provisioned"), (("--grace", "0"), "rotated"):
        done = command.complete(browser.approve(command.begin(), instance.bot), *grace)
        assert done.outcome["status"] == status
        assert instance.live_tokens() == [command.stored()]
        with instance.api(command.stored()) as api:
            posted = api.post("/api/v1/statuses", data={"status": "howdy universe!"}).json()
        assert posted["account"]["username"] == "bot"
        assert posted["content"] == "<p>howdy universe!</p>"
    assert command.succeeds("check")["status"] == "healthy"
    assert command.succeeds("deprovision", "--yes")["status"] == "deprovisioned"
    repository = command.github.repository(REPOSITORY)
    assert instance.live_tokens() == []
    assert dict(repository.secrets) == repository.variables == {}


@VERSIONS
def test_link_serves_the_right_account_after_the_wrong_one(
    instance: Instance, browser: Browser, command: Command
) -> None:
    link = command.begin()
    refused = command.complete(browser.approve(link, instance.alice))
    assert refused.error == "wrong-account"
    assert instance.live_tokens() == []
    assert command.stored() == ""
    command.complete(browser.approve(link, instance.bot))
    assert instance.whose(command.stored()) == "bot"


@VERSIONS
def test_link_serves_after_an_expired_code(
    instance: Instance, browser: Browser, command: Command
) -> None:
    link = command.begin()
    code = browser.approve(link, instance.bot)
    instance.pass_minutes(11)
    assert command.complete(code).code == 4
    assert command.stored() == ""
    assert command.begin() == link
    command.complete(browser.approve(link, instance.bot))
    assert instance.whose(command.stored()) == "bot"


@NEW
def test_used_code_is_refused_and_its_token_lives(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """Also where it is given to a rotation."""
    code = browser.approve(command.begin(), instance.bot)
    command.complete(code)
    token = command.stored()
    assert command.complete(code).code == 4
    command.begin()
    assert command.complete(code).code == 4
    assert command.stored() == token
    assert instance.whose(token) == "bot"


@NEW
def test_address_of_the_page_is_taken_for_its_code(
    instance: Instance, browser: Browser, command: Command
) -> None:
    code = browser.approve(command.begin(), instance.bot)
    assert code in browser.address
    command.succeeds("complete", f"--code=  {browser.address[:20]}\n {browser.address[20:]}\r\n")
    assert instance.whose(command.stored()) == "bot"


@NEW
def test_link_serves_after_a_denial_was_pasted(
    instance: Instance, browser: Browser, command: Command
) -> None:
    link = command.begin()
    browser.sign_in(link, instance.bot)
    browser.press("Deny")
    refused = command.complete(browser.refusal())
    assert refused.error == "denied"
    assert command.complete(browser.approve(link, instance.bot)).code == 0


@OLD
def test_login_after_a_wrong_password_stores_a_token_that_posts(
    instance: Instance, command: Command
) -> None:
    refused = command.run("login", typed=f"{instance.bot.email}\nmistaken\n")
    assert refused.error == "login-refused"
    typed = f"{instance.bot.email}\n{instance.bot.password}\n"
    assert command.succeeds("login", typed=typed)["status"] == "provisioned"
    assert instance.live_tokens() == [command.stored()]
    posts = [command.succeeds("post", "howdy universe!")["url"] for _ in range(2)]
    assert posts[0] == posts[1]
    assert instance.bot.password not in command.said


@OLD
def test_password_gets_the_same_token_again(instance: Instance) -> None:
    """Why a login whose answer was lost loses nothing: the same application gets the same token."""
    with instance.api() as api:
        registration = {"client_name": "lost", "redirect_uris": OUT_OF_BAND, "scopes": "read write"}
        application = api.post("/api/v1/apps", data=registration).json()
        grant = {name: application[name] for name in ("client_id", "client_secret")}
        grant |= {"grant_type": "password", "scope": "read write"}
        grant |= {"username": instance.bot.email, "password": instance.bot.password}
        tokens = [api.post("/oauth/token", data=grant).json()["access_token"] for _ in range(2)]
    assert tokens[0] == tokens[1]
