"""What ends a run and is no error of ours, as one: a wrong command line, the system, a bug."""

import sys
import traceback
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

import typer

from provisioner import __version__
from provisioner.errors import BugError, InputError, ProvisionerError
from provisioner.options import SHORTEST_SECRET, as_given

ALIKE = 0.75
"""From which likeness on a word is taken for a mistyped other one; 1 is the same."""


def usage(error: typer.TyperException) -> InputError:
    """A wrong command line, without what may be a code or a token: people put them there."""
    parameter, kind = getattr(error, "param", None), type(error).__name__
    option = "/".join(getattr(parameter, "opts", ())) or getattr(error, "option_name", "")
    similar = get_close_matches(option, getattr(error, "possibilities", None) or (), cutoff=ALIKE)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else _called()
    if kind == "NoSuchOption":
        what = f"{as_given(option)} is no option of `{command}`."
    elif kind == "BadOptionUsage":
        what = f"{option} lacks its value, or takes none."
    elif parameter and kind == "MissingParameter":
        what = f"{option if option.startswith('-') else option.upper()} is required."
    elif parameter:
        what = f"The value of {option} is not valid."
    elif context and context.parent is None:
        word = _first_word()
        what = f"{as_given(word)} is no command of `{command}`."
        similar = get_close_matches(word, context.command.commands)
    elif context and (pair := _without_value(context)):
        what = f"{pair[0]} lacks its value: {pair[1]} follows it."
    elif context and (argument := _argument(context)):
        what = f"`{command}` takes one {argument}, and was given more: put it in quotation marks."
    else:
        what = f"`{command}` takes options only, and was given a word besides."
    if similar:
        what += f" Did you mean {' or '.join(similar)}?"
    return InputError("usage", what, todo=f"See `{command} --help`.")


def _without_value(context: typer.Context) -> tuple[str, str] | None:
    """An option, and the next one: the value of the first, where a shell's variable is empty."""
    options = [one for one in context.command.params if one.opts[0].startswith("-")]
    names = {name for one in options for name in one.opts}
    flags = {name for one in options if getattr(one, "is_flag", False) for name in one.opts}
    pairs = pairwise(sys.argv)
    return next((pair for pair in pairs if names.issuperset(pair) and pair[0] not in flags), None)


def _argument(context: typer.Context) -> str:
    """What a command takes that is no option; "" for none."""
    names = (one.opts[0] for one in context.command.params)
    return next((name.upper() for name in names if not name.startswith("-")), "")


def _called() -> str:
    """The command, where the error does not tell it."""
    word = _first_word()
    return f"provisioner {word}" if word and len(word) < SHORTEST_SECRET else "provisioner"


def _first_word() -> str:
    """What stands where the command does."""
    return next((word for word in sys.argv[1:] if not word.startswith("-")), "")


def system(error: OSError) -> ProvisionerError:
    """A full disk and the like: no bug of ours."""
    return ProvisionerError(
        "system",
        f"The operating system refused: {error.strerror}.",
        todo="See to that, then run it again.",
    )


def bug(error: Exception) -> BugError:
    """An error that nobody foresaw: where it happened, without its message, which may tell."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "provisioner" in f.filename] or frames
    places = " > ".join(f"{Path(f.filename).name}:{f.lineno}" for f in ours[-3:])
    return BugError(
        "bug",
        f"This is a bug in provisioner {__version__}: {type(error).__name__} at {places}.",
        todo="Please report this line; then run it again: it goes on from where it stopped.",
    )
