"""What an instance's refusals mean, and what to do about each.

RFC 6749, section 5.2, as far as servers keep to it; Mastodon's own words where they are fixed ones.
"""

from provisioner.answer import Answer, in_minutes, rate_limit_reset, retry_after
from provisioner.errors import InputError, PersonNeededError, ProvisionerError, TransportError
from provisioner.oauth import Server
from provisioner.servers import in_words

ASK_THE_INSTANCE = "Sign in as the account: the instance says there what it needs, or whom to ask."
BARRED = {
    "currently disabled": (
        "is disabled: suspended, frozen, or moved to another",
        ASK_THE_INSTANCE,
    ),
    "confirmed e-mail": (
        "has no confirmed e-mail address",
        "Sign in as the account, and confirm its address with the mail that the instance sends.",
    ),
    "pending approval": (
        "still waits for approval",
        "Wait until the instance's moderators have approved it.",
    ),
    "two-factor": (
        "needs two-factor authentication",
        "Sign in as the account, and set it up under Preferences > Account.",
    ),
}
"""Why an account may do nothing, though its token is good: the fixed English of Mastodon's
`require_functional!` and `require_user!`, and what to do. Other words are quoted as they are."""
MAY_NOT_ACT = (
    "lets the account do nothing: it is unconfirmed, not approved yet, disabled or suspended",
    ASK_THE_INSTANCE,
)
INVALID_OR_BARRED = (
    "says that the token is invalid, or that the account may not act, and not which",
    "Sign in as the account. If all is well there, the token was revoked: begin, and complete.",
)
SECOND_FACTOR = "mfa_required"
"""The `error` with which Pleroma and Akkoma answer the right password of an account that has a
second factor; of Mastodon's answer nobody can tell it from a wrong password's."""


class ScopesRefusedError(InputError):
    """The instance registers no application, or none with all of these scopes."""


class InvalidGrantError(ProvisionerError):
    """The exchange was refused: no token was issued."""


class InvalidClientError(ProvisionerError):
    """The instance does not know the application."""


class NoPasswordGrantError(InputError):
    """The instance takes no user name and password from programs."""

    def __init__(self, host: str) -> None:
        super().__init__(
            "no-password-grant",
            f"{host} takes no user name and password from programs.",
            why="Mastodon does not since 4.4, nor do GoToSocial and others: a program is to be "
            "approved in a browser, where nobody but the server sees the password.",
            todo="Run begin, open the link that it shows, and complete with the code.",
        )


def registration_refused(
    server: Server, answer: Answer, scopes: tuple[str, ...]
) -> ProvisionerError:
    """Why an application was not registered, or not yet."""
    host = server.host
    if answer.status == 429:
        return _registration_throttled(server, answer)
    if answer.redirect:
        return InputError(
            "instance-moved",
            f"{host} redirects the registration of applications elsewhere.",
            why="It has moved, or this is not its own address; what is secret is not sent after a "
            "redirect.",
            todo="Open it in a browser, and name the address that it ends at with --instance.",
        )
    if answer.status in {400, 422}:
        return ScopesRefusedError(
            "registration-refused",
            f"{host} refused to register an application: {answer.described()}.",
            why=f"It does not know one of the scopes ({' '.join(scopes)}), or does not like the "
            "application's name.",
            todo="Choose scopes that this server knows with --scopes, or another --app-name.",
            link="https://docs.joinmastodon.org/api/oauth-scopes/",
        )
    if answer.refused:
        return PersonNeededError(
            "registration-closed",
            f"{host} does not let this network register applications: {answer.described()}.",
            why="It may block data centres or scripts, or have OAuth switched off.",
            todo="Make an application by hand in its Preferences > Development, and give its "
            "client id and secret; or try from another network.",
        )
    return TransportError(
        "instance-unwell",
        f"{host} is in trouble: it answers {answer.described()}.",
        todo="Run this again when the instance is well.",
    )


def _registration_throttled(server: Server, answer: Answer) -> ProvisionerError:
    """Numbers only where the server is known to have them: its admin's are in the answer."""
    limit = server.habits.registrations
    why = "It limits how many it takes from one"
    if limit:
        why = f"{server.software} takes {limit[0]} in {in_words(limit[1])} from one"
    seconds = retry_after(answer) or rate_limit_reset(answer) or (limit[1] if limit else 0)
    return ProvisionerError(
        "registration-throttled",
        f"{server.host} takes no more new applications from this address for now.",
        why=f"{why} address, and GitHub's runners share theirs.",
        todo=f"Run this again {in_minutes(seconds)}."
        if seconds
        else "Run this again later: it does not say when.",
    )


def scopes_dropped(host: str, missing: set[str]) -> ScopesRefusedError:
    """It was registered, but not with all of its scopes."""
    return ScopesRefusedError(
        "scopes-dropped",
        f"{host} registered the application without the scopes {' '.join(sorted(missing))}.",
        why="It does not know them; asking for them in the browser would only show an error page.",
        todo="Choose scopes that this server knows with --scopes.",
    )


def unknown_application(host: str, answer: Answer) -> InvalidClientError:
    """The instance does not know the client id, or not with this secret."""
    return InvalidClientError(
        "unknown-application",
        f"{host} does not accept the application: {answer.described()}.",
        why="It was deleted there, or (your own) its client id or secret is mistyped.",
        todo="Begin (or log in) again for a new application; of your own, check both strings.",
    )


def code_refused(server: Server, answer: Answer) -> InvalidGrantError:
    """The instance did not exchange the code (RFC 6749, section 5.2)."""
    return InvalidGrantError(
        "code-refused",
        f"{server.host} did not accept the code: {answer.described()}.",
        why=f"A code works once, may expire after {in_words(server.habits.code_seconds)}, and goes "
        "only with the application and the link that it was made for.",
        todo="Open the link again for a new code, and complete with that at once.",
    )


def login_refused(server: Server, answer: Answer) -> InvalidGrantError | NoPasswordGrantError:
    """The instance gave no token for user name and password (RFC 6749, section 4.3)."""
    if answer.text("error") in {"unsupported_grant_type", "unauthorized_client"}:
        return NoPasswordGrantError(server.host)
    if answer.text("error") == SECOND_FACTOR:
        return InvalidGrantError(
            "second-factor",
            f"The account has two-factor authentication at {server.host}: a password alone is not "
            "enough.",
            why="A program that is given the second factor too could act as its owner.",
            todo="Run begin, and open its link: the application is kept for that.",
        )
    return InvalidGrantError(
        "login-refused",
        f"{server.host} did not accept the user name and the password: {answer.described()}.",
        why="One of them is mistyped; Mastodon wants the e-mail address for a user name, Pleroma "
        "the nickname. Or the account has two-factor authentication: then a password alone is "
        "refused.",
        todo="Log in again. With two-factor authentication: run begin, and open its link.",
    )
