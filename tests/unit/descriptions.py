"""Instances that tell this or that of themselves."""

from provisioner.capabilities import Description
from provisioner.oauth import Server

ORIGIN = "https://social.example"
POST = ("profile", "write:statuses", "write:media")
CLASSIC = ("read:accounts", "write:statuses", "write:media")
NEW = ("read", "profile", "write", *CLASSIC, "write:accounts", "follow", "push")
"""What an instance of today lists."""


def told(
    software: str = "",
    version: str = "",
    scopes: tuple[str, ...] = (),
    grants: tuple[str, ...] = (),
    pkce: tuple[str, ...] = (),
    *,
    revocation: str = f"{ORIGIN}/oauth/revoke",
) -> Description:
    """An instance that tells this much of itself; lists are what only metadata has."""
    server = Server(
        origin=ORIGIN,
        authorization_endpoint=f"{ORIGIN}/oauth/authorize",
        token_endpoint=f"{ORIGIN}/oauth/token",
        registration_endpoint=f"{ORIGIN}/api/v1/apps",
        revocation_endpoint=revocation,
        has_metadata=bool(scopes or grants),
        software=software,
        version=version,
    )
    return Description(server, scopes, grants, pkce)
