"""Whose token is it, and what may it do: checked before it is published, undone if it is wrong."""

from provisioner.addresses import is_loopback
from provisioner.capabilities import missing
from provisioner.ceremony.desk import Case, Desk
from provisioner.errors import HalfWayError, PersonNeededError, ProvisionerError
from provisioner.journal import Credential, Pending, Superseded
from provisioner.mastodon import Alive, Dead, Mastodon, Unclear
from provisioner.store import OvertakenError


def guard(
    desk: Desk, case: Case, mastodon: Mastodon, pending: Pending, staged: Credential
) -> Credential:
    """The staged credential with the number of its account, once that is the right one.

    Raises PersonNeededError for another account, missing scopes or a dead token, all of which are
    undone first; HalfWayError where the instance does not say, and the token stays staged.
    """
    problem = _missing_scopes(pending, staged)
    if problem is None:
        match mastodon.verify(staged.token):
            case Alive(id=number) as account:
                problem = _wrong_account(desk, case, pending, staged, account)
                whose = _name(desk, account) if problem else str(desk.inputs.account)
                staged = staged.model_copy(update={"account_id": number, "account": whose})
            case Dead(reason):
                problem = _dead(pending, reason)
            case Unclear(reason, todo=todo) if todo:
                raise _barred(desk, reason, todo)
            case Unclear(reason):
                raise _unverified(reason)
    if problem:
        raise _undone(desk, case, mastodon, pending, staged, problem)
    desk.tell.done(f"The token is {desk.inputs.account}'s; scopes: {' '.join(staged.scopes)}")
    return staged


def undo_unstaged(desk: Desk, case: Case, mastodon: Mastodon, token: Credential) -> None:
    """Revoke a token that could not be staged, unless another run may hold the very same.

    Two runs that complete the same application get the same token on Mastodon. So the journal is
    read again: the token is ours alone if the journal is still as we wrote it, is deleted, or knows
    nothing of this application. Where that can't be seen it lives on: on Mastodon, approving again
    brings it back as long as the journal holds the application.
    """
    try:
        try:
            case.store.require_unchanged()
        except OvertakenError:
            if _is_known(case, token):
                return
    except ProvisionerError:
        return
    if token.application.by_hand or _has_equal(case, token):
        return
    if _revoke(mastodon, token):
        desk.tell.warn("The new token could not be kept, and was revoked")


def _is_known(case: Case, token: Credential) -> bool:
    """Whether the journal, as another run left it, holds the token's application.

    Raises ProvisionerError where that can't be seen.
    """
    journal = case.store.read()
    if journal is None:
        case.repository.require_readable("variables")
        return False
    return token.application in journal.applications()


def _missing_scopes(pending: Pending, staged: Credential) -> PersonNeededError | None:
    lacking = missing(staged.scopes, pending.scopes)
    if not lacking:
        return None
    return PersonNeededError(
        "scopes-missing",
        f"The token was granted “{' '.join(staged.scopes)}”: {' '.join(lacking)} is missing.",
        why="The instance granted less than it was asked for.",
        todo="Begin again with scopes that this server grants (--scopes); of your own "
        "application, tick them in its settings.",
    )


def _wrong_account(
    desk: Desk, case: Case, pending: Pending, staged: Credential, account: Alive
) -> PersonNeededError | None:
    wanted, current = desk.inputs.account, case.journal.current
    # Takahē serves many domains; a loopback address is none that an account bears.
    home = account.domain.casefold() in {"", wanted.domain} or is_loopback(wanted.domain)
    if account.user.casefold() != wanted.user.casefold() or not home:
        whose = f"“{_name(desk, account)}”"
    elif current and current.account_id != account.id:
        whose = f"another account by the name {wanted} (number {account.id})"
    else:
        return None
    return PersonNeededError(
        "wrong-account",
        f"The authorization was given by {whose}, not by {wanted}.",
        why="The browser was signed in as somebody else, or somebody else opened the link."
        if staged.code
        else "User name and password are another account's.",
        todo=f"Open the link again, sign out there, sign in as {wanted}, and complete with the new "
        "code. Or was the account misspelt? Then correct --account, and begin again.",
        link=pending.link,
    )


def _name(desk: Desk, account: Alive) -> str:
    """`user@domain`: of its own accounts a server leaves the domain out."""
    return account.shown if account.domain else f"{account.shown}@{desk.inputs.account.domain}"


def _dead(pending: Pending, reason: str) -> PersonNeededError:
    return PersonNeededError(
        "token-stillborn",
        f"The new token is dead already: {reason}.",
        why="Somebody revoked it at the instance, perhaps by removing the application.",
        todo="Open the link again, and complete with the new code.",
        link=pending.link,
    )


def _barred(desk: Desk, reason: str, todo: str) -> PersonNeededError:
    return PersonNeededError(
        "account-barred",
        f"The new token can't be used: {reason}.",
        why=f"The instance issued it, and lets {desk.inputs.account} do nothing with it.",
        todo=f"{todo} Then run complete again. Or give the token up with abandon.",
    )


def _unverified(reason: str) -> HalfWayError:
    return HalfWayError(
        "unverified",
        f"Whose token it is could not be seen: {reason}.",
        why="The instance is in trouble, or refuses it: the token's scopes may be too narrow for "
        "that.",
        todo="Look at the account in a browser, then run complete again. If the scopes are too "
        "narrow, abandon, and begin with others.",
    )


def _undone(
    desk: Desk,
    case: Case,
    mastodon: Mastodon,
    pending: Pending,
    staged: Credential,
    problem: ProvisionerError,
) -> ProvisionerError:
    """Take back a token that must not be used; the problem, with what became of the token.

    A run that is killed in between is finished by the next one: the token is staged until it is
    revoked, and after that it is seen dead.
    """
    superseded = case.journal.superseded
    removal = (
        f"sign in as {case.approver(staged)}, and remove its application at "
        f"{staged.server.authorized_applications}"
    )
    current = case.journal.current
    if current and current.token == staged.token:
        became = "The token was not revoked: it is the one that is in use."
    elif _has_equal(case, staged):
        became = "The token was not stored, and is still to be revoked: the next run tries again. "
        became += f"Or {removal}"
    elif staged.application.by_hand:
        became = (
            "The token was not stored, and not revoked either, since its application is your own. "
            f"If nothing else uses it, {removal}"
        )
    elif _revoke(mastodon, staged):
        became = "The token was revoked, and not stored."
    else:
        unused = staged.model_copy(update={"destinations": ()})
        superseded += (Superseded(credential=unused, revoke_after=desk.now()),)
        became = f"The token was not stored, but could not be revoked: {removal}"
    try:
        case.save(pending=pending.with_token(None), superseded=superseded)
    except ProvisionerError as error:
        error.why = f"{problem.what} {became} {error.why}"
        return error
    problem.why = f"{problem.why} {became}"
    return problem


def _has_equal(case: Case, token: Credential) -> bool:
    """Whether the journal holds the very same token besides, which revoking would kill as well."""
    journal = case.journal
    others = [journal.current, *(old.credential for old in journal.superseded)]
    return any(other is not None and other.token == token.token for other in others)


def _revoke(mastodon: Mastodon, token: Credential) -> bool:
    return isinstance(mastodon.revoke(token.application, token.token), Dead)
