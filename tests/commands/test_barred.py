"""An account that may do nothing: said in plain words, and never taken for a dead token."""

from contextlib import suppress

import pytest

from provisioner.errors import ActionRequiredError, ProvisionerError
from provisioner.report import Exit
from provisioner.sandbox import Account
from provisioner.sandbox.records import State
from tests.support.told import calls_dead, fails
from tests.support.world import Fault, World

STATES = ("unconfirmed", "pending", "disabled", "suspended", "moved", "needs-2fa")


@pytest.fixture(params=STATES)
def barred(world: World, request: pytest.FixtureRequest) -> Account:
    """The bot's account, with a token in use, which may do nothing any more."""
    world.provision()
    account = world.instance.accounts[0]
    account.state = request.param
    return account


def test_check_of_a_barred_account_needs_a_person(world: World, barred: Account) -> None:
    finding = world.check().items[0]
    assert finding.verdict == "bad"
    assert finding.next
    assert not calls_dead(finding)
    assert barred.username == "mybot"


@pytest.mark.usefixtures("barred")
def test_token_of_a_barred_account_stays_where_it_is(world: World) -> None:
    before = world.stored()
    world.check()
    assert world.stored() == before
    assert world.live() == [before]


@pytest.mark.usefixtures("barred")
def test_rotation_of_a_barred_account_keeps_the_new_token_staged(world: World) -> None:
    before, link = world.stored(), world.link()
    world.instance.accounts[0].state, state = "active", world.instance.accounts[0].state
    code = world.approve(link)
    world.instance.accounts[0].state = state
    with fails("account-barred", Exit.ACTION_REQUIRED):
        world.complete(code)
    assert world.stored() == before
    assert len(world.live()) == 2


@pytest.mark.usefixtures("barred")
def test_rotation_goes_on_without_a_code_once_the_account_may_act(world: World) -> None:
    link = world.link()
    world.instance.accounts[0].state, state = "active", world.instance.accounts[0].state
    code = world.approve(link)
    world.instance.accounts[0].state = state
    with pytest.raises(ActionRequiredError):
        world.complete(code)
    world.instance.accounts[0].state = "active"
    assert world.complete("").status == "rotated"


AT_OTHERS = ("unconfirmed", "pending", "disabled", "suspended")


@pytest.mark.parametrize("state", AT_OTHERS)
@pytest.mark.parametrize("personality", ["gotosocial", "pleroma"])
class TestElsewhere:
    """GoToSocial has words of its own; Pleroma says the same of a token that was revoked."""

    def test_check_needs_a_person(self, world: World, state: State) -> None:
        world.provision()
        world.instance.accounts[0].state = state
        finding = world.check().items[0]
        assert finding.verdict == "bad"
        assert not calls_dead(finding)

    def test_new_token_is_kept(self, world: World, state: State) -> None:
        """It is not taken for stillborn, and not revoked: when the account may act, it is used."""
        code = world.approve(world.link())
        world.instance.accounts[0].state = state
        with pytest.raises(ProvisionerError):
            world.complete(code)
        world.instance.accounts[0].state = "active"
        with suppress(ProvisionerError):  # GoToSocial gives such an account no token at all
            world.complete("" if world.live() else world.approve(world.link()))
        assert [world.stored()] == world.live()

    def test_offboarding_sees_no_death(self, world: World, state: State) -> None:
        """Where the revocation was not heard, what is said of the account proves nothing."""
        world.provision()
        world.instance.accounts[0].state = state
        world.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
        with fails("tokens-alive", Exit.INCOMPLETE):
            world.deprovision()
        assert len(world.live()) == 1
