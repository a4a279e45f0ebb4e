"""A run's config: what was given, parsed once; and what is refused before anything is asked."""

from collections.abc import Sequence

import pytest

from provisioner.config import Config, Values, parse
from provisioner.inputs import ACTION_INPUTS, INPUTS
from provisioner.mastodon.scopes import PRESETS
from provisioner.report import Exit
from provisioner.secret import Secret
from tests.support.told import fails

LEAST: Values = {"account": "mybot@social.example", "repository": "me/mybot", "github-token": "t"}
Given = dict[str, str | bool | Sequence[str]]


def config(command: str = "begin", **given: str | bool | Sequence[str]) -> Config:
    """The config of a command; `_` stands for `-`."""
    in_workflow = bool(given.pop("in_workflow", False))
    values = {**LEAST, **{name.replace("_", "-"): value for name, value in given.items()}}
    return parse(command, values, in_workflow=in_workflow)


def stored(config: Config) -> dict[str, str]:
    """What is written, by the names of the secrets and variables."""
    return {mapping.name: mapping.field for mapping in config.mappings}


def test_secret_can_be_given_by_the_environment() -> None:
    """An option is visible in the list of processes."""
    secret = [one for one in INPUTS if one.secret and one.commands]
    assert [one.name for one in secret if not one.environment] == []


def test_documented_defaults_are_filled_in() -> None:
    made = config()
    assert stored(made) == {
        "MASTODON_ACCESS_TOKEN": "access_token",
        "MASTODON_BASE_URL": "base_url",
    }
    assert stored(config("deprovision")) == stored(made)  # it has no option for them
    assert made.journal == "MASTODON_JOURNAL"
    assert made.scopes == ()  # a check compares scopes only if it was given them
    assert made.requested_scopes == PRESETS["post"]
    assert made.given_grace is None  # and revokes by a grace only if it was given one
    assert made.grace == 24 * 3600
    assert made.max_age is None
    assert made.api_url == "https://api.github.com"
    assert made.application is None
    assert not made.dry_run
    assert config(account="b" * 99 + "@social.example").name_of_app == "b" * 60


def test_each_option_is_parsed_into_its_field() -> None:
    made = config("check", max_age="90d", scopes="read", instance="a.example", journal="j")
    assert made.max_age == 90 * 86400
    assert made.scopes == made.requested_scopes == ("read",)
    assert made.instance == "https://a.example"
    assert made.journal == "J"
    assert config("check", grace="0").given_grace == 0
    made = config("login", app_name="My bot", dry_run=True, variables="A=account")
    assert made.name_of_app == "My bot"
    assert made.dry_run
    assert [mapping.name for mapping in made.variables] == ["A"]
    made = config("post", text=" howdy ", visibility="direct", journal_key=" k\n")
    assert made.text == " howdy "
    assert made.visibility == "direct"
    assert made.journal_key == Secret("k")
    assert config("deprovision", yes=True).yes
    assert config("complete", code="c").code == Secret("c")
    application = config(client_id=" id\n", client_secret=" s3cret ").application
    assert application is not None
    assert application.client_id == "id"
    assert application.client_secret == Secret("s3cret")
    assert application.user_supplied


def test_doctor_and_register_need_no_account_or_no_github() -> None:
    for command in "doctor", "register":
        made = config(command, account="", instance="social.example", app_name="My bot")
        assert made.account is None
        assert made.instance == "https://social.example"
        with pytest.raises(ValueError, match="account"):
            _ = made.handle
    assert parse("doctor", {"account": "mybot@social.example"}).repository == ""
    assert config("check", account="").account is None  # the journal names it
    assert config("register", reveal=True, repository="", github_token="").reveal


# In a workflow.


def test_empty_input_is_a_missing_one() -> None:
    """A workflow hands in every input."""
    empty = {one.name: " " for one in ACTION_INPUTS}
    made = parse("auto", {**empty, **LEAST}, in_workflow=True)
    assert made == config("auto", in_workflow=True)


def test_every_input_of_the_action_counts_for_every_command() -> None:
    """One `with:` serves check, begin and deprovision."""
    names = "A=access_token\nB=client_id\n"
    made = config("deprovision", in_workflow=True, secrets=names, grace="7d")
    assert set(stored(made)) > {"A", "B"}
    assert made.given_grace == 7 * 86400


# What is refused.


@pytest.mark.parametrize(
    ("code", "command", "given"),
    [
        ("bad-account", "begin", {"account": "", "instance": "social.example"}),
        ("bad-repository", "begin", {"repository": ""}),
        ("no-github-token", "begin", {"github_token": ""}),
        ("bad-account", "doctor", {"account": ""}),
        ("bad-account", "check", {"account": "", "in_workflow": True}),
        ("usage", "complete", {"grace": ["s3cret", "s3cret"]}),
        ("bad-application", "begin", {"client_id": "id"}),
        ("bad-application", "begin", {"client_secret": "s3cret"}),
        ("bad-application", "begin", {"client_id": "i d", "client_secret": "s3cret"}),
        ("bad-application", "begin", {"client_id": "id", "client_secret": "s3cret\nx"}),
        ("reserved-name", "begin", {"secrets": "MASTODON_JOURNAL_KEY=access_token"}),
        ("reserved-name", "begin", {"secrets": "mastodon_journal=access_token"}),
        ("reserved-name", "begin", {"journal": "token", "secrets": "TOKEN_KEY=access_token"}),
        ("reserved-name", "register", {"secrets": "MASTODON_JOURNAL=access_token"}),
        ("bad-name", "begin", {"journal": "my-journal"}),
        ("bad-name", "begin", {"journal": "J" * 252}),  # its key's name is longer
        ("no-app-name", "register", {"account": "", "instance": "social.example"}),
        ("bad-strings", "register", {"secrets": ["A=client_secret", "B=client_secret"]}),
        ("bad-strings", "register", {"secrets": ["A=access_token"]}),
        ("bad-strings", "register", {"secrets": ["A=client_id"]}),
        ("bad-strings", "register", {"variables": ["A=account"]}),
        ("bad-strings", "register", {"reveal": True, "secrets": ["A=client_secret"]}),
        ("bad-strings", "register", {"reveal": True, "variables": ["A=client_id"]}),
    ],
    ids=str,
)
def test_input_is_refused_and_not_shown(code: str, command: str, given: Given) -> None:
    with fails(code, Exit.INPUT) as caught:
        config(command, **given)
    assert "s3cret" not in str(vars(caught.value))


def test_repository_is_one_of_the_api_s_host() -> None:
    given = {**LEAST, "repository": "https://ghe.example/me/mybot"}
    assert parse("begin", given, api_url="https://ghe.example/api/v3").repository == "me/mybot"
    with fails("bad-repository", Exit.INPUT):
        parse("begin", given)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ["MASTODON_CLIENT_SECRET", "MASTODON_CLIENT_ID"]),
        ({"secrets": ["S=client_secret"]}, ["S", "MASTODON_CLIENT_ID"]),
        ({"variables": ["I=client_id"]}, ["MASTODON_CLIENT_SECRET", "I"]),
    ],
    ids=str,
)
def test_what_register_was_given_no_name_for_gets_the_usual_one(
    given: Given, names: list[str]
) -> None:
    assert list(stored(config("register", **given))) == names


# What a command that goes on with this one is given again.


def test_words_are_kept_as_they_were_given_without_secrets_flags_arguments_and_defaults() -> None:
    names = ["A=access_token", "B=client_id"]
    made = config(
        "login",
        grace=" 7d",
        secrets=names,
        journal="MASTODON_JOURNAL",
        client_id="id",
        client_secret="s3cret",
        journal_key="s3cret",
        dry_run=True,
    )
    assert made.given == {
        "account": ("mybot@social.example",),
        "repository": ("me/mybot",),
        "grace": (" 7d",),
        "secrets": tuple(names),
        "client-id": ("id",),
    }
    assert "s3cret" not in repr(made)
    assert config("post", text="howdy").given.keys() == LEAST.keys() - {"github-token"}
