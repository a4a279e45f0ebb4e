"""What a run is asked to do: one frozen object, and the parsers of what people type.

Pure: no network, no clock. Every parser raises `InputError` with what to type instead.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from provisioner import defaults
from provisioner.accounts import Handle, parse_account
from provisioner.addresses import host_of, origin_of, shown
from provisioner.destinations import (
    Mapping,
    check_name,
    is_repository,
    parse_secrets,
    parse_variables,
    require_distinct,
)
from provisioner.errors import InputError, PersonNeededError, plain
from provisioner.oauth import Application
from provisioner.secret import Secret, is_visible

PRESETS = {
    "post": ("profile", "write:statuses", "write:media"),
    "interact": (
        "profile",
        "read:notifications",
        "read:statuses",
        "write:statuses",
        "write:media",
    ),
    "full": ("read", "write"),
}
"""Sets of scopes by name: https://docs.joinmastodon.org/api/oauth-scopes/. `capabilities.py` has
the others for instances that don't know these."""
VERIFYING_SCOPES = {"read", "read:accounts", "profile"}
"""Any of these lets `verify_credentials` answer, without which no account can be guarded."""
LONGEST_GRACE = 30 * 86400
SHORTEST_AGE, LONGEST_AGE = 86400, 10 * 365 * 86400
LONGEST_APP_NAME = 60
"""Characters of an application's name on Mastodon."""


@dataclass(frozen=True)
class Login:
    """A user name and a password, as the account's owner typed them."""

    user: Secret
    password: Secret


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Everything that a run is told (README, section Inputs)."""

    account: Handle
    repository: str
    instance: str = ""
    scopes: tuple[str, ...] = ()
    """Empty where none were named: a new token gets the default, a check takes those it has."""
    app_name: str = ""
    secrets: tuple[Mapping, ...] = parse_secrets(defaults.SECRETS)
    variables: tuple[Mapping, ...] = parse_variables(defaults.VARIABLES)
    journal: str = defaults.JOURNAL
    journal_key: Secret = field(default_factory=lambda: Secret(""))
    in_workflow: bool = False
    """Whether a workflow hands these in, with its secrets; else a person at a shell."""
    application: Application | None = None
    """The person's own: made in Preferences > Development, or by `register`."""
    grace: int
    """Seconds that a superseded token lives on."""
    max_age: int | None = None
    """Seconds after which a check demands a new token; None for never."""
    dry_run: bool = False

    @property
    def keeps_key(self) -> bool:
        """Whether the key that was handed in is kept in a secret already, wherever that is."""
        return self.in_workflow and bool(self.journal_key)

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """Everything to be written."""
        return (*self.secrets, *self.variables)

    @property
    def scopes_to_ask(self) -> tuple[str, ...]:
        """The scopes of a new authorization."""
        return self.scopes or PRESETS[defaults.SCOPES]

    @property
    def name_of_app(self) -> str:
        """Shown in public under each post, and so never the repository's name by default."""
        return self.app_name or self.account.user[:LONGEST_APP_NAME]


@dataclass(frozen=True)
class Question:
    """What doctor and register are told: of an instance, and of no repository."""

    account: Handle | None
    instance: str
    """An origin; "" where the account tells."""
    scopes: tuple[str, ...]


def parse_inputs(
    raw: dict[str, str], *, in_workflow: bool = False, dry_run: bool = False
) -> Inputs:
    """Inputs out of what was typed; what is missing or empty gets its default."""
    given = {name: text for name, text in raw.items() if text.strip()}
    journal = check_name(given.get("journal", defaults.JOURNAL))
    check_name(f"{journal}_KEY")
    inputs = Inputs(
        account=parse_account(given.get("account", "")),
        repository=parse_repository(given.get("repository", "")),
        instance=parse_instance(given.get("instance", "")),
        scopes=parse_scopes(given["scopes"]) if "scopes" in given else (),
        app_name=parse_app_name(given.get("app_name", "")),
        secrets=parse_secrets(given.get("secrets", defaults.SECRETS)),
        variables=parse_variables(given.get("variables", defaults.VARIABLES)),
        journal=journal,
        journal_key=Secret(given.get("journal_key", "").strip()),
        in_workflow=in_workflow,
        application=_application(given.get("client_id", ""), given.get("client_secret", "")),
        grace=parse_grace(given.get("grace", defaults.GRACE)),
        max_age=parse_max_age(given["max_age"]) if "max_age" in given else None,
        dry_run=dry_run,
    )
    require_distinct(journal, inputs.mappings)
    return inputs


def parse_question(account: str, instance: str, scopes: str) -> Question:
    """Raises InputError."""
    if not account.strip() and not instance.strip():
        raise InputError(
            "nothing-asked",
            "Neither an account nor an instance was named.",
            todo="Name one: --account mybot@mastodon.social, or --instance https://social.example.",
        )
    return Question(
        account=parse_account(account) if account.strip() else None,
        instance=parse_instance(instance),
        scopes=parse_scopes(scopes) if scopes.strip() else PRESETS[defaults.SCOPES],
    )


def _application(client_id: str, client_secret: str) -> Application | None:
    """The person's own application, if both its strings are there."""
    strings = (client_id.strip(), client_secret.strip())
    if not any(strings):
        return None
    if not all(is_visible(text) for text in strings):
        raise InputError(
            "bad-application",
            "Your own application needs both its client id and its client secret.",
            why="One of them is missing, holds a space or a line break, or is longer than any "
            "instance's.",
            todo="Copy both from the instance (Preferences > Development > your application), or "
            "from what register showed. They are --client-id and, out of a secret or "
            "$MASTODON_CLIENT_SECRET, --client-secret.",
        )
    return Application(client_id=strings[0], client_secret=Secret(strings[1]), by_hand=True)


def parse_instance(text: str) -> str:
    """An origin: `https://social.example`, or the bare host name; "" stays empty."""
    text = text.strip()
    if not text:
        return ""
    url = (text if "://" in text else f"https://{text}").removesuffix("/")
    origin = origin_of(url)
    if not origin or re.search(r"[/?#\\]", url.partition("://")[2]):
        raise InputError(
            "bad-instance",
            f"“{shown(text)}” is not the address of an instance.",
            todo="Give its origin alone, such as https://social.example.",
        )
    return origin


def parse_repository(text: str) -> str:
    """`owner/name`, also cut out of a github.com URL."""
    name = re.sub(r"^https?://[^/]+/", "", text.strip()).removesuffix(".git").strip("/")
    if not is_repository(name):
        raise InputError(
            "bad-repository",
            f"“{plain(text)}” is not a repository." if text.strip() else "No repository was named.",
            todo="Give it as owner/name, such as octocat/mybot, with --repository or in "
            "GITHUB_REPOSITORY. In a checkout from GitHub it need not be named.",
        )
    return name


def parse_scopes(text: str) -> tuple[str, ...]:
    """A preset's name, or scopes separated by spaces or commas; each once."""
    words = text.replace(",", " ").split()
    scopes = tuple(dict.fromkeys(s for word in words for s in PRESETS.get(word, (word,))))
    for scope in scopes:
        if not re.fullmatch(r"(read|write|follow|push|profile|admin)(:[a-z_]+){0,2}", scope):
            raise InputError(
                "bad-scope",
                f"“{plain(scope)}” is not a scope.",
                todo=f"Use a preset ({', '.join(PRESETS)}) or names such as read:accounts "
                "write:statuses.",
                link="https://docs.joinmastodon.org/api/oauth-scopes/",
            )
    if not VERIFYING_SCOPES & set(scopes):
        raise InputError(
            "unverifiable-scopes",
            f"With the scopes “{' '.join(scopes)}” nobody can tell whose token it is.",
            why="The account is checked before a token is stored, and that takes profile (or, on "
            "servers that don't know it, read:accounts).",
            todo="Add profile to the scopes.",
        )
    return scopes


def parse_app_name(text: str) -> str:
    """An application's name: up to 60 characters, shown in public under each post."""
    name = text.strip()
    if len(name) > LONGEST_APP_NAME or not name.isprintable():
        raise InputError(
            "bad-app-name",
            f"The application's name “{plain(name)}” does not fit.",
            why=f"An instance takes up to {LONGEST_APP_NAME} printable characters.",
            todo="Choose a shorter one; it is shown in public under each post.",
        )
    return name


def parse_grace(text: str) -> int:
    """Seconds of `90m`, `24h`, `7d` or `0`; 30 days at the most."""
    seconds = _seconds(text)
    if seconds is None or seconds > LONGEST_GRACE:
        raise InputError(
            "bad-duration",
            f"“{plain(text)}” is not a time that an old token may live on.",
            todo="Write 0, 90m, 24h (the default) or 7d; 30d is the longest.",
        )
    return seconds


def parse_max_age(text: str) -> int:
    """Seconds of a time such as `90d`; a day at least."""
    seconds = _seconds(text)
    if seconds is None or not SHORTEST_AGE <= seconds <= LONGEST_AGE:
        raise InputError(
            "bad-duration",
            f"“{plain(text)}” is not an age that a token may reach.",
            todo="Write a time such as 90d or 365d; 1d is the shortest.",
        )
    return seconds


def _seconds(text: str) -> int | None:
    match = re.fullmatch(r"(?a:(\d{1,9})\s*([smhd]))|0", text.strip().lower())
    if not match:
        return None
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return int(match[1]) * unit[match[2]] if match[2] else 0


def parse_login(user: str, password: str) -> Login:
    """User name and password; of a password only the end of its line is not its own."""
    if not user.strip() or not password.rstrip("\r\n"):
        raise InputError(
            "no-login",
            "There is no user name, or no password.",
            why="They are asked for on a terminal, or are two lines of standard input: the user "
            "name, then the password.",
            todo="Type both. For a script: `login … < file`, never an option.",
        )
    return Login(Secret(user.strip()), Secret(password.rstrip("\r\n")))


def parse_code(text: str, origin: str) -> Secret:
    """The one-time code out of what a person pasted; `origin` is the instance's.

    Takes the bare code, white space anywhere in it, the address of the page that shows it (which
    must be the instance's), and `code=…&state=…` or `…&state=…`. Servers don't trim, and their
    codes may begin with `-` and have any length, so nothing else is demanded of them.
    """
    pasted = "".join(text.split()).strip("\"'`<>")
    if "access_denied" in pasted:
        raise PersonNeededError(
            "denied",
            "The authorization was denied in the browser.",
            todo="Open the link again and press Authorize.",
        )
    if pasted.startswith(f"{host_of(origin)}/"):  # as some browsers copy addresses
        pasted = f"{origin.partition('://')[0]}://{pasted}"
    if "://" in pasted or pasted.startswith("urn:"):
        pasted = _code_of_page(pasted, origin)
    elif re.match(r"\?|code=|state=|error=", pasted):
        pasted = parse_qs(pasted.removeprefix("?")).get("code", [""])[0]
    code = "".join(pasted.partition("&")[0].split())
    if not code or len(code) > 2048 or not code.isascii() or not code.isprintable():
        raise InputError(
            "no-code" if not code else "bad-code",
            "There is no code." if not code else "What was given is not a code.",
            why="After Authorize is pressed, the instance shows a one-time code to copy.",
            todo="Copy the whole code, or the address of the page that shows it, and complete with "
            "that.",
        )
    return Secret(code)


def _code_of_page(pasted: str, origin: str) -> str:
    try:
        url = urlsplit(pasted)
        code = parse_qs(url.query).get("code", [""])[0]
    except ValueError:
        url, code = urlsplit(""), ""
    if url.scheme != "urn" and origin_of(pasted) != origin:
        host = plain(url.netloc.rpartition("@")[2])
        raise InputError(
            "foreign-code",
            f"The pasted address belongs to “{host}”, not to {origin}.",
            why="A code is good only at the instance that issued it, and is never sent elsewhere.",
            todo=f"Open the link again, and complete with the code that {origin} shows.",
        )
    if not code:
        raise InputError(
            "no-code",
            "The pasted address holds no code.",
            why="It may be the link itself rather than the page that comes after Authorize.",
            todo="Open the link, press Authorize, and copy the code from the page that follows.",
        )
    return code
