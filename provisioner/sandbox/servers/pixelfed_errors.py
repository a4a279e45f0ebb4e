"""How Pixelfed refuses: in League's words, or as Laravel's handler of exceptions has it.

Who asks for JSON gets 500 and one sentence for whatever is no HTTP exception, for OAuth's errors
too (app/Exceptions/Handler.php of pixelfed/pixelfed at 00af376f; seen in pixelfed#5613 and #5426).
"""

from html import escape
from http import HTTPStatus
from urllib.parse import urlencode

from provisioner.sandbox import pages
from provisioner.sandbox.records import Store
from provisioner.sandbox.web import (
    Refused,
    Request,
    Response,
    html_response,
    json_response,
    redirect,
    redirect_with,
)

_MESSAGES = {
    "access_denied": "The resource owner or authorization server denied the request.",
    "invalid_client": "Client authentication failed",
    "invalid_grant": "The provided authorization grant (e.g., authorization code, resource owner "
    "credentials) or refresh token is invalid, expired, revoked, does not match the redirection "
    "URI used in the authorization request, or was issued to another client.",
    "invalid_request": "The request is missing a required parameter, includes an invalid parameter "
    "value, includes a parameter more than once, or is otherwise malformed.",
    "invalid_scope": "The requested scope is invalid, unknown, or malformed",
    "unsupported_grant_type": "The authorization grant type is not supported by the authorization "
    "server.",
}
_STATUSES = {"invalid_client": 401, "access_denied": 401}


def wants_json(request: Request) -> bool:
    """Whether the first type of the Accept header is JSON (Laravel's `wantsJson`)."""
    first = request.headers.get("Accept", "").partition(",")[0].lower()
    return "/json" in first or "+json" in first


def oauth_refused(
    request: Request, error: str, hint: str | None = None, leads_to: str = ""
) -> Refused:
    """Return an error of league/oauth2-server 8.5: JSON, or a redirect that carries it."""
    message = _MESSAGES[error]
    if wants_json(request):
        return Refused(json_response(500, {"error": message}))
    body = {"error": error, "error_description": message}
    body |= {"hint": hint} if hint is not None else {}
    body["message"] = message
    if leads_to:
        return Refused(redirect_with(leads_to, urlencode(body)))
    return Refused(json_response(_STATUSES.get(error, 400), body))


def refused(request: Request, status: int, message: str = "") -> Refused:
    """Return an HTTP exception (Laravel's `abort`)."""
    if wants_json(request):
        return Refused(json_response(status, {"error": message}))
    text = escape(message or HTTPStatus(status).phrase)
    return Refused(html_response(status, pages.page(str(status), f"<p>{text}</p>")))


def unauthenticated(store: Store, request: Request) -> Refused:
    """Return what a missing, expired or revoked token is answered with: no 401 at all."""
    if wants_json(request):
        return Refused(json_response(500, {"error": "Unauthenticated."}))
    return Refused(redirect(f"{store.origin}/login"))


def invalid(request: Request, message: str) -> Refused:
    """Return what a field that is wrong is answered with."""
    if wants_json(request):
        return Refused(json_response(500, {"message": message, "errors": {}}))
    return Refused(redirect("/"))


def not_found(request: Request) -> Response:
    """Return the answer where there is no route."""
    path = request.path.lstrip("/")
    return refused(request, 404, f"The route {path} could not be found.").response
