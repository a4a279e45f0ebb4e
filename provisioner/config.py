"""What a run is asked to do: one frozen `Config`, parsed once. Pure: no network, no environment."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from provisioner.github.destinations import Mapping as Destined
from provisioner.github.destinations import check_name, parse_mappings, require_distinct
from provisioner.inputs import ACTION_INPUTS, INPUTS_OF, OF_A_JOURNAL, Input
from provisioner.mastodon.instance import Application
from provisioner.mastodon.scopes import PRESETS, parse_scopes
from provisioner.parsing import (
    MAX_APP_NAME,
    Handle,
    parse_account,
    parse_api_url,
    parse_app_name,
    parse_duration,
    parse_github_token,
    parse_instance,
    parse_repository,
    parse_visibility,
)
from provisioner.report import InputError, Set
from provisioner.secret import Secret, is_visible

DEFAULT_GRACE = 86400
NONE = Secret("")
DEFAULTS = {one.name: (one.default,) for one in ACTION_INPUTS}
Values = Mapping[str, str | bool | Sequence[str]]
"""What was given, by the names of the inputs; what was not given is empty or missing."""
Words = dict[str, tuple[str, ...]]
"""The same without what was not given; a flag that was is some word."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run is asked, parsed."""

    command: str
    """In a workflow also “auto”, which chooses when it has read the journal, and “check-token”."""
    account: Handle | None
    """None for a doctor or a register that were given an instance alone; on a person's own machine
    also until the journal, which names it, is read."""
    repository: str = ""
    instance: str
    """An origin; "" where the account tells."""
    scopes: tuple[str, ...]
    """Empty where none were named: a new token gets the default, a check takes those it has."""
    app_name: str
    secrets: tuple[Destined, ...]
    variables: tuple[Destined, ...]
    journal: str
    journal_key: Secret
    github_token: Secret = NONE
    access_token: Secret
    """The bot's own, as its secret holds it; only a check takes it."""
    api_url: str
    application: Application | None
    """The person's own: made in Preferences > Development, or by `register`."""
    given_grace: int | None
    """Seconds that a superseded token lives on, where they were given: a check revokes by them."""
    max_age: int | None
    """Seconds after which a check demands a new token; None for never."""
    code: Secret
    """As it was pasted."""
    text: str
    visibility: str
    reveal: bool
    dry_run: bool
    yes: bool
    start_over: bool
    with_rotation: bool
    rotate: bool = False
    """In a workflow: whether a token in use is to be replaced."""
    scheduled: bool = False
    is_rerun: bool = False
    """Whether the workflow's run is a re-run, which brings the first attempt's inputs."""
    in_workflow: bool
    """Whether a workflow hands these in, with its secrets; else a person at a shell."""
    given: Mapping[str, tuple[str, ...]]
    """The words of what was not left to its default, secrets apart: for commands to be pasted."""

    @property
    def handle(self) -> Handle:
        if self.account is None:
            raise ValueError("This command was parsed without an account.")
        return self.account

    @property
    def grace(self) -> int:
        """Seconds that the token lives on which a new one replaces."""
        return DEFAULT_GRACE if self.given_grace is None else self.given_grace

    @property
    def mappings(self) -> tuple[Destined, ...]:
        return (*self.secrets, *self.variables)

    @property
    def requested_scopes(self) -> tuple[str, ...]:
        return self.scopes or PRESETS["post"]

    @property
    def name_of_app(self) -> str:
        """Shown in public under each post, and so never the repository's name by default."""
        return self.app_name or (self.account.user[:MAX_APP_NAME] if self.account else "")


def parse(command: str, values: Values, *, api_url: str = "", in_workflow: bool = False) -> Config:
    """The config of a command. Raises InputError."""
    inputs = INPUTS_OF["auto" if in_workflow else command]
    given = words_of(inputs, values)
    words = {**DEFAULTS, **{one.name: (one.default,) for one in inputs}, **given}

    def text(name: str) -> str:
        return words.get(name, ("",))[0].strip()

    config = Config(
        command=command,
        account=_account(command, text("account"), text("instance"), in_workflow=in_workflow),
        instance=parse_instance(text("instance")),
        scopes=parse_scopes(text("scopes")) if "scopes" in given else (),
        app_name=parse_app_name(text("app-name")),
        secrets=parse_mappings("secrets", words["secrets"]),
        variables=parse_mappings("variables", words["variables"]),
        journal=check_name(text("journal")),
        journal_key=Secret(text("journal-key")),
        access_token=Secret(text("access-token")),
        api_url=parse_api_url(api_url),
        application=_application(text("client-id"), text("client-secret")),
        given_grace=parse_duration("grace", text("grace")) if "grace" in given else None,
        max_age=parse_duration("max-age", text("max-age")) if "max-age" in given else None,
        code=Secret(text("code")),
        text="".join(given.get("text", ())),
        visibility=parse_visibility(text("visibility")),
        reveal="reveal" in given,
        dry_run="dry-run" in given,
        yes="yes" in given,
        start_over="start-over" in given,
        with_rotation="with-rotation" in given,
        in_workflow=in_workflow,
        given=_to_paste(inputs, given),
    )
    check_name(f"{config.journal}_KEY")
    require_distinct(config.journal, config.mappings)
    if command == "register":
        _require_strings(config, given)
    if command in {"doctor", "check-token", "init"} or config.reveal:
        return config  # none of them needs GitHub
    return replace(
        config,
        repository=parse_repository(text("repository"), config.api_url),
        github_token=parse_github_token(
            text("github-token"), config.api_url, in_workflow=in_workflow
        ),
    )


def _to_paste(inputs: Sequence[Input], given: Words) -> Words:
    """What a printed command repeats: what was not left to its default, secrets apart."""
    return {
        one.name: given[one.name]
        for one in inputs
        if one.metavar and not one.secret and not one.argument
        if given.get(one.name, (one.default,)) != (one.default,)
    }


def words_of(inputs: Sequence[Input], values: Values) -> Words:
    """The words of each of these inputs that was given, and is not empty. Raises InputError."""
    given = {}
    for one in inputs:
        value = values.get(one.name, ())
        if isinstance(value, str | bool):
            value = (str(value or ""),)
        if len(value) > 1 and not one.repeatable:
            what = f"--{one.name} takes one value, but was given {len(value)} times."
            raise InputError("usage", what, next=("Give it once.",))
        if words := tuple(word for word in value if word.strip()):
            given[one.name] = words
    return given


def _account(command: str, account: str, instance: str, *, in_workflow: bool) -> Handle | None:
    """The account; None where the journal names it, or where an instance is enough."""
    in_journal = command in OF_A_JOURNAL and not in_workflow
    if not account and (in_journal or (command in {"doctor", "register"} and instance)):
        return None
    return parse_account(account)


def _application(client_id: str, client_secret: str) -> Application | None:
    if not client_id and not client_secret:
        return None
    if not is_visible(client_id) or not is_visible(client_secret):
        raise InputError(
            "bad-application",
            "Your own application needs both its client id and its client secret.",
            why="One of them is missing, has a space or a line break, or is too long.",
            next=(
                "Copy both from the instance: Preferences > Development > your application.",
                Set("client-id"),
                Set("client-secret"),
            ),
        )
    return Application(client_id, Secret(client_secret), user_supplied=True)


def _require_strings(config: Config, given: Words) -> None:
    """Raise InputError unless `register` has a name to give, and knows where to store what."""
    if not config.name_of_app:
        raise InputError(
            "no-app-name",
            "The application has no name.",
            why="It is shown in public under each post. By default it is the account's name.",
            next=(Set("app-name", "My bot"),),
        )
    fields = [mapping.field for mapping in config.mappings]
    is_named = not given.keys().isdisjoint({"secrets", "variables"})
    if fields != ["client_secret", "client_id"] or (config.reveal and is_named):
        raise InputError(
            "bad-strings",
            "register stores one client secret and one client id; with --reveal, none.",
            why="The application has no token yet. Its client id is no secret: nobody could read "
            "it again, and GitHub would mask it in the link that a workflow shows.",
            next=(Set("variables", "MY_ID=client_id"), Set("secrets", "MY_SECRET=client_secret")),
        )
