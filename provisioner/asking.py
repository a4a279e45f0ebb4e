"""What a person is asked for on a terminal, and a script writes to standard input: never an option.

Every user of a machine can read the options of its programs.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from provisioner.errors import InputError
from provisioner.inputs import Login, parse_login
from provisioner.oauth import Server
from provisioner.signals import Interruption

LONGEST_PASTE = 8192
BOM = "\ufeff"
"""How some editors begin a file: U+FEFF, which no user name and no code begins with."""


def ask_code(given: str, *, needed: bool) -> str:
    """The code as it was given, typed without an echo, or read from standard input."""
    if (given and given != "-") or not needed or sys.stdin is None:
        return given
    if sys.stdin.isatty():
        return _hidden("Code, or the address of its page (not shown)")
    return sys.stdin.read(LONGEST_PASTE).removeprefix(BOM)


def ask_login(user: str, server: Server) -> Login:
    """User name and password: typed, the password without an echo, or two lines of standard input.

    `user` is offered for the name, where the server takes it for one. Raises InputError where one
    of them is missing.
    """
    if sys.stdin is None:
        return parse_login("", "")
    if sys.stdin.isatty():
        with _line_ended(Interruption, typer.Abort):
            if server.habits.logs_in_by_mail:
                typed = str(typer.prompt("E-mail address", err=True))
            else:
                typed = str(typer.prompt("E-mail address or user name", user, err=True))
        return parse_login(typed, _hidden("Password (not shown)"))
    name, password = (sys.stdin.readline(LONGEST_PASTE) for _ in ("name", "password"))
    return parse_login(name.removeprefix(BOM), password)


def _hidden(prompt: str) -> str:
    """What is typed without an echo. Raises InputError where it is no text."""
    try:
        # typer itself sees to the end of the input, where it is hidden
        with _line_ended(Interruption, UnicodeDecodeError):
            return str(typer.prompt(prompt, "", show_default=False, hide_input=True, err=True))
    except UnicodeDecodeError as error:
        raise InputError(
            "not-text",
            f"What was typed is no text in {error.encoding.upper()}.",
            why="The terminal sends its characters in another encoding than the locale names.",
            todo="Set the terminal to that encoding, or LC_ALL to the terminal's, and run this "
            "again.",
        ) from None


@contextmanager
def _line_ended(*endings: type[BaseException]) -> Iterator[None]:
    """Who ends the run at a prompt leaves the line open: what is said next needs one."""
    try:
        yield
    except endings:
        typer.echo(err=True)
        raise
