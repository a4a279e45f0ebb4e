"""What changes under a run's feet: the GitHub token, the repository, the instance, what was stored.

Each time nothing is lost, the error says what to do, and whoever does that gets to the end.
"""

import json

import pytest

from provisioner.errors import ActionRequiredError
from provisioner.report import Exit, Report, Set
from provisioner.sandbox import Request, Response
from tests.servers.behaviour import Mastodon47
from tests.servers.github_description import Description
from tests.support.told import fails, in_words, pages, runs, said, says_no_code_is_needed
from tests.support.world import NAME, ORIGIN, World

JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
SECRET = "MASTODON_ACCESS_TOKEN"
DAY = 86400.0


def is_done(world: World, name: str = NAME) -> bool:
    """Whether exactly one token lives, in the secret and in a journal without anything pending."""
    return [world.github.queue(name).secret(SECRET)] == world.live() and not world.leaks()


# The GitHub token expires.


def expire_at(world: World, method: str, path: str, turn: int = 1) -> None:
    """From the `turn`-th such request on, GitHub does not know the token any more."""
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        if request.method == method and path in request.path:
            seen.append(request)
            if len(seen) == turn:
                world.github.remove_token(world.token)
        return world.github(request)

    world.wire.hosts["api.github.test"] = handler


def renew(world: World) -> None:
    """The person makes another token."""
    world.wire.hosts["api.github.test"] = world.github
    world.token = world.github.add_token()


def test_github_token_that_expires_at_the_staging_write_loses_nothing(world: World) -> None:
    """The new token is in the one window: the link brings it back, and both runs say so (I3)."""
    link = world.link()
    code = world.approve(link)
    expire_at(world, "PATCH", JOURNAL, turn=2)  # the first one writes the attempt
    with fails("github-token-refused", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert link in pages(caught.value.next)  # it gives another code
    assert not says_no_code_is_needed(caught.value)
    [lost] = world.live()
    renew(world)
    with fails("code-refused", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    world.complete(world.approve(caught.value.link))
    assert world.stored() == lost
    assert is_done(world)


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", f"secrets/{SECRET}"), ("POST", "actions/variables")]
)
def test_no_code_is_needed_where_the_github_token_expires_at_a_later_write(
    world: World, method: str, path: str
) -> None:
    code = world.approve(world.link())
    expire_at(world, method, path)
    with fails("github-token-refused", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert says_no_code_is_needed(caught.value)
    renew(world)
    world.complete()
    assert is_done(world)


def test_code_is_still_good_where_the_github_token_expires_at_the_attempt(world: World) -> None:
    """It is spent last (I6)."""
    code = world.approve(world.link())
    expire_at(world, "PATCH", JOURNAL)
    with fails("github-token-refused", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert not says_no_code_is_needed(caught.value)
    renew(world)
    world.complete(code)
    assert is_done(world)


# The repository gets another name.


@pytest.mark.parametrize("name", ["octocat/robot", "hubot/mybot"], ids=["renamed", "transferred"])
def test_renamed_repository_is_followed_and_called_by_its_new_name(world: World, name: str) -> None:
    code = world.approve(world.link())
    world.github.rename(NAME, name)
    report = world.complete(code)
    assert is_done(world, name)
    assert name in report.headline


def test_nothing_is_written_to_another_repository_of_the_old_name(world: World) -> None:
    """It holds no journal, and the code stays good for the right one."""
    code = world.approve(world.link())
    world.github.rename(NAME, "octocat/robot")
    other = world.github.add_repository(NAME)
    with fails("nothing-pending", Exit.ACTION_REQUIRED):
        world.complete(code)
    assert other.secrets == {}
    assert other.variables == {}
    world.complete(code, repository="octocat/robot")
    assert is_done(world, "octocat/robot")


def test_journal_knows_its_repositorys_number_whatever_the_name(world: World) -> None:
    code = world.approve(world.link())
    world.github.rename(NAME, "octocat/robot")
    moved = world.github.repository("octocat/robot")
    world.github.add_repository(NAME).variables.update(moved.variables)
    with fails("journal-foreign", Exit.INPUT):
        world.complete(code)
    assert "POST /oauth/token" not in world.wire.log


# The instance moves.


class Moved:
    """An instance that redirects everything, or its API, to another host, which records."""

    def __init__(self, world: World, *paths: str) -> None:
        self.asked: list[str] = []
        self.world = world
        self.paths = paths
        world.wire.hosts |= {"social.example": self._redirects, "moved.example": self._records}

    def _redirects(self, request: Request) -> Response:
        if self.paths and request.path not in self.paths:
            return self.world.instance(request)
        return Response(307, (("Location", f"https://moved.example{request.path}"),))

    def _records(self, request: Request) -> Response:
        self.asked.append(f"{request.path}?{request.query} {request.headers} {request.body!r}")
        return self.world.instance(request)

    def back(self) -> None:
        """It was a mistake."""
        self.world.wire.hosts["social.example"] = self.world.instance


def test_code_goes_to_no_other_host_where_the_instance_moved(world: World) -> None:
    """Should the instance come back, the link still serves."""
    code = world.approve(world.link())
    moved = Moved(world)
    with fails("exchange-unclear", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert "HTTP 307" in said(caught.value)
    assert "abandon" in said(caught.value)
    assert moved.asked == []
    moved.back()
    world.complete(world.approve(caught.value.link))
    assert is_done(world)


def test_bot_of_an_instance_that_moved_for_good_begins_at_the_new_address(world: World) -> None:
    code = world.approve(world.link())
    moved = Moved(world)
    with fails("exchange-unclear", Exit.ACTION_REQUIRED):
        world.complete(code)
    world.abandon()
    world.instance.origin = "https://moved.example"
    world.provision(instance="https://moved.example")
    assert is_done(world)
    assert not any(code in request for request in moved.asked)


def test_registration_that_redirects_sends_nothing_along(world: World) -> None:
    """The token in use stays."""
    world.provision()
    moved = Moved(world, "/api/v1/apps")
    with fails("instance-moved", Exit.INPUT):
        world.begin()
    assert moved.asked == []
    assert is_done(world)


def test_token_stays_staged_and_unseen_where_verification_redirects(world: World) -> None:
    code = world.approve(world.link())
    moved = Moved(world, "/api/v1/accounts/verify_credentials")
    with fails("unverified", Exit.INCOMPLETE):
        world.complete(code)
    assert moved.asked == []
    moved.back()
    world.complete()
    assert is_done(world)


def test_metadata_that_names_another_host_meanwhile_gets_no_code(world: World) -> None:
    """A link that was shown is completed where it was begun; another one is refused."""
    code = world.approve(world.link())
    asked: list[Request] = []

    def mixed(request: Request) -> Response:
        answer = world.instance(request)
        if request.path != "/.well-known/oauth-authorization-server":
            return answer
        fields = json.loads(answer.body) | {"token_endpoint": "https://evil.example/token"}
        return Response(200, answer.headers, json.dumps(fields).encode())

    def evil(request: Request) -> Response:
        asked.append(request)
        return Response(200)

    world.wire.hosts |= {"social.example": mixed, "evil.example": evil}
    world.complete(code)
    with fails("foreign-metadata", Exit.INPUT) as caught:
        world.begin()
    assert "evil.example" in said(caught.value)
    assert asked == []
    assert is_done(world)


# The old application is gone.


def checked_after_a_rotation(world: World) -> Report:
    """A check when the grace of a rotation is over."""
    world.time += DAY
    return world.check()


# The instance is upgraded, or its metadata is gone.


def old_mastodon() -> World:
    """A world with Mastodon 4.2."""
    return World(Description.load(), "mastodon-4.2")


def test_link_of_the_old_version_serves_at_the_new_one() -> None:
    world = old_mastodon()
    link = world.link()
    world.instance.become(Mastodon47())
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_same_link_gives_a_code_that_works_after_an_upgrade() -> None:
    """The old version kept no challenge, and the new one refuses the verifier."""
    world = old_mastodon()
    link = world.link()
    code = world.approve(link)
    world.instance.become(Mastodon47())
    with pytest.raises(ActionRequiredError) as caught:
        world.complete(code)
    assert caught.value.link == link
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_rotation_asks_for_what_the_new_version_knows() -> None:
    """It revokes what the old one issued."""
    world = old_mastodon()
    world.provision()
    world.instance.become(Mastodon47())
    world.provision(grace="0")
    assert world.journal().current.scopes[0] == "profile"  # type: ignore[union-attr]
    assert world.live() == [world.stored()]


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/api/v1/instance"])
def test_complete_and_check_need_no_metadata(world: World, path: str) -> None:
    """The journal knows the endpoints."""
    code = world.approve(world.link())

    def silent(request: Request) -> Response:
        return Response(404) if request.path == path else world.instance(request)

    world.wire.hosts["social.example"] = silent
    world.complete(code)
    assert world.check().status == "healthy"


def test_old_application_that_took_its_token_along_calls_nobody(world: World) -> None:
    """Mastodon deletes both together: the token is seen dead."""
    world.provision()
    world.provision()
    world.instance.delete_application(world.instance.applications[0].client_id)
    assert checked_after_a_rotation(world).status == "healthy"
    assert world.journal().superseded == ()


def test_person_is_told_where_an_unknown_application_leaves_its_token_alive(world: World) -> None:
    """No program can revoke that."""
    world.provision()
    world.provision()
    refusal = json.dumps({"error": "invalid_client"}).encode()

    def forgetful(request: Request) -> Response:
        return Response(401, (), refusal) if "revoke" in request.path else world.instance(request)

    world.wire.hosts["social.example"] = forgetful
    [found] = [one for one in checked_after_a_rotation(world).items if one.verdict == "bad"]
    assert f"{ORIGIN}/oauth/authorized_applications" in in_words(found)
    assert len(world.journal().superseded) == 1


# Something is deleted by hand.


def test_code_is_not_spent_where_the_journal_was_deleted(world: World) -> None:
    """Nobody knows its application; begin makes a new one."""
    code = world.approve(world.link())
    world.delete("variables", JOURNAL)
    with fails("nothing-pending", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert runs(caught.value.next) == ["begin"]
    assert "POST /oauth/token" not in world.wire.log
    world.provision()
    assert is_done(world)


@pytest.mark.parametrize("command", ["begin", "complete", "check", "abandon", "deprovision"])
def test_nothing_is_overwritten_where_the_journals_key_was_deleted(
    world: World, command: str
) -> None:
    """A workflow can't open its journal, and says what to do."""
    world.in_workflow = True
    world.link()
    world.delete("secrets", KEY)
    before = dict(world.repository.variables)
    with fails("journal-key-missing", Exit.INPUT) as caught:
        world.run(command)
    assert Set("journal-key") in caught.value.next
    assert f"delete the variable {JOURNAL}," in said(caught.value)
    assert dict(world.repository.variables) == before
    world.delete("variables", JOURNAL)
    world.provision()
    assert is_done(world)


def test_begin_after_the_journal_was_deleted_tells_of_the_secret_that_is_there(
    world: World,
) -> None:
    world.provision()
    world.delete("variables", JOURNAL)
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        world.check()
    assert runs(caught.value.next) == ["begin"]
    world.begin()
    warning, of_key = world.warned
    assert KEY in of_key
    assert SECRET in warning


def test_deprovision_tells_of_the_secret_where_the_journal_was_deleted(world: World) -> None:
    """A token that nobody knows of is not passed over in silence."""
    world.provision()
    world.delete("variables", JOURNAL)
    report = world.deprovision()
    assert any(SECRET in item.text for item in report.items)
    assert [world.stored()] == world.live()


@pytest.mark.parametrize("before", ["begin", "complete"])
def test_secret_that_is_deleted_during_a_rotation_is_written_anew(
    world: World, before: str
) -> None:
    """The token that stood there is replaced as any other."""
    world.provision()
    link = "" if before == "begin" else world.link()
    world.delete("secrets", SECRET)
    world.complete(world.approve(link or world.link()), grace="0")
    assert is_done(world)
