"""What changes under a run's feet: the GitHub token, the repository, the instance, what was stored.

Each time nothing is lost, the error says what to do, and whoever does that gets to the end.
"""

import json

import pytest

from provisioner.errors import ActionRequiredError
from provisioner.report import Exit, Report, Set
from provisioner.sandbox import Request, Response
from tests.contract.github_description import Description
from tests.servers.behaviour import Mastodon47
from tests.stage import NAME, ORIGIN, Stage
from tests.told import fails, in_words, pages, runs, said, says_no_code_is_needed

JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
SECRET = "MASTODON_ACCESS_TOKEN"
DAY = 86400.0


def is_done(stage: Stage, name: str = NAME) -> bool:
    """Whether exactly one token lives, in the secret and in a journal without anything pending."""
    return [stage.github.queue(name).secret(SECRET)] == stage.live() and not stage.leaks()


# The GitHub token expires.


def expire_at(stage: Stage, method: str, path: str, turn: int = 1) -> None:
    """From the `turn`-th such request on, GitHub does not know the token any more."""
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        if request.method == method and path in request.path:
            seen.append(request)
            if len(seen) == turn:
                stage.github.remove_token(stage.token)
        return stage.github(request)

    stage.wire.hosts["api.github.test"] = handler


def renew(stage: Stage) -> None:
    """The person makes another token."""
    stage.wire.hosts["api.github.test"] = stage.github
    stage.token = stage.github.add_token()


def test_github_token_that_expires_at_the_staging_write_loses_nothing(stage: Stage) -> None:
    """The new token is in the one window: the link brings it back, and both runs say so (I3)."""
    link = stage.link()
    code = stage.approve(link)
    expire_at(stage, "PATCH", JOURNAL, turn=2)  # the first one writes the attempt
    with fails("github-token-refused", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert link in pages(caught.value.next)  # it gives another code
    assert not says_no_code_is_needed(caught.value)
    [lost] = stage.live()
    renew(stage)
    with fails("code-refused", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    stage.complete(stage.approve(caught.value.link))
    assert stage.stored() == lost
    assert is_done(stage)


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", f"secrets/{SECRET}"), ("POST", "actions/variables")]
)
def test_no_code_is_needed_where_the_github_token_expires_at_a_later_write(
    stage: Stage, method: str, path: str
) -> None:
    code = stage.approve(stage.link())
    expire_at(stage, method, path)
    with fails("github-token-refused", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert says_no_code_is_needed(caught.value)
    renew(stage)
    stage.complete()
    assert is_done(stage)


def test_code_is_still_good_where_the_github_token_expires_at_the_attempt(stage: Stage) -> None:
    """It is spent last (I6)."""
    code = stage.approve(stage.link())
    expire_at(stage, "PATCH", JOURNAL)
    with fails("github-token-refused", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert not says_no_code_is_needed(caught.value)
    renew(stage)
    stage.complete(code)
    assert is_done(stage)


# The repository gets another name.


@pytest.mark.parametrize("name", ["octocat/robot", "hubot/mybot"], ids=["renamed", "transferred"])
def test_renamed_repository_is_followed_and_called_by_its_new_name(stage: Stage, name: str) -> None:
    code = stage.approve(stage.link())
    stage.github.rename(NAME, name)
    report = stage.complete(code)
    assert is_done(stage, name)
    assert name in report.headline


def test_nothing_is_written_to_another_repository_of_the_old_name(stage: Stage) -> None:
    """It holds no journal, and the code stays good for the right one."""
    code = stage.approve(stage.link())
    stage.github.rename(NAME, "octocat/robot")
    other = stage.github.add_repository(NAME)
    with fails("nothing-pending", Exit.ACTION_REQUIRED):
        stage.complete(code)
    assert other.secrets == {}
    assert other.variables == {}
    stage.complete(code, repository="octocat/robot")
    assert is_done(stage, "octocat/robot")


def test_journal_knows_its_repositorys_number_whatever_the_name(stage: Stage) -> None:
    code = stage.approve(stage.link())
    stage.github.rename(NAME, "octocat/robot")
    moved = stage.github.repository("octocat/robot")
    stage.github.add_repository(NAME).variables.update(moved.variables)
    with fails("journal-foreign", Exit.INPUT):
        stage.complete(code)
    assert "POST /oauth/token" not in stage.wire.log


# The instance moves.


class Moved:
    """An instance that redirects everything, or its API, to another host, which records."""

    def __init__(self, stage: Stage, *paths: str) -> None:
        self.asked: list[str] = []
        self.stage = stage
        self.paths = paths
        stage.wire.hosts |= {"social.example": self._redirects, "moved.example": self._records}

    def _redirects(self, request: Request) -> Response:
        if self.paths and request.path not in self.paths:
            return self.stage.instance(request)
        return Response(307, (("Location", f"https://moved.example{request.path}"),))

    def _records(self, request: Request) -> Response:
        self.asked.append(f"{request.path}?{request.query} {request.headers} {request.body!r}")
        return self.stage.instance(request)

    def back(self) -> None:
        """It was a mistake."""
        self.stage.wire.hosts["social.example"] = self.stage.instance


def test_code_goes_to_no_other_host_where_the_instance_moved(stage: Stage) -> None:
    """Should the instance come back, the link still serves."""
    code = stage.approve(stage.link())
    moved = Moved(stage)
    with fails("exchange-unclear", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert "HTTP 307" in said(caught.value)
    assert "abandon" in said(caught.value)
    assert moved.asked == []
    moved.back()
    stage.complete(stage.approve(caught.value.link))
    assert is_done(stage)


def test_bot_of_an_instance_that_moved_for_good_begins_at_the_new_address(stage: Stage) -> None:
    code = stage.approve(stage.link())
    moved = Moved(stage)
    with fails("exchange-unclear", Exit.ACTION_REQUIRED):
        stage.complete(code)
    stage.abandon()
    stage.instance.origin = "https://moved.example"
    stage.provision(instance="https://moved.example")
    assert is_done(stage)
    assert not any(code in request for request in moved.asked)


def test_registration_that_redirects_sends_nothing_along(stage: Stage) -> None:
    """The token in use stays."""
    stage.provision()
    moved = Moved(stage, "/api/v1/apps")
    with fails("instance-moved", Exit.INPUT):
        stage.begin()
    assert moved.asked == []
    assert is_done(stage)


def test_token_stays_staged_and_unseen_where_verification_redirects(stage: Stage) -> None:
    code = stage.approve(stage.link())
    moved = Moved(stage, "/api/v1/accounts/verify_credentials")
    with fails("unverified", Exit.INCOMPLETE):
        stage.complete(code)
    assert moved.asked == []
    moved.back()
    stage.complete()
    assert is_done(stage)


def test_metadata_that_names_another_host_meanwhile_gets_no_code(stage: Stage) -> None:
    """A link that was shown is completed where it was begun; another one is refused."""
    code = stage.approve(stage.link())
    asked: list[Request] = []

    def mixed(request: Request) -> Response:
        answer = stage.instance(request)
        if request.path != "/.well-known/oauth-authorization-server":
            return answer
        fields = json.loads(answer.body) | {"token_endpoint": "https://evil.example/token"}
        return Response(200, answer.headers, json.dumps(fields).encode())

    def evil(request: Request) -> Response:
        asked.append(request)
        return Response(200)

    stage.wire.hosts |= {"social.example": mixed, "evil.example": evil}
    stage.complete(code)
    with fails("foreign-metadata", Exit.INPUT) as caught:
        stage.begin()
    assert "evil.example" in said(caught.value)
    assert asked == []
    assert is_done(stage)


# The old application is gone.


def checked_after_a_rotation(stage: Stage) -> Report:
    """A check when the grace of a rotation is over."""
    stage.time += DAY
    return stage.check()


# The instance is upgraded, or its metadata is gone.


def old_mastodon() -> Stage:
    """A stage with Mastodon 4.2."""
    return Stage(Description.load(), "mastodon-4.2")


def test_link_of_the_old_version_serves_at_the_new_one() -> None:
    stage = old_mastodon()
    link = stage.link()
    stage.instance.become(Mastodon47())
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_same_link_gives_a_code_that_works_after_an_upgrade() -> None:
    """The old version kept no challenge, and the new one refuses the verifier."""
    stage = old_mastodon()
    link = stage.link()
    code = stage.approve(link)
    stage.instance.become(Mastodon47())
    with pytest.raises(ActionRequiredError) as caught:
        stage.complete(code)
    assert caught.value.link == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_rotation_asks_for_what_the_new_version_knows() -> None:
    """It revokes what the old one issued."""
    stage = old_mastodon()
    stage.provision()
    stage.instance.become(Mastodon47())
    stage.provision(grace="0")
    assert stage.journal().current.scopes[0] == "profile"  # type: ignore[union-attr]
    assert stage.live() == [stage.stored()]


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/api/v1/instance"])
def test_complete_and_check_need_no_metadata(stage: Stage, path: str) -> None:
    """The journal knows the endpoints."""
    code = stage.approve(stage.link())

    def silent(request: Request) -> Response:
        return Response(404) if request.path == path else stage.instance(request)

    stage.wire.hosts["social.example"] = silent
    stage.complete(code)
    assert stage.check().status == "healthy"


def test_old_application_that_took_its_token_along_calls_nobody(stage: Stage) -> None:
    """Mastodon deletes both together: the token is seen dead."""
    stage.provision()
    stage.provision()
    stage.instance.delete_application(stage.instance.applications[0].client_id)
    assert checked_after_a_rotation(stage).status == "healthy"
    assert stage.journal().superseded == ()


def test_person_is_told_where_an_unknown_application_leaves_its_token_alive(stage: Stage) -> None:
    """No program can revoke that."""
    stage.provision()
    stage.provision()
    refusal = json.dumps({"error": "invalid_client"}).encode()

    def forgetful(request: Request) -> Response:
        return Response(401, (), refusal) if "revoke" in request.path else stage.instance(request)

    stage.wire.hosts["social.example"] = forgetful
    [found] = [one for one in checked_after_a_rotation(stage).items if one.verdict == "bad"]
    assert f"{ORIGIN}/oauth/authorized_applications" in in_words(found)
    assert len(stage.journal().superseded) == 1


# Something is deleted by hand.


def test_code_is_not_spent_where_the_journal_was_deleted(stage: Stage) -> None:
    """Nobody knows its application; begin makes a new one."""
    code = stage.approve(stage.link())
    stage.delete("variables", JOURNAL)
    with fails("nothing-pending", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert runs(caught.value.next) == ["begin"]
    assert "POST /oauth/token" not in stage.wire.log
    stage.provision()
    assert is_done(stage)


@pytest.mark.parametrize("command", ["begin", "complete", "check", "abandon", "deprovision"])
def test_nothing_is_overwritten_where_the_journals_key_was_deleted(
    stage: Stage, command: str
) -> None:
    """A workflow can't open its journal, and says what to do."""
    stage.in_workflow = True
    stage.link()
    stage.delete("secrets", KEY)
    before = dict(stage.repository.variables)
    with fails("journal-key-missing", Exit.INPUT) as caught:
        stage.run(command)
    assert Set("journal-key") in caught.value.next
    assert f"delete the variable {JOURNAL}," in said(caught.value)
    assert dict(stage.repository.variables) == before
    stage.delete("variables", JOURNAL)
    stage.provision()
    assert is_done(stage)


def test_begin_after_the_journal_was_deleted_tells_of_the_secret_that_is_there(
    stage: Stage,
) -> None:
    stage.provision()
    stage.delete("variables", JOURNAL)
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        stage.check()
    assert runs(caught.value.next) == ["begin"]
    stage.begin()
    warning, of_key = stage.warned
    assert KEY in of_key
    assert SECRET in warning


def test_deprovision_tells_of_the_secret_where_the_journal_was_deleted(stage: Stage) -> None:
    """A token that nobody knows of is not passed over in silence."""
    stage.provision()
    stage.delete("variables", JOURNAL)
    report = stage.deprovision()
    assert any(SECRET in item.text for item in report.items)
    assert [stage.stored()] == stage.live()


@pytest.mark.parametrize("before", ["begin", "complete"])
def test_secret_that_is_deleted_during_a_rotation_is_written_anew(
    stage: Stage, before: str
) -> None:
    """The token that stood there is replaced as any other."""
    stage.provision()
    link = "" if before == "begin" else stage.link()
    stage.delete("secrets", SECRET)
    stage.complete(stage.approve(link or stage.link()), grace="0")
    assert is_done(stage)
