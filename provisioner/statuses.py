"""Posts: what an account says. The text goes out plain, and comes back as HTML.

https://docs.joinmastodon.org/methods/statuses/ and /entities/Status/.
"""

import html
import re
from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from provisioner.addresses import host_of, origin_of
from provisioner.answer import Answer, date, in_minutes, rate_limit_reset, retry_after
from provisioner.errors import (
    InputError,
    NoAnswerError,
    PersonNeededError,
    ProvisionerError,
    TransportError,
)
from provisioner.http import Http
from provisioner.mastodon import Mastodon
from provisioner.oauth import Server
from provisioner.secret import Secret, is_visible

LATEST = 20
"""How many posts are looked at; no bot that keeps to its server's rules makes more in an hour."""
LONGEST = 100_000
"""How much of a post's HTML is read: links make ten times of a text, and most servers take 5,000
characters at the most."""
TAG = re.compile(r"<[^<>]*>")
"""Linear, as html.parser is not: unclosed tags cost that the square of their number."""
BREAK = re.compile(r"<(p|br|div|li)\b[^<>]*>", re.IGNORECASE)
"""A paragraph or a line break is white space."""
HANDLE = re.compile(r"(@\w[\w.-]*)@([\w.-]*\w)")
"""An account with its server."""
MENTION = re.compile(r"(?<!\w)@(\w[\w.-]*)(?:@([\w.-]*\w))?")
"""An account, with its server or without."""
PRECISION = 1.0
"""Seconds: by so much may the `created_at` of Pleroma, cut to whole ones, be too early, and the
clock of a proxy, which gives the answer its `Date`, be fast. `Date` is cut to whole ones too."""
MOST_KEYS = 5
"""How many keys of a post are tried where an old refusal comes back to each."""
PICTURES_ONLY = frozenset({"Empty statuses are not allowed", "Duplicate idempotency key."})
"""How Pixelfed refuses a text alone: the second is what it says to the same text again, refused or
not (statusCreate in app/Http/Controllers/Api/ApiV1Controller.php)."""
THROTTLED = 300.0
"""Seconds of Mastodon's window for what an account does, where the answer names no time."""


@dataclass(frozen=True)
class Status:
    """A post."""

    text: str
    """What it says, as `normal` has it."""
    created_at: float | None
    """Epoch seconds; None where the server does not say."""
    url: str
    """Where it can be read; "" where the server names no address of its own."""
    visibility: str = ""
    """Who sees it; "" where the server does not say."""
    mentioned: str = ""
    """Handles of those whom it mentions, as far as it is known which server's they are."""
    there_before: bool | None = None
    """Whether it is older than the request that was answered with it; None: can't be told."""

    def says(self, text: str, visibility: str, home: Container[str]) -> bool:
        """Whether it is this text, to this audience (whichever, where "") and to these people.

        `home` are the domains of the server's own accounts.
        """
        if self.text != normal(text) or (visibility and self.visibility not in {visibility, ""}):
            return False
        asked = _people(text, home)
        named = _people(self.mentioned, home)
        return all(servers <= asked.get(user, servers) for user, servers in named.items())


@dataclass(frozen=True)
class Statuses:
    """The posts of one instance."""

    http: Http
    server: Server

    def post(self, token: Secret, text: str, visibility: str, key: str) -> Status:
        """Post (POST /api/v1/statuses).

        Sent once, and again after a lost answer only where the same Idempotency-Key is known not to
        post twice; then what comes back may have been there before. `visibility` is left to the
        account's settings where it is "".
        Raises InputError or PersonNeededError where it is refused, ProvisionerError where the
        server asks for patience, NotSentError; other TransportErrors where it may have posted.
        """
        began = self.http.clock()
        for _ in range(MOST_KEYS):
            answer = self.http.send(
                "POST",
                f"{self.server.origin}/api/v1/statuses",
                form={"status": text} | ({"visibility": visibility} if visibility else {}),
                bearer=token,
                headers={"Idempotency-Key": key},
                repeat=self.server.habits.idempotency_key,
            )
            if not _is_old_refusal(answer):
                break
            key = sha256(key.encode()).hexdigest()
        if answer.ok and answer.fields().get("id"):
            status = _status(self.server.origin, answer.fields())
            before = _was_there(status, answer, began)
            return replace(status, there_before=before)
        raise self._refused(answer)

    def latest(self, account_id: str, token: Secret | None) -> list[Status] | None:
        """An account's latest posts (GET /api/v1/accounts/:id/statuses); None: can't be seen.

        Without a token, only what everybody may see.
        """
        url = f"{self.server.origin}/api/v1/accounts/{account_id}/statuses"
        params = {"limit": str(LATEST), "exclude_reblogs": "true"}
        try:
            answer = self.http.send("GET", url, params=params, bearer=token, repeat=True)
        except TransportError:
            return None
        entries = answer.entries() if answer.ok else None
        if entries is None:
            return None
        return [_status(self.server.origin, entry) for entry in entries if not entry.get("reblog")]

    def _refused(self, answer: Answer) -> ProvisionerError:
        host, mastodon = self.server.host, Mastodon(self.http, self.server)
        if account := mastodon.barred(answer):
            return PersonNeededError("account-barred", f"{account.reason}.", todo=account.todo)
        if mastodon.says_invalid(answer):
            return PersonNeededError(
                "token-dead",
                f"The token is dead: {host} answered {answer.described()}.",
                why="Somebody revoked it at the instance, or it expired.",
                todo="Begin, and complete, for a new one.",
            )
        if answer.status == 429:
            seconds = retry_after(answer) or rate_limit_reset(answer) or THROTTLED
            return ProvisionerError(
                "post-throttled",
                f"{host} takes no more posts of this account for now.",
                why="It posted, or asked, too often.",
                todo=f"Run this again {in_minutes(seconds)}.",
            )
        if answer.text("error") in PICTURES_ONLY:
            return InputError(
                "post-refused",
                f"{host} takes no post without a picture; nothing was posted.",
                why="It is a Pixelfed, where a text alone is not a post.",
                todo="The token is as good as before: let the bot itself post, with a picture.",
            )
        if answer.status == 403:
            return _forbidden(host, answer)
        if answer.refused:
            return InputError(
                "post-refused",
                f"{host} did not take the post: {answer.described()}.",
                why="It is longer than this server allows, or empty to it, or the server does not "
                "know this visibility.",
                todo="Change the text, then post it.",
            )
        return NoAnswerError("post-unclear", f"{host} answered the post with {answer.described()}.")


def _is_old_refusal(answer: Answer) -> bool:
    """Whether the key brought back what an earlier request was refused with.

    Pleroma's IdempotencyPlug does so for six hours, whatever has changed since: the token, too.
    """
    return 400 <= answer.status < 500 and "idempotent-replayed" in answer.headers


def _was_there(status: Status, answer: Answer, began: float) -> bool | None:
    """Whether a post was there before the request that began then.

    Both of its times are the server's own (`created_at`, and the answer's `Date`), and of our clock
    only how long the request took, with its repeats: that one of them is wrong does not matter.
    (Pleroma's `Idempotent-Replayed` would call a repeat of ours a post of before.)
    """
    answered = date(answer)
    if answered is None or status.created_at is None:
        return None
    return status.created_at < answered - (answer.received_at - began) - PRECISION


def key_of(origin: str, account_id: str, text: str, visibility: str) -> str:
    """The Idempotency-Key of a post: the same one for the same post, whenever it is made.

    Mastodon remembers a key for an hour: within that, the same text is posted once; later, anew.
    """
    return sha256(f"{origin}\n{account_id}\n{visibility}\n{text}".encode()).hexdigest()


def normal(text: str) -> str:
    """A text, for comparing: one space for all white space, and mentions without their server.

    Of `@alice@social.example` the HTML shows `@alice` alone.
    """
    return " ".join(HANDLE.sub(r"\1", text).split())


def _people(text: str, home: Container[str]) -> dict[str, set[str]]:
    """Who is mentioned, by user name: at which servers; "" is the one at home."""
    people: dict[str, set[str]] = {}
    for user, domain in MENTION.findall(text):
        # A name in other than ASCII letters comes as it is, or IDNA-encoded.
        server = host_of(origin_of(f"https://{domain}")) if domain else ""
        people.setdefault(user.rstrip(".-").casefold(), set()).add(
            "" if server in home else server or domain.casefold()
        )
    return people


def text_of(content: str) -> str:
    """What a person reads of a post's HTML."""
    text = TAG.sub("", BREAK.sub("\n", content[:LONGEST]))
    try:
        return html.unescape(text)
    except ValueError:  # a reference to a number of thousands of digits, which int() refuses
        return text


def _status(origin: str, fields: dict[str, object]) -> Status:
    url = str(fields.get("url") or "")
    ours = is_visible(url) and origin_of(url) == origin
    text = text_of(str(fields.get("content") or ""))
    return Status(
        text=normal(text),
        created_at=_moment(fields.get("created_at")),
        url=url if ours else "",
        visibility=str(fields.get("visibility") or ""),
        mentioned=_mentioned(fields.get("mentions"), text),
    )


def _mentioned(value: object, text: str) -> str:
    """Whom the server found by a handle (`acct`), and whom the text names in full: the others."""
    mentions = value if isinstance(value, list) else []
    found = [mention.get("acct") for mention in mentions if isinstance(mention, dict)]
    handles = [f"@{acct}" for acct in found if isinstance(acct, str)]
    return " ".join((*handles, *(match[0] for match in HANDLE.finditer(text))))


def _moment(value: object) -> float | None:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except (ValueError, OverflowError):
        return None


def _forbidden(host: str, answer: Answer) -> PersonNeededError:
    return PersonNeededError(
        "post-forbidden",
        f"{host} does not let this token post: {answer.described()}.",
        why="It was not given the scope write:statuses, the account may not post, or something in "
        "front of the server keeps this network out.",
        todo="If it is the scope: begin, with --scopes post, and complete. Else sign in as the "
        "account, and see what it is told there.",
    )
