"""Pixelfed's `/oauth/token`; there is no `/oauth/revoke` (until pixelfed#7336).

After league/oauth2-server 8.5.4, which laravel/passport 11.10 serves, and app/Auth and
app/Providers of pixelfed/pixelfed at 8aae92d7. Laravel trims every parameter but a
password, and makes nothing of an empty one.
"""

import base64
import hashlib
import hmac
import json
import re

from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.records import AccessToken, Account, RegisteredApplication, Store
from provisioner.sandbox.servers.pixelfed_errors import oauth_refused
from provisioner.sandbox.web import Request, Response, json_response

DAY = 86_400
REFRESH_SECONDS = 400 * DAY
SCOPES = {
    "read": "Full read access to your account",
    "write": "Full write access to your account",
    "follow": "Ability to follow other profiles",
    "admin:read": "Read all data on the server",
    "admin:write": "Modify all data on the server",
    "push": "Receive your push notifications",
}
DEFAULT_SCOPES = "read write follow"
_PKCE = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def token(store: Store, request: Request) -> Response:
    """Exchange a code, a refresh token or an application's own name for a token."""
    given = trimmed(request)
    match given.text("grant_type"):
        case "authorization_code":
            return _answer(store, _by_code(store, request, given))
        case "refresh_token":
            return _answer(store, _by_refresh_token(store, request, given))
        case "client_credentials":
            application = _client(store, request, given)
            scopes = judged(request, given.text("scope") or DEFAULT_SCOPES)
            return _answer(store, mint(store, application, None, scopes))
        case "password":  # registered applications are no password clients
            raise oauth_refused(request, "invalid_client")
        case _:
            hint = "Check that all required parameters have been provided"
            raise oauth_refused(request, "unsupported_grant_type", hint)


def trimmed(request: Request) -> Parameters:
    """Read parameters without the white space around them, and without the empty ones."""
    found = Parameters()
    for name, value in parameters(request).items():
        kept = value.strip() if isinstance(value, str) and name != "password" else value
        if kept:
            found[name] = kept
    return found


def judged(request: Request, scopes: str, leads_to: str = "") -> tuple[str, ...]:
    """Return the scopes; one that Pixelfed does not know is refused, and so is every part."""
    names = tuple(scopes.split())
    for name in names:
        if name not in SCOPES and name != "*":
            raise oauth_refused(request, "invalid_scope", f"Check the `{name}` scope", leads_to)
    return names


def sealed(store: Store) -> str:
    """Make a code or a refresh token: hexadecimal, from an encryption, and eight hundred long."""
    return f"def50200{store.random(400).hex()}"


def mint(
    store: Store,
    application: RegisteredApplication,
    account: Account | None,
    scopes: tuple[str, ...],
) -> AccessToken:
    """Make a token: a JWT of a thousand characters, with an end in a year."""
    scopes = tuple(one for one in scopes if one != "*")
    now = store.clock()
    payload = {
        "aud": application.client_id,
        "jti": store.random(40).hex(),
        "iat": now,
        "nbf": now,
        "exp": now + (store.traits.token_seconds or 0),
        "sub": str(account.id) if account else "",
        "scopes": scopes,
    }
    parts = ({"typ": "JWT", "alg": "RS256"}, payload)
    encoded = [_base64url(json.dumps(one).encode()) for one in parts]
    signed = ".".join((*encoded, _base64url(store.random(512))))
    return store.mint(application, account, scopes, signed)


def _answer(store: Store, issued: AccessToken) -> Response:
    """Return the token; its scopes are not told."""
    body: dict[str, object] = {
        "created_at": int(store.clock()),
        "token_type": "Bearer",
        "expires_in": int((issued.expires_at or 0) - store.clock()),
        "access_token": issued.token,
    }
    if issued.account is not None:
        issued.refresh_token = sealed(store)
        body["refresh_token"] = issued.refresh_token
    return json_response(200, body, {"Cache-Control": "no-store", "Pragma": "no-cache"})


def _by_code(store: Store, request: Request, given: Parameters) -> AccessToken:
    application = _client(store, request, given)
    if "code" not in given:
        raise oauth_refused(request, "invalid_request", "Check the `code` parameter")
    grant = store.grant(given.text("code"))
    problem = None
    if grant is None:
        problem = "Cannot decrypt the authorization code"
    elif store.clock() > grant.created_at + store.code_seconds:
        problem = "Authorization code has expired"
    elif grant.used:
        problem = "Authorization code has been revoked"
    elif grant.application is not application:
        problem = "Authorization code was not issued to this client"
    elif "redirect_uri" not in given:
        problem = "Check the `redirect_uri` parameter"
    elif given.text("redirect_uri") != grant.redirect_uri:
        problem = "Invalid redirect URI"
    if problem is not None or grant is None:
        raise oauth_refused(request, "invalid_request", problem)
    _verify(request, grant.challenge, given.text("code_verifier"))
    grant.used = True
    return mint(store, application, grant.account, grant.scopes)


def _verify(request: Request, challenge: str, verifier: str) -> None:
    """Check a verifier; `challenge` has its method before a colon."""
    if not challenge and verifier:
        hint = "code_verifier received when no code_challenge is present"
        raise oauth_refused(request, "invalid_request", hint)
    if not challenge:
        return
    if not verifier:
        raise oauth_refused(request, "invalid_request", "Check the `code_verifier` parameter")
    if not _PKCE.fullmatch(verifier):
        hint = "Code Verifier must follow the specifications of RFC-7636."
        raise oauth_refused(request, "invalid_request", hint)
    method, _, expected = challenge.partition(":")
    digest = _base64url(hashlib.sha256(verifier.encode()).digest())
    if not hmac.compare_digest(digest if method == "S256" else verifier, expected):
        raise oauth_refused(request, "invalid_grant", "Failed to verify `code_verifier`.")


def _by_refresh_token(store: Store, request: Request, given: Parameters) -> AccessToken:
    """Replace a token; both the old one and its refresh token are dead then."""
    application = _client(store, request, given)
    wanted = given.text("refresh_token")
    for old in store.tokens:
        fresh = store.clock() <= old.created_at + REFRESH_SECONDS
        if old.application is application and fresh and old.refresh_token == wanted != "":
            old.refresh_token = ""
            old.revoked_at = store.clock()
            return mint(store, application, old.account, old.scopes)
    raise oauth_refused(request, "invalid_request", "Check the `refresh_token` parameter")


def _client(store: Store, request: Request, given: Parameters) -> RegisteredApplication:
    """Find the client; parameters go before HTTP Basic."""
    basic_id, basic_secret = _basic(request)
    client_id = given.text("client_id") or basic_id
    if not client_id:
        raise oauth_refused(request, "invalid_request", "Check the `client_id` parameter")
    application = store.application(client_id)
    secret = given.text("client_secret") or basic_secret
    if application is None or not application.authenticates(secret):
        raise oauth_refused(request, "invalid_client")
    uri = given.text("redirect_uri")
    if uri and uri not in application.redirect_uris:
        raise oauth_refused(request, "invalid_client")
    return application


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return "", ""
    return client_id, secret


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
