"""register: an application alone, without a token; its client id and secret are kept, or shown.

begin and login take them as an application of the person's own.
"""

from provisioner.commands.begin import discover, tell_instance
from provisioner.commands.begin import register as register_application
from provisioner.commands.session import Session
from provisioner.github.destinations import expression
from provisioner.mastodon.instance import Application
from provisioner.mastodon.scopes import candidates
from provisioner.report import ActionRequiredError, InputError, ProvisionerError, Report, Run, Set
from provisioner.secret import Secret


def register(session: Session) -> Report:
    """Register an application; write its client id and secret, or hand them back to be shown.

    Everything is looked at before anything is registered: registrations are throttled, and nothing
    that exists is overwritten. Raises ProvisionerError.
    """
    config = session.config
    if not config.reveal:
        _require_free(session)
    info = discover(session)
    tell_instance(session, info)
    scopes = candidates(config.requested_scopes, info)
    application, granted = register_application(session, info.instance, scopes)
    outputs = {"instance": info.instance.origin, "scopes": " ".join(granted)}
    if config.reveal:
        return _revealed(session, application, outputs)
    _keep(session, application)
    kept = [one.name for one in config.mappings]
    # What the workflow needs to begin with it; the scopes that it was registered with.
    inputs = {one.field.replace("_", "-"): expression(one) for one in config.mappings}
    inputs["scopes"] = outputs["scopes"]
    return Report(
        "registered",
        f"The application “{config.name_of_app}” is kept in {session.repository.name}, as "
        f"{' and '.join(kept)}",
        items=session.noted,
        next=(
            "Only workflows can read secrets. For your own machine, register another application:",
            Run("register", options=(Set("reveal"),)),
        ),
        snippet="\n".join(["with:", *(f"  {name}: {value}" for name, value in inputs.items())]),
        outputs=outputs,
        facts={"written": kept},
    )


def _require_free(session: Session) -> None:
    repository, mappings = session.repository, session.config.mappings
    session.read_repository(*session.reads_for_writing())
    taken = [one.name for one in mappings if one.name in repository.secret_names]
    taken += [name for name, value in session.variables.items() if value is not None]
    if taken:
        names = " and ".join(taken)
        raise InputError(
            "name-taken",
            f"{repository.name} already has {names}.",
            why="It may be another application's, in use. Or a register before this one stopped "
            "half-way.",
            next=(
                f"If nothing uses {'them' if taken[1:] else 'it'}, delete {names}.",
                "Otherwise choose other names:",
                Set("secrets", "OTHER_SECRET=client_secret"),
                Set("variables", "OTHER_ID=client_id"),
            ),
        )


def _keep(session: Session, application: Application) -> None:
    """Write the client id and the client secret; run again it would find the names taken."""
    repository, mappings = session.repository, session.config.mappings
    try:
        for mapping in mappings:
            if mapping.kind == "secrets":
                repository.put_secret(mapping.name, application.client_secret)
            else:
                repository.put_variable(mapping.name, application.client_id, exists=False)
            session.reporter.done(f"Wrote {session.destination(mapping)}")
    except ProvisionerError as error:
        kept = " and ".join(mapping.name for mapping in mappings)
        raise error.as_kind(
            ActionRequiredError,
            why=f"{error.why} The application is registered, but not kept as a whole.",
            next=(
                *error.next,
                f"Delete {kept} in {repository.name}, whichever exists.",
                Run("register"),
            ),
        ) from None


def _revealed(session: Session, application: Application, outputs: dict[str, str]) -> Report:
    named = {"client-id": application.client_id, **outputs}
    options = tuple(Set(name, value) for name, value in named.items())
    return Report(
        "registered",
        f"The application “{session.config.name_of_app}” of {outputs['instance']}",
        items=session.noted,
        next=(
            "Both are shown this once: keep them. Let your shell ask for the secret:",
            "`read -rs MASTODON_CLIENT_SECRET && export MASTODON_CLIENT_SECRET`",
            Run("begin", options=options),
        ),
        outputs=outputs,
        revealed={
            "Client id": Secret(application.client_id),
            "Client secret": application.client_secret,
        },
    )
