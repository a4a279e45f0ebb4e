"""Whose token is it, and what may it do: checked before it is written, undone if it is wrong."""

from functools import partial

from msgspec.structs import replace

from provisioner.commands.session import Session
from provisioner.errors import ActionRequiredError, IncompleteError, ProvisionerError
from provisioner.http import both
from provisioner.journal import Credential, Pending, Superseded
from provisioner.journal_store import OvertakenError
from provisioner.mastodon.client import Mastodon
from provisioner.mastodon.errors import Alive, Dead, Unclear
from provisioner.mastodon.scopes import missing
from provisioner.report import Next, Open, Run, Set, first_page
from provisioner.urls import is_loopback

LOOK_IS_OLD = 5
"""Seconds: runs within that time of each other count as two at once, since GitHub reads late."""


def verify(session: Session, pending: Pending, staged: Credential, again: Next) -> Credential:
    """The staged credential with the number of its account, once that is the right one.

    The journal is looked at in the same moment: what comes next is written only if it is still
    ours. `again` is how to go on with another approval.
    Raises ActionRequiredError for another account, missing scopes or a dead token, all of which are
    undone first; IncompleteError where the instance does not say, and the token stays staged.
    """
    if problem := _missing_scopes(session, pending, staged):
        raise _undone(session, pending, staged, problem)
    mastodon, began = Mastodon(session.http, pending.instance), session.clock()
    state, overtaken = both(
        session.gather, lambda: mastodon.verify(staged.token), partial(_overtaken, session)
    )
    match state:
        case Alive(id=number) as account:
            problem = _wrong_account(session, staged, account, again)
            whose = _name(session, account) if problem else str(session.config.handle)
            staged = replace(staged, account_id=number, account=whose)
        case Dead(reason):
            problem = ActionRequiredError(
                "token-stillborn",
                f"The new token was rejected immediately: {reason}.",
                why="Somebody revoked it at the instance, perhaps by removing the application.",
                next=again,
                link=first_page(again),
            )
        case Unclear() as unclear:
            raise overtaken or _unverified(session, unclear)
    if problem:  # of use to no other run either
        raise _undone(session, pending, staged, problem)
    if overtaken:
        raise overtaken
    if session.clock() - began > LOOK_IS_OLD:
        session.store.look()
    account_name, scopes = session.config.handle, " ".join(staged.scopes)
    session.reporter.done(f"The token is {account_name}'s; scopes: {scopes}")
    return staged


def _overtaken(session: Session) -> OvertakenError | None:
    """Whether another run wrote the journal."""
    try:
        session.store.look()
    except OvertakenError as error:
        return error
    return None


def undo_unstaged(session: Session, token: Credential) -> None:
    """Revoke a token that could not be staged, unless another run may hold the very same.

    Two runs that complete the same application get the same token on Mastodon. So the journal is
    read again: the token is ours alone if the journal is still as we wrote it, is deleted, or knows
    nothing of this application. Where that can't be seen it lives on: on Mastodon, approving again
    brings it back as long as the journal holds the application.
    """
    try:
        try:
            session.store.look()
        except OvertakenError:
            if _is_known(session, token):
                return
    except ProvisionerError:
        return
    if token.application.user_supplied or _has_equal(session, token):
        return
    if _revoke(session, token):
        session.warn("The new token could not be kept, and was revoked")


def _is_known(session: Session, token: Credential) -> bool:
    """Whether the journal, as another run left it, holds the token's application.

    Raises ProvisionerError where that can't be seen.
    """
    session.store.read()
    journal = session.store.open()
    if journal is None:
        session.repository.require_readable("variables")
        return False
    return token.application in journal.applications()


def _missing_scopes(
    session: Session, pending: Pending, staged: Credential
) -> ActionRequiredError | None:
    lacking = missing(staged.scopes, pending.scopes)
    if not lacking:
        return None
    return ActionRequiredError(
        "scopes-missing",
        f"The token lacks {' '.join(lacking)}: it was granted “{' '.join(staged.scopes)}”.",
        why="The instance granted less than it was asked for.",
        next=(
            "If the application is your own, tick the scopes in its settings.",
            "Otherwise begin again, with scopes that this server grants:",
            Set("scopes"),
            Run("begin", rotate=session.journal.current is not None),
        ),
    )


def _wrong_account(
    session: Session, staged: Credential, account: Alive, again: Next
) -> ActionRequiredError | None:
    wanted, current = session.config.handle, session.journal.current
    # A loopback address is none that an account bears.
    home = account.domain.casefold() in {"", wanted.domain} or is_loopback(wanted.domain)
    if account.user.casefold() != wanted.user.casefold() or not home:
        whose = f"“{_name(session, account)}”"
    elif current and current.account_id != account.id:
        whose = f"another account by the name {wanted} (number {account.id})"
    else:
        return None
    return ActionRequiredError(
        "wrong-account",
        f"The authorization was given by {whose}, not by {wanted}.",
        why="The browser was signed in as somebody else, or somebody else opened the link."
        if staged.code
        else "User name and password are another account's.",
        next=(
            "Sign out at the instance first."
            if first_page(again)
            else f"Use the user name and the password of {wanted}.",
            *again,
        ),
        link=first_page(again),
    )


def _name(session: Session, account: Alive) -> str:
    """`user@domain`: of its own accounts a server leaves the domain out."""
    return account.shown if account.domain else f"{account.shown}@{session.config.handle.domain}"


def _unverified(session: Session, unclear: Unclear) -> ProvisionerError:
    if unclear.next:
        return ActionRequiredError(
            "account-barred",
            f"The new token can't be used: {unclear.reason}.",
            why=f"The instance issued it, and lets {session.config.handle} do nothing with it.",
            next=(*unclear.next, Run("complete"), "Or give the token up:", Run("abandon")),
        )
    return IncompleteError(
        "unverified",
        f"Could not see whose token it is: {unclear.reason}.",
        why="The instance is in trouble, or the token's scopes are too narrow.",
        next=(
            Run("complete"),
            "If the scopes are too narrow, give the token up and begin with others:",
            Run("abandon"),
        ),
    )


def _undone(
    session: Session, pending: Pending, staged: Credential, problem: ActionRequiredError
) -> ProvisionerError:
    """Take back a token that must not be used; the problem, with what became of the token.

    A run that is killed in between is finished by the next one: the token is staged until it is
    revoked, and after that it is seen dead.
    """
    superseded, current = session.journal.superseded, session.journal.current
    removal: tuple[Open, ...] = (session.removal(staged),)
    if current and current.token == staged.token:
        became, removal = "The token was not revoked: it is the one that is in use.", ()
    elif _has_equal(session, staged):
        became = "The token was not stored. It is still to be revoked: the next run tries again."
    elif staged.application.user_supplied:
        became = "The token was not stored. It was not revoked either, since its application is "
        became += "your own."
    elif _revoke(session, staged):
        became, removal = "The token was revoked, and not stored.", ()
    else:
        unused = replace(staged, may_hold=())
        superseded += (Superseded(unused, session.now()),)
        became = "The token was not stored, but could not be revoked."
    try:
        session.update(pending=pending.replace(staged=None), superseded=superseded)
    except ProvisionerError as error:
        return error.as_kind(type(error), why=f"{problem.what} {became} {error.why}")
    why, steps = f"{problem.why} {became}", (*problem.next, *removal)
    return problem.as_kind(ActionRequiredError, why=why, next=steps)


def _has_equal(session: Session, token: Credential) -> bool:
    """Whether the journal holds the very same token besides, which revoking would kill as well."""
    journal = session.journal
    others = [journal.current, *(old.credential for old in journal.superseded)]
    return any(other is not None and other.token == token.token for other in others)


def _revoke(session: Session, token: Credential) -> bool:
    mastodon = Mastodon(session.http, token.instance)
    return isinstance(mastodon.revoke(token.application, token.token), Dead)
