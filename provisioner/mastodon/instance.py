"""An instance: its endpoints, an application at it, the link; and what only its name tells. Pure.

RFC 6749 (the framework), RFC 7636 (PKCE), RFC 8414 (metadata). Whatever an instance tells itself
comes first. The table of server profiles is for the rest, with its sources; "measured" means: tried
on the real server, over loopback.
"""

import base64
import hashlib
import re

import httpx
import msgspec
from msgspec.structs import replace

from provisioner.secret import Secret
from provisioner.urls import host_of

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect URI that makes the instance show the code to the person."""
MAX_WORD = 64
WORD = re.compile(rf"[A-Za-z0-9:_.*-]{{1,{MAX_WORD}}}")
"""As servers spell scopes, grants and methods: nothing else is kept, shown or sent back."""


class Instance(msgspec.Struct, frozen=True):
    """A Mastodon-compatible server: its origin and its OAuth endpoints, all of that origin."""

    origin: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str
    revocation_endpoint: str
    """"" where the metadata names none."""
    has_metadata: bool
    """Whether the endpoints come from RFC 8414 metadata: on Mastodon, 4.3 or newer."""
    software: str = ""
    """The name of its software, as `Pixelfed`; "" where it does not tell."""
    version: str = ""

    @property
    def host(self) -> str:
        return host_of(self.origin)

    @property
    def product(self) -> str:
        return f"{self.software} {self.version}".strip()

    def applications_page(self, account: str = "") -> str:
        """Where a person removes applications and their tokens; Takahē has one for each account."""
        path = self.profile.settings_path
        if "{account}" in path and not account:
            path = "/"
        return self.origin + path.replace("{account}", account)

    @property
    def profile(self) -> "ServerProfile":
        """What only the software's name tells; without one, the least that is known of any."""
        return profile_of(self.software, self.version)


class Application(msgspec.Struct, frozen=True):
    """What the instance registered (RFC 6749: the client)."""

    client_id: str
    client_secret: Secret
    user_supplied: bool = False
    """Made by a person: its tokens may be in use elsewhere, and are never revoked by us."""


def challenge(verifier: Secret) -> str:
    """The PKCE code challenge of a verifier, method S256 (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.reveal().encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorization_url(
    instance: Instance,
    client_id: str,
    scopes: tuple[str, ...],
    verifier: Secret,
    redirect_uri: str,
    state: str,
) -> str:
    """The link that the person opens (RFC 6749, section 4.1.1).

    `state` is "" with the out-of-band redirect: Mastodon does not show it there, and others would
    append it to the code. `force_login=true` makes Mastodon ask even where a token exists already;
    `false` makes Pleroma show an old token in place of a code, so it is never sent.
    """
    params = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "force_login": "true",
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    if state:
        params["state"] = state
    if instance.profile.prompt:
        params["prompt"] = instance.profile.prompt
    return str(httpx.URL(instance.authorization_endpoint).copy_merge_params(params))


MAX_NAME = 40
_NAMED = (
    re.compile(r"\((?:compatible|not true); (?:really )?([A-Za-z][\w.-]*)[ /]v?([^\s;)]+)"),
    re.compile(r"([A-Za-z][\w.-]*)/v?([0-9]\S*)"),
)
"""`2.7.2 (compatible; Pleroma 2.9.1)`, snac's `4.0.0 (not true; really snac/2.94)`, and
`takahe/0.11.0`."""
WITHOUT_API = {
    *("bookwyrm", "diaspora", "funkwhale", "lemmy", "mbin", "misskey", "mobilizon", "owncast"),
    *("peertube", "writefreely"),
}
"""Software, as NodeInfo names it, where a program can't get a token as from a Mastodon. BookWyrm
even answers `/api/v1/instance` (bookwyrm/views/wellknown.py)."""


class Sign(msgspec.Struct, frozen=True):
    """An answer about a token: its status, and words that are the same each time."""

    status: int
    words: str
    """The field `error`, the whole body, the challenge in `WWW-Authenticate`, or where a redirect
    leads."""


class ServerProfile(msgspec.Struct, frozen=True):
    """How a server behaves where it does not tell. The defaults are what most servers do."""

    scopes: tuple[str, ...] = ()
    """All scopes that it knows; empty where it knows Mastodon's."""
    verifying_scope: str = "read:accounts"
    """What a token needs for `verify_credentials`, where the server does not know `profile`."""
    code_seconds: int = 600
    """How long a one-time code can be exchanged, at the least."""
    unused_seconds: int | None = None
    """How long an application without a token is kept; None: for good."""
    password_grant: bool | None = None
    """Whether it takes a user name and a password; None where that must be tried."""
    user_name_is_email: bool = False
    idempotency_key: bool = False
    """Whether the same Idempotency-Key does not post twice."""
    posts_text_alone: bool = True
    revokes: bool = True
    revokes_application: bool = False
    """Whether revoking a token ends its application too, or all other tokens of it."""
    invalid_token: tuple[Sign, ...] = ()
    """How it says that a token is invalid, besides the standard ways (see `errors.judge`)."""
    account_disabled: tuple[Sign, ...] = ()
    """How it says that the account may not act, though the token is good."""
    invalid_or_disabled: tuple[Sign, ...] = ()
    """How it says one of the two and leaves open which."""
    one_redirect_uri: bool = False
    """Whether an application has one redirect URI, and a list of them is refused or cut."""
    prompt: str = ""
    """The parameter `prompt` that makes it ask the person even where a token exists already."""
    approve_button: str = "Authorize"
    reuses_token: bool = False
    """Whether approving an application again returns the very token that it has."""
    replaces_token: bool = False
    """Whether approving an application again ends the token that it has, at once."""
    many_domains: bool = False
    """Whether its accounts are of several domains, and `acct` leaves the domain out for all."""
    settings_path: str = ""
    """The page where a person removes an application and its tokens; "" where no path is known.
    `{account}` stands for `user@domain`."""


UNKNOWN = ServerProfile(code_seconds=60, unused_seconds=15 * 60, one_redirect_uri=True)
"""For a server that is not in the table: the least that any server grants."""

_MASTODON = ServerProfile(
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
    # Posts: statusCreate in app/Http/Controllers/Api/ApiV1Controller.php, which stores a list of
    # redirect URIs as one.
    "pixelfed": ServerProfile(
        scopes=("read", "write", "follow", "push", "admin:read", "admin:write"),
        invalid_token=(Sign(500, "Unauthenticated."), Sign(302, "/login")),
        password_grant=False,
        posts_text_alone=False,
        revokes=False,
        one_redirect_uri=True,
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
    # id in it. Revoking a token ends those of all accounts of its application. Of a list of
    # redirect URIs it keeps the first (src/Module/Api/Mastodon/Apps.php).
    "friendica": ServerProfile(
        code_seconds=300,
        password_grant=False,
        invalid_token=(Sign(401, 'Basic realm="Friendica"'),),
        approve_button="Yes",
        one_redirect_uri=True,
        replaces_token=True,
        revokes_application=True,
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
    # no page for applications; each one is a file, and revoking its token deletes it. It keeps one
    # redirect URI, and compares none.
    "snac": ServerProfile(
        password_grant=False,
        revokes_application=True,
        invalid_token=(Sign(422, ""),),
        approve_button="OK",
        one_redirect_uri=True,
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
