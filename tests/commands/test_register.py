"""register: an application alone, kept in a secret and a variable."""

import pytest

from provisioner.report import Exit, Run, Set
from tests.support.told import fails, pages, said, steps
from tests.support.world import ORIGIN, STRINGS, Fault, World


@pytest.mark.parametrize("personality", ["mastodon-4.7", "pixelfed"])
def test_application_is_kept_under_the_account_s_name_and_serves_begin_and_complete(
    world: World, personality: str
) -> None:
    """They register nothing anew; its scopes are the server's own, as those of begin."""
    report = world.register()
    (application,) = world.instance.applications
    assert application.name == "mybot"
    assert world.strings() == (application.client_id, application.client_secret)
    post = "profile write:statuses write:media"
    scopes = "read write" if personality == "pixelfed" else post
    assert report.status == "registered"
    assert report.facts["written"] == ["MASTODON_CLIENT_SECRET", "MASTODON_CLIENT_ID"]
    assert report.outputs == {"instance": ORIGIN, "scopes": scopes}
    assert f"scopes: {scopes}" in report.snippet
    assert "client-id: ${{ vars.MASTODON_CLIENT_ID }}" in report.snippet
    assert world.explained
    assert len(world.warned) == (personality == "pixelfed")  # of the broader scopes
    world.provision(client_id=application.client_id, client_secret=application.client_secret)
    assert world.live() == [world.stored()]
    assert world.instance.applications == [application]


def test_names_can_be_chosen(world: World) -> None:
    world.register(secrets="A=client_secret", variables="B=client_id")
    (application,) = world.instance.applications
    assert world.repository.variables == {"B": application.client_id}
    assert world.stored("A") == application.client_secret


@pytest.mark.parametrize("gone", ["", *STRINGS])
def test_names_that_are_taken_are_all_told_before_anything_is_registered(
    world: World, gone: str
) -> None:
    """What is there may be in use, and a secret nobody could bring back."""
    world.register()
    if gone:
        world.delete("secrets" if gone in world.repository.secrets else "variables", gone)
    world.repository.variables.update(dict.fromkeys(world.repository.variables, ""))
    former, since = world.strings(), len(world.wire.log)
    with fails("name-taken", Exit.INPUT) as caught:
        world.register()
    for name in STRINGS:
        assert (name in said(caught.value)) == (name != gone)
    assert world.strings() == former
    assert all("/repos/" in line for line in world.requests(since))


def test_write_that_fails_says_what_to_delete_before_it_is_run_again(world: World) -> None:
    """Half of it is kept."""
    world.wire.faults = [Fault("500", method="POST", path="actions/variables", times=99)]
    with fails("github-unwell", Exit.ACTION_REQUIRED) as caught:
        world.register()
    for name in STRINGS:
        assert name in steps(caught.value.next)
    assert Run("register") in caught.value.next
    assert pages(caught.value.next) == ["https://www.githubstatus.com"]
    world.wire.faults = []
    world.delete("secrets", "MASTODON_CLIENT_SECRET")
    world.register()
    application = world.instance.applications[-1]
    assert world.strings() == (application.client_id, application.client_secret)


def test_revealed_application_needs_no_github(world: World) -> None:
    report = world.register(account="", instance=ORIGIN, app_name="howdy", reveal="true")
    (application,) = world.instance.applications
    assert report.revealed["Client id"].reveal() == application.client_id
    assert report.revealed["Client secret"].reveal() == application.client_secret
    assert not [line for line in world.wire.log if "/repos" in line]
    begin = report.next[-1]
    assert isinstance(begin, Run)
    assert begin.options == (
        Set("client-id", application.client_id),
        Set("instance", ORIGIN),
        Set("scopes", " ".join(application.scopes)),
    )
    assert report.outputs == {"instance": ORIGIN, "scopes": " ".join(application.scopes)}
