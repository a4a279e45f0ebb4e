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
from tests.support.told import fails, in_words, runs, said, steps
from tests.support.wire import Killed
from tests.support.world import NAME, ORIGIN, START, STRINGS, Fault, World

SECRET, VARIABLE = "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"
JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
PAGE = f"{ORIGIN}/oauth/authorized_applications"
EIGHT, NINE = when(int(START)), when(int(START) + 3600)
MYBOT, ALICE = "mybot@social.example", "alice@social.example"
DAY = 86400


def cut(world: World, path: str, **raw: str) -> None:
    """A completion that gets as far as the first request to this path, and no further."""
    code = world.approve(world.link(**raw))
    world.wire.faults = [Fault("500", path=path, times=99)]
    with suppress(ProvisionerError):
        world.complete(code, **raw)
    world.wire.faults = []


def cut_after_writing(world: World, code: str = "", **raw: str) -> None:
    """A completion that writes everything, and is killed before its token is current."""
    code = code or world.approve(world.link(**raw))
    since = len(world.wire.log)

    def killing(request: Request) -> Response:
        wrote = any(line.startswith("PUT") for line in world.requests(since))
        if wrote and request.method == "GET":
            raise Killed
        return world.github(request)

    world.wire.hosts["api.github.test"] = killing
    with pytest.raises(Killed):
        world.complete(code, **raw)
    world.wire.hosts["api.github.test"] = world.github


def lose_an_exchange(world: World) -> None:
    """A completion that never hears whether its code was exchanged."""
    code = world.approve(world.link())
    world.wire.faults = [Fault("answer lost", path="oauth/token", times=99)]
    with suppress(ProvisionerError):
        world.complete(code)
    world.wire.faults = []


def own_application_twice(world: World, **raw: str) -> dict[str, str]:
    """A second single run, which is killed when it has written; client id and secret."""
    application = world.hand_made()
    own = {"client_id": application.client_id, "client_secret": application.client_secret}
    world.complete(world.code_for(application), **own)
    cut_after_writing(world, world.code_for(application), **own, **raw)
    staged, current = world.journal().staged, world.journal().current
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

    def test_abandon_where_nothing_is_under_way_points_to_check(self, world: World) -> None:
        world.provision()
        with fails("nothing-to-abandon", Exit.FAILED) as caught:
            world.abandon()
        assert runs(caught.value.next) == ["check"]

    def test_abandon_where_nothing_is_provisioned_points_to_begin(self, world: World) -> None:
        with fails("nothing-to-abandon", Exit.FAILED) as caught:
            world.abandon()
        assert runs(caught.value.next) == ["begin"]

    def test_begin_after_abandon_shows_another_link(self, world: World) -> None:
        link = world.link()
        report = world.abandon()
        assert report.status == "abandoned"
        assert report.outputs == {"account": MYBOT}
        assert report.items == ()
        assert world.link() != link

    def test_journal_of_another_instance_is_refused(self, world: World) -> None:
        world.link()
        with fails("journal-other-instance", Exit.INPUT) as caught:
            world.abandon(instance="https://other.example")
        assert ORIGIN in said(caught.value)
        assert world.journal().pending is not None

    def test_replaced_token_stays_for_its_grace(self, world: World) -> None:
        """Of the token replaced before nothing is said until it is revoked."""
        world.provision()
        world.provision()
        world.link()
        assert world.abandon().items == ()
        assert len(world.journal().superseded) == 1

    def test_abandon_revokes_a_replaced_token_whose_grace_is_over(self, world: World) -> None:
        world.provision()
        world.provision()
        world.time += DAY
        report = world.abandon()
        assert report.status == "abandoned"
        assert notes(report) == []
        (revoked,) = news(report)
        assert EIGHT in revoked
        assert world.journal().superseded == ()

    def test_tokens_that_could_not_be_revoked_stay_known(self, world: World) -> None:
        """The one that is given up, beside the one that was replaced before."""
        world.provision()
        world.provision()
        cut(world, "verify_credentials")
        world.wire.hosts.pop("social.example")
        world.abandon()
        assert world.journal().pending is None
        known = [old.credential.token.reveal() for old in world.journal().superseded]
        assert sorted([*known, world.stored()]) == sorted(world.live())

    def test_staged_token_is_revoked(self, world: World) -> None:
        """It was never verified, and so stands nowhere."""
        cut(world, "verify_credentials")
        world.abandon()
        assert world.live() == []
        assert world.journal().credentials() == ()

    # What the run that was cut may have written.

    # What the run that was cut may have written.

    def test_token_in_use_is_written_again_over_the_staged_one(self, world: World) -> None:
        """The bot must not be left with a dead token (I1)."""
        world.provision()
        in_use = world.stored()
        cut_after_writing(world)
        assert world.stored() != in_use
        world.abandon()
        assert world.live() == [in_use]
        assert world.stored() == in_use

    def test_secret_that_was_empty_before_is_deleted(self, world: World) -> None:
        cut_after_writing(world)
        assert world.stored()
        world.abandon()
        assert SECRET not in world.repository.secrets
        assert world.live() == []

    def test_unmanaged_secret_that_may_be_overwritten_is_left_alone_and_told(
        self, world: World
    ) -> None:
        """Whether it holds its own value or our token can't be told: a person decides."""
        world.repository.set_secret(SECRET, "a-token-of-somebody-else")
        cut_after_writing(world)
        report = world.abandon()
        assert world.stored() in world.live()
        assert any(SECRET in in_words(note) for note in notes(report))
        assert [old.credential.destinations for old in world.journal().superseded] != [()]

    def test_secret_of_somebody_else_is_named_by_no_token_before_it_is_verified(
        self, world: World
    ) -> None:
        """The token stands nowhere: it is revoked, and nothing is said of the secret (I7)."""
        world.repository.set_secret(SECRET, "a-token-of-somebody-else")
        cut(world, "verify_credentials")
        report = world.abandon()
        assert notes(report) == []
        assert world.live() == []
        assert world.stored() == "a-token-of-somebody-else"

    def test_each_secret_is_judged_by_itself(self, world: World) -> None:
        world.repository.set_secret("ONE", "a-token-of-somebody-else")
        cut_after_writing(world, secrets="ONE=access_token\nTWO=access_token")
        world.abandon()
        assert "ONE" in world.repository.secrets
        assert "TWO" not in world.repository.secrets
        [old] = world.journal().superseded
        assert [place.name for place in old.credential.destinations] == ["ONE"]

    def test_new_name_beside_that_of_the_token_in_use_is_deleted(self, world: World) -> None:
        """The token in use is written again where it stood, and nowhere else."""
        world.provision()
        in_use = world.stored()
        cut_after_writing(world, secrets=f"{SECRET}=access_token\nOTHER=access_token")
        world.abandon()
        assert set(world.repository.secrets) == {SECRET, KEY}
        assert world.stored() == in_use
        assert world.live() == [in_use]

    def test_nothing_is_written_again_where_the_token_in_use_stands_elsewhere(
        self, world: World
    ) -> None:
        world.provision()
        cut_after_writing(world, secrets="OTHER=access_token")
        since = len(world.wire.log)
        world.abandon()
        assert "OTHER" not in world.repository.secrets
        assert not [line for line in world.requests(since) if line.startswith("PUT")]

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
        self, world: World, raw: dict[str, str], names: set[str]
    ) -> None:
        """Else they would be left with what is given up."""
        world.provision()
        cut_after_writing(world)
        before = world.journal()
        with fails("secrets-missing", Exit.INPUT) as caught:
            world.abandon(**raw)
        assert {name for name in (SECRET, VARIABLE, "OTHER") if name in said(caught.value)} == names
        assert world.stored() in world.live()
        assert world.journal() == before

    def test_name_that_the_journal_does_not_know_is_not_written(self, world: World) -> None:
        world.provision()
        in_use = world.stored()
        cut_after_writing(world)
        world.repository.set_secret("OTHER", "of-somebody-else")
        world.abandon(secrets=f"{SECRET}=access_token\nOTHER=client_secret")
        assert world.stored() == in_use
        assert world.stored("OTHER") == "of-somebody-else"

    def test_abandon_of_a_second_bot_leaves_the_first_bots_names(self, world: World) -> None:
        """Names that are left out have defaults, which are the first bot's."""
        world.provision()
        world.repository.variables[VARIABLE] = "of-the-first-bot"
        world.time += 3600
        journal = {"journal": "SECOND_JOURNAL", "secrets": "SECOND=access_token"}
        second = journal | {"variables": "SECOND_URL=base_url"}
        world.provision(**second)
        in_use = world.stored("SECOND")
        cut_after_writing(world, **second)
        with fails("secrets-missing", Exit.INPUT) as caught:
            world.abandon(**journal)
        assert "SECOND_URL" in said(caught.value)
        assert VARIABLE not in said(caught.value)
        world.abandon(**second)
        assert world.stored("SECOND") == in_use
        assert in_use in world.live()
        assert world.repository.variables["SECOND_URL"] == ORIGIN
        assert world.repository.variables[VARIABLE] == "of-the-first-bot"

    def test_variable_of_the_token_in_use_is_written_again(self, world: World) -> None:
        names = {"variables": f"MASTODON_CLIENT_ID=client_id\n{VARIABLE}=base_url"}
        world.provision(**names)
        client_id = world.repository.variables["MASTODON_CLIENT_ID"]
        cut_after_writing(world, **names)
        assert world.repository.variables["MASTODON_CLIENT_ID"] != client_id
        world.abandon(**names)
        assert world.repository.variables["MASTODON_CLIENT_ID"] == client_id

    def test_token_in_use_that_is_staged_once_more_lives_on(self, world: World) -> None:
        """One's own application gives the same token again (I2)."""
        own = own_application_twice(world)
        report = world.abandon(**own)
        assert report.items == ()
        assert world.live() == [world.stored()]
        assert world.journal().superseded == ()

    def test_token_in_use_may_stand_where_it_was_staged_once_more(self, world: World) -> None:
        """The journal knows, and a rotation heeds it."""
        world.repository.set_secret("OTHER", "of-somebody-else")
        names = {"secrets": f"{SECRET}=access_token\nOTHER=access_token"}
        own = own_application_twice(world, **names)
        world.abandon(**own)
        current = world.journal().current
        assert current is not None
        assert [place.name for place in current.destinations] == [SECRET, VARIABLE, "OTHER"]

    def test_other_runs_notice_an_abandon_before_it_writes(self, world: World) -> None:
        """Another run that read the journal before has as little time as can be to write."""
        world.provision()
        cut_after_writing(world)
        since = len(world.wire.log)
        world.abandon()
        requests = world.requests(since)
        noticed = requests.index(f"PATCH /repos/{NAME}/actions/variables/{JOURNAL}")
        assert requests[noticed + 1] == f"PUT /repos/{NAME}/actions/secrets/{SECRET}"

    # Exchanges whose answer was lost (I3).

    def test_lost_exchange_is_told_with_where_to_look(self, world: World) -> None:
        lose_an_exchange(world)
        (lost,) = notes(world.abandon())
        assert EIGHT in in_words(lost)
        assert PAGE in in_words(lost)

    def test_refused_exchange_is_not_told(self, world: World) -> None:
        """It issued no token."""
        world.link()
        with suppress(ProvisionerError):
            world.complete("wrong")
        assert world.abandon().items == ()

    def test_lost_exchange_is_told_though_a_later_token_is_staged(self, world: World) -> None:
        """The lost token may be another account's; the staged one is revoked."""
        link = world.link()
        world.wire.faults = [Fault("answer lost", path="oauth/token")]
        with suppress(ProvisionerError):
            world.complete(world.approve(link))
        world.time += 3600
        code = world.approve(world.link(), "alice")
        world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
        with suppress(ProvisionerError):
            world.complete(code)
        world.wire.faults = []
        report = world.abandon()
        (lost,) = notes(report)
        assert EIGHT in in_words(lost)
        assert PAGE in in_words(lost)
        assert len(world.live()) == 1
        assert len(news(report)) == 1


class TestDeprovision:
    """Offboarding."""

    def test_no_token_secret_or_variable_is_left(self, world: World) -> None:
        world.provision()
        world.provision()
        report = world.deprovision()
        assert report.status == "deprovisioned"
        assert report.outputs == {"account": MYBOT}
        assert NAME in report.headline
        assert report.items == ()
        assert world.live() == []
        assert dict(world.repository.secrets) == {}
        assert world.repository.variables == {}

    def test_its_first_write_marks_the_journal(self, world: World) -> None:
        world.provision()
        since = len(world.wire.log)
        self.cut_after_the_mark(world)
        assert world.journal().deprovisioning
        *reads, mark = world.requests(since)
        assert all(line.startswith("GET") for line in reads)
        assert mark == f"PATCH /repos/{NAME}/actions/variables/{JOURNAL}"

    @pytest.mark.parametrize("command", ["begin", "complete", "check", "abandon", "login", "post"])
    def test_every_other_command_refuses_once_the_journal_is_marked(
        self, world: World, command: str
    ) -> None:
        """A deprovision was cut after its first write (I1: the secret still holds the token)."""
        world.provision()
        self.cut_after_the_mark(world)
        since = len(world.wire.log)
        with fails("deprovisioning", Exit.ACTION_REQUIRED) as caught:
            world.run(command, text="howdy universe!")
        assert runs(caught.value.next) == ["deprovision"]
        assert all(line.startswith("GET") for line in world.requests(since))
        assert world.live() == [world.stored()]

    def test_weekly_check_revokes_nothing_after_a_deprovision_that_was_cut(
        self, world: World
    ) -> None:
        """A rotation wrote its token and was cut; then a deprovision was cut after its first write.

        The secret holds the new token, and no run but a deprovision may end either.
        """
        world.provision()
        cut_after_writing(world)
        self.cut_after_the_mark(world)
        world.time += 2 * DAY
        with fails("deprovisioning", Exit.ACTION_REQUIRED):
            world.check()
        assert world.stored() in world.live()
        world.deprovision()
        assert world.live() == []
        assert dict(world.repository.secrets) == {}

    def cut_after_the_mark(self, world: World) -> None:
        """A deprovision that is killed after its first write."""

        def killing(request: Request) -> Response:
            answer = world.github(request)
            if request.method == "PATCH":
                raise Killed
            return answer

        world.wire.hosts["api.github.test"] = killing
        with pytest.raises(Killed):
            world.deprovision()
        world.wire.hosts["api.github.test"] = world.github

    def test_dry_run_says_what_would_go_and_changes_nothing(self, world: World) -> None:
        world.provision()
        since, journal = len(world.wire.log), world.journal()
        report = world.deprovision(dry_run="true")
        assert report.status == "dry-run"
        would = report.facts["would"]
        assert isinstance(would, tuple)
        for fact in (EIGHT, SECRET, VARIABLE, f"variable {JOURNAL}", KEY):
            assert any(fact in step for step in would)
        assert all(line.startswith("GET") for line in world.requests(since))
        assert world.journal() == journal

    # What is deleted, and what is not.

    def test_404_means_gone_only_where_secrets_can_be_listed(self, world: World) -> None:
        """GitHub answers 404, too, to a token that may not administer the repository's secrets, as
        this one may no more once it deletes: the secret and the journal that knows of it stay.
        """
        world.provision()
        methods: list[str] = []

        def hidden(request: Request) -> Response:
            methods.append(request.method)
            if "DELETE" in methods and f"/repos/{NAME}/actions/secrets" in request.path:
                return json_response(404, {"message": "Not Found"})
            return world.github(request)

        world.wire.hosts["api.github.test"] = hidden
        with fails("github-not-found", Exit.ACTION_REQUIRED):
            world.deprovision()
        assert SECRET in world.repository.secrets
        assert JOURNAL in world.repository.variables

    def test_secret_that_a_person_deleted_before_stops_nothing(self, world: World) -> None:
        world.provision()
        world.delete("secrets", SECRET)
        world.deprovision()
        assert world.repository.variables == {}
        assert said_to_be_deleted(world.shown) == [VARIABLE, JOURNAL, KEY]

    def test_what_others_wrote_stays(self, world: World) -> None:
        world.provision()
        world.repository.set_secret("OTHER", "of-somebody-else")
        world.deprovision()
        assert list(world.repository.secrets) == ["OTHER"]

    def test_unmanaged_secret_of_the_bots_name_is_left_alone_and_told(self, world: World) -> None:
        world.provision(secrets="OTHER=access_token")
        world.repository.set_secret(SECRET, "of-somebody-else")
        (note,) = notes(world.deprovision())
        assert SECRET in note.text
        assert world.stored() == "of-somebody-else"
        assert list(world.repository.secrets) == [SECRET]

    def test_secret_that_a_cut_run_may_have_overwritten_is_left_alone_and_told(
        self, world: World
    ) -> None:
        """Its token is revoked all the same: nothing is left that a secret could hold alive."""
        world.repository.set_secret(SECRET, "a-token-of-somebody-else")
        cut_after_writing(world)
        (note,) = notes(world.deprovision())
        assert SECRET in note.text
        assert SECRET in world.repository.secrets
        assert world.live() == []

    def test_secret_that_a_cut_run_was_only_to_overwrite_stays(self, world: World) -> None:
        world.repository.set_secret(SECRET, "a-token-of-somebody-else")
        cut(world, "verify_credentials")
        world.deprovision()
        assert world.stored() == "a-token-of-somebody-else"

    def test_staged_token_is_revoked_and_deleted_too(self, world: World) -> None:
        cut_after_writing(world)
        world.deprovision()
        assert world.live() == []
        assert dict(world.repository.secrets) == {}

    def test_what_register_keeps_stays_and_is_told(self, world: World) -> None:
        """No journal tells whose it is."""
        world.provision()
        world.register()
        kept = world.strings()
        [note] = notes(world.deprovision())
        for name in STRINGS:
            assert name in note.text
        assert world.strings() == kept

    def test_what_the_journal_knows_is_deleted_under_registers_names_too(
        self, world: World
    ) -> None:
        names = f"{SECRET}=access_token\nMASTODON_CLIENT_SECRET=client_secret"
        world.provision(secrets=names)
        assert world.deprovision().items == ()
        assert dict(world.repository.secrets) == {}

    # What is refused.

    def test_journal_of_another_account_is_refused(self, world: World) -> None:
        world.provision()
        with fails("journal-other-account", Exit.INPUT):
            world.deprovision(account=ALICE)
        assert len(world.live()) == 1

    def test_journal_of_another_instance_is_refused(self, world: World) -> None:
        world.provision()
        with fails("journal-other-instance", Exit.INPUT):
            world.deprovision(instance="https://other.example")
        assert len(world.live()) == 1

    def test_without_a_journal_and_a_key_nothing_is_deleted(self, world: World) -> None:
        """The journal's name may be misspelt."""
        world.repository.set_secret(KEY, world.key)
        with fails("nothing-provisioned", Exit.ACTION_REQUIRED):
            world.deprovision(journal_key="")
        assert KEY in world.repository.secrets

    def test_secret_by_the_name_of_another_journals_key_is_not_deleted(self, world: World) -> None:
        """`--journal WRONG` may be misspelt, and WRONG_KEY another program's."""
        world.repository.set_secret("WRONG_KEY", "another program's")
        with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
            world.deprovision(journal="WRONG")
        assert "WRONG_KEY" in steps(caught.value.next)
        assert world.stored("WRONG_KEY") == "another program's"

    @pytest.mark.parametrize("key", ["", None], ids=["without a key", "with a key"])
    def test_journal_that_cannot_be_seen_keeps_its_key(self, world: World, key: str | None) -> None:
        """Where variables can't be listed, a 404 does not mean absent."""

        def handler(request: Request) -> Response:
            if request.path.endswith(f"/variables/{JOURNAL}"):
                return json_response(404, {"message": "Not Found"})
            return world.github(request)

        world.provision()
        world.token = world.github.add_token(permissions={"metadata": "read", "secrets": "write"})
        world.wire.hosts["api.github.test"] = handler
        before = dict(world.repository.secrets)
        with fails("github-permission", Exit.ACTION_REQUIRED):
            world.deprovision(**({} if key is None else {"journal_key": key}))
        assert world.repository.secrets == before

    # Again, and after trouble.

    def test_twice_is_as_good_as_once(self, world: World) -> None:
        """The second says that there was nothing."""
        world.provision()
        world.deprovision()
        before = len(world.shown)
        report = world.deprovision()
        assert "key" not in report.headline
        assert said_to_be_deleted(world.shown[before:]) == []
        assert dict(world.repository.secrets) == {}

    def test_key_alone_is_deleted_where_the_run_before_was_cut(self, world: World) -> None:
        world.provision()
        world.wire.faults = [Fault("refused", method="DELETE", path="_KEY", times=99)]
        with suppress(ProvisionerError):
            world.deprovision()
        world.wire.faults = []
        before = len(world.shown)
        report = world.deprovision()
        assert "key" in report.headline
        assert said_to_be_deleted(world.shown[before:]) == [KEY]
        assert dict(world.repository.secrets) == {}

    def test_claim_of_a_first_run_that_was_cut_is_deleted(self, world: World) -> None:
        world.wire.faults = [Fault("500", method="PUT", times=99)]
        with suppress(ProvisionerError):
            world.begin()
        world.wire.faults = []
        assert JOURNAL in world.repository.variables
        world.deprovision()
        assert world.repository.variables == {}
        assert dict(world.repository.secrets) == {}

    def test_journal_stays_until_every_token_was_seen_dead(self, world: World) -> None:
        world.provision()
        world.wire.faults = [Fault("500", path="oauth/revoke", times=99)]
        with fails("tokens-alive", Exit.INCOMPLETE) as caught:
            world.deprovision()
        assert caught.value.link == PAGE
        world.wire.faults = []
        assert JOURNAL in world.repository.variables
        world.deprovision()
        assert world.live() == []
        assert world.repository.variables == {}

    # What is left to a person.

    def test_lost_exchange_and_token_of_ones_own_application_are_told(self, world: World) -> None:
        world.provision_by_hand()
        lose_an_exchange(world)
        lost, kept = notes(world.deprovision())
        assert MYBOT not in in_words(lost)  # it may be anybody's
        assert MYBOT in in_words(kept)
        for note in (lost, kept):
            assert EIGHT in in_words(note)
            assert PAGE in in_words(note)

    def test_lost_exchange_is_told_though_a_later_token_is_staged(self, world: World) -> None:
        lose_an_exchange(world)
        world.time += 3600
        cut(world, "verify_credentials")
        (lost,) = notes(world.deprovision())
        assert EIGHT in in_words(lost)
        assert PAGE in in_words(lost)

    def test_token_of_ones_own_application_lives_on_and_is_told(self, world: World) -> None:
        """It may be in use elsewhere."""
        world.provision_by_hand()
        (note,) = notes(world.deprovision())
        assert len(world.live()) == 1
        for fact in (EIGHT, MYBOT, PAGE):
            assert fact in in_words(note)

    def test_same_token_staged_again_is_deleted_everywhere_and_told_once(
        self, world: World
    ) -> None:
        own_application_twice(world, secrets="NEW_TOKEN=access_token")
        assert world.stored("NEW_TOKEN") == world.stored()
        report = world.deprovision()
        assert len(notes(report)) == 1
        assert world.stored("NEW_TOKEN") == ""
        assert world.stored() == ""


@pytest.mark.parametrize("personality", ["pixelfed"])
class TestApprovedByAlice:
    """She, and not the bot, approved the link, at a server that lets no program revoke tokens."""

    PAGE = f"{ORIGIN}/settings/applications"

    @pytest.fixture
    def world(self, world: World) -> World:
        """It is known, and lives on; an hour later the bot has its own."""
        with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
            world.complete(world.approve(world.link(), "alice"))
        assert ALICE in said(caught.value)
        assert self.PAGE in said(caught.value)
        world.time += 3600
        world.provision()
        return world

    def test_journal_knows_who_approved_each_token(self, world: World) -> None:
        journal = world.journal()
        assert [old.credential.account for old in journal.superseded] == [ALICE]
        assert journal.current is not None
        assert journal.current.account == MYBOT

    def test_check_says_on_whose_page_it_is_removed(self, world: World) -> None:
        """It is not called the bot's old one."""
        [found] = [item for item in world.check().items if item.verdict == "bad"]
        assert EIGHT in found.text
        assert ALICE in found.text
        assert ALICE in steps(found.next)
        assert self.PAGE in steps(found.next)
        assert MYBOT not in in_words(found)

    def test_abandon_says_on_whose_page_it_is_removed(self, world: World) -> None:
        [note] = notes(world.abandon())
        for fact in (EIGHT, ALICE, self.PAGE):
            assert fact in in_words(note)
        assert MYBOT not in in_words(note)

    def test_deprovision_says_on_whose_page_each_is_removed(self, world: World) -> None:
        with fails("tokens-alive", Exit.INCOMPLETE) as caught:
            world.deprovision()
        assert caught.value.link == self.PAGE
        bots, hers, *_ = caught.value.next
        assert self.PAGE in repr(bots)
        assert MYBOT in repr(bots)
        assert NINE in repr(bots)
        assert ALICE in repr(hers)
        assert EIGHT in repr(hers)
        [of_the_bot] = [warning for warning in world.warned if NINE in warning]
        [of_alice] = [warning for warning in world.warned if EIGHT in warning]
        assert ALICE not in of_the_bot
        assert ALICE in of_alice

    def test_token_whose_account_is_not_known_is_nobodys(self, world: World) -> None:
        """A run was cut before it saw whose it was."""
        [old] = world.journal().superseded
        nameless = replace(old.credential, account="")
        world.rewrite(superseded=(replace(old, credential=nameless),))
        [note] = notes(world.abandon())
        assert self.PAGE in in_words(note)
        assert ALICE not in in_words(note)
        assert MYBOT not in in_words(note)
