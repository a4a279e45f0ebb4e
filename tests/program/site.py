"""The command line for a bot whose instance and repository are on this machine."""

import base64

from tests.program.program import Run, run
from tests.servers import Sandbox
from tests.support.site import REPOSITORY, Site

KEY = base64.b64encode(bytes(range(32))).decode()
TYPED = "xK3-this-was-typed-and-must-not-be-shown"
WRONG = ("begin", "--account", "nonsense", "--repository", REPOSITORY)
"""Fails for its account, before anything is asked of anybody."""


class Shell(Site):
    """A site, and a shell in which commands are run for it."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.key = KEY
        self.whose = ("--account", self.account, "--repository", REPOSITORY)
        self.env = {
            "GITHUB_API_URL": self.github.api_url,
            "GH_TOKEN": self.token,
            "MASTODON_JOURNAL_KEY": KEY,
        }
        self.shown = ""

    def run(self, command: str, *options: str, typed: str = "") -> Run:
        done = run(command, *options, *self.whose, env=self.env, typed=typed)
        self.shown += done.all
        return done

    def begin(self) -> str:
        return str(self.run("begin", "--json").outcome["authorize-url"])

    @property
    def has_journal(self) -> bool:
        return "MASTODON_JOURNAL" in self.repository.variables
