"""The job's summary: what a person finds on the run's page, and what nobody can put there.

Rendered by GitHub's own parser; what its sanitizer would take out besides is not relied on.
"""

from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provisioner import summary
from provisioner.errors import (
    ActionRequiredError,
    InputError,
    ProvisionerError,
    plain,
)
from provisioner.report import Exit, Item, Open, Report, Run, Set, Step
from tests.action.page import TO_GITHUB, Page

HOST = "mastodon.social"
ACCOUNT = f"mybot@{HOST}"
LINK = f"https://{HOST}/oauth/authorize?client_id=x&scope=read"
PAGE = "https://github.com/octocat/mybot/actions/workflows/credentials.yml"
BUTTON = {"Run workflow": PAGE}


def of_error(error: ProvisionerError, *warned: Item, is_rerun: bool = False) -> Page:
    """The page of an error."""
    return Page(summary.of_error(error, PAGE, warned, is_rerun=is_rerun))


def of_report(report: Report, *warned: Item) -> Page:
    """The page of a report."""
    return Page(summary.of_report(report, PAGE, warned))


def of_step(step: Step) -> Page:
    """The page of an error with this one step."""
    return of_error(InputError("its-code", "It happened.", next=(step,)))


APPROVAL = Report(
    "approval-pending",
    f"Open this link, sign in as {ACCOUNT}, and press Authorize",
    link=LINK,
    next=(Run("complete", code=True),),
    table={"Token of": ACCOUNT, "Asks for": "profile write:statuses", "Stored in": "a\nb"},
)


class TestReport:
    """How a run ended well."""

    def test_one_link_stands_out(self) -> None:
        headings = [link for link in of_report(APPROVAL).all("a") if "h3" in link.inside]
        assert [link.attributes["href"] for link in headings] == [LINK]

    def test_only_the_link_and_the_button_lead_anywhere(self) -> None:
        assert {*of_report(APPROVAL).links.values()} == {LINK, PAGE}

    def test_link_is_not_repeated_as_a_step(self) -> None:
        report = Report("x", "Do this", link=LINK, next=(Open(LINK), Run("complete")))
        assert [*of_report(report).links.values()].count(LINK) == 1

    def test_headline_is_the_heading(self) -> None:
        [heading] = of_report(APPROVAL).words("h2")
        assert ACCOUNT in heading
        assert "✅" not in heading

    def test_success_is_marked(self) -> None:
        assert of_report(Report("healthy", "All is well.")).words("h2") == ["✅ All is well"]

    def test_red_run_is_marked(self) -> None:
        report = Report("attention", "The token is dead.", Exit.ACTION_REQUIRED)
        assert of_report(report).words("h2")[0].startswith("⚠️")

    def test_facts_are_a_table(self) -> None:
        assert of_report(APPROVAL).table == {**APPROVAL.table}

    def test_step_of_an_item_stands_under_it(self) -> None:
        item = Item("bad", "The token lacks a scope.", (Run("begin", rotate=True),))
        [found] = of_report(Report("attention", "x", items=(item,))).words("li")
        assert found.startswith("❌ The token lacks a scope.\nNext: ")

    def test_snippet_is_yaml(self) -> None:
        [block] = of_report(Report("provisioned", "x", snippet="env:\n  A: b")).all("pre")
        assert block.attributes == {"lang": "yaml"}
        assert block.words == "env:\n  A: b\n"

    def test_warning_stands_there_once(self) -> None:
        item = Item("soon", "A secret is overwritten.")
        assert of_report(Report("x", "y", items=(item,)), item).text.count(item.text) == 1
        assert of_report(Report("x", "y"), item).text.count(item.text) == 1


class TestSteps:
    """What to do next, on a page with a button."""

    @pytest.mark.parametrize(
        ("step", "words"),
        [
            (Run("complete", code=True), "the code in the field code"),
            (Run("complete"), "both fields left empty"),
            (Run("begin", rotate=True), "rotate ticked"),
            (Run("begin"), "both fields left empty"),
            (Run("check"), "both fields left empty"),
            (Run("again"), "Run workflow again"),
            (Run("again", when="in 10 minutes"), "In 10 minutes, press Run workflow"),
            (Run("abandon"), "Set command: abandon under with: and press Run workflow"),
            (Run("begin", options=(Set("scopes", "a b"),)), "Set scopes: a b under with: and"),
        ],
        ids=str,
    )
    def test_command_is_what_is_pressed(self, step: Run, words: str) -> None:
        page = of_step(step)
        assert words in page.text
        assert page.links == BUTTON

    @pytest.mark.parametrize("command", ["login", "post", "register"])
    def test_other_commands_run_elsewhere(self, command: str) -> None:
        page = of_step(Run(command))  # type: ignore[arg-type]
        assert f"provisioner {command}" in page.words("code")

    def test_input_stands_under_with(self) -> None:
        page = of_step(Set("app-name", "My bot"))
        assert "app-name: My bot" in page.words("code")
        assert "--" not in page.text

    def test_page_is_a_link_with_whom_to_sign_in_as(self) -> None:
        page = of_step(Open(LINK, ACCOUNT, "press Authorize"))
        assert page.links == {f"{HOST}/oauth/authorize": LINK, **BUTTON}
        assert ACCOUNT in page.words("code")
        assert "and press Authorize." in page.text

    def test_sentence_with_a_colon_leads_to_the_next_step(self) -> None:
        page = of_error(InputError("x", "What.", next=("For a new token:", Run("begin"))))
        assert page.words("li")[0].startswith("For a new token: press Run workflow")

    def test_sentence_stays(self) -> None:
        assert "Delete the secret A_B." in of_step("Delete the secret A_B.").text

    def test_steps_are_numbered(self) -> None:
        page = of_error(InputError("x", "What.", next=("First.", "Second.")))
        assert page.words("li")[:2] == ["First.", "Second."]

    def test_log_has_the_same_words_without_markdown(self) -> None:
        steps = (Open(LINK, ACCOUNT, "press Authorize"), Run("abandon"), Set("a", "b"), "Do this.")
        texts = summary.sentences(steps)
        assert len(texts) == 4
        assert LINK in texts[0]
        assert not set("`*[]<>") & set("".join(texts))


ERROR = ActionRequiredError("its-code", "Something happened.", why="It had a cause.", link=LINK)


class TestError:
    """An error."""

    @pytest.mark.parametrize("part", ["its-code", ERROR.what, ERROR.why, "exit code 4"])
    def test_parts_stand_there(self, part: str) -> None:
        assert part in of_error(ERROR).text

    def test_link_stands_out(self) -> None:
        [link] = [link for link in of_error(ERROR).all("a") if "h3" in link.inside]
        assert HOST in link.words
        assert link.attributes["href"] == LINK

    def test_link_that_is_a_step_is_shown_once(self) -> None:
        page = of_error(ProvisionerError("x", "What.", next=(Open(LINK),), link=LINK))
        assert [link.attributes["href"] for link in page.all("a")].count(LINK) == 1

    @pytest.mark.parametrize("code", [code for code in Exit if code is not Exit.DONE])
    def test_every_exit_code_has_a_heading(self, code: Exit) -> None:
        error = ProvisionerError("its-code", "Something happened.")
        error.exit_code = code
        assert of_error(error).words("h2")[0].startswith("❌ ")

    @pytest.mark.parametrize("steps", [(), ("Check the address.",), (Set("scopes", "full"),)])
    def test_button_is_there_whatever_is_to_be_mended(self, steps: tuple[Step, ...]) -> None:
        assert of_error(InputError("x", "What.", next=steps)).links == BUTTON

    def test_rerun_leads_to_a_new_run(self) -> None:
        page = of_error(InputError("x", "What."), is_rerun=True)
        assert page.links == BUTTON
        assert "Re-run" in page.text

    def test_warnings_of_the_run_stand_there(self) -> None:
        assert "A token was lost." in of_error(ERROR, Item("soon", "A token was lost.")).text


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
hostile = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=8).map("".join)


def said(words: str) -> str:
    """What a server says, as it comes into an error."""
    return f"HTTP 403, “{plain(words)}”"


def assert_like(hostile: Page, harmless: Page) -> None:
    """The same elements and links, and nothing that GitHub would make a mention of."""
    assert hostile.skeleton == harmless.skeleton
    assert hostile.links == harmless.links
    assert TO_GITHUB.findall(hostile.prose) == []


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
    assert_like(page_of_error(words), page_of_error("harmless"))


@given(hostile)
def test_no_words_of_a_server_become_elements_links_or_mentions(words: str) -> None:
    assert_like(page_of_error(words), page_of_error("harmless"))


def skeleton_without_quotes(words: str) -> list[str]:
    """What becomes of words that stand in no quotation marks, as names do."""
    why = f"Of {plain(words)}."
    error = ActionRequiredError("its-code", f"Name: {plain(words)}", why=why, next=(plain(words),))
    return of_error(error).skeleton


@pytest.mark.parametrize("words", [piece for piece in PIECES if "http" not in piece], ids=repr)
def test_unquoted_words_have_no_meaning_in_markdown(words: str) -> None:
    assert skeleton_without_quotes(f"x{words}") == skeleton_without_quotes("harmless")


@pytest.mark.parametrize("words", ["# x", "- x", "+ x", "1. x", "23) x", "= x", "> x", "* x"])
def test_sentence_that_looks_like_a_block_is_none(words: str) -> None:
    assert skeleton_without_quotes(words) == skeleton_without_quotes("harmless")


# A sentence that ends with a colon leads to the step that follows it.
@given(hostile.filter(lambda words: "http" not in words and plain(words)[-1:] not in {"", ":"}))
def test_no_unquoted_words_become_elements(words: str) -> None:
    assert skeleton_without_quotes(words) == skeleton_without_quotes("harmless")


visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)


@given(st.lists(visible, min_size=1, max_size=3))
def test_scopes_of_a_server_stay_in_their_cell(scopes: list[str]) -> None:
    def page(value: str) -> Page:
        return of_report(Report("rotated", "x", table={"Token of": ACCOUNT, "May": value}))

    shown = page(" ".join(scopes))
    assert_like(shown, page("read"))
    assert shown.table["May"] == " ".join(scopes).replace("|", "¦")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40))
@example("&lt;b&gt;")
@example("a&amp;b")
@example("> [x](https://evil.example)")
@example("\\> x")
def test_link_leads_to_itself_to_the_letter(end: str) -> None:
    link = f"https://{HOST}/oauth?a=1&b={end}"
    page = of_error(ProvisionerError("its-code", "Something happened.", link=link))
    [shown] = [link for link in page.all("a") if "h3" in link.inside]
    assert unquote(shown.attributes["href"]) == unquote(link)
