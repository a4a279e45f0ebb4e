"""An instance's API: register an application, exchange, verify, revoke.

Forms with the documented fields only, and credentials in the body: the one shape that Mastodon,
GoToSocial, Takahē and the others all take (https://docs.joinmastodon.org/methods/oauth/).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from provisioner.addresses import joined
from provisioner.answer import Answer
from provisioner.errors import (
    NoAnswerError,
    PersonNeededError,
    ProvisionerError,
    TransportError,
)
from provisioner.http import Http
from provisioner.mastodon_errors import (
    BARRED,
    INVALID_OR_BARRED,
    MAY_NOT_ACT,
    code_refused,
    login_refused,
    registration_refused,
    scopes_dropped,
    unknown_application,
)
from provisioner.oauth import OUT_OF_BAND, WORD, Application, Server
from provisioner.secret import Secret, is_visible

SHORTEST_TOKEN = 16
LONGEST_LIFE = 200 * 365 * 86400
"""Seconds; Pleroma's tokens live for 100 years."""
MOST_SCOPES = 50
"""More than any instance knows: what a server sends is bounded before it is kept."""
ACCOUNT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Numbers, and on other servers ULIDs, UUIDs, flake ids: no address, and nothing else than a part
of a path."""


@dataclass(frozen=True)
class Grant:
    """The answer to an exchange (RFC 6749, section 5.1)."""

    token: Secret
    scopes: tuple[str, ...] | None
    """What was granted; None where the server does not say (then it is what was asked)."""
    expires_in: int | None
    """Seconds; None for a token that does not expire."""


@dataclass(frozen=True)
class Alive:
    """The token works, and belongs to this account."""

    id: str
    user: str = field(repr=False)
    domain: str = field(repr=False)
    """"" where it is the server's own: `acct` names it for others only."""
    shown: str
    """Both, fit to print."""


@dataclass(frozen=True)
class Dead:
    """The instance itself says that the token is invalid, expired or revoked."""

    reason: str


@dataclass(frozen=True)
class Unclear:
    """Neither: nothing may be concluded about the token."""

    reason: str
    refused: bool
    """Whether it was a refusal (4xx): enough for a token that we ourselves just revoked."""
    todo: str = ""
    """What a person can do, where the account is what is refused, or may be."""
    token_stands: bool = False
    """Whether the answer says that the token itself is good."""


Heard = Literal["accepted", "refused", "unheard"]
"""How a revocation was answered; “unheard” where perhaps not by the instance itself."""


@dataclass(frozen=True)
class Unheard:
    """The token works still, and the instance may not have heard that it is to be revoked."""

    reason: str


@dataclass(frozen=True)
class Mastodon:
    """The API of one instance."""

    http: Http
    server: Server

    def register(self, name: str, scopes: tuple[str, ...]) -> Application:
        """Register a new application (POST /api/v1/apps).

        `scopes` goes as one string: as a list Mastodon drops it silently, and grants `read` only.
        Raises ScopesRefusedError where the instance refuses scopes or name, InputError where it
        moved, PersonNeededError where it refuses us, ProvisionerError where it asks for patience.
        """
        answer = self.http.send(
            "POST",
            self.server.registration_endpoint,
            form={"client_name": name, "redirect_uris": OUT_OF_BAND, "scopes": " ".join(scopes)},
        )
        if not answer.ok:
            raise registration_refused(self.server, answer, scopes)
        client_id = _identifier(answer.fields().get("client_id"))
        client_secret = Secret(answer.text("client_secret"))
        if not (client_id and is_visible(client_secret.reveal())):
            raise TransportError(
                "registration-unreadable",
                f"{self.server.host} did not say what application it registered.",
                why=f"Its answer, {answer.described()}, holds no usable client id and secret.",
                todo="Check that this is the address of the instance itself, then run this again.",
            )
        registered = answer.fields().get("scopes")
        if isinstance(registered, list) and (missing := set(scopes) - set(map(str, registered))):
            raise scopes_dropped(self.server.host, missing)
        return Application(client_id=client_id, client_secret=client_secret)

    def exchange(self, application: Application, code: Secret, verifier: Secret | None) -> Grant:
        """Exchange the one-time code, once (RFC 6749, section 4.1.3).

        `scope` is not sent: Iceshrimp would narrow the token by it. Verifier and challenge go
        together: Mastodon refuses either without the other.
        Raises InvalidGrantError or InvalidClientError where the instance definitely refuses;
        NotSentError; other TransportErrors where it may or may not have issued a token.
        """
        form: dict[str, str | Secret] = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "redirect_uri": OUT_OF_BAND,
        }
        if verifier:
            form["code_verifier"] = verifier
        return self._issue(form, code_refused)

    def log_in(
        self, application: Application, user: Secret, password: Secret, scopes: tuple[str, ...]
    ) -> Grant:
        """Exchange user name and password, once (RFC 6749, section 4.3.2).

        `scope` is sent: without it Mastodon grants `read` alone.
        Raises as `exchange`, and NoPasswordGrantError where the server takes no passwords.
        """
        form: dict[str, str | Secret] = {
            "grant_type": "password",
            "username": user,
            "password": password,
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "scope": " ".join(scopes),
        }
        return self._issue(form, login_refused)

    def _issue(
        self, form: dict[str, str | Secret], refused: Callable[[Server, Answer], ProvisionerError]
    ) -> Grant:
        """Ask the token endpoint, once; `refused` says what a definite refusal means."""
        answer = self.http.send("POST", self.server.token_endpoint, form=form, wait=_never)
        if answer.ok and answer.fields():
            return _grant(self.server.host, answer)
        # A definite refusal names its error (RFC 6749, section 5.2); a page in front does not.
        if answer.refused and answer.fields().get("error"):
            if answer.text("error") == "invalid_client":
                raise unknown_application(self.server.host, answer)
            raise refused(self.server, answer)
        raise NoAnswerError(
            "exchange-unclear",
            f"{self.server.host} answered the exchange with {answer.described()}, and no token.",
            why="It redirects elsewhere, where what is secret is not sent. If it has moved for "
            "good, abandon this, and begin again with its new address."
            if answer.redirect
            else "It may have spent a code: some servers answer so to a wrong or expired one. Or "
            "something in front of it did not let us through.",
        )

    def verify(self, token: Secret) -> Alive | Dead | Unclear:
        """Whose token it is (GET /api/v1/accounts/verify_credentials).

        Only a 401 in the API's own form means dead, or what the server is known to answer in its
        place. Mastodon answers 403 for accounts that are disabled, moved or unconfirmed and for
        scopes that are too narrow; proxies answer anything.
        """
        url = f"{self.server.origin}/api/v1/accounts/verify_credentials"
        try:
            answer = self.http.send("GET", url, bearer=token, repeat=True)
        except TransportError as error:
            return Unclear(error.what.removesuffix("."), refused=False)
        user, number = answer.text("username"), _identifier(answer.fields().get("id"))
        if answer.status == 200 and user and ACCOUNT_ID.fullmatch(number):
            domain = answer.text("acct").partition("@")[2]
            return Alive(number, user, domain, answer.shown(f"{user}@{domain}".rstrip("@")))
        reason = f"{self.server.host} answered {answer.described()}"
        if self.says_invalid(answer):
            return Dead(reason)
        return self.barred(answer) or Unclear(reason, answer.refused)

    def says_invalid(self, answer: Answer) -> bool:
        """Whether a token was refused as invalid: by the API's own 401, or as this server does."""
        if self._says(answer, self.server.habits.barred):
            return False
        by_itself = answer.status == 401 and bool(answer.fields().get("error"))
        return by_itself or self._says(answer, self.server.habits.invalid_token)

    def barred(self, answer: Answer) -> Unclear | None:
        """What is known of an account that may do nothing, or perhaps of its token."""
        host = self.server.host
        for words, (state, todo) in BARRED.items():
            if answer.status == 403 and words in answer.text("error"):
                reason = f"{host} says that the account {state}"
                return Unclear(reason, refused=True, todo=todo, token_stands=True)
        if self._says(answer, self.server.habits.barred):
            state, todo = MAY_NOT_ACT
            return Unclear(f"{host} {state}", refused=True, todo=todo, token_stands=True)
        if self._says(answer, self.server.habits.invalid_or_barred):
            state, todo = INVALID_OR_BARRED
            return Unclear(f"{host} {state}", refused=True, todo=todo)
        return None

    def _says(self, answer: Answer, ways: tuple[tuple[int, str], ...]) -> bool:
        """Whether it is one of these answers of this very server."""
        said = {answer.text("error"), answer.body.decode(errors="replace").strip()}
        if answer.redirect:
            url = joined(self.server.origin, answer.headers.get("location", ""))
            said = {url.removeprefix(self.server.origin)}
        return any(status == answer.status and words in said for status, words in ways)

    def revoke(self, application: Application, token: Secret) -> Alive | Dead | Unclear | Unheard:
        """Revoke a token with its own application's credentials (RFC 7009); how it is afterwards.

        A 200 proves nothing, since servers answer so to unknown tokens too: the token is tried
        afterwards. Where the revocation was accepted, any refusal of the token means dead
        (but for one that says it is good); where it was heard, a token that still works is one that
        can't be revoked.
        """
        form: dict[str, str | Secret] = {
            "token": token,
            "client_id": application.client_id,
            "client_secret": application.client_secret,
        }
        try:
            heard = self._revoke(form)
            if heard != "accepted":
                heard = self._revoke(form, bearer=token)  # as Mitra wants it
        except TransportError:
            heard = "unheard"
        match self.verify(token):
            case Unclear(reason, refused=True, token_stands=False) if heard == "accepted":
                return Dead(reason)
            case Alive() if heard == "unheard":
                return Unheard(f"{self.server.host} did not answer its revocation")
            case state:
                return state

    def _revoke(self, form: dict[str, str | Secret], bearer: Secret | None = None) -> Heard:
        url = self.server.revocation_endpoint
        if not url:
            return "refused"
        answer = self.http.send("POST", url, form=form, bearer=bearer, repeat=True)
        # Mastodon answers `{}`, Takahē nothing at all; a page may be from something in between.
        if answer.ok and not answer.is_page:
            return "accepted"
        # Where there is no such endpoint, that may be said by a page.
        refused = answer.status == 404 or (answer.refused and not answer.is_page)
        return "refused" if refused else "unheard"


def _grant(host: str, answer: Answer) -> Grant:
    token = Secret(answer.text("access_token"))
    if len(token) < SHORTEST_TOKEN or not is_visible(token.reveal()):
        raise PersonNeededError(
            "bad-token",
            f"{host} sent something that can't be an access token.",
            why=f"A token is {SHORTEST_TOKEN} to 4096 visible ASCII characters; a shorter one "
            "could not be masked in a log, one with a line break not be used.",
            todo="Nothing was stored. Tell the instance's admin.",
        )
    scopes = [word for word in answer.text("scope").split() if WORD.fullmatch(word)]
    return Grant(token, tuple(scopes[:MOST_SCOPES]) or None, _seconds(answer))


def _seconds(answer: Answer) -> int | None:
    """`expires_in` (RFC 6749, section 5.1), which some servers send as a string."""
    value = answer.fields().get("expires_in")
    try:
        seconds = int(value) if isinstance(value, str | float) else value
    except (ValueError, OverflowError):
        return None
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        return None
    return seconds if 0 < seconds < LONGEST_LIFE else None


def _identifier(value: object) -> str:
    """A client id or an account's number: a string, or (Pixelfed) a number; "" for neither."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if is_visible(text) else ""


def _never(_answer: Answer) -> None:
    """A code is exchanged once: no answer is a reason to try again."""
