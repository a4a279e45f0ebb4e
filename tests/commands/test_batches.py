"""What is read goes in one batch."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

from provisioner.commands.run import Prompts, perform
from provisioner.parsing import parse_login
from tests.support.gather import in_order
from tests.support.world import NAME, World

T = TypeVar("T")
ACTIONS = f"/repos/{NAME}/actions"
JOURNAL = f"{ACTIONS}/variables/MASTODON_JOURNAL"
DISCOVERY = {
    "GET /.well-known/webfinger",
    "GET /.well-known/oauth-authorization-server",
    "GET /api/v1/instance",
}
READS = {f"GET /repos/{NAME}", f"GET {ACTIONS}/secrets", f"GET {JOURNAL}"}
PING = "GET /.well-known/oauth-authorization-server"
VARIABLE = f"GET {ACTIONS}/variables/MASTODON_BASE_URL"
FOR_WRITING = {f"GET {ACTIONS}/secrets/public-key", VARIABLE}


def batches(world: World, command: str, code: str = "", **raw: str) -> list[list[str]]:
    """Run a command; the requests of each of its batches, with those of batches inside it."""
    made: list[list[str]] = []
    inside = False

    def gather(calls: Sequence[Callable[[], T]]) -> list[T]:
        nonlocal inside
        if inside:
            return in_order(calls)
        inside, since = True, len(world.wire.log)
        try:
            return in_order(calls)
        finally:
            inside = False
            made.append(world.requests(since))

    world.wire.log.clear()
    session = world.session(command, code, **raw)
    session.gather = gather
    typed = parse_login("mybot@example.org", "mybot-password")
    perform(session, Prompts(lambda: "", lambda *_: typed))
    return made


def test_begin_reads_both_hosts_in_one_batch_before_it_writes(world: World) -> None:
    (batch,) = batches(world, "begin")
    assert set(batch) == READS | DISCOVERY | {VARIABLE}
    assert world.wire.log[: len(batch)] == batch
    assert world.wire.log[len(batch)] == f"POST {ACTIONS}/variables"


def test_complete_reads_in_one_batch_before_it_writes(world: World, code: str) -> None:
    batch, verifying = batches(world, "complete", code)
    assert set(batch) == READS | FOR_WRITING | {PING}
    assert world.wire.log[: len(batch)] == batch
    assert world.wire.log[len(batch)] == f"PATCH {JOURNAL}"
    assert set(verifying) == {"GET /api/v1/accounts/verify_credentials", f"GET {JOURNAL}"}


def test_what_was_read_to_find_the_account_is_not_read_again(world: World, code: str) -> None:
    first, second, _verifying = batches(world, "complete", code, account="")
    assert set(first) == READS
    assert set(second) == FOR_WRITING | {PING}


@pytest.mark.parametrize("personality", ["mastodon-4.2"])
def test_login_reads_both_hosts_in_one_batch_before_it_asks(world: World) -> None:
    batch, _verifying = batches(world, "login")
    assert set(batch) == READS | FOR_WRITING | DISCOVERY
    assert world.wire.log[: len(batch)] == batch
