"""The authorization that is to be completed, and what the account's owner gave for it."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from provisioner.commands.begin import find_instance, scopes_to_ask
from provisioner.commands.session import (
    Session,
    approve,
    require_own,
    warn_of_other_scopes,
)
from provisioner.errors import ActionRequiredError, InputError, ProvisionerError
from provisioner.journal import Pending
from provisioner.mastodon.client import Grant, Mastodon
from provisioner.mastodon.instance import Application
from provisioner.parsing import parse_code
from provisioner.report import Next, Run, when
from provisioner.secret import Secret


class Given(Protocol):
    """What the account's owner gave (RFC 6749, section 1.3: the authorization grant)."""

    @property
    def name(self) -> str:
        """What it is, for a person: “the code”."""

    @property
    def fingerprint(self) -> str:
        """What the journal keeps of it, so that it is never sent again; "" for nothing."""

    def exchange(self, mastodon: Mastodon, pending: Pending) -> Grant:
        """Send it to the instance, once. Raises as `Mastodon.exchange`."""

    def again(self, session: Session, pending: Pending) -> Next:
        """How to go on with another one."""

    def same_again(self, error: ProvisionerError) -> Next:
        """How to go on where it was not used."""


@dataclass(frozen=True)
class Code:
    """The one-time code that the instance showed (RFC 6749, section 4.1)."""

    code: Secret
    name: str = "the code"

    @property
    def fingerprint(self) -> str:
        """The code's hash."""
        return sha256(self.code.reveal().encode()).hexdigest()

    def exchange(self, mastodon: Mastodon, pending: Pending) -> Grant:
        """Exchange the code, with the verifier of its link."""
        return mastodon.exchange(
            pending.application, self.code, pending.verifier, pending.redirect_uri
        )

    def again(self, session: Session, pending: Pending) -> Next:
        """The link gives another code."""
        return approve(session, pending)

    def same_again(self, error: ProvisionerError) -> Next:
        """The code is as good as before, for as long as it lives."""
        return ("The code was not used: run this again with the same code.", *error.next)


def find_pending(session: Session) -> Pending:
    """What is to be completed; in a single run, with the person's own application."""
    journal, application = session.journal, session.config.application
    pending = journal.pending
    own = None if pending and pending.application == application else application
    if journal.holds_tokens or (pending and not own):
        require_own(session, session.config.instance)
    if pending and pending.staged:
        session.done("A token is staged, from a run that stopped half-way")
        session.changed = True
        return pending
    if own:
        return _single_run(session, own)
    if pending is None:
        raise _nothing_pending(session)
    warn_of_other_scopes(session, pending)
    return pending


def _single_run(session: Session, application: Application) -> Pending:
    """A pending authorization for an application that a person made and approved."""
    former = session.journal.pending
    if former and former.attempts:
        raise ActionRequiredError(
            "attempt-unsettled",
            "An earlier exchange, with another application, may have issued a token.",
            why="Its answer was lost. On Mastodon, approving that application again brings the "
            "token back.",
            next=(*approve(session, former), "After that, your own application can be used."),
            link=former.link,
        )
    info = find_instance(session)
    return Pending(
        instance=info.instance,
        application=application,
        verifier=None,
        scopes=scopes_to_ask(session, info)[0],
        requested_scopes=session.config.requested_scopes,
        app_name=session.config.name_of_app,
        begun_at=session.now(),
    )


def _nothing_pending(session: Session) -> ActionRequiredError:
    current, account = session.journal.current, session.config.handle
    if current is None:
        return ActionRequiredError(
            "nothing-pending",
            f"There is nothing to complete: no approval is pending for {account}.",
            next=(Run("begin"),),
        )
    return ActionRequiredError(
        "completed-already",
        f"There is nothing to complete: {account} got its token on {when(current.issued_at)}.",
        why="If you have a code: it works once, and was used then.",
        next=(Run("check"), "For a new token:", Run("begin", rotate=True)),
    )


def read_code(session: Session, pending: Pending, pasted: str) -> Secret:
    """The code, if one is needed: empty for a staged token, and for a dry run without one."""
    if pending.staged or (session.config.dry_run and not pasted):
        return Secret("")
    code = parse_code(pasted, pending.instance.origin, pending.link)
    if code.reveal() in pending.link:  # nor could it be masked: the link is to be shown
        raise InputError(
            "bad-code",
            "That is a part of the link, not the code.",
            why="The instance shows the code after you press Authorize.",
            next=approve(session, pending),
            link=pending.link,
        )
    session.mask(code)
    # A server that is shown a code twice should revoke what it issued for it (RFC 6749, 4.1.2):
    # that may be the token in use.
    for credential in session.journal.credentials():
        if credential.code == Code(code).fingerprint:
            raise ActionRequiredError(
                "code-used",
                f"This code was used on {when(credential.issued_at)}, and works once.",
                why="The run may have been a re-run, which brings the first attempt's inputs.",
                next=approve(session, pending),
                link=pending.link,
            )
    return code
