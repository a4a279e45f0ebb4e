"""post: the first post, and no second one."""

import pytest

from provisioner.errors import InputError, PersonNeededError, ProvisionerError
from provisioner.outcomes import Posted
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.keyless import Keyless
from tests.stage import ORIGIN, Fault, Stage

TEXT = "howdy universe!"
POSTING = "POST /api/v1/statuses"


def post(stage: Stage, text: str = TEXT, visibility: str = "") -> Posted:
    """Post as the bot."""
    outcome = stage.post(text, visibility)
    assert isinstance(outcome, Posted)
    return outcome


@pytest.fixture
def keyless(stage: Stage) -> Keyless:
    """The stage's instance forgets keys; the bot has its token."""
    keyless = Keyless(stage.instance)
    stage.wire.hosts["social.example"] = keyless
    stage.provision()
    return keyless


@pytest.fixture
def mastodon(stage: Stage) -> Stage:
    """The bot of a Mastodon has its token."""
    stage.provision()
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


# Mastodon, which honours the key.


def test_howdy(mastodon: Stage) -> None:
    """It is posted as the bot, with the token in use, and its address is told."""
    outcome = post(mastodon)
    (status,) = mastodon.instance.statuses
    assert (status.text, status.account.username) == (TEXT, "mybot")
    assert outcome.url == f"{ORIGIN}/@mybot/{status.id}"


def test_once_within_the_hour(mastodon: Stage) -> None:
    """The same text again is the same post; after an hour it is another."""
    first = post(mastodon)
    mastodon.time += 3500
    assert post(mastodon).url == first.url
    mastodon.time += 200
    assert post(mastodon).url != first.url


def test_another_text(mastodon: Stage) -> None:
    """Another text is another post."""
    post(mastodon)
    post(mastodon, "good night universe!")
    assert texts(mastodon) == [TEXT, "good night universe!"]


def test_nobody_else_sees_it(mastodon: Stage) -> None:
    """Who sees it can be said; else it is what the account is set to."""
    post(mastodon, visibility="direct")
    assert mastodon.instance.statuses[0].visibility == "direct"


@pytest.mark.parametrize("kind", ["answer lost", "request lost", "refused", "500"])
def test_a_lost_answer(mastodon: Stage, kind: str) -> None:
    """It is sent again with the same key: one post, whatever was lost."""
    mastodon.wire.faults = [Fault(kind, path="/api/v1/statuses", times=2)]  # type: ignore[arg-type]
    post(mastodon)
    assert texts(mastodon) == [TEXT]


def test_lost_for_good(mastodon: Stage) -> None:
    """Nobody knows: where to look is said, and another run does not post twice."""
    mastodon.wire.faults = [Fault("answer lost", path="/api/v1/statuses", times=9)]
    with pytest.raises(PersonNeededError) as caught:
        post(mastodon)
    assert (caught.value.ident, caught.value.link) == ("post-unclear", f"{ORIGIN}/@mybot")
    mastodon.wire.faults = []
    post(mastodon)
    assert texts(mastodon) == [TEXT]


# Servers that ignore the key.


@pytest.mark.parametrize("needs_scope", [False, True], ids=["by the token", "as anybody"])
def test_no_second_post(stage: Stage, keyless: Keyless, *, needs_scope: bool) -> None:
    """What stands there already is not posted again."""
    keyless.needs_scope = needs_scope
    first = post(stage)
    again = post(stage)
    assert (first.already, again.already, again.url) == (False, True, first.url)
    assert texts(stage) == [TEXT]


@pytest.mark.usefixtures("keyless")
def test_after_an_hour(stage: Stage) -> None:
    """Posted an hour ago, it is posted anew, as on Mastodon."""
    post(stage)
    stage.time += 3601
    post(stage)
    assert texts(stage) == [TEXT, TEXT]


@pytest.mark.usefixtures("keyless")
@pytest.mark.parametrize("text", ["1 < 2 & “so on”", "a\n\nb   c", "hello @alice@other.example"])
def test_what_html_makes_of_it(stage: Stage, text: str) -> None:
    """A text is recognized in its HTML."""
    post(stage, text)
    assert post(stage, text).already


@pytest.mark.usefixtures("keyless")
def test_a_lost_answer_is_looked_for(stage: Stage) -> None:
    """The post that was made is found, and not made again."""
    stage.wire.faults = [Fault("answer lost", method="POST", path="/api/v1/statuses")]
    assert post(stage).url == f"{ORIGIN}/@mybot/1"
    assert (texts(stage), stage.wire.log.count(POSTING)) == ([TEXT], 1)


@pytest.mark.usefixtures("keyless")
def test_a_lost_request(stage: Stage) -> None:
    """What is not seen may come yet: it is not sent again, and another run looks first."""
    stage.wire.faults = [Fault("request lost", method="POST", path="/api/v1/statuses")]
    with pytest.raises(PersonNeededError, match="may have been posted"):
        post(stage)
    assert stage.wire.log.count(POSTING) == 1
    post(stage)
    assert texts(stage) == [TEXT]


def test_nobody_may_look(stage: Stage, keyless: Keyless) -> None:
    """Where the posts can't be seen, it is sent once, and a lost answer is told as such."""
    keyless.is_closed = True
    stage.wire.faults = [Fault("answer lost", method="POST", path="/api/v1/statuses")]
    with pytest.raises(PersonNeededError) as caught:
        post(stage)
    assert "signed in as mybot" in caught.value.todo
    assert (texts(stage), stage.wire.log.count(POSTING)) == ([TEXT], 1)


@pytest.mark.usefixtures("keyless")
def test_an_instance_that_is_gone(stage: Stage) -> None:
    """A request that never left is no riddle: nothing was posted."""
    stage.wire.faults = [Fault("refused", path="/api/v1/statuses", times=99)]
    with pytest.raises(ProvisionerError) as caught:
        post(stage)
    assert (caught.value.ident, int(caught.value.exit_code)) == ("unreachable", 1)


# What stands in the way.


def test_nothing_provisioned(stage: Stage) -> None:
    """Without a token there is no post."""
    with pytest.raises(PersonNeededError) as caught:
        post(stage)
    assert caught.value.ident == "nothing-provisioned"


def test_another_accounts_journal(mastodon: Stage) -> None:
    """A journal of another bot does not serve."""
    mastodon.account = "alice@social.example"
    with pytest.raises(InputError, match="belongs to mybot"):
        post(mastodon)


@pytest.mark.parametrize("text", ["", " \n"])
def test_nothing_to_say(mastodon: Stage, text: str) -> None:
    """Nothing is not posted."""
    with pytest.raises(InputError) as caught:
        post(mastodon, text)
    assert (caught.value.ident, POSTING in mastodon.wire.log) == ("empty-post", False)


def test_a_dead_token(mastodon: Stage) -> None:
    """Somebody revoked it: begin again."""
    mastodon.instance.revoke_access("mybot")
    with pytest.raises(PersonNeededError) as caught:
        post(mastodon)
    assert (caught.value.ident, "Begin" in caught.value.todo) == ("token-dead", True)


def test_a_token_that_may_not_post(stage: Stage) -> None:
    """A token without write:statuses was not made for it."""
    stage.provision(scopes="profile")
    with pytest.raises(PersonNeededError, match="does not let this token post") as caught:
        post(stage)
    assert "write:statuses" in caught.value.why


def test_too_long(mastodon: Stage) -> None:
    """The server says how long a post may be."""
    with pytest.raises(InputError, match="character limit of 500 exceeded"):
        post(mastodon, "x" * 501)


def test_an_account_that_is_disabled(mastodon: Stage) -> None:
    """A frozen account's token is alive, and posts nothing."""
    refuse(mastodon, 403, {"error": "Your login is currently disabled"})
    with pytest.raises(PersonNeededError, match="is disabled"):
        post(mastodon)


def test_too_many(mastodon: Stage) -> None:
    """When the server takes posts again, it is said."""
    refuse(mastodon, 429, {"error": "Too many requests"}, ("Retry-After", "420"))
    with pytest.raises(ProvisionerError) as caught:
        post(mastodon)
    assert "in 7 minutes" in caught.value.todo


def test_a_page_in_front(mastodon: Stage) -> None:
    """A page with 200 is no post."""
    mastodon.wire.faults = [Fault("html", path="/api/v1/statuses", times=9)]
    with pytest.raises(PersonNeededError, match="may have been posted"):
        post(mastodon)
