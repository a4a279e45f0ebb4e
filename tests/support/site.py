"""A bot, its instance and its repository, served on this machine."""

from pathlib import Path

from tests.servers import Sandbox
from tests.support.leaks import forms
from tests.support.person import Person

REPOSITORY = "octocat/mybot"
PASSWORD = "correct horse, battery & staple"
BROWSER = f"""\
import os, sys
assert os.getsid(0) == os.getpid()  # Ctrl-C at the terminal does not end it
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.support.person import Person, PersonStuckError
with Person("mybot", {PASSWORD!r}) as person:
    try:
        person.approve(sys.argv[1])
    except PersonStuckError as landed:  # a page without a code, which is to be kept
        open(sys.argv[0] + ".page", "w").write(str(landed))
"""
"""A program in a browser's place, in which the bot's owner approves the link that it is given."""


class Site:
    """A served sandbox with a bot, somebody else (alice), a repository and a token for it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.instance, self.github = sandbox.instance, sandbox.github
        for name in "mybot", "alice":
            self.instance.add_account(name, PASSWORD)
        self.account = self.instance.address("mybot")
        self.repository = self.github.add_repository(REPOSITORY)
        self.token = self.github.add_token()
        self.key = ""
        """The journal's key; the secret has it where nobody handed one in."""
        self.codes: list[str] = []
        self.verifiers: list[str] = []

    def approve(self, link: str, who: str = "mybot") -> str:
        """Open the link, sign in and press Authorize: the code."""
        with Person(who, PASSWORD) as person:
            self.codes.append(person.approve(link))
        return self.codes[-1]

    def stored(self, name: str = "MASTODON_ACCESS_TOKEN") -> str:
        """A secret as a workflow reads it; "" where there is none."""
        return self.repository.open_secret(name) if name in self.repository.secrets else ""

    @property
    def live_tokens(self) -> list[str]:
        return [token.token for token in self.instance.tokens if token.live]

    def secrets(self) -> dict[str, list[str]]:
        """What nobody is to see, by what it is."""
        key = self.stored("MASTODON_JOURNAL_KEY") or self.key
        return {
            "GitHub token": [self.token],
            "journal key": [key] if key else [],
            "code": self.codes,
            "client secret": [one.client_secret for one in self.instance.applications],
            "verifier": self.verifiers,
            "access token": [token.token for token in self.instance.tokens],
            "password": [PASSWORD],
        }

    def leaks(self, text: str) -> list[str]:
        """The lines in which something stands that nobody is to see, in whatever form."""
        secrets = {secret for values in self.secrets().values() for secret in values}
        leaked = {form for secret in secrets for form in forms(secret)}
        return [line for line in text.splitlines() if any(form in line for form in leaked)]
