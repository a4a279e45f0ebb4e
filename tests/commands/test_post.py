"""post: sent once, and a lost answer is told."""

import pytest

from provisioner.report import Exit, Report, Run
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.servers import PERSONALITIES
from tests.support.told import fails, says_no_second_post
from tests.support.world import ORIGIN, Fault, FaultKind, World

TEXT = "howdy universe!"
PATH = "/api/v1/statuses"
POSTING = f"POST {PATH}"

HONOURING = ("mastodon-4.7", "mastodon-4.2", "pleroma")
"""Servers where the same Idempotency-Key does not post twice."""
IGNORING = ("gotosocial", "takahe")
"""Servers where it does."""
TEXTUAL = (*HONOURING, *IGNORING)
"""Servers that take a text alone."""


def post(world: World, text: str = TEXT, visibility: str = "") -> Report:
    """Post as the bot."""
    return world.post(text, visibility)


def at(*names: str) -> pytest.MarkDecorator:
    """Only at these servers; elsewhere it is Mastodon of today."""
    return pytest.mark.parametrize("personality", names)


@pytest.fixture
def bot(world: World) -> World:
    """The bot has its token."""
    world.provision()
    return world


def texts(world: World) -> list[str]:
    """What has been posted."""
    return [status.text for status in world.instance.statuses]


def answer(world: World, status: int, body: dict[str, str], *headers: tuple[str, str]) -> None:
    """Let the instance answer a post so, and not post."""

    def handler(request: Request) -> Response:
        if request.path == PATH:
            return json_response(status, body, dict(headers))
        return world.instance(request)

    world.wire.hosts["social.example"] = handler


def test_every_server_is_tried() -> None:
    assert {*TEXTUAL, "pixelfed"} == {*PERSONALITIES}


@at(*TEXTUAL)
def test_text_is_posted_as_the_bot_and_its_address_told(bot: World) -> None:
    report = post(bot)
    (status,) = bot.instance.statuses
    assert status.text == TEXT
    assert status.account.username == "mybot"
    url = f"{ORIGIN}/@mybot/{status.id}"
    assert report.status == "posted"
    assert report.link == url
    assert report.outputs == {"account": "mybot@social.example", "url": url}


@at(*TEXTUAL)
def test_audience_is_as_it_was_said(bot: World) -> None:
    post(bot, visibility="direct")
    assert bot.instance.statuses[0].visibility == "direct"


def test_post_needs_one_request_to_the_instance_and_no_journal_write(bot: World) -> None:
    since = len(bot.wire.log)
    post(bot)
    assert [ask.split()[0] for ask in bot.requests(since)] == ["GET", "GET", "GET", "POST"]


@at(*HONOURING)
def test_same_text_within_an_hour_is_one_post_where_the_key_is_honoured(bot: World) -> None:
    first = post(bot)
    bot.time += 3500
    assert post(bot) == first
    assert texts(bot) == [TEXT]


@at("mastodon-4.7", "mastodon-4.2", *IGNORING)
def test_same_text_after_an_hour_is_another_post(bot: World) -> None:
    post(bot)
    bot.time += 3601
    post(bot)
    assert texts(bot) == [TEXT, TEXT]


@at(*TEXTUAL)
@pytest.mark.parametrize(("text", "visibility"), [("good night!", ""), (TEXT, "unlisted")])
def test_another_text_or_audience_is_another_post(bot: World, text: str, visibility: str) -> None:
    post(bot)
    post(bot, text, visibility)
    assert texts(bot) == [TEXT, text]


@at(*TEXTUAL)
@pytest.mark.parametrize("kind", ["answer lost", "request lost", "500", "html"])
def test_lost_answer_is_told_and_the_text_not_sent_again(bot: World, kind: FaultKind) -> None:
    bot.wire.faults = [Fault(kind, path=PATH)]
    with fails("post-unclear", Exit.ACTION_REQUIRED) as caught:
        post(bot)
    assert caught.value.link == f"{ORIGIN}/@mybot"
    assert bot.wire.log.count(POSTING) == 1


@at(*TEXTUAL)
def test_running_again_is_offered_without_a_look_only_where_the_key_is_honoured(
    bot: World, personality: str
) -> None:
    bot.wire.faults = [Fault("answer lost", path=PATH)]
    with fails("post-unclear", Exit.ACTION_REQUIRED) as caught:
        post(bot)
    assert Run("again") in caught.value.next
    assert says_no_second_post(caught.value) == (personality in HONOURING)


@at(*HONOURING)
def test_running_again_after_a_lost_answer_does_not_post_twice(bot: World) -> None:
    bot.wire.faults = [Fault("answer lost", path=PATH)]
    with fails("post-unclear", Exit.ACTION_REQUIRED):
        post(bot)
    assert post(bot).link == f"{ORIGIN}/@mybot/1"
    assert texts(bot) == [TEXT]


@at(*TEXTUAL)
def test_request_that_never_left_is_sent_again(bot: World) -> None:
    bot.wire.faults = [Fault("refused", path=PATH, times=2)]
    post(bot)
    assert texts(bot) == [TEXT]


@at(*TEXTUAL)
def test_unreachable_instance_is_said_to_be_so_and_nothing_posted(bot: World) -> None:
    bot.wire.faults = [Fault("refused", path=PATH, times=99)]
    with fails("unreachable", Exit.FAILED):
        post(bot)
    assert texts(bot) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/@mybot/1",
        "javascript:alert(1)",
        f"{ORIGIN}/\x1b[31m",
        "//evil.example",
        "",
    ],
)
def test_address_that_is_not_the_instances_own_is_not_shown(bot: World, url: str) -> None:
    answer(bot, 200, {"id": "1", "url": url})
    assert post(bot).link == f"{ORIGIN}/@mybot"


def test_address_with_the_token_in_it_is_not_shown(bot: World) -> None:
    answer(bot, 200, {"id": "1", "url": f"{ORIGIN}/@mybot/{bot.stored()}"})
    assert post(bot).link == f"{ORIGIN}/@mybot"


@at("pixelfed")
def test_pixelfed_is_said_to_take_no_text_alone(bot: World) -> None:
    with fails("post-refused", Exit.INPUT):
        post(bot)
    assert POSTING not in bot.wire.log


@at("pleroma")
def test_another_key_is_taken_where_pleroma_repeats_an_old_refusal(bot: World) -> None:
    """It answers a key for six hours with the refusal, though the token is new."""
    for _ in range(2):
        bot.instance.revoke_access("mybot")
        with fails("account-barred", Exit.ACTION_REQUIRED):
            post(bot)
        bot.provision()
    assert post(bot) == post(bot)
    assert texts(bot) == [TEXT]


@at("pleroma")
def test_keys_are_not_tried_without_an_end(bot: World) -> None:
    answer(bot, 403, {"error": "no"}, ("Idempotent-Replayed", "true"))
    with fails("post-forbidden", Exit.ACTION_REQUIRED):
        post(bot)
    assert bot.wire.log.count(POSTING) == 5


def test_nothing_is_posted_without_a_token(world: World) -> None:
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED):
        post(world)


def test_another_accounts_journal_is_refused(bot: World) -> None:
    bot.account = "alice@social.example"
    with fails("journal-other-account", Exit.INPUT):
        post(bot)
    assert POSTING not in bot.wire.log


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty-post"), (" \n", "empty-post"), ("caf\udcff", "unreadable-post")]
)
def test_text_that_is_empty_or_not_utf_8_is_refused(bot: World, text: str, code: str) -> None:
    with fails(code, Exit.INPUT):
        post(bot, text)
    assert POSTING not in bot.wire.log


@at(*TEXTUAL)
def test_dead_token_is_told(bot: World, personality: str) -> None:
    """Pleroma does not tell a dead token from an account that may not act."""
    bot.instance.revoke_access("mybot")
    with fails(
        "account-barred" if personality == "pleroma" else "token-dead", Exit.ACTION_REQUIRED
    ):
        post(bot)


@at(*TEXTUAL)
def test_token_without_the_scope_to_post_is_told(world: World) -> None:
    world.provision(scopes="profile")
    with fails("post-forbidden", Exit.ACTION_REQUIRED):
        post(world)


def test_text_that_is_too_long_is_refused_in_the_servers_words(bot: World) -> None:
    with fails("post-refused", Exit.INPUT) as caught:
        post(bot, "x" * 501)
    assert "character limit of 500 exceeded" in caught.value.what


def test_disabled_account_is_told(bot: World) -> None:
    answer(bot, 403, {"error": "Your login is currently disabled"})
    with fails("account-barred", Exit.ACTION_REQUIRED):
        post(bot)


def test_rate_limit_says_when_to_run_again(bot: World) -> None:
    answer(bot, 429, {"error": "Too many requests"}, ("Retry-After", "420"))
    with fails("post-throttled", Exit.FAILED) as caught:
        post(bot)
    assert caught.value.next == (Run("again", when="in 7 minutes"),)
