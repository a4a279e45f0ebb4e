"""What is not an answer: how servers make, keep and forget codes, tokens and applications.

Sources stand at each; `table.py` has the same servers' answers. "Read" is from source code alone.
"""

import base64
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar
from urllib.parse import urlencode, urlsplit

from provisioner.sandbox.answers import Answer, Situation
from provisioner.sandbox.mastodon import METADATA, SUPPORTED, Mastodon
from provisioner.sandbox.oauth import require_client
from provisioner.sandbox.pages import page
from provisioner.sandbox.records import (
    OOB,
    AccessToken,
    Account,
    Grant,
    RegisteredApplication,
    Status,
    split,
)
from provisioner.sandbox.sessions import session_of
from provisioner.sandbox.store import Store
from provisioner.sandbox.web import (
    Refused,
    Request,
    Response,
    html_response,
    json_response,
    redirect,
)
from tests.servers import table

DAY = 86_400
CENTURY = 100 * 365 * DAY


def base64url(store: Store, size: int) -> str:
    """So many random bytes; `-` first or not."""
    return base64.urlsafe_b64encode(store.random(size)).rstrip(b"=").decode()


class Server(Mastodon):
    """A server with what only tests use of it."""

    answers: ClassVar[Mapping[Situation, Answer | None]] = table.answers("mastodon-4.7")
    name: str
    node_info: tuple[str, str] | None = None
    """Software and version as NodeInfo names them, where a client needs them."""
    registration_limit: int | None = None
    """How many applications an address may register in ten minutes; None: any number."""
    password_grant = False
    """Whether a program may send a person's password for a token."""
    unused_seconds: float | None = None
    """After how long an application that nobody used is deleted; None: never."""
    applications_page = "/oauth/authorized_applications"
    """Where a person sees what they authorized."""

    def is_unused(self, store: Store, application: RegisteredApplication) -> bool:
        """Whether an application has neither tokens nor codes (Mastodon's ApplicationsVacuum)."""
        used = [one.application for one in store.tokens] + [one.application for one in store.grants]
        return all(one is not application for one in used)

    def by_other_grant(self, store: Store, given: Mapping[str, str]) -> AccessToken:
        """Take a password, where the server does: client, person, scopes (Doorkeeper's order)."""
        if not self.password_grant or given.get("grant_type") != "password":
            raise store.refused("exchange: grant type")
        application = require_client(store, given)
        account = store.signed_in(given.get("username", ""), given.get("password", ""))
        if account is None:
            raise store.refused("password: wrong")
        store.require(not account.two_factor, "password: second factor")
        return self.issue(store, application, account, split(given.get("scope", "read")))


class Mastodon47(Server):
    """Mastodon 4.7."""

    name = "mastodon-4.7"
    registration_limit = 5  # rack_attack.rb: throttle_oauth_application_registrations/ip


class Mastodon42(Server):
    """Mastodon 4.2.8: its limit of registrations came with 4.2.9 (mastodon#30316)."""

    name = "mastodon-4.2"
    software = "Mastodon 4.2"
    version = "4.2.8"
    answers = table.answers("mastodon-4.2")
    absent = (METADATA,)  # came with 4.3
    # `profile` came with 4.3, collections with 4.6; `crypto` went with 4.3 (CHANGELOG.md).
    scopes = (
        *(one for one in SUPPORTED if one != "profile" and not one.endswith(":collections")),
        "crypto",
    )
    # The columns of PKCE came with 4.3 (mastodon#31129); without them Doorkeeper's
    # `pkce_supported?` is false, and challenge and verifier are ignored.
    pkce = False
    sign_in_by_email = True  # Devise's authentication_keys
    password_grant = True  # config/initializers/doorkeeper.rb, until 4.4 (mastodon#30960)
    unused_seconds = DAY  # app/lib/vacuum/applications_vacuum.rb, 4.2.0 to 4.2.8

    def registered(self, application: RegisteredApplication) -> dict[str, object]:
        """Tell neither scopes nor when the secret ends."""
        return _without_scopes(super().registered(application))


class _AnotherEachTime(Server):
    """A server that issues another token each time, asks each time, and ignores PKCE."""

    absent: tuple[str, ...] = (METADATA,)
    scopes: tuple[str, ...] | None = None  # any are registered
    pkce = False

    def is_known(
        self,
        store: Store,  # noqa: ARG002
        application: RegisteredApplication,  # noqa: ARG002
        account: Account,  # noqa: ARG002
        asked: Mapping[str, str],  # noqa: ARG002
    ) -> bool:
        return False

    def issue(
        self,
        store: Store,
        application: RegisteredApplication,
        account: Account,
        wanted: tuple[str, ...],
    ) -> AccessToken:
        return store.mint(application, account, wanted)

    def posted(self, store: Store, account: Account, request: Request) -> Status | None:  # noqa: ARG002
        """Ignore an Idempotency-Key."""
        return None

    def registered(self, application: RegisteredApplication) -> dict[str, object]:
        """Tell no scopes."""
        return _without_scopes(super().registered(application))


class GoToSocial(_AnotherEachTime):
    """GoToSocial 0.20.0-rc1, measured; superseriousbusiness/gotosocial at 57cb4fe7 else."""

    name = "gotosocial"
    software = "GoToSocial 0.20"
    version = "0.20.0+git-57cb4fe"  # measured
    answers = table.answers("gotosocial")
    # Measured. The nominal ten minutes shrink: what is left of them is computed at each read and
    # then added to the time of creation (internal/oauth/tokenstore.go).
    code_seconds = 300
    sign_in_by_email = True  # internal/api/auth/signin.go
    applications_page = "/settings/user/tokens"  # web/source/settings/views/user/tokens

    def new_code(self, store: Store) -> str:
        """Make 48 upper-case letters and digits (measured): a UUID in base64."""
        text = str(uuid.UUID(bytes=store.random(16), version=4))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=").upper()

    def registered(self, application: RegisteredApplication) -> dict[str, object]:
        """Tell scopes and redirect URIs (measured)."""
        told = {"scopes": application.scopes, "redirect_uris": application.redirect_uris}
        return super().registered(application) | told

    def may(self, application: RegisteredApplication, wanted: tuple[str, ...]) -> bool:
        """`write` permits `write:statuses` (measured; internal/api/util/scopes.go)."""
        held = set(application.scopes)
        return all({one, one.partition(":")[0]} & held for one in wanted)

    def show_code(self, store: Store, grant: Grant, state: str) -> Response:  # noqa: ARG002
        """Show the code, with the state in the address (measured)."""
        query = {"code": grant.code} | ({"state": state} if state else {})
        return redirect(f"/oauth/authorize/native?{urlencode(query)}")


class Pleroma(_AnotherEachTime):
    """Pleroma 2.9, read: lib/pleroma/web of kphrx/pleroma at 112caa05. Nobody measured it."""

    name = "pleroma"
    software = "Pleroma 2.9"
    version = "2.7.2 (compatible; Pleroma 2.9.1)"  # mastodon_api/views/instance_view.ex
    answers = table.answers("pleroma")
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "account": ("read", "read:accounts"),
        "post": ("write", "write:statuses"),
    }  # o_auth/scopes.ex: `read` covers its parts
    # o_auth/authorization.ex gives a code as long as a token: token_expires_in of config.exs.
    code_seconds = CENTURY
    token_seconds = CENTURY
    password_grant = True
    unused_seconds = 900  # o_auth/app.ex: remove_orphans
    applications_page = "/settings/security"

    def __init__(self) -> None:
        self.replies: dict[str, tuple[float, Response]] = {}
        """What was answered to an Idempotency-Key and when: the key is all that counts."""

    def is_unused(self, store: Store, application: RegisteredApplication) -> bool:
        """Whether nobody ever got a token: who got the first one owns the application."""
        return all(one.application is not application for one in store.tokens)

    def show_code(self, store: Store, grant: Grant, state: str) -> Response:  # noqa: ARG002
        text = f"<h2>Token code is <br>{grant.code}</h2>"
        return html_response(200, page("Successfully authorized", text))

    def issued(self, store: Store, token: AccessToken) -> dict[str, object]:
        """Tell an end in a hundred years."""
        seconds = int((token.expires_at or 0) - store.clock())
        return super().issued(store, token) | {"expires_in": seconds}

    def arrives(self, store: Store, request: Request) -> None:
        """Replay what an Idempotency-Key was answered with, refusals too, for six hours.

        plugs/idempotency_plug.ex: neither who sends it nor what is sent with it counts.
        """
        known = self.replies.get(_idempotency_key(request))
        if known is not None and store.clock() < known[0] + 6 * 3600:
            raise Refused(known[1].plus({"Idempotent-Replayed": "true"}))

    def leaves(self, store: Store, request: Request, response: Response) -> Response:
        """Remember what was answered."""
        key = _idempotency_key(request)
        if key and not response.header("Idempotent-Replayed"):
            self.replies[key] = store.clock(), response
        return response


class Pixelfed(_AnotherEachTime):
    """Pixelfed 0.12, read: pixelfed/pixelfed at 8aae92d7 and 00af376f, with Passport 11.10.

    Nobody measured it; what its users reported is named.
    """

    name = "pixelfed"
    software = "Pixelfed 0.12"
    version = "3.5.3 (compatible; Pixelfed 0.12.6)"  # Api/ApiV1Controller.php
    answers = table.answers("pixelfed")
    absent = (METADATA, "/oauth/revoke")  # the second came with pixelfed#7336
    pkce = True
    links: ClassVar[frozenset[str]] = frozenset(  # AuthServiceProvider's Passport::tokensCan
        {"read", "write", "follow", "push", "admin:read", "admin:write"}
    )
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {"account": ("read",), "post": ("write",)}
    token_seconds = 365 * DAY  # config/instance.php: OAUTH_TOKEN_DAYS
    sign_in_by_email = True  # resources/views/auth/login.blade.php
    applications_page = "/settings/applications"

    def new_client(self, store: Store) -> tuple[str, str]:
        """Make a number and a secret."""
        return str(store.last_application + 1), base64url(store, 30).translate({45: "x", 95: "X"})

    def new_code(self, store: Store) -> str:
        """Make what Laravel seals: hexadecimal, and eight hundred long."""
        return f"def50200{store.random(400).hex()}"

    def new_token(self, store: Store) -> str:
        """Make what stands for a JWT."""
        return f"eyJ{base64url(store, 60)}.{base64url(store, 60)}.{base64url(store, 60)}"

    def redirect_uris(self, text: str) -> tuple[str, ...]:
        """Part them at commas, not at lines."""
        return tuple(text.split(",")) if text else ()

    def may(self, application: RegisteredApplication, wanted: tuple[str, ...]) -> bool:  # noqa: ARG002
        """Judge by what the server knows; an application has no scopes of its own."""
        return set(wanted) <= self.links

    def show_code(self, store: Store, grant: Grant, state: str) -> Response:  # noqa: ARG002
        """Show the code as JSON (app/Http/Controllers/OAuth)."""
        return json_response(200, {"code": grant.code, "state": state or None})

    def issued(self, store: Store, token: AccessToken) -> dict[str, object]:
        """Tell an end in a year, and no scopes."""
        whole = super().issued(store, token)
        del whole["scope"]
        return whole | {"expires_in": int((token.expires_at or 0) - store.clock())}


class Takahe(_AnotherEachTime):
    """Takahē 0.11.0, measured; jointakahe/takahe at d45f22c9 else."""

    name = "takahe"
    software = "Takahē 0.11"
    version = "takahe/0.11.0"  # measured
    answers = table.answers("takahe")
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "account": ("read",),  # measured: no part will do
        "post": ("write", "write:statuses"),
    }  # api/models/token.py: has_scope
    code_seconds = 60  # measured
    sign_in_by_email = True  # users/models/user.py: USERNAME_FIELD
    applications_page = "/settings/tokens"  # measured: below /@USER@DOMAIN

    def arrives(self, store: Store, request: Request) -> None:
        """Refuse a dead token wherever it is sent (api/middleware.py; measured).

        An exchange looks for the code before anything else (api/views/oauth.py).
        """
        code = request.form.get("code")
        store.require(not code or store.grant(code), "exchange: unknown code")
        token = store.token(request.bearer or "")
        dead = request.bearer is not None and (token is None or not store.accepts(token))
        store.require(not dead, "token: unknown")

    def may(self, application: RegisteredApplication, wanted: tuple[str, ...]) -> bool:  # noqa: ARG002
        """Any scope is granted (measured)."""
        return True

    def identity(self, store: Store, account: Account, form: Mapping[str, str]) -> Account:
        """One of those with the e-mail address of who signed in (measured)."""
        mine = [one for one in store.accounts if one.email == account.email]
        return next((one for one in mine if str(one.id) == form.get("identity")), account)

    def leaves(self, store: Store, request: Request, response: Response) -> Response:
        """Let the person choose an identity on the consent page (measured)."""
        account = session_of(store, request).account
        button = b'<button type="submit">Authorize'
        if account is None or button not in response.body:
            return response
        options = "".join(
            f'<option value="{one.id}">{store.address_of(one)}</option>'
            for one in store.accounts
            if one.email == account.email
        )
        choice = f'<select name="identity">{options}</select>'.encode()
        return replace(response, body=response.body.replace(button, choice + button))

    def show_code(self, store: Store, grant: Grant, state: str) -> Response:  # noqa: ARG002
        """Show the code at the link's own path (measured)."""
        body = f"<p>To continue, provide this code to your application:</p><p>{grant.code}</p>"
        return html_response(200, page("Authorization Code", body))

    def account(self, store: Store, account: Account) -> dict[str, object]:
        """Tell the domain in the address alone: `acct` has none (measured)."""
        scheme, host = urlsplit(store.origin).scheme, account.domain or store.host
        return {"acct": account.username, "url": f"{scheme}://{host}/@{account.username}/"}


class Friendica(_AnotherEachTime):
    """Friendica 2024.09-rc, measured."""

    name = "friendica"
    software = "Friendica 2024.09"
    version = "2.8.0 (compatible; Friendica 2024.09-rc)"
    answers = table.answers("friendica")
    code_seconds = 300
    applications_page = "/settings/oauth"

    def leaves(self, store: Store, request: Request, response: Response) -> Response:  # noqa: ARG002
        """Challenge who is refused."""
        challenge = {"WWW-Authenticate": 'Basic realm="Friendica"'}
        return response.plus(challenge) if response.status == 401 else response

    def is_known(
        self,
        store: Store,
        application: RegisteredApplication,
        account: Account,
        asked: Mapping[str, str],  # noqa: ARG002
    ) -> bool:
        """Ask nobody about an application that was approved before."""
        return bool(store.tokens_of(application, account))

    def show_code(self, store: Store, grant: Grant, state: str) -> Response:
        """Replace the old token by a new one at the moment of the approval."""
        for token in store.tokens_of(grant.application, grant.account):
            token.revoked_at = store.clock()
        store.mint(grant.application, grant.account, grant.application.scopes)
        return super().show_code(store, grant, state)

    def issue(
        self,
        store: Store,
        application: RegisteredApplication,
        account: Account,
        wanted: tuple[str, ...],
    ) -> AccessToken:
        """Return the token of the approval, any number of times."""
        issued = store.tokens_of(application, account)
        return issued[-1] if issued else store.mint(application, account, wanted)

    def revoke(self, store: Store, token: AccessToken) -> None:
        """Revoke the tokens of all accounts of that application; a dead one is unknown."""
        store.require(store.accepts(token), "revoke: unknown token")
        for one in store.tokens:
            if one.application is token.application:
                super().revoke(store, one)


class Snac(_AnotherEachTime):
    """snac 2.94, measured."""

    name = "snac"
    software = "snac 2.94"
    version = "4.0.0 (not true; really snac/2.94)"
    answers = table.answers("snac")

    def arrives(self, store: Store, request: Request) -> None:
        """Look at no code: any string gives a token, one of nobody if nobody approved it."""
        given = request.form
        application = store.application(given.get("client_id", ""))
        code = given.get("code", "")
        if request.path == "/oauth/token" and application and code and not store.grant(code):
            nobody = Account(0, "", "", "", store.clock())
            store.grants.append(Grant(code, application, nobody, OOB, (), "", store.clock()))
        if request.path == "/api/v1/statuses":  # measured: not as it says so elsewhere
            token = store.token(request.bearer or "")
            store.require(token and store.accepts(token), "token: none")

    def show_code(self, store: Store, grant: Grant, state: str) -> Response:  # noqa: ARG002
        """Answer with the code alone, and the state behind it if there was one."""
        text = grant.code + (f"&state={state}" if state else "")
        return Response(200, (("Content-Type", "text/html"),), text.encode())

    def issued(self, store: Store, token: AccessToken) -> dict[str, object]:
        """Tell no scope. A token of nobody opens nothing."""
        if not token.account.username:
            token.revoked_at = store.clock()
        return super().issued(store, token) | {"scope": ""}

    def revoke(self, store: Store, token: AccessToken) -> None:
        """Delete the application with its token, whoever's it is."""
        if token.application in store.applications:
            store.applications.remove(token.application)
        store.tokens.remove(token)


class Hollo(_AnotherEachTime):
    """Hollo 0.10.0, measured."""

    name = "hollo"
    software = "Hollo 0.10"
    version = "0.10.0"
    node_info = ("hollo", "0.10.0")
    answers = table.answers("hollo")
    absent = ()
    scopes = Mastodon.scopes
    pkce = True
    applications_page = "/auth"

    def posted(self, store: Store, account: Account, request: Request) -> Status | None:
        """Honour an Idempotency-Key."""
        return Mastodon.posted(self, store, account, request)


def _without_scopes(whole: dict[str, object]) -> dict[str, object]:
    later = ("scopes", "redirect_uris", "client_secret_expires_at")
    return {name: value for name, value in whole.items() if name not in later}


def _idempotency_key(request: Request) -> str:
    counts = request.method == "POST" and request.path.startswith("/api/")
    return request.headers.get("Idempotency-Key", "") if counts else ""
