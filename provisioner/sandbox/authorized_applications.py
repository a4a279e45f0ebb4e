"""`/oauth/authorized_applications`: the applications that a person authorized, and their end.

After Doorkeeper's AuthorizedApplicationsController with Mastodon's overrides. Two things differ
from theirs: an application with a usable code and no token yet is listed too (Doorkeeper's
`authorized_for` goes by tokens alone), and its entry tells what was granted and when, to the second
(Mastodon's tells the application's own scopes and day of registration).
"""

from provisioner.sandbox import pages
from provisioner.sandbox.parameters import parameters
from provisioner.sandbox.records import Account, Store
from provisioner.sandbox.sessions import cookie, require_csrf, session_of
from provisioner.sandbox.web import Refused, Request, Response, html_response, redirect

PATH = "/oauth/authorized_applications"


def index(store: Store, request: Request) -> Response:
    """`GET /oauth/authorized_applications`: the list.

    A sign-in leads back to it (Mastodon's `store_current_location`).
    """
    session = session_of(store, request)
    session.return_to = PATH
    if session.account is None:
        return redirect("/auth/sign_in", headers=cookie(session))
    known = store.authorizations(session.account)
    page = pages.authorized_applications(session.account, known, session.csrf)
    return html_response(200, page)


def destroy(store: Store, request: Request, number: str) -> Response:
    """`DELETE /oauth/authorized_applications/:id`: revoke, and back to the list.

    What the account never authorized is answered in the same way: Doorkeeper finds nothing to
    revoke then, and says neither that nor whether there is such an application.
    """
    session = session_of(store, request)
    if session.account is None:
        session.return_to = PATH
        return redirect("/auth/sign_in", headers=cookie(session))
    require_csrf(session, parameters(request))
    _require_not_suspended(session.account)
    for one in store.authorizations(session.account):
        if str(one.application.id) == number:
            store.revoke_authorization(one.application, session.account)
    return redirect(PATH)


def _require_not_suspended(account: Account) -> None:
    """Refuse a suspended account; any other that cannot act may still revoke (Mastodon)."""
    if account.state == "suspended":
        text = "You don't have permission to view this page."
        raise Refused(html_response(403, pages.error(text)))
