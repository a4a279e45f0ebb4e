"""A run's config: what was given, parsed once; and what is refused before anything is asked."""

from collections.abc import Sequence

import pytest

from provisioner.config import Config, Values, parse
from provisioner.errors import InputError
from provisioner.inputs import ACTION_INPUTS, COMMANDS, INPUTS, INPUTS_OF
from provisioner.mastodon.scopes import PRESETS
from provisioner.secret import Secret

LEAST: Values = {"account": "mybot@social.example", "repository": "me/mybot", "github-token": "t"}


def config(command: str = "begin", **given: str | bool | Sequence[str]) -> Config:
    """The config of a command; `_` stands for `-`."""
    return parse(command, {**LEAST, **{name.replace("_", "-"): v for name, v in given.items()}})


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

    @pytest.mark.parametrize("command", [*COMMANDS, "auto"])
    def test_command_has_each_input_once(self, command: str) -> None:
        names = [one.name for one in INPUTS_OF[command]]
        assert len(names) == len(set(names))

    def test_every_input_belongs_to_known_commands(self) -> None:
        for one in INPUTS:
            assert one.commands or one.name == "access-token"  # which the action alone takes
            assert set(one.commands) <= set(COMMANDS)

    def test_secret_can_be_given_by_the_environment(self) -> None:
        """An option is visible in the list of processes."""
        assert [
            one.name for one in INPUTS if one.secret and one.commands and not one.environment
        ] == []

    def test_flag_has_no_default(self) -> None:
        assert [one.name for one in INPUTS if not one.metavar and one.default] == []


class TestDefaults:
    """What is not given."""

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

    def test_empty_input_is_a_missing_one(self) -> None:
        """A workflow hands in every input."""
        empty = {one.name: " " for one in ACTION_INPUTS}
        assert parse("auto", {**empty, **LEAST}, in_workflow=True) == parse(
            "auto", LEAST, in_workflow=True
        )

    def test_scopes_and_grace_that_were_not_given_are_told_from_defaults(self) -> None:
        """A check compares scopes, and revokes by a grace, only if it was given them."""
        made = config("check")
        assert made.scopes == ()
        assert made.given_grace is None
        assert config("check", grace="0").given_grace == 0

    @pytest.mark.parametrize("command", ["abandon", "check", "deprovision"])
    def test_commands_without_the_option_know_the_default_names(self, command: str) -> None:
        assert "MASTODON_ACCESS_TOKEN" in stored(config(command))

    def test_application_is_named_after_the_account(self) -> None:
        assert config(account="b" * 99 + "@social.example").name_of_app == "b" * 60


class TestWorkflow:
    """What a workflow gives besides."""

    def test_every_input_of_the_action_counts_for_every_command(self) -> None:
        """One `with:` serves check, begin and deprovision."""
        made = parse(
            "deprovision", {**LEAST, "secrets": "A=access_token", "grace": "7d"}, in_workflow=True
        )
        assert stored(made)["A"] == "access_token"
        assert made.given_grace == 7 * 86400

    def test_lines_of_one_input_are_several_names(self) -> None:
        made = parse(
            "auto", {**LEAST, "secrets": "A=access_token\nB=client_id\n"}, in_workflow=True
        )
        assert stored(made) | {"A": "access_token", "B": "client_id"} == stored(made)

    @pytest.mark.parametrize(("in_workflow", "kept"), [(True, True), (False, False)])
    def test_key_from_a_workflow_is_in_a_secret_already(
        self, *, in_workflow: bool, kept: bool
    ) -> None:
        made = parse("auto", {**LEAST, "journal-key": "k"}, in_workflow=in_workflow)
        assert made.keeps_key is kept


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

    @pytest.mark.parametrize("command", ["doctor", "register"])
    def test_neither_account_nor_instance_is_refused(self, command: str) -> None:
        assert refusal(command, account="").code == "nothing-asked"

    def test_doctor_needs_no_repository_and_no_token(self) -> None:
        assert parse("doctor", {"account": "mybot@social.example"}).repository == ""

    def test_repository_is_one_of_the_api_s_host(self) -> None:
        given = {**LEAST, "repository": "https://ghe.example/me/mybot"}
        assert parse("begin", given, api_url="https://ghe.example/api/v3").repository == "me/mybot"
        with pytest.raises(InputError):
            parse("begin", given)


class TestTwice:
    """An option given twice."""

    @pytest.mark.parametrize("name", ["account", "grace", "journal", "github_token"])
    def test_second_value_is_refused(self, name: str) -> None:
        error = refusal("complete", **{name: ["first", "second"]})
        assert error.code == "usage"
        assert "second" not in str(vars(error))

    def test_same_value_twice_is_refused(self) -> None:
        assert refusal(account=["mybot@social.example"] * 2).code == "usage"

    def test_names_to_write_are_repeated(self) -> None:
        made = config(secrets=["A=access_token", "B=client_id"])
        assert [mapping.name for mapping in made.secrets] == ["A", "B"]


class TestApplication:
    """An application of the person's own."""

    def test_client_id_and_secret_make_one(self) -> None:
        made = config(client_id=" id\n", client_secret=" s3cret ").application
        assert made is not None
        assert made.client_id == "id"
        assert made.client_secret == Secret("s3cret")
        assert made.user_supplied

    @pytest.mark.parametrize(
        "given",
        [
            {"client_id": "id"},
            {"client_secret": "s3cret"},
            {"client_id": "i d", "client_secret": "s3cret"},
            {"client_id": "id", "client_secret": "s3cret\ns3cret"},
            {"client_id": "id", "client_secret": "s3cret…"},
        ],
        ids=ascii,
    )
    def test_half_of_one_is_refused_and_not_shown(self, given: dict[str, str]) -> None:
        error = refusal(**given)
        assert error.code == "bad-application"
        assert "s3cret" not in str(vars(error))


class TestNames:
    """The names of secrets and variables."""

    @pytest.mark.parametrize(
        "given",
        [
            {"secrets": "MASTODON_JOURNAL_KEY=access_token"},
            {"secrets": "mastodon_journal=access_token"},
            {"variables": "MASTODON_JOURNAL=base_url"},
            {"journal": "token", "secrets": "TOKEN_KEY=access_token"},
        ],
        ids=str,
    )
    def test_nothing_is_written_over_the_journal_or_its_key(self, given: dict[str, str]) -> None:
        assert refusal(**given).code == "reserved-name"

    @pytest.mark.parametrize("journal", ["GITHUB_JOURNAL", "my-journal", "1", "J" * 256, "J" * 252])
    def test_journal_and_its_key_have_names_that_github_takes(self, journal: str) -> None:
        assert refusal(journal=journal).code == "bad-name"

    def test_journal_is_refused_by_the_name_that_was_given(self) -> None:
        assert "“1X”" in refusal(journal="1X").what


class TestRegister:
    """What `register` stores."""

    def test_usual_names_are_the_default(self) -> None:
        assert stored(config("register")) == {
            "MASTODON_CLIENT_ID": "client_id",
            "MASTODON_CLIENT_SECRET": "client_secret",
        }

    def test_name_of_one_leaves_the_other_s(self) -> None:
        assert stored(config("register", secrets=["S=client_secret"])) == {
            "MASTODON_CLIENT_ID": "client_id",
            "S": "client_secret",
        }

    def test_both_may_be_secrets(self) -> None:
        made = config("register", secrets=["S=client_secret", "I=client_id"])
        assert stored(made) == {"S": "client_secret", "I": "client_id"}

    @pytest.mark.parametrize(
        "given",
        [
            {"secrets": ["A=client_secret", "B=client_secret"]},
            {"secrets": ["A=access_token"]},
            {"variables": ["A=base_url"]},
            {"secrets": ["A=client_id"], "variables": ["B=client_id"]},
        ],
        ids=str,
    )
    def test_other_fields_are_refused(self, given: dict[str, list[str]]) -> None:
        assert refusal("register", **given).code == "bad-strings"

    def test_application_needs_a_name(self) -> None:
        assert refusal("register", account="", instance="social.example").code == "no-app-name"

    def test_what_is_only_shown_has_no_name_and_needs_no_github(self) -> None:
        assert refusal("register", reveal=True, secrets=["A=client_secret"]).code == "bad-strings"
        assert config("register", reveal=True, repository="", github_token="").reveal


class TestToRepeat:
    """What a command that goes on with this one is given again."""

    def test_words_are_kept_as_they_were_given(self) -> None:
        made = config("complete", grace=" 7d", secrets=["A=access_token"], client_id="id",
                      client_secret="s")  # fmt: skip
        assert made.given["grace"] == (" 7d",)
        assert made.given["secrets"] == ("A=access_token",)
        assert made.given["client-id"] == ("id",)

    def test_secrets_and_defaults_are_not_kept(self) -> None:
        made = config(
            "complete",
            client_id="id",
            client_secret="s",
            journal_key="k",
            code="c",
            journal="MASTODON_JOURNAL",
            secrets=["MASTODON_ACCESS_TOKEN=access_token"],
        )
        assert set(made.given) == {"account", "repository", "client-id"}


class TestFrozen:
    """One config for one run."""

    def test_nothing_changes_it(self) -> None:
        with pytest.raises(AttributeError):
            config().dry_run = True  # type: ignore[misc]

    def test_it_shows_no_secret(self) -> None:
        made = config("complete", journal_key="s3cret", code="s3cret", github_token="s3cret")
        assert "s3cret" not in repr(made)
