"""abandon and deprovision: give up an authorization; take the whole bot off."""

from collections.abc import Iterable, Iterator

from provisioner.commands.complete import publish
from provisioner.commands.revocation import (
    is_known_besides,
    removal,
    revoke_due,
    supersede,
    tell_lost,
)
from provisioner.commands.session import Session, dry_run, incomplete_on_error, require_own
from provisioner.github.destinations import Destination, Kind, Mapping, names
from provisioner.journal import UNKNOWN, Credential
from provisioner.mastodon.client import Mastodon
from provisioner.mastodon.errors import Alive, Dead, Unclear
from provisioner.report import (
    ActionRequiredError,
    IncompleteError,
    InputError,
    Item,
    ProvisionerError,
    Report,
    Run,
    Set,
    when,
)


def abandon(session: Session) -> Report:
    """Drop the pending authorization; a token that was staged is revoked.

    A staged token may stand in the secrets already, from a run that was cut between them. Where the
    token in use stood, that is written again; where nothing stood, the secret is deleted; where
    something stood that this journal does not know, the secret is left alone. Raises
    ProvisionerError.
    """
    session.read(*session.reads_for_writing())
    require_own(session, session.config.instance)
    pending, superseded = session.journal.pending, session.journal.superseded
    if pending is None and all(old.revoke_after > session.now() for old in superseded):
        raise ProvisionerError(
            "nothing-to-abandon",
            "No authorization is under way: there is nothing to abandon.",
            next=(Run("check") if session.journal.current else Run("begin"),),
        )
    tell_lost(session, pending)  # before it is dropped: the run may end at any moment
    with incomplete_on_error(session):
        if pending:
            _give_up(session)
        old_tokens = [old.item for old in revoke_due(session) if old.fate != "waiting"]
    headline = f"No authorization of {session.config.handle} is under way any more"
    return _ended(session, "abandoned", headline, old_tokens)


def deprovision(session: Session) -> Report:
    """Revoke every token, and delete the secrets, the variables, the journal and its key.

    The first write marks the journal: from then on every other command refuses. The journal knows
    each token until it is seen dead, and its key outlives it. A run that was cut is finished by the
    next one. A secret that is not known to have held a token of ours is left alone.
    Raises IncompleteError where a token could not be seen dead, ProvisionerError.
    """
    session.read()
    store = session.store
    require_own(session, session.config.instance)
    _require_provisioned(session)
    tell_lost(session, session.journal.pending)  # before it is dropped: the run may end any moment
    _tell_left(session)
    if session.config.dry_run:
        return dry_run(session, tuple(_would(session)))
    with incomplete_on_error(session):
        if store.exists:
            supersede(session, session.journal.staged, pending=None, deprovisioning=True)
        tokens = session.journal.credentials()
        own = [token for token in tokens if token.application.user_supplied]
        alive = [token for token in tokens if token not in own and not _is_dead(session, token)]
        for place in session.journal.managed:
            _delete(session, place.kind, place.name)
        if alive:
            raise _still_alive(session, alive)
        for token in own:  # before it is forgotten: the run may end any moment
            which = f"The token of {when(token.issued_at)} lives on"
            session.warn(
                f"{which}, since its application is your own.",
                "If nothing else uses it:",
                removal(session, token),
            )
        store.look()
        _delete(session, "variables", store.name)
        _delete(session, "secrets", store.key_name)
        if session.key_file:
            session.key_file.delete()
    account, where = session.config.handle, session.repository.name
    headline = f"{account} is deprovisioned: nothing that its journal knew is left in {where}"
    return _ended(session, "deprovisioned", headline)


def _ended(session: Session, status: str, headline: str, old_tokens: Iterable[Item] = ()) -> Report:
    items = tuple(dict.fromkeys((*session.noted, *old_tokens)))
    return Report(
        status,
        headline,
        items=items,
        outputs={"account": str(session.config.handle)},
        facts={
            "notes": [item for item in items if item.verdict != "good"],
            "news": [item.text for item in items if item.verdict == "good"],
        },
    )


def _give_up(session: Session) -> None:
    """Have no secret hold the staged token, and the journal drop what was under way."""
    journal, staged, current = session.journal, session.journal.staged, session.journal.current
    again = _to_write_again(session, staged)
    session.update()  # a run under way notices, and writes nothing
    contents: dict[Destination, set[str]] = {}
    if current:
        rewritten = publish(session, current, again)
        contents = {place: {current.fingerprint} for place in rewritten}
    if staged and not is_known_besides(session, staged):
        for place in journal.known(staged):
            if place.is_secret:
                session.repository.delete("secrets", place.name)
                contents[place] = set()
    supersede(session, staged, pending=None, contents=journal.with_contents(contents))


def _to_write_again(session: Session, staged: Credential | None) -> tuple[Mapping, ...]:
    """What the run that was cut may have written over what belongs to the token in use.

    No other name of the inputs is written: it may be another bot's.
    """
    journal, current = session.journal, session.journal.current
    if staged is None or current is None:
        return ()
    shared = {*journal.may_hold(staged)} & {*journal.may_hold(current)} & {*journal.managed}
    named = {session.destination(mapping): mapping for mapping in session.config.mappings}
    if unnamed := shared - named.keys():
        raise InputError(
            "secrets-missing",
            f"The token that is given up may already stand in {names(unnamed)}.",
            why="What belongs to the token in use is to be written there again.",
            next=("Name the same secrets and variables as that run.", Set("secrets")),
        )
    return tuple(mapping for place, mapping in named.items() if place in shared)


def _require_provisioned(session: Session) -> None:
    store = session.store
    if store.is_present:
        return
    session.repository.require_readable("variables")  # else there may be one
    # By its usual name, the key is what is left of a run that was cut after the journal was
    # deleted. Another name may be misspelt, and the secret of that name another program's.
    if store.key and "journal" not in session.config.given:
        return
    steps = ["Check the journal's name."]
    if store.key_is_stored:
        steps.append(f"If it is right, its key alone is left: delete the secret {store.key_name}.")
    what = f"There is no journal {store.name}: nothing is provisioned."
    raise ActionRequiredError("nothing-provisioned", what, next=tuple(steps))


def _delete(session: Session, kind: Kind, name: str) -> None:
    what = f"the {kind.removesuffix('s')} {name}"
    there = session.repository.delete(kind, name)
    session.reporter.done(f"Deleted {what}" if there else f"Did not find {what}")


def _tell_left(session: Session) -> None:
    overwritten = [one.destination for one in session.journal.contents if UNKNOWN in one.tokens]
    for place in dict.fromkeys((*session.unmanaged(session.config.secrets), *overwritten)):
        if place.is_secret and session.may_exist(place):
            session.warn(
                f"The secret {place.name} is left alone: this journal does not know what is in it.",
                f"If it is this bot's, delete the secret {place.name}, and remove its application "
                "at the instance.",
            )


def _is_dead(session: Session, token: Credential) -> bool:
    which = f"the token of {when(token.issued_at)}"
    match Mastodon(session.http, token.instance).revoke(token.application, token.token):
        case Dead():
            session.reporter.done(f"Revoked {which}, and saw it dead")
            return True
        case Alive():
            session.warn(f"{token.instance.host} did not revoke {which}")
        case Unclear(reason):
            session.warn(f"Could not see {which} dead: {reason}")
    return False


def _still_alive(session: Session, alive: list[Credential]) -> IncompleteError:
    return IncompleteError(
        "tokens-alive",
        f"{len(alive)} of the tokens could not be revoked. The secrets are deleted all the same.",
        next=(
            *dict.fromkeys(removal(session, token) for token in alive),
            Run("deprovision"),
            "If the instance is gone for good, delete two things by hand:",
            f"The variable {session.store.name}, and the secret {session.store.key_name}.",
        ),
    )


def _would(session: Session) -> Iterator[str]:
    for token in session.journal.credentials():
        if not token.application.user_supplied:
            yield f"revoke the token of {when(token.issued_at)} at {token.instance.origin}"
    for place in session.journal.managed:
        yield f"delete {place}"
    yield f"delete the variable {session.store.name}, which holds the journal"
    yield f"delete the secret {session.store.key_name}, which holds its key"
