"""What tests of several commands do to a world."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from provisioner.report import ProvisionerError
from provisioner.sandbox import Request, Response
from tests.support.wire import Killed
from tests.support.world import Fault, World

INSTANCE, GITHUB = "social.example", "api.github.com"


def answering(world: World, path: str, change: Callable[[Response], Response]) -> None:
    """Change what the instance answers at one path."""
    real = world.wire.hosts[INSTANCE]
    world.answer(path, lambda request: change(real(request)))


def fields(**changed: object) -> Callable[[Response], Response]:
    """A change of an answer's JSON fields."""

    def change(answer: Response) -> Response:
        body = json.dumps(json.loads(answer.body) | changed).encode()
        return Response(answer.status, (("Content-Type", "application/json"),), body)

    return change


def meanwhile(
    world: World, host: str, method: str, path: str, do: Callable[[], object], *, turn: int = 1
) -> None:
    """Before the `turn`-th such request is answered, something else happens, once."""
    real, seen = world.wire.hosts[host], []

    def handler(request: Request) -> Response:
        if request.method == method and path in request.path:
            seen.append(request)
            if len(seen) == turn:
                do()
        return real(request)

    world.wire.hosts[host] = handler


@contextmanager
def killed(world: World, *faults: Fault) -> Iterator[None]:
    """Strike in here, where the process is killed."""
    world.wire.faults = list(faults)
    with pytest.raises(Killed):
        yield
    world.wire.faults = []


@contextmanager
def failing(world: World, *faults: Fault) -> Iterator[None]:
    """Strike in here, where a run may fail; afterwards nothing goes wrong."""
    world.wire.faults = list(faults)
    with suppress(ProvisionerError):
        yield
    world.wire.faults = []


def stage(world: World, code: str, **raw: str) -> None:
    """A completion that is cut when its token is staged, before that is verified."""
    with failing(world, Fault("500", path="verify_credentials", times=99)):
        world.complete(code, **raw)


def lose_answer(world: World, code: str, **raw: str) -> None:
    """A completion whose exchange was answered, and nobody heard it."""
    with failing(world, Fault("answer lost", path="/oauth/token")):
        world.complete(code, **raw)
