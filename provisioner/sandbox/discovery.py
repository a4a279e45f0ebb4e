"""What an instance tells strangers: WebFinger, OAuth metadata, the instance's own description."""

from provisioner.sandbox.store import Store
from provisioner.sandbox.web import Request, Response, json_response


def webfinger(store: Store, request: Request) -> Response:
    """`GET /.well-known/webfinger` (RFC 7033), for `acct:` addresses."""
    resource = request.queries.get("resource", "")
    store.require(resource.strip(), "webfinger: no resource")
    account = store.by_address(resource.removeprefix("acct:"))
    if account is None:
        raise store.refused("webfinger: unknown account")
    actor = f"{store.origin}/users/{account.username}"
    links = [{"rel": "self", "type": "application/activity+json", "href": actor}]
    body = {"subject": f"acct:{store.address_of(account)}", "links": links}
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
            "authorization_endpoint": f"{origin}/oauth/authorize",
            "token_endpoint": f"{origin}/oauth/token",
            "app_registration_endpoint": f"{origin}/api/v1/apps",
            "revocation_endpoint": f"{origin}/oauth/revoke",
            "scopes_supported": list(store.server.scopes or ()),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        },
    )


def instance_v1(store: Store, _: Request) -> Response:
    """`GET /api/v1/instance`, deprecated and still there."""
    return json_response(200, {"uri": store.domain, "version": store.server.version})


def instance_v2(store: Store, _: Request) -> Response:
    """`GET /api/v2/instance`."""
    return json_response(200, {"domain": store.domain, "version": store.server.version})
