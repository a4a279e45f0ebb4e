"""`provisioner setup` as a person at a terminal meets it, and as a script does."""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.program.program import PROGRAM, Run, launch, launch_in_terminal
from tests.program.site import PASSWORD, Site

BROWSER = f"""\
import sys
from tests.support.person import Person, PersonStuckError
with Person("mybot", {PASSWORD!r}) as person:
    try:
        person.approve(sys.argv[1])
    except PersonStuckError as landed:  # a page without a code, which is to be kept
        open(sys.argv[0] + ".page", "w").write(str(landed))
"""
Answer = tuple[str, str | Callable[[str], str]]
WAITING = "What you paste is not shown"
SHELL = ("sh", "-c", 'exec <"$(tty)"; trap : INT; "$@"; stty -a; read -r _', "sh", *PROGRAM)
"""Opens the terminal, so that Ctrl-C is a signal, and keeps it until all that is shown was read."""
NO_INPUT = ("sh", "-c", 'exec "$@" <&-', "sh", *PROGRAM)


@pytest.fixture
def keyless(site: Site, tmp_path: Path) -> Site:
    """A site whose machine keeps the journal's key itself."""
    del site.env["MASTODON_JOURNAL_KEY"]
    site.env["XDG_STATE_HOME"] = str(tmp_path)
    return site


@pytest.fixture
def page(site: Site, tmp_path: Path) -> Path:
    """The machine has a browser, in which the bot's owner approves; where it ends up."""
    program = tmp_path / "browser.py"
    program.write_text(BROWSER)
    site.env["BROWSER"] = f"{sys.executable} {program}"
    return program.with_name("browser.py.page")


def in_terminal(site: Site, *answers: Answer, whose: Sequence[str] = ()) -> str:
    """Run setup at a terminal, with these answers."""
    asked = ("setup", *(whose or site.whose))
    ended = (*answers, ("-echoprt", ""))  # of stty
    shown = launch_in_terminal(*asked, env=site.env, answers=ended, program=SHELL)
    site.shown += shown
    return shown


def links(shown: str) -> list[str]:
    return re.findall(r"http://\S+/oauth/authorize\S+", shown)


# A browser brings the code.


def test_browser_is_all_that_a_person_needs(keyless: Site, page: Path) -> None:
    shown = in_terminal(keyless)
    assert keyless.live_tokens == [keyless.stored()]
    assert "provisioner check" not in shown
    assert "has its token in octocat/mybot" in page.read_text()


def test_lines_fit_80_columns(keyless: Site, page: Path) -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m", "", in_terminal(keyless))
    assert page.exists()
    pieces = re.split(r"[\r\n]+", shown)
    assert [
        one for one in pieces if len(one) > 80 and "http" not in one and "-m provisioner" not in one
    ] == []


def test_script_gets_one_object(site: Site, page: Path) -> None:
    done = launch("setup", *site.whose, "--json", env=site.env, program=NO_INPUT)
    assert (done.code, done.outcome["status"]) == (0, "provisioned")
    assert len(links(done.progress)) == 1
    assert page.exists()


def test_browser_that_does_not_start_is_not_the_end(site: Site, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("no program\n")
    broken.chmod(0o700)
    site.env["BROWSER"] = str(broken)
    shown = in_terminal(site, (WAITING, "\x03"))
    assert "(interrupted, exit code 130)" in shown


# A person pastes.


def test_code_is_pasted_while_it_waits_and_is_not_echoed(site: Site) -> None:
    code: list[str] = []

    def approve(shown: str) -> str:
        code.append(site.approve(links(shown)[-1]))
        return code[0]

    shown = in_terminal(site, (WAITING, approve))
    assert site.live_tokens == [site.stored()]
    assert code[0] not in shown


def test_wrong_code_and_empty_line_are_asked_again(site: Site) -> None:
    answers = (
        (WAITING, "x" * 43),
        ("invalid, expired", ""),
        (WAITING, lambda shown: site.approve(links(shown)[-1])),
    )
    in_terminal(site, *answers)
    assert site.live_tokens == [site.stored()]


@pytest.mark.parametrize("browser", ["w3m", "www-browser"])
def test_browser_of_the_terminal_is_not_opened(site: Site, tmp_path: Path, browser: str) -> None:
    program = tmp_path / browser
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o700)
    site.env |= {"BROWSER": str(program), "DISPLAY": ""}
    answers = ((WAITING, lambda shown: site.approve(links(shown)[-1])),)
    in_terminal(site, *answers)
    assert site.live_tokens == [site.stored()]
    assert not (tmp_path / "started").exists()


def test_no_browser_leaves_the_one_that_there_is_alone(site: Site, page: Path) -> None:
    answers = ((WAITING, lambda shown: site.approve(links(shown)[-1])),)
    shown = in_terminal(site, *answers, whose=("--no-browser", *site.whose))
    asked = parse_qs(urlsplit(links(shown)[-1]).query)
    assert asked["redirect_uri"] == ["urn:ietf:wg:oauth:2.0:oob"]
    assert not page.exists()


def test_code_can_come_through_a_pipe(site: Site) -> None:
    """From the program of somebody else, that reads the link and writes the code."""
    link = site.begin()
    done = launch("setup", *site.whose, env=site.env, typed=site.approve(link))
    assert done.code == 0
    assert site.live_tokens == [site.stored()]


# Nobody is there.


@pytest.mark.parametrize("program", [NO_INPUT, PROGRAM], ids=["closed", "at its end"])
def test_without_browser_and_input_it_says_how_to_go_on(
    site: Site, program: tuple[str, ...]
) -> None:
    done: Run = launch("setup", *site.whose, "--json", env=site.env, program=program)
    assert (done.code, done.error) == (4, "approval-timeout")
    assert links(done.outcome["error"]["link"])
    assert "complete" in done.outcome["error"]["todo"]


def test_without_a_terminal_nothing_is_replaced_unasked(site: Site) -> None:
    site.repository.set_secret("MASTODON_ACCESS_TOKEN", "pasted-by-hand")
    done = launch("setup", *site.whose, "--json", env=site.env, program=NO_INPUT)
    assert (done.code, done.error) == (2, "not-confirmed")
    assert not site.has_journal


def test_without_an_account_and_a_terminal_it_is_asked_for_in_words(site: Site) -> None:
    done = launch("setup", "--repository", "me/bot", "--json", env=site.env, program=NO_INPUT)
    assert (done.code, done.error) == (2, "bad-account")


# Questions, and Ctrl-C at each.


def test_account_is_asked_for(site: Site, page: Path) -> None:
    account = site.whose[1]
    whose = ("--repository", site.whose[3])
    answers = (("(user@domain)", account),)
    in_terminal(site, *answers, whose=whose)
    assert site.live_tokens == [site.stored()]
    assert page.exists()


def test_account_needs_no_option(site: Site, page: Path) -> None:
    whose = (site.whose[1], "--repository", site.whose[3])
    done = launch("setup", *whose, env=site.env, program=NO_INPUT)
    assert done.code == 0
    assert page.exists()


def test_account_that_is_given_twice_is_refused(site: Site) -> None:
    done = launch("setup", site.whose[1], *site.whose, "--json", env=site.env)
    assert (done.code, done.error) == (2, "usage")


@pytest.mark.parametrize("prompt", ["(user@domain)", "Replace the secret", WAITING])
def test_interruption_at_each_question_leaves_a_clean_line(site: Site, prompt: str) -> None:
    whose = site.whose[2:] if prompt == "(user@domain)" else site.whose
    if prompt == "Replace the secret":
        site.repository.set_secret("MASTODON_ACCESS_TOKEN", "pasted-by-hand")
    answers = ((prompt, "\x03"),)
    shown = in_terminal(site, *answers, whose=whose)
    assert re.search(r"[\r\n]\S*✗ \S*Interrupted", re.sub(r"\x1b\[[0-9;]*m", "", shown))
    assert "(interrupted, exit code 130)" in shown
    assert "Traceback" not in shown


def test_typing_is_shown_again_after_an_interruption(site: Site) -> None:
    assert " echo " in in_terminal(site, (WAITING, "\x03"))


# The checkout.


def remote(name: str, url: str, resolved: str = "") -> str:
    lines = [f'[remote "{name}"]', f"url = {url}"]
    return "\n".join([*lines, f"gh-resolved = {resolved}", ""] if resolved else [*lines, ""])


BOT, FORK = "https://github.com/octocat/mybot.git", "https://github.com/me/fork"
REMOTES = {
    "origin": (remote("origin", BOT), 0),
    "another name": (remote("mine", "git@github.com:octocat/mybot.git"), 0),
    "gh's base": (remote("origin", FORK) + remote("up", BOT, "base"), 0),
    "gh's other": (remote("origin", FORK, "octocat/mybot"), 0),
    "several": (remote("origin", BOT) + remote("up", FORK), 2),
    "another forge": (remote("origin", "https://codeberg.org/octocat/mybot"), 2),
}


@pytest.mark.parametrize(("config", "code"), REMOTES.values(), ids=REMOTES)
def test_repository_is_the_one_of_the_checkout(
    site: Site, page: Path, tmp_path: Path, config: str, code: int
) -> None:
    (tmp_path / ".git").mkdir()
    for name in "objects", "refs":
        (tmp_path / ".git" / name).mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "config").write_text(f"[core]\nrepositoryformatversion = 0\n{config}")
    site.env["GIT_DIR"] = str(tmp_path / ".git")
    done = launch("setup", site.whose[1], "--json", env=site.env, program=NO_INPUT)
    assert done.code == code
    assert page.exists() == (code == 0)
    if code:
        assert done.error == "bad-repository"
