"""Bad input, one by one: its own error code and exit code, and the next run finishes.

What was shown is searched for secrets by the world.
"""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest

from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.support.told import fails
from tests.support.world import Fault, World


@dataclass(frozen=True)
class Case:
    """Something bad, the error it should give, and the exit code."""

    do: Callable[[World], object]
    error: str
    code: Exit


def instance(world: World, answer: Callable[[Request], Response]) -> None:
    """Begin at an instance that answers so."""
    world.wire.hosts["social.example"] = answer
    world.begin()


def domain(world: World, error: Exception) -> None:
    """Begin at a domain that fails so."""

    class Broken(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "social.example":
                raise httpx.ConnectError("no") from error
            return world.wire.handle_request(request)

    world.network = Broken()
    try:
        world.begin()
    finally:
        world.network = world.wire


def exchange(world: World, **changed: object) -> None:
    """Complete where the token endpoint's answer has these fields instead."""
    code = world.approve(world.link())

    def handler(request: Request) -> Response:
        answer = world.instance(request)
        if request.path != "/oauth/token":
            return answer
        return Response(200, (), json.dumps(json.loads(answer.body) | changed).encode())

    world.wire.hosts["social.example"] = handler
    world.complete(code)


def expired(world: World) -> None:
    """Complete eleven minutes after the approval."""
    code = world.approve(world.link())
    world.time += 660
    world.complete(code)


def of_another_application(world: World) -> None:
    """Complete with a code that was meant for another application."""
    code = world.approve(world.link(app_name="another"))
    world.begin()
    world.complete(code)


def damaged(world: World) -> None:
    """Complete with a journal in which one character was changed."""
    world.begin()
    value = world.repository.variables["MASTODON_JOURNAL"]
    world.repository.variables["MASTODON_JOURNAL"] = value[:-9] + value[-9:].swapcase()
    try:
        world.complete("code")
    finally:
        world.repository.variables["MASTODON_JOURNAL"] = value


def with_permissions(world: World, **permissions: str) -> None:
    """Begin with a GitHub token that may only this."""
    given = {"metadata": "read", **permissions}
    world.begin(github_token=world.github.add_token(permissions=given))  # type: ignore[arg-type]


def page(_request: Request) -> Response:
    """A web page, whatever is asked."""
    return Response(200, (("Content-Type", "text/html"),), b"<h1>Welcome</h1>")


def elsewhere(request: Request) -> Response:
    """A redirect to another host, whatever is asked."""
    return Response(302, (("Location", f"https://www.example{request.path}"),))


CASES = {
    "an account without a domain": Case(
        lambda world: world.begin(account="mybot"), "bad-account", Exit.INPUT
    ),
    "an unknown domain": Case(
        lambda world: domain(world, socket.gaierror()), "host-unknown", Exit.FAILED
    ),
    "an unreachable domain": Case(
        lambda world: domain(world, ConnectionRefusedError()), "unreachable", Exit.FAILED
    ),
    "a web page for every address": Case(
        lambda world: instance(world, page), "instance-blocked", Exit.FAILED
    ),
    "404 for every address": Case(
        lambda world: instance(world, lambda _: Response(404)), "not-mastodon", Exit.INPUT
    ),
    "a redirect for every address": Case(
        lambda world: instance(world, elsewhere), "unreachable", Exit.FAILED
    ),
    "50 MB": Case(
        lambda world: instance(world, lambda _: Response(200, (), bytes(50_000_000))),
        "answer-too-large",
        Exit.FAILED,
    ),
    "an empty code": Case(lambda world: (world.begin(), world.complete("")), "no-code", Exit.INPUT),
    "an expired code": Case(expired, "code-refused", Exit.ACTION_REQUIRED),
    "a code used before": Case(
        lambda world: (world.provision(), world.complete(world.codes[0])),
        "completed-already",
        Exit.ACTION_REQUIRED,
    ),
    "a code of another application": Case(
        of_another_application, "code-refused", Exit.ACTION_REQUIRED
    ),
    "a code of nobody": Case(
        lambda world: (world.begin(), world.complete("-abc")), "code-refused", Exit.ACTION_REQUIRED
    ),
    "a page of another instance": Case(
        lambda world: (world.begin(), world.complete("https://other.example/oauth?code=abc")),
        "foreign-code",
        Exit.INPUT,
    ),
    "an authorization that was denied": Case(
        lambda world: (world.begin(), world.complete('{"error":"access_denied"}')),
        "denied",
        Exit.ACTION_REQUIRED,
    ),
    "another account": Case(
        lambda world: world.complete(world.approve(world.link(), "alice")),
        "wrong-account",
        Exit.ACTION_REQUIRED,
    ),
    "a scope that the instance does not know": Case(
        lambda world: world.begin(scopes="read:accounts write:nonsense"),
        "scopes-unknown",
        Exit.INPUT,
    ),
    "fewer scopes than asked for": Case(
        lambda world: exchange(world, scope="read:accounts"), "scopes-missing", Exit.ACTION_REQUIRED
    ),
    "a token of one character": Case(
        lambda world: exchange(world, access_token="x"), "bad-token", Exit.ACTION_REQUIRED
    ),
    "a token with a line break": Case(
        lambda world: exchange(world, access_token=f"{'x' * 30}\n{'y' * 30}"),
        "bad-token",
        Exit.ACTION_REQUIRED,
    ),
    "a damaged journal": Case(damaged, "journal-damaged", Exit.ACTION_REQUIRED),
    "a misspelt repository": Case(
        lambda world: world.begin(repository="octocat/mybto"),
        "github-not-found",
        Exit.ACTION_REQUIRED,
    ),
    "a repository without an owner": Case(
        lambda world: world.begin(repository="mybot"), "bad-repository", Exit.INPUT
    ),
    "an illegal name": Case(
        lambda world: world.begin(secrets="MY-TOKEN=access_token"), "bad-name", Exit.INPUT
    ),
    "a name that GitHub keeps": Case(
        lambda world: world.begin(secrets="GITHUB_X=access_token"), "bad-name", Exit.INPUT
    ),
    "a secret pasted where its field's name belongs": Case(
        lambda world: world.begin(secrets=f"TOKEN={world.token}"), "bad-mapping", Exit.INPUT
    ),
    "an application name over 60 characters": Case(
        lambda world: world.begin(app_name="x" * 61), "bad-app-name", Exit.INPUT
    ),
    "a client secret over 48 KB": Case(
        lambda world: world.complete("c", client_id="id", client_secret="s" * 50_000),
        "bad-application",
        Exit.INPUT,
    ),
    "a wrong GitHub token": Case(
        lambda world: world.begin(github_token="github_pat_wrong"),
        "github-token-refused",
        Exit.ACTION_REQUIRED,
    ),
    "a read-only GitHub token": Case(
        lambda world: with_permissions(world, secrets="read", actions_variables="read"),
        "github-permission",
        Exit.ACTION_REQUIRED,
    ),
    "a GitHub token without Variables": Case(
        lambda world: with_permissions(world, secrets="write"),
        "github-permission",
        Exit.ACTION_REQUIRED,
    ),
    "a GitHub token without Secrets": Case(
        lambda world: with_permissions(world, actions_variables="write"),
        "github-permission",
        Exit.ACTION_REQUIRED,
    ),
    "a workflow's own GITHUB_TOKEN": Case(
        lambda world: world.begin(github_token=world.github.add_token(kind="actions")),
        "github-token-cannot",
        Exit.ACTION_REQUIRED,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_and_the_next_run_finishes(world: World, name: str) -> None:
    """The error says what to do, and leaves nothing that begin and complete can't finish."""
    case = CASES[name]
    with fails(case.error, case.code) as caught:
        case.do(world)
    assert caught.value.next
    world.wire.hosts["social.example"] = world.instance
    world.provision()
    assert world.stored() in world.live()
    current = world.journal().current
    assert current is not None
    assert current.token.reveal() == world.stored()


def test_a_hanging_instance_is_given_up(world: World) -> None:
    """Nobody answers: the run ends after a few tries, and nothing was changed."""
    world.wire.faults = [Fault("request lost", path="/.well-known", times=99)]
    with fails("no-answer", Exit.FAILED):
        world.begin()
