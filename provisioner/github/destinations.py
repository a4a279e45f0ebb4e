"""What can be written where: names, fields, sizes and paths of GitHub's secrets and variables.

Pure. The rules are GitHub's (https://docs.github.com/actions/security-guides/encrypted-secrets):
checked here, so that a one-time code is not spent on a run that could never store its token.
"""

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from provisioner.report import InputError, Set, plain

Kind = Literal["secrets", "variables"]

FIELDS: dict[Kind, tuple[str, ...]] = {
    "secrets": ("access_token", "client_id", "client_secret"),
    "variables": ("base_url", "account", "scopes", "expires_at", "client_id"),
}
MAX_VALUE = 48 * 1024
"""Bytes of a secret's plaintext, or of a variable's value."""
MAX_SECRETS = 100
"""Secrets of a repository: one page of a list holds them all."""


class Destination(msgspec.Struct, frozen=True):
    """A place that keeps a secret or a variable."""

    scope: str
    """Whose: `repository/123`, by GitHub's number, since names change. An environment's or an
    organization's would be named likewise."""
    kind: Kind
    name: str

    @property
    def is_secret(self) -> bool:
        """Whether it can hold a token."""
        return self.kind == "secrets"

    def __str__(self) -> str:
        return f"the {self.kind.removesuffix('s')} {self.name}"


class Mapping(msgspec.Struct, frozen=True):
    """One entry of the inputs `secrets` or `variables`: the field to be written under a name."""

    kind: Kind
    name: str
    field: str


def parse_mappings(kind: Kind, entries: Iterable[str]) -> tuple[Mapping, ...]:
    """Entries of `NAME=field`, set apart by commas or line breaks too. Raises InputError."""
    mappings: dict[str, Mapping] = {}
    lines = (line.strip() for entry in entries for line in re.split(r"[\n,]", entry))
    for line in filter(None, lines):
        name, equals, field = (part.strip() for part in line.partition("="))
        if field not in FIELDS[kind]:
            raise InputError(
                "bad-mapping",
                # Not the line itself: people put the token there.
                f"One of the {kind}, “{plain(name, 40)}”, does not name a field to write."
                if equals
                else f"One of the entries for {kind} is not of the form NAME=field.",
                why=f"The fields for {kind} are: {', '.join(FIELDS[kind])}.",
                next=(Set(kind, f"NAME={FIELDS[kind][0]}"),),
            )
        if (name := check_name(name)) in mappings:
            raise InputError(
                "duplicate-name",
                f"Duplicate name among the {kind}: {name}.",
                why="GitHub does not tell upper case from lower case in these names.",
                next=("Give each field a name of its own.",),
            )
        mappings[name] = Mapping(kind, name, field)
    return tuple(mappings.values())


def check_name(name: str) -> str:
    """The name as GitHub stores it, in upper case. Raises InputError where GitHub refuses it."""
    if re.fullmatch(r"(?!GITHUB_)[A-Z_][A-Z0-9_]{0,254}", name, re.ASCII | re.IGNORECASE):
        return name.upper()
    raise InputError(
        "bad-name",
        f"Not a valid name for a secret or a variable: “{plain(name)}”.",
        why="GitHub takes letters, digits and underscores, no digit at the beginning, and no name "
        "that begins with GITHUB_.",
        next=("Choose another name, such as MY_BOT.",),
    )


def require_distinct(journal: str, mappings: Iterable[Mapping]) -> None:
    """Raise InputError where a name to be written is the journal's or its key's."""
    for name in (mapping.name for mapping in mappings):
        if name in {journal, f"{journal}_KEY"}:
            what, step = f"The journal is kept under the name {name}.", "Choose another name."
            raise InputError("reserved-name", what, next=(step,))


def expression(mapping: Mapping) -> str:
    """How a workflow reads what was written: `${{ secrets.NAME }}`."""
    context = "secrets" if mapping.kind == "secrets" else "vars"
    return f"${{{{ {context}.{mapping.name} }}}}"


def names(places: Iterable[Destination | Mapping]) -> str:
    """Several places for a person: “the secret A and the variable B”."""
    return " and ".join(sorted({f"the {one.kind.removesuffix('s')} {one.name}" for one in places}))


def is_repository(name: str) -> bool:
    """Whether it is `owner/name`, in the characters that GitHub takes, and no more of them."""
    form = r"[A-Za-z0-9][A-Za-z0-9-_]{0,99}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}"
    return re.fullmatch(form, name) is not None
