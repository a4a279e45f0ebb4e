"""abandon and deprovision: the ways out."""

from contextlib import suppress

import pytest

from provisioner.errors import HalfWayError, PersonNeededError, ProvisionerError
from provisioner.outcomes import Ended
from tests.stage import NAME, ORIGIN, Fault, Stage

SECRET = "MASTODON_ACCESS_TOKEN"
PAGE = f"{ORIGIN}/oauth/authorized_applications"
LOST = "An exchange of 2027-01-15T08:00:00Z may have issued a token that was lost. If there is an "
LOST += f"authorization of that time, remove it: {PAGE}"


def cut(stage: Stage, path: str, **raw: str) -> None:
    """A completion that gets as far as the first request to this path, and no further."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path=path, times=99)]
    with suppress(ProvisionerError):
        stage.complete(code, **raw)
    stage.wire.faults = []


class TestAbandon:
    """Giving up what can't be finished."""

    def test_nothing_is_under_way(self, stage: Stage) -> None:
        """It says so, and changes nothing."""
        stage.provision()
        with pytest.raises(ProvisionerError, match="nothing to abandon"):
            stage.abandon()

    def test_a_link(self, stage: Stage) -> None:
        """The next begin shows another one."""
        link = stage.link()
        outcome = stage.abandon()
        assert outcome == Ended("abandoned", "mybot@social.example", NAME, ())
        assert stage.link() != link

    def test_at_another_instance_is_refused(self, stage: Stage) -> None:
        """A journal belongs to one instance."""
        stage.link()
        with pytest.raises(ProvisionerError, match="belongs to https://social"):
            stage.abandon(instance="https://other.example")
        assert stage.journal().pending is not None

    def test_a_replaced_token_stays_for_its_grace(self, stage: Stage) -> None:
        """Abandoned is the authorization under way: of the token replaced before nothing is said.

        With its grace over it is revoked, and that is told.
        """
        stage.provision()
        stage.provision()
        stage.link()
        outcome = stage.abandon()
        assert isinstance(outcome, Ended)
        assert (outcome.notes, len(stage.journal().superseded)) == ((), 1)
        stage.time += 86400
        outcome = stage.abandon()
        assert isinstance(outcome, Ended)
        assert outcome.notes == ("The old token, of 2027-01-15T08:00:00Z, is revoked",)

    def test_beside_a_replaced_token(self, stage: Stage) -> None:
        """Both are known until each was revoked."""
        stage.provision()
        stage.provision()
        cut(stage, "verify_credentials")
        stage.wire.hosts.pop("social.example")
        stage.abandon()
        known = [old.credential.token.reveal() for old in stage.journal().superseded]
        assert sorted([*known, stage.stored()]) == sorted(stage.live())

    def test_a_staged_token_is_revoked(self, stage: Stage) -> None:
        """It was never verified, and so stands nowhere."""
        cut(stage, "verify_credentials")
        stage.abandon()
        assert stage.live() == []
        assert stage.journal().credentials() == ()

    def test_the_token_in_use_is_written_again(self, stage: Stage) -> None:
        """A run was cut after it wrote the new token: the bot must not be left with a dead one."""
        stage.provision()
        in_use = stage.stored()
        cut(stage, "variables/MASTODON_BASE_URL")
        assert stage.stored() != in_use
        stage.abandon()
        assert stage.live() == [in_use]
        assert stage.stored() == in_use

    def test_a_secret_of_ours_is_deleted(self, stage: Stage) -> None:
        """There was no token before, and the new one is revoked."""
        cut(stage, "variables/MASTODON_BASE_URL")
        assert stage.stored()
        stage.abandon()
        assert SECRET not in stage.repository.secrets
        assert stage.live() == []

    def test_a_secret_that_was_there_before_is_not_deleted(self, stage: Stage) -> None:
        """Whether it holds its own value or our token can't be told: a person decides."""
        stage.repository.set_secret(SECRET, "a-token-of-somebody-else")
        cut(stage, "variables/MASTODON_BASE_URL")
        outcome = stage.abandon()
        assert isinstance(outcome, Ended)
        assert stage.stored() in stage.live()
        assert any(SECRET in note for note in outcome.notes)

    def test_beside_it_one_that_was_not_there_is_deleted(self, stage: Stage) -> None:
        """Each secret is judged by itself."""
        stage.repository.set_secret("ONE", "a-token-of-somebody-else")
        cut(stage, "variables/MASTODON_BASE_URL", secrets="ONE=access_token\nTWO=access_token")
        stage.abandon()
        assert "ONE" in stage.repository.secrets
        assert "TWO" not in stage.repository.secrets
        [old] = stage.journal().superseded
        assert [place.name for place in old.credential.destinations] == ["ONE"]

    def test_beside_the_token_in_use_a_new_name_is_deleted(self, stage: Stage) -> None:
        """The token in use is written again where it stood, and nowhere else."""
        stage.provision()
        in_use = stage.stored()
        names = f"{SECRET}=access_token\nOTHER=access_token"
        cut(stage, "variables/MASTODON_BASE_URL", secrets=names)
        stage.abandon()
        assert set(stage.repository.secrets) == {SECRET, "MASTODON_JOURNAL_KEY"}
        assert (stage.stored(), stage.live()) == (in_use, [in_use])

    def test_of_a_new_name_alone_writes_nothing(self, stage: Stage) -> None:
        """The token in use stands elsewhere, untouched."""
        stage.provision()
        cut(stage, "variables/MASTODON_BASE_URL", secrets="OTHER=access_token")
        since = len(stage.wire.log)
        stage.abandon()
        assert "OTHER" not in stage.repository.secrets
        assert not [line for line in stage.requests(since) if line.startswith("PUT")]

    def test_the_former_names_must_be_named(self, stage: Stage) -> None:
        """Else the secret would be left with a token that is revoked."""
        stage.provision()
        cut(stage, "variables/MASTODON_BASE_URL")
        with pytest.raises(HalfWayError, match="may stand in MASTODON_ACCESS_TOKEN"):
            stage.abandon(secrets="OTHER=access_token")
        assert stage.stored() in stage.live()

    def test_a_lost_exchange_is_spoken_of(self, stage: Stage) -> None:
        """Its token may live; a person is told where to look."""
        code = stage.approve(stage.link())
        stage.wire.faults = [Fault("answer lost", path="oauth/token", times=99)]
        with suppress(ProvisionerError):
            stage.complete(code)
        stage.wire.faults = []
        outcome = stage.abandon()
        assert isinstance(outcome, Ended)
        assert outcome.notes == (LOST,)

    def test_an_exchange_that_was_refused_is_not_spoken_of(self, stage: Stage) -> None:
        """It issued no token."""
        stage.link()
        with suppress(ProvisionerError):
            stage.complete("wrong")
        outcome = stage.abandon()
        assert isinstance(outcome, Ended)
        assert outcome.notes == ()

    def test_a_staged_token_is_spoken_of_once(self, stage: Stage) -> None:
        """As the token that it is: the answer to its exchange was not lost."""
        link = stage.link()
        stage.wire.faults = [Fault("answer lost", path="oauth/token")]
        with suppress(ProvisionerError):
            stage.complete(stage.approve(link))
        cut(stage, "verify_credentials")
        outcome = stage.abandon()
        assert isinstance(outcome, Ended)
        assert outcome.notes == ("The old token, of 2027-01-15T08:00:00Z, is revoked",)

    def test_nothing_comes_between_the_claim_and_what_it_is_for(self, stage: Stage) -> None:
        """Another run that read the journal before has as little time as can be to publish."""
        stage.provision()
        cut(stage, "variables/MASTODON_BASE_URL")
        since = len(stage.wire.log)
        stage.abandon()
        requests = stage.requests(since)
        actions = f"/repos/{NAME}/actions"
        claim = requests.index(f"PATCH {actions}/variables/MASTODON_JOURNAL")
        assert requests[claim + 1] == f"PUT {actions}/secrets/{SECRET}"

    def test_of_an_instance_that_is_gone(self, stage: Stage) -> None:
        """The token is kept among the replaced ones, and nothing is blocked."""
        cut(stage, "verify_credentials")
        stage.wire.hosts.pop("social.example")
        stage.abandon()
        assert stage.journal().pending is None
        assert len(stage.journal().superseded) == 1


class TestDeprovision:
    """Offboarding."""

    def test_nothing_is_left(self, stage: Stage) -> None:
        """No token, no secret, no variable."""
        stage.provision()
        stage.provision()
        outcome = stage.deprovision()
        assert outcome == Ended("deprovisioned", "mybot@social.example", NAME, ())
        assert stage.live() == []
        assert dict(stage.repository.secrets) == {}
        assert stage.repository.variables == {}

    def test_what_others_wrote_stays(self, stage: Stage) -> None:
        """Only what the journal knows is deleted."""
        stage.provision()
        stage.repository.set_secret("OTHER", "of-somebody-else")
        stage.deprovision()
        assert list(stage.repository.secrets) == ["OTHER"]

    def test_of_another_account_is_refused(self, stage: Stage) -> None:
        """A journal belongs to one bot."""
        stage.provision()
        with pytest.raises(ProvisionerError, match="belongs to mybot"):
            stage.deprovision(account="alice@social.example")
        assert len(stage.live()) == 1

    def test_at_another_instance_is_refused(self, stage: Stage) -> None:
        """A journal belongs to one instance."""
        stage.provision()
        with pytest.raises(ProvisionerError, match="belongs to https://social"):
            stage.deprovision(instance="https://other.example")
        assert len(stage.live()) == 1

    def test_a_lost_exchange_is_spoken_of(self, stage: Stage) -> None:
        """Its token may live, as does that of an application made by hand."""
        stage.provision_by_hand()
        stage.wire.faults = [Fault("answer lost", path="oauth/token", times=99)]
        with suppress(ProvisionerError):
            stage.complete(stage.approve(stage.link()))
        stage.wire.faults = []
        outcome = stage.deprovision()
        assert isinstance(outcome, Ended)
        assert outcome.notes[0] == LOST
        assert "made by hand" in outcome.notes[1]

    def test_without_a_journal_and_without_a_key(self, stage: Stage) -> None:
        """A misspelt name deletes nothing."""
        stage.repository.set_secret("MASTODON_JOURNAL_KEY", stage.key)
        with pytest.raises(PersonNeededError, match="nothing is provisioned"):
            stage.deprovision(journal_key="")
        assert "MASTODON_JOURNAL_KEY" in stage.repository.secrets

    def test_twice(self, stage: Stage) -> None:
        """It is as good as once."""
        stage.provision()
        stage.deprovision()
        stage.deprovision()
        assert dict(stage.repository.secrets) == {}

    def test_an_instance_in_trouble(self, stage: Stage) -> None:
        """The journal stays, until every token in it was seen dead."""
        stage.provision()
        stage.wire.faults = [Fault("500", path="oauth/revoke", times=99)]
        with pytest.raises(HalfWayError, match="could not be revoked") as caught:
            stage.deprovision()
        assert caught.value.link == PAGE
        stage.wire.faults = []
        assert "MASTODON_JOURNAL" in stage.repository.variables
        stage.deprovision()
        assert (stage.live(), stage.repository.variables) == ([], {})

    def test_a_staged_token_too(self, stage: Stage) -> None:
        """Whatever the journal knows."""
        cut(stage, "variables/MASTODON_BASE_URL")
        stage.deprovision()
        assert stage.live() == []
        assert dict(stage.repository.secrets) == {}

    def test_a_secret_that_was_only_to_be_overwritten_stays(self, stage: Stage) -> None:
        """The run was cut before it wrote anything."""
        stage.repository.set_secret(SECRET, "a-token-of-somebody-else")
        cut(stage, "verify_credentials")
        stage.deprovision()
        assert stage.stored() == "a-token-of-somebody-else"

    def test_a_token_of_an_application_made_by_hand_lives_on(self, stage: Stage) -> None:
        """It may be in use elsewhere; a person is told."""
        stage.provision_by_hand()
        outcome = stage.deprovision()
        assert isinstance(outcome, Ended)
        assert len(stage.live()) == 1
        assert "made by hand" in outcome.notes[0]
