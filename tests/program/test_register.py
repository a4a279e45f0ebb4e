"""`provisioner register` as people and scripts meet it."""

import re
import shlex

import pytest

from tests.program.program import Run, run
from tests.program.site import REPOSITORY, SCOPES, Site


def reveal(site: Site, *options: str) -> Run:
    """Register in a terminal, where a person is shown both strings; GitHub is not needed."""
    account = site.whose[:2]
    return run("register", *account, "--reveal", *options, env={"PATH": ""}, in_terminal=True)


def test_strings_are_kept_in_the_repository(site: Site) -> None:
    done = site.run("register", "--json")
    (application,) = site.instance.applications
    assert site.stored("MASTODON_CLIENT_SECRET") == application.client_secret
    assert site.repository.variables["MASTODON_CLIENT_ID"] == application.client_id
    assert set(done.outcome["written"]) == {"MASTODON_CLIENT_ID", "MASTODON_CLIENT_SECRET"}


def test_person_at_a_terminal_sees_both_strings(site: Site) -> None:
    done = reveal(site)
    (application,) = site.instance.applications
    assert done.code == 0
    assert application.client_id in done.output
    assert done.output.count(application.client_secret) == 1


@pytest.mark.parametrize("colour", ["", "1"])
def test_nothing_is_revealed_to_a_pipe(site: Site, colour: str) -> None:
    """And nothing registered; FORCE_COLOR makes a pipe no terminal."""
    site.env["FORCE_COLOR"] = colour
    done = site.run("register", "--reveal")
    assert done.code == 2
    assert "(reveal-elsewhere, " in done.progress
    assert site.instance.applications == []


def test_nothing_is_revealed_as_json(site: Site) -> None:
    """It is for programs."""
    done = reveal(site, "--json")
    assert (done.code, done.error) == (2, "reveal-elsewhere")
    assert "--json" in done.outcome["error"]["what"]
    assert site.instance.applications == []


def test_kept_strings_are_shown_as_inputs_of_a_workflow(site: Site) -> None:
    """With the scopes that they are for."""
    done = site.run("register", "--secrets", "S=client_secret")
    lines = {line.strip() for line in done.output.splitlines()}
    assert {
        "client-id: ${{ vars.MASTODON_CLIENT_ID }}",
        "client-secret: ${{ secrets.S }}",
        f"scopes: {SCOPES}",
    } <= lines


@pytest.mark.parametrize("repository", [REPOSITORY, ""])
def test_revealed_strings_are_shown_with_the_command_that_takes_them(
    site: Site, repository: str
) -> None:
    """What was given stands in it, and the secret is typed unseen."""
    done = reveal(site, "--instance", site.instance.origin, "--repository", repository)
    shown = re.sub(r"\x1b\[[\d;]*m", "", done.output)
    (application,) = site.instance.applications
    (line,) = re.findall(r"^ +(provisioner begin .*?)\s*$", shown, re.MULTILINE)
    given = {"--client-id": application.client_id, "--scopes": SCOPES, site.whose[0]: site.whose[1]}
    given |= {"--instance": site.instance.origin}
    given |= {"--repository": repository} if repository else {}
    words = shlex.split(line)
    assert dict(zip(words[2::2], words[3::2], strict=True)) == given
    assert "read -rs MASTODON_CLIENT_SECRET && export MASTODON_CLIENT_SECRET" in shown
    assert shown.count(application.client_secret) == 1


@pytest.mark.parametrize("option", ["--secrets=A=client_secret", "--variables=A=client_id"])
def test_names_for_strings_that_are_not_kept_are_refused(site: Site, option: str) -> None:
    done = reveal(site, option)
    assert done.code == 2
    assert "(bad-strings, " in done.progress
    assert site.instance.applications == []
