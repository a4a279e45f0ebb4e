"""The environment of a run on the command line: variables, `gh`, the git remote, and prompts.

With `action.py` the only reader of `os.environ`. What a person is asked for is never an option:
every user of a machine can read the options of its programs.
"""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import typer

from provisioner.config import Values, Words, words_of
from provisioner.github.errors import form_for_new_tokens
from provisioner.inputs import HERE, INPUTS_OF, Input
from provisioner.mastodon.instance import Instance
from provisioner.parsing import Login, parse_api_url, parse_login, repository_in
from provisioner.process import Interruption
from provisioner.report import InputError, Item, Run, Set
from provisioner.urls import github_host, host_of, is_github_enterprise, is_loopback, origin_of

BROWSERS = ("wslview", "xdg-open", "x-www-browser", "firefox", "chromium", "google-chrome")
TEXT_BROWSERS = frozenset({"elinks", "links", "links2", "lynx", "w3m", "www-browser"})
SUBPROCESS_TIMEOUT = 10
MAX_PASTE = 8192
MAX_TEXT = 256 * 1024
"""Bytes of a post that are read: more than any server takes."""


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
    """What options give; and besides them variables, git, gh and the person. Raises InputError."""
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
            warn(Item("unclear", f"{names[0]} is set, but not used: it needs --client-id."))
        elif text:
            words[one.name] = (text,)
    if words.get("text") == ("-",):
        words["text"] = (_read_text(),)
    return words if "reveal" in words else words | _of_this_machine(command, words)


def _read_text() -> str:
    """The text of a post from standard input. Raises InputError."""
    read = sys.stdin.buffer.read(MAX_TEXT + 1) if sys.stdin else b""
    if len(read) > MAX_TEXT:
        what = f"The text is longer than {MAX_TEXT // 1024} KB. Nothing was posted."
        steps = ("Check what standard input is connected to.",)
        raise InputError("post-too-long", what, next=steps)
    # What is not UTF-8 becomes what it is in an argument: surrogates, which post refuses.
    return read.decode(errors="surrogateescape").rstrip("\r\n")


def _of_this_machine(command: str, given: Words) -> Words:
    """What git and gh tell of what was not given; the person, for the commands that they are for.

    The journal tells `rotate` the account.
    """
    missing = {one.name for one in INPUTS_OF[command]} - given.keys()
    url, found = parse_api_url(api_url()), dict[str, str]()
    if "repository" in missing:
        found["repository"] = _repository_of_checkout(command, url)
    if "account" in missing and command in {"setup", "init"} and is_attended():
        found["account"] = ask("The bot's account, as on its profile page (user@domain)")
    if "github-token" in missing:
        found["github-token"] = _github_token(command, url)
    return {name: (word,) for name, word in found.items() if word}


def _github_token(command: str, url: str) -> str:
    host = github_host(url)
    # What stands in for GitHub on this machine gets no token of gh.
    is_github = not is_loopback(host_of(origin_of(url)))
    if is_github and (token := output_of("gh", "auth", "token", "--hostname", host)):
        return token
    if command not in HERE or not is_attended():
        return ""
    typer.echo(
        "There is no token for GitHub. Sign in with `gh auth login` and run this again; or\n"
        f"make one for this repository alone, and paste it:\n{form_for_new_tokens(host)}",
        err=True,
    )
    return ask("GitHub token (not shown, and not stored)", is_hidden=True)


def _repository_of_checkout(command: str, url: str) -> str:
    """The one that `gh` was told to use, as in a fork; or the only one; or `origin`'s.

    Where that is not clear, setup and rotate ask.
    """
    found = dict[str, str]()
    for line in output_of("git", "remote", "-v").splitlines():
        remote, _, address = line.partition("\t")
        if repository := repository_in(address.rpartition(" (")[0], url):
            found[remote] = repository
    pattern = r"^remote\..*\.gh-resolved$"
    for line in output_of("git", "config", "--get-regexp", pattern).splitlines():
        key, _, chosen = line.partition(" ")
        remote = key.removeprefix("remote.").removesuffix(".gh-resolved")
        return found.get(remote, "") if chosen == "base" else chosen
    names = list(dict.fromkeys(found.values()))
    if len(names) == 1:
        return names[0]
    usual = found.get("origin", "")
    if command not in HERE:
        return usual
    several = f" ({', '.join(names)})" if names else ""
    return ask(f"The bot's repository on GitHub{several}", usual) if is_attended() else ""


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
        words = [word for word in given.split() if word != "%s"]
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


def ask_code() -> str:
    """The one-time code: typed without an echo, or read from standard input."""
    if is_attended():
        return ask("Code, or the address of its page (not shown)", is_hidden=True)
    return sys.stdin.read(MAX_PASTE) if sys.stdin else ""


def ask_login(user: str, instance: Instance) -> Login:
    """User name and password: typed, the password without an echo, or two lines of standard input.

    `user` is offered for the name, where the instance takes it for one. Raises InputError.
    """
    if not is_attended():
        lines = (sys.stdin.readline(MAX_PASTE) if sys.stdin else "" for _ in range(2))
        return parse_login(*lines)
    if instance.profile.user_name_is_email:
        typed = ask("E-mail address")
    else:
        typed = ask("E-mail address or user name", user)
    return parse_login(typed, ask("Password (not shown)", is_hidden=True))


def is_attended() -> bool:
    """Whether somebody is at the terminal, who can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(what: str, word: str) -> None:
    """Have a person confirm by typing a word what can't be undone. Raises InputError if not."""
    _require_attended(what)
    typer.echo(textwrap.fill(what, shutil.get_terminal_size().columns), err=True)
    if ask(f"Type {word} to confirm").strip() != word:
        raise InputError(
            "not-confirmed", f"That is not {word}. Nothing was changed.", next=(Run("again"),)
        )


def agree(question: str) -> bool:
    """Ask a question that is answered with yes or no; no is the default. Raises InputError."""
    _require_attended(question)
    return ask(f"{question} [y/N]").strip().lower() in {"y", "yes"}


def _require_attended(question: str) -> None:
    if not is_attended():
        raise InputError(
            "not-confirmed",
            "This needs a confirmation, and standard input is not a terminal.",
            why=question,
            next=("To do it without being asked:", Set("yes")),
        )


def ask(what: str, default: str = "", *, is_hidden: bool = False) -> str:
    """What a person types. Raises InputError where it is no text."""
    try:
        shows = bool(default)
        return str(typer.prompt(what, default, is_hidden, show_default=shows, err=True))
    except (Interruption, typer.Abort, UnicodeDecodeError) as ending:
        typer.echo(err=True)  # what is said next has a line of its own
        if isinstance(ending, UnicodeDecodeError):
            raise InputError(
                "not-text",
                f"What was typed is not {ending.encoding.upper()}.",
                why="The terminal sends another encoding than the locale names.",
                next=("Set the terminal or LC_ALL to the other's encoding.", Run("again")),
            ) from None
        raise
