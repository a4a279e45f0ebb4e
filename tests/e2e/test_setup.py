"""setup with a browser: the instance sends it back to the command, which tells how it ended."""

import re

import pytest

from tests.e2e.browser import Browser
from tests.e2e.command import Command
from tests.e2e.instance import Instance

NEW = pytest.mark.parametrize("instance", ["4.7"], indirect=True)
VERSIONS = pytest.mark.parametrize("instance", ["4.7", "4.2"], indirect=True)


@VERSIONS
def test_authorize_ends_on_a_page_that_says_what_was_written(
    instance: Instance, browser: Browser, command: Command
) -> None:
    with command.setup() as running:
        browser.sign_in(running.link(), instance.bot)
        browser.press("Authorize")
        assert "has its token in acme/demo" in browser.heading()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/result", browser.address)  # without a code
        assert running.ended().outcome["status"] == "provisioned"
    assert instance.live_tokens() == [command.stored()]


@NEW
def test_deny_is_told_on_the_page_and_ends_the_command(
    instance: Instance, browser: Browser, command: Command
) -> None:
    with command.setup() as running:
        browser.sign_in(running.link(), instance.bot)
        browser.press("Deny")
        assert "denied" in browser.heading()
        run = running.ended()
    assert run.error == "denied"


@NEW
def test_other_account_is_told_on_the_page_and_the_link_stays_good(
    instance: Instance, browser: Browser, command: Command
) -> None:
    with command.setup() as running:
        link = running.link()
        browser.sign_in(link, instance.alice)
        browser.press("Authorize")
        assert "alice" in browser.heading()
        assert running.ended().error == "wrong-account"
    with command.setup() as running:
        assert running.link() == link
        browser.sign_in(link, instance.bot)
        browser.press("Authorize")
        assert running.ended().outcome["status"] == "provisioned"


@NEW
def test_address_of_a_browser_that_can_not_come_back_is_pasted(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """The command was ended meanwhile: the browser says that it can't connect."""
    with command.setup() as running:
        browser.sign_in(running.link(), instance.bot)
    browser.press("Authorize")
    assert command.complete(browser.callback()).outcome["status"] == "provisioned"


@NEW
def test_second_approval_of_a_link_changes_nothing(
    instance: Instance, browser: Browser, command: Command
) -> None:
    with command.setup() as running:
        link = running.link()
        browser.sign_in(link, instance.bot)
        browser.press("Authorize")
        assert running.ended().outcome["status"] == "provisioned"
    stored = command.stored()
    browser.sign_in(link, instance.bot)
    browser.press("Authorize")
    assert command.complete(browser.callback()).error == "completed-already"
    assert command.stored() == stored
    assert instance.whose(stored) == "bot"


@pytest.mark.parametrize("instance", ["strict"], indirect=True)
def test_code_is_pasted_where_a_policy_blocks_the_redirect(
    instance: Instance, browser: Browser, command: Command
) -> None:
    """Chromium blocks it without a word, and stays on the page."""
    with command.setup() as running:
        browser.sign_in(running.link(), instance.bot)
        browser.press("Authorize")
        assert "/oauth/authorize" in browser.address
        running.press_enter()
        browser.sign_in(running.link(), instance.bot)
        browser.press("Authorize")
        assert running.ended(browser.code()).outcome["status"] == "provisioned"
    assert instance.live_tokens() == [command.stored()]
