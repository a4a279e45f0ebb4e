"""A world whose runs are workflow runs that may meet."""

from collections.abc import Callable

from provisioner.errors import ProvisionerError
from provisioner.journal import Journal
from provisioner.sandbox import AccessToken
from tests.servers.github_description import Description
from tests.support.world import World

TOKEN, KEY, JOURNAL = "MASTODON_ACCESS_TOKEN", "MASTODON_JOURNAL_KEY", "MASTODON_JOURNAL"


class Scene(World):
    """A world whose runs are workflow runs: the key is the one stored when they are queued."""

    def __init__(self) -> None:
        super().__init__(Description.load())
        self.github.observers.clear()  # GitHub's description is held against in the other tests
        self.in_workflow = True

    def remembered(self) -> Journal | None:
        """The journal; None where there is none, or none that the stored key opens."""
        try:
            return self.journal()
        except (KeyError, ProvisionerError):
            return None

    def living(self) -> list[AccessToken]:
        return [token for token in self.instance.tokens if token.live]


Doing = Callable[[Scene], object]
"""What a run does."""
Runs = tuple[Doing, Doing]
"""Two that may meet."""
