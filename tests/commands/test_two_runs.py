"""Two runs for the same bot: one inside the other, at the moments that matter.

The inner run happens in the middle of a request of the outer one. GitHub's variables know no
compare-and-swap, so that between a read of the journal and the write after it a moment is left.
"""

from collections.abc import Callable
from functools import partial

import pytest

from provisioner.journal import seal
from provisioner.journal_store import OvertakenError
from provisioner.report import Exit, ProvisionerError
from provisioner.sandbox import Request, Response
from tests.support.acts import GITHUB, INSTANCE, answering, fields, meanwhile
from tests.support.told import fails, runs, said, says_no_code_is_needed
from tests.support.world import World

VERIFY = "/api/v1/accounts/verify_credentials"
JOURNAL = "variables/MASTODON_JOURNAL"


def test_stale_run_stops_before_its_first_write(world: World, code: str) -> None:
    """While it looked whose token it is, others finished it and rotated: its token is old now."""

    def others() -> None:
        world.complete("")
        world.provision()

    meanwhile(world, INSTANCE, "GET", "verify_credentials", others)
    with fails("overtaken", Exit.INCOMPLETE) as caught:
        world.complete(code)
    assert world.stored() == world.current.token.reveal()
    assert not says_no_code_is_needed(caught.value)
    assert world.known == sorted(world.live())


@pytest.mark.parametrize(
    ("what", "revokes"), [("overwrote", 1), ("deleted", 1), ("of one's own", 0), ("dead", 0)]
)
def test_wrong_token_that_the_journal_lost_to_another_run_is_revoked_where_that_harms_nobody(
    world: World, what: str, revokes: int
) -> None:
    """The journal does not know it any more (I3)."""
    raw = world.hand_made() if what == "of one's own" else {}
    code, before = world.approve(world.link(**raw), "alice"), world.pending

    def another_run() -> None:
        world.rewrite(pending=before)
        if what == "deleted":
            world.delete("variables", "MASTODON_JOURNAL")
        if what == "dead":
            world.instance.revoke_access("alice")

    meanwhile(world, INSTANCE, "GET", "verify_credentials", another_run)
    with pytest.raises(OvertakenError):
        world.complete(code, **raw)
    assert world.wire.log.count("POST /oauth/revoke") == revokes
    assert len(world.live()) == (what == "of one's own")


def test_overtaken_run_says_so_also_where_its_token_could_not_be_verified(world: World) -> None:
    code = world.approve(world.link())
    meanwhile(world, INSTANCE, "GET", "verify_credentials", world.rewrite)
    answering(world, VERIFY, lambda _: Response(418))
    with fails("overtaken", Exit.INCOMPLETE):
        world.complete(code)


def under_another_key(world: World) -> None:
    """Another run wrote a journal under another key: what it knows can't be seen."""
    world.repository.variables["MASTODON_JOURNAL"] = seal(world.journal(), b"k" * 32)


@pytest.mark.parametrize(
    ("other", "lives"),
    [
        (lambda _: None, False),
        (World.rewrite, True),
        (lambda world: world.rewrite(pending=None), False),
        (under_another_key, True),
    ],
    ids=["nobody", "the application is known", "it was given up", "unreadable"],
)
def test_token_that_could_not_be_staged_lives_where_another_run_may_hold_it(
    world: World, other: Callable[[World], None], *, lives: bool
) -> None:
    """GitHub refuses the staging write: a token that nobody knows is taken back.

    A run that completes the same application may get the very same token.
    """
    unstaged(world, lambda: other(world))
    assert len(world.live()) == lives


def test_token_that_could_not_be_staged_lives_where_it_is_in_use(bot: World) -> None:
    """The instance answered with the token that the bot posts with: nothing is revoked.

    It is not left to the instance, which may refuse to revoke another application's token.
    """
    answering(bot, "/oauth/token", fields(access_token=bot.stored()))
    unstaged(bot, lambda: None)
    assert "POST /oauth/revoke" not in bot.wire.log


def unstaged(world: World, do: Callable[[], None]) -> None:
    """A completion whose staging write GitHub refuses, at the moment that something happens."""
    code = world.approve(world.link())
    real, written = world.wire.hosts[GITHUB], []

    def refuse(request: Request) -> Response:
        if request.method == "PATCH" and "MASTODON_JOURNAL" in request.path:
            written.append(request)
            if len(written) == 2:
                do()
            if len(written) > 1:
                return Response(403, (), b'{"message": "Resource not accessible"}')
        return real(request)

    world.wire.hosts[GITHUB] = refuse
    with fails("github-permission", Exit.ACTION_REQUIRED):
        world.complete(code)


# A run under way does not bring back a bot that was taken off, nor loses what it was given.


def test_run_stores_nothing_once_the_bot_is_taken_off(world: World, code: str) -> None:
    """While it looked whose token it is: nothing is stored, and no journal made."""
    meanwhile(world, INSTANCE, "GET", "verify_credentials", world.deprovision)
    with fails("journal-deleted", Exit.INCOMPLETE) as caught:
        world.complete(code)
    assert not says_no_code_is_needed(caught.value)
    assert world.live() == []
    assert world.repository.variables == {}
    assert dict(world.repository.secrets) == {}


def test_token_that_no_journal_knows_any_more_is_revoked(world: World, code: str) -> None:
    """During its exchange."""
    meanwhile(world, INSTANCE, "POST", "/oauth/token", world.deprovision)
    with fails("journal-deleted", Exit.INCOMPLETE):
        world.complete(code)
    assert len(world.instance.tokens) == 1
    assert world.live() == []
    assert world.repository.variables == {}


def test_token_lives_on_where_the_deletion_cannot_be_seen(world: World, code: str) -> None:
    real = world.wire.hosts[GITHUB]

    def blind(request: Request) -> Response:
        if "/variables" in request.path and world.instance.tokens:
            return Response(404, (), b'{"message": "Not Found"}')
        return real(request)

    world.wire.hosts[GITHUB] = blind
    with pytest.raises(ProvisionerError) as caught:
        world.complete(code)
    assert not isinstance(caught.value, OvertakenError)
    assert len(world.live()) == 1


def test_run_that_wrote_everything_says_that_the_journal_is_gone(world: World, code: str) -> None:
    """It says what is left to do by hand, should the bot be gone for good."""
    delete = partial(world.delete, "variables", "MASTODON_JOURNAL")
    meanwhile(world, GITHUB, "POST", "actions/variables", delete)
    with fails("journal-deleted", Exit.INCOMPLETE) as caught:
        world.complete(code)
    assert runs(caught.value.next) == ["begin"]
    assert "remove its application" in said(caught.value)
    assert world.live() == [world.stored()]
