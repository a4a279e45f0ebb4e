"""Writing a credential where the bot reads it."""

from provisioner.ceremony.desk import Case, Desk, iso
from provisioner.journal import Credential, Destination
from provisioner.secret import Secret


def destinations(desk: Desk, case: Case) -> tuple[Destination, ...]:
    """Where the inputs have things written."""
    return tuple(
        Destination(repository_id=case.repository.id, kind=mapping.kind, name=mapping.name)
        for mapping in desk.inputs.mappings
    )


def publish(desk: Desk, case: Case, credential: Credential) -> None:
    """Write the secrets and the variables; idempotent."""
    values = _values(desk, credential)
    for mapping in desk.inputs.secrets:
        value = values[mapping.field]
        case.repository.put_secret(
            mapping.name, value if isinstance(value, Secret) else Secret(value)
        )
        desk.tell.done(f"Sealed and wrote the secret {mapping.name}")
    for mapping in desk.inputs.variables:
        case.repository.put_variable(mapping.name, str(values[mapping.field]))
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
