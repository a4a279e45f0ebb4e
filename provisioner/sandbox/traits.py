"""What is different about the servers that an instance can play, and where that is recorded.

Small differences stand here, each with its source; where a server's endpoint differs as a whole,
it has a module of its own (`gotosocial.py`, `takahe.py` and so on). Sources: the servers' code at
the commits named there, and requests to real servers on loopback.
"""

from dataclasses import dataclass

from provisioner.sandbox import contents, scopes

DAY = 86_400


@dataclass(frozen=True)
class Traits:
    """The differences that are data; the defaults are Mastodon 4.7's."""

    software: str
    """What it is called, for people."""
    version: str
    """What it says in `/api/v1/instance` and `/api/v2/instance`."""
    scopes: tuple[str, ...]
    """The scopes that it knows."""
    code_seconds: float = 600
    """How long a code can be exchanged."""
    token_seconds: float | None = None
    """How long a token works; None: without an end."""
    pkce: bool = True
    """Whether a challenge is kept and a verifier asked for."""
    sign_in_by_email: bool = False
    """Whether only the e-mail address names an account at the sign-in."""
    password_grant: bool = False
    """Whether a program may send a person's password for a token."""
    redirect_uri_lists: bool = True
    """Whether redirect URIs may come as an array."""
    registration_limit: int | None = None
    """How many applications an address may register in a window; None: any number."""
    registration_seconds: int = 600
    """That window."""
    request_limit: int | None = None
    """How many requests of any kind an address may send in a window; None: any number."""
    request_seconds: int = 300
    """That window."""
    registration_fields: tuple[str, ...] = ()
    """What the answer to a registration tells."""
    application_fields: tuple[str, ...] = ()
    """What `/api/v1/apps/verify_credentials` tells."""
    application_scopes: tuple[str, ...] = ()
    """What a token must be allowed for that; empty: nothing."""
    applications_page: str = "/oauth/authorized_applications"
    """Where a person sees what they authorized."""
    unused_seconds: float | None = None
    """After how long an application that nobody used is deleted; None: never."""
    html: contents.Html = contents.MASTODON
    """What the text of a post becomes."""


_APPLICATION = ("id", "name", "website", "scopes", "redirect_uris", "redirect_uri", "vapid_key")

MASTODON_4_7 = Traits(
    software="Mastodon 4.7",
    version="4.7.3",
    scopes=scopes.SUPPORTED,
    registration_limit=5,  # spec/config/initializers/rack/attack_spec.rb
    registration_fields=(*_APPLICATION, "client_id", "client_secret", "client_secret_expires_at"),
    application_fields=_APPLICATION,
)

MASTODON_4_2 = Traits(
    software="Mastodon 4.2",
    version="4.2.8",
    # `profile` came with 4.3, collections with 4.6; `crypto` went with 4.3 (CHANGELOG.md).
    scopes=(
        *(one for one in scopes.SUPPORTED if one != "profile" and not one.endswith(":collections")),
        "crypto",
    ),
    # The columns of PKCE came with 4.3 (mastodon#31129); without them Doorkeeper's
    # `pkce_supported?` is false, and challenge and verifier are ignored.
    pkce=False,
    sign_in_by_email=True,  # Devise's authentication_keys
    password_grant=True,  # config/initializers/doorkeeper.rb, until 4.4 (mastodon#30960)
    redirect_uri_lists=False,  # `params.permit(:redirect_uris)` drops an array; 4.3 permits both
    registration_limit=None,  # came with 4.2.9 (mastodon#30316)
    registration_fields=(
        "id",
        "name",
        "website",
        "redirect_uri",
        "client_id",
        "client_secret",
        "vapid_key",
    ),
    application_fields=("name", "website", "vapid_key"),
    application_scopes=("read",),  # any token will do since 4.3 (mastodon#27135)
    unused_seconds=DAY,  # app/lib/vacuum/applications_vacuum.rb, 4.2.0 to 4.2.8
)

GOTOSOCIAL = Traits(
    software="GoToSocial 0.20",
    version="0.20.0+git-57cb4fe",  # measured: the software's version, in both descriptions
    scopes=(),  # any are registered; internal/api/util/scopes.go knows those that open something
    # Measured. The nominal ten minutes shrink: what is left of them is computed at each read and
    # then added to the time of creation (internal/oauth/tokenstore.go).
    code_seconds=300,
    pkce=False,  # measured; internal/api/auth/authorize.go drops the challenge
    sign_in_by_email=True,  # internal/api/auth/signin.go
    request_limit=300,  # advanced-rate-limit-requests, in five minutes
    applications_page="/settings/user/tokens",
    html=contents.GOTOSOCIAL,
)

TAKAHE = Traits(
    software="Takahē 0.11",
    version="takahe/0.11.0",  # api/views/instance.py
    scopes=(),  # any are registered and granted; api/models/token.py says what they open
    code_seconds=60,  # api/models/authorization.py: valid_for_seconds
    pkce=False,  # api/views/oauth.py knows no challenge
    sign_in_by_email=True,  # users/models/user.py: USERNAME_FIELD
    applications_page="/settings/tokens",
    html=contents.TAKAHE,
)

PLEROMA = Traits(
    software="Pleroma 2.9",
    version="2.7.2 (compatible; Pleroma 2.9.1)",  # mastodon_api/views/instance_view.ex
    scopes=(),  # any are registered; o_auth/scopes.ex says which covers which
    # o_auth/authorization.ex gives a code as long as a token: token_expires_in of config.exs.
    code_seconds=100 * 365 * DAY,
    token_seconds=100 * 365 * DAY,
    pkce=False,  # o_auth_controller.ex knows no challenge
    password_grant=True,
    registration_limit=5,  # config.exs: oauth_app_creation
    registration_seconds=900,
    unused_seconds=900,  # o_auth/app.ex: remove_orphans
    applications_page="/settings/security",
    html=contents.PLEROMA,
)

PIXELFED = Traits(
    software="Pixelfed 0.12",
    version="3.5.3 (compatible; Pixelfed 0.12.6)",  # Api/ApiV1Controller.php
    scopes=("read", "write", "follow", "push", "admin:read", "admin:write"),  # AuthServiceProvider
    code_seconds=600,  # Passport: PT10M
    token_seconds=365 * DAY,  # config/instance.php: OAUTH_TOKEN_DAYS
    sign_in_by_email=True,  # resources/views/auth/login.blade.php
    applications_page="/settings/applications",
)
