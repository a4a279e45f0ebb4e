"""What a person sees at `/oauth/authorize`, and what becomes of it."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from provisioner.sandbox import PersonStuckError, serve
from provisioner.sandbox.web import html_response
from tests.sandbox.hands import OOB, Fediverse

CALLBACK = "http://127.0.0.1/callback"


def browse(fediverse: Fediverse) -> httpx.Client:
    """Return a browser that does not follow redirects, with alice signed in."""
    browser = fediverse.http
    browser.get("/auth/sign_in")
    page = browser.get("/auth/sign_in").text
    form = {
        "authenticity_token": page.split('name="authenticity_token" value="')[1].split('"')[0],
        "user[email]": "alice@example.org",
        "user[password]": "alice-password",
    }
    browser.post("/auth/sign_in", data=form)
    return browser


def test_sign_in_first(fediverse: Fediverse) -> None:
    """Who is not signed in is sent to sign in, even with a client id that nobody knows."""
    answer = fediverse.http.get("/oauth/authorize?client_id=unknown")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/auth/sign_in")


def test_session_cookie(fediverse: Fediverse) -> None:
    """The session cookie is out of reach for scripts and for other sites' forms."""
    cookie = fediverse.http.get("/auth/sign_in").headers["Set-Cookie"]
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax")


def test_consent_page(fediverse: Fediverse) -> None:
    """The consent page names the account, the application and the scopes."""
    app = fediverse.register(client_name="Tea <b>Bot</b>", scopes="write:statuses")
    text = fediverse.person().look(fediverse.link(app, scope="write:statuses"))
    expected = ("@alice", "Tea <b>Bot</b>", "publish posts", "write:statuses")
    assert [one for one in expected if one not in text] == []


def test_approval_needs_the_pages_token(fediverse: Fediverse) -> None:
    """An approval that no page of this session sent is refused (CSRF) and makes no grant."""
    app, browser = fediverse.register(), browse(fediverse)
    form = dict(parse_qsl(urlsplit(fediverse.link(app)).query))
    answer = browser.post("/oauth/authorize", data={**form, "authenticity_token": "forged"})
    assert (answer.status_code, fediverse.sandbox.instance.store.grants) == (422, [])


def test_state_is_not_echoed(fediverse: Fediverse) -> None:
    """With the out-of-band redirect, the page's address holds the code and no state."""
    app, browser = fediverse.register(), browse(fediverse)
    fediverse.token(app)
    answer = browser.get(fediverse.link(app, state="xyz"))
    location = urlsplit(answer.headers["Location"])
    assert (location.path, [name for name, _ in parse_qsl(location.query)]) == (
        "/oauth/authorize/native",
        ["code"],
    )


def test_auto_approval(fediverse: Fediverse) -> None:
    """The consent page is skipped where the same application, account and scopes have a token."""
    app = fediverse.register()
    fediverse.token(app)
    assert "Copy this authorization code" in fediverse.person().look(fediverse.link(app))


def test_force_login(fediverse: Fediverse) -> None:
    """`force_login` shows the consent page again, and signs nobody out."""
    app = fediverse.register()
    fediverse.token(app)
    text = fediverse.person().look(fediverse.link(app, force_login="true"))
    assert "Signed in as @alice" in text


@pytest.mark.parametrize("value", ["", "0", "false", "off"])
def test_force_login_false(fediverse: Fediverse, value: str) -> None:
    """A `force_login` that Rails reads as false forces nothing."""
    app = fediverse.register()
    fediverse.token(app)
    text = fediverse.person().look(fediverse.link(app, force_login=value))
    assert "Copy this authorization code" in text


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"client_id": "unknown"}, 401, "Client authentication failed due to unknown client"),
        ({"client_id": ""}, 400, "Missing required parameter: client_id."),
        ({"redirect_uri": "https://evil.example/"}, 400, "The redirect uri included is not valid."),
        ({"response_type": ""}, 400, "Missing required parameter: response_type."),
        ({"response_type": "token"}, 400, "does not support this response type."),
        ({"scope": "read follow"}, 400, "The requested scope is invalid, unknown, or malformed."),
        ({"scope": "write:statuses"}, 400, "The requested scope is invalid, unknown, or malformed"),
        (
            {"code_challenge": "abc", "code_challenge_method": "plain"},
            400,
            "The code challenge method must be S256",
        ),
        ({"code_challenge": "abc"}, 400, "The code challenge method must be S256"),
    ],
)
def test_refusals(fediverse: Fediverse, changes: Mapping[str, str], status: int, text: str) -> None:
    """A wrong request ends on a page with Doorkeeper's words, without a redirect and a code.

    `write:statuses` is not covered by a registered `write`: the subset is a literal one.
    """
    app, browser = fediverse.register(), browse(fediverse)
    answer = browser.get(fediverse.link(app, **changes))
    assert (answer.status_code, text in answer.text) == (status, True)


def test_denial(fediverse: Fediverse) -> None:
    """A denial cannot be redirected out of band: the browser shows JSON."""
    app = fediverse.register()
    assert fediverse.person().deny(fediverse.link(app)) == (
        '{"error": "access_denied", "error_description": '
        '"The resource owner or authorization server denied the request."}'
    )


def test_denial_with_a_redirect(fediverse: Fediverse) -> None:
    """An http redirect URI is told of a denial, with the state."""
    with serve(lambda request: html_response(200, request.query)) as callback:
        uri = f"{callback.origin}/callback"
        app = fediverse.register(redirect_uris=uri)
        shown = fediverse.person().deny(fediverse.link(app, redirect_uri=uri, state="xyz"))
    query = dict(parse_qsl(shown))
    assert (query["error"], query["state"]) == ("access_denied", "xyz")


def test_tampered_form(fediverse: Fediverse) -> None:
    """A form that was changed on its way is refused with JSON, without a code."""
    app, browser = fediverse.register(), browse(fediverse)
    page = browser.get(fediverse.link(app)).text
    token = page.split('name="authenticity_token" value="')[1].split('"')[0]
    form = dict(parse_qsl(urlsplit(fediverse.link(app, scope="push")).query))
    answer = browser.post("/oauth/authorize", data={**form, "authenticity_token": token})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_redirect_with_state(fediverse: Fediverse) -> None:
    """An http redirect URI gets the code and the state; on loopback the port may differ."""
    app, browser = fediverse.register(redirect_uris=CALLBACK), browse(fediverse)
    asked = {"redirect_uri": "http://127.0.0.1:5555/callback", "state": "a b"}
    page = browser.get(fediverse.link(app, **asked)).text
    token = page.split('name="authenticity_token" value="')[1].split('"')[0]
    form = dict(parse_qsl(urlsplit(fediverse.link(app, **asked)).query))
    answer = browser.post("/oauth/authorize", data={**form, "authenticity_token": token})
    location = urlsplit(answer.headers["Location"])
    code = fediverse.sandbox.instance.store.grants[0].code
    assert (location.netloc, dict(parse_qsl(location.query))) == (
        "127.0.0.1:5555",
        {"code": code, "state": "a b"},
    )


def test_sign_out_comes_back(fediverse: Fediverse) -> None:
    """Who logs out on the consent page and logs in as somebody else is asked again."""
    app, browser = fediverse.register(), browse(fediverse)
    page = browser.get(fediverse.link(app)).text
    token = page.split('name="authenticity_token" value="')[1].split('"')[0]
    browser.post("/auth/sign_out", data={"authenticity_token": token})
    page = browser.get("/auth/sign_in").text
    form = {
        "authenticity_token": page.split('name="authenticity_token" value="')[1].split('"')[0],
        "user[email]": "bot",
        "user[password]": "bot-password",
    }
    answer = browser.post("/auth/sign_in", data=form)
    assert "@bot" in browser.get(answer.headers["Location"]).text


def test_suspended_account(fediverse: Fediverse) -> None:
    """A suspended account cannot approve anything."""
    app = fediverse.register()
    fediverse.sandbox.instance.accounts[0].state = "suspended"
    with pytest.raises(PersonStuckError, match="Your login is currently disabled"):
        fediverse.code(app)


def test_any_scope_without_registered_ones(fediverse: Fediverse) -> None:
    """An application that was registered with empty scopes may ask for any."""
    app = fediverse.register(scopes="")
    assert fediverse.code(app, scope="admin:read", redirect_uri=OOB)
