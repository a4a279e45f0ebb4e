"""`POST /oauth/token` and `POST /oauth/revoke`, in the order of Doorkeeper 5.8 to 5.9.

Only a success consumes the code. Forms only, with the client's credentials in them.
"""

import base64
import hashlib
from collections.abc import Mapping

from provisioner.sandbox.records import AccessToken, RegisteredApplication
from provisioner.sandbox.store import Store
from provisioner.sandbox.web import Request, Response, json_response


def token(store: Store, request: Request) -> Response:
    """Exchange a code for an access token."""
    given = request.parameters
    if given.get("grant_type") == "authorization_code":
        issued = _by_code(store, given)
    else:
        issued = store.server.by_other_grant(store, given)
    return json_response(200, store.server.issued(store, issued))


def revoke(store: Store, request: Request) -> Response:
    """Revoke a token of the calling application (Doorkeeper's TokensController)."""
    given = request.parameters
    application = store.application(given.get("client_id", ""))
    is_its = application and application.client_secret == given.get("client_secret")
    if found := store.token(given.get("token", "")):
        is_its = is_its and found.application is application
        store.require(is_its, "revoke: another client's token")
        store.server.revoke(store, found)
    else:
        store.require(is_its, "revoke: unknown token and wrong secret")
        store.require(found, "revoke: unknown token")
    return store.refused("revoke: done").response


def _by_code(store: Store, given: Mapping[str, str]) -> AccessToken:
    code, verifier = given.get("code", ""), given.get("code_verifier", "")
    store.require(code, "exchange: no code")
    grant = store.grant(code)
    if grant is not None and grant.challenge:
        store.require(verifier, "exchange: no verifier")
    store.require(given.get("redirect_uri"), "exchange: no redirect URI")
    application = require_client(store, given)
    if grant is None:
        raise store.refused("exchange: unknown code")
    store.require(grant.application is application, "exchange: another client's code")
    store.require(not grant.used, "exchange: used code")
    store.require(not store.expired(grant), "exchange: expired code")
    same = given.get("redirect_uri") == grant.redirect_uri
    store.require(same, "exchange: wrong redirect URI")
    if grant.challenge:
        store.require(_verifies(grant.challenge, verifier), "exchange: wrong verifier")
    else:
        store.require(not verifier, "exchange: verifier without a challenge")
    grant.used = True
    return store.server.issue(store, application, grant.account, grant.scopes)


def require_client(store: Store, given: Mapping[str, str]) -> RegisteredApplication:
    """Return the application whose credentials came; refuse unknown and wrong ones."""
    application = store.application(given.get("client_id", ""))
    if application is None:
        raise store.refused("exchange: unknown client")
    if application.client_secret != given.get("client_secret"):
        raise store.refused("exchange: wrong secret")
    return application


def _verifies(challenge: str, verifier: str) -> bool:
    """Check S256 (RFC 7636 section 4.6)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
