"""What a person sees of Pixelfed's sign-in and consent.

After Passport 11.10's AuthorizationController, app/Http/Controllers/OAuth of pixelfed/pixelfed at
00af376f, and its views at 8aae92d7. The request is judged before anybody signs in, and kept in the
session until a button is pressed.
"""

import re
from html import escape
from urllib.parse import urlencode

from provisioner.sandbox import pages
from provisioner.sandbox.parameters import Parameters, deletes
from provisioner.sandbox.records import OOB, Account, RegisteredApplication, Session, Store
from provisioner.sandbox.servers.pixelfed_errors import oauth_refused
from provisioner.sandbox.servers.pixelfed_oauth import (
    DEFAULT_SCOPES,
    SCOPES,
    judged,
    sealed,
    trimmed,
)
from provisioner.sandbox.sessions import cookie, renew, session_of
from provisioner.sandbox.web import (
    Refused,
    Request,
    Response,
    html_response,
    json_response,
    redirect,
    redirect_with,
)

_METHODS = ("S256", "plain")


def show(store: Store, request: Request) -> Response:
    """`GET /oauth/authorize`: the consent page, or what comes instead of it.

    Where the person's newest token of this application has these scopes, nobody is asked, and the
    code is sent to the redirect URI: out of band that is an address that no browser can open.
    """
    given = trimmed(request)
    application, asked = _judge(store, request, given)
    session = session_of(store, request)
    if session.account is None:
        session.return_to = f"{request.path}?{request.query}"
        return redirect("/login", headers=cookie(session))
    session.asked = asked
    again = _granted(store, application, session.account) == tuple(asked["scope"].split())
    if again and given.text("prompt") != "consent":
        return _send_back(asked, _grant(store, application, session.account, asked))
    return html_response(200, _consent(application, session, asked))


def submit(store: Store, request: Request) -> Response:
    """`POST /oauth/authorize`: *Authorize* shows the code as JSON; *Cancel* leads nowhere."""
    session = session_of(store, request)
    if session.account is None:
        return redirect("/login", headers=cookie(session))
    given = trimmed(request)
    _require_csrf(session, given)
    asked = session.asked
    application = store.application(asked.get("client_id", ""))
    if application is None:
        text = "<p>Authorization request was not present in the session.</p>"
        return html_response(500, pages.page("Server Error", text))
    if deletes(request, given):
        uri = asked["redirect_uri"]
        back = f"{uri}?{urlencode({'state': asked['state']})}" if asked["state"] else uri
        raise oauth_refused(request, "access_denied", "The user denied the request", back)
    code = _grant(store, application, session.account, asked)
    if asked["redirect_uri"] == OOB:
        return json_response(200, {"code": code, "state": asked["state"] or None})
    return _send_back(asked, code)


def sign_in_page(store: Store, request: Request) -> Response:
    """`GET /login`."""
    session = session_of(store, request)
    if session.account is not None:
        return redirect(session.return_to)
    alert = session.asked.pop("alert", "")
    page = pages.page(
        "Login",
        f"""
        {f'<p class="alert">{escape(alert)}</p>' if alert else ""}
        <form method="POST" action="/login">{pages.hidden({"_token": session.csrf})}
          <input type="email" name="email" placeholder="Email" required autofocus>
          <input type="password" name="password" placeholder="Password" required>
          <button type="submit">Login</button></form>{pages.accounts(store)}""",
    )
    return html_response(200, page, cookie(session))


def sign_in(store: Store, request: Request) -> Response:
    """`POST /login`: only the e-mail address names an account."""
    session = session_of(store, request)
    given = trimmed(request)
    _require_csrf(session, given)
    account = store.signed_in(given.text("email"), given.text("password"), by_name=False)
    if account is None:
        session.asked = {"alert": "These credentials do not match our records."}
        return redirect("/login")
    return redirect(session.return_to, headers=cookie(renew(store, session, account)))


def _judge(
    store: Store, request: Request, given: Parameters
) -> tuple[RegisteredApplication, dict[str, str]]:
    """Check a request in the order of League's AuthCodeGrant."""
    if given.text("response_type") != "code" or "client_id" not in given:
        hint = "Check that all required parameters have been provided"
        raise oauth_refused(request, "unsupported_grant_type", hint)
    application = store.application(given.text("client_id"))
    if application is None:
        raise oauth_refused(request, "invalid_client")
    uri = given.text("redirect_uri") or application.redirect_uris[0]
    if uri not in application.redirect_uris:
        raise oauth_refused(request, "invalid_client")
    scopes = judged(request, given.text("scope") or DEFAULT_SCOPES, uri)
    asked = {
        "client_id": application.client_id,
        "redirect_uri": uri,
        "scope": " ".join(scopes),
        "state": given.text("state"),
        "challenge": _challenge(request, given),
    }
    return application, asked


def _challenge(request: Request, given: Parameters) -> str:
    """Return the challenge with its method before it; without one it is `plain`."""
    if "code_challenge" not in given:
        return ""
    challenge = given.text("code_challenge")
    method = given.text("code_challenge_method") or "plain"
    if method not in _METHODS:
        hint = "Code challenge method must be one of `S256`, `plain`"
        raise oauth_refused(request, "invalid_request", hint)
    if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", challenge):
        hint = "Code challenge must follow the specifications of RFC-7636."
        raise oauth_refused(request, "invalid_request", hint)
    return f"{method}:{challenge}"


def _granted(
    store: Store, application: RegisteredApplication, account: Account
) -> tuple[str, ...] | None:
    mine = [
        one
        for one in store.tokens
        if one.application is application and one.account is account and store.accepts(one)
    ]
    return mine[-1].scopes if mine else None


def _grant(
    store: Store, application: RegisteredApplication, account: Account, asked: dict[str, str]
) -> str:
    scopes, uri = tuple(asked["scope"].split()), asked["redirect_uri"]
    grant = store.approve(application, account, scopes, uri, sealed(store), asked["challenge"])
    return grant.code


def _consent(application: RegisteredApplication, session: Session, asked: dict[str, str]) -> str:
    fields = {
        "_token": session.csrf,
        "state": asked["state"],
        "client_id": application.client_id,
    }
    rows = (
        f"<li><code>{escape(one)}</code> {escape(SCOPES.get(one, ''))}</li>"
        for one in asked["scope"].split()
    )
    who = escape(session.account.username if session.account else "")
    return pages.page(
        f"Authorize {application.name}",
        f"""
        <p>wants access to your <strong>{who}</strong> account</p><ul>{"".join(rows)}</ul>
        <form method="post" action="/oauth/authorize">{pages.hidden(fields)}
          <button type="submit">Authorize</button></form>
        <form method="post" action="/oauth/authorize">
          {pages.hidden({"_method": "DELETE", **fields})}<button>Cancel</button></form>""",
    )


def _send_back(asked: dict[str, str], code: str) -> Response:
    state = {"state": asked["state"]} if asked["state"] else {}
    return redirect_with(asked["redirect_uri"], urlencode({"code": code, **state}))


def _require_csrf(session: Session, given: Parameters) -> None:
    if not session.made(given.text("_token")):
        raise Refused(html_response(419, pages.page("Page Expired", "<p>Page Expired</p>")))
