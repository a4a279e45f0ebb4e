"""An application of the person's own, as README tells it: begin prints what is typed next."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from provisioner.sandbox import Person, Sandbox
from tests.cli.program import Run, run
from tests.cli.site import KEY, REPOSITORY

OOB = "urn:ietf:wg:oauth:2.0:oob"
SCOPES = "profile write:statuses write:media"


class Terminal:
    """A person's shell with what README exports, the client secret among it."""

    def __init__(self, sandbox: Sandbox) -> None:
        sandbox.instance.add_account("mybot", "password")
        self.sandbox = sandbox
        self.repository = sandbox.github.add_repository(REPOSITORY)
        self.whose = ("--account", sandbox.instance.address("mybot"), "--repository", REPOSITORY)
        form = {"client_name": "mine", "redirect_uris": OOB, "scopes": SCOPES}
        url = f"{sandbox.instance.origin}/api/v1/apps"
        application = httpx.post(url, data=form, trust_env=False).json()
        self.client_id = str(application["client_id"])
        self.env = {
            "GITHUB_API_URL": sandbox.github.api_url,
            "GH_TOKEN": sandbox.github.add_token(),
            "MASTODON_JOURNAL_KEY": KEY,
            "MASTODON_CLIENT_SECRET": str(application["client_secret"]),
        }

    def go_on(self, begun: Run, *more: str) -> Run:
        """Approve the link of a begin, and type the command that it printed, and more words."""
        (link,) = re.findall(r"http\S+/oauth/authorize\S+", begun.output)
        (line,) = re.findall(r"^  (\S.* complete --.*)$", begun.output, re.MULTILINE)
        with Person("mybot", "password") as person:
            typed = person.approve(link)
        return run(env=self.env, typed=typed, program=("sh", "-c", " ".join((line, *more))))

    @property
    def is_stored(self) -> bool:
        """Whether workflows read a token that lives."""
        live = [token.token for token in self.sandbox.instance.live_tokens("mybot")]
        return self.repository.open_secret("MASTODON_ACCESS_TOKEN") in live


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """An instance and a GitHub on sockets, and a shell beside them."""
    with Sandbox() as sandbox:
        yield Terminal(sandbox)


def test_begin_prints_what_completes_it(terminal: Terminal) -> None:
    """The command that begin prints names the application, and completes it."""
    own = ("--client-id", terminal.client_id)
    begun = run("begin", *terminal.whose, *own, env=terminal.env)
    done = terminal.go_on(begun)
    assert (done.code, terminal.is_stored) == (0, True)
    assert f"--client-id {terminal.client_id}" in begun.output


def test_the_same_token_again(terminal: Terminal) -> None:
    """A program sees that nothing was rotated, and since when the token is in use."""
    own = ("--client-id", terminal.client_id)
    for _ in range(2):
        done = terminal.go_on(run("begin", *terminal.whose, *own, env=terminal.env), "--json")
    since = json.loads(done.output)["same-since"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", since)


def test_a_secret_that_is_still_exported(terminal: Terminal) -> None:
    """A client secret without an id stops no other authorization; begin says that it is unused.

    Complete does not: what it completes may well be that very application's.
    """
    begun = run("begin", *terminal.whose, env=terminal.env)
    done = terminal.go_on(begun)
    assert (done.code, terminal.is_stored) == (0, True)
    said = [
        run.progress.count("MASTODON_CLIENT_SECRET is set, and not used") for run in (begun, done)
    ]
    assert said == [1, 0]


def test_a_secret_that_was_typed(terminal: Terminal) -> None:
    """2: a client secret given as an option, without an id, is a mistake."""
    del terminal.env["MASTODON_CLIENT_SECRET"]
    done = run("begin", *terminal.whose, "--client-secret", "typed-secret", env=terminal.env)
    assert (done.code, "bad-application" in done.progress) == (2, True)


def test_begin_without_a_journal_key(terminal: Terminal) -> None:
    """No command is printed that can't work here; it is said where to delete the variable."""
    del terminal.env["MASTODON_JOURNAL_KEY"]
    begun = run("begin", *terminal.whose, env=terminal.env)
    assert (begun.code, " complete --" in begun.output) == (0, False)
    assert f"gh variable delete MASTODON_JOURNAL --repo {REPOSITORY}" in begun.output
    assert "Settings > Secrets and variables > Actions > Variables" in begun.output
