"""`/oauth/authorize`: what a person sees in a browser, and the code that comes of it.

After Doorkeeper's AuthorizationsController with Mastodon's overrides: who is not signed in is sent
to sign in first, whatever the request; the consent page is skipped where a matching token exists,
unless `force_login` is true.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from provisioner.sandbox import pages
from provisioner.sandbox.oauth import DESCRIPTIONS, same_redirect
from provisioner.sandbox.parameters import Parameters, deletes, parameters
from provisioner.sandbox.records import OOB, Account, RegisteredApplication, Store
from provisioner.sandbox.scopes import DEFAULT, split
from provisioner.sandbox.sessions import cookie, require_csrf, session_of
from provisioner.sandbox.web import (
    Refused,
    Request,
    Response,
    html_response,
    json_response,
    redirect,
)

_OOB_URIS = (OOB, f"{OOB}:auto")
# What Rails casts to false: Python's `False` is not among them.
_FALSE = frozenset({"", "0", "f", "F", "false", "FALSE", "off", "OFF"})
_FIELDS = (
    "client_id",
    "redirect_uri",
    "state",
    "response_type",
    "scope",
    "code_challenge",
    "code_challenge_method",
)


@dataclass(frozen=True)
class Asked:
    """An authorization request that passed every check."""

    application: RegisteredApplication
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str

    @property
    def out_of_band(self) -> bool:
        """Whether the code is to be shown on a page."""
        return self.redirect_uri in _OOB_URIS


class Problem(Exception):  # noqa: N818 - RFC 6749's errors are answers
    """An authorization request that failed, in Doorkeeper's words."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = 401 if error == "invalid_client" else 400


def show(store: Store, request: Request) -> Response:
    """`GET /oauth/authorize`: the consent page, or what comes instead of it."""
    session = session_of(store, request)
    if session.account is None:
        session.return_to = f"{request.path}?{request.query}"
        return redirect("/auth/sign_in", headers=cookie(session))
    given = parameters(request)
    try:
        asked = check(store, given)
    except Problem as problem:
        return html_response(problem.status, pages.error(problem.description))
    _require_functional(session.account)
    forced = given.text("force_login") not in _FALSE
    known = store.matching_token(asked.application, session.account, asked.scopes)
    if known is not None and not forced:
        return _approve(store, asked, session.account)
    fields = {name: given.text(name) for name in _FIELDS if name in given}
    # A sign-out from this page comes back to it for the next person.
    session.return_to = f"{request.path}?{request.query}"
    page = pages.consent(asked.application, session.account, asked.scopes, fields, session.csrf)
    return html_response(200, page)


def submit(store: Store, request: Request) -> Response:
    """`POST /oauth/authorize`: a pressed button. `_method=delete` is *Deny*, as in Rails' forms."""
    session = session_of(store, request)
    if session.account is None:
        return redirect("/auth/sign_in", headers=cookie(session))
    given = parameters(request)
    require_csrf(session, given)
    _require_functional(session.account)
    try:
        asked = check(store, given)
    except Problem as problem:
        body = {"error": problem.error, "error_description": problem.description}
        return json_response(problem.status, body)
    if deletes(request, given):
        return _deny(asked)
    return _approve(store, asked, session.account)


def native(store: Store, request: Request) -> Response:
    """`GET /oauth/authorize/native`: the page that shows the code to the person."""
    session = session_of(store, request)
    if session.account is None:
        session.return_to = f"{request.path}?{request.query}"
        return redirect("/auth/sign_in", headers=cookie(session))
    return html_response(200, pages.code(request.queries.get("code", "")))


def check(store: Store, given: Parameters) -> Asked:
    """Check a request in the order of Doorkeeper's PreAuthorization; `Problem` where it fails."""
    application = _application(store, given)
    uri = given.text("redirect_uri")
    if not any(same_redirect(uri, registered) for registered in application.redirect_uris):
        raise _problem("invalid_redirect_uri")
    if not given.has("response_type"):
        raise _missing("response_type")
    if given.text("response_type") != "code":
        raise _problem("unsupported_response_type")
    scopes = split(given.text("scope")) or tuple({DEFAULT} & set(application.scopes or (DEFAULT,)))
    if not scopes or not store.may(application, scopes):
        raise _problem("invalid_scope")
    challenge = given.text("code_challenge").strip() if store.traits.pkce else ""
    if challenge and given.text("code_challenge_method") != "S256":
        raise _problem("invalid_code_challenge_method")
    return Asked(application, uri, scopes, given.text("state"), challenge)


def _application(store: Store, given: Parameters) -> RegisteredApplication:
    if not given.has("client_id"):
        raise _missing("client_id")
    application = store.application(given.text("client_id"))
    if application is None:
        raise _problem("invalid_client")
    return application


def _require_functional(account: Account) -> None:
    if account.refusal is not None:
        raise Refused(html_response(403, pages.error(account.refusal)))


def _approve(store: Store, asked: Asked, account: Account) -> Response:
    grant = store.approve(
        asked.application,
        account,
        asked.scopes,
        asked.redirect_uri,
        store.identifier(),
        asked.challenge,
    )
    if asked.out_of_band:
        # Doorkeeper's CodeResponse: the state is not part of this redirect.
        return redirect(f"/oauth/authorize/native?{urlencode({'code': grant.code})}")
    return _send_back(asked, {"code": grant.code})


def _deny(asked: Asked) -> Response:
    body = {"error": "access_denied", "error_description": DESCRIPTIONS["access_denied"]}
    if not asked.out_of_band:
        return _send_back(asked, body)
    return json_response(400, {**body, **_state(asked)})


def _send_back(asked: Asked, answer: dict[str, str]) -> Response:
    parts = urlsplit(asked.redirect_uri)
    query = urlencode({**answer, **_state(asked)})
    joined = f"{parts.query}&{query}" if parts.query else query
    return redirect(urlunsplit(parts._replace(query=joined)))


def _state(asked: Asked) -> dict[str, str]:
    return {"state": asked.state} if asked.state else {}


def _problem(name: str) -> Problem:
    return Problem(name, DESCRIPTIONS[name])


def _missing(name: str) -> Problem:
    return Problem("invalid_request", f"Missing required parameter: {name}.")
