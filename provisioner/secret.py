"""Secrets as strings that redact themselves.

Access tokens, client secrets, codes, verifiers and keys are carried as `Secret`. Whatever prints,
logs or raises one shows asterisks; `reveal()` is the one way to the plaintext, so that a reviewer
finds every use of it with one grep.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"
MIN_PART = 8
"""Characters; what is shorter stands in honest words too."""
MAX_LENGTH = 4096
"""Characters of a token, a client id or a client secret."""


class Secret:
    """A string whose `str` and `repr` redact it."""

    __slots__ = ("_plaintext",)

    def __init__(self, plaintext: str) -> None:
        self._plaintext = plaintext

    def reveal(self) -> str:
        """The plaintext: for the server it belongs to, or for sealing it."""
        return self._plaintext

    def __str__(self) -> str:
        return MASK if self._plaintext else ""

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __len__(self) -> int:
        return len(self._plaintext)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._plaintext == other._plaintext

    def __hash__(self) -> int:
        return hash(self._plaintext)


def is_visible(text: str) -> bool:
    """Visible ASCII of a sane length: what can stand in a header, and be masked in a log."""
    return len(text) <= MAX_LENGTH and re.fullmatch("[!-~]+", text) is not None


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """A server's text without the secrets, as they are or percent-encoded.

    A server that hides a secret that it knows may encode it in any way: nothing stops that.
    """
    plain = [secret.reveal() for secret in secrets if secret]
    forms = {form for one in plain for form in (one, quote(one, safe=""), quote_plus(one))}
    for form in sorted(forms, key=len, reverse=True):
        # Percent-encoding may be in lower case; nothing is lost where more than that is.
        text = re.sub(re.escape(form), MASK, text, flags=re.IGNORECASE)
    return text
