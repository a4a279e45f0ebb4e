"""Server profiles: what only the name of a server's software tells. One table, with its sources.

Whatever an instance tells itself (metadata, answers, version) comes first; this is for the rest.
"Measured" means: tried on the real server, over loopback.
"""

import re
from dataclasses import dataclass, replace

MAX_NAME = 40
_NAMED = (
    re.compile(r"\((?:compatible|not true); (?:really )?([A-Za-z][\w.-]*)[ /]v?([^\s;)]+)"),
    re.compile(r"([A-Za-z][\w.-]*)/v?([0-9]\S*)"),
)
"""`2.7.2 (compatible; Pleroma 2.9.1)`, snac's `4.0.0 (not true; really snac/2.94)`, and
`takahe/0.11.0`."""


@dataclass(frozen=True)
class Sign:
    """An answer about a token: its status, and words that are the same each time.

    An HTML page may have an id or a date in it: it is recognised by the challenge beside it.
    """

    status: int
    words: str | None = ""
    """The field `error`, the whole body, or the path of a redirect; None for any."""
    realm: str = ""
    """The realm in `WWW-Authenticate`; "" for any."""


@dataclass(frozen=True)
class ServerProfile:
    """How a server behaves where it does not tell. The defaults are what most servers do."""

    scopes: tuple[str, ...] = ()
    """All scopes that it knows; empty where it knows Mastodon's."""
    verifying_scope: str = "read:accounts"
    """What a token needs for `verify_credentials`, where the server does not know `profile`."""
    code_seconds: int = 600
    """How long a one-time code can be exchanged, at the least."""
    registration_limit: tuple[int, int] | None = None
    """How many applications it registers for an address, and in how many seconds, by default."""
    unused_seconds: int | None = None
    """How long an application without a token is kept; None: for good."""
    password_grant: bool | None = None
    """Whether it takes a user name and a password; None where that must be tried."""
    user_name_is_email: bool = False
    """Whether the user name that goes with a password is the e-mail address and nothing else."""
    idempotency_key: bool = False
    """Whether the same Idempotency-Key does not post twice."""
    posts_text_alone: bool = True
    """Whether a text without a picture is a post."""
    revokes: bool = True
    """Whether it has an endpoint that revokes a token."""
    revoking_ends_application: bool = False
    """Whether the application, and so its link, is gone after its token was revoked."""
    invalid_token: tuple[Sign, ...] = ()
    """How it says that a token is invalid, besides the standard ways (see `verdict.judge`)."""
    account_disabled: tuple[Sign, ...] = ()
    """How it says that the account may not act, though the token is good."""
    invalid_or_disabled: tuple[Sign, ...] = ()
    """How it says one of the two and leaves open which."""
    prompt: str = ""
    """The parameter `prompt` that makes it ask the person even where a token exists already."""
    approve_button: str = "Authorize"
    """What the button says that approves an application."""
    reuses_token: bool = False
    """Whether approving an application again returns the very token that it has."""
    replaces_token: bool = False
    """Whether approving an application again ends the token that it has, at once."""
    many_domains: bool = False
    """Whether it serves accounts of several domains, and `acct` leaves the domain out for all."""
    settings_path: str = ""
    """The page where a person removes an application and its tokens; "" where no path is known.
    `{account}` stands for `user@domain`."""


UNKNOWN = ServerProfile(code_seconds=60, unused_seconds=15 * 60)
"""For a server that is not in the table: the least that any server grants."""

_MASTODON = ServerProfile(
    registration_limit=(5, 600),
    password_grant=False,
    user_name_is_email=True,
    idempotency_key=True,
    reuses_token=True,
    settings_path="/oauth/authorized_applications",
)
_PLEROMA = ServerProfile(
    password_grant=True,
    idempotency_key=True,
    invalid_or_disabled=(Sign(403, "Invalid credentials."),),
    approve_button="Approve",
)

PROFILES = {
    # https://docs.joinmastodon.org; 3.x to 4.7. Doorkeeper's default for codes is kept.
    # config/initializers/rack_attack.rb: throttle_oauth_application_registrations/ip.
    # config/initializers/doorkeeper.rb: resource_owner_from_credentials finds a user by e-mail.
    "mastodon": _MASTODON,
    # Measured with 0.20.0-rc1: nominal 10 minutes for a code, 5 in fact. The settings panel's
    # web/source/settings/views/user/tokens. internal/api/util/auth.go takes the application away
    # from an account that may not act. web/template/authorize.tmpl.
    "gotosocial": ServerProfile(
        code_seconds=300,
        password_grant=False,
        account_disabled=(Sign(401, "Unauthorized: application not supplied"),),
        approve_button="Allow",
        settings_path="/settings/user/tokens",
    ),
    # oauth/token/clean_worker and App.remove_orphans: applications that nobody authorized are
    # deleted after 15 minutes. EnsureAuthenticatedPlug answers 403, and UserEnabledPlug makes it
    # say the same about an account that may not act (translated where an admin changed the
    # language: then nothing is concluded). IdempotencyPlug. The page of tokens has no address. A
    # code lives as long as a token (oauth/authorization.ex): 100 years unless an admin sets less.
    "pleroma": replace(_PLEROMA, unused_seconds=15 * 60),
    # A fork of Pleroma that kept all of these, and does not clean up applications.
    "akkoma": _PLEROMA,
    # AuthServiceProvider's Passport::tokensCan; registration ignores `scopes`. A guest of the API
    # gets 500 where JSON is accepted (app/Exceptions/Handler.php; pixelfed#5613), otherwise a
    # redirect to the login page (#6166, #6186). /oauth/revoke is missing before #7336. Without the
    # prompt, Laravel Passport approves the same application again unasked, and shows no code.
    # Posts: statusCreate in app/Http/Controllers/Api/ApiV1Controller.php.
    "pixelfed": ServerProfile(
        scopes=("read", "write", "follow", "push", "admin:read", "admin:write"),
        invalid_token=(Sign(500, "Unauthenticated."), Sign(302, "/login")),
        password_grant=False,
        posts_text_alone=False,
        revokes=False,
        prompt="consent",
        settings_path="/settings/applications",
    ),
    # Measured with 0.11.0; api/middleware.py. It asks for `read` itself before it tells whose token
    # it is (has_scope in api/models/token.py). One server has identities of several domains. The
    # page of tokens is found with user and domain only.
    "takahe": ServerProfile(
        verifying_scope="read",
        code_seconds=60,
        password_grant=False,
        invalid_token=(Sign(400, "Invalid Bearer token"),),
        approve_button="Allow",
        many_domains=True,
        settings_path="/@{account}/settings/tokens/",
    ),
    # Measured with 2024.09-rc; src/Security/OAuth.php. A dead token gets an HTML page with a random
    # id in it.
    "friendica": ServerProfile(
        code_seconds=300,
        password_grant=False,
        invalid_token=(Sign(401, None, realm="Friendica"),),
        approve_button="Yes",
        replaces_token=True,
        settings_path="/settings/oauth",
    ),
    # Measured with 0.10.0. Nothing deletes applications (src/cleanup).
    "hollo": ServerProfile(
        password_grant=False,
        idempotency_key=True,
        approve_button="Allow",
        settings_path="/auth",
    ),
    # Measured with 2.94; mastoapi.c. Codes are not checked at all, so they don't expire. There is
    # no page for applications; each one is a file, and revoking its token deletes it.
    "snac": ServerProfile(
        password_grant=False,
        revoking_ends_application=True,
        invalid_token=(Sign(422, ""),),
        approve_button="OK",
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
"""Where older versions differ: the version that ended it, oldest first."""


def parse_version(text: str) -> tuple[str, str]:
    """The software's name and version out of the version in `/api/v1/instance`.

    Mastodon and its forks give a number alone (`4.3.0+glitch`), and so does GoToSocial, with the
    commit that it was built from (`0.20.0+git-57cb4fe`). ("", "") where it can't be told.
    """
    for form in _NAMED:
        if match := form.search(text):
            return match[1][:MAX_NAME], match[2][:MAX_NAME]
    version = "".join(text.split()[:1]).removeprefix("v")[:MAX_NAME]
    if re.match(r"[0-9]+\.[0-9]+\S*\+git-", version):
        return "GoToSocial", version
    return ("Mastodon", version) if re.match(r"[2-9]\.[0-9]", version) else ("", "")


def profile_of(software: str, version: str = "") -> ServerProfile:
    """The profile of a server, UNKNOWN where there is none; without a version, of the newest."""
    name = software.casefold()
    for end, older in OLDER.get(name, ()) if version else ():
        if not is_at_least(version, *end):
            return older
    return PROFILES.get(name, UNKNOWN)


def is_at_least(version: str, major: int, minor: int) -> bool:
    """Whether a version such as `4.3.0+glitch` is that one or newer."""
    numbers = re.match(r"([0-9]{1,4})\.([0-9]{1,4})", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= (major, minor)
