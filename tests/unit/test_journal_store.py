"""The journal's variable: written for certain, and no other run's is written over."""

from collections.abc import Callable
from typing import Literal

import pytest

from provisioner.github.destinations import MAX_VALUE
from provisioner.journal import Journal, seal, unseal
from provisioner.journal_store import LATE_READS, RETRY_DELAYS, ROOM, JournalStore
from provisioner.report import Exit, Set
from provisioner.report import Run as NextRun
from provisioner.sandbox import Request, Response
from provisioner.secret import Secret
from tests.support.told import fails, runs, said
from tests.unit.octo import FAILED, NOW, Octo, reply
from tests.unit.test_journal import CREDENTIAL, JOURNAL, KEY, KEY_TEXT, PENDING

NAME = "MASTODON_JOURNAL"
OTHERS = "other@social.example"
Loss = Literal["before", "after", "502 before", "502 after"]
BEFORE: tuple[Loss, ...] = ("before", "502 before")
AFTER: tuple[Loss, ...] = ("after", "502 after")


class Run:
    """One run's store on the embedded GitHub, and how long it waited."""

    def __init__(self, octo: Octo, key: str = KEY_TEXT) -> None:
        self.octo = octo
        self.waits: list[float] = []
        self.store = JournalStore(octo.open(), NAME, Secret(key), self.waits.append)

    def journal(self, **changes: object) -> Journal:
        """A journal of this repository."""
        return JOURNAL.replace(**{"repository_id": self.octo.stored.id, **changes})

    def read(self) -> Journal | None:
        """What a run opens at its start."""
        self.store.read()
        self.octo.seen.clear()
        return self.store.open()

    @property
    def value(self) -> str | None:
        """The variable as it is, however late GitHub reads."""
        return self.octo.stored.variables.get(NAME)

    @value.setter
    def value(self, value: str) -> None:
        self.octo.stored.variables[NAME] = value

    @property
    def written(self) -> Journal:
        """What stands in the repository."""
        assert self.value is not None
        return unseal(self.value, KEY)

    def lose(self, loss: Loss, *methods: str, times: int = 1) -> None:
        """Lose the answers to so many such requests, before or after GitHub acts on them."""
        lost: list[Request] = []

        def interfere(request: Request, real: Callable[[], Response]) -> Response | None:
            if request.method not in methods or len(lost) >= times:
                return real()
            lost.append(request)
            if loss in AFTER:
                real()
            return reply(502, FAILED) if "502" in loss else None

        self.octo.interfere = interfere

    def meanwhile(self, method: str, do: Callable[[], object], *, lost: bool = False) -> None:
        """Before such a request is answered something else happens; it may get no answer."""

        def interfere(request: Request, real: Callable[[], Response]) -> Response | None:
            if request.method != method:
                return real()
            do()
            return None if lost else real()

        self.octo.interfere = interfere


def begun(octo: Octo, method: str) -> Run:
    """A run that read what is there, and will write with this method."""
    run = Run(octo)
    if method == "PATCH":
        run.value = seal(run.journal(), KEY)
    assert run.read() == (run.journal() if method == "PATCH" else None)
    return run


@pytest.fixture
def first(octo: Octo) -> Run:
    """A run that found no journal."""
    return begun(octo, "POST")


@pytest.fixture
def run(octo: Octo) -> Run:
    """A run that read a journal."""
    return begun(octo, "PATCH")


# Reading.


@pytest.mark.parametrize(("claimed", "in_workflow"), [(False, True), (True, False)])
def test_missing_key_loses_nothing_while_its_secret_exists(
    octo: Octo, *, claimed: bool, in_workflow: bool
) -> None:
    """Nobody is told to delete anything (I5)."""
    one = Run(octo)
    one.store.claim() if claimed else setattr(one, "value", seal(one.journal(), KEY))
    repository = octo.open()
    repository.secret_names = frozenset({f"{NAME}_KEY"})
    store = JournalStore(repository, NAME, Secret(""), one.waits.append, in_workflow)
    store.read()
    with fails("journal-key-missing", Exit.INPUT) as caught:
        store.open()
    assert f"{NAME}_KEY" in said(caught.value)
    assert "Nothing is lost" in caught.value.why
    assert "delete" not in said(caught.value).casefold()
    assert runs(caught.value.next) == (["again"] if in_workflow else [])
    assert [one.name for one in caught.value.next if isinstance(one, Set)] == ["journal-key"]


def test_key_that_is_none_or_whose_secret_is_gone_is_refused(run: Run) -> None:
    with fails("bad-journal-key", Exit.INPUT):
        Run(run.octo, "malformed").read()
    with fails("journal-key-missing", Exit.INPUT) as caught:
        Run(run.octo, "").read()
    assert f"{NAME}_KEY" in said(caught.value)
    assert Set("journal-key") in caught.value.next
    assert f"delete the variable {NAME}" in said(caught.value)
    del run.octo.stored.variables[NAME]
    with fails("bad-journal-key", Exit.INPUT):
        Run(run.octo, "malformed").read()
    assert Run(run.octo, "").read() is None


def test_journal_of_another_repository_is_refused(first: Run) -> None:
    first.value = seal(first.journal(repository_id=1), KEY)
    with fails("journal-foreign", Exit.INPUT):
        first.read()


# Writing.


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("loss", [*BEFORE, *AFTER])
def test_lost_answer_is_settled_by_reading_back(octo: Octo, method: str, loss: Loss) -> None:
    """A write that is found is not repeated, and one that is not found is."""
    run = begun(octo, method)
    run.lose(loss, method)
    journal = run.journal(account=OTHERS)
    run.store.save(journal)
    assert run.written == journal
    assert run.store.exists
    assert run.octo.methods == [method, "GET", *([method] if loss in BEFORE else [])]
    assert run.waits == list(RETRY_DELAYS[:2])


@pytest.mark.parametrize(
    ("loss", "lost", "writes"),
    [*((loss, ("PATCH", "GET"), 1) for loss in (*BEFORE, *AFTER)), ("before", ("PATCH",), 5)],
)
def test_write_that_stays_uncertain_ends_the_run_incomplete(
    run: Run, loss: Loss, lost: tuple[str, ...], writes: int
) -> None:
    """It is repeated only where it is seen not to have landed."""
    run.lose(loss, *lost, times=1000)
    with fails("journal-unconfirmed", Exit.INCOMPLETE):
        run.store.save(run.journal())
    assert run.waits == list(RETRY_DELAYS) == [0.0, 1.0, 2.0, 4.0, 8.0]
    assert run.octo.methods.count("PATCH") == writes


def test_last_try_is_read_back_too(run: Run) -> None:
    run.lose("before", "PATCH", times=len(RETRY_DELAYS) - 1)
    counted = run.octo.interfere

    def interfere(request: Request, real: Callable[[], Response]) -> Response | None:
        """The last of the five is carried out, and its answer lost."""
        last = run.octo.methods.count("PATCH") == len(RETRY_DELAYS)
        if request.method == "PATCH" and last:
            real()
            return None
        return counted(request, real)

    run.octo.interfere = interfere
    run.store.save(run.journal(account=OTHERS))
    assert run.written == run.journal(account=OTHERS)


def test_refused_read_back_settles_nothing(run: Run) -> None:
    """It is not said that nothing was written."""
    limit = reply(403, {"message": "API rate limit exceeded"}, {"Retry-After": "999"})
    run.octo.interfere = lambda request, _real: limit if request.method == "GET" else None
    with fails("journal-unconfirmed", Exit.INCOMPLETE):
        run.store.save(run.journal())


def test_definite_refusal_is_raised_at_once(run: Run) -> None:
    """Nothing was written, and nothing is repeated."""
    run.octo.use(run.octo.github.add_token({"actions_variables": "read"}))
    with fails("github-permission", Exit.ACTION_REQUIRED):
        run.store.save(run.journal())
    assert run.octo.methods == ["PATCH"]


def test_journal_has_room_up_to_the_last_byte(run: Run) -> None:
    """The box's base64 grows by four characters for three more in the account."""
    length = next(
        length
        for length in range(35_000, 40_000)
        if len(seal(run.journal(account="a" * length), KEY)) > MAX_VALUE - 4
    )
    largest = run.journal(account="a" * length)
    assert MAX_VALUE - 4 < len(seal(largest, KEY)) <= MAX_VALUE
    run.store.save(largest)
    with fails("journal-full", Exit.ACTION_REQUIRED) as caught:
        run.store.save(run.journal(account="a" * (length + 3)))
    assert NextRun("check", options=(Set("grace", "0"),)) in caught.value.next
    assert run.written == largest


def test_staged_token_takes_the_room_that_was_kept_for_it(run: Run) -> None:
    """An earlier exchange may be unsettled besides."""
    pending = PENDING.replace(attempts=(1,), app_name="x" * 25_000)
    with fails("journal-full", Exit.ACTION_REQUIRED):
        run.store.save(run.journal(pending=pending), ROOM)
    run.store.save(run.journal(pending=pending.replace(staged=CREDENTIAL)))
    assert run.written.staged == CREDENTIAL


# Another run.


def test_very_first_write_leaves_another_runs_journal(first: Run) -> None:
    """Another run creates the variable just before the POST."""
    others = seal(first.journal(account=OTHERS), KEY)
    first.meanwhile("POST", lambda: setattr(first, "value", others))
    with fails("overtaken", Exit.INCOMPLETE) as caught:
        first.store.save(first.journal())
    assert runs(caught.value.next) == ["again"]
    assert first.value == others


# A journal that this run knew and that is gone stays gone: its key may be deleted, too.


@pytest.mark.parametrize("lost", [False, True])
def test_write_does_not_make_a_deleted_journal_anew(run: Run, *, lost: bool) -> None:
    run.meanwhile("PATCH", run.octo.stored.variables.clear, lost=lost)
    with fails("journal-deleted", Exit.INCOMPLETE):
        run.store.save(run.journal())
    assert run.value is None
    assert "POST" not in run.octo.methods
    assert run.octo.methods.count("PATCH") == 1


def test_deleted_journal_that_comes_back_is_another_runs(run: Run) -> None:
    former = run.value or ""
    run.octo.stored.variables.clear()
    run.store.read()
    run.value = former
    with fails("overtaken", Exit.INCOMPLETE):
        run.store.look()


def test_404_alone_is_no_deletion(run: Run) -> None:
    """GitHub answers so to whoever may not look, too: that is what the run stops with."""
    run.octo.always(reply(404, {"message": "Not Found"}))
    with fails("github-not-found", Exit.ACTION_REQUIRED):
        run.store.look()


# GitHub answers reads late: an old answer is not another run (I9).


@pytest.mark.parametrize("late", [1, len(LATE_READS)])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_404_or_old_value_after_our_write_is_read_again(octo: Octo, method: str, late: int) -> None:
    run = begun(octo, method)
    octo.github.clock = lambda: NOW + sum(run.waits)
    octo.github.late_seconds = sum(LATE_READS[:late])
    run.store.save(run.journal())
    run.store.look()
    assert run.waits[1:] == list(LATE_READS[:late])
    assert octo.methods == [method, *["GET"] * (late + 1)]


def test_value_that_was_read_again_is_the_latest_and_no_old_one(run: Run) -> None:
    """A value may come back, as a claim does."""
    first, second = run.value, seal(run.journal(account=OTHERS), KEY)
    assert first is not None
    for value in (second, first):
        run.value = value
        run.store.read()
    run.value = second
    run.store.look()
    assert run.value == first
    run.waits.clear()
    run.store.look()
    assert run.waits == []


@pytest.mark.parametrize("is_there", [True, False])
def test_late_read_after_a_lost_write_is_not_another_run(run: Run, *, is_there: bool) -> None:
    former = reply(200, {"name": NAME, "value": run.value})
    run.store.save(run.journal())
    run.lose("after", "PATCH")
    counted = run.octo.interfere

    def interfere(request: Request, real: Callable[[], Response]) -> Response | None:
        if run.octo.methods.count("GET") == 1 and request.method == "GET":
            return former if is_there else reply(404, {"message": "Not Found"})
        return counted(request, real)

    run.octo.interfere = interfere
    run.store.save(run.journal(account=OTHERS))
    assert run.written == run.journal(account=OTHERS)


def test_own_older_value_that_stays_is_written_over_once(run: Run) -> None:
    """A write of ours arrived after the latest one."""
    former = run.value
    assert former is not None
    journal = run.journal(account=OTHERS)
    run.store.save(journal)
    run.value = former
    run.store.look()
    assert run.written == journal
    assert run.octo.methods == ["PATCH", *["GET"] * 5, "PATCH"]
    run.value = former
    with fails("overtaken", Exit.INCOMPLETE):
        run.store.look()
    assert run.value == former
    run.octo.stored.variables.clear()
    with fails("journal-deleted", Exit.INCOMPLETE):
        run.store.look()


@pytest.mark.parametrize("late", [1, len(LATE_READS) + 1])
def test_reread_sees_what_another_run_wrote_just_before(run: Run, late: int) -> None:
    """A journal that says “attempted”: the token may be staged by now."""
    journal = run.journal(account=OTHERS)
    former, run.value = run.value, seal(journal, KEY)

    def interfere(_request: Request, real: Callable[[], Response]) -> Response:
        old = reply(200, {"name": NAME, "value": former})
        return real() if len(run.octo.seen) >= late else old

    run.octo.interfere = interfere
    assert run.store.reread() == journal
    assert run.waits == list(LATE_READS[: late - 1])
    run.store.look()


def test_reread_ends_after_five_seconds_and_passes_over_a_404(run: Run) -> None:
    run.octo.always(reply(404, {"message": "Not Found"}))
    assert run.store.reread() == run.journal()
    assert sum(run.waits) == 5


# A claim: the variable before its first journal.


def test_claim_is_no_journal_with_a_key_or_without_and_can_be_taken_back(first: Run) -> None:
    first.store.claim()
    assert first.store.is_claimed
    assert first.store.is_present
    assert not first.store.exists
    assert Run(first.octo).read() is None
    assert Run(first.octo, "").read() is None
    first.store.take_back_claim()
    assert first.value is None


def test_run_that_finds_a_claim_takes_it_over(first: Run) -> None:
    """Whoever made it notices, and does not take it back."""
    first.store.claim()
    other = Run(first.octo)
    other.read()
    other.store.claim()
    first.store.take_back_claim()
    assert other.value is not None
    other.store.save(other.journal())
    with fails("overtaken", Exit.INCOMPLETE):
        first.store.look()
    assert first.written == other.journal()


def test_key_that_is_made_overwrites_no_secret(first: Run) -> None:
    first.store.require_no_key()
    first.store.repository.secret_names = frozenset({f"{NAME}_KEY"})
    with fails("journal-key-exists", Exit.INPUT) as caught:
        first.store.require_no_key()
    assert Set("journal", "OTHER_JOURNAL") in caught.value.next
