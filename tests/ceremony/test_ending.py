"""abandon and deprovision: the ways out."""

import re
from collections.abc import Iterable
from contextlib import suppress

import pytest
from msgspec.structs import replace

from provisioner.errors import ProvisionerError
from provisioner.report import Exit, Item, Report, when
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.faults.faults import Killed
from tests.stage import NAME, ORIGIN, START, STRINGS, Fault, Stage
from tests.told import fails, in_words, runs, said, steps

SECRET, VARIABLE = "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"
JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
PAGE = f"{ORIGIN}/oauth/authorized_applications"
EIGHT, NINE = when(int(START)), when(int(START) + 3600)
MYBOT, ALICE = "mybot@social.example", "alice@social.example"
DAY = 86400


def cut(stage: Stage, path: str, **raw: str) -> None:
    """A completion that gets as far as the first request to this path, and no further."""
    code = stage.approve(stage.link(**raw))
    stage.wire.faults = [Fault("500", path=path, times=99)]
    with suppress(ProvisionerError):
        stage.complete(code, **raw)
    stage.wire.faults = []


def cut_after_writing(stage: Stage, code: str = "", **raw: str) -> None:
    """A completion that writes everything, and is killed before its token is current."""
    code = code or stage.approve(stage.link(**raw))
    since = len(stage.wire.log)

    def killing(request: Request) -> Response:
        wrote = any(line.startswith("PUT") for line in stage.requests(since))
        if wrote and request.method == "GET":
            raise Killed
        return stage.github(request)

    stage.wire.hosts["api.github.test"] = killing
    with pytest.raises(Killed):
        stage.complete(code, **raw)
    stage.wire.hosts["api.github.test"] = stage.github


def lose_an_exchange(stage: Stage) -> None:
    """A completion that never hears whether its code was exchanged."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("answer lost", path="oauth/token", times=99)]
    with suppress(ProvisionerError):
        stage.complete(code)
    stage.wire.faults = []


def own_application_twice(stage: Stage, **raw: str) -> dict[str, str]:
    """A second single run, which is killed when it has written; client id and secret."""
    application = stage.hand_made()
    own = {"client_id": application.client_id, "client_secret": application.client_secret}
    stage.complete(stage.code_for(application), **own)
    cut_after_writing(stage, stage.code_for(application), **own, **raw)
    staged, current = stage.journal().staged, stage.journal().current
    assert staged
    assert current
    assert staged.token == current.token
    return own


def notes(report: Report) -> list[Item]:
    """What is left to a person."""
    return [item for item in report.items if item.verdict != "good"]


def news(report: Report) -> list[str]:
    """What else was done."""
    return [item.text for item in report.items if item.verdict == "good"]


def said_to_be_deleted(lines: Iterable[str]) -> list[str]:
    """The names that the run says it deleted, in their order."""
    return [match[1] for line in lines if (match := re.match(r"Deleted the \w+ (\S+)", line))]


class TestAbandon:
    """Giving up what can't be finished."""

    def test_abandon_where_nothing_is_under_way_points_to_check(self, stage: Stage) -> None:
        stage.provision()
        with fails("nothing-to-abandon", Exit.FAILED) as caught:
            stage.abandon()
        assert runs(caught.value.next) == ["check"]

    def test_abandon_where_nothing_is_provisioned_points_to_begin(self, stage: Stage) -> None:
        with fails("nothing-to-abandon", Exit.FAILED) as caught:
            stage.abandon()
        assert runs(caught.value.next) == ["begin"]

    def test_begin_after_abandon_shows_another_link(self, stage: Stage) -> None:
        link = stage.link()
        report = stage.abandon()
        assert report.status == "abandoned"
        assert report.outputs == {"account": MYBOT}
        assert report.items == ()
        assert stage.link() != link

    def test_journal_of_another_instance_is_refused(self, stage: Stage) -> None:
        stage.link()
        with fails("journal-other-instance", Exit.INPUT) as caught:
            stage.abandon(instance="https://other.example")
        assert ORIGIN in said(caught.value)
        assert stage.journal().pending is not None

    def test_replaced_token_stays_for_its_grace(self, stage: Stage) -> None:
        """Of the token replaced before nothing is said until it is revoked."""
        stage.provision()
        stage.provision()
        stage.link()
        assert stage.abandon().items == ()
        assert len(stage.journal().superseded) == 1

    def test_abandon_revokes_a_replaced_token_whose_grace_is_over(self, stage: Stage) -> None:
        stage.provision()
        stage.provision()
        stage.time += DAY
        report = stage.abandon()
        assert report.status == "abandoned"
        assert notes(report) == []
        (revoked,) = news(report)
        assert EIGHT in revoked
        assert stage.journal().superseded == ()

    def test_tokens_that_could_not_be_revoked_stay_known(self, stage: Stage) -> None:
        """The one that is given up, beside the one that was replaced before."""
        stage.provision()
        stage.provision()
        cut(stage, "verify_credentials")
        stage.wire.hosts.pop("social.example")
        stage.abandon()
        assert stage.journal().pending is None
        known = [old.credential.token.reveal() for old in stage.journal().superseded]
        assert sorted([*known, stage.stored()]) == sorted(stage.live())

    def test_staged_token_is_revoked(self, stage: Stage) -> None:
        """It was never verified, and so stands nowhere."""
        cut(stage, "verify_credentials")
        stage.abandon()
        assert stage.live() == []
        assert stage.journal().credentials() == ()

    # What the run that was cut may have written.

    # What the run that was cut may have written.

    def test_token_in_use_is_written_again_over_the_staged_one(self, stage: Stage) -> None:
        """The bot must not be left with a dead token (I1)."""
        stage.provision()
        in_use = stage.stored()
        cut_after_writing(stage)
        assert stage.stored() != in_use
        stage.abandon()
        assert stage.live() == [in_use]
        assert stage.stored() == in_use

    def test_secret_that_was_empty_before_is_deleted(self, stage: Stage) -> None:
        cut_after_writing(stage)
        assert stage.stored()
        stage.abandon()
        assert SECRET not in stage.repository.secrets
        assert stage.live() == []

    def test_unmanaged_secret_that_may_be_overwritten_is_left_alone_and_told(
        self, stage: Stage
    ) -> None:
        """Whether it holds its own value or our token can't be told: a person decides."""
        stage.repository.set_secret(SECRET, "a-token-of-somebody-else")
        cut_after_writing(stage)
        report = stage.abandon()
        assert stage.stored() in stage.live()
        assert any(SECRET in in_words(note) for note in notes(report))
        assert [old.credential.destinations for old in stage.journal().superseded] != [()]

    def test_secret_of_somebody_else_is_named_by_no_token_before_it_is_verified(
        self, stage: Stage
    ) -> None:
        """The token stands nowhere: it is revoked, and nothing is said of the secret (I7)."""
        stage.repository.set_secret(SECRET, "a-token-of-somebody-else")
        cut(stage, "verify_credentials")
        report = stage.abandon()
        assert notes(report) == []
        assert stage.live() == []
        assert stage.stored() == "a-token-of-somebody-else"

    def test_each_secret_is_judged_by_itself(self, stage: Stage) -> None:
        stage.repository.set_secret("ONE", "a-token-of-somebody-else")
        cut_after_writing(stage, secrets="ONE=access_token\nTWO=access_token")
        stage.abandon()
        assert "ONE" in stage.repository.secrets
        assert "TWO" not in stage.repository.secrets
        [old] = stage.journal().superseded
        assert [place.name for place in old.credential.destinations] == ["ONE"]

    def test_new_name_beside_that_of_the_token_in_use_is_deleted(self, stage: Stage) -> None:
        """The token in use is written again where it stood, and nowhere else."""
        stage.provision()
        in_use = stage.stored()
        cut_after_writing(stage, secrets=f"{SECRET}=access_token\nOTHER=access_token")
        stage.abandon()
        assert set(stage.repository.secrets) == {SECRET, KEY}
        assert stage.stored() == in_use
        assert stage.live() == [in_use]

    def test_nothing_is_written_again_where_the_token_in_use_stands_elsewhere(
        self, stage: Stage
    ) -> None:
        stage.provision()
        cut_after_writing(stage, secrets="OTHER=access_token")
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
    def test_names_of_the_cut_run_must_be_given_before_anything_is_changed(
        self, stage: Stage, raw: dict[str, str], names: set[str]
    ) -> None:
        """Else they would be left with what is given up."""
        stage.provision()
        cut_after_writing(stage)
        before = stage.journal()
        with fails("secrets-missing", Exit.INPUT) as caught:
            stage.abandon(**raw)
        assert {name for name in (SECRET, VARIABLE, "OTHER") if name in said(caught.value)} == names
        assert stage.stored() in stage.live()
        assert stage.journal() == before

    def test_name_that_the_journal_does_not_know_is_not_written(self, stage: Stage) -> None:
        stage.provision()
        in_use = stage.stored()
        cut_after_writing(stage)
        stage.repository.set_secret("OTHER", "of-somebody-else")
        stage.abandon(secrets=f"{SECRET}=access_token\nOTHER=client_secret")
        assert stage.stored() == in_use
        assert stage.stored("OTHER") == "of-somebody-else"

    def test_abandon_of_a_second_bot_leaves_the_first_bots_names(self, stage: Stage) -> None:
        """Names that are left out have defaults, which are the first bot's."""
        stage.provision()
        stage.repository.variables[VARIABLE] = "of-the-first-bot"
        stage.time += 3600
        journal = {"journal": "SECOND_JOURNAL", "secrets": "SECOND=access_token"}
        second = journal | {"variables": "SECOND_URL=base_url"}
        stage.provision(**second)
        in_use = stage.stored("SECOND")
        cut_after_writing(stage, **second)
        with fails("secrets-missing", Exit.INPUT) as caught:
            stage.abandon(**journal)
        assert "SECOND_URL" in said(caught.value)
        assert VARIABLE not in said(caught.value)
        stage.abandon(**second)
        assert stage.stored("SECOND") == in_use
        assert in_use in stage.live()
        assert stage.repository.variables["SECOND_URL"] == ORIGIN
        assert stage.repository.variables[VARIABLE] == "of-the-first-bot"

    def test_variable_of_the_token_in_use_is_written_again(self, stage: Stage) -> None:
        names = {"variables": f"MASTODON_CLIENT_ID=client_id\n{VARIABLE}=base_url"}
        stage.provision(**names)
        client_id = stage.repository.variables["MASTODON_CLIENT_ID"]
        cut_after_writing(stage, **names)
        assert stage.repository.variables["MASTODON_CLIENT_ID"] != client_id
        stage.abandon(**names)
        assert stage.repository.variables["MASTODON_CLIENT_ID"] == client_id

    def test_token_in_use_that_is_staged_once_more_lives_on(self, stage: Stage) -> None:
        """One's own application gives the same token again (I2)."""
        own = own_application_twice(stage)
        report = stage.abandon(**own)
        assert report.items == ()
        assert stage.live() == [stage.stored()]
        assert stage.journal().superseded == ()

    def test_token_in_use_may_stand_where_it_was_staged_once_more(self, stage: Stage) -> None:
        """The journal knows, and a rotation heeds it."""
        stage.repository.set_secret("OTHER", "of-somebody-else")
        names = {"secrets": f"{SECRET}=access_token\nOTHER=access_token"}
        own = own_application_twice(stage, **names)
        stage.abandon(**own)
        current = stage.journal().current
        assert current is not None
        assert [place.name for place in current.destinations] == [SECRET, VARIABLE, "OTHER"]

    def test_other_runs_notice_an_abandon_before_it_writes(self, stage: Stage) -> None:
        """Another run that read the journal before has as little time as can be to write."""
        stage.provision()
        cut_after_writing(stage)
        since = len(stage.wire.log)
        stage.abandon()
        requests = stage.requests(since)
        noticed = requests.index(f"PATCH /repos/{NAME}/actions/variables/{JOURNAL}")
        assert requests[noticed + 1] == f"PUT /repos/{NAME}/actions/secrets/{SECRET}"

    # Exchanges whose answer was lost (I3).

    def test_lost_exchange_is_told_with_where_to_look(self, stage: Stage) -> None:
        lose_an_exchange(stage)
        (lost,) = notes(stage.abandon())
        assert EIGHT in in_words(lost)
        assert PAGE in in_words(lost)

    def test_refused_exchange_is_not_told(self, stage: Stage) -> None:
        """It issued no token."""
        stage.link()
        with suppress(ProvisionerError):
            stage.complete("wrong")
        assert stage.abandon().items == ()

    def test_lost_exchange_is_told_though_a_later_token_is_staged(self, stage: Stage) -> None:
        """The lost token may be another account's; the staged one is revoked."""
        link = stage.link()
        stage.wire.faults = [Fault("answer lost", path="oauth/token")]
        with suppress(ProvisionerError):
            stage.complete(stage.approve(link))
        stage.time += 3600
        code = stage.approve(stage.link(), "alice")
        stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
        with suppress(ProvisionerError):
            stage.complete(code)
        stage.wire.faults = []
        report = stage.abandon()
        (lost,) = notes(report)
        assert EIGHT in in_words(lost)
        assert PAGE in in_words(lost)
        assert len(stage.live()) == 1
        assert len(news(report)) == 1


class TestDeprovision:
    """Offboarding."""

    def test_no_token_secret_or_variable_is_left(self, stage: Stage) -> None:
        stage.provision()
        stage.provision()
        report = stage.deprovision()
        assert report.status == "deprovisioned"
        assert report.outputs == {"account": MYBOT}
        assert NAME in report.headline
        assert report.items == ()
        assert stage.live() == []
        assert dict(stage.repository.secrets) == {}
        assert stage.repository.variables == {}

    def test_its_first_write_marks_the_journal(self, stage: Stage) -> None:
        stage.provision()
        since = len(stage.wire.log)
        self.cut_after_the_mark(stage)
        assert stage.journal().deprovisioning
        *reads, mark = stage.requests(since)
        assert all(line.startswith("GET") for line in reads)
        assert mark == f"PATCH /repos/{NAME}/actions/variables/{JOURNAL}"

    @pytest.mark.parametrize("command", ["begin", "complete", "check", "abandon", "login", "post"])
    def test_every_other_command_refuses_once_the_journal_is_marked(
        self, stage: Stage, command: str
    ) -> None:
        """A deprovision was cut after its first write (I1: the secret still holds the token)."""
        stage.provision()
        self.cut_after_the_mark(stage)
        since = len(stage.wire.log)
        with fails("deprovisioning", Exit.ACTION_REQUIRED) as caught:
            stage.run(command, text="howdy universe!")
        assert runs(caught.value.next) == ["deprovision"]
        assert all(line.startswith("GET") for line in stage.requests(since))
        assert stage.live() == [stage.stored()]

    def test_weekly_check_revokes_nothing_after_a_deprovision_that_was_cut(
        self, stage: Stage
    ) -> None:
        """A rotation wrote its token and was cut; then a deprovision was cut after its first write.

        The secret holds the new token, and no run but a deprovision may end either.
        """
        stage.provision()
        cut_after_writing(stage)
        self.cut_after_the_mark(stage)
        stage.time += 2 * DAY
        with fails("deprovisioning", Exit.ACTION_REQUIRED):
            stage.check()
        assert stage.stored() in stage.live()
        stage.deprovision()
        assert stage.live() == []
        assert dict(stage.repository.secrets) == {}

    def cut_after_the_mark(self, stage: Stage) -> None:
        """A deprovision that is killed after its first write."""

        def killing(request: Request) -> Response:
            answer = stage.github(request)
            if request.method == "PATCH":
                raise Killed
            return answer

        stage.wire.hosts["api.github.test"] = killing
        with pytest.raises(Killed):
            stage.deprovision()
        stage.wire.hosts["api.github.test"] = stage.github

    def test_dry_run_says_what_would_go_and_changes_nothing(self, stage: Stage) -> None:
        stage.provision()
        since, journal = len(stage.wire.log), stage.journal()
        report = stage.deprovision(dry_run="true")
        assert report.status == "dry-run"
        would = report.facts["would"]
        assert isinstance(would, tuple)
        for fact in (EIGHT, SECRET, VARIABLE, f"variable {JOURNAL}", KEY):
            assert any(fact in step for step in would)
        assert all(line.startswith("GET") for line in stage.requests(since))
        assert stage.journal() == journal

    # What is deleted, and what is not.

    def test_404_means_gone_only_where_secrets_can_be_listed(self, stage: Stage) -> None:
        """GitHub answers 404, too, to a token that may not administer the repository's secrets, as
        this one may no more once it deletes: the secret and the journal that knows of it stay.
        """
        stage.provision()
        methods: list[str] = []

        def hidden(request: Request) -> Response:
            methods.append(request.method)
            if "DELETE" in methods and f"/repos/{NAME}/actions/secrets" in request.path:
                return json_response(404, {"message": "Not Found"})
            return stage.github(request)

        stage.wire.hosts["api.github.test"] = hidden
        with fails("github-not-found", Exit.ACTION_REQUIRED):
            stage.deprovision()
        assert SECRET in stage.repository.secrets
        assert JOURNAL in stage.repository.variables

    def test_secret_that_a_person_deleted_before_stops_nothing(self, stage: Stage) -> None:
        stage.provision()
        stage.delete("secrets", SECRET)
        stage.deprovision()
        assert stage.repository.variables == {}
        assert said_to_be_deleted(stage.shown) == [VARIABLE, JOURNAL, KEY]

    def test_what_others_wrote_stays(self, stage: Stage) -> None:
        stage.provision()
        stage.repository.set_secret("OTHER", "of-somebody-else")
        stage.deprovision()
        assert list(stage.repository.secrets) == ["OTHER"]

    def test_unmanaged_secret_of_the_bots_name_is_left_alone_and_told(self, stage: Stage) -> None:
        stage.provision(secrets="OTHER=access_token")
        stage.repository.set_secret(SECRET, "of-somebody-else")
        (note,) = notes(stage.deprovision())
        assert SECRET in note.text
        assert stage.stored() == "of-somebody-else"
        assert list(stage.repository.secrets) == [SECRET]

    def test_secret_that_a_cut_run_may_have_overwritten_is_left_alone_and_told(
        self, stage: Stage
    ) -> None:
        """Its token is revoked all the same: nothing is left that a secret could hold alive."""
        stage.repository.set_secret(SECRET, "a-token-of-somebody-else")
        cut_after_writing(stage)
        (note,) = notes(stage.deprovision())
        assert SECRET in note.text
        assert SECRET in stage.repository.secrets
        assert stage.live() == []

    def test_secret_that_a_cut_run_was_only_to_overwrite_stays(self, stage: Stage) -> None:
        stage.repository.set_secret(SECRET, "a-token-of-somebody-else")
        cut(stage, "verify_credentials")
        stage.deprovision()
        assert stage.stored() == "a-token-of-somebody-else"

    def test_staged_token_is_revoked_and_deleted_too(self, stage: Stage) -> None:
        cut_after_writing(stage)
        stage.deprovision()
        assert stage.live() == []
        assert dict(stage.repository.secrets) == {}

    def test_what_register_keeps_stays_and_is_told(self, stage: Stage) -> None:
        """No journal tells whose it is."""
        stage.provision()
        stage.register()
        kept = stage.strings()
        [note] = notes(stage.deprovision())
        for name in STRINGS:
            assert name in note.text
        assert stage.strings() == kept

    def test_what_the_journal_knows_is_deleted_under_registers_names_too(
        self, stage: Stage
    ) -> None:
        names = f"{SECRET}=access_token\nMASTODON_CLIENT_SECRET=client_secret"
        stage.provision(secrets=names)
        assert stage.deprovision().items == ()
        assert dict(stage.repository.secrets) == {}

    # What is refused.

    def test_journal_of_another_account_is_refused(self, stage: Stage) -> None:
        stage.provision()
        with fails("journal-other-account", Exit.INPUT):
            stage.deprovision(account=ALICE)
        assert len(stage.live()) == 1

    def test_journal_of_another_instance_is_refused(self, stage: Stage) -> None:
        stage.provision()
        with fails("journal-other-instance", Exit.INPUT):
            stage.deprovision(instance="https://other.example")
        assert len(stage.live()) == 1

    def test_without_a_journal_and_a_key_nothing_is_deleted(self, stage: Stage) -> None:
        """The journal's name may be misspelt."""
        stage.repository.set_secret(KEY, stage.key)
        with fails("nothing-provisioned", Exit.ACTION_REQUIRED):
            stage.deprovision(journal_key="")
        assert KEY in stage.repository.secrets

    @pytest.mark.parametrize("key", ["", None], ids=["without a key", "with a key"])
    def test_journal_that_cannot_be_seen_keeps_its_key(self, stage: Stage, key: str | None) -> None:
        """Where variables can't be listed, a 404 does not mean absent."""

        def handler(request: Request) -> Response:
            if request.path.endswith(f"/variables/{JOURNAL}"):
                return json_response(404, {"message": "Not Found"})
            return stage.github(request)

        stage.provision()
        stage.token = stage.github.add_token(permissions={"metadata": "read", "secrets": "write"})
        stage.wire.hosts["api.github.test"] = handler
        before = dict(stage.repository.secrets)
        with fails("github-permission", Exit.ACTION_REQUIRED):
            stage.deprovision(**({} if key is None else {"journal_key": key}))
        assert stage.repository.secrets == before

    # Again, and after trouble.

    def test_twice_is_as_good_as_once(self, stage: Stage) -> None:
        """The second says that there was nothing."""
        stage.provision()
        stage.deprovision()
        before = len(stage.shown)
        report = stage.deprovision()
        assert "key" not in report.headline
        assert said_to_be_deleted(stage.shown[before:]) == []
        assert dict(stage.repository.secrets) == {}

    def test_key_alone_is_deleted_where_the_run_before_was_cut(self, stage: Stage) -> None:
        stage.provision()
        stage.wire.faults = [Fault("refused", method="DELETE", path="_KEY", times=99)]
        with suppress(ProvisionerError):
            stage.deprovision()
        stage.wire.faults = []
        before = len(stage.shown)
        report = stage.deprovision()
        assert "key" in report.headline
        assert said_to_be_deleted(stage.shown[before:]) == [KEY]
        assert dict(stage.repository.secrets) == {}

    def test_claim_of_a_first_run_that_was_cut_is_deleted(self, stage: Stage) -> None:
        stage.wire.faults = [Fault("500", method="PUT", times=99)]
        with suppress(ProvisionerError):
            stage.begin()
        stage.wire.faults = []
        assert JOURNAL in stage.repository.variables
        stage.deprovision()
        assert stage.repository.variables == {}
        assert dict(stage.repository.secrets) == {}

    def test_journal_stays_until_every_token_was_seen_dead(self, stage: Stage) -> None:
        stage.provision()
        stage.wire.faults = [Fault("500", path="oauth/revoke", times=99)]
        with fails("tokens-alive", Exit.INCOMPLETE) as caught:
            stage.deprovision()
        assert caught.value.link == PAGE
        stage.wire.faults = []
        assert JOURNAL in stage.repository.variables
        stage.deprovision()
        assert stage.live() == []
        assert stage.repository.variables == {}

    # What is left to a person.

    def test_lost_exchange_and_token_of_ones_own_application_are_told(self, stage: Stage) -> None:
        stage.provision_by_hand()
        lose_an_exchange(stage)
        lost, kept = notes(stage.deprovision())
        assert MYBOT not in in_words(lost)  # it may be anybody's
        assert MYBOT in in_words(kept)
        for note in (lost, kept):
            assert EIGHT in in_words(note)
            assert PAGE in in_words(note)

    def test_lost_exchange_is_told_though_a_later_token_is_staged(self, stage: Stage) -> None:
        lose_an_exchange(stage)
        stage.time += 3600
        cut(stage, "verify_credentials")
        (lost,) = notes(stage.deprovision())
        assert EIGHT in in_words(lost)
        assert PAGE in in_words(lost)

    def test_token_of_ones_own_application_lives_on_and_is_told(self, stage: Stage) -> None:
        """It may be in use elsewhere."""
        stage.provision_by_hand()
        (note,) = notes(stage.deprovision())
        assert len(stage.live()) == 1
        for fact in (EIGHT, MYBOT, PAGE):
            assert fact in in_words(note)

    def test_same_token_staged_again_is_deleted_everywhere_and_told_once(
        self, stage: Stage
    ) -> None:
        own_application_twice(stage, secrets="NEW_TOKEN=access_token")
        assert stage.stored("NEW_TOKEN") == stage.stored()
        report = stage.deprovision()
        assert len(notes(report)) == 1
        assert stage.stored("NEW_TOKEN") == ""
        assert stage.stored() == ""


@pytest.mark.parametrize("personality", ["pixelfed"])
class TestApprovedByAlice:
    """She, and not the bot, approved the link, at a server that lets no program revoke tokens."""

    PAGE = f"{ORIGIN}/settings/applications"

    @pytest.fixture
    def stage(self, stage: Stage) -> Stage:
        """It is known, and lives on; an hour later the bot has its own."""
        with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
            stage.complete(stage.approve(stage.link(), "alice"))
        assert ALICE in said(caught.value)
        assert self.PAGE in said(caught.value)
        stage.time += 3600
        stage.provision()
        return stage

    def test_journal_knows_who_approved_each_token(self, stage: Stage) -> None:
        journal = stage.journal()
        assert [old.credential.account for old in journal.superseded] == [ALICE]
        assert journal.current is not None
        assert journal.current.account == MYBOT

    def test_check_says_on_whose_page_it_is_removed(self, stage: Stage) -> None:
        """It is not called the bot's old one."""
        [found] = [item for item in stage.check().items if item.verdict == "bad"]
        assert EIGHT in found.text
        assert ALICE in found.text
        assert ALICE in steps(found.next)
        assert self.PAGE in steps(found.next)
        assert MYBOT not in in_words(found)

    def test_abandon_says_on_whose_page_it_is_removed(self, stage: Stage) -> None:
        [note] = notes(stage.abandon())
        for fact in (EIGHT, ALICE, self.PAGE):
            assert fact in in_words(note)
        assert MYBOT not in in_words(note)

    def test_deprovision_says_on_whose_page_each_is_removed(self, stage: Stage) -> None:
        with fails("tokens-alive", Exit.INCOMPLETE) as caught:
            stage.deprovision()
        assert caught.value.link == self.PAGE
        bots, hers, *_ = caught.value.next
        assert self.PAGE in repr(bots)
        assert MYBOT in repr(bots)
        assert NINE in repr(bots)
        assert ALICE in repr(hers)
        assert EIGHT in repr(hers)
        [of_the_bot] = [warning for warning in stage.warned if NINE in warning]
        [of_alice] = [warning for warning in stage.warned if EIGHT in warning]
        assert ALICE not in of_the_bot
        assert ALICE in of_alice

    def test_token_whose_account_is_not_known_is_nobodys(self, stage: Stage) -> None:
        """A run was cut before it saw whose it was."""
        [old] = stage.journal().superseded
        nameless = replace(old.credential, account="")
        stage.rewrite(superseded=(replace(old, credential=nameless),))
        [note] = notes(stage.abandon())
        assert self.PAGE in in_words(note)
        assert ALICE not in in_words(note)
        assert MYBOT not in in_words(note)
