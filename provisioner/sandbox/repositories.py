"""A repository on the embedded GitHub: its secrets, their key pair, its variables, its runs."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

MAX_SECRETS, MAX_VARIABLES = 100, 500
MAX_VALUE = 48 * 1024
"""The largest secret or variable in bytes, of the plaintext."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME_RULE = (
    "can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). Spaces are "
    "not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_)."
)


class Invalid(Exception):  # noqa: N818 - GitHub's word for 422
    """What GitHub refuses with 422; the message is GitHub's text."""


@dataclass(eq=False)
class Repository:
    """A repository; names of secrets and variables are stored in upper case.

    `random` returns that many random bytes. A test may set `archived` and write into `variables`.
    """

    id: int
    owner: str
    name: str
    private: bool
    clock: Callable[[], float]
    random: Callable[[int], bytes]
    archived: bool = False
    runs: set[str] = field(default_factory=set)
    """The states in which workflow runs are, such as `queued`."""
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.created_at = self.clock()
        self.rotate_key()

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def rotate_key(self) -> None:
        """Replace the key pair: boxes sealed for the old one do not open any more."""
        self._key = PrivateKey(self.random(PrivateKey.SIZE))
        self.key_id = str(10**17 + int.from_bytes(self.random(7)))

    @property
    def public_key(self) -> str:
        """The public key in standard base64, 32 bytes decoded."""
        return base64.b64encode(bytes(self._key.public_key)).decode()

    def open_secret(self, name: str) -> str:
        """Return a secret's plaintext, as a workflow would see it; `KeyError` where it is not."""
        return self.secrets[name.upper()]

    def set_secret(self, name: str, value: str) -> bool:
        """Store a secret as a person does on the settings page; True where it is new."""
        return _store(self.secrets, name, value, MAX_SECRETS, "Secret")

    def put_secret(self, name: str, sealed: str, key_id: str) -> bool:
        """Open a sealed box and store what it holds; True where the secret is new.

        `Invalid` for a name or size that GitHub refuses, and a box that this key does not open.
        """
        check_name(name, "Secret")
        refusal = Invalid("Bad request - validation failed due to an improperly encrypted secret")
        if key_id != self.key_id:
            raise refusal
        try:
            plaintext = SealedBox(self._key).decrypt(base64.b64decode(sealed))
        except (ValueError, CryptoError):
            raise refusal from None
        return self.set_secret(name, plaintext.decode())

    def put_variable(self, name: str, value: str) -> None:
        """Store a variable's value. `Invalid` for what GitHub refuses."""
        check_name(name, "Variable")
        _store(self.variables, name, value, MAX_VARIABLES, "Variable")


@dataclass(frozen=True)
class Run:
    """A queued workflow run, or one that is run again.

    Repository secrets are read when a run is queued, says GitHub's documentation, and a re-run is
    reported to replay them (cli/cli#13522). Variables are read live over the API.
    """

    repository: Repository
    secrets: Mapping[str, str]

    @property
    def variables(self) -> Mapping[str, str]:
        """The repository's variables as they are now."""
        return self.repository.variables

    def secret(self, name: str) -> str:
        """Return what `${{ secrets.NAME }}` becomes: the empty string where it is not set."""
        return self.secrets.get(name.upper(), "")


def check_name(name: str, kind: str) -> None:
    """Raise `Invalid` for a name that GitHub refuses; `kind` is `Secret` or `Variable`."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{kind} names {_NAME_RULE}")
    if name.upper().startswith("GITHUB_"):
        raise Invalid(f"{kind} names must not start with GITHUB_.")


def timestamp(moment: float) -> str:
    """Write a moment as GitHub does: whole seconds, UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _store(values: dict[str, str], name: str, value: str, most: int, kind: str) -> bool:
    """Store a value within GitHub's limits; True where the name is new."""
    if len(value.encode()) > MAX_VALUE:
        raise Invalid(f"{kind} value is too large: it must be {MAX_VALUE // 1024} KB or less.")
    is_new = name.upper() not in values
    if is_new and len(values) >= most:
        raise Invalid(f"There can be no more than {most} {kind.lower()}s.")
    values[name.upper()] = value
    return is_new
