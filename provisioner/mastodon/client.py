"""An instance's API: register an application, exchange, verify, post, revoke.

Forms with the documented fields only, and credentials in the body: the one shape that Mastodon,
GoToSocial, Takahē and the others all take (https://docs.joinmastodon.org/methods/oauth/).
"""

import re
from collections.abc import Collection
from typing import Literal

import msgspec

from provisioner.answer import IDEMPOTENT, IF_UNSENT, Answer, RetryPolicy
from provisioner.http import Http
from provisioner.mastodon.errors import (
    Alive,
    Dead,
    ScopesRefusedError,
    Unclear,
    blocked,
    exchange_refused,
    judge,
    registration_refused,
)
from provisioner.mastodon.instance import OUT_OF_BAND, WORD, Application, Instance
from provisioner.report import ActionRequiredError, Set, TransportError
from provisioner.secret import MASK, Secret, is_visible, redact
from provisioner.urls import host_of, origin_of

MIN_TOKEN = 16
MAX_LIFE = 200 * 365 * 86400
"""Seconds; Pleroma's tokens live for 100 years."""
MAX_SCOPES = 50
"""More than any instance knows: what a server sends is bounded before it is kept."""
ACCOUNT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Numbers, and on other servers ULIDs, UUIDs, flake ids: safe as a part of a path."""


class Grant(msgspec.Struct, frozen=True):
    """The answer to an exchange (RFC 6749, section 5.1)."""

    token: Secret
    scopes: tuple[str, ...] | None
    """What was granted; None where the server does not say (then it is what was requested)."""
    expires_in: int | None
    """Seconds; None for a token that does not expire."""


Heard = Literal["accepted", "refused", "unheard"]
"""How a revocation was answered; "unheard" where perhaps not by the instance itself."""


def ping(http: Http, origin: str) -> None:
    """Open the connection, and see that an instance answers anything. Raises TransportError."""
    any_answer = RetryPolicy(lost=True, delay=lambda _: None)
    http.send("GET", f"{origin}/.well-known/oauth-authorization-server", retry=any_answer)


class Mastodon(msgspec.Struct, frozen=True):
    """The API of one instance."""

    http: Http
    instance: Instance

    def register(
        self, name: str, scopes: tuple[str, ...], redirect_uri: str = OUT_OF_BAND
    ) -> Application:
        """Register a new application (POST /api/v1/apps).

        `scopes` goes as one string: Mastodon silently drops a list, and grants `read` only. Where
        the server takes several redirect URIs, the one that shows the code is registered too.
        Raises ScopesRefusedError, NotNowError or another ProvisionerError.
        """
        several = redirect_uri != OUT_OF_BAND and not self.instance.profile.one_redirect_uri
        uris = f"{redirect_uri}\n{OUT_OF_BAND}" if several else redirect_uri
        form = {"client_name": name, "redirect_uris": uris, "scopes": " ".join(scopes)}
        answer = self.http.send("POST", self.instance.registration_endpoint, form=form)
        if not answer.ok:
            raise registration_refused(self.instance, answer, scopes)
        if answer.is_page:
            raise blocked(self.instance.host, answer)
        client_id = _identifier(answer.fields().get("client_id"))
        client_secret = Secret(answer.text("client_secret"))
        if not (client_id and is_visible(client_secret.reveal())):
            raise TransportError(
                "registration-unreadable",
                f"{self.instance.host} did not say what application it registered.",
                why=f"Its answer, {answer.described()}, has no usable client id and secret.",
                next=("Check that this is the address of the instance itself.",),
            )
        registered = answer.fields().get("scopes")
        if isinstance(registered, list) and (lacking := set(scopes) - set(map(str, registered))):
            raise ScopesRefusedError(
                "scopes-dropped",
                f"{self.instance.host} registered the application without the scopes "
                f"{' '.join(sorted(lacking))}.",
                why="It does not know them. The link would show an error page.",
                next=(Set("scopes"),),
            )
        return Application(client_id=client_id, client_secret=client_secret)

    def exchange(
        self,
        application: Application,
        code: Secret,
        verifier: Secret,
        redirect_uri: str = OUT_OF_BAND,
    ) -> Grant:
        """Exchange the one-time code, once (RFC 6749, section 4.1.3).

        `scope` is not sent: Iceshrimp would narrow the token by it.
        Raises InvalidGrantError, InvalidClientError or NotNowError where no token was issued, and
        so does NotSentError; other TransportErrors where a token may have been issued.
        """
        form: dict[str, str | Secret] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return self._issue(application, form)

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
            "scope": " ".join(scopes),
        }
        return self._issue(application, form)

    def _issue(self, application: Application, form: dict[str, str | Secret]) -> Grant:
        form |= {"client_id": application.client_id, "client_secret": application.client_secret}
        answer = self.http.send("POST", self.instance.token_endpoint, form=form, retry=IF_UNSENT)
        if not (answer.ok and answer.fields()):
            raise exchange_refused(self.instance, answer, by_password="password" in form)
        token = Secret(answer.text("access_token"))
        if len(token) < MIN_TOKEN or not is_visible(token.reveal()):
            raise ActionRequiredError(
                "bad-token",
                f"{self.instance.host} sent something that can't be an access token. Nothing was "
                "stored.",
                why=f"A token is {MIN_TOKEN} to 4096 visible ASCII characters.",
                next=("Tell the instance's admin.",),
            )
        # The token is not among the answer's secrets yet.
        scopes = _scopes(answer.text("scope").split(), (token, *answer.secrets))
        return Grant(token, scopes or None, _seconds(answer))

    def verify(self, token: Secret) -> Alive | Dead | Unclear:
        """Whose token it is (GET /api/v1/accounts/verify_credentials)."""
        url = f"{self.instance.origin}/api/v1/accounts/verify_credentials"
        try:
            answer = self.http.send("GET", url, bearer=token, retry=IDEMPOTENT)
            user, number = answer.text("username"), _identifier(answer.fields().get("id"))
            if not (answer.status == 200 and user and ACCOUNT_ID.fullmatch(number)):
                return judge(self.instance, answer)
            domain = self._domain(answer, number, token)
        except TransportError as error:
            return Unclear(error.what.removesuffix("."), refused=False)
        if domain is None:
            reason = f"{self.instance.host} did not say of which domain the account is"
            return Unclear(reason, refused=False)
        return Alive(number, user, domain, answer.shown(f"{user}@{domain}".rstrip("@")))

    def scopes_of(self, token: Secret) -> tuple[str, ...]:
        """What the token may do; () where the server does not tell.

        GET /oauth/token/info is Doorkeeper's (token_info_controller.rb), and so Mastodon's.
        """
        try:
            answer = self.http.send("GET", f"{self.instance.origin}/oauth/token/info", bearer=token)
        except TransportError:
            return ()
        told = answer.fields().get("scope") if answer.ok else None
        return _scopes(told, answer.secrets) if isinstance(told, list) else ()

    def _domain(self, account: Answer, number: str, token: Secret) -> str | None:
        """The domain of one's own account; "" for the instance's own, None where it can't be told.

        `acct` leaves the domain out for accounts of the instance's own. The address of the profile
        tells it where a server has several domains; Takahē names it when asked for the account.
        """
        if self.instance.profile.many_domains:
            url = f"{self.instance.origin}/api/v1/accounts/{number}"
            account = self.http.send("GET", url, bearer=token, retry=IDEMPOTENT)
            return account.text("acct").partition("@")[2] or None
        if domain := account.text("acct").partition("@")[2]:
            return domain
        origin = origin_of(account.text("url"))
        return host_of(origin) if origin != self.instance.origin else ""

    def post(self, token: Secret, text: str, visibility: str, key: str) -> Answer:
        """Post a text (POST /api/v1/statuses); any answer is returned.

        `visibility` is left to the account's settings where it is "". Raises NotSentError; other
        TransportErrors where the server may have posted it.
        """
        return self.http.send(
            "POST",
            f"{self.instance.origin}/api/v1/statuses",
            form={"status": text} | ({"visibility": visibility} if visibility else {}),
            bearer=token,
            headers={"Idempotency-Key": key},
        )

    def revoke(self, application: Application, token: Secret) -> Alive | Dead | Unclear:
        """Revoke a token with its own application's credentials (RFC 7009); its state afterwards.

        A 200 proves nothing, since servers answer so for unknown tokens too: the token is tried
        afterwards. Where the revocation was accepted, any refusal of the token means dead, except
        one that says that the token is good. A token that still works is Alive, and can't be
        revoked, if the instance received the revocation; else it is Unclear.
        """
        form: dict[str, str | Secret] = {
            "token": token,
            "client_id": application.client_id,
            "client_secret": application.client_secret,
        }
        try:
            heard = self._revoke(form)
            if heard == "refused":
                heard = self._revoke(form, bearer=token)  # as Mitra wants it
        except TransportError:
            heard = "unheard"
        match self.verify(token):
            case Unclear(reason, refused=True, token_accepted=False) if heard == "accepted":
                return Dead(reason)
            case Alive() if heard == "unheard":
                reason = f"{self.instance.host} did not answer the revocation"
                return Unclear(reason, refused=False, token_accepted=True)
            case state:
                return state

    def _revoke(self, form: dict[str, str | Secret], bearer: Secret | None = None) -> Heard:
        if not (url := self.instance.revocation_endpoint):
            return "refused"
        answer = self.http.send("POST", url, form=form, bearer=bearer, retry=IDEMPOTENT)
        # Mastodon answers `{}`, Takahē nothing at all; a page may be from something in between.
        if answer.ok and not answer.is_page:
            return "accepted"
        # Where there is no such endpoint, that may be said by a page.
        refused = answer.status == 404 or (answer.refused and not answer.is_page)
        return "refused" if refused else "unheard"


def _scopes(words: list[object] | list[str], secrets: Collection[Secret]) -> tuple[str, ...]:
    scopes = [word for word in words if isinstance(word, str) and WORD.fullmatch(word)]
    redacted = redact(" ".join(scopes), secrets).split()
    return tuple(word for word in redacted if MASK not in word)[:MAX_SCOPES]


def _seconds(answer: Answer) -> int | None:
    """`expires_in` (RFC 6749, section 5.1), which some servers send as a string."""
    try:
        seconds = int(float(str(answer.fields().get("expires_in"))))
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < MAX_LIFE else None


def _identifier(value: object) -> str:
    """A client id or an account's number: a string, or (Pixelfed) a number; "" for neither."""
    text = str(value)
    return text if type(value) in {str, int} and is_visible(text) else ""
