"""Takahē: its registration and its API.

After api (middleware.py, decorators.py, models, views) and users/models/identity.py of
jointakahe/takahe at d45f22c9, with its hatchway; measured on 0.11.0.
"""

from urllib.parse import urlsplit

from provisioner.sandbox import api, discovery, mastodon
from provisioner.sandbox.parameters import parameters
from provisioner.sandbox.records import AccessToken, Account, RegisteredApplication, Status, Store
from provisioner.sandbox.servers import settings
from provisioner.sandbox.servers import takahe_browser as browser
from provisioner.sandbox.servers import takahe_oauth as oauth
from provisioner.sandbox.servers.takahe_errors import crashed, not_found, refused
from provisioner.sandbox.traits import TAKAHE
from provisioner.sandbox.web import Refused, Request, Response, json_response

_PREFIX = "Bearer "
_NOT_IN_AN_ACCOUNT = ("indexable", "uri", "hide_collections", "noindex", "roles")


def gate(store: Store, request: Request) -> None:
    """Refuse a token that is unknown or revoked, wherever it is sent: 400, and no JSON."""
    if _sent(request) not in (None, oauth.APP_TOKEN) and _token(store, request) is None:
        headers = (("Content-Type", "text/html; charset=utf-8"),)
        raise Refused(Response(400, headers, b"Invalid Bearer token"))


def register(store: Store, request: Request) -> Response:
    """`POST /api/v1/apps`: texts only; any scope is taken, and none is told."""
    given = parameters(request)
    names = ("client_name", "redirect_uris", "scopes", "website")
    arrays = any(isinstance(given.get(name), list) for name in names)
    if arrays or "client_name" not in given or "redirect_uris" not in given:
        raise refused(400, "invalid_input")
    application = store.register(
        name=given.text("client_name"),
        website=given.text("website"),
        redirect_uris=(given.text("redirect_uris"),),
        scopes=tuple((given.text("scopes") or "read").split(" ")),
        client_id=f"tk-{oauth.urlsafe(store, 16)}",
        client_secret=oauth.urlsafe(store, 40),
    )
    keys = (application.client_id, application.client_secret)
    return json_response(200, _application(application, *keys))


def verify_account(store: Store, request: Request) -> Response:
    """`GET /api/v1/accounts/verify_credentials`; needs `read`, of which no part will do."""
    _, account = _authorized(store, request, "read")
    body = {
        **_account(store, account),
        "acct": account.username,
        "source": {
            "note": "",
            "fields": [],
            "privacy": "public",
            "sensitive": False,
            "language": "unk",
            "follow_requests_count": 0,
        },
    }
    return json_response(200, body)


def verify_application(store: Store, request: Request) -> Response:
    """`GET /api/v1/apps/verify_credentials`; needs `read`."""
    token, _ = _authorized(store, request, "read")
    return json_response(200, _application(token.application, "", ""))


def post_status(store: Store, request: Request) -> Response:
    """`POST /api/v1/statuses`; needs `write:statuses`. An Idempotency-Key is ignored (measured)."""
    token, account = _authorized(store, request, "write:statuses")
    given = parameters(request)
    visibility = given.text("visibility") or "public"
    if visibility not in api.VISIBILITIES:
        raise refused(400, "invalid_input")
    text = given.text("status")
    if not text:
        raise refused(400, "Status is empty")
    if len(text) > api.MAX_CHARACTERS:
        raise refused(400, "Status is too long")
    return json_response(200, _status(store, api.publish(store, token, account, text, visibility)))


def show_status(store: Store, request: Request, number: str) -> Response:
    """`GET /api/v1/statuses/:id`; needs `read:statuses`, even for a public one."""
    _, account = _authorized(store, request, "read:statuses")
    status = store.post(number, account)
    return json_response(200, _status(store, status)) if status else not_found()


def list_statuses(store: Store, request: Request, number: str) -> Response:
    """`GET /api/v1/accounts/:id/statuses`; needs `read:statuses`.

    Posts for followers or for those mentioned are in nobody's list, and not in the author's either.
    """
    _authorized(store, request, "read:statuses")
    limit = request.queries.get("limit", str(api.STATUSES))
    if not (limit.isascii() and limit.isdigit()):
        raise refused(400, "invalid_input")
    account = store.numbered(number)
    if account is None:
        return not_found()
    most = min(int(limit) or api.STATUSES, api.MOST_STATUSES)
    return json_response(
        200, [_status(store, one) for one in store.posts(account, api.PUBLIC, most)]
    )


def instance_v2(store: Store, request: Request) -> Response:
    """`GET /api/v2/instance`: a crash where nobody is an administrator (measured)."""
    if not any(one.admin for one in store.accounts):
        raise crashed()
    return discovery.instance_v2(store, request)


def webfinger(store: Store, request: Request) -> Response:
    """`GET /.well-known/webfinger`: accounts on any of the domains, and no other resources."""
    resource = request.queries.get("resource", "")
    if not resource:
        return _plain(400, b"No resource specified")
    if not resource.startswith("acct:"):
        return _plain(400, b"Not an account resource")
    account = store.by_address(resource.removeprefix("acct:"))
    if account is None:
        return not_found()
    page, address = _profile(store, account), store.address(account)
    body = {
        "subject": f"acct:{address}",
        "aliases": [page],
        "links": [
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": page},
            {
                "rel": "self",
                "type": "application/activity+json",
                "href": f"{page.rpartition('/@')[0]}/@{address}/",
            },
        ],
    }
    return json_response(200, body, {"Content-Type": "application/jrd+json"})


def fallback(store: Store, request: Request) -> Response:
    """Answer what has no route: pages of the web, and a page of 404."""
    return mastodon.web_page(store, request) or not_found()


ROUTES: mastodon.Routes = {
    ("GET", TAKAHE.applications_page): settings.show,
    ("POST", TAKAHE.applications_page): settings.submit,
    ("GET", "/.well-known/webfinger"): webfinger,
    ("GET", "/api/v1/instance"): discovery.instance_v1,
    ("GET", "/api/v2/instance"): instance_v2,
    ("POST", "/api/v1/apps"): register,
    ("GET", "/oauth/authorize"): browser.show,
    ("POST", "/oauth/authorize"): browser.submit,
    ("GET", "/auth/login"): browser.sign_in_page,
    ("POST", "/auth/login"): browser.sign_in,
    ("POST", "/oauth/token"): oauth.token,
    ("POST", "/oauth/revoke"): oauth.revoke,
    ("GET", "/api/v1/accounts/verify_credentials"): verify_account,
    ("GET", "/api/v1/apps/verify_credentials"): verify_application,
    ("POST", "/api/v1/statuses"): post_status,
}


def _authorized(store: Store, request: Request, scope: str) -> tuple[AccessToken, Account]:
    """Check a scope: it was granted, or the word before its colon was; never the other way."""
    token = _token(store, request)
    if token is None:
        raise refused(401, "identity_token_required")
    if scope not in token.scopes and scope.partition(":")[0] not in token.scopes:
        raise refused(403, "out_of_scope_for_token")
    if token.account is None:
        raise refused(401, "identity_token_required")
    return token, token.account


def _sent(request: Request) -> str | None:
    header = request.headers.get("Authorization", "")
    return header.removeprefix(_PREFIX) if header.startswith(_PREFIX) else None


def _token(store: Store, request: Request) -> AccessToken | None:
    return store.accepted(_sent(request) or "")


def _application(
    application: RegisteredApplication, client_id: str, client_secret: str
) -> dict[str, object]:
    return {
        "id": str(application.id),
        "name": application.name,
        "website": application.website or None,
        "client_id": client_id,
        "client_secret": client_secret,
        "redirect_uri": application.redirect_uris[0],
        "vapid_key": None,
    }


def _account(store: Store, account: Account) -> dict[str, object]:
    """Return the Account; its `acct` has a domain, as there may be many."""
    whole = api.account_entity(store, account)
    kept = {name: value for name, value in whole.items() if name not in _NOT_IN_AN_ACCOUNT}
    return {**kept, "acct": store.address(account), "url": _profile(store, account)}


def _status(store: Store, status: Status) -> dict[str, object]:
    whole = api.status_entity(store, status)
    del whole["application"]
    return {**whole, "account": _account(store, status.account)}


def _profile(store: Store, account: Account) -> str:
    scheme = urlsplit(store.origin).scheme
    return f"{scheme}://{account.domain or store.host}/@{account.username}/"


def _plain(status: int, text: bytes) -> Response:
    return Response(status, (("Content-Type", "text/html; charset=utf-8"),), text)
