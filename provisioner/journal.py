"""The journal: the tool's memory between runs, written ahead of each step.

Here are its model and its sealing; `store.py` keeps it. It lives in an Actions variable, sealed
with PyNaCl's SecretBox under a constant key that lives in an Actions secret. A variable is read
live, and read back to settle a lost answer; a secret could not be read at all, and a run sees
secrets only as they were when it was queued.

In the variable stands `<version>:<key's fingerprint>:<base64 of the box>`. The fingerprint tells a
wrong key from a damaged box; the key has 256 random bits, so that it tells nobody else anything.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from hashlib import blake2b

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from pydantic import BaseModel

from provisioner.destinations import Kind
from provisioner.errors import InputError, PersonNeededError
from provisioner.oauth import Application, Server, authorization_url
from provisioner.secret import SEALING, SealedSecret, Secret

VERSION = 1


class Destination(BaseModel, frozen=True):
    """A name in a repository under which something of a credential was written."""

    repository_id: int
    """GitHub's number: names change."""
    kind: Kind
    name: str


class Credential(BaseModel, frozen=True):
    """An access token, and all that is needed to judge, replace and revoke it."""

    server: Server
    application: Application
    token: SealedSecret
    account_id: str = ""
    """The instance's number for the account; "" until verified."""
    account: str = ""
    """Who approved it, as `user@domain`; "" until verified."""
    scopes: tuple[str, ...]
    code: str = ""
    """SHA-256 of the one-time code that it was issued for, which must never be sent again."""
    issued_at: int
    """Epoch seconds, as all times in here."""
    expires_at: int | None
    destinations: tuple[Destination, ...]
    """Where it was, or may have been, written: recorded before the first write."""


class Pending(BaseModel, frozen=True):
    """An authorization under way, from the registration until its token is current."""

    server: Server
    application: Application
    verifier: SealedSecret | None
    """PKCE; None where the link was not ours (an application made by hand, in a single run)."""
    scopes: tuple[str, ...]
    asked: tuple[str, ...]
    """What the inputs asked for, where the instance knows other scopes."""
    app_name: str
    begun_at: int
    overwrites: tuple[str, ...] = ()
    """Secrets that were there before us; the tokens in them are not ours."""
    attempted_at: int | None = None
    """Since when a token may have been issued whose answer was lost."""
    staged: Credential | None = None
    """The token, from its issue until it is verified and written everywhere."""

    @property
    def link(self) -> str:
        """The authorization URL: no secret, since it holds only the verifier's hash."""
        return authorization_url(
            self.server, self.application.client_id, self.scopes, self.verifier
        )

    def with_token(self, staged: Credential | None) -> "Pending":
        """The same authorization, with its token or without."""
        return self.model_copy(update={"staged": staged})


class Superseded(BaseModel, frozen=True):
    """A credential that was replaced, or must not be used, and is still to be revoked."""

    credential: Credential
    revoke_after: int


class Sent(BaseModel, frozen=True):
    """A post that can't be looked for afterwards."""

    key: str
    """Its Idempotency-Key: a hash of account, text and audience."""
    sent_at: int
    url: str = ""
    """Where it is; "" while nobody knows whether it is."""


class Journal(BaseModel, frozen=True):
    """What the tool remembers of one bot."""

    generation: int = 0
    """Counts the writes; 0: not written yet."""
    repository_id: int
    account: str
    """As it was asked for, `user@domain`; `account_id` in the credentials binds it for good."""
    origin: str = ""
    """The instance's."""
    pending: Pending | None = None
    current: Credential | None = None
    superseded: tuple[Superseded, ...] = ()
    sent: tuple[Sent, ...] = ()
    """The last hour's."""

    def applications(self) -> tuple[Application, ...]:
        """Every application in the journal."""
        pending = (self.pending.application,) if self.pending else ()
        return (*pending, *(credential.application for credential in self.credentials()))

    def credentials(self) -> tuple[Credential, ...]:
        """Every credential in the journal."""
        staged = self.pending.staged if self.pending else None
        old = (superseded.credential for superseded in self.superseded)
        return tuple(filter(None, (staged, self.current, *old)))

    def secrets(self) -> Iterator[Secret]:
        """Every secret in the journal."""
        yield from (credential.token for credential in self.credentials())
        yield from (application.client_secret for application in self.applications())
        if self.pending and self.pending.verifier:
            yield self.pending.verifier

    @property
    def holds_tokens(self) -> bool:
        """Whether a token is in here, or was perhaps issued to the pending application."""
        attempted = self.pending and self.pending.attempted_at is not None
        return bool(self.credentials() or attempted)


class DamagedError(PersonNeededError):
    """The value is no sealed journal, or was changed after it was sealed."""

    def __init__(self) -> None:
        super().__init__(
            "journal-damaged",
            "The journal can't be read: its value is damaged.",
            why="Somebody edited the variable, or it was cut in copying.",
            todo="Put its former value back, if you have it. Otherwise delete the variable, begin "
            "and complete anew, and only then remove the bot's older application at its instance "
            "(Preferences > Account > Authorized apps).",
        )


def parse_key(text: str) -> bytes:
    """The journal key's 32 bytes out of their base64. Raises InputError."""
    try:
        key = base64.b64decode(text.strip().translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != SecretBox.KEY_SIZE:
        raise InputError(
            "bad-journal-key",
            "The journal key is not one.",
            why=f"It is the base64 of {SecretBox.KEY_SIZE} bytes, 44 characters.",
            todo="Hand in the key that was used before, unchanged; for a new bot, make one with "
            "`openssl rand -base64 32`.",
        )
    return key


def seal(journal: Journal, key: bytes) -> str:
    """The journal as the variable's value."""
    plaintext = journal.model_dump_json(context=SEALING).encode()
    box = base64.b64encode(SecretBox(key).encrypt(plaintext)).decode()
    return f"{VERSION}:{_fingerprint(key)}:{box}"


def unseal(value: str, key: bytes) -> Journal:
    """The journal from the variable's value.

    Raises InputError for another key, DamagedError, PersonNeededError for another version.
    """
    version = re.match(r"([1-9][0-9]{0,8}):", value)
    if version and int(version[1]) > VERSION:
        raise PersonNeededError(
            "journal-newer",
            "The journal was written by a newer version of this tool.",
            todo="Update this tool, or the action's version in the workflow. Nothing was changed.",
        )
    match = re.fullmatch(rf"{VERSION}:([0-9a-f]{{16}}):([A-Za-z0-9+/=]+)", value.strip())
    if not match:
        raise DamagedError
    if match[1] != _fingerprint(key):
        raise InputError(
            "journal-key-wrong",
            "The journal is sealed under another key than the one that was handed in.",
            why="This key differs from the one that wrote the journal: another terminal made one "
            "of its own, two bots share the journal's name but not its key, or the key's secret "
            "was overwritten.",
            todo="Hand in the key that was used before: on your own machine it is in the "
            "MASTODON_JOURNAL_KEY of the terminal where you began. Another bot in the same "
            "repository needs a journal of its own (--journal OTHER_NAME). If the key is lost, "
            "delete the journal's variable and the secret with its key, begin and complete anew, "
            "and only then remove the bot's older application at its instance.",
        )
    try:
        plaintext = SecretBox(key).decrypt(base64.b64decode(match[2], validate=True))
    except (CryptoError, ValueError):
        raise DamagedError from None
    try:
        return Journal.model_validate_json(plaintext)
    except ValueError:
        raise _unreadable() from None  # pydantic's errors quote what they could not read


def _fingerprint(key: bytes) -> str:
    return blake2b(key, digest_size=8, person=b"journal-key").hexdigest()


def _unreadable() -> PersonNeededError:
    return PersonNeededError(
        "journal-unreadable",
        "The journal was opened, but this version of the tool can't read it.",
        why="Another version wrote it.",
        todo="Use that version, or a later one; nothing was changed.",
    )
