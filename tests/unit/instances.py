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
    authorization: str = f"{ORIGIN}/oauth/authorize",
    revocation: str = f"{ORIGIN}/oauth/revoke",
    has_metadata: bool = False,
) -> Instance:
    """An instance at Mastodon's usual paths."""
    token, apps = f"{ORIGIN}/oauth/token", f"{ORIGIN}/api/v1/apps"
    return Instance(ORIGIN, authorization, token, apps, revocation, has_metadata, software, version)


def info_of(
    software: str = "",
    version: str = "",
    scopes: tuple[str, ...] = (),
    grants: tuple[str, ...] = (),
    *,
    revocation: str = f"{ORIGIN}/oauth/revoke",
) -> InstanceInfo:
    """An instance that tells this much about itself; lists are what only metadata has."""
    has_metadata = bool(scopes or grants)
    instance = instance_of(software, version, revocation=revocation, has_metadata=has_metadata)
    return InstanceInfo(instance, scopes, grants)
