"""GitHub tokens: what each may do, and how GitHub says that it may not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Access = Literal["read", "write"]
Kind = Literal["fine-grained", "app", "actions"]

PROVISIONING: Mapping[str, Access] = {
    "secrets": "write",
    "actions_variables": "write",
    "metadata": "read",
}
"""What a token needs to write a repository's secrets and variables."""

# GITHUB_TOKEN's permission set has no such entries, whatever a workflow asks for.
_NEVER_FOR_ACTIONS = frozenset({"secrets", "actions_variables", "environments"})


@dataclass(eq=False)
class Token:
    """A token. `repositories` None: all of them; else their ids.

    `expires_at` is in seconds since the epoch, None for a token without an end.
    """

    value: str = field(repr=False)
    kind: Kind
    permissions: Mapping[str, Access]
    repositories: frozenset[int] | None
    expires_at: float | None = None
    authorized_for: set[str] = field(default_factory=set)

    def may(self, permission: str, access: Access) -> bool:
        """Whether the token has that permission; writing includes reading."""
        if self.kind == "actions" and permission in _NEVER_FOR_ACTIONS:
            return False
        held = self.permissions.get(permission)
        return held in ("write", access)

    def sees(self, repository_id: int) -> bool:
        """Whether the token was given that repository."""
        return self.repositories is None or repository_id in self.repositories

    @property
    def refusal(self) -> str:
        """GitHub's sentence where a permission is missing."""
        by = "personal access token" if self.kind == "fine-grained" else "integration"
        return f"Resource not accessible by {by}"


def shape(kind: Kind, raw: bytes) -> str:
    """Write random bytes in the shape of a token: `github_pat_…` or `ghs_…`."""
    digits = raw.hex()
    if kind == "fine-grained":
        return f"github_pat_{digits[:22].upper()}_{digits[22:81]}"
    return f"ghs_{digits[:36]}"
