"""An application of the person's own: begin prints what is typed next."""

import re
import shlex

import httpx
import pytest

from tests.program.program import Run, run
from tests.program.site import REPOSITORY, SCOPES, Site

OOB = "urn:ietf:wg:oauth:2.0:oob"


@pytest.fixture
def own(site: Site) -> tuple[str, str]:
    """The option that names the application, whose secret a person has exported."""
    form = {"client_name": "mine", "redirect_uris": OOB, "scopes": SCOPES}
    url = f"{site.instance.origin}/api/v1/apps"
    application = httpx.post(url, data=form, trust_env=False).json()
    site.env["MASTODON_CLIENT_SECRET"] = str(application["client_secret"])
    return ("--client-id", str(application["client_id"]))


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


def test_begin_prints_the_command_that_completes_it(site: Site, own: tuple[str, str]) -> None:
    begun = site.run("begin", *own)
    done = go_on(site, begun)
    assert done.code == 0
    assert site.live_tokens == [site.stored()]
    (words,) = printed_commands(begun)
    assert words[words.index("--client-id") + 1] == own[1]


def test_same_token_again_is_told_by_its_time(site: Site, own: tuple[str, str]) -> None:
    """A program sees that nothing was rotated, and since when the token is in use."""
    for _ in range(2):
        done = go_on(site, site.run("begin", *own), "--json")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", done.outcome["same-since"])


@pytest.mark.usefixtures("own")
def test_secret_that_is_still_exported_stops_no_other_authorization(site: Site) -> None:
    """Begin says that it is unused. Complete does not: what it completes may be that one's."""
    begun = site.run("begin")
    done = go_on(site, begun)
    assert done.code == 0
    assert site.live_tokens == [site.stored()]
    assert "MASTODON_CLIENT_SECRET" in begun.progress
    assert "MASTODON_CLIENT_SECRET" not in done.progress


def test_secret_that_was_typed_without_an_id_is_a_mistake(site: Site) -> None:
    done = site.run("begin", "--client-secret", "typed-secret", "--json")
    assert (done.code, done.error) == (2, "bad-application")


def test_in_a_workflow_no_command_is_printed_that_cannot_work_here(site: Site) -> None:
    """The key is in a secret, which only the next run of a workflow can read."""
    del site.env["MASTODON_JOURNAL_KEY"]
    site.env["GITHUB_ACTIONS"] = "true"
    begun = site.run("begin")
    assert begun.code == 0
    assert printed_commands(begun) == []
    assert "MASTODON_JOURNAL_KEY" in begun.output
    assert f"the workflow of {REPOSITORY}" in begun.output
