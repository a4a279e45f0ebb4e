"""What an instance can do, decided from what it tells: scopes, grants, revocation. Pure.

The software's name counts only where nothing else can tell (`instance.py`).
"""

import re

import msgspec

from provisioner.mastodon.instance import PROFILES, Instance, is_at_least
from provisioner.report import InputError, Open, Set, duration, plain

DOCUMENTATION = "https://docs.joinmastodon.org/api/oauth-scopes/"
PRESETS = {
    "post": ("profile", "write:statuses", "write:media"),
    "interact": (
        *("profile", "read:notifications", "read:statuses"),
        *("write:statuses", "write:media"),
    ),
    "full": ("read", "write"),
}
"""Sets of scopes by name. `candidates` replaces those that an instance does not know."""
VERIFYING = ("profile", "read:accounts", "read")
"""The scopes any of which lets `verify_credentials` tell whose token it is, narrowest first."""


class InstanceInfo(msgspec.Struct, frozen=True):
    """What an instance tells about itself today; of this, the journal keeps the `instance`."""

    instance: Instance
    scopes_supported: tuple[str, ...] = ()
    """As its metadata lists them (RFC 8414, section 2), like the next; empty: not told."""
    grant_types_supported: tuple[str, ...] = ()
    how: str = ""
    """How it was found, for a person."""
    is_confirmed: bool = True
    """Whether it was named, or WebFinger knows the account; else the spelling may be wrong."""
    subject: str = ""
    """What WebFinger calls the account, where that is another name than was asked for."""

    @property
    def scopes_known(self) -> tuple[str, ...]:
        return self.scopes_supported or self.instance.profile.scopes

    @property
    def password_grant(self) -> bool | None:
        """Whether it takes a user name and a password (RFC 6749, section 4.3); None: to be tried.

        Metadata that lists no grants means RFC 8414's default, which is without this one.
        """
        if self.instance.has_metadata:
            return "password" in self.grant_types_supported
        return self.instance.profile.password_grant


def parse_scopes(text: str) -> tuple[str, ...]:
    """A preset's name, or scopes separated by spaces or commas; each once. Raises InputError."""
    words = text.replace(",", " ").split()
    scopes = tuple(dict.fromkeys(s for word in words for s in PRESETS.get(word, (word,))))
    for scope in scopes:
        if not re.fullmatch(r"(read|write|follow|push|profile|admin)(:[a-z_]+){0,2}", scope):
            raise InputError(
                "bad-scope",
                f"“{plain(scope)}” is not a scope.",
                why=f"A scope is a preset ({', '.join(PRESETS)}) or a name such as write:statuses.",
                next=(Set("scopes", "post"), Open(DOCUMENTATION)),
            )
    if not set(VERIFYING) & set(scopes):
        raise InputError(
            "unverifiable-scopes",
            f"A token with the scopes “{' '.join(scopes)}” does not tell whose it is.",
            why="The account is checked before a token is stored. That needs the scope profile.",
            next=(Set("scopes", " ".join(("profile", *scopes))),),
        )
    return scopes


def candidates(requested: tuple[str, ...], info: InstanceInfo) -> tuple[tuple[str, ...], ...]:
    """The sets of scopes to register with, one after the other until the instance takes one.

    First what was requested; then `read:accounts`, or what the server needs instead, for `profile`;
    then the broad `read` and `write`, which are all that Pixelfed knows, but not where a narrower
    one that is unknown must be a mistake. What the instance does not know by its own word is left
    out, and so is `profile` where neither that nor the version tells that it knows it.
    Raises InputError where nothing is left.
    """
    verifying = info.instance.profile.verifying_scope
    narrow = VERIFYING[: VERIFYING.index(verifying)]
    classic = tuple(dict.fromkeys(verifying if s in narrow else s for s in requested))
    broader = tuple(dict.fromkeys("read" if s in VERIFYING else s for s in requested))
    coarse = tuple(dict.fromkeys(_coarse(scope) for scope in requested))
    known = set(info.scopes_known)
    is_granular = any(":" in s and not s.startswith("admin:") for s in known)
    is_mastodon = info.instance.software.casefold() == "mastodon"
    # Its metadata may not have come, this once: `profile` is there since Mastodon 4.3.
    is_new = is_mastodon and is_at_least(info.instance.version, 4, 3)
    knows_profile = "profile" in known if known else is_new
    sets = [requested, classic] if knows_profile else [classic]
    sets += [broader] if known and not set(classic) <= known else []
    sets += [] if (is_granular if known else is_mastodon) else [coarse]
    fitting = tuple(dict.fromkeys(s for s in sets if not known or set(s) <= known))
    if not fitting:
        unknown = sorted(set(sets[-1]) - known)
        raise InputError(
            "scopes-unknown",
            f"{info.instance.host} does not know the scopes {' '.join(unknown)}.",
            why=f"It knows: “{plain(' '.join(sorted(known)), 400)}”.",
            next=(Set("scopes"),),
        )
    return fitting


def missing(granted: tuple[str, ...], wanted: tuple[str, ...]) -> list[str]:
    """The wanted scopes that are neither granted nor part of a broader one.

    `write` contains `write:statuses`; `read` and `read:accounts` contain all that `profile` allows.
    """
    return [scope for scope in wanted if not {scope, *_broader(scope)} & set(granted)]


def excess(scopes: tuple[str, ...], requested: tuple[str, ...]) -> list[str]:
    """The scopes that allow more than was requested; to tell whose token it is does not count."""
    return missing(requested, tuple(scope for scope in scopes if scope != "read:accounts"))


def _broader(scope: str) -> set[str]:
    parts = scope.split(":")
    broader = {":".join(parts[:n]) for n in range(1, len(parts))}
    return broader | set(VERIFYING) if scope == "profile" else broader


def _coarse(scope: str) -> str:
    action, *parts = scope.split(":")
    if action == "admin":
        return ":".join(("admin", *parts[:1]))
    return "read" if scope == "profile" else action


def explain(info: InstanceInfo, requested: tuple[str, ...]) -> dict[str, str]:
    """What is chosen for an instance, and why, by subject. Raises InputError for unknown scopes."""
    instance, profile, sets = info.instance, info.instance.profile, candidates(requested, info)
    source = "its metadata (RFC 8414)" if instance.has_metadata else "Mastodon's usual paths"
    is_known = instance.software.casefold() in PROFILES
    known = f"what is known of {instance.software}" if is_known else "the least of any server"
    each = [
        " ".join(scopes) + (", more than was requested" if excess(scopes, requested) else "")
        for scopes in sets
    ]
    unused = profile.unused_seconds
    removal = f"a person removes the application at {instance.applications_page()}"
    revokes = instance.revocation_endpoint if instance.has_metadata else profile.revokes
    offered = {True: "offered", False: "not offered", None: "offered, as it does not tell"}
    if not profile.posts_text_alone:
        posting = "only with a picture, which `post` does not send"
    elif missing(sets[0], ("write:statuses",)):
        posting = "not possible with these scopes (it needs write:statuses)"
    elif profile.idempotency_key:
        posting = "the same Idempotency-Key does not post twice"
    else:
        posting = "an Idempotency-Key may be ignored"
    return {
        "Known from": f"{source}, then {known}",
        "Scopes": "; if it refuses them: ".join(each),
        "Code": f"valid for {duration(profile.code_seconds)}",
        "Unused application": f"deleted after {duration(unused)}" if unused else "kept",
        "Revocation": f"over the API; if the token stays alive, {removal}"
        if revokes
        else f"no endpoint; {removal}",
        "Password": offered[info.password_grant],
        "Posting": posting,
    }
