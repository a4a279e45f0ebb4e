"""The job's summary, as GitHub shows it: what a person finds there, and what nobody can put there.

Rendered by GitHub's own parser; what its sanitizer would take out besides is not relied on.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provisioner import summary
from provisioner.accounts import parse_account
from provisioner.action import DISPATCHED, INPUTS, SECRET_INPUTS
from provisioner.answer import Answer
from provisioner.destinations import Mapping
from provisioner.errors import (
    Exit,
    HalfWayError,
    InputError,
    PersonNeededError,
    ProvisionerError,
    plain,
)
from provisioner.inputs import Inputs
from provisioner.outcomes import Checked, Finding, OldToken, Provisioned
from provisioner.sandbox import Response
from tests.action.page import Page
from tests.action.scene import ACCOUNT, HOST, PAGE, REPOSITORY, Scene

ORIGIN = f"https://{HOST}"
TAGS = {"p", "h2", "h3", "a", "strong", "em", "code", "pre", "sub", "br", "ol", "ul", "li"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
"""All that a summary is made of."""
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
    """The account stands on top, and by the name that one signs in with beside the link."""
    page = Page(scene.begin())
    assert ACCOUNT in page.words("h2")[0]
    assert "mybot" in page.words("code")


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
    example = Path(".github/examples/bot.yml").read_text()
    assert block.attributes == {"lang": "yaml"}
    assert lines[0] == "env:"
    for line in lines:
        assert line.strip() in example


def test_what_was_written(scene: Scene) -> None:
    """What was written where, what the token may do and when it expires are rows of one table."""
    scene.begin()
    page = Page(scene.complete())
    assert page.table["Expires"] == "never"
    assert REPOSITORY in " ".join(page.table)


def test_old_token(scene: Scene) -> None:
    """After a rotation it is said until when the old token lives."""
    scene.provision()
    scene.begin(rotate="true")
    page = Page(scene.complete())
    end = datetime.fromtimestamp(scene.time + 24 * 3600, UTC)
    assert f"{end:%Y-%m-%dT%H:%M:%SZ}" in page.text


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


# An error.

ERROR = PersonNeededError(
    "its-name",
    "Something happened.",
    why="It had a cause.",
    todo="Open the link and complete with its code.",
    link="https://social.example/page?a=1&b=2",
)


@pytest.mark.parametrize("part", [ERROR.ident, ERROR.what, ERROR.why, ERROR.todo, "exit code 4"])
def test_parts_of_an_error(part: str) -> None:
    """What happened, why, what to do next, its name and its exit code stand there."""
    assert part in Page(summary.of_error(ERROR, PAGE, is_rerun=False)).text


def test_link_of_an_error() -> None:
    """The link stands out, with its host for a name, and leads where it should."""
    page = Page(summary.of_error(ERROR, PAGE, is_rerun=False))
    [link] = [link for link in page.all("a") if "h3" in link.inside]
    assert "social.example" in link.words
    assert link.attributes["href"] == ERROR.link


@pytest.mark.parametrize("code", [code for code in Exit if code is not Exit.DONE])
def test_every_exit_code_has_words(code: Exit) -> None:
    """Whatever a run ends with, the summary can say it."""
    error = ProvisionerError("its-name", "Something happened.")
    error.exit_code = code
    assert Page(summary.of_error(error, PAGE, is_rerun=False)).words("h2")[0].startswith("❌ ")


@pytest.mark.parametrize(
    ("todo", "words"),
    [
        ("Begin again for a new application.", "rotate"),
        ("Run begin, and open the link that it shows.", "rotate"),
        ("Open the link and complete with its code.", "code"),
        ("Run complete: it needs no code.", "code"),
        ("Run this again in 2 minutes.", "Run workflow"),
        ("Run check to see that all is well.", "Run workflow"),
    ],
)
def test_verbs_are_what_is_pressed(todo: str, words: str) -> None:
    """A verb of the command line is told as what is pressed on the workflow's page."""
    error = InputError("its-name", "Something happened.", todo=todo)
    page = Page(summary.of_error(error, PAGE, is_rerun=False))
    assert words in page.text.partition(todo)[2]
    assert page.links == {"Run workflow": PAGE}


@pytest.mark.parametrize("todo", ["Check the address.", "Hand in the key, and start a new run."])
def test_every_error_has_the_button(todo: str) -> None:
    """Whatever is to be mended, the way to the next run is there."""
    error = InputError("its-name", "Something happened.", todo=todo)
    assert PAGE in Page(summary.of_error(error, PAGE, is_rerun=False)).links.values()


def test_rerun() -> None:
    """After a re-run, the way to a new run is there, and why it must be one."""
    page = Page(summary.of_error(InputError("x", "What."), PAGE, is_rerun=True))
    assert PAGE in page.links.values()
    assert "Re-run" in page.text


# The texts of the errors.


TELLING = ("Error", "Finding", "warn")
SOURCES = [*Path("provisioner").glob("*.py"), *Path("provisioner/ceremony").glob("*.py")]


def texts() -> Iterator[str]:
    """Every text in the source that is part of an error, a finding or a warning."""
    for node in (node for file in SOURCES for node in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(TELLING):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def test_options_in_errors_are_inputs_of_the_action() -> None:
    """An option that an error names is an input of the action by the same name."""
    named = {name for text in texts() for name in re.findall(r"--([a-z][a-z-]+)", text)}
    assert {"scopes", "journal"} <= named
    assert named - {*INPUTS, *SECRET_INPUTS, *DISPATCHED, "help"} == set()


def test_options_lose_their_dashes() -> None:
    """In a summary an option is the input that it stands for."""
    error = InputError("x", "What.", todo="Choose scopes with --scopes, or another --app-name.")
    page = Page(summary.of_error(error, PAGE, is_rerun=False))
    assert "--" not in page.text
    assert {"scopes", "app-name"} <= {*page.words("code")}


# What servers say.

PIECES = (
    "<img src=https://evil.example/x.png onerror=alert(1)>",
    "<a href=https://evil.example>",
    "</p><h1>",
    "<!--",
    "<br>",
    "[x](https://evil.example)",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "https://evil.example/x",
    "http://evil.example",
    "ftp://evil.example",
    "www.evil.example",
    "a@evil.example",
    "mailto:a@evil.example",
    "xmpp:a@evil.example/x",
    "@octocat",
    "octocat/mybot#1",
    "#1",
    "GH-1",
    "&lt;b&gt;",
    "&#60;b>",
    "~~x~~",
    "**x**",
    "__x__",
    "|",
    "||",
    "\\",
    "`",
    "``",
    "```\n",
    "\n",
    "\n\n",
    "\n# x",
    "\n- x",
    "\n> x",
    "\n---\n",
    "“",
    "”",
    '"',
    "--scopes",
    "[^1]",
    "[x]: https://evil.example",
    "$x$",
    " ",
    "\u2028",
    "\x1b[31m",
    "\x00",
)
hostile = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=8).map("".join)


def said(words: str) -> str:
    """What a server says, as it comes into an error."""
    body = json.dumps({"error": words}).encode()
    return Answer(403, httpx.Headers(), body, 0.0, ()).described()


def assert_like(hostile: Page, harmless: Page) -> None:
    """The same elements and links, and nothing that GitHub would make a mention of."""
    assert hostile.skeleton == harmless.skeleton
    assert hostile.links == harmless.links
    assert TO_GITHUB.findall(hostile.prose) == []


def page_of_error(words: str) -> Page:
    """An error that quotes a server, as all of them do."""
    error = PersonNeededError(
        "its-name",
        f"social.example did not accept the code: {said(words)}.",
        why=f"Its answer, {said(words)}, holds no usable client id.",
        todo=f"Whose token it is could not be seen: {said(words)}",
    )
    return Page(summary.of_error(error, PAGE, is_rerun=False))


def test_pieces_of_an_error() -> None:
    """Nothing that means something to GitHub means it in what a server says."""
    for words in PIECES:
        assert_like(page_of_error(words), page_of_error("harmless"))


@given(hostile)
def test_error_of_a_server(words: str) -> None:
    """What a server says in an error is text: no element, no link, no image, no mention."""
    assert_like(page_of_error(words), page_of_error("harmless"))


def skeleton_without_quotes(words: str) -> list[str]:
    """What becomes of words that stand in no quotation marks, as names do."""
    error = PersonNeededError("its-name", f"Name: {plain(words)}", why=f"Of {plain(words)}.")
    return Page(summary.of_error(error, PAGE, is_rerun=False)).skeleton


def test_pieces_that_are_not_quoted() -> None:
    """Outside of quotation marks too, nothing but an address of a page becomes an element."""
    for words in PIECES:
        if "http" not in words:
            assert skeleton_without_quotes(words) == skeleton_without_quotes("harmless")


@given(hostile.filter(lambda words: "http" not in words))
def test_words_that_are_not_quoted(words: str) -> None:
    """The same for any words."""
    assert skeleton_without_quotes(words) == skeleton_without_quotes("harmless")


@given(hostile)
def test_finding_of_a_server(words: str) -> None:
    """The same in a check's findings."""

    def page(words: str) -> Page:
        finding = Finding("unclear", f"Whether it is alive can't be told: {said(words)}")
        checked = Checked(ACCOUNT, (), "never", (finding, finding))
        return Page(summary.of(checked, INPUTS_OF_BOT, PAGE))

    assert_like(page(words), page("harmless"))


visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)
INPUTS_OF_BOT = Inputs(account=parse_account(ACCOUNT), repository=REPOSITORY, grace=0)


def provisioned(*scopes: str, written: tuple[Mapping, ...] = INPUTS_OF_BOT.mappings) -> Provisioned:
    """A rotation's outcome, with all that it may have to say."""
    return Provisioned(
        status="rotated",
        account=ACCOUNT,
        instance=ORIGIN,
        repository=REPOSITORY,
        scopes=scopes,
        expires_at="2027-01-15T08:00:00Z",
        written=written,
        overwritten=tuple(mapping.name for mapping in written),
        old_tokens=(
            OldToken(
                "2027-01-01T08:00:00Z",
                "stuck",
                "2027-01-02T08:00:00Z",
                "it still stands in OTHER_TOKEN",
                f"{ORIGIN}/oauth/authorized_applications",
                ACCOUNT,
                left_in=True,
            ),
        ),
        unsettled_since="2027-01-01T08:00:00Z",
        remove_at=f"{ORIGIN}/oauth/authorized_applications",
    )


@given(st.lists(visible, min_size=1, max_size=3))
def test_scopes_of_a_server(scopes: list[str]) -> None:
    """Scopes that a server grants stay in their cell of the table, whatever they are."""
    page = Page(summary.of(provisioned(*scopes), INPUTS_OF_BOT, PAGE))
    harmless = Page(summary.of(provisioned("read"), INPUTS_OF_BOT, PAGE))
    assert_like(page, harmless)
    assert page.table == harmless.table | {"May": " ".join(scopes).replace("|", "¦")}


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40))
@example("&lt;b&gt;")
@example("a&amp;b")
@example("> [x](https://evil.example)")
@example("\\> x")
def test_link_of_a_server(end: str) -> None:
    """A link is one address, and leads there to the letter, whatever stands in it."""
    link = f"{ORIGIN}/oauth?a=1&b={end}"
    error = PersonNeededError("its-name", "Something happened.", link=link)
    page = Page(summary.of_error(error, "https://github.com/", is_rerun=False))
    [shown] = [link for link in page.all("a") if "h3" in link.inside]
    assert unquote(shown.attributes["href"]) == unquote(link)


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


# Sizes.

LARGEST = 256 * 1024
"""Bytes: a quarter of what GitHub takes for a step."""


def test_largest_outcome() -> None:
    """The largest outcome that there can be is far from being dropped for its size."""
    names = [f"{number:03}_{'X' * 250}" for number in range(100)]
    written = tuple(Mapping("secrets", name, "access_token") for name in names)
    scopes = [f"{number:02}{'`' * 62}" for number in range(50)]
    markdown = summary.of(provisioned(*scopes, written=written), INPUTS_OF_BOT, PAGE)
    assert len(markdown.encode()) < LARGEST


def test_largest_error() -> None:
    """So is the largest error that a server can cause."""
    words = said("\U0001f600`" * 10_000)
    error = HalfWayError("x", words, why=words * 3, todo=words * 3, link=f"{ORIGIN}/{'x' * 2000}")
    assert len(summary.of_error(error, PAGE, is_rerun=True).encode()) < LARGEST // 8
