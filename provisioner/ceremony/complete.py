"""complete: from the one-time code to the token in its secrets."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from provisioner.ceremony.authorization import sets_to_ask, warn_of_other_scopes
from provisioner.ceremony.desk import (
    Case,
    Desk,
    find_instance,
    half_way,
    iso,
    require_own,
)
from provisioner.ceremony.exchange import exchange, look_before, promote, write
from provisioner.ceremony.guard import guard
from provisioner.ceremony.publish import would_publish
from provisioner.errors import InputError, NotSentError, PersonNeededError, ProvisionerError
from provisioner.inputs import parse_code
from provisioner.journal import Pending
from provisioner.mastodon import Grant, Mastodon
from provisioner.oauth import Application
from provisioner.outcomes import DryRun, Provisioned
from provisioner.secret import Secret


@dataclass(frozen=True)
class ByCode:
    """The one-time code that the instance showed (RFC 6749, section 4.1)."""

    code: Secret
    name: str = "the code"
    once_more: str = "The code is spent: then open the link again, and complete with the new one."

    @property
    def fingerprint(self) -> str:
        """The code's hash."""
        return sha256(self.code.reveal().encode()).hexdigest()

    def exchange(self, mastodon: Mastodon, pending: Pending) -> Grant:
        """Exchange the code, with the verifier of its link."""
        return mastodon.exchange(pending.application, self.code, pending.verifier)

    def explain(self, error: ProvisionerError, pending: Pending) -> ProvisionerError:
        """The error of an exchange, with the link that gives another code."""
        if isinstance(error, NotSentError):
            error.todo = "Run this again with the same code, soon: it was not used."
            return error
        return PersonNeededError(
            error.ident,
            error.what,
            why=error.why,
            todo="Open the link again, press Authorize, and complete with the new code at once.",
            link=pending.link,
        )


def complete(desk: Desk, case: Case, ask_code: Callable[[], str]) -> Provisioned | DryRun:
    """Exchange the code, check whose token it is, and write it where the bot reads it.

    `ask_code` is called only if a code is needed: a run that stopped half-way goes on without one.
    Raises ProvisionerError.
    """
    pending = _pending(desk, case)
    mastodon = Mastodon(desk.http, pending.server)
    approval = ByCode(_code(desk, case, pending, ask_code))
    pending = look_before(desk, case, pending, approval)
    if desk.inputs.dry_run:
        return _dry_run(desk, pending)
    with half_way(case):
        staged = pending.staged or exchange(desk, case, mastodon, pending, approval)
        staged = guard(desk, case, mastodon, pending, staged)
        staged = write(desk, case, pending, staged)
        return promote(desk, case, pending, staged)


def _pending(desk: Desk, case: Case) -> Pending:
    """What is to be completed; in a single run, with the application made by hand."""
    journal, application = case.journal, desk.inputs.application
    pending = journal.pending
    by_hand = None if pending and pending.application == application else application
    if journal.holds_tokens or (pending and not by_hand):
        require_own(journal, desk.inputs, desk.inputs.instance)
    if pending and pending.staged:
        desk.tell.done("A token is staged, from a run that stopped half-way: going on with it")
        case.changed = True
        return pending
    if by_hand:
        return _single_run(desk, case, by_hand)
    if pending is None:
        raise _nothing_pending(desk, case)
    warn_of_other_scopes(desk, pending)
    return pending


def _single_run(desk: Desk, case: Case, application: Application) -> Pending:
    """A pending authorization for an application that was made, and authorized, by hand."""
    former = case.journal.pending
    if former and former.attempted_at is not None:
        raise PersonNeededError(
            "attempt-unsettled",
            "An earlier exchange, with another application, may have issued a token.",
            why="Its answer was lost. On Mastodon, approving that application again brings the "
            "token back.",
            todo="Open the link and complete with its code, without --client-id; after that this "
            "application can be used.",
            link=former.link,
        )
    told = find_instance(desk, case)
    return Pending(
        server=told.server,
        application=application,
        verifier=None,
        scopes=sets_to_ask(desk, told)[0],
        asked=desk.inputs.scopes_to_ask,
        app_name=desk.inputs.name_of_app,
        begun_at=desk.now(),
    )


def _code(desk: Desk, case: Case, pending: Pending, ask_code: Callable[[], str]) -> Secret:
    """The code, if one is needed: empty for a staged token, and for a dry run without one."""
    if pending.staged:
        return Secret("")
    pasted = ask_code()
    if desk.inputs.dry_run and not pasted:
        return Secret("")
    try:
        code = parse_code(pasted, pending.server.origin)
    except ProvisionerError as error:
        error.link = pending.link
        raise
    if code.reveal() in pending.link:  # nor may it be masked: the link has to be shown
        raise InputError(
            "bad-code",
            "What was given is a part of the link, not the code.",
            why="The code is shown after Authorize is pressed.",
            todo="Open the link, press Authorize, and complete with the code that is shown then.",
            link=pending.link,
        )
    desk.tell.hide(code)
    _require_unused(case, code)
    return code


def _require_unused(case: Case, code: Secret) -> None:
    """Refuse a code that gave a token of this journal, as a re-run hands it in once more.

    A server that is shown a code twice should revoke what it issued for it (RFC 6749, 4.1.2): that
    may be the token in use. Raises PersonNeededError.
    """
    for credential in case.journal.credentials():
        if credential.code == ByCode(code).fingerprint:
            raise PersonNeededError(
                "code-used",
                f"This code was used on {iso(credential.issued_at)}, and works once.",
                why="The run may have been a re-run, which brings the first attempt's inputs.",
                todo="Open the link again, and complete with the new code.",
            )


def _nothing_pending(desk: Desk, case: Case) -> PersonNeededError:
    current = case.journal.current
    if current:
        return PersonNeededError(
            "completed-already",
            f"There is nothing to complete: {desk.inputs.account} got its token on "
            f"{iso(current.issued_at)}.",
            why="If you have a code: it was used then, perhaps by a run that could not say so any "
            "more, and works once.",
            todo="Run check to see that all is well. For a new token, begin again.",
        )
    return PersonNeededError(
        "nothing-pending",
        f"There is nothing to complete: no approval is pending for {desk.inputs.account}.",
        todo="Run begin, open the link that it shows, and complete with the code.",
    )


def _dry_run(desk: Desk, pending: Pending) -> DryRun:
    exchanged = () if pending.staged else (f"exchange the code at {pending.server.origin}",)
    return DryRun(str(desk.inputs.account), (*exchanged, *would_publish(desk)))
