"""What is Mastodon 4.7's own, and differs on other servers: tests derive those from it."""

import base64
from collections.abc import Mapping
from html import escape
from typing import ClassVar
from urllib.parse import urlencode

from provisioner.sandbox import answers
from provisioner.sandbox.answers import Answer, Situation
from provisioner.sandbox.records import (
    AccessToken,
    Account,
    Grant,
    RegisteredApplication,
    Status,
    split,
)
from provisioner.sandbox.store import Store
from provisioner.sandbox.web import Request, Response, redirect

METADATA = "/.well-known/oauth-authorization-server"
IDEMPOTENCY_SECONDS = 3600

_READ = (
    "accounts blocks bookmarks collections favourites filters follows lists mutes notifications "
    "search statuses"
)
_WRITE = (
    "accounts blocks bookmarks collections conversations favourites filters follows lists media "
    "mutes notifications reports statuses"
)
_ADMIN = (
    "accounts reports domain_allows domain_blocks ip_blocks email_domain_blocks "
    "canonical_email_blocks"
)

SUPPORTED: tuple[str, ...] = (
    "read",
    "profile",
    "write",
    *(f"write:{name}" for name in _WRITE.split()),
    *(f"read:{name}" for name in _READ.split()),
    "follow",
    "push",
    "admin:read",
    *(f"admin:read:{name}" for name in _ADMIN.split()),
    "admin:write",
    *(f"admin:write:{name}" for name in _ADMIN.split()),
)
"""As `GET /.well-known/oauth-authorization-server` of 4.7 lists them."""


class Mastodon:
    """Mastodon 4.7."""

    software = "Mastodon 4.7"
    version = "4.7.3"
    answers: ClassVar[Mapping[Situation, Answer | None]] = answers.MASTODON
    absent: tuple[str, ...] = ()
    """Addresses that are not there."""
    scopes: tuple[str, ...] | None = SUPPORTED
    """The scopes that can be registered; None: any."""
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "account": ("profile", "read", "read:accounts"),
        "post": ("write", "write:statuses"),
    }
    """Which scopes open what: any one of them."""
    code_seconds: float = 600
    token_seconds: float | None = None
    """How long a token works; None: without an end."""
    pkce = True
    """Whether a challenge is kept."""
    sign_in_by_email = False
    """Whether only the e-mail address names an account at the sign-in."""

    def arrives(self, store: Store, request: Request) -> None:
        """See a request before it is answered; may raise `Refused`."""

    def leaves(self, store: Store, request: Request, response: Response) -> Response:  # noqa: ARG002
        return response

    def new_client(self, store: Store) -> tuple[str, str]:
        return self.new_code(store), self.new_code(store)

    def new_code(self, store: Store) -> str:
        """Make a code: 43 base64url characters, `-` first or not (`urlsafe_base64(32)`)."""
        return base64.urlsafe_b64encode(store.random(32)).rstrip(b"=").decode()

    def new_token(self, store: Store) -> str:
        return self.new_code(store)

    def redirect_uris(self, text: str) -> tuple[str, ...]:
        return tuple(text.split())

    def registered(self, application: RegisteredApplication) -> dict[str, object]:
        return {
            "id": str(application.id),
            "name": application.name,
            "website": None,
            "scopes": list(application.scopes),
            "redirect_uris": list(application.redirect_uris),
            "redirect_uri": "\n".join(application.redirect_uris),
            "vapid_key": "BSandboxHasNoPushNotifications",
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "client_secret_expires_at": 0,
        }

    def may(self, application: RegisteredApplication, wanted: tuple[str, ...]) -> bool:
        """Whether every scope was registered literally: `write` does not cover `write:statuses`.

        An application without scopes may ask for any that the instance supports (Doorkeeper's
        ScopeChecker).
        """
        return set(wanted) <= set(application.scopes or self.scopes or wanted)

    def identity(self, store: Store, account: Account, form: Mapping[str, str]) -> Account:  # noqa: ARG002
        """Return for whom was approved: who signed in."""
        return account

    def is_known(
        self,
        store: Store,
        application: RegisteredApplication,
        account: Account,
        asked: Mapping[str, str],
    ) -> bool:
        """Whether nobody is asked: there is a matching token, and `force_login` is not true.

        What Rails casts to false: Python's `False` is not among it.
        """
        forced = asked.get("force_login", "") not in {"", "0", "f", "F", "false", "FALSE", "off"}
        wanted = set(split(asked.get("scope", "")))
        known = [one for one in store.tokens_of(application, account) if set(one.scopes) == wanted]
        return bool(known) and not forced

    def show_unasked(self, store: Store, grant: Grant, state: str) -> Response:
        """Return what a browser gets where nobody was asked."""
        return self.show_code(store, grant, state)

    def show_code(self, store: Store, grant: Grant, state: str) -> Response:  # noqa: ARG002
        """Show the code to the person. Doorkeeper's CodeResponse has no state in this redirect."""
        return redirect(f"/oauth/authorize/native?{urlencode({'code': grant.code})}")

    def by_other_grant(self, store: Store, given: Mapping[str, str]) -> AccessToken:  # noqa: ARG002
        """Answer an exchange of anything else than a code."""
        raise store.refused("exchange: grant type")

    def issue(
        self,
        store: Store,
        application: RegisteredApplication,
        account: Account,
        wanted: tuple[str, ...],
    ) -> AccessToken:
        """Return the token of the same set of scopes where there is one, and else a new one.

        That is Doorkeeper's `reuse_access_token`, which Mastodon turns on: the same string comes
        back, with its old `created_at`.
        """
        for one in store.tokens_of(application, account):
            if set(one.scopes) == set(wanted):
                return one
        return store.mint(application, account, wanted)

    def issued(self, store: Store, token: AccessToken) -> dict[str, object]:  # noqa: ARG002
        return {
            "access_token": token.token,
            "token_type": "Bearer",
            "scope": " ".join(token.scopes),
            "created_at": int(token.created_at),
        }

    def revoke(self, store: Store, token: AccessToken) -> None:
        """Revoke a token: that one alone."""
        token.revoked_at = token.revoked_at or store.clock()

    def account(self, store: Store, account: Account) -> dict[str, object]:
        return {"acct": account.username, "url": f"{store.origin}/@{account.username}"}

    def posted(self, store: Store, account: Account, request: Request) -> Status | None:
        """Return what this account posted with this Idempotency-Key within the hour."""
        key = request.headers.get("Idempotency-Key", "")
        after = store.clock() - IDEMPOTENCY_SECONDS
        for one in store.statuses:
            same = one.idempotency_key == key and one.account is account
            if key and same and one.created_at > after:
                return one
        return None

    def content(self, store: Store, text: str) -> str:  # noqa: ARG002
        """Write a text as HTML. Links, names and tags are left as they are."""
        paragraphs = escape(text.replace("\r\n", "\n").strip()).split("\n\n")
        return "".join(f"<p>{one.replace(chr(10), '<br />')}</p>" for one in paragraphs)
