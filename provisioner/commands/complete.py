"""complete: from the one-time code to the token in its secrets.

The order of steps, and why (`tests/invariants/model` tries every other one):

    code       in hand before anything is read, since a person takes time
    prepare    read everything in one batch, and refuse what can be refused: a code works once
    exchange   write “attempted” to the journal, then send the code, once
    stage      write the token to the journal before anything else happens to it
    verify     whose token it is, and what it may do
    write      the secrets and variables, which the journal knows before
    current    write to the journal that the token is current, and the former one superseded
    revoke     what is due

Whatever was given in exchange, a code or a password, the second half is the same: `finish`.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress

from provisioner.commands.authorization import (
    LOOK_IS_OLD,
    Approval,
    by_code,
    find_pending,
    undo_unstaged,
    verify,
    warn_of_unmanaged,
)
from provisioner.commands.revocation import OldToken, end_grace_where_idle, revoke_due, tell_lost
from provisioner.commands.session import (
    Session,
    begin_anew,
    dry_run,
    incomplete_on_error,
    would_write,
)
from provisioner.github.destinations import Destination, Mapping, expression, names
from provisioner.journal import UNKNOWN, Contents, Credential, Pending, Superseded
from provisioner.journal_store import ROOM, OvertakenError, UnconfirmedError
from provisioner.mastodon.client import Grant, Mastodon, ping
from provisioner.mastodon.errors import (
    InvalidClientError,
    InvalidGrantError,
    NoPasswordGrantError,
    NotNowError,
)
from provisioner.report import (
    ActionRequiredError,
    IncompleteError,
    NotSentError,
    ProvisionerError,
    Report,
    Run,
    TransportError,
    iso,
    when,
)
from provisioner.secret import Secret


def complete(session: Session, ask_code: Callable[[], str]) -> Report:
    """Exchange the code, check whose token it is, and write it where the bot reads it.

    `ask_code` is called only if none was given and one is needed: a run that stopped half-way goes
    on without. Raises ProvisionerError.
    """
    pasted = session.config.code.reveal()
    pending = _prepare(session)
    if not (pasted or pending.staged or session.config.dry_run):
        pasted = ask_code()
        pending = _prepare(session)  # again: a person takes time, and another run may not have
    approval = by_code(session, pending, pasted)
    warn_of_unmanaged(session, pending.instance)
    if session.config.dry_run:
        exchanged = () if pending.staged else (f"exchange the code at {pending.instance.origin}",)
        return dry_run(session, (*exchanged, *would_write(session)))
    return finish(session, pending, approval)


def finish(session: Session, pending: Pending, approval: Approval) -> Report:
    """Everything from the exchange on. Raises ProvisionerError."""
    with incomplete_on_error(session, completes=True):
        former, staged = session.journal.current, pending.staged
        contents = session.journal.contents
        if staged is None:
            grant = _exchange(session, pending, approval)
            staged = _stage(session, pending, approval, grant)
        verified = verify(session, pending, staged, contents, approval.again)
        written = _write(session, pending, verified)
        overwritten = [one.name for one in written if UNKNOWN in session.journal.at(one)]
        current = _make_current(session, pending, verified, written)
        end_grace_where_idle(session)
        old_tokens = revoke_due(session, current_seen_alive=True)
    return _report(session, pending, former, current, written, overwritten, old_tokens)


def _prepare(session: Session) -> Pending:
    """Read everything in one batch; what is to be completed.

    With it goes a request to the account's own domain, most often the instance: the connection is
    open then, and the instance was seen to answer before the code is spent.
    """
    guess = session.config.instance or session.config.handle.home
    answering: list[str] = []

    def greet() -> None:
        with suppress(ProvisionerError):
            ping(session.http, guess)
            answering.append(guess)

    began = session.clock()
    session.read(greet, *session.reads_for_writing())
    pending = find_pending(session)
    if pending.staged:
        return pending
    if pending.instance.origin not in answering:
        ping(session.http, pending.instance.origin)
    if session.clock() - began > LOOK_IS_OLD:
        session.store.look()
    return pending


def _exchange(session: Session, pending: Pending, approval: Approval) -> Grant:
    """Exchange what was given, once, with the attempt in the journal beforehand."""
    attempted = pending.replace(attempts=(*pending.attempts, session.now()))
    session.save(room=ROOM, pending=attempted)  # for its token, since the code works once
    try:
        return approval.exchange(Mastodon(session.http, pending.instance))
    except InvalidClientError as error:
        tell_lost(session, pending)
        session.save(pending=None)
        raise error.as_kind(ActionRequiredError, next=(*error.next, begin_anew(session))) from None
    except (NotNowError, NotSentError) as error:
        session.save(pending=pending)  # no token was issued
        raise error.as_kind(IncompleteError, next=(*approval.unused, *error.next)) from None
    except NoPasswordGrantError:
        session.save(pending=pending)
        raise
    except InvalidGrantError as error:
        session.save(pending=pending)
        steps = error.next or approval.again
        raise error.as_kind(ActionRequiredError, next=steps) from None
    except TransportError as error:
        why = "The instance may have issued a token whose answer was lost. "
        if pending.instance.profile.reuses_token:
            why += "The application gets the same token again. "
        steps, why = approval.again, why + error.why
        raise error.as_kind(ActionRequiredError, why=why, next=steps) from None


def _stage(session: Session, pending: Pending, approval: Approval, grant: Grant) -> Credential:
    """Write the token to the journal: until then nothing else is done but to mask it."""
    session.mask(grant.token)
    staged = Credential(
        instance=pending.instance,
        application=pending.application,
        token=grant.token,
        scopes=grant.scopes or pending.scopes,
        code=approval.fingerprint,
        issued_at=session.now(),
        expires_at=session.now() + grant.expires_in if grant.expires_in else None,
    )
    try:
        session.save(
            pending=pending.replace(staged=staged), contents=_named_where_safe(session, staged)
        )
    except UnconfirmedError:
        raise  # it may well be staged
    except OvertakenError:
        undo_unstaged(session, staged)
        raise
    except ProvisionerError as error:
        undo_unstaged(session, staged)
        raise error.as_kind(ActionRequiredError, next=(*error.next, *approval.again)) from None
    session.reporter.done("Got a token, and staged it in the journal")
    return staged


def _named_where_safe(session: Session, staged: Credential) -> tuple[Contents, ...]:
    """The contents with the staged token where nothing stands, or only what is in use.

    Nowhere else before it is verified: a later run that gives it up deletes or restores those.
    """
    journal, mark, safe = session.journal, staged.fingerprint, [frozenset[str]()]
    if journal.current:
        safe.append(frozenset({journal.current.fingerprint}))
    now = {one: session.contents(one) for one in session.destinations}
    return journal.with_contents({one: now[one] | {mark} for one in now if now[one] in safe})


def _write(session: Session, pending: Pending, staged: Credential) -> tuple[Destination, ...]:
    """Write every destination, and look whether the journal is still ours; what was written.

    The journal names every destination beforehand. A run that goes on with a token which an earlier
    run staged writes it in any case: that is how an abandon at the same time notices.
    """
    journal, mark = session.journal, staged.fingerprint
    named = journal.may_hold(staged)
    if pending.staged or not set(session.destinations).issubset(named):
        now = {one: session.contents(one) for one in named}
        now |= {one: session.contents(one) | {mark} for one in session.destinations}
        session.save(pending=pending.replace(staged=staged), contents=journal.with_contents(now))
    written = publish(session, staged, session.config.mappings)
    session.store.look()
    return written


def publish(
    session: Session, credential: Credential, mappings: Iterable[Mapping]
) -> tuple[Destination, ...]:
    """Write these secrets and variables, and no others; idempotent. Where they are ours now.

    A variable that has its value already is not written, and is ours only if it was before.
    """
    repository, ours = session.repository, []
    application = credential.application
    secrets = {
        "access_token": credential.token,
        "client_id": Secret(application.client_id),
        "client_secret": application.client_secret,
    }
    variables = {
        "base_url": credential.instance.origin,
        "account": str(session.config.handle),
        "scopes": " ".join(credential.scopes),
        "expires_at": iso(credential.expires_at),
        "client_id": application.client_id,
    }
    for mapping in mappings:
        name, place = mapping.name, session.destination(mapping)
        before = session.variables.get(name)
        if place.is_secret:
            repository.put_secret(name, secrets[mapping.field])
            session.reporter.done(f"Sealed and wrote the secret {name}")
        elif before != variables[mapping.field]:
            repository.put_variable(name, variables[mapping.field], exists=before is not None)
            session.reporter.done(f"Wrote the variable {name}")
        elif UNKNOWN in session.journal.at(place):
            continue
        ours.append(place)
    return tuple(ours)


def _make_current(
    session: Session, pending: Pending, staged: Credential, written: tuple[Destination, ...]
) -> Credential:
    """Make the written credential the current one, and the former one superseded.

    A credential that holds the very same token is not superseded: revoking it would kill both. The
    new one is as old as that.
    """
    journal, former, now = session.journal, session.journal.current, session.now()
    issued = [one.issued_at for one in journal.credentials() if one.token == staged.token]
    current = staged.replace(issued_at=min(issued), seen_alive_at=now)
    superseded = [old for old in journal.superseded if old.credential.token != staged.token]
    if former and former.token != staged.token:
        until = now + session.config.grace
        superseded = [old.by(until) for old in (*superseded, Superseded(former, until))]
    # Of this account's lost tokens none is left then, or it is the current one.
    if staged.instance.profile.reuses_token or staged.instance.profile.replaces_token:
        tell_lost(session, pending, f"whoever else than {session.config.handle} approved the link")
    else:
        tell_lost(session, pending, is_in_use=True)
    contents = journal.with_contents({place: {staged.fingerprint} for place in written})
    session.save(pending=None, current=current, superseded=tuple(superseded), contents=contents)
    session.reporter.done("Wrote the journal: the token is current")
    return current


def _report(
    session: Session,
    pending: Pending,
    former: Credential | None,
    current: Credential,
    written: tuple[Destination, ...],
    overwritten: list[str],
    old_tokens: list[OldToken],
) -> Report:
    config, instance, repository = session.config, pending.instance, session.repository.name
    account, scopes, expires_at = str(config.handle), " ".join(current.scopes), current.expires_at
    rotated = former is not None and former.token != current.token
    same_since = former.issued_at if former and not rotated else None
    if same_since is not None:
        session.warn(
            f"Not rotated: the instance returned the token that it issued on {when(same_since)}, "
            "since the application is your own.",
            "For another token, rotate without your own application:",
            Run("begin", rotate=True),
        )
    return Report(
        "rotated" if rotated else "provisioned",
        f"{account} has {'a new' if rotated else 'its'} token in {repository}",
        items=tuple(dict.fromkeys((*session.noted, *(old.item for old in old_tokens)))),
        table={
            "Token of": account,
            "Instance": instance.origin,
            "Scopes": scopes,
            "Stored in": f"{repository}: {names(written)}",
            "Expires": when(expires_at),
        },
        snippet="\n".join(
            ["env:", *(f"  {one.name}: {expression(one)}" for one in config.mappings)]
        ),
        outputs={"account": account, "scopes": scopes, "expires-at": iso(expires_at)},
        facts={
            "overwritten": overwritten,
            "remove-at": instance.applications_page(),
            "unsettled-since": iso(pending.attempts[0]) if pending.attempts else "",
            "same-since": "" if same_since is None else iso(same_since),
            "old-tokens": [old.facts() for old in old_tokens],
        },
    )
