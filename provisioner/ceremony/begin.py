"""begin: from an account's name to the link that its owner opens."""

import base64

from provisioner.ceremony.desk import (
    Case,
    Desk,
    find_server,
    half_way,
    iso,
    require_nothing_staged,
    require_own,
)
from provisioner.ceremony.guard import missing
from provisioner.journal import Pending
from provisioner.mastodon import Mastodon
from provisioner.oauth import Application, Server
from provisioner.outcomes import ApprovalPending, DryRun
from provisioner.secret import Secret

USABLE = 7 * 86400
"""Seconds for which a link is shown again where the server keeps unused applications."""
USABLE_ANYWHERE = 10 * 60
"""The same elsewhere: Pleroma deletes unused applications after 15 minutes, Mastodon before 4.3
after a day."""


def begin(desk: Desk, case: Case) -> ApprovalPending | DryRun:
    """Register an application and show the link that authorizes it.

    While an approval is pending and usable, the same link is shown again: Mastodon allows five
    registrations in ten minutes per address. A new authorization always gets a new application,
    since Mastodon gives the same application, account and scopes the *same* token.

    Raises ProvisionerError.
    """
    if case.journal.holds_tokens:
        require_own(case.journal, desk.inputs, desk.inputs.instance)
    require_nothing_staged(case)
    _announce(desk, case)
    server = find_server(desk, case)
    if pending := _usable(desk, case, server):
        return _approval(desk, case, pending, again=True)
    if desk.inputs.dry_run:
        return _dry_run(desk, case, server)
    with half_way(case):
        case.ensure_key(desk)
        pending = Pending(
            server=server,
            application=_application(desk, server),
            verifier=_verifier(desk),
            scopes=desk.inputs.scopes_to_ask,
            app_name=desk.inputs.name_of_app,
            begun_at=desk.now(),
        )
        case.save(account=str(desk.inputs.account), origin=server.origin, pending=pending)
        desk.tell.done("Wrote the journal")
        case.confirm()
    return _approval(desk, case, pending, again=False)


def _announce(desk: Desk, case: Case) -> None:
    """Say before the link is shown what completing it will replace."""
    if current := case.journal.current:
        desk.tell.done(f"A token is in use since {iso(current.issued_at)}: this is its rotation")
        if less := missing(desk.inputs.scopes_to_ask, current.scopes):
            desk.tell.warn(f"It may also {' '.join(less)}; the new one will not")
    for name in case.strangers(desk.inputs.secrets):
        desk.tell.warn(
            f"{case.repository.name} has a secret {name} that is not in this journal: complete "
            "will overwrite it. The token in it stays alive; you will be told where to revoke it. "
            "If it is another bot's, give this one a name of its own: --secrets "
            "OTHER_TOKEN=access_token"
        )


def _usable(desk: Desk, case: Case, server: Server) -> Pending | None:
    """The pending authorization, where its link can serve once more.

    After an attempted exchange it always must: a token may have been issued whose answer was lost,
    and approving the same application again returns that very token on Mastodon.
    """
    pending, inputs = case.journal.pending, desk.inputs
    if pending is None:
        return None
    if pending.attempted_at is not None:
        desk.tell.warn(
            f"An exchange on {iso(pending.attempted_at)} may have issued a token that was lost: "
            "the same link brings it back. Should the instance know the link no more, run complete "
            "with any code: the application is then given up, and begin makes a new one"
        )
        return pending
    same = (
        case.journal.account.casefold() == str(inputs.account).casefold()
        and pending.server.origin == server.origin
        and set(pending.scopes) == set(inputs.scopes_to_ask)
        and pending.app_name == inputs.name_of_app
        and (pending.application if pending.application.by_hand else None) == inputs.application
    )
    usable_for = USABLE if server.has_metadata else USABLE_ANYWHERE
    if same and desk.now() - pending.begun_at < usable_for:
        desk.tell.done("An approval is pending already: the same link again")
        return pending
    desk.tell.done(f"The link of {iso(pending.begun_at)} is replaced by a new one")
    return None


def _application(desk: Desk, server: Server) -> Application:
    """A new application, or the one that was made by hand."""
    if desk.inputs.application:
        return desk.inputs.application
    name = desk.inputs.name_of_app
    application = Mastodon(desk.http, server).register(name, desk.inputs.scopes_to_ask)
    desk.tell.hide(application.client_secret)
    desk.tell.done(f"Registered the application “{name}”")
    return application


def _verifier(desk: Desk) -> Secret:
    """A PKCE code verifier of 43 characters (RFC 7636, section 4.1)."""
    verifier = Secret(base64.urlsafe_b64encode(desk.entropy(32)).rstrip(b"=").decode())
    desk.tell.hide(verifier)
    return verifier


def _approval(desk: Desk, case: Case, pending: Pending, *, again: bool) -> ApprovalPending:
    return ApprovalPending(
        account=str(desk.inputs.account),
        instance=pending.server.origin,
        repository=case.repository.name,
        scopes=pending.scopes,
        authorize_url=pending.link,
        again=again,
    )


def _dry_run(desk: Desk, case: Case, server: Server) -> DryRun:
    would = [
        f"write the journal to the variable {case.store.name} of {case.repository.name}",
        "show the link for you to open",
    ]
    if desk.inputs.application is None:
        would.insert(0, f"register the application “{desk.inputs.name_of_app}” at {server.origin}")
    if case.journal.generation == 0:
        would.insert(0, f"write the journal's key to the secret {case.store.key_name}")
    return DryRun(str(desk.inputs.account), tuple(would))
