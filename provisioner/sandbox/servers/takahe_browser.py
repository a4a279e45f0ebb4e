"""What a person sees of Takahē's sign-in and consent, where they choose one of their identities.

After api/views/oauth.py, users/views/auth.py and templates/api of jointakahe/takahe at d45f22c9.
"""

from html import escape
from urllib.parse import quote, urlencode

from provisioner.sandbox import pages
from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.records import OOB, Account, Session, Store
from provisioner.sandbox.servers.takahe_errors import crashed, fields
from provisioner.sandbox.servers.takahe_oauth import urlsafe
from provisioner.sandbox.sessions import cookie, renew, session_of
from provisioner.sandbox.web import (
    Refused,
    Request,
    Response,
    html_response,
    redirect,
    redirect_with,
)

_CSRF = "csrfmiddlewaretoken"


def show(store: Store, request: Request) -> Response:
    """`GET /oauth/authorize`: who is to be acted for, and *Allow*; no scope is judged."""
    session = session_of(store, request)
    if session.account is None:
        return _sign_in_first(request, session)
    given = parameters(request)
    if "redirect_uri" not in given:
        raise crashed()
    if given.text("response_type") != "code":
        return _problem(400, f"Invalid response type '{given.get('response_type')}'")
    application = store.application(given.text("client_id"))
    if application is None:
        return _problem(400, "Invalid client_id")
    # A text in a text, not a member of a list.
    if given.text("redirect_uri") not in "\n".join(application.redirect_uris):
        return _problem(401, "Invalid application redirect URI")
    hidden = {
        _CSRF: session.csrf,
        "client_id": application.client_id,
        "state": str(given.get("state")),  # `None` where there was none, as the template writes it
        "redirect_uri": given.text("redirect_uri"),
        "scope": given.text("scope") if "scope" in given else "read",
    }
    options = "".join(
        f'<option value="{one.id}">{escape(store.address(one))}</option>'
        for one in _identities(store, session.account)
    )
    page = pages.page(
        "Authorize",
        f"""
        <form method="POST"><label for="identity">Select Identity</label>
          <select name="identity" id="identity">{options}</select>
          <p>Do you want to give <b>{escape(application.name)}</b> access to this identity?</p>
          <p>It will have permission to:</p>{_permissions(hidden["scope"])}{pages.hidden(hidden)}
          <a href="#">Deny</a> <button>Allow</button></form>""",
    )
    return html_response(200, page)


def submit(store: Store, request: Request) -> Response:
    """`POST /oauth/authorize`: *Allow*. The form is believed."""
    session = session_of(store, request)
    if session.account is None:
        return _sign_in_first(request, session)
    given = fields(request)
    _require_csrf(session, given)
    application = store.application(given.text("client_id"))
    chosen = [
        one for one in _identities(store, session.account) if str(one.id) == given.text("identity")
    ]
    if application is None or not chosen:
        raise crashed()
    scopes, uri = tuple(given.text("scope").split()), given.text("redirect_uri")
    grant = store.approve(application, chosen[0], scopes, uri, urlsafe(store, 43))
    if uri == OOB:
        body = (
            "<p>To continue, provide this code to your application:</p>"
            f'<p class="code">{escape(grant.code)}</p>'
        )
        return html_response(200, pages.page("Authorization Code", body))
    state = given.text("state")
    query = f"code={grant.code}" + (f"&state={quote(state, safe='&=+%')}" if state else "")
    return redirect_with(uri, query)


def sign_in_page(store: Store, request: Request) -> Response:
    """`GET /auth/login/`."""
    session = session_of(store, request)
    page = _sign_in(store, session, request.queries.get("next", ""))
    return html_response(200, page, cookie(session))


def sign_in(store: Store, request: Request) -> Response:
    """`POST /auth/login/`: only the e-mail address names a person."""
    session = session_of(store, request)
    given = parameters(request)
    _require_csrf(session, given)
    account = store.signed_in(given.text("username"), given.text("password"), by_name=False)
    leads_to = given.text("next")
    if account is None:
        alert = "No account was found with that email and password."
        return html_response(200, _sign_in(store, session, leads_to, alert))
    inside = leads_to.startswith("/") and not leads_to.startswith("//")
    return redirect(leads_to if inside else "/", headers=cookie(renew(store, session, account)))


def _sign_in(store: Store, session: Session, leads_to: str, alert: str = "") -> str:
    return pages.page(
        "Login",
        f"""
        {f'<p class="alert">{escape(alert)}</p>' if alert else ""}
        <form action="/auth/login/" method="POST">
          {pages.hidden({_CSRF: session.csrf, "next": leads_to})}
          <label for="id_username">Email</label>
          <input type="text" name="username" id="id_username" autofocus required>
          <label for="id_password">Password</label>
          <input type="password" name="password" id="id_password" required>
          <button>Login</button></form>{pages.accounts(store)}""",
    )


def _sign_in_first(request: Request, session: Session) -> Response:
    leads_to = f"{request.path}?{request.query}"
    return redirect(f"/auth/login/?{urlencode({'next': leads_to})}", headers=cookie(session))


def _identities(store: Store, person: Account) -> list[Account]:
    """Return all accounts of who signed in: those with the same e-mail address."""
    return [one for one in store.accounts if one.email.lower() == person.email.lower()]


def _permissions(scope: str) -> str:
    told = {
        "read": "Read all of your data",
        "write": "Create posts, edit follows, and change all other data",
        "push": "Receive push notifications",
    }
    return f"<ul>{''.join(f'<li>{text}</li>' for word, text in told.items() if word in scope)}</ul>"


def _problem(status: int, error: str) -> Response:
    return html_response(status, pages.page("Invalid OAuth Request", f"<p>Error: {escape(error)}"))


def _require_csrf(session: Session, given: Parameters) -> None:
    if not session.made(given.text(_CSRF)):
        text = "<p>CSRF verification failed. Request aborted.</p>"
        raise Refused(html_response(403, pages.page("Forbidden", text)))
