"""The authorization that is to be completed: which it is, its code, and whose token came of it."""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256

import msgspec

from provisioner.commands.revocation import is_known_besides, revoke_due, supersede, tell_lost
from provisioner.commands.session import Session, approve, approver, begin_anew, require_own
from provisioner.http import both
from provisioner.inputs import HERE
from provisioner.journal import UNKNOWN, Contents, Credential, Pending
from provisioner.journal_store import OvertakenError
from provisioner.mastodon.client import Grant, Mastodon
from provisioner.mastodon.errors import Alive, Dead, Unclear
from provisioner.mastodon.instance import Instance
from provisioner.mastodon.scopes import missing
from provisioner.parsing import Handle, parse_code, parse_handle
from provisioner.report import (
    ActionRequiredError,
    IncompleteError,
    InputError,
    Next,
    Open,
    ProvisionerError,
    Run,
    Set,
    when,
)
from provisioner.secret import Secret

LOOK_IS_OLD = 5
"""Seconds: runs within that time of each other count as two at once, since GitHub reads late."""


class Approval(msgspec.Struct, frozen=True):
    """What the account's owner gave (RFC 6749, section 1.3): a code, or user name and password."""

    exchange: Callable[[Mastodon], Grant]
    """Sends it to the instance, once. Raises as `Mastodon.exchange`."""
    again: Next
    """How to go on with another one."""
    unused: Next = ()
    """What to know where it was not used."""
    fingerprint: str = ""
    """What the journal keeps of it, so that it is never sent again; "" for nothing."""


def find_pending(session: Session) -> Pending:
    """What is to be completed. Raises InputError, and ActionRequiredError where that is nothing."""
    require_own(session, session.config.instance)
    if pending := session.journal.pending:
        if not pending.staged:
            warn_of_other_scopes(session, pending)
        return pending
    current, what = session.journal.current, f"Nothing is pending for {session.config.handle}"
    if current is None:
        raise ActionRequiredError("nothing-pending", f"{what}.", next=(Run("begin"),))
    raise ActionRequiredError(
        "completed-already",
        f"{what}, which got its token on {when(current.issued_at)}.",
        why="If you have a code: it works once, and was used then.",
        next=(Run("check"), "For a new token:", Run("begin", rotate=True)),
    )


def warn_of_other_scopes(session: Session, pending: Pending) -> None:
    """Say where the inputs name other scopes than the pending authorization asks for."""
    requested = session.config.scopes
    if requested and set(requested) != set(pending.requested_scopes):
        asked = " ".join(pending.scopes)
        session.warn(f"The pending authorization is for {asked}. Other scopes need a new one.")


def warn_of_unmanaged(session: Session, instance: Instance) -> None:
    """Say beforehand which secrets and variables of somebody else's will be overwritten."""
    page, account = instance.applications_page(), str(session.config.handle)
    for place in map(session.destination, session.config.variables):
        same = session.variables.get(place.name) in {instance.origin, account}
        if UNKNOWN in session.contents(place) and not same:
            session.warn(
                f"{session.repository.name} has a variable {place.name} that is not in this "
                "journal. It is overwritten.",
                "If the variable is another bot's, which would send its token elsewhere then, give "
                "this one a name of its own:",
                Set("variables", "OTHER_URL=base_url"),
            )
    remove = "once the new token is written, remove its application, unless both belong to it"
    for place in session.unmanaged(session.config.secrets):
        session.warn(
            f"{session.repository.name} has a secret {place.name} that is not in this journal. It "
            "is overwritten, and the token in it stays alive.",
            "If the secret is another bot's, give this one a name of its own:",
            Set("secrets", "OTHER_TOKEN=access_token"),
            "If it is this account's:",
            Open(page, account, remove),
        )


def by_code(session: Session, pending: Pending, pasted: str) -> Approval:
    """The approval by the one-time code that was pasted (RFC 6749, section 4.1).

    None is needed for a token that is staged, nor for a dry run. Raises InputError, and
    ActionRequiredError for a code that was used.
    """
    again, code = approve(session, pending), Secret("")
    if not pending.staged and (pasted or not session.config.dry_run):
        code = parse_code(pasted, pending.instance.origin, pending.link)
        if code.reveal() in pending.link:  # nor could it be masked: the link is to be shown
            raise InputError(
                "bad-code",
                "That is a part of the link, not the code.",
                why="The instance shows the code after you press Authorize.",
                next=again,
            )
        session.mask(code)
    fingerprint = sha256(code.reveal().encode()).hexdigest()
    # A server that is shown a code twice should revoke what it issued for it (RFC 6749, 4.1.2):
    # that may be the token in use.
    for credential in session.journal.credentials():
        if credential.code == fingerprint:
            raise ActionRequiredError(
                "code-used",
                f"This code was used on {when(credential.issued_at)}, and works once.",
                why="The run may have been a re-run, which brings the first attempt's inputs.",
                next=again,
            )
    return Approval(
        lambda mastodon: mastodon.exchange(
            pending.application, code, pending.verifier, pending.redirect_uri
        ),
        again=again,
        unused=("The link is still good.",)
        if session.config.command in HERE
        else ("The code was not used: run this again with the same code.",),
        fingerprint=fingerprint,
    )


def verify(
    session: Session,
    pending: Pending,
    staged: Credential,
    contents: tuple[Contents, ...],
    again: Next,
) -> Credential:
    """The staged credential with the number of its account, once that is the right one.

    The journal is looked at in the same moment: what comes next is written only if it is still
    ours. `contents` are what they were before this run staged it, and are again if it is rejected;
    `again` is how to go on with another approval.
    Raises ActionRequiredError for another account, missing scopes or a dead token, which is
    dropped, and revoked if it lives; IncompleteError where the instance does not say, and the token
    stays staged.
    """
    if lacking := missing(staged.scopes, pending.scopes):
        less = _scopes_missing(session, staged, lacking)
        raise _rejected(session, pending, staged, contents, less)
    mastodon, began = Mastodon(session.http, pending.instance), session.clock()

    def look() -> OvertakenError | None:
        try:
            session.store.look()
        except OvertakenError as error:
            return error
        return None

    state, overtaken = both(session.gather, lambda: mastodon.verify(staged.token), look)
    match state:
        case Alive(id=number) as account:
            wanted = parse_handle(approver(session, pending))
            problem = _wrong_account(session, pending, account, wanted, again)
            whose = _name(account, wanted) if problem else str(wanted)
            staged = staged.replace(account_id=number, account=whose)
        case Dead(reason):
            problem = ActionRequiredError(
                "token-stillborn",
                f"The new token was rejected immediately: {reason}.",
                why="Somebody revoked it at the instance, perhaps by removing the application. Or "
                "the code was not the one that the instance showed: snac takes any.",
                next=again,
            )
        case Unclear() as unclear:
            raise overtaken or _unverified(unclear)
    if problem:  # of use to no other run either
        raise _rejected(session, pending, staged, contents, problem)
    if overtaken:
        raise overtaken
    if session.clock() - began > LOOK_IS_OLD:
        session.store.look()
    session.reporter.done(f"The token is {staged.account}'s; scopes: {' '.join(staged.scopes)}")
    return staged


def _scopes_missing(
    session: Session, staged: Credential, lacking: list[str]
) -> ActionRequiredError:
    return ActionRequiredError(
        "scopes-missing",
        f"The token lacks {' '.join(lacking)}: it was granted “{' '.join(staged.scopes)}”.",
        next=(
            "If the application is your own, tick the scopes in its settings.",
            "Otherwise begin again, with scopes that this server grants:",
            Set("scopes"),
            begin_anew(session),
        ),
    )


def _wrong_account(
    session: Session, pending: Pending, account: Alive, wanted: Handle, again: Next
) -> ActionRequiredError | None:
    current = session.journal.current
    if wanted.is_named(account.user, account.domain):
        if current is None or current.account_id == account.id:
            return None
        return ActionRequiredError(
            "wrong-account",
            f"{wanted} is another account than before (number {account.id}).",
            why="The account was deleted and made anew, or the whole instance was.",
            next=(
                "If it is the bot's own, take the bot off and begin again:",
                Run("deprovision"),
                Run("begin"),
            ),
        )
    if pending.instance.profile.revokes_application:  # the link ends with the token
        again = (begin_anew(session),)
    return ActionRequiredError(
        "wrong-account",
        f"The authorization was given by “{_name(account, wanted)}”, not by {wanted}.",
        why="The browser was signed in as somebody else, or the password is another account's.",
        next=(f"Sign in as {wanted}; in a browser, sign out first.", *again),
    )


def _name(account: Alive, wanted: Handle) -> str:
    """`user@domain`: of its own accounts a server leaves the domain out."""
    return account.shown if account.domain else f"{account.shown}@{wanted.domain}"


def _unverified(unclear: Unclear) -> ProvisionerError:
    if unclear.next:
        return ActionRequiredError(
            "account-barred",
            f"The new token can't be used: {unclear.reason}.",
            next=(*unclear.next, Run("complete"), "Or give the token up:", Run("abandon")),
        )
    return IncompleteError(
        "unverified",
        f"Could not see whose token it is: {unclear.reason}.",
        why="The instance is in trouble, something in front of it keeps this network out, or the "
        "token's scopes are too narrow.",
        next=(
            Run("complete"),
            "If the scopes are too narrow, give the token up and begin with others:",
            Run("abandon"),
        ),
    )


def _rejected(
    session: Session,
    pending: Pending,
    staged: Credential,
    contents: tuple[Contents, ...],
    problem: ActionRequiredError,
) -> ProvisionerError:
    """Have a token that must not be used revoked; the problem, or what kept the journal from it.

    Where a server ends the application with a token, or all of its tokens, the link is given up.
    """
    left: Pending | None = pending.replace(staged=None)
    dead = problem.code == "token-stillborn"  # to revoke it as well could end the application
    if pending.instance.profile.revokes_application and not dead:
        tell_lost(session, pending)
        left = None
    try:
        current = session.journal.current
        # No run wrote another account's, nor one that has too few scopes to be verified.
        is_its = dead or current is None or current.account_id == staged.account_id
        if not (is_its or is_known_besides(session, staged)):
            contents = session.journal.replace(contents=contents).without(staged)
        supersede(session, None if dead else staged, pending=left, contents=contents)
    except ProvisionerError as error:
        if not dead:
            _revoke_unknown(session, staged)
        return error.as_kind(type(error), why=f"{problem.what} {error.why}")
    for old in revoke_due(session, rejected=staged.token):
        if old.credential.token == staged.token:
            why = f"{problem.why} This run did not store the token. {old.item.text}."
            steps = (*problem.next, *old.item.next)
            return problem.as_kind(ActionRequiredError, why=why, next=steps)
    return problem


def _revoke_unknown(session: Session, token: Credential) -> None:
    """Revoke a token that must not be used, if the journal as it is now does not hold it."""
    if token.application.user_supplied:
        return
    with suppress(ProvisionerError):
        session.store.read()
        journal = session.store.open()
        if journal is None or all(one.token != token.token for one in journal.credentials()):
            Mastodon(session.http, token.instance).revoke(token.application, token.token)


def undo_unstaged(session: Session, token: Credential) -> None:
    """Revoke a token that could not be staged, unless another run may hold the very same.

    Two runs that complete the same application get the same token on Mastodon. So the journal is
    read again: the token is ours alone if the journal is still as we wrote it, is deleted, or knows
    nothing of this application. Where that can't be seen it lives on: on Mastodon, approving again
    brings it back as long as the journal holds the application.
    """
    try:
        session.store.look()
    except OvertakenError:
        if _may_be_known(session, token):
            return
    except ProvisionerError:
        return
    others = session.journal.credentials()
    if token.application.user_supplied or token.token in {other.token for other in others}:
        return  # it may be in use
    Mastodon(session.http, token.instance).revoke(token.application, token.token)


def _may_be_known(session: Session, token: Credential) -> bool:
    try:
        session.store.read()
        journal = session.store.open()
    except ProvisionerError:
        return True
    return journal is not None and token.application in journal.applications()
