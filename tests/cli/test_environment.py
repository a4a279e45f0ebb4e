"""What surrounds the command line: its name, `gh`, the checkout, GitHub's address, the network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.errors import InputError
from provisioner.surroundings import api_url, fill_in, program
from tests.cli.program import environment, run
from tests.cli.site import NOWHERE, REPOSITORY
from tests.github.server import RawServer

OPTIONS: dict[str, object] = {
    "account": "a@b.test",
    "repository": "a/b",
    "github_token": "x" * 20,
}


# Its name.


@pytest.mark.parametrize(
    ("typed", "there", "words"),
    [
        ("provisioner", "provisioner", ["provisioner"]),
        (".venv/bin/provisioner", "elsewhere", [".venv/bin/provisioner"]),
        ("{path}/provisioner", "provisioner", ["provisioner"]),
        ("{path}/provisioner", "elsewhere", ["{path}/provisioner"]),
    ],
)
def test_printed_commands_have_the_name_that_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, there: str, words: list[str]
) -> None:
    (tmp_path / there).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [typed.format(path=tmp_path)])
    assert program() == [word.format(path=tmp_path) for word in words]


def test_folder_that_was_deleted_takes_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "provisioner").touch(mode=0o755)
    (tmp_path / "gone").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["provisioner"])
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert program() == ["provisioner"]


# The token for GitHub.


def fake_gh(folder: Path, script: str) -> str:
    """A path on which a `gh` of our own comes first."""
    program = folder / "gh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_token_of_gh_is_that_for_githubs_own_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", fake_gh(tmp_path, 'echo "$4"'))
    _, token = fill_in(OPTIONS | {"github_token": ""})
    assert token.reveal() == "github.com"


def test_given_token_goes_before_that_of_gh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", fake_gh(tmp_path, "echo wrong"))
    _, token = fill_in(OPTIONS)
    assert token.reveal() == OPTIONS["github_token"]


def test_stand_in_for_github_does_not_get_the_token_of_gh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", fake_gh(tmp_path, "echo gh_token"))
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    with pytest.raises(InputError) as caught:
        fill_in(OPTIONS | {"github_token": ""})
    assert caught.value.ident == "no-github-token"


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("exit 1", "no-github-token"),
        ("true", "no-github-token"),
        ("echo two words", "bad-github-token"),
        ("echo x; exit 4", "no-github-token"),
        ("printf '\\377'", "no-github-token"),
    ],
)
def test_gh_without_a_token_is_no_token(tmp_path: Path, script: str, error: str) -> None:
    env = {"PATH": fake_gh(tmp_path, script)}
    done = run("begin", "--account", "a@b.test", "--repository", "a/b", "--json", env=env)
    assert done.error == error


def test_token_of_gh_for_github_is_sent_to_no_other_host(tmp_path: Path) -> None:
    """The fake is like the real one: it names another token, or none, for another host."""
    script = 'case "$*" in *--hostname*) exit 1;; *) echo token-for-github-com;; esac'
    with RawServer(lambda _seen: None) as server:
        env = {"PATH": fake_gh(tmp_path, script), "GITHUB_API_URL": server.origin}
        run("begin", "--account", "a@b.test", "--repository", "a/b", env=env)
        sent = [seen.headers.get("authorization") for seen in server.seen]
    assert sent == []


# The repository.


def checkout(folder: Path, origin: str) -> Path:
    """A checkout with this origin."""
    git = shutil.which("git")
    assert git is not None
    for command in (["init", "--quiet"], ["remote", "add", "origin", origin]):
        subprocess.run([git, *command], cwd=folder, check=True, env=environment())
    return folder


@pytest.mark.parametrize(
    "origin",
    [
        "https://github.com/octocat/mybot",
        "https://x-access-token:secret@github.com/octocat/mybot.git",
        "git@github.com:octocat/mybot.git",
        "ssh://git@github.com:22/octocat/mybot.git/",
    ],
)
def test_repository_is_that_of_the_checkouts_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    monkeypatch.chdir(checkout(tmp_path, origin))
    inputs, _ = fill_in(OPTIONS | {"repository": ""})
    assert inputs.repository == REPOSITORY


@pytest.mark.parametrize(
    "origin", ["https://gitlab.com/octocat/mybot", "https://gitlab.com/github/mybot", "../mybot"]
)
def test_checkout_from_elsewhere_names_no_repository(tmp_path: Path, origin: str) -> None:
    done = run(
        "begin", "--account", "a@b.test", "--json", env=NOWHERE, cwd=checkout(tmp_path, origin)
    )
    assert (done.code, done.error) == (2, "bad-repository")


def test_outside_a_checkout_the_repository_is_asked_for(tmp_path: Path) -> None:
    done = run("begin", "--account", "a@b.test", "--json", env=NOWHERE, cwd=tmp_path)
    assert (done.code, done.error) == (2, "bad-repository")


# GitHub's address.


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://api.github.com", "insecure-address"),
        ("http://10.0.0.1", "insecure-address"),
        ("http://127.0.0.1.evil.test", "insecure-address"),
        ("http://localhost@evil.test", "insecure-address"),
        ("ftp://localhost", "insecure-address"),
        ("localhost", "insecure-address"),
        ("https://", "insecure-address"),
        ("https://api.github.com?x=1", "bad-api-url"),
        ("https://api.github.com#x", "bad-api-url"),
        ("https://api.github.com/?", "bad-api-url"),
    ],
)
def test_api_goes_over_https_or_to_this_machine(url: str, error: str) -> None:
    """And it is an address that paths extend."""
    env = {"GH_TOKEN": "x" * 20, "GITHUB_API_URL": url}
    done = run("begin", "--account", "a@b.test", "--repository", "a/b", "--json", env=env)
    assert (done.code, done.error) == (2, error)


@pytest.mark.parametrize("url", ["", " ", "\n"])
def test_empty_api_url_is_none(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("GITHUB_API_URL", url)
    assert api_url() == "https://api.github.com"


# The network.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("HTTPS_PROXY", "nonsense://127.0.0.1"),
        ("NO_PROXY", "[::1"),
        ("SSL_CERT_FILE", "/nonexistent"),
    ],
)
def test_network_setting_that_cannot_be_used_is_the_inputs_fault(name: str, value: str) -> None:
    done = run("doctor", "--instance", "https://127.0.0.1:1", "--json", env={name: value})
    assert (done.code, done.error) == (2, "bad-surroundings")
