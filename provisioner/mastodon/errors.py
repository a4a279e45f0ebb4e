"""What an instance's answers mean: a refusal as an error, and what an answer says of a token.

RFC 6749, section 5.2, as far as servers keep to it; Mastodon's own words where they are fixed. What
a command knows besides, such as the link to open again, it adds in an error of its own.
"""

from collections.abc import Iterable

import msgspec

from provisioner.answer import Answer, rate_limit_reset, retry_after
from provisioner.mastodon.instance import Instance, Sign
from provisioner.report import (
    ActionRequiredError,
    InputError,
    Next,
    NoAnswerError,
    ProvisionerError,
    Run,
    Set,
    TransportError,
    duration,
)
from provisioner.urls import joined

OTHER_NETWORK: Next = (
    "Try from another network: on your own computer this command may get through.",
)
OWN_APPLICATION: Next = (
    "Create an application in the instance's Preferences > Development.",
    "Give it to `begin`:",
    *(Set("client-id"), Set("client-secret")),
)
NAME_THE_INSTANCE: Next = ("If the server has another address, name it:", Set("instance"))
ASK_THE_INSTANCE: Next = (
    "Sign in as the account in a browser: the instance says there what the account needs.",
)
DISABLED: dict[str, Next] = {
    "currently disabled": ASK_THE_INSTANCE,  # suspended, frozen, or moved
    "confirmed e-mail": ("Confirm the account's address with the mail that the instance sends.",),
    "pending approval": ("Wait until the instance's moderators have approved the account.",),
    "two-factor": ("Sign in as the account, and set it up under Preferences > Account.",),
}
"""Why an account may do nothing, though its token is good: the fixed English of Mastodon's
`require_functional!` and `require_user!`, and what to do."""


class ScopesRefusedError(InputError):
    """The instance registers no application with all of these scopes."""


class InvalidGrantError(ProvisionerError):
    """The exchange was refused: no token was issued."""


class InvalidClientError(ProvisionerError):
    """The instance does not know the application: no token was issued."""


class NoPasswordGrantError(InputError):
    """The instance takes no user name and password from programs."""

    def __init__(self, host: str) -> None:
        super().__init__(
            "no-password-grant",
            f"{host} does not support the OAuth password grant.",
            why="Mastodon has not supported it since 4.4, nor do GoToSocial and others: the "
            "account's owner approves a program in a browser.",
            next=(Run("begin"),),
        )


class NotNowError(ProvisionerError):
    """The instance refuses for a while, and has done nothing."""

    def __init__(self, code: str, what: str, why: str, seconds: float | None) -> None:
        wait = f"in {duration(seconds)}" if seconds else "in a few minutes"
        super().__init__(code, what, why=why, next=(Run("again", when=wait),))


REFUSED_FIELDS: dict[str, tuple[type[ProvisionerError], str, Next]] = {
    "scope": (ScopesRefusedError, "It does not know one of the scopes.", (Set("scopes"),)),
    "redirect": (ProvisionerError, "It does not allow the redirect URI.", ()),
    "website": (ActionRequiredError, "It wants a website, and none was sent.", OWN_APPLICATION),
    "name": (InputError, "It does not allow the application's name.", (Set("app-name"),)),
    "": (
        ScopesRefusedError,
        "It does not know one of the scopes, or does not allow the application's name.",
        (Set("scopes"), Set("app-name")),
    ),
}
"""What a refused registration is about, by the first of these words that is in the answer."""
IN_FRONT = (
    "Something in front of the server may keep out scripts and data centres, such as GitHub's "
    "runners."
)


class Alive(msgspec.Struct, frozen=True):
    """The token works, and belongs to this account."""

    id: str
    user: str
    domain: str
    """"" where it is the instance's own."""
    shown: str


class Dead(msgspec.Struct, frozen=True):
    """The instance itself says that the token is invalid, expired or revoked."""

    reason: str


class Unclear(msgspec.Struct, frozen=True):
    """Neither: nothing may be concluded about the token."""

    reason: str
    refused: bool
    """Whether it was a refusal (4xx): enough for a token that we just revoked ourselves."""
    next: Next = ()
    """What a person can do, where the account is what is refused, or may be."""
    token_accepted: bool = False
    """Whether the answer says that the token itself is good."""

    def otherwise(self, steps: Next) -> Next:
        """What a person can do; `steps` if it is the token after all."""
        invalid = ("If it needs nothing, the token is invalid:", *steps)
        return self.next if self.token_accepted else (*self.next, *invalid)


def unwell(host: str, answer: Answer) -> TransportError:
    """The instance is in trouble for the moment."""
    return TransportError(
        "instance-unwell",
        f"{host} is in trouble: it answered {answer.described()}.",
        why=f"It was a web page. {IN_FRONT}" if answer.is_page else "",
        next=(
            Run("again", when="when the instance is well"),
            *(OTHER_NETWORK if answer.is_page else ()),
        ),
    )


def blocked(host: str, answer: Answer) -> TransportError:
    """Something that is perhaps not the instance answers in its place."""
    came = "A web page" if answer.is_page else "Something else"
    return TransportError(
        "instance-blocked",
        f"{came} answered in place of {host}'s API: {answer.described()}.",
        why=f"{IN_FRONT} Or it is not a Mastodon-compatible server.",
        next=(*OTHER_NETWORK, *NAME_THE_INSTANCE),
    )


def not_mastodon(host: str, software: str, answer: Answer | None = None) -> InputError:
    """The server has no Mastodon API; `software` is what it runs, "" where that is not known."""
    what, why = f"{host} is not a Mastodon-compatible server.", ""
    if software:
        what = f"{host} runs {software}, without a Mastodon API."
    if answer:
        said = answer.described()
        why = f"It answered /api/v2/instance with {said}, and not with a description of itself."
    steps = ("Check the account: its user name and its domain.", *NAME_THE_INSTANCE)
    return InputError("not-mastodon", what, why=why, next=steps)


def registration_refused(
    instance: Instance, answer: Answer, scopes: tuple[str, ...]
) -> ProvisionerError:
    """Why an application was not registered, or not yet."""
    host = instance.host
    if answer.status == 429:  # Mastodon's limit: config/initializers/rack_attack.rb
        return NotNowError(
            "registration-throttled",
            f"{host} is rate-limiting the registration of applications.",
            "It registers only some for one address (Mastodon 5 in 10 minutes), and GitHub's "
            "runners share their addresses.",
            retry_after(answer) or rate_limit_reset(answer),
        )
    if answer.redirect:
        return InputError(
            "instance-moved",
            f"{host} redirects the registration of applications elsewhere.",
            why="It moved, or this is not its own address. Secrets don't follow redirects.",
            next=("Open it in a browser, and give the address that it ends at.", Set("instance")),
        )
    if answer.status in {400, 422} and not answer.is_page:
        said = answer.body.decode(errors="replace").casefold()
        word = next(word for word in REFUSED_FIELDS if word in said)
        kind, why, steps = REFUSED_FIELDS[word]
        return kind(
            f"{word or 'registration'}-refused",
            f"{host} refused to register an application for {' '.join(scopes)}: "
            f"{answer.described()}.",
            why=why,
            next=steps,
        )
    if answer.refused:
        return ActionRequiredError(
            "registration-closed",
            f"{host} did not let this network register an application: {answer.described()}.",
            why="It may block data centres or scripts, or have OAuth switched off.",
            next=(*OTHER_NETWORK, "Or:", *OWN_APPLICATION),
        )
    return unwell(host, answer)


def exchange_refused(instance: Instance, answer: Answer, *, by_password: bool) -> ProvisionerError:
    """Why there is no token: none was issued, or (NoAnswerError) perhaps one.

    A definite refusal names its error (RFC 6749, section 5.2); a page in front does not. snac says
    nothing but 401, which is that section's status for an unknown client.

    429 is sent before anything is done (RFC 6585, section 4), and so is 503 by a server that starts
    (GoToSocial). But a proxy such as Varnish sends a page with 503 also where the server was
    reached, and too slow: that one is only trusted if it says when to come back.
    """
    host, error = instance.host, answer.text("error")
    seconds = retry_after(answer) or rate_limit_reset(answer)
    if (answer.status == 401 and not answer.body) or (answer.refused and error == "invalid_client"):
        return InvalidClientError(
            "unknown-application",
            f"{host} does not accept the application: {answer.described()}.",
            why="The application was deleted there, or its client id or secret is wrong.",
        )
    if answer.refused and answer.fields().get("error"):
        if by_password:
            return _login_refused(host, answer)
        return InvalidGrantError(
            "code-refused",
            f"{host} did not accept the code: {answer.described()}.",
            why=f"A code works once, may expire after {duration(instance.profile.code_seconds)}, "
            "and belongs to the link that it came from.",
        )
    if answer.status == 429 or (answer.status == 503 and (seconds or not answer.is_page)):
        return NotNowError(
            "instance-busy",
            f"{host} refused the exchange for now: {answer.described()}.",
            "It is starting or overloaded, or was asked too often. No token was issued.",
            seconds,
        )
    return NoAnswerError(
        "exchange-unclear",
        f"{host} answered the exchange with {answer.described()}, and no token.",
        why="It redirects to another address, and secrets don't follow redirects. If it has "
        "moved for good, abandon this authorization and begin again with the new address."
        if answer.redirect
        else "Some servers answer so to a wrong or expired code. Or something in front of the "
        "server refused the request.",
    )


def _login_refused(host: str, answer: Answer) -> InvalidGrantError | NoPasswordGrantError:
    if answer.text("error") in {"unsupported_grant_type", "unauthorized_client"}:
        return NoPasswordGrantError(host)
    return InvalidGrantError(
        "login-refused",
        f"{host} did not accept the user name and the password: {answer.described()}.",
        why="One of them is mistyped, or the account has two-factor authentication: a password "
        "alone is refused then. Mastodon wants the e-mail address as the user name, Pleroma the "
        "nickname.",
        next=("Log in again. With two-factor authentication, begin instead.", Run("begin")),
    )


def judge(instance: Instance, answer: Answer) -> Dead | Unclear:
    """What an answer says about the token that was sent, if that is not accepted.

    Dead is what the API itself calls invalid: a 401 that names its error, in the body or as RFC
    6750 has it (section 3), or what this server is known to answer instead. Mastodon answers
    403 for accounts that are disabled, moved or unconfirmed and for scopes that are too narrow;
    proxies answer anything.
    """
    host, profile = instance.host, instance.profile
    answered = f"{host} answered {answer.described()}"
    for words, steps in DISABLED.items():
        if answer.status == 403 and words in answer.text("error"):
            return Unclear(answered, refused=True, next=steps, token_accepted=True)
    disabled = _shows(instance, answer, profile.account_disabled)
    if disabled or _shows(instance, answer, profile.invalid_or_disabled):
        doubt = "" if disabled else ", or that the token is invalid, but not which of the two"
        reason = f"{host} says that the account may not act{doubt}"
        return Unclear(reason, refused=True, next=ASK_THE_INSTANCE, token_accepted=disabled)
    challenge = answer.headers.get("www-authenticate", "")
    named = answer.fields().get("error") or 'error="invalid_token"' in challenge
    if (answer.status == 401 and named) or _shows(instance, answer, profile.invalid_token):
        return Dead(answered)
    if answer.is_page:
        answered = f"a web page came in place of {host}'s answer: {answer.described()}"
    return Unclear(answered, answer.refused)


def _shows(instance: Instance, answer: Answer, signs: Iterable[Sign]) -> bool:
    """Whether it is one of these answers of this very server."""
    said = {answer.text("error"), answer.headers.get("www-authenticate", "")} - {""}
    said.add(answer.body.decode(errors="replace"))
    if answer.redirect:
        url = joined(instance.origin, answer.headers.get("location", ""))
        said = {url.removeprefix(instance.origin)}
    return any(sign.status == answer.status and sign.words in said for sign in signs)
