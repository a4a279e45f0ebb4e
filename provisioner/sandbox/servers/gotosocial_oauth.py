"""GoToSocial's `/oauth/token` and `/oauth/revoke`.

After internal/api/auth (token.go, revoke.go) and internal/oauth/server.go of
superseriousbusiness/gotosocial at 57cb4fe7, with its oauth2 library; measured on 0.20.0-rc1.
"""

import base64
import uuid
from collections.abc import Iterator

from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.records import AccessToken, Grant, RegisteredApplication, Store
from provisioner.sandbox.servers.gotosocial_errors import ADVICE, JSON, oauth_refused, require
from provisioner.sandbox.servers.gotosocial_scopes import may
from provisioner.sandbox.web import Refused, Request, Response, json_response

NO_ROWS = "sql: no rows in result set"
SWEPT_SECONDS = 600
_GRANT_TYPES = ("authorization_code", "client_credentials")
_GRANT_ADVICE = (
    "If you arrived at this error during a sign in/oauth flow, your client is trying to use an "
    "unsupported OAuth grant type. Supported grant types are: authorization_code, "
    "client_credentials; please reach out to developer of your client"
)


def identifier(store: Store) -> str:
    """Make a code or a token: a UUID in base64, without padding, in upper case."""
    text = str(uuid.UUID(bytes=store.random(16), version=4))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=").upper()


def token(store: Store, request: Request) -> Response:
    """Exchange a code, or client credentials; each time for a new token."""
    require(request, JSON)
    given = parameters(request)
    missing = list(_missing(given))
    if missing:
        raise oauth_refused(400, "invalid_request", *missing)
    kind = given.text("grant_type")
    if kind not in _GRANT_TYPES:
        raise _unreadable("unsupported_grant_type", _GRANT_ADVICE)
    if not given.text("client_id"):
        raise _unreadable("invalid_client", ADVICE)
    issued = _by_client(store, given) if kind == "client_credentials" else _by_code(store, given)
    body = {
        "access_token": issued.token,
        "token_type": "Bearer",
        "scope": " ".join(issued.scopes),
        "created_at": int(issued.created_at),
    }
    return json_response(200, body, {"Cache-Control": "no-store", "Pragma": "no-cache"})


def revoke(store: Store, request: Request) -> Response:
    """Revoke a token. Only forms are read: the fields have no names in JSON.

    A token that nobody knows is 200, whoever asks; the client is looked at after the token.
    """
    require(request, JSON)
    is_json = request.media_type == "application/json"
    given = Parameters() if is_json else parameters(request)
    for name in ("token", "client_id", "client_secret"):
        if not given.text(name):
            raise oauth_refused(400, "invalid_request", f"{name} not set")
    found = store.token(given.text("token"))
    if found is None or not found.live:
        return json_response(200, {})
    right = found.application.client_id == given.text("client_id")
    if not (right and found.application.authenticates(given.text("client_secret"))):
        raise oauth_refused(
            403, "unauthorized_client", "You are not authorized to revoke this token"
        )
    found.revoked_at = store.clock()
    return json_response(200, {})


def _missing(given: Parameters) -> Iterator[str]:
    """Say what the form does not have; HTTP Basic is not read."""
    in_form = " in the token request form"
    kind = given.text("grant_type")
    if "grant_type" not in given:
        yield (
            f"grant_type was not set{in_form}, but must be set to authorization_code or "
            "client_credentials"
        )
    for name in ("client_id", "client_secret", "redirect_uri"):
        if name not in given:
            yield f"{name} was not set{in_form}"
    if "code" in given and kind != "authorization_code":
        yield f"a code was provided{in_form}, but grant_type was not set to authorization_code"
    if "code" not in given and kind == "authorization_code":
        yield (f"code was not set{in_form}, but must be set since grant_type is authorization_code")


def _by_code(store: Store, given: Parameters) -> AccessToken:
    if not given.text("redirect_uri") or not given.text("code"):
        raise _unreadable("invalid_request", ADVICE)
    application = _authenticated(store, given)
    grant = store.grant(given.text("code"))
    if grant is None or _swept(store, grant):
        raise _failed(NO_ROWS)
    same = grant.application is application and grant.redirect_uri == given.text("redirect_uri")
    if not (same and store.usable(grant)):
        raise _failed("invalid_grant")
    store.grants.remove(grant)
    return store.mint(application, grant.account, grant.scopes, identifier(store))


def _by_client(store: Store, given: Parameters) -> AccessToken:
    wanted = tuple((given.text("scope").strip() or "read").split(" "))
    known = store.application(given.text("client_id"))
    if known is None:
        raise _failed(f"no application found with client id {given.text('client_id')}")
    if not may(known.scopes, wanted):
        told = f"requested scope {' '.join(wanted)} was not covered by client scope"
        raise oauth_refused(403, "invalid_scope", told, ADVICE)
    return store.mint(_authenticated(store, given), None, wanted, identifier(store))


def _authenticated(store: Store, given: Parameters) -> RegisteredApplication:
    application = store.application(given.text("client_id"))
    if application is None:
        raise _failed(NO_ROWS)
    if not application.authenticates(given.text("client_secret")):
        raise _failed("invalid_client")
    uri = given.text("redirect_uri")
    if uri and uri not in application.redirect_uris:
        told = f"requested redirect URI {uri} was not covered by client redirect URIs"
        raise oauth_refused(403, "invalid redirect uri", told, ADVICE)
    return application


def _swept(store: Store, grant: Grant) -> bool:
    """Whether the sweep that runs each minute has deleted the code."""
    return store.clock() > grant.created_at + SWEPT_SECONDS


def _unreadable(error: str, advice: str) -> Refused:
    return oauth_refused(400, error, f"could not validate token request: {error}", advice)


def _failed(error: str) -> Refused:
    return oauth_refused(400, error, f"could not get access token: {error}", ADVICE)
