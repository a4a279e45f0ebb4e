"""What an instance says about a token: alive, dead, or neither. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from provisioner.answer import Answer
from provisioner.mastodon.instance import Instance
from provisioner.mastodon.profiles import Sign
from provisioner.report import Next
from provisioner.urls import joined

ASK_THE_INSTANCE = (
    "Sign in as the account in a browser: the instance says there what the account needs.",
)
DISABLED: dict[str, tuple[str, Next]] = {
    "currently disabled": (
        "is disabled: suspended, frozen, or moved to another",
        ASK_THE_INSTANCE,
    ),
    "confirmed e-mail": (
        "has no confirmed e-mail address",
        ("Confirm the account's address with the mail that the instance sends.",),
    ),
    "pending approval": (
        "still waits for approval",
        ("Wait until the instance's moderators have approved the account.",),
    ),
    "two-factor": (
        "needs two-factor authentication",
        ("Sign in as the account, and set it up under Preferences > Account.",),
    ),
}
"""Why an account may do nothing, though its token is good: the fixed English of Mastodon's
`require_functional!` and `require_user!`, and what to do. Other words are quoted as they are."""
MAY_NOT_ACT = "does not let the account act: it is unconfirmed, not approved, disabled or suspended"
INVALID_OR_MAY_NOT_ACT = (
    "says that the token is invalid or that the account may not act, but not which of the two"
)


@dataclass(frozen=True)
class Alive:
    """The token works, and belongs to this account."""

    id: str
    user: str = field(repr=False)
    domain: str = field(repr=False)
    """"" where it is the instance's own."""
    shown: str
    """Both, fit to print."""


@dataclass(frozen=True)
class Dead:
    """The instance itself says that the token is invalid, expired or revoked."""

    reason: str


@dataclass(frozen=True)
class Unclear:
    """Neither: nothing may be concluded about the token."""

    reason: str
    refused: bool
    """Whether it was a refusal (4xx): enough for a token that we just revoked ourselves."""
    next: Next = ()
    """What a person can do, where the account is what is refused, or may be."""
    token_accepted: bool = False
    """Whether the answer says that the token itself is good."""


@dataclass(frozen=True)
class Unheard:
    """The token still works, and the instance may not have received its revocation."""

    reason: str


def judge(instance: Instance, answer: Answer) -> Dead | Unclear:
    """What an answer says about the token that was sent, if that is not accepted.

    Dead is what the API itself calls invalid: a 401 that names its error, in the body or as RFC
    6750 has it (section 3), or what this server is known to answer instead. Mastodon answers
    403 for accounts that are disabled, moved or unconfirmed and for scopes that are too narrow;
    proxies answer anything.
    """
    host, profile = instance.host, instance.profile
    for words, (state, steps) in DISABLED.items():
        if answer.status == 403 and words in answer.text("error"):
            reason = f"{host} says that the account {state}"
            return Unclear(reason, refused=True, next=steps, token_accepted=True)
    if _shows(instance, answer, profile.account_disabled):
        reason = f"{host} {MAY_NOT_ACT}"
        return Unclear(reason, refused=True, next=ASK_THE_INSTANCE, token_accepted=True)
    if _shows(instance, answer, profile.invalid_or_disabled):
        return Unclear(f"{host} {INVALID_OR_MAY_NOT_ACT}", refused=True, next=ASK_THE_INSTANCE)
    reason = f"{host} answered {answer.described()}"
    challenge = answer.headers.get("www-authenticate", "")
    named = answer.fields().get("error") or 'error="invalid_token"' in challenge
    if (answer.status == 401 and named) or _shows(instance, answer, profile.invalid_token):
        return Dead(reason)
    return Unclear(reason, answer.refused)


def _shows(instance: Instance, answer: Answer, signs: Iterable[Sign]) -> bool:
    """Whether it is one of these answers of this very server."""
    said: set[str | None] = {answer.body.decode(errors="replace").strip(), None}
    if error := answer.text("error"):
        said.add(error)
    if answer.redirect:
        url = joined(instance.origin, answer.headers.get("location", ""))
        said = {url.removeprefix(instance.origin)}
    challenge = answer.headers.get("www-authenticate", "")
    return any(
        sign.status == answer.status
        and sign.words in said
        and (not sign.realm or f'realm="{sign.realm}"' in challenge)
        for sign in signs
    )
