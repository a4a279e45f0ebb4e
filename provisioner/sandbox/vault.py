"""Where GitHub keeps secrets: a key pair per scope, and the plaintexts that it opened.

A repository has a vault of its own; so would an environment or an organization.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

MAX_SECRETS = 100
MAX_VALUE = 48 * 1024
"""The largest secret or variable in bytes, of the plaintext."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME_RULE = (
    "can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). Spaces are "
    "not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_)."
)


class Invalid(Exception):  # noqa: N818 - GitHub's word for 422
    """What GitHub refuses with 422; the message is GitHub's text."""


@dataclass(frozen=True)
class StoredSecret:
    """A secret: its plaintext, as the runner would get it, and what GitHub's lists show of it.

    `ciphertext_length` is in bytes: 48 more than the plaintext. Times are seconds since the epoch.
    """

    plaintext: bytes = field(repr=False)
    ciphertext_length: int
    created_at: float
    updated_at: float


class Vault:
    """One private key and the secrets sealed for it, by their upper-case names."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        """Make a key pair from `random`, which returns that many random bytes."""
        self._random = random
        self.secrets: dict[str, StoredSecret] = {}
        self.rotate_key()

    def rotate_key(self) -> None:
        """Replace the key pair: boxes sealed for the old one do not open any more."""
        self._key = PrivateKey(self._random(PrivateKey.SIZE))
        self.key_id = str(10**17 + int.from_bytes(self._random(7)))

    @property
    def public_key(self) -> str:
        """The public key in standard base64, 32 bytes decoded."""
        return base64.b64encode(bytes(self._key.public_key)).decode()

    def put(self, name: str, sealed: str, key_id: str, now: float) -> bool:
        """Open a sealed box and store what it holds; True where the secret is new.

        `Invalid` for a name or size that GitHub refuses, and a box that this key does not open.
        """
        check_name(name, "Secret")
        plaintext = self._open(sealed, key_id)
        return self.store(name, plaintext, len(plaintext) + 48, now)

    def store(self, name: str, plaintext: bytes, ciphertext_length: int, now: float) -> bool:
        """Store an opened secret; True where it is new. `Invalid` beyond GitHub's limits."""
        if len(plaintext) > MAX_VALUE:
            raise Invalid(f"Secret value is too large: it must be {MAX_VALUE // 1024} KB or less.")
        known = self.secrets.get(name.upper())
        if known is None and len(self.secrets) >= MAX_SECRETS:
            raise Invalid(f"There can be no more than {MAX_SECRETS} secrets.")
        created = known.created_at if known else now
        self.secrets[name.upper()] = StoredSecret(plaintext, ciphertext_length, created, now)
        return known is None

    def _open(self, sealed: str, key_id: str) -> bytes:
        refusal = Invalid("Bad request - validation failed due to an improperly encrypted secret")
        if key_id != self.key_id:
            raise refusal
        try:
            return SealedBox(self._key).decrypt(base64.b64decode(sealed, validate=True))
        except (CryptoError, binascii.Error):
            raise refusal from None


def check_name(name: str, kind: str) -> None:
    """Raise `Invalid` for a name that GitHub refuses; `kind` is `Secret` or `Variable`."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{kind} names {_NAME_RULE}")
    if name.upper().startswith("GITHUB_"):
        raise Invalid(f"{kind} names must not start with GITHUB_.")
