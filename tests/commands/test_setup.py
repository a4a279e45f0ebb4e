"""setup and rotate: one command, with the browser's redirect or a paste in the middle."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from provisioner.commands.setup import Redirect
from provisioner.report import ActionRequiredError, Exit, IncompleteError, Report, Run, when
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from provisioner.secret import Secret
from tests.servers.github import Access
from tests.support.acts import failing, stage
from tests.support.laptop import PORT, Answer, Laptop, approves, pastes, pastes_address
from tests.support.told import fails, runs, said, steps
from tests.support.wire import Fault, Killed
from tests.support.world import World

LOOPBACK = f"http://127.0.0.1:{PORT}/callback"
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
JOURNAL, KEY = "MASTODON_JOURNAL", "MASTODON_JOURNAL_KEY"
BY_HAND = "a-token-that-was-pasted-by-hand"


def says(text: str) -> Answer:
    return lambda _: text


def nobody(_: Laptop) -> None:
    """Ten minutes pass."""


def registered(world: World) -> list[tuple[str, ...]]:
    return [one.redirect_uris for one in world.instance.applications]


def assert_set_up(world: World) -> None:
    assert world.live() == [world.stored()]
    assert world.current.token.reveal() == world.stored()
    assert world.journal().pending is None


# The first time.


def test_approval_in_the_browser_is_all_that_it_takes(world: World) -> None:
    report = world.setup()
    assert report.status == "provisioned"
    assert_set_up(world)
    assert any("Sign in as mybot@social.example" in line for line in world.shown)
    assert world.laptop.landed == [report]
    assert world.laptop.asked_about == []
    assert not report.items
    assert runs(report.next) == ["post"]
    assert not any(line.endswith("/runs") for line in world.wire.log)  # none has an old token


def test_plan_is_shown_before_anything_is_written(world: World) -> None:
    def show(report: Report) -> None:
        assert {line.partition(" ")[0] for line in world.wire.log} == {"GET"}
        assert report.table["Instance"] == world.instance.origin
        assert report.table["There already"] == "the secret MASTODON_ACCESS_TOKEN"
        raise Killed

    world.repository.set_secret("MASTODON_ACCESS_TOKEN", BY_HAND)
    world.laptop.show = show  # type: ignore[method-assign]
    with pytest.raises(Killed):
        world.setup()


@pytest.mark.parametrize(
    ("personality", "uris"),
    [
        ("mastodon-4.7", (LOOPBACK, OUT_OF_BAND)),
        ("pixelfed", (LOOPBACK,)),
        ("friendica", (LOOPBACK,)),
    ],
)
def test_application_has_the_redirect_of_this_run_and_the_one_that_shows_codes(
    world: World, uris: tuple[str, ...]
) -> None:
    """A server that takes one gets the first."""
    world.setup()
    assert registered(world) == [uris]
    assert_set_up(world)


def refuses_the_redirect(world: World) -> None:
    def refuses(request: Request) -> Response:
        if b"127.0.0.1" in request.body:
            return json_response(422, {"error": "redirect"})
        return world.instance(request)

    world.answer("/api/v1/apps", refuses)


@pytest.mark.parametrize(
    "prepare",
    [
        lambda world: setattr(world.laptop, "has_browser", False),
        lambda world: world.laptop.taken.add(PORT),
        refuses_the_redirect,
    ],
    ids=["no browser", "no port", "the server refuses it"],
)
def test_where_the_browser_cannot_come_back_a_code_is_shown_and_pasted(
    world: World, prepare: Callable[[World], object]
) -> None:
    prepare(world)
    world.setup(pastes)
    assert registered(world) == [(OUT_OF_BAND,)]
    assert_set_up(world)
    refused = prepare is refuses_the_redirect
    assert any(LOOPBACK in line for line in world.explained) == refused


def test_registration_that_is_refused_otherwise_is_not_tried_without_the_redirect(
    world: World,
) -> None:
    world.answer("/api/v1/apps", Response(403))
    with fails("registration-closed", Exit.ACTION_REQUIRED):
        world.setup()
    assert world.wire.log.count("POST /api/v1/apps") == 1


# What stands there already.


@pytest.mark.parametrize("yes", ["", "true"])
def test_secret_made_by_hand_is_replaced_if_the_person_agrees(world: World, yes: str) -> None:
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", BY_HAND)
    report = world.setup(yes=yes)
    asked = ["MASTODON_ACCESS_TOKEN" in question for question in world.laptop.asked_about]
    assert asked == ([] if yes else [True])
    assert report.facts["overwritten"] == ["MASTODON_ACCESS_TOKEN"]
    assert_set_up(world)


def test_secret_made_by_hand_stays_if_not(world: World) -> None:
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", BY_HAND)
    world.laptop.agrees_to = False
    with fails("not-confirmed", Exit.INPUT):
        world.setup()
    assert any("There already" in line for line in world.shown)
    assert {line.partition(" ")[0] for line in world.wire.log} == {"GET"}


# Run again.


def test_token_in_use_is_told_and_stays_unless_the_person_wants_another(world: World) -> None:
    world.setup()
    token = world.stored()
    world.laptop.agrees_to = False
    report = world.setup()
    assert report.status == "in-use"
    assert report.outputs.keys() == {"account", "scopes", "expires-at"}
    assert runs(report.next) == ["rotate"]
    assert world.stored() == token
    assert len(world.laptop.opened) == 1


@pytest.mark.parametrize("unattended", [True, False])
def test_script_replaces_no_token_in_use(world: World, *, unattended: bool) -> None:
    world.setup()
    world.laptop.is_attended = not unattended
    assert world.setup(yes="" if unattended else "true").status == "in-use"
    assert world.laptop.asked_about == []


@pytest.mark.parametrize(("command", "asks"), [("setup", True), ("rotate", False)])
def test_token_in_use_is_replaced_by_rotate_or_where_the_person_agrees(
    world: World, command: str, *, asks: bool
) -> None:
    world.setup()
    old = world.stored()
    world.laptop.answers, world.laptop.agrees_to = [approves], asks
    assert world.run(command).status == "rotated"
    assert len(world.laptop.asked_about) == asks
    assert world.stored() != old


@pytest.mark.parametrize(
    "before",
    [lambda _: None, World.begin, lambda world: stage(world, world.approve(world.link()))],
    ids=["nothing", "begun", "staged"],
)
def test_rotate_needs_a_token_in_use(world: World, before: Callable[[World], object]) -> None:
    before(world)
    with fails("nothing-provisioned", Exit.ACTION_REQUIRED) as caught:
        world.run("rotate")
    assert runs(caught.value.next) == ["setup"]


def test_staged_token_is_finished_without_a_browser(world: World) -> None:
    with failing(world, Fault("500", path="verify_credentials", times=99)):
        world.setup()
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
    assert not any(str(PORT) in line for line in world.warned)
    assert world.laptop.listened == [0, PORT]
    assert len(world.instance.applications) == 1
    assert_set_up(world)


def test_beside_a_link_that_is_shown_again_stands_the_way_out(world: World) -> None:
    """The server may have forgotten its application."""
    with pytest.raises(ActionRequiredError):
        world.setup(nobody)
    assert not any("abandon" in line for line in world.warned)
    world.setup()
    assert "abandon" in world.warned[-1]


@pytest.mark.parametrize("able", ["has_browser", "is_attended"])
def test_run_that_nobody_can_answer_does_not_wait_for_the_browser_of_another_run(
    world: World, able: str
) -> None:
    with pytest.raises(ActionRequiredError):
        world.setup(nobody)
    world.laptop.has_browser = world.laptop.is_attended = False
    with fails("approval-timeout", Exit.ACTION_REQUIRED):
        world.setup(nobody)
    assert world.laptop.listened == [0]
    setattr(world.laptop, able, True)
    world.setup(pastes_address)
    assert world.laptop.listened == [0, PORT]


def test_where_the_port_is_taken_the_address_is_pasted(world: World) -> None:
    with pytest.raises(ActionRequiredError):
        world.setup(nobody)
    world.laptop.taken = {PORT}
    world.setup(pastes_address)
    assert any(str(PORT) in line for line in world.warned)
    assert len(world.instance.applications) == 1
    assert_set_up(world)


def test_link_of_begin_is_finished_with_the_code_that_it_shows(world: World) -> None:
    world.begin()
    world.setup(pastes)
    assert world.laptop.listened == []
    assert len(world.instance.applications) == 1
    assert_set_up(world)


# What arrives while it waits.


def test_enter_shows_a_link_that_shows_a_code(world: World) -> None:
    """Where a policy keeps the browser from coming back, its address has no code either."""
    world.setup(says("\n"), pastes)
    assert_set_up(world)
    first, second = [line for line in world.shown if "approval-pending" in line]
    assert "Enter" in first
    assert "Enter" not in second
    assert world.laptop.asked["redirect_uri"] == OUT_OF_BAND


def pastes_address_without_scheme(laptop: Laptop) -> str:
    """As some browsers copy it."""
    return pastes_address(laptop).replace("http://", "")


@pytest.mark.parametrize("answer", [approves, pastes_address, pastes_address_without_scheme])
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
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_no_code_of_this_link_is_told_and_asked_again(world: World, wrong: Answer) -> None:
    world.setup(wrong, wrong, approves)
    assert len(world.warned) == 2
    assert_set_up(world)
    assert len(world.instance.applications) == 1
    sent = 2 if wrong is WRONG["unknown code"] else 0
    assert world.wire.log.count("POST /oauth/token") == sent + 1


def test_pasted_code_of_another_account_ends_it(world: World) -> None:
    world.laptop.who = "alice"
    with fails("wrong-account", Exit.ACTION_REQUIRED):
        world.setup(pastes_address, approves)
    assert world.warned == []


def test_refused_code_that_the_browser_brings_ends_it(world: World) -> None:
    """On the page that it lands on, the person can't paste another one."""
    with fails("code-refused", Exit.ACTION_REQUIRED) as caught:
        world.setup(lambda _: Redirect(Secret("x" * 43)))
    assert world.laptop.landed == [caught.value]
    assert world.warned == []
    assert runs(caught.value.next) == ["again"]


def test_nobody_is_told_to_use_a_code_that_the_browser_brought(world: World) -> None:
    world.answer("/oauth/token", Response(429))
    with fails("instance-busy", Exit.INCOMPLETE) as caught:
        world.setup()
    assert "same code" not in steps(caught.value.next)


@pytest.mark.parametrize("error", ["access_denied", "server_error"])
def test_denial_ends_it_and_the_link_stays_good(world: World, error: str) -> None:
    with fails("denied", Exit.ACTION_REQUIRED) as caught:
        world.setup(lambda _: Redirect(Secret(""), error))
    assert error in said(caught.value)
    assert runs(caught.value.next) == ["again"]
    assert world.laptop.landed == [caught.value]
    world.setup()
    assert len(world.instance.applications) == 1
    assert_set_up(world)


def test_unapproved_link_needs_a_person(world: World) -> None:
    with fails("approval-timeout", Exit.ACTION_REQUIRED) as caught:
        world.setup(nobody)
    assert caught.value.link == world.laptop.opened[0]
    assert caught.value.next[1] == Run("complete", code=True)
    assert runs(caught.value.next) == ["complete", "again"]


def test_code_is_not_spent_where_another_run_wrote_the_journal(world: World) -> None:
    def another_run(laptop: Laptop) -> Redirect:
        code = approves(laptop)
        world.rewrite(account="mybot@social.example")
        return code

    with fails("overtaken", Exit.INCOMPLETE):
        world.setup(another_run)
    assert "POST /oauth/token" not in world.wire.log


def test_trouble_after_the_registration_is_incomplete(world: World) -> None:
    """It is not “failed, nothing was changed”."""
    world.wire.faults = [Fault("500", 2, 99, method="GET", path="variables/MASTODON_JOURNAL")]
    with pytest.raises(IncompleteError):
        world.setup()


def test_secret_that_appears_meanwhile_is_told(world: World) -> None:
    def somebody_pastes(laptop: Laptop) -> Redirect:
        world.repository.set_secret("MASTODON_ACCESS_TOKEN", BY_HAND)
        return approves(laptop)

    assert world.setup(somebody_pastes).facts["overwritten"] == ["MASTODON_ACCESS_TOKEN"]


# The old token.


@pytest.mark.parametrize(
    ("states", "raw", "may_look", "stays"),
    [
        (set(), {}, True, False),
        *(({state}, {}, True, True) for state in ("queued", "in_progress", "requested")),
        *(({state}, {}, True, True) for state in ("waiting", "pending")),
        (set(), {}, False, True),
        (set(), {"grace": "1h"}, True, True),
    ],
)
def test_old_token_is_revoked_at_once_unless_a_run_may_use_it_or_a_grace_is_asked_for(
    world: World, states: set[str], raw: dict[str, str], *, may_look: bool, stays: bool
) -> None:
    """Runs are looked at last: one that is queued before the new token is current has the old."""
    world.setup()
    permissions: dict[str, Access] = {"secrets": "write", "actions_variables": "write"}
    world.token = world.github.add_token(permissions | ({"actions": "read"} if may_look else {}))
    world.repository.runs = states
    world.laptop.answers, since = [approves], len(world.wire.log)
    report = world.run("rotate", **raw)
    assert runs(report.next) == (["check"] if stays else [])
    assert not stays or "UTC" in steps(report.next)
    assert len(world.live()) == 1 + stays
    log = world.requests(since)
    looked = [number for number, line in enumerate(log) if line.endswith("/runs")]
    assert bool(looked) == (not raw)
    assert not looked or "PATCH" in log[looked[0] - 1]  # that makes the token current
    world.time += 86400
    world.check()
    assert world.live() == [world.stored()]


def test_check_is_named_for_the_time_when_every_old_token_may_be_revoked(bot: World) -> None:
    bot.provision(grace="1h")
    bot.time += 1800
    bot.laptop.answers = [approves]
    report = bot.run("rotate", grace="1h")
    first, last = bot.journal().superseded
    assert first.revoke_after < last.revoke_after
    assert when(last.revoke_after) in steps(report.next)


def test_rotation_ends_well_where_no_answer_tells_of_runs(world: World) -> None:
    world.setup()
    world.laptop.answers = [approves]
    world.wire.faults = [Fault("refused", path="actions/runs", times=99)]
    assert world.run("rotate").status == "rotated"


def test_complete_looks_at_no_runs(bot: World) -> None:
    bot.provision()
    assert not any("runs" in line for line in bot.wire.log)


# The journal's key.


@pytest.fixture
def keys(world: World, tmp_path: Path) -> Path:
    """The world's machine keeps keys, and none is handed in."""
    world.key_folder = tmp_path / "keys"
    return world.key_folder


def kept(folder: Path) -> list[str]:
    return [one.read_text().strip() for one in folder.iterdir()] if folder.exists() else []


@pytest.mark.parametrize("command", ["setup", "deprovision"])
def test_key_is_kept_before_the_first_write_and_until_after_the_last(
    world: World, keys: Path, command: str
) -> None:
    if command == "deprovision":
        world.setup()

    def watching(request: Request) -> Response:
        assert request.method == "GET" or len(kept(keys)) == 1
        return world.github(request)

    world.wire.hosts["api.github.com"] = watching
    world.run(command)
    assert kept(keys) == ([world.stored(KEY)] if command == "setup" else [])


@pytest.mark.parametrize("writes", range(1, 8))
def test_killed_after_any_write_it_is_finished_by_the_next_run(
    world: World, keys: Path, writes: int
) -> None:
    with suppress(Killed), killed_after(world, writes):
        world.setup()
    world.setup()
    assert kept(keys) == [world.stored(KEY)]
    assert_set_up(world)


@contextmanager
def killed_after(world: World, count: int) -> Iterator[None]:
    """GitHub, where the run is killed after so many writes."""
    writes: list[str] = []

    def killing(request: Request) -> Response:
        answer = world.github(request)
        writes.extend([request.method] if request.method != "GET" else [])
        if len(writes) == count:
            raise Killed
        return answer

    world.wire.hosts["api.github.com"] = killing
    try:
        yield
    finally:
        world.wire.hosts["api.github.com"] = world.github


def test_begin_and_complete_use_the_same_key(world: World, keys: Path) -> None:
    report = world.begin()
    assert runs(report.next)[0] == "complete"
    world.complete(world.approve(report.link))
    assert kept(keys) == [world.stored(KEY)]
    (file,) = keys.iterdir()
    assert file.name == f"api.github.com_{world.repository.id}_MASTODON_JOURNAL.key"


def test_key_that_can_not_be_kept_stops_it_before_the_claim(world: World, keys: Path) -> None:
    keys.write_text("a file where the folder should be")
    with fails("key-file", Exit.INPUT):
        world.setup()
    assert {line.partition(" ")[0] for line in world.wire.log} == {"GET"}


def test_key_that_is_handed_in_is_not_kept(world: World, keys: Path) -> None:
    world.setup(journal_key=world.key)
    assert kept(keys) == []


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


# Starting over.


@pytest.fixture
def keyless(world: World, keys: Path) -> World:
    """The journal's key is lost."""
    world.time += 3600
    world.setup()
    world.time += 3600
    for one in keys.iterdir():
        one.unlink()
    return world


def test_starting_over_makes_a_new_journal_and_token(keyless: World, keys: Path) -> None:
    old = keyless.stored()
    report = keyless.setup(start_over="true")
    assert kept(keys) == [keyless.stored(KEY)]
    assert KEY not in "".join(keyless.warned)
    assert keyless.current.token.reveal() == keyless.stored()
    assert set(keyless.live()) == {old, keyless.stored()}  # nothing is revoked
    assert "before" in steps(report.items[-1].next)  # which applications to remove by hand
    with fails("nothing-to-start-over", Exit.INPUT) as caught:
        keyless.setup(start_over="true")
    assert runs(caught.value.next) == ["setup"]


def test_starting_over_is_confirmed_before_anything_is_given_up(keyless: World) -> None:
    before = dict(keyless.repository.variables)
    keyless.laptop.agrees_to = False
    with fails("not-confirmed", Exit.INPUT):
        keyless.setup(start_over="true")
    assert keyless.account in keyless.laptop.asked_about[0]  # which is to be typed
    assert keyless.repository.variables == before
    keyless.laptop.asked_about.clear()
    keyless.setup(start_over="true", yes="true")
    assert keyless.laptop.asked_about == []


@pytest.mark.usefixtures("keys")
def test_journal_of_a_newer_version_is_not_given_up(world: World) -> None:
    """An update opens it."""
    world.setup(start_over="true")  # there is none yet
    world.repository.variables[JOURNAL] = "9:0123456789abcdef:AAAA"
    for start_over in "", "true":
        with fails("journal-newer", Exit.ACTION_REQUIRED) as caught:
            world.setup(start_over=start_over)
        assert "start-over" not in said(caught.value)


def test_refused_key_write_gives_the_old_journal_back(keyless: World) -> None:
    before = dict(keyless.repository.variables)
    keyless.token = keyless.github.add_token({"secrets": "read", "actions_variables": "write"})
    with pytest.raises(ActionRequiredError):
        keyless.setup(start_over="true")
    assert keyless.repository.variables == before


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_killed_while_starting_over_it_is_finished_by_the_next_run(
    keyless: World, writes: int
) -> None:
    with pytest.raises(Killed), killed_after(keyless, writes):
        keyless.setup(start_over="true")
    keyless.setup()
    assert keyless.current.token.reveal() == keyless.stored()
