"""What is read goes in one batch, and the order of the answers in a batch changes nothing."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

import pytest

from provisioner.commands.run import Prompts, perform
from provisioner.errors import ProvisionerError
from provisioner.http import Gather
from provisioner.parsing import parse_login
from provisioner.report import Report
from tests.support.gather import in_order
from tests.support.world import NAME, Fault, World

T = TypeVar("T")
ACTIONS = f"/repos/{NAME}/actions"
JOURNAL = f"{ACTIONS}/variables/MASTODON_JOURNAL"
DISCOVERY = {
    "GET /.well-known/webfinger",
    "GET /.well-known/oauth-authorization-server",
    "GET /api/v1/instance",
}
READS = {f"GET /repos/{NAME}", f"GET {ACTIONS}/secrets", f"GET {JOURNAL}"}
FOR_WRITING = {f"GET {ACTIONS}/secrets/public-key", f"GET {ACTIONS}/variables/MASTODON_BASE_URL"}
ORDERS = pytest.mark.parametrize("order", ["reversed", 0, 1])
"""Of the calls of a batch: reversed, or drawn with this seed."""


@pytest.fixture
def world(world: World) -> World:
    """Chance is the same in each copy."""
    world.instance.random = random.Random(0).randbytes  # noqa: S311 - to be repeatable
    return world


def in_another_order(order: str | int) -> Gather:
    """As `in_order`, but the calls are made in another order than they are given in."""
    chance = random.Random(order)  # noqa: S311 - to be repeatable

    def gather(calls: Sequence[Callable[[], T]]) -> list[T]:
        futures: list[Future[T]] = [Future() for _ in calls]
        shuffled = list(zip(calls, futures, strict=True))
        shuffled.reverse()
        if order != "reversed":
            chance.shuffle(shuffled)
        for call, future in shuffled:
            try:
                future.set_result(call())
            except ProvisionerError as error:
                future.set_exception(error)
        return [future.result() for future in futures]

    return gather


def run(world: World, gather: Gather, command: str, code: str = "") -> Report:
    """Run a command with its calls gathered so."""
    session = world.session(command, code)
    session.gather = gather
    prompts = Prompts(lambda: "", lambda *_: parse_login("mybot@example.org", "mybot-password"))
    return perform(session, prompts)


def batches(world: World, command: str, code: str = "") -> list[list[str]]:
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
    run(world, gather, command, code)
    return made


def test_begin_reads_both_hosts_in_one_batch_before_it_writes(world: World) -> None:
    (batch,) = batches(world, "begin")
    assert set(batch) == READS | DISCOVERY
    assert world.wire.log[: len(batch)] == batch
    assert world.wire.log[len(batch)] == f"POST {ACTIONS}/variables"


def test_complete_reads_in_one_batch_before_it_writes(world: World, code: str) -> None:
    batch, verifying = batches(world, "complete", code)
    ping = "GET /.well-known/oauth-authorization-server"
    assert set(batch) == READS | FOR_WRITING | {ping}
    assert world.wire.log[: len(batch)] == batch
    assert world.wire.log[len(batch)] == f"PATCH {JOURNAL}"
    assert set(verifying) == {"GET /api/v1/accounts/verify_credentials", f"GET {JOURNAL}"}


@pytest.mark.parametrize("personality", ["mastodon-4.2"])
def test_login_reads_both_hosts_in_one_batch_before_it_asks(world: World) -> None:
    batch, _verifying = batches(world, "login")
    assert set(batch) == READS | FOR_WRITING | DISCOVERY
    assert world.wire.log[: len(batch)] == batch


@ORDERS
@pytest.mark.parametrize("former", [False, True], ids=["first", "rotation"])
@pytest.mark.parametrize(
    ("command", "personality"),
    [("begin", "mastodon-4.7"), ("complete", "mastodon-4.7"), ("login", "mastodon-4.2")],
)
def test_order_of_answers_changes_nothing(
    world: World, command: str, order: str | int, *, former: bool
) -> None:
    if former:
        world.provision()
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    code = world.approve(world.link()) if command == "complete" else ""
    other = world.copied()
    assert run(other, in_another_order(order), command, code) == run(world, in_order, command, code)
    written, same = ([line for line in one.wire.log if "GET" not in line] for one in (world, other))
    assert written == same
    assert other.stored() == world.stored()


@ORDERS
@pytest.mark.parametrize("command", ["begin", "complete"])
def test_of_several_failures_the_same_is_told_in_any_order(
    world: World, code: str, command: str, order: str | int
) -> None:
    world.wire.faults = [
        Fault("500", path=f"{ACTIONS}/secrets", times=99),
        Fault("html", path=JOURNAL, times=99),
        Fault("refused", path="/.well-known/", times=99),
    ]
    other = world.copied()
    with pytest.raises(ProvisionerError) as one:
        run(world, in_order, command, code)
    with pytest.raises(ProvisionerError) as another:
        run(other, in_another_order(order), command, code)
    assert another.value.what == one.value.what
