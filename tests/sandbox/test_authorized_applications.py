"""Who is signed in sees the applications that they authorized, and ends any one of them."""

import re

import httpx
import pytest

from provisioner.sandbox import PersonStuckError
from tests.sandbox.hands import Clock, Fediverse

PATH = "/oauth/authorized_applications"
FIRST, SECOND = "2027-01-15 08:02:03 UTC", "2027-01-15 08:02:04 UTC"


def csrf(page: str) -> str:
    """Read the token off a page's first form."""
    found = re.search(r'name="authenticity_token" value="(.*?)"', page)
    return found[1] if found else ""


def sign_in(fediverse: Fediverse, username: str = "alice") -> httpx.Response:
    """Go to the list, sign in on the way, and return the answer to the signing in."""
    browser = fediverse.http
    browser.get(PATH)
    form = {
        "authenticity_token": csrf(browser.get("/auth/sign_in").text),
        "user[email]": username,
        "user[password]": f"{username}-password",
    }
    return browser.post("/auth/sign_in", data=form)


def press(fediverse: Fediverse, number: str, **changes: str) -> httpx.Response:
    """Send what the list's Revoke button for an application of that number would send."""
    form = {"_method": "delete", "authenticity_token": csrf(fediverse.http.get(PATH).text)}
    return fediverse.http.post(f"{PATH}/{number}", data=form | changes)


def look(fediverse: Fediverse, username: str = "alice") -> str:
    """Return the list's words."""
    return fediverse.person(username).look(f"{fediverse.sandbox.instance.origin}{PATH}")


def remove(fediverse: Fediverse, which: str) -> str:
    """Have alice revoke an application, and return the words of the page after it."""
    return fediverse.person().remove(fediverse.sandbox.instance.origin, which)


def alive(fediverse: Fediverse, *tokens: str) -> list[bool]:
    """Say of each token whether the instance accepts it."""
    return [fediverse.whoami(one).status_code == 200 for one in tokens]


def test_needs_a_session(fediverse: Fediverse) -> None:
    """Who is not signed in is sent to sign in."""
    answer = fediverse.http.get(PATH)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/auth/sign_in")


def test_sign_in_comes_back(fediverse: Fediverse) -> None:
    """A sign-in leads back to the list."""
    assert sign_in(fediverse).headers["Location"] == PATH


def test_revoking_needs_a_session(fediverse: Fediverse) -> None:
    """Who is not signed in revokes nothing, and comes to the list by signing in."""
    token = fediverse.token(fediverse.register())
    answer = fediverse.http.post(f"{PATH}/1", data={"_method": "delete"})
    assert (answer.headers["Location"], alive(fediverse, token)) == ("/auth/sign_in", [True])


def test_entry(fediverse: Fediverse) -> None:
    """An entry tells the application's name, what was granted and when, to the second."""
    fediverse.token(fediverse.register(client_name="Weather bot"), scope="read")
    text = look(fediverse)
    assert f"Weather bot Authorized on {FIRST}. It is allowed to see everything" in text


def test_granted_scopes(fediverse: Fediverse) -> None:
    """The scopes are all those of the live tokens, and none that was merely registered."""
    app = fediverse.register(scopes="read write follow")
    for scope in ("read", "read write"):
        fediverse.token(app, scope=scope)
    fediverse.http.cookies.clear()
    sign_in(fediverse)
    shown = re.findall(r"<code>(.*?)</code>", fediverse.http.get(PATH).text)
    assert shown == ["read", "write"]


def test_oldest_first(fediverse: Fediverse, clock: Clock) -> None:
    """Applications of the same name are told apart by the time, the oldest first."""
    for _ in range(2):
        fediverse.token(fediverse.register())
        clock.now += 1
    assert re.findall(r"Authorized on (.*?)\.", look(fediverse)) == [FIRST, SECOND]


def test_one_entry_for_several_tokens(fediverse: Fediverse, clock: Clock) -> None:
    """An application with several tokens is listed once, since the first of them."""
    app = fediverse.register()
    for scope in ("read", "write"):
        fediverse.token(app, scope=scope)
        clock.now += 1
    assert re.findall(r"Authorized on (.*?)\.", look(fediverse)) == [FIRST]


def test_only_ones_own(fediverse: Fediverse) -> None:
    """Nobody sees what another account authorized, nor an application's token for itself."""
    app = fediverse.register()
    fediverse.token(app)
    fediverse.app_token(app)
    assert "None yet." in look(fediverse, "bot")


def test_registered_only(fediverse: Fediverse) -> None:
    """An application that was registered and not authorized is not listed."""
    fediverse.register()
    assert "None yet." in look(fediverse)


def test_code_without_a_token(fediverse: Fediverse) -> None:
    """An application is listed from the approval on, before its code is exchanged."""
    fediverse.code(fediverse.register())
    assert FIRST in look(fediverse)


def test_expired_code(fediverse: Fediverse, clock: Clock) -> None:
    """An application whose code nobody exchanged in time is not listed."""
    fediverse.code(fediverse.register())
    clock.now += 601
    assert "None yet." in look(fediverse)


def test_revoked_by_the_application(fediverse: Fediverse) -> None:
    """An application that revoked its token is no longer listed."""
    app = fediverse.register()
    fediverse.revoke(app, fediverse.token(app))
    assert "None yet." in look(fediverse)


def test_revoke(fediverse: Fediverse) -> None:
    """The button leads back to the list, where the application is missing; its token is revoked."""
    token = fediverse.token(fediverse.register(client_name="Weather bot"))
    text = remove(fediverse, "Weather bot")
    assert ("None yet." in text, fediverse.whoami(token).json()) == (
        True,
        {"error": "The access token was revoked"},
    )


def test_all_of_its_tokens(fediverse: Fediverse) -> None:
    """Revoking an application kills every token that it has for the account."""
    app = fediverse.register()
    tokens = [fediverse.token(app, scope=scope) for scope in ("read", "read write")]
    remove(fediverse, "Bot")
    assert alive(fediverse, *tokens) == [False, False]


def test_its_code_too(fediverse: Fediverse) -> None:
    """A code that was not exchanged yet is worth nothing afterwards."""
    app = fediverse.register()
    code = fediverse.code(app)
    remove(fediverse, "Bot")
    assert fediverse.exchange(app, code).json()["error"] == "invalid_grant"


def test_no_other_application(fediverse: Fediverse) -> None:
    """Revoking an application leaves the tokens of the others alone."""
    old = fediverse.token(fediverse.register(client_name="Old"))
    new = fediverse.token(fediverse.register(client_name="New"))
    remove(fediverse, "Old")
    assert alive(fediverse, old, new) == [False, True]


@pytest.mark.parametrize(
    ("when", "left"), [(FIRST, [False, True]), (SECOND, [True, False])], ids=["first", "second"]
)
def test_same_name(fediverse: Fediverse, clock: Clock, when: str, left: list[bool]) -> None:
    """Of two applications with the same name, the one beside the time is revoked alone."""
    tokens = []
    for _ in range(2):
        tokens.append(fediverse.token(fediverse.register()))
        clock.now += 1
    remove(fediverse, when)
    assert alive(fediverse, *tokens) == left


def test_ambiguous_name(fediverse: Fediverse) -> None:
    """A person who goes by a name that two applications bear revokes neither."""
    tokens = [fediverse.token(fediverse.register()) for _ in range(2)]
    with pytest.raises(PersonStuckError, match="Your authorized applications"):
        remove(fediverse, "Bot")
    assert alive(fediverse, *tokens) == [True, True]


def test_no_other_account(fediverse: Fediverse) -> None:
    """Another account's token of the same application, and the application's own, stay alive."""
    app = fediverse.register()
    mine, theirs, own = fediverse.token(app), fediverse.token(app, "bot"), fediverse.app_token(app)
    remove(fediverse, "Bot")
    instance = fediverse.sandbox.instance
    assert [instance.is_live(one) for one in (mine, theirs, own)] == [False, True, True]


def test_somebody_elses(fediverse: Fediverse) -> None:
    """To revoke what only another account authorized changes nothing, and says nothing."""
    token = fediverse.token(fediverse.register())
    sign_in(fediverse, "bot")
    answer = press(fediverse, "1")
    assert (answer.status_code, answer.headers["Location"], alive(fediverse, token)) == (
        302,
        PATH,
        [True],
    )


@pytest.mark.parametrize("number", ["2", "01", "x", "9" * 5000, "%D9%A1"])
def test_unknown_number(fediverse: Fediverse, number: str) -> None:
    """A number that no application bears is answered in the same way."""
    token = fediverse.token(fediverse.register())
    sign_in(fediverse)
    answer = press(fediverse, number)
    assert (answer.status_code, alive(fediverse, token)) == (302, [True])


@pytest.mark.parametrize("wrong", ["wrong", "", "\N{SNOWMAN}"])
def test_wrong_csrf_token(fediverse: Fediverse, wrong: str) -> None:
    """A form without this session's token is refused, and revokes nothing."""
    token = fediverse.token(fediverse.register())
    sign_in(fediverse)
    answer = press(fediverse, "1", authenticity_token=wrong)
    assert (answer.status_code, alive(fediverse, token)) == (422, [True])


def test_another_sessions_csrf_token(fediverse: Fediverse) -> None:
    """Another session's token is as wrong as none."""
    token = fediverse.token(fediverse.register())
    sign_in(fediverse, "bot")
    foreign = csrf(fediverse.http.get(PATH).text)
    fediverse.http.cookies.clear()
    sign_in(fediverse)
    answer = press(fediverse, "1", authenticity_token=foreign)
    assert (answer.status_code, alive(fediverse, token)) == (422, [True])


@pytest.mark.parametrize("method", ["", "put"])
def test_post_without_delete(fediverse: Fediverse, method: str) -> None:
    """A POST that does not mean DELETE leads nowhere."""
    token = fediverse.token(fediverse.register())
    sign_in(fediverse)
    answer = press(fediverse, "1", _method=method)
    assert (answer.status_code, alive(fediverse, token)) == (404, [True])


def test_get_revokes_nothing(fediverse: Fediverse) -> None:
    """A link cannot revoke: `_method` is for forms."""
    token = fediverse.token(fediverse.register())
    sign_in(fediverse)
    query = {"_method": "delete", "authenticity_token": csrf(fediverse.http.get(PATH).text)}
    answer = fediverse.http.get(f"{PATH}/1", params=query)
    assert (answer.status_code, alive(fediverse, token)) == (404, [True])


def test_delete(fediverse: Fediverse) -> None:
    """A genuine DELETE does what the form does."""
    token = fediverse.token(fediverse.register())
    sign_in(fediverse)
    query = {"authenticity_token": csrf(fediverse.http.get(PATH).text)}
    answer = fediverse.http.delete(f"{PATH}/1", params=query)
    assert (answer.headers["Location"], alive(fediverse, token)) == (PATH, [False])


def test_escaped(fediverse: Fediverse) -> None:
    """An application's name is text: it cannot add markup, nor a form of its own."""
    name = "</form><script>\"&'"
    fediverse.token(fediverse.register(client_name=name))
    sign_in(fediverse)
    page = fediverse.http.get(PATH).text
    assert ("<script>" in page, "&lt;/form&gt;&lt;script&gt;&quot;&amp;&#x27;" in page) == (
        False,
        True,
    )


def test_suspended(fediverse: Fediverse) -> None:
    """A suspended account sees the list without buttons, and is refused."""
    token = fediverse.token(fediverse.register())
    sign_in(fediverse)
    instance = fediverse.sandbox.instance
    instance.accounts[0].state = "suspended"
    page = fediverse.http.get(PATH).text
    answer = press(fediverse, "1")
    assert (FIRST in page, "Revoke</button>" in page, answer.status_code) == (True, False, 403)
    assert instance.is_live(token)


def test_disabled(fediverse: Fediverse) -> None:
    """An account that cannot act for another reason may still revoke."""
    token = fediverse.token(fediverse.register())
    fediverse.sandbox.instance.accounts[0].state = "unconfirmed"
    remove(fediverse, "Bot")
    assert not fediverse.sandbox.instance.is_live(token)


def test_number_of_a_deleted_application(fediverse: Fediverse) -> None:
    """An old page's form for a deleted application does not reach the next one."""
    app = fediverse.register()
    fediverse.sandbox.instance.delete_application(app.client_id)
    token = fediverse.token(fediverse.register())
    sign_in(fediverse)
    press(fediverse, "1")
    assert alive(fediverse, token) == [True]
