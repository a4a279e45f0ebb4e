"""login: from a user name and a password to the token in its secrets, in one run.

The OAuth password grant (RFC 6749, section 4.3), for servers that still take it: Mastodon before
4.4, Pleroma and Akkoma. It is begin and complete without a browser in between.
"""

from collections.abc import Callable
from dataclasses import dataclass

from provisioner.commands.begin import (
    announce,
    read_with_instance,
    scopes_to_ask,
    start,
    usable,
    would_start,
)
from provisioner.commands.complete import finish, require_room
from provisioner.commands.session import Session, incomplete_on_error
from provisioner.commands.writing import reads_for_writing, would_write
from provisioner.errors import ProvisionerError
from provisioner.journal import Pending
from provisioner.mastodon.client import Grant, Mastodon
from provisioner.mastodon.errors import NoPasswordGrantError
from provisioner.mastodon.instance import Instance
from provisioner.parsing import Login
from provisioner.report import Next, Report, Run, when
from provisioner.secret import Secret


@dataclass(frozen=True)
class Password:
    """User name and password (RFC 6749, section 4.3): nothing of them is kept, not even a hash."""

    login: Login
    name: str = "user name and password"
    fingerprint: str = ""

    def exchange(self, mastodon: Mastodon, pending: Pending) -> Grant:
        """Exchange them for a token with the scopes of the application."""
        return mastodon.log_in(
            pending.application, self.login.user, self.login.password, pending.scopes
        )

    def again(self, session: Session, pending: Pending) -> Next:  # noqa: ARG002 - see `Given`
        """The application is kept for another try."""
        return (Run("login"),)

    def same_again(self, error: ProvisionerError) -> Next:
        """Nobody needs to know whether it was used."""
        return (*error.next, Run("login"))


def login(session: Session, ask: Callable[[Instance], Login]) -> Report:
    """Exchange user name and password for a token, and write it where the bot reads it.

    They are asked for only where the instance may take them, and before anything is registered. A
    token that a run before this one left staged is finished without them.
    Raises NoPasswordGrantError, ProvisionerError.
    """
    config = session.config
    info = read_with_instance(session, *reads_for_writing(session))
    pending = session.journal.pending
    if pending and pending.staged:
        session.changed = True
        return finish(session, pending, Password(Login(Secret(""), Secret(""))))
    if not info.password_grant.value:
        raise NoPasswordGrantError(info.instance.host)
    scopes = scopes_to_ask(session, info)
    pending = usable(session, info.instance)
    announce(session, pending, scopes)
    if config.dry_run:
        started = would_start(session, info.instance, scopes[0])
        if pending:
            started = [f"use the application of {when(pending.begun_at)} once more"]
        exchanged = f"exchange user name and password at {info.instance.origin}"
        return would_write(session, ("ask for user name and password", *started, exchanged))
    given = Password(ask(info.instance))
    if given.login.user.reveal() != config.handle.user:  # that one everybody knows
        session.mask(given.login.user)
    session.mask(given.login.password)
    session.store.look()  # a person takes time
    with incomplete_on_error(session):
        pending = usable(session, info.instance)
        if pending is None:
            pending = start(session, info.instance, scopes)
        else:
            again = "The application of {} is used once more"
            session.reporter.done(again.format(when(pending.begun_at)))
        require_room(session, pending, given)
    return finish(session, pending, given)
