"""begin: from an account's name to the link that its owner opens."""

import base64

from provisioner.capabilities import missing, sets_of_scopes
from provisioner.ceremony.desk import (
    Case,
    Desk,
    find_instance,
    half_way,
    iso,
    require_nothing_staged,
    require_own,
)
from provisioner.journal import Pending
from provisioner.mastodon import Mastodon, ScopesRefusedError
from provisioner.oauth import Application, Server
from provisioner.outcomes import ApprovalPending, DryRun
from provisioner.secret import Secret
from provisioner.servers import in_words

USABLE = 7 * 86400
"""Seconds for which a link is shown again where the server keeps unused applications."""


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
    told = find_instance(desk, case)
    sets = sets_of_scopes(desk.inputs.scopes_to_ask, told)
    if pending := _usable(desk, case, told.server):
        return _approval(desk, case, pending, again=True)
    if desk.inputs.dry_run:
        return _dry_run(desk, case, told.server, sets[0])
    with half_way(case):
        case.ensure_key(desk)
        application, scopes = _application(desk, told.server, sets)
        pending = Pending(
            server=told.server,
            application=application,
            verifier=_verifier(desk),
            scopes=scopes,
            asked=desk.inputs.scopes_to_ask,
            app_name=desk.inputs.name_of_app,
            begun_at=desk.now(),
        )
        case.save(account=str(desk.inputs.account), origin=told.server.origin, pending=pending)
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
        back = "the same link brings it back"
        if not pending.server.habits.reuses_token:
            page = pending.server.authorized_applications
            back = f"remove the authorization of that time, if there is one, at {page}"
        desk.tell.warn(
            f"An exchange on {iso(pending.attempted_at)} may have issued a token that was lost: "
            f"{back}. Should the instance know the link no more, run complete with any code: the "
            "application is then given up, and begin makes a new one"
        )
        return pending
    same = (
        case.journal.account.casefold() == str(inputs.account).casefold()
        and pending.server.origin == server.origin
        and set(pending.asked or pending.scopes) == set(inputs.scopes_to_ask)
        and pending.app_name == inputs.name_of_app
        and (pending.application if pending.application.by_hand else None) == inputs.application
    )
    # An approval takes its time: a link that is about to die is not shown again.
    usable_for = server.unused_seconds * 2 // 3 if server.unused_seconds else USABLE
    if same and desk.now() - pending.begun_at < usable_for:
        desk.tell.done("An approval is pending already: the same link again")
        return pending
    desk.tell.done(f"The link of {iso(pending.begun_at)} is replaced by a new one")
    return None


def _application(
    desk: Desk, server: Server, sets: tuple[tuple[str, ...], ...]
) -> tuple[Application, tuple[str, ...]]:
    """A new application, or the one that was made by hand; and the scopes to ask for."""
    if desk.inputs.application:
        return desk.inputs.application, desk.inputs.scopes or sets[0]
    application, scopes = _register(desk, server, sets)
    desk.tell.hide(application.client_secret)
    desk.tell.done(f"Registered the application “{desk.inputs.name_of_app}”: {' '.join(scopes)}")
    if broader := {"read", "write"}.intersection(scopes).difference(desk.inputs.scopes_to_ask):
        desk.tell.warn(
            f"{server.host} knows no narrower scopes than {' '.join(sorted(broader))}: the token "
            "may do more than was asked for"
        )
    return application, scopes


def _register(
    desk: Desk, server: Server, sets: tuple[tuple[str, ...], ...]
) -> tuple[Application, tuple[str, ...]]:
    """An application with the first of these sets of scopes that the instance takes."""
    try:
        return Mastodon(desk.http, server).register(desk.inputs.name_of_app, sets[0]), sets[0]
    except ScopesRefusedError as error:
        if len(sets) == 1:
            raise
        desk.tell.explain(f"Scopes: not {' '.join(sets[0])} ({error.what})")
        return _register(desk, server, sets[1:])


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
        code_good_for=in_words(pending.server.habits.code_seconds),
        again=again,
    )


def _dry_run(desk: Desk, case: Case, server: Server, scopes: tuple[str, ...]) -> DryRun:
    would = [
        f"write the journal to the variable {case.store.name} of {case.repository.name}",
        "show the link for you to open",
    ]
    if desk.inputs.application is None:
        registered = f"register the application “{desk.inputs.name_of_app}” at {server.origin}"
        would.insert(0, f"{registered}, for {' '.join(scopes)}")
    if case.journal.generation == 0:
        would.insert(0, f"write the journal's key to the secret {case.store.key_name}")
    return DryRun(str(desk.inputs.account), tuple(would))
