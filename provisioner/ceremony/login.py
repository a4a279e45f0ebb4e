"""login: from a user name and a password to the token in its secrets, in one run.

The oldest road (RFC 6749, section 4.3), for servers that still take passwords from programs:
Mastodon before 4.4, Pleroma and Akkoma. It is begin and complete without a browser in between.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from provisioner.ceremony.authorization import (
    announce,
    sets_to_ask,
    start,
    usable,
    warn_of_strangers,
    would_start,
)
from provisioner.ceremony.complete import complete
from provisioner.ceremony.desk import (
    Case,
    Desk,
    find_instance,
    half_way,
    iso,
    require_own,
)
from provisioner.ceremony.exchange import (
    exchange,
    get_sealing_key,
    look_before,
    promote,
    write,
)
from provisioner.ceremony.guard import guard
from provisioner.ceremony.publish import would_publish
from provisioner.errors import NotSentError, PersonNeededError, ProvisionerError, TransportError
from provisioner.inputs import Login
from provisioner.journal import Pending
from provisioner.mastodon import Grant, Mastodon
from provisioner.mastodon_errors import InvalidGrantError, NoPasswordGrantError
from provisioner.oauth import Server
from provisioner.outcomes import DryRun, Provisioned


@dataclass(frozen=True)
class ByPassword:
    """User name and password (RFC 6749, section 4.3): nothing of them is kept, not even a hash."""

    login: Login
    name: str = "user name and password"
    once_more: str = "Then log in again."
    fingerprint: str = ""

    def exchange(self, mastodon: Mastodon, pending: Pending) -> Grant:
        """Exchange them for a token with the scopes of the application."""
        return mastodon.log_in(
            pending.application, self.login.user, self.login.password, pending.scopes
        )

    def explain(self, error: ProvisionerError, pending: Pending) -> ProvisionerError:
        """The error of an exchange, with how to go on: the application is kept for that."""
        match error:
            case InvalidGrantError():
                return PersonNeededError(error.ident, error.what, why=error.why, todo=error.todo)
            case NotSentError():
                error.todo = "Run this again: the password was not sent."
            case TransportError():
                error.why = "A token may have been issued whose answer was lost."
                error.todo = f"Log in again soon: {_same_again(pending)}."
            case _:  # that it takes no passwords at all says how to go on
                pass
        return error


def login(desk: Desk, case: Case, ask: Callable[[Server], Login]) -> Provisioned | DryRun:
    """Exchange user name and password for a token, and write it where the bot reads it.

    They are asked for only where the instance may take them, and before anything is registered. A
    token that a run before this one left staged is finished without them.
    Raises NoPasswordGrantError, ProvisionerError.
    """
    if case.journal.pending and case.journal.pending.staged:
        with _in_words_of_login(desk, case):
            return complete(desk, case, lambda: "")
    if case.journal.holds_tokens:
        require_own(case.journal, desk.inputs, desk.inputs.instance)
    told = find_instance(desk, case)
    if not told.offers_password:
        raise NoPasswordGrantError(told.server.host)
    sets = sets_to_ask(desk, told)
    pending = usable(desk, case, told.server)
    warn_of_strangers(desk, case)
    announce(desk, case, pending, sets)
    if desk.inputs.dry_run:
        get_sealing_key(desk, case)
        return _dry_run(desk, case, told.server, pending, sets[0])
    approval = ByPassword(ask(told.server))
    if approval.login.user.reveal() != desk.inputs.account.user:  # that one everybody knows
        desk.tell.hide(approval.login.user)
    desk.tell.hide(approval.login.password)
    with half_way(case), _in_words_of_login(desk, case):
        # Looked at again, since a person takes time to answer, and Pleroma forgets applications.
        pending = _reused(desk, case, told.server) or start(desk, case, told.server, sets)
        pending = look_before(desk, case, pending, approval)
        mastodon = Mastodon(desk.http, pending.server)
        staged = exchange(desk, case, mastodon, pending, approval)
        staged = guard(desk, case, mastodon, pending, staged)
        staged = write(desk, case, pending, staged)
        return promote(desk, case, pending, staged)


def _reused(desk: Desk, case: Case, server: Server) -> Pending | None:
    """The pending application, where it can serve: registrations are throttled."""
    pending = usable(desk, case, server)
    if pending and pending.attempted_at is not None:
        desk.tell.warn(
            f"An exchange on {iso(pending.attempted_at)} may have issued a token that was lost, "
            f"and so its application is used once more: {_same_again(pending)}"
        )
    elif pending:
        desk.tell.done(f"The application of {iso(pending.begun_at)} serves once more")
    return pending


def _same_again(pending: Pending) -> str:
    if pending.server.habits.reuses_token:
        return f"{pending.server.host} gives the same application the same token again"
    return "this application is kept for it, and you are told what to remove"


@contextmanager
def _in_words_of_login(desk: Desk, case: Case) -> Iterator[None]:
    """Where complete's checks say to open the link again, here it is to log in again.

    Other links, such as GitHub's, lead to what is to be done first.
    """
    try:
        yield
    except PersonNeededError as error:
        pending = case.journal.pending
        if pending and error.link == pending.link:
            error.link = ""
            error.todo = f"Log in again, as {desk.inputs.account}."
            if error.ident == "wrong-account":
                error.todo += " Or was the account misspelt? Then correct --account."
        raise


def _dry_run(
    desk: Desk, case: Case, server: Server, pending: Pending | None, scopes: tuple[str, ...]
) -> DryRun:
    if pending:
        started = [f"use the application of {iso(pending.begun_at)} once more"]
    else:
        started = would_start(desk, case, server, scopes)
    would = (
        "ask for user name and password",
        *started,
        f"exchange user name and password at {server.origin}",
        *would_publish(desk),
    )
    return DryRun(str(desk.inputs.account), would)
