"""Secrets as strings that redact themselves.

Access tokens, client secrets, codes, verifiers and keys are carried as `Secret`. Whatever prints,
logs or raises one shows asterisks; `reveal()` is the one way to the plaintext, so that a reviewer
finds every use of it with one grep.
"""

import base64
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import quote, quote_plus

from pydantic import PlainSerializer, SecretStr, SerializationInfo

MASK = "***"
SEALING = object()
"""The context in which a `SealedSecret` is dumped in plaintext: to seal the journal."""


class Secret(SecretStr):
    """A string whose `str` and `repr` redact it, and which pydantic dumps redacted."""

    def reveal(self) -> str:
        """The plaintext: for the server it belongs to, or for sealing it."""
        return self.get_secret_value()


def _dump(secret: Secret, info: SerializationInfo) -> str:
    return secret.reveal() if info.context is SEALING else MASK


SealedSecret = Annotated[Secret, PlainSerializer(_dump)]
"""A model's field that holds a secret: dumped as asterisks, except to be sealed."""


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """`text` without the secrets: plain, URL-encoded and base64.

    A server's error message may quote what it was sent; such text is never shown unredacted.
    """
    forms = {form for secret in secrets if secret for form in _forms(secret.reveal())}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def _forms(plain: str) -> set[str]:
    raw = plain.encode()
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return {
        plain,
        quote(plain, safe=""),
        quote_plus(plain),
        *encoded,
        *(text.rstrip("=") for text in encoded),
    }
