"""Sign-in and sign-out: one session cookie per browser, and a token in each form.

After Mastodon's Auth::SessionsController: signing in leads back to where the person was going, and
so does the next sign-in after a sign-out on the consent page.
"""

from http.cookies import CookieError, SimpleCookie

from provisioner.sandbox import pages
from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.records import Account, Session, Store
from provisioner.sandbox.web import Refused, Request, Response, html_response, redirect

COOKIE = "_mastodon_session"


def sign_in_page(store: Store, request: Request) -> Response:
    """`GET /auth/sign_in`."""
    session = session_of(store, request)
    if session.account is not None:
        return redirect(session.return_to)
    return html_response(200, pages.sign_in(store, session.csrf), cookie(session))


def sign_in(store: Store, request: Request) -> Response:
    """`POST /auth/sign_in`: username or e-mail address, and password; then back to the request."""
    session = session_of(store, request)
    given = parameters(request)
    require_csrf(session, given)
    account = store.signed_in(given.text("user[email]"), given.text("user[password]"))
    if account is None:
        alert = "Invalid E-mail address or password."
        return html_response(422, pages.sign_in(store, session.csrf, alert), cookie(session))
    return redirect(session.return_to, headers=cookie(renew(store, session, account)))


def sign_out(store: Store, request: Request) -> Response:
    """`POST /auth/sign_out`: ends the session, and keeps in mind where the person was going."""
    session = session_of(store, request)
    require_csrf(session, parameters(request))
    return redirect("/auth/sign_in", headers=cookie(renew(store, session, None)))


def session_of(store: Store, request: Request) -> Session:
    """Return the browser's session, a new one where it has none; send its cookie then."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(request.headers.get("Cookie", ""))
    except CookieError:
        cookies.clear()
    known = store.sessions.get(cookies[COOKIE].value) if COOKIE in cookies else None
    return known or _open(store)


def cookie(session: Session) -> dict[str, str]:
    """Return the header that gives the browser its session."""
    return {"Set-Cookie": f"{COOKIE}={session.id}; Path=/; HttpOnly; SameSite=Lax"}


def require_csrf(session: Session, given: Parameters) -> None:
    """Refuse a form that did not come from one of this session's pages."""
    if not session.made(given.text("authenticity_token")):
        text = "Security verification failed. Are you blocking cookies?"
        raise Refused(html_response(422, pages.error(text)))


def _open(store: Store) -> Session:
    session = Session(store.identifier(), store.identifier())
    store.sessions[session.id] = session
    return session


def renew(store: Store, old: Session, account: Account | None) -> Session:
    """Replace a session at sign-in and sign-out, so that an earlier cookie is worth nothing."""
    del store.sessions[old.id]
    session = _open(store)
    session.account, session.return_to = account, old.return_to
    return session
