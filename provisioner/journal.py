"""The journal: the tool's memory between runs, written ahead of each step.

Here are its model and its sealing; `journal_store.py` keeps it. It lives in an Actions variable,
sealed with PyNaCl's SecretBox under a constant key that lives in an Actions secret. A variable can
be read back, which settles a lost answer. A secret could not be read at all, and a run gets secrets
as they were when it was queued.

The variable holds `<version>:<key's fingerprint>:<base64 of the box>`. The fingerprint tells a
wrong key from a damaged box; it gives nothing away, since the key has 256 random bits.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import Any, Self

import msgspec
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from provisioner.github.destinations import Destination
from provisioner.mastodon.instance import OUT_OF_BAND, Application, Instance, authorization_url
from provisioner.report import ActionRequiredError, InputError, Run, Set
from provisioner.secret import Secret

VERSION = 1
UNKNOWN = ""
"""Something that the journal does not know."""


class Record(msgspec.Struct, frozen=True):
    """A part of the journal."""

    def replace(self, **changes: Any) -> Self:
        return msgspec.structs.replace(self, **changes)


class Credential(Record, frozen=True):
    """An access token, and all that is needed to judge, replace and revoke it."""

    instance: Instance
    application: Application
    token: Secret
    scopes: tuple[str, ...]
    issued_at: int
    """Epoch seconds, as all times in here."""
    expires_at: int | None
    account_id: str = ""
    """The instance's number for the account; "" until verified."""
    account: str = ""
    """Who approved it, as `user@domain`; "" until verified."""
    code: str = ""
    """SHA-256 of the one-time code that it was issued for, which must never be sent again."""
    seen_alive_at: int = 0
    """0 for a token that was never current."""

    @property
    def fingerprint(self) -> str:
        """Tells its token from others, without repeating it."""
        return blake2b(self.token.reveal().encode(), digest_size=8).hexdigest()


class Pending(Record, frozen=True):
    """An authorization under way, from the registration until its token is current."""

    instance: Instance
    application: Application
    verifier: Secret
    """PKCE (RFC 7636)."""
    scopes: tuple[str, ...]
    """What the link asks for."""
    requested_scopes: tuple[str, ...]
    """What the inputs asked for, where the instance knows other scopes."""
    app_name: str
    begun_at: int
    redirect_uri: str = OUT_OF_BAND
    state: str = ""
    subject: str = ""
    """What WebFinger calls the account, where that is another name than the inputs'."""
    attempts: tuple[int, ...] = ()
    """When an exchange was made whose answer is not known: a token may have been issued."""
    staged: Credential | None = None
    """The token, from its issue until it is verified and written everywhere."""

    @property
    def link(self) -> str:
        """The authorization URL: no secret, since it holds only the verifier's hash."""
        client_id, uri = self.application.client_id, self.redirect_uri
        return authorization_url(
            self.instance, client_id, self.scopes, self.verifier, uri, self.state
        )


class Superseded(Record, frozen=True):
    """A credential that was replaced, or must not be used, and is still to be revoked."""

    credential: Credential
    revoke_after: int

    def by(self, moment: int) -> Self:
        return self.replace(revoke_after=min(self.revoke_after, moment))


class Contents(Record, frozen=True):
    """What may stand in a secret or variable: more than one thing after a write that was cut."""

    destination: Destination
    tokens: frozenset[str]
    """Fingerprints of the credentials that it may be of; UNKNOWN for anything else."""


class Journal(Record, frozen=True):
    """What the tool remembers of one bot."""

    repository_id: int
    account: str
    """As it was asked for, `user@domain`; `account_id` in the credentials binds it for good."""
    pending: Pending | None = None
    current: Credential | None = None
    superseded: tuple[Superseded, ...] = ()
    """Oldest first."""
    contents: tuple[Contents, ...] = ()
    """Recorded before the first write to each."""
    deprovisioning: bool = False
    """Whether the bot is being taken off: then nothing but that goes on."""

    @property
    def staged(self) -> Credential | None:
        return self.pending.staged if self.pending else None

    @property
    def origin(self) -> str:
        """The instance's; "" where the journal knows none."""
        one = self.pending or next(iter(self.credentials()), None)
        return one.instance.origin if one else ""

    def applications(self) -> tuple[Application, ...]:
        pending = (self.pending.application,) if self.pending else ()
        return (*pending, *(credential.application for credential in self.credentials()))

    def credentials(self) -> tuple[Credential, ...]:
        old = (superseded.credential for superseded in self.superseded)
        return tuple(filter(None, (self.staged, self.current, *old)))

    def at(self, destination: Destination) -> frozenset[str]:
        """What may stand there; empty where this journal never wrote."""
        found = (one.tokens for one in self.contents if one.destination == destination)
        return next(found, frozenset())

    def known(self, credential: Credential) -> tuple[Destination, ...]:
        """Where nothing else can stand."""
        only = {credential.fingerprint}
        return tuple(one.destination for one in self.contents if one.tokens == only)

    def may_hold(self, credential: Credential) -> tuple[Destination, ...]:
        """Where it may stand, perhaps among others."""
        mark = credential.fingerprint
        return tuple(one.destination for one in self.contents if mark in one.tokens)

    @property
    def managed(self) -> tuple[Destination, ...]:
        """Where nothing but what this journal wrote can stand."""
        return tuple(one.destination for one in self.contents if UNKNOWN not in one.tokens)

    def with_contents(
        self, changes: Mapping[Destination, AbstractSet[str]]
    ) -> tuple[Contents, ...]:
        """The contents with these changes; what can hold nothing of ours is left out."""
        contents = {one.destination: one.tokens for one in self.contents}
        contents |= {place: frozenset(tokens) for place, tokens in changes.items()}
        return tuple(Contents(*one) for one in contents.items() if one[1] - {UNKNOWN})

    def without(self, credential: Credential) -> tuple[Contents, ...]:
        """The contents once it can stand nowhere any more."""
        gone = {credential.fingerprint}
        return self.with_contents({one: self.at(one) - gone for one in self.may_hold(credential)})

    def secrets(self) -> Iterator[Secret]:
        yield from (credential.token for credential in self.credentials())
        yield from (application.client_secret for application in self.applications())
        if self.pending:
            yield self.pending.verifier

    @property
    def holds_tokens(self) -> bool:
        """Whether a token is in here, or was perhaps issued to the pending application."""
        return bool(self.credentials() or (self.pending and self.pending.attempts))


def new_key(entropy: Callable[[int], bytes]) -> Secret:
    """A key, as base64; `entropy` gives that many random bytes."""
    return Secret(base64.b64encode(entropy(SecretBox.KEY_SIZE)).decode())


def parse_key(key: Secret) -> bytes:
    """The journal key's 32 bytes out of their base64. Raises InputError."""
    text = key.reveal().strip().translate(str.maketrans("-_", "+/"))
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != SecretBox.KEY_SIZE:
        raise InputError(
            "bad-journal-key",
            "The journal key is not valid.",
            why=f"A key is the base64 of {SecretBox.KEY_SIZE} bytes, 44 characters.",
            next=(
                "Hand in the key that was used before, unchanged.",
                "For a new bot, make one with `openssl rand -base64 32`.",
            ),
        )
    return raw


def seal(journal: Journal, key: bytes) -> str:
    """The journal as the variable's value."""
    plaintext = msgspec.json.encode(journal, enc_hook=_reveal)
    box = base64.b64encode(SecretBox(key).encrypt(plaintext)).decode()
    return f"{VERSION}:{_fingerprint(key)}:{box}"


def unseal(value: str, key: bytes) -> Journal:
    """The journal from the variable's value. Raises InputError for another key, and
    ActionRequiredError where it is damaged or another version's.
    """
    if re.match(rf"(?!{VERSION}:)[1-9][0-9]{{0,8}}:", value):
        raise _newer()
    match = re.fullmatch(rf"{VERSION}:([0-9a-f]{{16}}):([A-Za-z0-9+/=]+)", value.strip())
    if not match:
        raise _damaged()
    if match[1] != _fingerprint(key):
        raise InputError(
            "journal-key-wrong",
            "The journal is sealed under another key than the one that this run has.",
            why="Another machine made a key of its own, two bots share the journal's name but not "
            "its key, or the key's secret was overwritten.",
            next=(
                "Go on in the workflow or on the machine that has that key, or hand it in.",
                "If this is another bot in the same repository, give it a journal of its own:",
                Set("journal", "OTHER_JOURNAL"),
            ),
        )
    try:
        plaintext = SecretBox(key).decrypt(base64.b64decode(match[2], validate=True))
    except (CryptoError, ValueError):
        raise _damaged() from None
    try:
        return msgspec.json.decode(plaintext, type=Journal, dec_hook=_conceal)
    except ValueError:
        raise _newer() from None


def _reveal(secret: Secret) -> str:
    """For sealing alone: no other encoder writes a Secret."""
    return secret.reveal()


def _conceal(_kind: type, plaintext: str) -> Secret:
    return Secret(plaintext)


def _fingerprint(key: bytes) -> str:
    return blake2b(key, digest_size=8, person=b"journal-key").hexdigest()


def _newer() -> ActionRequiredError:
    return ActionRequiredError(
        "journal-newer",
        "The journal was written by a newer version of this tool.",
        next=("Update this tool, or the action's version in the workflow.",),
    )


def _damaged() -> ActionRequiredError:
    return ActionRequiredError(
        "journal-damaged",
        "The journal can't be read: its value is damaged.",
        why="Somebody edited the variable, or it was cut in copying.",
        next=(
            "Put its former value back, if you have it. Otherwise delete the variable.",
            Run("begin"),
            "After the new token is written, remove the bot's older application at its instance.",
        ),
    )
