"""Takahē's `/oauth/token` and `/oauth/revoke`.

After api/views/oauth.py of jointakahe/takahe at d45f22c9; measured on 0.11.0.
"""

import base64
import binascii

from provisioner.sandbox.parameters import Parameters
from provisioner.sandbox.records import RegisteredApplication, Store
from provisioner.sandbox.servers.takahe_errors import crashed, fields, refused
from provisioner.sandbox.web import Request, Response, json_response

APP_TOKEN = "__app__"  # noqa: S105 - the same word for everybody, and no secret


def urlsafe(store: Store, size: int) -> str:
    """Make base64url of so many random bytes (Python's `token_urlsafe`); `-` first or not."""
    return base64.urlsafe_b64encode(store.random(size)).rstrip(b"=").decode()


def token(store: Store, request: Request) -> Response:
    """Exchange a code for a token.

    A code that is not there is a crash. That it was used is nowhere written down: for a minute it
    gives another token each time (measured).
    """
    given = fields(request)
    match given.text("grant_type"):
        case "authorization_code":
            return _by_code(store, request, given)
        case "client_credentials":  # a word that everybody knows; nothing is checked
            return _answer(APP_TOKEN, ("read",), store.clock())
        case _:
            raise refused(400, "invalid_grant_type")


def revoke(store: Store, request: Request) -> Response:
    """Revoke a token: an empty 200, or an empty 403 for whatever is not right."""
    given = fields(request)
    if "token" not in given:
        raise crashed()
    application = _application(store, request, given)
    found = store.token(given.text("token"))
    if application is None or found is None or found.application is not application:
        return Response(403)
    found.revoked_at = store.clock()
    return Response(200, (("Content-Type", "text/html; charset=utf-8"),))


def _by_code(store: Store, request: Request, given: Parameters) -> Response:
    if not given.text("code"):
        body = {"error": "invalid_request", "error_description": "Required param : code"}
        return json_response(400, body)
    grant = store.grant(given.text("code"))
    if grant is None:
        raise crashed()
    application = _application(store, request, given)
    same = grant.application is application and grant.redirect_uri == given.text("redirect_uri")
    if application is None or not same or not store.usable(grant):
        raise refused(401, "access_denied")
    issued = store.mint(application, grant.account, grant.scopes, urlsafe(store, 43))
    return _answer(issued.token, issued.scopes, issued.created_at)


def _answer(value: str, scopes: tuple[str, ...], created_at: float) -> Response:
    body = {
        "access_token": value,
        "token_type": "Bearer",
        "scope": " ".join(scopes),
        "created_at": int(created_at),
    }
    return json_response(200, body, {"Content-Type": "application/json"})


def _application(store: Store, request: Request, given: Parameters) -> RegisteredApplication | None:
    """Find the client; HTTP Basic fills in what the form does not have."""
    client_id, client_secret = _basic(request)
    application = store.application(given.text("client_id") or client_id)
    secret = given.text("client_secret") or client_secret
    return application if application and application.authenticates(secret) else None


def _basic(request: Request) -> tuple[str, str]:
    words = request.headers.get("Authorization", "").split()
    if len(words) != 2 or words[0].lower() != "basic":
        return "", ""
    try:
        client_id, colon, secret = base64.b64decode(words[1]).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise crashed() from None
    if not colon:
        raise crashed()
    return client_id, secret
