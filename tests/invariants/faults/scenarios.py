"""The runs that faults strike: each with the world before it, and what it is for."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from provisioner.errors import ProvisionerError
from provisioner.report import Command as Verb
from provisioner.report import Report
from provisioner.sandbox import RegisteredApplication
from tests.servers import PERSONALITIES
from tests.support.wire import LATE_SECONDS, Fault, Killed
from tests.support.world import NAME, USERS, World

SECRET = "MASTODON_ACCESS_TOKEN"
VARIABLE = "MASTODON_BASE_URL"
STRANGER = "a-token-of-somebody-else"
OTHER = "OTHER_TOKEN"
TEXT = "howdy universe!"
DAY = 86400
ACTIONS = f"/repos/{NAME}/actions"
PUT = f"PUT {ACTIONS}/secrets/{SECRET}"
WRITE = f"PATCH {ACTIONS}/variables/MASTODON_JOURNAL"


@dataclass(frozen=True)
class Command:
    """What a person runs."""

    verb: Verb
    code: str = ""
    raw: Mapping[str, str] = field(default_factory=dict)

    def run(self, world: World) -> Report:
        """Raises ProvisionerError."""
        match self.verb:
            case "login":
                return world.log_in(**self.raw)
            case "post":
                return world.post(TEXT, **self.raw)
            case _:
                run: Callable[..., Report] = world.run
                return run(self.verb, self.code, **self.raw)


Goal = Literal["provisioned", "posted", "abandoned", "deprovisioned", "registered"]


@dataclass(frozen=True)
class Scenario:
    """A command in a world; `prepare` builds it from an empty world."""

    name: str
    prepare: Callable[[World], Command] = field(repr=False)
    goal: Goal = "provisioned"
    secret: str = SECRET
    """Where the token is to be in the end."""
    variant: bool = False
    """Whether another scenario is much the same: then the decisive faults are enough."""
    personality: str = "mastodon-4.7"
    """The server that the sandbox plays."""

    def __str__(self) -> str:
        other = self.personality != Scenario.personality
        return f"{self.personality}: {self.name}" if other else self.name

    def at(self, personality: str, *, variant: bool = True) -> "Scenario":
        """The same at another server."""
        return replace(self, variant=variant, personality=personality)


def _cut(world: World, path: str, method: str = "") -> None:
    """Begin, and complete as far as the first such request to this path, and no further."""
    world.time += 3600
    _complete_as_far_as(world, path, world.approve(world.link()), method)


def _complete_as_far_as(world: World, path: str, code: str, method: str = "") -> None:
    world.wire.faults = [Fault("500", method=method, path=path, times=99)]
    with suppress(ProvisionerError):
        world.complete(code)
    world.wire.faults = []


def kill_after(world: World, command: Command, request: str, times: int = 1) -> None:
    """Run it, and kill it after so many of these requests."""
    method, _, path = request.partition(" ")
    world.wire.faults = [Fault("killed after it", times - 1, method=method, path=path)]
    with suppress(Killed):
        command.run(world)
    world.wire.faults = []


def _cut_when_written(world: World) -> None:
    """Begin, and complete until the token is in its secret, and no further."""
    world.time += 3600
    kill_after(world, Command("complete", world.approve(world.link())), PUT)


def _lose(world: World, who: str = "mybot") -> str:
    """A completion whose token was issued, and lost with the answer; the link."""
    world.time += 3600  # the time tells a person which authorization that was
    link = world.link()
    code = world.approve(link, who)
    world.wire.faults = [Fault("answer lost", path="oauth/token")]
    with suppress(ProvisionerError):
        world.complete(code)
    world.wire.faults = []
    return link


def _strings(application: RegisteredApplication) -> dict[str, str]:
    return {"client_id": application.client_id, "client_secret": application.client_secret}


def _provision(world: World, **raw: str) -> None:
    """Its time tells a person which authorization that was."""
    world.time += 3600
    world.provision(**raw)


def _first_begin(_: World) -> Command:
    return Command("begin")


def _first_begin_in_workflow(world: World) -> Command:
    world.in_workflow = True
    return Command("begin")


def _first_complete(world: World) -> Command:
    return Command("complete", world.approve(world.link()))


def _first_complete_in_workflow(world: World) -> Command:
    world.in_workflow = True
    return _first_complete(world)


def _over_a_stranger(world: World) -> Command:
    world.repository.set_secret(SECRET, STRANGER)
    return _first_complete(world)


def _by_somebody_else(world: World) -> Command:
    return Command("complete", world.approve(world.link(), "alice"))


def _single_run(world: World) -> Command:
    application = world.hand_made()
    return Command("complete", world.code_for(application), _strings(application))


def _single_run_again(world: World) -> Command:
    application = world.hand_made()
    world.complete(world.code_for(application), **_strings(application))
    return Command("complete", world.code_for(application), _strings(application))


def _begin_after_a_lost_exchange(world: World) -> Command:
    _lose(world)
    return Command("begin")


def _single_run_by_somebody_else(world: World) -> Command:
    application = world.hand_made()
    return Command("complete", world.code_for(application, "alice"), _strings(application))


def _rotation_of_hand_made(world: World) -> Command:
    world.provision_by_hand()
    return Command("complete", world.approve(world.link()), {"grace": "0"})


def _after_a_lost_exchange(world: World) -> Command:
    return Command("complete", world.approve(_lose(world)))


def _going_on(world: World) -> Command:
    _cut(world, "verify_credentials")
    return Command("complete")


def _going_on_elsewhere(world: World) -> Command:
    _cut(world, "verify_credentials")
    return Command("complete", raw={"secrets": f"{OTHER}=access_token"})


def _claimed(world: World) -> Command:
    """The run that claimed the journal was cut before the key was in its secret."""
    world.in_workflow = True
    kill_after(world, Command("begin"), f"POST {ACTIONS}/variables")
    return Command("begin")


def _staged_a_moment_ago(world: World) -> Command:
    """GitHub still answers with the journal as it was before the token was staged."""
    command = _first_complete(world)
    world.github.late_seconds = LATE_SECONDS
    kill_after(world, command, WRITE, 2)
    world.github.late_seconds = 0
    return command


def _rotation_going_on_elsewhere(world: World) -> Command:
    """The first name keeps the old token: staged for it was the new one, and never written."""
    _provision(world)
    _cut(world, "verify_credentials")
    return Command("complete", raw={"secrets": f"{OTHER}=access_token", "grace": "0"})


def _rotation_written_going_on_elsewhere(world: World) -> Command:
    """The same, where the first name may hold either."""
    _provision(world)
    _cut(world, f"secrets/{SECRET}", "PUT")
    return Command("complete", raw={"secrets": f"{OTHER}=access_token", "grace": "0"})


def _rotation_begin(world: World) -> Command:
    _provision(world)
    return Command("begin")


def _rotation(world: World) -> Command:
    _provision(world)
    world.time += 3600
    return Command("complete", world.approve(world.link()))


def _rotation_at_once(world: World) -> Command:
    _provision(world)
    world.time += 3600
    return Command("complete", world.approve(world.link()), {"grace": "0"})


def _check(world: World) -> Command:
    _provision(world)
    _provision(world)
    world.time += DAY
    return Command("check")


def _check_within_grace(world: World) -> Command:
    _provision(world)
    _provision(world)
    world.time += DAY - 3600
    return Command("check")


def _check_at_once(world: World) -> Command:
    _provision(world)
    _provision(world)
    return Command("check", raw={"grace": "0"})


def _check_while_deprovisioning(world: World) -> Command:
    """A rotation was cut after its secret, and a deprovision after it had marked the journal."""
    _provision(world)
    _cut_when_written(world)
    kill_after(world, Command("deprovision"), WRITE)
    return Command("check")


def _check_old_name(world: World) -> Command:
    _provision(world)
    _provision(world, secrets=f"{OTHER}=access_token")
    world.time += DAY
    return Command("check")


def _check_old_name_deleted(world: World) -> Command:
    command = _check_old_name(world)
    world.delete("secrets", SECRET)
    return command


def _abandon_link(world: World) -> Command:
    _provision(world)
    world.link()
    return Command("abandon")


def _abandon_lost(world: World) -> Command:
    _provision(world)
    _lose(world)
    return Command("abandon")


def _abandon_staged_after_lost(world: World) -> Command:
    """Somebody else's token was lost, and after that the bot's was staged."""
    _provision(world)
    code = world.approve(_lose(world, "alice"))
    _complete_as_far_as(world, "verify_credentials", code)
    return Command("abandon")


def _abandon_staged_over_a_stranger(world: World) -> Command:
    """Nothing was written yet."""
    world.repository.set_secret(SECRET, STRANGER)
    _cut(world, "verify_credentials")
    return Command("abandon")


def _abandon_staged(world: World) -> Command:
    _provision(world)
    _cut(world, "verify_credentials")
    return Command("abandon")


def _abandon_written(world: World) -> Command:
    _provision(world)
    _cut_when_written(world)
    return Command("abandon")


def _abandon_first_written(world: World) -> Command:
    _cut_when_written(world)
    return Command("abandon")


def _abandon_over_a_stranger(world: World) -> Command:
    """Whether the stranger's token was overwritten already is what abandon can't know."""
    world.repository.set_secret(SECRET, STRANGER)
    _cut(world, f"secrets/{SECRET}", "PUT")
    return Command("abandon")


def _abandon_over_a_stranger_written(world: World) -> Command:
    world.repository.set_secret(SECRET, STRANGER)
    _cut_when_written(world)
    return Command("abandon")


def _abandon_the_same_again(world: World) -> Command:
    application = world.hand_made()
    strings = _strings(application)
    world.complete(world.code_for(application), **strings)
    kill_after(world, Command("complete", world.code_for(application), strings), PUT)
    return Command("abandon", raw=strings)


def _deprovision(world: World) -> Command:
    _provision(world)
    _provision(world)
    return Command("deprovision")


def _deprovision_in_workflow(world: World) -> Command:
    world.in_workflow = True
    return _deprovision(world)


def _deprovision_half_way(world: World) -> Command:
    _provision(world)
    _cut_when_written(world)
    return Command("deprovision")


def _deprovision_staged_over_a_stranger(world: World) -> Command:
    """Nothing was written yet: what stands there is not the bot's."""
    world.repository.set_secret(SECRET, STRANGER)
    _cut(world, "verify_credentials")
    return Command("deprovision")


def _deprovision_lost(world: World) -> Command:
    _provision(world)
    _lose(world)
    return Command("deprovision")


def _login(_: World) -> Command:
    return Command("login")


def _rotation_by_login(world: World) -> Command:
    _provision(world)
    world.time += 3600
    return Command("login", raw={"grace": "0"})


def _post(world: World) -> Command:
    _provision(world)
    return Command("post")


def _register(_: World) -> Command:
    return Command("register")


FIRST = Scenario("first: complete", _first_complete)
AT_ONCE = Scenario("rotation, grace 0: complete", _rotation_at_once)
CHECK = Scenario("check, a token due", _check)

MAIN = (
    Scenario("first: begin", _first_begin),
    FIRST,
    Scenario("single run", _single_run),
    Scenario("rotation: begin", _rotation_begin),
    Scenario("rotation: complete", _rotation),
    AT_ONCE,
    CHECK,
    Scenario("deprovision", _deprovision, "deprovisioned"),
    Scenario("abandon, exchange lost", _abandon_lost, "abandoned"),
    Scenario("abandon, staged", _abandon_staged, "abandoned"),
    Scenario("abandon, staged and written", _abandon_written, "abandoned"),
)
LOGIN = Scenario("login", _login)
POST = Scenario("post", _post, "posted")
POST_ANEW = POST.at("gotosocial", variant=False)
"""Where the same text again is another post."""
SCENARIOS = (
    *MAIN,
    POST,
    Scenario("register", _register, "registered"),
    Scenario("first, key made: begin", _first_begin_in_workflow, variant=True),
    Scenario("first, key made: complete", _first_complete_in_workflow, variant=True),
    Scenario("first, over a secret: complete", _over_a_stranger, variant=True),
    Scenario("first, approved by another: complete", _by_somebody_else, variant=True),
    Scenario("first, exchange lost before: begin", _begin_after_a_lost_exchange, variant=True),
    Scenario("first, exchange lost before: complete", _after_a_lost_exchange, variant=True),
    Scenario("first, half-way: complete", _going_on, variant=True),
    Scenario(
        "first, half-way, other name: complete", _going_on_elsewhere, secret=OTHER, variant=True
    ),
    Scenario("first, journal claimed: begin", _claimed, variant=True),
    Scenario("first, staged a moment ago: complete", _staged_a_moment_ago, variant=True),
    Scenario("single run, the same token again", _single_run_again, variant=True),
    Scenario("single run, approved by another", _single_run_by_somebody_else, variant=True),
    Scenario("rotation of a hand-made one, grace 0", _rotation_of_hand_made, variant=True),
    Scenario(
        "rotation, half-way, other name: complete",
        _rotation_going_on_elsewhere,
        secret=OTHER,
        variant=True,
    ),
    Scenario(
        "rotation, half-way and written, other name: complete",
        _rotation_written_going_on_elsewhere,
        secret=OTHER,
        variant=True,
    ),
    Scenario("check, grace 0", _check_at_once, variant=True),
    Scenario("check, deprovision cut", _check_while_deprovisioning, "deprovisioned", variant=True),
    Scenario("check, within the grace", _check_within_grace, variant=True),
    Scenario("check, old name still there", _check_old_name, secret=OTHER, variant=True),
    Scenario("check, old name deleted", _check_old_name_deleted, secret=OTHER, variant=True),
    Scenario("abandon a link", _abandon_link, "abandoned", variant=True),
    Scenario("abandon, first and written", _abandon_first_written, "abandoned", variant=True),
    Scenario(
        "abandon, staged after an exchange lost",
        _abandon_staged_after_lost,
        "abandoned",
        variant=True,
    ),
    Scenario(
        "abandon, staged over a secret", _abandon_staged_over_a_stranger, "abandoned", variant=True
    ),
    Scenario("abandon, over a secret", _abandon_over_a_stranger, "abandoned", variant=True),
    Scenario(
        "abandon, over a secret, written",
        _abandon_over_a_stranger_written,
        "abandoned",
        variant=True,
    ),
    Scenario("abandon, the same token again", _abandon_the_same_again, "abandoned", variant=True),
    Scenario("deprovision, key made", _deprovision_in_workflow, "deprovisioned", variant=True),
    Scenario("deprovision, half-way", _deprovision_half_way, "deprovisioned", variant=True),
    Scenario(
        "deprovision, staged over a secret",
        _deprovision_staged_over_a_stranger,
        "deprovisioned",
        variant=True,
    ),
    Scenario("deprovision, exchange lost", _deprovision_lost, "deprovisioned", variant=True),
    *(scenario.at(personality) for personality in PERSONALITIES[1:] for scenario in MAIN),
    LOGIN.at("mastodon-4.2", variant=False),
    LOGIN.at("pleroma"),
    *(Scenario("rotation by login, grace 0", _rotation_by_login).at(one) for one in USERS),
    # Pleroma honours an Idempotency-Key, as Mastodon does; Pixelfed takes no text alone.
    POST_ANEW,
    *(POST.at(one, variant=False) for one in ("pleroma", "takahe")),
)
