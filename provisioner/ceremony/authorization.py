"""An authorization under way: the pending one where it can serve, or a new application's."""

import base64

from provisioner.capabilities import Description, excess, missing, sets_of_scopes
from provisioner.ceremony.desk import Case, Desk, Tell, iso, unsettled
from provisioner.errors import InputError, plain
from provisioner.http import Http
from provisioner.journal import Pending
from provisioner.mastodon import Mastodon
from provisioner.mastodon_errors import ScopesRefusedError
from provisioner.oauth import Application, Server
from provisioner.secret import Secret

USABLE = 7 * 86400
"""Seconds for which a link is shown again where the server keeps unused applications."""


def warn_of_strangers(desk: Desk, case: Case) -> None:
    """Say beforehand which secrets of somebody else's it will overwrite."""
    for name in case.strangers(desk.inputs.secrets):
        desk.tell.warn(
            f"{case.repository.name} has a secret {name} that is not in this journal: it will be "
            "overwritten. The token in it stays alive; you will be told where to revoke it. "
            "If it is another bot's, give this one a name of its own: --secrets "
            "OTHER_TOKEN=access_token"
        )


def announce(
    desk: Desk, case: Case, pending: Pending | None, sets: tuple[tuple[str, ...], ...]
) -> None:
    """Say beforehand what completing it will replace.

    `pending` is what serves once more, with its own scopes; else the first of the `sets` is asked
    for.
    """
    scopes = pending.scopes if pending else sets[0]
    if pending:
        warn_of_other_scopes(desk, pending)
    if current := case.journal.current:
        desk.tell.done(f"A token is in use since {iso(current.issued_at)}: this is its rotation")
        if less := missing(scopes, current.scopes):
            desk.tell.warn(f"It may also “{plain(' '.join(less))}”; the new one will not")


def warn_of_other_scopes(desk: Desk, pending: Pending) -> None:
    """Say where the inputs name other scopes than the authorization under way asks for."""
    if desk.inputs.scopes and set(desk.inputs.scopes) != set(pending.asked):
        desk.tell.warn(
            f"The pending authorization is for {' '.join(pending.scopes)}: other scopes need a new "
            "one"
        )


def usable(desk: Desk, case: Case, server: Server) -> Pending | None:
    """The pending authorization, where it can serve once more.

    After an attempted exchange it always must: a token may have been issued whose answer was lost,
    and approving the same application again returns that very token on Mastodon.
    """
    pending, inputs = case.journal.pending, desk.inputs
    if pending is None or _is_forgotten(desk, pending):
        return None
    if pending.attempted_at is not None:
        return pending
    same = (
        case.journal.account.casefold() == str(inputs.account).casefold()
        and pending.server.origin == server.origin
        and set(pending.asked) == set(inputs.scopes_to_ask)
        and pending.app_name == inputs.name_of_app
        and (pending.application if pending.application.by_hand else None) == inputs.application
    )
    return pending if same and desk.now() - pending.begun_at < _usable_for(server) else None


def _is_forgotten(desk: Desk, pending: Pending) -> bool:
    """Whether the server may have deleted it, and would not say so.

    Where the same application does not bring a lost token back, such a one is of no use any more.
    """
    habits = pending.server.habits
    # A server that does not tell its name may be a Mastodon.
    if habits.unused_seconds is None or habits.reuses_token or not pending.server.software:
        return False
    return desk.now() - pending.begun_at >= _usable_for(pending.server)


def _usable_for(server: Server) -> int:
    """Seconds: an approval takes its time, and a link that is about to die is not shown again."""
    kept_for = server.habits.unused_seconds
    return kept_for * 2 // 3 if kept_for else USABLE


def start(desk: Desk, case: Case, server: Server, sets: tuple[tuple[str, ...], ...]) -> Pending:
    """Register an application, and write the journal with it.

    A new authorization always gets a new application, since Mastodon gives the same application,
    account and scopes the *same* token.
    """
    former = case.journal.pending
    for note in unsettled(former):
        desk.tell.warn(note)
    case.ensure_key(desk)
    application, scopes = _application(desk, server, sets)
    pending = Pending(
        server=server,
        application=application,
        verifier=_verifier(desk),
        scopes=scopes,
        asked=desk.inputs.scopes_to_ask,
        app_name=desk.inputs.name_of_app,
        begun_at=desk.now(),
        attempted_at=former.attempted_at if former else None,
    )
    case.save(account=str(desk.inputs.account), origin=server.origin, pending=pending)
    desk.tell.done("Wrote the journal")
    if former:
        desk.tell.done(f"The link of {iso(former.begun_at)} is replaced by a new one")
    return pending


def would_start(desk: Desk, case: Case, server: Server, scopes: tuple[str, ...]) -> list[str]:
    """What `start` would do, for a dry run."""
    would = [f"write the journal to the variable {case.store.name} of {case.repository.name}"]
    if desk.inputs.application is None:
        registered = f"register the application “{desk.inputs.name_of_app}” at {server.origin}"
        would.insert(0, f"{registered}, for {' '.join(scopes)}")
    if case.journal.generation == 0:
        would.insert(0, f"write the journal's key to the secret {case.store.key_name}")
    return would


def sets_to_ask(desk: Desk, told: Description) -> tuple[tuple[str, ...], ...]:
    """The sets of scopes to register with, or the one of an application that was made by hand.

    Raises InputError where the instance knows no such scopes, or does not tell what it is: then
    nobody can guess what that application was made with.
    """
    inputs, server = desk.inputs, told.server
    if inputs.application and inputs.scopes:
        return (inputs.scopes,)
    if inputs.application and not (server.software or server.has_metadata):
        raise InputError(
            "scopes-untold",
            f"{server.host} does not tell what it is, and so what the application may ask for.",
            why="A link must ask for the very scopes that an application was made with.",
            todo="Name them with --scopes.",
        )
    return sets_of_scopes(inputs.scopes_to_ask, told)


def register(
    http: Http, tell: Tell, server: Server, name: str, sets: tuple[tuple[str, ...], ...]
) -> tuple[Application, tuple[str, ...]]:
    """A new application with the first of these sets of scopes that the instance takes."""
    try:
        application, scopes = Mastodon(http, server).register(name, sets[0]), sets[0]
    except ScopesRefusedError as error:
        if len(sets) == 1:
            raise
        tell.explain(f"Scopes: not {' '.join(sets[0])} ({error.what})")
        return register(http, tell, server, name, sets[1:])
    tell.hide(application.client_secret)
    tell.done(f"Registered the application “{name}”: {' '.join(scopes)}")
    return application, scopes


def warn_of_broad(
    tell: Tell, server: Server, scopes: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    """Say where the token may do more than was asked for."""
    if broader := excess(scopes, asked):
        tell.warn(
            f"{server.host} knows no narrower scopes than {' '.join(broader)}: the token may do "
            "more than was asked for"
        )


def _application(
    desk: Desk, server: Server, sets: tuple[tuple[str, ...], ...]
) -> tuple[Application, tuple[str, ...]]:
    """A new application, or the one that was made by hand; and the scopes to ask for."""
    if desk.inputs.application:
        return desk.inputs.application, sets[0]
    application, scopes = register(desk.http, desk.tell, server, desk.inputs.name_of_app, sets)
    warn_of_broad(desk.tell, server, scopes, desk.inputs.scopes_to_ask)
    return application, scopes


def _verifier(desk: Desk) -> Secret:
    """A PKCE code verifier of 43 characters (RFC 7636, section 4.1)."""
    verifier = Secret(base64.urlsafe_b64encode(desk.entropy(32)).rstrip(b"=").decode())
    desk.tell.hide(verifier)
    return verifier
