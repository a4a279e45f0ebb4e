"""An instance that behaves as Mastodon 4.7: its state, and who answers.

Written from Mastodon's documents and code alone, and from no client's.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate

from provisioner.sandbox import api, authorize, discovery, oauth, sessions
from provisioner.sandbox.mastodon import METADATA, Mastodon
from provisioner.sandbox.records import Account
from provisioner.sandbox.store import Store
from provisioner.sandbox.web import Application, Request, Response

Route = Callable[[Store, Request], Response]
ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/.well-known/webfinger"): discovery.webfinger,
    ("GET", METADATA): discovery.oauth_metadata,
    ("GET", "/api/v1/instance"): discovery.instance_v1,
    ("GET", "/api/v2/instance"): discovery.instance_v2,
    ("POST", "/api/v1/apps"): api.register,
    ("GET", "/oauth/authorize"): authorize.show,
    ("POST", "/oauth/authorize"): authorize.submit,
    ("GET", "/oauth/authorize/native"): authorize.native,
    ("GET", "/auth/sign_in"): sessions.sign_in_page,
    ("POST", "/auth/sign_in"): sessions.sign_in,
    ("POST", "/auth/sign_out"): sessions.sign_out,
    ("POST", "/oauth/token"): oauth.token,
    ("POST", "/oauth/revoke"): oauth.revoke,
    ("GET", "/api/v1/accounts/verify_credentials"): api.verify_account,
    ("POST", "/api/v1/statuses"): api.post_status,
}


class Instance(Store, Application):
    """A Mastodon as an application; `server.serve` puts it on a socket.

    `clock` returns seconds since the epoch, `random` that many random bytes; `server` is what it
    behaves as.
    """

    def __init__(
        self,
        origin: str = "http://127.0.0.1",
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
        server: Mastodon | None = None,
    ) -> None:
        super().__init__(server or Mastodon(), origin, clock, random)

    def add_account(
        self,
        username: str,
        password: str,
        *,
        bot: bool = False,
        domain: str | None = None,
    ) -> Account:
        """Add an account that can sign in."""
        with self.lock:
            account = Account(
                id=109_000_000_000_000_001 + len(self.accounts),
                username=username,
                password=password,
                email=f"{username}@example.org",
                created_at=self.clock(),
                bot=bot,
                domain=domain,
            )
            self.accounts.append(account)
            return account

    def account(self, username: str) -> Account:
        """Return an account by its name; `KeyError` where there is none."""
        for account in self.accounts:
            if account.username == username:
                return account
        raise KeyError(username)

    def approve(self, link: str, username: str) -> str:
        """Return the code that the account's owner gets who opens the link and approves it."""
        with self.lock:
            queries = Request("GET", "/", link.partition("?")[2]).queries
            asked = authorize.check(self, queries)
            return authorize.approve(self, asked, self.account(username)).code

    def answer(self, request: Request) -> Response:
        """Answer one request; a slash at the end of its path does not matter, as to Rails."""
        request = replace(request, path=request.path.rstrip("/") or "/")
        self.server.arrives(self, request)
        route = self.route(request)
        if route is None or request.path in self.server.absent:
            raise self.refused("no such page")
        return route(self, request)

    def route(self, request: Request) -> Route | None:
        return ROUTES.get((request.method, request.path))

    def finish(self, request: Request, response: Response) -> Response:
        """Add what every answer of this server carries: its time too (RFC 9110, 6.6.1)."""
        dated = response.plus({"Date": formatdate(self.clock(), usegmt=True)})
        return self.server.leaves(self, request, dated)
