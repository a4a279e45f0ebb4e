"""The command line: parse it, run the command, render what comes of it.

The options of a command are made from the table in `inputs.py`. Typer only parses: what a command
needs is imported after that, so that `--help` answers at once.
"""

import inspect
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, NamedTuple, NoReturn

import typer

from provisioner import __version__, process
from provisioner.errors import ProvisionerError, StoppedError
from provisioner.inputs import COMMANDS, Input, inputs_of
from provisioner.report import Exit, Item

if TYPE_CHECKING:
    from provisioner.config import Config
    from provisioner.terminal import Terminal

MAX_PORT = 65535

EXIT_CODES = """\
Exit codes: 0 done; 1 failed, nothing was changed; 2 the input is wrong; 3 incomplete, run it again;
4 action required; 70 a bug; 130 or 143 interrupted, run it again.
"""

app = typer.Typer(
    name="provisioner",
    epilog=EXIT_CODES,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    suggest_commands=False,  # deprovision, for provision
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Asked(NamedTuple):
    """What the command line asks for: a command, and its options by the names of the inputs."""

    command: str
    values: dict[str, str | list[str] | bool]


def _option(one: Input) -> inspect.Parameter:
    """An input as a parameter that typer reads.

    An option with a value is taken any number of times, so that the second can be refused: typer
    by itself takes the last one.
    """
    kind: object = list[str] if one.metavar else bool
    default: object = [] if one.metavar else False
    info: object = typer.Option(
        f"--{one.name}", metavar=one.metavar or None, help=_help(one), show_default=False
    )
    if one.argument:
        kind, default = str, inspect.Parameter.empty
        info = typer.Argument(metavar=one.metavar, help=one.help)
    annotation: object = Annotated[kind, info]
    return inspect.Parameter(
        one.key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _help(one: Input) -> str:
    """What it is, and where it comes from if it is not given."""
    sources = [f"${name}" for name in one.environment] + [one.otherwise or one.default]
    default = ", ".join(filter(None, sources))
    # On the command line each line is an option of its own.
    text = one.help.replace("one NAME=field a line", "NAME=field, repeatable")
    return f"{text} [{default}]" if default else text


def _add(command: str, text: str) -> None:
    """Add a command to the command line: it returns what is asked for."""
    inputs = inputs_of(command)

    def ask(**options: str | list[str] | bool) -> Asked:
        return Asked(command, {one.name: options[one.key] for one in inputs})

    ask.__signature__ = inspect.Signature([_option(one) for one in inputs])  # type: ignore[attr-defined]
    app.command(command, help=text)(ask)


@app.callback(invoke_without_command=True)
def provisioner(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Mastodon access tokens for bots, in GitHub Actions secrets.

    begin registers an application and shows a link. complete exchanges the code that the link leads
    to, checks whose token it is, and writes it, encrypted, to the repository's Actions secrets. Try
    `provisioner demo` first: it needs no account.
    """
    if version:
        typer.echo(f"provisioner {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _command, _text in COMMANDS.items():
    _add(_command, _text)


@app.command()
def demo() -> None:
    """Play the whole story in seconds: no account needed.

    Against an embedded instance and an embedded GitHub, over real sockets on this machine.

    \b
    Example:
      provisioner demo
    """
    from provisioner.demo import play
    from provisioner.terminal import Terminal

    play(Terminal(progress=sys.stdout))


def _port(number: str | int) -> int:
    text = str(number)
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > MAX_PORT:
        raise typer.BadParameter("not a port")
    return int(text)


Port = Annotated[
    int, typer.Option(metavar="PORT", parser=_port, help="0 to 65535; 0 for any free port.")
]


@app.command()
def sandbox(instance_port: Port = 0, github_port: Port = 0) -> None:
    """Rehearse in a real browser.

    Serves an embedded instance and an embedded GitHub on this machine until it is stopped with
    Ctrl-C, and prints how to point this tool at them.

    \b
    Example:
      provisioner sandbox
    """
    from provisioner.rehearsal import serve

    serve(instance_port, github_port)


class CommandLine:
    """What was typed, and the terminal that is told how it ended."""

    def __init__(self) -> None:
        self._terminal: Terminal | None = None

    def run(self) -> int:
        """Do what was typed; the exit code. Raises ProvisionerError."""
        try:
            asked = app(standalone_mode=False)
            return self._run(asked) if isinstance(asked, Asked) else Exit.DONE
        except typer.TyperException as error:
            raise process.usage_error(error) from None
        except typer.Abort:  # the end of the input, at a prompt
            raise StoppedError(Exit.SIGINT) from None

    def error(self, error: ProvisionerError) -> None:
        """Say what went wrong."""
        # The command line may not have been understood: it is taken as it stands.
        terminal = self._terminal or _terminal({"json": "--json" in sys.argv})
        terminal.error(error)

    def _run(self, asked: Asked) -> int:
        """Options, and what surrounds them, into a config; a config into a report."""
        from provisioner.commands.run import Prompts, run
        from provisioner.environment import ask_code, ask_login

        self._terminal = terminal = _terminal(asked.values)
        config = terminal.config = _config(asked, terminal)
        if config.reveal:
            terminal.require_person()
        if asked.command == "deprovision" and not config.yes and not config.dry_run:
            _confirm(config)
        user = config.account.user if config.account else ""
        prompts = Prompts(ask_code, lambda instance: ask_login(user, instance))
        report = run(config, terminal, prompts)
        terminal.report(report)
        return report.exit_code


def main() -> NoReturn:
    """Run a command, and exit with one of the documented codes."""
    process.finish(CommandLine())


def _terminal(values: Mapping[str, object]) -> "Terminal":
    from provisioner.terminal import Terminal

    return Terminal(as_json=bool(values.get("json")), verbose=bool(values.get("verbose")))


def _config(asked: Asked, terminal: "Terminal") -> "Config":
    from provisioner import config, environment

    command, values = asked
    for one in inputs_of(command):
        # A code is good once, and only for who has the journal's key.
        if one.secret and one.name != "code" and environment.is_given(values[one.name]):
            text = f"--{one.name} is visible in this machine's list of processes"
            terminal.warn(Item("soon", f"{text}; ${one.environment[0]} is not."))
    # complete stays silent: the pending authorization may be that application's.
    if environment.ignores_client_secret(command, values) and command != "complete":
        text = "MASTODON_CLIENT_SECRET is set, but not used: it needs --client-id."
        terminal.warn(Item("unclear", text))
    given = environment.fill_in(command, values)
    return config.parse(command, given, api_url=environment.api_url())


def _confirm(config: "Config") -> None:
    from provisioner.environment import confirm

    account = str(config.handle)
    confirm(
        f"This revokes all tokens of {account}, and deletes its secrets, its variables and its "
        f"journal from {config.repository}. The bot can't post until it is provisioned again.",
        account,
    )
