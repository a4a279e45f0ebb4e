"""From what the account's owner gave, a code or a password, to the token in its secrets.

The second half of every authorization, whatever was given: all that can be checked comes first,
then the attempt is written ahead, the exchange made once, the token staged, written, promoted.
"""

from typing import Protocol

from provisioner.ceremony.desk import Case, Desk, iso
from provisioner.ceremony.guard import undo_unstaged
from provisioner.ceremony.publish import destinations, publish
from provisioner.ceremony.retire import retire
from provisioner.errors import NotSentError, PersonNeededError, ProvisionerError, TransportError
from provisioner.journal import Credential, Pending, Superseded
from provisioner.mastodon import MOST_SCOPES, Grant, Mastodon
from provisioner.mastodon_errors import (
    InvalidClientError,
    InvalidGrantError,
    NoPasswordGrantError,
)
from provisioner.oauth import LONGEST_WORD
from provisioner.outcomes import Provisioned
from provisioner.secret import LONGEST, Secret
from provisioner.store import DeletedError, OvertakenError, UnconfirmedError

LARGEST_GRANT = Grant(Secret("x" * LONGEST), ("x" * LONGEST_WORD,) * MOST_SCOPES, None)
"""What an instance may answer at the most: the journal must have room for it."""


class Approval(Protocol):
    """What the account's owner gave (RFC 6749, section 1.3: the authorization grant)."""

    @property
    def name(self) -> str:
        """What it is, for a person: “the code”."""

    @property
    def once_more(self) -> str:
        """How to go on where its token could not be staged, and was revoked."""

    @property
    def fingerprint(self) -> str:
        """What the journal keeps of it, so that it is never sent again; "" for nothing."""

    def exchange(self, mastodon: Mastodon, pending: Pending) -> Grant:
        """Send it to the instance, once. Raises as `Mastodon.exchange`."""

    def explain(self, error: ProvisionerError, pending: Pending) -> ProvisionerError:
        """The error of an exchange that gave no token, with how to go on."""


def get_sealing_key(desk: Desk, case: Case) -> None:
    """Read the key that the secrets are sealed with: GitHub refuses it where they are closed."""
    if desk.inputs.secrets:
        _ = case.repository.sealing_key
        desk.tell.done(f"Got the public key of {case.repository.name}")


def look_before(desk: Desk, case: Case, pending: Pending, approval: Approval) -> Pending:
    """Check what can be checked before a one-time code is spent."""
    get_sealing_key(desk, case)
    if case.journal.generation:  # a new one has room
        largest = pending.with_token(_credential(desk, case, pending, approval, LARGEST_GRANT))
        case.store.require_room(case.journal.model_copy(update={"pending": largest}))
    strangers = case.strangers(desk.inputs.secrets)
    for name in strangers:
        desk.tell.warn(f"The secret {name}, which is not in this journal, is overwritten")
    overwrites = tuple(dict.fromkeys((*pending.overwrites, *strangers)))
    return pending.model_copy(update={"overwrites": overwrites})


def exchange(
    desk: Desk, case: Case, mastodon: Mastodon, pending: Pending, approval: Approval
) -> Credential:
    """Exchange the approval, the attempt written ahead; stage the token, and see that confirmed.

    Between the instance's answer and the staging write nothing else is done but to mask the token.
    """
    case.ensure_key(desk)
    attempted = pending.model_copy(update={"attempted_at": pending.attempted_at or desk.now()})
    case.save(account=str(desk.inputs.account), origin=pending.server.origin, pending=attempted)
    try:
        grant = approval.exchange(mastodon, pending)
    except (InvalidGrantError, NoPasswordGrantError, NotSentError) as error:
        # No token was issued. An earlier attempt that is unsettled stays so.
        if pending.attempted_at is None:
            case.save(pending=pending)
        raise approval.explain(error, pending) from None
    except InvalidClientError as error:
        case.save(pending=None)
        raise PersonNeededError(error.ident, error.what, why=error.why, todo=error.todo) from None
    except TransportError as error:
        raise approval.explain(error, pending) from None
    desk.tell.hide(grant.token)
    staged = _credential(desk, case, pending, approval, grant)
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
        error.todo += f" {approval.once_more}"
        raise
    desk.tell.done(f"Exchanged {approval.name}, and staged the token in the journal")
    return staged


def write(desk: Desk, case: Case, pending: Pending, staged: Credential) -> Credential:
    """Write every destination; the journal knows beforehand that it may, and is still ours.

    It is written even if a run before this one got as far: an abandon at the same time notices.
    """
    places = destinations(desk, case)
    former = (place for place in staged.destinations if place not in places)
    places = (*places, *filter(case.may_hold, former))  # the inputs changed since it was staged
    staged = staged.model_copy(update={"destinations": places})
    case.save(pending=pending.with_token(staged))
    publish(desk, case, staged, desk.inputs.mappings)
    return staged


def promote(desk: Desk, case: Case, pending: Pending, staged: Credential) -> Provisioned:
    """Make the staged credential the current one, and the old one superseded with its grace.

    A credential that holds the very same token is not superseded: revoking it would kill both. It
    stands wherever either was written, and is as old as it was.
    """
    others, former = case.journal.superseded, case.journal.current
    superseded = [old for old in others if old.credential.token != staged.token]
    equal = [known for known in case.journal.credentials() if known.token == staged.token]
    places = dict.fromkeys(p for known in (staged, *equal) for p in known.destinations)
    issued_at = min(known.issued_at for known in (staged, *equal))
    staged = staged.model_copy(update={"destinations": tuple(places), "issued_at": issued_at})
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
    which = "the new token is" if rotated or former is None else "the token stays"
    desk.tell.done(f"Wrote the journal: {which} current")
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
        same_since="" if rotated or former is None else iso(issued_at),
        unsettled_since="" if pending.attempted_at is None else iso(pending.attempted_at),
        remove_at=staged.server.authorized_applications,
    )


def _credential(
    desk: Desk, case: Case, pending: Pending, approval: Approval, grant: Grant
) -> Credential:
    now = desk.now()
    return Credential(
        server=pending.server,
        application=pending.application,
        token=grant.token,
        scopes=grant.scopes or pending.scopes,
        code=approval.fingerprint,
        issued_at=now,
        expires_at=None if grant.expires_in is None else now + grant.expires_in,
        destinations=destinations(desk, case),
    )
