"""Writing a credential where the bot reads it."""

from collections.abc import Callable, Iterable
from functools import partial

from msgspec.structs import replace

from provisioner.commands.session import Session
from provisioner.github.destinations import Destination, Mapping
from provisioner.journal import Credential, Pending
from provisioner.report import Item, Report, iso
from provisioner.secret import Secret


def reads_for_writing(session: Session) -> list[Callable[[], object]]:
    """What is read before something is written, for a batch: the public key, variables' values."""
    config, repository = session.config, session.repository
    sealing_key = [repository.read_sealing_key] if config.secrets else []
    return [*sealing_key, *(partial(session.read_variable, one.name) for one in config.variables)]


def safe_destinations(session: Session) -> tuple[Destination, ...]:
    """The destinations that are empty, or known to hold something of the token in use.

    Only these may be named when a token is staged: it is not verified yet, and a later run deletes
    or restores what is named.
    """
    current = session.journal.current
    known = current.known if current else ()
    places = (session.destination(mapping) for mapping in session.config.mappings)
    return tuple(place for place in places if place in known or _is_empty(session, place))


def write(session: Session, pending: Pending, staged: Credential, *, resumed: bool) -> Credential:
    """Write every destination, and look whether the journal is still ours.

    The journal names every destination beforehand. A run that goes on with a token which an earlier
    run staged writes it in any case: that is how an abandon at the same time notices.
    """
    places = tuple(session.destination(mapping) for mapping in session.config.mappings)
    unnamed = [place for place in places if place not in staged.may_hold]
    if resumed or unnamed:
        former = (place for place in staged.may_hold if session.may_exist(place))
        may_hold = tuple(dict.fromkeys((*former, *places)))
        safe = safe_destinations(session)
        foreign = (place for place in unnamed if place not in safe)
        overwrites = tuple(dict.fromkeys((*staged.overwrites, *foreign)))
        staged = replace(staged, may_hold=may_hold, overwrites=overwrites)
        session.save(pending=pending.replace(staged=staged))
    else:
        session.journal = session.journal.replace(pending=pending.replace(staged=staged))
    written = publish(session, staged, session.config.mappings)
    session.store.look()
    return replace(staged, known=written)


def publish(
    session: Session, credential: Credential, mappings: Iterable[Mapping]
) -> tuple[Destination, ...]:
    """Write these secrets and variables, and no others; idempotent. Where they are ours now.

    A variable that has its value already is not written, and is ours only if it was before.
    """
    repository, current = session.repository, session.journal.current
    values, ours = _values(session, credential), []
    for mapping in mappings:
        place, value = session.destination(mapping), values[mapping.field]
        if isinstance(value, Secret) or place.is_secret:
            repository.put_secret(
                mapping.name, value if isinstance(value, Secret) else Secret(value)
            )
            session.reporter.done(f"Sealed and wrote the secret {mapping.name}")
        elif (before := session.variables.get(mapping.name)) != value:
            repository.put_variable(mapping.name, value, exists=before is not None)
            session.reporter.done(f"Wrote the variable {mapping.name}")
        elif current is None or place not in current.known:
            continue
        ours.append(place)
    return tuple(ours)


def would_write(session: Session, first: Iterable[str]) -> Report:
    """What comes after the preparations, for a dry run."""
    config = session.config
    would = (
        *first,
        f"check that the token belongs to {config.handle}",
        *(f"seal and write the secret {mapping.name}" for mapping in config.secrets),
        *(f"write the variable {mapping.name}" for mapping in config.variables),
    )
    return dry_run(session, would)


def dry_run(session: Session, would: tuple[str, ...]) -> Report:
    """Everything was checked that can be without changing anything; what would come next."""
    return Report(
        "dry-run",
        "Nothing was changed. A real run would now:",
        items=(*session.noted, *(Item("planned", step) for step in would)),
        outputs={"account": str(session.config.handle)},
        facts={"would": would},
    )


def _is_empty(session: Session, place: Destination) -> bool:
    """Whether nothing stands there, as the run read it."""
    if place.is_secret:
        return not session.may_exist(place)
    return session.variables.get(place.name) is None


def _values(session: Session, credential: Credential) -> dict[str, str | Secret]:
    """The fields that can be written, by the names of the inputs `secrets` and `variables`."""
    return {
        "access_token": credential.token,
        "client_id": credential.application.client_id,
        "client_secret": credential.application.client_secret,
        "base_url": credential.instance.origin,
        "account": str(session.config.handle),
        "scopes": " ".join(credential.scopes),
        "expires_at": iso(credential.expires_at),
    }
