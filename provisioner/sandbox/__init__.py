"""An embedded Mastodon-like instance and an embedded GitHub, on loopback.

`provisioner demo`, `provisioner sandbox` and the tests run against them over real sockets. They
are written from the protocols' documents alone and import nothing from the rest of the package:
a mistake that client and sandbox shared would cancel out.
"""

import secrets
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from provisioner.sandbox.github import GitHub
from provisioner.sandbox.instance import Instance
from provisioner.sandbox.person import Person, PersonStuckError
from provisioner.sandbox.personalities import PERSONALITIES
from provisioner.sandbox.records import AccessToken, Account, RegisteredApplication, Status
from provisioner.sandbox.repositories import Repository
from provisioner.sandbox.runner import Run
from provisioner.sandbox.server import Server, serve
from provisioner.sandbox.vault import StoredSecret, Vault
from provisioner.sandbox.web import Application, Headers, Request, Response

__all__ = [
    "PERSONALITIES",
    "AccessToken",
    "Account",
    "Application",
    "GitHub",
    "Headers",
    "Instance",
    "Person",
    "PersonStuckError",
    "RegisteredApplication",
    "Repository",
    "Request",
    "Response",
    "Run",
    "Sandbox",
    "Server",
    "Status",
    "StoredSecret",
    "Vault",
    "serve",
]


class Sandbox:
    """One instance and one GitHub, served on 127.0.0.1 while the context lasts.

    Accounts, repositories and tokens may be added before and during it. Ports of 0 are free ones.
    `personality` is the server that the instance plays, one of `PERSONALITIES`. `clock` returns
    seconds since the epoch, `random` that many random bytes.
    """

    def __init__(
        self,
        *,
        instance_port: int = 0,
        github_port: int = 0,
        registration_limit: int | None = 5,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
        personality: str = "mastodon-4.7",
    ) -> None:
        """Prepare both without opening a socket; `ValueError` for an unknown personality."""
        self.instance = Instance(
            registration_limit=registration_limit,
            clock=clock,
            random=random,
            personality=personality,
        )
        self.github = GitHub(clock=clock, random=random)
        self._ports = (instance_port, github_port)
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        """Serve both; `OSError` where a port is taken."""
        try:
            for application, port in zip((self.instance, self.github), self._ports, strict=True):
                self._servers.append(serve(application, port))
        except OSError:
            self.close()
            raise
        self.instance.origin = self._servers[0].origin
        self.github.api_url = self._servers[1].origin
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close both servers."""
        self.close()

    def close(self) -> None:
        """Stop serving; state stays and can be looked at."""
        while self._servers:
            self._servers.pop().close()
