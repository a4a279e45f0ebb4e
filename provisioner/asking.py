"""What a person is asked for on a terminal, and a script writes to standard input: never an option.

Every user of a machine can read the options of its programs.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from provisioner.inputs import Login, parse_login
from provisioner.signals import Interruption

LONGEST_PASTE = 8192


def ask_code(given: str, *, needed: bool) -> str:
    """The code as it was given, typed without an echo, or read from standard input."""
    if (given and given != "-") or not needed or sys.stdin is None:
        return given
    if sys.stdin.isatty():
        return _hidden("Code, or the address of its page (not shown)")
    return sys.stdin.read(LONGEST_PASTE)


def ask_login(user: str) -> Login:
    """User name and password: typed, the password without an echo, or two lines of standard input.

    `user` is offered for the name. Raises InputError where one of them is missing.
    """
    if sys.stdin is None:
        return parse_login("", "")
    if sys.stdin.isatty():
        with _line_ended(Interruption, typer.Abort):
            typed = str(typer.prompt("E-mail address or user name", user, err=True))
        return parse_login(typed, _hidden("Password (not shown)"))
    return parse_login(sys.stdin.readline(LONGEST_PASTE), sys.stdin.readline(LONGEST_PASTE))


def _hidden(prompt: str) -> str:
    with _line_ended(Interruption):  # typer itself sees to the end of the input, where it is hidden
        return str(typer.prompt(prompt, "", show_default=False, hide_input=True, err=True))


@contextmanager
def _line_ended(*endings: type[BaseException]) -> Iterator[None]:
    """Who ends the run at a prompt leaves the line open: what is said next needs one."""
    try:
        yield
    except endings:
        typer.echo(err=True)
        raise
