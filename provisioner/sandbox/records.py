"""What an instance remembers: accounts, applications, grants, tokens, posts, sessions."""

from dataclasses import dataclass
from typing import Literal

OOB = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect URI that makes an instance show the code on a page (Doorkeeper's native URI)."""

DEFAULT_SCOPE = "read"
VISIBILITIES = ("public", "unlisted", "private", "direct")
State = Literal["active", "unconfirmed", "pending", "disabled", "suspended", "moved", "needs-2fa"]


@dataclass(eq=False)
class Account:
    """A person's or a bot's account. The sandbox shows its password on the sign-in page.

    A test may set `state`.
    """

    id: int
    username: str
    password: str
    email: str
    created_at: float
    state: State = "active"
    bot: bool = False
    domain: str | None = None
    """Where the account is not on the instance's own domain (Takahē has many)."""
    two_factor: bool = False
    """Whether its password alone is not enough for a program."""


@dataclass(eq=False)
class RegisteredApplication:
    """What `POST /api/v1/apps` registered (RFC 6749: the client)."""

    id: int
    name: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    client_id: str
    client_secret: str
    created_at: float


@dataclass(eq=False)
class Grant:
    """An authorization code and what a person approved; one that was revoked counts as used."""

    code: str
    application: RegisteredApplication
    account: Account
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    created_at: float
    used: bool = False


@dataclass(eq=False)
class AccessToken:
    """An access token."""

    token: str
    account: Account
    application: RegisteredApplication
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None

    @property
    def live(self) -> bool:
        """Whether nobody revoked it; Mastodon's tokens do not expire, some servers' do."""
        return self.revoked_at is None


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


@dataclass(eq=False)
class Session:
    """One browser's session."""

    id: str
    account: Account | None = None
    return_to: str = "/"


def split(text: str) -> tuple[str, ...]:
    """Split a space-separated list, without repetitions, in the order given."""
    return tuple(dict.fromkeys(text.split()))
