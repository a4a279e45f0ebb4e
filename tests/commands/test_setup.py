"""setup and rotate: one command, with the browser's redirect or a paste in the middle."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from provisioner.errors import ActionRequiredError, IncompleteError, ProvisionerError
from provisioner.github.client import UNFINISHED
from provisioner.loopback import Redirect
from provisioner.report import Exit, Report
from provisioner.sandbox import Request, Response
from provisioner.secret import Secret
from tests.support.laptop import PORT, Answer, Laptop, approves, pastes, pastes_address
from tests.support.told import fails, runs, said, steps
from tests.support.wire import Fault, Killed
from tests.support.world import World

LOOPBACK = f"http://127.0.0.1:{PORT}/callback"
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
BY_HAND = "a-token-that-was-pasted-by-hand"


def says(text: str) -> Answer:
    """What a person types."""
    return lambda _: text


def brings(error: str) -> Answer:
    """The browser comes back without a code."""
    return lambda _: Redirect(Secret(""), error)


def nobody(_: Laptop) -> None:
    """Ten minutes pass."""


def registered(world: World) -> list[tuple[str, ...]]:
    """The redirect URIs of each application."""
    return [one.redirect_uris for one in world.instance.applications]


def exchanges(world: World) -> int:
    return world.wire.log.count("POST /oauth/token")


def assert_set_up(world: World) -> None:
    """One live token, in its secret and current."""
    assert world.live() == [world.stored()]
    journal = world.journal()
    assert journal.current
    assert journal.current.token.reveal() == world.stored()
    assert journal.pending is None


# The first time.


def test_approval_in_the_browser_is_all_that_it_takes(world: World) -> None:
    report = world.setup()
    assert report.status == "provisioned"
    assert_set_up(world)
    assert world.laptop.landed == [report]
    assert world.laptop.asked_about == []


def test_browser_opens_after_everything_else_is_checked(world: World) -> None:
    """The person sees nothing of a repository that can't be written."""
    world.repository.archived = True
    with pytest.raises(ActionRequiredError):
        world.setup()
    world.repository.archived = False
    world.token = world.github.add_token({"metadata": "read", "actions_variables": "write"})
    with pytest.raises(ProvisionerError):
        world.setup()
    assert world.laptop.opened == []
    assert world.instance.applications == []


def test_plan_is_shown_before_anything_is_written(world: World) -> None:
    def show(report: Report) -> None:
        assert {line.partition(" ")[0] for line in world.wire.log} == {"GET"}
        assert "the secret MASTODON_ACCESS_TOKEN" in report.table["There already"]
        raise Killed

    world.repository.set_secret("MASTODON_ACCESS_TOKEN", BY_HAND)
    world.laptop.show = show  # type: ignore[method-assign]
    with pytest.raises(Killed):
        world.setup()


def test_application_has_the_redirect_of_this_run_and_the_one_that_shows_codes(
    world: World,
) -> None:
    world.setup()
    assert registered(world) == [(LOOPBACK, OUT_OF_BAND)]


@pytest.mark.parametrize("personality", ["pixelfed", "friendica"])
def test_server_that_takes_one_redirect_gets_one(world: World) -> None:
    world.setup()
    assert registered(world) == [(LOOPBACK,)]
    assert_set_up(world)


def test_without_a_browser_a_code_is_shown_and_pasted(world: World) -> None:
    world.laptop.has_browser = False
    world.setup(pastes)
    assert registered(world) == [(OUT_OF_BAND,)]
    assert_set_up(world)


def test_where_no_port_is_free_a_code_is_shown_and_pasted(world: World) -> None:
    world.laptop.taken = {PORT}
    world.setup(pastes)
    assert registered(world) == [(OUT_OF_BAND,)]


def test_server_that_refuses_the_redirect_shows_a_code(world: World) -> None:
    real = world.instance

    def refuses(request: Request) -> Response:
        if request.path == "/api/v1/apps" and b"127.0.0.1" in request.body:
            return Response(422, (("Content-Type", "application/json"),), b'{"error":"redirect"}')
        return real(request)

    world.wire.hosts["social.example"] = refuses
    world.setup(pastes)
    assert registered(world) == [(OUT_OF_BAND,)]
    assert_set_up(world)


# What stands there already.


@pytest.fixture
def by_hand(world: World) -> World:
    """A token was pasted into the secret by hand."""
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", BY_HAND)
    return world


def test_secret_made_by_hand_is_replaced_if_the_person_agrees(by_hand: World) -> None:
    report = by_hand.setup()
    (question,) = by_hand.laptop.asked_about
    assert "MASTODON_ACCESS_TOKEN" in question
    assert_set_up(by_hand)
    assert report.facts["overwritten"] == ["MASTODON_ACCESS_TOKEN"]


def test_secret_made_by_hand_stays_if_not(by_hand: World) -> None:
    by_hand.laptop.agrees_to = False
    with fails("not-confirmed", Exit.INPUT):
        by_hand.setup()
    assert by_hand.stored() == BY_HAND
    assert {line.partition(" ")[0] for line in by_hand.wire.log} == {"GET"}


def test_secret_made_by_hand_stays_if_nobody_can_be_asked(by_hand: World) -> None:
    by_hand.laptop.is_attended = False
    with fails("not-confirmed", Exit.INPUT):
        by_hand.setup()
    by_hand.setup(yes="true")
    assert_set_up(by_hand)


# Run again.


def test_token_in_use_is_told_and_stays_unless_the_person_wants_another(world: World) -> None:
    world.setup()
    token = world.stored()
    world.laptop.agrees_to = False
    report = world.setup()
    assert report.status == "in-use"
    assert runs(report.next) == ["rotate"]
    assert world.stored() == token
    assert len(world.laptop.opened) == 1


@pytest.mark.parametrize("unattended", [True, False])
def test_script_replaces_no_token_in_use(world: World, *, unattended: bool) -> None:
    world.setup()
    world.laptop.is_attended = not unattended
    assert world.setup(yes="" if unattended else "true").status == "in-use"
    assert world.laptop.asked_about == []


def test_offer_to_rotate_is_taken(world: World) -> None:
    world.setup()
    old = world.stored()
    assert world.setup().status == "rotated"
    assert world.stored() != old


def test_rotate_does_not_ask(world: World) -> None:
    world.setup()
    world.laptop.agrees_to = False
    world.laptop.answers = [approves]
    assert world.run("rotate").status == "rotated"
    assert world.laptop.asked_about == []


@pytest.mark.parametrize("begun", [True, False])
def test_rotate_needs_a_token_in_use(world: World, *, begun: bool) -> None:
    if begun:
        world.begin()
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        world.run("rotate")
    assert runs(caught.value.next) == ["setup"]


def test_staged_token_is_finished_without_a_browser(world: World) -> None:
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with pytest.raises(IncompleteError):
        world.setup()
    world.wire.faults = []
    world.laptop.opened.clear()
    assert world.setup().status == "provisioned"
    assert world.laptop.opened == []
    assert_set_up(world)


def test_same_link_on_the_same_port_after_an_interruption(world: World) -> None:
    with pytest.raises(ActionRequiredError):
        world.setup(nobody)
    world.setup()
    first, second = world.laptop.opened
    assert first == second
    assert world.laptop.listened == [0, PORT]
    assert len(world.instance.applications) == 1
    assert_set_up(world)


def test_where_the_port_is_taken_the_address_is_pasted(world: World) -> None:
    with pytest.raises(ActionRequiredError):
        world.setup(nobody)
    world.laptop.taken = {PORT}
    world.setup(pastes_address)
    assert len(world.instance.applications) == 1
    assert_set_up(world)


def test_link_of_begin_is_finished_with_the_code_that_it_shows(world: World) -> None:
    world.begin()
    world.setup(pastes)
    assert len(world.instance.applications) == 1
    assert_set_up(world)


def test_no_new_application_while_an_exchange_is_unsettled(world: World) -> None:
    """On Mastodon, the same application gets the lost token again."""
    world.wire.faults = [Fault("answer lost", path="oauth/token")]
    with pytest.raises(ActionRequiredError):
        world.setup()
    world.wire.faults = []
    world.time += 3600
    world.setup(app_name="another name")
    assert len(world.instance.applications) == 1
    assert_set_up(world)


# What arrives while it waits.


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_address_of_the_browser_can_be_pasted(world: World, scheme: str) -> None:
    """Some browsers show and copy it without its scheme."""
    world.setup(lambda laptop: pastes_address(laptop).replace("http://", scheme))
    assert_set_up(world)


def test_enter_shows_a_link_that_shows_a_code(world: World) -> None:
    """Where a policy keeps the browser from coming back, its address has no code either."""
    world.setup(says("\n"), pastes)
    assert_set_up(world)


@pytest.mark.parametrize("answer", [approves, pastes_address])
def test_first_link_is_good_after_all(world: World, answer: Answer) -> None:
    def first_link(laptop: Laptop) -> Redirect | str | None:
        laptop.link = laptop.opened[0]
        return answer(laptop)

    world.setup(says(""), first_link)
    assert_set_up(world)


@pytest.mark.parametrize("personality", ["friendica"])
def test_where_no_other_redirect_is_registered_enter_shows_the_same_link(world: World) -> None:
    world.setup(says(""), pastes_address)
    assert_set_up(world)


WRONG: dict[str, Answer] = {
    "no code": says("not a code, but a sentence: 🙂"),
    "another server's page": says("https://evil.example/callback?code=x"),
    "another link's address": says(f"{LOOPBACK}?code={'x' * 43}&state=other"),
    "address without a code": says(LOOPBACK),
    "unknown code": says("x" * 43),
    "link itself": lambda laptop: laptop.link,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_no_code_of_this_link_is_told_and_asked_again(world: World, wrong: Answer) -> None:
    world.setup(wrong, wrong, approves)
    assert_set_up(world)
    assert len(world.instance.applications) == 1


def test_refused_code_that_the_browser_brings_ends_it(world: World) -> None:
    """On the page that it lands on, the person can't paste another one."""
    with fails("code-refused", Exit.ACTION_REQUIRED) as caught:
        world.setup(lambda _: Redirect(Secret("x" * 43)))
    assert world.laptop.landed == [caught.value]


@pytest.mark.parametrize("wrong", ["another server's page", "another link's address"])
def test_wrong_paste_spends_no_code(world: World, wrong: str) -> None:
    world.setup(WRONG[wrong], approves)
    assert exchanges(world) == 1


def test_denial_ends_it_and_the_link_stays_good(world: World) -> None:
    with fails("denied", Exit.ACTION_REQUIRED) as caught:
        world.setup(brings("access_denied"))
    assert runs(caught.value.next) == ["again"]
    assert world.laptop.landed == [caught.value]
    world.setup()
    assert len(world.instance.applications) == 1
    assert_set_up(world)


def test_other_errors_of_the_instance_are_quoted(world: World) -> None:
    with fails("denied", Exit.ACTION_REQUIRED) as caught:
        world.setup(brings("server_error"))
    assert "server_error" in said(caught.value)


@pytest.mark.parametrize("can_wait", [True, False])
def test_unapproved_link_needs_a_person(world: World, *, can_wait: bool) -> None:
    world.laptop.can_wait = can_wait
    with fails("approval-timeout", Exit.ACTION_REQUIRED) as caught:
        world.setup(nobody)
    assert caught.value.link == world.laptop.opened[0]
    assert ("ten minutes" in caught.value.what) == can_wait
    assert runs(caught.value.next) == ["complete", "again"]


def test_address_can_be_given_to_complete_later(world: World) -> None:
    with fails("approval-timeout", Exit.ACTION_REQUIRED):
        world.setup(nobody)
    world.complete(pastes_address(world.laptop))
    assert_set_up(world)


def test_other_account_is_told_on_the_page_too(world: World) -> None:
    world.laptop.who = "alice"
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.setup()
    assert world.laptop.landed == [caught.value]
    assert world.live() == []
    assert world.stored() == ""


def test_code_is_not_spent_where_another_run_wrote_the_journal(world: World) -> None:
    def another_run(laptop: Laptop) -> Redirect:
        code = approves(laptop)
        world.rewrite(account="mybot@social.example")
        return code

    with fails("overtaken", Exit.INCOMPLETE):
        world.setup(another_run)
    assert exchanges(world) == 0


def test_trouble_after_the_registration_is_incomplete(world: World) -> None:
    """It is not “failed, nothing was changed”."""
    world.wire.faults = [Fault("500", method="GET", path="variables/MASTODON_JOURNAL", first=2)]
    world.wire.faults[0].times = 99
    with pytest.raises(IncompleteError):
        world.setup()


def test_secret_that_appears_meanwhile_is_told(world: World) -> None:
    def somebody_pastes(laptop: Laptop) -> Redirect:
        world.repository.set_secret("MASTODON_ACCESS_TOKEN", BY_HAND)
        return approves(laptop)

    report = world.setup(somebody_pastes)
    assert report.facts["overwritten"] == ["MASTODON_ACCESS_TOKEN"]


# The old token.


def rotate(world: World, **raw: str) -> Report:
    world.setup()
    world.token = world.github.add_token(
        {"secrets": "write", "actions_variables": "write", "actions": "read"}
    )
    world.laptop.answers = [approves]
    return world.run("rotate", **raw)


def test_old_token_is_revoked_at_once_where_no_workflow_runs(world: World) -> None:
    report = rotate(world)
    assert report.next == ()
    assert world.live() == [world.stored()]


@pytest.mark.parametrize("state", UNFINISHED)
def test_old_token_stays_for_a_run_that_may_use_it(world: World, state: str) -> None:
    world.repository.runs = {state}
    report = rotate(world)
    assert runs(report.next) == ["check"]
    assert len(world.live()) == 2
    world.time += 86400
    world.check()
    assert world.live() == [world.stored()]


def test_old_token_stays_where_the_runs_can_not_be_seen(world: World) -> None:
    world.setup()
    world.laptop.answers = [approves]
    assert runs(world.run("rotate").next) == ["check"]
    assert len(world.live()) == 2


def test_old_token_stays_as_long_as_is_asked(world: World) -> None:
    assert runs(rotate(world, grace="1h").next) == ["check"]
    assert len(world.live()) == 2


def test_runs_are_looked_at_after_the_new_token_is_current(world: World) -> None:
    """A run that was queued before that has the old one."""
    rotate(world)
    asked = [line for line in world.wire.log if not line.startswith("GET /repos") or "runs" in line]
    last_write = max(i for i, line in enumerate(asked) if "secrets/MASTODON_ACCESS_TOKEN" in line)
    assert all(i > last_write for i, line in enumerate(asked) if line.endswith("/runs"))


def test_complete_looks_at_no_runs(world: World) -> None:
    world.provision()
    world.provision()
    assert not any("runs" in line for line in world.wire.log)


# The journal's key.


@pytest.fixture
def keys(world: World, tmp_path: Path) -> Path:
    """The world's machine keeps keys, and none is handed in."""
    world.key_folder = tmp_path / "keys"
    return world.key_folder


def kept(folder: Path) -> list[str]:
    return [one.read_text().strip() for one in folder.iterdir()] if folder.exists() else []


def test_key_is_kept_in_its_secret_and_on_this_machine(world: World, keys: Path) -> None:
    world.setup()
    assert kept(keys) == [world.stored(KEY)]
    assert world.check().status == "healthy"


def test_key_is_kept_before_the_claim(world: World, keys: Path) -> None:
    real = world.github

    def watching(request: Request) -> Response:
        if request.method == "POST":
            assert len(kept(keys)) == 1
            raise Killed
        return real(request)

    world.wire.hosts["api.github.com"] = watching
    with pytest.raises(Killed):
        world.setup()
    world.wire.hosts["api.github.com"] = real
    world.setup()
    assert kept(keys) == [world.stored(KEY)]


def killed_after(world: World, count: int) -> Callable[[Request], Response]:
    """GitHub, where the run is killed after so many writes."""
    left = [count]

    def killing(request: Request) -> Response:
        answer = world.github(request)
        left[0] -= request.method != "GET"
        if left[0] == 0:
            raise Killed
        return answer

    return killing


@pytest.mark.parametrize("writes", range(1, 8))
def test_killed_after_any_write_it_is_finished_by_the_next_run(
    world: World, keys: Path, writes: int
) -> None:
    world.wire.hosts["api.github.com"] = killed_after(world, writes)
    with suppress(Killed):
        world.setup()
    world.wire.hosts["api.github.com"] = world.github
    world.setup()
    assert kept(keys) == [world.stored(KEY)]
    assert_set_up(world)


def test_begin_and_complete_use_the_same_key(world: World, keys: Path) -> None:
    report = world.begin()
    assert runs(report.next)[0] == "complete"
    world.complete(world.approve(report.link))
    assert kept(keys) == [world.stored(KEY)]


def test_key_that_can_not_be_kept_stops_it_before_the_claim(world: World, keys: Path) -> None:
    keys.write_text("a file where the folder should be")
    with fails("key-file", Exit.INPUT):
        world.setup()
    assert {line.partition(" ")[0] for line in world.wire.log} == {"GET"}


def test_key_that_is_handed_in_is_not_kept(world: World, keys: Path) -> None:
    world.setup(journal_key=world.key)
    assert kept(keys) == []


def test_second_machine_is_told_where_to_go_on(world: World, keys: Path, tmp_path: Path) -> None:
    world.setup()
    token, world.key_folder = world.stored(), tmp_path / "elsewhere"
    with fails("journal-key-missing", Exit.INPUT) as caught:
        world.setup()
    assert runs(caught.value.next) == ["setup"]  # named last, and with --start-over
    assert "start-over" in steps(caught.value.next[-1:])
    assert world.stored() == token
    world.key_folder = keys
    assert world.check().status == "healthy"


@pytest.mark.parametrize(("before", "code"), [(False, "missing"), (True, "wrong")])
def test_bot_that_was_begun_in_a_workflow_goes_on_there(
    world: World, keys: Path, *, before: bool, code: str
) -> None:
    """Whether or not this machine has a key of a journal before that one."""
    if before:
        world.setup()
        for kind, name in ("variables", JOURNAL), ("secrets", KEY):
            world.delete(kind, name)
    world.in_workflow, world.key_folder = True, None
    world.provision()
    world.in_workflow, world.key_folder = False, keys
    with fails(f"journal-key-{code}", Exit.INPUT) as caught:
        world.setup()
    assert "start-over" in steps(caught.value.next[-1:])
    world.setup(start_over="true")
    assert kept(keys) == [world.stored(KEY)]


def test_deprovision_deletes_the_file_last(world: World, keys: Path) -> None:
    world.setup()
    real = world.github

    def watching(request: Request) -> Response:
        answer = real(request)
        assert len(kept(keys)) == 1
        return answer

    world.wire.hosts["api.github.com"] = watching
    world.deprovision()
    assert kept(keys) == []
    assert world.repository.secrets == {}


# Starting over.


def lose_key(world: World, folder: Path) -> None:
    world.time += 3600
    world.setup()
    world.time += 3600
    for one in folder.iterdir():
        one.unlink()


def test_starting_over_makes_a_new_journal_and_token(world: World, keys: Path) -> None:
    lose_key(world, keys)
    old = world.stored()
    report = world.setup(start_over="true")
    assert kept(keys) == [world.stored(KEY)]
    assert world.stored() != old
    assert set(world.live()) == {old, world.stored()}  # nothing is revoked
    assert "before" in steps(report.items[-1].next)  # which applications to remove by hand
    assert world.journal().current


def test_starting_over_is_confirmed_before_anything_is_given_up(world: World, keys: Path) -> None:
    lose_key(world, keys)
    before = dict(world.repository.variables)
    world.laptop.agrees_to = False
    with fails("not-confirmed", Exit.INPUT):
        world.setup(start_over="true")
    assert world.repository.variables == before
    world.laptop.asked_about.clear()
    world.setup(start_over="true", yes="true")
    assert world.laptop.asked_about == []


def test_nothing_is_given_up_that_the_key_opens(world: World, keys: Path) -> None:
    world.setup()
    with fails("nothing-to-start-over", Exit.INPUT):
        world.setup(start_over="true")
    assert len(kept(keys)) == 1


@pytest.mark.usefixtures("keys")
def test_journal_of_a_newer_version_is_not_given_up(world: World) -> None:
    """An update opens it."""
    world.setup()
    world.repository.variables[JOURNAL] = "9:0123456789abcdef:AAAA"
    with fails("journal-newer", Exit.ACTION_REQUIRED):
        world.setup(start_over="true")


def test_refused_key_write_gives_the_old_journal_back(world: World, keys: Path) -> None:
    lose_key(world, keys)
    before = dict(world.repository.variables)
    world.token = world.github.add_token({"secrets": "read", "actions_variables": "write"})
    with pytest.raises(ActionRequiredError):
        world.setup(start_over="true")
    assert world.repository.variables == before


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_killed_while_starting_over_it_is_finished_by_the_next_run(
    world: World, keys: Path, writes: int
) -> None:
    lose_key(world, keys)
    world.wire.hosts["api.github.com"] = killed_after(world, writes)
    with pytest.raises(Killed):
        world.setup(start_over="true")
    world.wire.hosts["api.github.com"] = world.github
    world.setup()
    assert world.journal().current
