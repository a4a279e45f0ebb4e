"""deprovision: offboarding."""

from collections.abc import Iterator

from provisioner.ceremony.desk import Case, Desk, half_way, iso, require_own, unsettled
from provisioner.errors import HalfWayError, PersonNeededError
from provisioner.journal import Credential, Destination, Journal, Superseded
from provisioner.mastodon import Alive, Dead, Mastodon, Unclear, Unheard
from provisioner.outcomes import Ended


def deprovision(desk: Desk, case: Case) -> Ended:
    """Revoke every token, and delete the secrets, the variables, the journal and its key.

    In this order: the journal knows each token until it is seen dead, and its key outlives it. A
    run that was cut is finished by the next one.
    Raises HalfWayError where a token could not be seen dead, ProvisionerError.
    """
    journal = case.journal
    if journal.generation:
        require_own(journal, desk.inputs, desk.inputs.instance)
    elif not case.store.key:  # with a key, a run was cut between the journal and it
        raise PersonNeededError(
            "nothing-provisioned",
            f"There is no journal {case.store.name}: nothing is provisioned.",
            todo="Check the journal's name.",
        )
    notes = unsettled(journal.pending) + _left(desk, case)
    for note in notes:  # before it is forgotten: the run may end at any moment
        desk.tell.warn(note)
    with half_way(case):
        if journal.generation:
            # Claims the journal: a run under way notices, and one that starts from now on finds
            # nothing to go on with. Neither publishes a token that is being revoked.
            case.save(pending=None, superseded=(*journal.superseded, *_unfinished(desk, journal)))
        alive = [token for token in journal.credentials() if not _is_dead(desk, token)]
        by_hand = [token for token in alive if token.application.by_hand]
        for place in _ours(case):
            case.repository.delete(place.kind, place.name)
            desk.tell.done(f"Deleted {place.name} from the {place.kind}")
        if len(alive) > len(by_hand):
            raise _alive(case, [token for token in alive if token not in by_hand])
        case.store.require_unchanged()
        case.repository.delete("variables", case.store.name)
        case.repository.delete("secrets", case.store.key_name)
        desk.tell.done("Deleted the journal and its key")
    notes += tuple(
        f"The token of {iso(token.issued_at)} lives on, since its application was made by hand. If "
        f"nothing else uses it, remove that: {token.server.authorized_applications}"
        for token in by_hand
    )
    return Ended("deprovisioned", str(desk.inputs.account), case.repository.name, notes)


def _unfinished(desk: Desk, journal: Journal) -> Iterator[Superseded]:
    """The staged token, as one that is to be revoked; written nowhere, if it was not verified."""
    if journal.pending and (staged := journal.pending.staged):
        places = staged.destinations if staged.account_id else ()
        unused = staged.model_copy(update={"destinations": places})
        yield Superseded(credential=unused, revoke_after=desk.now())


def _left(desk: Desk, case: Case) -> tuple[str, ...]:
    """What a person is told of secrets by the bot's names that no journal knows of."""
    return tuple(
        f"The secret {name} is left as it is: the journal does not know it. If it is this bot's, "
        "delete it, and remove its application at the instance."
        for name in case.strangers(desk.inputs.secrets)
    )


def _ours(case: Case) -> list[Destination]:
    """Everything that was written."""
    places = dict.fromkeys(
        place
        for token in case.journal.credentials()
        for place in token.destinations
        if place.repository_id == case.repository.id
    )
    return list(places)


def _is_dead(desk: Desk, token: Credential) -> bool:
    if token.application.by_hand:
        return False
    match Mastodon(desk.http, token.server).revoke(token.application, token.token):
        case Dead():
            desk.tell.done(f"Revoked the token of {iso(token.issued_at)}, and saw it dead")
            return True
        case Alive():
            desk.tell.warn(
                f"{token.server.host} did not revoke the token of {iso(token.issued_at)}"
            )
        case Unclear(reason) | Unheard(reason):
            desk.tell.warn(f"The token of {iso(token.issued_at)} can't be seen dead: {reason}")
    return False


def _alive(case: Case, alive: list[Credential]) -> HalfWayError:
    page = alive[0].server.authorized_applications
    return HalfWayError(
        "tokens-alive",
        f"{len(alive)} of the tokens could not be revoked. The secrets are deleted all the same.",
        why="The instance is in trouble, or does not let a program revoke tokens.",
        todo=f"Remove the bot's applications at {page}, and run this again. If the instance is "
        f"gone for good, delete {case.store.name} and {case.store.key_name} by hand.",
        link=page,
    )
