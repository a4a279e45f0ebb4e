"""What an instance remembers: accounts, applications, grants, tokens, statuses, sessions."""

import base64
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from provisioner.sandbox.contents import Place
from provisioner.sandbox.throttle import Throttle
from provisioner.sandbox.traits import MASTODON_4_7, Traits
from provisioner.sandbox.web import Response

OOB = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect URI that makes an instance show the code on a page (Doorkeeper's native URI)."""

State = Literal["active", "unconfirmed", "pending", "disabled", "suspended", "moved", "needs-2fa"]


@dataclass(eq=False)
class Account:
    """A person's or a bot's account. The sandbox shows its password on the sign-in page.

    A test may set `state`: all but `active` are refused by the API with 403.
    """

    id: int
    username: str
    password: str = field(repr=False)
    email: str
    created_at: float
    state: State = "active"
    bot: bool = False
    display_name: str = ""
    domain: str | None = None
    """Where the account is not on the instance's own domain (Takahē has many)."""
    admin: bool = False
    two_factor: bool = False
    """Whether its password alone is not enough for a program; the sandbox's pages still take it."""

    @property
    def refusal(self) -> str | None:
        """Why the account cannot act (Mastodon's `require_user!`); None where it can."""
        match self.state:
            case "active":
                return None
            case "unconfirmed":
                return "Your login is missing a confirmed e-mail address"
            case "pending":
                return "Your login is currently pending approval"
            case "needs-2fa":
                return "Your account requires two-factor authentication"
            case _:
                return "Your login is currently disabled"


@dataclass(eq=False)
class RegisteredApplication:
    """What `POST /api/v1/apps` registered (RFC 6749: the client)."""

    id: int
    name: str
    website: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    client_id: str
    client_secret: str = field(repr=False)
    created_at: float
    owner: Account | None = None
    """Whose it is: Pleroma gives it to whom its first token is for."""

    def authenticates(self, client_secret: str) -> bool:
        """Whether that is the client secret."""
        return hmac.compare_digest(self.client_secret.encode(), client_secret.encode())


@dataclass(eq=False)
class Grant:
    """An authorization code and what a person approved.

    One that was revoked counts as used: Doorkeeper revokes a grant when its code is exchanged.
    """

    code: str = field(repr=False)
    application: RegisteredApplication
    account: Account
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    created_at: float
    used: bool = False


@dataclass(eq=False)
class AccessToken:
    """An access token; `account` is None where an application got it for itself."""

    token: str = field(repr=False)
    account: Account | None
    application: RegisteredApplication
    scopes: tuple[str, ...]
    created_at: float
    revoked_at: float | None = None
    id: int = 0
    expires_at: float | None = None
    refresh_token: str = field(default="", repr=False)

    @property
    def live(self) -> bool:
        """Whether nobody revoked it; Mastodon's tokens do not expire, some servers' do."""
        return self.revoked_at is None


@dataclass(frozen=True)
class Authorization:
    """An application that may act for an account, with all that its tokens and codes allow."""

    application: RegisteredApplication
    scopes: tuple[str, ...]
    since: float


@dataclass(eq=False)
class Status:
    """A post."""

    id: int
    account: Account
    application: RegisteredApplication
    text: str
    visibility: str
    created_at: float
    idempotency_key: str = ""

    @property
    def is_public(self) -> bool:
        """Whether everybody may see it."""
        return self.visibility in ("public", "unlisted")


@dataclass(eq=False)
class Session:
    """One browser's session."""

    id: str = field(repr=False)
    csrf: str = field(repr=False)
    account: Account | None = None
    return_to: str = field(default="/", repr=False)
    asked: dict[str, str] = field(default_factory=dict, repr=False)
    """The authorization request, where a server keeps it here and not in its form."""
    token: "AccessToken | None" = None
    """The front end's own token, where a server keeps one here."""
    at_settings: Account | None = None
    """Who signed in to the page that stands for a server's settings."""

    def made(self, csrf: str) -> bool:
        """Whether a form with this came from one of the session's pages."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode())


@dataclass(eq=False)
class Store:
    """All state of one instance, and the clock and randomness that it uses."""

    origin: str
    domain: str | None
    title: str
    version: str
    clock: Callable[[], float]
    random: Callable[[int], bytes]
    code_seconds: float
    registrations: Throttle
    requests: Throttle
    booting: bool = False
    traits: Traits = MASTODON_4_7
    accounts: list[Account] = field(default_factory=list)
    applications: list[RegisteredApplication] = field(default_factory=list)
    last_application: int = 0
    last_token: int = 0
    grants: list[Grant] = field(default_factory=list)
    tokens: list[AccessToken] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    sessions: dict[str, Session] = field(default_factory=dict)
    replies: dict[str, tuple[float, Response]] = field(default_factory=dict)
    """What was answered to an Idempotency-Key and when, where the key is all that counts."""

    @property
    def host(self) -> str:
        """The web host with its port, as in the origin."""
        return urlsplit(self.origin).netloc

    @property
    def account_domain(self) -> str:
        """What stands behind the @ of an account: Mastodon's LOCAL_DOMAIN."""
        return self.domain or self.host

    @property
    def place(self) -> Place:
        """Where its posts are written."""
        names = {one.username.lower() for one in self.accounts}
        return Place(self.origin, self.account_domain, names)

    def identifier(self) -> str:
        """Make a code, token, client id or secret: 43 base64url characters, `-` first or not.

        Doorkeeper makes all four with `SecureRandom.urlsafe_base64(32)`.
        """
        return base64.urlsafe_b64encode(self.random(32)).rstrip(b"=").decode()

    def account(self, username: str) -> Account | None:
        """Find an account by its name, where case does not matter."""
        wanted = username.lower()
        return next((one for one in self.accounts if one.username.lower() == wanted), None)

    def signed_in(self, name: str, password: str, *, by_name: bool = True) -> Account | None:
        """Find whom a name and a password are for; the name may always be the e-mail address."""
        wanted = name.strip().lower()
        for account in self.accounts:
            names = (account.email.lower(), account.username.lower() if by_name else None)
            if wanted in names:
                right = hmac.compare_digest(account.password.encode(), password.encode())
                return account if right else None
        return None

    def address(self, account: Account) -> str:
        """Return an account's full name, as `alice@127.0.0.1:8080`."""
        return f"{account.username}@{account.domain or self.account_domain}"

    def register(self, **fields: Any) -> RegisteredApplication:
        """Add an application with the next number.

        Never a deleted application's: an old page's form would revoke the new one.
        """
        self.last_application += 1
        made = RegisteredApplication(id=self.last_application, created_at=self.clock(), **fields)
        self.applications.append(made)
        return made

    def forget(self, gone: RegisteredApplication | None) -> None:
        """Delete an application with its grants and tokens."""
        self.applications[:] = [one for one in self.applications if one is not gone]
        self.grants[:] = [one for one in self.grants if one.application is not gone]
        self.tokens[:] = [one for one in self.tokens if one.application is not gone]

    def may(self, application: RegisteredApplication, wanted: Iterable[str]) -> bool:
        """Whether every scope was registered literally: `write` does not cover `write:statuses`.

        An application without scopes may ask for any that the instance supports (Doorkeeper's
        ScopeChecker).
        """
        return set(wanted) <= set(application.scopes or self.traits.scopes)

    def numbered(self, number: str) -> Account | None:
        """Find an account by its id."""
        return next((one for one in self.accounts if str(one.id) == number), None)

    def by_address(self, address: str) -> Account | None:
        """Find an account by its full name, where case does not matter."""
        found = (one for one in self.accounts if self.address(one).lower() == address.lower())
        return next(found, None)

    def post(self, number: str, reader: Account | None) -> Status | None:
        """Find a post by its id, if it is public or the reader's own."""
        for status in self.statuses:
            if str(status.id) == number and (status.is_public or status.account is reader):
                return status
        return None

    def posts(
        self, account: Account, visibilities: Iterable[str], limit: int | None
    ) -> list[Status]:
        """Return an account's latest posts that are so visible, newest first."""
        wanted = set(visibilities)
        mine = (one for one in reversed(self.statuses) if one.account is account)
        return [one for one in mine if one.visibility in wanted][:limit]

    def application(self, client_id: str) -> RegisteredApplication | None:
        """Find an application by its client id."""
        return next((one for one in self.applications if one.client_id == client_id), None)

    def grant(self, code: str) -> Grant | None:
        """Find a grant by its code; white space counts."""
        return next((one for one in self.grants if one.code == code), None)

    def approve(
        self,
        application: RegisteredApplication,
        account: Account,
        scopes: tuple[str, ...],
        redirect_uri: str,
        code: str,
        challenge: str = "",
    ) -> Grant:
        """Add what a person approved, with its code."""
        grant = Grant(code, application, account, redirect_uri, scopes, challenge, self.clock())
        self.grants.append(grant)
        return grant

    def usable(self, grant: Grant) -> bool:
        """Whether a grant's code can still be exchanged (Doorkeeper's `accessible?`)."""
        return not grant.used and self.clock() <= grant.created_at + self.code_seconds

    def token(self, value: str) -> AccessToken | None:
        """Find a token, revoked or not."""
        return next((one for one in self.tokens if one.token == value), None)

    def accepts(self, token: AccessToken) -> bool:
        """Whether a token opens the API: it is not revoked and has not expired."""
        return token.live and (token.expires_at is None or self.clock() < token.expires_at)

    def accepted(self, value: str) -> AccessToken | None:
        """Find a token that opens the API."""
        token = self.token(value)
        return token if token is not None and self.accepts(token) else None

    def matching_token(
        self, application: RegisteredApplication, account: Account | None, scopes: Iterable[str]
    ) -> AccessToken | None:
        """Find the live token of the same application, account and set of scopes."""
        wanted = set(scopes)
        for one in self.tokens:
            same = one.application is application and one.account is account
            if same and self.accepts(one) and set(one.scopes) == wanted:
                return one
        return None

    def authorizations(self, account: Account) -> list[Authorization]:
        """Return the applications with a live token or usable code of an account, oldest first."""
        given: list[AccessToken | Grant] = [one for one in self.tokens if self.accepts(one)]
        given += [one for one in self.grants if self.usable(one)]
        found: dict[RegisteredApplication, list[AccessToken | Grant]] = {}
        for one in (one for one in given if one.account is account):
            found.setdefault(one.application, []).append(one)
        return sorted(
            (_authorization(application, all_of_it) for application, all_of_it in found.items()),
            key=lambda one: (one.since, one.application.id),
        )

    def revoke_authorization(self, application: RegisteredApplication, account: Account) -> None:
        """Revoke an account's tokens and codes of an application, and nobody else's.

        Doorkeeper's `revoke_tokens_and_grants_for`: the application's own tokens stay alive.
        """
        for token in self.tokens:
            if token.application is application and token.account is account and token.live:
                token.revoked_at = self.clock()
        for grant in self.grants:
            if grant.application is application and grant.account is account:
                grant.used = True

    def issue(
        self, application: RegisteredApplication, account: Account | None, scopes: tuple[str, ...]
    ) -> AccessToken:
        """Return the matching token where there is one, and else a new one.

        That is Doorkeeper's `reuse_access_token`, which Mastodon turns on: the same string comes
        back, with its old `created_at`.
        """
        known = self.matching_token(application, account, scopes)
        if known is not None:
            return known
        return self.mint(application, account, scopes, self.identifier())

    def mint(
        self,
        application: RegisteredApplication,
        account: Account | None,
        scopes: tuple[str, ...],
        value: str,
    ) -> AccessToken:
        """Add a new token; it lasts as long as this server's tokens do."""
        self.last_token += 1
        token = AccessToken(value, account, application, scopes, self.clock(), id=self.last_token)
        if self.traits.token_seconds is not None:
            token.expires_at = token.created_at + self.traits.token_seconds
        self.tokens.append(token)
        return token


def _authorization(
    application: RegisteredApplication, given: Iterable[AccessToken | Grant]
) -> Authorization:
    ordered = sorted(given, key=lambda one: one.created_at)
    scopes = dict.fromkeys(scope for one in ordered for scope in one.scopes)
    return Authorization(application, tuple(scopes), ordered[0].created_at)
