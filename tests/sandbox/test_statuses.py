"""`GET /api/v1/accounts/:id/statuses`: who sees what of an account's posts on each server."""

import httpx
import pytest

from provisioner.sandbox import PERSONALITIES
from provisioner.sandbox.records import Status
from tests.sandbox.hands import Fediverse

VISIBILITIES = ("public", "unlisted", "private", "direct")
OPEN = ("mastodon-4.7", "mastodon-4.2", "pleroma")
"""Servers whose public posts everybody may list."""
MASTODONS = OPEN[:2]


@pytest.fixture(params=PERSONALITIES)
def personality(request: pytest.FixtureRequest) -> str:
    """Each server in turn; a test may name its own."""
    return str(request.param)


def servers(*names: str) -> pytest.MarkDecorator:
    """Only these servers."""
    return pytest.mark.parametrize("personality", names, indirect=True)


def posted(fediverse: Fediverse, *texts: str, visibility: str = "public") -> str:
    """Let alice post these with a token that may read and write; the token."""
    app = fediverse.register()
    token = fediverse.token(app)
    instance = fediverse.sandbox.instance
    for text in texts:
        account, application = instance.accounts[0], instance.applications[0]
        number = len(instance.statuses) + 1
        made = Status(number, account, application, text, visibility, instance.store.clock())
        instance.statuses.append(made)
    fediverse.http.cookies.clear()  # Pleroma keeps the token in the session of who got it
    return token


def path(fediverse: Fediverse) -> str:
    """Where alice's posts are listed."""
    return f"/api/v1/accounts/{fediverse.sandbox.instance.accounts[0].id}/statuses"


def listed(fediverse: Fediverse, token: str = "", **query: str) -> httpx.Response:
    """List alice's posts, as anybody or with a token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return fediverse.http.get(path(fediverse), params=query, headers=headers)


def test_newest_first(fediverse: Fediverse) -> None:
    """On each, the author's token lists the posts, the newest first, up to a limit."""
    token = posted(fediverse, "one", "two", "three")
    contents = [one["content"] for one in listed(fediverse, token, limit="2").json()]
    assert [one.removeprefix("<p>").removesuffix("</p>") for one in contents] == ["three", "two"]


@servers(*OPEN)
def test_anybody(fediverse: Fediverse) -> None:
    """Without a token, what is public is listed, and nothing else."""
    for visibility in VISIBILITIES:
        posted(fediverse, visibility, visibility=visibility)
    shown = {one["visibility"] for one in listed(fediverse).json()}
    assert shown == {"public", "unlisted"}


@servers("gotosocial", "takahe")
def test_nobody_without_a_token(fediverse: Fediverse) -> None:
    """Elsewhere even public posts need one."""
    posted(fediverse, "hello")
    assert listed(fediverse).status_code == 401


@servers("pixelfed")
def test_nobody_without_a_token_on_pixelfed(fediverse: Fediverse) -> None:
    """Pixelfed leads such a guest to its login page."""
    answer = listed(fediverse)
    assert (answer.status_code, answer.headers["Location"][-6:]) == (302, "/login")


def test_the_author(fediverse: Fediverse) -> None:
    """The author sees all; but Takahē lists no private post, and Pixelfed no direct one."""
    for visibility in VISIBILITIES:
        token = posted(fediverse, visibility, visibility=visibility)
    shown = [one["visibility"] for one in reversed(listed(fediverse, token).json())]
    most = {"takahe": 2, "pixelfed": 3}.get(fediverse.sandbox.instance.personality, 4)
    assert shown == list(VISIBILITIES[:most])


def test_somebody_else(fediverse: Fediverse) -> None:
    """Another's token shows no more than what is public."""
    for visibility in VISIBILITIES:
        posted(fediverse, visibility, visibility=visibility)
    token = fediverse.token(fediverse.register(), "bot")
    shown = [one["visibility"] for one in listed(fediverse, token).json()]
    assert shown == ["unlisted", "public"]


@servers(*MASTODONS, "gotosocial", "takahe")
def test_narrow_scope(fediverse: Fediverse) -> None:
    """A live token that may not read is refused, where anybody else may look too."""
    posted(fediverse, "hello")
    app = fediverse.register(scopes="write:statuses")
    token = fediverse.token(app, scope="write:statuses")
    assert listed(fediverse, token).status_code == 403


@servers("pleroma")
def test_narrow_scope_on_pleroma(fediverse: Fediverse) -> None:
    """On Pleroma it sees what anybody sees, and so does an unknown one."""
    posted(fediverse, "hush", visibility="private")
    posted(fediverse, "hello")
    app = fediverse.register(scopes="write:statuses")
    token = fediverse.token(app, scope="write:statuses")
    shown = [[one["content"] for one in listed(fediverse, t).json()] for t in (token, "unknown")]
    assert shown == [["hello"], ["hello"]]


@servers(*MASTODONS)
def test_dead_token(fediverse: Fediverse) -> None:
    """Mastodon refuses a revoked token, and takes an unknown one for none."""
    token = posted(fediverse, "hello")
    fediverse.sandbox.instance.revoke_access("alice")
    assert [listed(fediverse, one).status_code for one in (token, "unknown")] == [401, 200]


@pytest.mark.parametrize(
    ("personality", "status"),
    [(name, {"gotosocial": 200}.get(name, 404)) for name in PERSONALITIES],
    indirect=["personality"],
)
def test_no_such_account(fediverse: Fediverse, status: int) -> None:
    """An account that is not there is 404, on GoToSocial an empty list."""
    answer = fediverse.get("/api/v1/accounts/1/statuses", posted(fediverse))
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("personality", "count"),
    [("mastodon-4.7", 0), ("gotosocial", 400), ("pleroma", 400), ("pixelfed", 302)],
    indirect=["personality"],
)
def test_odd_limit(fediverse: Fediverse, count: int) -> None:
    """A limit that is no number is none to Mastodon, and a mistake elsewhere."""
    answer = listed(fediverse, posted(fediverse, "hello"), limit="many")
    assert (len(answer.json()) if answer.is_success else answer.status_code) == count


@pytest.mark.parametrize(
    ("personality", "default", "most"),
    [(name, 20, 40) for name in PERSONALITIES if name != "gotosocial"] + [("gotosocial", 30, 45)],
    indirect=["personality"],
)
def test_limits(fediverse: Fediverse, default: int, most: int) -> None:
    """Without a limit there are 20 and never more than 40; GoToSocial knows no most."""
    token = posted(fediverse, *map(str, range(45)))
    counts = [len(listed(fediverse, token, **q).json()) for q in ({}, {"limit": "99"})]
    assert counts == [default, most]


@pytest.mark.parametrize(
    ("personality", "content"),
    [
        ("mastodon-4.7", "<p>1 &lt; 2 &amp; &#39;so&#39;<br />on</p><p>end</p>"),
        ("gotosocial", "<p>1 &lt; 2 &amp; 'so'<br>on<br><br>end</p>"),
        ("pleroma", "1 &lt; 2 &amp; &#39;so&#39;<br>on<br><br>end"),
        ("takahe", "<p>1 &lt; 2 &amp; &#x27;so&#x27;<br>on</p><p>end</p>"),
    ],
    indirect=["personality"],
)
def test_html(fediverse: Fediverse, content: str) -> None:
    """Each writes lines and what must be escaped in a way of its own."""
    token = posted(fediverse, "1 < 2 & 'so'\non\n\nend\n")
    assert listed(fediverse, token).json()[0]["content"] == content


@pytest.mark.parametrize(
    ("personality", "parts"),
    [
        (
            "mastodon-4.7",
            ('class="invisible">https://</span>', "@<span>bot</span>", "#<span>Tea</span>"),
        ),
        ("gotosocial", (">https://x.example/a</a>", "@<span>bot</span>", "#<span>Tea</span>")),
        ("pleroma", ('rel="ugc">https://x.example/a</a>', "@<span>bot</span>", ">#Tea</a>")),
        ("takahe", ("https://</span>x.example/a</a>", "@<span>bot</span>", ">#Tea</a>")),
    ],
    indirect=["personality"],
)
def test_links(fediverse: Fediverse, parts: tuple[str, ...]) -> None:
    """Links, names of the server's accounts and tags are marked up; strangers stay as they are."""
    domain = fediverse.sandbox.instance.domain
    token = posted(fediverse, f"@bot@{domain} @al@x.example https://x.example/a #Tea")
    content = listed(fediverse, token).json()[0]["content"]
    assert [part for part in (*parts, "@al@x.example") if part not in content] == []


@servers(*MASTODONS, "takahe")
def test_long_link(fediverse: Fediverse) -> None:
    """Of a long link the end is there, though hidden."""
    rest = "x.example/" + "a" * 30
    content = listed(fediverse, posted(fediverse, f"https://{rest}")).json()[0]["content"]
    assert f'<span class="ellipsis">{rest[:30]}</span>' in content
    assert f'<span class="invisible">{rest[30:]}</span>' in content


@servers(*MASTODONS)
def test_suspended(fediverse: Fediverse) -> None:
    """A suspended account has no posts to see."""
    posted(fediverse, "hello")
    fediverse.sandbox.instance.accounts[0].state = "suspended"
    assert listed(fediverse).json() == []
