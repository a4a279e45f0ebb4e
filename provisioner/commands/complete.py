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

from collections.abc import Callable, Iterator
from contextlib import suppress

from msgspec.structs import replace

from provisioner.commands.authorization import Code, Given, find_pending, read_code
from provisioner.commands.revocation import OldToken, revoke_due
from provisioner.commands.session import Session, incomplete_on_error, tell_lost
from provisioner.commands.verification import LOOK_IS_OLD, undo_unstaged, verify
from provisioner.commands.writing import reads_for_writing, safe_destinations, would_write, write
from provisioner.errors import (
    ActionRequiredError,
    IncompleteError,
    NotSentError,
    ProvisionerError,
    TransportError,
)
from provisioner.github.destinations import expression, names
from provisioner.journal import Credential, Pending, Superseded
from provisioner.journal_store import OvertakenError, UnconfirmedError
from provisioner.mastodon.client import MAX_SCOPES, Grant, Mastodon, ping
from provisioner.mastodon.errors import (
    InvalidClientError,
    InvalidGrantError,
    NoPasswordGrantError,
    NotNowError,
)
from provisioner.mastodon.instance import MAX_WORD
from provisioner.report import Item, Open, Report, Run, first_page, iso, when
from provisioner.secret import MAX_LENGTH, Secret

LARGEST_GRANT = Grant(Secret("x" * MAX_LENGTH), ("x" * MAX_WORD,) * MAX_SCOPES, None)
"""What an instance may answer at the most: the journal must have room for it."""


def complete(session: Session, ask_code: Callable[[], str]) -> Report:
    """Exchange the code, check whose token it is, and write it where the bot reads it.

    `ask_code` is called only if none was given and one is needed: a run that stopped half-way goes
    on without. Raises ProvisionerError.
    """
    pasted = session.config.code
    pending = _prepare(session)
    if not (pasted or pending.staged or session.config.dry_run):
        pasted = ask_code()
        pending = _prepare(session)  # again: a person takes time, and another run may not have
    given = Code(read_code(session, pending, pasted))
    require_room(session, pending, given)
    if session.config.dry_run:
        exchanged = () if pending.staged else (f"exchange the code at {pending.instance.origin}",)
        return would_write(session, exchanged)
    return finish(session, pending, given)


def finish(session: Session, pending: Pending, given: Given) -> Report:
    """Everything from the exchange on. Raises ProvisionerError."""
    with incomplete_on_error(session, completes=True):
        former, resumed = session.journal.current, pending.staged is not None
        staged = pending.staged or _exchange(session, pending, given)
        staged = verify(session, pending, staged, given.again(session, pending))
        written = write(session, pending, staged, resumed=resumed)
        _make_current(session, pending, written)
        old_tokens = revoke_due(session, current_seen_alive=True)
    return _report(session, pending, written, former, old_tokens)


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
    session.read(greet, *reads_for_writing(session))
    pending = find_pending(session)
    if pending.staged:
        return pending
    answers = pending.instance.origin in answering
    if not answers:
        ping(session.http, pending.instance.origin)
    at_once = answers and pending is session.journal.pending  # else the instance was looked for
    if session.store.exists and not (at_once and session.clock() - began <= LOOK_IS_OLD):
        session.store.look()
    return pending


def require_room(session: Session, pending: Pending, given: Given) -> None:
    """Refuse a journal that would be too large, and say which secrets will be overwritten."""
    if session.store.exists and not pending.staged:  # a new journal has room
        places = tuple(session.destination(mapping) for mapping in session.config.mappings)
        largest = replace(
            _credential(session, pending, given, LARGEST_GRANT),
            account=str(session.config.handle),
            account_id="x" * MAX_WORD,
            may_hold=places,
            overwrites=places,
        )
        session.store.require_room(session.journal.replace(pending=pending.replace(staged=largest)))
    for place in session.unmanaged(session.config.secrets):
        session.warn(f"The secret {place.name}, which is not in this journal, is overwritten")


def _exchange(session: Session, pending: Pending, given: Given) -> Credential:
    """Exchange what was given, the attempt written ahead; stage the token.

    Between the instance's answer and the staging write nothing else is done but to mask the token.
    """
    mastodon = Mastodon(session.http, pending.instance)
    attempted = pending.replace(attempts=(*pending.attempts, session.now()))
    session.claim()
    if session.store.is_claimed:  # the key was written since
        session.store.look()
    session.save(account=str(session.config.handle), pending=attempted)
    try:
        grant = given.exchange(mastodon, pending)
    except InvalidClientError as error:
        tell_lost(session, pending)
        session.save(pending=None)
        steps = (*error.next, Run("begin", rotate=session.journal.current is not None))
        raise error.as_kind(ActionRequiredError, next=steps) from None
    except (InvalidGrantError, NoPasswordGrantError, NotNowError, NotSentError) as error:
        session.save(pending=pending)  # no token was issued
        raise _refused(session, pending, given, error) from None
    except TransportError as error:
        raise _lost(session, pending, given, error) from None
    session.mask(grant.token)
    staged = _credential(session, pending, given, grant)
    try:
        session.save(pending=pending.replace(staged=staged))
    except UnconfirmedError:
        raise  # it may well be staged
    except ProvisionerError as error:
        undo_unstaged(session, staged)
        if isinstance(error, OvertakenError):
            raise
        steps = (*error.next, *given.again(session, pending))
        raise error.as_kind(ActionRequiredError, next=steps) from None
    session.reporter.done(f"Exchanged {given.name}, and staged the token in the journal")
    return staged


def _lost(
    session: Session, pending: Pending, given: Given, error: TransportError
) -> ActionRequiredError:
    """The error of an exchange that may have issued a token, with how to go on."""
    again = given.again(session, pending)
    why = "The instance may have issued a token whose answer was lost."
    if pending.instance.profile.reuses_token:
        why += " The application gets the same token again."
    why = f"{why} {error.why}"
    return error.as_kind(ActionRequiredError, why=why, next=again, link=first_page(again))


def _refused(
    session: Session, pending: Pending, given: Given, error: ProvisionerError
) -> ProvisionerError:
    """The error of an exchange that certainly issued no token, with how to go on."""
    match error:
        case NotSentError() | NotNowError():
            return error.as_kind(IncompleteError, next=given.same_again(error))
        case NoPasswordGrantError():
            return error
        case _:
            steps = error.next or given.again(session, pending)
            return error.as_kind(ActionRequiredError, next=steps, link=first_page(steps))


def _credential(session: Session, pending: Pending, given: Given, grant: Grant) -> Credential:
    now = session.now()
    return Credential(
        instance=pending.instance,
        application=pending.application,
        token=grant.token,
        scopes=grant.scopes or pending.scopes,
        code=given.fingerprint,
        issued_at=now,
        expires_at=None if grant.expires_in is None else now + grant.expires_in,
        may_hold=safe_destinations(session),
    )


def _make_current(session: Session, pending: Pending, written: Credential) -> None:
    """Make the written credential the current one, and the former one superseded.

    A credential that holds the very same token is not superseded: revoking it would kill both. It
    stands wherever either was written, and is as old as it was.
    """
    journal, config = session.journal, session.config
    former, now = journal.current, session.now()
    equal = [one for one in journal.credentials() if one.token == written.token]
    known = dict.fromkeys(place for one in (written, *equal) for place in one.known)
    may_hold = dict.fromkeys(place for one in (written, *equal) for place in one.may_hold)
    overwrites = {place for one in (written, *equal) for place in one.overwrites}
    current = replace(
        written,
        known=tuple(known),
        may_hold=tuple(place for place in may_hold if place not in known),
        overwrites=tuple(place for place in overwrites if place not in known),
        issued_at=min(one.issued_at for one in (written, *equal)),
        seen_alive_at=now,
    )
    superseded = [old for old in journal.superseded if old.credential.token != written.token]
    if former and former.token != written.token:
        until = now + config.grace
        superseded = [old.by(until) for old in (*superseded, Superseded(former, until))]
    if written.instance.profile.reuses_token:  # the lost token of this account is the current one
        tell_lost(session, pending, f"whoever else than {config.handle} approved the link")
    else:
        tell_lost(session, pending, is_in_use=True)
    session.save(pending=None, current=current, superseded=tuple(superseded))
    session.reporter.done("Wrote the journal: the token is current")


def _report(
    session: Session,
    pending: Pending,
    written: Credential,
    former: Credential | None,
    old_tokens: list[OldToken],
) -> Report:
    """What was reached, and what a person has to know or to do besides."""
    config, instance = session.config, written.instance
    account, scopes, expires_at = str(config.handle), " ".join(written.scopes), written.expires_at
    rotated = former is not None and former.token != written.token
    same_since = former.issued_at if former and not rotated else None
    overwritten = [place.name for place in written.known if place in written.overwrites]
    return Report(
        "rotated" if rotated else "provisioned",
        f"{account} has {'a new' if rotated else 'its'} token in {session.repository.name}",
        items=tuple(
            dict.fromkeys(
                (
                    *session.noted,
                    *_overwritten(session, written, overwritten),
                    *_not_rotated(same_since),
                    *(old.item for old in old_tokens),
                )
            )
        ),
        table={
            "Token of": account,
            "Instance": instance.origin,
            "Scopes": scopes,
            "Stored in": f"{session.repository.name}: {names(written.known)}",
            "Expires": when(expires_at),
        },
        snippet="\n".join(
            ["env:", *(f"  {one.name}: {expression(one)}" for one in config.mappings)]
        ),
        outputs={"account": account, "scopes": scopes, "expires-at": iso(expires_at)},
        facts={
            "overwritten": overwritten,
            "remove-at": instance.authorized_applications,
            "unsettled-since": iso(pending.attempts[0]) if pending.attempts else "",
            "same-since": "" if same_since is None else iso(same_since),
            "old-tokens": [old.facts() for old in old_tokens],
        },
    )


def _overwritten(session: Session, written: Credential, overwritten: list[str]) -> Iterator[Item]:
    account, page = str(session.config.handle), written.instance.authorized_applications
    then = "remove its application"
    if written.application.user_supplied:
        then += ", unless it is the one that the new token belongs to"
    for name in overwritten:
        yield Item(
            "soon",
            f"The secret {name} held something else before, and that token is still alive.",
            ("If it was this account's:", Open(page, account, then)),
        )


def _not_rotated(same_since: int | None) -> Iterator[Item]:
    if same_since is not None:
        yield Item(
            "soon",
            f"Not rotated: the instance returned the token that it issued on {when(same_since)}, "
            "since the application is your own.",
            ("For another token, rotate without your own application:", Run("begin", rotate=True)),
        )
