"""begin: from an account's name to the link."""

import base64
import hashlib
import re
from collections.abc import Callable

import httpx
import pytest

from provisioner.report import Exit, Run
from provisioner.sandbox import Response
from provisioner.sandbox.web import json_response
from tests.support.acts import lose_answer, stage
from tests.support.told import assert_in_turn, fails, pages, runs, says_token_comes_back, would
from tests.support.world import NAME, ORIGIN, World

POST = "profile write:statuses write:media"
BEGUN = "15 January 2027, 08:00 UTC"


def test_link_asks_for_a_code_out_of_band_with_pkce(world: World) -> None:
    link = httpx.URL(world.link())
    pending = world.pending
    assert pending.verifier is not None
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", pending.verifier.reveal())  # RFC 7636, section 4.1
    digest = hashlib.sha256(pending.verifier.reveal().encode()).digest()
    assert dict(link.params) == {
        "response_type": "code",
        "client_id": pending.application.client_id,
        "redirect_uri": "urn:ietf:wg:oauth:2.0:oob",
        "scope": POST,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "force_login": "true",
    }
    assert pending.verifier.reveal() in world.hidden
    assert pending.application.client_secret.reveal() in world.hidden


def test_report_tells_link_account_scopes_and_where_the_token_goes(world: World) -> None:
    report = world.begin()
    # The name stands in public under each post; the repository's may be private.
    assert [application.name for application in world.instance.applications] == ["mybot"]
    assert report.status == "approval-pending"
    assert "mybot@social.example" in report.headline
    assert report.link == world.pending.link
    assert report.outputs == {
        "authorize-url": report.link,
        "account": "mybot@social.example",
        "scopes": POST,
    }
    assert runs(report.next) == ["complete"]
    assert report.table["Instance"] == ORIGIN
    assert report.table["Will be stored in"].startswith(NAME)
    assert "10 minutes" in report.table["The code"]


def test_misspelt_account_is_warned_of(world: World) -> None:
    """Its domain does not know it; else it would be found out only after the approval."""
    world.begin(account="mybto@social.example")
    (warning,) = world.warned
    assert "mybto@social.example" in warning


# The same link again, or another one.


def test_begin_again_shows_the_same_link_and_a_way_out(world: World) -> None:
    """The instance may have deleted the application, which nobody but the person sees."""
    first = world.begin()
    world.instance.delete_application(world.instance.applications[0].client_id)
    again = world.begin()
    assert again.link == first.link
    assert again.outputs == first.outputs
    assert runs(again.next) == ["complete", "abandon", "begin"]
    assert world.warned == []
    world.abandon()
    world.provision()
    assert world.live() == [world.stored()]


@pytest.mark.parametrize(
    "other",
    [
        {"account": "mybto@social.example"},
        {"instance": "https://other.example"},
        {"scopes": "read write"},
        {"app_name": "another"},
        {"client_id": "id", "client_secret": "secret-of-that-client"},
    ],
    ids=lambda raw: next(iter(raw)),
)
def test_other_inputs_make_another_link_while_no_token_can_have_been_issued(
    world: World, other: dict[str, str]
) -> None:
    world.wire.hosts["other.example"] = world.instance
    world.instance.origin = other.get("instance", ORIGIN)
    link = world.link(**{"app_name": "bot"} | other)
    world.instance.origin = ORIGIN
    assert world.link(app_name="bot") != link
    assert world.journal().account == "mybot@social.example"
    assert world.journal().origin == ORIGIN


@pytest.mark.parametrize(
    ("version", "seconds"),
    [("", 7 * 86400), ("2.7.2 (compatible; Pleroma 2.9.1)", 10 * 60)],
    ids=["mastodon", "pleroma"],
)
def test_link_is_shown_again_while_its_server_keeps_the_application(
    world: World, version: str, seconds: int
) -> None:
    """Pleroma deletes unused applications after 15 minutes: after 10 there is a new link."""
    if version:
        world.instance.server.version = version
        world.answer("/.well-known/oauth-authorization-server", Response(404))
    first = world.link()
    world.time += seconds - 1
    assert world.link() == first
    world.time += 1
    assert world.link() != first


@pytest.mark.parametrize(
    ("personality", "page"),
    [
        ("mastodon-4.7", ""),
        ("mastodon-4.2", ""),
        ("gotosocial", f"{ORIGIN}/settings/user/tokens"),
    ],
)
def test_link_of_a_lost_exchange_stays_and_tells_how_its_token_comes_back_or_is_removed(
    world: World, page: str
) -> None:
    """Its application may have a token: then no server deletes it, and no other one takes over."""
    link = world.link()
    lose_answer(world, world.approve(link))
    world.time += 30 * 86400
    world.shown.clear()
    report = world.begin()
    assert report.link == link
    (warning,) = world.warned
    assert BEGUN in warning
    assert says_token_comes_back(warning) == (not page)
    assert pages(report.items[0].next) == ([page] if page else [])
    assert runs(report.next) == ["complete", "abandon", "begin"]


@pytest.mark.parametrize("personality", ["pleroma"])
def test_link_of_a_lost_exchange_is_given_up_where_the_server_forgets_it(world: World) -> None:
    """Approving it again would not bring the token back; where to look for that is told."""
    link = world.link()
    lose_answer(world, world.approve(link))
    world.time += 9 * 60
    assert world.link() == link
    world.time += 60
    world.shown.clear()
    assert world.link() != link
    assert BEGUN in world.warned[0]


@pytest.mark.parametrize("personality", ["gotosocial"])
def test_link_of_a_lost_exchange_at_a_server_without_a_name_is_kept_and_nothing_promised(
    world: World,
) -> None:
    """It may be a Mastodon, or one where the lost token is a person's to remove."""
    endpoints = {f"{one}_endpoint": f"{ORIGIN}/oauth/{one}" for one in ("token", "revocation")}
    endpoints["authorization_endpoint"] = f"{ORIGIN}/oauth/authorize"
    metadata = json_response(200, {"issuer": ORIGIN, **endpoints})
    world.answer("/.well-known/oauth-authorization-server", metadata)
    for path in ("/instance", "/nodeinfo"):
        world.answer(path, Response(500))
    link = world.link()
    assert world.pending.instance.software == ""
    assert world.run("doctor").table["Software"]
    lose_answer(world, world.approve(link))
    world.time += 3600
    assert world.link() == link
    [warning] = world.warned
    assert not says_token_comes_back(warning)
    assert ORIGIN in warning


# What is said before the link.


def test_secret_by_the_name_of_our_variable_is_unmanaged(bot: World) -> None:
    """They are two things to GitHub: we wrote the variable only."""
    bot.repository.set_secret("MASTODON_BASE_URL", "from-before-us")
    bot.begin(secrets="MASTODON_BASE_URL=access_token", variables="")
    assert [warning for warning in bot.warned if "MASTODON_BASE_URL" in warning]


@pytest.mark.parametrize(("value", "warns"), [("https://other.example", True), (ORIGIN, False)])
def test_variable_that_another_bot_may_read_is_announced(
    world: World, value: str, *, warns: bool
) -> None:
    """With another instance's address there, it would send its token to that instance."""
    world.repository.variables["MASTODON_BASE_URL"] = value
    world.link()
    assert any("MASTODON_BASE_URL" in warning for warning in world.warned) is warns


@pytest.mark.parametrize("more", [True, False])
def test_secret_of_the_token_in_use_that_a_rotation_leaves_is_announced(
    world: World, *, more: bool
) -> None:
    """By the default names a second bot's rotation would miss its secret."""
    names = "OTHER=access_token" + ("\nMASTODON_ACCESS_TOKEN=access_token" if more else "")
    world.provision(secrets=names)
    world.link(secrets="OTHER=access_token")
    assert_in_turn(world.warned, *(["MASTODON_ACCESS_TOKEN"] if more else []))


@pytest.mark.parametrize(
    ("scopes", "less"),
    [("profile write:statuses", "write:media"), ("", ""), ("read write", "")],
    ids=["fewer", "the same", "more"],
)
def test_rotation_to_fewer_scopes_is_announced(bot: World, scopes: str, less: str) -> None:
    """A workflow may need what the token in use may do. Of our own secret nothing is said."""
    bot.shown.clear()
    bot.begin(scopes=scopes)
    assert_in_turn(bot.warned, *([less] if less else []))


# What is refused, and what goes wrong.


def test_staged_token_is_to_be_completed_first_and_nothing_else_is_told(world: World) -> None:
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    stage(world, world.approve(world.link()))
    world.shown.clear()
    with fails("already-staged", Exit.INCOMPLETE) as caught:
        world.begin()
    assert caught.value.next == (Run("complete"),)
    assert world.warned == []


def test_another_account_does_not_take_over_a_journal_with_a_token(bot: World) -> None:
    bot.shown.clear()
    with fails("journal-other-account", Exit.INPUT):
        bot.begin(account="alice@social.example")
    assert ORIGIN in "".join(bot.shown)  # that it was found is told before


def test_key_is_not_overwritten_where_variables_cannot_be_seen(bot: World) -> None:
    """404 for every variable, and a key in its secret: there may be a journal under that key."""
    absent = json_response(404, {"message": "Not Found"})
    bot.answer("/actions/variables", absent, "api.github.com")
    with fails("github-not-found", Exit.ACTION_REQUIRED):
        bot.begin(journal_key=base64.b64encode(b"k" * 32).decode())
    assert bot.stored("MASTODON_JOURNAL_KEY") == bot.key


# A dry run.


def test_dry_run_changes_nothing_and_says_what_a_real_run_would_do(world: World) -> None:
    report = world.begin(dry_run="true")
    assert report.status == "dry-run"
    assert report.outputs == {"account": world.account}
    assert not [line for line in world.wire.log if not line.startswith("GET")]
    application = f"“mybot” at {ORIGIN}, for {POST}"
    journal = f"MASTODON_JOURNAL of {NAME}"
    assert_in_turn(would(report), "MASTODON_JOURNAL_KEY", application, journal, "link")


@pytest.mark.parametrize(
    ("before", "raw", "facts"),
    [
        (World.provision, {"client_id": "id", "client_secret": "secret"}, ("JOURNAL", "link")),
        (World.begin, {}, (BEGUN,)),
        (World.begin, {"scopes": "full"}, ("register", "JOURNAL", BEGUN, "link")),
    ],
    ids=["own application", "same link", "replaced link"],
)
def test_dry_run_leaves_out_what_is_there_already(
    world: World, before: Callable[[World], object], raw: dict[str, str], facts: tuple[str, ...]
) -> None:
    before(world)
    assert_in_turn(would(world.begin(dry_run="true", **raw)), *facts)
