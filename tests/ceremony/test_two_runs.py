"""Two runs for the same bot: one inside the other, at the moments that matter.

The inner run happens in the middle of a request of the outer one. GitHub's variables know no
compare-and-swap, so that between a read of the journal and the write after it a moment is left.
"""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from provisioner.errors import Exit, ProvisionerError
from provisioner.journal import seal
from provisioner.sandbox import Request, Response
from provisioner.store import OvertakenError
from tests.stage import ORIGIN, Fault, Stage
from tests.told import fails, says_no_code_is_needed


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


def test_a_run_that_slept_publishes_nothing(stage: Stage) -> None:
    """While it looked whose token it is, others finished it and rotated: its token is old now."""
    code = stage.approve(stage.link())

    def others() -> None:
        stage.complete("")
        stage.provision()

    meanwhile(stage, "social.example", "GET", "verify_credentials", others)
    with fails("overtaken", Exit.HALF_WAY) as caught:
        stage.complete(code)
    current = stage.journal().current
    assert current is not None
    assert stage.stored() == current.token.reveal()
    assert not says_no_code_is_needed(caught.value)
    assert known(stage) == sorted(stage.live())


def test_two_runs_that_exchange_for_the_same_token_agree(stage: Stage) -> None:
    """A second run starts and ends during the first one's exchange: both got the same token."""
    link = stage.link()
    first, second = stage.approve(link), stage.approve(link)
    meanwhile(
        stage, "social.example", "POST", "/oauth/token", lambda: stage.complete(second), turn=1
    )
    stage.complete(first)
    assert stage.live() == [stage.stored()]
    assert known(stage) == stage.live()


def test_a_run_whose_token_another_one_finished_stops(stage: Stage) -> None:
    """Before it publishes it reads the journal, and finds that it was finished."""
    code = stage.approve(stage.link())
    meanwhile(
        stage,
        "api.github.test",
        "GET",
        "variables/MASTODON_JOURNAL",
        lambda: stage.complete(""),
        turn=3,
    )
    with fails("overtaken", Exit.HALF_WAY):
        stage.complete(code)
    assert stage.live() == [stage.stored()]
    assert known(stage) == stage.live()


def test_a_token_that_could_not_be_staged_is_revoked_if_it_is_nobody_elses(stage: Stage) -> None:
    """GitHub refuses the staging write: the token that nobody knows is taken back."""
    unstaged(stage, lambda: None)
    assert stage.live() == []


def test_a_token_that_could_not_be_staged_lives_where_another_run_may_hold_it(stage: Stage) -> None:
    """Another run wrote a journal with the same application: it may get the very same token."""
    unstaged(stage, lambda: stage.rewrite(generation=9))
    assert len(stage.live()) == 1


def test_a_token_that_could_not_be_staged_is_revoked_if_its_application_was_given_up(
    stage: Stage,
) -> None:
    """Another run wrote a journal without the application: nobody will approve it again."""
    unstaged(stage, lambda: stage.rewrite(pending=None))
    assert stage.live() == []


def test_a_token_that_could_not_be_staged_lives_where_the_journal_cannot_be_read(
    stage: Stage,
) -> None:
    """Another run wrote one under another key: what it knows can't be seen."""

    def other() -> None:
        value = seal(stage.journal(), b"k" * 32)
        stage.repository.variables["MASTODON_JOURNAL"] = value

    unstaged(stage, other)
    assert len(stage.live()) == 1


def test_a_token_that_could_not_be_staged_lives_where_it_is_in_use(stage: Stage) -> None:
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


def test_equal_generations_are_not_taken_for_the_same_journal(stage: Stage) -> None:
    """Both runs read one generation and write the next: the contents tell them apart."""
    link = stage.link()
    first, second = stage.approve(link), stage.approve(link)
    meanwhile(
        stage,
        "api.github.test",
        "PATCH",
        "variables/MASTODON_JOURNAL",
        lambda: suppressed(lambda: stage.complete(second)),
    )
    with suppress(ProvisionerError):
        stage.complete(first)
    assert stage.stored() in {"", *stage.live()}


def suppressed(run: Callable[[], object]) -> None:
    """A run whose failure is its own affair."""
    with suppress(ProvisionerError):
        run()


def test_a_second_first_begin_stops_at_the_first_ones_journal(stage: Stage) -> None:
    """The journal is claimed before the application is registered, which may take a minute."""
    stopped: list[ProvisionerError] = []

    def second() -> None:
        try:
            stage.begin(journal_key="")
        except ProvisionerError as error:
            stopped.append(error)

    meanwhile(stage, "social.example", "POST", "/api/v1/apps", second)
    stage.begin(journal_key="")
    stage.key = stage.stored("MASTODON_JOURNAL_KEY")
    assert [error.ident for error in stopped] == ["journal-key-missing"]
    assert stage.journal().pending is not None


def test_a_begin_overtaken_by_a_completion_writes_nothing(stage: Stage) -> None:
    """While it registered an application, another run completed: the token stays known."""
    code = stage.approve(stage.link())
    meanwhile(stage, "social.example", "POST", "/api/v1/apps", lambda: stage.complete(code))
    with fails("overtaken", Exit.HALF_WAY):
        stage.begin(scopes="read write")
    assert known(stage) == stage.live() == [stage.stored()]


def test_the_key_of_the_first_journal_has_the_last_word(stage: Stage) -> None:
    """A second first begin put its own key into the secret before it found that it was second."""
    real, asked = stage.wire.hosts["api.github.test"], []
    own: list[str] = []

    def handler(request: Request) -> Response:
        asked.append(request.method)
        if request.method == "POST" and asked.count("POST") == 1:
            suppressed(lambda: stage.begin(journal_key=""))
            own.append(stage.stored("MASTODON_JOURNAL_KEY"))
        elif request.method == "POST":  # it is killed
            raise ProvisionerError("killed", "It was killed.")
        return real(request)

    stage.wire.hosts["api.github.test"] = handler
    stage.begin(journal_key="")
    stage.key = stage.stored("MASTODON_JOURNAL_KEY")
    assert own != [stage.key]
    assert stage.journal().pending is not None


class TestOffboardedMeanwhile:
    """A run under way does not bring back a bot that was taken off, nor loses what it was given."""

    def test_before_it_publishes(self, stage: Stage) -> None:
        """While it looked whose token it is: nothing is stored, and no journal made."""
        code = stage.approve(stage.link())
        meanwhile(stage, "social.example", "GET", "verify_credentials", stage.deprovision)
        with fails("journal-deleted", Exit.HALF_WAY) as caught:
            stage.complete(code)
        assert not says_no_code_is_needed(caught.value)
        assert stage.live() == []
        assert stage.repository.variables == {}
        assert dict(stage.repository.secrets) == {}

    def test_before_it_stages(self, stage: Stage) -> None:
        """During its exchange: the token, which no journal knows any more, is revoked."""
        code = stage.approve(stage.link())
        meanwhile(stage, "social.example", "POST", "/oauth/token", stage.deprovision)
        with fails("journal-deleted", Exit.HALF_WAY):
            stage.complete(code)
        assert len(stage.instance.tokens) == 1
        assert stage.live() == []
        assert stage.repository.variables == {}

    def test_before_it_stages_unseen(self, stage: Stage) -> None:
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

    def test_after_it_published(self, stage: Stage) -> None:
        """It says what is left to do by hand, should the bot be gone for good."""
        code = stage.approve(stage.link())
        meanwhile(
            stage,
            "api.github.test",
            "PATCH",
            "variables/MASTODON_BASE_URL",
            lambda: stage.delete("variables", "MASTODON_JOURNAL"),
        )
        with fails("journal-deleted", Exit.HALF_WAY) as caught:
            stage.complete(code)
        assert f"{ORIGIN}/oauth/authorized_applications" in caught.value.todo
        assert stage.live() == [stage.stored()]

    def test_an_offboarding_by_two(self, stage: Stage) -> None:
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
        with fails("journal-deleted", Exit.HALF_WAY):
            stage.deprovision()
        assert stage.live() == []
        assert stage.repository.variables == {}
        assert dict(stage.repository.secrets) == {}


def test_an_offboarding_leaves_nothing_to_go_on_with(stage: Stage) -> None:
    """A completion that starts while it revokes a staged token finds none, and stores none."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    suppressed(lambda: stage.complete(code))
    stage.wire.faults = []
    assert stage.journal().pending is not None
    late: list[str] = []

    def complete() -> None:
        with pytest.raises(ProvisionerError) as caught:
            stage.complete("")
        late.append(caught.value.ident)

    meanwhile(stage, "social.example", "POST", "/oauth/revoke", complete)
    stage.deprovision()
    assert late == ["nothing-pending"]
    assert stage.stored() == ""
    assert stage.live() == []
