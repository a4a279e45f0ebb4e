"""An instance's API: register an application, authorize, exchange, verify, revoke.

Forms with the documented fields only, and credentials in the body: the one shape that Mastodon,
GoToSocial, Takahē and the others all take (https://docs.joinmastodon.org/methods/oauth/).
"""

import base64
import hashlib
from dataclasses import dataclass

import httpx
from pydantic import BaseModel

from provisioner.discovery import Server
from provisioner.errors import (
    InputError,
    NoAnswerError,
    PersonNeededError,
    ProvisionerError,
    TransportError,
    plain,
)
from provisioner.http import Answer, Http, rate_limit_reset, retry_after
from provisioner.secret import SealedSecret, Secret

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect URI that makes the instance show the code to the person."""
SHORTEST_TOKEN = 16
LONGEST_TOKEN = 4096
LONGEST_LIFE = 200 * 365 * 86400
"""Seconds; Pleroma's tokens live for 100 years."""
MOST_SCOPES = 100
"""More than any instance knows: what a server sends is bounded before it is kept."""


class Application(BaseModel, frozen=True):
    """What the instance registered (RFC 6749: the client)."""

    client_id: str
    client_secret: SealedSecret
    by_hand: bool = False
    """Made by a person: its tokens may be in use elsewhere, and are never revoked by us."""


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
    user: str


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


class InvalidGrantError(ProvisionerError):
    """The exchange was refused: no token was issued."""


class InvalidClientError(ProvisionerError):
    """The instance does not know the application."""


def challenge(verifier: Secret) -> str:
    """The PKCE code challenge of a verifier, method S256 (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.reveal().encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorization_url(
    server: Server, client_id: str, scopes: tuple[str, ...], verifier: Secret | None
) -> str:
    """The link that the person opens (RFC 6749, section 4.1.1).

    Without `state`: Mastodon does not show it with the out-of-band redirect, others would append
    it to the code. `force_login=true` makes Mastodon ask even where a token exists already;
    `false` makes Pleroma show an old token in place of a code, so it is never sent.
    """
    params = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": OUT_OF_BAND,
        "scope": " ".join(scopes),
        "force_login": "true",
    }
    if verifier:
        params |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
    return str(httpx.URL(server.authorization_endpoint).copy_merge_params(params))


@dataclass(frozen=True)
class Mastodon:
    """The API of one instance."""

    http: Http
    server: Server

    def register(self, name: str, scopes: tuple[str, ...]) -> Application:
        """Register a new application (POST /api/v1/apps).

        `scopes` goes as one string: as a list Mastodon drops it silently, and grants `read` only.
        Raises InputError where the instance refuses scopes or name, PersonNeededError where it
        refuses us, ProvisionerError where it asks for patience.
        """
        answer = self.http.send(
            "POST",
            self.server.registration_endpoint,
            form={"client_name": name, "redirect_uris": OUT_OF_BAND, "scopes": " ".join(scopes)},
        )
        if not answer.ok:
            raise _registration_refused(self.host, answer, scopes)
        fields = answer.fields()
        client_id = str(fields.get("client_id") or "")  # a number on Pixelfed
        client_secret = answer.text("client_secret")
        if not (is_visible(client_id) and is_visible(client_secret)):
            raise TransportError(
                "registration-unreadable",
                f"{self.host} did not say what application it registered: {answer.described()}.",
                why="Its answer holds no usable client_id and client_secret.",
                todo="Check that this is the address of the instance itself, then run this again.",
            )
        registered = fields.get("scopes")
        if isinstance(registered, list) and (missing := set(scopes) - set(map(str, registered))):
            raise _scopes_dropped(self.host, missing)
        return Application(client_id=client_id, client_secret=Secret(client_secret))

    def exchange(self, application: Application, code: Secret, verifier: Secret | None) -> Grant:
        """Exchange the one-time code, once (RFC 6749, section 4.1.3).

        `scope` is not sent: Iceshrimp would narrow the token by it. Verifier and challenge go
        together: Mastodon refuses either without the other.
        Raises InvalidGrantError or InvalidClientError where the instance definitely refuses;
        TransportError where it may or may not have issued a token.
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
        answer = self.http.send("POST", self.server.token_endpoint, form=form, wait=_never)
        if answer.ok:
            return self._grant(answer)
        if 400 <= answer.status < 500 and answer.status not in {408, 429}:
            raise _exchange_refused(self.host, answer)
        raise NoAnswerError(
            "exchange-unclear",
            f"{self.host} answered the exchange with {answer.described()}.",
            why="It may have spent the code. Some servers answer so to a wrong or expired code.",
        )

    def verify(self, token: Secret) -> Alive | Dead | Unclear:
        """Whose token it is (GET /api/v1/accounts/verify_credentials).

        Only a 401 in the API's own form means dead. Mastodon answers 403 for accounts that are
        disabled, moved or unconfirmed and for scopes that are too narrow; proxies answer anything.
        """
        url = f"{self.server.origin}/api/v1/accounts/verify_credentials"
        try:
            answer = self.http.send("GET", url, bearer=token, repeat=True)
        except TransportError as error:
            return Unclear(error.what, refused=False)
        user, number = answer.text("username"), answer.fields().get("id")
        if answer.status == 200 and user and isinstance(number, str | int):
            return Alive(plain(str(number)), plain(user))
        reason = f"{self.host} answered {answer.described()}"
        if answer.status == 401 and answer.text("error"):
            return Dead(reason)
        return Unclear(reason, refused=400 <= answer.status < 500)

    def revoke(self, application: Application, token: Secret) -> bool:
        """Revoke a token with its own application's credentials (RFC 7009); whether it is dead.

        A 200 proves nothing, since servers answer so to unknown tokens too: the token is tried
        afterwards.
        """
        if self.server.revocation_endpoint:
            form: dict[str, str | Secret] = {
                "token": token,
                "client_id": application.client_id,
                "client_secret": application.client_secret,
            }
            self.http.send("POST", self.server.revocation_endpoint, form=form, repeat=True)
        verdict = self.verify(token)
        return isinstance(verdict, Dead) or (isinstance(verdict, Unclear) and verdict.refused)

    @property
    def host(self) -> str:
        """The instance's name, for people."""
        return httpx.URL(self.server.origin).netloc.decode()

    def _grant(self, answer: Answer) -> Grant:
        token = answer.text("access_token")
        if not answer.fields():
            raise NoAnswerError(
                "exchange-unclear",
                f"{self.host} answered the exchange with a page instead of a token.",
                why="Something between may have answered in its place.",
            )
        if not (SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN and is_visible(token)):
            raise PersonNeededError(
                "bad-token",
                f"{self.host} sent something that can't be an access token.",
                why=f"A token is {SHORTEST_TOKEN} to {LONGEST_TOKEN} visible ASCII characters; a "
                "shorter one could not be masked in a log, one with a line break not be used.",
                todo="Nothing was stored. Tell the instance's admin, or try another server.",
            )
        scopes = tuple(scope for scope in answer.text("scope").split() if is_visible(scope))
        seconds = answer.fields().get("expires_in")
        if not isinstance(seconds, int) or not 0 < seconds < LONGEST_LIFE:
            seconds = None
        return Grant(Secret(token), scopes[:MOST_SCOPES] or None, seconds)


def is_visible(text: str) -> bool:
    """Visible ASCII (VSCHAR without the space): what can stand in a header and be masked."""
    return 0 < len(text) <= LONGEST_TOKEN and all("!" <= c <= "~" for c in text)


def _never(_answer: Answer) -> None:
    """A code is exchanged once: no answer is a reason to try again."""


def _registration_refused(host: str, answer: Answer, scopes: tuple[str, ...]) -> ProvisionerError:
    if answer.status == 429:
        seconds = retry_after(answer) or rate_limit_reset(answer) or 600.0
        return ProvisionerError(
            "registration-throttled",
            f"{host} takes no more new applications from this address for now.",
            why="Mastodon allows 5 in 10 minutes per address, and GitHub's runners share theirs.",
            todo=f"Run this again in {seconds / 60:.0f} minutes.",
        )
    if answer.status in {400, 422}:
        return InputError(
            "registration-refused",
            f"{host} refused to register an application: {answer.described()}.",
            why=f"It does not know one of the scopes ({' '.join(scopes)}), or does not like the "
            "application's name.",
            todo="Choose scopes that this server knows with --scopes (older and some other servers "
            "know only “read write”), or another --app-name.",
            link="https://docs.joinmastodon.org/api/oauth-scopes/",
        )
    if answer.status in {401, 403, 404, 405, 410}:
        return PersonNeededError(
            "registration-closed",
            f"{host} does not let this network register applications: {answer.described()}.",
            why="It may block data centres or scripts, or have OAuth switched off.",
            todo="Make an application by hand in its Preferences > Development, and give its "
            "client id and secret; or try from another network.",
        )
    return TransportError(
        "instance-unwell",
        f"{host} is in trouble: it answers {answer.described()}.",
        todo="Run this again when the instance is well.",
    )


def _scopes_dropped(host: str, missing: set[str]) -> InputError:
    return InputError(
        "scopes-dropped",
        f"{host} registered the application without the scopes {' '.join(sorted(missing))}.",
        why="It does not know them; asking for them in the browser would only show an error page.",
        todo="Choose scopes that this server knows with --scopes.",
    )


def _exchange_refused(host: str, answer: Answer) -> InvalidGrantError | InvalidClientError:
    if answer.text("error") == "invalid_client":
        return InvalidClientError(
            "unknown-application",
            f"{host} does not accept the application: {answer.described()}.",
            why="It was deleted there, or (made by hand) its client id or secret is mistyped.",
            todo="Begin again for a new application; for one made by hand, check both strings.",
        )
    return InvalidGrantError(
        "code-refused",
        f"{host} did not accept the code: {answer.described()}.",
        why="A code works once and for a few minutes only (Mastodon 10, GoToSocial 5, Takahē 1), "
        "and only with the application and the link that it was made for.",
        todo="Open the link again for a new code, and complete with that at once.",
    )
