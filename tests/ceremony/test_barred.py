"""An account that may do nothing: said in plain words, and never taken for a dead token."""

from contextlib import suppress

import pytest

from provisioner.errors import ActionRequiredError, ProvisionerError
from provisioner.report import Exit
from provisioner.sandbox import Account
from provisioner.sandbox.records import State
from tests.stage import Fault, Stage
from tests.told import calls_dead, fails

STATES = ("unconfirmed", "pending", "disabled", "suspended", "moved", "needs-2fa")


@pytest.fixture(params=STATES)
def barred(stage: Stage, request: pytest.FixtureRequest) -> Account:
    """The bot's account, with a token in use, which may do nothing any more."""
    stage.provision()
    account = stage.instance.accounts[0]
    account.state = request.param
    return account


def test_check_of_a_barred_account_needs_a_person(stage: Stage, barred: Account) -> None:
    finding = stage.check().items[0]
    assert finding.verdict == "bad"
    assert finding.next
    assert not calls_dead(finding)
    assert barred.username == "mybot"


@pytest.mark.usefixtures("barred")
def test_token_of_a_barred_account_stays_where_it_is(stage: Stage) -> None:
    before = stage.stored()
    stage.check()
    assert stage.stored() == before
    assert stage.live() == [before]


@pytest.mark.usefixtures("barred")
def test_rotation_of_a_barred_account_keeps_the_new_token_staged(stage: Stage) -> None:
    before, link = stage.stored(), stage.link()
    stage.instance.accounts[0].state, state = "active", stage.instance.accounts[0].state
    code = stage.approve(link)
    stage.instance.accounts[0].state = state
    with fails("account-barred", Exit.ACTION_REQUIRED):
        stage.complete(code)
    assert stage.stored() == before
    assert len(stage.live()) == 2


@pytest.mark.usefixtures("barred")
def test_rotation_goes_on_without_a_code_once_the_account_may_act(stage: Stage) -> None:
    link = stage.link()
    stage.instance.accounts[0].state, state = "active", stage.instance.accounts[0].state
    code = stage.approve(link)
    stage.instance.accounts[0].state = state
    with pytest.raises(ActionRequiredError):
        stage.complete(code)
    stage.instance.accounts[0].state = "active"
    assert stage.complete("").status == "rotated"


AT_OTHERS = ("unconfirmed", "pending", "disabled", "suspended")


@pytest.mark.parametrize("state", AT_OTHERS)
@pytest.mark.parametrize("personality", ["gotosocial", "pleroma"])
class TestElsewhere:
    """GoToSocial has words of its own; Pleroma says the same of a token that was revoked."""

    def test_check_needs_a_person(self, stage: Stage, state: State) -> None:
        stage.provision()
        stage.instance.accounts[0].state = state
        finding = stage.check().items[0]
        assert finding.verdict == "bad"
        assert not calls_dead(finding)

    def test_new_token_is_kept(self, stage: Stage, state: State) -> None:
        """It is not taken for stillborn, and not revoked: when the account may act, it is used."""
        code = stage.approve(stage.link())
        stage.instance.accounts[0].state = state
        with pytest.raises(ProvisionerError):
            stage.complete(code)
        stage.instance.accounts[0].state = "active"
        with suppress(ProvisionerError):  # GoToSocial gives such an account no token at all
            stage.complete("" if stage.live() else stage.approve(stage.link()))
        assert [stage.stored()] == stage.live()

    def test_offboarding_sees_no_death(self, stage: Stage, state: State) -> None:
        """Where the revocation was not heard, what is said of the account proves nothing."""
        stage.provision()
        stage.instance.accounts[0].state = state
        stage.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
        with fails("tokens-alive", Exit.INCOMPLETE):
            stage.deprovision()
        assert len(stage.live()) == 1
