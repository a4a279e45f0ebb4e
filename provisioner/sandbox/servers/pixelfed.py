"""Pixelfed: its registration and its API.

After app/Http/Controllers/Api and FederationController.php of pixelfed/pixelfed at 8aae92d7.
"""

import base64
from html import escape
from typing import cast

from provisioner.sandbox import api, discovery, mastodon
from provisioner.sandbox.parameters import Parameters
from provisioner.sandbox.records import AccessToken, Account, Status, Store
from provisioner.sandbox.servers import pixelfed_browser as browser
from provisioner.sandbox.servers import pixelfed_oauth as oauth
from provisioner.sandbox.servers import settings
from provisioner.sandbox.servers.pixelfed_errors import (
    invalid,
    not_found,
    refused,
    unauthenticated,
)
from provisioner.sandbox.traits import PIXELFED
from provisioner.sandbox.web import Refused, Request, Response, json_response, redirect

VISIBILITIES = ("private", "unlisted", "public")
_SECRET = str.maketrans("-_", "xX")


def register(store: Store, request: Request) -> Response:
    """`POST /api/v1/apps`: name and redirect URIs; scopes and website are not looked at.

    The client id is a number, and commas part the redirect URIs, not lines.
    """
    given = oauth.trimmed(request)
    for name in ("client_name", "redirect_uris"):
        if name not in given:
            raise invalid(request, f"The {name.replace('_', ' ')} field is required.")
        if isinstance(given[name], list):
            raise refused(request, 500, "Array to string conversion")
    random = base64.urlsafe_b64encode(store.random(30)).decode()
    application = store.register(
        name=escape(given.text("client_name")),
        website="",
        redirect_uris=tuple(given.text("redirect_uris").split(",")),
        scopes=(),
        client_id=str(store.last_application + 1),
        client_secret=random.translate(_SECRET),
    )
    body = {
        "id": application.client_id,
        "name": application.name,
        "website": None,
        "redirect_uri": ",".join(application.redirect_uris),
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "vapid_key": None,
    }
    return json_response(200, body)


def verify_account(store: Store, request: Request) -> Response:
    """`GET /api/v1/accounts/verify_credentials`; needs `read`."""
    _, account = _authorized(store, request, "read")
    if account.state not in ("active", "moved"):
        raise refused(request, 403)
    body = {**api.credential_entity(store, account), "url": f"{store.origin}/{account.username}"}
    return json_response(200, body)


def verify_application(store: Store, request: Request) -> Response:
    """`GET /api/v1/apps/verify_credentials`: any token of an account."""
    token, _ = _authorized(store, request)
    body = {"name": token.application.name, "website": None, "vapid_key": None}
    return json_response(200, body)


def post_status(store: Store, request: Request) -> Response:
    """`POST /api/v1/statuses`; needs `write`, and a picture or what it is a reply to.

    A second post with an Idempotency-Key is refused, even where the first was.
    """
    token, account = _authorized(store, request, "write")
    given = oauth.trimmed(request)
    visibility = given.text("visibility") or "public"
    if visibility not in VISIBILITIES:
        raise invalid(request, "The selected visibility is invalid.")
    key = request.headers.get("Idempotency-Key", "")
    if key:
        _require_first(store, request, f"{account.id}:{key}")
    if "media_ids" not in given and not _parent(store, given):
        raise refused(request, 403, "Empty statuses are not allowed")
    status = api.publish(store, token, account, given.text("status"), visibility)
    return json_response(200, api.status_entity(store, status))


def show_status(store: Store, request: Request, number: str) -> Response:
    """`GET /api/v1/statuses/:id`; needs `read`, even for a public one."""
    _, account = _authorized(store, request, "read")
    status = store.post(number, account)
    return json_response(200, api.status_entity(store, status)) if status else not_found(request)


def list_statuses(store: Store, request: Request, number: str) -> Response:
    """`GET /api/v1/accounts/:id/statuses`; needs `read`."""
    _, reader = _authorized(store, request, "read")
    limit = request.queries.get("limit", "") or str(api.STATUSES)
    if not (limit.isascii() and limit.isdigit() and int(limit)):
        raise invalid(request, "The limit must be at least 1.")
    account = store.numbered(number)
    if account is None:
        return json_response(404, {"error": "Account not found"})
    seen = VISIBILITIES if account is reader else api.PUBLIC
    posts = store.posts(account, seen, min(int(limit), api.MOST_STATUSES))
    return json_response(200, [api.status_entity(store, one) for one in posts])


def instance_v1(store: Store, request: Request) -> Response:
    """`GET /api/v1/instance`: there is nothing that streams."""
    found = cast("dict[str, object]", discovery.instance_v1(store, request).json())
    return json_response(200, {**found, "urls": {"streaming_api": None}})


def webfinger(store: Store, request: Request) -> Response:
    """`GET /.well-known/webfinger`: an empty 400 for whatever is not right."""
    found = discovery.webfinger(store, request)
    return found.plus({"Content-Type": "application/json"}) if found.body else Response(400)


def fallback(store: Store, request: Request) -> Response:
    """Answer what has no route: profiles at `/name`, and 404."""
    match (request.method, *request.segments):
        case ("GET", name) if name:
            page = mastodon.profile(store, name, [])
        case ("GET", "p", name, number):
            page = mastodon.profile(store, name, [number])
        case _:
            page = mastodon.web_page(store, request)
    return page or not_found(request)


ROUTES: mastodon.Routes = {
    ("GET", PIXELFED.applications_page): settings.show,
    ("POST", PIXELFED.applications_page): settings.submit,
    ("GET", "/.well-known/webfinger"): webfinger,
    ("GET", "/api/v1/instance"): instance_v1,
    ("GET", "/api/v2/instance"): discovery.instance_v2,
    ("POST", "/api/v1/apps"): register,
    ("GET", "/oauth/authorize"): browser.show,
    ("POST", "/oauth/authorize"): browser.submit,
    ("DELETE", "/oauth/authorize"): browser.submit,
    ("GET", "/login"): browser.sign_in_page,
    ("POST", "/login"): browser.sign_in,
    ("POST", "/oauth/token"): oauth.token,
    ("GET", "/api/v1/accounts/verify_credentials"): verify_account,
    ("GET", "/api/v1/apps/verify_credentials"): verify_application,
    ("POST", "/api/v1/statuses"): post_status,
}


def _authorized(
    store: Store, request: Request, scope: str | None = None
) -> tuple[AccessToken, Account]:
    """Check that there is a user's token, that the address is confirmed, then the scope."""
    token = store.accepted(api.bearer(request) or "")
    if token is None or token.account is None:
        raise unauthenticated(store, request)
    if token.account.state == "unconfirmed":
        raise Refused(redirect(f"{store.origin}/i/verify-email"))
    if scope is not None and scope not in token.scopes:
        raise refused(request, 403)
    return token, token.account


def _require_first(store: Store, request: Request, key: str) -> None:
    known = store.replies.get(key)
    if known is not None and store.clock() < known[0] + api.IDEMPOTENCY_SECONDS:
        raise refused(request, 400, "Duplicate idempotency key.")
    store.replies[key] = store.clock(), Response(400)


def _parent(store: Store, given: Parameters) -> Status | None:
    wanted = given.text("in_reply_to_id")
    return next((one for one in store.statuses if str(one.id) == wanted), None)
