"""What each server answers in each situation, and where that is known from.

A row is what a client sees. *Measured* rows are answers of real servers on loopback; all others are
read from the server's source code, and say that nobody measured them. None as a row's answer means
that the server does not mind.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.sandbox import answers as sandbox
from provisioner.sandbox.answers import Answer, Situation

Body = Mapping[str, object] | str | bytes
AS_MASTODON = "nobody measured it: taken to be as Mastodon"


@dataclass(frozen=True)
class Row:
    """An answer and its source."""

    answer: Answer | None
    source: str
    occurs: bool = True
    """Whether a client can come into that situation at all."""


def _row(status: int, body: Body, source: str, location: str = "") -> Row:
    return Row(Answer(status, body, location), source)


def _error(status: int, error: str, source: str) -> Row:
    return _row(status, {"error": error}, source)


def _oauth(status: int, error: str, description: str, source: str) -> Row:
    return _row(status, {"error": error, "error_description": description}, source)


def _ignored(source: str) -> Row:
    return Row(None, source)


def _never(source: str) -> Row:
    return Row(None, source, occurs=False)


PKCE = (
    "link: plain challenge",
    "exchange: no verifier",
    "exchange: wrong verifier",
    "exchange: verifier without a challenge",
)
REFUSED_CODES = (
    "exchange: unknown client",
    "exchange: wrong secret",
    "exchange: unknown code",
    "exchange: used code",
    "exchange: expired code",
    "exchange: another client's code",
)
DEAD = ("token: none", "token: unknown", "token: revoked", "token: expired")
UNCHECKED_REVOCATIONS = (
    "revoke: wrong secret",
    "revoke: unknown token and wrong secret",
    "revoke: another client's token",
)
ACCOUNTS = (
    "account: unconfirmed",
    "account: pending",
    "account: suspended",
    "account: disabled",
    "account: moved",
    "account: needs-2fa",
)


def answers(personality: str) -> Mapping[Situation, Answer | None]:
    """A server's answers without their sources."""
    return {situation: row.answer for situation, row in TABLE[personality].items()}


# Mastodon. Doorkeeper 5.8.2, 5.9.6 and 6.0.0.beta2 answered alike, configured as Mastodon has it.

DK = "measured: Doorkeeper 5.8.2"
MASTODON = "read: mastodon/mastodon 4.4 to 4.7 and its documentation; not measured"
_NO_PASSWORDS = "there is no password grant since 4.4 (mastodon#30960)"
_DOORKEEPER = ("exchange", "password", "revoke", "token", "link")

_DISABLED = _error(403, "Your login is currently disabled", MASTODON)

_MASTODON_4_7: dict[Situation, Row] = {
    **{
        situation: Row(answer, DK if situation.startswith(_DOORKEEPER) else MASTODON)
        for situation, answer in sandbox.MASTODON.items()
    },
    "instance v2": _ignored(MASTODON),
    "post: text alone": _ignored(MASTODON),
    "post: the same key again": _ignored(MASTODON),
    "request: no User-Agent": _ignored(MASTODON),
    "request: no JSON accepted": _ignored(MASTODON),
    "register: too many": _error(429, "Too many requests", "read: rack_attack.rb; not measured"),
    "exchange: malformed code": _never("any text may be a code"),
    "token: expired": Row(sandbox.MASTODON["token: expired"], MASTODON, occurs=False),
    "password: wrong": _never(_NO_PASSWORDS),
    "password: second factor": _never(_NO_PASSWORDS),
    "password: barred account": _never(_NO_PASSWORDS),
    "password: scope not registered": _never(_NO_PASSWORDS),
    "link: barred account": _row(403, "Your login is currently disabled", DK),
    "account: unconfirmed": _error(
        403, "Your login is missing a confirmed e-mail address", MASTODON
    ),
    "account: pending": _error(403, "Your login is currently pending approval", MASTODON),
    "account: disabled": _DISABLED,
    "account: suspended": _DISABLED,
    "account: moved": _DISABLED,
    "account: needs-2fa": _error(403, "Your account requires two-factor authentication", MASTODON),
}

_NO_PKCE = "read: no columns for it before 4.3 (mastodon#31129); tooot-app/app#640 saw it"
_MASTODON_4_2: dict[Situation, Row] = {
    **_MASTODON_4_7,
    "register: too many": _ignored("read: the limit came with 4.2.9 (mastodon#30316)"),
    "password: wrong": Row(sandbox.MASTODON["exchange: unknown code"], DK),
    "password: second factor": Row(
        sandbox.MASTODON["exchange: unknown code"],
        "read: doorkeeper.rb: resource_owner_from_credentials; not measured",
    ),
    "password: barred account": _ignored(MASTODON),
    "password: scope not registered": _oauth(
        400, "invalid_scope", "The requested scope is invalid, unknown, or malformed.", DK
    ),
    "link: plain challenge": _ignored(_NO_PKCE),
    "exchange: no verifier": _ignored(_NO_PKCE),
    "exchange: wrong verifier": _ignored(_NO_PKCE),
    "exchange: verifier without a challenge": _ignored(_NO_PKCE),
    "account: needs-2fa": _ignored("read: came with 4.6 (mastodon#37701); not measured"),
}


def _else_as_mastodon(rows: Mapping[Situation, Row]) -> dict[Situation, Row]:
    """These rows; in all other situations, Mastodon's answers stand in."""
    others = {name: Row(row.answer, AS_MASTODON, row.occurs) for name, row in _MASTODON_4_7.items()}
    return others | {"register: too many": _ignored(AS_MASTODON)} | dict(rows)


# GoToSocial.

GTS = "measured: GoToSocial 0.20.0-rc1"
GTS_READ = "read: internal/api of superseriousbusiness/gotosocial at 57cb4fe7; not measured"
_NO_ROWS = _oauth(
    400,
    "sql: no rows in result set",
    "Bad Request: could not get access token: sql: no rows in result set",
    GTS,
)
_GTS_MAY_NOT_REVOKE = _oauth(
    403, "unauthorized_client", "Forbidden: You are not authorized to revoke this token", GTS
)
_GTS_NO_TOKEN = _error(401, "Unauthorized: token not supplied", GTS)
_GTS_BARRED = _error(401, "Unauthorized: application not supplied", GTS_READ)

_GOTOSOCIAL = _else_as_mastodon(
    {
        "request: no User-Agent": _error(418, "I'm a teapot: no user-agent sent with request", GTS),
        "request: no JSON accepted": _error(406, "Not Acceptable: no format can be offered", GTS),
        "no such page": _error(404, "Not Found", GTS),
        "webfinger: unknown account": _error(404, "Not Found", GTS_READ),
        "register: too many": _ignored(GTS_READ),
        "register: unknown scope": _ignored(GTS),
        "link: unknown client": _row(500, "db error getting app for clientID", GTS_READ),
        "link: scope not registered": _row(
            302,
            b"",
            GTS,
            "{redirect_uri}?error=invalid_scope&error_description=The+requested+scope",
        ),
        "link: barred account": _row(200, "Account disabled.", GTS_READ),
        "exchange: grant type": _oauth(
            400, "unsupported_grant_type", "Bad Request: could not validate token request", GTS
        ),
        "exchange: unknown client": _NO_ROWS,
        "exchange: wrong secret": _oauth(
            400, "invalid_client", "Bad Request: could not get access token: invalid_client", GTS
        ),
        "exchange: unknown code": _NO_ROWS,
        "exchange: used code": _NO_ROWS,
        "exchange: expired code": _oauth(
            400, "invalid_grant", "Bad Request: could not get access token: invalid_grant", GTS
        ),
        "exchange: wrong redirect URI": _oauth(
            403, "invalid redirect uri", "Forbidden: requested redirect URI was not covered", GTS
        ),
        "revoke: wrong secret": _GTS_MAY_NOT_REVOKE,
        "revoke: unknown token and wrong secret": _ignored(GTS),
        "revoke: another client's token": _GTS_MAY_NOT_REVOKE,
        "revoke: unknown token": _ignored(GTS),
        "revoke: done": _row(200, {}, GTS),
        "token: narrow scope": _error(
            403, "Forbidden: token has insufficient scope permission", GTS
        ),
        **dict.fromkeys(PKCE, _ignored(GTS)),
        **dict.fromkeys(DEAD[:3], _GTS_NO_TOKEN),
        **dict.fromkeys(ACCOUNTS[:4], _GTS_BARRED),
        "account: disabled": _error(401, "Unauthorized: application not supplied", GTS),
        "account: needs-2fa": _ignored(GTS_READ),
        "post: long text": _ignored("read: up to 5,000 characters; not measured"),
        "post: unknown visibility": _ignored(GTS_READ),
    }
)


# Pleroma.

PL = "read: lib/pleroma/web of kphrx/pleroma at 112caa05; not measured"
_PL_INVALID = _error(400, "Invalid credentials", PL)
_PL_CRASHED = _row(500, {"errors": {"detail": "Internal server error"}}, PL)
_PL_NOBODY = _error(403, "Invalid credentials.", PL)
_PL_BARRED = _error(403, "Your account is currently disabled", PL)

_PLEROMA = _else_as_mastodon(
    {
        "no such page": _row(200, "Pleroma's front end", PL),
        "webfinger: unknown account": _error(404, "Couldn't find user", PL),
        "register: too many": _error(429, "Throttled", PL),
        "link: unknown client": _row(401, "Unknown OAuth app client_id", PL),
        # The form offers the application's own scopes alone: a part of one is not granted.
        "link: scope not registered": _row(401, "This action is outside the authorized scopes", PL),
        "link: barred account": _row(403, "Your account is currently disabled", PL),
        "exchange: grant type": _error(500, "Bad request", PL),
        "exchange: malformed code": _PL_CRASHED,
        "password: second factor": _row(
            403,
            {"error": "mfa_required", "mfa_token": "A1b2C3", "supported_challenge_types": "totp"},
            PL,
        ),
        "password: barred account": _PL_BARRED,
        "revoke: done": _row(200, {}, PL),
        **dict.fromkeys(REFUSED_CODES, _PL_INVALID),
        "password: wrong": _PL_INVALID,
        "password: scope not registered": _PL_INVALID,
        **dict.fromkeys((*DEAD, *ACCOUNTS[:4]), _PL_NOBODY),
        **dict.fromkeys((*PKCE, *UNCHECKED_REVOCATIONS), _ignored(PL)),
        **dict.fromkeys(("register: unknown scope", "exchange: wrong redirect URI"), _ignored(PL)),
        **dict.fromkeys(("account: needs-2fa", "post: unknown visibility"), _ignored(PL)),
        "token: narrow scope": _error(403, "Insufficient permissions: {scope}.", PL),
        "post: long text": _ignored("read: up to 5,000 characters; not measured"),
    }
)


# Pixelfed, as it answers who asks for JSON: then 500 stands for each error of OAuth.

PF = "read: pixelfed/pixelfed at 8aae92d7 and 00af376f; not measured"
PF_SEEN = "read: app/Exceptions/Handler.php; seen by users in pixelfed#5613 and #5426"
_PF_INVALID_CLIENT = _error(500, "Client authentication failed", PF)
_PF_INVALID_REQUEST = _error(
    500,
    "The request is missing a required parameter, includes an invalid parameter value, includes a "
    "parameter more than once, or is otherwise malformed.",
    PF,
)
_PF_INVALID_GRANT = _error(
    500,
    "The provided authorization grant (e.g., authorization code, resource owner credentials) or "
    "refresh token is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client.",
    PF,
)
_PF_NO_TOKEN = _error(500, "Unauthenticated.", PF_SEEN)
_PF_NO_PAGE = _error(404, "The route could not be found.", PF)
_PF_NO_REVOCATION = _never("there is no /oauth/revoke before pixelfed#7336")

_PIXELFED = _else_as_mastodon(
    {
        "no such page": _PF_NO_PAGE,
        "webfinger: unknown account": _row(400, b"", PF),
        "register: too many": _ignored(PF),
        "register: unknown scope": _ignored(PF),
        "link: unknown client": _oauth(401, "invalid_client", "Client authentication failed", PF),
        "link: scope not registered": _row(
            302, b"", PF, "{redirect_uri}?error=invalid_scope&hint=Check+the+scope"
        ),
        "link: barred account": _ignored(PF),
        "exchange: grant type": _error(
            500, "The authorization grant type is not supported by the authorization server.", PF
        ),
        "exchange: unknown client": _PF_INVALID_CLIENT,
        "exchange: wrong secret": _PF_INVALID_CLIENT,
        "exchange: wrong redirect URI": _PF_INVALID_CLIENT,
        "exchange: wrong verifier": _PF_INVALID_GRANT,
        **dict.fromkeys((*REFUSED_CODES[2:], *PKCE[1::2]), _PF_INVALID_REQUEST),
        **dict.fromkeys(DEAD, _PF_NO_TOKEN),
        **dict.fromkeys((*UNCHECKED_REVOCATIONS, "revoke: unknown token"), _PF_NO_REVOCATION),
        "revoke: done": _PF_NO_PAGE,
        "token: narrow scope": _error(403, "", PF),
        "account: unconfirmed": _row(302, b"", PF, "{origin}/i/verify-email"),
        "account: pending": _error(403, "", PF),
        "account: disabled": _error(403, "", PF),
        "account: suspended": _error(403, "", PF),
        "account: needs-2fa": _error(403, "", PF),
        "post: text alone": _error(403, "Empty statuses are not allowed", PF),
        "post: long text": _ignored(PF),
        "post: unknown visibility": _row(
            500, {"message": "The selected visibility is invalid."}, PF
        ),
        "post: the same key again": _error(400, "Duplicate idempotency key.", PF),
    }
)


# Takahē.

TK = "measured: Takahē 0.11.0"
TK_READ = "read: jointakahe/takahe at d45f22c9; not measured"
_TK_DENIED = _error(401, "access_denied", TK)
_TK_CRASHED = _row(500, "The server encountered an error trying to process your request.", TK)
_TK_403 = _row(403, b"", TK)
_TK_DEAD = _row(400, b"Invalid Bearer token", TK)
_TK_ACTS = _ignored(TK)  # a banned user and a blocked identity still get 200

_TAKAHE = _else_as_mastodon(
    {
        "no such page": _row(404, "Sorry about that.", TK),
        "instance v2": _TK_CRASHED,  # where there is no administrator
        "webfinger: unknown account": _row(404, "Sorry about that.", TK_READ),
        "register: too many": _ignored(TK),
        "register: unknown scope": _ignored(TK),
        "link: unknown client": _row(400, "Error: Invalid client_id", TK_READ),
        "link: scope not registered": _ignored(TK),
        "link: barred account": _ignored(TK_READ),
        "exchange: grant type": _error(400, "invalid_grant_type", TK_READ),
        "exchange: unknown client": _TK_DENIED,
        "exchange: wrong secret": _TK_DENIED,
        "exchange: unknown code": _TK_CRASHED,
        "exchange: used code": _ignored(TK),
        "exchange: expired code": _TK_DENIED,
        "exchange: wrong redirect URI": _TK_DENIED,
        **dict.fromkeys(PKCE, _ignored(TK)),
        **dict.fromkeys((*UNCHECKED_REVOCATIONS, "revoke: unknown token"), _TK_403),
        "revoke: done": _row(200, b"", TK),
        "token: none": _error(401, "identity_token_required", TK_READ),
        "token: unknown": _TK_DEAD,
        "token: revoked": _TK_DEAD,
        "token: narrow scope": _error(403, "out_of_scope_for_token", TK),
        "post: long text": _error(400, "Status is too long", TK_READ),
        "post: unknown visibility": _error(400, "invalid_input", TK_READ),
        **dict.fromkeys(ACCOUNTS, _TK_ACTS),
    }
)


# Friendica, snac, Hollo.

FR = "measured: Friendica 2024.09-rc"
_FR_PAGE = _row(401, "Unauthorized", FR)
_FR_403 = _error(403, "Unauthorized", FR)
_FRIENDICA = _else_as_mastodon(
    {
        "no such page": _row(404, "Page not found.", FR),
        "register: unknown scope": _ignored(FR),
        "link: plain challenge": _ignored(FR),
        "exchange: grant type": _error(403, "unsupported_grant_type", FR),
        "exchange: no verifier": _ignored(FR),
        "exchange: unknown client": _error(403, "invalid_client", FR),
        "exchange: unknown code": _FR_403,
        "exchange: used code": _ignored(FR),
        "exchange: wrong verifier": _ignored(FR),
        "exchange: verifier without a challenge": _ignored(FR),
        "revoke: wrong secret": _FR_403,
        "revoke: unknown token and wrong secret": _FR_403,
        "revoke: unknown token": _FR_403,
        "revoke: done": _row(200, b"[]", FR),
        "token: none": _FR_PAGE,
        "token: unknown": _FR_PAGE,
        "token: revoked": _FR_PAGE,
        "post: the same key again": _ignored(FR),
    }
)

SN = "measured: snac 2.94"
_SN_DEAD = _row(422, b"", SN)
_SN_NO_CLIENT = _row(401, b"", SN)
_SN_403 = _row(403, b"", SN)
_SNAC = _else_as_mastodon(
    {
        "no such page": _row(404, "404 Not Found", SN),
        "register: unknown scope": _ignored(SN),
        "link: scope not registered": _ignored(SN),
        "link: plain challenge": _ignored(SN),
        "exchange: grant type": _row(400, "400 Bad Request", SN),
        "exchange: no verifier": _ignored(SN),
        "exchange: unknown client": _SN_NO_CLIENT,
        "exchange: unknown code": _ignored(SN),
        "exchange: used code": _ignored(SN),
        "exchange: expired code": _ignored(SN),
        "exchange: wrong verifier": _ignored(SN),
        "exchange: verifier without a challenge": _ignored(SN),
        "revoke: wrong secret": _SN_403,
        "revoke: unknown token and wrong secret": _SN_403,
        "revoke: unknown token": _SN_403,
        "token: none": _row(401, b"", SN),
        "token: unknown": _SN_DEAD,
        "token: revoked": _SN_DEAD,
        "token: narrow scope": _ignored(SN),
        "post: the same key again": _ignored(SN),
    }
)

HO = "measured: Hollo 0.10.0"
_HO_DEAD = _error(401, "invalid_token", HO)
_HO_401 = _error(401, "invalid_client", HO)
_HOLLO = _else_as_mastodon(
    {
        "register: unknown scope": _error(422, "zod_error", HO),
        "exchange: grant type": _error(400, "unsupported_grant_type", HO),
        "exchange: unknown client": _HO_401,
        "exchange: unknown code": _error(400, "invalid_grant", HO),
        "exchange: used code": _error(400, "invalid_grant", HO),
        "revoke: wrong secret": _HO_401,
        "revoke: unknown token and wrong secret": _HO_401,
        "revoke: unknown token": _ignored(HO),
        "revoke: done": _row(200, {}, HO),
        "token: unknown": _HO_DEAD,
        "token: revoked": _HO_DEAD,
    }
)

TABLE: Mapping[str, Mapping[Situation, Row]] = {
    "mastodon-4.7": _MASTODON_4_7,
    "mastodon-4.2": _MASTODON_4_2,
    "gotosocial": _GOTOSOCIAL,
    "pleroma": _PLEROMA,
    "pixelfed": _PIXELFED,
    "takahe": _TAKAHE,
    "friendica": _FRIENDICA,
    "snac": _SNAC,
    "hollo": _HOLLO,
}
