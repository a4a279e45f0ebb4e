"""`provisioner setup` as a person at a terminal meets it, and as a script does."""

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.program.program import PROGRAM, Run, environment, launch, launch_in_terminal
from tests.program.site import TYPED, Shell

Answer = tuple[str, str | Callable[[str], str]]
WAITING = "What you paste is not shown"
SHELL = ("sh", "-c", 'exec <"$(tty)"; trap : INT; "$@"; stty -a; read -r _', "sh", *PROGRAM)
"""Opens the terminal, so that Ctrl-C is a signal, and keeps it until all that is shown was read."""
NO_INPUT = ("sh", "-c", 'exec "$@" <&-', "sh", *PROGRAM)


@pytest.fixture
def keyless(site: Shell, tmp_path: Path) -> Shell:
    """A site whose machine keeps the journal's key itself."""
    del site.env["MASTODON_JOURNAL_KEY"]
    site.env["XDG_STATE_HOME"] = str(tmp_path)
    return site


def in_terminal(site: Shell, *answers: Answer, whose: Sequence[str] = ()) -> str:
    asked = ("setup", *(whose or site.whose))
    ended = (*answers, ("-echoprt", ""))  # of stty
    shown = launch_in_terminal(*asked, env=site.env, answers=ended, program=SHELL)
    site.shown += shown
    return shown


def links(shown: str) -> list[str]:
    return re.findall(r"http://\S+/oauth/authorize\S+", shown)


# A browser brings the code.


def test_browser_is_all_that_a_person_needs(keyless: Shell, page: Path) -> None:
    shown = in_terminal(keyless)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;]*m", "", shown))
    assert [one for one in lines if len(one) > 80 and not re.search("http|-m prov", one)] == []
    assert keyless.live_tokens == [keyless.stored()]
    assert "provisioner check" not in shown
    assert "has its token in octocat/mybot" in page.read_text()


def test_script_gets_one_object(site: Shell, page: Path) -> None:
    done = launch("setup", *site.whose, "--json", env=site.env, program=NO_INPUT)
    assert (done.code, done.outcome["status"]) == (0, "provisioned")
    assert len(links(done.progress)) == 1
    assert "\n\n\n" not in done.progress  # the line of the wait would leave some
    assert page.exists()


def test_no_browser_leaves_the_one_that_there_is_alone(site: Shell, page: Path) -> None:
    options = ("--no-browser", "--json", *site.whose)
    assert launch("setup", *options, env=site.env, program=NO_INPUT).error == "approval-timeout"
    assert not page.exists()


# A person pastes.


def test_code_is_asked_for_until_it_is_good_and_is_not_echoed(site: Shell) -> None:
    codes: list[str] = []

    def approve(shown: str) -> str:
        codes.append(site.approve(links(shown)[-1]))
        return codes[0]

    shown = in_terminal(site, (WAITING, TYPED * 2), ("invalid, expired", ""), (WAITING, approve))
    assert site.live_tokens == [site.stored()]
    assert codes[0] not in shown
    assert TYPED not in shown


def test_code_can_come_through_a_pipe(site: Shell) -> None:
    """From the program of somebody else, that reads the link and writes the code."""
    link = site.begin()
    done = launch("setup", *site.whose, env=site.env, typed=site.approve(link))
    assert done.code == 0
    assert site.live_tokens == [site.stored()]


# Nobody is there.


@pytest.mark.parametrize("program", [NO_INPUT, PROGRAM], ids=["closed", "at its end"])
def test_without_browser_and_input_it_says_how_to_go_on(
    site: Shell, program: tuple[str, ...]
) -> None:
    done: Run = launch("setup", *site.whose, "--json", env=site.env, program=program)
    assert (done.code, done.error) == (4, "approval-timeout")
    assert links(done.outcome["error"]["link"])
    assert "complete" in done.outcome["error"]["todo"]


# Questions, and Ctrl-C at each.


@pytest.mark.parametrize("prompt", ["(user@domain)", "Replace the secret", WAITING])
def test_interruption_at_each_question_leaves_a_clean_line(
    site: Shell, tmp_path: Path, prompt: str
) -> None:
    """A browser that does not start is not the end."""
    broken = tmp_path / "browser"
    broken.write_text("no program\n")
    broken.chmod(0o700)
    site.env["BROWSER"] = str(broken)
    whose = site.whose[2:] if prompt == "(user@domain)" else site.whose
    if prompt == "Replace the secret":
        site.repository.set_secret("MASTODON_ACCESS_TOKEN", "pasted-by-hand")
    shown = in_terminal(site, (prompt, "\x03"), whose=whose)
    assert " echo " in shown  # what is typed from now on
    assert re.search(r"[\r\n]\S*✗ \S*Interrupted", re.sub(r"\x1b\[[0-9;]*m", "", shown))
    assert "(interrupted, exit code 130)" in shown
    assert "Traceback" not in shown


# The checkout.


def test_repository_is_the_one_of_the_checkout(site: Shell, page: Path, tmp_path: Path) -> None:
    """As the real git tells it; tests/unit/test_environment.py has a stand-in.

    Nobody is there to be offered files for it.
    """
    site.env["GIT_DIR"] = str(tmp_path / ".git")
    git = ("git", "-C", tmp_path)
    for words in (
        ("init", "--quiet"),
        ("remote", "add", "origin", "https://github.com/me/fork"),
        ("remote", "add", "up", "https://github.com/octocat/mybot.git"),
        ("config", "remote.up.gh-resolved", "base"),
    ):
        subprocess.run([*git, *words], check=True, env=environment())
    done = launch("setup", site.whose[1], env=site.env, program=NO_INPUT)
    assert done.code == 0
    assert page.exists()
