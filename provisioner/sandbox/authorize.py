"""`/oauth/authorize`: what a person sees in a browser, and the code that comes of it.

After Doorkeeper's AuthorizationsController with Mastodon's overrides: who is not signed in is sent
to sign in first, whatever the request; the consent page is skipped where a matching token exists,
unless `force_login` is true.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from provisioner.sandbox import pages
from provisioner.sandbox.records import OOB, Account, Grant, RegisteredApplication, split
from provisioner.sandbox.sessions import session_of, sign_in_first
from provisioner.sandbox.store import Store
from provisioner.sandbox.web import Request, Response, html_response, redirect


@dataclass(frozen=True)
class Asked:
    """An authorization request that passed every check."""

    application: RegisteredApplication
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str


def show(store: Store, request: Request) -> Response:
    """`GET /oauth/authorize`: the consent page, or what comes instead of it."""
    session = session_of(store, request)
    if session.account is None:
        return sign_in_first(store, request)
    session.return_to = f"{request.path}?{request.query}"
    asked = check(store, request.queries)
    if store.server.is_known(store, asked.application, session.account, request.queries):
        grant = approve(store, asked, session.account)
        return _answer(asked, grant, store.server.show_unasked(store, grant, asked.state))
    name, user = asked.application.name, session.account.username
    return html_response(200, pages.consent(name, user, asked.scopes, request.query))


def submit(store: Store, request: Request) -> Response:
    """`POST /oauth/authorize`: *Authorize* was pressed; the request is checked once more."""
    session = session_of(store, request)
    if session.account is None:
        return sign_in_first(store, request)
    asked = check(store, request.queries)
    account = store.server.identity(store, session.account, request.form)
    grant = approve(store, asked, account)
    return _answer(asked, grant, store.server.show_code(store, grant, asked.state))


def native(store: Store, request: Request) -> Response:
    """`GET /oauth/authorize/native`: the page that shows the code to the person."""
    if session_of(store, request).account is None:
        return sign_in_first(store, request)
    return html_response(200, pages.code(request.queries.get("code", "")))


def check(store: Store, given: Mapping[str, str]) -> Asked:
    """Check a request in the order of Doorkeeper's PreAuthorization."""
    application = store.application(given.get("client_id", ""))
    if application is None:
        raise store.refused("link: unknown client")
    uri = given.get("redirect_uri", "")
    if uri not in application.redirect_uris:
        raise store.refused("link: foreign redirect URI")
    store.require(given.get("response_type") == "code", "link: response type")
    scopes = split(given.get("scope", ""))
    store.require(store.server.may(application, scopes), "link: scope not registered")
    challenge = given.get("code_challenge", "") if store.server.pkce else ""
    plain = bool(challenge) and given.get("code_challenge_method") != "S256"
    store.require(not plain, "link: plain challenge")
    return Asked(application, uri, scopes, given.get("state", ""), challenge)


def approve(store: Store, asked: Asked, account: Account) -> Grant:
    """Add what a person approved, with its code."""
    grant = Grant(
        code=store.server.new_code(store),
        application=asked.application,
        account=account,
        redirect_uri=asked.redirect_uri,
        scopes=asked.scopes,
        challenge=asked.challenge,
        created_at=store.clock(),
    )
    store.grants.append(grant)
    return grant


def _answer(asked: Asked, grant: Grant, shown: Response) -> Response:
    """Show the code, or send it to the application's own address, with the state."""
    if asked.redirect_uri == OOB:
        return shown
    state = {"state": asked.state} if asked.state else {}
    query = urlencode({"code": grant.code, **state})
    return redirect(urlunsplit(urlsplit(asked.redirect_uri)._replace(query=query)))
