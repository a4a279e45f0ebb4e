"""register: an application alone, kept in a secret and a variable."""

import pytest

from provisioner.report import Exit, Run
from tests.stage import ORIGIN, STRINGS, Fault, Stage
from tests.told import fails, said, steps


def test_client_secret_is_kept_in_a_secret_and_client_id_in_a_variable(stage: Stage) -> None:
    report = stage.register()
    (application,) = stage.instance.applications
    assert stage.strings() == (application.client_id, application.client_secret)
    assert report.status == "registered"
    assert report.facts["written"] == ["MASTODON_CLIENT_SECRET", "MASTODON_CLIENT_ID"]
    assert list(stage.repository.secrets) == ["MASTODON_CLIENT_SECRET"]
    assert list(stage.repository.variables) == ["MASTODON_CLIENT_ID"]


def test_application_is_registered_as_begin_does(stage: Stage) -> None:
    """With the same scopes, and under the account's name."""
    report = stage.register()
    stage.begin()
    ours, begun = stage.instance.applications
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
    stage: Stage, scopes: str
) -> None:
    """It is taken by begin and complete, which register nothing anew."""
    assert stage.register().outputs["scopes"] == scopes
    (application,) = stage.instance.applications
    client_id, client_secret = stage.strings()
    assert client_id == application.client_id
    assert client_secret == application.client_secret
    stage.provision(client_id=client_id, client_secret=client_secret)
    assert stage.live() == [stage.stored()]
    assert stage.instance.applications == [application]


def test_names_can_be_chosen(stage: Stage) -> None:
    stage.register(secrets="TOOT_SECRET=client_secret", variables="TOOT_ID=client_id")
    (application,) = stage.instance.applications
    assert stage.stored("TOOT_SECRET") == application.client_secret
    assert stage.repository.variables == {"TOOT_ID": application.client_id}


def test_what_is_given_no_name_is_kept_under_its_usual_one(stage: Stage) -> None:
    stage.register(secrets="TOOT_SECRET=client_secret")
    (application,) = stage.instance.applications
    assert stage.stored("TOOT_SECRET") == application.client_secret
    assert stage.repository.variables == {"MASTODON_CLIENT_ID": application.client_id}


def test_both_can_be_kept_in_secrets(stage: Stage) -> None:
    stage.register(secrets="A=client_id\nB=client_secret")
    (application,) = stage.instance.applications
    assert stage.stored("A") == application.client_id
    assert stage.stored("B") == application.client_secret
    assert stage.repository.variables == {}


@pytest.mark.parametrize(
    "secrets",
    [
        "A=access_token",
        "A=client_id\nB=client_secret\nC=access_token",
        "A=client_secret\nB=client_secret",
    ],
)
def test_fields_that_an_application_has_not_are_refused(stage: Stage, secrets: str) -> None:
    with fails("bad-strings", Exit.INPUT):
        stage.register(secrets=secrets)
    assert stage.wire.log == []


@pytest.mark.parametrize(
    "names",
    [
        {"secrets": "MASTODON_JOURNAL_KEY=client_secret"},
        {"variables": "MASTODON_JOURNAL=client_id"},
    ],
    ids=["key", "journal"],
)
def test_names_of_the_journal_are_refused(stage: Stage, names: dict[str, str]) -> None:
    """A begin would find something else there than a journal, or its key."""
    with fails("reserved-name", Exit.INPUT):
        stage.register(**names)
    assert stage.wire.log == []


@pytest.mark.parametrize(
    ("taken", "kind", "gone"),
    [
        ("MASTODON_CLIENT_SECRET", "variables", "MASTODON_CLIENT_ID"),
        ("MASTODON_CLIENT_ID", "secrets", "MASTODON_CLIENT_SECRET"),
    ],
    ids=["secret", "id"],
)
def test_names_that_are_taken_are_refused_before_anything_is_registered(
    stage: Stage, taken: str, kind: str, gone: str
) -> None:
    """What is there may be in use, and a secret nobody could bring back."""
    stage.register()
    stage.delete(kind, gone)
    former = stage.strings()
    with fails("name-taken", Exit.INPUT) as caught:
        stage.register()
    assert taken in said(caught.value)
    assert gone not in said(caught.value)
    assert stage.strings() == former
    assert len(stage.instance.applications) == 1


def test_all_names_that_are_taken_are_told_at_once(stage: Stage) -> None:
    stage.register()
    with fails("name-taken", Exit.INPUT) as caught:
        stage.register()
    for name in STRINGS:
        assert name in said(caught.value)


def test_github_token_that_may_not_see_secrets_is_noticed_before_anything_is_registered(
    stage: Stage,
) -> None:
    stage.token = stage.github.add_token(permissions={"metadata": "read"})
    with fails("github-permission", Exit.ACTION_REQUIRED):
        stage.register()
    assert stage.instance.applications == []


def test_write_that_fails_says_what_to_delete_before_it_is_run_again(stage: Stage) -> None:
    """Half of it is kept."""
    stage.wire.faults = [Fault("500", method="POST", path="actions/variables", times=99)]
    with fails("github-unwell", Exit.ACTION_REQUIRED) as caught:
        stage.register()
    for name in STRINGS:
        assert name in steps(caught.value.next)
    assert Run("register") in caught.value.next
    stage.wire.faults = []
    with fails("name-taken", Exit.INPUT) as caught:
        stage.register()
    assert "MASTODON_CLIENT_SECRET" in said(caught.value)
    stage.delete("secrets", "MASTODON_CLIENT_SECRET")
    stage.register()
    application = stage.instance.applications[-1]
    assert stage.strings() == (application.client_id, application.client_secret)


def test_revealed_application_needs_no_github(stage: Stage) -> None:
    report = stage.register(account="", instance=ORIGIN, app_name="howdy", reveal="true")
    (application,) = stage.instance.applications
    assert report.revealed["Client id"].reveal() == application.client_id
    assert report.revealed["Client secret"].reveal() == application.client_secret
    assert not [line for line in stage.wire.log if "/repos" in line]
    assert stage.repository.secrets == {}


def test_name_of_the_application_is_asked_for_where_no_account_gives_one(stage: Stage) -> None:
    with fails("no-app-name", Exit.INPUT):
        stage.register(account="", instance=ORIGIN, reveal="true")
    assert stage.wire.log == []
