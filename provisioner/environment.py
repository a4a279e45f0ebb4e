"""The environment of a run on the command line: variables, `gh`, the git remote, and prompts.

With `action.py` the only reader of `os.environ`. What a person is asked for is never an option:
every user of a machine can read the options of its programs.
"""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from provisioner.config import Values, Words, words_of
from provisioner.errors import InputError
from provisioner.inputs import HERE, INPUTS_OF, Input
from provisioner.mastodon.instance import Instance
from provisioner.parsing import Login, parse_api_url, parse_login, repository_in
from provisioner.process import Interruption
from provisioner.report import Item, Run, Set
from provisioner.urls import github_host, host_of, is_github_enterprise, is_loopback, origin_of

BROWSERS = ("wslview", "xdg-open", "x-www-browser", "firefox", "chromium", "google-chrome")
TEXT_BROWSERS = frozenset({"browsh", "elinks", "links", "links2", "lynx", "w3m", "www-browser"})
SUBPROCESS_TIMEOUT = 10
MAX_PASTE = 8192
MAX_TEXT = 256 * 1024
"""Bytes of a post; most servers take 5,000 characters at the most."""
BOM = "\ufeff"
"""How some editors begin a file: U+FEFF, which no user name and no code begins with."""


def api_url() -> str:
    """`GITHUB_API_URL`, which runners set; else that of the host that `GH_HOST` names to gh.

    "" for github.com. https://cli.github.com/manual/gh_help_environment
    """
    host = os.environ.get("GH_HOST", "").strip()
    if (url := os.environ.get("GITHUB_API_URL", "").strip()) or host in {"", "github.com"}:
        return url
    return f"https://api.{host}" if host.endswith(".ghe.com") else f"https://{host}/api/v3"


def variables_of(one: Input) -> tuple[str, ...]:
    """The variables that give an input. gh keeps the tokens for an Enterprise Server apart."""
    if one.name == "github-token" and is_github_enterprise(parse_api_url(api_url())):
        return ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
    return one.environment


def fill_in(command: str, given: Values, warn: Callable[[Item], None]) -> Words:
    """What options give, and besides them variables, `gh` and the checkout. Raises InputError."""
    words = words_of(INPUTS_OF[command], given)
    if bot := words.pop("bot", ()):
        words["account"] = (*words.get("account", ()), *bot)  # two are refused
    for one in INPUTS_OF[command]:
        names = variables_of(one)
        text = next((os.environ[name] for name in names if os.environ.get(name, "").strip()), "")
        if one.name in words:
            if one.secret and one.name != "code":  # which is good once, and no use without the key
                seen = f"--{one.name} is visible in this machine's list of processes"
                warn(Item("soon", f"{seen}; ${names[0]} is not."))
        elif text and one.name == "client-secret" and "client-id" not in words:
            # It was exported for another command. What is completed may be that one's.
            if command != "complete":
                warn(Item("unclear", f"{names[0]} is set, but not used: it needs --client-id."))
        elif text:
            words[one.name] = (text,)
    if "text" in words:
        words["text"] = (_read_text(words["text"][0]),)
    if any(one.name == "repository" for one in INPUTS_OF[command]) and "reveal" not in words:
        words |= _of_git_and_gh(command, words)
    return words


def _of_git_and_gh(command: str, given: Words) -> Words:
    """The repository of the checkout, and the token that gh has for its host."""
    url, found = parse_api_url(api_url()), dict[str, str]()
    if "repository" not in given and command not in HERE:  # there a person may choose
        remote = output_of("git", "remote", "get-url", "origin")
        found["repository"] = repository_in(remote, url)
    # What stands in for GitHub on this machine gets no token of gh.
    if "github-token" not in given and not is_loopback(host_of(origin_of(url))):
        host = github_host(url)
        found["github-token"] = output_of("gh", "auth", "token", "--hostname", host)
    return {name: (word,) for name, word in found.items() if word}


def checkout() -> Path | None:
    """The top folder of the git checkout that this runs in, if it is one."""
    top = output_of("git", "rev-parse", "--show-toplevel")
    return Path(top) if top else None


def lacks_workflow_scope() -> bool:
    """Whether GitHub refuses workflow files from the token of gh, which git pushes with.

    With ssh nothing of the kind is needed. The scope:
    https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
    """
    status = output_of("gh", "auth", "status", "--hostname", github_host(parse_api_url(api_url())))
    over_https = output_of("git", "remote", "get-url", "--push", "origin").startswith("https:")
    return over_https and "Token scopes:" in status and "'workflow'" not in status


def wants_colour() -> bool:
    """Whether the person did not ask for none (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def key_folder() -> Path | None:
    """Where this machine keeps the journals' keys; None in a workflow, whose secret keeps them.

    https://specifications.freedesktop.org/basedir-spec/: a relative path is to be ignored.
    """
    if os.environ.get("GITHUB_ACTIONS"):
        return None
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    base = given if given.is_absolute() else Path(os.environ.get("HOME", "/")) / ".local/state"
    return base / "mastodon-provisioner"


def browser() -> list[str]:
    """The command that opens a page in a browser with a window; empty where there is none.

    `webbrowser` of the standard library takes browsers of the terminal too, gives them the
    terminal, and waits for them.
    """
    for given in os.environ.get("BROWSER", "").split(os.pathsep):
        words = [word for word in given.split() if word not in {"%s", "&"}]
        if words and Path(words[0]).name not in TEXT_BROWSERS and shutil.which(words[0]):
            return words
    if sys.platform == "darwin":
        return ["open"]
    has_windows = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return [name for name in BROWSERS if has_windows and shutil.which(name)][:1]


def program() -> list[str]:
    """This program as it was called: the first words of a command that it prints."""
    called, *module = sys.argv[:1]
    if Path(called).name == "__main__.py":
        called, *module = sys.orig_argv[0], "-m", "provisioner"
    name = Path(called).name
    # Where PATH leads to it, nobody typed the whole path.
    return [name if shutil.which(name) == called else called, *module]


def output_of(program: str, *arguments: str) -> str:
    """What a program prints, "" where it is missing, fails or takes too long."""
    try:
        run = subprocess.run(  # noqa: S603
            [program, *arguments],
            stdin=subprocess.DEVNULL,  # ours may hold the code
            capture_output=True,
            timeout=SUBPROCESS_TIMEOUT,
            check=True,
        )
        return run.stdout.decode().strip()
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""


def _read_text(given: str) -> str:
    """The text of a post as it was given, or of standard input for `-`. Raises InputError."""
    if given != "-":
        return given
    if sys.stdin is None:
        return ""
    read = sys.stdin.buffer.read(MAX_TEXT + 1)
    if len(read) > MAX_TEXT:
        what = f"The text is longer than {MAX_TEXT // 1024} KB. Nothing was posted."
        steps = ("Check what standard input is connected to.",)
        raise InputError("post-too-long", what, next=steps)
    # Bytes that are not UTF-8 become what they are in an argument: surrogates, which post refuses.
    return read.decode(errors="surrogateescape").removeprefix(BOM).rstrip("\r\n")


def ask_code() -> str:
    """The one-time code: typed without an echo, or read from standard input."""
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        return hidden("Code, or the address of its page (not shown)")
    return sys.stdin.read(MAX_PASTE).removeprefix(BOM)


def ask_login(user: str, instance: Instance) -> Login:
    """User name and password: typed, the password without an echo, or two lines of standard input.

    `user` is offered for the name, where the instance takes it for one. Raises InputError.
    """
    if sys.stdin is None:
        return parse_login("", "")
    if sys.stdin.isatty():
        with line_ended(Interruption, typer.Abort):
            if instance.profile.user_name_is_email:
                typed = typer.prompt("E-mail address", err=True)
            else:
                typed = typer.prompt("E-mail address or user name", user, err=True)
        return parse_login(typed, hidden("Password (not shown)"))
    name, password = (sys.stdin.readline(MAX_PASTE) for _ in ("name", "password"))
    return parse_login(name.removeprefix(BOM), password)


def confirm(what: str, word: str) -> None:
    """Have a person confirm by typing a word what can't be undone. Raises InputError if not."""
    _require_attended(what)
    with line_ended(Interruption, typer.Abort):
        typer.echo(textwrap.fill(what, shutil.get_terminal_size().columns), err=True)
        typed = str(typer.prompt(f"Type {word} to confirm", "", show_default=False, err=True))
    if typed.strip() != word:
        raise InputError(
            "not-confirmed", f"That is not {word}. Nothing was changed.", next=(Run("again"),)
        )


def agree(question: str) -> bool:
    """Ask a question that is answered with yes or no; no is the default. Raises InputError."""
    _require_attended(question)
    with line_ended(Interruption, typer.Abort):
        return bool(typer.confirm(question, default=False, err=True))


def ask(what: str, default: str = "") -> str:
    """Ask a person for something that is no secret."""
    with line_ended(Interruption, typer.Abort):
        return str(typer.prompt(what, default, show_default=bool(default), err=True))


def is_attended() -> bool:
    """Whether somebody is at the terminal, who can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def _require_attended(question: str) -> None:
    if not is_attended():
        raise InputError(
            "not-confirmed",
            "This needs a confirmation, and standard input is not a terminal.",
            why=question,
            next=("To do it without being asked:", Set("yes")),
        )


def hidden(prompt: str) -> str:
    """What is typed without an echo. Raises InputError where it is no text."""
    try:
        # typer itself ends the line at the end of the input, where the typing is hidden
        with line_ended(Interruption, UnicodeDecodeError):
            return str(typer.prompt(prompt, "", show_default=False, hide_input=True, err=True))
    except UnicodeDecodeError as error:
        raise InputError(
            "not-text",
            f"What was typed is not {error.encoding.upper()}.",
            why="The terminal sends another encoding than the locale names.",
            next=("Set the terminal to that encoding, or LC_ALL to the terminal's.", Run("again")),
        ) from None


@contextmanager
def line_ended(*endings: type[BaseException]) -> Iterator[None]:
    """End the prompt's line where a person ends the run there: the next text needs its own."""
    try:
        yield
    except endings:
        typer.echo(err=True)
        raise
