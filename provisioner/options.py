"""The command line's options, shared by the commands; their names are those of the inputs."""

from enum import StrEnum
from typing import Annotated

import typer

from provisioner.errors import InputError

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
SecretsOfApplication = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=FIELD", help="Where to keep client_id and client_secret. Repeatable."
    ),
]
VariablesOfApplication = Annotated[
    list[str],
    typer.Option(metavar="NAME=FIELD", help="Where to keep client_id, if not as a secret."),
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
        raise InputError(
            "usage",
            "The sandbox knows no server of that name.",
            todo=f"Name one of {', '.join(SERVERS)}.",
        )
    return name


Personality = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="SERVER",
        callback=_server,
        help=f"The server that the instance behaves as: {', '.join(SERVERS)}.",
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")]
ClientId = Annotated[
    str, typer.Option(metavar="ID", help="An application made by hand; needs --client-secret.")
]
ClientSecret = Annotated[
    str,
    typer.Option(
        metavar="SECRET", envvar="MASTODON_CLIENT_SECRET", help="Of the application made by hand."
    ),
]
Text = Annotated[str, typer.Argument(help="What to post.", show_default=False)]


class Audience(StrEnum):
    """Who sees a post: https://docs.joinmastodon.org/entities/Status/#visibility."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"
    DIRECT = "direct"


Visibility = Annotated[
    Audience | None,
    typer.Option(help="Who sees it. Default: what the account is set to.", show_default=False),
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
