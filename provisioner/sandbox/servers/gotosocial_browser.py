"""What a person sees of GoToSocial's sign-in and consent.

After internal/api/auth (authorize.go, signin.go, oob.go) and web/template of
superseriousbusiness/gotosocial at 57cb4fe7. The request is kept in the session from the moment at
which it leads to the sign-in, and the session ends when the code is shown: every authorization
asks for the password.
"""

from html import escape
from urllib.parse import urlencode

from provisioner.sandbox import pages
from provisioner.sandbox.parameters import parameters
from provisioner.sandbox.records import OOB, Account, RegisteredApplication, Session, Store
from provisioner.sandbox.servers.gotosocial_errors import ADVICE, HTML, refused, require
from provisioner.sandbox.servers.gotosocial_oauth import identifier
from provisioner.sandbox.servers.gotosocial_scopes import may
from provisioner.sandbox.sessions import cookie, session_of
from provisioner.sandbox.web import Request, Response, html_response, redirect, redirect_with

_KEPT = ("response_type", "client_id", "redirect_uri", "scope", "state")
_HELP = {
    "unconfirmed": "/auth/check_your_email",
    "pending": "/auth/wait_for_approval",
    "disabled": "/auth/account_disabled",
    "suspended": "/auth/account_disabled",
}
_INVALID_SCOPE = "The requested scope is invalid, unknown, or malformed"
_SERVER_ERROR = (
    "The authorization server encountered an unexpected condition that prevented it from "
    "fulfilling the request"
)


def show(store: Store, request: Request) -> Response:
    """`GET /oauth/authorize`: the consent page, after a sign-in."""
    require(request, HTML)
    session = session_of(store, request)
    if session.account is None:
        given = parameters(request)
        session.asked = {name: given.text(name) for name in _KEPT}
        session.asked["scope"] = session.asked["scope"].replace("+", " ") or "read"
        return redirect("/auth/sign_in", 303, cookie(session))
    if session.account.state in _HELP:
        return redirect(_HELP[session.account.state], 303)
    application = _application(store, request, session)
    return html_response(200, _consent(application, session.account, session.asked))


def submit(store: Store, request: Request) -> Response:
    """`POST /oauth/authorize`: *Allow*. Only here are the scopes and the redirect URI judged."""
    session = session_of(store, request)
    account, asked = session.account, session.asked
    if account is None or not asked:
        raise refused(request, 500, "key response_type not found in session", ADVICE)
    if account.state in _HELP:
        return redirect(_HELP[account.state], 303)
    if asked["redirect_uri"] != OOB:
        _end(store, session)
    if asked["response_type"] != "code":
        raise refused(request, 401, ADVICE)
    application = _application(store, request, session)
    scopes = tuple(asked["scope"].split(" "))
    if not may(application.scopes, scopes):
        return _send_back(asked, {"error": "invalid_scope", "error_description": _INVALID_SCOPE})
    if asked["redirect_uri"] not in application.redirect_uris:
        return _send_back(asked, {"error": "server_error", "error_description": _SERVER_ERROR})
    code = identifier(store)
    grant = store.approve(application, account, scopes, asked["redirect_uri"], code)
    return _send_back(asked, {"code": grant.code}, oob="/oauth/oob")


def out_of_band(store: Store, request: Request) -> Response:
    """`GET /oauth/oob`: the page that shows the code, and the end of the session."""
    session = session_of(store, request)
    code = request.queries.get("code", "")
    if not code:
        raise refused(request, 400, "no 'code' query value provided in callback redirect")
    if session.account is None:
        told = "neither userid nor userid_awaiting_2fa keys found in session"
        raise refused(request, 500, told, ADVICE)
    _end(store, session)
    body = (
        f"<p>Here's your out-of-band token with scope "
        f'"<em>{escape(session.asked["scope"])}</em>", use it wisely:</p>'
        f"<code>{escape(code)}</code>"
    )
    return html_response(200, pages.page(f"Hi {session.account.username}!", body))


def sign_in_page(store: Store, request: Request) -> Response:
    """`GET /auth/sign_in`."""
    require(request, HTML)
    page = pages.page(
        "Sign in",
        f"""
        <form action="/auth/sign_in" method="POST">
          <label for="username">Email</label>
          <input type="email" name="username" id="username" required autofocus>
          <label for="password">Password</label>
          <input type="password" name="password" id="password" required>
          <button type="submit">Sign in</button></form>{pages.accounts(store)}""",
    )
    return html_response(200, page)


def sign_in(store: Store, request: Request) -> Response:
    """`POST /auth/sign_in`: only the e-mail address names an account."""
    session = session_of(store, request)
    given = parameters(request)
    account = store.signed_in(given.text("username"), given.text("password"), by_name=False)
    if account is None:
        raise refused(request, 401, "password/email combination was incorrect", ADVICE)
    session.account = account
    return redirect("/oauth/authorize", headers=cookie(session))


def _consent(application: RegisteredApplication, account: Account, asked: dict[str, str]) -> str:
    return pages.page(
        "Authorize app",
        f"""
        <form action="/oauth/authorize" method="POST">
          <p>Hi <b>{escape(account.username)}</b>!</p>
          <p>Application <b>{escape(application.name)}</b> would like to perform actions on your
          behalf, with scope <em>{escape(asked["scope"])}</em>.</p>
          <p>To continue, the application will redirect to:
          <code>{escape(asked["redirect_uri"])}</code></p>
          <button type="submit">Allow</button></form>""",
    )


def _application(store: Store, request: Request, session: Session) -> RegisteredApplication:
    client_id = session.asked.get("client_id", "")
    application = store.application(client_id)
    if application is None:
        _end(store, session)
        raise refused(request, 500, f"db error getting app for clientID {client_id}", ADVICE)
    return application


def _send_back(asked: dict[str, str], answer: dict[str, str], oob: str = OOB) -> Response:
    """Redirect to the redirect URI; out of band that is a page for a code only.

    An error is sent to `urn:…`, which no browser can open (measured).
    """
    uri = asked["redirect_uri"].replace(OOB, oob)
    state = {"state": asked["state"]} if asked["state"] else {}
    query = urlencode(dict(sorted({**answer, **state}.items())))
    return redirect_with(uri, query)


def _end(store: Store, session: Session) -> None:
    store.sessions.pop(session.id, None)
