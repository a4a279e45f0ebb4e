"""What Mastodon answers in each situation in which other servers answer something else.

Tests derive the tables of other servers from this one; None stands where a server does not mind.
Words and statuses are those of Doorkeeper 5.8 and of Mastodon's controllers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.sandbox import pages
from provisioner.sandbox.web import Response, html_response, json_response

Situation = str
"""A key of the table."""


@dataclass(frozen=True)
class Answer:
    """An answer: JSON where the body is a mapping, a page where it is a text, else as it is.

    `{scope}` stands for the scope that is lacking.
    """

    status: int
    body: Mapping[str, object] | str | bytes = b""

    def response(self, scope: str = "") -> Response:
        match self.body:
            case bytes():
                return Response(
                    self.status, (("Content-Type", "text/html; charset=utf-8"),), self.body
                )
            case str():
                return html_response(self.status, pages.error(self.body))
            case _:
                filled = {
                    name: value.replace("{scope}", scope) if isinstance(value, str) else value
                    for name, value in self.body.items()
                }
                return json_response(self.status, filled)


def _oauth(status: int, error: str, description: str) -> Answer:
    return Answer(status, {"error": error, "error_description": description})


def _missing(name: str) -> Answer:
    return _oauth(400, "invalid_request", f"Missing required parameter: {name}.")


def _invalid(problem: str) -> Answer:
    return Answer(422, {"error": f"Validation failed: {problem}"})


_UNKNOWN_CLIENT = (
    "Client authentication failed due to unknown client, no client authentication included, or "
    "unsupported authentication method."
)
_INVALID_CLIENT = _oauth(401, "invalid_client", _UNKNOWN_CLIENT)
_INVALID_GRANT = _oauth(
    400,
    "invalid_grant",
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection "
    "URI used in the authorization request, or was issued to another client.",
)
_INVALID_SCOPE = "The requested scope is invalid, unknown, or malformed."
_MAY_NOT_REVOKE = _oauth(403, "unauthorized_client", "You are not authorized to revoke this token")

MASTODON: Mapping[Situation, Answer | None] = {
    "no such page": Answer(404, {"error": "Not Found"}),
    "webfinger: no resource": Answer(400),
    "webfinger: unknown account": Answer(404),
    "register: no name": _invalid("Application name can't be blank"),
    "register: long name": _invalid("Application name is too long (maximum is 60 characters)"),
    "register: no redirect URI": _invalid("Redirect URI can't be blank"),
    "register: bad redirect URI": _invalid("Redirect URI must be an absolute URI."),
    "register: unknown scope": _invalid("Scopes doesn't match configured on the server."),
    "link: unknown client": Answer(401, _UNKNOWN_CLIENT),
    "link: foreign redirect URI": Answer(400, "The redirect uri included is not valid."),
    "link: response type": Answer(
        400, "The authorization server does not support this response type."
    ),
    "link: scope not registered": Answer(400, _INVALID_SCOPE),
    "link: plain challenge": Answer(
        400, "The code challenge method must be S256, plain is unsupported."
    ),
    "exchange: grant type": _oauth(
        400,
        "unsupported_grant_type",
        "The authorization grant type is not supported by the authorization server.",
    ),
    "exchange: no code": _missing("code"),
    "exchange: no verifier": _missing("code_verifier"),
    "exchange: no redirect URI": _missing("redirect_uri"),
    "exchange: unknown client": _INVALID_CLIENT,
    "exchange: wrong secret": _INVALID_CLIENT,
    "exchange: unknown code": _INVALID_GRANT,
    "exchange: used code": _INVALID_GRANT,
    "exchange: expired code": _INVALID_GRANT,
    "exchange: another client's code": _INVALID_GRANT,
    "exchange: wrong redirect URI": _INVALID_GRANT,
    "exchange: wrong verifier": _INVALID_GRANT,
    "exchange: verifier without a challenge": _INVALID_GRANT,
    "revoke: unknown token and wrong secret": _MAY_NOT_REVOKE,
    "revoke: another client's token": _MAY_NOT_REVOKE,
    "revoke: unknown token": None,
    "revoke: done": Answer(200, {}),
    "token: none": Answer(401, {"error": "The access token is invalid"}),
    "token: unknown": Answer(401, {"error": "The access token is invalid"}),
    "token: revoked": Answer(401, {"error": "The access token was revoked"}),
    "token: expired": Answer(401, {"error": "The access token expired"}),
    "token: narrow scope": Answer(403, {"error": "This action is outside the authorized scopes"}),
    "post: no text": _invalid("Text can't be blank"),
    "post: long text": _invalid("Text character limit of 500 exceeded"),
    "post: unknown visibility": _invalid("Visibility is not included in the list"),
}
