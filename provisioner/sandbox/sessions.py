"""Sign-in and sign-out: one session cookie per browser.

After Mastodon's Auth::SessionsController: signing in leads back to where the person was going, and
so does the next sign-in after a sign-out on the consent page.
"""

from http.cookies import CookieError, SimpleCookie

from provisioner.sandbox import pages
from provisioner.sandbox.records import Session
from provisioner.sandbox.store import Store
from provisioner.sandbox.web import Request, Response, html_response, redirect

COOKIE = "_mastodon_session"


def sign_in_page(store: Store, request: Request) -> Response:
    """`GET /auth/sign_in`."""
    session = session_of(store, request)
    return html_response(200, pages.sign_in(_known(store)), _cookie(session))


def sign_in(store: Store, request: Request) -> Response:
    """`POST /auth/sign_in`: user name or e-mail address, and password; then back to the request."""
    session, given = session_of(store, request), request.form
    name, password = given.get("user[email]", ""), given.get("user[password]", "")
    session.account = store.signed_in(name, password)
    if session.account is None:
        alert = "Invalid E-mail address or password."
        page = pages.sign_in(_known(store), alert)
        return html_response(422, page, _cookie(session))
    return redirect(session.return_to, headers=_cookie(session))


def sign_out(store: Store, request: Request) -> Response:
    """`POST /auth/sign_out`: keeps in mind where the person was going."""
    session_of(store, request).account = None
    return redirect("/auth/sign_in")


def sign_in_first(store: Store, request: Request) -> Response:
    """Send a person to sign in, and back afterwards."""
    session = session_of(store, request)
    session.return_to = f"{request.path}?{request.query}"
    return redirect("/auth/sign_in", headers=_cookie(session))


def session_of(store: Store, request: Request) -> Session:
    """Return the browser's session, a new one where it has none; send its cookie then."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(request.headers.get("Cookie", ""))
    except CookieError:
        cookies.clear()
    known = cookies[COOKIE].value if COOKIE in cookies else ""
    if known not in store.sessions:
        known = store.random(16).hex()
        store.sessions[known] = Session(known)
    return store.sessions[known]


def _cookie(session: Session) -> dict[str, str]:
    return {"Set-Cookie": f"{COOKIE}={session.id}; Path=/; HttpOnly; SameSite=Lax"}


def _known(store: Store) -> dict[str, str]:
    by_email = store.server.sign_in_by_email
    return {(one.email if by_email else one.username): one.password for one in store.accounts}
