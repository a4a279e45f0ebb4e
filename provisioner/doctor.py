"""doctor: what an instance can do, and what is chosen for it; nothing is changed anywhere."""

from dataclasses import dataclass

from provisioner.accounts import Handle, parse_account
from provisioner.choices import explain
from provisioner.discovery import describe, locate
from provisioner.errors import InputError
from provisioner.http import Http
from provisioner.inputs import PRESETS, parse_instance, parse_scopes
from provisioner.outcomes import Diagnosis


@dataclass(frozen=True)
class Question:
    """What to look at."""

    account: Handle | None
    instance: str
    """An origin; "" where the account tells."""
    scopes: tuple[str, ...]


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


def diagnose(http: Http, asked: Question) -> Diagnosis:
    """Find the instance, and tell what is chosen for it and why. Raises ProvisionerError."""
    origin, how = locate(http, asked.account, asked.instance)
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
