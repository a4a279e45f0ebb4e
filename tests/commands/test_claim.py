"""The first run of all: it claims the journal, and then writes its key."""

from pathlib import Path

import pytest

from provisioner.report import Exit, ProvisionerError
from tests.support.acts import GITHUB, killed, meanwhile
from tests.support.told import fails, runs, said, says_no_code_is_needed
from tests.support.world import NAME, Fault, World

ACTIONS = f"/repos/{NAME}/actions"
JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
KEY_WRITE = f"PUT {ACTIONS}/secrets/{KEY}"
REGISTRATION = "POST /api/v1/apps"


def cut(world: World, method: str, **raw: str) -> None:
    """A first begin that is killed after its first such request to GitHub."""
    with killed(world, Fault("killed after it", method=method, path="/actions/")):
        world.begin(**raw)


def assert_completes_in_a_workflow(world: World, link: str) -> None:
    """The key in its secret opens the journal, and the link gives the token."""
    world.in_workflow = True
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


@pytest.mark.parametrize("handed_in", [True, False])
def test_first_run_claims_then_writes_the_key_then_registers_then_writes_the_journal(
    world: World, *, handed_in: bool
) -> None:
    """The claim decides between two first runs; the key proves that secrets can be written."""
    report = world.begin(**({} if handed_in else {"journal_key": ""}))
    assert runs(report.next) == ["complete"] * handed_in  # without the key it is no use
    log, claim = world.wire.log, f"POST {ACTIONS}/variables"
    assert log[log.index(claim) :] == [
        claim,
        f"GET {ACTIONS}/secrets/public-key",
        KEY_WRITE,
        REGISTRATION,
        f"GET {ACTIONS}/variables/{JOURNAL}",
        f"PATCH {ACTIONS}/variables/{JOURNAL}",
    ]
    assert (world.stored(KEY) == world.key) == handed_in
    assert handed_in or world.stored(KEY) in world.hidden
    assert_completes_in_a_workflow(world, report.link)


def test_key_that_a_workflow_hands_in_stays_where_it_is(world: World) -> None:
    """It comes out of a secret, perhaps a protected environment's."""
    world.in_workflow = True
    world.begin(journal_key=world.key)
    assert KEY_WRITE not in world.wire.log
    assert KEY not in world.repository.secrets


# Two first runs.


def test_run_that_finds_a_claim_looks_what_became_of_it_before_it_writes_a_key(
    world: World,
) -> None:
    """Else its key would replace that of the journal which the other run wrote meanwhile."""
    cut(world, "POST", journal_key="")
    links: list[str] = []
    other = lambda: links.append(world.link(journal_key=""))  # noqa: E731
    meanwhile(world, GITHUB, "GET", "/variables/MASTODON_JOURNAL", other, turn=2)
    with fails("overtaken", Exit.INCOMPLETE):
        world.begin(journal_key="")
    assert world.wire.log.count(KEY_WRITE) == 1
    assert_completes_in_a_workflow(world, links[0])


# A first run that was cut.


@pytest.mark.parametrize("in_workflow", [True, False])
def test_claim_whose_key_is_not_at_hand_loses_nothing(world: World, *, in_workflow: bool) -> None:
    """In a workflow, the run was queued before the secret existed."""
    cut(world, "PUT", journal_key="")
    world.in_workflow = in_workflow
    before = dict(world.repository.variables)
    with fails("journal-key-missing", Exit.INPUT) as caught:
        world.begin(journal_key="")
    assert "delete" not in said(caught.value).casefold()
    assert world.repository.variables == before


# A key that can't be written.


@pytest.mark.parametrize("deletes", [True, False])
def test_refused_key_write_takes_the_claim_back_if_it_can_before_anything_is_registered(
    world: World, *, deletes: bool
) -> None:
    """A token that may not write secrets is found out before anybody is asked to approve."""
    token = world.github.add_token(
        permissions={"metadata": "read", "actions_variables": "write", "secrets": "read"}
    )
    world.wire.faults = [] if deletes else [Fault("500", method="DELETE", times=99)]
    with fails("github-permission", Exit.ACTION_REQUIRED):
        world.begin(github_token=token)
    world.wire.faults = []
    assert (JOURNAL in world.repository.variables) == (not deletes)
    assert REGISTRATION not in world.wire.log
    assert_completes_in_a_workflow(world, world.link())


def test_claim_that_github_refuses_for_a_while_has_changed_nothing(world: World) -> None:
    world.wire.faults = [Fault("429 without", method="POST", path="/variables", times=99)]
    with fails("github-rate-limit", Exit.FAILED):
        world.begin()
    assert world.repository.variables == {}


def test_key_write_that_is_not_confirmed_keeps_the_claim(world: World) -> None:
    """It may have landed, and the next run goes on from there (I5)."""
    world.wire.faults = [Fault("answer lost", method="PUT", times=99)]
    with pytest.raises(ProvisionerError) as caught:
        world.begin()
    assert caught.value.exit_code is Exit.INCOMPLETE  # “nothing changed” could be untrue
    assert not says_no_code_is_needed(caught.value)
    world.wire.faults = []
    assert JOURNAL in world.repository.variables
    assert_completes_in_a_workflow(world, world.link())


# A secret of the key's name, and no journal.


@pytest.mark.parametrize("in_workflow", [True, False])
def test_key_that_is_made_overwrites_no_secret(
    world: World, tmp_path: Path, *, in_workflow: bool
) -> None:
    """`journal: API` keeps its key in API_KEY, which may be another program's; also the next time,
    on a machine that keeps keys.
    """
    world.repository.set_secret("API_KEY", "another program's")
    world.in_workflow, world.key_folder = in_workflow, None if in_workflow else tmp_path
    for _ in range(2):
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
