"""Secrets as strings that redact themselves.

Access tokens, client secrets, codes, verifiers and keys are carried as `Secret`. Whatever prints,
logs or raises one shows asterisks; `reveal()` is the one way to the plaintext, so that a reviewer
finds every use of it with one grep.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Annotated
from urllib.parse import quote, quote_plus

from pydantic import PlainSerializer, SecretStr, SerializationInfo

MASK = "***"
SHORTEST_PART = 8
"""Characters; what is shorter stands in honest words too."""
LONGEST = 4096
"""Characters of a token, a client id or a client secret."""
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


def is_visible(text: str) -> bool:
    """Visible ASCII of a sane length: what can stand in a header, and be masked in a log."""
    return len(text) <= LONGEST and re.fullmatch("[!-~]+", text) is not None


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """`text` without the secrets: plain, percent-encoded, and within any base64.

    A server's error message may quote what it was sent; such text is never shown unredacted.
    """
    forms = {form for secret in secrets if secret for form in _forms(secret.reveal())}
    for form in sorted(forms, key=len, reverse=True):
        # Percent-encoding may be in lower case; nothing is lost where more than that is.
        text = re.sub(re.escape(form), MASK, text, flags=re.IGNORECASE)
    return text


def _forms(plain: str) -> Iterator[str]:
    yield from (plain, quote(plain, safe=""), quote_plus(plain))
    # Three bytes become four characters. Wherever the secret stands in what was encoded, only the
    # characters at its two ends depend on its neighbours; those in between are one of three.
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + plain.encode()).decode()
        for form in (encoded, encoded.rstrip("="), encoded[(0, 2, 3)[offset] : -4]):
            if len(form) >= SHORTEST_PART:
                yield from (form, form.translate(str.maketrans("+/", "-_")))
