"""The job's summary: what a person finds on the run's page, and what nobody can put there.

Rendered by GitHub's own parser; what its sanitizer would take out besides is not relied on.
"""

from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provisioner import summary
from provisioner.report import (
    ActionRequiredError,
    Exit,
    InputError,
    Item,
    Open,
    ProvisionerError,
    Report,
    Run,
    Set,
    Step,
    plain,
)
from tests.action.page import TO_GITHUB, Page

HOST = "mastodon.social"
ACCOUNT = f"mybot@{HOST}"
LINK = f"https://{HOST}/oauth/authorize?client_id=x&scope=read"
PAGE = "https://github.com/octocat/mybot/actions/workflows/credentials.yml"
UNDER, EMPTY = "under “with:”", "Run workflow with both fields left empty"
BUTTON = f"[**Run workflow**](<{PAGE}>)"


def of_error(error: ProvisionerError, *warned: Item, is_rerun: bool = False) -> Page:
    """The page of an error."""
    return Page(summary.of_error(error, PAGE, warned, is_rerun=is_rerun))


def test_report_is_this_markdown() -> None:
    """The link is no step besides, and a warning that is an item stands there once."""
    item = Item("bad", "It lacks a scope.", (Run("begin", rotate=True),))
    report = Report(
        "approval-pending",
        f"Open this link, and sign in as {ACCOUNT}:",
        link=LINK,
        next=(Open(LINK), Run("complete", code=True)),
        table={"Token of": ACCOUNT, "Stored in": "a|b\nc"},
        snippet="env:\n  A: b",
        items=(item,),
    )
    assert (
        summary.of_report(report, PAGE, [Item("soon", "A secret is overwritten."), item])
        == f"""\
## Open this link, and sign in as `{ACCOUNT}`

### ➜ [**Open {HOST}/oauth/authorize**](<{LINK.replace("&", "&amp;")}>)

- ❌ It lacks a scope.<br>**Next:** Press {BUTTON} with `rotate` ticked.
- ⚠️ A secret is overwritten.

1. Press {BUTTON} with the code in the field `code`.

To paste into the workflow:

```yaml
env:
  A: b
```

| Token of | `{ACCOUNT}` |
| :--- | :--- |
| Stored in | `a¦b`<br>`c` |"""
    )


def test_good_and_red_runs_are_marked() -> None:
    red = Report("attention", "It is dead.", Exit.ACTION_REQUIRED)
    assert summary.of_report(Report("healthy", "All is well."), PAGE) == "## ✅ All is well"
    assert summary.of_report(red, PAGE) == "## ⚠️ It is dead"


def test_error_is_this_markdown() -> None:
    steps = (
        "Have a look.",
        "Give `it` up:",
        Run("abandon"),
        Open("https://a.test/x?y", ACCOUNT, "press Authorize"),
    )
    error = ActionRequiredError("its-code", "It broke.", why="It had a cause.", next=steps)
    assert (
        summary.of_error(error, PAGE, [Item("soon", "A token was lost.")], is_rerun=True)
        == f"""\
## ❌ Action required

⚠️ This was a *Re-run*, which has the inputs and the secrets of the first attempt. Press {BUTTON} \
instead; nothing is broken.

**What happened:** It broke.

**Why:** It had a cause.

**Next:**

1. Have a look.
2. Give `it` up: set `command: abandon` under `with:` and press {BUTTON} with both \
fields left empty.
3. Open [a.test/x](<https://a.test/x?y>), sign in as `{ACCOUNT}`, and press Authorize.

- ⚠️ A token was lost.

<sub>`its-code`, exit code 4</sub>"""
    )


def test_button_is_there_whatever_is_to_be_mended() -> None:
    error = InputError("x", "What.", next=(Open(LINK),))
    shown = Page(summary.of_error(error, PAGE, is_rerun=False))
    assert shown.links == {f"{HOST}/oauth/authorize": LINK, "Run workflow": PAGE}
    assert len(shown.all("a")) == 2


@pytest.mark.parametrize("code", [code for code in Exit if code is not Exit.DONE])
def test_every_exit_code_has_a_heading(code: Exit) -> None:
    error = ProvisionerError("its-code", "Something happened.")
    error.exit_code = code
    assert of_error(error).words("h2")[0].startswith("❌ ")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Run("complete", code=True), "Press Run workflow with the code in the field “code”."),
        (Run("check"), f"Press {EMPTY}."),
        (Run("begin", rotate=True), "Press Run workflow with “rotate” ticked."),
        (Run("again", when="in 10 minutes"), "In 10 minutes, press Run workflow again."),
        (Run("login"), "Run `provisioner login` on your own machine."),
        (Run("register"), "Run `provisioner register` on your own machine."),
        (Run("post"), "Run `provisioner post` on your own machine."),
        (
            Run("deprovision", options=(Set("yes"),)),
            f"Set “yes” {UNDER} and set “command: deprovision” {UNDER} and press {EMPTY}.",
        ),
        (Set("app-name"), f"Set “app-name” {UNDER}."),
        (Open(LINK, ACCOUNT), f"Open {LINK}, sign in as {ACCOUNT}."),
        ("Do this.", "Do this."),
    ],
    ids=str,
)
def test_step_is_worded_for_a_page_with_a_button(step: Step, words: str) -> None:
    assert summary.sentences((step,)) == [words]


# What servers say.

PIECES = (
    *("<img src=https://evil.example/x.png onerror=alert(1)>", "<a href=https://evil.example>"),
    *("</p><h1>", "<!--", "<br>", "[x](https://evil.example)", "[x](javascript:alert(1))"),
    *("![x](https://evil.example/x.png)", "<https://evil.example>", "https://evil.example/x"),
    *("ftp://evil.example", "www.evil.example", "a@evil.example", "mailto:a@evil.example"),
    *("xmpp:a@evil.example/x", "@octocat", "octocat/mybot#1", "#1", "GH-1", "&lt;b&gt;"),
    *("&#60;b>", "~~x~~", "**x**", "__x__", "|", "||", "\\", "`", "``", "```\n", "\n\n"),
    *("\n# x", "\n- x", "\n> x", "\n---\n", "“", "”", '"', "--scopes", "[^1]", "$x$", " "),
    *("[x]: https://evil.example", "\u2028", "\x1b[31m", "\x00"),
)


def said(words: str) -> str:
    """What a server says, as it comes into an error."""
    return f"HTTP 403, “{plain(words)}”"


def page_of_error(words: str) -> Page:
    """An error that quotes a server everywhere."""
    return of_error(
        ActionRequiredError(
            "its-code",
            f"{HOST} did not accept the code: {said(words)}.",
            why=f"Its answer, {said(words)}, has no client id.",
            next=(f"Look at {said(words)}", said(words), Set("scopes", f"a {plain(words)}")),
        ),
        Item("soon", f"It said {said(words)}", (said(words),)),
    )


@pytest.mark.parametrize("words", PIECES, ids=repr)
def test_nothing_that_a_server_says_has_a_meaning_in_markdown(words: str) -> None:
    """The same elements and links, and nothing that GitHub would make a mention of."""
    hostile, harmless = page_of_error(words), page_of_error("harmless")
    assert hostile.skeleton == harmless.skeleton
    assert hostile.links == harmless.links
    assert TO_GITHUB.findall(hostile.prose) == []


def skeleton_without_quotes(words: str) -> list[str]:
    """What becomes of words that stand in no quotation marks, as names do."""
    why = f"Of {plain(words)}."
    error = ActionRequiredError("its-code", f"Name: {plain(words)}", why=why, next=(plain(words),))
    return of_error(error).skeleton


@pytest.mark.parametrize(
    "words",
    [
        *(f"x{piece}" for piece in PIECES if "http" not in piece),
        *("# x", "- x", "+ x", "1. x", "23) x", "= x", "> x", "* x"),
    ],
    ids=repr,
)
def test_unquoted_words_have_no_meaning_and_look_like_no_block(words: str) -> None:
    assert skeleton_without_quotes(words) == skeleton_without_quotes("harmless")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40))
@example("&lt;b&gt;")
@example("a&amp;b")
@example("> [x](https://evil.example)")
@example("\\> x")
def test_link_leads_to_itself_to_the_letter(end: str) -> None:
    link = f"https://{HOST}/oauth?a=1&b={end}"
    page = Page(summary.of_report(Report("approval-pending", "Open this link.", link=link), PAGE))
    [shown] = [link for link in page.all("a") if "h3" in link.inside]
    assert unquote(shown.attributes["href"]) == unquote(link)
