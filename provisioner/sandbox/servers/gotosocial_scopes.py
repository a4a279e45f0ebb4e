"""GoToSocial's scopes: which one permits which.

After internal/api/util/scopes.go of superseriousbusiness/gotosocial at 57cb4fe7.
"""

from collections.abc import Iterable

_TOP = ("profile", "push", "read", "write", "admin", "admin:read", "admin:write")


def may(held: Iterable[str], wanted: Iterable[str]) -> bool:
    """Whether all that is wanted is permitted: `write` permits `write:statuses`."""
    held = tuple(held)
    return all(any(_permits(one, other) for one in held) for other in wanted)


def opens(held: Iterable[str], any_of: Iterable[str]) -> bool:
    """Whether one of them is permitted."""
    held = tuple(held)
    return any(may(held, (one,)) for one in any_of)


def _permits(held: str, wanted: str) -> bool:
    return held == wanted or (held in _TOP and wanted.startswith(f"{held}:"))
