"""The summaries of whole runs, as GitHub shows them; tests/unit/test_summary.py has each part.

Rendered by GitHub's own parser; what its sanitizer would take out besides is not relied on.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from provisioner.inputs import INPUTS
from provisioner.sandbox import Request, Response
from tests.action.page import TO_GITHUB, Page
from tests.action.step import Ended, Workflow, served
from tests.action.stories import kept

TAGS = {"p", "h2", "h3", "a", "strong", "em", "code", "pre", "sub", "br", "ol", "ul", "li"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
"""All that a summary is made of."""
SURFACES = {"cli", "demo", "environment", "terminal", "config", "inputs", "process"}
SOURCES = [
    path.read_text()
    for path in Path("provisioner").rglob("*.py")
    if path.stem not in SURFACES and "sandbox" not in path.parts
]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Workflow]:
    with served(tmp_path) as site:
        yield site


def test_lines_for_the_bot_are_those_of_the_example() -> None:
    [block] = Page(kept()["complete"].partition("\n## ")[2]).all("pre")
    example = Path("provisioner/workflows/bot.yml").read_text()
    lines = block.words.splitlines()
    assert lines[0] == "env:"
    assert [line for line in lines if line.strip() not in example] == []


def test_every_input_that_a_step_names_exists() -> None:
    named = {name for text in SOURCES for name in re.findall(r'\bSet\(\s*"([^"]+)"', text)}
    assert "scopes" in named
    assert named - {one.name for one in INPUTS} == {"command"}


def test_no_text_of_a_command_names_an_option() -> None:
    """An option of the command line is an input of the workflow: each surface words it itself."""
    told = re.compile(r'(?<!")"(?!")[^"\n]*[ “`]--[a-z][^"\n]*"')  # docstrings have three marks
    assert [line for text in SOURCES for line in told.findall(text)] == []


# An instance that means harm.

EVIL = (
    '”](https://evil.example) <a href="https://evil.example">x</a> ![x](https://evil.example/x) '
    "https://evil.example/x www.evil.example @octocat a@evil.example #1 `x` | ” @octocat #2"
)
WHOSE = "/api/v1/accounts/verify_credentials"
SCOPES = "read:accounts write:statuses write:media https://evil.example/x www.evil.example @octocat"

Answering = Callable[[Workflow, Response], Response]


def answer(status: int, **fields: object) -> Answering:
    return lambda site, _given: Response(
        status, (), json.dumps(fields).replace("SITE", site.instance.origin).encode()
    )


def granting(scope: str) -> Answering:
    return lambda _site, given: Response(
        200, (), json.dumps({**json.loads(given.body), "scope": scope}).encode()
    )


def at(site: Workflow, path: str, answering: Answering) -> None:
    honest = site.instance.answer

    def hostile(request: Request) -> Response:
        given = honest(request)
        return answering(site, given) if request.path == path else given

    site.instance.answer = hostile  # type: ignore[method-assign]


HARM: dict[str, tuple[str, Answering, str]] = {
    "refuses to register": ("/api/v1/apps", answer(422, error=EVIL), "begin"),
    "refuses the code": (
        "/oauth/token",
        answer(400, error="invalid_grant", error_description=EVIL),
        "complete",
    ),
    "more scopes": ("/oauth/token", granting(SCOPES), "complete"),
    "too few scopes": ("/oauth/token", granting(SCOPES.replace("write:media", "")), "complete"),
    "another account": (WHOSE, answer(200, id="1", username=EVIL, acct=f"x@{EVIL}"), "complete"),
    "unclear later": (WHOSE, answer(403, error=EVIL), "check"),
    "another account later": (WHOSE, answer(200, id="2", username=EVIL), "check"),
}


def assert_harmless(run: Ended, site: Workflow) -> None:
    """Links to where we lead, elements of ours, and nothing else."""
    page = Page(run.summary)
    hosts = {urlsplit(href).hostname for href in page.links.values()}
    assert hosts <= {"127.0.0.1", "github.com", "docs.joinmastodon.org", "www.githubstatus.com"}
    assert {element.tag for element in page.elements} <= TAGS
    assert TO_GITHUB.findall(page.prose) == []
    assert site.leaks(run.summary) == []


@pytest.mark.parametrize("name", HARM)
def test_instance_that_means_harm(site: Workflow, name: str) -> None:
    """Wherever an instance puts its words, a run's summary has no link or mention of them."""
    path, answering, command = HARM[name]
    code = site.begin() if command != "begin" else ""
    if command == "check":
        site.run(inputs={"code": code})
    at(site, path, answering)
    run = site.run("schedule" if command == "check" else "workflow_dispatch", {"code": code})
    assert "evil.example" in run.summary  # the words did arrive
    assert_harmless(run, site)
