"""complete: from the one-time code to the token in its secrets."""

from collections.abc import Callable

from provisioner.ceremony.desk import (
    Case,
    Desk,
    find_server,
    half_way,
    iso,
    open_case,
    require_own,
)
from provisioner.ceremony.guard import guard, undo_unstaged
from provisioner.errors import PersonNeededError, ProvisionerError, TransportError
from provisioner.inputs import parse_code
from provisioner.journal import Credential, Destination, Pending, Superseded, UnconfirmedError
from provisioner.mastodon import (
    Application,
    Grant,
    InvalidClientError,
    InvalidGrantError,
    Mastodon,
)
from provisioner.outcomes import DryRun, Provisioned
from provisioner.secret import Secret


def complete(desk: Desk, ask_code: Callable[[], str]) -> Provisioned | DryRun:
    """Exchange the code, check whose token it is, and write it where the bot reads it.

    `ask_code` is called only if a code is needed: a run that stopped half-way goes on without one.
    Raises ProvisionerError.
    """
    case = open_case(desk)
    pending = _pending(desk, case)
    mastodon = Mastodon(desk.http, pending.server)
    if pending.staged:
        desk.tell.done("A token is staged, from a run that stopped half-way: going on with it")
        code = Secret("")
    else:
        code = _code(ask_code, pending)
        pending = _look_before(desk, case, pending)
    if desk.inputs.dry_run:
        return _dry_run(desk, pending)
    with half_way(case):
        staged = pending.staged or _exchange(desk, case, mastodon, pending, code)
        staged = guard(desk, case, mastodon, staged)
        staged = _write(desk, case, staged)
        return _promote(desk, case, staged)


def _code(ask_code: Callable[[], str], pending: Pending) -> Secret:
    try:
        return parse_code(ask_code(), pending.server.origin)
    except ProvisionerError as error:
        error.link = pending.link
        raise


def _pending(desk: Desk, case: Case) -> Pending:
    """What is to be completed; in a single run, with the application made by hand."""
    journal, application = case.journal, desk.inputs.application
    pending = journal.pending
    adopt = application and (pending is None or pending.application != application)
    if journal.holds_tokens or (pending and not adopt):
        require_own(journal, desk.inputs, desk.inputs.instance)
    if pending and pending.staged:
        return pending
    if application and adopt:
        return _single_run(desk, case, application)
    if pending is None:
        raise _nothing_pending(desk, case)
    return pending


def _nothing_pending(desk: Desk, case: Case) -> PersonNeededError:
    current = case.journal.current
    if current:
        return PersonNeededError(
            "completed-already",
            f"There is nothing to complete: {desk.inputs.account} got its token on "
            f"{iso(current.issued_at)}.",
            why="The code was used then, perhaps by a run that could not say so any more: it works "
            "once.",
            todo="Run check to see that all is well. For a new token, begin again.",
        )
    return PersonNeededError(
        "nothing-pending",
        f"There is nothing to complete: no approval is pending for {desk.inputs.account}.",
        todo="Run begin, open the link that it shows, and complete with the code.",
    )


def _single_run(desk: Desk, case: Case, application: Application) -> Pending:
    """A pending authorization for an application that was made, and authorized, by hand."""
    former = case.journal.pending
    if former and former.attempted_at is not None:
        raise PersonNeededError(
            "attempt-unsettled",
            "An earlier exchange, with another application, may have issued a token.",
            why="Its answer was lost. Approving that application again brings the token back.",
            todo="Open the link and complete with its code, without --client-id; after that this "
            "application can be used.",
            link=former.link,
        )
    server = find_server(desk)
    if case.journal.holds_tokens:
        require_own(case.journal, desk.inputs, server.origin)
    return Pending(
        server=server,
        application=application,
        verifier=None,
        scopes=desk.inputs.scopes,
        app_name=desk.inputs.name_of_app,
        begun_at=desk.now(),
    )


def _look_before(desk: Desk, case: Case, pending: Pending) -> Pending:
    """Check what can be checked before the one-time code is spent."""
    if desk.inputs.secrets:
        _ = case.repository.sealing_key
        desk.tell.done(f"Got the public key of {case.repository.name}")
    new_names = (m.name for m in desk.inputs.secrets if m.name not in pending.existed)
    existed = {**pending.existed, **case.look_for(new_names)}
    return pending.model_copy(update={"existed": existed})


def _exchange(
    desk: Desk, case: Case, mastodon: Mastodon, pending: Pending, code: Secret
) -> Credential:
    """Exchange the code, the attempt written ahead; stage the token, and see that confirmed."""
    case.ensure_key(desk)
    attempted = pending.model_copy(update={"attempted_at": pending.attempted_at or desk.now()})
    case.save(account=str(desk.inputs.account), origin=pending.server.origin, pending=attempted)
    try:
        grant = mastodon.exchange(pending.application, code, pending.verifier)
    except InvalidGrantError as error:
        if pending.attempted_at is None:  # then no token was ever issued to this application
            case.save(pending=pending)
        raise _with_link(error, pending) from None
    except InvalidClientError as error:
        case.save(pending=None)
        raise PersonNeededError(error.ident, error.what, why=error.why, todo=error.todo) from None
    except TransportError as error:
        raise _with_link(error, pending) from None
    desk.tell.done(f"Exchanged the code for a token at {pending.server.origin}")
    staged = _credential(desk, case, pending, grant)
    try:
        case.save(pending=attempted.model_copy(update={"staged": staged}))
    except UnconfirmedError:
        raise  # it may well be staged
    except ProvisionerError:
        undo_unstaged(desk, case, mastodon, staged)
        raise
    desk.tell.done("Staged the token in the journal")
    return staged


def _write(desk: Desk, case: Case, staged: Credential) -> Credential:
    """Write every destination; the journal knows them beforehand."""
    places = tuple(dict.fromkeys((*staged.destinations, *_destinations(desk, case))))
    if places != staged.destinations:  # the inputs changed since it was staged
        staged = staged.model_copy(update={"destinations": places})
        pending = case.journal.pending
        case.save(pending=pending and pending.model_copy(update={"staged": staged}))
    values = _values(desk, staged)
    for mapping in desk.inputs.secrets:
        case.repository.put_secret(mapping.name, Secret(values[mapping.field]))
        desk.tell.done(f"Sealed and wrote the secret {mapping.name}")
    for mapping in desk.inputs.variables:
        case.repository.put_variable(mapping.name, values[mapping.field])
        desk.tell.done(f"Wrote the variable {mapping.name}")
    return staged


def _promote(desk: Desk, case: Case, staged: Credential) -> Provisioned:
    """Make the staged credential the current one, and the old one superseded with its grace.

    A credential that holds the very same token is not superseded: revoking it would kill both.
    """
    former, pending = case.journal.current, case.journal.pending
    until = desk.now() + desk.inputs.grace
    old = [s for s in case.journal.superseded if s.credential.token != staged.token]
    superseded = former is not None and former.token != staged.token
    if former and superseded:
        old.append(Superseded(credential=former, revoke_after=until))
    case.save(pending=None, current=staged, superseded=tuple(old))
    desk.tell.done("Wrote the journal: the new token is current")
    existed = pending.existed if pending else {}
    return Provisioned(
        status="rotated" if former else "provisioned",
        account=str(desk.inputs.account),
        instance=staged.server.origin,
        repository=case.repository.name,
        scopes=staged.scopes,
        expires_at=iso(staged.expires_at),
        written=(*desk.inputs.secrets, *desk.inputs.variables),
        overwritten=tuple(name for name, there in existed.items() if there),
        old_token_until=iso(until) if superseded else "",
        revoke_at=staged.server.authorized_applications,
    )


def _credential(desk: Desk, case: Case, pending: Pending, grant: Grant) -> Credential:
    now = desk.now()
    return Credential(
        server=pending.server,
        application=pending.application,
        token=grant.token,
        scopes=grant.scopes or pending.scopes,
        issued_at=now,
        expires_at=None if grant.expires_in is None else now + grant.expires_in,
        destinations=_destinations(desk, case),
    )


def _destinations(desk: Desk, case: Case) -> tuple[Destination, ...]:
    return tuple(
        Destination(repository=case.repository.name, kind=mapping.kind, name=mapping.name)
        for mapping in (*desk.inputs.secrets, *desk.inputs.variables)
    )


def _values(desk: Desk, staged: Credential) -> dict[str, str]:
    """The fields that can be written, by the names of the inputs `secrets` and `variables`."""
    return {
        "access_token": staged.token.reveal(),
        "client_id": staged.application.client_id,
        "client_secret": staged.application.client_secret.reveal(),
        "base_url": staged.server.origin,
        "account": str(desk.inputs.account),
        "scopes": " ".join(staged.scopes),
        "expires_at": iso(staged.expires_at),
    }


def _with_link(error: ProvisionerError, pending: Pending) -> PersonNeededError:
    """The error of an exchange, with the link that gives another code."""
    return PersonNeededError(
        error.ident,
        error.what,
        why=error.why,
        todo="Open the link again, press Authorize, and complete with the new code at once.",
        link=pending.link,
    )


def _dry_run(desk: Desk, pending: Pending) -> DryRun:
    inputs = desk.inputs
    would = [f"check that the token belongs to {inputs.account}"]
    would += [f"seal and write the secret {mapping.name}" for mapping in inputs.secrets]
    would += [f"write the variable {mapping.name}" for mapping in inputs.variables]
    if pending.staged is None:
        would.insert(0, f"exchange the code at {pending.server.origin}")
    return DryRun(str(inputs.account), tuple(would))
