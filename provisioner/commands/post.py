"""post: a first post with the token in use."""

import re
from hashlib import sha256

from provisioner.answer import Answer, rate_limit_reset, retry_after
from provisioner.commands.session import Session, require_current, require_own, rotate
from provisioner.mastodon.client import Mastodon
from provisioner.mastodon.errors import Dead, judge
from provisioner.mastodon.instance import Instance
from provisioner.report import (
    ActionRequiredError,
    InputError,
    NotSentError,
    Open,
    ProvisionerError,
    Report,
    Run,
    Set,
    TransportError,
    duration,
)
from provisioner.secret import is_visible, redact
from provisioner.urls import origin_of

THROTTLED = 300.0
"""Seconds of Mastodon's rate limit for an account, where the answer names no time."""


def post(session: Session) -> Report:
    """Post a text as the bot, once.

    The same text again within an hour is the same post where the server honours an Idempotency-Key.
    Raises ActionRequiredError where nothing is provisioned, where the server refuses the token, or
    where the answer was lost and the text may have been posted; InputError; ProvisionerError.
    """
    text, visibility = session.config.text, session.config.visibility
    _require_text(text)
    session.read()
    require_own(session, session.config.instance)
    current = require_current(session)
    instance = current.instance
    if not instance.profile.posts_text_alone:
        raise InputError(
            "post-refused",
            f"{instance.software} takes no post without a picture. Nothing was posted.",
            next=("Let the bot itself post, with a picture: its token is not affected.",),
        )
    # The same for the same text, account and audience. Pleroma's IdempotencyPlug repeats a refusal
    # to the same key for six hours, but what another application asks anew may be granted.
    author = f"{current.account_id}\n{current.application.client_id}"
    key = sha256(f"{author}\n{visibility}\n{text}".encode()).hexdigest()
    try:
        answer = Mastodon(session.http, instance).post(current.token, text, visibility, key)
    except NotSentError:
        raise
    except TransportError as error:
        raise _unclear(session, instance, error.what) from None
    if answer.refused or answer.status == 429:
        raise _refused(session, instance, answer)
    if not answer.fields().get("id"):
        raise _unclear(session, instance, f"{instance.host} answered {answer.described()}.")
    url, account = answer.text("url"), str(session.config.handle)
    ours = is_visible(url) and origin_of(url) == instance.origin
    if not ours or redact(url, answer.secrets) != url:
        url = _page(session)
    return Report(
        "posted",
        f"Posted as {account}",
        items=tuple(session.noted),
        link=url,
        outputs={"account": account, "url": url},
    )


def _page(session: Session) -> str:
    current = require_current(session)
    return f"{current.instance.origin}/@{current.account.partition('@')[0]}"


def _require_text(text: str) -> None:
    if not text:
        raise InputError(
            "empty-post",
            "There is nothing to post.",
            next=("Give a text, such as “howdy universe!”.",),
        )
    if re.search("[\ud800-\udfff]", text):  # what Python makes of bytes that are not UTF-8
        raise InputError(
            "unreadable-post",
            "The text is not UTF-8. Nothing was posted.",
            why="It comes from a file or a terminal with another encoding.",
            next=("Convert the text to UTF-8, for example with iconv.", Run("again")),
        )


def _unclear(session: Session, instance: Instance, what: str) -> ActionRequiredError:
    page, again = _page(session), "If the post is not there:"
    if instance.profile.idempotency_key:
        again = "Or run it again within an hour: the text is not posted twice."
    look = Open(page, str(session.config.handle), "look whether the post is there")
    return ActionRequiredError(
        "post-unclear",
        f"The text may have been posted or not: {what}",
        next=(look, again, Run("again")),
    )


def _refused(session: Session, instance: Instance, answer: Answer) -> ProvisionerError:
    host = instance.host
    state = judge(instance, answer)
    if isinstance(state, Dead):
        what = f"The access token is invalid: {host} answered {answer.described()}."
        return ActionRequiredError("token-dead", what, next=rotate(session))
    if state.next:
        steps = state.otherwise(rotate(session))
        return ActionRequiredError("account-barred", f"{state.reason}.", next=steps)
    if answer.status == 429:
        seconds = retry_after(answer) or rate_limit_reset(answer) or THROTTLED
        return ProvisionerError(
            "post-throttled",
            f"{host} is rate-limiting this account. Nothing was posted.",
            next=(Run("again", when=f"in {duration(seconds)}"),),
        )
    if answer.status in {401, 403} or answer.is_page:
        return ActionRequiredError(
            "post-forbidden",
            f"{host} does not let this token post: {answer.described()}.",
            why="The token is no longer valid or lacks the scope write:statuses, the account may "
            "not post, or something in front of the server blocks this network.",
            next=(
                "If it is the token, get another one:",
                *rotate(session, Set("scopes", "post")),
                "Otherwise sign in as the account, and read what the server says there.",
            ),
        )
    return InputError(
        "post-refused",
        f"{host} did not accept the post: {answer.described()}. Nothing was posted.",
        why="The text is too long for this server, or the server does not know this visibility.",
        next=("Change the text or the visibility.", Run("again")),
    )
