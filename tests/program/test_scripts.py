"""The command line as scripts meet it: from one command to the next, JSON, exit codes, bugs."""

import os
import re
import shlex
import subprocess
import time
from pathlib import Path
from typing import NoReturn

import pytest

from provisioner import __version__
from provisioner.sandbox import Request, Response
from tests.program.program import PATIENCE, PROGRAM, ROOT, Run, run
from tests.program.site import PASSWORD, REPOSITORY, SCOPES, TYPED, Site

EMAIL = "mybot@example.org"


def test_version_needs_no_home_no_writable_folder_and_no_utf8(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    bare = {"PYTHONPATH": str(ROOT), "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}
    program = [*PROGRAM, "--version"]
    said = subprocess.check_output(program, env=bare, cwd=tmp_path, timeout=PATIENCE)
    assert said.decode() == f"provisioner {__version__}\n"


# From one command to the next.


def printed_commands(begun: Run) -> list[list[str]]:
    """The words of the commands to go on with."""
    lines = re.findall(r"^ +(provisioner complete .*)$", begun.output, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def go_on(site: Site, begun: Run, *more: str) -> Run:
    """Approve the link of a begin, and type the command that it printed, and more words."""
    (link,) = re.findall(r"http\S+/oauth/authorize\S+", begun.output)
    ((_, command, *options),) = printed_commands(begun)
    done = run(command, *options, *more, env=site.env, typed=site.approve(link))
    site.shown += done.all
    return done


def test_begin_prints_the_command_that_completes_it_with_what_it_was_given(site: Site) -> None:
    names = ("--secrets", "A=access_token", "--secrets", "B=client_id", "--journal", "J")
    begun = site.run("begin", "--instance", site.instance.origin, *names)
    ((*_, instance),) = [
        words[words.index("--instance") : words.index("--instance") + 2]
        for words in printed_commands(begun)
    ]
    done = go_on(site, begun)
    assert instance == site.instance.origin
    assert done.code == 0
    assert site.live_tokens == [site.stored("A")]
    lines = [line for line in done.all.splitlines() if line]
    assert sorted(lines) == sorted(set(lines))  # complete reads again once it has the code


def test_post_is_made_once_however_often_it_is_asked_for(site: Site) -> None:
    site.run("complete", typed=site.approve(site.begin()))
    assert site.run("post", "howdy universe!").code == 0
    posted = site.run("post", "howdy universe!", "--json")
    (status,) = site.instance.statuses
    assert status.text == "howdy universe!"
    assert posted.outcome["url"] == f"{site.instance.origin}/@mybot/{status.id}"


@pytest.mark.parametrize("options", [(), ("--verbose",)], ids=["silent", "verbose"])
def test_begin_explains_its_choices_with_verbose_alone(
    site: Site, options: tuple[str, ...]
) -> None:
    done = site.run("begin", *options)
    assert done.code == 0
    assert ("PKCE: S256" in done.progress) is bool(options)


def test_doctor_needs_an_account_alone(site: Site) -> None:
    found = run("doctor", *site.whose[:2])
    assert (found.code, found.progress) == (0, "")
    for fact in site.instance.origin, "4.7.3", SCOPES:
        assert fact in found.output


def test_in_a_workflow_no_command_is_printed_that_cannot_work_here(site: Site) -> None:
    """The key is in a secret, which only the next run of a workflow can read."""
    del site.env["MASTODON_JOURNAL_KEY"]
    site.env["GITHUB_ACTIONS"] = "true"
    begun = site.run("begin")
    assert begun.code == 0
    assert printed_commands(begun) == []
    assert "MASTODON_JOURNAL_KEY" in begun.output
    assert f"the workflow of {REPOSITORY}" in begun.output


# An application of the person's own.


def reveal(site: Site, *options: str) -> Run:
    """Register in a terminal, where a person is shown both strings; GitHub is not needed."""
    account = site.whose[:2]
    return run("register", *account, "--reveal", *options, env={"PATH": ""}, in_terminal=True)


@pytest.mark.parametrize("repository", [REPOSITORY, ""])
def test_revealed_application_begins_as_the_printed_command_says(
    site: Site, repository: str
) -> None:
    """What was given stands in it, and the secret is typed unseen."""
    given = ("--instance", site.instance.origin, "--repository", repository)
    shown = re.sub(r"\x1b\[[\d;]*m", "", reveal(site, *given).output)
    (application,) = site.instance.applications
    assert shown.count(application.client_secret) == 1
    assert "read -rs MASTODON_CLIENT_SECRET && export MASTODON_CLIENT_SECRET" in shown
    (line,) = re.findall(r"^ +(provisioner begin .*?)\s*$", shown, re.MULTILINE)
    _, command, *options = shlex.split(line)
    named = dict(zip(options[::2], options[1::2], strict=True))
    assert named.pop("--repository", "") == repository
    assert named == {
        site.whose[0]: site.whose[1],
        "--client-id": application.client_id,
        "--scopes": SCOPES,
        "--instance": site.instance.origin,
    }
    site.env["MASTODON_CLIENT_SECRET"] = application.client_secret
    options += [] if repository else ["--repository", REPOSITORY]
    for _ in range(2):
        done = go_on(site, run(command, *options, env=site.env), "--json")
    assert site.live_tokens == [site.stored()]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", done.outcome["same-since"])


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_nothing_is_revealed_as_json_or_to_a_pipe(site: Site, options: tuple[str, ...]) -> None:
    """And nothing registered; FORCE_COLOR makes a pipe no terminal."""
    site.env["FORCE_COLOR"] = "1"
    done = reveal(site, *options) if options else site.run("register", "--reveal")
    assert done.code == 2
    assert "(reveal-elsewhere, " in done.progress
    assert site.instance.applications == []


def test_secret_that_is_still_exported_stops_no_other_authorization(site: Site) -> None:
    """Begin says that it is unused. Complete does not: what it completes may be that one's."""
    site.env["MASTODON_CLIENT_SECRET"] = "exported-for-another"
    begun = site.run("begin")
    done = go_on(site, begun)
    assert done.code == 0
    assert "MASTODON_CLIENT_SECRET" in begun.progress
    assert "MASTODON_CLIENT_SECRET" not in done.progress


# A log-in.


@pytest.mark.parametrize("personality", ["mastodon-4.2"])
def test_two_lines_of_standard_input_are_user_name_and_password(site: Site) -> None:
    refused = site.run("login", "--json", typed=f"{EMAIL}\nMistyped-password\n")
    assert (refused.code, refused.error) == (4, "login-refused")
    done = site.run("login", typed=f"{EMAIL}\n{PASSWORD}\n")
    assert done.code == 0
    assert site.live_tokens == [site.stored()]
    for typed in EMAIL, "Mistyped":
        assert typed not in refused.all + done.all


@pytest.mark.parametrize("personality", ["mastodon-4.2"])
@pytest.mark.parametrize("typed", ["", EMAIL, f"{EMAIL}\n\n", f"\n{PASSWORD}"])
def test_missing_line_is_refused_before_an_application_is_registered(
    site: Site, typed: str
) -> None:
    done = site.run("login", "--json", typed=typed)
    assert (done.code, done.error) == (2, "no-login")
    assert site.instance.applications == []


# JSON, and exit codes.


def test_json_is_the_outcome_or_the_error(site: Site) -> None:
    refused = site.run("check", "--json")
    assert (refused.code, refused.error) == (4, "nothing-provisioned")
    assert site.run("begin", "--json").outcome["status"] == "approval-pending"


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
    assert (done.code, done.error) == (2, "bad-environment")


def broken(_size: int) -> NoReturn:
    """Is no code of ours, and fails."""
    raise RuntimeError(TYPED)


def test_bug_is_told_by_its_place_without_its_message(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message, and a traceback, may hold a secret."""
    monkeypatch.setattr(os, "urandom", broken)
    done = site.run("begin", "--json")
    assert (done.code, done.error) == (70, "bug")
    assert re.search(r"RuntimeError at (\w+\.py:\d+ > ){2}\w+\.py:\d+", done.progress)
    assert "test_scripts.py" not in done.progress  # nor other code that is not ours
    assert TYPED not in done.all
    assert "Traceback" not in done.all
