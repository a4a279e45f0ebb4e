"""doctor, and --verbose: what was chosen for an instance, and why."""

import json
from collections.abc import Iterator

import pytest

from provisioner.sandbox import Instance, Sandbox, serve
from tests.cli.program import run


@pytest.fixture
def instance() -> Iterator[Instance]:
    """A served instance with a bot."""
    instance = Instance()
    instance.add_account("mybot", "password")
    with serve(instance) as server:
        instance.origin = server.origin
        yield instance


def test_an_account(instance: Instance) -> None:
    """An account is enough: its instance is found, and each choice has a line."""
    found = run("doctor", "--account", instance.address("mybot"))
    assert (found.code, found.progress) == (0, "")
    assert f"{instance.origin}, found by WebFinger" in found.output
    assert "Mastodon 4.7.3" in found.output
    assert "profile write:statuses write:media" in found.output


def test_an_instance(instance: Instance) -> None:
    """An instance will do; the scopes that are asked about are those that were named."""
    found = run("doctor", "--instance", instance.origin, "--scopes", "full", "--json")
    parts = json.loads(found.output)
    assert (parts["status"], parts["instance"]) == ("examined", instance.origin)
    assert parts["choices"]["Scopes"].startswith("read write (")


def test_another_server() -> None:
    """Of a server that is no Mastodon it says what is that one's own: Pixelfed revokes nothing."""
    instance = Instance(personality="pixelfed")
    with serve(instance) as server:
        instance.origin = server.origin
        found = run("doctor", "--instance", instance.origin, "--json")
    parts = json.loads(found.output)
    assert (found.code, parts["software"]) == (0, "Pixelfed 0.12.6")
    assert parts["choices"]["Revocation"].startswith("nothing to call, as known of Pixelfed")
    assert parts["choices"]["Revocation"].endswith(f" at {instance.origin}/settings/applications")


def test_nothing_is_changed(instance: Instance) -> None:
    """Only what everybody may see is asked for."""
    asked: list[str] = []
    instance.observers.append(lambda request, _: asked.append(request.method))
    run("doctor", "--instance", instance.origin)
    assert (set(asked), instance.applications) == ({"GET"}, [])


def test_nothing_named() -> None:
    """Without account and instance the error says what to name."""
    refused = run("doctor")
    assert (refused.code, "nothing-asked" in refused.progress) == (2, True)


def test_nobody_there() -> None:
    """A server that can't be reached is said to be so."""
    refused = run("doctor", "--instance", "http://127.0.0.1:1")
    assert (refused.code, "unreachable" in refused.progress) == (1, True)


@pytest.mark.parametrize("words", [(), ("--verbose",)], ids=["silent", "verbose"])
def test_verbose(words: tuple[str, ...]) -> None:
    """With --verbose a begin explains the same choices on its way, and else it does not."""
    with Sandbox() as sandbox:
        sandbox.instance.add_account("mybot", "password")
        sandbox.github.add_repository("octocat/mybot")
        account = sandbox.instance.address("mybot")
        begun = run(
            *("begin", *words, "--account", account, "--repository", "octocat/mybot"),
            env={
                "GITHUB_API_URL": sandbox.github.api_url,
                "GH_TOKEN": sandbox.github.add_token(),
                "MASTODON_JOURNAL_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            },
        )
    assert (begun.code, "PKCE: S256" in begun.progress) == (0, bool(words))
