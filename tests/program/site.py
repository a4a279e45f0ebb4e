"""A bot, its instance and its repository, all on this machine, and the command line for them."""

import base64

from tests.program.program import Run, run
from tests.servers import Sandbox
from tests.support.leaks import forms
from tests.support.person import Person

REPOSITORY = "octocat/mybot"
KEY = base64.b64encode(bytes(range(32))).decode()
PASSWORD = "correct horse, battery & staple"
SCOPES = "profile write:statuses write:media"
TYPED = "xK3-this-was-typed-and-must-not-be-shown"
WRONG = ("begin", "--account", "nonsense", "--repository", REPOSITORY)
"""Fails for its account, before anything is asked of anybody."""


class Site:
    """A served sandbox with a bot; nothing that a command shows may hold a secret."""

    def __init__(self, sandbox: Sandbox) -> None:
        sandbox.instance.add_account("mybot", PASSWORD)
        self.instance, self.github = sandbox.instance, sandbox.github
        self.repository = sandbox.github.add_repository(REPOSITORY)
        self.whose = ("--account", sandbox.instance.address("mybot"), "--repository", REPOSITORY)
        self.env = {
            "GITHUB_API_URL": sandbox.github.api_url,
            "GH_TOKEN": sandbox.github.add_token(),
            "MASTODON_JOURNAL_KEY": KEY,
        }
        self.shown = ""

    def run(self, command: str, *options: str, typed: str = "") -> Run:
        """Run a command for this account and repository."""
        done = run(command, *options, *self.whose, env=self.env, typed=typed)
        self.shown += done.all
        return done

    def begin(self) -> str:
        """Begin: the link to open."""
        outcome = self.run("begin", "--json").outcome
        return str(outcome["authorize-url"])

    def approve(self, link: str) -> str:
        """Open the link, sign in and press Authorize: the code."""
        with Person("mybot", PASSWORD) as person:
            return person.approve(link)

    @property
    def has_journal(self) -> bool:
        """Whether a run got as far as to write the journal."""
        return "MASTODON_JOURNAL" in self.repository.variables

    @property
    def live_tokens(self) -> list[str]:
        """The bot's tokens that work."""
        return [token.token for token in self.instance.live_tokens("mybot")]

    def stored(self, name: str = "MASTODON_ACCESS_TOKEN") -> str:
        """A secret as a workflow reads it; "" where there is none."""
        return self.repository.open_secret(name) if name in self.repository.secrets else ""

    def leaks(self) -> list[str]:
        """The secrets that were shown."""
        secrets = {PASSWORD, self.env["GH_TOKEN"], KEY}
        secrets |= {token.token for token in self.instance.tokens}
        secrets |= {application.client_secret for application in self.instance.applications}
        return [form for secret in secrets for form in forms(secret) if form in self.shown]
