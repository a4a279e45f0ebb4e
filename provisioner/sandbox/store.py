"""The state of one instance, and what is found in it."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provisioner.sandbox.answers import Situation
from provisioner.sandbox.records import (
    AccessToken,
    Account,
    Grant,
    RegisteredApplication,
    Session,
    Status,
)
from provisioner.sandbox.web import Refused, Request

if TYPE_CHECKING:
    from provisioner.sandbox.mastodon import Mastodon


class Store:
    """All state of one instance, and the clock and randomness that it uses."""

    def __init__(
        self,
        server: "Mastodon",
        origin: str,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        super().__init__()
        self.server = server
        self.origin = origin
        self.clock = clock
        self.random = random
        self.own_domain = ""
        """What stands behind the @ of its accounts, where that is not the origin's host."""
        self.accounts: list[Account] = []
        self.applications: list[RegisteredApplication] = []
        self.last_application = 0
        self.grants: list[Grant] = []
        self.tokens: list[AccessToken] = []
        self.statuses: list[Status] = []
        self.sessions: dict[str, Session] = {}

    def refused(self, situation: Situation, scope: str = "") -> Refused:
        """Return what this server answers in that situation, to be raised."""
        answer = self.server.answers[situation]
        if answer is None:
            raise KeyError(situation)
        return Refused(answer.response(scope))

    def require(self, condition: object, situation: Situation, scope: str = "") -> None:
        """Refuse unless the condition holds, or this server does not mind."""
        if not condition and self.server.answers[situation] is not None:
            raise self.refused(situation, scope)

    @property
    def host(self) -> str:
        """The web host with its port, as in the origin."""
        return urlsplit(self.origin).netloc

    @property
    def domain(self) -> str:
        """What stands behind the @ of its accounts, with the port: Mastodon's LOCAL_DOMAIN."""
        return self.own_domain or self.host

    def address_of(self, account: Account) -> str:
        return f"{account.username}@{account.domain or self.domain}"

    def by_address(self, address: str) -> Account | None:
        """Find an account by its full name, in any case; the web host serves as domain too."""
        name, _, domain = address.lower().rpartition("@")
        wanted = f"{name}@{self.domain if domain == self.host else domain}".lower()
        found = (one for one in self.accounts if self.address_of(one).lower() == wanted)
        return next(found, None)

    def signed_in(self, name: str, password: str) -> Account | None:
        """Find whom a name and a password are for; the name may always be the e-mail address."""
        wanted, by_name = name.strip().lower(), not self.server.sign_in_by_email
        for one in self.accounts:
            named = wanted in (one.email.lower(), one.username.lower() if by_name else None)
            if named and one.password == password:
                return one
        return None

    def application(self, client_id: str) -> RegisteredApplication | None:
        return next((one for one in self.applications if one.client_id == client_id), None)

    def grant(self, code: str) -> Grant | None:
        """Find a grant by its code; white space counts."""
        return next((one for one in self.grants if one.code == code), None)

    def expired(self, grant: Grant) -> bool:
        return self.clock() > grant.created_at + self.server.code_seconds

    def token(self, value: str) -> AccessToken | None:
        """Find a token, revoked or not."""
        return next((one for one in self.tokens if one.token == value), None)

    def accepts(self, token: AccessToken) -> bool:
        """Whether a token opens the API: it is not revoked and has not expired."""
        return token.live and (token.expires_at is None or self.clock() < token.expires_at)

    def authorized(self, request: Request, need: str) -> AccessToken:
        """Return a request's token; refuse dead ones and narrow ones."""
        token = self.token(request.bearer or "")
        if token is None:
            raise self.refused("token: none" if request.bearer is None else "token: unknown")
        if not token.live:
            raise self.refused("token: revoked")
        if not self.accepts(token):
            raise self.refused("token: expired")
        enough = self.server.needs[need]
        self.require(set(enough) & set(token.scopes), "token: narrow scope", scope=enough[-1])
        return token

    def tokens_of(self, application: RegisteredApplication, account: Account) -> list[AccessToken]:
        """Return the tokens that work of an application for an account, oldest first."""
        mine = [one for one in self.tokens if one.application is application]
        return [one for one in mine if one.account is account and self.accepts(one)]

    def mint(
        self, application: RegisteredApplication, account: Account, scopes: Iterable[str]
    ) -> AccessToken:
        """Add a new token; it lasts as long as this server's tokens do."""
        value, now = self.server.new_token(self), self.clock()
        token = AccessToken(value, account, application, tuple(scopes), now)
        if self.server.token_seconds is not None:
            token.expires_at = now + self.server.token_seconds
        self.tokens.append(token)
        return token
