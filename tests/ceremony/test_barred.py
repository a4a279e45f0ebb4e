"""An account that may do nothing: said in plain words, and never taken for a dead token."""

import pytest

from provisioner.errors import Exit, PersonNeededError
from provisioner.outcomes import Checked
from provisioner.sandbox import Account
from tests.stage import Stage

STATES = ("unconfirmed", "pending", "disabled", "suspended", "moved", "needs-2fa")


@pytest.fixture(params=STATES)
def barred(stage: Stage, request: pytest.FixtureRequest) -> Account:
    """The bot's account, with a token in use, which may do nothing any more."""
    stage.provision()
    account = stage.instance.accounts[0]
    account.state = request.param
    return account


def test_a_check_needs_a_person(stage: Stage, barred: Account) -> None:
    """The check is red, says what to do at the instance, and does not call the token dead."""
    outcome = stage.check()
    assert isinstance(outcome, Checked)
    finding = outcome.findings[0]
    assert (outcome.needs_person, "dead" in finding.text) == (True, False)
    assert finding.todo.startswith(("Sign in", "Wait"))
    assert barred.username == "mybot"


@pytest.mark.usefixtures("barred")
def test_the_token_stays_where_it_is(stage: Stage) -> None:
    """Nothing is revoked, and the secret holds what it held."""
    before = stage.stored()
    stage.check()
    assert (stage.stored(), stage.live()) == (before, [before])


@pytest.mark.usefixtures("barred")
def test_a_rotation_waits(stage: Stage) -> None:
    """A new token that can't be seen at work is kept, and not published."""
    before, link = stage.stored(), stage.link()
    stage.instance.accounts[0].state, state = "active", stage.instance.accounts[0].state
    code = stage.approve(link)
    stage.instance.accounts[0].state = state
    with pytest.raises(PersonNeededError) as caught:
        stage.complete(code)
    assert (caught.value.ident, caught.value.exit_code) == ("account-barred", Exit.PERSON)
    assert (stage.stored(), len(stage.live())) == (before, 2)


@pytest.mark.usefixtures("barred")
def test_it_goes_on_when_the_account_may(stage: Stage) -> None:
    """Once the account is well again, complete goes on without a code."""
    link = stage.link()
    stage.instance.accounts[0].state, state = "active", stage.instance.accounts[0].state
    code = stage.approve(link)
    stage.instance.accounts[0].state = state
    with pytest.raises(PersonNeededError):
        stage.complete(code)
    stage.instance.accounts[0].state = "active"
    assert stage.complete("").outputs()["status"] == "rotated"
