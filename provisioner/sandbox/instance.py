"""An instance that behaves as Mastodon 4.7, or as another server: its state, and who answers.

Written from the servers' documents and code alone, and from no client's.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate

from provisioner.sandbox.personalities import personality as known
from provisioner.sandbox.records import (
    AccessToken,
    Account,
    RegisteredApplication,
    Status,
    Store,
)
from provisioner.sandbox.throttle import Throttle
from provisioner.sandbox.web import Application, Request, Response

_LOOPBACK = "http://127.0.0.1"


class Instance(Application):
    """A Mastodon-like instance as an application; `server.serve` puts it on a socket.

    `personality` is the server that it plays, one of `PERSONALITIES`. `domain` is what stands
    behind the @ of its accounts where that is not the origin's host. `version` and `code_seconds`
    replace what that server says and does, `registration_limit` its limit where it has one.
    `clock` returns seconds since the epoch, `random` that many random bytes.
    """

    def __init__(  # noqa: PLR0913 - each is a switch of its own
        self,
        origin: str = _LOOPBACK,
        *,
        domain: str | None = None,
        title: str = "Sandbox",
        version: str | None = None,
        registration_limit: int | None = 5,
        code_seconds: float | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
        personality: str = "mastodon-4.7",
    ) -> None:
        """Start without accounts; `ValueError` for a personality that nobody knows."""
        super().__init__()
        self.personality = personality
        self._server = known(personality)
        traits = self._server.traits
        limit = None if traits.registration_limit is None else registration_limit
        self.store = Store(
            origin=origin,
            domain=domain,
            title=title,
            version=version or traits.version,
            clock=clock,
            random=random,
            code_seconds=traits.code_seconds if code_seconds is None else code_seconds,
            registrations=Throttle(limit, traits.registration_seconds),
            requests=Throttle(traits.request_limit, traits.request_seconds),
            traits=traits,
        )

    def become(self, personality: str) -> None:
        """Play another server from now on, as after an upgrade: what it remembers stays."""
        self.personality, self._server = personality, known(personality)
        self.store.traits = traits = self._server.traits
        self.store.version, self.store.code_seconds = traits.version, traits.code_seconds

    @property
    def origin(self) -> str:
        """Where the instance is reached, without a slash at the end."""
        return self.store.origin

    @origin.setter
    def origin(self, origin: str) -> None:
        self.store.origin = origin

    @property
    def domain(self) -> str:
        """What stands behind the @ of its accounts, with the port."""
        return self.store.account_domain

    @property
    def software(self) -> str:
        """What it plays, for people: `Mastodon 4.7`."""
        return self.store.traits.software

    @property
    def version(self) -> str:
        """The version that it says it is."""
        return self.store.version

    @version.setter
    def version(self, version: str) -> None:
        self.store.version = version

    @property
    def registration_limit(self) -> int | None:
        """How many applications an address may register in a while; None: any number."""
        return self.store.registrations.limit

    @registration_limit.setter
    def registration_limit(self, limit: int | None) -> None:
        self.store.registrations.limit = limit

    @property
    def booting(self) -> bool:
        """Whether it has not started yet, where a server answers while it starts."""
        return self.store.booting

    @booting.setter
    def booting(self, booting: bool) -> None:
        self.store.booting = booting

    @property
    def registration_seconds(self) -> int:
        """That while."""
        return self.store.registrations.seconds

    @property
    def signs_in_by_email(self) -> bool:
        """Whether only the e-mail address names an account at the sign-in."""
        return self.store.traits.sign_in_by_email

    @property
    def takes_passwords(self) -> bool:
        """Whether a program may sign in with an account's name and password."""
        return self.store.traits.password_grant

    @property
    def applications_page(self) -> str:
        """The path of the page where a person sees and ends what they authorized."""
        return self.store.traits.applications_page

    @property
    def accounts(self) -> list[Account]:
        """All accounts, in the order in which they were added."""
        return self.store.accounts

    @property
    def applications(self) -> list[RegisteredApplication]:
        """All registered applications, oldest first."""
        return self.store.applications

    @property
    def tokens(self) -> list[AccessToken]:
        """All tokens, the revoked ones too, oldest first."""
        return self.store.tokens

    @property
    def statuses(self) -> list[Status]:
        """All posts, oldest first."""
        return self.store.statuses

    def add_account(
        self,
        username: str,
        password: str,
        email: str | None = None,
        *,
        bot: bool = False,
        domain: str | None = None,
    ) -> Account:
        """Add an account that can sign in; `ValueError` where the name is taken.

        `domain` is for a server with many. Accounts with the same e-mail address are one person's
        where a server knows persons apart from accounts.
        """
        with self.lock:
            if self.store.by_address(f"{username}@{domain or self.domain}") is not None:
                raise ValueError(f"there is an account {username} already")
            account = Account(
                id=109_000_000_000_000_001 + len(self.accounts),
                username=username,
                password=password,
                email=email or f"{username}@example.org",
                created_at=self.store.clock(),
                bot=bot,
                domain=domain,
            )
            self.accounts.append(account)
            return account

    def address(self, username: str) -> str:
        """Return an account's full name, as `alice@127.0.0.1:8080`."""
        account = self.store.account(username)
        return self.store.address(account) if account else f"{username}@{self.domain}"

    def is_live(self, token: str) -> bool:
        """Whether the instance accepts that token."""
        with self.lock:
            return self.store.accepted(token) is not None

    def live_tokens(self, username: str) -> list[AccessToken]:
        """Return the account's tokens that work, oldest first."""
        with self.lock:
            account = self.store.account(username)
            mine = [one for one in self.tokens if one.account is account is not None]
            return [one for one in mine if self.store.accepts(one)]

    def revoke_access(self, username: str) -> None:
        """Revoke all of an account's tokens, as a password reset does."""
        for token in self.live_tokens(username):
            token.revoked_at = self.store.clock()

    def vacuum(self) -> None:
        """Forget tokens that do not work, as the nightly vacuum does: they are "invalid" then."""
        with self.lock:
            self.tokens[:] = [one for one in self.tokens if self.store.accepts(one)]

    def delete_application(self, client_id: str) -> None:
        """Delete an application with its grants and tokens, as its owner or an old vacuum does."""
        with self.lock:
            self.store.forget(self.store.application(client_id))

    def answer(self, request: Request) -> Response:
        """Answer one request; a slash at the end of its path does not matter, as to Rails."""
        request = replace(request, path=request.path.rstrip("/") or "/")
        self._server.forget_unused(self.store)
        self._server.gate(self.store, request)
        return self._server.answer(self.store, request)

    def finish(self, request: Request, response: Response) -> Response:
        """Add what every answer of this server carries: its time too (RFC 9110, 6.6.1)."""
        dated = response.plus({"Date": formatdate(self.store.clock(), usegmt=True)})
        return self._server.finish(self.store, request, dated)
