"""The summaries of whole runs, as GitHub shows them; tests/unit/test_summary.py has each part.

Rendered by GitHub's own parser; what its sanitizer would take out besides is not relied on.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from provisioner.inputs import INPUTS
from provisioner.sandbox import Response
from tests.action.page import Page
from tests.action.scene import ACCOUNT, HOST, PAGE, REPOSITORY, Scene

ORIGIN = f"https://{HOST}"
TAGS = {"p", "h2", "h3", "a", "strong", "em", "code", "pre", "sub", "br", "ol", "ul", "li"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
"""All that a summary is made of."""
SURFACES = {"cli.py", "demo.py", "terminal.py", "config.py", "inputs.py", "process.py"}
SOURCES = [
    path.read_text()
    for path in Path("provisioner").rglob("*.py")
    if path.name not in SURFACES and "sandbox" not in path.parts
]
TO_GITHUB = re.compile(r"(?<![\w/])@\w|#\d|\bGH-\d")
"""What GitHub makes a mention or a link of, where it stands outside of code and links."""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A bot at mastodon.social."""
    return Scene(tmp_path)


# The approval.


def test_one_thing_to_click(scene: Scene) -> None:
    """One link stands out, and it is the one to open."""
    page = Page(scene.begin())
    headings = [link for link in page.all("a") if {"h1", "h2", "h3"} & {*link.inside}]
    assert [link.attributes["href"] for link in headings] == [scene.link]


def test_approval_leads_nowhere_else(scene: Scene) -> None:
    """Besides it there is the way to the button, and no other link."""
    assert {*Page(scene.begin()).links.values()} == {scene.link, PAGE}


def test_who_is_to_approve(scene: Scene) -> None:
    """The account stands on top."""
    page = Page(scene.begin())
    assert ACCOUNT in page.words("h2")[0]


def test_what_comes_next(scene: Scene) -> None:
    """How long there is for the code, the button to press and the field to fill are named."""
    page = Page(scene.begin())
    assert "10 minutes" in page.text
    assert page.links["Run workflow"] == PAGE
    assert "code" in page.words("strong")


def test_what_is_approved(scene: Scene) -> None:
    """Server, permissions, and what is to be written where are told before they are approved."""
    rows = Page(scene.begin()).table
    told = " ".join([*rows, *rows.values()])
    for fact in (
        ORIGIN,
        "profile",
        "write:media",
        REPOSITORY,
        "secret MASTODON_ACCESS_TOKEN",
        "variable MASTODON_BASE_URL",
    ):
        assert fact in told


def test_link_shown_again(scene: Scene) -> None:
    """A link that was shown before is still the one to click."""
    scene.begin()
    first, page = scene.link, Page(scene.begin())
    assert first in page.links.values()


# The token is stored.


def test_lines_for_the_bot(scene: Scene) -> None:
    """What the bot's workflow needs stands there as YAML, and is what the example has."""
    scene.begin()
    [block] = Page(scene.complete()).all("pre")
    lines = block.words.splitlines()
    example = Path("provisioner/workflows/bot.yml").read_text()
    assert block.attributes == {"lang": "yaml"}
    assert lines[0] == "env:"
    for line in lines:
        assert line.strip() in example


def test_what_was_written(scene: Scene) -> None:
    """What was written where, what the token may do and when it expires are rows of one table."""
    scene.begin()
    page = Page(scene.complete())
    assert page.table["Expires"] == "never"
    assert REPOSITORY in page.table["Stored in"]


def test_old_token(scene: Scene) -> None:
    """After a rotation it is said until when the old token lives."""
    scene.provision()
    scene.begin(rotate="true")
    page = Page(scene.complete())
    end = datetime.fromtimestamp(scene.time + 24 * 3600, UTC)
    assert f"{end.day} {end:%B %Y, %H:%M} UTC" in page.text


# A check.


def test_healthy(scene: Scene) -> None:
    """Where all is well there are five findings, and nothing to do."""
    scene.provision()
    page = Page(scene.check())
    assert [words[0] for words in page.words("li")] == ["✅"] * 5
    assert page.links == {}
    assert "Next" not in page.text


def test_finding(scene: Scene) -> None:
    """What to do stands under the finding that it is for: here, a scope that the token lacks."""
    scene.provision()
    page = Page(scene.check(scopes="interact"))
    [bad] = [words for words in page.words("li") if words.startswith("❌")]
    assert "read:notifications" in bad
    assert "\nNext: " in bad


def test_ways_are_no_findings(scene: Scene) -> None:
    """What to press is there, and not as one more finding in the list of them."""
    scene.provision()
    page = Page(scene.check(scopes="interact"))
    assert len(page.words("li")) == 5
    assert PAGE in page.links.values()


# The texts.


def test_every_input_that_a_step_names_exists() -> None:
    named = {name for text in SOURCES for name in re.findall(r'\bSet\(\s*"([^"]+)"', text)}
    assert "scopes" in named
    assert named - {one.name for one in INPUTS} == {"command"}


def test_no_text_of_a_command_names_an_option() -> None:
    """An option of the command line is an input of the workflow: each surface words it itself."""
    told = re.compile(r'(?<!")"(?!")[^"\n]*[ “`]--[a-z][^"\n]*"')  # docstrings have three marks
    assert [line for text in SOURCES for line in told.findall(text)] == []


# An instance that means harm, met in a real run.

EVIL = (
    '”](https://evil.example) <a href="https://evil.example">x</a> ![x](https://evil.example/x) '
    "https://evil.example/x www.evil.example @octocat a@evil.example #1 `x` | ” @octocat #2"
)

Play = Callable[[Scene], str]


def answering(path: str, status: int, **fields: object) -> Callable[[Scene], None]:
    """An instance that answers so at this path."""
    body = json.dumps(fields).encode()

    def set_up(scene: Scene) -> None:
        scene.answers(path, lambda _request, _given: Response(status, (), body))

    return set_up


def granting(**fields: object) -> Callable[[Scene], None]:
    """An instance whose answers to the exchange have these fields."""

    def set_up(scene: Scene) -> None:
        def answer(_request: object, given: Response) -> Response:
            return Response(200, (), json.dumps(json.loads(given.body) | fields).encode())

        scene.answers("/oauth/token", answer)

    return set_up


METADATA = "/.well-known/oauth-authorization-server"
WHOSE = "/api/v1/accounts/verify_credentials"
SCOPES = "read:accounts write:statuses write:media https://evil.example/x www.evil.example @octocat"

HARM: dict[str, tuple[Callable[[Scene], None], Play]] = {
    "in trouble": (answering("/.well-known/webfinger", 500, error=EVIL), Scene.begin),
    "another server's metadata": (
        answering(METADATA, 200, token_endpoint=f"https://evil.example/{EVIL}"),
        Scene.begin,
    ),
    "no Mastodon": (answering(METADATA, 404, error=EVIL), Scene.begin),
    "refuses to register": (answering("/api/v1/apps", 422, error=EVIL), Scene.begin),
    "does not let us register": (answering("/api/v1/apps", 403, error=EVIL), Scene.begin),
    "refuses the code": (
        answering("/oauth/token", 400, error="invalid_grant", error_description=EVIL),
        Scene.complete,
    ),
    "forgot the application": (
        answering("/oauth/token", 401, error="invalid_client", error_description=EVIL),
        Scene.complete,
    ),
    "answers without a token": (answering("/oauth/token", 200, error=EVIL), Scene.complete),
    "grants what nobody asked for": (granting(scope=SCOPES), Scene.complete),
    "grants too little": (granting(scope=SCOPES.replace("write:media", "")), Scene.complete),
    "another account": (
        answering(WHOSE, 200, id="1", username=EVIL, acct=f"x@{EVIL}"),
        Scene.complete,
    ),
    "another account's address": (
        answering(WHOSE, 200, id="1", username="https://evil.example/x", acct="x"),
        Scene.complete,
    ),
    "another domain's account": (
        answering(WHOSE, 200, id="1", username="mybot", acct=f"mybot@{EVIL}"),
        Scene.complete,
    ),
    "a token that is dead at once": (answering(WHOSE, 401, error=EVIL), Scene.complete),
    "a token that may be dead": (answering(WHOSE, 403, error=EVIL), Scene.complete),
}


def assert_harmless(markdown: str, scene: Scene) -> None:
    """Links to where we lead, elements of ours, and nothing else."""
    page = Page(markdown)
    hosts = {urlsplit(href).hostname for href in page.links.values()}
    assert hosts <= {HOST, "github.com", "docs.joinmastodon.org", "www.githubstatus.com"}
    assert {element.tag for element in page.elements} <= TAGS
    assert TO_GITHUB.findall(page.prose) == []
    assert scene.token not in markdown


@pytest.mark.parametrize("name", HARM)
def test_instance_that_means_harm(scene: Scene, name: str) -> None:
    """Wherever an instance puts its words, a run's summary has no link or mention of them."""
    set_up, play = HARM[name]
    if play is Scene.complete:
        scene.begin()
    set_up(scene)
    shown = play(scene)
    assert "octocat" in shown  # the words did arrive
    assert_harmless(shown, scene)


def alive(scene: Scene, fields: dict[str, object], status: int) -> str:
    """Provision, then check at an instance that tells this of the account."""
    scene.provision()
    answering(WHOSE, status, **fields)(scene)
    return scene.check()


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        pytest.param(401, {"error": EVIL}, id="dead"),
        pytest.param(403, {"error": EVIL}, id="unclear"),
        pytest.param(200, {"id": "2", "username": EVIL}, id="another account"),
    ],
)
def test_check_at_an_instance_that_means_harm(
    scene: Scene, status: int, fields: dict[str, object]
) -> None:
    """The same in a check."""
    assert_harmless(alive(scene, fields, status), scene)


def test_check_of_scopes_that_mean_harm(scene: Scene) -> None:
    """The same for the scopes that it granted, in a check long after."""
    scene.begin()
    granting(scope=SCOPES)(scene)
    scene.complete()
    assert_harmless(scene.check(), scene)
