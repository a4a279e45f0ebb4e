"""complete: from the one-time code to the token in its secrets."""

from collections.abc import Callable
from hashlib import sha256

from provisioner.capabilities import sets_of_scopes
from provisioner.ceremony.desk import (
    Case,
    Desk,
    find_instance,
    half_way,
    iso,
    require_own,
)
from provisioner.ceremony.guard import guard, undo_unstaged
from provisioner.ceremony.publish import destinations, publish
from provisioner.ceremony.retire import retire
from provisioner.errors import (
    InputError,
    NotSentError,
    PersonNeededError,
    ProvisionerError,
    TransportError,
)
from provisioner.inputs import parse_code
from provisioner.journal import Credential, Pending, Superseded
from provisioner.mastodon import (
    LONGEST_SCOPE,
    MOST_SCOPES,
    Grant,
    InvalidClientError,
    InvalidGrantError,
    Mastodon,
)
from provisioner.oauth import Application
from provisioner.outcomes import DryRun, Provisioned
from provisioner.secret import LONGEST, Secret
from provisioner.store import DeletedError, OvertakenError, UnconfirmedError

LARGEST_GRANT = Grant(Secret("x" * LONGEST), ("x" * LONGEST_SCOPE,) * MOST_SCOPES, None)
"""What an instance may answer at the most: the journal must have room for it."""


def complete(desk: Desk, case: Case, ask_code: Callable[[], str]) -> Provisioned | DryRun:
    """Exchange the code, check whose token it is, and write it where the bot reads it.

    `ask_code` is called only if a code is needed: a run that stopped half-way goes on without one.
    Raises ProvisionerError.
    """
    pending = _pending(desk, case)
    mastodon = Mastodon(desk.http, pending.server)
    code = _code(desk, case, pending, ask_code)
    pending = _look_before(desk, case, pending, code)
    if desk.inputs.dry_run:
        return _dry_run(desk, pending)
    with half_way(case):
        staged = pending.staged or _exchange(desk, case, mastodon, pending, code)
        staged = guard(desk, case, mastodon, pending, staged)
        staged = _write(desk, case, pending, staged)
        return _promote(desk, case, pending, staged)


def _pending(desk: Desk, case: Case) -> Pending:
    """What is to be completed; in a single run, with the application made by hand."""
    journal, application = case.journal, desk.inputs.application
    pending = journal.pending
    by_hand = None if pending and pending.application == application else application
    if journal.holds_tokens or (pending and not by_hand):
        require_own(journal, desk.inputs, desk.inputs.instance)
    if pending and pending.staged:
        desk.tell.done("A token is staged, from a run that stopped half-way: going on with it")
        case.changed = True
        return pending
    if by_hand:
        return _single_run(desk, case, by_hand)
    if pending is None:
        raise _nothing_pending(desk, case)
    if desk.inputs.scopes and set(desk.inputs.scopes) != set(pending.scopes):
        desk.tell.warn(f"The link was for {' '.join(pending.scopes)}: other scopes need a new one")
    return pending


def _single_run(desk: Desk, case: Case, application: Application) -> Pending:
    """A pending authorization for an application that was made, and authorized, by hand."""
    former = case.journal.pending
    if former and former.attempted_at is not None:
        raise PersonNeededError(
            "attempt-unsettled",
            "An earlier exchange, with another application, may have issued a token.",
            why="Its answer was lost. On Mastodon, approving that application again brings the "
            "token back.",
            todo="Open the link and complete with its code, without --client-id; after that this "
            "application can be used.",
            link=former.link,
        )
    told = find_instance(desk, case)
    return Pending(
        server=told.server,
        application=application,
        verifier=None,
        scopes=desk.inputs.scopes or sets_of_scopes(desk.inputs.scopes_to_ask, told)[0],
        app_name=desk.inputs.name_of_app,
        begun_at=desk.now(),
    )


def _code(desk: Desk, case: Case, pending: Pending, ask_code: Callable[[], str]) -> Secret:
    """The code, if one is needed: empty for a staged token, and for a dry run without one."""
    if pending.staged:
        return Secret("")
    pasted = ask_code()
    if desk.inputs.dry_run and not pasted:
        return Secret("")
    try:
        code = parse_code(pasted, pending.server.origin)
    except ProvisionerError as error:
        error.link = pending.link
        raise
    if code.reveal() in pending.link:  # nor may it be masked: the link has to be shown
        raise InputError(
            "bad-code",
            "What was given is a part of the link, not the code.",
            why="The code is shown after Authorize is pressed.",
            todo="Open the link, press Authorize, and complete with the code that is shown then.",
            link=pending.link,
        )
    desk.tell.hide(code)
    _require_unused(case, code)
    return code


def _require_unused(case: Case, code: Secret) -> None:
    """Refuse a code that gave a token of this journal, as a re-run hands it in once more.

    A server that is shown a code twice should revoke what it issued for it (RFC 6749, 4.1.2): that
    may be the token in use. Raises PersonNeededError.
    """
    for credential in case.journal.credentials():
        if credential.code == _fingerprint(code):
            raise PersonNeededError(
                "code-used",
                f"This code was used on {iso(credential.issued_at)}, and works once.",
                why="The run may have been a re-run, which brings the first attempt's inputs.",
                todo="Open the link again, and complete with the new code.",
            )


def _fingerprint(code: Secret) -> str:
    return sha256(code.reveal().encode()).hexdigest()


def _look_before(desk: Desk, case: Case, pending: Pending, code: Secret) -> Pending:
    """Check what can be checked before the one-time code is spent."""
    if desk.inputs.secrets:
        _ = case.repository.sealing_key
        desk.tell.done(f"Got the public key of {case.repository.name}")
    if case.journal.generation:  # a new one has room
        largest = pending.with_token(_credential(desk, case, pending, code, LARGEST_GRANT))
        case.store.require_room(case.journal.model_copy(update={"pending": largest}))
    strangers = case.strangers(desk.inputs.secrets)
    for name in strangers:
        desk.tell.warn(f"The secret {name}, which is not in this journal, is overwritten")
    overwrites = tuple(dict.fromkeys((*pending.overwrites, *strangers)))
    return pending.model_copy(update={"overwrites": overwrites})


def _exchange(
    desk: Desk, case: Case, mastodon: Mastodon, pending: Pending, code: Secret
) -> Credential:
    """Exchange the code, the attempt written ahead; stage the token, and see that confirmed.

    Between the instance's answer and the staging write nothing else is done but to mask the token.
    """
    case.ensure_key(desk)
    attempted = pending.model_copy(update={"attempted_at": pending.attempted_at or desk.now()})
    case.save(account=str(desk.inputs.account), origin=pending.server.origin, pending=attempted)
    try:
        grant = mastodon.exchange(pending.application, code, pending.verifier)
    except (InvalidGrantError, NotSentError) as error:
        # No token was issued. An earlier attempt that is unsettled stays so.
        if pending.attempted_at is None:
            case.save(pending=pending)
        raise _with_link(error, pending) from None
    except InvalidClientError as error:
        case.save(pending=None)
        raise PersonNeededError(error.ident, error.what, why=error.why, todo=error.todo) from None
    except TransportError as error:
        raise _with_link(error, pending) from None
    desk.tell.hide(grant.token)
    staged = _credential(desk, case, pending, code, grant)
    try:
        # What this exchange may have issued is settled by its answer.
        case.stage(pending.with_token(staged))
    except UnconfirmedError:
        raise  # it may well be staged
    except OvertakenError:
        undo_unstaged(desk, case, mastodon, staged)
        raise
    except ProvisionerError as error:
        undo_unstaged(desk, case, mastodon, staged)
        error.todo += " The code is spent: then open the link again, and complete with the new one."
        raise
    desk.tell.done("Exchanged the code, and staged the token in the journal")
    return staged


def _write(desk: Desk, case: Case, pending: Pending, staged: Credential) -> Credential:
    """Write every destination; the journal knows beforehand that it may, and is still ours.

    It is written even if a run before this one got as far: an abandon at the same time notices.
    """
    places = destinations(desk, case)
    former = (place for place in staged.destinations if place not in places)
    places = (*places, *filter(case.may_hold, former))  # the inputs changed since it was staged
    staged = staged.model_copy(update={"destinations": places})
    case.save(pending=pending.with_token(staged))
    publish(desk, case, staged)
    return staged


def _promote(desk: Desk, case: Case, pending: Pending, staged: Credential) -> Provisioned:
    """Make the staged credential the current one, and the old one superseded with its grace.

    A credential that holds the very same token is not superseded: revoking it would kill both. It
    stands wherever either was written.
    """
    others, former = case.journal.superseded, case.journal.current
    superseded = [old for old in others if old.credential.token != staged.token]
    equal = [known for known in case.journal.credentials() if known.token == staged.token]
    places = dict.fromkeys(p for known in (staged, *equal) for p in known.destinations)
    staged = staged.model_copy(update={"destinations": tuple(places)})
    rotated = former is not None and former.token != staged.token
    if former and rotated:
        until = desk.now() + desk.inputs.grace
        superseded = [
            old.model_copy(update={"revoke_after": min(old.revoke_after, until)})
            for old in (*superseded, Superseded(credential=former, revoke_after=until))
        ]
    try:
        case.save(pending=None, current=staged, superseded=tuple(superseded))
    except DeletedError as error:
        error.todo += (
            " If not, delete the secrets that this run wrote, and remove the bot's newest "
            f"application at {staged.server.authorized_applications}"
        )
        raise
    except OvertakenError as error:
        error.todo = (
            "Let the other one finish. The secrets may hold a token that it replaced: begin and "
            "complete again."
        )
        raise
    desk.tell.done("Wrote the journal: the new token is current")
    return Provisioned(
        status="rotated" if rotated else "provisioned",
        account=str(desk.inputs.account),
        instance=staged.server.origin,
        repository=case.repository.name,
        scopes=staged.scopes,
        expires_at=iso(staged.expires_at),
        written=desk.inputs.mappings,
        overwritten=tuple(p.name for p in places if p.name in pending.overwrites),
        old_tokens=retire(desk, case),
        unsettled_since="" if pending.attempted_at is None else iso(pending.attempted_at),
        remove_at=staged.server.authorized_applications,
    )


def _credential(desk: Desk, case: Case, pending: Pending, code: Secret, grant: Grant) -> Credential:
    now = desk.now()
    return Credential(
        server=pending.server,
        application=pending.application,
        token=grant.token,
        scopes=grant.scopes or pending.scopes,
        code=_fingerprint(code),
        issued_at=now,
        expires_at=None if grant.expires_in is None else now + grant.expires_in,
        destinations=destinations(desk, case),
    )


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


def _with_link(error: ProvisionerError, pending: Pending) -> ProvisionerError:
    """The error of an exchange, with the link that gives another code."""
    if isinstance(error, NotSentError):
        error.todo = "Run this again with the same code, soon: it was not used."
        return error
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
