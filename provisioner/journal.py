"""The journal: the tool's memory between runs, written ahead of each step.

It lives in an Actions variable, sealed with PyNaCl's SecretBox under a constant key that lives in
an Actions secret. A variable is read live, and read back to settle a lost answer; a secret could
not be read at all, and a run sees secrets only as they were when it was queued.

In the variable stands `<version>:<key's fingerprint>:<base64 of the box>`. The fingerprint tells a
wrong key from a damaged box; the key has 256 random bits, so that it tells nobody else anything.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from pydantic import BaseModel

from provisioner.destinations import Kind, check_size
from provisioner.discovery import Server
from provisioner.errors import HalfWayError, InputError, PersonNeededError, TransportError
from provisioner.github import Repository
from provisioner.mastodon import Application, authorization_url
from provisioner.secret import SEALING, SealedSecret, Secret

VERSION = 1
PATIENCE = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each try of a journal write, until the run gives up."""


class Destination(BaseModel, frozen=True):
    """A name in a repository under which something of a credential was written."""

    repository: str
    kind: Kind
    name: str


class Credential(BaseModel, frozen=True):
    """An access token, and all that is needed to judge, replace and revoke it."""

    server: Server
    application: Application
    token: SealedSecret
    account_id: str = ""
    """The instance's number for the account; "" until verified."""
    scopes: tuple[str, ...]
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
    app_name: str
    begun_at: int
    existed: dict[str, bool] = {}
    """Which of the secrets to be written were there before us."""
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


class Superseded(BaseModel, frozen=True):
    """A credential that was replaced, or must not be used, and is still to be revoked."""

    credential: Credential
    revoke_after: int


class Journal(BaseModel, frozen=True):
    """What the tool remembers of one bot."""

    generation: int = 0
    """Counts the writes: who finds a higher one than it read was overtaken by another run."""
    repository_id: int
    account: str
    """As it was asked for, `user@domain`; `account_id` in the credentials binds it for good."""
    origin: str = ""
    """The instance's."""
    pending: Pending | None = None
    current: Credential | None = None
    superseded: tuple[Superseded, ...] = ()

    def credentials(self) -> tuple[Credential, ...]:
        """Every credential in the journal."""
        staged = self.pending.staged if self.pending else None
        old = (superseded.credential for superseded in self.superseded)
        return tuple(filter(None, (staged, self.current, *old)))

    @property
    def holds_tokens(self) -> bool:
        """Whether a token is in here, or was perhaps issued to the pending application."""
        attempted = self.pending and self.pending.attempted_at is not None
        return bool(self.credentials() or attempted)


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

    Raises InputError for another key, PersonNeededError for a newer version or a damaged value.
    """
    match = re.fullmatch(r"(?a:(\d{1,9})):([0-9a-f]{16}):([A-Za-z0-9+/=]+)", value.strip())
    if re.match(r"(?a:\d{1,9}):", value) and int(value.partition(":")[0]) > VERSION:
        raise PersonNeededError(
            "journal-newer",
            "The journal was written by a newer version of this tool.",
            todo="Update this tool; it changed nothing.",
        )
    if not match:
        raise _damaged()
    if match[2] != _fingerprint(key):
        raise InputError(
            "journal-key-wrong",
            "The journal is sealed under another key than the one that was handed in.",
            why="Two bots share the journal's name but not its key, or the key's secret was "
            "overwritten.",
            todo="Hand in the key that was used before. Another bot in the same repository needs "
            "a journal of its own (--journal OTHER_NAME). If the key is lost, remove the bot's old "
            "authorization at its instance, delete the journal's variable, and begin again.",
        )
    try:
        plaintext = SecretBox(key).decrypt(base64.b64decode(match[3], validate=True))
        return Journal.model_validate_json(plaintext)
    except (CryptoError, ValueError):
        raise _damaged() from None  # pydantic's errors quote what they could not read


def _fingerprint(key: bytes) -> str:
    return blake2b(key, digest_size=8, person=b"journal-key").hexdigest()


def _damaged() -> PersonNeededError:
    return PersonNeededError(
        "journal-damaged",
        "The journal can't be read: its value is damaged.",
        why="Somebody edited the variable, or it was cut in copying.",
        todo="Put its former value back, if you have it. Otherwise remove the bot's authorization "
        "at its instance (Preferences > Account > Authorized apps), delete the variable, and begin "
        "again.",
    )


class UnconfirmedError(HalfWayError):
    """Whether the journal was written could not be settled."""


@dataclass
class JournalStore:
    """Where a repository keeps a journal: a variable, and the secret `<name>_KEY`."""

    repository: Repository
    name: str
    key: Secret
    """Empty before the very first run."""
    sleep: Callable[[float], None]
    _stored: str | None = field(default=None, repr=False)

    @property
    def key_name(self) -> str:
        """The name of the secret that holds the key."""
        return f"{self.name}_KEY"

    def read(self) -> Journal | None:
        """The journal as it is now; None where there is none yet.

        Raises InputError where it can't be opened with this key or is another repository's, and
        PersonNeededError where it is damaged or newer.
        """
        key = parse_key(self.key.reveal()) if self.key else b""
        self._stored = self.repository.variable(self.name)
        if self._stored is None:
            return None
        if not key:
            raise InputError(
                "journal-key-missing",
                f"The repository has a journal ({self.name}), but no key for it was handed in.",
                why="In a workflow, `journal-key` is missing under `with:`, the secret was "
                "deleted, or the run was queued before the secret existed. On a laptop, "
                "MASTODON_JOURNAL_KEY is not set in this shell.",
                todo=f"Hand in ${{{{ secrets.{self.key_name} }}}} and start a new run; on a "
                "laptop, set MASTODON_JOURNAL_KEY to the key that you made before you began.",
            )
        journal = unseal(self._stored, key)
        if journal.repository_id != self.repository.id:
            raise InputError(
                "journal-foreign",
                f"The journal in {self.repository.name} belongs to another repository.",
                why="The variable was copied from there, or the repository was made from it anew.",
                todo=f"Delete the variable {self.name} here, and begin.",
            )
        return journal

    def write(self, journal: Journal) -> Journal:
        """Seal and write; returns only once it is certain that the journal is stored.

        A lost answer is settled by reading back. Raises UnconfirmedError where that can't be done
        in time, HalfWayError where another run wrote in between, and GitHub's definite refusals.
        """
        journal = journal.model_copy(update={"generation": journal.generation + 1})
        value = seal(journal, parse_key(self.key.reveal()))
        check_size(self.name, value)
        for pause in PATIENCE:
            self.sleep(pause)
            try:
                self.repository.put_variable(self.name, value, repeat=False)
            except TransportError:
                if not self._landed(value):
                    continue
            self._stored = value
            return journal
        raise UnconfirmedError(
            "journal-unconfirmed",
            f"GitHub did not confirm that the journal ({self.name}) was written.",
            why="Its answers were lost or errors, for longer than a run can wait.",
            todo="Run this again when GitHub is well: see https://www.githubstatus.com.",
        )

    def _landed(self, value: str) -> bool:
        try:
            stored = self.repository.variable(self.name)
        except TransportError:
            return False
        if stored not in {value, self._stored}:
            raise HalfWayError(
                "overtaken",
                "Another run wrote the journal at the same time.",
                why="Two runs for the same bot were started, and this one was slower.",
                todo="Let the other one finish, then run this again.",
            )
        return stored == value
