"""The page on which the browser lands."""

import base64
import hashlib
import re

import pytest

from provisioner.landing import HEADERS, notice, outcome
from provisioner.report import ActionRequiredError, Item, Open, ProvisionerError, Report, Run, Set
from tests.support.person import Page

EVIL = '<script>alert("&")</script>'
REPORT = Report(
    "provisioned",
    f"{EVIL} has its token",
    table={EVIL: EVIL},
    items=(Item("soon", EVIL, (Open(f"https://a.test/?{EVIL}", EVIL, EVIL),)),),
)
ERROR = ActionRequiredError("denied", EVIL, why=EVIL, next=(EVIL, Set(EVIL), Run("again")))
PAGES = [outcome(REPORT), outcome(ERROR), notice(EVIL, EVIL)]


@pytest.mark.parametrize("page", PAGES, ids=["report", "error", "notice"])
def test_page_is_whole_in_itself_and_everything_in_it_is_escaped(page: str) -> None:
    assert "<script" not in page
    assert '<link rel="icon" href="data:,">' in page  # else the browser asks for one
    assert re.findall(r"(?:src|href)=[\"']?(?!data:,)([^\"' >]+)", page)[:1] in (
        [],
        ["https://a.test/?&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;"],
    )
    assert EVIL in Page(page).text


@pytest.mark.parametrize("page", PAGES)
def test_policy_allows_the_style_and_nothing_else(page: str) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = HEADERS["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert not re.search(r"\sstyle=|\son\w+=", page)
    assert HEADERS["Referrer-Policy"] == "no-referrer"
    assert HEADERS["Cache-Control"] == "no-store"


def test_report_says_what_was_written_and_left_behind() -> None:
    item = Item("soon", "An old token lives.", (Open("https://a.test/apps", "me", "remove it"),))
    page = outcome(Report("rotated", "New", table={"Stored in": "a place"}, items=(item,)))
    text = Page(page).text
    for said in "✓ New", "Stored in", "a place", "An old token lives.", "sign in as me":
        assert said in text
    assert 'href="https://a.test/apps"' in page


def test_error_says_why_and_leaves_commands_to_the_terminal() -> None:
    error = ProvisionerError(
        "x", "It failed.", why="The cause.", next=("Sign out.", "Then run:", Run("check"))
    )
    text = Page(outcome(error)).text
    for said in "It failed.", "The cause.", "Sign out.":
        assert said in text
    assert "Then run:" not in text
