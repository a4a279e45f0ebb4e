"""`provisioner register` as people and scripts meet it."""

import json
import shlex
from collections.abc import Iterator

import pytest

from provisioner.sandbox import Sandbox
from tests.cli.program import run, run_in_terminal
from tests.cli.site import REPOSITORY


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An instance and a GitHub on sockets."""
    with Sandbox() as sandbox:
        sandbox.instance.add_account("mybot", "password")
        sandbox.github.add_repository(REPOSITORY)
        yield sandbox


def whose(sandbox: Sandbox) -> tuple[str, str]:
    """The option that names the account."""
    return ("--account", sandbox.instance.address("mybot"))


def test_kept(sandbox: Sandbox) -> None:
    """The strings are in the repository, and the secret one not in the output."""
    env = {"GITHUB_API_URL": sandbox.github.api_url, "GH_TOKEN": sandbox.github.add_token()}
    done = run("register", *whose(sandbox), "--repository", REPOSITORY, "--json", env=env)
    (application,) = sandbox.instance.applications
    repository = sandbox.github.repository(REPOSITORY)
    assert repository.open_secret("MASTODON_CLIENT_SECRET") == application.client_secret
    assert repository.variables["MASTODON_CLIENT_ID"] == application.client_id
    assert json.loads(done.output)["written"] == ["MASTODON_CLIENT_ID", "MASTODON_CLIENT_SECRET"]
    assert application.client_secret not in done.all


def test_revealed(sandbox: Sandbox) -> None:
    """On a terminal the person sees both, and no GitHub token is needed."""
    shown = run_in_terminal("register", *whose(sandbox), "--reveal", env={"PATH": "/nowhere"})
    (application,) = sandbox.instance.applications
    assert (application.client_id in shown, application.client_secret in shown) == (True, True)


@pytest.mark.parametrize("colour", ["", "1"])
def test_not_revealed_to_a_pipe(sandbox: Sandbox, colour: str) -> None:
    """Where standard output is no terminal, nothing is shown and nothing registered."""
    done = run("register", *whose(sandbox), "--reveal", env={"FORCE_COLOR": colour})
    assert (done.code, "reveal-elsewhere" in done.progress) == (2, True)
    assert sandbox.instance.applications == []


def test_not_revealed_as_json(sandbox: Sandbox) -> None:
    """Nor is it as JSON, which is for programs; a terminal is not said to be none."""
    shown = run_in_terminal("register", *whose(sandbox), "--reveal", "--json")
    assert ("reveal-elsewhere" in shown, sandbox.instance.applications) == (True, [])
    assert ("--json" in shown, "no terminal" in shown) == (True, False)


def test_next_step(sandbox: Sandbox) -> None:
    """Who has the strings kept is told how a workflow takes them, with the scopes they are for."""
    env = {"GITHUB_API_URL": sandbox.github.api_url, "GH_TOKEN": sandbox.github.add_token()}
    names = ("--secrets", "S=client_secret")
    done = run("register", *whose(sandbox), "--repository", REPOSITORY, *names, env=env)
    lines = (
        "client-id: ${{ vars.MASTODON_CLIENT_ID }}",
        "client-secret: ${{ secrets.S }}",
        "scopes: profile write:",
    )
    assert [line for line in lines if line not in done.output] == []


def test_next_step_after_showing(sandbox: Sandbox) -> None:
    """Who sees the strings sees the command that takes them, without the secret one."""
    shown = run_in_terminal("register", *whose(sandbox), "--reveal", env={"PATH": "/nowhere"})
    (application,) = sandbox.instance.applications
    assert f"begin --client-id {application.client_id} --scopes" in shown
    assert "read -rs MASTODON_CLIENT_SECRET && export MASTODON_CLIENT_SECRET" in shown
    assert shown.count(application.client_secret) == 1


@pytest.mark.parametrize("repository", [REPOSITORY, ""])
def test_next_step_with_what_is_known(sandbox: Sandbox, repository: str) -> None:
    """What was given stands in the command; what was not is left open."""
    origin = sandbox.instance.origin
    shown = run_in_terminal(
        *("register", *whose(sandbox), "--instance", origin, "--repository", repository, "--reveal")
    )
    given = shlex.join(("--instance", origin, *whose(sandbox)))
    assert f" {given} --repository {repository or '…'}" in shown


@pytest.mark.parametrize("option", ["--secrets=A=client_secret", "--variables=A=client_id"])
def test_names_of_what_is_not_kept(sandbox: Sandbox, option: str) -> None:
    """2: who names a place for a string expects it there, and --reveal keeps none."""
    shown = run_in_terminal("register", *whose(sandbox), "--reveal", option)
    assert ("bad-strings" in shown, sandbox.instance.applications) == (True, [])
