"""Bad input, one by one: its own error code and exit code, and the next run finishes.

What was shown is searched for secrets by the stage.
"""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest

from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.stage import Fault, Stage
from tests.told import fails


@dataclass(frozen=True)
class Case:
    """Something bad, the error it should give, and the exit code."""

    do: Callable[[Stage], object]
    error: str
    code: Exit


def instance(stage: Stage, answer: Callable[[Request], Response]) -> None:
    """Begin at an instance that answers so."""
    stage.wire.hosts["social.example"] = answer
    stage.begin()


def domain(stage: Stage, error: Exception) -> None:
    """Begin at a domain that fails so."""

    class Broken(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "social.example":
                raise httpx.ConnectError("no") from error
            return stage.wire.handle_request(request)

    stage.network = Broken()
    try:
        stage.begin()
    finally:
        stage.network = stage.wire


def exchange(stage: Stage, **changed: object) -> None:
    """Complete where the token endpoint's answer has these fields instead."""
    code = stage.approve(stage.link())

    def handler(request: Request) -> Response:
        answer = stage.instance(request)
        if request.path != "/oauth/token":
            return answer
        return Response(200, (), json.dumps(json.loads(answer.body) | changed).encode())

    stage.wire.hosts["social.example"] = handler
    stage.complete(code)


def expired(stage: Stage) -> None:
    """Complete eleven minutes after the approval."""
    code = stage.approve(stage.link())
    stage.time += 660
    stage.complete(code)


def of_another_application(stage: Stage) -> None:
    """Complete with a code that was meant for another application."""
    code = stage.approve(stage.link(app_name="another"))
    stage.begin()
    stage.complete(code)


def damaged(stage: Stage) -> None:
    """Complete with a journal in which one character was changed."""
    stage.begin()
    value = stage.repository.variables["MASTODON_JOURNAL"]
    stage.repository.variables["MASTODON_JOURNAL"] = value[:-9] + value[-9:].swapcase()
    try:
        stage.complete("code")
    finally:
        stage.repository.variables["MASTODON_JOURNAL"] = value


def with_permissions(stage: Stage, **permissions: str) -> None:
    """Begin with a GitHub token that may only this."""
    given = {"metadata": "read", **permissions}
    stage.begin(github_token=stage.github.add_token(permissions=given))  # type: ignore[arg-type]


def page(_request: Request) -> Response:
    """A web page, whatever is asked."""
    return Response(200, (("Content-Type", "text/html"),), b"<h1>Welcome</h1>")


def elsewhere(request: Request) -> Response:
    """A redirect to another host, whatever is asked."""
    return Response(302, (("Location", f"https://www.example{request.path}"),))


CASES = {
    "an account without a domain": Case(
        lambda stage: stage.begin(account="mybot"), "bad-account", Exit.INPUT
    ),
    "an unknown domain": Case(
        lambda stage: domain(stage, socket.gaierror()), "host-unknown", Exit.FAILED
    ),
    "an unreachable domain": Case(
        lambda stage: domain(stage, ConnectionRefusedError()), "unreachable", Exit.FAILED
    ),
    "a web page for every address": Case(
        lambda stage: instance(stage, page), "instance-blocked", Exit.FAILED
    ),
    "404 for every address": Case(
        lambda stage: instance(stage, lambda _: Response(404)), "not-mastodon", Exit.INPUT
    ),
    "a redirect for every address": Case(
        lambda stage: instance(stage, elsewhere), "unreachable", Exit.FAILED
    ),
    "50 MB": Case(
        lambda stage: instance(stage, lambda _: Response(200, (), bytes(50_000_000))),
        "answer-too-large",
        Exit.FAILED,
    ),
    "an empty code": Case(lambda stage: (stage.begin(), stage.complete("")), "no-code", Exit.INPUT),
    "an expired code": Case(expired, "code-refused", Exit.ACTION_REQUIRED),
    "a code used before": Case(
        lambda stage: (stage.provision(), stage.complete(stage.codes[0])),
        "completed-already",
        Exit.ACTION_REQUIRED,
    ),
    "a code of another application": Case(
        of_another_application, "code-refused", Exit.ACTION_REQUIRED
    ),
    "a code of nobody": Case(
        lambda stage: (stage.begin(), stage.complete("-abc")), "code-refused", Exit.ACTION_REQUIRED
    ),
    "a page of another instance": Case(
        lambda stage: (stage.begin(), stage.complete("https://other.example/oauth?code=abc")),
        "foreign-code",
        Exit.INPUT,
    ),
    "an authorization that was denied": Case(
        lambda stage: (stage.begin(), stage.complete('{"error":"access_denied"}')),
        "denied",
        Exit.ACTION_REQUIRED,
    ),
    "another account": Case(
        lambda stage: stage.complete(stage.approve(stage.link(), "alice")),
        "wrong-account",
        Exit.ACTION_REQUIRED,
    ),
    "a scope that the instance does not know": Case(
        lambda stage: stage.begin(scopes="read:accounts write:nonsense"),
        "scopes-unknown",
        Exit.INPUT,
    ),
    "fewer scopes than asked for": Case(
        lambda stage: exchange(stage, scope="read:accounts"), "scopes-missing", Exit.ACTION_REQUIRED
    ),
    "a token of one character": Case(
        lambda stage: exchange(stage, access_token="x"), "bad-token", Exit.ACTION_REQUIRED
    ),
    "a token with a line break": Case(
        lambda stage: exchange(stage, access_token=f"{'x' * 30}\n{'y' * 30}"),
        "bad-token",
        Exit.ACTION_REQUIRED,
    ),
    "a damaged journal": Case(damaged, "journal-damaged", Exit.ACTION_REQUIRED),
    "a misspelt repository": Case(
        lambda stage: stage.begin(repository="octocat/mybto"),
        "github-not-found",
        Exit.ACTION_REQUIRED,
    ),
    "a repository without an owner": Case(
        lambda stage: stage.begin(repository="mybot"), "bad-repository", Exit.INPUT
    ),
    "an illegal name": Case(
        lambda stage: stage.begin(secrets="MY-TOKEN=access_token"), "bad-name", Exit.INPUT
    ),
    "a name that GitHub keeps": Case(
        lambda stage: stage.begin(secrets="GITHUB_X=access_token"), "bad-name", Exit.INPUT
    ),
    "a secret pasted where its field's name belongs": Case(
        lambda stage: stage.begin(secrets=f"TOKEN={stage.token}"), "bad-mapping", Exit.INPUT
    ),
    "an application name over 60 characters": Case(
        lambda stage: stage.begin(app_name="x" * 61), "bad-app-name", Exit.INPUT
    ),
    "a client secret over 48 KB": Case(
        lambda stage: stage.complete("c", client_id="id", client_secret="s" * 50_000),
        "bad-application",
        Exit.INPUT,
    ),
    "a wrong GitHub token": Case(
        lambda stage: stage.begin(github_token="github_pat_wrong"),
        "github-token-refused",
        Exit.ACTION_REQUIRED,
    ),
    "a read-only GitHub token": Case(
        lambda stage: with_permissions(stage, secrets="read", actions_variables="read"),
        "github-permission",
        Exit.ACTION_REQUIRED,
    ),
    "a GitHub token without Variables": Case(
        lambda stage: with_permissions(stage, secrets="write"),
        "github-permission",
        Exit.ACTION_REQUIRED,
    ),
    "a GitHub token without Secrets": Case(
        lambda stage: with_permissions(stage, actions_variables="write"),
        "github-permission",
        Exit.ACTION_REQUIRED,
    ),
    "a workflow's own GITHUB_TOKEN": Case(
        lambda stage: stage.begin(github_token=stage.github.add_token(kind="actions")),
        "github-token-cannot",
        Exit.ACTION_REQUIRED,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_and_the_next_run_finishes(stage: Stage, name: str) -> None:
    """The error says what to do, and leaves nothing that begin and complete can't finish."""
    case = CASES[name]
    with fails(case.error, case.code) as caught:
        case.do(stage)
    assert caught.value.next
    stage.wire.hosts["social.example"] = stage.instance
    stage.provision()
    assert stage.stored() in stage.live()
    current = stage.journal().current
    assert current is not None
    assert current.token.reveal() == stage.stored()


def test_a_hanging_instance_is_given_up(stage: Stage) -> None:
    """Nobody answers: the run ends after a few tries, and nothing was changed."""
    stage.wire.faults = [Fault("request lost", path="/.well-known", times=99)]
    with fails("no-answer", Exit.FAILED):
        stage.begin()
