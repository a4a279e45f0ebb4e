"""The command line as scripts meet it: JSON, exit codes, bugs; tests/unit/test_cli.py has usage."""

import os
import re
import time
from typing import NoReturn

import pytest

from provisioner.sandbox import Request, Response
from tests.program.program import Run, run
from tests.program.site import TYPED, Site


def test_no_line_is_said_twice(site: Site) -> None:
    """Complete reads again after a person was asked for the code: that can take long."""
    code = site.approve(site.begin())
    done = site.run("complete", typed=code)
    lines = [line for line in done.all.splitlines() if line]
    assert done.code == 0
    assert sorted(lines) == sorted(set(lines))


# JSON.


def test_json_of_a_success_is_its_outcome(site: Site) -> None:
    assert site.run("begin", "--json").outcome["status"] == "approval-pending"


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
