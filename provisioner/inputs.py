"""The table of commands and the table of inputs. Each input has one row, under its public name.

The command line is made from both (`cli.py`); `action.yml` and README are checked against them;
`config.py` parses what was given. Imports nothing that takes time, so that `--help` answers at
once.
"""

import msgspec

COMMANDS = {
    "setup": """Get a token with your browser, and store it.

    Run it again to finish what was interrupted. Where a token is in use, it offers to replace it.
    """,
    "rotate": "Replace the token in use by a new one, as setup does it.",
    "init": "Write the workflow files of the bot and of a weekly check.",
    "begin": """Register an application and show the link to approve it.

    While the approval is pending, running it again shows the same link.
    """,
    "complete": """Exchange the code for the token, and store it.

    A run that stopped half-way is finished by running it again, without a code.
    """,
    "login": """Begin and complete with user name and password.

    For servers that support the OAuth password grant; Mastodon does not since 4.4. Both are asked
    for, or are two lines of standard input: the user name (on Mastodon the e-mail address), then
    the password.
    """,
    "register": """Register an application; store its client id and secret.

    The client secret is stored in a secret of the repository, the client id in a variable. With
    --reveal both are only shown, and GitHub is not needed. begin and login take them as --client-id
    and --client-secret.
    """,
    "post": """Post as the bot, with the token in use.

    On Mastodon, Pleroma and Akkoma the same text is not posted twice within an hour.
    """,
    "check": "Check the token and its secrets; revoke old tokens.",
    "abandon": """Give up a pending authorization.

    A token that it got, if any, is revoked. The token in use stays as it is.
    """,
    "deprovision": """Revoke all tokens of the bot, and delete what was stored.

    The secrets, the variables, the journal and its key. It asks for a confirmation first.
    """,
    "doctor": "Show what an instance supports, and what is chosen for it.",
    "demo": "Play the whole story in seconds: no account needed.",
    "sandbox": """Rehearse in a real browser.

    Serves an embedded instance and an embedded GitHub on this machine until it is stopped with
    Ctrl-C, and prints how to point this tool at them.
    """,
}
"""The commands of the command line, with their help; the first line is the summary."""

HERE = ("setup", "rotate")
"""The commands for a person's own machine."""
AUTHORIZING = ("begin", "complete", "login")
WITH_JOURNAL = (*HERE, *AUTHORIZING, "check", "abandon", "deprovision", "post")
OF_A_JOURNAL = ("rotate", "complete", "check", "abandon", "deprovision", "post")
"""The commands for a bot whose journal exists: it names the account, where nobody else does."""
WITH_GITHUB = (*WITH_JOURNAL, "register")
WITH_INSTANCE = (*WITH_GITHUB, "doctor", "init")


class Input(msgspec.Struct, frozen=True):
    """One input, under one name everywhere. The commands that take it have it as an option."""

    name: str
    help: str
    commands: tuple[str, ...]
    metavar: str = ""
    """"" for a flag."""
    default: str = ""
    environment: tuple[str, ...] = ()
    """Variables that give it on the command line; the first that is set counts."""
    otherwise: str = ""
    """Where it comes from if nothing gives it, for the help."""
    secret: bool = False
    """Never to be shown: masked in a workflow, and a warning if it is given as an option."""
    repeatable: bool = False
    argument: bool = False
    """Whether the command line takes it without a name."""


ACTION_INPUTS = (
    Input(
        "account",
        "The bot's account, as on its profile page: mybot@mastodon.social. It also names the "
        "instance.",
        WITH_INSTANCE,
        "USER@DOMAIN",
        environment=("MASTODON_ACCOUNT",),
    ),
    Input(
        "github-token",
        "A fine-grained personal access token, or a GitHub App's token, with read and write access "
        "to Secrets and Variables of the repository. A workflow's own GITHUB_TOKEN can't write "
        "secrets.",
        WITH_GITHUB,
        "TOKEN",
        environment=("GH_TOKEN", "GITHUB_TOKEN"),
        otherwise="gh auth token",
        secret=True,
    ),
    Input(
        "access-token",
        "The token that the bot's secret holds. A check that is given it needs no github-token: it "
        "asks the instance alone.",
        (),
        "TOKEN",
        secret=True,
    ),
    Input(
        "journal-key",
        "The key of the encrypted journal, from the secret MASTODON_JOURNAL_KEY. It is empty "
        "before the first run, which makes the key.",
        WITH_JOURNAL,
        "BASE64",
        environment=("MASTODON_JOURNAL_KEY",),
        secret=True,
    ),
    Input(
        "repository",
        "The repository to write to, as owner/name, if it is not this one.",
        WITH_GITHUB,
        "OWNER/NAME",
        environment=("GITHUB_REPOSITORY",),
        otherwise="the git remote",
    ),
    Input(
        "secrets",
        "The secrets to write, one NAME=field a line; fields: access_token, client_id, "
        "client_secret.",
        (*HERE, *AUTHORIZING, "abandon", "init"),
        "NAME=FIELD",
        "MASTODON_ACCESS_TOKEN=access_token",
        repeatable=True,
    ),
    Input(
        "variables",
        "The variables to write, one NAME=field a line; fields: base_url, account, scopes, "
        "expires_at, client_id.",
        (*HERE, *AUTHORIZING, "abandon", "init"),
        "NAME=FIELD",
        "MASTODON_BASE_URL=base_url",
        repeatable=True,
    ),
    Input(
        "scopes",
        "What the token may do: post (the default), interact (also reads mentions), full, or names "
        "such as read:accounts write:statuses. A check demands them of the token in use.",
        (*HERE, *AUTHORIZING, "check", "register", "doctor", "init"),
        "SCOPES",
    ),
    Input(
        "app-name",
        "The application's name, shown in public under each post; the account's name by default.",
        (*HERE, "begin", "login", "register"),
        "NAME",
    ),
    Input(
        "instance",
        "The instance's origin, if it can't be found by the account's domain.",
        WITH_INSTANCE,
        "ORIGIN",
    ),
    Input(
        "client-id",
        "The client id of your own application, if you have one; needs client-secret.",
        ("begin", "login"),
        "ID",
    ),
    Input(
        "client-secret",
        "The client secret of your own application.",
        ("begin", "login"),
        "SECRET",
        environment=("MASTODON_CLIENT_SECRET",),
        secret=True,
    ),
    Input(
        "grace",
        "How long a replaced token stays alive for runs that still use it: 0, 90m, 24h (the "
        "default), 7d. A check that is given one revokes by it.",
        (*HERE, "complete", "login", "check"),
        "TIME",
    ),
    Input(
        "max-age",
        "The age at which a check demands a new token, such as 90d; any age by default.",
        ("check",),
        "TIME",
    ),
    Input(
        "journal",
        "The variable that keeps the journal, one for each bot. The journal's key is in the secret "
        "of that name with _KEY.",
        (*WITH_JOURNAL, "init"),
        "NAME",
        "MASTODON_JOURNAL",
    ),
)
"""What the action takes under `with:` too, there for all its commands."""

PORT = "0 to 65535; 0 for any free port."

INPUTS = (
    *ACTION_INPUTS,
    Input(
        "bot",
        "The bot's account; asked for if missing.",
        (*HERE, "init"),
        "[ACCOUNT]",
        argument=True,
    ),
    Input(
        "text", "What to post; - reads it from standard input.", ("post",), "TEXT", argument=True
    ),
    Input(
        "secrets",
        "The secret for the client secret.",
        ("register",),
        "NAME=FIELD",
        "MASTODON_CLIENT_SECRET=client_secret",
        repeatable=True,
    ),
    Input(
        "variables",
        "The variable for the client id.",
        ("register",),
        "NAME=FIELD",
        "MASTODON_CLIENT_ID=client_id",
        repeatable=True,
    ),
    Input(
        "code",
        "The one-time code, or the address of the page that shows it.",
        ("complete",),
        "CODE",
        environment=("MASTODON_CODE",),
        otherwise="asked for, or read from standard input",
        secret=True,
    ),
    Input(
        "visibility",
        "Who sees the post: public, unlisted, private or direct; by default what the account is "
        "set to.",
        ("post",),
        "WHO",
    ),
    Input(
        "reveal",
        "Show the client id and secret on the terminal, and store them nowhere.",
        ("register",),
    ),
    Input("dry-run", "Check everything, change nothing.", (*AUTHORIZING, "deprovision")),
    Input("yes", "Don't ask for confirmation.", (*HERE, "init", "deprovision")),
    Input(
        "with-rotation",
        "Write the workflow that also rotates the token, in place of the weekly check.",
        ("init",),
    ),
    Input("no-browser", "Show the link, and let the code be pasted, from any browser.", HERE),
    Input(
        "start-over",
        "Give up a journal that nobody can open any more. Its tokens stay alive.",
        ("setup",),
    ),
    Input(
        "verbose",
        "Explain what was chosen for the instance, and why.",
        (*HERE, "begin", "login"),
    ),
    Input("json", "Print one JSON object on standard output.", WITH_INSTANCE),
    Input("instance-port", PORT, ("sandbox",), "PORT", "0"),
    Input("github-port", PORT, ("sandbox",), "PORT", "0"),
)

INPUTS_OF = {
    command: tuple(one for one in INPUTS if command in one.commands) for command in COMMANDS
} | {"auto": ACTION_INPUTS}
"""The inputs of each command; “auto” stands for whatever the action does."""
