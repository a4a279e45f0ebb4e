"""Writing a credential where the bot reads it."""

from collections.abc import Iterable

from provisioner.ceremony.desk import Case, Desk, iso
from provisioner.destinations import Mapping
from provisioner.journal import Credential, Destination
from provisioner.secret import Secret


def destinations(desk: Desk, case: Case) -> tuple[Destination, ...]:
    """Where the inputs have things written."""
    return tuple(destination(case, mapping) for mapping in desk.inputs.mappings)


def destination(case: Case, mapping: Mapping) -> Destination:
    """Where a mapping is written."""
    return Destination(repository_id=case.repository.id, kind=mapping.kind, name=mapping.name)


def publish(desk: Desk, case: Case, credential: Credential, mappings: Iterable[Mapping]) -> None:
    """Write these secrets and variables, and no others; idempotent."""
    values = _values(desk, credential)
    for mapping in mappings:
        value = values[mapping.field]
        if mapping.kind == "secrets":
            sealed = value if isinstance(value, Secret) else Secret(value)
            case.repository.put_secret(mapping.name, sealed)
            desk.tell.done(f"Sealed and wrote the secret {mapping.name}")
        else:
            case.repository.put_variable(mapping.name, str(value))
            desk.tell.done(f"Wrote the variable {mapping.name}")


def would_publish(desk: Desk) -> tuple[str, ...]:
    """What comes after an exchange, for a dry run."""
    inputs = desk.inputs
    return (
        f"check that the token belongs to {inputs.account}",
        *(f"seal and write the secret {mapping.name}" for mapping in inputs.secrets),
        *(f"write the variable {mapping.name}" for mapping in inputs.variables),
    )


def _values(desk: Desk, credential: Credential) -> dict[str, str | Secret]:
    """The fields that can be written, by the names of the inputs `secrets` and `variables`."""
    return {
        "access_token": credential.token,
        "client_id": credential.application.client_id,
        "client_secret": credential.application.client_secret,
        "base_url": credential.server.origin,
        "account": str(desk.inputs.account),
        "scopes": " ".join(credential.scopes),
        "expires_at": iso(credential.expires_at),
    }
