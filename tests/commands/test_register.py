"""register: an application alone, kept in a secret and a variable."""

import pytest

from provisioner.report import Exit, Run
from tests.support.told import fails, said, steps
from tests.support.world import ORIGIN, STRINGS, Fault, World


def test_client_secret_is_kept_in_a_secret_and_client_id_in_a_variable(world: World) -> None:
    report = world.register()
    (application,) = world.instance.applications
    assert world.strings() == (application.client_id, application.client_secret)
    assert report.status == "registered"
    assert report.facts["written"] == ["MASTODON_CLIENT_SECRET", "MASTODON_CLIENT_ID"]
    assert list(world.repository.secrets) == ["MASTODON_CLIENT_SECRET"]
    assert list(world.repository.variables) == ["MASTODON_CLIENT_ID"]


def test_application_is_registered_as_begin_does(world: World) -> None:
    """With the same scopes, and under the account's name."""
    report = world.register()
    world.begin()
    ours, begun = world.instance.applications
    assert ours.name == begun.name
    assert ours.scopes == begun.scopes
    assert report.outputs == {"instance": ORIGIN, "scopes": " ".join(ours.scopes)}


@pytest.mark.parametrize(
    ("personality", "scopes"),
    [
        ("mastodon-4.7", "profile write:statuses write:media"),
        ("mastodon-4.2", "read:accounts write:statuses write:media"),
        ("gotosocial", "read:accounts write:statuses write:media"),
        ("pleroma", "read:accounts write:statuses write:media"),
        ("pixelfed", "read write"),
        ("takahe", "read write:statuses write:media"),
    ],
)
def test_kept_application_serves_at_each_server_with_its_own_scopes(
    world: World, scopes: str
) -> None:
    """It is taken by begin and complete, which register nothing anew."""
    assert world.register().outputs["scopes"] == scopes
    (application,) = world.instance.applications
    client_id, client_secret = world.strings()
    assert client_id == application.client_id
    assert client_secret == application.client_secret
    world.provision(client_id=client_id, client_secret=client_secret)
    assert world.live() == [world.stored()]
    assert world.instance.applications == [application]


def test_names_can_be_chosen(world: World) -> None:
    world.register(secrets="TOOT_SECRET=client_secret", variables="TOOT_ID=client_id")
    (application,) = world.instance.applications
    assert world.stored("TOOT_SECRET") == application.client_secret
    assert world.repository.variables == {"TOOT_ID": application.client_id}


def test_what_is_given_no_name_is_kept_under_its_usual_one(world: World) -> None:
    world.register(secrets="TOOT_SECRET=client_secret")
    (application,) = world.instance.applications
    assert world.stored("TOOT_SECRET") == application.client_secret
    assert world.repository.variables == {"MASTODON_CLIENT_ID": application.client_id}


def test_both_can_be_kept_in_secrets(world: World) -> None:
    world.register(secrets="A=client_id\nB=client_secret")
    (application,) = world.instance.applications
    assert world.stored("A") == application.client_id
    assert world.stored("B") == application.client_secret
    assert world.repository.variables == {}


@pytest.mark.parametrize(
    "secrets",
    [
        "A=access_token",
        "A=client_id\nB=client_secret\nC=access_token",
        "A=client_secret\nB=client_secret",
    ],
)
def test_fields_that_an_application_has_not_are_refused(world: World, secrets: str) -> None:
    with fails("bad-strings", Exit.INPUT):
        world.register(secrets=secrets)
    assert world.wire.log == []


@pytest.mark.parametrize(
    "names",
    [
        {"secrets": "MASTODON_JOURNAL_KEY=client_secret"},
        {"variables": "MASTODON_JOURNAL=client_id"},
    ],
    ids=["key", "journal"],
)
def test_names_of_the_journal_are_refused(world: World, names: dict[str, str]) -> None:
    """A begin would find something else there than a journal, or its key."""
    with fails("reserved-name", Exit.INPUT):
        world.register(**names)
    assert world.wire.log == []


@pytest.mark.parametrize(
    ("taken", "kind", "gone"),
    [
        ("MASTODON_CLIENT_SECRET", "variables", "MASTODON_CLIENT_ID"),
        ("MASTODON_CLIENT_ID", "secrets", "MASTODON_CLIENT_SECRET"),
    ],
    ids=["secret", "id"],
)
def test_names_that_are_taken_are_refused_before_anything_is_registered(
    world: World, taken: str, kind: str, gone: str
) -> None:
    """What is there may be in use, and a secret nobody could bring back."""
    world.register()
    world.delete(kind, gone)
    former = world.strings()
    with fails("name-taken", Exit.INPUT) as caught:
        world.register()
    assert taken in said(caught.value)
    assert gone not in said(caught.value)
    assert world.strings() == former
    assert len(world.instance.applications) == 1


def test_all_names_that_are_taken_are_told_at_once(world: World) -> None:
    world.register()
    with fails("name-taken", Exit.INPUT) as caught:
        world.register()
    for name in STRINGS:
        assert name in said(caught.value)


def test_github_token_that_may_not_see_secrets_is_noticed_before_anything_is_registered(
    world: World,
) -> None:
    world.token = world.github.add_token(permissions={"metadata": "read"})
    with fails("github-permission", Exit.ACTION_REQUIRED):
        world.register()
    assert world.instance.applications == []


def test_write_that_fails_says_what_to_delete_before_it_is_run_again(world: World) -> None:
    """Half of it is kept."""
    world.wire.faults = [Fault("500", method="POST", path="actions/variables", times=99)]
    with fails("github-unwell", Exit.ACTION_REQUIRED) as caught:
        world.register()
    for name in STRINGS:
        assert name in steps(caught.value.next)
    assert Run("register") in caught.value.next
    world.wire.faults = []
    with fails("name-taken", Exit.INPUT) as caught:
        world.register()
    assert "MASTODON_CLIENT_SECRET" in said(caught.value)
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
    assert world.repository.secrets == {}


def test_name_of_the_application_is_asked_for_where_no_account_gives_one(world: World) -> None:
    with fails("no-app-name", Exit.INPUT):
        world.register(account="", instance=ORIGIN, reveal="true")
    assert world.wire.log == []
