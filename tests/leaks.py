"""What a secret may look like where it has leaked."""

import base64
from urllib.parse import quote


def forms(secret: str) -> set[str]:
    """A secret as it is, percent-encoded, and what base64 makes of it in whatever context.

    In base64, three bytes become four characters: where a text stands within another one, only what
    its first and last bytes share with their neighbours differs.
    """
    forms = {secret, quote(secret, safe="")}
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + secret.encode()).decode()
        inner = whole[(0, 2, 3)[offset] : -4]
        forms |= {inner, inner.translate(str.maketrans("+/", "-_"))}
    return forms
