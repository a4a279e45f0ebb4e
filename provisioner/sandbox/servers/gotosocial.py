"""GoToSocial: what it demands of every request, its registration and its API.

After internal/middleware and internal/api of superseriousbusiness/gotosocial at 57cb4fe7; measured
on 0.20.0-rc1.
"""

import re
import uuid
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import chain
from urllib.parse import urlsplit

from provisioner.sandbox import api, discovery, mastodon, pages
from provisioner.sandbox.parameters import parameters
from provisioner.sandbox.records import OOB, AccessToken, Account, RegisteredApplication, Store
from provisioner.sandbox.registration import VAPID_KEY
from provisioner.sandbox.servers import gotosocial_browser as browser
from provisioner.sandbox.servers import gotosocial_oauth as oauth
from provisioner.sandbox.servers import settings
from provisioner.sandbox.servers.gotosocial_errors import JSON, WEBFINGER, refused, require
from provisioner.sandbox.servers.gotosocial_scopes import opens
from provisioner.sandbox.traits import GOTOSOCIAL
from provisioner.sandbox.web import Refused, Request, Response, html_response, json_response

BOOT_SECONDS = 120
STATUSES = 30
"""How many posts of an account are listed without a `limit`."""
_LIMITS = {"client_name": 1024, "redirect_uris": 2056, "scopes": 1024, "website": 1024}
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def gate(store: Store, request: Request) -> None:
    """Refuse while it boots, without a User-Agent, and beyond the limit of requests."""
    if store.booting:
        raise Refused(_maintenance(store))
    if not request.headers.get("User-Agent", ""):
        error = "I'm a teapot: no user-agent sent with request"
        raise Refused(json_response(418, {"error": error}))
    if _counts(request) and store.requests.left(request.client, store.clock()) < 0:
        raise Refused(json_response(429, {"error": "rate limit reached"}))


def finish(store: Store, request: Request, response: Response) -> Response:
    """Tell of the limit; no Retry-After says how long it lasts.

    The sandbox's windows are the clock's; GoToSocial's begin with the first request.
    """
    if store.requests.limit is None or response.status in (418, 503) or not _counts(request):
        return response
    now = store.clock()
    headers = {
        "X-Ratelimit-Limit": str(store.requests.limit),
        "X-Ratelimit-Remaining": str(store.requests.still(request.client, now)),
        "X-Ratelimit-Reset": api.timestamp(int(store.requests.end(now))),
    }
    return response.plus(headers)


def register(store: Store, request: Request) -> Response:
    """`POST /api/v1/apps`: any scope is accepted. An array is 400 in JSON, and unseen in a form."""
    require(request, JSON)
    given = parameters(request)
    if request.media_type == "application/json":
        for name in (one for one in _LIMITS if isinstance(given.get(one), list)):
            told = (
                "json: cannot unmarshal array into Go struct field "
                f"ApplicationCreateRequest.{name} of type string"
            )
            raise refused(request, 400, told)
    if not given.text("client_name"):
        told = (
            "Key: 'ApplicationCreateRequest.ClientName' Error:Field validation for 'ClientName' "
            "failed on the 'required' tag"
        )
        raise refused(request, 400, told)
    for name, limit in _LIMITS.items():
        if len(given.text(name)) > limit:
            told = (
                f"{name} must be less than {limit} characters, provided {name} was "
                f"{len(given.text(name))} characters"
            )
            raise refused(request, 400, told)
    lines = [one.strip() for one in given.text("redirect_uris").strip().split("\n")]
    application = store.register(
        name=given.text("client_name"),
        website=given.text("website"),
        redirect_uris=tuple(dict.fromkeys(one for one in lines if one)) or (OOB,),
        scopes=tuple((given.text("scopes") or "read").split(" ")),
        client_id=_ulid(store.random(16)),
        client_secret=str(uuid.UUID(bytes=store.random(16), version=4)),
    )
    return json_response(200, _entity(application))


def verify_account(store: Store, request: Request) -> Response:
    """`GET /api/v1/accounts/verify_credentials`; needs `profile` or `read:accounts`."""
    _, account = _authorized(store, request, "profile", "read:accounts")
    require(request, JSON)
    return json_response(200, api.credential_entity(store, account))


def show_application(store: Store, request: Request) -> Response:
    """`GET /api/v1/apps/verify_credentials`: read as the id of an application of one's own."""
    _authorized(store, request, "read:applications")
    require(request, JSON)
    raise refused(request, 404)


def post_status(store: Store, request: Request) -> Response:
    """`POST /api/v1/statuses`; needs `write:statuses`. An Idempotency-Key is ignored (measured)."""
    token, account = _authorized(store, request, "write:statuses")
    require(request, JSON)
    given = parameters(request)
    text = given.text("status")
    if not text:
        raise refused(request, 400, "no status, attachment, or poll provided")
    visibility = given.text("visibility") or "public"
    status = api.publish(store, token, account, text, visibility)
    return json_response(200, api.status_entity(store, status))


def show_status(store: Store, request: Request, number: str) -> Response:
    """`GET /api/v1/statuses/:id`: even a public one needs a token with `read:statuses`."""
    _, account = _authorized(store, request, "read:statuses")
    require(request, JSON)
    status = store.post(number, account)
    if status is None:
        raise refused(request, 404)
    return json_response(200, api.status_entity(store, status))


def list_statuses(store: Store, request: Request, number: str) -> Response:
    """`GET /api/v1/accounts/:id/statuses`: even of public ones none without `read:statuses`.

    There is no most; a stranger's list is empty.
    """
    _, reader = _authorized(store, request, "read:statuses")
    require(request, JSON)
    limit = request.queries.get("limit", "") or str(STATUSES)
    if not re.fullmatch(r"[+-]?[0-9]+", limit, re.ASCII):
        told = f'error parsing limit: strconv.ParseInt: parsing "{limit}": invalid syntax'
        raise refused(request, 400, told)
    account = store.numbered(number)
    if account is None:
        return json_response(200, [])
    seen = api.VISIBILITIES if account is reader else api.PUBLIC
    posts = store.posts(account, seen, int(limit) if int(limit) > 0 else None)
    return json_response(200, [api.status_entity(store, one) for one in posts])


def webfinger(store: Store, request: Request) -> Response:
    """`GET /.well-known/webfinger`: 400 for other hosts, 404 for strangers."""
    require(request, WEBFINGER)
    resource = request.queries.get("resource", "")
    if not resource:
        raise refused(request, 400, "no 'resource' in request query")
    host = resource.rpartition("@")[2]
    host = urlsplit(resource).netloc if "://" in resource else host
    if host.lower() not in (store.account_domain.lower(), store.host.lower()):
        raise refused(request, 400, f"requested host {host} does not belong to this instance")
    found = discovery.webfinger(store, request)
    if found.status != 200:
        raise refused(request, 404)
    return found


def instance_v1(store: Store, request: Request) -> Response:
    """`GET /api/v1/instance`."""
    require(request, JSON)
    return discovery.instance_v1(store, request)


def instance_v2(store: Store, request: Request) -> Response:
    """`GET /api/v2/instance`."""
    require(request, JSON)
    return discovery.instance_v2(store, request)


def fallback(store: Store, request: Request) -> Response:
    """Answer what has no route: pages of the web, and 404 for the rest."""
    match (request.method, *request.segments):
        case ("GET", "auth", "check_your_email" | "wait_for_approval" | "account_disabled" as what):
            text = what.replace("_", " ").capitalize()
            return html_response(200, pages.page(text, f"<p>{text}.</p>"))
        case _:
            page = mastodon.web_page(store, request)
            if page is None:
                raise refused(request, 404)
            return page


ROUTES: mastodon.Routes = {
    ("GET", GOTOSOCIAL.applications_page): settings.show,
    ("POST", GOTOSOCIAL.applications_page): settings.submit,
    ("GET", "/.well-known/webfinger"): webfinger,
    ("GET", "/api/v1/instance"): instance_v1,
    ("GET", "/api/v2/instance"): instance_v2,
    ("POST", "/api/v1/apps"): register,
    ("GET", "/oauth/authorize"): browser.show,
    ("POST", "/oauth/authorize"): browser.submit,
    ("GET", "/oauth/oob"): browser.out_of_band,
    ("GET", "/auth/sign_in"): browser.sign_in_page,
    ("POST", "/auth/sign_in"): browser.sign_in,
    ("POST", "/oauth/token"): oauth.token,
    ("POST", "/oauth/revoke"): oauth.revoke,
    ("GET", "/api/v1/accounts/verify_credentials"): verify_account,
    ("GET", "/api/v1/apps/verify_credentials"): show_application,
    ("POST", "/api/v1/statuses"): post_status,
}


def _authorized(store: Store, request: Request, *scopes: str) -> tuple[AccessToken, Account]:
    """Check in the order of internal/api/util/auth.go: token, application, user, scope.

    For an account that cannot act not even the application is found.
    """
    token = store.accepted(api.bearer(request) or "")
    if token is None:
        raise refused(request, 401, "token not supplied")
    account = token.account
    if account is None:
        raise refused(request, 401, "user not supplied or not authorized")
    if account.state in ("unconfirmed", "pending", "disabled", "suspended"):
        raise refused(request, 401, "application not supplied")
    if not opens(token.scopes, scopes):
        raise refused(request, 403, "token has insufficient scope permission")
    return token, account


def _entity(application: RegisteredApplication) -> dict[str, object]:
    whole: dict[str, object] = {
        "id": f"01{application.id:024}",
        "created_at": api.timestamp(application.created_at),
        "name": application.name,
        "website": application.website,
        "redirect_uri": "\n".join(application.redirect_uris),
        "redirect_uris": list(application.redirect_uris),
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "vapid_key": VAPID_KEY,
        "scopes": list(application.scopes),
    }
    return {name: value for name, value in whole.items() if value}


def _ulid(raw: bytes) -> str:
    number = int.from_bytes(raw) >> 1
    digits = (_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
    return "".join(chain(digits))


def _counts(request: Request) -> bool:
    return request.path.startswith(("/api/", "/oauth/", "/auth/"))


def _maintenance(store: Store) -> Response:
    """Answer while it boots, with two Retry-After headers (internal/web/maintenance.go)."""
    when = datetime.fromtimestamp(store.clock() + BOOT_SECONDS, UTC)
    page = html_response(503, pages.page("GoToSocial is starting up", "<p>Please wait.</p>"))
    after = (
        ("Retry-After", str(BOOT_SECONDS)),
        ("Retry-After", format_datetime(when, usegmt=True)),
    )
    return Response(503, page.headers + after, page.body)
