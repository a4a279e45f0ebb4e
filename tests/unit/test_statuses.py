"""Posts: what is sent, what is read of their HTML, and which addresses are believed."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.http import Http
from provisioner.oauth import Server
from provisioner.secret import Secret
from provisioner.statuses import LONGEST, Status, Statuses, key_of, normal, text_of
from tests.unit.server import Reply, ScriptedServer, answer, page, say

TOKEN = "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0"
MADE = {"id": "1", "created_at": "2027-01-15T08:00:00.000Z", "content": "<p>howdy</p>"}


@pytest.fixture
def statuses(http: Http, server: ScriptedServer) -> Statuses:
    """The posts of the scripted server."""
    endpoints = ("authorization", "token", "registration", "revocation")
    urls = {f"{name}_endpoint": f"{server.origin}/{name}" for name in endpoints}
    return Statuses(http, Server(origin=server.origin, has_metadata=False, **urls))


def post(statuses: Statuses, visibility: str = "") -> Status:
    """Post a text."""
    return statuses.post(Secret(TOKEN), "howdy", visibility, "the-key")


def test_request(statuses: Statuses, server: ScriptedServer) -> None:
    """Text and key go where the documents have them, and the token in its header alone."""
    server.on("POST", "/api/v1/statuses", say(MADE))
    post(statuses)
    (request,) = server.requests
    assert (request.form, request.target) == ({"status": "howdy"}, "/api/v1/statuses")
    assert request.header("authorization") == f"Bearer {TOKEN}"
    assert request.header("idempotency-key") == "the-key"


def test_visibility(statuses: Statuses, server: ScriptedServer) -> None:
    """Who sees it is sent where it was said."""
    server.on("POST", "/api/v1/statuses", say(MADE))
    post(statuses, "unlisted")
    assert server.requests[0].form == {"status": "howdy", "visibility": "unlisted"}


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/@mybot/1",
        "javascript:alert(1)",
        "http://127.0.0.1:1/\x1b[31m",
        "//evil.example",
        17,
        None,
        "",
    ],
)
def test_addresses_elsewhere(statuses: Statuses, server: ScriptedServer, url: object) -> None:
    """An address that is not the server's own is not shown."""
    server.on("POST", "/api/v1/statuses", say(MADE | {"url": url}))
    assert post(statuses).url == ""


def test_address(statuses: Statuses, server: ScriptedServer) -> None:
    """The server's own is."""
    url = f"{server.origin}/@mybot/1"
    server.on("POST", "/api/v1/statuses", say(MADE | {"url": url}))
    assert post(statuses) == Status("howdy", 1_800_000_000.0, url)


def test_latest(statuses: Statuses, server: ScriptedServer) -> None:
    """Boosts are others' words; a post without a time, or of odd types, is no bug."""
    place = "/api/v1/accounts/7/statuses"
    odd = {"id": "2", "content": 5, "created_at": [], "url": {}}
    server.on("GET", place, say([MADE, MADE | {"reblog": MADE}, odd, "x", None]))
    seen = statuses.latest("7", None)
    assert seen == [Status("howdy", 1_800_000_000.0, ""), Status("5", None, "")]
    assert server.requests[0].header("authorization") is None


@pytest.mark.parametrize(
    "reply",
    [say({"error": "no"}, 403), page(), say({}), say([], 500), answer(204)],
    ids=["403", "a page", "no list", "500", "204"],
)
def test_can_not_be_seen(statuses: Statuses, server: ScriptedServer, reply: Reply) -> None:
    """A refusal, a page and an error are no empty list."""
    server.on("GET", "/api/v1/accounts/7/statuses", reply)
    assert statuses.latest("7", Secret(TOKEN)) is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<p>howdy universe!</p>", "howdy universe!"),
        ("<p>a<br />b</p><p>c</p>", "a b c"),
        ("<p>1 &lt; 2 &amp; &#39;so&#x27;</p>", "1 < 2 & 'so'"),
        (
            '<p><a href="x"><span class="invisible">https://</span><span>x.example/a</span></a></p>',
            "https://x.example/a",
        ),
        ('<p><span class="h-card"><a href="/@al">@<span>al</span></a></span> hi</p>', "@al hi"),
        ("<DIV>a</DIV><BR>b<pre>c</pre>", "a bc"),
        ("<ul><li>a</li><li>b</li></ul>", "a b"),
        ("hi @a.l-b@x.example!", "hi @a.l-b!"),
        ("&lt;b&gt;bold&lt;/b&gt; &amp;amp;", "<b>bold</b> &amp;"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_html(content: str, text: str) -> None:
    """What servers make of a text is what a person would read."""
    assert normal(text_of(content)) == text


def test_mentions() -> None:
    """A mention is compared without its server, which the HTML leaves out; mail is left alone."""
    assert normal("@al@x.example, me@x.example\n@bo") == "@al, me@x.example @bo"


HOME = {"here.example", "www.here.example"}


def seen(statuses: Statuses, server: ScriptedServer, text: str, *accts: object) -> Status:
    """A post with these mentions, as the list shows it."""
    fields = {"content": f"<p>{text}</p>", "mentions": [{"acct": acct} for acct in accts]}
    server.on("GET", "/api/v1/accounts/7/statuses", say([MADE | {"visibility": "public"} | fields]))
    (status,) = statuses.latest("7", None) or []
    return status


@pytest.mark.parametrize(
    ("text", "accts", "asked"),
    [
        ("hi @al", ["al@a.test"], "hi @al@a.test"),
        ("hi @al", ["AL@A.test"], "hi @al@a.TEST"),
        ("hi @al", ["al"], "hi @al"),
        ("hi @al.", ["al"], "hi @al."),
        ("hi @al", ["al"], "hi @al@here.example"),
        ("hi @al", ["al@www.here.example"], "hi @al@here.example"),
        ("hi @al", ["al@xn--bcher-kva.test"], "hi @al@bücher.test"),
        ("hi @al.bo-c", ["al.bo-c@a.test"], "hi @al.bo-c@a.test"),
        ("@al @al", ["al@b.test", "al@a.test"], "@al@a.test @al@b.test"),
        ("hi @al@a.test", [], "hi @al@a.test"),
        ("hi @al@a_b", ["al@a_b"], "hi @al@a_b"),
        ("hi", ["somebody"], "hi"),
        ("hi @al", [], "hi @al@a.test"),
        ("hi @al", [5, None, ""], "hi @al@a.test"),
    ],
)
def test_the_same_people(
    statuses: Statuses, server: ScriptedServer, text: str, accts: list[object], asked: str
) -> None:
    """However a server writes it, a mention of the same account is the same."""
    assert seen(statuses, server, text, *accts).says(asked, "", HOME)


@pytest.mark.parametrize(
    ("text", "accts", "asked"),
    [
        ("hi @al", ["al@a.test"], "hi @al@b.test"),
        ("hi @al", ["al@a.test"], "hi @al"),
        ("hi @al", ["al"], "hi @al@a.test"),
        ("hi @al@a.test", [], "hi @al@b.test"),
        ("@al @al", ["al@a.test", "al@b.test"], "@al@a.test @al@a.test"),
        ("hi @al", ["al@a.test"], "ho @al@a.test"),
    ],
)
def test_other_people(
    statuses: Statuses, server: ScriptedServer, text: str, accts: list[object], asked: str
) -> None:
    """The same name at another server is another person, and so it is another post."""
    assert not seen(statuses, server, text, *accts).says(asked, "", HOME)


@pytest.mark.parametrize(
    ("told", "asked", "same"),
    [
        ("unlisted", "unlisted", True),
        ("unlisted", "", True),
        ("", "unlisted", True),
        ("unlisted", "public", False),
    ],
)
def test_audience(told: str, asked: str, *, same: bool) -> None:
    """Another audience than the one that was named is another post, where the server says it."""
    assert Status("hi", None, "", told).says("hi", asked, HOME) is same


@pytest.mark.parametrize("mentions", [None, 5, {}, "x", [None, 5, "x", {}, {"acct": []}]], ids=str)
def test_odd_mentions(statuses: Statuses, server: ScriptedServer, mentions: object) -> None:
    """Mentions of odd types are none."""
    server.on("POST", "/api/v1/statuses", say(MADE | {"mentions": mentions, "visibility": None}))
    assert (post(statuses).mentioned, post(statuses).visibility) == ("", "")


@given(st.text(alphabet=st.sampled_from('<>&;#x![]-/"= \nap'), max_size=40))
def test_any_html(content: str) -> None:
    """No HTML, however broken, is a bug."""
    normal(text_of(content))


STARTS = ("", "<", "@", "@a@", "&#")
PIECES = (
    "<a ",
    "<",
    "<a",
    "<p",
    "<!--",
    "<![",
    "&",
    "&#",
    "&a",
    "@a",
    "@a@",
    "@a@.",
    "a@",
    "9",
    " ",
)


def test_only_the_beginning_of_a_long_post_is_read() -> None:
    """However much a server sends, the work on it is bounded."""
    assert text_of("a" * (LONGEST + 1)) == "a" * LONGEST


def test_text_of_hostile_html_takes_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a parser that takes the square of the length, this would not end before pytest ends it.

    https://docs.pytest.org/en/stable/how-to/failures.html#fault-handler-timeout
    """
    size = 200_000
    monkeypatch.setattr("provisioner.statuses.LONGEST", size)
    for start, piece in product(STARTS, PIECES):
        assert len(normal(text_of(start + piece * (size // len(piece))))) <= size


def test_keys() -> None:
    """The same post has the same key; another account's, text or audience another."""
    keys = {
        key_of(*parts)
        for parts in (
            ("https://a", "1", "hi", ""),
            ("https://a", "1", "hi", ""),
            ("https://b", "1", "hi", ""),
            ("https://a", "2", "hi", ""),
            ("https://a", "1", "ho", ""),
            ("https://a", "1", "hi", "direct"),
        )
    }
    assert len(keys) == 5
