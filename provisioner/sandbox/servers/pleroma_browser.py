"""What a person sees of Pleroma: the front end, and the page that signs in and asks at once.

After lib/pleroma/web/o_auth/o_auth_controller.ex of external-mirrors/pleroma at 5ee3d933 and
web/templates/o_auth of kphrx/pleroma at 112caa05. A form stands for the front end's JavaScript.
"""

from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from provisioner.sandbox import pages
from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.records import (
    OOB,
    AccessToken,
    Account,
    RegisteredApplication,
    Store,
)
from provisioner.sandbox.servers.pleroma_oauth import ACCOUNT_ERRORS, mint
from provisioner.sandbox.servers.pleroma_scopes import all_descend, requested
from provisioner.sandbox.sessions import cookie, session_of
from provisioner.sandbox.web import Request, Response, html_response, redirect, redirect_with

FRONT_END_SCOPES = ("read", "write", "follow", "push", "admin")
_FALSY = ("", "0", "f", "F", "false", "False", "FALSE", "off", "OFF")
_ASKED = ("client_id", "response_type", "redirect_uri", "state")


@dataclass(frozen=True)
class _Known:
    """Whom a browser's session is known for, and by which token."""

    token: AccessToken
    account: Account


def show(store: Store, request: Request) -> Response:
    """`GET /oauth/authorize`: ask, or show the token that the browser's session has already.

    Where `force_login` is there and false, that is done for any application's token.
    """
    given = parameters(request)
    known = _known(store, request)
    if known is not None:
        forced = given.text("force_login") not in _FALSY
        same = known.token.application.client_id == given.text("client_id")
        if not forced if "force_login" in given else same:
            return _token_exists(known.token, given)
    asked = {name: given.text(name) for name in _ASKED}
    wanted = requested(given, "", ())
    return html_response(200, _page(store, asked, wanted, known.account if known else None))


def submit(store: Store, request: Request) -> Response:
    """`POST /oauth/authorize`: *Log In* or *Approve*; each error is told on the same page."""
    given = parameters(request)
    asked = {name: given.text(f"authorization[{name}]") for name in _ASKED}
    wanted = requested(given, "authorization", ())
    known = _known(store, request)
    person = known.account if known else None
    account = person or store.signed_in(
        given.text("authorization[name]"), given.text("authorization[password]")
    )
    application = store.application(asked["client_id"])
    problem = _problem(account, application, asked, wanted)
    if problem is not None or account is None or application is None:
        status, error = problem or (401, "")
        return html_response(status, _page(store, asked, wanted, person, error))
    code = store.identifier()
    grant = store.approve(application, account, wanted, asked["redirect_uri"], code)
    if grant.redirect_uri == OOB:
        return _shown("Successfully authorized", grant.code)
    return _send_back(grant.redirect_uri, {"code": grant.code}, asked["state"])


def front_end(store: Store, request: Request) -> Response:
    """Return the front end, which is the answer to any address that nothing else answers."""
    known = _known(store, request)
    form = f"""
        <form action="/main/login" method="post"><label for="name">Username</label>
          <input type="text" name="username" id="name" required>
          <label for="password">Password</label>
          <input type="password" name="password" id="password" required>
          <button type="submit">Log in</button></form>{pages.accounts(store)}"""
    words = f"<p>Signed in as @{escape(known.account.username)}</p>" if known else form
    return html_response(200, pages.page(store.title, words), cookie(session_of(store, request)))


def log_in(store: Store, request: Request) -> Response:
    """Do what the front end does: get a token of its own, which the browser's session keeps."""
    given = parameters(request)
    account = store.signed_in(given.text("username"), given.text("password"))
    if account is None or account.state in ACCOUNT_ERRORS:
        return redirect("/")
    session = session_of(store, request)
    session.token = mint(store, _front_end(store), account, FRONT_END_SCOPES)
    return redirect("/", headers=cookie(session))


def _front_end(store: Store) -> RegisteredApplication:
    for application in store.applications:
        if application.name == "PleromaFE":
            return application
    return store.register(
        name="PleromaFE",
        website="",
        redirect_uris=(f"{store.origin}/oauth-callback",),
        scopes=FRONT_END_SCOPES,
        client_id=store.identifier(),
        client_secret=store.identifier(),
    )


def _known(store: Store, request: Request) -> _Known | None:
    token = session_of(store, request).token
    if token is None or not store.accepts(token) or token.account is None:
        return None
    return None if token.account.state in ACCOUNT_ERRORS else _Known(token, token.account)


def _token_exists(token: AccessToken, given: Parameters) -> Response:
    """Show the access token, as if it were a code; or send it to what its own application has."""
    uri = given.text("redirect_uri") or token.application.redirect_uris[0]
    if uri == OOB:
        return _shown("Authorization exists", token.token)
    if uri not in token.application.redirect_uris:
        return redirect(uri)
    return _send_back(uri, {"access_token": token.token}, given.text("state"))


def _shown(title: str, value: str) -> Response:
    return html_response(200, pages.page(title, f"<h2>Token code is <br>{escape(value)}</h2>"))


def _send_back(uri: str, answer: dict[str, str], state: str) -> Response:
    query = urlencode({**answer, **({"state": state} if state else {})})
    return redirect_with(uri, query)


def _problem(
    account: Account | None,
    application: RegisteredApplication | None,
    asked: dict[str, str],
    wanted: tuple[str, ...],
) -> tuple[int, str] | None:
    """Check in the order of `do_create_authorization`."""
    if account is None:
        return 401, "Invalid Username/Password"
    if application is None:
        return 401, f'Unknown OAuth app client_id: "{asked["client_id"]}"'
    if asked["redirect_uri"] not in application.redirect_uris:
        return 401, f'Redirect URI not requested by the app: "{asked["redirect_uri"]}"'
    if account.state in ACCOUNT_ERRORS:
        return 403, ACCOUNT_ERRORS[account.state][0]
    if not wanted or not all_descend(wanted, application.scopes):
        return 401, "This action is outside the authorized scopes"
    return None


def _page(
    store: Store,
    asked: dict[str, str],
    wanted: tuple[str, ...],
    person: Account | None,
    error: str = "",
) -> str:
    application = store.application(asked["client_id"])
    name = escape(application.name) if application else ""
    hidden = {f"authorization[{field}]": value for field, value in asked.items()}
    return pages.page(
        "Authorize",
        f"""
        {f'<p class="alert">{escape(error)}</p>' if error else ""}
        <form action="/oauth/authorize" method="post">
          {f"<p>Signed in as @{escape(person.username)}</p>" if person else ""}
          <p>Application <strong>{name}</strong> is requesting access to your account.</p>
          {_scopes(application.scopes if application else (), wanted)}
          {"<button>Approve</button>" if person else _credentials(store)}
          {pages.hidden(hidden)}</form>""",
    )


def _scopes(available: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    """Return a box for each scope of the application: one that is only a part of it is not shown.

    Who asks for `write:statuses` with an application for `write` gets a form that grants nothing
    (templates/o_auth/o_auth/_scopes.html.eex).
    """
    name = "authorization[scope][]"
    rows = (
        f'<li><input type="hidden" name="{name}" value="">'
        f'<input type="checkbox" name="{name}" value="{escape(one)}"'
        f"{' checked' if one in (wanted or available) else ''}> <code>{escape(one)}</code></li>"
        for one in available
    )
    return f"<p>The following permissions will be granted</p><ul>{''.join(rows)}</ul>"


def _credentials(store: Store) -> str:
    return f"""
          <label for="authorization_name">Username</label>
          <input type="text" name="authorization[name]" id="authorization_name">
          <label for="authorization_password">Password</label>
          <input type="password" name="authorization[password]" id="authorization_password">
          <button>Log In</button>{pages.accounts(store)}"""
