"""Where a person ends what they authorized, on the servers that are not Mastodon.

They have such a page, each at its own address and mostly in JavaScript; this one stands for it, and
is the sandbox's own. It asks for the password where the browser is not known to it.
"""

from html import escape

from provisioner.sandbox import pages
from provisioner.sandbox.parameters import parameters
from provisioner.sandbox.records import Session, Store
from provisioner.sandbox.sessions import cookie, require_csrf, session_of
from provisioner.sandbox.web import Request, Response, html_response, redirect


def show(store: Store, request: Request) -> Response:
    """Show the list of what the person authorized, or a sign-in."""
    session = session_of(store, request)
    return html_response(200, _page(store, session), cookie(session))


def submit(store: Store, request: Request) -> Response:
    """Sign in, or revoke one application's tokens and codes."""
    session = session_of(store, request)
    given = parameters(request)
    require_csrf(session, given)
    if session.at_settings is None:
        session.at_settings = store.signed_in(given.text("name"), given.text("password"))
        return html_response(200, _page(store, session))
    for one in store.authorizations(session.at_settings):
        if str(one.application.id) == given.text("id"):
            store.revoke_authorization(one.application, session.at_settings)
    return redirect(store.traits.applications_page)


def _page(store: Store, session: Session) -> str:
    place = store.traits.applications_page
    account = session.at_settings
    if account is not None:
        known = store.authorizations(account)
        return pages.authorized_applications(account, known, session.csrf, f"{place}?id=")
    return pages.page(
        f"Log in to {store.title}",
        f"""
        <form action="{escape(place)}" method="post">
          {pages.hidden({"authenticity_token": session.csrf})}
          <label for="name">Username or e-mail address</label>
          <input type="text" name="name" id="name" required>
          <label for="password">Password</label>
          <input type="password" name="password" id="password" required>
          <button type="submit">Log in</button></form>{pages.accounts(store)}""",
    )
