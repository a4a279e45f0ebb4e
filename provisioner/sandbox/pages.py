"""The sandbox instance's pages. Everything that is put in is escaped."""

from collections.abc import Iterable, Mapping
from html import escape

_STYLE = """
:root { color-scheme: light dark }
body { margin: 0; padding: 3rem 1rem; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 30rem; margin: auto; overflow-wrap: anywhere }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit }
input, button { margin: .25rem 0 1rem; padding: .6rem }
button { color: #fff; background: #563acc; border: 0 }
"""


def sign_in(accounts: Mapping[str, str], alert: str = "") -> str:
    """Return the sign-in page, with the passwords of those who can sign in, by their names."""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td><code>{escape(password)}</code></td></tr>"
        for name, password in accounts.items()
    )
    return page(
        "Log in to the sandbox",
        f"""
        {f"<p>{escape(alert)}</p>" if alert else ""}
        <form action="/auth/sign_in" method="post">
          <label for="email">Username or e-mail address</label>
          <input id="email" type="text" name="user[email]" autocomplete="off" autofocus required>
          <label for="password">Password</label>
          <input id="password" type="password" name="user[password]" autocomplete="off" required>
          <button type="submit">Log in</button>
        </form>
        <p>This is a sandbox: it runs on this computer, and these are its accounts.</p>
        <table><tr><th>Name</th><th>Password</th></tr>{rows}</table>
        """,
    )


def consent(name: str, user: str, scopes: Iterable[str], query: str) -> str:
    """Return the consent page; `query` is the request, which its form repeats."""
    rows = "".join(f"<li><code>{escape(one)}</code></li>" for one in scopes)
    return page(
        "Authorization required",
        f"""
        <form action="/auth/sign_out" method="post">Signed in as <strong>@{escape(user)}</strong>
          <button type="submit">Log out</button></form>
        <p><strong>{escape(name)}</strong> would like permission to access your account.
        Only approve this request if you recognize and trust this source.</p>
        <p>It would be allowed</p><ul>{rows}</ul>
        <form action="/oauth/authorize?{escape(query)}" method="post">
          <button type="submit">Authorize</button></form>
        """,
    )


def code(value: str) -> str:
    """Return the page that shows an authorization code."""
    return page(
        "Copy this authorization code and paste it to the application.",
        f'<input type="text" value="{escape(value)}" readonly autofocus>',
    )


def error(text: str) -> str:
    """Return a page that says what went wrong."""
    return page("An error has occurred", f"<p>{escape(text)}</p>")


def page(title: str, body: str) -> str:
    """Return a page; the body is HTML."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
