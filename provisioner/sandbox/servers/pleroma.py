"""Pleroma: its registration, its API, and the front end behind every other address.

After lib/pleroma/web (router.ex, plugs, mastodon_api, o_auth/app.ex) of kphrx/pleroma at 112caa05.
"""

from provisioner.sandbox import api, discovery, mastodon
from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.records import AccessToken, Account, RegisteredApplication, Store
from provisioner.sandbox.servers import pleroma_browser as browser
from provisioner.sandbox.servers import pleroma_oauth as oauth
from provisioner.sandbox.servers import settings
from provisioner.sandbox.servers.pleroma_errors import crashed, refused
from provisioner.sandbox.servers.pleroma_scopes import all_descend, requested
from provisioner.sandbox.sessions import session_of
from provisioner.sandbox.traits import PLEROMA
from provisioner.sandbox.web import Refused, Request, Response, json_response

IDEMPOTENCY_SECONDS = 6 * 3600


def gate(store: Store, request: Request) -> None:
    """Answer an Idempotency-Key again with what it was answered with (plugs/idempotency_plug.ex).

    The key is all that counts: neither who sends it nor what is sent with it.
    """
    key = _key(request)
    known = store.replies.get(key)
    if known is not None and store.clock() < known[0] + IDEMPOTENCY_SECONDS:
        raise Refused(known[1].plus({"Idempotency-Key": key, "Idempotent-Replayed": "true"}))


def finish(store: Store, request: Request, response: Response) -> Response:
    """Remember what was answered to an Idempotency-Key."""
    key = _key(request)
    if not key or response.header("Idempotent-Replayed"):
        return response
    store.replies[key] = store.clock(), response
    return response.plus({"Idempotency-Key": key})


def is_unused(_: Store, application: RegisteredApplication) -> bool:
    """Whether nobody owns an application; who got its first token does (`remove_orphans`)."""
    return application.owner is None


def register(store: Store, request: Request) -> Response:
    """`POST /api/v1/apps`: any scope is taken, and none is told."""
    if store.registrations.left(request.client, store.clock()) < 0:
        raise refused(429, "Throttled")
    given = parameters(request)
    _require_schema(given)
    uris = given.get("redirect_uris", "")
    application = store.register(
        name=given.text("client_name"),
        website=given.text("website"),
        redirect_uris=tuple((uris if isinstance(uris, str) else " ".join(uris)).split()),
        scopes=requested(Parameters(scopes=given.get("scopes", "read")), "", ("read",)),
        client_id=store.identifier(),
        client_secret=store.identifier(),
    )
    body = {
        "id": str(application.id),
        "name": application.name,
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "redirect_uri": "\n".join(application.redirect_uris),
        "website": application.website or None,
    }
    return json_response(200, body)


def verify_account(store: Store, request: Request) -> Response:
    """`GET /api/v1/accounts/verify_credentials`; needs `read:accounts`."""
    _, account = _authorized(store, request, "read:accounts")
    return json_response(200, {**api.credential_entity(store, account), **_own(store, account)})


def verify_application(store: Store, request: Request) -> Response:
    """`GET /api/v1/apps/verify_credentials`: any token; without one, no clause of it matches."""
    token = _token(store, request)
    if token is None:
        raise crashed(400)
    website = token.application.website or None
    return json_response(200, {"name": token.application.name, "website": website})


def post_status(store: Store, request: Request) -> Response:
    """`POST /api/v1/statuses`; needs `write:statuses`."""
    token, account = _authorized(store, request, "write:statuses")
    given = parameters(request)
    text = given.text("status")
    if not text.strip():
        raise refused(422, "Cannot post an empty status without attachments")
    visibility = given.text("visibility") or "public"
    status = api.publish(store, token, account, text, visibility)
    return json_response(200, api.status_entity(store, status))


def show_status(store: Store, request: Request, number: str) -> Response:
    """`GET /api/v1/statuses/:id`: public ones for all, others for their author."""
    token = _token(store, request)
    reader = token.account if token is not None else None
    status = store.post(number, reader)
    if status is None:
        raise refused(404, "Record not found")
    return json_response(200, api.status_entity(store, status))


def list_statuses(store: Store, request: Request, number: str) -> Response:
    """`GET /api/v1/accounts/:id/statuses`, by id or nickname.

    Who has no token with `read:statuses` is anybody (`proceed_unauthenticated`).
    """
    token = _token(store, request)
    may_read = token is not None and all_descend(("read:statuses",), token.scopes)
    reader = token.account if token is not None and may_read else None
    limit = request.queries.get("limit", str(api.STATUSES))
    if not (limit.isascii() and limit.isdigit()):
        raise refused(400, "limit - Invalid integer. Got: string.")
    account = store.numbered(number) or store.account(number)
    if account is None or account.state not in ("active", "moved"):
        raise refused(404, "Can't find user")
    seen = api.VISIBILITIES if account is reader else api.PUBLIC
    posts = store.posts(account, seen, min(int(limit), api.MOST_STATUSES))
    return json_response(200, [api.status_entity(store, one) for one in posts])


def webfinger(store: Store, request: Request) -> Response:
    """`GET /.well-known/webfinger`: 400 without a resource, and JSON for a stranger's 404."""
    if "resource" not in request.queries:
        return Response(400, (("Content-Type", "text/plain; charset=utf-8"),), b"Bad Request")
    found = discovery.webfinger(store, request)
    if found.status != 200:
        return json_response(404, "Couldn't find user")
    return found


def fallback(store: Store, request: Request) -> Response:
    """Answer what has no route: under `/api` with 404, else with the front end and 200."""
    match (request.method, *request.segments):
        case ("GET", "api", *_):
            raise refused(404, "Not implemented")
        case ("GET", name) if name.startswith("@"):
            return mastodon.web_page(store, request) or browser.front_end(store, request)
        case ("GET", *_):
            return browser.front_end(store, request)
        case _:
            return json_response(404, {"errors": {"detail": "Page not found"}})


ROUTES: mastodon.Routes = {
    ("GET", PLEROMA.applications_page): settings.show,
    ("POST", PLEROMA.applications_page): settings.submit,
    ("GET", "/.well-known/webfinger"): webfinger,
    ("GET", "/api/v1/instance"): discovery.instance_v1,
    ("GET", "/api/v2/instance"): discovery.instance_v2,
    ("POST", "/api/v1/apps"): register,
    ("GET", "/oauth/authorize"): browser.show,
    ("POST", "/oauth/authorize"): browser.submit,
    ("POST", "/main/login"): browser.log_in,
    ("POST", "/oauth/token"): oauth.token,
    ("POST", "/oauth/revoke"): oauth.revoke,
    ("GET", "/api/v1/accounts/verify_credentials"): verify_account,
    ("GET", "/api/v1/apps/verify_credentials"): verify_application,
    ("POST", "/api/v1/statuses"): post_status,
}


def _key(request: Request) -> str:
    counts = request.method == "POST" and request.path.startswith("/api/")
    return request.headers.get("Idempotency-Key", "") if counts else ""


def _require_schema(given: Parameters) -> None:
    """Hold the fields against the description of the API (api_spec/render_error.ex)."""
    missing = [name for name in ("client_name", "redirect_uris") if name not in given]
    if missing:
        raise refused(400, " ".join(f"Missing field: {name}." for name in missing))
    for name in ("client_name", "scopes", "website"):
        if isinstance(given.get(name), list):
            raise refused(400, f"{name} - Invalid string. Got: array.")
    for name in ("client_name", "redirect_uris"):
        if not given[name]:
            raise refused(400, f"{name}: can't be blank")


def _authorized(store: Store, request: Request, scope: str) -> tuple[AccessToken, Account]:
    """Check that there is a user who can act, then the scope; both are 403."""
    token = _token(store, request)
    if token is None or token.account is None or token.account.state in oauth.ACCOUNT_ERRORS:
        raise refused(403, "Invalid credentials.")
    if not all_descend((scope,), token.scopes):
        raise refused(403, f"Insufficient permissions: {scope}.")
    return token, token.account


def _token(store: Store, request: Request) -> AccessToken | None:
    """Read the token from a parameter, the header or the session (plugs/o_auth_plug.ex)."""
    sent = request.queries.get("access_token") or api.bearer(request)
    token = session_of(store, request).token if sent is None else store.token(sent)
    return token if token is not None and store.accepts(token) else None


def _own(store: Store, account: Account) -> dict[str, object]:
    """Return what is Pleroma's own in an account: its address is the actor's."""
    actor = f"{store.origin}/users/{account.username}"
    return {
        "url": actor,
        "fqn": store.address(account),
        "pleroma": {"ap_id": actor, "is_confirmed": True},
    }
