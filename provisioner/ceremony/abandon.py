"""abandon: give up an authorization that can't be finished."""

from provisioner.ceremony.desk import (
    Case,
    Desk,
    half_way,
    may_stand_in,
    require_own,
    unsettled,
    without_pending,
)
from provisioner.ceremony.publish import destination, publish
from provisioner.ceremony.retire import retire
from provisioner.destinations import Mapping
from provisioner.errors import InputError, ProvisionerError
from provisioner.journal import Destination, Pending
from provisioner.outcomes import Ended


def abandon(desk: Desk, case: Case) -> Ended:
    """Forget the pending authorization; a token that was staged is superseded, and revoked.

    A staged token that was verified may stand in the secrets already, from a run that was cut
    between them. There the current token is written again; where there is none, the secret is
    deleted, unless it was there before us. One that is the current token itself stays.
    Raises ProvisionerError.
    """
    pending, superseded = case.journal.pending, case.journal.superseded
    if pending is None and all(old.revoke_after > desk.now() for old in superseded):
        raise ProvisionerError(
            "nothing-to-abandon",
            "No authorization is under way: there is nothing to abandon.",
            todo="Run check to see that all is well."
            if case.journal.current
            else "Nothing is provisioned either. For a token, run begin; else there is nothing to "
            "do.",
        )
    require_own(case.journal, desk.inputs, desk.inputs.instance)
    notes = unsettled(pending)
    for note in notes:  # before it is forgotten: the run may end at any moment
        desk.tell.warn(note)
    with half_way(case):
        if pending:
            _give_up(desk, case, pending)
            desk.tell.done("Forgot the authorization that was under way")
        told = [old for old in retire(desk, case) if old.fate != "waiting"]
    account = str(desk.inputs.account)
    return Ended(
        "abandoned",
        account,
        f"The authorization of {account} is given up."
        if pending
        else f"No authorization of {account} was under way: this only saw to tokens that were "
        "still to be revoked.",
        notes + tuple(old.note for old in told if not old.needs_nobody),
        tuple(old.note for old in told if old.needs_nobody),
    )


def _give_up(desk: Desk, case: Case, pending: Pending) -> None:
    """Have no secret hold the staged token, and the journal forget what was under way."""
    written, current = may_stand_in(pending), case.journal.current
    again = _to_write_again(desk, case, written)
    if pending.staged:
        _ = case.repository.sealing_key  # no request between the claim and what it is for
    case.save()  # claims the journal: a run under way notices, and publishes nothing
    if current:
        publish(desk, case, current, again)
    rewritten = {destination(case, mapping) for mapping in again}
    left = _delete(case, pending, [place for place in written if place not in rewritten])
    case.save(**without_pending(desk, case.journal, left))


def _to_write_again(
    desk: Desk, case: Case, written: tuple[Destination, ...]
) -> tuple[Mapping, ...]:
    """What the run that was cut may have written over what belongs to the token in use.

    Of the inputs' names no other is written: it may be another bot's.
    """
    current = case.journal.current
    shared = {place for place in written if current and place in current.destinations}
    named = {destination(case, mapping): mapping for mapping in desk.inputs.mappings}
    if unnamed := shared - named.keys():
        names = sorted(f"the {place.kind.removesuffix('s')} {place.name}" for place in unnamed)
        raise InputError(
            "secrets-missing",
            f"What is to be given up may stand in {' and '.join(names)} already.",
            why="The run that wrote it was cut; what belongs to the token in use is to be written "
            "there again.",
            todo="Name the same --secrets and --variables as that run.",
        )
    return tuple(mapping for place, mapping in named.items() if place in shared)


def _delete(case: Case, pending: Pending, places: list[Destination]) -> tuple[Destination, ...]:
    """Delete these secrets, but for those that were there before us: these are returned."""
    secrets = [place for place in places if place.kind == "secrets"]
    left = tuple(place for place in secrets if place.name in pending.overwrites)
    for place in secrets:
        if place not in left:
            case.repository.delete("secrets", place.name)
    return left
