"""doctor, and --verbose: what was chosen for an instance, and why."""

from collections.abc import Iterator

import pytest

from provisioner.sandbox import serve
from tests.program.program import run
from tests.program.site import SCOPES, Site
from tests.servers import Instance, make
from tests.unit.server import ScriptedServer, answer


@pytest.fixture
def instance(personality: str) -> Iterator[Instance]:
    """A served instance with a bot."""
    instance = make(personality)
    instance.add_account("mybot", "password")
    with serve(instance) as server:
        instance.origin = server.origin
        yield instance


def test_account_is_enough(instance: Instance) -> None:
    """Its instance is found, and each choice has a line."""
    found = run("doctor", "--account", instance.address("mybot"))
    assert (found.code, found.progress) == (0, "")
    for fact in instance.origin, "4.7.3", SCOPES:
        assert fact in found.output


def test_instance_is_enough_and_the_scopes_are_those_that_were_named(instance: Instance) -> None:
    found = run("doctor", "--instance", instance.origin, "--scopes", "full", "--json").outcome
    assert (found["status"], found["instance"]) == ("examined", instance.origin)
    assert found["choices"]["Scopes"].startswith("read write ")


@pytest.mark.parametrize("personality", ["pixelfed"])
def test_other_servers_have_facts_of_their_own(instance: Instance) -> None:
    """Pixelfed revokes nothing: its page where a person does so is named."""
    found = run("doctor", "--instance", instance.origin, "--json").outcome
    assert found["software"] == "Pixelfed 0.12.6"
    assert f"{instance.origin}/settings/applications" in found["choices"]["Revocation"]


def test_nothing_is_changed(instance: Instance) -> None:
    """Only what everybody may see is asked for."""
    asked: list[str] = []
    instance.observers.append(lambda request, _: asked.append(request.method))
    run("doctor", "--instance", instance.origin)
    assert set(asked) == {"GET"}
    assert instance.applications == []


def test_without_account_and_instance_nothing_is_asked() -> None:
    refused = run("doctor", "--json")
    assert (refused.code, refused.error) == (2, "nothing-asked")


def test_server_that_is_no_instance_is_refused() -> None:
    with ScriptedServer(answer(404)) as server:
        refused = run("doctor", "--instance", server.origin, "--json")
    assert (refused.code, refused.error) == (2, "not-mastodon")


@pytest.mark.parametrize("options", [(), ("--verbose",)], ids=["silent", "verbose"])
def test_begin_explains_its_choices_with_verbose_alone(
    site: Site, options: tuple[str, ...]
) -> None:
    done = site.run("begin", *options)
    assert done.code == 0
    assert ("PKCE: S256" in done.progress) is bool(options)
