"""An account that may do nothing: said in plain words, and never taken for a dead token."""

import pytest

from provisioner.report import Exit, Run
from provisioner.sandbox.records import State
from tests.support.told import calls_dead, fails, runs
from tests.support.world import World

AT_OTHERS: tuple[State, ...] = ("unconfirmed", "pending", "disabled", "suspended")
STATES: tuple[State, ...] = (*AT_OTHERS, "moved", "needs-2fa")


@pytest.mark.parametrize("state", STATES)
def test_check_of_a_barred_account_needs_a_person_and_keeps_the_token(
    bot: World, state: State
) -> None:
    bot.instance.accounts[0].state = state
    bot.time += 30 * 86400
    before = bot.stored()
    finding = bot.check().items[0]
    assert finding.verdict == "bad"
    assert finding.next
    assert Run("begin", rotate=True) not in finding.next
    assert not calls_dead(finding)
    assert bot.live() == [bot.stored()] == [before]


@pytest.mark.parametrize("state", STATES)
def test_rotation_of_a_barred_account_goes_on_once_the_account_may_act(
    bot: World, state: State
) -> None:
    """The new token stays staged until then, and needs no code any more."""
    before, code = bot.stored(), bot.approve(bot.link())
    bot.instance.accounts[0].state = state
    with fails("account-barred", Exit.ACTION_REQUIRED) as caught:
        bot.complete(code)
    first, *others = caught.value.next
    assert not isinstance(first, Run)
    assert runs(tuple(others)) == ["complete", "abandon"]
    assert bot.stored() == before
    assert len(bot.live()) == 2
    bot.instance.accounts[0].state = "active"
    assert bot.complete("").status == "rotated"


@pytest.mark.parametrize("personality", ["pleroma"])
def test_token_that_may_be_invalid_is_replaced_where_the_account_needs_nothing(bot: World) -> None:
    """Pleroma does not say which of the two it is."""
    bot.instance.revoke_access("mybot")
    finding = bot.check().items[0]
    assert not calls_dead(finding)
    assert runs(finding.next) == ["begin"]
    with fails("account-barred", Exit.ACTION_REQUIRED) as caught:
        bot.post("howdy")
    assert runs(caught.value.next) == ["begin"]
