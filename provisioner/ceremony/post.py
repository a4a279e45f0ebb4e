"""post: a first post with the token in use, and no second one where an answer was lost."""

import re

from provisioner.ceremony.desk import Case, Desk, iso, require_current, require_own
from provisioner.errors import (
    Exit,
    HalfWayError,
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
MOST_SENT = 10
"""How many posts the journal, which has little room, remembers: the last ones."""
HIDDEN = frozenset({"private", "direct"})
"""Who may see a post that Takahē, and who knows which others, list for nobody, not even for its
author."""


def post(desk: Desk, case: Case, text: str, visibility: str) -> Posted:
    """Post a text as the bot.

    The same text again within an hour is not posted twice. Where the Idempotency-Key is known to
    see to that, it does (on Pleroma for six); elsewhere the account's latest posts are looked at,
    before and after, and where this one can't be seen among them the journal remembers it.
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
    if re.search("[\ud800-\udfff]", text):  # what Python makes of bytes that are no UTF-8
        raise InputError(
            "unreadable-post",
            "The text is not UTF-8, and was not posted.",
            why="It comes from a file or a terminal of another encoding.",
            todo="Convert it, say with iconv, then post it.",
        )
    key = key_of(current.server.origin, current.account_id, text, visibility)
    if not current.server.habits.idempotency_key and (
        there := _before(desk, case, current, text, visibility, key)
    ):
        return there
    status = _send(desk, case, current, text, visibility, key)
    # Without the key's help it was looked for before, and not there.
    already = status.there_before if current.server.habits.idempotency_key else False
    posted = _posted(desk, current, status.url, already=already)
    hidden = status.visibility in HIDDEN and not current.server.habits.idempotency_key
    _note(desk, case, key, posted.url, hidden=hidden)
    return posted


def _before(
    desk: Desk, case: Case, current: Credential, text: str, visibility: str, key: str
) -> Posted | None:
    """The post, where it is there already; if nothing will tell afterwards, write ahead that it is
    sent.

    Where it is remembered to be there, that counts even if posts can be seen: the account's own
    settings may hide it.
    """
    latest = _latest(Statuses(desk.http, current.server), current)
    if there := _among(desk, current, latest or [], text, visibility):
        return _posted(desk, current, there.url, already=True)
    sent, unseen = _remembered(desk, case, key), latest is None or visibility in HIDDEN
    if sent and sent.url:
        return _posted(desk, current, sent.url, already=True)
    if sent and unseen:
        raise _sent_already(desk, current, sent, visibility)
    if unseen:
        _remember(desk, case, Sent(key=key, sent_at=desk.now()))
    return None


def _send(
    desk: Desk, case: Case, current: Credential, text: str, visibility: str, key: str
) -> Status:
    """Send it; a lost answer is settled by a look, where there is something to be seen."""
    statuses, trusted = Statuses(desk.http, current.server), current.server.habits.idempotency_key
    try:
        return statuses.post(current.token, text, visibility, key)
    except NotSentError as error:
        raise _not_posted(desk, case, error, key) from None
    except TransportError as error:
        latest = [] if trusted else _latest(statuses, current) or []
        if there := _among(desk, current, latest, text, visibility):
            return there
        raise _unclear(desk, case, error, current, visibility, key) from None
    except ProvisionerError as error:
        raise _not_posted(desk, case, error, key) from None


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


def _recent(desk: Desk, case: Case) -> tuple[Sent, ...]:
    """What the journal remembers of the last hour."""
    since = desk.now() - RECENT
    return tuple(sent for sent in case.journal.sent if sent.sent_at > since)


def _remembered(desk: Desk, case: Case, key: str) -> Sent | None:
    return next((sent for sent in _recent(desk, case) if sent.key == key), None)


def _remember(desk: Desk, case: Case, sent: Sent) -> None:
    """Write it into the journal, in place of what that knows of the same post."""
    others = (one for one in _recent(desk, case) if one.key != sent.key)
    case.save(sent=(*others, sent)[-MOST_SENT:])


def _not_posted(desk: Desk, case: Case, why_not: ProvisionerError, key: str) -> ProvisionerError:
    """The error of a post that was certainly not made; it is forgotten, and may be sent again.

    Why it was not is what the person has to know: that forgetting fails is said beside it.
    """
    sent = _remembered(desk, case, key)
    if sent is None:
        return why_not
    try:
        case.save(sent=tuple(one for one in _recent(desk, case) if one != sent))
    except ProvisionerError as error:
        until = iso(sent.sent_at + RECENT)
        desk.tell.warn(
            f"The journal does not know that it was not posted: {error.what} Until {until} the "
            "same text is taken for sent"
        )
        if why_not.exit_code is Exit.FAILED:  # which says that nothing was changed
            parts = {"why": why_not.why, "todo": why_not.todo, "link": why_not.link}
            return HalfWayError(why_not.ident, why_not.what, **parts)
    return why_not


def _note(desk: Desk, case: Case, key: str, url: str, *, hidden: bool) -> None:
    """Remember where it is, if it is remembered, or turned out to be hidden.

    It is there: that this fails, fails nothing.
    """
    sent = _remembered(desk, case, key)
    if sent or hidden:
        try:
            sent_at = sent.sent_at if sent else desk.now()
            _remember(desk, case, Sent(key=key, sent_at=sent_at, url=url))
        except ProvisionerError as error:
            desk.tell.warn(f"The journal does not know that it was posted: {error.what}")


def _posted(desk: Desk, current: Credential, url: str, *, already: bool | None) -> Posted:
    return Posted(
        account=str(desk.inputs.account),
        url=url or _profile(desk, current),
        already=already,
    )


def _sent_already(
    desk: Desk, current: Credential, sent: Sent, visibility: str
) -> PersonNeededError:
    """It was written ahead, and no answer came."""
    return PersonNeededError(
        "post-unclear",
        f"This was sent on {iso(sent.sent_at)} already, and may be there.",
        why=_unseen(current, visibility),
        todo=f"{_look(desk)} {_an_hour_after(sent)}",
        link=_profile(desk, current),
    )


def _unclear(
    desk: Desk,
    case: Case,
    error: TransportError,
    current: Credential,
    visibility: str,
    key: str,
) -> PersonNeededError:
    """That nothing was seen of it does not mean that it is not there."""
    why, again = "The answer was lost, or said neither.", "If it is not there, run this again."
    if current.server.habits.idempotency_key:
        again = "Or run this again within the hour: the same text is not posted twice."
    elif sent := _remembered(desk, case, key):
        why, again = f"{why} {_unseen(current, visibility)}", _an_hour_after(sent)
    return PersonNeededError(
        "post-unclear",
        f"It may have been posted, or not: {error.what}",
        why=why,
        todo=f"{_look(desk)} {again}",
        link=_profile(desk, current),
    )


def _unseen(current: Credential, visibility: str) -> str:
    if visibility in HIDDEN:
        return (
            f"{current.server.host} may not list posts that are not public, even to their author."
        )
    return (
        f"{current.server.host} does not show this token what it posted; one with the scope "
        "read:statuses would see it."
    )


def _look(desk: Desk) -> str:
    return f"Look at the account's page, signed in as {desk.inputs.account}."


def _an_hour_after(sent: Sent) -> str:
    """When it is sent again: until then nobody can tell whether it will be there after all."""
    return f"If it is not there, run this again an hour after, at {iso(sent.sent_at + RECENT)}."


def _profile(desk: Desk, current: Credential) -> str:
    return f"{current.server.origin}/@{desk.inputs.account.user}"
