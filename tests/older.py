"""An instance as Mastodon 4.2 was, as far as the older road goes: it takes passwords from programs.

A wrapper around the embedded instance; its place is taken by `Instance(personality=...)`.
"""

from dataclasses import dataclass, field

from provisioner.sandbox import Instance, Request, Response
from provisioner.sandbox.oauth import DESCRIPTIONS, authenticate
from provisioner.sandbox.parameters import parameters
from provisioner.sandbox.web import json_response


@dataclass
class Older:
    """Answers as the embedded instance does, but for metadata, version and password grant."""

    instance: Instance
    two_factor: set[str] = field(default_factory=set)
    """Accounts with two-factor authentication."""

    def __post_init__(self) -> None:
        self.instance.version = "4.2.10"

    def __call__(self, request: Request) -> Response:
        if request.path == "/.well-known/oauth-authorization-server":
            return json_response(404, {"error": "Not Found"})  # metadata came with 4.3
        given = parameters(request)
        if request.path == "/oauth/token" and given.text("grant_type") == "password":
            return self._by_password(request)
        return self.instance(request)

    def _by_password(self, request: Request) -> Response:
        """`PasswordAccessTokenRequest` of Doorkeeper, with Mastodon 4.2's `find_by(email:)`."""
        given, store = parameters(request), self.instance.store
        application = authenticate(store, request, given)
        if application is None:
            return self._refused(401, "invalid_client")
        account = next((a for a in store.accounts if a.email == given.text("username")), None)
        if account is None or account.password != given.text("password"):
            return self._refused(400, "invalid_grant")
        if account.username in self.two_factor:
            return self._refused(400, "invalid_grant")
        scopes = tuple(given.text("scope").split()) or ("read",)
        if not application.may(scopes):
            return self._refused(400, "invalid_scope")
        token = store.issue(application, account, scopes)
        return json_response(
            200,
            {
                "access_token": token.token,
                "token_type": "Bearer",
                "scope": " ".join(token.scopes),
                "created_at": int(token.created_at),
            },
        )

    def _refused(self, status: int, error: str) -> Response:
        return json_response(status, {"error": error, "error_description": DESCRIPTIONS[error]})
