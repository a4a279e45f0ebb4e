"""register: an application alone, without a token; its two strings are kept, or handed back.

They are given to begin, complete and login again as an application of the person's own.
"""

from dataclasses import dataclass

from provisioner import defaults
from provisioner.capabilities import sets_of_scopes
from provisioner.ceremony import authorization
from provisioner.ceremony.desk import Tell
from provisioner.destinations import Mapping, parse_secrets, parse_variables, require_distinct
from provisioner.discovery import describe, locate
from provisioner.errors import InputError, PersonNeededError, ProvisionerError
from provisioner.github import Repository
from provisioner.http import Http
from provisioner.inputs import LONGEST_APP_NAME, Question, parse_app_name
from provisioner.oauth import Application
from provisioner.outcomes import Registered
from provisioner.secret import Secret

KEPT_ID = Mapping("variables", defaults.CLIENT_ID, "client_id")
KEPT_SECRET = Mapping("secrets", defaults.CLIENT_SECRET, "client_secret")
"""Where the two strings usually go. The client id is no secret: in one, nobody could read it again,
and GitHub would mask it in the link that a workflow shows."""


@dataclass(frozen=True)
class Order:
    """What is to be registered where, and the names under which it is kept."""

    where: Question
    name: str
    mappings: tuple[Mapping, ...]


def parse_order(where: Question, app_name: str, secrets: str, variables: str) -> Order:
    """What is not given a name has its usual one. Raises InputError."""
    name = parse_app_name(app_name) or (
        where.account.user[:LONGEST_APP_NAME] if where.account else ""
    )
    if not name:
        raise InputError(
            "no-app-name",
            "The application has no name.",
            why="It is shown in public under each post; without an account there is no default.",
            todo="Give it one with --app-name, or name the account with --account.",
        )
    named = parse_secrets(secrets) + parse_variables(variables)
    fields = {mapping.field for mapping in named}
    if len(fields) < len(named) or fields - {"client_id", "client_secret"}:
        raise InputError(
            "bad-strings",
            "An application has two strings to keep, client_id and client_secret, each once.",
            why="It has no token yet.",
            todo="Write --variables NAME=client_id and --secrets NAME=client_secret, or leave out "
            "either: then it is kept under its usual name.",
        )
    require_distinct(defaults.JOURNAL, named)
    usual = tuple(one for one in (KEPT_ID, KEPT_SECRET) if one.field not in fields)
    return Order(where, name, named + usual)


def register(http: Http, tell: Tell, order: Order) -> tuple[Application, Registered]:
    """Register an application, as begin does. Raises ProvisionerError."""
    origin, how = locate(http, order.where.account, order.where.instance)
    told = describe(http, origin)
    tell.done(f"Found the instance: {origin}, {how}")
    sets = sets_of_scopes(order.where.scopes, told)
    application, scopes = authorization.register(http, tell, told.server, order.name, sets)
    authorization.warn_of_broad(tell, told.server, scopes, order.where.scopes)
    return application, Registered(instance=origin, name=order.name, scopes=scopes)


def register_and_keep(http: Http, tell: Tell, order: Order, repository: Repository) -> Registered:
    """Register an application, and write its two strings; none that is there is overwritten.

    Everything is looked at before anything is registered: registrations are throttled.
    Raises ProvisionerError.
    """
    _ = repository.sealing_key
    for mapping in order.mappings:
        _require_free(repository, mapping)
    application, outcome = register(http, tell, order)
    try:
        for mapping in order.mappings:
            _write(repository, mapping, application)
            tell.done(f"Wrote {mapping.name} to the {mapping.kind} of {repository.name}")
    except ProvisionerError as error:
        names = " and ".join(mapping.name for mapping in order.mappings)
        raise PersonNeededError(  # running it again finds the names taken
            error.ident,
            error.what,
            why=f"{error.why} The application is registered, but not kept as a whole; without a "
            "token it opens nothing.",
            todo=f"{error.todo} Then delete {names} in {repository.name}, whichever is there, and "
            "register again.",
        ) from None
    return outcome.kept_in(repository.name, order.mappings)


def _require_free(repository: Repository, mapping: Mapping) -> None:
    if mapping.kind == "secrets":
        taken = repository.has_secret(mapping.name)
    else:
        taken = repository.variable(mapping.name) is not None
    if taken:
        raise InputError(
            "name-taken",
            f"{repository.name} has {mapping.name} among its {mapping.kind} already.",
            why="It may be in use: another application's, which nobody could bring back. Or a "
            "register before this one stopped half-way.",
            todo="Delete it, if nothing uses it, or choose other names: --variables NAME=client_id "
            "--secrets NAME=client_secret.",
        )


def _write(repository: Repository, mapping: Mapping, application: Application) -> None:
    client_id = mapping.field == "client_id"
    value = Secret(application.client_id) if client_id else application.client_secret
    if mapping.kind == "secrets":
        repository.put_secret(mapping.name, value)
    else:  # no field of a variable is a secret
        repository.put_variable(mapping.name, application.client_id)
