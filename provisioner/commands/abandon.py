"""abandon: give up an authorization that can't be finished."""

from msgspec.structs import replace

from provisioner.commands.revocation import revoke_due
from provisioner.commands.session import Session, incomplete_on_error, require_own, tell_lost
from provisioner.commands.writing import publish, reads_for_writing
from provisioner.errors import InputError, ProvisionerError
from provisioner.github.destinations import Destination, Mapping, names
from provisioner.journal import Credential, Journal, Superseded
from provisioner.report import Item, Report, Run, Set


def abandon(session: Session) -> Report:
    """Drop the pending authorization; a token that was staged is revoked.

    A staged token may stand in the secrets already, from a run that was cut between them. Where the
    token in use stood, that is written again; where nothing stood, the secret is deleted; where
    something stood that this journal does not know, the secret is left alone. Raises
    ProvisionerError.
    """
    session.read(*reads_for_writing(session))
    pending, superseded = session.journal.pending, session.journal.superseded
    if pending is None and all(old.revoke_after > session.now() for old in superseded):
        raise ProvisionerError(
            "nothing-to-abandon",
            "No authorization is under way: there is nothing to abandon.",
            next=(Run("check") if session.journal.current else Run("begin"),),
        )
    require_own(session, session.config.instance)
    tell_lost(session, pending)  # before it is dropped: the run may end at any moment
    with incomplete_on_error(session):
        if pending:
            _give_up(session)
            session.reporter.done("Dropped the pending authorization")
        old_tokens = [old for old in revoke_due(session) if old.fate != "waiting"]
    account = str(session.config.handle)
    items = [*session.noted, *(old.item for old in old_tokens)]
    headline = f"The authorization of {account} is given up"
    if pending is None:
        headline = f"No authorization of {account} was under way. Tokens that were due are revoked"
    return ended("abandoned", account, headline, items)


def ended(status: str, account: str, headline: str, items: list[Item]) -> Report:
    """How an abandon or a deprovision ended; `notes` are left to a person."""
    unique = tuple(dict.fromkeys(items))
    return Report(
        status,
        headline,
        items=unique,
        outputs={"account": account},
        facts={
            "notes": [item for item in unique if item.verdict != "good"],
            "news": [item.text for item in unique if item.verdict == "good"],
        },
    )


def without_pending(journal: Journal, left: tuple[Destination, ...], now: int) -> Journal:
    """Nothing is pending any more; a staged token, which may stand in `left`, is to be revoked.

    The person's own application may have given the very token that is in use: that stays, wherever
    it stands.
    """
    staged, current = journal.staged, journal.current
    journal = journal.replace(pending=None)
    if staged is None:
        return journal
    if current and current.token == staged.token:
        may_hold = tuple(dict.fromkeys((*current.may_hold, *left)))
        return journal.replace(current=replace(current, may_hold=may_hold))
    unused = Superseded(replace(staged, known=(), may_hold=left), now)
    return journal.replace(superseded=(*journal.superseded, unused))


def _give_up(session: Session) -> None:
    """Have no secret hold the staged token, and the journal drop what was under way."""
    staged, current = session.journal.staged, session.journal.current
    again = _to_write_again(session, staged)
    session.update()  # a run under way notices, and writes nothing
    if current:
        publish(session, current, again)
    rewritten = {session.destination(mapping) for mapping in again}
    left = tuple(place for place in staged.overwrites if place.is_secret) if staged else ()
    for place in staged.managed if staged else ():
        if place.is_secret and place not in rewritten:
            session.repository.delete("secrets", place.name)
    for place in left:
        session.warn(
            f"The secret {place.name} is left alone: it may hold the token that is given up, or "
            "what stood there before.",
            f"Delete the secret {place.name}, if no workflow reads it.",
        )
    after = without_pending(session.journal, left, session.now())
    session.update(pending=None, current=after.current, superseded=after.superseded)


def _to_write_again(session: Session, staged: Credential | None) -> tuple[Mapping, ...]:
    """What the run that was cut may have written over what belongs to the token in use.

    No other name of the inputs is written: it may be another bot's.
    """
    current = session.journal.current
    if staged is None or current is None:
        return ()
    shared = {place for place in staged.destinations if place in current.known}
    named = {session.destination(mapping): mapping for mapping in session.config.mappings}
    if unnamed := shared - named.keys():
        raise InputError(
            "secrets-missing",
            f"The token that is given up may already stand in {names(tuple(unnamed))}.",
            why="The run that wrote it was cut. What belongs to the token in use is to be written "
            "there again.",
            next=("Name the same secrets and variables as that run.", Set("secrets")),
        )
    return tuple(mapping for place, mapping in named.items() if place in shared)
