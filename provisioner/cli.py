"""The command line: parse it, run the command, render what comes of it.

Commands and options are made from the tables in `inputs.py`. Typer only parses: what a command
needs is imported after that, so that `--help` answers at once.
"""

import inspect
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple, NoReturn, cast

import typer

from provisioner import __version__, process
from provisioner.errors import InputError, ProvisionerError, StoppedError
from provisioner.inputs import COMMANDS, HERE, INPUTS_OF, Input
from provisioner.report import Exit, Item

if TYPE_CHECKING:
    from provisioner.terminal import Terminal

EXIT_CODES = """\
Exit codes: 0 done; 1 failed, nothing was changed; 2 the input is wrong; 3 incomplete, run it again;
4 action required; 70 a bug; 130 or 143 interrupted, run it again.
"""
EXAMPLES = {
    "bot": "bot@mastodon.social",
    "account": "--account bot@mastodon.social",
    "repository": "--repository me/bot",
    "text": '"howdy!"',
}
MIN_SECRET = 16
"""Characters: a shorter word is no token, code or key that was put in the wrong place."""

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


def _add(command: str, text: str) -> None:
    """Add a command to the command line: it returns what is asked for."""
    inputs = INPUTS_OF[command]
    shown = [EXAMPLES[one.name] for one in inputs if one.name in EXAMPLES]
    words = ["provisioner", command, *(shown if command not in HERE else [EXAMPLES["bot"]])]

    def ask(**options: str | list[str] | bool) -> Asked:
        return Asked(command, {one.name: options[_key(one)] for one in inputs})

    ask.__signature__ = inspect.Signature([_parameter(one) for one in inputs])  # type: ignore[attr-defined]
    example = f"\n    \b\n    Example:\n      {' '.join(words)}\n    "
    app.command(command, help=text + example)(ask)


def _parameter(one: Input) -> inspect.Parameter:
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
        kind, default = str, "" if one.metavar.startswith("[") else inspect.Parameter.empty
        info = typer.Argument(metavar=one.metavar, help=one.help, show_default=False)
    annotation: object = Annotated[kind, info]
    return inspect.Parameter(
        _key(one), inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _key(one: Input) -> str:
    return one.name.replace("-", "_")


def _help(one: Input) -> str:
    """What it is, and where it comes from if it is not given."""
    sources = [f"${name}" for name in one.environment] + [one.otherwise or one.default]
    default = ", ".join(filter(None, sources))
    # On the command line each line is an option of its own.
    text = one.help.replace("one NAME=field a line", "NAME=field, repeatable")
    return f"{text} [{default}]" if default else text


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
            raise usage_error(error) from None
        except typer.Abort:  # the end of the input, at a prompt
            raise StoppedError(Exit.SIGINT) from None

    def error(self, error: ProvisionerError) -> None:
        """Say what went wrong."""
        from provisioner.terminal import Terminal

        # The command line may not have been understood: it is taken as it stands.
        terminal = self._terminal or Terminal(as_json="--json" in sys.argv)
        terminal.error(error)

    def _run(self, asked: Asked) -> int:
        """Options, and what surrounds them, into a config; a config into a report."""
        from provisioner import environment
        from provisioner.commands.run import Prompts, run
        from provisioner.config import parse
        from provisioner.laptop import Laptop, ask_missing, write_workflows
        from provisioner.terminal import Terminal

        command, values = asked
        if command in {"demo", "sandbox"}:
            return _play(asked)
        self._terminal = terminal = Terminal(
            as_json=bool(values.get("json")), verbose=bool(values.get("verbose"))
        )
        _warn(asked, terminal)
        if bot := values.get("bot"):  # named twice, it is refused
            values["account"] = [*cast("list[str]", values["account"]), str(bot)]
        given = environment.fill_in(command, values)
        if command in HERE:
            given = ask_missing(given)
        config = parse(command, given, api_url=environment.api_url())
        terminal.config = config
        if config.reveal:
            terminal.require_person()
        if command == "deprovision" and not config.yes and not config.dry_run:
            environment.confirm(
                f"This revokes all tokens of {config.handle}, and deletes its secrets, its "
                f"variables and its journal from {config.repository}. The bot can't post until it "
                "is provisioned again.",
                str(config.handle),
            )
        if command == "init":
            terminal.report(write_workflows(config))
            return Exit.DONE
        user = config.account.user if config.account else ""
        login = partial(environment.ask_login, user)
        browser = () if values.get("no-browser") else environment.browser()
        laptop = Laptop(terminal, browser) if command in HERE else None
        prompts = Prompts(environment.ask_code, login, laptop)
        report = run(config, terminal, prompts, environment.key_folder())
        terminal.report(report)
        asks = environment.is_attended() and not (terminal.as_json or config.yes)
        is_here = environment.checkout() and not environment.is_given(values.get("repository", ""))
        if (command, report.status) == ("setup", "provisioned") and asks and is_here:
            files = "Write the workflow files of the bot and of a weekly check into this checkout?"
            if environment.agree(files):
                terminal.report(write_workflows(config))
        return report.exit_code


def _play(asked: Asked) -> Exit:
    """The two commands that need no config: they talk to embedded servers alone."""
    from provisioner.demo import play, serve
    from provisioner.terminal import Terminal

    if asked.command == "demo":
        play(Terminal(progress=sys.stdout))
    else:
        from provisioner.config import words_given
        from provisioner.parsing import parse_port

        inputs = INPUTS_OF["sandbox"]
        words = {one.name: (one.default,) for one in inputs} | words_given(inputs, asked.values)
        ports = {name: parse_port(name, texts[0]) for name, texts in words.items()}
        serve(Terminal(), ports["instance-port"], ports["github-port"])
    return Exit.DONE


def _warn(asked: Asked, terminal: "Terminal") -> None:
    """Say which options others can see, and which variable is not used."""
    from provisioner import environment

    command, values = asked
    for one in INPUTS_OF[command]:
        # A code is good once, and only for who has the journal's key.
        if one.secret and one.name != "code" and environment.is_given(values[one.name]):
            text = f"--{one.name} is visible in this machine's list of processes"
            variable = environment.variables_of(one)[0]
            terminal.warn(Item("soon", f"{text}; ${variable} is not."))
    # complete stays silent: the pending authorization may be that application's.
    if environment.ignores_client_secret(command, values) and command != "complete":
        text = "MASTODON_CLIENT_SECRET is set, but not used: it needs --client-id."
        terminal.warn(Item("unclear", text))


def usage_error(error: typer.TyperException) -> InputError:
    """A wrong command line, in click's words, without what may be a code, a token or a password.

    People put those where they don't belong, and click quotes what it was given. Of that only the
    name of an option or a command is left, if it is too short to be a secret.
    """
    what, context = error.format_message(), getattr(error, "ctx", None)
    quoted = getattr(error, "option_name", "")
    if context and context.parent is None and not quoted:
        quoted = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    kind = type(error).__name__
    if kind not in {"MissingParameter", "BadOptionUsage"} and not 0 < len(quoted) < MIN_SECRET:
        what = re.split(r" [('\"]|: ", what)[0]
    called = context.command_path if context else "provisioner"
    return InputError("usage", f"{what.rstrip('.')}.", next=(f"See `{called} --help`.",))


def main() -> NoReturn:
    """Run a command, and exit with one of the documented codes."""
    line = CommandLine()
    process.finish(line.run, line.error)
