"""Mastodon's REST API: what an application registers, and what a token opens."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from provisioner.sandbox.records import (
    DEFAULT_SCOPE,
    VISIBILITIES,
    Account,
    RegisteredApplication,
    Status,
    split,
)
from provisioner.sandbox.store import Store
from provisioner.sandbox.web import Request, Response, json_response

MAX_CHARACTERS = 500


def register(store: Store, request: Request) -> Response:
    """`POST /api/v1/apps`: an application registers itself."""
    given = request.parameters
    name = given.get("client_name", "").strip()
    store.require(name, "register: no name")
    store.require(len(name) <= 60, "register: long name")
    uris = store.server.redirect_uris(given.get("redirect_uris", ""))
    store.require(uris, "register: no redirect URI")
    store.require(all(urlsplit(uri).scheme for uri in uris), "register: bad redirect URI")
    scopes, known = split(given.get("scopes", DEFAULT_SCOPE)), store.server.scopes
    store.require(known is None or set(scopes) <= set(known), "register: unknown scope")
    client_id, client_secret = store.server.new_client(store)
    # Never a deleted application's number: an old page's form would revoke the new one.
    store.last_application += 1
    application = RegisteredApplication(
        id=store.last_application,
        name=name,
        redirect_uris=uris,
        scopes=scopes,
        client_id=client_id,
        client_secret=client_secret,
        created_at=store.clock(),
    )
    store.applications.append(application)
    return json_response(200, store.server.registered(application))


def verify_account(store: Store, request: Request) -> Response:
    """`GET /api/v1/accounts/verify_credentials`: whose token it is."""
    account = store.authorized(request, "account").account
    return json_response(200, {**account_entity(store, account), "source": {"note": ""}})


def post_status(store: Store, request: Request) -> Response:
    """`POST /api/v1/statuses`: the same Idempotency-Key within an hour returns the same post."""
    token = store.authorized(request, "post")
    key, given = request.headers.get("Idempotency-Key", ""), request.parameters
    known = store.server.posted(store, token.account, request)
    if known is not None:
        return json_response(200, status_entity(store, known))
    text, visibility = given.get("status", ""), given.get("visibility") or "public"
    store.require(text.strip(), "post: no text")
    store.require(len(text) <= MAX_CHARACTERS, "post: long text")
    store.require(visibility in VISIBILITIES, "post: unknown visibility")
    status = Status(
        id=len(store.statuses) + 1,
        account=token.account,
        application=token.application,
        text=text,
        visibility=visibility,
        created_at=store.clock(),
        idempotency_key=key,
    )
    store.statuses.append(status)
    return json_response(200, status_entity(store, status))


def account_entity(store: Store, account: Account) -> dict[str, object]:
    """Return the Account entity, in part."""
    return {
        "id": str(account.id),
        "username": account.username,
        "display_name": "",
        "locked": False,
        "bot": account.bot,
        "created_at": timestamp(account.created_at // 86400 * 86400),
        "note": "",
        "uri": f"{store.origin}/users/{account.username}",
        "statuses_count": len([one for one in store.statuses if one.account is account]),
        **store.server.account(store, account),
    }


def status_entity(store: Store, status: Status) -> dict[str, object]:
    """Return the Status entity, in part."""
    user = status.account.username
    return {
        "id": str(status.id),
        "created_at": timestamp(status.created_at),
        "sensitive": False,
        "spoiler_text": "",
        "visibility": status.visibility,
        "language": "en",
        "uri": f"{store.origin}/users/{user}/statuses/{status.id}",
        "url": f"{store.origin}/@{user}/{status.id}",
        "content": store.server.content(store, status.text),
        "application": {"name": status.application.name},
        "account": account_entity(store, status.account),
        "media_attachments": [],
        "mentions": [],
        "tags": [],
    }


def timestamp(moment: float) -> str:
    """Write a moment as Mastodon does: ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
