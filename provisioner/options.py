"""The command line's options, shared by the commands; their names are those of the inputs."""

import re
from typing import Annotated

import typer

from provisioner import defaults
from provisioner.errors import InputError, plain

SHORTEST_SECRET = 16
"""Characters: a wrong word that is shorter is no token, code or key in the wrong place."""


def as_given(word: str) -> str:
    """A wrong word, for the error that refuses it: quoted, unless it might be a secret."""
    return f"“{plain(word)}”" if len(word) < SHORTEST_SECRET else "What was given"


def _refused(given: str, noun: str, choices: str) -> InputError:
    return InputError("usage", f"{as_given(given)} is no {noun}.", todo=f"Give {choices}.")


Account = Annotated[
    str,
    typer.Option(
        metavar="USER@DOMAIN",
        envvar="MASTODON_ACCOUNT",
        help="Whose token: mybot@mastodon.social. Names the instance too.",
    ),
]
AccountToExamine = Annotated[
    str,
    typer.Option(
        metavar="USER@DOMAIN",
        envvar="MASTODON_ACCOUNT",
        help="Whose instance: mybot@mastodon.social. Or name it with --instance.",
    ),
]
Repository = Annotated[
    str,
    typer.Option(
        metavar="OWNER/NAME",
        envvar="GITHUB_REPOSITORY",
        help="Where everything is written. Default: the repository of this checkout.",
    ),
]
Instance = Annotated[
    str, typer.Option(metavar="ORIGIN", help="The instance, where discovery can't find it.")
]
GitHubToken = Annotated[
    str,
    typer.Option(
        metavar="TOKEN",
        envvar=["GH_TOKEN", "GITHUB_TOKEN"],
        show_envvar=True,
        help="Secrets and Variables: read and write. Default: what `gh auth token` says.",
    ),
]
JournalKey = Annotated[
    str,
    typer.Option(
        metavar="BASE64",
        envvar="MASTODON_JOURNAL_KEY",
        help="The journal's key. Empty only before the first run.",
    ),
]
Journal = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="The journal's variable; one for each bot. Its key's secret is NAME_KEY.",
    ),
]
Secrets = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=FIELD",
        help="Secrets to write; fields: access_token, client_id, client_secret. Repeatable.",
    ),
]
SecretsGivenUp = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=FIELD",
        help="As in the complete that was cut, if one was: where it may have put the new token, "
        "the one in use is written again. Repeatable.",
    ),
]
VariablesGivenUp = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=FIELD",
        help="Likewise, as in the complete that was cut. Repeatable.",
    ),
]
SecretsOfApplication = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=FIELD",
        help=f"Where to keep client_secret. Default: {defaults.CLIENT_SECRET}=client_secret.",
    ),
]
VariablesOfApplication = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=FIELD",
        help=f"Where to keep client_id. Default: {defaults.CLIENT_ID}=client_id.",
    ),
]
Reveal = Annotated[
    bool, typer.Option("--reveal", help="Show the two strings on the terminal; keep nothing.")
]
Variables = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=FIELD",
        help="Variables to write; fields: base_url, account, scopes, expires_at, client_id. "
        "Repeatable.",
    ),
]
Scopes = Annotated[
    str,
    typer.Option(metavar="SCOPES", help="Names, or a preset: post (the default), interact, full."),
]
ScopesByHand = Annotated[
    str,
    typer.Option(
        metavar="SCOPES", help="With --client-id alone: what the application was approved for."
    ),
]
ScopesOfToken = Annotated[
    str,
    typer.Option(
        metavar="SCOPES", help="What the token must have. Default: what it was provisioned with."
    ),
]
SERVERS = ("mastodon-4.7", "mastodon-4.2", "gotosocial", "pleroma", "pixelfed", "takahe")
"""What the sandbox can play, named here so that `--help` need not import it."""


def _server(name: str) -> str:
    if name not in SERVERS:
        raise _refused(name, "value of --as", f"one of {', '.join(SERVERS)}")
    return name


LAST_PORT = 65535


def _port(number: str | int) -> int:
    text = str(number)
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > LAST_PORT:
        raise _refused(text, "port", f"a number from 1 to {LAST_PORT}, or 0 for a free port")
    return int(text)


Personality = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="SERVER",
        callback=_server,
        help=f"The server that the instance behaves as: {', '.join(SERVERS)}.",
    ),
]
Port = Annotated[int, typer.Option(metavar="PORT", parser=_port, help="0 to 65535; 0: a free one.")]
ClientId = Annotated[
    str, typer.Option(metavar="ID", help="Your own application; needs --client-secret.")
]
ClientSecret = Annotated[
    str,
    typer.Option(
        metavar="SECRET", envvar="MASTODON_CLIENT_SECRET", help="Of your own application."
    ),
]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="What to post.", show_default=False)]
AUDIENCES = ("public", "unlisted", "private", "direct")
"""Who sees a post: https://docs.joinmastodon.org/entities/Status/#visibility."""


def _audience(name: str) -> str:
    if name and name not in AUDIENCES:
        raise _refused(name, "value of --visibility", f"one of {', '.join(AUDIENCES)}")
    return name


Visibility = Annotated[
    str,
    typer.Option(
        metavar="WHO",
        callback=_audience,
        help=f"Who sees it: {', '.join(AUDIENCES)}. Default: what the account is set to.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Explain what was chosen for the instance, and why.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")]

Code = Annotated[
    str,
    typer.Option(
        metavar="CODE",
        envvar="MASTODON_CODE",
        help="The one-time code, or the address of the page that shows it. Default: asked for, or "
        "read from standard input.",
    ),
]
AppName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Shown in public under each post. Default: the account's name.",
    ),
]
Grace = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="How long a replaced token is left to runs that still use it: 0, 90m, 24h, 7d.",
    ),
]
MaxAge = Annotated[
    str,
    typer.Option(metavar="TIME", help="An age that the token may not exceed: 90d. Default: any."),
]
