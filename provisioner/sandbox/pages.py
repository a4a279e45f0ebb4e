"""The sandbox instance's pages. Everything that is put in is escaped."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape

from provisioner.sandbox.records import Account, Authorization, RegisteredApplication, Status, Store
from provisioner.sandbox.scopes import meaning

_STYLE = """
:root { color-scheme: light dark; --ink: #1f1b2e; --paper: #f4f2fb; --card: #fff; --line: #ddd8ee;
  --mark: #563acc; --soft: #6b6580 }
@media (prefers-color-scheme: dark) { :root { --ink: #edeaf7; --paper: #17141f; --card: #221e2e;
  --line: #3a3450; --mark: #9d86ff; --soft: #a59fbb } }
* { box-sizing: border-box }
body { margin: 0; padding: 3rem 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
main { max-width: 30rem; margin: auto; padding: 2rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 12px; overflow-wrap: anywhere }
h1 { margin: 0 0 1rem; font-size: 1.4rem; line-height: 1.25 }
label { display: block; margin: .75rem 0 .25rem; font-weight: 600 }
input { width: 100%; padding: .6rem .75rem; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--line); border-radius: 8px }
button { width: 100%; margin-top: .75rem; padding: .7rem; font: inherit; font-weight: 600;
  cursor: pointer; color: #fff; background: #563acc; border: 0; border-radius: 8px }
button.plain { color: var(--ink); background: none; border: 1px solid var(--line) }
button.link { width: auto; margin: 0; padding: 0; color: var(--mark); background: none }
.bar { display: flex; justify-content: space-between; gap: 1rem; margin-bottom: 1rem;
  padding-bottom: 1rem; border-bottom: 1px solid var(--line) }
.note { color: var(--soft); font-size: .875rem }
.alert { padding: .6rem .75rem; border: 1px solid #c4365a; border-radius: 8px }
.code { font: 1rem ui-monospace, monospace }
ul { padding-left: 1.2rem } article { padding: .75rem 0; border-top: 1px solid var(--line) }
td, th { padding: .2rem 1rem .2rem 0; text-align: left } a { color: var(--mark) }
"""


def sign_in(store: Store, csrf: str, alert: str = "") -> str:
    """Return the sign-in page, with the accounts that can sign in."""
    return page(
        f"Log in to {store.title}",
        f"""
        {f'<p class="alert">{escape(alert)}</p>' if alert else ""}
        <form action="/auth/sign_in" method="post">
          {hidden({"authenticity_token": csrf})}
          <label for="email">Username or e-mail address</label>
          <input id="email" type="text" name="user[email]" autocomplete="off" autofocus required>
          <label for="password">Password</label>
          <input id="password" type="password" name="user[password]" autocomplete="off" required>
          <button type="submit">Log in</button>
        </form>
        {accounts(store)}
        """,
    )


def accounts(store: Store) -> str:
    """Return who can sign in, which is what a sign-in page of the sandbox tells."""
    by_email = store.traits.sign_in_by_email
    rows = "".join(
        f"<tr><td><code>{escape(one.email if by_email else one.username)}</code></td>"
        f"<td><code>{escape(one.password)}</code></td></tr>"
        for one in store.accounts
    )
    return f"""
        <p class="note">This is a sandbox: it runs on this computer, and these are its accounts.</p>
        <table class="note"><tr><th>{"E-mail address" if by_email else "Username"}</th>
        <th>Password</th></tr>{rows}</table>"""


def consent(
    application: RegisteredApplication,
    account: Account,
    scopes: Iterable[str],
    fields: Mapping[str, str],
    csrf: str,
) -> str:
    """Return the consent page; `fields` is the request, which both its forms repeat."""
    token = {"authenticity_token": csrf}
    return page(
        "Authorization required",
        f"""
        {_bar(account, csrf)}
        <p><strong>{escape(application.name)}</strong> would like permission to access your account.
        Only approve this request if you recognize and trust this source.</p>
        <p>It would be allowed to</p>{_permissions(scopes)}
        <form action="/oauth/authorize" method="post">{hidden({**fields, **token})}
          <button type="submit">Authorize</button></form>
        <form action="/oauth/authorize" method="post">
          {hidden({"_method": "delete", **fields, **token})}
          <button type="submit" class="plain">Deny</button></form>
        """,
    )


def code(value: str) -> str:
    """Return the page that shows an authorization code."""
    return page(
        "Copy this authorization code and paste it to the application.",
        f'<input class="code" type="text" value="{escape(value)}" readonly autofocus>',
    )


def authorized_applications(
    account: Account,
    authorizations: Iterable[Authorization],
    csrf: str,
    place: str = "/oauth/authorized_applications/",
) -> str:
    """Return the list of what an account authorized, each with the button that revokes it.

    A suspended account gets no buttons, as in Mastodon's view. `place` is where an application's
    form leads, without its number.
    """
    button = '<button type="submit" class="plain">Revoke</button>'
    button = "" if account.state == "suspended" else button
    entries = "".join(_authorized(one, csrf, button, place) for one in authorizations)
    return page(
        "Your authorized applications",
        f"""
        {_bar(account, csrf)}
        <p>These applications can act for your account. Revoke those that you do not recognize.</p>
        {entries or '<p class="note">None yet.</p>'}
        """,
    )


def error(text: str) -> str:
    """Return a page that says what went wrong."""
    return page("An error has occurred", f"<p>{escape(text)}</p>")


def not_found() -> str:
    """Return the page for an address that leads nowhere."""
    return page("404", "<p>The page you are looking for isn't here.</p>")


def home(store: Store) -> str:
    """Return the start page, which leads to the accounts."""
    links = "".join(
        f'<li><a href="/@{escape(one.username)}">@{escape(one.username)}</a></li>'
        for one in store.accounts
    )
    return page(store.title, f"<p>A Mastodon instance to rehearse with.</p><ul>{links}</ul>")


def profile(account: Account, address: str, statuses: Iterable[Status]) -> str:
    """Return an account's public page with its posts, newest first."""
    posts = "".join(_post(one) for one in statuses) or '<p class="note">No posts yet.</p>'
    name = account.display_name or account.username
    return page(name, f'<p class="note">@{escape(address)}</p>{posts}')


def _bar(account: Account, csrf: str) -> str:
    return f"""
        <div class="bar"><span>Signed in as <strong>@{escape(account.username)}</strong></span>
        <form action="/auth/sign_out" method="post">{hidden({"authenticity_token": csrf})}
          <button type="submit" class="link">Log out</button></form></div>"""


def _permissions(scopes: Iterable[str]) -> str:
    rows = (f"<li>{escape(meaning(one))} <code>{escape(one)}</code></li>" for one in scopes)
    return f"<ul>{''.join(rows)}</ul>"


def _authorized(one: Authorization, csrf: str, button: str, place: str) -> str:
    """Return an entry, whole inside its form; the time has Doorkeeper's format."""
    when = datetime.fromtimestamp(one.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    fields = {"_method": "delete", "authenticity_token": csrf}
    return f"""
        <article><form action="{escape(place)}{one.application.id}" method="post">
          {hidden(fields)}<strong>{escape(one.application.name)}</strong>
          <p class="note">Authorized on {when}. It is allowed to</p>
          {_permissions(one.scopes)}{button}</form></article>"""


def _post(status: Status) -> str:
    when = datetime.fromtimestamp(status.created_at, UTC).strftime("%d %B %Y, %H:%M UTC")
    return (
        f"<article><p>{escape(status.text)}</p><p class='note'>"
        f"{when} by way of {escape(status.application.name)}</p></article>"
    )


def hidden(fields: Mapping[str, str]) -> str:
    """Return hidden fields of a form."""
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )


def page(title: str, body: str) -> str:
    """Return a page; the body is HTML."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
