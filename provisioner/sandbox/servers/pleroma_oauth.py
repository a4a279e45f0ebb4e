"""Pleroma's `/oauth/token` and `/oauth/revoke`.

After lib/pleroma/web/o_auth (o_auth_controller.ex, token.ex) of external-mirrors/pleroma at
5ee3d933, and the rest of that folder of kphrx/pleroma at 112caa05.
"""

import base64
import binascii
import re
from urllib.parse import unquote, unquote_plus

from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.records import AccessToken, Account, RegisteredApplication, Store
from provisioner.sandbox.servers.pleroma_errors import crashed, refused
from provisioner.sandbox.servers.pleroma_scopes import all_descend, requested
from provisioner.sandbox.sessions import cookie, session_of
from provisioner.sandbox.web import Refused, Request, Response, json_response

ACCOUNT_ERRORS = {
    "disabled": ("Your account is currently disabled", "account_is_disabled"),
    "suspended": ("Your account is currently disabled", "account_is_disabled"),
    "unconfirmed": ("Your login is missing a confirmed e-mail address", "missing_confirmed_email"),
    "pending": ("Your account is awaiting approval.", "awaiting_approval"),
}
"""By the account's state (`User.account_status`)."""


def token(store: Store, request: Request) -> Response:
    """Exchange a code, a password, a refresh token or an application's own name for a token."""
    given = parameters(request)
    match given.text("grant_type"):
        case "authorization_code":
            issued = _by_code(store, request, given)
        case "password":
            issued = _by_password(store, request, given)
        case "refresh_token" if "refresh_token" in given:
            issued = _by_refresh_token(store, request, given)
        case "client_credentials":
            application = _application(store, request, given)
            issued = mint(store, application, None, application.scopes)
        case _:
            raise refused(500, "Bad request")
    return _answer(store, request, issued)


def revoke(store: Store, request: Request) -> Response:
    """Revoke a token: whoever has it may, and the answer is the same for any other text."""
    given = parameters(request)
    if "token" not in given:
        raise refused(500, "Bad request")
    found = store.token(given.text("token"))
    if found is not None and found.live:
        found.revoked_at = store.clock()
    return json_response(200, {})


def mint(
    store: Store,
    application: RegisteredApplication,
    account: Account | None,
    scopes: tuple[str, ...],
) -> AccessToken:
    """Make a token, with a refresh token and an end a hundred years away.

    The application belongs from then on to whom the token is for.
    """
    issued = store.mint(application, account, scopes, store.identifier())
    issued.refresh_token = store.identifier()
    if account is not None:
        application.owner = account
    return issued


def _answer(store: Store, request: Request, issued: AccessToken) -> Response:
    """Return the token, which the session of who asked keeps too."""
    session = session_of(store, request)
    session.token = issued
    body: dict[str, object] = {
        "id": issued.id,
        "token_type": "Bearer",
        "access_token": issued.token,
        "refresh_token": issued.refresh_token,
        "expires_in": int((issued.expires_at or 0) - store.clock()),
        "scope": " ".join(issued.scopes),
        "created_at": int(issued.created_at),
    }
    if issued.account is not None:
        body["me"] = f"{store.origin}/users/{issued.account.username}"
    return json_response(200, body, cookie(session))


def _by_code(store: Store, request: Request, given: Parameters) -> AccessToken:
    """Exchange a code. The redirect URI is not looked at, nor is a verifier."""
    application = _application(store, request, given)
    grant = store.grant(_decoded(given))
    if grant is None or grant.application is not application or not store.usable(grant):
        raise _invalid()
    grant.used = True
    return mint(store, application, grant.account, grant.scopes)


def _by_password(store: Store, request: Request, given: Parameters) -> AccessToken:
    account = store.signed_in(given.text("username"), given.text("password"))
    if account is None:
        raise _invalid()
    application = _application(store, request, given)
    scopes = requested(given, "", application.scopes)
    if account.state in ACCOUNT_ERRORS:
        raise refused(403, *ACCOUNT_ERRORS[account.state])
    if not scopes or not all_descend(scopes, application.scopes):
        raise _invalid()
    if account.two_factor:
        raise Refused(json_response(403, _second_factor(store)))
    return mint(store, application, account, scopes)


def _second_factor(store: Store) -> dict[str, object]:
    """Return what asks for the second factor (mfa_view.ex): a token for that, and its kinds."""
    return {
        "error": "mfa_required",
        "mfa_token": store.identifier(),
        "supported_challenge_types": "totp",
    }


def _by_refresh_token(store: Store, request: Request, given: Parameters) -> AccessToken:
    """Replace a token; the refresh token stays the same (`issue_new_refresh_token: true`)."""
    application = _application(store, request, given)
    wanted = given.text("refresh_token")
    for old in store.tokens:
        if old.live and old.application is application and old.refresh_token == wanted != "":
            old.revoked_at = store.clock()
            issued = mint(store, application, old.account, old.scopes)
            issued.refresh_token = wanted
            return issued
    raise _invalid()


def _application(store: Store, request: Request, given: Parameters) -> RegisteredApplication:
    """Find the client, by HTTP Basic before parameters (`Token.Utils.fetch_app`)."""
    client_id, secret = _basic(request) or (given.text("client_id"), given.text("client_secret"))
    application = store.application(client_id)
    if application is None or not application.authenticates(secret):
        raise _invalid()
    return application


def _basic(request: Request) -> tuple[str, str] | None:
    header = request.headers.get("Authorization", "")
    if not header.startswith("Basic "):
        return None
    try:
        parts = base64.b64decode(header.removeprefix("Basic "), validate=True).decode().split(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (unquote_plus(parts[0]), unquote_plus(parts[1])) if len(parts) == 2 else None


def _decoded(given: Parameters) -> str:
    """Return the code; one that is no base64url is a crash (`Token.Utils.fix_padding`)."""
    if "code" not in given:
        raise crashed()
    code = unquote(given.text("code")).rstrip("=")
    if not re.fullmatch(r"[\w-]*", code, re.ASCII) or len(code) % 4 == 1:
        raise crashed()
    return code


def _invalid() -> Refused:
    return refused(400, "Invalid credentials")
