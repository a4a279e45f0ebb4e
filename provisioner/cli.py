"""The command line: parse it, run the command, render what comes of it.

Commands and options are made from the tables in `inputs.py`. Typer only parses: what a command
needs is imported after that, so that `--help` answers at once.
"""

import inspect
import re
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from provisioner import __version__, process
from provisioner.inputs import COMMANDS, HERE, INPUTS_OF, Input
from provisioner.report import Exit, InputError, ProvisionerError, StoppedError

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
    epilog=EXIT_CODES,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    suggest_commands=False,  # deprovision, for provision
    context_settings={"help_option_names": ["-h", "--help"]},
)


Typed = dict[str, str | list[str] | bool]
"""The options that were typed, by the names of the inputs."""
Asked = tuple[str, Typed]
"""A command and its options."""


def _add(command: str, text: str) -> None:
    """Add a command to the command line: it returns what is asked for."""
    inputs = INPUTS_OF[command]
    shown = {one.name: EXAMPLES[one.name] for one in inputs if one.name in EXAMPLES}
    # Where the account needs no name of an option, the checkout tells the rest.
    words = ["provisioner", command, *([shown["bot"]] if "bot" in shown else shown.values())]
    names = {one.name.replace("-", "_"): one.name for one in inputs}

    def ask(**options: str | list[str] | bool) -> Asked:
        return command, {names[key]: value for key, value in options.items()}

    parameters = [_parameter(one) for one in inputs]
    ask.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    example = f"\n\n    \b\n    Example:\n      {' '.join(words)}\n    "
    app.command(command, help=text + example)(ask)


def _parameter(one: Input) -> inspect.Parameter:
    """An input as a parameter that typer reads."""
    # What it is, and where it comes from if it is not given. Each line of it is an option here.
    text = one.help.replace("one NAME=field a line", "NAME=field, repeatable")
    sources = [f"${name}" for name in one.environment] + [one.otherwise or one.default]
    if any(sources):
        text += f" [{', '.join(filter(None, sources))}]"
    default: object = inspect.Parameter.empty
    if one.argument:
        default = "" if one.metavar.startswith("[") else default
        info = typer.Argument(metavar=one.metavar, help=text, show_default=False)
        annotation: object = Annotated[str, info]
    elif one.metavar:
        # Any number of times, so that the second can be refused: typer itself takes the last one.
        info = typer.Option(f"--{one.name}", metavar=one.metavar, help=text, show_default=False)
        annotation, default = Annotated[list[str], info], []
    else:
        annotation, default = Annotated[bool, typer.Option(f"--{one.name}", help=text)], False
    key, kind = one.name.replace("-", "_"), inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(key, kind, default=default, annotation=annotation)


@app.callback(invoke_without_command=True)
def provisioner(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Mastodon access tokens for bots, in GitHub Actions secrets.

    setup opens your browser, checks whose token you approve there, and writes it, encrypted, to the
    repository's Actions secrets. begin and complete do the same in two steps: begin shows a link,
    and complete takes the code that the link leads to. Try `provisioner demo` first: it needs no
    account.
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
        try:
            asked: Asked | None = app(standalone_mode=False)
            return self._run(*asked) if isinstance(asked, tuple) else Exit.DONE
        except typer.TyperException as error:
            raise usage_error(error) from None
        except typer.Abort:  # the end of the input, at a prompt
            raise StoppedError(Exit.SIGINT) from None

    def error(self, error: ProvisionerError) -> None:
        from provisioner.terminal import Terminal

        # The command line may not have been understood: it is taken as it stands.
        terminal = self._terminal or Terminal(as_json="--json" in sys.argv)
        terminal.error(error)

    def _run(self, command: str, values: Typed) -> int:
        from provisioner import environment
        from provisioner.commands.run import Prompts, run
        from provisioner.config import parse
        from provisioner.terminal import Terminal

        if command in {"demo", "sandbox"}:
            return _play(command, values)
        as_json, verbose = (bool(values.get(name)) for name in ("json", "verbose"))
        self._terminal = terminal = Terminal(as_json=as_json, verbose=verbose)
        words = environment.fill_in(command, values, terminal.warn)
        terminal.config = config = parse(command, words, api_url=environment.api_url())
        if command == "init":
            from provisioner.laptop import write_workflows

            terminal.report(write_workflows(config))
            return Exit.DONE
        if config.reveal:
            terminal.require_person()
        if command == "deprovision" and not config.yes and not config.dry_run:
            bot = config.account or "the bot"
            environment.confirm(
                f"This revokes all tokens of {bot}, and deletes its secrets, its variables and its "
                f"journal from {config.repository}. The bot can't post until it is provisioned "
                "again.",
                str(config.account or config.repository),
            )
        here = None
        if command in HERE:  # no other command imports a listener for the browser
            from provisioner.laptop import Laptop

            here = Laptop(terminal, () if values.get("no-browser") else environment.browser())
        prompts = Prompts(environment.ask_code, environment.ask_login, here)
        report = run(config, terminal, prompts, environment.key_folder())
        terminal.report(report)
        is_first = (command, report.status) == ("setup", "provisioned")
        if is_first and not as_json and not values.get("repository"):
            from provisioner.laptop import offer_workflows

            offer_workflows(config, terminal)
        return report.exit_code


def _play(command: str, values: Typed) -> int:
    from provisioner.config import words_of
    from provisioner.demo import play, serve
    from provisioner.parsing import parse_port
    from provisioner.terminal import Terminal

    if command == "demo":
        play(Terminal(progress=sys.stdout))
    else:
        inputs = INPUTS_OF["sandbox"]
        words = {one.name: (one.default,) for one in inputs} | words_of(inputs, values)
        serve(Terminal(), *(parse_port(name, text) for name, (text,) in words.items()))
    return Exit.DONE


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
    if kind != "MissingParameter" and not 0 < len(quoted) < MIN_SECRET:
        what = re.split(r" [('\"]|: ", what)[0]
    called = context.command_path if context else "provisioner"
    return InputError("usage", f"{what.rstrip('.')}.", next=(f"See `{called} --help`.",))


def main() -> NoReturn:
    """Run a command, and exit with one of the documented codes."""
    line = CommandLine()
    process.finish(line.run, line.error)
