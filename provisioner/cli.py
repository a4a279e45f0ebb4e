"""The command line: parse, call one verb, render; and the exit codes.

What a verb needs is imported when it runs, so that `--help` answers at once.
"""

import os
import sys
import time
from collections.abc import Callable
from io import StringIO, TextIOWrapper
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from provisioner import __version__, defaults, failures, signals, streams
from provisioner.errors import Exit, InputError, ProvisionerError, StoppedError
from provisioner.options import (
    Account,
    AccountToExamine,
    AppName,
    AsJson,
    ClientId,
    ClientSecret,
    Code,
    DryRun,
    GitHubToken,
    Grace,
    Instance,
    Journal,
    JournalKey,
    MaxAge,
    Personality,
    Port,
    Repository,
    Reveal,
    Scopes,
    ScopesByHand,
    ScopesOfToken,
    Secrets,
    SecretsGivenUp,
    SecretsOfApplication,
    Text,
    Variables,
    VariablesGivenUp,
    VariablesOfApplication,
    Verbose,
    Visibility,
)

if TYPE_CHECKING:
    from provisioner.action import Step
    from provisioner.ceremony import Case, Desk
    from provisioner.inputs import Inputs
    from provisioner.outcomes import Outcome
    from provisioner.secret import Secret
    from provisioner.terminal import Terminal

SECRET_OPTIONS = {
    "github_token": "GH_TOKEN",
    "journal_key": "MASTODON_JOURNAL_KEY",
    "client_secret": "MASTODON_CLIENT_SECRET",
}
"""Options whose values everybody on the machine can read in the list of processes."""

EXIT_CODES = """\
Exit codes: 0 done; 1 failed, nothing changed; 2 the input is wrong; 3 stopped half-way, run it
again; 4 a person is needed; 70 a bug; 130 or 143 interrupted, run it again.
"""

app = typer.Typer(
    name="provisioner",
    epilog=EXIT_CODES,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def provisioner(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """From a one-time code to a sealed GitHub Actions secret, for bots on Mastodon.

    Begin registers an application and shows a link; complete exchanges the code that the link
    leads to, checks whose token it is, and writes it, sealed, into the repository's Actions
    secrets. Try `provisioner demo` first: it needs no account.
    """
    if version:
        typer.echo(f"provisioner {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def begin(
    context: typer.Context,
    account: Account,
    repository: Repository = "",
    instance: Instance = "",
    scopes: Scopes = "",
    app_name: AppName = "",
    secrets: Secrets = [defaults.SECRETS],
    variables: Variables = [defaults.VARIABLES],
    journal: Journal = defaults.JOURNAL,
    journal_key: JournalKey = "",
    github_token: GitHubToken = "",
    client_id: ClientId = "",
    client_secret: ClientSecret = "",
    dry_run: DryRun = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Register an application and show the link to approve it.

    Run again while the approval is pending, it shows the same link.

    \b
    Example:
      provisioner begin --account mybot@mastodon.social --repository me/mybot
    """
    from provisioner import ceremony

    _conduct(context, ceremony.begin)


@app.command()
def complete(
    context: typer.Context,
    account: Account,
    code: Code = "",
    repository: Repository = "",
    instance: Instance = "",
    secrets: Secrets = [defaults.SECRETS],
    variables: Variables = [defaults.VARIABLES],
    scopes: ScopesByHand = "",
    grace: Grace = defaults.GRACE,
    journal: Journal = defaults.JOURNAL,
    journal_key: JournalKey = "",
    github_token: GitHubToken = "",
    client_id: ClientId = "",
    client_secret: ClientSecret = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Exchange the code, check whose token it is, and write it sealed.

    With --client-id, --client-secret and --code of your own application, this is all that is
    needed. A run that stopped half-way is finished by running it again, without a code.

    \b
    Example:
      provisioner complete --account mybot@mastodon.social --repository me/mybot
    """
    from provisioner import ceremony
    from provisioner.asking import ask_code

    def ask() -> str:
        return ask_code(code, needed=not dry_run)

    _conduct(context, lambda desk, case: ceremony.complete(desk, case, ask))


@app.command()
def login(
    context: typer.Context,
    account: Account,
    repository: Repository = "",
    instance: Instance = "",
    scopes: Scopes = "",
    app_name: AppName = "",
    secrets: Secrets = [defaults.SECRETS],
    variables: Variables = [defaults.VARIABLES],
    grace: Grace = defaults.GRACE,
    journal: Journal = defaults.JOURNAL,
    journal_key: JournalKey = "",
    github_token: GitHubToken = "",
    client_id: ClientId = "",
    client_secret: ClientSecret = "",
    dry_run: DryRun = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Begin and complete with user name and password, where a server takes them.

    Mastodon does not since 4.4. They are asked for, or two lines of standard input: the user name
    (on Mastodon the e-mail address), then the password.

    \b
    Example:
      provisioner login --account mybot@social.example --repository me/mybot
    """
    from provisioner import ceremony
    from provisioner.asking import ask_login

    def login(desk: "Desk", case: "Case") -> "Outcome":
        user = desk.inputs.account.user
        return ceremony.login(desk, case, lambda server: ask_login(user, server))

    _conduct(context, login)


@app.command()
def register(
    context: typer.Context,
    account: AccountToExamine = "",
    instance: Instance = "",
    repository: Repository = "",
    scopes: Scopes = "",
    app_name: AppName = "",
    secrets: SecretsOfApplication = [],
    variables: VariablesOfApplication = [],
    reveal: Reveal = False,
    github_token: GitHubToken = "",
    as_json: AsJson = False,
) -> None:
    """Register an application alone, and keep its two strings.

    The client secret sealed, in one of the repository's secrets, the client id in a variable; with
    --reveal both are shown instead, and GitHub is not needed. begin, complete and login take them
    as --client-id and --client-secret.

    \b
    Example:
      provisioner register --account mybot@mastodon.social --repository me/mybot
    """
    from provisioner import surroundings
    from provisioner.ceremony import register
    from provisioner.github import GitHub
    from provisioner.http import Http
    from provisioner.inputs import parse_question
    from provisioner.terminal import Terminal

    terminal = Terminal(as_json=as_json)
    _warn_of_listed_secrets(context, terminal)
    if reveal and (secrets or variables):
        raise InputError(
            "bad-strings",
            "An application's strings that are only shown have no names.",
            why="You asked to see them: then no repository keeps them.",
            todo="Leave --secrets and --variables out; or let a repository keep them, as register "
            "does by default.",
        )
    where = parse_question(account, instance, scopes)
    order = register.parse_order(where, app_name, "\n".join(secrets), "\n".join(variables))
    with Http(waiting=terminal.waiting) as http:
        if reveal:
            terminal.require_eyes()
            terminal.revealed(*register.register(http, terminal, order), context.params)
            return
        name = surroundings.repository_to_write(repository)
        token = surroundings.github_token(github_token)
        keeper = GitHub(http, surroundings.api_url(), token).repository(name)
        terminal.registered(register.register_and_keep(http, terminal, order, keeper))


@app.command()
def post(
    context: typer.Context,
    text: Text,
    account: Account,
    repository: Repository = "",
    instance: Instance = "",
    visibility: Visibility = "",
    journal: Journal = defaults.JOURNAL,
    journal_key: JournalKey = "",
    github_token: GitHubToken = "",
    as_json: AsJson = False,
) -> None:
    """Post as the bot, with the token in use.

    The same text again within an hour is not posted twice, so that a post whose answer was lost
    can be made again.

    \b
    Example:
      provisioner post --account bot@b.test --repository me/bot "howdy universe!"
    """
    from provisioner import ceremony

    _conduct(context, lambda desk, case: ceremony.post(desk, case, text, visibility))


@app.command()
def check(
    context: typer.Context,
    account: Account,
    repository: Repository = "",
    instance: Instance = "",
    scopes: ScopesOfToken = "",
    max_age: MaxAge = "",
    journal: Journal = defaults.JOURNAL,
    journal_key: JournalKey = "",
    github_token: GitHubToken = "",
    as_json: AsJson = False,
) -> None:
    """Tell whether the token is alive, and stored; revoke replaced ones.

    Alive, the right account's, with the scopes it needs, its secrets there. A server in trouble is
    not taken for a dead token. Replaced tokens are revoked when their grace is over.

    \b
    Example:
      provisioner check --account mybot@mastodon.social --repository me/mybot
    """
    from provisioner import ceremony

    _conduct(context, ceremony.check)


@app.command()
def abandon(
    context: typer.Context,
    account: Account,
    repository: Repository = "",
    instance: Instance = "",
    secrets: SecretsGivenUp = [defaults.SECRETS],
    variables: VariablesGivenUp = [defaults.VARIABLES],
    journal: Journal = defaults.JOURNAL,
    journal_key: JournalKey = "",
    github_token: GitHubToken = "",
    as_json: AsJson = False,
) -> None:
    """Give up an authorization that can't be finished.

    Its token, if there is one, is revoked; the token in use stays as it is.

    \b
    Example:
      provisioner abandon --account mybot@mastodon.social --repository me/mybot
    """
    from provisioner import ceremony

    _conduct(context, ceremony.abandon)


@app.command()
def deprovision(
    context: typer.Context,
    account: Account,
    repository: Repository = "",
    instance: Instance = "",
    journal: Journal = defaults.JOURNAL,
    journal_key: JournalKey = "",
    github_token: GitHubToken = "",
    as_json: AsJson = False,
) -> None:
    """Revoke every token of the bot, and delete what was written.

    The secrets, the variables, the journal and its key.

    \b
    Example:
      provisioner deprovision --account mybot@mastodon.social --repository me/bot
    """
    from provisioner import ceremony

    _conduct(context, ceremony.deprovision)


@app.command()
def doctor(
    account: AccountToExamine = "",
    instance: Instance = "",
    scopes: Scopes = "",
    as_json: AsJson = False,
) -> None:
    """Tell what an instance can do, and what is chosen for it.

    Asks it for what everybody may see, and changes nothing.

    \b
    Example:
      provisioner doctor --account mybot@mastodon.social
    """
    from provisioner.doctor import diagnose
    from provisioner.http import Http
    from provisioner.inputs import parse_question
    from provisioner.terminal import Terminal

    terminal = Terminal(as_json=as_json)
    with Http(waiting=terminal.waiting) as http:
        terminal.diagnosis(diagnose(http, parse_question(account, instance, scopes)))


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


@app.command()
def sandbox(
    instance_port: Port = 0,
    github_port: Port = 0,
    personality: Personality = "mastodon-4.7",
) -> None:
    """Rehearse in a real browser.

    Serves an embedded instance and an embedded GitHub on this machine until it is stopped with
    Ctrl-C, and prints how to point this tool at them.

    \b
    Example:
      provisioner sandbox
    """
    from provisioner.rehearsal import serve

    serve(instance_port, github_port, personality)


@app.command(hidden=True)
def action() -> None:
    """What action.yml runs: inputs from GitHub's runner, the outcome to its log and summary."""
    from provisioner.demo import play

    step = _step()
    command = step.command()
    if command == "demo":
        step.played(*play(step))
    else:
        _perform(step, *step.inputs(), step.verb(command))


def main() -> NoReturn:
    """The entry point: runs a command and exits with one of the documented codes."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what can't be decoded or shown stops nothing
            stream.reconfigure(errors="replace")
    try:
        signals.heed()
        _end(app(standalone_mode=False) or Exit.DONE)
    except ProvisionerError as error:
        _fail(error)
    except typer.TyperException as error:
        _fail(failures.usage(error))
    except signals.Interruption as interruption:
        _fail(StoppedError(Exit(128 + interruption.number)))
    except typer.Abort:  # the end of the input, where a code was asked for
        _fail(StoppedError(Exit.SIGINT))
    except OSError as error:
        _fail(failures.system(error))
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user
        _fail(failures.bug(error))


def _conduct(context: typer.Context, verb: "Callable[[Desk, Case], Outcome]") -> None:
    """Run one verb with the command's options."""
    from provisioner.surroundings import fill_in
    from provisioner.terminal import Terminal

    options = context.params
    terminal = Terminal(as_json=options["as_json"], verbose=options.get("verbose", False))
    _warn_of_listed_secrets(context, terminal)
    _drop_idle_secret(context, terminal)
    _perform(terminal, *fill_in(options), verb)


def _perform(
    face: "Step | Terminal",
    inputs: "Inputs",
    token: "Secret",
    verb: "Callable[[Desk, Case], Outcome]",
) -> None:
    """Open the journal, run one verb on it, and render what comes of it."""
    from provisioner.ceremony import Desk, open_case
    from provisioner.github import GitHub
    from provisioner.http import Http
    from provisioner.outcomes import Checked
    from provisioner.surroundings import api_url

    with Http(waiting=face.waiting) as http:
        github = GitHub(http, api_url(), token)
        desk = Desk(inputs, http, github, face, time.time, os.urandom)
        outcome = verb(desk, open_case(desk))
    face.outcome(outcome, inputs)
    if isinstance(outcome, Checked) and outcome.needs_person:
        raise typer.Exit(Exit.PERSON)


def _warn_of_listed_secrets(context: typer.Context, terminal: "Terminal") -> None:
    for option, variable in SECRET_OPTIONS.items():
        source = context.get_parameter_source(option) if option in context.params else None
        if source and source.name == "COMMANDLINE":
            terminal.warn(
                f"--{option.replace('_', '-')} can be read in this machine's list of processes; "
                f"${variable} can't"
            )


def _drop_idle_secret(context: typer.Context, terminal: "Terminal") -> None:
    """A client secret that only stands in the environment asks for nothing without a client id.

    It was exported for another command: an application of that time must not stop this one. Of
    complete nothing is said: the authorization that waits may well be that application's.
    """
    options = context.params
    if not options.get("client_secret") or options["client_id"]:
        return
    source = context.get_parameter_source("client_secret")
    if source and source.name == "ENVIRONMENT":
        options["client_secret"] = ""
        if context.info_name != "complete":
            terminal.warn("MASTODON_CLIENT_SECRET is set, and not used: it goes with --client-id")


def _step() -> "Step":
    from provisioner.action import Step
    from provisioner.runner import Runner

    return Step(Runner(os.environ, sys.stdout or StringIO()))


def _fail(error: ProvisionerError) -> NoReturn:
    """Render an error, once, and exit with its code."""
    signals.ignore()  # it is over: what is left is to say so
    from provisioner.terminal import Terminal

    # The command line may not have been understood: it is taken as it stands.
    face = _step() if sys.argv[1:] == ["action"] else Terminal(as_json="--json" in sys.argv)
    face.error(error)
    _end(error.exit_code)


def _end(code: int) -> NoReturn:
    """Exit with this code: no signal that is late, and no stream that is full, makes it another."""
    signals.ignore()
    streams.settle()
    sys.exit(code)
