"""What an instance can do, decided by what it tells: scopes, grants, PKCE. Pure.

Its software's name is used only where nothing else can tell (`servers.py`).
"""

from dataclasses import dataclass

from provisioner.errors import InputError, plain
from provisioner.oauth import Server
from provisioner.servers import is_at_least

VERIFYING = {"profile", "read:accounts"}
"""What is narrower than `read`, and lets a token tell whose it is."""


@dataclass(frozen=True)
class Description:
    """What an instance tells of itself today; of this, the journal keeps the `server`."""

    server: Server
    scopes_supported: tuple[str, ...] = ()
    """As its metadata lists them (RFC 8414, section 2), like the next two; empty: not told."""
    grant_types_supported: tuple[str, ...] = ()
    code_challenge_methods_supported: tuple[str, ...] = ()

    @property
    def scopes_known(self) -> tuple[str, ...]:
        """Every scope that the instance knows; empty where that can't be told."""
        return self.scopes_supported or self.server.habits.scopes

    @property
    def knows_profile(self) -> bool:
        """Whether it knows the scope `profile`, as Mastodon does since 4.3."""
        if self.scopes_known:
            return "profile" in self.scopes_known
        return self.server.software == "Mastodon" and is_at_least(self.server.version, 4, 3)

    @property
    def knows_granular_scopes(self) -> bool:
        """Whether it certainly knows scopes such as `write:statuses` (Mastodon has since 2.4.3)."""
        if self.scopes_known:
            return any(scope.startswith(("read:", "write:")) for scope in self.scopes_known)
        return self.server.software == "Mastodon" and is_at_least(self.server.version, 3, 0)

    @property
    def offers_password(self) -> bool:
        """Whether it takes user name and password (RFC 6749, section 4.3); if unknown, perhaps.

        Metadata that lists no grants means those of RFC 8414's default, without this one.
        """
        if self.grant_types_supported:
            return "password" in self.grant_types_supported
        known = self.server.habits.password_grant
        return not self.server.has_metadata if known is None else known

    @property
    def revokes(self) -> bool:
        """Whether something can be called to revoke a token (RFC 7009); if unknown, it can."""
        if self.server.has_metadata:
            return bool(self.server.revocation_endpoint)
        return self.server.habits.revokes


def sets_of_scopes(asked: tuple[str, ...], told: Description) -> tuple[tuple[str, ...], ...]:
    """The sets of scopes to register with, one after the other until the instance takes one.

    First what was asked for; then `read:accounts`, or what the server wants in its place, for
    `profile`; then the broad `read` and `write`, all that Pixelfed and the oldest servers know, but
    not where a narrower one must be a mistake. What the instance does not know by its own word is
    left out, and so is `profile` where nothing tells that it knows it.
    Raises InputError where nothing is left.
    """
    verifying = told.server.habits.verifying_scope
    verified_by = VERIFYING if verifying == "read" else {"profile"}
    classic = tuple(dict.fromkeys(verifying if s in verified_by else s for s in asked))
    broader = tuple(dict.fromkeys("read" if s in VERIFYING else s for s in asked))
    coarse = tuple(dict.fromkeys(_coarse(scope) for scope in asked))
    known = set(told.scopes_known)
    sets = [asked, classic] if told.knows_profile else [classic]
    sets += [broader] if known and not set(classic) <= known else []
    sets += [] if told.knows_granular_scopes else [coarse]
    fitting = tuple(dict.fromkeys(s for s in sets if not known or set(s) <= known))
    if not fitting:
        unknown = sorted(set(sets[-1]) - known)
        raise InputError(
            "scopes-unknown",
            f"{told.server.host} does not know the scopes {' '.join(unknown)}.",
            why=f"It knows: “{plain(' '.join(sorted(known)), 400)}”.",
            todo="Choose among these with --scopes.",
        )
    return fitting


def missing(granted: tuple[str, ...], wanted: tuple[str, ...]) -> list[str]:
    """The wanted scopes that are neither granted nor part of a broader one.

    `write` holds `write:statuses`; `read` and `read:accounts` hold all that `profile` allows.
    """
    return [scope for scope in wanted if not {scope, *_broader(scope)} & set(granted)]


def excess(scopes: tuple[str, ...], asked: tuple[str, ...]) -> list[str]:
    """The scopes that allow more than was asked for, to tell whose the token is apart."""
    return missing(asked, tuple(scope for scope in scopes if scope != "read:accounts"))


def _broader(scope: str) -> set[str]:
    if scope == "profile":
        return {"read", "read:accounts"}
    parts = scope.split(":")
    return {":".join(parts[:n]) for n in range(1, len(parts))}


def _coarse(scope: str) -> str:
    action, _, rest = scope.partition(":")
    if action == "admin" and rest:
        return f"admin:{rest.partition(':')[0]}"
    return "read" if scope == "profile" else action
