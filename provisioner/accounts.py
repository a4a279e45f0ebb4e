"""Accounts as people write them."""

import re
from dataclasses import dataclass

from provisioner.addresses import host_of, origin_of
from provisioner.errors import InputError, plain


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
    # The domain as it travels: in lower case, and IDNA-encoded.
    host = "" if re.search(r"[/?#\\\s@]|:$", domain) else host_of(origin_of(f"https://{domain}"))
    if not at or not host or not re.fullmatch(r"[\w.-]+", user):
        raise InputError(
            "bad-account",
            f"“{plain(text)}” is not an account." if given else "No account was named.",
            why="" if at or not given else "An account names its user and its server.",
            todo="Write it as on a profile page: mybot@mastodon.social.",
        )
    return Handle(user, host)
