"""An embedded Mastodon-like instance and an embedded GitHub, on loopback.

`provisioner demo`, `provisioner sandbox` and the tests run against them over real sockets. They
are written from the protocols' documents alone and import nothing from the rest of the package:
a mistake that client and sandbox shared would cancel out.
"""

from contextlib import ExitStack
from typing import Self

from provisioner.sandbox.github import GitHub
from provisioner.sandbox.instance import Instance
from provisioner.sandbox.records import AccessToken, Account, RegisteredApplication, Status
from provisioner.sandbox.repositories import Repository, Run
from provisioner.sandbox.server import Server, serve
from provisioner.sandbox.web import Application, Headers, Request, Response

__all__ = [
    "AccessToken",
    "Account",
    "Application",
    "GitHub",
    "Headers",
    "Instance",
    "RegisteredApplication",
    "Repository",
    "Request",
    "Response",
    "Run",
    "Sandbox",
    "Server",
    "Status",
    "serve",
]


class Sandbox(ExitStack):
    """One instance and one GitHub, served on 127.0.0.1 while the context lasts.

    Accounts, repositories and tokens may be added before and during it; afterwards their state can
    still be looked at. Ports of 0 are free ones. Both may be made elsewhere.
    """

    def __init__(
        self,
        instance: Instance | None = None,
        github: GitHub | None = None,
        *,
        instance_port: int = 0,
        github_port: int = 0,
    ) -> None:
        super().__init__()
        self.instance = instance or Instance()
        self.github = github or GitHub()
        self._ports = instance_port, github_port

    def __enter__(self) -> Self:
        """Serve both; `OSError` where a port is taken."""
        with ExitStack() as stack:
            one, other = (
                stack.enter_context(serve(application, port))
                for application, port in zip((self.instance, self.github), self._ports, strict=True)
            )
            self.instance.origin, self.github.api_url = one.origin, other.origin
            self.push(stack.pop_all())
        return super().__enter__()
