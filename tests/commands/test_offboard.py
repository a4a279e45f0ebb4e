"""abandon and deprovision."""

import re

import pytest
from msgspec.structs import replace

from provisioner.commands.revocation import APPLICATION_STAYS
from provisioner.report import Exit, IncompleteError, Item, Report, Set, when
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from tests.support.acts import answering, failing, fields, killed, lose_answer, stage
from tests.support.told import (
    assert_in_turn,
    fails,
    in_words,
    runs,
    said,
    says_application_stays,
    steps,
    would,
)
from tests.support.world import NAME, ORIGIN, START, Fault, World

SECRET, VARIABLE = "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"
JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
FOREIGN = "a-token-of-somebody-else"
PAGE = f"{ORIGIN}/oauth/authorized_applications"
EIGHT, NINE = when(int(START)), when(int(START) + 3600)
MYBOT, ALICE = "mybot@social.example", "alice@social.example"


def cut_after_writing(world: World, **raw: str) -> None:
    """A completion that writes everything, and is killed before its token is current."""
    code = world.approve(world.link(**raw))
    # The last time that it reads the journal.
    look = Fault("killed before it", 2, method="GET", path=f"variables/{JOURNAL}")
    with killed(world, look):
        world.complete(code, **raw)


def own_application_twice(world: World, names: str, *, rotates: bool = False) -> dict[str, str]:
    """A second completion, which is killed when it has written; client id and secret."""
    raw = world.hand_made()
    world.provision(**raw)
    if rotates:
        world.provision()
    cut_after_writing(world, **raw, secrets=names)
    return raw


def notes(report: Report) -> list[Item]:
    left = [item for item in report.items if item.verdict != "good"]
    assert report.facts["notes"] == left
    assert report.facts["news"] == [one.text for one in report.items if one not in left]
    return left


def deleted(world: World, since: int = 0) -> list[str]:
    """The names that runs said they deleted, in their order."""
    return re.findall(r"^Deleted the \w+ (\S+)", "\n".join(world.shown[since:]), re.MULTILINE)


# abandon


@pytest.mark.parametrize("provisioned", [True, False])
def test_abandon_where_nothing_is_under_way_changes_nothing(
    world: World, *, provisioned: bool
) -> None:
    if provisioned:
        world.provision()
    with fails("nothing-to-abandon", Exit.FAILED) as caught:
        world.abandon()
    assert runs(caught.value.next) == ["check" if provisioned else "begin"]


def test_begin_after_abandon_shows_another_link(world: World) -> None:
    link = world.link()
    report = world.abandon()
    assert report.status == "abandoned"
    assert report.outputs == {"account": MYBOT}
    assert report.items == ()
    assert world.link() != link


def test_abandon_revokes_a_replaced_token_once_its_grace_is_over(bot: World) -> None:
    """Before that nothing is said of it, where there is something else to abandon."""
    bot.provision()
    bot.link()
    assert bot.abandon().items == ()
    assert len(bot.superseded) == 1
    bot.time += 86400 - 1
    with fails("nothing-to-abandon", Exit.FAILED):
        bot.abandon()
    bot.time += 1
    since = len(bot.wire.log)
    report = bot.abandon()
    assert bot.requests(since).count(f"PATCH /repos/{NAME}/actions/variables/{JOURNAL}") == 1
    [revoked] = report.items
    assert EIGHT in revoked.text
    assert report.facts["news"] == [revoked.text]
    assert bot.superseded == []


def test_tokens_that_abandon_could_not_revoke_stay_known(bot: World) -> None:
    """The one that is given up, beside the one that was replaced before."""
    bot.provision()
    stage(bot, bot.approve(bot.link()))
    bot.wire.hosts.pop("social.example")
    bot.abandon()
    assert bot.journal().pending is None
    assert sorted([*bot.superseded, bot.stored()]) == sorted(bot.live())


@pytest.mark.parametrize(
    ("secrets", "writes"),
    [
        (f"{SECRET}=access_token", 1),
        (f"{SECRET}=access_token\nOTHER=access_token", 1),
        ("OTHER=access_token", 0),
    ],
    ids=["the same name", "another one beside it", "another one"],
)
def test_token_in_use_is_written_again_where_it_stood_and_nowhere_else(
    bot: World, secrets: str, writes: int
) -> None:
    """The bot must not be left with a dead token (I1)."""
    in_use = bot.stored()
    cut_after_writing(bot, secrets=secrets)
    since = len(bot.wire.log)
    bot.abandon()
    assert set(bot.repository.secrets) == {SECRET, KEY}
    assert bot.stored() == in_use
    assert bot.live() == [in_use]
    # Another run that read the journal before has as little time as can be to write.
    noticed, *after = [line for line in bot.requests(since) if not line.startswith("GET")]
    assert noticed == f"PATCH /repos/{NAME}/actions/variables/{JOURNAL}"
    put = f"PUT /repos/{NAME}/actions/secrets/{SECRET}"
    assert [line for line in after if line.startswith("PUT")] == [put] * writes
    assert not writes or after[0] == put


def test_variable_of_the_token_in_use_is_written_again(world: World) -> None:
    names = {"variables": f"MASTODON_CLIENT_ID=client_id\n{VARIABLE}=base_url"}
    world.provision(**names)
    client_id = world.repository.variables["MASTODON_CLIENT_ID"]
    cut_after_writing(world, **names)
    assert world.repository.variables["MASTODON_CLIENT_ID"] != client_id
    world.abandon(**names)
    assert world.repository.variables["MASTODON_CLIENT_ID"] == client_id


def test_secret_that_was_empty_is_deleted_and_one_of_somebody_else_left_alone(
    world: World,
) -> None:
    """Whether that holds its own value or our token can't be told: a person decides."""
    for name in ("ONE", "URL"):
        world.repository.set_secret(name, FOREIGN)
    world.repository.variables["OTHER_URL"] = "https://other.example"
    names = {"secrets": "ONE=access_token\nTWO=access_token"}
    cut_after_writing(world, **names, variables="URL=base_url\nOTHER_URL=base_url")
    assert world.stored("TWO")
    [note] = notes(world.abandon())
    assert set(world.repository.secrets) == {"ONE", "URL", KEY}
    assert world.stored("ONE") in world.live()
    assert "ONE" in in_words(note)
    [old] = world.journal().superseded
    assert "ONE" in world.places(old.credential)
    assert "TWO" not in world.places(old.credential)


def test_names_of_the_cut_run_must_be_given_before_anything_is_changed(bot: World) -> None:
    """Else they would be left with what is given up."""
    cut_after_writing(bot)
    since = len(bot.wire.log)
    with fails("secrets-missing", Exit.INPUT) as caught:
        bot.abandon(secrets="OTHER=access_token")
    assert SECRET in said(caught.value)
    assert VARIABLE not in said(caught.value)
    assert Set("secrets") in caught.value.next
    assert all(line.startswith("GET") for line in bot.requests(since))


def test_abandon_that_fails_after_its_first_write_is_incomplete(bot: World) -> None:
    cut_after_writing(bot)
    bot.wire.faults = [Fault("500", method="PUT", times=99)]
    with pytest.raises(IncompleteError):
        bot.abandon()


def test_token_in_use_that_is_staged_once_more_lives_on(world: World) -> None:
    """One's own application gives the same token again (I2), and what follows heeds where."""
    world.repository.set_secret("OTHER", FOREIGN)
    raw = own_application_twice(world, f"{SECRET}=access_token\nOTHER=access_token")
    world.abandon(**raw)
    assert world.live() == [world.stored()]
    assert world.superseded == []
    assert "OTHER" in world.places()
    world.deprovision()
    assert "OTHER" in world.repository.secrets  # had the run been cut earlier, it held FOREIGN (I7)


def test_replaced_token_that_is_staged_once_more_stays_where_it_stands(world: World) -> None:
    raw = world.hand_made()
    world.provision(**raw)
    old = world.stored()
    world.provision(secrets="OTHER=access_token")
    stage(world, world.approve(world.link(**raw)))
    world.abandon()
    assert world.stored() == old
    assert world.superseded == [old]


# Both.


@pytest.mark.parametrize("command", ["abandon", "deprovision"])
def test_staged_token_that_stands_nowhere_is_revoked(world: World, command: str) -> None:
    """It was never verified; the secret that it was to overwrite stays (I7)."""
    world.repository.set_secret(SECRET, FOREIGN)
    stage(world, world.approve(world.link()))
    report = world.run(command)
    assert len(notes(report)) == (command == "deprovision")  # of the secret
    assert world.live() == []
    assert world.stored() == FOREIGN


@pytest.mark.parametrize("command", ["abandon", "deprovision"])
def test_lost_exchange_is_told_though_a_later_token_is_staged(world: World, command: str) -> None:
    """The lost token may be another account's; the staged one is revoked (I3)."""
    lose_answer(world, world.approve(world.link()))
    world.time += 3600
    stage(world, world.approve(world.link(), "alice"))
    world.shown.clear()  # it is told before the journal forgets it, as the world holds
    (lost,) = notes(world.run(command))
    assert EIGHT in in_words(lost)
    assert PAGE in in_words(lost)
    assert MYBOT not in in_words(lost)
    assert not says_application_stays(lost)
    assert len(world.live()) == 1


# deprovision


def test_no_token_secret_or_variable_is_left(bot: World) -> None:
    bot.provision()
    cut_after_writing(bot)
    report = bot.deprovision()
    assert report.status == "deprovisioned"
    assert report.outputs == {"account": MYBOT}
    assert NAME in report.headline
    assert report.items == ()
    assert bot.live() == []
    assert dict(bot.repository.secrets) == {}
    assert bot.repository.variables == {}
    assert deleted(bot) == [SECRET, VARIABLE, JOURNAL, KEY]


@pytest.mark.parametrize("command", ["begin", "complete", "check", "abandon", "login", "post"])
def test_its_first_write_marks_the_journal_and_every_other_command_refuses(
    bot: World, command: str
) -> None:
    """A deprovision was cut after its first write (I1: the secret still holds the token)."""
    with killed(bot, Fault("killed after it", method="PATCH")):
        bot.deprovision()
    since = len(bot.wire.log)
    with fails("deprovisioning", Exit.ACTION_REQUIRED) as caught:
        bot.run(command, text="howdy universe!")
    assert runs(caught.value.next) == ["deprovision"]
    assert all(line.startswith("GET") for line in bot.requests(since))
    assert bot.live() == [bot.stored()]


def test_dry_run_says_what_would_go_and_changes_nothing(bot: World) -> None:
    since = len(bot.wire.log)
    report = bot.deprovision(dry_run="true")
    assert report.status == "dry-run"
    assert_in_turn(would(report), EIGHT, SECRET, VARIABLE, f"variable {JOURNAL}", KEY)
    assert all(line.startswith("GET") for line in bot.requests(since))


def test_secrets_of_others_stay_and_that_of_the_bots_name_is_told(world: World) -> None:
    world.provision(secrets="OTHER=access_token", journal="OTHER_JOURNAL")
    world.repository.set_secret(SECRET, FOREIGN)
    world.repository.set_secret("THIRD", FOREIGN)
    assert SECRET in world.deprovision(journal="OTHER_JOURNAL", dry_run="true").items[0].text
    (note,) = notes(world.deprovision(journal="OTHER_JOURNAL"))
    assert SECRET in note.text
    assert set(world.repository.secrets) == {SECRET, "THIRD"}


def test_secret_that_a_cut_run_may_have_overwritten_is_left_alone_and_told(world: World) -> None:
    """Its token is revoked all the same: nothing is left that a secret could hold alive."""
    for name in ("OTHER", "GONE"):
        world.repository.set_secret(name, FOREIGN)
    world.repository.variables[VARIABLE] = FOREIGN
    cut_after_writing(world, secrets="OTHER=access_token\nGONE=access_token")
    world.delete("secrets", "GONE")
    (note,) = notes(world.deprovision())
    assert "OTHER" in note.text
    assert list(world.repository.secrets) == ["OTHER"]
    assert world.live() == []


def test_secret_that_a_later_run_took_over_is_deleted(world: World) -> None:
    """A run that was cut may have overwritten it, and that token was given up."""
    world.repository.set_secret(SECRET, FOREIGN)
    cut_after_writing(world)
    with failing(world, Fault("500", path="oauth/revoke", times=99)):
        world.abandon()
        world.provision()
    assert world.deprovision().items == ()
    assert dict(world.repository.secrets) == {}


@pytest.mark.parametrize("raw", [{"journal_key": ""}, {"journal": "WRONG"}])
@pytest.mark.parametrize("left", [FOREIGN, ""])
def test_without_a_journal_and_its_key_nothing_is_deleted(
    world: World, raw: dict[str, str], left: str
) -> None:
    """The journal's name may be misspelt, and a secret of that name another program's."""
    key = f"{raw.get('journal', JOURNAL)}_KEY"
    if left:
        world.repository.set_secret(key, left)
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        world.deprovision(**raw)
    assert (key in steps(caught.value.next)) == bool(left)
    assert world.stored(key) == left


@pytest.mark.parametrize("raw", [{"journal_key": ""}, {}, {"dry_run": "true"}], ids=repr)
def test_journal_that_cannot_be_seen_keeps_its_key(bot: World, raw: dict[str, str]) -> None:
    """Where variables can't be listed, a 404 does not mean absent."""
    bot.token = bot.github.add_token(permissions={"metadata": "read", "secrets": "write"})
    absent = json_response(404, {"message": "Not Found"})
    bot.answer(f"/variables/{JOURNAL}", absent, "api.github.com")
    before = dict(bot.repository.secrets)
    with fails("github-permission", Exit.ACTION_REQUIRED):
        bot.deprovision(**raw)
    assert bot.repository.secrets == before


def test_key_alone_is_deleted_where_the_run_before_was_cut(bot: World) -> None:
    """And again there is nothing to do."""
    bot.wire.faults = [Fault("refused", method="DELETE", path="_KEY", times=99)]
    with fails("unreachable", Exit.INCOMPLETE):
        bot.deprovision()
    bot.wire.faults = []
    for left in ([KEY], []):
        since = len(bot.shown)
        bot.deprovision()
        assert deleted(bot, since) == left
    assert dict(bot.repository.secrets) == {}


def test_claim_of_a_first_run_that_was_cut_is_deleted(world: World) -> None:
    with failing(world, Fault("500", method="PUT", times=99)):
        world.begin()
    assert JOURNAL in world.repository.variables
    world.deprovision()
    assert world.repository.variables == {}
    assert dict(world.repository.secrets) == {}


def test_journal_stays_until_every_token_was_seen_dead(bot: World) -> None:
    bot.wire.faults = [Fault("500", path="oauth/revoke", times=99)]
    with fails("tokens-alive", Exit.INCOMPLETE) as caught:
        bot.deprovision()
    assert caught.value.link == PAGE
    assert runs(caught.value.next) == ["deprovision"]
    assert EIGHT in "".join(bot.warned)
    bot.wire.faults = []
    assert SECRET not in bot.repository.secrets
    assert JOURNAL in bot.repository.variables
    bot.deprovision()
    assert bot.live() == []
    assert bot.repository.variables == {}


def test_journal_that_another_run_wrote_meanwhile_is_not_deleted(bot: World) -> None:
    """A completion that read it before the mark may have staged a token (I3)."""

    def meanwhile(request: Request) -> Response:
        bot.rewrite(deprovisioning=False)
        return bot.instance(request)

    bot.answer("/oauth/revoke", meanwhile)
    with fails("overtaken", Exit.INCOMPLETE):
        bot.deprovision()
    assert JOURNAL in bot.repository.variables


@pytest.mark.parametrize("rotates", [True, False])
def test_token_of_ones_own_application_lives_on_and_is_told_once(
    world: World, *, rotates: bool
) -> None:
    """It may be in use elsewhere. Wherever it was written, it is deleted; also where another one is
    in use, which replaced it.
    """
    world.repository.set_secret("OTHER", FOREIGN)
    names = "NEW_TOKEN=access_token\nOTHER=access_token"
    own_application_twice(world, names, rotates=rotates)
    assert (world.stored("NEW_TOKEN") == world.stored()) != rotates
    would_revoke = ["revoke" in step for step in would(world.deprovision(dry_run="true"))]
    assert would_revoke.count(True) == rotates
    world.shown.clear()
    if rotates:
        with failing(world, Fault("500", path="oauth/revoke", times=99)):
            world.deprovision()
    (left, note) = notes(world.deprovision())
    assert len([line for line in world.warned if PAGE in line]) == 1
    assert "OTHER" in left.text
    for fact in (EIGHT, MYBOT, PAGE):
        assert fact in in_words(note)
    assert len(world.live()) == 1
    assert set(world.repository.secrets) == {"SCRATCH_KEY", "OTHER"}


@pytest.mark.parametrize("rotates", [True, False])
def test_token_that_a_secret_may_hold_is_kept_though_its_account_was_renamed(
    world: World, *, rotates: bool
) -> None:
    """An earlier run saw it as the bot's, and wrote it (I1)."""
    if rotates:
        world.provision()
    cut_after_writing(world)
    answering(world, "verify_credentials", fields(username="renamed", acct="renamed"))
    with failing(world, Fault("500", method="PATCH", times=99)):  # the journal can't be written
        world.complete()
    assert world.stored() in world.live()
    with fails("wrong-account", Exit.ACTION_REQUIRED):
        world.complete()
    assert world.stored() in world.live()
    assert world.stored() in world.known


def test_secret_that_may_hold_a_token_that_died_is_told_of_until_it_is_written_again(
    bot: World,
) -> None:
    """The bot would go on failing while each check called it healthy."""
    cut_after_writing(bot)
    bot.instance.tokens[-1].revoked_at = bot.time
    with fails("token-stillborn", Exit.ACTION_REQUIRED):
        bot.complete()
    bot.abandon()
    report = bot.check()
    assert report.status == "attention"
    assert any(SECRET in item.text and item.verdict == "soon" for item in report.items)
    bot.provision(grace="0")
    assert bot.check().status == "healthy"
    assert bot.live() == [bot.stored()]


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

    @pytest.mark.parametrize("command", ["check", "abandon"])
    def test_it_is_told_on_whose_page_it_is_removed(self, world: World, command: str) -> None:
        [found] = [item for item in world.run(command).items if item.verdict == "bad"]
        assert EIGHT in found.text
        assert ALICE in steps(found.next)
        assert self.PAGE in steps(found.next)
        assert APPLICATION_STAYS not in steps(found.next)
        assert MYBOT not in in_words(found)

    def test_deprovision_says_on_whose_page_each_is_removed(self, world: World) -> None:
        with fails("tokens-alive", Exit.INCOMPLETE) as caught:
            world.deprovision()
        assert caught.value.link == self.PAGE
        bots, hers, *_ = map(repr, caught.value.next)
        for fact in (self.PAGE, MYBOT, NINE):
            assert fact in bots
        assert ALICE in hers
        assert EIGHT in hers
        for time in (NINE, EIGHT):
            assert any(time in warning for warning in world.warned)

    def test_token_whose_account_is_not_known_is_nobodys(self, world: World) -> None:
        """A run was cut before it saw whose it was."""
        [old] = world.journal().superseded
        nameless = replace(old.credential, account="")
        world.rewrite(superseded=(replace(old, credential=nameless),))
        [note] = notes(world.abandon())
        assert self.PAGE in in_words(note)
        assert ALICE not in in_words(note)
        assert MYBOT not in in_words(note)
