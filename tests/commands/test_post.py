"""post: sent once, and a lost answer is told."""

import pytest
from msgspec.structs import replace

from provisioner.report import Exit, Run
from provisioner.sandbox import Response
from provisioner.sandbox.web import html_response, json_response
from tests.support.told import fails, says_no_second_post
from tests.support.world import ORIGIN, Fault, FaultKind, World

TEXT = "howdy universe!"
PATH = "/api/v1/statuses"
POSTING = f"POST {PATH}"


def texts(world: World) -> list[str]:
    return [status.text for status in world.instance.statuses]


def test_text_is_posted_as_the_bot_with_one_request_and_its_address_told(bot: World) -> None:
    since = len(bot.wire.log)
    report = bot.post(TEXT, "direct")
    assert [ask.split()[0] for ask in bot.requests(since)] == ["GET", "GET", "GET", "POST"]
    (status,) = bot.instance.statuses
    assert status.text == TEXT
    assert status.visibility == "direct"
    assert status.account.username == "mybot"
    url = f"{ORIGIN}/@mybot/{status.id}"
    assert report.status == "posted"
    assert report.link == url
    assert report.outputs == {"account": "mybot@social.example", "url": url}


def test_same_text_within_an_hour_is_one_post_where_the_key_is_honoured(bot: World) -> None:
    first = bot.post(TEXT)
    bot.time += 3500
    assert bot.post(TEXT) == first
    bot.time += 101
    bot.post(TEXT)
    assert texts(bot) == [TEXT, TEXT]


@pytest.mark.parametrize(
    ("text", "visibility"), [("good night!", ""), (TEXT, "unlisted")], ids=["text", "audience"]
)
def test_another_text_or_audience_is_another_post(bot: World, text: str, visibility: str) -> None:
    bot.post(TEXT)
    bot.post(text, visibility)
    assert texts(bot) == [TEXT, text]


def test_each_account_has_keys_of_its_own(bot: World) -> None:
    """A server may keep the keys of all accounts in one place."""
    bot.post(TEXT)
    bot.rewrite(current=replace(bot.current, account_id="999"))
    bot.post(TEXT)
    assert texts(bot) == [TEXT, TEXT]


@pytest.mark.parametrize("personality", ["mastodon-4.7", "gotosocial"])
@pytest.mark.parametrize("kind", ["answer lost", "500", "html"])
def test_lost_answer_is_told_and_the_text_not_sent_again(
    bot: World, kind: FaultKind, personality: str
) -> None:
    """To run again without a look is offered only where the key is honoured."""
    bot.wire.faults = [Fault(kind, path=PATH)]
    with fails("post-unclear", Exit.ACTION_REQUIRED) as caught:
        bot.post(TEXT)
    assert caught.value.link == f"{ORIGIN}/@mybot"
    assert Run("again") in caught.value.next
    assert bot.wire.log.count(POSTING) == 1
    honoured = personality == "mastodon-4.7"
    assert says_no_second_post(caught.value) == honoured
    if honoured:
        bot.post(TEXT)
        assert texts(bot) == [TEXT]


def test_request_that_never_left_is_sent_again_and_given_up_as_not_sent(bot: World) -> None:
    bot.wire.faults = [Fault("refused", path=PATH, times=2)]
    bot.post(TEXT)
    bot.wire.faults = [Fault("refused", path=PATH, times=99)]
    with fails("unreachable", Exit.FAILED):
        bot.post("good night!")
    assert texts(bot) == [TEXT]


@pytest.mark.parametrize(
    "url", ["https://evil.example/@mybot/1", f"{ORIGIN}/\u202e1", "", f"{ORIGIN}/@mybot/TOKEN"]
)
def test_address_that_is_not_the_instances_own_or_holds_the_token_is_not_shown(
    bot: World, url: str
) -> None:
    answered = {"id": "1", "url": url.replace("TOKEN", bot.stored())}
    bot.answer(PATH, json_response(200, answered))
    assert bot.post(TEXT).link == f"{ORIGIN}/@mybot"


@pytest.mark.parametrize("personality", ["pixelfed"])
def test_pixelfed_is_said_to_take_no_text_alone(bot: World) -> None:
    with fails("post-refused", Exit.INPUT):
        bot.post(TEXT)
    assert POSTING not in bot.wire.log


@pytest.mark.parametrize("personality", ["pleroma"])
def test_new_token_has_another_key_where_pleroma_repeats_an_old_refusal(bot: World) -> None:
    for _ in range(2):
        bot.instance.revoke_access("mybot")
        with fails("account-barred", Exit.ACTION_REQUIRED):
            bot.post(TEXT)
        bot.provision()
    assert bot.post(TEXT) == bot.post(TEXT)
    assert texts(bot) == [TEXT]


# What is refused.


def test_nothing_is_posted_without_a_token(world: World) -> None:
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED):
        world.post(TEXT)


@pytest.mark.parametrize(
    ("text", "code"), [(" \n", "empty-post"), ("caf\udcff", "unreadable-post")]
)
def test_text_that_is_empty_or_not_utf_8_is_refused(bot: World, text: str, code: str) -> None:
    since = len(bot.wire.log)
    with fails(code, Exit.INPUT):
        bot.post(text)
    assert bot.requests(since) == []


def test_dead_token_is_told(bot: World) -> None:
    bot.instance.revoke_access("mybot")
    with fails("token-dead", Exit.ACTION_REQUIRED):
        bot.post(TEXT)


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (401, "", "post-forbidden"),
        (403, "This action is outside the authorized scopes", "post-forbidden"),
        (403, "Your login is currently disabled", "account-barred"),
    ],
)
def test_refused_token_needs_a_person_and_no_other_text(
    bot: World, status: int, words: str, code: str
) -> None:
    bot.answer(PATH, json_response(status, {"error": words} if words else {}))
    with fails(code, Exit.ACTION_REQUIRED) as caught:
        bot.post(TEXT)
    assert caught.value.next


def test_page_in_place_of_an_answer_blames_no_text(bot: World) -> None:
    """AWS WAF asks for a person with 405."""
    bot.answer(PATH, html_response(405, "<p>Are you human?"))
    with fails("post-forbidden", Exit.ACTION_REQUIRED):
        bot.post(TEXT)


def test_text_that_is_too_long_is_refused_in_the_servers_words(bot: World) -> None:
    with fails("post-refused", Exit.INPUT) as caught:
        bot.post("x" * 501)
    assert "character limit of 500 exceeded" in caught.value.what


@pytest.mark.parametrize(
    ("headers", "when"),
    [
        ({"Retry-After": "420"}, "in 7 minutes"),
        ({"X-RateLimit-Reset": "2027-01-15T08:03:00Z"}, "in 3 minutes"),
        ({"Content-Type": "text/html"}, "in 5 minutes"),
    ],
)
def test_rate_limit_says_when_to_run_again(bot: World, headers: dict[str, str], when: str) -> None:
    bot.answer(PATH, Response(429, tuple(headers.items()), b"<p>Too many requests"))
    with fails("post-throttled", Exit.FAILED) as caught:
        bot.post(TEXT)
    assert caught.value.next == (Run("again", when=when),)
