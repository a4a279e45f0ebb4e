"""Two runs for the same bot: one inside the other, at the moments that matter.

The inner run happens in the middle of a request of the outer one. GitHub's variables know no
compare-and-swap, so that between a read of the journal and the write after it a moment is left.
"""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from provisioner.errors import ProvisionerError
from provisioner.journal import seal
from provisioner.journal_store import OvertakenError
from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.stage import Fault, Stage
from tests.told import fails, runs, said, says_no_code_is_needed


def meanwhile(
    stage: Stage, host: str, method: str, path: str, do: Callable[[], object], *, turn: int = 1
) -> None:
    """Before the `turn`-th such request is answered, something else happens, once."""
    real, seen = stage.wire.hosts[host], []

    def handler(request: Request) -> Response:
        if request.method == method and path in request.path:
            seen.append(request)
            if len(seen) == turn:
                do()
        return real(request)

    stage.wire.hosts[host] = handler


def known(stage: Stage) -> list[str]:
    """The tokens in the journal."""
    return sorted(credential.token.reveal() for credential in stage.journal().credentials())


def test_stale_run_stops_before_its_first_write(stage: Stage) -> None:
    """While it looked whose token it is, others finished it and rotated: its token is old now."""
    code = stage.approve(stage.link())

    def others() -> None:
        stage.complete("")
        stage.provision()

    meanwhile(stage, "social.example", "GET", "verify_credentials", others)
    with fails("overtaken", Exit.INCOMPLETE) as caught:
        stage.complete(code)
    current = stage.journal().current
    assert current is not None
    assert stage.stored() == current.token.reveal()
    assert not says_no_code_is_needed(caught.value)
    assert known(stage) == sorted(stage.live())


def test_two_runs_that_exchange_for_the_same_token_agree(stage: Stage) -> None:
    """A second run starts and ends during the first one's exchange."""
    link = stage.link()
    first, second = stage.approve(link), stage.approve(link)
    meanwhile(
        stage, "social.example", "POST", "/oauth/token", lambda: stage.complete(second), turn=1
    )
    stage.complete(first)
    assert stage.live() == [stage.stored()]
    assert known(stage) == stage.live()


def test_run_whose_token_another_one_finished_stops_before_it_writes(stage: Stage) -> None:
    code = stage.approve(stage.link())
    meanwhile(
        stage,
        "api.github.test",
        "GET",
        "variables/MASTODON_JOURNAL",
        lambda: stage.complete(""),
        turn=2,
    )
    with fails("overtaken", Exit.INCOMPLETE):
        stage.complete(code)
    assert stage.live() == [stage.stored()]
    assert known(stage) == stage.live()


def test_token_that_could_not_be_staged_is_revoked_if_it_is_nobody_elses(stage: Stage) -> None:
    """GitHub refuses the staging write: the token that nobody knows is taken back."""
    unstaged(stage, lambda: None)
    assert stage.live() == []


def test_token_that_could_not_be_staged_lives_where_another_run_may_hold_it(stage: Stage) -> None:
    """Another run wrote a journal with the same application: it may get the very same token."""
    unstaged(stage, stage.rewrite)
    assert len(stage.live()) == 1


def test_token_that_could_not_be_staged_is_revoked_if_its_application_was_given_up(
    stage: Stage,
) -> None:
    """Another run wrote a journal without the application: nobody will approve it again."""
    unstaged(stage, lambda: stage.rewrite(pending=None))
    assert stage.live() == []


def test_token_that_could_not_be_staged_lives_where_the_journal_cannot_be_read(
    stage: Stage,
) -> None:
    """Another run wrote one under another key: what it knows can't be seen."""

    def other() -> None:
        value = seal(stage.journal(), b"k" * 32)
        stage.repository.variables["MASTODON_JOURNAL"] = value

    unstaged(stage, other)
    assert len(stage.live()) == 1


def test_token_that_could_not_be_staged_lives_where_it_is_in_use(stage: Stage) -> None:
    """The instance answered with the token that the bot posts with: nothing is revoked.

    It is not left to the instance, which may refuse to revoke another application's token.
    """
    stage.provision()
    real = stage.wire.hosts["social.example"]

    def same(request: Request) -> Response:
        answer = real(request)
        if request.path != "/oauth/token":
            return answer
        body = json.dumps(json.loads(answer.body) | {"access_token": stage.stored()}).encode()
        return Response(answer.status, answer.headers, body)

    stage.wire.hosts["social.example"] = same
    unstaged(stage, lambda: None)
    assert "POST /oauth/revoke" not in stage.wire.log


def unstaged(stage: Stage, do: Callable[[], None]) -> None:
    """A completion whose staging write GitHub refuses, at the moment that something happens."""
    code = stage.approve(stage.link())
    real, written = stage.wire.hosts["api.github.test"], []

    def refuse(request: Request) -> Response:
        if request.method == "PATCH" and "MASTODON_JOURNAL" in request.path:
            written.append(request)
            if len(written) == 2:
                do()
            if len(written) > 1:
                return Response(403, (), b'{"message": "Resource not accessible"}')
        return real(request)

    stage.wire.hosts["api.github.test"] = refuse
    with pytest.raises(ProvisionerError):
        stage.complete(code)


def test_two_completions_that_attempt_at_once_store_a_token_that_lives(stage: Stage) -> None:
    """The second one runs between the first one's look and its write."""
    link = stage.link()
    first, second = stage.approve(link), stage.approve(link)
    meanwhile(
        stage,
        "api.github.test",
        "PATCH",
        "variables/MASTODON_JOURNAL",
        lambda: suppressed(lambda: stage.complete(second)),
    )
    suppressed(lambda: stage.complete(first))
    assert stage.stored() in {"", *stage.live()}


def suppressed(run: Callable[[], object]) -> None:
    """A run whose failure is its own affair."""
    with suppress(ProvisionerError):
        run()


def test_begin_overtaken_by_a_completion_writes_nothing(stage: Stage) -> None:
    """While it registered an application, another run completed: the token stays known."""
    code = stage.approve(stage.link())
    meanwhile(stage, "social.example", "POST", "/api/v1/apps", lambda: stage.complete(code))
    with fails("overtaken", Exit.INCOMPLETE):
        stage.begin(scopes="read write")
    assert known(stage) == stage.live()
    assert stage.live() == [stage.stored()]


class TestOffboardedMeanwhile:
    """A run under way does not bring back a bot that was taken off, nor loses what it was given."""

    def test_run_stores_nothing_once_the_bot_is_taken_off(self, stage: Stage) -> None:
        """While it looked whose token it is: nothing is stored, and no journal made."""
        code = stage.approve(stage.link())
        meanwhile(stage, "social.example", "GET", "verify_credentials", stage.deprovision)
        with fails("journal-deleted", Exit.INCOMPLETE) as caught:
            stage.complete(code)
        assert not says_no_code_is_needed(caught.value)
        assert stage.live() == []
        assert stage.repository.variables == {}
        assert dict(stage.repository.secrets) == {}

    def test_token_that_no_journal_knows_any_more_is_revoked(self, stage: Stage) -> None:
        """During its exchange: the token, which no journal knows any more, is revoked."""
        code = stage.approve(stage.link())
        meanwhile(stage, "social.example", "POST", "/oauth/token", stage.deprovision)
        with fails("journal-deleted", Exit.INCOMPLETE):
            stage.complete(code)
        assert len(stage.instance.tokens) == 1
        assert stage.live() == []
        assert stage.repository.variables == {}

    def test_token_lives_on_where_the_deletion_cannot_be_seen(self, stage: Stage) -> None:
        """Where it can't be told whether the journal is gone, the token lives on."""
        code = stage.approve(stage.link())
        real = stage.wire.hosts["api.github.test"]

        def blind(request: Request) -> Response:
            if "/variables" in request.path and stage.instance.tokens:
                return Response(404, (), b'{"message": "Not Found"}')
            return real(request)

        stage.wire.hosts["api.github.test"] = blind
        with pytest.raises(ProvisionerError) as caught:
            stage.complete(code)
        assert not isinstance(caught.value, OvertakenError)
        assert len(stage.live()) == 1

    def test_run_that_wrote_everything_says_that_the_journal_is_gone(self, stage: Stage) -> None:
        """It says what is left to do by hand, should the bot be gone for good."""
        code = stage.approve(stage.link())
        meanwhile(
            stage,
            "api.github.test",
            "POST",
            "actions/variables",
            lambda: stage.delete("variables", "MASTODON_JOURNAL"),
        )
        with fails("journal-deleted", Exit.INCOMPLETE) as caught:
            stage.complete(code)
        assert runs(caught.value.next) == ["begin"]
        assert "remove its application" in said(caught.value)
        assert stage.live() == [stage.stored()]

    def test_second_of_two_deprovisions_notices(self, stage: Stage) -> None:
        """The second one notices, and there is nothing left for it to do."""
        stage.provision()
        meanwhile(
            stage,
            "api.github.test",
            "GET",
            "variables/MASTODON_JOURNAL",
            lambda: suppressed(stage.deprovision),
            turn=2,
        )
        with fails("journal-deleted", Exit.INCOMPLETE):
            stage.deprovision()
        assert stage.live() == []
        assert stage.repository.variables == {}
        assert dict(stage.repository.secrets) == {}


def test_completion_that_starts_while_the_bot_is_taken_off_refuses(stage: Stage) -> None:
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    suppressed(lambda: stage.complete(code))
    stage.wire.faults = []
    assert stage.journal().pending is not None
    late: list[str] = []

    def complete() -> None:
        with pytest.raises(ProvisionerError) as caught:
            stage.complete("")
        late.append(caught.value.code)

    meanwhile(stage, "social.example", "POST", "/oauth/revoke", complete)
    stage.deprovision()
    assert late == ["deprovisioning"]
    assert stage.stored() == ""
    assert stage.live() == []
