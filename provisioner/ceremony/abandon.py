"""abandon: give up an authorization that can't be finished."""

from provisioner.ceremony.desk import Case, Desk, half_way, require_own, unsettled
from provisioner.ceremony.publish import publish
from provisioner.ceremony.retire import retire
from provisioner.errors import InputError, ProvisionerError
from provisioner.journal import Credential, Destination, Pending, Superseded
from provisioner.outcomes import Ended


def abandon(desk: Desk, case: Case) -> Ended:
    """Forget the pending authorization; a token that was staged is superseded, and revoked.

    A staged token that was verified may stand in the secrets already, from a run that was cut
    between them. There the current token is written again; where there is none, the secret is
    deleted, unless it was there before us.
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
            if pending.staged:
                _ = case.repository.sealing_key  # no request between the claim and what it is for
            case.save()  # claims the journal: a run under way notices, and publishes nothing
            if pending.staged:
                places = _take_back(desk, case, pending, pending.staged)
                unused = pending.staged.model_copy(update={"destinations": places})
                superseded += (Superseded(credential=unused, revoke_after=desk.now()),)
            case.save(pending=None, superseded=superseded)
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


def _take_back(
    desk: Desk, case: Case, pending: Pending, staged: Credential
) -> tuple[Destination, ...]:
    """Have no secret hold the staged token; returns those that may all the same."""
    current = case.journal.current
    places = [place for place in staged.destinations if place.kind == "secrets"]
    if not staged.account_id:  # only a verified token is written
        return ()
    shared = [place for place in places if current and place in current.destinations]
    if current and shared:
        _require_named(desk, shared)
        publish(desk, case, current)
    left = []
    for place in places:
        if place in shared:
            continue
        if place.name in pending.overwrites:
            left.append(place)
        else:
            case.repository.delete("secrets", place.name)
    return tuple(left)


def _require_named(desk: Desk, shared: list[Destination]) -> None:
    unnamed = {place.name for place in shared} - {mapping.name for mapping in desk.inputs.secrets}
    if unnamed:
        raise InputError(
            "secrets-missing",
            f"The token to be given up may stand in {', '.join(sorted(unnamed))} already.",
            why="The run that wrote it was cut; the token in use is to be written there again.",
            todo="Name the same --secrets as that run.",
        )
