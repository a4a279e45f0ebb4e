"""A single run: with an application that somebody made by hand."""

import pytest

from provisioner.commands.revocation import APPLICATION_STAYS
from provisioner.report import Exit, Report, Run
from provisioner.sandbox import RegisteredApplication, Request, Response
from provisioner.sandbox.web import json_response
from tests.support.acts import lose_answer
from tests.support.told import fails, said, says_application_stays, says_revoked
from tests.support.world import NAME, ORIGIN, START, World, own

PAGE = f"{ORIGIN}/oauth/authorized_applications"


def complete(world: World, application: RegisteredApplication, who: str = "mybot") -> Report:
    return world.complete(world.code_for(application, who), **own(application))


def test_one_run_stores_the_token_and_binds_the_journal(world: World) -> None:
    """A link with a misspelt account, that nobody approved, does not bind it."""
    application = world.hand_made()
    world.begin(account="mybto@social.example")
    complete(world, application)
    assert world.live() == [world.stored()]
    assert world.journal().account == "mybot@social.example"
    assert world.journal().origin == ORIGIN


def test_journal_is_looked_at_again_after_the_instance_was_looked_for(world: World) -> None:
    application = world.hand_made()
    world.begin(account="mybto@social.example")
    code, since = world.code_for(application), len(world.wire.log)
    world.complete(code, **own(application))
    journal = f"/repos/{NAME}/actions/variables/MASTODON_JOURNAL"
    attempt = world.wire.log.index(f"PATCH {journal}", since)
    assert world.wire.log[attempt - 1] == f"GET {journal}"


def test_first_run_of_all_looks_at_its_claim_before_the_attempt(world: World) -> None:
    """The key was written in between, and another run may have gone on with the claim."""
    application = world.hand_made()
    code, since = world.code_for(application), len(world.wire.log)
    world.complete(code, **own(application))
    actions = f"/repos/{NAME}/actions"
    claimed = world.wire.log.index(f"POST {actions}/variables", since)
    assert world.requests(claimed + 1)[:4] == [
        f"PUT {actions}/secrets/MASTODON_JOURNAL_KEY",
        f"GET {actions}/variables/MASTODON_JOURNAL",
        f"PATCH {actions}/variables/MASTODON_JOURNAL",
        "POST /oauth/token",
    ]


def test_journal_of_another_account_is_not_taken_over(bot: World) -> None:
    application = bot.hand_made()
    code = bot.code_for(application, "alice")
    with fails("journal-other-account", Exit.INPUT):
        bot.complete(code, account="alice@social.example", **own(application))
    assert bot.journal().account == "mybot@social.example"


def test_same_token_again_is_no_rotation_and_gets_no_younger(world: World) -> None:
    """Mastodon gives the same application the same token: that is said, and it gets no younger."""
    application = world.hand_made()
    complete(world, application)
    world.time += 3600
    outcome = world.provision(grace="0", **own(application))
    assert outcome.status == "provisioned"
    assert outcome.facts["old-tokens"] == []
    assert outcome.facts["same-since"] == "2027-01-15T08:00:00Z"
    assert world.live() == [world.stored()]
    assert world.journal().superseded == ()
    (item,) = outcome.items
    assert "15 January 2027, 08:00 UTC" in item.text
    assert Run("begin", rotate=True) in item.next
    assert world.current.issued_at == START


def test_token_of_an_own_application_is_not_revoked(world: World) -> None:
    """Another account's token is not stored, but lives on: who can remove it is told where."""
    application = world.hand_made()
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        complete(world, application, "alice")
    assert "alice@social.example" in said(caught.value)
    assert PAGE in said(caught.value)
    assert not says_revoked(caught.value)
    assert len(world.live()) == 1
    assert "MASTODON_ACCESS_TOKEN" not in world.repository.secrets


@pytest.mark.parametrize("personality", ["gotosocial"])
def test_nobody_is_told_to_remove_the_application_that_the_token_in_use_belongs_to(
    world: World,
) -> None:
    """Where one's own application gets another token each time, it would end the bot's too."""
    application = world.hand_made()
    raw = own(application)
    complete(world, application)
    lose_answer(world, world.approve(world.link(**raw)), **raw)
    world.shown.clear()
    link = world.link(**raw)
    assert APPLICATION_STAYS in "".join(world.warned)
    lost, replaced = world.complete(world.approve(link), grace="0", **raw).items
    for note in (lost, replaced):
        assert says_application_stays(note)
    assert len(world.live()) == 3
    [kept] = world.deprovision().items
    assert not says_application_stays(kept)  # now there is no bot that it would end


@pytest.mark.parametrize("personality", ["gotosocial"])
def test_application_of_a_lost_exchange_stays_where_it_issued_the_next_token(world: World) -> None:
    lose_answer(world, world.approve(world.link()))
    [lost] = world.provision().items
    assert says_application_stays(lost)


def test_unsettled_attempt_comes_before_an_own_application(world: World) -> None:
    application = world.hand_made()
    link = world.link()
    lose_answer(world, world.approve(link))
    with fails("attempt-unsettled", Exit.ACTION_REQUIRED) as caught:
        world.complete("code", **own(application))
    assert caught.value.link == link


def test_link_of_a_refused_single_run_has_no_challenge(world: World) -> None:
    """Challenge and verifier go together: Mastodon refuses either without the other."""
    application = world.hand_made()
    with fails("code-refused", Exit.ACTION_REQUIRED) as caught:
        world.complete("wrong", **own(application))
    assert "code_challenge" not in caught.value.link
    world.complete(world.approve(caught.value.link), **own(application))


def test_token_of_an_own_application_that_could_not_be_staged_lives_on(world: World) -> None:
    """GitHub refuses the journal: what may be in use elsewhere is not revoked."""
    application = world.hand_made()
    code = world.code_for(application)

    def refusing(request: Request) -> Response:
        if request.method in {"PATCH", "POST"} and world.instance.tokens:
            return json_response(403, {"message": "Resource not accessible by this token"})
        return world.github(request)

    world.wire.hosts["api.github.com"] = refusing
    with fails("github-permission", Exit.ACTION_REQUIRED):
        world.complete(code, **own(application))
    assert len(world.live()) == 1
