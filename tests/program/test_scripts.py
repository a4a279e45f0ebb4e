"""The command line as scripts meet it: from one command to the next, JSON, exit codes, bugs."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from provisioner import __version__
from tests.program.program import PATIENCE, PROGRAM, ROOT, run
from tests.program.site import TYPED, Shell
from tests.support.site import REPOSITORY


def test_version_needs_no_home_no_writable_folder_and_no_utf8(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    bare = {"PYTHONPATH": str(ROOT), "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}
    program = [*PROGRAM, "--version"]
    said = subprocess.check_output(program, env=bare, cwd=tmp_path, timeout=PATIENCE)
    assert said.decode() == f"provisioner {__version__}\n"


def test_begin_prints_the_command_that_completes_it_with_what_it_was_given(site: Shell) -> None:
    names = ("--secrets", "A=access_token", "--secrets", "B=client_id", "--journal", "J")
    begun = site.run("begin", "--instance", site.instance.origin, *names)
    (link,) = re.findall(r"http\S+/oauth/authorize\S+", begun.output)
    (line,) = re.findall(r"^ +provisioner (complete .*)$", begun.output, re.MULTILINE)
    assert f"--instance {site.instance.origin}" in line
    done = run(*shlex.split(line), env=site.env, typed=site.approve(link))
    site.shown += done.all
    assert done.code == 0
    assert site.live_tokens == [site.stored("A")]
    lines = [line for line in done.all.splitlines() if line]
    assert sorted(lines) == sorted(set(lines))  # complete reads again once it has the code


# Bugs, and a key that is out of reach.


def broken(_size: int) -> NoReturn:
    raise RuntimeError(TYPED)


def test_bug_is_told_by_its_place_without_its_message(
    site: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message, and a traceback, may hold a secret."""
    monkeypatch.setattr(os, "urandom", broken)
    done = site.run("begin", "--json")
    assert (done.code, done.error) == (70, "bug")
    assert re.search(r"RuntimeError at (\w+\.py:\d+ > ){2}begin\.py:\d+\.", done.progress)
    assert "test_scripts.py" not in done.progress  # nor other code that is not ours
    assert TYPED not in done.all
    assert "Traceback" not in done.all


def test_in_a_workflow_no_command_is_printed_that_cannot_work_here(site: Shell) -> None:
    """The key is in a secret, which only the next run of a workflow can read."""
    del site.env["MASTODON_JOURNAL_KEY"]
    site.env["GITHUB_ACTIONS"] = "true"
    begun = site.run("begin")
    assert begun.code == 0
    assert "provisioner complete" not in begun.output
    assert f"the workflow of {REPOSITORY}" in begun.output
