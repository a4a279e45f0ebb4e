"""`POST /oauth/token` and `POST /oauth/revoke`, in the order and words of Doorkeeper 5.8 to 5.9.

Order at the token endpoint: grant type, code, then verifier and redirect URI present, client,
grant, redirect URI, verifier (`AuthorizationCodeRequest`). Only a success consumes the code.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
from urllib.parse import urlsplit

from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.records import AccessToken, RegisteredApplication, Store
from provisioner.sandbox.scopes import DEFAULT, split
from provisioner.sandbox.web import Refused, Request, Response, json_response

DESCRIPTIONS = {
    "access_denied": "The resource owner or authorization server denied the request.",
    "invalid_client": "Client authentication failed due to unknown client, no client "
    "authentication included, or unsupported authentication method.",
    "invalid_code_challenge_method": "The code challenge method must be S256, plain is "
    "unsupported.",
    "invalid_grant": "The provided authorization grant is invalid, expired, revoked, does not "
    "match the redirection URI used in the authorization request, or was issued to another client.",
    "invalid_redirect_uri": "The redirect uri included is not valid.",
    "invalid_scope": "The requested scope is invalid, unknown, or malformed.",
    "unsupported_grant_type": "The authorization grant type is not supported by the authorization "
    "server.",
    "unsupported_response_type": "The authorization server does not support this response type.",
}
_NO_STORE = {"Cache-Control": "no-store, no-cache"}


def token(store: Store, request: Request) -> Response:
    """Exchange a code, or client credentials, for an access token.

    200 with the token; 401 `invalid_client`; 400 for everything else.
    """
    given = parameters(request)
    match given.text("grant_type").strip():
        case "":
            raise _missing("grant_type")
        case "authorization_code":
            issued = _by_code(store, request, given)
        case "client_credentials":
            issued = _by_client(store, request, given)
        case "password" if store.traits.password_grant:
            issued = _by_password(store, request, given)
        case _:
            raise _error("unsupported_grant_type")
    body = {
        "access_token": issued.token,
        "token_type": "Bearer",
        "scope": " ".join(issued.scopes),
        "created_at": int(issued.created_at),
    }
    return json_response(200, body, {**_NO_STORE, "Pragma": "no-cache"})


def revoke(store: Store, request: Request) -> Response:
    """Revoke a token of the calling application.

    200 `{}` for an unknown, blank or already revoked token too; 403 without a valid client, and
    for another application's token (Doorkeeper's TokensController).
    """
    given = parameters(request)
    application = authenticate(store, request, given)
    found = store.token(given.text("token"))
    if application is None or (found is not None and found.application is not application):
        return json_response(
            403,
            {
                "error": "unauthorized_client",
                "error_description": "You are not authorized to revoke this token",
            },
        )
    if found is not None and found.live:
        found.revoked_at = store.clock()
    return json_response(200, {})


def authenticate(store: Store, request: Request, given: Parameters) -> RegisteredApplication | None:
    """Find the application whose client id and secret came by Basic or, without it, as parameters.

    Neither part of Basic is percent-decoded (Doorkeeper's Credentials.from_basic).
    """
    client_id, client_secret = _basic(request) or ("", "")
    if not client_id.strip():
        client_id, client_secret = given.text("client_id"), given.text("client_secret")
    application = store.application(client_id)
    if application is None or not application.authenticates(client_secret):
        return None
    return application


def same_redirect(asked: str, registered: str) -> bool:
    """Compare two redirect URIs: equal, or both loopback addresses that differ in port only.

    RFC 8252 section 7.3, as Doorkeeper's URIChecker reads it: `localhost` is not an address. A
    query that was not registered may be added.
    """
    try:
        one, other = urlsplit(asked), urlsplit(registered)
        if _loopback(one.hostname) and _loopback(other.hostname):
            one = one._replace(netloc=one.hostname or "")
            other = other._replace(netloc=other.hostname or "")
    except ValueError:
        return False
    if not other.query:
        one = one._replace(query="")
    return one == other


def _by_code(store: Store, request: Request, given: Parameters) -> AccessToken:
    if not given.has("code"):
        raise _missing("code")
    grant = store.grant(given.text("code"))
    if grant is not None and grant.challenge and not given.has("code_verifier"):
        raise _missing("code_verifier")
    if not given.has("redirect_uri"):
        raise _missing("redirect_uri")
    application = authenticate(store, request, given)
    if application is None:
        raise _error("invalid_client")
    if grant is None or grant.application is not application or not store.usable(grant):
        raise _error("invalid_grant")
    if not same_redirect(given.text("redirect_uri"), grant.redirect_uri):
        raise _error("invalid_grant")
    if store.traits.pkce and not _verifies(grant.challenge, given.text("code_verifier")):
        raise _error("invalid_grant")
    grant.used = True
    return store.issue(application, grant.account, grant.scopes)


def _by_client(store: Store, request: Request, given: Parameters) -> AccessToken:
    application = authenticate(store, request, given)
    if application is None:
        raise _error("invalid_client")
    wanted = split(given.text("scope")) or tuple(s for s in application.scopes if s == DEFAULT)
    if not wanted or not store.may(application, wanted):
        raise _error("invalid_scope")
    return store.issue(application, None, wanted)


def _by_password(store: Store, request: Request, given: Parameters) -> AccessToken:
    """Check in the order of Doorkeeper's PasswordAccessTokenRequest: client, person, scopes.

    The user name is the e-mail address, and an account with two-factor authentication is nobody
    (Mastodon's `resource_owner_from_credentials`).
    """
    application = authenticate(store, request, given)
    if application is None:
        raise _error("invalid_client")
    account = store.signed_in(given.text("username"), given.text("password"), by_name=False)
    if account is None or account.two_factor:
        raise _error("invalid_grant")
    wanted = split(given.text("scope")) or tuple(s for s in application.scopes if s == DEFAULT)
    if not store.may(application, wanted):
        raise _error("invalid_scope")
    return store.issue(application, account, wanted)


def _verifies(challenge: str, verifier: str) -> bool:
    """Check S256 (RFC 7636 section 4.6). A verifier where there was no challenge does not pass."""
    if not verifier.strip():
        return not challenge
    digest = hashlib.sha256(verifier.encode()).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(expected, challenge.encode())


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (client_id, secret) if colon else None


def _loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _missing(name: str) -> Refused:
    return _error("invalid_request", f"Missing required parameter: {name}.")


def _error(name: str, description: str | None = None) -> Refused:
    description = description or DESCRIPTIONS[name]
    challenge = f'Bearer realm="Doorkeeper", error="{name}", error_description="{description}"'
    return Refused(
        json_response(
            401 if name == "invalid_client" else 400,
            {"error": name, "error_description": description},
            {**_NO_STORE, "WWW-Authenticate": challenge},
        )
    )
