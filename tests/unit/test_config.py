"""A run's config: what was given, parsed once; and what is refused before anything is asked."""

from collections.abc import Sequence

import pytest

from provisioner.config import Config, Values, parse
from provisioner.errors import InputError
from provisioner.inputs import ACTION_INPUTS, INPUTS
from provisioner.mastodon.scopes import PRESETS
from provisioner.secret import Secret

LEAST: Values = {"account": "mybot@social.example", "repository": "me/mybot", "github-token": "t"}


def config(command: str = "begin", **given: str | bool | Sequence[str]) -> Config:
    """The config of a command; `_` stands for `-`."""
    in_workflow = bool(given.pop("in_workflow", False))
    values = {**LEAST, **{name.replace("_", "-"): value for name, value in given.items()}}
    return parse(command, values, in_workflow=in_workflow)


def refusal(command: str = "begin", **given: str | bool | Sequence[str]) -> InputError:
    """The error for what was given."""
    with pytest.raises(InputError) as caught:
        config(command, **given)
    return caught.value


def stored(config: Config) -> dict[str, str]:
    """What is written, by the names of the secrets and variables."""
    return {mapping.name: mapping.field for mapping in config.mappings}


class TestTable:
    """The table of inputs."""

    def test_secret_can_be_given_by_the_environment(self) -> None:
        """An option is visible in the list of processes."""
        assert [
            one.name for one in INPUTS if one.secret and one.commands and not one.environment
        ] == []


class TestGiven:
    """What is given, and what is not."""

    def test_documented_defaults_are_filled_in(self) -> None:
        made = config()
        assert stored(made) == {
            "MASTODON_ACCESS_TOKEN": "access_token",
            "MASTODON_BASE_URL": "base_url",
        }
        assert made.journal == "MASTODON_JOURNAL"
        assert made.requested_scopes == PRESETS["post"]
        assert made.grace == 24 * 3600
        assert made.max_age is None
        assert made.api_url == "https://api.github.com"
        assert made.application is None
        assert not made.dry_run

    def test_each_option_is_parsed_into_its_field(self) -> None:
        made = config("check", max_age="90d", scopes="read", instance="a.example", journal="j")
        assert made.max_age == 90 * 86400
        assert made.scopes == made.requested_scopes == ("read",)
        assert made.instance == "https://a.example"
        assert made.journal == "J"
        made = config("login", app_name="My bot", dry_run=True, variables="A=account")
        assert made.name_of_app == "My bot"
        assert made.dry_run
        assert [mapping.name for mapping in made.variables] == ["A"]
        made = config("post", text=" howdy ", visibility="direct", journal_key=" k\n")
        assert made.text == " howdy "
        assert made.visibility == "direct"
        assert made.journal_key == Secret("k")
        assert config("deprovision", yes=True).yes
        assert config("complete", code="c").code == "c"

    def test_empty_input_is_a_missing_one(self) -> None:
        """A workflow hands in every input."""
        empty = {one.name: " " for one in ACTION_INPUTS}
        made = parse("auto", {**empty, **LEAST}, in_workflow=True)
        assert made == config("auto", in_workflow=True)

    def test_scopes_and_grace_that_were_not_given_are_told_from_defaults(self) -> None:
        """A check compares scopes, and revokes by a grace, only if it was given them."""
        made = config("check")
        assert made.scopes == ()
        assert made.given_grace is None
        assert config("check", grace="0").given_grace == 0

    def test_commands_without_the_option_know_the_default_names(self) -> None:
        assert "MASTODON_ACCESS_TOKEN" in stored(config("deprovision"))

    def test_application_is_named_after_the_account(self) -> None:
        assert config(account="b" * 99 + "@social.example").name_of_app == "b" * 60

    def test_option_that_takes_one_value_is_refused_twice(self) -> None:
        error = refusal("complete", grace=["same", "same"])
        assert error.code == "usage"
        assert "same" not in str(vars(error))


class TestWorkflow:
    """What a workflow gives besides."""

    def test_every_input_of_the_action_counts_for_every_command(self) -> None:
        """One `with:` serves check, begin and deprovision."""
        names = "A=access_token\nB=client_id\n"
        made = config("deprovision", in_workflow=True, secrets=names, grace="7d")
        assert set(stored(made)) > {"A", "B"}
        assert made.given_grace == 7 * 86400


class TestRequired:
    """What must be given."""

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("account", "bad-account"),
            ("repository", "bad-repository"),
            ("github_token", "no-github-token"),
        ],
    )
    def test_begin_needs_account_repository_and_token(self, name: str, code: str) -> None:
        assert refusal(**{name: ""}).code == code

    @pytest.mark.parametrize("command", ["doctor", "register"])
    def test_account_or_instance_is_enough(self, command: str) -> None:
        made = config(command, account="", instance="social.example", app_name="My bot")
        assert made.account is None
        assert made.instance == "https://social.example"
        assert refusal(command, account="").code == "bad-account"

    def test_doctor_needs_no_repository_and_no_token(self) -> None:
        assert parse("doctor", {"account": "mybot@social.example"}).repository == ""

    def test_repository_is_one_of_the_api_s_host(self) -> None:
        given = {**LEAST, "repository": "https://ghe.example/me/mybot"}
        assert parse("begin", given, api_url="https://ghe.example/api/v3").repository == "me/mybot"
        with pytest.raises(InputError):
            parse("begin", given)


class TestApplication:
    """An application of the person's own."""

    def test_client_id_and_secret_make_one(self) -> None:
        made = config(client_id=" id\n", client_secret=" s3cret ").application
        assert made is not None
        assert made.client_id == "id"
        assert made.client_secret == Secret("s3cret")
        assert made.user_supplied

    @pytest.mark.parametrize(
        ("client_id", "client_secret"),
        [("id", ""), ("", "s3cret"), ("i d", "s3cret"), ("id", "s3cret\nx")],
    )
    def test_half_of_one_is_refused_and_not_shown(self, client_id: str, client_secret: str) -> None:
        error = refusal(client_id=client_id, client_secret=client_secret)
        assert error.code == "bad-application"
        assert "s3cret" not in str(vars(error))


class TestNames:
    """The names of secrets and variables."""

    @pytest.mark.parametrize(
        "given",
        [
            {"secrets": "MASTODON_JOURNAL_KEY=access_token"},
            {"secrets": "mastodon_journal=access_token"},
            {"journal": "token", "secrets": "TOKEN_KEY=access_token"},
        ],
        ids=str,
    )
    def test_nothing_is_written_over_the_journal_or_its_key(self, given: dict[str, str]) -> None:
        assert refusal(**given).code == "reserved-name"

    @pytest.mark.parametrize("journal", ["my-journal", "J" * 252])
    def test_journal_and_its_key_have_names_that_github_takes(self, journal: str) -> None:
        assert refusal(journal=journal).code == "bad-name"

    def test_journal_is_refused_by_the_name_that_was_given(self) -> None:
        assert "“1X”" in refusal(journal="1X").what


class TestRegister:
    """What `register` stores."""

    @pytest.mark.parametrize(
        ("given", "names"),
        [
            ({}, ["MASTODON_CLIENT_SECRET", "MASTODON_CLIENT_ID"]),
            ({"secrets": ["S=client_secret"]}, ["S", "MASTODON_CLIENT_ID"]),
            ({"secrets": ["I=client_id"]}, ["I", "MASTODON_CLIENT_SECRET"]),
            ({"secrets": ["S=client_secret", "I=client_id"]}, ["S", "I"]),
            ({"variables": ["I=client_id"]}, ["MASTODON_CLIENT_SECRET", "I"]),
        ],
        ids=str,
    )
    def test_what_has_no_name_gets_the_usual_one(
        self, given: dict[str, list[str]], names: list[str]
    ) -> None:
        made = config("register", **given)
        assert [mapping.name for mapping in made.mappings] == names
        assert sorted(stored(made).values()) == ["client_id", "client_secret"]

    @pytest.mark.parametrize(
        "given",
        [
            {"secrets": ["A=client_secret", "B=client_secret"]},
            {"secrets": ["A=access_token"]},
            {"secrets": ["A=client_id"], "variables": ["B=client_id"]},
            {"reveal": True, "secrets": ["A=client_secret"]},
            {"reveal": True, "variables": ["A=client_id"]},
        ],
        ids=str,
    )
    def test_other_fields_and_names_for_what_is_only_shown_are_refused(
        self, given: dict[str, bool | list[str]]
    ) -> None:
        assert refusal("register", **given).code == "bad-strings"

    def test_application_needs_a_name(self) -> None:
        assert refusal("register", account="", instance="social.example").code == "no-app-name"

    def test_what_is_only_shown_needs_no_github(self) -> None:
        assert config("register", reveal=True, repository="", github_token="").reveal


class TestToRepeat:
    """What a command that goes on with this one is given again."""

    def test_words_are_kept_as_they_were_given(self) -> None:
        names = ["A=access_token", "B=client_id"]
        made = config("complete", grace=" 7d", secrets=names, client_id="id", client_secret="s")
        assert made.given == {
            "account": ("mybot@social.example",),
            "repository": ("me/mybot",),
            "grace": (" 7d",),
            "secrets": tuple(names),
            "client-id": ("id",),
        }

    def test_secrets_flags_and_defaults_are_not_kept(self) -> None:
        made = config(
            "complete",
            journal_key="k",
            code="c",
            dry_run=True,
            journal="MASTODON_JOURNAL",
            secrets=["MASTODON_ACCESS_TOKEN=access_token"],
        )
        assert set(made.given) == {"account", "repository"}


def test_config_shows_no_secret() -> None:
    made = config("complete", journal_key="s3cret", code="s3cret", github_token="s3cret")
    assert "s3cret" not in repr(made)
