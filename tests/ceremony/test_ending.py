"""abandon and deprovision: the ways out."""

import re
from collections.abc import Iterable
from contextlib import suppress

import pytest

from provisioner.errors import Exit, ProvisionerError
from provisioner.outcomes import Checked, Ended
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.stage import NAME, ORIGIN, STRINGS, Fault, Stage
from tests.told import fails, found, said

SECRET, VARIABLE = "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"
PAGE = f"{ORIGIN}/oauth/authorized_applications"
EIGHT, NINE = "2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z"
MYBOT, ALICE = "mybot@social.example", "alice@social.example"


def cut(stage: Stage, path: str, **raw: str) -> None:
    """A completion that gets as far as the first request to this path, and no further."""
    code = stage.approve(stage.link(**raw))
    stage.wire.faults = [Fault("500", path=path, times=99)]
    with suppress(ProvisionerError):
        stage.complete(code, **raw)
    stage.wire.faults = []


def said_to_be_deleted(lines: Iterable[str]) -> list[str]:
    """The names that the run says it deleted, in their order."""
    return [match[1] for line in lines if (match := re.match(r"Deleted (\S+)", line))]


class TestAbandon:
    """Giving up what can't be finished."""

    def test_nothing_is_under_way(self, stage: Stage) -> None:
        """It says so, and changes nothing."""
        stage.provision()
        with fails("nothing-to-abandon", Exit.FAILED) as caught:
            stage.abandon()
        assert "check" in caught.value.todo
        assert "begin" not in caught.value.todo

    def test_nothing_is_provisioned(self, stage: Stage) -> None:
        """A check would say no more than that: the way on is a begin."""
        with fails("nothing-to-abandon", Exit.FAILED) as caught:
            stage.abandon()
        assert "begin" in caught.value.todo
        assert "check" not in caught.value.todo

    def test_a_link(self, stage: Stage) -> None:
        """The next begin shows another one."""
        link = stage.link()
        outcome = stage.abandon()
        assert isinstance(outcome, Ended)
        assert outcome.outputs() == {"status": "abandoned", "account": MYBOT}
        assert outcome.notes == outcome.news == ()
        assert stage.link() != link

    def test_at_another_instance_is_refused(self, stage: Stage) -> None:
        """A journal belongs to one instance."""
        stage.link()
        with fails("journal-other-instance", Exit.INPUT) as caught:
            stage.abandon(instance="https://other.example")
        assert ORIGIN in said(caught.value)
        assert stage.journal().pending is not None

    def test_a_replaced_token_stays_for_its_grace(self, stage: Stage) -> None:
        """Abandoned is the authorization under way: of the token replaced before nothing is said.

        With its grace over it is revoked, and that is told.
        """
        stage.provision()
        stage.provision()
        stage.link()
        given_up = stage.abandon()
        assert isinstance(given_up, Ended)
        assert given_up.notes == given_up.news == ()
        assert len(stage.journal().superseded) == 1
        stage.time += 86400
        nothing_under_way = stage.abandon()
        assert isinstance(nothing_under_way, Ended)
        assert nothing_under_way.outputs() == given_up.outputs()
        assert nothing_under_way.headline != given_up.headline
        assert nothing_under_way.notes == ()
        (revoked,) = nothing_under_way.news
        assert EIGHT in revoked
        assert stage.journal().superseded == ()

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

    def test_of_a_new_name_alone_writes_no_secret(self, stage: Stage) -> None:
        """The token in use stands elsewhere, untouched."""
        stage.provision()
        cut(stage, "variables/MASTODON_BASE_URL", secrets="OTHER=access_token")
        since = len(stage.wire.log)
        stage.abandon()
        assert "OTHER" not in stage.repository.secrets
        assert not [line for line in stage.requests(since) if line.startswith("PUT")]

    @pytest.mark.parametrize(
        ("raw", "names"),
        [
            ({"secrets": "OTHER=access_token"}, {SECRET}),
            ({"variables": "OTHER=base_url"}, {VARIABLE}),
            (
                {"secrets": "OTHER=access_token", "variables": "OTHER=base_url"},
                {SECRET, VARIABLE},
            ),
        ],
        ids=["secret", "variable", "both"],
    )
    def test_the_former_names_must_be_named(
        self, stage: Stage, raw: dict[str, str], names: set[str]
    ) -> None:
        """Else they would be left with what is given up: nothing is changed before they are."""
        stage.provision()
        cut(stage, f"variables/{VARIABLE}")
        before = stage.journal()
        with fails("secrets-missing", Exit.INPUT) as caught:
            stage.abandon(**raw)
        assert {name for name in (SECRET, VARIABLE, "OTHER") if name in said(caught.value)} == names
        assert (stage.stored() in stage.live(), stage.journal()) == (True, before)

    def test_a_name_that_is_not_ours_is_not_written(self, stage: Stage) -> None:
        """A name among the inputs that the journal does not know may be a stranger's."""
        stage.provision()
        in_use = stage.stored()
        cut(stage, f"variables/{VARIABLE}")
        stage.repository.set_secret("OTHER", "of-somebody-else")
        stage.abandon(secrets=f"{SECRET}=access_token\nOTHER=client_secret")
        assert (stage.stored(), stage.stored("OTHER")) == (in_use, "of-somebody-else")

    def test_of_a_second_bot(self, stage: Stage) -> None:
        """The names that were left out have defaults, which are the first bot's: they stay as they
        are, and those of the second bot have to be named.
        """
        stage.provision()
        stage.repository.variables[VARIABLE] = "of-the-first-bot"
        stage.time += 3600
        journal = {"journal": "SECOND_JOURNAL", "secrets": "SECOND=access_token"}
        second = journal | {"variables": "SECOND_URL=base_url"}
        stage.provision(**second)
        in_use = stage.stored("SECOND")
        cut(stage, "variables/SECOND_URL", **second)
        with fails("secrets-missing", Exit.INPUT) as caught:
            stage.abandon(**journal)
        assert "SECOND_URL" in said(caught.value)
        assert VARIABLE not in said(caught.value)
        stage.abandon(**second)
        assert (stage.stored("SECOND"), in_use in stage.live()) == (in_use, True)
        assert stage.repository.variables["SECOND_URL"] == ORIGIN
        assert stage.repository.variables[VARIABLE] == "of-the-first-bot"

    def test_a_variable_is_the_token_s_in_use_again(self, stage: Stage) -> None:
        """What goes with the token in use is written again, too."""
        names = {"variables": f"MASTODON_CLIENT_ID=client_id\n{VARIABLE}=base_url"}
        stage.provision(**names)
        client_id = stage.repository.variables["MASTODON_CLIENT_ID"]
        cut(stage, f"variables/{VARIABLE}", **names)
        assert stage.repository.variables["MASTODON_CLIENT_ID"] != client_id
        stage.abandon(**names)
        assert stage.repository.variables["MASTODON_CLIENT_ID"] == client_id

    def test_the_token_in_use_once_more(self, stage: Stage) -> None:
        """One's own application gives the same token again: it is the bot's, and nobody is told to
        remove it.
        """
        application = self.cut_of_ones_own(stage, f"variables/{VARIABLE}")
        outcome = stage.abandon(**application)
        assert isinstance(outcome, Ended)
        assert outcome.notes == outcome.news == ()
        assert stage.live() == [stage.stored()]
        assert stage.journal().superseded == ()

    def test_the_token_in_use_over_a_stranger_s(self, stage: Stage) -> None:
        """It may stand there from now on: the journal knows, and a rotation heeds it."""
        stage.repository.set_secret("OTHER", "of-somebody-else")
        names = {"secrets": f"{SECRET}=access_token\nOTHER=access_token"}
        application = self.cut_of_ones_own(stage, f"variables/{VARIABLE}", **names)
        stage.abandon(**application)
        current = stage.journal().current
        assert current is not None
        assert [place.name for place in current.destinations] == [SECRET, VARIABLE, "OTHER"]

    def cut_of_ones_own(self, stage: Stage, path: str, **raw: str) -> dict[str, str]:
        """A second single run, cut at this path; the application's two strings."""
        application = stage.hand_made()
        strings = {"client_id": application.client_id, "client_secret": application.client_secret}
        stage.complete(stage.code_for(application), **strings)
        code = stage.code_for(application)
        stage.wire.faults = [Fault("500", path=path, times=99)]
        with suppress(ProvisionerError):
            stage.complete(code, **strings, **raw)
        stage.wire.faults = []
        pending, current = stage.journal().pending, stage.journal().current
        assert pending
        assert pending.staged
        assert current
        assert pending.staged.token == current.token
        return strings

    def test_a_lost_exchange_is_spoken_of(self, stage: Stage) -> None:
        """Its token may live; a person is told where to look."""
        code = stage.approve(stage.link())
        stage.wire.faults = [Fault("answer lost", path="oauth/token", times=99)]
        with suppress(ProvisionerError):
            stage.complete(code)
        stage.wire.faults = []
        outcome = stage.abandon()
        assert isinstance(outcome, Ended)
        (lost,) = outcome.notes
        assert EIGHT in lost
        assert PAGE in lost

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
        assert outcome.notes == ()
        (revoked,) = outcome.news
        assert EIGHT in revoked
        assert stage.live() == []

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
        assert isinstance(outcome, Ended)
        assert outcome.outputs() == {"status": "deprovisioned", "account": MYBOT}
        assert NAME in outcome.headline
        assert outcome.notes == outcome.news == ()
        assert stage.live() == []
        assert dict(stage.repository.secrets) == {}
        assert stage.repository.variables == {}

    def test_a_404_means_gone_only_where_secrets_can_be_listed(self, stage: Stage) -> None:
        """GitHub answers 404, too, to a token that may not administer the repository's secrets:
        the secret stands there still, and so the journal that knows of it stays.
        """
        stage.provision()

        def hidden(request: Request) -> Response:
            if f"/repos/{NAME}/actions/secrets" in request.path:
                return json_response(404, {"message": "Not Found"})
            return stage.github(request)

        stage.wire.hosts["api.github.test"] = hidden
        with fails("github-not-found", Exit.PERSON):
            stage.deprovision()
        assert SECRET in stage.repository.secrets
        assert "MASTODON_JOURNAL" in stage.repository.variables

    def test_a_secret_that_a_person_deleted_before_is_gone(self, stage: Stage) -> None:
        """It is looked for in the list, and nothing stops."""
        stage.provision()
        stage.delete("secrets", SECRET)
        stage.deprovision()
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
        with fails("journal-other-account", Exit.INPUT):
            stage.deprovision(account=ALICE)
        assert len(stage.live()) == 1

    def test_at_another_instance_is_refused(self, stage: Stage) -> None:
        """A journal belongs to one instance."""
        stage.provision()
        with fails("journal-other-instance", Exit.INPUT):
            stage.deprovision(instance="https://other.example")
        assert len(stage.live()) == 1

    def test_a_lost_exchange_is_spoken_of(self, stage: Stage) -> None:
        """Its token may live, as does that of a person's own application."""
        stage.provision_by_hand()
        stage.wire.faults = [Fault("answer lost", path="oauth/token", times=99)]
        with suppress(ProvisionerError):
            stage.complete(stage.approve(stage.link()))
        stage.wire.faults = []
        outcome = stage.deprovision()
        assert isinstance(outcome, Ended)
        lost, kept = outcome.notes
        assert MYBOT not in lost  # it may be anybody's
        assert MYBOT in kept
        for note in (lost, kept):
            assert EIGHT in note
            assert PAGE in note

    def test_without_a_journal_and_without_a_key(self, stage: Stage) -> None:
        """A misspelt name deletes nothing."""
        stage.repository.set_secret("MASTODON_JOURNAL_KEY", stage.key)
        with fails("nothing-provisioned", Exit.PERSON):
            stage.deprovision(journal_key="")
        assert "MASTODON_JOURNAL_KEY" in stage.repository.secrets

    def test_twice(self, stage: Stage) -> None:
        """It is as good as once, and the second says that there was nothing."""
        stage.provision()
        stage.deprovision()
        before = len(stage.shown)
        outcome = stage.deprovision()
        assert isinstance(outcome, Ended)
        assert "key" not in outcome.headline
        assert said_to_be_deleted(stage.shown[before:]) == []
        assert dict(stage.repository.secrets) == {}

    def test_of_the_key_alone(self, stage: Stage) -> None:
        """A run was cut between the journal and its key: the latter is what is deleted."""
        stage.provision()
        stage.wire.faults = [Fault("refused", method="DELETE", path="_KEY", times=99)]
        with suppress(ProvisionerError):
            stage.deprovision()
        stage.wire.faults = []
        before = len(stage.shown)
        outcome = stage.deprovision()
        assert isinstance(outcome, Ended)
        assert "key" in outcome.headline
        assert said_to_be_deleted(stage.shown[before:]) == ["MASTODON_JOURNAL_KEY"]
        assert dict(stage.repository.secrets) == {}

    @pytest.mark.parametrize("key", ["", None], ids=["without a key", "with a key"])
    def test_of_a_journal_that_can_t_be_seen(self, stage: Stage, key: str | None) -> None:
        """Where variables can't be listed, a 404 does not mean absent: the journal's key stays."""

        def handler(request: Request) -> Response:
            if request.path.endswith("/variables/MASTODON_JOURNAL"):
                return json_response(404, {"message": "Not Found"})
            return stage.github(request)

        stage.provision()
        stage.token = stage.github.add_token(permissions={"metadata": "read", "secrets": "write"})
        stage.wire.hosts["api.github.test"] = handler
        before = dict(stage.repository.secrets)
        with fails("github-permission", Exit.PERSON):
            stage.deprovision(**({} if key is None else {"journal_key": key}))
        assert stage.repository.secrets == before

    def test_what_is_gone_already_is_not_deleted(self, stage: Stage) -> None:
        """A run before this one, or a person, deleted it: that is what is said."""
        stage.provision()
        stage.delete("secrets", SECRET)
        stage.deprovision()
        assert said_to_be_deleted(stage.shown) == [
            VARIABLE,
            "MASTODON_JOURNAL",
            "MASTODON_JOURNAL_KEY",
        ]

    def test_what_register_keeps_stays(self, stage: Stage) -> None:
        """No journal tells whose it is: a person is told its names, and where to delete them."""
        stage.provision()
        stage.register()
        kept = stage.strings()
        outcome = stage.deprovision()
        assert isinstance(outcome, Ended)
        [note] = outcome.notes
        for name in STRINGS:
            assert name in note
        assert stage.strings() == kept

    def test_the_same_token_staged_again(self, stage: Stage) -> None:
        """One's own application gave it twice: both names are cleaned, and it is told of once."""
        application = stage.hand_made()
        strings = {"client_id": application.client_id, "client_secret": application.client_secret}
        stage.complete(stage.code_for(application), **strings)
        code, names = stage.code_for(application), "NEW_TOKEN=access_token"
        stage.wire.faults = [Fault("500", path="variables/MASTODON_BASE_URL", times=99)]
        with suppress(ProvisionerError):
            stage.complete(code, secrets=names, **strings)
        stage.wire.faults = []
        assert stage.stored("NEW_TOKEN") == stage.stored()
        outcome = stage.deprovision(secrets=names)
        assert isinstance(outcome, Ended)
        assert (len(outcome.notes), stage.stored("NEW_TOKEN"), stage.stored()) == (1, "", "")

    def test_of_an_application_written_by_us_nothing_stays(self, stage: Stage) -> None:
        """Under register's names stands what the journal knows: it is deleted."""
        names = f"{SECRET}=access_token\nMASTODON_CLIENT_SECRET=client_secret"
        stage.provision(secrets=names)
        outcome = stage.deprovision()
        assert isinstance(outcome, Ended)
        assert outcome.notes == ()
        assert dict(stage.repository.secrets) == {}

    def test_an_instance_in_trouble(self, stage: Stage) -> None:
        """The journal stays, until every token in it was seen dead."""
        stage.provision()
        stage.wire.faults = [Fault("500", path="oauth/revoke", times=99)]
        with fails("tokens-alive", Exit.HALF_WAY) as caught:
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
        (note,) = outcome.notes
        for fact in (EIGHT, MYBOT, PAGE):
            assert fact in note


@pytest.mark.parametrize("personality", ["pixelfed"])
class TestApprovedByAlice:
    """She, and not the bot, approved the link, at a server that lets no program revoke tokens."""

    PAGE = f"{ORIGIN}/settings/applications"

    @pytest.fixture
    def stage(self, stage: Stage) -> Stage:
        """It is known, and lives on; an hour later the bot has its own."""
        with fails("wrong-account", Exit.PERSON) as caught:
            stage.complete(stage.approve(stage.link(), "alice"))
        assert ALICE in caught.value.why
        assert self.PAGE in caught.value.why
        stage.time += 3600
        stage.provision()
        return stage

    def test_the_journal_knows_whose_it_is(self, stage: Stage) -> None:
        """Each token bears the name of who approved it."""
        journal = stage.journal()
        assert [old.credential.account for old in journal.superseded] == [ALICE]
        assert journal.current is not None
        assert journal.current.account == MYBOT

    def test_check(self, stage: Stage) -> None:
        """It is not called the bot's old one, and it is said on whose page it is removed."""
        outcome = stage.check()
        assert isinstance(outcome, Checked)
        [finding] = [f for f in outcome.findings if f.verdict == "bad"]
        assert EIGHT in finding.text
        assert ALICE in finding.text
        assert ALICE in finding.todo
        assert self.PAGE in finding.todo
        assert MYBOT not in found(finding)

    def test_abandon(self, stage: Stage) -> None:
        """Likewise."""
        outcome = stage.abandon()
        assert isinstance(outcome, Ended)
        [note] = outcome.notes
        for fact in (EIGHT, ALICE, self.PAGE):
            assert fact in note
        assert MYBOT not in note

    def test_deprovision(self, stage: Stage) -> None:
        """Both tokens live on, each on the page of another account."""
        with fails("tokens-alive", Exit.HALF_WAY) as caught:
            stage.deprovision()
        assert caught.value.link == self.PAGE
        assert self.PAGE in caught.value.todo
        bots, hers = caught.value.todo.split(";")
        assert MYBOT in bots
        assert NINE in bots
        assert ALICE in hers
        assert EIGHT in hers
        [of_the_bot] = [warning for warning in stage.warned if NINE in warning]
        [of_alice] = [warning for warning in stage.warned if EIGHT in warning]
        assert ALICE not in of_the_bot
        assert ALICE in of_alice

    def test_of_a_journal_of_before(self, stage: Stage) -> None:
        """An older version wrote no names: then it is said so far as it is known."""
        journal = stage.journal()
        [old] = journal.superseded
        nameless = old.credential.model_copy(update={"account": ""})
        stage.rewrite(superseded=(old.model_copy(update={"credential": nameless}),))
        [note] = stage.abandon().notes  # type: ignore[union-attr]
        assert self.PAGE in note
        assert ALICE not in note
        assert MYBOT not in note
