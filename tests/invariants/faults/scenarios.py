"""The runs that faults strike: each with the world before it, and what it is for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from provisioner.report import Report
from tests.servers import PERSONALITIES
from tests.support.acts import failing, killed, lose_answer, stage
from tests.support.laptop import approves
from tests.support.wire import LATE_SECONDS, Fault
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

    verb: str
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
                world.laptop.answers = [approves]
                run: Callable[..., Report] = world.run
                return run(self.verb, self.code, **self.raw)


Goal = Literal["provisioned", "posted", "abandoned", "deprovisioned", "registered"]
Step = Callable[[World], str | None]
"""Something that happened before the run; a code, if one comes of it."""
Prepare = Callable[[World], Command]


@dataclass(frozen=True)
class Scenario:
    """A command in a world; `prepare` builds it from an empty world."""

    name: str
    prepare: Prepare = field(repr=False)
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


def run(verb: str, *steps: Step, **raw: str) -> Prepare:
    """A command after these steps, with the code that came of the last one."""

    def prepare(world: World) -> Command:
        code = None
        for step in steps:
            code = step(world)
        return Command(verb, code or "", raw)

    return prepare


def kill_after(world: World, command: Command, request: str, times: int = 1) -> None:
    """Run it, and kill it after so many of these requests."""
    method, _, path = request.partition(" ")
    with killed(world, Fault("killed after it", times - 1, method=method, path=path)):
        command.run(world)


# What happened before. Its time tells a person later which authorization that was.


def provisioned(world: World, **raw: str) -> None:
    world.time += 3600
    world.provision(**raw)


def approved(world: World, who: str = "mybot") -> str:
    return world.approve(world.link(), who)


def later(world: World, seconds: int = DAY) -> None:
    world.time += seconds


def in_workflow(world: World) -> None:
    world.in_workflow = True


def foreign(world: World) -> None:
    """The secret holds something that is not the bot's."""
    world.repository.set_secret(SECRET, STRANGER)


def stopped_at(world: World, path: str, method: str = "") -> None:
    """A completion that got as far as the first such request, and no further."""
    world.time += 3600
    code = approved(world)
    with failing(world, Fault("500", method=method, path=path, times=99)):
        world.complete(code)


def staged(world: World) -> None:
    stopped_at(world, "verify_credentials")


def may_be_written(world: World) -> None:
    stopped_at(world, f"secrets/{SECRET}", "PUT")


def written(world: World) -> None:
    """A completion that was killed when the token was in its secret."""
    world.time += 3600
    kill_after(world, Command("complete", approved(world)), PUT)


def lost(world: World, who: str = "mybot") -> None:
    """A completion whose token was issued, and lost with the answer."""
    world.time += 3600
    lose_answer(world, approved(world, who))


def staged_after_lost(world: World) -> None:
    """Somebody else's token was lost, and after that the bot's was staged."""
    lost(world, "alice")
    stage(world, approved(world))


def staged_a_moment_ago(world: World) -> None:
    """GitHub still answers with the journal as it was before the token was staged."""
    command = Command("complete", approved(world))
    world.github.late_seconds = LATE_SECONDS
    kill_after(world, command, WRITE, 2)
    world.github.late_seconds = 0


def claimed(world: World) -> None:
    """The run that claimed the journal was killed before the key was in its secret."""
    world.in_workflow = True
    kill_after(world, Command("begin"), f"POST {ACTIONS}/variables")


def marked(world: World) -> None:
    """A deprovision was killed after it had marked the journal."""
    kill_after(world, Command("deprovision"), WRITE)


def linked(world: World) -> None:
    world.link()


def by_hand(world: World) -> None:
    world.provision(**world.hand_made())


def name_deleted(world: World) -> None:
    world.delete("secrets", SECRET)


def _own_application(
    world: World, who: str = "mybot", before: tuple[str, ...] = (), verb: str = "complete"
) -> Command:
    """With an application made by hand, completed `before` to the end, or killed after that."""
    raw = world.hand_made()
    for stopped_after in before:
        command = Command("complete", world.approve(world.link(**raw)))
        if stopped_after:
            kill_after(world, command, stopped_after)
        else:
            command.run(world)
    code = world.approve(world.link(**raw), who) if verb == "complete" else ""
    return Command(verb, code)


hour = partial(later, seconds=3600)
nearly_a_day = partial(later, seconds=DAY - 3600)
other_name = partial(provisioned, secrets=f"{OTHER}=access_token")
by_another = partial(approved, who="alice")
elsewhere = {"secrets": f"{OTHER}=access_token"}

FIRST = Scenario("first: complete", run("complete", approved))
AT_ONCE = Scenario(
    "rotation, grace 0: complete", run("complete", provisioned, hour, approved, grace="0")
)
CHECK = Scenario("check, a token due", run("check", provisioned, provisioned, later))
MAIN = (
    Scenario("first: begin", run("begin")),
    FIRST,
    Scenario("rotation: begin", run("begin", provisioned)),
    Scenario("rotation: complete", run("complete", provisioned, hour, approved)),
    AT_ONCE,
    CHECK,
    Scenario("deprovision", run("deprovision", provisioned, provisioned), "deprovisioned"),
    Scenario("abandon, exchange lost", run("abandon", provisioned, lost), "abandoned"),
    Scenario("abandon, staged", run("abandon", provisioned, staged), "abandoned"),
    Scenario("abandon, staged and written", run("abandon", provisioned, written), "abandoned"),
)
POST = Scenario("post", run("post", provisioned), "posted")
POST_ANEW = POST.at("gotosocial", variant=False)
"""Where the same text again is another post."""
VARIANTS: Mapping[tuple[Goal, str], Mapping[str, Prepare]] = {
    ("provisioned", SECRET): {
        "first, key made: begin": run("begin", in_workflow),
        "first, key made: complete": run("complete", in_workflow, approved),
        "first, over a secret: complete": run("complete", foreign, approved),
        "first, approved by another: complete": run("complete", by_another),
        "first, exchange lost before: begin": run("begin", lost),
        "first, exchange lost before: complete": run("complete", lost, approved),
        "first, half-way: complete": run("complete", staged),
        "first, journal claimed: begin": run("begin", claimed),
        "first, staged a moment ago: complete": run("complete", staged_a_moment_ago),
        "own application, the same token again": partial(_own_application, before=("",)),
        "own application, approved by another": partial(_own_application, who="alice"),
        "rotation of a hand-made one, grace 0": run("complete", by_hand, approved, grace="0"),
        "setup, begun before": run("setup", linked),
        "setup, a token in use": run("setup", provisioned),
        "rotate": run("rotate", provisioned, grace="0"),
        "check, grace 0": run("check", provisioned, provisioned, grace="0"),
        "check, within the grace": run("check", provisioned, provisioned, nearly_a_day),
    },
    ("provisioned", OTHER): {
        "first, half-way, other name: complete": run("complete", staged, **elsewhere),
        # The first name keeps the old token: staged for it was the new one, and never written.
        "rotation, half-way, other name: complete": run(
            "complete", provisioned, staged, grace="0", **elsewhere
        ),
        # The same, where the first name may hold either.
        "rotation, half-way and written, other name: complete": run(
            "complete", provisioned, may_be_written, grace="0", **elsewhere
        ),
        "check, old name still there": run("check", provisioned, other_name, later),
        "check, old name deleted": run("check", provisioned, other_name, later, name_deleted),
    },
    ("abandoned", SECRET): {
        "abandon a link": run("abandon", provisioned, linked),
        "abandon, first and written": run("abandon", written),
        "abandon, staged after an exchange lost": run("abandon", provisioned, staged_after_lost),
        "abandon, staged over a secret": run("abandon", foreign, staged),
        # Whether the secret was overwritten already is what abandon can't know.
        "abandon, over a secret": run("abandon", foreign, may_be_written),
        "abandon, over a secret, written": run("abandon", foreign, written),
        "abandon, the same token again": partial(
            _own_application, before=("", PUT), verb="abandon"
        ),
    },
    ("deprovisioned", SECRET): {
        "check, deprovision cut": run("check", provisioned, written, marked),
        "deprovision, key made": run("deprovision", in_workflow, provisioned, provisioned),
        "deprovision, half-way": run("deprovision", provisioned, written),
        "deprovision, staged over a secret": run("deprovision", foreign, staged),
        "deprovision, exchange lost": run("deprovision", provisioned, lost),
    },
}
"""More runs, by what they are for and where the token is to be in the end."""
BY_LOGIN = run("login", provisioned, hour, grace="0")
SCENARIOS = (
    *MAIN,
    POST,
    Scenario("register", run("register"), "registered"),
    Scenario("setup", run("setup")),
    *(
        Scenario(name, prepare, goal, secret, variant=True)
        for (goal, secret), some in VARIANTS.items()
        for name, prepare in some.items()
    ),
    *(scenario.at(personality) for personality in PERSONALITIES[1:] for scenario in MAIN),
    Scenario("login", run("login"), personality="mastodon-4.2"),
    Scenario("login", run("login"), variant=True, personality="pleroma"),
    *(Scenario("rotation by login, grace 0", BY_LOGIN).at(one) for one in USERS),
    # Pleroma honours an Idempotency-Key, as Mastodon does; Pixelfed takes no text alone.
    POST_ANEW,
    *(POST.at(one, variant=False) for one in ("pleroma", "takahe")),
)
