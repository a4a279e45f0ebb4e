"""Accounts as people write them."""

import re
from dataclasses import dataclass

import httpx

from provisioner.errors import InputError, plain
from provisioner.http import origin_of


@dataclass(frozen=True)
class Handle:
    """An account as people write it: `user@domain`."""

    user: str
    domain: str

    def __str__(self) -> str:
        """`user@domain`."""
        return f"{self.user}@{self.domain}"


def parse_account(text: str) -> Handle:
    """`mybot@mastodon.social`, `@mybot@mastodon.social` or a profile's URL."""
    given = text.strip()
    if match := re.fullmatch(r"https?://([^/\s?#@]+)/@([\w.-]+)/?", given):
        given = f"{match[2]}@{match[1]}"
    user, at, domain = given.removeprefix("@").partition("@")
    if not at or not re.fullmatch(r"[\w.-]+", user) or not _is_domain(domain):
        raise InputError(
            "bad-account",
            f"“{plain(text)}” is not an account.",
            why="An account names its user and its server." if not domain else "",
            todo="Write it as on a profile page: mybot@mastodon.social.",
        )
    # The domain as it travels: in lower case, and IDNA-encoded.
    return Handle(user, httpx.URL(f"https://{domain}").netloc.decode())


def _is_domain(text: str) -> bool:
    return "/" not in text and bool(origin_of(f"https://{text}"))
