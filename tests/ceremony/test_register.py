"""register: an application alone, kept in a secret and a variable."""

import pytest

from provisioner.ceremony.register import parse_order, register
from provisioner.errors import Exit
from provisioner.inputs import parse_question
from tests.stage import ORIGIN, STRINGS, Fault, Stage
from tests.told import fails, said


def test_both_strings_are_kept(stage: Stage) -> None:
    """The client secret as a secret, the client id as a variable, and nothing else is written."""
    stage.register()
    (application,) = stage.instance.applications
    assert stage.strings() == (application.client_id, application.client_secret)
    assert (len(stage.repository.secrets), len(stage.repository.variables)) == (1, 1)


def test_it_is_registered_as_begin_does(stage: Stage) -> None:
    """With the same scopes, and under the account's name."""
    outcome = stage.register()
    stage.begin()
    ours, begun = stage.instance.applications
    assert (ours.name, ours.scopes) == (begun.name, begun.scopes)
    assert (outcome.instance, outcome.scopes) == (ORIGIN, ours.scopes)


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
def test_each_server_in_its_own_words(stage: Stage, scopes: str) -> None:
    """Scopes are negotiated; what is kept is what the server made, and it serves there."""
    assert " ".join(stage.register().scopes) == scopes
    (application,) = stage.instance.applications
    client_id, client_secret = stage.strings()
    assert (client_id, client_secret) == (application.client_id, application.client_secret)
    stage.provision(client_id=client_id, client_secret=client_secret)
    assert (stage.live(), len(stage.instance.applications)) == ([stage.stored()], 1)


def test_the_strings_serve_as_an_application_of_ones_own(stage: Stage) -> None:
    """What register kept, begin and complete take, and register nothing anew."""
    stage.register()
    client_id, client_secret = stage.strings()
    stage.provision(client_id=client_id, client_secret=client_secret)
    assert (stage.live(), len(stage.instance.applications)) == ([stage.stored()], 1)


def test_names_of_ones_own(stage: Stage) -> None:
    """The names can be chosen."""
    stage.register(secrets="TOOT_SECRET=client_secret", variables="TOOT_ID=client_id")
    (application,) = stage.instance.applications
    assert stage.stored("TOOT_SECRET") == application.client_secret
    assert stage.repository.variables == {"TOOT_ID": application.client_id}


def test_one_name_of_ones_own(stage: Stage) -> None:
    """What is not given a name is kept under its usual one."""
    stage.register(secrets="TOOT_SECRET=client_secret")
    (application,) = stage.instance.applications
    assert stage.stored("TOOT_SECRET") == application.client_secret
    assert stage.repository.variables == {"MASTODON_CLIENT_ID": application.client_id}


def test_both_as_secrets(stage: Stage) -> None:
    """Who wants to keep the client id as a secret can."""
    stage.register(secrets="A=client_id\nB=client_secret")
    (application,) = stage.instance.applications
    assert (stage.stored("A"), stage.stored("B")) == (
        application.client_id,
        application.client_secret,
    )
    assert stage.repository.variables == {}


@pytest.mark.parametrize(
    "secrets",
    [
        "A=access_token",
        "A=client_id\nB=client_secret\nC=access_token",
        "A=client_secret\nB=client_secret",
    ],
)
def test_other_fields_are_refused(stage: Stage, secrets: str) -> None:
    """An application has these two strings and no token."""
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
def test_the_journal_s_names_are_refused(stage: Stage, names: dict[str, str]) -> None:
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
def test_nothing_is_overwritten(stage: Stage, taken: str, kind: str, gone: str) -> None:
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


def test_a_token_that_may_not_see_secrets(stage: Stage) -> None:
    """A GitHub token that can't is noticed before anything is registered."""
    stage.token = stage.github.add_token(permissions={"metadata": "read"})
    with fails("github-permission", Exit.PERSON):
        stage.register()
    assert stage.instance.applications == []


def test_a_write_that_fails(stage: Stage) -> None:
    """Half of it is kept: running it again is of no use, before a person deletes what is said."""
    stage.wire.faults = [Fault("500", method="PUT", path="MASTODON_CLIENT_SECRET", times=99)]
    with fails("github-unwell", Exit.PERSON) as caught:
        stage.register()
    for name in STRINGS:
        assert name in caught.value.todo
    stage.wire.faults = []
    with fails("name-taken", Exit.INPUT) as caught:
        stage.register()
    assert "MASTODON_CLIENT_ID" in said(caught.value)
    stage.delete("variables", "MASTODON_CLIENT_ID")
    stage.register()
    application = stage.instance.applications[-1]
    assert stage.strings() == (application.client_id, application.client_secret)


def test_without_github(stage: Stage) -> None:
    """To show the strings, GitHub is not asked for anything."""
    desk = stage.desk()
    order = parse_order(parse_question("", ORIGIN, ""), "howdy", "", "")
    application, _ = register(desk.http, stage, order)
    assert application.client_id == stage.instance.applications[0].client_id
    assert [path for path in stage.wire.log if path.startswith("GET /repos")] == []


def test_a_name_is_needed(stage: Stage) -> None:
    """Without an account there is no name for the application: it is asked for."""
    with fails("no-app-name", Exit.INPUT):
        parse_order(parse_question("", ORIGIN, ""), "", "", "")
    assert stage.wire.log == []
