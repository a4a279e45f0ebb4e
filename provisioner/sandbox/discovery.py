"""What an instance tells strangers: WebFinger, OAuth metadata, the instance's own description."""

from urllib.parse import urlsplit

from provisioner.sandbox.api import MAX_CHARACTERS
from provisioner.sandbox.records import Account, Store
from provisioner.sandbox.web import Request, Response, json_response


def webfinger(store: Store, request: Request) -> Response:
    """`GET /.well-known/webfinger` (RFC 7033): 404 for a stranger, 400 without a resource."""
    resource = request.queries.get("resource", "")
    if not resource.strip():
        return Response(400)
    account = _resource(store, resource)
    if account is None:
        return Response(404)
    actor = f"{store.origin}/users/{account.username}"
    page = f"{store.origin}/@{account.username}"
    body = {
        "subject": f"acct:{account.username}@{store.account_domain}",
        "aliases": [page, actor],
        "links": [
            {
                "rel": "http://webfinger.net/rel/profile-page",
                "type": "text/html",
                "href": page,
            },
            {"rel": "self", "type": "application/activity+json", "href": actor},
            {
                "rel": "http://ostatus.org/schema/1.0/subscribe",
                "template": f"{store.origin}/authorize_interaction?uri={{uri}}",
            },
        ],
    }
    return json_response(200, body, {"Content-Type": "application/jrd+json; charset=utf-8"})


def oauth_metadata(store: Store, _: Request) -> Response:
    """`GET /.well-known/oauth-authorization-server` (RFC 8414), as Mastodon 4.7 fills it in.

    Mastodon's issuer ends with a slash, and its registration endpoint has a name of its own: the
    endpoint is not the one of RFC 7591.
    """
    origin = store.origin
    return json_response(
        200,
        {
            "issuer": f"{origin}/",
            "service_documentation": "https://docs.joinmastodon.org/",
            "authorization_endpoint": f"{origin}/oauth/authorize",
            "token_endpoint": f"{origin}/oauth/token",
            "app_registration_endpoint": f"{origin}/api/v1/apps",
            "revocation_endpoint": f"{origin}/oauth/revoke",
            "userinfo_endpoint": f"{origin}/oauth/userinfo",
            "scopes_supported": list(store.traits.scopes),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        },
    )


def instance_v2(store: Store, _: Request) -> Response:
    """`GET /api/v2/instance`."""
    body = {
        "domain": store.account_domain,
        "title": store.title,
        "version": store.version,
        "source_url": "https://github.com/mastodon/mastodon",
        "description": "A sandbox.",
        "usage": {"users": {"active_month": len(store.accounts)}},
        "thumbnail": {"url": f"{store.origin}/packs/preview.png"},
        "languages": ["en"],
        "configuration": {
            "urls": {"streaming": store.origin.replace("http", "ws", 1)},
            **_configuration(),
        },
        "registrations": {"enabled": False, "approval_required": False, "message": None},
        "api_versions": {"mastodon": 7},
        "contact": {"email": "", "account": None},
        "rules": [],
    }
    return json_response(200, body)


def instance_v1(store: Store, _: Request) -> Response:
    """`GET /api/v1/instance`, deprecated and still there."""
    body = {
        "uri": store.account_domain,
        "title": store.title,
        "short_description": "A sandbox.",
        "description": "",
        "email": "",
        "version": store.version,
        "urls": {"streaming_api": store.origin.replace("http", "ws", 1)},
        "stats": {
            "user_count": len(store.accounts),
            "status_count": len(store.statuses),
            "domain_count": 0,
        },
        "thumbnail": f"{store.origin}/packs/preview.png",
        "languages": ["en"],
        "registrations": False,
        "approval_required": False,
        "invites_enabled": False,
        "configuration": _configuration(),
        "contact_account": None,
        "rules": [],
    }
    return json_response(200, body)


def _configuration() -> dict[str, object]:
    return {
        "accounts": {"max_featured_tags": 10, "max_pinned_statuses": 5},
        "statuses": {
            "max_characters": MAX_CHARACTERS,
            "max_media_attachments": 4,
            "characters_reserved_per_url": 23,
        },
    }


def _resource(store: Store, resource: str) -> Account | None:
    """Find what `acct:user@host` or the address of a profile names, if the host is ours."""
    if resource.lower().startswith(("http://", "https://")):
        parts = urlsplit(resource)
        user = parts.path.removeprefix("/users/").removeprefix("/@")
        host = parts.netloc
    else:
        user, _, host = resource.removeprefix("acct:").rpartition("@")
    if host.lower() not in (store.account_domain.lower(), store.host.lower()):
        return None
    return store.account(user)
