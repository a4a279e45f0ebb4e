"""post: the first post, and no second one."""

import json
from dataclasses import replace

import pytest

from provisioner.errors import Exit, PersonNeededError, ProvisionerError
from provisioner.outcomes import Posted
from provisioner.sandbox import PERSONALITIES, Request, Response
from provisioner.sandbox.web import json_response
from tests.stage import ORIGIN, Fault, FaultKind, Stage
from tests.told import fails, said, says_no_second_post

TEXT = "howdy universe!"
POSTING = "POST /api/v1/statuses"


def post(stage: Stage, text: str = TEXT, visibility: str = "") -> Posted:
    """Post as the bot."""
    outcome = stage.post(text, visibility)
    assert isinstance(outcome, Posted)
    return outcome


HONOURING = ("mastodon-4.7", "mastodon-4.2", "pleroma")
"""Servers where the same Idempotency-Key does not post twice."""
TEXTUAL = tuple(name for name in PERSONALITIES if name != "pixelfed")
"""Servers that take a text alone."""
IGNORING = tuple(name for name in TEXTUAL if name not in HONOURING)
"""Servers where it does."""
READING = "profile read:statuses write:statuses"
"""Scopes that see the account's own posts, also where nobody else may."""


def at(*names: str) -> pytest.MarkDecorator:
    """Only at these servers; elsewhere it is Mastodon of today."""
    return pytest.mark.parametrize("personality", names)


@pytest.fixture
def bot(stage: Stage) -> Stage:
    """The bot has its token, which may look at its posts."""
    stage.provision(scopes=READING)
    return stage


def texts(stage: Stage) -> list[str]:
    """What has been posted."""
    return [status.text for status in stage.instance.statuses]


def refuse(stage: Stage, status: int, body: dict[str, str], *headers: tuple[str, str]) -> None:
    """Let the instance refuse posts."""

    def handler(request: Request) -> Response:
        if request.path == "/api/v1/statuses":
            return json_response(status, body, dict(headers))
        return stage.instance(request)

    stage.wire.hosts["social.example"] = handler


# Every server.


@at(*TEXTUAL)
def test_howdy(bot: Stage) -> None:
    """It is posted as the bot, with the token in use, and its address is told."""
    outcome = post(bot)
    (status,) = bot.instance.statuses
    assert (status.text, status.account.username) == (TEXT, "mybot")
    assert (outcome.url, outcome.already) == (f"{ORIGIN}/@mybot/{status.id}", False)
    assert outcome.account == "mybot@social.example"


@at(*TEXTUAL)
def test_no_second_post(bot: Stage) -> None:
    """The same text again is the same post, and it is said that nothing was posted now."""
    first = post(bot)
    bot.time += 3500
    again = post(bot)
    assert (texts(bot), again.url, again.already) == ([TEXT], first.url, True)


@at(*HONOURING)
@pytest.mark.parametrize("offset", [-7200.0, 7200.0])
def test_a_clock_that_is_wrong(bot: Stage, offset: float) -> None:
    """Whether it was there before is told by the server's clock alone, whatever it shows."""
    bot.instance.store.clock = lambda: bot.time + offset
    assert post(bot).already is False
    bot.time += 10
    assert post(bot).already is True


@at(*HONOURING)
def test_a_slow_server(bot: Stage) -> None:
    """A post that its server took half a minute to answer with was not there before."""

    def slow(request: Request) -> Response:
        answer = bot.instance(request)
        if request.path == "/api/v1/statuses":
            bot.time += 30
            answer = answer.plus({"Date": bot.instance(request).header("Date")})
        return answer

    bot.wire.hosts["social.example"] = slow
    assert post(bot).already is False


@at(*HONOURING)
def test_an_answer_lost_on_the_way(bot: Stage) -> None:
    """What this very run posted before it asked again was not there before."""
    bot.wire.faults = [Fault("answer lost", path="statuses", times=3)]
    assert (post(bot).already, texts(bot)) == (False, [TEXT])


@at("mastodon-4.7", "mastodon-4.2")
def test_no_time_at_all(bot: Stage) -> None:
    """A server that does not say when it answered leaves open whether it posted now."""

    def timeless(request: Request) -> Response:
        return bot.instance(request).plus({"Date": ""})

    bot.wire.hosts["social.example"] = timeless
    outcome = post(bot)
    assert outcome.already is None
    headlines = {replace(outcome, already=already).headline for already in (None, False, True)}
    assert len(headlines) == 3


@at("mastodon-4.7", "mastodon-4.2", *IGNORING)
def test_after_an_hour(bot: Stage) -> None:
    """Posted an hour ago, it is posted anew."""
    post(bot)
    bot.time += 3601
    assert not post(bot).already
    assert texts(bot) == [TEXT, TEXT]


@at("pleroma")
def test_after_an_hour_on_pleroma(bot: Stage) -> None:
    """Pleroma remembers for six: until then it is said that nothing was posted."""
    post(bot)
    bot.time += 3601
    assert post(bot).already
    bot.time += 5 * 3600
    assert (post(bot).already, texts(bot)) == (False, [TEXT, TEXT])


@at(*TEXTUAL)
def test_another_text(bot: Stage) -> None:
    """Another text is another post."""
    post(bot)
    post(bot, "good night universe!")
    assert texts(bot) == [TEXT, "good night universe!"]


@at(*TEXTUAL)
def test_nobody_else_sees_it(bot: Stage) -> None:
    """Who sees it can be said; else it is what the account is set to."""
    post(bot, visibility="direct")
    assert bot.instance.statuses[0].visibility == "direct"


@at("pixelfed")
def test_pictures_only(bot: Stage) -> None:
    """Pixelfed takes no text alone: said in plain words, and as often as it is tried."""
    for _ in range(2):
        with fails("post-refused", Exit.INPUT) as caught:
            post(bot)
        assert "Pixelfed" in caught.value.why
    assert texts(bot) == []


# Servers that honour the key.


@at(*HONOURING)
@pytest.mark.parametrize("kind", ["answer lost", "request lost", "refused", "500"])
def test_a_lost_answer(bot: Stage, kind: FaultKind) -> None:
    """It is sent again with the same key: one post, whatever was lost."""
    bot.wire.faults = [Fault(kind, path="/api/v1/statuses", times=2)]
    post(bot)
    assert texts(bot) == [TEXT]


@at(*HONOURING)
def test_lost_for_good(bot: Stage) -> None:
    """Nobody knows: where to look is said, and another run does not post twice."""
    bot.wire.faults = [Fault("answer lost", path="/api/v1/statuses", times=9)]
    with fails("post-unclear", Exit.PERSON) as caught:
        post(bot)
    assert caught.value.link == f"{ORIGIN}/@mybot"
    assert says_no_second_post(caught.value)
    bot.wire.faults = []
    post(bot)
    assert texts(bot) == [TEXT]


@at("pleroma")
def test_an_old_refusal(bot: Stage) -> None:
    """What a key was refused with comes back for hours, though the token is new: another key is
    taken, and there is still one post.
    """
    for _ in range(2):
        bot.instance.revoke_access("mybot")
        with fails("account-barred", Exit.PERSON):
            post(bot)
        bot.provision(scopes=READING)
    assert (post(bot).url, post(bot).url) == (f"{ORIGIN}/@mybot/1", f"{ORIGIN}/@mybot/1")
    assert texts(bot) == [TEXT]


@at("pleroma")
def test_refused_for_hours(bot: Stage) -> None:
    """Keys are not tried without an end."""

    def handler(request: Request) -> Response:
        if request.path == "/api/v1/statuses":
            return json_response(403, {"error": "no"}, {"Idempotent-Replayed": "true"})
        return bot.instance(request)

    bot.wire.hosts["social.example"] = handler
    with pytest.raises(PersonNeededError):
        post(bot)
    assert bot.wire.log.count(POSTING) == 5


# Servers that ignore the key.


@at(*IGNORING)
@pytest.mark.parametrize(
    "text",
    [
        "1 < 2 & “so on”",
        "a\n\nb   c",
        "it's <b>bold</b>\nand &amp; odd",
        "hello @alice@other.example",
        "hello @alice and @alice@social.example",
        "see https://www.example.org/a/very/long/way/to/go?a=1&b=2, #Bots",
    ],
)
def test_what_html_makes_of_it(bot: Stage, text: str) -> None:
    """A text is recognized in its HTML."""
    post(bot, text)
    assert post(bot, text).already


@at(*TEXTUAL)
def test_the_same_name_elsewhere(bot: Stage) -> None:
    """A mention of another server's account of the same name is another post."""
    for domain in ("a.test", "b.test"):
        assert not post(bot, f"hi @al@{domain}").already
    assert texts(bot) == ["hi @al@a.test", "hi @al@b.test"]


@at("gotosocial")
def test_a_mention_at_the_accounts_own_domain(stage: Stage) -> None:
    """Where the server bears another name than its accounts, it is at home under both.

    Of its own accounts a server tells the name alone (`acct`), whatever was written.
    """
    stage.account, stage.instance.store.domain = "mybot@example.org", "example.org"

    def delegates(request: Request) -> Response:
        return Response(301, (("Location", f"{ORIGIN}{request.path}?{request.query}"),))

    def mentions(request: Request) -> Response:
        answer = stage.instance(request)
        if request.method != "GET" or not request.path.endswith("/statuses"):
            return answer
        entries = [entry | {"mentions": [{"acct": "alice"}]} for entry in json.loads(answer.body)]
        return Response(answer.status, answer.headers, json.dumps(entries).encode())

    stage.wire.hosts |= {"example.org": delegates, "social.example": mentions}
    stage.provision(scopes=READING)
    post(stage, "hello @alice@example.org")
    assert post(stage, "hello @alice@example.org").already


@at(*TEXTUAL)
def test_another_audience(bot: Stage) -> None:
    """The same text to others is another post, also where its answer is lost."""
    post(bot, visibility="unlisted")
    bot.wire.faults = [Fault("answer lost", method="POST", path="/api/v1/statuses")]
    assert post(bot, visibility="public").url == f"{ORIGIN}/@mybot/2"
    assert [status.visibility for status in bot.instance.statuses] == ["unlisted", "public"]


@at("gotosocial")
def test_the_author_sees_the_hidden(bot: Stage) -> None:
    """GoToSocial lists what only its author may see."""
    post(bot, visibility="direct")
    assert post(bot, visibility="direct").already


@at("takahe")
@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_hidden_from_all(bot: Stage, visibility: str) -> None:
    """Takahē lists it for nobody: a lost answer is told as such, and it is not sent again."""
    bot.wire.faults = [Fault("answer lost", method="POST", path="/api/v1/statuses")]
    for sent_before in (False, True):
        with fails("post-unclear", Exit.PERSON) as caught:
            post(bot, visibility=visibility)
        assert ("2027-01-15T08:00:00Z" in said(caught.value)) == sent_before
        assert "read:statuses" not in said(caught.value)  # it would not help
        assert "2027-01-15T09:00:00Z" in caught.value.todo
    assert (texts(bot), bot.wire.log.count(POSTING)) == ([TEXT], 1)


@at("takahe")
@pytest.mark.parametrize("scopes", [READING, "post"])
@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_hidden_from_all_and_it_is_there(stage: Stage, visibility: str, scopes: str) -> None:
    """The journal remembers what no list shows: the same text is not posted twice in an hour."""
    stage.provision(scopes=scopes)
    first = post(stage, visibility=visibility)
    stage.time += 3599
    assert post(stage, visibility=visibility) == replace(first, already=True)
    assert texts(stage) == [TEXT]
    stage.time += 1
    post(stage, visibility=visibility)
    assert texts(stage) == [TEXT, TEXT]


@at("takahe")
def test_hidden_by_the_accounts_own_settings(bot: Stage) -> None:
    """Where nothing was said of the audience, the answer tells that no list will show the post."""

    def followers_only(request: Request) -> Response:
        if request.path == "/api/v1/statuses":
            request = replace(request, body=request.body + b"&visibility=private")
        return bot.instance(request)

    bot.wire.hosts["social.example"] = followers_only
    first = post(bot)
    assert (post(bot), texts(bot)) == (replace(first, already=True), [TEXT])


@at(*IGNORING)
def test_a_lost_answer_is_looked_for(bot: Stage) -> None:
    """The post that was made is found, and not made again."""
    bot.wire.faults = [Fault("answer lost", method="POST", path="/api/v1/statuses")]
    assert post(bot).url == f"{ORIGIN}/@mybot/1"
    assert (texts(bot), bot.wire.log.count(POSTING)) == ([TEXT], 1)


@at(*IGNORING)
def test_a_lost_request(bot: Stage) -> None:
    """What is not seen may come yet: it is not sent again, and another run looks first."""
    bot.wire.faults = [Fault("request lost", method="POST", path="/api/v1/statuses")]
    with fails("post-unclear", Exit.PERSON) as caught:
        post(bot)
    assert caught.value.link == f"{ORIGIN}/@mybot"
    assert not says_no_second_post(caught.value)
    assert "2027-01-15T09:00:00Z" not in said(caught.value)  # a look tells: no need to wait
    assert bot.wire.log.count(POSTING) == 1
    post(bot)
    assert texts(bot) == [TEXT]


@at("gotosocial")
def test_nobody_may_look(stage: Stage) -> None:
    """With the scopes that begin asks for, GoToSocial shows no posts: the journal remembers.

    It is sent once, a lost answer is told as such, and which scope would help.
    """
    stage.provision()
    stage.wire.faults = [Fault("answer lost", method="POST", path="/api/v1/statuses")]
    for sent_before in (False, True):
        with fails("post-unclear", Exit.PERSON) as caught:
            post(stage)
        assert ("2027-01-15T08:00:00Z" in said(caught.value)) == sent_before
        assert "read:statuses" in caught.value.why
        assert caught.value.link == f"{ORIGIN}/@mybot"
        assert "mybot@social.example" in caught.value.todo
        assert "2027-01-15T09:00:00Z" in caught.value.todo
        stage.time += 60
    assert (texts(stage), stage.wire.log.count(POSTING)) == ([TEXT], 1)


@at("gotosocial")
def test_nobody_may_look_and_it_is_there(stage: Stage) -> None:
    """What was confirmed is known by its address, also where others were posted since."""
    stage.provision()
    first, other = post(stage), post(stage, "good night universe!")
    assert [
        (one.url, one.already) for one in (post(stage), post(stage, "good night universe!"))
    ] == [
        (first.url, True),
        (other.url, True),
    ]
    assert texts(stage) == [TEXT, "good night universe!"]


@at("gotosocial")
def test_nobody_may_look_and_there_are_many(stage: Stage) -> None:
    """The journal remembers ten posts, of the last hour alone."""
    stage.provision()
    for number in range(12):
        post(stage, str(number))
    assert [post(stage, str(number)).already for number in range(2, 12)] == [True] * 10
    assert len(stage.journal().sent) == 10
    stage.time += 3601
    post(stage)
    assert len(stage.journal().sent) == 1


@at("gotosocial")
def test_nobody_may_look_and_one_was_not_sent(stage: Stage) -> None:
    """What was not posted is forgotten, and nothing else."""
    stage.provision()
    first = post(stage)
    refuse(stage, 422, {"error": "no"})
    with fails("post-refused", Exit.INPUT):
        post(stage, "good night universe!")
    assert post(stage) == replace(first, already=True)
    assert len(stage.journal().sent) == 1


@at("gotosocial")
def test_nobody_may_look_and_the_journal_fails(stage: Stage) -> None:
    """A post that is there is told as such, though the journal could not be told."""
    stage.provision()

    def handler(request: Request) -> Response:
        if request.path == "/api/v1/statuses":
            stage.wire.faults = [Fault("500", path="/variables", times=99)]
        return stage.instance(request)

    stage.wire.hosts["social.example"] = handler
    assert post(stage).url == f"{ORIGIN}/@mybot/1"
    (warning,) = stage.warned
    assert "MASTODON_JOURNAL" in warning
    stage.wire.faults = []
    with fails("post-unclear", Exit.PERSON) as caught:
        post(stage)
    assert "2027-01-15T08:00:00Z" in said(caught.value)
    assert texts(stage) == [TEXT]


@at("gotosocial")
@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [(422, "post-refused", Exit.INPUT), (429, "post-throttled", Exit.HALF_WAY)],
)
def test_a_refusal_is_shown_though_the_journal_fails(
    stage: Stage, status: int, code: str, exit_code: Exit
) -> None:
    """Why it was not posted is what the person can mend; what the journal did is said beside it.

    That nothing was changed (1) is not said: the journal takes it for sent.
    """
    stage.provision()

    def handler(request: Request) -> Response:
        if request.path == "/api/v1/statuses":
            stage.wire.faults = [Fault("500", path="/variables", times=99)]
            return json_response(status, {"error": "no"})
        return stage.instance(request)

    stage.wire.hosts["social.example"] = handler
    with fails(code, exit_code) as caught:
        post(stage)
    assert caught.value.todo
    (warning,) = stage.warned
    assert "2027-01-15T09:00:00Z" in warning


@at("gotosocial")
def test_nobody_may_look_and_it_was_not_sent(stage: Stage) -> None:
    """What was certainly not posted is not remembered: it is sent when it may be."""
    stage.provision()
    stage.wire.faults = [Fault("refused", method="POST", path="/api/v1/statuses", times=99)]
    with pytest.raises(ProvisionerError):
        post(stage)
    stage.wire.faults = []
    assert (post(stage).already, texts(stage)) == (False, [TEXT])


@at("gotosocial")
def test_nobody_may_look_an_hour_later(stage: Stage) -> None:
    """After an hour the same text is another post."""
    stage.provision()
    post(stage)
    stage.time += 3601
    post(stage)
    assert texts(stage) == [TEXT, TEXT]


@at(*IGNORING)
@pytest.mark.parametrize("scopes", [READING, "post"])
@pytest.mark.parametrize(("age", "again"), [(3599, True), (3600, False)])
def test_the_hour(stage: Stage, scopes: str, age: int, *, again: bool) -> None:
    """Seen among the latest posts or remembered: the same post for an hour, and no longer."""
    stage.provision(scopes=scopes)
    post(stage)
    stage.time += age
    assert post(stage).already == again
    assert texts(stage) == [TEXT] * (1 if again else 2)


def test_anybody_may_look(stage: Stage) -> None:
    """A server that nobody knows is asked as anybody, where the token may not look."""
    stage.provision()
    server = stage.journal().current
    assert server is not None
    unknown = server.server.model_copy(update={"software": "Tea", "has_metadata": False})
    stage.rewrite(current=server.model_copy(update={"server": unknown}))
    first, again = post(stage), post(stage)
    assert (first.already, again.already, texts(stage)) == (False, True, [TEXT])
    assert stage.journal().sent == ()  # it was seen: nothing had to be remembered


@at(*IGNORING)
def test_an_instance_that_is_gone(bot: Stage) -> None:
    """A request that never left is no riddle: nothing was posted."""
    bot.wire.faults = [Fault("refused", path="/api/v1/statuses", times=99)]
    with fails("unreachable", Exit.FAILED):
        post(bot)


# What stands in the way.


def test_nothing_provisioned(stage: Stage) -> None:
    """Without a token there is no post."""
    with fails("nothing-provisioned", Exit.PERSON):
        post(stage)


def test_another_accounts_journal(bot: Stage) -> None:
    """A journal of another bot does not serve."""
    bot.account = "alice@social.example"
    with fails("journal-other-account", Exit.INPUT):
        post(bot)


@pytest.mark.parametrize("text", ["", " \n"])
def test_nothing_to_say(bot: Stage, text: str) -> None:
    """Nothing is not posted."""
    with fails("empty-post", Exit.INPUT):
        post(bot, text)
    assert POSTING not in bot.wire.log


def test_not_a_text(bot: Stage) -> None:
    """What is not UTF-8, as a shell may hand it over, is refused in words."""
    with fails("unreadable-post", Exit.INPUT):
        post(bot, "caf\udcff")
    assert POSTING not in bot.wire.log


@at(*PERSONALITIES)
def test_a_dead_token(bot: Stage, personality: str) -> None:
    """Somebody revoked it: begin again. Pleroma does not tell that from a barred account."""
    bot.instance.revoke_access("mybot")
    code = "account-barred" if personality == "pleroma" else "token-dead"
    with fails(code, Exit.PERSON) as caught:
        post(bot)
    assert "begin" in caught.value.todo.lower()


@at(*PERSONALITIES)
def test_a_token_that_may_not_post(stage: Stage) -> None:
    """A token without write:statuses was not made for it."""
    stage.provision(scopes="profile")
    with fails("post-forbidden", Exit.PERSON) as caught:
        post(stage)
    assert "write:statuses" in caught.value.why


def test_too_long(bot: Stage) -> None:
    """The server says how long a post may be."""
    with fails("post-refused", Exit.INPUT) as caught:
        post(bot, "x" * 501)
    assert "character limit of 500 exceeded" in said(caught.value)


def test_an_account_that_is_disabled(bot: Stage) -> None:
    """A frozen account's token is alive, and posts nothing."""
    refuse(bot, 403, {"error": "Your login is currently disabled"})
    with fails("account-barred", Exit.PERSON) as caught:
        post(bot)
    assert "disabled" in said(caught.value)


def test_too_many(bot: Stage) -> None:
    """When the server takes posts again, it is said."""
    refuse(bot, 429, {"error": "Too many requests"}, ("Retry-After", "420"))
    with fails("post-throttled", Exit.FAILED) as caught:
        post(bot)
    assert "7 minutes" in caught.value.todo


def test_a_page_in_front(bot: Stage) -> None:
    """A page with 200 is no post."""
    bot.wire.faults = [Fault("html", path="/api/v1/statuses", times=9)]
    with fails("post-unclear", Exit.PERSON):
        post(bot)
