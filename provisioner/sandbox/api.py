"""The REST API that a token opens: accounts, applications, statuses (Mastodon 4.7)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from provisioner.sandbox.parameters import parameters
from provisioner.sandbox.records import AccessToken, Account, Status, Store
from provisioner.sandbox.registration import entity
from provisioner.sandbox.web import Refused, Request, Response, json_response

MAX_CHARACTERS = 500
IDEMPOTENCY_SECONDS = 3600
VISIBILITIES = ("public", "unlisted", "private", "direct")
PUBLIC = VISIBILITIES[:2]
STATUSES, MOST_STATUSES = 20, 40
"""How many posts of an account are listed, without a `limit` and at most."""
_INVALID = "The access token is invalid"
_REVOKED = "The access token was revoked"


def verify_account(store: Store, request: Request) -> Response:
    """`GET /api/v1/accounts/verify_credentials`: whose token it is.

    Needs `profile`, `read` or `read:accounts`: a token that may only write is refused with 403.
    """
    token = authorize(store, request, ("profile", "read", "read:accounts"))
    return json_response(200, credential_entity(store, require_account(token)))


def verify_application(store: Store, request: Request) -> Response:
    """`GET /api/v1/apps/verify_credentials`: which application's token; any live one will do.

    Before 4.3 it has to be one that may `read`, and fewer fields are told.
    """
    token = authorize(store, request, store.traits.application_scopes)
    whole = entity(token.application)
    return json_response(200, {name: whole[name] for name in store.traits.application_fields})


def user_info(store: Store, request: Request) -> Response:
    """`GET /oauth/userinfo` (OpenID Connect, 4.4 and newer); needs `profile`."""
    account = require_account(authorize(store, request, ("profile",)))
    body = {
        "iss": f"{store.origin}/",
        "sub": f"{store.origin}/users/{account.username}",
        "name": account.display_name,
        "preferred_username": account.username,
        "profile": f"{store.origin}/@{account.username}",
        "picture": f"{store.origin}/avatars/original/missing.png",
    }
    return json_response(200, body)


def post_status(store: Store, request: Request) -> Response:
    """`POST /api/v1/statuses`; needs `write` or `write:statuses`.

    The same Idempotency-Key from the same account within an hour returns the same status.
    """
    token = authorize(store, request, ("write", "write:statuses"))
    account = require_account(token)
    key = request.headers.get("Idempotency-Key", "")
    known = _posted(store, account, key)
    if known is not None:
        return json_response(200, status_entity(store, known))
    given = parameters(request)
    text = given.text("status")
    if not text.strip():
        raise _invalid("Text can't be blank")
    if len(text) > MAX_CHARACTERS:
        raise _invalid(f"Text character limit of {MAX_CHARACTERS} exceeded")
    visibility = given.text("visibility") or "public"
    if visibility not in VISIBILITIES:
        raise _invalid("Visibility is not included in the list")
    status = publish(store, token, account, text, visibility, key)
    return json_response(200, status_entity(store, status))


def publish(
    store: Store,
    token: AccessToken,
    account: Account,
    text: str,
    visibility: str,
    key: str = "",
) -> Status:
    """Add a post."""
    status = Status(
        id=len(store.statuses) + 1,
        account=account,
        application=token.application,
        text=text,
        visibility=visibility,
        created_at=store.clock(),
        idempotency_key=key,
    )
    store.statuses.append(status)
    return status


def show_status(store: Store, request: Request, number: str) -> Response:
    """`GET /api/v1/statuses/:id`: public ones for all, others for their author."""
    status = store.post(number, _reader(store, request))
    if status is None:
        return json_response(404, {"error": "Record not found"})
    return json_response(200, status_entity(store, status))


def list_statuses(store: Store, request: Request, number: str) -> Response:
    """`GET /api/v1/accounts/:id/statuses`: the public ones for all, all of them for the author.

    After app/models/account_statuses_filter.rb; of a suspended account there are none.
    """
    reader = _reader(store, request)
    account = store.numbered(number)
    if account is None:
        return json_response(404, {"error": "Record not found"})
    seen = VISIBILITIES if account is reader else PUBLIC
    posts = store.posts(account, seen, min(_limit(request), MOST_STATUSES))
    if account.state == "suspended":
        posts = []
    return json_response(200, [status_entity(store, one) for one in posts])


def _limit(request: Request) -> int:
    """Read `limit` as Ruby's `to_i` does: no number is 0."""
    found = re.match(r"\s*-?([0-9]+)", request.queries.get("limit", str(STATUSES)))
    return int(found[1]) if found else 0


def _reader(store: Store, request: Request) -> Account | None:
    """Return who reads what is public: a token that nobody knows is none, and others must do.

    `authorize_if_got_token!` of api/base_controller.rb.
    """
    if _token(store, request) is None:
        return None
    return authorize(store, request, ("read", "read:statuses")).account


def authorize(store: Store, request: Request, scopes: Iterable[str] = ()) -> AccessToken:
    """Return the request's token: 401 where it is not live, 403 where it has none of the scopes."""
    token = _token(store, request)
    if token is None or not store.accepts(token):
        text = _REVOKED if token else _INVALID
        challenge = f'Bearer realm="Doorkeeper", error="invalid_token", error_description="{text}"'
        raise Refused(json_response(401, {"error": text}, {"WWW-Authenticate": challenge}))
    wanted = set(scopes)
    if wanted and not wanted & set(token.scopes):
        text = "This action is outside the authorized scopes"
        raise Refused(json_response(403, {"error": text}))
    return token


def require_account(token: AccessToken) -> Account:
    """Return the token's account: 422 where it has none, 403 where the account cannot act."""
    if token.account is None:
        text = "This method requires an authenticated user"
        raise Refused(json_response(422, {"error": text}))
    if token.account.refusal is not None:
        raise Refused(json_response(403, {"error": token.account.refusal}))
    return token.account


def timestamp(moment: float) -> str:
    """Write a moment as Mastodon does: ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def bearer(request: Request) -> str | None:
    """Return the token of the Authorization header; None where there is none."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value if scheme.lower() == "bearer" else None


def _token(store: Store, request: Request) -> AccessToken | None:
    """Read the token from the header or, as Doorkeeper also does, from the parameters."""
    value = bearer(request)
    if value is not None:
        return store.token(value)
    given = parameters(request)
    return store.token(given.text("access_token") or given.text("bearer_token"))


def _posted(store: Store, account: Account, key: str) -> Status | None:
    after = store.clock() - IDEMPOTENCY_SECONDS
    for one in store.statuses:
        if key and one.idempotency_key == key and one.account is account and one.created_at > after:
            return one
    return None


def _invalid(text: str) -> Refused:
    return Refused(json_response(422, {"error": f"Validation failed: {text}"}))


def account_entity(store: Store, account: Account) -> dict[str, object]:
    """Return the Account entity."""
    url = f"{store.origin}/@{account.username}"
    mine = [one for one in store.statuses if one.account is account]
    avatar, header = (f"{store.origin}/{kind}/original/missing.png" for kind in _PICTURES)
    return {
        "id": str(account.id),
        "username": account.username,
        "acct": account.username,
        "display_name": account.display_name,
        "locked": False,
        "bot": account.bot,
        "discoverable": None,
        "indexable": False,
        "group": False,
        "created_at": timestamp(account.created_at // 86400 * 86400),
        "note": "",
        "url": url,
        "uri": f"{store.origin}/users/{account.username}",
        "avatar": avatar,
        "avatar_static": avatar,
        "header": header,
        "header_static": header,
        "followers_count": 0,
        "following_count": 0,
        "statuses_count": len(mine),
        "last_status_at": timestamp(mine[-1].created_at)[:10] if mine else None,
        "hide_collections": None,
        "noindex": False,
        "emojis": [],
        "roles": [],
        "fields": [],
    }


_PICTURES = ("avatars", "headers")


def credential_entity(store: Store, account: Account) -> dict[str, object]:
    """Return the CredentialAccount entity."""
    source = {
        "privacy": "public",
        "sensitive": False,
        "language": None,
        "note": "",
        "fields": [],
        "follow_requests_count": 0,
    }
    role = {"id": "-99", "name": "", "permissions": "65536", "color": "", "highlighted": False}
    return {**account_entity(store, account), "source": source, "role": role}


def status_entity(store: Store, status: Status) -> dict[str, object]:
    """Return the Status entity."""
    user = status.account.username
    return {
        "id": str(status.id),
        "created_at": timestamp(status.created_at),
        "in_reply_to_id": None,
        "in_reply_to_account_id": None,
        "sensitive": False,
        "spoiler_text": "",
        "visibility": status.visibility,
        "language": "en",
        "uri": f"{store.origin}/users/{user}/statuses/{status.id}",
        "url": f"{store.origin}/@{user}/{status.id}",
        "replies_count": 0,
        "reblogs_count": 0,
        "favourites_count": 0,
        "edited_at": None,
        "content": store.traits.html(store.place, status.text),
        "reblog": None,
        "application": {
            "name": status.application.name,
            "website": status.application.website or None,
        },
        "account": account_entity(store, status.account),
        "media_attachments": [],
        "mentions": [],
        "tags": [],
        "emojis": [],
        "card": None,
        "poll": None,
    }
