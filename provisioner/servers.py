"""What only a server's name tells: one table, with a source for each row. Pure.

Whatever an instance tells of itself (metadata, its answers, its version) is asked first; this is
for the rest. Of a server that is not in here the least is expected.
"""

import re
from dataclasses import dataclass, replace

LONGEST_NAME = 40
_NAMED = (
    re.compile(r"\((?:compatible|not true); (?:really )?([A-Za-z][\w.-]*)[ /]v?([^\s;)]+)"),
    re.compile(r"([A-Za-z][\w.-]*)/v?([0-9]\S*)"),
)
"""`2.7.2 (compatible; Pleroma 2.9.1)`, of snac `4.0.0 (not true; really snac/2.52)`, and
`takahe/0.11.0`."""


@dataclass(frozen=True)
class Habits:
    """What a server does and does not tell."""

    scopes: tuple[str, ...] = ()
    """All that it knows; empty where it knows Mastodon's."""
    verifying_scope: str = "read:accounts"
    """What a token needs so that it tells whose it is, where `profile` is not known."""
    code_seconds: int = 600
    """How long a one-time code can be exchanged, at the least."""
    registrations: tuple[int, int] | None = None
    """How many applications an address may register, and in how many seconds, as it comes."""
    unused_seconds: int | None = None
    """How long an application without a token is kept; None: for good."""
    password_grant: bool | None = None
    """Whether it takes user name and password; None where that is to be tried."""
    logs_in_by_mail: bool = False
    """Whether the user name that goes with a password is the e-mail address alone."""
    idempotency_key: bool = False
    """Whether the same Idempotency-Key does not post twice."""
    text_alone: bool = True
    """Whether a text without a picture is a post."""
    lists_posts_to: str = ""
    """The scope without which a token is shown no posts, not even public ones; "" for none."""
    revokes: bool = True
    """Whether it has an endpoint that revokes a token."""
    invalid_token: tuple[tuple[int, str], ...] = ()
    """How it says that a token is invalid, where not with 401: a status, and the error, the page
    that it redirects to, or what else its body is."""
    barred: tuple[tuple[int, str], ...] = ()
    """How it says that the account may not act, though the token is good."""
    invalid_or_barred: tuple[tuple[int, str], ...] = ()
    """How it says either, and leaves it open which."""
    prompt: str = ""
    """The parameter `prompt` that makes it ask the person even where a token exists already."""
    reuses_token: bool = False
    """Whether approving an application again gives the very token that it has."""
    settings: str = ""
    """The page where a person removes an application and its tokens; "" where none has a path."""


UNKNOWN = Habits(code_seconds=60, unused_seconds=15 * 60)
"""Of a server that is not in the table: the least that any of them grants."""

_MASTODON = Habits(
    registrations=(5, 600),
    password_grant=False,
    logs_in_by_mail=True,
    idempotency_key=True,
    reuses_token=True,
    settings="/oauth/authorized_applications",
)
_PLEROMA = Habits(
    password_grant=True,
    idempotency_key=True,
    invalid_or_barred=((403, "Invalid credentials."),),
)

HABITS = {
    # https://docs.joinmastodon.org; 3.x to 4.7. Doorkeeper's default for codes is kept.
    # config/initializers/rack_attack.rb: throttle_oauth_application_registrations/ip.
    # config/initializers/doorkeeper.rb: resource_owner_from_credentials finds a user by e-mail.
    "mastodon": _MASTODON,
    # Measured with 0.20.0-rc1: nominal 10 minutes for a code, 5 in fact; the settings panel's
    # web/source/settings/views/user/tokens; internal/api/util/auth.go, which takes the application
    # away from an account that may not act, and lets nobody look at posts without the scope.
    "gotosocial": Habits(
        code_seconds=300,
        password_grant=False,
        lists_posts_to="read:statuses",
        barred=((401, "Unauthorized: application not supplied"),),
        settings="/settings/user/tokens",
    ),
    # oauth/token/clean_worker and App.remove_orphans: applications that nobody authorized go after
    # 15 minutes. EnsureAuthenticatedPlug answers 403, and UserEnabledPlug has it say the same of an
    # account that may not act (translated where an admin changed the language: then nothing is
    # concluded); IdempotencyPlug; the token's page has no address. A code lives as long as a token
    # (oauth/authorization.ex), which is 100 years unless an admin sets less.
    "pleroma": replace(_PLEROMA, unused_seconds=15 * 60),
    # A fork of Pleroma that kept all of these, and cleans up no applications.
    "akkoma": _PLEROMA,
    # AuthServiceProvider's Passport::tokensCan; registration ignores `scopes`. A guest of the API
    # gets 500 where JSON is accepted (app/Exceptions/Handler.php; pixelfed#5613), else is led to
    # the login page (#6166, #6186). /oauth/revoke is missing before #7336. Without the prompt,
    # Laravel Passport approves the same application again unasked, and shows no code. Posts:
    # statusCreate and accountStatusesById in app/Http/Controllers/Api/ApiV1Controller.php.
    "pixelfed": Habits(
        scopes=("read", "write", "follow", "push", "admin:read", "admin:write"),
        invalid_token=((500, "Unauthenticated."), (302, "/login")),
        password_grant=False,
        text_alone=False,
        lists_posts_to="read",
        revokes=False,
        prompt="consent",
        settings="/settings/applications",
    ),
    # Measured with 0.11.0; api/middleware.py. It asks for `read` itself before it tells whose token
    # it is (has_scope in api/models/token.py).
    "takahe": Habits(
        verifying_scope="read",
        code_seconds=60,
        password_grant=False,
        lists_posts_to="read:statuses",
        invalid_token=((400, "Invalid Bearer token"),),
        settings="/settings/",
    ),
    # src/Security/OAuth.php: codes of five minutes, one token for an application and account.
    "friendica": Habits(
        code_seconds=300, password_grant=False, reuses_token=True, settings="/settings/oauth"
    ),
}

OLDER = {
    # Passwords until 4.4 (mastodon#30960). app/lib/vacuum/applications_vacuum.rb deletes unused
    # applications in 4.2.0 to 4.2.8; "removed in 4.3", say the documents.
    "mastodon": (
        ((4, 3), replace(_MASTODON, password_grant=True, unused_seconds=86400)),
        ((4, 4), replace(_MASTODON, password_grant=True)),
    ),
}
"""Where older versions have others: the version that ended them, oldest first."""


def parse_version(text: str) -> tuple[str, str]:
    """The software's name and version out of the version that `/api/v1/instance` tells.

    Mastodon and its forks tell a number alone (`4.3.0+glitch`), and so does GoToSocial, with the
    commit that it was built from (`0.20.0+git-57cb4fe`). ("", "") where there is no telling.
    """
    for form in _NAMED:
        if match := form.search(text):
            return match[1][:LONGEST_NAME], match[2][:LONGEST_NAME]
    version = "".join(text.split()[:1]).removeprefix("v")[:LONGEST_NAME]
    if re.match(r"[0-9]+\.[0-9]+\S*\+git-", version):
        return "GoToSocial", version
    return ("Mastodon", version) if re.match(r"[2-9]\.[0-9]", version) else ("", "")


def habits(software: str, version: str = "") -> Habits:
    """The row of a server, or what holds where there is none; without a version, of the newest."""
    name = software.casefold()
    for end, older in OLDER.get(name, ()) if version else ():
        if not is_at_least(version, *end):
            return older
    return HABITS.get(name, UNKNOWN)


def is_at_least(version: str, major: int, minor: int) -> bool:
    """Whether a version such as `4.3.0+glitch` is that one or newer."""
    numbers = re.match(r"([0-9]{1,4})\.([0-9]{1,4})", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= (major, minor)


def in_words(seconds: int) -> str:
    """A time for a person: “1 minute”, “10 minutes”, “1 day”."""
    number, unit = (seconds // 86400, "day") if seconds >= 86400 else (seconds // 60, "minute")
    return f"{number} {unit}{'s' if number != 1 else ''}"
