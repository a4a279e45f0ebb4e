"""The step of a workflow: what it is asked, and what it tells the runner. Nothing is requested."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provisioner.action import Runner, Step
from provisioner.config import Config
from provisioner.errors import ActionRequiredError, InputError, ProvisionerError
from provisioner.report import Exit, Item, Open, Report, Run, Set
from provisioner.secret import Secret

ACCOUNT = "mybot@social.example"
LINK = "https://social.example/oauth/authorize?client_id=x"
WITH = {
    "account": ACCOUNT,
    "github-token": "github-token-1",
    "journal-key": "journal-key-1",
    "command": "auto",
}


@dataclass
class Scene:
    """One step of a workflow in the repository me/mybot."""

    folder: Path
    event: str = "workflow_dispatch"
    inputs: object = None
    given: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        event = self.folder / "event.json"
        event.write_text(json.dumps({"inputs": self.inputs}))
        self.log = io.StringIO()
        with_ = {f"INPUT_{name.upper()}": value for name, value in {**WITH, **self.given}.items()}
        environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.event,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_REPOSITORY": "me/mybot",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            **with_,
            **self.more,
        }
        self.step = Step(Runner(environment, self.log))

    def config(self) -> Config:
        """What the run is asked."""
        return self.step.config(self.step.command())

    def refusal(self) -> InputError:
        """The error that the run ends with before anything is asked of anybody."""
        with pytest.raises(InputError) as caught:
            self.config()
        return caught.value

    @property
    def lines(self) -> list[str]:
        """The log."""
        return self.log.getvalue().splitlines()

    @property
    def summary(self) -> str:
        """The job's summary."""
        return (self.folder / "summary").read_text()

    @property
    def outputs(self) -> str:
        """The file of the outputs."""
        path = self.folder / "output"
        return path.read_text() if path.exists() else ""


class TestAsked:
    """What a run is asked."""

    def test_inputs_event_and_attempt_make_the_config(self, tmp_path: Path) -> None:
        scene = Scene(
            tmp_path,
            inputs={"code": " c0de-c0de ", "rotate": True},
            given={"secrets": "A=access_token\nB=client_id", "grace": "7d"},
            more={"GITHUB_RUN_ATTEMPT": "2", "GITHUB_API_URL": "https://ghe.example/api/v3"},
        )
        config = scene.config()
        assert config.command == "auto"
        assert str(config.account) == ACCOUNT
        assert config.repository == "me/mybot"
        assert config.code == "c0de-c0de"
        assert config.rotate
        assert config.is_rerun
        assert not config.scheduled
        assert config.in_workflow
        assert config.keeps_key
        assert config.api_url == "https://ghe.example/api/v3"
        assert [mapping.name for mapping in config.secrets] == ["A", "B"]

    def test_schedule_has_no_code(self, tmp_path: Path) -> None:
        config = Scene(tmp_path, "schedule", inputs={"code": "c0de-c0de"}).config()
        assert config.scheduled
        assert config.code == ""

    def test_grace_that_stands_nowhere_is_not_given(self, tmp_path: Path) -> None:
        """Else each weekly check would shorten what a rotation was given."""
        config = Scene(tmp_path).config()
        assert config.given_grace is None
        assert config.grace == 24 * 3600

    @pytest.mark.parametrize("event", ["push", "pull_request_target", "issue_comment", ""])
    def test_events_of_strangers_are_refused(self, tmp_path: Path, event: str) -> None:
        assert Scene(tmp_path, event).refusal().code == "wrong-event"

    def test_demo_runs_on_any_event(self, tmp_path: Path) -> None:
        assert Scene(tmp_path, "push", given={"command": "demo"}).step.command() == "demo"

    @pytest.mark.parametrize("name", ["code", "rotate"])
    @pytest.mark.parametrize("value", ["", "x"])
    def test_input_that_the_log_would_show_is_refused(
        self, tmp_path: Path, name: str, value: str
    ) -> None:
        """Also where it is empty: the next time it would have a value."""
        assert Scene(tmp_path, given={name: value}).refusal().code == "input-in-log"

    @pytest.mark.parametrize("command", ["login", "provision", "Check"])
    def test_other_commands_are_refused(self, tmp_path: Path, command: str) -> None:
        assert Scene(tmp_path, given={"command": command}).refusal().code == "bad-command"

    @pytest.mark.parametrize("rotate", ["yes", "True", "1"])
    def test_boolean_is_true_or_false(self, tmp_path: Path, rotate: str) -> None:
        assert Scene(tmp_path, inputs={"rotate": rotate}).refusal().code == "bad-boolean"

    def test_other_repository_needs_a_key_from_here(self, tmp_path: Path) -> None:
        given = {"repository": "me/other", "journal-key": ""}
        assert Scene(tmp_path, given=given).refusal().code == "journal-key-elsewhere"
        assert Scene(tmp_path, given={"repository": "me/other"}).config().repository == "me/other"

    def test_nothing_runs_without_a_runner(self, tmp_path: Path) -> None:
        """Nobody would hide the masks."""
        scene = Scene(tmp_path, more={"GITHUB_ACTIONS": ""})
        assert scene.refusal().code == "no-runner"
        assert scene.lines == []


class TestMasks:
    """What the runner hides."""

    def test_secrets_are_masked_before_anything_else(self, tmp_path: Path) -> None:
        given = {"client-secret": "client-secret-1", "client-id": "x", "command": "nonsense"}
        scene = Scene(tmp_path, inputs={"code": "c0de-c0de"}, given=given)
        scene.refusal()
        masked = ["github-token-1", "journal-key-1", "client-secret-1", "c0de-c0de"]
        assert scene.lines == [f"::add-mask::{secret}" for secret in masked]

    @pytest.mark.parametrize(
        ("pasted", "secret"),
        [
            ("c0de-c0de", "c0de-c0de"),
            ("https://social.example/oauth/native?code=c0de-c0de&state=x", "c0de-c0de"),
            ("code=c0de-c0de", "c0de-c0de"),
        ],
    )
    def test_only_the_code_of_an_address_is_masked(
        self, tmp_path: Path, pasted: str, secret: str
    ) -> None:
        """The instance's address must stay readable."""
        scene = Scene(tmp_path, inputs={"code": pasted})
        scene.step.command()
        assert scene.lines[-1] == f"::add-mask::{secret}"

    def test_code_under_with_is_masked_too(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path, given={"code": "c0de-c0de"})
        scene.refusal()
        assert "::add-mask::c0de-c0de" in scene.lines

    def test_secret_that_comes_into_being_is_masked(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path)
        scene.step.mask(Secret("t0ken-t0ken"))
        assert scene.lines == ["::add-mask::t0ken-t0ken"]


ITEM = Item("soon", "A secret is overwritten.", (Set("secrets", "A=access_token"),))


class TestReport:
    """How a run ended well."""

    def test_link_stands_in_log_annotation_and_summary(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path)
        steps = (Open(LINK), Run("complete", code=True))
        scene.step.report(Report("approval-pending", "Open this link", link=LINK, next=steps))
        assert scene.lines[:3] == [
            "Open this link",
            LINK,
            f"::notice title=Open this link::{LINK}",
        ]
        assert "Next: Press Run workflow with the code in the field code." in scene.lines
        assert LINK in scene.summary

    def test_status_and_outputs_are_written(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path)
        scene.step.report(Report("healthy", "All is well.", outputs={"account": ACCOUNT}))
        lines = scene.outputs.splitlines()
        assert lines[1::3] == ["healthy", ACCOUNT]
        assert [line.partition("<<")[0] for line in lines[::3]] == ["status", "account"]

    @pytest.mark.parametrize(
        ("verdict", "start"),
        [
            ("good", "✓ "),
            ("unclear", "::warning "),
            ("soon", "::warning "),
            ("bad", "::error "),
        ],
    )
    def test_item_is_as_loud_as_its_verdict(self, tmp_path: Path, verdict: str, start: str) -> None:
        scene = Scene(tmp_path)
        item = Item(verdict, "Found it.", ("Do this.",))  # type: ignore[arg-type]
        scene.step.report(Report("attention", "x", items=(item,)))
        [line] = [line for line in scene.lines if "Found it." in line]
        assert line.startswith(start)
        assert "Do this." in scene.log.getvalue()

    def test_warning_of_the_run_is_annotated_once(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path)
        scene.step.warn(ITEM)
        scene.step.report(Report("healthy", "x", items=(ITEM,)))
        assert scene.log.getvalue().count(ITEM.text) == 1
        assert scene.summary.count(ITEM.text) == 1


class TestError:
    """How a run failed."""

    def test_it_is_one_annotation_with_all_its_parts(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path)
        scene.step.error(
            ActionRequiredError(
                "its-code",
                "It happened.",
                why="It had a cause.",
                next=(Set("scopes", "full"), Run("begin", rotate=True)),
                link="https://docs.example",
            )
        )
        [line] = scene.lines
        assert line.startswith("::error title=its-code::")
        assert line.partition("::error title=its-code::")[2].split("%0A") == [
            "It happened.",
            "It had a cause.",
            "Next: Set scopes: full under with:. Press Run workflow with rotate ticked.",
            "https://docs.example",
        ]

    def test_link_that_is_a_step_is_told_once(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path)
        scene.step.error(ProvisionerError("its-code", "What.", next=(Open(LINK),), link=LINK))
        assert scene.log.getvalue().count(LINK) == 1

    def test_what_it_has_not_is_left_out(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path)
        scene.step.error(ProvisionerError("its-code", "It happened."))
        assert scene.lines == ["::error title=its-code::It happened."]

    def test_rerun_is_told_to_run_anew(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path, more={"GITHUB_RUN_ATTEMPT": "2"})
        scene.step.error(ProvisionerError("its-code", "It happened."))
        assert "re-run" in scene.lines[0]
        assert "Re-run" in scene.summary

    def test_no_output_is_set(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path)
        scene.step.error(ProvisionerError("its-code", "It happened."))
        assert scene.outputs == ""

    def test_warnings_of_the_run_stand_in_the_summary(self, tmp_path: Path) -> None:
        scene = Scene(tmp_path)
        scene.step.warn(ITEM)
        scene.step.error(ProvisionerError("its-code", "It happened."))
        assert ITEM.text in scene.summary

    @pytest.mark.parametrize("code", [code for code in Exit if code is not Exit.DONE])
    def test_every_exit_code_can_be_told(self, tmp_path: Path, code: Exit) -> None:
        scene, error = Scene(tmp_path), ProvisionerError("its-code", "It happened.")
        error.exit_code = code
        scene.step.error(error)
        assert f"exit code {int(code)}" in scene.summary
