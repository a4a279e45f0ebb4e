"""Instances that tell this or that about themselves."""

from provisioner.mastodon.instance import Instance
from provisioner.mastodon.scopes import InstanceInfo

ORIGIN = "https://social.example"
POST = ("profile", "write:statuses", "write:media")
CLASSIC = ("read:accounts", "write:statuses", "write:media")
NEW = ("read", "profile", "write", *CLASSIC, "write:accounts", "follow", "push")
"""What an instance of today lists."""


def instance_of(
    software: str = "",
    version: str = "",
    *,
    origin: str = ORIGIN,
    authorization: str = "",
    revocation: str | None = None,
    has_metadata: bool = False,
) -> Instance:
    """An instance at Mastodon's usual paths."""
    return Instance(
        origin=origin,
        authorization_endpoint=authorization or f"{origin}/oauth/authorize",
        token_endpoint=f"{origin}/oauth/token",
        registration_endpoint=f"{origin}/api/v1/apps",
        revocation_endpoint=f"{origin}/oauth/revoke" if revocation is None else revocation,
        has_metadata=has_metadata,
        software=software,
        version=version,
    )


def info_of(
    software: str = "",
    version: str = "",
    scopes: tuple[str, ...] = (),
    grants: tuple[str, ...] = (),
    pkce: tuple[str, ...] = (),
    *,
    revocation: str | None = None,
) -> InstanceInfo:
    """An instance that tells this much about itself; lists are what only metadata has."""
    has_metadata = bool(scopes or grants or pkce)
    instance = instance_of(software, version, revocation=revocation, has_metadata=has_metadata)
    return InstanceInfo(instance, scopes, grants, pkce)
