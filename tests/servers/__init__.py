"""Other servers, and what only tests use of Mastodon and GitHub.

What differs, seen from a client, is a table (`table.py`: server x situation -> answer, with a
source for each row), and a few hooks for what is not an answer (`behaviour.py`).
"""

import secrets
import time
from collections.abc import Callable, Mapping

from provisioner.sandbox import Sandbox as ServedTwo
from tests.servers import behaviour
from tests.servers.github import GitHub
from tests.servers.instance import Instance

__all__ = ["PERSONALITIES", "SERVERS", "GitHub", "Instance", "Sandbox", "make"]

_KNOWN: Mapping[str, type[behaviour.Server]] = {
    one.name: one
    for one in (
        behaviour.Mastodon47,
        behaviour.Mastodon42,
        behaviour.GoToSocial,
        behaviour.Pleroma,
        behaviour.Pixelfed,
        behaviour.Takahe,
        behaviour.Friendica,
        behaviour.Snac,
        behaviour.Hollo,
    )
}
SERVERS: tuple[str, ...] = tuple(_KNOWN)
"""The servers' names, Mastodon's newest first."""
PERSONALITIES = SERVERS[:6]
"""Those at which stories and faults are played."""


def make(
    personality: str = "mastodon-4.7",
    origin: str = "http://127.0.0.1",
    *,
    clock: Callable[[], float] = time.time,
    random: Callable[[int], bytes] = secrets.token_bytes,
    registration_limit: int | None = 5,
) -> Instance:
    """An instance that behaves as this server."""
    server = _KNOWN[personality]()
    limit = None if server.registration_limit is None else registration_limit
    return Instance(origin, server=server, clock=clock, random=random, registration_limit=limit)


class Sandbox(ServedTwo):
    """Such an instance and a GitHub, to be served."""

    instance: Instance
    github: GitHub

    def __init__(
        self, personality: str = "mastodon-4.7", clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(make(personality, clock=clock), GitHub(clock=clock))
