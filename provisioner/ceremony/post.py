"""post: a first post with the token in use, and no second one where an answer was lost."""

from provisioner.ceremony.desk import Case, Desk, iso, require_current, require_own
from provisioner.errors import (
    InputError,
    NotSentError,
    PersonNeededError,
    ProvisionerError,
    TransportError,
)
from provisioner.journal import Credential, Sent
from provisioner.outcomes import Posted
from provisioner.statuses import Status, Statuses, key_of

RECENT = 3600
"""Seconds within which the same text is not posted twice, as on Mastodon."""
HIDDEN = ("private", "direct")
"""Who may see a post that Takahē lists for nobody, not even for its author."""


def post(desk: Desk, case: Case, text: str, visibility: str) -> Posted:
    """Post a text as the bot.

    The same text again within an hour is not posted twice. Where the Idempotency-Key is known to
    see to that, it does (on Pleroma for six); elsewhere the account's latest posts are looked at,
    before and after, and where they can't be seen the journal remembers what was sent.
    Raises PersonNeededError where nothing is provisioned, or where nobody but a person can see
    whether it was posted; ProvisionerError.
    """
    if case.journal.generation:
        require_own(case.journal, desk.inputs, desk.inputs.instance)
    current = require_current(case)
    if not text.strip():
        raise InputError(
            "empty-post", "There is nothing to post.", todo='Give a text: post "howdy universe!".'
        )
    statuses = Statuses(desk.http, current.server)
    key = key_of(current.server.origin, current.account_id, text, visibility)
    if not current.server.habits.idempotency_key:
        latest = _latest(statuses, current)
        if there := _among(desk, current, latest or [], text, visibility):
            return _posted(desk, current, there, already=True)
        if visibility in HIDDEN:
            desk.tell.warn(f"{current.server.host} may not list posts that are not public")
        if latest is None:
            _keep_in_mind(desk, case, current, key)
    status = _send(desk, case, current, text, visibility, key)
    # Pleroma remembers a key for longer than an hour.
    old = status.created_at is not None and status.created_at <= desk.now() - RECENT
    return _posted(desk, current, status, already=old)


def _send(
    desk: Desk, case: Case, current: Credential, text: str, visibility: str, key: str
) -> Status:
    """Send it; a lost answer is settled by a look, where there is something to be seen."""
    statuses, trusted = Statuses(desk.http, current.server), current.server.habits.idempotency_key
    try:
        return statuses.post(current.token, text, visibility, key)
    except NotSentError:
        _forget(case)
        raise
    except TransportError as error:
        latest = [] if trusted else _latest(statuses, current) or []
        if there := _among(desk, current, latest, text, visibility):
            return there
        raise _unclear(desk, error, current, trusted=trusted) from None
    except ProvisionerError:
        _forget(case)
        raise


def _latest(statuses: Statuses, current: Credential) -> list[Status] | None:
    """The account's latest posts; None where they can't be seen.

    A token that may only write may not read them; everybody may, if they are public.
    """
    latest = statuses.latest(current.account_id, current.token)
    return statuses.latest(current.account_id, None) if latest is None else latest


def _among(
    desk: Desk, current: Credential, latest: list[Status], text: str, visibility: str
) -> Status | None:
    """The same text, to the same audience, among the posts of the last hour."""
    since = desk.now() - RECENT
    home = {current.server.host, desk.inputs.account.domain}
    for status in latest:
        recent = status.created_at is None or status.created_at > since
        if recent and status.says(text, visibility, home):
            return status
    return None


def _keep_in_mind(desk: Desk, case: Case, current: Credential, key: str) -> None:
    """Write ahead that this is sent, where nothing else will tell; PersonNeededError the second
    time.
    """
    sent = case.journal.sent
    if sent and sent.key == key and sent.sent_at > desk.now() - RECENT:
        raise PersonNeededError(
            "post-unclear",
            f"This was sent on {iso(sent.sent_at)} already, and may be there.",
            why=f"{current.server.host} does not show this token what it posted; one with the "
            "scope read:statuses would see it.",
            todo=f"Look at the account's page, signed in as {desk.inputs.account}. If it is not "
            "there, run this again an hour after.",
            link=_profile(desk, current),
        )
    case.save(sent=Sent(key=key, sent_at=desk.now()))


def _forget(case: Case) -> None:
    """It was certainly not posted: the same text may be sent again."""
    if case.changed:
        case.save(sent=None)


def _posted(desk: Desk, current: Credential, status: Status, *, already: bool) -> Posted:
    return Posted(
        account=str(desk.inputs.account),
        url=status.url or _profile(desk, current),
        already=already,
    )


def _unclear(
    desk: Desk, error: TransportError, current: Credential, *, trusted: bool
) -> PersonNeededError:
    """That nothing was seen of it does not mean that it is not there."""
    if trusted:
        again = "Or run this again within the hour: the same text is not posted twice."
    else:
        again = "If it is not there, run this again."
    return PersonNeededError(
        "post-unclear",
        f"It may have been posted, or not: {error.what}",
        why="The answer was lost, or said neither.",
        todo=f"Look at the account's page, signed in as {desk.inputs.account}. {again}",
        link=_profile(desk, current),
    )


def _profile(desk: Desk, current: Credential) -> str:
    return f"{current.server.origin}/@{desk.inputs.account.user}"
