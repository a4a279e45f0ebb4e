"""A single run: with an application that somebody made by hand."""

from contextlib import suppress

from provisioner.errors import Exit, PersonNeededError
from provisioner.outcomes import Provisioned
from provisioner.sandbox import RegisteredApplication, Request, Response
from provisioner.sandbox.web import json_response
from tests.stage import ORIGIN, START, Fault, Stage
from tests.told import fails, said, says_revoked

PAGE = f"{ORIGIN}/oauth/authorized_applications"


def strings(application: RegisteredApplication) -> dict[str, str]:
    """The inputs that name it."""
    return {"client_id": application.client_id, "client_secret": application.client_secret}


def test_one_run_does_it_all(stage: Stage) -> None:
    """Client id, client secret and code: the token is stored, without a begin."""
    application = stage.hand_made()
    stage.complete(stage.code_for(application), **strings(application))
    assert stage.live() == [stage.stored()]


def test_the_journal_is_the_accounts_that_it_was_for(stage: Stage) -> None:
    """A link for a misspelt account, never approved, does not bind the journal."""
    application = stage.hand_made()
    stage.begin(account="mybto@social.example")
    stage.complete(stage.code_for(application), **strings(application))
    assert stage.journal().account == "mybot@social.example"


def test_the_journal_is_the_instances_that_it_was_at(stage: Stage) -> None:
    """Afterwards no other one is taken for it."""
    application = stage.hand_made()
    stage.complete(stage.code_for(application), **strings(application))
    assert stage.journal().origin == ORIGIN


def test_the_same_token_again_is_no_rotation(stage: Stage) -> None:
    """Mastodon gives the same application the same token: that is said, and it gets no younger."""
    application = stage.hand_made()
    stage.complete(stage.code_for(application), **strings(application))
    stage.time += 3600
    outcome = stage.provision(grace="0", **strings(application))
    assert isinstance(outcome, Provisioned)
    assert (outcome.status, outcome.old_tokens) == ("provisioned", ())
    assert outcome.same_since == "2027-01-15T08:00:00Z"
    (note,) = outcome.notes
    assert outcome.same_since in note
    current = stage.journal().current
    assert current is not None
    assert current.issued_at == START


def test_a_hand_made_applications_token_is_never_revoked(stage: Stage) -> None:
    """Another account's token is not stored, but lives on: who can remove it is told where."""
    application = stage.hand_made()
    code = stage.code_for(application, "alice")
    with fails("wrong-account", Exit.PERSON) as caught:
        stage.complete(code, **strings(application))
    assert "alice@social.example" in said(caught.value)
    assert PAGE in said(caught.value)
    assert not says_revoked(caught.value)
    assert len(stage.live()) == 1
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_the_same_token_again_is_not_superseded(stage: Stage) -> None:
    """Mastodon gives the same application the same token: it must not be revoked one day."""
    application = stage.hand_made()
    for _ in range(2):
        stage.complete(stage.code_for(application), **strings(application))
    assert stage.live() == [stage.stored()]
    assert stage.journal().superseded == ()


def test_a_wrong_code_can_be_followed_by_the_right_one(stage: Stage) -> None:
    """The application stays, and needs a new code only."""
    application = stage.hand_made()
    with suppress(PersonNeededError):
        stage.complete("wrong", **strings(application))
    stage.complete(stage.code_for(application), **strings(application))
    assert stage.live() == [stage.stored()]


def test_begin_shows_a_link_for_a_hand_made_application(stage: Stage) -> None:
    """Nothing is registered, and complete uses the link's verifier."""
    application = stage.hand_made()
    before = len(stage.instance.applications)
    code = stage.approve(stage.link(**strings(application)))
    stage.complete(code, **strings(application))
    assert len(stage.instance.applications) == before
    assert stage.live() == [stage.stored()]


def test_half_an_application_is_refused(stage: Stage) -> None:
    """A client id without its secret is of no use."""
    with fails("bad-application", Exit.INPUT):
        stage.complete("code", client_id="abc")


def test_an_unsettled_attempt_is_not_forgotten(stage: Stage) -> None:
    """An application whose token may be alive is not replaced by one made by hand."""
    application = stage.hand_made()
    link = stage.link()
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    code = stage.approve(link)
    with suppress(PersonNeededError):
        stage.complete(code)
    with fails("attempt-unsettled", Exit.PERSON) as caught:
        stage.complete("code", **strings(application))
    assert caught.value.link == link


def test_the_link_of_a_refused_single_run_has_no_challenge(stage: Stage) -> None:
    """Challenge and verifier go together: Mastodon refuses either without the other."""
    application = stage.hand_made()
    with fails("code-refused", Exit.PERSON) as caught:
        stage.complete("wrong", **strings(application))
    assert "code_challenge" not in caught.value.link
    stage.complete(stage.approve(caught.value.link), **strings(application))


def test_a_token_that_could_not_be_staged_lives_on(stage: Stage) -> None:
    """GitHub refuses the journal: what may be in use elsewhere is not revoked."""
    application = stage.hand_made()
    code = stage.code_for(application)

    def refusing(request: Request) -> Response:
        if request.method in {"PATCH", "POST"} and stage.instance.tokens:
            return json_response(403, {"message": "Resource not accessible by this token"})
        return stage.github(request)

    stage.wire.hosts["api.github.test"] = refusing
    with fails("github-permission", Exit.PERSON):
        stage.complete(code, **strings(application))
    assert len(stage.live()) == 1
