"""The first run of all: it claims the journal, and then writes its key."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from provisioner.errors import ProvisionerError
from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.servers.github import Access
from tests.support.told import fails, runs, said
from tests.support.wire import Killed
from tests.support.world import NAME, Fault, World

JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
CLAIM = f"POST /repos/{NAME}/actions/variables"
KEY_WRITE = f"PUT /repos/{NAME}/actions/secrets/{KEY}"
REGISTRATION = "POST /api/v1/apps"
READS_SECRETS: dict[str, Access] = {
    "metadata": "read",
    "actions_variables": "write",
    "secrets": "read",
}


def kill_after(world: World, method: str) -> Callable[[Request], Response]:
    """GitHub, where the run is killed after its first such request."""

    def killing(request: Request) -> Response:
        answer = world.github(request)
        if request.method == method:
            raise Killed
        return answer

    return killing


def begin_and_be_killed(world: World, method: str, **raw: str) -> None:
    """A first begin that ends after its first such request to GitHub."""
    world.wire.hosts["api.github.test"] = kill_after(world, method)
    with pytest.raises(Killed):
        world.begin(**raw)
    world.wire.hosts["api.github.test"] = world.github


def assert_completes_in_a_workflow(world: World, link: str) -> None:
    """The key in its secret opens the journal, and the link gives the token."""
    world.in_workflow = True
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


@pytest.mark.parametrize("handed_in", [True, False])
def test_first_run_claims_then_writes_the_key_then_registers(
    world: World, *, handed_in: bool
) -> None:
    world.begin(**({} if handed_in else {"journal_key": ""}))
    writes = [line for line in world.wire.log if not line.startswith("GET")]
    journal = f"PATCH /repos/{NAME}/actions/variables/{JOURNAL}"
    assert writes == [CLAIM, KEY_WRITE, REGISTRATION, journal]


def test_key_that_was_made_is_in_its_secret_and_opens_the_journal(world: World) -> None:
    assert_completes_in_a_workflow(world, world.link(journal_key=""))


def test_key_that_a_workflow_hands_in_stays_where_it_is(world: World) -> None:
    """It comes out of a secret, perhaps a protected environment's."""
    world.in_workflow = True
    world.begin(journal_key=world.key)
    assert KEY_WRITE not in world.wire.log
    assert KEY not in world.repository.secrets


def test_second_run_writes_no_second_key(world: World) -> None:
    world.begin()
    world.begin()
    assert world.wire.log.count(KEY_WRITE) == 1


# Two first runs.


def test_only_one_of_two_first_runs_goes_on(world: World) -> None:
    """The other one claims between its read and its claim: it stops before it writes a key."""
    real, second = world.github, list[str]()

    def handler(request: Request) -> Response:
        if request.method == "POST" and not second:
            second.append("")
            second[0] = world.link(journal_key="")
        return real(request)

    world.wire.hosts["api.github.test"] = handler
    with fails("overtaken", Exit.INCOMPLETE):
        world.begin(journal_key="")
    world.wire.hosts["api.github.test"] = real
    assert world.wire.log.count(KEY_WRITE) == 1
    assert world.wire.log.count(REGISTRATION) == 1
    assert_completes_in_a_workflow(world, second[0])


def test_second_first_run_loses_nothing_while_the_first_one_registers(world: World) -> None:
    """It finds a claim whose key is stored, and has no key at hand."""
    real, stopped = world.instance, list[ProvisionerError]()

    def handler(request: Request) -> Response:
        if request.path == "/api/v1/apps":
            with pytest.raises(ProvisionerError) as caught:
                world.begin(journal_key="")
            stopped.append(caught.value)
        return real(request)

    world.wire.hosts["social.example"] = handler
    link = world.link(journal_key="")
    world.wire.hosts["social.example"] = real
    assert [error.code for error in stopped] == ["journal-key-missing"]
    assert "delete" not in said(stopped[0]).casefold()
    assert_completes_in_a_workflow(world, link)


def test_run_whose_claim_was_taken_over_registers_nothing_that_is_kept(world: World) -> None:
    """It was killed for all that the second one could see, and was only slow."""
    real, second = world.instance, list[str]()

    def handler(request: Request) -> Response:
        if request.path == "/api/v1/apps" and not second:
            second.append("")
            second[0] = world.link()
        return real(request)

    world.wire.hosts["social.example"] = handler
    with fails("overtaken", Exit.INCOMPLETE):
        world.begin()
    world.wire.hosts["social.example"] = real
    world.complete(world.approve(second[0]))
    assert world.live() == [world.stored()]


# A first run that was cut.


@pytest.mark.parametrize("key", ["made", "handed in"])
def test_claim_without_a_key_is_gone_on_with(world: World, key: str) -> None:
    raw = {"journal_key": ""} if key == "made" else {}
    begin_and_be_killed(world, "POST", **raw)
    assert KEY not in world.repository.secrets
    assert_completes_in_a_workflow(world, world.link(**raw))


def test_claim_with_its_key_is_gone_on_with_in_a_workflow(world: World) -> None:
    """A workflow gets the key out of its secret."""
    begin_and_be_killed(world, "PUT", journal_key="")
    world.in_workflow = True
    assert_completes_in_a_workflow(world, world.link())


@pytest.mark.parametrize("in_workflow", [True, False])
def test_claim_whose_key_is_not_at_hand_loses_nothing(world: World, *, in_workflow: bool) -> None:
    """In a workflow, the run was queued before the secret existed."""
    begin_and_be_killed(world, "PUT", journal_key="")
    world.in_workflow = in_workflow
    before = dict(world.repository.variables)
    with fails("journal-key-missing", Exit.INPUT) as caught:
        world.begin(journal_key="")
    assert "Nothing is lost" in caught.value.why
    assert "delete" not in said(caught.value).casefold()
    assert world.repository.variables == before


@pytest.mark.parametrize("command", ["complete", "check", "post"])
def test_claim_is_no_journal_to_the_other_commands(world: World, command: str) -> None:
    begin_and_be_killed(world, "POST")
    with pytest.raises(ProvisionerError) as caught:
        world.run(command, text="howdy universe!")
    assert runs(caught.value.next) == ["begin"]


# A key that can't be written.


def test_refused_key_write_takes_the_claim_back(world: World) -> None:
    world.token = world.github.add_token(permissions=READS_SECRETS)
    with fails("github-permission", Exit.ACTION_REQUIRED):
        world.begin()
    assert world.repository.variables == {}
    assert REGISTRATION not in world.wire.log


def test_key_write_that_is_not_confirmed_keeps_the_claim(world: World) -> None:
    """It may have landed, and the next run goes on from there (I5)."""
    world.wire.faults = [Fault("answer lost", method="PUT", times=99)]
    with pytest.raises(ProvisionerError) as caught:
        world.begin()
    assert caught.value.exit_code is Exit.INCOMPLETE
    world.wire.faults = []
    assert JOURNAL in world.repository.variables
    assert_completes_in_a_workflow(world, world.link())


def test_refused_key_is_what_is_told_where_the_claim_cannot_be_taken_back(world: World) -> None:
    world.token = world.github.add_token(permissions=READS_SECRETS)
    world.wire.faults = [Fault("500", method="DELETE", times=99)]
    with fails("github-permission", Exit.ACTION_REQUIRED):
        world.begin()
    world.wire.faults = []
    assert JOURNAL in world.repository.variables
    world.token = world.github.add_token()
    with suppress(ProvisionerError):
        world.check()
    assert_completes_in_a_workflow(world, world.link())


# A secret of the key's name, and no journal.


@pytest.mark.parametrize("in_workflow", [True, False])
def test_key_that_is_made_overwrites_no_secret(world: World, *, in_workflow: bool) -> None:
    """`journal: API` keeps its key in API_KEY, which may be another program's."""
    world.repository.set_secret("API_KEY", "another program's")
    world.in_workflow = in_workflow
    with fails("journal-key-exists", Exit.INPUT):
        world.begin(journal="API", journal_key="")
    assert world.stored("API_KEY") == "another program's"
    assert world.repository.variables == {}
    assert REGISTRATION not in world.wire.log


def test_person_is_told_where_the_key_handed_in_overwrites_a_secret(world: World) -> None:
    world.repository.set_secret(KEY, "an older key")
    world.begin()
    assert any(KEY in line for line in world.warned)
    assert world.stored(KEY) == world.key
