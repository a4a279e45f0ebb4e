"""The command line as scripts meet it: wrong words, JSON, exit codes, bugs."""

import os
import re
import time
from typing import NoReturn

import pytest

from provisioner.sandbox import Request, Response
from tests.cli.program import Run, run
from tests.cli.site import NOWHERE, TYPED, WRONG, Site

WHOSE = ("--account", "a@b.test", "--repository", "a/b")


# Wrong command lines.


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((TYPED,), id="command"),
        pytest.param(("complete", f"--{TYPED}"), id="option of a command"),
        pytest.param(("complete", f"--kode={TYPED}"), id="misspelt, with a value"),
        pytest.param(("complete", f"-{TYPED}"), id="short options"),
        pytest.param(("complete", "--account", "a@b.test", TYPED), id="extra argument"),
        pytest.param(("sandbox", "--github-port", TYPED), id="not a number"),
        pytest.param(("complete", f"--json={TYPED}"), id="a flag's value"),
        pytest.param(("begin", *WHOSE, f"--secrets=TOKEN={TYPED}"), id="a token for its name"),
    ],
)
def test_words_that_may_be_secret_are_refused_and_not_shown(arguments: tuple[str, ...]) -> None:
    """People put codes and tokens there."""
    done = run(*arguments, env=NOWHERE)
    assert (done.code, done.output) == (2, "")
    assert TYPED not in done.progress


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("begn",), ["begn", "begin"]),
        (("begin", "--acount", "a@b.test"), ["--acount", "--account"]),
        (("begin",), ["--account"]),
        (("post",), ["TEXT"]),
        (("demo", "hunter2"), ["demo"]),
        (("post", "--account", "a@b.example", "howdy", "hunter2"), ["TEXT"]),
        (("check", "--account", "--journal", "hunter2"), ["--account", "--journal"]),
    ],
)
def test_wrong_words_are_named(arguments: tuple[str, ...], named: list[str]) -> None:
    """A word too short for a code or token is named, with what was meant; a password never is."""
    done = run(*arguments, "--json")
    assert (done.code, done.error) == (2, "usage")
    for word in named:
        assert word in done.outcome["error"]["what"]
    assert "hunter2" not in done.all


@pytest.mark.parametrize(
    "account",
    ["a@xn--a", f"a@{'b' * 300}.test", "a@b.test:99999", "a@[::1", "a@b c", "@", "a@\x1b[31m", "é"],
)
def test_impossible_account_is_refused(account: str) -> None:
    assert run("begin", "--account", account, "--json", env=NOWHERE).error == "bad-account"


@pytest.mark.parametrize("repository", ["octo/..", "octo/.", "octo", "octo/bot/x", "octo/b t"])
def test_impossible_repository_is_refused(repository: str) -> None:
    done = run("begin", *WHOSE[:2], "--repository", repository, "--json", env=NOWHERE)
    assert done.error == "bad-repository"


@pytest.mark.parametrize("token", ["a\nb", "a b", "é", "\x7f", "x" * 5000])
def test_impossible_github_token_is_refused(token: str) -> None:
    """It could not stand in a header. How GitHub's tokens look is said."""
    done = run("begin", *WHOSE, "--json", env=NOWHERE | {"GH_TOKEN": token})
    assert done.error == "bad-github-token"
    assert "github_pat_" in done.outcome["error"]["why"]


SECRETS = {
    "--github-token": "GH_TOKEN",
    "--journal-key": "MASTODON_JOURNAL_KEY",
    "--client-secret": "MASTODON_CLIENT_SECRET",
}


def test_secrets_in_the_list_of_processes_are_warned_of() -> None:
    """With the variable to use in place of each option."""
    done = run("complete", *WRONG[1:], *(f"{option}={TYPED}" for option in (*SECRETS, "--code")))
    for option, variable in SECRETS.items():
        assert option in done.progress
        assert f"${variable}" in done.progress
    assert TYPED not in done.all


def test_secrets_from_the_environment_are_not_warned_of() -> None:
    env = dict.fromkeys((*SECRETS.values(), "MASTODON_CODE"), TYPED)
    done = run("complete", *WRONG[1:], env=env)
    for option in SECRETS:
        assert option not in done.progress


# JSON.


def test_json_of_a_success_is_its_outcome(site: Site) -> None:
    assert site.run("begin", "--json").outcome["status"] == "approval-pending"


def test_json_of_a_wrong_input_names_error_and_exit_code() -> None:
    done = run(*WRONG, "--json")
    assert (done.code, done.error) == (2, "bad-account")


def test_json_of_a_run_that_needs_a_person(site: Site) -> None:
    done = site.run("check", "--json")
    assert (done.code, done.error) == (4, "nothing-provisioned")


# Exit codes.


def exhaust(site: Site, after: str = "") -> None:
    """Use up the token's budget: at once, or after a request of this method."""

    def observe(request: Request, _response: Response) -> None:
        if request.method == after:
            site.github.limit(remaining=0, reset=time.time() + 1800)

    if after:
        site.github.observers.append(observe)
    else:
        site.github.limit(remaining=0, reset=time.time() + 1800)


def test_exit_code_is_1_where_nothing_was_changed(site: Site) -> None:
    exhaust(site)
    assert site.run("begin").code == 1
    assert not site.has_journal


def test_exit_code_is_3_after_something_was_written(site: Site) -> None:
    exhaust(site, after="PUT")
    assert site.run("begin").code == 3
    assert not site.has_journal


def test_exit_code_is_4_where_github_refuses_the_token(site: Site) -> None:
    site.env["GH_TOKEN"] = "x" * 20
    assert site.run("begin").code == 4


# Bugs.


def broken(_size: int) -> NoReturn:
    """Is no code of ours, and fails."""
    raise RuntimeError(TYPED)


def require_told_without_message(done: Run) -> None:
    """A bug is told by its kind and place; its message, and a traceback, may hold a secret."""
    assert re.search(r"RuntimeError at .*\w+\.py:\d+", done.progress)
    assert TYPED not in done.all
    assert "Traceback" not in done.all


def test_bug_is_told_without_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", broken)
    done = run("demo")
    assert done.code == 70
    require_told_without_message(done)


def test_json_of_a_bug_is_one_object(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", broken)
    done = site.run("begin", "--json")
    assert (done.code, done.error) == (70, "bug")
    require_told_without_message(done)
