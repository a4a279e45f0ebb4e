"""doctor: what an instance can do, and what is chosen for it; nothing is changed anywhere."""

from dataclasses import dataclass

from provisioner.accounts import Handle, parse_account
from provisioner.capabilities import explain
from provisioner.discovery import describe, find_origin, home_of
from provisioner.errors import InputError
from provisioner.http import Http
from provisioner.inputs import PRESETS, parse_instance, parse_scopes


@dataclass(frozen=True)
class Question:
    """What to look at."""

    account: Handle | None
    instance: str
    """An origin; "" where the account tells."""
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What was found."""

    instance: str
    software: str
    """Name and version; "" where it does not tell."""
    choices: dict[str, str]
    """What is chosen, and why, by subject."""


def parse_question(account: str, instance: str, scopes: str) -> Question:
    """Raises InputError."""
    if not account.strip() and not instance.strip():
        raise InputError(
            "nothing-asked",
            "Neither an account nor an instance was named.",
            todo="Name one: --account mybot@mastodon.social, or --instance https://social.example.",
        )
    return Question(
        account=parse_account(account) if account.strip() else None,
        instance=parse_instance(instance),
        scopes=parse_scopes(scopes) if scopes.strip() else PRESETS["post"],
    )


def locate(http: Http, asked: Question) -> tuple[str, str]:
    """The instance's origin, and how it was found. Raises ProvisionerError."""
    if asked.instance or asked.account is None:
        return asked.instance, "named"
    if origin := find_origin(http, asked.account):
        return origin, "found by WebFinger (RFC 7033)"
    return home_of(asked.account), "the domain; WebFinger knows no such account"


def diagnose(http: Http, asked: Question) -> Diagnosis:
    """Find the instance, and tell what is chosen for it and why. Raises ProvisionerError."""
    origin, how = locate(http, asked)
    told = describe(http, origin)
    return Diagnosis(
        instance=origin,
        software=told.server.product,
        choices={
            "Instance": f"{origin}, {how}",
            "Software": told.server.product or "it does not tell",
            **explain(told, asked.scopes),
        },
    )
