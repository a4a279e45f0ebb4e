"""`provisioner post` as people and scripts meet it."""

import json

from provisioner.sandbox import Person, Sandbox
from tests.cli.program import run
from tests.cli.site import KEY, REPOSITORY


def test_the_older_road() -> None:
    """From nothing to the first post, once, however often it is asked for."""
    with Sandbox() as sandbox:
        sandbox.instance.add_account("mybot", "password")
        sandbox.github.add_repository(REPOSITORY)
        whose = ("--account", sandbox.instance.address("mybot"), "--repository", REPOSITORY)
        token = sandbox.github.add_token()
        env = {"GITHUB_API_URL": sandbox.github.api_url, "GH_TOKEN": token}
        env["MASTODON_JOURNAL_KEY"] = KEY
        link = json.loads(run("begin", *whose, "--json", env=env).output)["authorize-url"]
        with Person("mybot", "password") as person:
            run("complete", *whose, env=env, typed=person.approve(link))
        first = run("post", "howdy universe!", *whose, env=env)
        again = run("post", "howdy universe!", *whose, "--json", env=env)
        (status,) = sandbox.instance.statuses
        url = f"{sandbox.instance.origin}/@mybot/{status.id}"
        live = [one.token for one in sandbox.instance.live_tokens("mybot")]
    assert (first.code, status.text, url in first.output) == (0, "howdy universe!", True)
    assert json.loads(again.output)["url"] == url
    assert [secret for secret in live if secret in first.all + again.all] == []


def test_an_unknown_audience() -> None:
    """2: who sees it is one of four, which are named with the word that is none of them."""
    done = run("post", "hi", "--visibility", "nobody", "--account", "a@b.test")
    said = "“nobody” is no value of --visibility" in done.progress
    known = "public, unlisted, private, direct" in done.progress
    assert (done.code, said, known) == (2, True, True)
