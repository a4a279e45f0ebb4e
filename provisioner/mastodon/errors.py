"""What an instance's refusals mean.

RFC 6749, section 5.2, as far as servers keep to it; Mastodon's own words where they are fixed. What
a command knows besides, such as the link to open again, it adds in an error of its own.
"""

from provisioner.answer import Answer, rate_limit_reset, retry_after
from provisioner.errors import ActionRequiredError, InputError, ProvisionerError, TransportError
from provisioner.mastodon.instance import Instance
from provisioner.report import Next, Run, Set, duration

OTHER_NETWORK = "Try from another network, such as your own computer's."
OWN_APPLICATION: Next = (
    "Create an application in the instance's Preferences > Development, and use that:",
    *(Set("client-id"), Set("client-secret")),
)
NAME_THE_INSTANCE: Next = ("If the server has another address, name it:", Set("instance"))
SECOND_FACTOR = "mfa_required"
"""The `error` with which Pleroma and Akkoma answer the right password of an account that has a
second factor. Mastodon's answer is the same as to a wrong password."""


class ScopesRefusedError(InputError):
    """The instance registers no application with all of these scopes."""


class RedirectRefusedError(ProvisionerError):
    """The instance registers no application with this redirect URI."""


class InvalidGrantError(ProvisionerError):
    """The exchange was refused: no token was issued."""


class InvalidClientError(ProvisionerError):
    """The instance does not know the application: no token was issued."""


REFUSED_FIELDS: dict[str, tuple[type[ProvisionerError], str, Next]] = {
    "scope": (ScopesRefusedError, "It does not know one of the scopes.", (Set("scopes"),)),
    "redirect": (RedirectRefusedError, "It does not allow the redirect URI.", ()),
    "website": (ActionRequiredError, "It wants a website, and none was sent.", OWN_APPLICATION),
    "name": (InputError, "It does not allow the application's name.", (Set("app-name"),)),
}
"""What a refused registration is about, by the first of these words that is in the answer."""


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
    """The instance refuses for a while, and has done nothing; `seconds` is None where not told."""

    def __init__(self, code: str, what: str, why: str, seconds: float | None) -> None:
        wait = f"in {duration(seconds)}" if seconds else "in a few minutes"
        super().__init__(code, what, why=why, next=(Run("again", when=wait),))
        self.seconds = seconds


def unwell(host: str, answer: Answer) -> TransportError:
    """The instance is in trouble for the moment."""
    return TransportError(
        "instance-unwell",
        f"{host} is in trouble: it answered {answer.described()}.",
        next=(Run("again", when="when the instance is well"),),
    )


def blocked(host: str, answer: Answer) -> TransportError:
    """Something that is perhaps not the instance answers in its place."""
    return TransportError(
        "instance-blocked",
        f"{host} answered with a web page instead of its API: {answer.described()}.",
        why="Something in front of the server may keep out scripts and data centres, such as "
        "GitHub's runners. Or it is not a Mastodon-compatible server.",
        next=(OTHER_NETWORK, *NAME_THE_INSTANCE),
    )


def not_mastodon(host: str, answer: Answer, product: str) -> InputError:
    """The server has no Mastodon API; `product` is what it runs, if that is known."""
    runs = f"It runs {product}, and" if product else "It"
    return InputError(
        "not-mastodon",
        f"{host} is not a Mastodon-compatible server.",
        why=f"{runs} answered /api/v2/instance with {answer.described()}, and not with a "
        "description of itself.",
        next=("Check the account's domain.", *NAME_THE_INSTANCE),
    )


def registration_refused(
    instance: Instance, answer: Answer, scopes: tuple[str, ...]
) -> ProvisionerError:
    """Why an application was not registered, or not yet."""
    host = instance.host
    if answer.status == 429:
        return _registration_throttled(instance, answer)
    if answer.redirect:
        return InputError(
            "instance-moved",
            f"{host} redirects the registration of applications elsewhere.",
            why="It moved, or this is not its own address. Secrets don't follow redirects.",
            next=("Open it in a browser, and give the address that it ends at.", Set("instance")),
        )
    if answer.status in {400, 422} and not answer.is_page:
        return _application_refused(host, answer, scopes)
    if answer.refused:
        return ActionRequiredError(
            "registration-closed",
            f"{host} did not let this network register an application: {answer.described()}.",
            why="It may block data centres or scripts, or have OAuth switched off.",
            next=(OTHER_NETWORK, "Or:", *OWN_APPLICATION),
        )
    return unwell(host, answer)


def _application_refused(host: str, answer: Answer, scopes: tuple[str, ...]) -> ProvisionerError:
    """Which of the application's fields the instance refused."""
    said = answer.body.decode(errors="replace").casefold()
    asked = " ".join(scopes)
    what = f"{host} refused to register an application for {asked}: {answer.described()}."
    for word, (kind, why, steps) in REFUSED_FIELDS.items():
        if word in said:
            return kind(f"{word}-refused", what, why=why, next=steps)
    return ScopesRefusedError(
        "registration-refused",
        what,
        why="It does not know one of the scopes, or does not allow the application's name.",
        next=(Set("scopes"), Set("app-name")),
    )


def _registration_throttled(instance: Instance, answer: Answer) -> NotNowError:
    """Numbers only where the server is known to have them: its admin's are in the answer."""
    limit = instance.profile.registration_limit
    why = "It limits how many it registers for one address"
    if limit:
        why = f"{instance.software} registers {limit[0]} in {duration(limit[1])} for one address"
    return NotNowError(
        "registration-throttled",
        f"{instance.host} is rate-limiting the registration of applications.",
        f"{why}, and GitHub's runners share their addresses.",
        retry_after(answer) or rate_limit_reset(answer) or (limit[1] if limit else None),
    )


def scopes_dropped(host: str, lacking: set[str]) -> ScopesRefusedError:
    """The application was registered, but not with all of its scopes."""
    return ScopesRefusedError(
        "scopes-dropped",
        f"{host} registered the application without the scopes {' '.join(sorted(lacking))}.",
        why="It does not know them. The link would show an error page.",
        next=(Set("scopes"),),
    )


def not_now(host: str, answer: Answer) -> NotNowError | None:
    """Whether the instance refused an exchange only for the moment, and so issued no token.

    429 is sent before anything is done (RFC 6585, section 4), and so is 503 by a server that starts
    (GoToSocial). But a proxy such as Varnish sends a page with 503 also where the server was
    reached, and too slow: that one is only trusted if it says when to come back.
    """
    seconds = retry_after(answer) or rate_limit_reset(answer)
    busy = answer.status == 503 and not (answer.is_page and seconds is None)
    if answer.status != 429 and not busy:
        return None
    return NotNowError(
        "instance-busy",
        f"{host} refused the exchange for now: {answer.described()}.",
        "It is starting or overloaded, or was asked too often. No token was issued.",
        seconds,
    )


def unknown_application(host: str, answer: Answer) -> InvalidClientError:
    """The instance does not know the client id, or not with this secret."""
    return InvalidClientError(
        "unknown-application",
        f"{host} does not accept the application: {answer.described()}.",
        why="The application was deleted there, or its client id or secret is wrong.",
    )


def code_refused(instance: Instance, answer: Answer) -> InvalidGrantError:
    """The instance did not exchange the code (RFC 6749, section 5.2)."""
    return InvalidGrantError(
        "code-refused",
        f"{instance.host} did not accept the code: {answer.described()}.",
        why="A code works once, may expire after "
        f"{duration(instance.profile.code_seconds)}, and belongs to the link that it came from.",
    )


def login_refused(instance: Instance, answer: Answer) -> InvalidGrantError | NoPasswordGrantError:
    """The instance issued no token for user name and password (RFC 6749, section 4.3)."""
    if answer.text("error") in {"unsupported_grant_type", "unauthorized_client"}:
        return NoPasswordGrantError(instance.host)
    if answer.text("error") == SECOND_FACTOR:
        return InvalidGrantError(
            "second-factor",
            f"The account has two-factor authentication at {instance.host}: a password alone is "
            "not enough.",
            why="A program that is given the second factor too could act as the account's owner.",
            next=(Run("begin"),),
        )
    return InvalidGrantError(
        "login-refused",
        f"{instance.host} did not accept the user name and the password: {answer.described()}.",
        why="One of them is mistyped, or the account has two-factor authentication: a password "
        "alone is refused then. Mastodon wants the e-mail address as the user name, Pleroma the "
        "nickname.",
        next=("Log in again. With two-factor authentication, begin instead.", Run("begin")),
    )
