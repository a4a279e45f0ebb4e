"""What each server answers in each situation, and where that is known from.

A row is what a client sees in a situation that the tool can come into. *Measured* rows are answers
of real servers on loopback; all others are read from the server's source code, and say that nobody
measured them. None as a row's answer means that the server does not mind.
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


def _row(status: int, body: Body, source: str) -> Row:
    return Row(Answer(status, body), source)


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
ACCOUNTS = ("account: unconfirmed", "account: pending", "account: suspended", "account: disabled")


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
    "register: too many": _error(429, "Too many requests", "read: rack_attack.rb; not measured"),
    "token: expired": Row(sandbox.MASTODON["token: expired"], MASTODON, occurs=False),
    "password: wrong": _never(_NO_PASSWORDS),
    "password: second factor": _never(_NO_PASSWORDS),
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
    **dict.fromkeys(PKCE, _ignored(_NO_PKCE)),
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
_GTS_NO_TOKEN = _error(401, "Unauthorized: token not supplied", GTS)
_GTS_BARRED = _error(401, "Unauthorized: application not supplied", GTS_READ)

_GOTOSOCIAL = _else_as_mastodon(
    {
        "no such page": _error(404, "Not Found", GTS),
        "exchange: unknown client": _NO_ROWS,
        "exchange: unknown code": _NO_ROWS,
        "exchange: used code": _NO_ROWS,
        "exchange: expired code": _oauth(
            400, "invalid_grant", "Bad Request: could not get access token: invalid_grant", GTS
        ),
        "revoke: unknown token": _ignored(GTS),
        "revoke: done": _row(200, {}, GTS),
        "token: narrow scope": _error(
            403, "Forbidden: token has insufficient scope permission", GTS
        ),
        **dict.fromkeys(PKCE, _ignored(GTS)),
        **dict.fromkeys(DEAD[:3], _GTS_NO_TOKEN),
        **dict.fromkeys(ACCOUNTS, _GTS_BARRED),
        "account: disabled": _error(401, "Unauthorized: application not supplied", GTS),
    }
)


# Pleroma.

PL = "read: lib/pleroma/web of kphrx/pleroma at 112caa05; not measured"
_PL_INVALID = _error(400, "Invalid credentials", PL)
_PL_NOBODY = _error(403, "Invalid credentials.", PL)

_PLEROMA = _else_as_mastodon(
    {
        "no such page": _row(200, "Pleroma's front end", PL),
        "password: second factor": _row(
            403,
            {"error": "mfa_required", "mfa_token": "A1b2C3", "supported_challenge_types": "totp"},
            PL,
        ),
        "revoke: done": _row(200, {}, PL),
        **dict.fromkeys(REFUSED_CODES, _PL_INVALID),
        "password: wrong": _PL_INVALID,
        **dict.fromkeys((*DEAD, *ACCOUNTS), _PL_NOBODY),
        **dict.fromkeys(PKCE, _ignored(PL)),
        "token: narrow scope": _error(403, "Insufficient permissions: {scope}.", PL),
    }
)


# Pixelfed, as it answers who asks for JSON: then 500 stands for each error of OAuth.

PF = "read: pixelfed/pixelfed at 8aae92d7 and 00af376f; not measured"
PF_SEEN = "read: app/Exceptions/Handler.php; seen by users in pixelfed#5613 and #5426"
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

_PIXELFED = _else_as_mastodon(
    {
        "no such page": _PF_NO_PAGE,
        "exchange: unknown client": _error(500, "Client authentication failed", PF),
        "exchange: wrong verifier": _PF_INVALID_GRANT,
        **dict.fromkeys((*REFUSED_CODES[2:], *PKCE[1::2]), _PF_INVALID_REQUEST),
        **dict.fromkeys(DEAD, _PF_NO_TOKEN),
        "revoke: done": _PF_NO_PAGE,
    }
)


# Takahē.

TK = "measured: Takahē 0.11.0"
_TK_DENIED = _error(401, "access_denied", TK)
_TK_CRASHED = _row(500, "The server encountered an error trying to process your request.", TK)
_TK_DEAD = _row(400, b"Invalid Bearer token", TK)

_TAKAHE = _else_as_mastodon(
    {
        "no such page": _row(404, "Sorry about that.", TK),
        "exchange: unknown client": _TK_DENIED,
        "exchange: unknown code": _TK_CRASHED,
        "exchange: used code": _ignored(TK),
        "exchange: expired code": _TK_DENIED,
        **dict.fromkeys(PKCE, _ignored(TK)),
        "revoke: unknown token": _row(403, b"", TK),
        "revoke: done": _row(200, b"", TK),
        "token: unknown": _TK_DEAD,
        "token: revoked": _TK_DEAD,
        "token: narrow scope": _error(403, "out_of_scope_for_token", TK),
    }
)


# Friendica, snac, Hollo.

FR = "measured: Friendica 2024.09-rc"
_FRIENDICA = _else_as_mastodon(
    {
        "no such page": _row(404, "Page not found.", FR),
        "exchange: unknown client": _error(403, "invalid_client", FR),
        "exchange: unknown code": _error(403, "Unauthorized", FR),
        "exchange: used code": _ignored(FR),
        **dict.fromkeys(PKCE, _ignored(FR)),
        "revoke: unknown token": _error(403, "Unauthorized", FR),
        "revoke: done": _row(200, b"[]", FR),
        "token: revoked": _row(401, "Unauthorized", FR),
    }
)

SN = "measured: snac 2.94"
_SN_DEAD = _row(422, b"", SN)
_SNAC = _else_as_mastodon(
    {
        "no such page": _row(404, "404 Not Found", SN),
        "exchange: unknown client": _row(401, b"", SN),
        "exchange: unknown code": _ignored(SN),
        "exchange: used code": _ignored(SN),
        "exchange: expired code": _ignored(SN),
        **dict.fromkeys(PKCE, _ignored(SN)),
        "token: none": _row(401, b"", SN),
        "token: unknown": _SN_DEAD,
        "token: revoked": _SN_DEAD,
    }
)

HO = "measured: Hollo 0.10.0"
_HOLLO = _else_as_mastodon(
    {
        "exchange: unknown client": _error(401, "invalid_client", HO),
        "exchange: unknown code": _error(400, "invalid_grant", HO),
        "exchange: used code": _error(400, "invalid_grant", HO),
        "revoke: done": _row(200, {}, HO),
        "token: revoked": _error(401, "invalid_token", HO),
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
