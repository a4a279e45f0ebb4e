"""What changes under a run's feet: the GitHub token, the repository, the instance, what was stored.

Each time nothing is lost, the error says what to do, and whoever does that gets to the end.
"""

import json

import pytest

from provisioner.errors import Exit, PersonNeededError
from provisioner.github_errors import FORM_FOR_NEW_TOKENS
from provisioner.outcomes import Checked, Ended, Provisioned
from provisioner.sandbox import Request, Response
from tests.contract.github_description import Description
from tests.stage import NAME, ORIGIN, Stage
from tests.told import fails, found, said, says_no_code_is_needed

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


def test_expired_at_the_staging_write(stage: Stage) -> None:
    """The token is in the one window: the link brings it back, and both runs say so."""
    code = stage.approve(stage.link())
    expire_at(stage, "PATCH", JOURNAL, turn=2)  # the first one writes the attempt
    with fails("github-token-refused", Exit.PERSON) as caught:
        stage.complete(code)
    assert caught.value.link == FORM_FOR_NEW_TOKENS
    assert "link" in caught.value.todo  # the instance's: it gives another code
    assert not says_no_code_is_needed(caught.value)
    [lost] = stage.live()
    renew(stage)
    with fails("code-refused", Exit.PERSON) as caught:
        stage.complete(code)
    stage.complete(stage.approve(caught.value.link))
    assert stage.stored() == lost
    assert is_done(stage)


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", f"secrets/{SECRET}"), ("PATCH", "variables/MASTODON_BASE_URL")]
)
def test_expired_at_a_publishing_write(stage: Stage, method: str, path: str) -> None:
    """The token is staged: with another token for GitHub no code is needed."""
    code = stage.approve(stage.link())
    expire_at(stage, method, path)
    with fails("github-token-refused", Exit.PERSON) as caught:
        stage.complete(code)
    assert says_no_code_is_needed(caught.value)
    renew(stage)
    stage.complete()
    assert is_done(stage)


def test_expired_before_the_exchange(stage: Stage) -> None:
    """At the write of the attempt: the code is still good."""
    code = stage.approve(stage.link())
    expire_at(stage, "PATCH", JOURNAL)
    with fails("github-token-refused", Exit.PERSON) as caught:
        stage.complete(code)
    assert not says_no_code_is_needed(caught.value)
    renew(stage)
    stage.complete(code)
    assert is_done(stage)


# The repository gets another name.


@pytest.mark.parametrize("name", ["octocat/robot", "hubot/mybot"], ids=["renamed", "transferred"])
def test_the_repository_is_followed(stage: Stage, name: str) -> None:
    """Between begin and complete: it is the same one, and is spoken of by its new name."""
    code = stage.approve(stage.link())
    stage.github.rename(NAME, name)
    outcome = stage.complete(code)
    assert is_done(stage, name)
    assert isinstance(outcome, Provisioned)
    assert outcome.repository == name


def test_another_repository_under_the_old_name(stage: Stage) -> None:
    """It holds no journal: nothing is written there, and the code stays good for the right one."""
    code = stage.approve(stage.link())
    stage.github.rename(NAME, "octocat/robot")
    other = stage.github.add_repository(NAME)
    with fails("nothing-pending", Exit.PERSON):
        stage.complete(code)
    assert (dict(other.secrets), other.variables) == ({}, {})
    stage.complete(code, repository="octocat/robot")
    assert is_done(stage, "octocat/robot")


def test_another_repository_with_the_old_ones_variables(stage: Stage) -> None:
    """A journal knows its repository's number, whatever the name."""
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


def test_moved_before_the_exchange(stage: Stage) -> None:
    """The code goes nowhere else; should the instance come back, the link still serves."""
    code = stage.approve(stage.link())
    moved = Moved(stage)
    with fails("exchange-unclear", Exit.PERSON) as caught:
        stage.complete(code)
    assert "HTTP 307" in said(caught.value)
    assert "abandon" in said(caught.value)
    assert moved.asked == []
    moved.back()
    stage.complete(stage.approve(caught.value.link))
    assert is_done(stage)


def test_moved_for_good(stage: Stage) -> None:
    """Who does what the error says begins at the new address."""
    code = stage.approve(stage.link())
    moved = Moved(stage)
    with fails("exchange-unclear", Exit.PERSON):
        stage.complete(code)
    stage.abandon()
    stage.instance.origin = "https://moved.example"
    stage.provision(instance="https://moved.example")
    assert is_done(stage)
    assert not any(code in request for request in moved.asked)


def test_moved_before_a_rotation(stage: Stage) -> None:
    """The registration redirects: the token in use stays, and nothing is sent along."""
    stage.provision()
    moved = Moved(stage, "/api/v1/apps")
    with fails("instance-moved", Exit.INPUT):
        stage.begin()
    assert moved.asked == []
    assert is_done(stage)


def test_moved_before_the_token_is_verified(stage: Stage) -> None:
    """Whose it is can't be seen: it stays staged, and the other host never sees it."""
    code = stage.approve(stage.link())
    moved = Moved(stage, "/api/v1/accounts/verify_credentials")
    with fails("unverified", Exit.HALF_WAY):
        stage.complete(code)
    assert moved.asked == []
    moved.back()
    stage.complete()
    assert is_done(stage)


def test_metadata_that_names_another_host_meanwhile(stage: Stage) -> None:
    """A link that was shown is completed where it was begun; for another one it is refused."""
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


def checked_after_a_rotation(stage: Stage) -> Checked:
    """A check when the grace of a rotation is over."""
    stage.time += DAY
    outcome = stage.check()
    assert isinstance(outcome, Checked)
    return outcome


# The instance is upgraded, or its metadata is gone.


def old_mastodon() -> Stage:
    """A stage with Mastodon 4.2."""
    return Stage(Description.load(), "mastodon-4.2")


def test_upgraded_before_the_approval() -> None:
    """The link that the old version gave serves at the new one, with its challenge."""
    stage = old_mastodon()
    link = stage.link()
    stage.instance.become("mastodon-4.7")
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_upgraded_before_the_exchange() -> None:
    """The old version kept no challenge, and the new one refuses the verifier: the same link again
    gives a code that works.
    """
    stage = old_mastodon()
    link = stage.link()
    code = stage.approve(link)
    stage.instance.become("mastodon-4.7")
    with pytest.raises(PersonNeededError) as caught:
        stage.complete(code)
    assert caught.value.link == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_upgraded_before_a_rotation() -> None:
    """A rotation asks for what the new version knows, and revokes what the old one issued."""
    stage = old_mastodon()
    stage.provision()
    stage.instance.become("mastodon-4.7")
    stage.provision(grace="0")
    assert stage.journal().current.scopes[0] == "profile"  # type: ignore[union-attr]
    assert stage.live() == [stage.stored()]


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/api/v1/instance"])
def test_what_it_told_is_gone(stage: Stage, path: str) -> None:
    """The journal knows the endpoints: complete and check ask for nothing of it again."""
    code = stage.approve(stage.link())

    def silent(request: Request) -> Response:
        return Response(404) if request.path == path else stage.instance(request)

    stage.wire.hosts["social.example"] = silent
    stage.complete(code)
    checked = stage.check()
    assert isinstance(checked, Checked)
    assert checked.status == "healthy"


def test_an_old_application_that_took_its_token_along(stage: Stage) -> None:
    """Mastodon deletes both together: the token is seen dead, and nobody is called."""
    stage.provision()
    stage.provision()
    stage.instance.delete_application(stage.instance.applications[0].client_id)
    assert checked_after_a_rotation(stage).status == "healthy"
    assert stage.journal().superseded == ()


def test_an_old_application_that_is_unknown_while_its_token_lives(stage: Stage) -> None:
    """No program can revoke that: a person is told where to."""
    stage.provision()
    stage.provision()
    refusal = json.dumps({"error": "invalid_client"}).encode()

    def forgetful(request: Request) -> Response:
        return Response(401, (), refusal) if "revoke" in request.path else stage.instance(request)

    stage.wire.hosts["social.example"] = forgetful
    [finding] = [one for one in checked_after_a_rotation(stage).findings if one.verdict == "bad"]
    assert f"{ORIGIN}/oauth/authorized_applications" in found(finding)
    assert len(stage.journal().superseded) == 1


# Something is deleted by hand.


def test_the_journal_is_deleted_before_complete(stage: Stage) -> None:
    """The code is not spent on an application that nobody knows; begin makes a new one."""
    code = stage.approve(stage.link())
    stage.delete("variables", JOURNAL)
    with fails("nothing-pending", Exit.PERSON) as caught:
        stage.complete(code)
    assert "begin" in caught.value.todo
    stage.provision()
    assert is_done(stage)


@pytest.mark.parametrize("verb", ["begin", "complete", "check", "abandon", "deprovision"])
def test_the_key_is_deleted(stage: Stage, verb: str) -> None:
    """A workflow can't open its journal: it says so, and overwrites nothing."""
    stage.in_workflow = True
    stage.link()
    stage.delete("secrets", KEY)
    before = dict(stage.repository.variables)
    with fails("journal-key-missing", Exit.INPUT) as caught:
        getattr(stage, verb)()
    assert f"${{{{ secrets.{KEY} }}}}" in caught.value.todo
    assert f"variable {JOURNAL} " in caught.value.todo
    assert dict(stage.repository.variables) == before
    stage.delete("variables", JOURNAL)
    stage.provision()
    assert is_done(stage)


def test_the_journal_is_deleted_before_check(stage: Stage) -> None:
    """Nothing is known of the token: a person is to begin, who is told of the one that is there."""
    stage.provision()
    stage.delete("variables", JOURNAL)
    with fails("nothing-provisioned", Exit.PERSON) as caught:
        stage.check()
    assert "begin" in caught.value.todo
    stage.begin()
    (warning,) = stage.warned
    assert SECRET in warning


def test_the_journal_is_deleted_before_deprovision(stage: Stage) -> None:
    """A token that nobody knows of is not passed over in silence."""
    stage.provision()
    stage.delete("variables", JOURNAL)
    outcome = stage.deprovision()
    assert isinstance(outcome, Ended)
    assert any(SECRET in note for note in outcome.notes)
    assert [stage.stored()] == stage.live()


@pytest.mark.parametrize("verb", ["begin", "complete"])
def test_the_secret_is_deleted_during_a_rotation(stage: Stage, verb: str) -> None:
    """It is written anew, and the token that stood there is replaced as any other."""
    stage.provision()
    link = "" if verb == "begin" else stage.link()
    stage.delete("secrets", SECRET)
    stage.complete(stage.approve(link or stage.link()), grace="0")
    assert is_done(stage)
