"""Whose token is it, and what may it do: checked before it is published, undone if it is wrong."""

from provisioner.ceremony.desk import Case, Desk
from provisioner.errors import HalfWayError, PersonNeededError, ProvisionerError, TransportError
from provisioner.journal import Credential, Journal, Pending, Superseded
from provisioner.mastodon import Alive, Dead, Mastodon, Unclear


def guard(desk: Desk, case: Case, mastodon: Mastodon, staged: Credential) -> Credential:
    """The staged credential with the number of its account, once that is the right one.

    Raises PersonNeededError for another account, missing scopes or a dead token, all of which are
    undone first; HalfWayError where the instance does not say, and the token stays staged.
    """
    match mastodon.verify(staged.token):
        case Alive() as account:
            pass
        case Dead(reason):
            case.save(pending=_without_token(case))
            raise PersonNeededError(
                "token-stillborn",
                f"The new token is dead already: {reason}.",
                why="Somebody revoked it at the instance, perhaps by removing the application.",
                todo="Open the link again, and complete with the new code.",
                link=_link(case.journal),
            )
        case Unclear(reason):
            raise HalfWayError(
                "unverified",
                f"Whose token it is could not be seen: {reason}.",
                why="The instance is in trouble, or the account is disabled, unconfirmed or moved.",
                todo="The token is kept in the journal, and written nowhere. Look at the account "
                "in a browser, then run complete again; no code is needed.",
            )
    if problem := _wrong_account(desk, case, account) or _missing_scopes(case, staged):
        problem.why += _undo(desk, case, mastodon, staged)
        raise problem
    desk.tell.done(f"The token belongs to {desk.inputs.account}, and may {' '.join(staged.scopes)}")
    return staged.model_copy(update={"account_id": account.id})


def undo_unstaged(desk: Desk, case: Case, mastodon: Mastodon, token: Credential) -> None:
    """Revoke a token that could not be staged, unless another run may hold the very same.

    Two runs that complete the same application get the same token on Mastodon. So the journal is
    read again: only if it is still ours, or knows nothing of this application, is the token ours
    alone. Where that can't be seen it lives on, and approving again brings it back.
    """
    try:
        journal = case.store.read()
    except ProvisionerError:
        return
    if journal is None or token.application.by_hand:
        return
    pending = journal.pending
    rival = journal.generation != case.journal.generation and pending is not None
    shared = [c.application for c in journal.credentials()]
    shared += [pending.application] if pending and rival else []
    if token.application not in shared and _revoke(mastodon, token):
        desk.tell.warn("The new token could not be kept, and was revoked")


def covers(granted: tuple[str, ...], scope: str) -> bool:
    """Whether `scope` was granted, by itself or as a part of a broader one (`write`)."""
    return any(scope == broad or scope.startswith(f"{broad}:") for broad in granted)


def _wrong_account(desk: Desk, case: Case, account: Alive) -> PersonNeededError | None:
    wanted, current = desk.inputs.account, case.journal.current
    if account.user.casefold() != wanted.user.casefold():
        whose = f"{account.user}@{wanted.domain}"
    elif current and current.account_id != account.id:
        whose = f"another account by the name {wanted} (number {account.id})"
    else:
        return None
    return PersonNeededError(
        "wrong-account",
        f"The authorization was given by {whose}, not by {wanted}.",
        why="The browser was signed in as somebody else, or somebody else opened the link. ",
        todo=f"Open the link again, sign out there, sign in as {wanted}, and complete with the new "
        "code.",
        link=_link(case.journal),
    )


def _missing_scopes(case: Case, staged: Credential) -> PersonNeededError | None:
    wanted = case.journal.pending.scopes if case.journal.pending else ()
    missing = [scope for scope in wanted if not covers(staged.scopes, scope)]
    if not missing:
        return None
    return PersonNeededError(
        "scopes-missing",
        f"The token was granted “{' '.join(staged.scopes)}”: {' '.join(missing)} is missing.",
        why="The instance granted less than it was asked for. ",
        todo="Begin again with scopes that this server grants (--scopes); for an application made "
        "by hand, tick them in its settings.",
    )


def _undo(desk: Desk, case: Case, mastodon: Mastodon, staged: Credential) -> str:
    """Take back a token that must not be used; says in a sentence what became of it."""
    pending = _without_token(case)
    if staged.application.by_hand:
        case.save(pending=pending)
        return (
            "The token was not stored. It was not revoked either: its application was made by "
            "hand, and the same token may be in use elsewhere."
        )
    if _revoke(mastodon, staged):
        case.save(pending=pending)
        return "The token was revoked, and not stored."
    unused = staged.model_copy(update={"destinations": ()})
    leftover = Superseded(credential=unused, revoke_after=desk.now())
    case.save(pending=pending, superseded=(*case.journal.superseded, leftover))
    return (
        "The token was not stored, but could not be revoked: remove the application "
        f"at {staged.server.authorized_applications} as that account."
    )


def _revoke(mastodon: Mastodon, token: Credential) -> bool:
    try:
        return mastodon.revoke(token.application, token.token)
    except TransportError:
        return False


def _without_token(case: Case) -> Pending | None:
    """The pending authorization as it was before its exchange: its link serves once more."""
    pending = case.journal.pending
    return pending and pending.model_copy(update={"staged": None, "attempted_at": None})


def _link(journal: Journal) -> str:
    return journal.pending.link if journal.pending else ""
