"""login: from a user name and a password to the token in its secrets, in one run.

The OAuth password grant (RFC 6749, section 4.3), for servers that still take it: Mastodon before
4.4, Pleroma and Akkoma. It is begin and complete without a browser in between.
"""

from collections.abc import Callable

from provisioner.commands.authorization import Approval
from provisioner.commands.begin import announce, read_with_instance, start, would_start
from provisioner.commands.complete import finish
from provisioner.commands.session import Session, dry_run, incomplete_on_error, would_write
from provisioner.journal import Pending
from provisioner.mastodon.errors import NoPasswordGrantError
from provisioner.mastodon.instance import Instance
from provisioner.parsing import Login
from provisioner.report import Report, Run, when
from provisioner.secret import Secret


def login(session: Session, ask: Callable[[str, Instance], Login]) -> Report:
    """Exchange user name and password for a token, and write it where the bot reads it.

    They are asked for only where the instance may take them, and before anything is registered. A
    token that a run before this one left staged is finished without them.
    Raises NoPasswordGrantError, ProvisionerError.
    """
    config = session.config
    info = read_with_instance(session, *session.reads_for_writing())
    pending = session.journal.pending
    if pending and pending.staged:
        return finish(session, pending, by_password(pending, Login(Secret(""), Secret(""))))
    if info.password_grant is False:
        raise NoPasswordGrantError(info.instance.host)
    scopes, pending = announce(session, info)
    if config.dry_run:
        started = [*would_start(session, info.instance, scopes[0])]
        if pending:
            started = [f"use the application of {when(pending.begun_at)} once more"]
        exchanged = f"exchange user name and password at {info.instance.origin}"
        would = ("ask for user name and password", *started, exchanged, *would_write(session))
        return dry_run(session, would)
    given = ask(config.handle.user, info.instance)
    if given.user.reveal() != config.handle.user:  # that one everybody knows
        session.mask(given.user)
    session.mask(given.password)
    session.store.look()  # a person takes time
    with incomplete_on_error(session):
        pending = pending or start(session, info.instance, scopes)
    return finish(session, pending, by_password(pending, given))


def by_password(pending: Pending, given: Login) -> Approval:
    """The approval by user name and password: nothing of them is kept, not even a hash."""
    return Approval(
        lambda mastodon: mastodon.log_in(
            pending.application, given.user, given.password, pending.scopes
        ),
        again=(Run("login"),),
    )
