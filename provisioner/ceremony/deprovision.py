"""deprovision: offboarding."""

from collections.abc import Iterator

from provisioner.ceremony.desk import (
    Case,
    Desk,
    half_way,
    iso,
    may_stand_in,
    require_own,
    unsettled,
    without_pending,
)
from provisioner.ceremony.register import KEPT_ID, KEPT_SECRET
from provisioner.destinations import Kind
from provisioner.errors import HalfWayError, PersonNeededError
from provisioner.journal import Credential, Destination
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
    else:
        case.repository.require_readable("variables")  # else there may be one, and need its key
        if not case.store.key:  # with a key, a run was cut between the journal and it
            raise PersonNeededError(
                "nothing-provisioned",
                f"There is no journal {case.store.name}: nothing is provisioned.",
                todo="Check the journal's name.",
            )
    notes = unsettled(journal.pending)
    for note in notes:  # before it is forgotten: the run may end at any moment
        desk.tell.warn(note)
    notes += _left(desk, case)
    with half_way(case):
        if journal.generation:
            # Claims the journal: a run under way notices, and one that starts from now on finds
            # nothing to go on with. Neither publishes a token that is being revoked.
            case.save(**without_pending(desk, journal, may_stand_in(journal.pending)))
        alive = [token for token in case.journal.credentials() if not _is_dead(desk, case, token)]
        by_hand = [token for token in alive if token.application.by_hand]
        for place in _ours(case):
            _delete(desk, case, place.kind, place.name)
        if len(alive) > len(by_hand):
            raise _alive(case, [token for token in alive if token not in by_hand])
        case.store.require_unchanged()
        if journal.generation:
            _delete(desk, case, "variables", case.store.name)
        had_key = _delete(desk, case, "secrets", case.store.key_name)
    notes += tuple(
        f"The token of {iso(token.issued_at)} lives on, since its application is your own. If "
        f"nothing else uses it, sign in as {case.approver(token)}, and remove that: "
        f"{token.server.authorized_applications}"
        for token in by_hand
    )
    account, where = str(desk.inputs.account), case.repository.name
    headline = f"All that the journal of {account} knew is gone from {where}."
    if not journal.generation:
        headline = f"{where} has no journal {case.store.name}: "
        headline += "only its key was left, and is deleted." if had_key else "nothing to delete."
    return Ended("deprovisioned", account, headline, notes)


def _delete(desk: Desk, case: Case, kind: Kind, name: str) -> bool:
    """Delete it, and say what was done; whether it was there."""
    there = case.repository.delete(kind, name)
    told = f"Deleted {name} from the {kind}"
    desk.tell.done(told if there else f"Nothing to delete: no {name} among the {kind}")
    return there


def _left(desk: Desk, case: Case) -> tuple[str, ...]:
    """What a person is told of secrets by the bot's names that no journal knows of."""
    notes = tuple(
        f"The secret {name} is left as it is: the journal does not know it. If it is this bot's, "
        f"delete it, sign in as {desk.inputs.account}, and remove its application at the instance."
        for name in case.strangers(desk.inputs.secrets)
    )
    return (*notes, *_registered(desk, case))


def _registered(desk: Desk, case: Case) -> Iterator[str]:
    """What a person is told of an application by the name that `register` gives its secret.

    It writes no journal: that it may be this bot's is all that can be known.
    """
    named = {mapping.name for mapping in desk.inputs.secrets}
    if KEPT_SECRET.name not in named and case.strangers([KEPT_SECRET]):
        yield (
            f"What register keeps stays: the secret {KEPT_SECRET.name}, and what goes with it "
            f"(usually the variable {KEPT_ID.name}). If that is this bot's application, and "
            "nothing else uses it, delete both under Settings > Secrets and variables > Actions; "
            "without a token they open nothing."
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


def _is_dead(desk: Desk, case: Case, token: Credential) -> bool:
    if token.application.by_hand:
        return False
    which = f"the token of {iso(token.issued_at)}"
    if case.is_strangers(token):
        which += f", which {case.approver(token)} approved"
    match Mastodon(desk.http, token.server).revoke(token.application, token.token):
        case Dead():
            desk.tell.done(f"Revoked {which}, and saw it dead")
            return True
        case Alive():
            desk.tell.warn(f"{token.server.host} did not revoke {which}")
        case Unclear(reason) | Unheard(reason):
            desk.tell.warn(f"T{which[1:]} can't be seen dead: {reason}")
    return False


def _alive(case: Case, alive: list[Credential]) -> HalfWayError:
    page = alive[0].server.authorized_applications
    issued: dict[str, list[str]] = {}
    for token in alive:
        issued.setdefault(case.approver(token), []).append(iso(token.issued_at))
    remove = "; ".join(
        f"signed in as {who}, the application authorized on {' and on '.join(times)}"
        for who, times in issued.items()
    )
    return HalfWayError(
        "tokens-alive",
        f"{len(alive)} of the tokens could not be revoked. The secrets are deleted all the same.",
        why="The instance is in trouble, or does not let a program revoke tokens.",
        todo=f"At {page} remove, {remove}. Then run this again. If the instance is gone for good, "
        f"delete {case.store.name} and {case.store.key_name} by hand.",
        link=page,
    )
