"""The command line in a terminal: what is typed at its prompts."""

import re

import pytest

from tests.program.program import PROGRAM, launch_in_terminal
from tests.program.site import TYPED, Shell
from tests.support.site import PASSWORD

CODE = "(not shown): "
"""How the prompt for the code ends."""
LED = ("sh", "-c", 'exec "$@" <"$(tty)"', "sh", *PROGRAM)
"""What leads a session and opens a terminal has its Ctrl-C sent to it, and reads it unseen."""


# The code.


def complete(site: Shell, typed: str | bytes, program: tuple[str, ...] = PROGRAM) -> str:
    site.begin()
    return launch_in_terminal(
        "complete", *site.whose, env=site.env, answers=((CODE, typed),), program=program
    )


def test_code_is_not_echoed(site: Shell) -> None:
    shown = complete(site, TYPED)
    assert "code-refused, exit code 4" in shown
    assert TYPED not in shown


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_end_at_a_prompt_leaves_its_line(site: Shell, key: str) -> None:
    """Ctrl-C and the end of the input: what is said next has a line of its own."""
    shown = complete(site, key, LED)
    assert re.search(r"\(not shown\): (\^[CD])?\r\n", shown)
    assert "(interrupted, exit code 130)" in shown


def test_terminal_that_sends_no_utf8_is_told_of_on_a_line_of_its_own(site: Shell) -> None:
    shown = complete(site, b"\xff", LED)
    assert re.search(r"\(not shown\): \r\n", shown)
    assert "(not-text, exit code 2)" in shown


# User name and password.


@pytest.mark.parametrize(
    ("personality", "name_prompt", "name"),
    [
        ("mastodon-4.2", "E-mail address: ", "mybot@example.org"),
        ("pleroma", "[mybot]: ", ""),  # it takes the account's own name, which Return alone gives
    ],
)
def test_user_name_is_asked_for_and_password_not_echoed(
    site: Shell, name_prompt: str, name: str
) -> None:
    shown = launch_in_terminal(
        "login", *site.whose, env=site.env, answers=((name_prompt, name), (CODE, PASSWORD))
    )
    site.shown += shown
    assert site.live_tokens == [site.stored()]
