"""Pleroma's scopes: how they are read, and which covers which.

After lib/pleroma/web/o_auth/scopes.ex and plugs/o_auth_scopes_plug.ex of kphrx/pleroma at 112caa05.
"""

import re
from collections.abc import Iterable

from provisioner.sandbox.parameters import Parameters


def requested(given: Parameters, within: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Read `scope` or `scopes`, apart at white space and commas; `within` names a form's part."""
    for name in ("scope", "scopes"):
        value = given.get(f"{within}[{name}]" if within else name)
        if value is not None:
            words = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else value
            return tuple(one for one in words if one)
    return default


def all_descend(wanted: Iterable[str], held: Iterable[str]) -> bool:
    """Whether each is one of those held or a part of one: `write` covers `write:statuses`."""
    held = tuple(held)
    return all(any(one == other or one.startswith(f"{other}:") for other in held) for one in wanted)
