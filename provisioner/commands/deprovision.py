"""deprovision: revoke every token of the bot, and delete what was written."""

from collections.abc import Iterator

from provisioner.commands.abandon import ended, without_pending
from provisioner.commands.session import Session, incomplete_on_error, require_own, tell_lost
from provisioner.commands.writing import dry_run
from provisioner.config import REGISTERED_ID, REGISTERED_SECRET
from provisioner.errors import ActionRequiredError, IncompleteError
from provisioner.github.destinations import Destination, Kind
from provisioner.journal import Credential
from provisioner.mastodon.client import Mastodon
from provisioner.mastodon.verdict import Alive, Dead, Unclear, Unheard
from provisioner.report import Report, Run, when


def deprovision(session: Session) -> Report:
    """Revoke every token, and delete the secrets, the variables, the journal and its key.

    The first write marks the journal: from then on every other command refuses. The journal knows
    each token until it is seen dead, and its key outlives it. A run that was cut is finished by the
    next one. A secret that is not known to have held a token of ours is left alone.
    Raises IncompleteError where a token could not be seen dead, ProvisionerError.
    """
    session.read()
    _require_provisioned(session)
    tell_lost(session, session.journal.pending)  # before it is dropped: the run may end any moment
    _tell_left(session)
    if session.config.dry_run:
        return dry_run(session, tuple(_would(session)))
    with incomplete_on_error(session):
        _mark(session)
        tokens = session.journal.credentials()
        own = [token for token in tokens if token.application.user_supplied]
        alive = [token for token in tokens if token not in own and not _is_dead(session, token)]
        for place in _written(session):
            _delete(session, place.kind, place.name)
        if alive:
            raise _still_alive(session, alive)
        session.store.look()
        if session.store.is_present:
            _delete(session, "variables", session.store.name)
        had_key = _delete(session, "secrets", session.store.key_name)
    for token in own:
        session.warn(
            f"The token of {when(token.issued_at)} lives on, since its application is your own.",
            "If nothing else uses it:",
            session.removal(token),
        )
    account, where = str(session.config.handle), session.repository.name
    headline = f"{account} is deprovisioned: nothing that its journal knew is left in {where}"
    if not session.store.exists:
        left = "only its key was left, and is deleted" if had_key else "nothing to delete"
        headline = f"{where} has no journal {session.store.name}: {left}"
    return ended("deprovisioned", account, headline, session.noted)


def _require_provisioned(session: Session) -> None:
    """Refuse where there is nothing to take off, or another bot's journal."""
    store = session.store
    if store.exists:
        require_own(session, session.config.instance)
    elif not store.is_claimed:
        session.repository.require_readable("variables")  # else there may be one
        if not store.key:  # with a key, a run was cut between the journal and it
            raise ActionRequiredError(
                "nothing-provisioned",
                f"There is no journal {store.name}: nothing is provisioned.",
                next=("Check the journal's name.",),
            )


def _mark(session: Session) -> None:
    """Mark the journal, and count a staged token among those to be revoked."""
    if not session.store.exists:
        return
    staged = session.journal.staged
    left = staged.destinations if staged else ()
    after = without_pending(session.journal, left, session.now())
    session.update(
        pending=None, current=after.current, superseded=after.superseded, deprovisioning=True
    )


def _delete(session: Session, kind: Kind, name: str) -> bool:
    """Delete it, and say what was done; whether it was there."""
    there = session.repository.delete(kind, name)
    done = f"Deleted the {kind.removesuffix('s')} {name}"
    session.reporter.done(done if there else f"No {kind.removesuffix('s')} {name} to delete")
    return there


def _tell_left(session: Session) -> None:
    """Tell of secrets that may be the bot's, and that no journal knows."""
    for place in _unknown(session):
        session.warn(
            f"The secret {place.name} is left alone: this journal does not know what is in it.",
            f"If it is this bot's, delete the secret {place.name}, and remove its application at "
            "the instance.",
        )
    # register writes no journal: by its usual name alone it can't be told whose this is.
    kept = session.unmanaged([REGISTERED_SECRET])
    if kept and REGISTERED_SECRET.name not in {one.name for one in session.config.secrets}:
        session.warn(
            f"The secret {REGISTERED_SECRET.name}, and what goes with it (usually the variable "
            f"{REGISTERED_ID.name}), are left alone.",
            "If they are this bot's application, and nothing else uses it, delete both.",
        )


def _unknown(session: Session) -> tuple[Destination, ...]:
    """The secrets by the bot's names, and those that a cut run may have written over."""
    overwritten = (place for one in session.journal.credentials() for place in one.overwrites)
    named = session.unmanaged(session.config.secrets)
    known = set(_written(session))
    places = (one for one in (*named, *overwritten) if one.is_secret and one not in known)
    return tuple(dict.fromkeys(one for one in places if session.may_exist(one)))


def _written(session: Session) -> list[Destination]:
    """Everything here that holds, or held, something of ours."""
    places = (place for one in session.journal.credentials() for place in one.managed)
    return list(dict.fromkeys(place for place in places if place.scope == session.repository.scope))


def _is_dead(session: Session, token: Credential) -> bool:
    which = f"the token of {when(token.issued_at)}"
    if session.approved_by_other(token):
        which += f", which “{token.account}” approved"
    match Mastodon(session.http, token.instance).revoke(token.application, token.token):
        case Dead():
            session.reporter.done(f"Revoked {which}, and saw it dead")
            return True
        case Alive():
            session.warn(f"{token.instance.host} did not revoke {which}")
        case Unclear(reason) | Unheard(reason):
            session.warn(f"Could not see {which} dead: {reason}")
    return False


def _still_alive(session: Session, alive: list[Credential]) -> IncompleteError:
    return IncompleteError(
        "tokens-alive",
        f"{len(alive)} of the tokens could not be revoked. The secrets are deleted all the same.",
        why="The instance is in trouble, or does not let a program revoke tokens.",
        next=(
            *dict.fromkeys(session.removal(token) for token in alive),
            Run("deprovision"),
            "If the instance is gone for good, delete two things by hand:",
            f"The variable {session.store.name}, and the secret {session.store.key_name}.",
        ),
        link=alive[0].instance.authorized_applications,
    )


def _would(session: Session) -> Iterator[str]:
    for token in session.journal.credentials():
        if not token.application.user_supplied:
            yield f"revoke the token of {when(token.issued_at)} at {token.instance.origin}"
    for place in _written(session):
        yield f"delete {place}"
    yield f"delete the variable {session.store.name}, which holds the journal"
    yield f"delete the secret {session.store.key_name}, which holds its key"
