"""What can be written where: names, fields, sizes and paths of GitHub's secrets and variables.

Pure. The rules are GitHub's (https://docs.github.com/actions/security-guides/encrypted-secrets):
checked here, so that a one-time code is not spent on a run that could never store its token.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from provisioner.errors import InputError, plain

Kind = Literal["secrets", "variables"]

SECRET_FIELDS = ("access_token", "client_id", "client_secret")
VARIABLE_FIELDS = ("base_url", "account", "scopes", "expires_at", "client_id")
LARGEST_VALUE = 48 * 1024
"""Bytes of a secret's plaintext, or of a variable's value."""


@dataclass(frozen=True)
class Mapping:
    """One line of the inputs `secrets` or `variables`: the field to be written under a name."""

    kind: Kind
    name: str
    field: str


def where_to_delete(kind: Kind, name: str, repository: str) -> str:
    """Where a person at a shell deletes it, to stand behind its name."""
    return (
        f"(in {repository}: Settings > Secrets and variables > Actions > {kind.capitalize()}; or "
        f"`gh {kind.removesuffix('s')} delete {name} --repo {repository}`)"
    )


def is_repository(name: str) -> bool:
    """Whether it is `owner/name`, in the characters that GitHub takes."""
    form = r"[A-Za-z0-9][A-Za-z0-9-_]*/(?!\.{1,2}$)[A-Za-z0-9._-]+"
    return re.fullmatch(form, name) is not None


def parse_secrets(text: str) -> tuple[Mapping, ...]:
    """Lines of `NAME=field` for Actions secrets."""
    return _parse("secrets", text, SECRET_FIELDS)


def parse_variables(text: str) -> tuple[Mapping, ...]:
    """Lines of `NAME=field` for Actions variables."""
    return _parse("variables", text, VARIABLE_FIELDS)


def _parse(kind: Kind, text: str, fields: tuple[str, ...]) -> tuple[Mapping, ...]:
    mappings: dict[str, Mapping] = {}
    for line in filter(None, (line.strip() for line in re.split(r"[\n,]", text))):
        name, equals, field = (part.strip() for part in line.partition("="))
        if not equals or field not in fields:
            raise InputError(
                "bad-mapping",
                # Not the line itself: people put the token there.
                f"One of the {kind}, “{plain(name, 40)}”, does not name a field to write."
                if equals
                else f"One of the lines for {kind} is not of the form NAME=field.",
                todo=f"Write lines of NAME=field; the fields for {kind} are: {', '.join(fields)}.",
            )
        if (name := check_name(name)) in mappings:
            raise InputError(
                "duplicate-name",
                f"{name} stands twice among the {kind}.",
                why="GitHub does not tell upper case from lower case in these names.",
                todo="Give each field a name of its own.",
            )
        mappings[name] = Mapping(kind, name, field)
    return tuple(mappings.values())


def check_name(name: str) -> str:
    """The name as GitHub stores it, in upper case. Raises InputError where GitHub refuses it."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or len(name) > 255:
        raise InputError(
            "bad-name",
            f"“{plain(name)}” can't be the name of a secret or a variable.",
            why="GitHub takes letters, digits and underscores, and no digit at the beginning.",
            todo="Choose another name, such as MASTODON_ACCESS_TOKEN.",
        )
    if name.upper().startswith("GITHUB_"):
        raise InputError(
            "bad-name",
            f"{name.upper()} can't be the name of a secret or a variable.",
            why="GitHub keeps names that begin with GITHUB_ to itself.",
            todo="Choose another name, such as MASTODON_ACCESS_TOKEN.",
        )
    return name.upper()


def require_distinct(journal: str, mappings: Iterable[Mapping]) -> None:
    """Raise InputError where a name to be written is the journal's or its key's."""
    for mapping in mappings:
        if mapping.name in {journal, f"{journal}_KEY"}:
            raise InputError(
                "reserved-name",
                f"{mapping.name} is where the journal is kept.",
                todo="Choose another name for it.",
            )


def check_size(name: str, value: str) -> None:
    """Raise InputError where a value is larger than GitHub takes."""
    size = len(value.encode())
    if size > LARGEST_VALUE:
        raise InputError(
            "value-too-large",
            f"The value for {name} has {size} bytes; GitHub takes up to {LARGEST_VALUE}.",
            todo="Write a field that is smaller, or leave this one out.",
        )


def path(repository: str, kind: Kind, name: str = "") -> str:
    """The API path of a repository's secrets or variables, or of one of them by name."""
    base = f"{repository_path(repository)}/actions/{kind}"
    return f"{base}/{quote(name, safe='')}" if name else base


def repository_path(repository: str) -> str:
    """The API path of a repository named `owner/name`."""
    return "/repos/" + "/".join(quote(part, safe="") for part in repository.split("/"))
