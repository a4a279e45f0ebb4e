"""Where a secret may have leaked, and what it looks like there."""

import base64
from functools import lru_cache
from urllib.parse import quote

import msgspec

from provisioner.journal import Journal
from provisioner.secret import Secret


def plaintext(journal: Journal | None) -> str:
    """All that a journal keeps, its secrets included."""

    def reveal(secret: Secret) -> str:
        return secret.reveal()

    return msgspec.json.encode(journal, enc_hook=reveal).decode()


@lru_cache
def forms(secret: str) -> frozenset[str]:
    """A secret as it is, percent-encoded, and what base64 makes of it in whatever context.

    In base64, three bytes become four characters: where a text stands within another one, only what
    its first and last bytes share with their neighbours differs.
    """
    forms = {secret, quote(secret, safe="")}
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + secret.encode()).decode()
        inner = whole[(0, 2, 3)[offset] : -4]
        forms |= {inner, inner.translate(str.maketrans("+/", "-_"))}
    return frozenset(forms)
