"""An instance that behaves as Mastodon 4.7: its state, and which address leads where.

Written from Mastodon's and Doorkeeper's documents and code alone, and from no client's.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from provisioner.sandbox import (
    api,
    authorize,
    authorized_applications,
    discovery,
    oauth,
    pages,
    registration,
    sessions,
)
from provisioner.sandbox.parameters import deletes, parameters
from provisioner.sandbox.records import (
    CODE_SECONDS,
    AccessToken,
    Account,
    RegisteredApplication,
    Status,
    Store,
)
from provisioner.sandbox.web import Application, Request, Response, html_response, json_response

REGISTRATION_SECONDS = 600
_LOOPBACK = "http://127.0.0.1"
_Route = Callable[[Store, Request], Response]

_ROUTES: dict[tuple[str, str], _Route] = {
    ("GET", "/.well-known/webfinger"): discovery.webfinger,
    ("GET", "/.well-known/oauth-authorization-server"): discovery.oauth_metadata,
    ("GET", "/api/v1/instance"): discovery.instance_v1,
    ("GET", "/api/v2/instance"): discovery.instance_v2,
    ("GET", "/oauth/authorize"): authorize.show,
    ("POST", "/oauth/authorize"): authorize.submit,
    ("DELETE", "/oauth/authorize"): authorize.submit,
    ("GET", "/oauth/authorize/native"): authorize.native,
    ("GET", authorized_applications.PATH): authorized_applications.index,
    ("GET", "/auth/sign_in"): sessions.sign_in_page,
    ("POST", "/auth/sign_in"): sessions.sign_in,
    ("POST", "/auth/sign_out"): sessions.sign_out,
    ("POST", "/oauth/token"): oauth.token,
    ("POST", "/oauth/revoke"): oauth.revoke,
    ("GET", "/oauth/userinfo"): api.user_info,
    ("GET", "/api/v1/accounts/verify_credentials"): api.verify_account,
    ("GET", "/api/v1/apps/verify_credentials"): api.verify_application,
    ("POST", "/api/v1/statuses"): api.post_status,
}


class Instance(Application):
    """A Mastodon-like instance as an application; `server.serve` puts it on a socket.

    `domain` is what stands behind the @ of its accounts where that is not the origin's host.
    `clock` returns seconds since the epoch, `random` that many random bytes.
    """

    def __init__(
        self,
        origin: str = _LOOPBACK,
        *,
        domain: str | None = None,
        title: str = "Sandbox",
        version: str = "4.7.3",
        registration_limit: int | None = 5,
        code_seconds: float = CODE_SECONDS,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Start without accounts."""
        super().__init__()
        self.store = Store(origin, domain, title, version, clock, random, code_seconds)
        self.throttle = registration.Throttle(registration_limit, REGISTRATION_SECONDS)

    @property
    def origin(self) -> str:
        """Where the instance is reached, without a slash at the end."""
        return self.store.origin

    @origin.setter
    def origin(self, origin: str) -> None:
        self.store.origin = origin

    @property
    def domain(self) -> str:
        """What stands behind the @ of its accounts, with the port."""
        return self.store.account_domain

    @property
    def version(self) -> str:
        """The version that it says it is."""
        return self.store.version

    @version.setter
    def version(self, version: str) -> None:
        self.store.version = version

    @property
    def registration_limit(self) -> int | None:
        """How many applications an address may register in ten minutes; None: any number."""
        return self.throttle.limit

    @registration_limit.setter
    def registration_limit(self, limit: int | None) -> None:
        self.throttle.limit = limit

    @property
    def accounts(self) -> list[Account]:
        """All accounts, in the order in which they were added."""
        return self.store.accounts

    @property
    def applications(self) -> list[RegisteredApplication]:
        """All registered applications, oldest first."""
        return self.store.applications

    @property
    def tokens(self) -> list[AccessToken]:
        """All tokens, the revoked ones too, oldest first."""
        return self.store.tokens

    @property
    def statuses(self) -> list[Status]:
        """All posts, oldest first."""
        return self.store.statuses

    def add_account(
        self, username: str, password: str, email: str | None = None, *, bot: bool = False
    ) -> Account:
        """Add an account that can sign in; `ValueError` where the name is taken."""
        with self.lock:
            if self.store.account(username) is not None:
                raise ValueError(f"there is an account {username} already")
            account = Account(
                id=109_000_000_000_000_001 + len(self.accounts),
                username=username,
                password=password,
                email=email or f"{username}@example.org",
                created_at=self.store.clock(),
                bot=bot,
            )
            self.accounts.append(account)
            return account

    def address(self, username: str) -> str:
        """Return an account's full name, as `alice@127.0.0.1:8080`."""
        return f"{username}@{self.domain}"

    def is_live(self, token: str) -> bool:
        """Whether the instance accepts that token."""
        with self.lock:
            found = self.store.token(token)
            return found is not None and found.live

    def live_tokens(self, username: str) -> list[AccessToken]:
        """Return the account's tokens that are not revoked, oldest first."""
        with self.lock:
            account = self.store.account(username)
            return [one for one in self.tokens if one.live and one.account is account is not None]

    def revoke_access(self, username: str) -> None:
        """Revoke all of an account's tokens, as a password reset does."""
        for token in self.live_tokens(username):
            token.revoked_at = self.store.clock()

    def vacuum(self) -> None:
        """Forget revoked tokens, as the nightly vacuum does: they are "invalid" from then on."""
        with self.lock:
            self.tokens[:] = [one for one in self.tokens if one.live]

    def delete_application(self, client_id: str) -> None:
        """Delete an application with its grants and tokens, as its owner or an old vacuum does."""
        with self.lock:
            store = self.store
            gone = store.application(client_id)
            store.applications[:] = [one for one in store.applications if one is not gone]
            store.grants[:] = [one for one in store.grants if one.application is not gone]
            store.tokens[:] = [one for one in store.tokens if one.application is not gone]

    def answer(self, request: Request) -> Response:
        """Answer one request; a slash at the end of its path does not matter, as to Rails."""
        request = replace(request, path=request.path.rstrip("/") or "/")
        if (request.method, request.path) == ("POST", "/api/v1/apps"):
            return registration.register(self.store, self.throttle, request)
        route = _ROUTES.get((request.method, request.path))
        if route is not None:
            return route(self.store, request)
        if request.method == "GET":
            return self._page(request)
        return self._action(request)

    def _page(self, request: Request) -> Response:
        match request.segments:
            case ("",):
                return html_response(200, pages.home(self.store))
            case ("api", "v1", "statuses", number):
                return api.show_status(self.store, request, number)
            case (name, *rest) if name.startswith("@") and len(rest) <= 1:
                return self._profile(request, name.removeprefix("@"), rest)
            case _:
                return _not_found(request)

    def _action(self, request: Request) -> Response:
        match request.segments:
            case ("oauth", "authorized_applications", number) if deletes(
                request, parameters(request)
            ):
                return authorized_applications.destroy(self.store, request, number)
            case _:
                return _not_found(request)

    def _profile(self, request: Request, username: str, rest: list[str]) -> Response:
        account = self.store.account(username)
        posts = [
            one
            for one in reversed(self.statuses)
            if one.account is account
            and one.visibility in ("public", "unlisted")
            and (not rest or str(one.id) in rest)
        ]
        if account is None or (rest and not posts):
            return _not_found(request)
        page = pages.profile(account, self.address(account.username), posts)
        return html_response(200, page)


def _not_found(request: Request) -> Response:
    if "text/html" in request.headers.get("Accept", ""):
        return html_response(404, pages.not_found())
    return json_response(404, {"error": "Not Found"})
