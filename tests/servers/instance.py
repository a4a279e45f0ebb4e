"""An instance with what only tests use: a throttle, NodeInfo, the end of authorizations."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape

from provisioner.sandbox import Instance as SandboxInstance
from provisioner.sandbox import Response
from provisioner.sandbox.api import account_entity, register
from provisioner.sandbox.instance import Route
from provisioner.sandbox.pages import page
from provisioner.sandbox.records import AccessToken, Account, Grant, RegisteredApplication
from provisioner.sandbox.sessions import session_of, sign_in_first
from provisioner.sandbox.store import Store
from provisioner.sandbox.web import Refused, Request, html_response, json_response, redirect
from tests.servers.behaviour import Server


class Instance(SandboxInstance):
    """An instance that behaves as one of the servers in the table."""

    server: Server

    def __init__(
        self,
        origin: str,
        *,
        server: Server,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        registration_limit: int | None,
    ) -> None:
        super().__init__(origin, server=server, clock=clock, random=random)
        self.registration_limit = registration_limit
        self._registrations: Counter[tuple[str, int]] = Counter()

    @property
    def personality(self) -> str:
        """The server's name."""
        return self.server.name

    def revoke_access(self, username: str) -> None:
        """Revoke all of an account's tokens, as a password reset does."""
        with self.lock:
            for token in self.live_tokens(username):
                token.revoked_at = self.clock()

    def delete_application(self, client_id: str) -> None:
        """Delete an application with its grants and tokens, as its owner does."""
        with self.lock:
            self.forget(self.application(client_id))

    def forget(self, gone: RegisteredApplication | None) -> None:
        """Delete an application with its grants and tokens."""
        self.applications[:] = [one for one in self.applications if one is not gone]
        self.grants[:] = [one for one in self.grants if one.application is not gone]
        self.tokens[:] = [one for one in self.tokens if one.application is not gone]

    def is_live(self, token: str) -> bool:
        """Whether the instance accepts that token."""
        with self.lock:
            found = self.token(token)
            return found is not None and self.accepts(found)

    def live_tokens(self, username: str) -> list[AccessToken]:
        """Return the account's tokens that work, oldest first."""
        with self.lock:
            account = self.account(username)
            return [one for one in self.tokens if one.account is account and self.accepts(one)]

    def address(self, username: str) -> str:
        """Return an account's full name, as `alice@127.0.0.1:8080`."""
        return self.address_of(self.account(username))

    def answer(self, request: Request) -> Response:
        """Answer one request, after the applications were deleted that nobody used for too long."""
        seconds = self.server.unused_seconds
        for application in list(self.applications) if seconds is not None else ():
            old = self.clock() > application.created_at + (seconds or 0)
            if old and self.server.is_unused(self, application):
                self.forget(application)
        return super().answer(request)

    def route(self, request: Request) -> Route | None:
        """Find who answers at an address."""
        place = self.server.applications_page
        match (request.method, *request.segments):
            case ("GET", *_) if request.path == place:
                return self._show_authorizations
            case ("POST", *_) if request.path == f"{place}/revoke":
                return self._end_authorization
            case ("POST", "api", "v1", "apps"):
                return self._register
            case ("GET", "api", "v1", "accounts", number) if number.isdigit():
                return self._show_account
            case ("GET", ".well-known", "nodeinfo") | ("GET", "nodeinfo", _):
                return self._node_info if self.server.node_info else None
            case _:
                return super().route(request)

    def authorized(self, request: Request, need: str) -> AccessToken:
        """Refuse the tokens of barred accounts too."""
        token = super().authorized(request, need)
        if token.account.state != "active":
            self.require(None, f"account: {token.account.state}")
        return token

    def authorizations(self, account: Account) -> dict[RegisteredApplication, float]:
        """Which applications have a live token or usable code of an account, and since when."""
        given: list[AccessToken | Grant] = [one for one in self.tokens if self.accepts(one)]
        given += [one for one in self.grants if not (one.used or self.expired(one))]
        found: dict[RegisteredApplication, float] = {}
        for one in sorted(given, key=lambda one: one.created_at):
            if one.account is account:
                found.setdefault(one.application, one.created_at)
        return found

    def _register(self, store: Store, request: Request) -> Response:
        """Register so many times in ten minutes, in windows of the clock (Rack::Attack).

        The reset has the microseconds of this request, as Mastodon writes it; no Retry-After.
        """
        if self.registration_limit is None:
            return register(store, request)
        now, seconds = self.clock(), 600
        window = (request.client, int(now) // seconds)
        self._registrations[window] += 1
        left = self.registration_limit - self._registrations[window]
        end = datetime.fromtimestamp(now + seconds - int(now) % seconds, UTC)
        headers = {
            "X-RateLimit-Limit": str(self.registration_limit),
            "X-RateLimit-Remaining": str(max(left, 0)),
            "X-RateLimit-Reset": end.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        if left < 0:
            raise Refused(self.refused("register: too many").response.plus(headers))
        return register(store, request).plus(headers)

    def _show_account(self, store: Store, request: Request) -> Response:
        """`GET /api/v1/accounts/:id`: Takahē, which alone is asked, always tells the domain here
        (users/models/identity.py, `to_mastodon_json`).
        """
        store.authorized(request, "account")
        for account in self.accounts:
            if str(account.id) == request.segments[3]:
                entity = account_entity(self, account) | {"acct": self.address_of(account)}
                return json_response(200, entity)
        raise self.refused("no such page")

    def _node_info(self, _: Store, request: Request) -> Response:
        """NodeInfo (https://nodeinfo.diaspora.software/protocol)."""
        name, version = self.server.node_info or ("", "")
        if request.segments[0] == "nodeinfo":
            return json_response(200, {"software": {"name": name, "version": version}})
        rel = "http://nodeinfo.diaspora.software/ns/schema/2.1"
        return json_response(200, {"links": [{"rel": rel, "href": f"{self.origin}/nodeinfo/2.1"}]})

    def _show_authorizations(self, store: Store, request: Request) -> Response:
        """Where a person ends what they authorized. Each server has such a page, mostly in
        JavaScript; this one stands for it, at its address.
        """
        session = session_of(store, request)
        if session.account is None:
            return sign_in_first(store, request)
        entries = "".join(
            f"""
            <form action="{self.server.applications_page}/revoke" method="post">
              <input type="hidden" name="id" value="{one.id}">
              {escape(one.name)}: {datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M:%S UTC}
              <button type="submit">Revoke</button></form>"""
            for one, since in self.authorizations(session.account).items()
        )
        return html_response(200, page("Your authorized applications", entries or "None yet."))

    def _end_authorization(self, store: Store, request: Request) -> Response:
        """Revoke an account's tokens and codes of an application, and nobody else's."""
        account = session_of(store, request).account
        if account is None:
            return sign_in_first(store, request)
        for application in self.applications:
            if str(application.id) == request.form.get("id"):
                for token in self.tokens_of(application, account):
                    token.revoked_at = self.clock()
                for grant in self.grants:
                    grant.used |= grant.application is application and grant.account is account
        return redirect(self.server.applications_page)
