"""Which address leads where on Mastodon, and what is left without an answer."""

from collections.abc import Callable

from provisioner.sandbox import (
    api,
    authorize,
    authorized_applications,
    discovery,
    oauth,
    pages,
    registration,
    sessions,
)
from provisioner.sandbox.parameters import deletes, parameters
from provisioner.sandbox.records import Store
from provisioner.sandbox.web import Request, Response, html_response, json_response

Route = Callable[[Store, Request], Response]
NumberedRoute = Callable[[Store, Request, str], Response]
"""Answers an address with a number in it."""
Routes = dict[tuple[str, str], Route]

_SINCE_4_3: Routes = {
    ("GET", "/.well-known/oauth-authorization-server"): discovery.oauth_metadata,
}
_SINCE_4_4: Routes = {("GET", "/oauth/userinfo"): api.user_info}

ROUTES_4_2: Routes = {
    ("GET", "/.well-known/webfinger"): discovery.webfinger,
    ("GET", "/api/v1/instance"): discovery.instance_v1,
    ("GET", "/api/v2/instance"): discovery.instance_v2,
    ("POST", "/api/v1/apps"): registration.register,
    ("GET", "/oauth/authorize"): authorize.show,
    ("POST", "/oauth/authorize"): authorize.submit,
    ("DELETE", "/oauth/authorize"): authorize.submit,
    ("GET", "/oauth/authorize/native"): authorize.native,
    ("GET", authorized_applications.PATH): authorized_applications.index,
    ("GET", "/auth/sign_in"): sessions.sign_in_page,
    ("POST", "/auth/sign_in"): sessions.sign_in,
    ("POST", "/auth/sign_out"): sessions.sign_out,
    ("POST", "/oauth/token"): oauth.token,
    ("POST", "/oauth/revoke"): oauth.revoke,
    ("GET", "/api/v1/accounts/verify_credentials"): api.verify_account,
    ("GET", "/api/v1/apps/verify_credentials"): api.verify_application,
    ("POST", "/api/v1/statuses"): api.post_status,
}
ROUTES_4_7: Routes = ROUTES_4_2 | _SINCE_4_3 | _SINCE_4_4


def fallback(store: Store, request: Request) -> Response:
    """Answer what no fixed address leads to: profiles, revocations, and the rest."""
    match (request.method, *request.segments):
        case (_, "oauth", "authorized_applications", number) if deletes(
            request, parameters(request)
        ):
            return authorized_applications.destroy(store, request, number)
        case _:
            return web_page(store, request) or _not_found(request)


def web_page(store: Store, request: Request) -> Response | None:
    """Return the home page, a profile or the page of a post; None where there is none."""
    match (request.method, *request.segments):
        case ("GET", ""):
            return html_response(200, pages.home(store))
        case ("GET", name, *rest) if name.startswith("@") and len(rest) <= 1:
            return profile(store, name.removeprefix("@"), rest)
        case _:
            return None


def profile(store: Store, username: str, rest: list[str]) -> Response | None:
    """Return an account's page, or that of one of its posts; None where there is none."""
    account = store.account(username)
    posts = [
        one
        for one in reversed(store.statuses)
        if one.account is account and one.is_public and (not rest or str(one.id) in rest)
    ]
    if account is None or (rest and not posts):
        return None
    return html_response(200, pages.profile(account, store.address(account), posts))


def _not_found(request: Request) -> Response:
    if "text/html" in request.headers.get("Accept", ""):
        return html_response(404, pages.not_found())
    return json_response(404, {"error": "Not Found"})
