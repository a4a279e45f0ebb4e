"""The first run of all: it claims the journal, and then writes its key."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from provisioner.errors import ProvisionerError
from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.faults.faults import Killed
from tests.servers.github import Access
from tests.stage import NAME, Fault, Stage
from tests.told import fails, runs, said

JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
CLAIM = f"POST /repos/{NAME}/actions/variables"
KEY_WRITE = f"PUT /repos/{NAME}/actions/secrets/{KEY}"
REGISTRATION = "POST /api/v1/apps"
READS_SECRETS: dict[str, Access] = {
    "metadata": "read",
    "actions_variables": "write",
    "secrets": "read",
}


def kill_after(stage: Stage, method: str) -> Callable[[Request], Response]:
    """GitHub, where the run is killed after its first such request."""

    def killing(request: Request) -> Response:
        answer = stage.github(request)
        if request.method == method:
            raise Killed
        return answer

    return killing


def begin_and_be_killed(stage: Stage, method: str, **raw: str) -> None:
    """A first begin that ends after its first such request to GitHub."""
    stage.wire.hosts["api.github.test"] = kill_after(stage, method)
    with pytest.raises(Killed):
        stage.begin(**raw)
    stage.wire.hosts["api.github.test"] = stage.github


def assert_completes_in_a_workflow(stage: Stage, link: str) -> None:
    """The key in its secret opens the journal, and the link gives the token."""
    stage.in_workflow = True
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


@pytest.mark.parametrize("handed_in", [True, False])
def test_first_run_claims_then_writes_the_key_then_registers(
    stage: Stage, *, handed_in: bool
) -> None:
    stage.begin(**({} if handed_in else {"journal_key": ""}))
    writes = [line for line in stage.wire.log if not line.startswith("GET")]
    journal = f"PATCH /repos/{NAME}/actions/variables/{JOURNAL}"
    assert writes == [CLAIM, KEY_WRITE, REGISTRATION, journal]


def test_key_that_was_made_is_in_its_secret_and_opens_the_journal(stage: Stage) -> None:
    assert_completes_in_a_workflow(stage, stage.link(journal_key=""))


def test_key_that_a_workflow_hands_in_stays_where_it_is(stage: Stage) -> None:
    """It comes out of a secret, perhaps a protected environment's."""
    stage.in_workflow = True
    stage.begin(journal_key=stage.key)
    assert KEY_WRITE not in stage.wire.log
    assert KEY not in stage.repository.secrets


def test_second_run_writes_no_second_key(stage: Stage) -> None:
    stage.begin()
    stage.begin()
    assert stage.wire.log.count(KEY_WRITE) == 1


# Two first runs.


def test_only_one_of_two_first_runs_goes_on(stage: Stage) -> None:
    """The other one claims between its read and its claim: it stops before it writes a key."""
    real, second = stage.github, list[str]()

    def handler(request: Request) -> Response:
        if request.method == "POST" and not second:
            second.append("")
            second[0] = stage.link(journal_key="")
        return real(request)

    stage.wire.hosts["api.github.test"] = handler
    with fails("overtaken", Exit.INCOMPLETE):
        stage.begin(journal_key="")
    stage.wire.hosts["api.github.test"] = real
    assert stage.wire.log.count(KEY_WRITE) == 1
    assert stage.wire.log.count(REGISTRATION) == 1
    assert_completes_in_a_workflow(stage, second[0])


def test_second_first_run_loses_nothing_while_the_first_one_registers(stage: Stage) -> None:
    """It finds a claim whose key is stored, and has no key at hand."""
    real, stopped = stage.instance, list[ProvisionerError]()

    def handler(request: Request) -> Response:
        if request.path == "/api/v1/apps":
            with pytest.raises(ProvisionerError) as caught:
                stage.begin(journal_key="")
            stopped.append(caught.value)
        return real(request)

    stage.wire.hosts["social.example"] = handler
    link = stage.link(journal_key="")
    stage.wire.hosts["social.example"] = real
    assert [error.code for error in stopped] == ["journal-key-missing"]
    assert "delete" not in said(stopped[0]).casefold()
    assert_completes_in_a_workflow(stage, link)


def test_run_whose_claim_was_taken_over_registers_nothing_that_is_kept(stage: Stage) -> None:
    """It was killed for all that the second one could see, and was only slow."""
    real, second = stage.instance, list[str]()

    def handler(request: Request) -> Response:
        if request.path == "/api/v1/apps" and not second:
            second.append("")
            second[0] = stage.link()
        return real(request)

    stage.wire.hosts["social.example"] = handler
    with fails("overtaken", Exit.INCOMPLETE):
        stage.begin()
    stage.wire.hosts["social.example"] = real
    stage.complete(stage.approve(second[0]))
    assert stage.live() == [stage.stored()]


# A first run that was cut.


@pytest.mark.parametrize("key", ["made", "handed in"])
def test_claim_without_a_key_is_gone_on_with(stage: Stage, key: str) -> None:
    raw = {"journal_key": ""} if key == "made" else {}
    begin_and_be_killed(stage, "POST", **raw)
    assert KEY not in stage.repository.secrets
    assert_completes_in_a_workflow(stage, stage.link(**raw))


def test_claim_with_its_key_is_gone_on_with_in_a_workflow(stage: Stage) -> None:
    """A workflow gets the key out of its secret."""
    begin_and_be_killed(stage, "PUT", journal_key="")
    stage.in_workflow = True
    assert_completes_in_a_workflow(stage, stage.link())


@pytest.mark.parametrize("in_workflow", [True, False])
def test_claim_whose_key_is_not_at_hand_loses_nothing(stage: Stage, *, in_workflow: bool) -> None:
    """In a workflow, the run was queued before the secret existed."""
    begin_and_be_killed(stage, "PUT", journal_key="")
    stage.in_workflow = in_workflow
    before = dict(stage.repository.variables)
    with fails("journal-key-missing", Exit.INPUT) as caught:
        stage.begin(journal_key="")
    assert "Nothing is lost" in caught.value.why
    assert "delete" not in said(caught.value).casefold()
    assert stage.repository.variables == before


@pytest.mark.parametrize("command", ["complete", "check", "post"])
def test_claim_is_no_journal_to_the_other_commands(stage: Stage, command: str) -> None:
    begin_and_be_killed(stage, "POST")
    with pytest.raises(ProvisionerError) as caught:
        stage.run(command, text="howdy universe!")
    assert runs(caught.value.next) == ["begin"]


# A key that can't be written.


def test_refused_key_write_takes_the_claim_back(stage: Stage) -> None:
    stage.token = stage.github.add_token(permissions=READS_SECRETS)
    with fails("github-permission", Exit.ACTION_REQUIRED):
        stage.begin()
    assert stage.repository.variables == {}
    assert REGISTRATION not in stage.wire.log


def test_key_write_that_is_not_confirmed_keeps_the_claim(stage: Stage) -> None:
    """It may have landed, and the next run goes on from there (I5)."""
    stage.wire.faults = [Fault("answer lost", method="PUT", times=99)]
    with pytest.raises(ProvisionerError) as caught:
        stage.begin()
    assert caught.value.exit_code is Exit.INCOMPLETE
    stage.wire.faults = []
    assert JOURNAL in stage.repository.variables
    assert_completes_in_a_workflow(stage, stage.link())


def test_refused_key_is_what_is_told_where_the_claim_cannot_be_taken_back(stage: Stage) -> None:
    stage.token = stage.github.add_token(permissions=READS_SECRETS)
    stage.wire.faults = [Fault("500", method="DELETE", times=99)]
    with fails("github-permission", Exit.ACTION_REQUIRED):
        stage.begin()
    stage.wire.faults = []
    assert JOURNAL in stage.repository.variables
    stage.token = stage.github.add_token()
    with suppress(ProvisionerError):
        stage.check()
    assert_completes_in_a_workflow(stage, stage.link())


# A secret of the key's name, and no journal.


@pytest.mark.parametrize("in_workflow", [True, False])
def test_key_that_is_made_overwrites_no_secret(stage: Stage, *, in_workflow: bool) -> None:
    """`journal: API` keeps its key in API_KEY, which may be another program's."""
    stage.repository.set_secret("API_KEY", "another program's")
    stage.in_workflow = in_workflow
    with fails("journal-key-exists", Exit.INPUT):
        stage.begin(journal="API", journal_key="")
    assert stage.stored("API_KEY") == "another program's"
    assert stage.repository.variables == {}
    assert REGISTRATION not in stage.wire.log


def test_person_is_told_where_the_key_handed_in_overwrites_a_secret(stage: Stage) -> None:
    stage.repository.set_secret(KEY, "an older key")
    stage.begin()
    assert any(KEY in line for line in stage.warned)
    assert stage.stored(KEY) == stage.key
