"""Mastodon's OAuth scopes, as `GET /.well-known/oauth-authorization-server` of 4.7 lists them."""

DEFAULT = "read"

_READ = (
    "accounts blocks bookmarks collections favourites filters follows lists mutes notifications "
    "search statuses"
)
_WRITE = (
    "accounts blocks bookmarks collections conversations favourites filters follows lists media "
    "mutes notifications reports statuses"
)
_ADMIN = (
    "accounts reports domain_allows domain_blocks ip_blocks email_domain_blocks "
    "canonical_email_blocks"
)

SUPPORTED: tuple[str, ...] = (
    "read",
    "profile",
    "write",
    *(f"write:{name}" for name in _WRITE.split()),
    *(f"read:{name}" for name in _READ.split()),
    "follow",
    "push",
    "admin:read",
    *(f"admin:read:{name}" for name in _ADMIN.split()),
    "admin:write",
    *(f"admin:write:{name}" for name in _ADMIN.split()),
)

_MEANINGS = {
    "read": "see everything in your account",
    "profile": "see who you are",
    "write": "change everything in your account",
    "write:statuses": "publish posts in your name",
    "write:media": "upload pictures and other media",
    "write:accounts": "change your profile",
    "read:accounts": "see accounts, yours included",
    "read:notifications": "see your notifications",
    "read:statuses": "see posts that you can see",
    "follow": "follow, mute and block (deprecated)",
    "push": "receive your push notifications",
}


def split(text: str) -> tuple[str, ...]:
    """Split a space-separated list, without repetitions, in the order given."""
    return tuple(dict.fromkeys(text.split()))


def meaning(scope: str) -> str:
    """Say in plain words what a scope allows, for the consent page."""
    if scope in _MEANINGS:
        return _MEANINGS[scope]
    action, _, subject = scope.partition(":")
    return f"{'see' if action == 'read' else 'change'} your {subject.replace(':', ' ')}"
