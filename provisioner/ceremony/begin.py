"""begin: from an account's name to the link that its owner opens."""

from provisioner.ceremony.authorization import (
    announce,
    sets_to_ask,
    start,
    usable,
    warn_of_strangers,
    would_start,
)
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
from provisioner.oauth import Server
from provisioner.outcomes import ApprovalPending, DryRun
from provisioner.servers import in_words


def begin(desk: Desk, case: Case) -> ApprovalPending | DryRun:
    """Register an application and show the link that authorizes it.

    While an approval is pending and usable, the same link is shown again: Mastodon allows five
    registrations in ten minutes per address.

    Raises ProvisionerError.
    """
    if case.journal.holds_tokens:
        require_own(case.journal, desk.inputs, desk.inputs.instance)
    require_nothing_staged(case)
    warn_of_strangers(desk, case)
    told = find_instance(desk, case)
    sets = sets_to_ask(desk, told)
    pending = usable(desk, case, told.server)
    announce(desk, case, pending, sets)
    if pending:
        return _again(desk, case, pending)
    if desk.inputs.dry_run:
        return _dry_run(desk, case, told.server, sets[0])
    with half_way(case):
        pending = start(desk, case, told.server, sets)
        case.confirm()
    return _approval(desk, case, pending, again=False)


def _again(desk: Desk, case: Case, pending: Pending) -> ApprovalPending | DryRun:
    if desk.inputs.dry_run:
        same = f"show the link of {iso(pending.begun_at)} again, whose approval is pending"
        return DryRun(str(desk.inputs.account), (same,))
    _say_again(desk, pending)
    return _approval(desk, case, pending, again=True)


def _say_again(desk: Desk, pending: Pending) -> None:
    if pending.attempted_at is None:
        desk.tell.done("An approval is pending already: the same link again")
        return
    back = "the same link brings it back"
    if not pending.server.habits.reuses_token:
        page = pending.server.authorized_applications
        back = f"remove the authorization of that time, if there is one, at {page}"
    desk.tell.warn(
        f"An exchange on {iso(pending.attempted_at)} may have issued a token that was lost: "
        f"{back}. Should the instance know the link no more, run complete with any code: the "
        "application is then given up, and begin makes a new one"
    )


def _approval(desk: Desk, case: Case, pending: Pending, *, again: bool) -> ApprovalPending:
    application = pending.application
    return ApprovalPending(
        account=str(desk.inputs.account),
        instance=pending.server.origin,
        repository=case.repository.name,
        scopes=pending.scopes,
        authorize_url=pending.link,
        code_good_for=in_words(pending.server.habits.code_seconds),
        again=again,
        client_id=application.client_id if application.by_hand else "",
    )


def _dry_run(desk: Desk, case: Case, server: Server, scopes: tuple[str, ...]) -> DryRun:
    former = case.journal.pending
    replaced = f", in place of the pending one of {iso(former.begun_at)}" if former else ""
    would = (*would_start(desk, case, server, scopes), f"show the link for you to open{replaced}")
    return DryRun(str(desk.inputs.account), would)
