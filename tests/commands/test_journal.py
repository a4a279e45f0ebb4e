"""The journal: sealed and unsealed, refused where it can't be trusted, and written for certain."""

import base64
import re
import string
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.secret import SecretBox

from provisioner.errors import InputError, ProvisionerError
from provisioner.github.destinations import MAX_VALUE, Destination
from provisioner.journal import (
    Credential,
    Journal,
    Pending,
    Superseded,
    parse_key,
    seal,
    unseal,
)
from provisioner.journal_store import LATE_READS, RETRY_DELAYS, JournalStore, OvertakenError
from provisioner.mastodon.instance import Application, Instance
from provisioner.report import Exit, Set
from provisioner.secret import Secret
from tests.support.told import fails, said
from tests.unit.github_server import Octo, Seen, reply

NAME = "MASTODON_JOURNAL"
KEY = bytes(range(32))
KEY_TEXT = base64.b64encode(KEY).decode()
TOKEN = "token-that-must-stay-secret"
BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"

Loss = Literal["before", "after", "torn", "502 before", "502 after"]
LOSSES: tuple[Loss, ...] = ("before", "after", "torn", "502 before", "502 after")

texts = st.text(st.characters(codec="utf-8"), max_size=20)
moments = st.integers(0, 2**40)
secrets = texts.map(Secret)
scopes = st.lists(texts, max_size=3).map(tuple)
instances = st.builds(
    Instance,
    **dict.fromkeys(set(Instance.__struct_fields__) - {"has_metadata"}, texts),
    has_metadata=st.booleans(),
)
applications = st.builds(
    Application, client_id=texts, client_secret=secrets, user_supplied=st.booleans()
)
places = st.lists(
    st.builds(Destination, texts, st.sampled_from(("secrets", "variables")), texts), max_size=2
).map(tuple)
credentials = st.builds(
    Credential,
    instance=instances,
    application=applications,
    token=secrets,
    scopes=scopes,
    issued_at=moments,
    expires_at=st.none() | moments,
    account_id=texts,
    account=texts,
    code=texts,
    known=places,
    may_hold=places,
    overwrites=places,
    seen_alive_at=moments,
)
pendings = st.builds(
    Pending,
    instance=instances,
    application=applications,
    verifier=st.none() | secrets,
    scopes=scopes,
    requested_scopes=scopes,
    app_name=texts,
    begun_at=moments,
    redirect_uri=texts,
    state=texts,
    attempts=st.lists(moments, max_size=2).map(tuple),
    staged=st.none() | credentials,
)
superseded = st.builds(Superseded, credential=credentials, revoke_after=moments)
journals = st.builds(
    Journal,
    repository_id=moments,
    account=texts,
    pending=st.none() | pendings,
    current=st.none() | credentials,
    superseded=st.lists(superseded, max_size=2).map(tuple),
    deprovisioning=st.booleans(),
)

CREDENTIAL = Credential(
    instance=Instance(
        origin="https://social.example",
        authorization_endpoint="https://social.example/oauth/authorize",
        token_endpoint="https://social.example/oauth/token",
        registration_endpoint="https://social.example/api/v1/apps",
        revocation_endpoint="https://social.example/oauth/revoke",
        has_metadata=True,
    ),
    application=Application("id", Secret("client-secret-of-it")),
    token=Secret(TOKEN),
    scopes=("read",),
    issued_at=1,
    expires_at=None,
)
JOURNAL = Journal(repository_id=1, account="bot@social.example", current=CREDENTIAL)
SEALED = seal(JOURNAL, KEY)


@pytest.fixture
def octo() -> Iterator[Octo]:
    """An embedded GitHub, to which nothing is sent that GitHub's description does not know."""
    with Octo() as octo:
        yield octo
    assert octo.checked.violations == []


class Run:
    """One run's store on the embedded GitHub, and how long it waited."""

    def __init__(self, octo: Octo, key: str = KEY_TEXT, name: str = NAME) -> None:
        self.waits: list[float] = []
        self.octo = octo
        self.store = JournalStore(octo.open(), name, Secret(key), self.waits.append)
        octo.wire.seen.clear()

    def journal(self, **changes: object) -> Journal:
        """A journal of this repository."""
        return JOURNAL.replace(**{"repository_id": self.octo.stored.id, **changes})

    def read(self) -> Journal | None:
        """What a run opens at its start."""
        self.store.read()
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

    @property
    def methods(self) -> list[str]:
        """The methods of the requests so far."""
        return [seen.method for seen in self.octo.wire.seen]


@pytest.fixture
def first(octo: Octo) -> Run:
    """A run that found no journal."""
    run = Run(octo)
    run.read()
    octo.wire.seen.clear()
    return run


@pytest.fixture
def run(octo: Octo) -> Run:
    """A run that read a journal."""
    run = Run(octo)
    octo.stored.variables[NAME] = seal(run.journal(), KEY)
    run.read()
    octo.wire.seen.clear()
    return run


def lose(octo: Octo, loss: Loss, *methods: str, times: int = 1) -> None:
    """Lose the answers to so many such requests, before or after GitHub acts on them."""
    lost: list[Seen] = []

    def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes | None:
        if seen.method not in methods or len(lost) >= times:
            return real()
        lost.append(seen)
        page = reply(502, b"<html>Unicorn</html>", {"Content-Type": "text/html"})
        answer = page if loss == "502 before" else b"" if loss == "before" else real()
        match loss:
            case "before" | "after":
                return None
            case "torn":
                return answer[:20]
            case "502 before" | "502 after":
                return page

    octo.interfere = interfere


def interject(octo: Octo, method: str, do: Callable[[], None], *, lost: bool = False) -> None:
    """Before such a request is answered something else happens; it may get no answer."""

    def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes | None:
        if seen.method != method:
            return real()
        do()
        return None if lost else real()

    octo.interfere = interfere


# Sealing.


@settings(max_examples=50)
@given(journals, st.binary(min_size=32, max_size=32))
def test_sealed_journal_is_unsealed_unchanged(journal: Journal, key: bytes) -> None:
    assert unseal(seal(journal, key), key) == journal


@settings(max_examples=25)
@given(journals, st.binary(min_size=32, max_size=32))
def test_sealed_journal_is_one_line_of_version_fingerprint_and_box(
    journal: Journal, key: bytes
) -> None:
    assert re.fullmatch(r"1:[0-9a-f]{16}:[A-Za-z0-9+/]+={0,2}", seal(journal, key))


def test_same_journal_is_sealed_differently_each_time() -> None:
    assert seal(JOURNAL, KEY) != SEALED


def test_white_space_around_the_value_does_not_matter() -> None:
    assert unseal(f" {SEALED}\n", KEY) == JOURNAL


def test_journal_that_is_shown_or_dumped_holds_no_secret() -> None:
    shown = f"{JOURNAL!r} {JOURNAL} {msgspec.structs.asdict(JOURNAL)}"
    assert TOKEN not in shown
    assert "client-secret-of-it" not in shown
    for dump in (msgspec.json.encode, msgspec.to_builtins):
        with pytest.raises(TypeError):
            dump(JOURNAL)


def test_change_of_any_character_is_noticed() -> None:
    accepted = []
    for place, character in enumerate(SEALED):
        other = BASE64[(BASE64.index(character) + 32) % 64] if character in BASE64 else "A"
        try:
            unseal(SEALED[:place] + other + SEALED[place + 1 :], KEY)
        except ProvisionerError:
            continue
        accepted.append((place, character, other))
    assert accepted == []


@pytest.mark.parametrize("version", ["0", "00", "01", "", "-1", "1.0", "\u0661", "x"])
def test_version_that_never_was_is_refused(version: str) -> None:
    with fails("journal-damaged", Exit.ACTION_REQUIRED):
        unseal(version + SEALED[1:], KEY)


def test_value_cut_anywhere_is_refused() -> None:
    accepted = []
    for length in range(len(SEALED)):
        try:
            unseal(SEALED[:length], KEY)
        except ProvisionerError:
            continue
        accepted.append(length)
    assert accepted == []


@pytest.mark.parametrize(
    "value",
    ["", "x", "1::", "{}", SEALED * 2, f"{SEALED}A", SEALED[2:], "1:" * 1000, "\ud800", "\x00"],
)
def test_garbage_is_called_damaged(value: str) -> None:
    with fails("journal-damaged", Exit.ACTION_REQUIRED):
        unseal(value, KEY)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_nothing_may_stand_behind_the_box(length: int) -> None:
    """Whether its last characters are padding or not."""
    sealed = seal(JOURNAL.replace(account="a" * length), KEY)
    with fails("journal-damaged", Exit.ACTION_REQUIRED):
        unseal(f"{sealed}AAAA", KEY)


@settings(max_examples=200)
@given(st.text() | st.from_regex(r"1:[0-9a-f]{16}:[A-Za-z0-9+/=]+"))
def test_any_text_is_an_error_in_words(value: str) -> None:
    with pytest.raises(ProvisionerError):
        unseal(value, KEY)


@pytest.mark.parametrize("version", ["2", "10", "999999999"])
def test_journal_of_a_newer_version_is_left_alone(version: str) -> None:
    with fails("journal-newer", Exit.ACTION_REQUIRED):
        unseal(f"{version}:something=else;entirely", KEY)


def test_another_key_is_told_from_damage() -> None:
    with fails("journal-key-wrong", Exit.INPUT) as caught:
        unseal(SEALED, bytes(32))
    assert Set("journal", "OTHER_JOURNAL") in caught.value.next  # fit to be pasted as it is


def test_refusal_quotes_nothing_of_the_journal() -> None:
    box = base64.b64encode(SecretBox(KEY).encrypt(b'{"account": "secret"}')).decode()
    with fails("journal-unreadable", Exit.ACTION_REQUIRED) as caught:
        unseal(SEALED[:19] + box, KEY)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# The key.


@pytest.mark.parametrize(
    "text",
    [
        KEY_TEXT,
        f"  {KEY_TEXT}\n",
        base64.urlsafe_b64encode(bytes(range(224, 256))).decode(),
    ],
)
def test_key_is_the_base64_of_32_bytes_in_either_alphabet(text: str) -> None:
    assert len(parse_key(Secret(text))) == 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        KEY_TEXT[:-1],
        KEY_TEXT[:-4],
        KEY_TEXT + "AAAA",
        f"{KEY_TEXT[:20]} {KEY_TEXT[20:]}",
        KEY.hex(),
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(33)).decode(),
        "ключ",
        "\ud800",
    ],
)
def test_malformed_key_is_refused_without_quoting_it(text: str) -> None:
    with fails("bad-journal-key", Exit.INPUT) as caught:
        parse_key(Secret(text))
    if len(text) > 1:
        assert text not in said(caught.value)


# Reading.


@pytest.mark.parametrize("key", [KEY_TEXT, ""])
def test_where_there_is_no_journal_none_is_read(octo: Octo, key: str) -> None:
    run = Run(octo, key)
    assert run.read() is None
    assert not run.store.exists


@pytest.mark.parametrize("in_workflow", [True, False])
def test_missing_key_loses_nothing_while_its_secret_exists(run: Run, *, in_workflow: bool) -> None:
    """Nobody is told to delete anything (I5)."""
    repository = run.octo.open()
    repository.secret_names = frozenset({f"{NAME}_KEY"})
    store = JournalStore(repository, NAME, Secret(""), run.waits.append, in_workflow)
    store.read()
    with fails("journal-key-missing", Exit.INPUT) as caught:
        store.open()
    assert f"{NAME}_KEY" in said(caught.value)
    assert "Nothing is lost" in caught.value.why
    assert "delete" not in said(caught.value).casefold()


def test_missing_key_whose_secret_is_gone_says_what_to_delete(run: Run) -> None:
    other = Run(run.octo, "")
    with fails("journal-key-missing", Exit.INPUT) as caught:
        other.read()
    assert f"{NAME}_KEY" in said(caught.value)
    assert f"delete the variable {NAME}" in said(caught.value)


def test_malformed_key_is_refused_before_anything_is_written(octo: Octo) -> None:
    run = Run(octo, "malformed")
    with pytest.raises(InputError):
        run.read()
    assert run.methods == ["GET"]


def test_journal_of_another_repository_is_refused(first: Run) -> None:
    first.value = seal(first.journal(repository_id=1), KEY)
    with fails("journal-foreign", Exit.INPUT):
        first.read()


def test_journal_that_cannot_be_opened_stays_as_it_is(first: Run) -> None:
    first.value = "damaged"
    with fails("journal-damaged", Exit.ACTION_REQUIRED):
        first.read()
    assert first.value == "damaged"
    assert first.methods == ["GET"]


def test_renamed_repository_keeps_its_journal(run: Run) -> None:
    run.octo.github.rename("octo/bot", "octo/robot")
    store = JournalStore(run.octo.open("octo/robot"), NAME, Secret(KEY_TEXT), run.waits.append)
    store.read()
    assert store.open() == run.written


# Writing.


def test_first_write_only_creates(first: Run) -> None:
    """It can't overwrite another run's."""
    first.store.save(first.journal())
    assert first.methods == ["POST"]
    assert first.written == first.journal()


def test_what_is_written_is_read(run: Run) -> None:
    journal = run.journal(account="other@social.example")
    run.store.save(journal)
    assert run.methods == ["PATCH"]
    assert Run(run.octo).read() == journal


@pytest.mark.parametrize("loss", LOSSES)
def test_lost_answer_to_a_patch_is_settled_by_reading_back(run: Run, loss: Loss) -> None:
    lose(run.octo, loss, "PATCH")
    journal = run.journal(account="other@social.example")
    run.store.save(journal)
    assert run.written == journal


@pytest.mark.parametrize("loss", LOSSES)
def test_lost_answer_to_a_post_is_settled_by_reading_back(first: Run, loss: Loss) -> None:
    lose(first.octo, loss, "POST")
    first.store.save(first.journal())
    assert first.written == first.journal()


@pytest.mark.parametrize("loss", ["after", "torn", "502 after"])
def test_write_that_reading_back_confirms_is_not_repeated(run: Run, loss: Loss) -> None:
    lose(run.octo, loss, "PATCH")
    run.store.save(run.journal())
    assert run.methods == ["PATCH", "GET"]


@pytest.mark.parametrize("loss", ["after", "torn", "502 after"])
def test_first_write_that_reading_back_confirms_is_not_repeated(first: Run, loss: Loss) -> None:
    lose(first.octo, loss, "POST")
    first.store.save(first.journal())
    assert first.methods == ["POST", "GET"]


@pytest.mark.parametrize("loss", ["before", "502 before"])
def test_write_that_reading_back_does_not_find_is_repeated(run: Run, loss: Loss) -> None:
    lose(run.octo, loss, "PATCH")
    run.store.save(run.journal())
    assert run.methods == ["PATCH", "GET", "PATCH"]
    assert run.waits == list(RETRY_DELAYS[:2])


@pytest.mark.parametrize("loss", LOSSES)
def test_write_goes_on_until_it_is_certain(run: Run, loss: Loss) -> None:
    """A read-back that is lost as well settles nothing."""
    lose(run.octo, loss, "PATCH", "GET", times=5)
    journal = run.journal(account="other@social.example")
    run.store.save(journal)
    assert run.written == journal


@pytest.mark.parametrize("loss", LOSSES)
def test_write_that_stays_uncertain_ends_the_run_incomplete(run: Run, loss: Loss) -> None:
    lose(run.octo, loss, "PATCH", "GET", times=1000)
    with fails("journal-unconfirmed", Exit.INCOMPLETE):
        run.store.save(run.journal())
    assert run.waits == list(RETRY_DELAYS)


def test_refused_read_back_settles_nothing(run: Run) -> None:
    """It is not said that nothing was written."""
    limit = reply(403, {"message": "API rate limit exceeded"}, {"Retry-After": "999"})
    written: list[Seen] = []

    def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes | None:
        if seen.method == "GET":
            return limit if written else real()
        written.append(seen)
        real()
        return None

    run.octo.interfere = interfere
    with fails("journal-unconfirmed", Exit.INCOMPLETE):
        run.store.save(run.journal())


def test_definite_refusal_is_raised_at_once(run: Run) -> None:
    """Nothing was written, and nothing is repeated."""
    run.octo.token(run.octo.github.add_token({"actions_variables": "read"}))
    with fails("github-permission", Exit.ACTION_REQUIRED):
        run.store.save(run.journal())
    assert run.methods == ["PATCH"]


def test_journal_that_is_too_large_is_refused_before_anything_is_sent(run: Run) -> None:
    before = run.value
    old = Superseded(credential=CREDENTIAL, revoke_after=1)
    with fails("value-too-large", Exit.INPUT):
        run.store.save(run.journal(superseded=(old,) * (MAX_VALUE // 300)))
    assert run.value == before
    assert run.methods == []


def test_journal_of_many_rotations_fits(first: Run) -> None:
    journal = first.journal(superseded=(Superseded(CREDENTIAL, 1),) * 40)
    first.store.save(journal)
    assert Run(first.octo).read() == journal


def test_no_request_holds_a_secret_of_the_journal(first: Run) -> None:
    first.store.save(first.journal())
    sent = b"".join(seen.body for seen in first.octo.wire.seen)
    for secret in (TOKEN, "client-secret", KEY_TEXT):
        assert secret.encode() not in sent


def test_two_bots_keep_their_journals_apart(octo: Octo) -> None:
    one, two = Run(octo, name="ONE"), Run(octo, name="TWO")
    one.read()
    one.store.save(one.journal())
    assert two.read() is None
    assert one.store.key_name == "ONE_KEY"
    assert two.store.key_name == "TWO_KEY"


# Another run.


def test_lost_write_in_whose_place_another_runs_is_found_ends_the_run(run: Run) -> None:
    others = seal(run.journal(account="other@social.example"), KEY)
    interject(run.octo, "PATCH", lambda: setattr(run, "value", others), lost=True)
    with fails("overtaken", Exit.INCOMPLETE):
        run.store.save(run.journal())
    assert run.value == others


@pytest.mark.parametrize("key", [KEY, b"k" * 32], ids=["same key", "another key"])
def test_another_runs_value_is_noticed_at_the_first_look(run: Run, key: bytes) -> None:
    """It may have staged a token there, which nobody would know of afterwards."""
    run.value = others = seal(run.journal(), key)
    with fails("overtaken", Exit.INCOMPLETE):
        run.store.look()
    assert run.value == others
    assert run.methods == ["GET"]


def test_very_first_write_leaves_another_runs_journal(first: Run) -> None:
    """Another run creates the variable just before the POST."""
    others = seal(first.journal(account="other@social.example"), KEY)
    interject(first.octo, "POST", lambda: setattr(first, "value", others))
    with fails("overtaken", Exit.INCOMPLETE):
        first.store.save(first.journal())
    assert first.value == others


def test_runs_that_take_turns_overtake_nobody(run: Run) -> None:
    other = Run(run.octo)
    for one in (other, run, other):
        assert one.read()
        one.store.look()
        one.store.save(one.journal())


class TestDeleted:
    """A journal that this run knew and that is gone stays gone: its key may be deleted, too."""

    def test_look_notices_it(self, run: Run) -> None:
        del run.octo.stored.variables[NAME]
        with fails("journal-deleted", Exit.INCOMPLETE):
            run.store.look()
        assert sum(run.waits) == sum(LATE_READS) == 5

    def test_write_without_a_look_does_not_make_it_anew(self, run: Run) -> None:
        del run.octo.stored.variables[NAME]
        with pytest.raises(OvertakenError):
            run.store.save(run.journal())
        assert run.value is None
        assert "POST" not in run.methods

    def test_write_whose_answer_was_lost_is_not_repeated(self, run: Run) -> None:
        delete = run.octo.stored.variables.clear
        interject(run.octo, "PATCH", delete, lost=True)
        with pytest.raises(OvertakenError):
            run.store.save(run.journal())
        assert run.value is None
        assert run.methods.count("PATCH") == 1

    def test_404_alone_is_no_deletion(self, run: Run) -> None:
        """GitHub answers so to whoever may not look, too: that is what the run stops with."""
        run.octo.always(reply(404, {"message": "Not Found"}))
        with fails("github-not-found", Exit.ACTION_REQUIRED):
            run.store.look()

    def test_run_that_starts_afterwards_makes_a_new_one(self, run: Run) -> None:
        del run.octo.stored.variables[NAME]
        later = Run(run.octo)
        assert later.read() is None
        later.store.save(later.journal())
        assert run.written == run.journal()


class TestLateReads:
    """GitHub answers reads late: an old answer is not another run (I9)."""

    @pytest.mark.parametrize("late", [1, len(LATE_READS)])
    def test_old_value_after_our_write_is_read_again(self, run: Run, late: int) -> None:
        run.octo.github.late_reads = late
        run.store.save(run.journal())
        run.store.look()
        assert run.waits[1:] == list(LATE_READS[:late])
        assert run.methods == ["PATCH", *["GET"] * (late + 1)]

    @pytest.mark.parametrize("late", [1, len(LATE_READS)])
    def test_404_after_our_first_write_is_read_again(self, first: Run, late: int) -> None:
        first.octo.github.late_reads = late
        first.store.save(first.journal())
        first.store.look()
        assert first.methods == ["POST", *["GET"] * (late + 1)]

    def test_404_that_stays_after_our_first_write_is_a_deletion(self, first: Run) -> None:
        first.store.save(first.journal())
        del first.octo.stored.variables[NAME]
        with fails("journal-deleted", Exit.INCOMPLETE):
            first.store.look()
        assert first.methods.count("POST") == 1

    def test_own_older_value_that_stays_is_written_over_once(self, run: Run) -> None:
        """A write of ours arrived after the latest one."""
        former = run.value
        assert former is not None
        journal = run.journal(account="other@social.example")
        run.store.save(journal)
        run.value = former
        run.store.look()
        assert run.written == journal
        assert run.methods == ["PATCH", *["GET"] * 5, "PATCH"]
        run.value = former
        with fails("overtaken", Exit.INCOMPLETE):
            run.store.look()
        assert run.value == former

    def test_another_runs_value_is_noticed_among_late_answers(self, run: Run) -> None:
        run.octo.github.late_reads = 2
        run.store.save(run.journal())
        run.value = others = seal(run.journal(account="other@social.example"), KEY)
        with fails("overtaken", Exit.INCOMPLETE):
            run.store.look()
        assert run.value == others
        assert "PATCH" not in run.methods[1:]

    @pytest.mark.parametrize("method", ["PATCH", "POST"])
    def test_lost_write_that_is_read_back_late_is_settled(
        self, octo: Octo, run: Run, method: str
    ) -> None:
        if method == "POST":
            del octo.stored.variables[NAME]
            run = Run(octo)
            run.read()
        octo.github.late_reads = 2
        lose(octo, "after", method)
        run.store.save(run.journal(account="other@social.example"))
        run.store.look()
        assert run.written == run.journal(account="other@social.example")

    def test_reread_sees_what_another_run_wrote_just_before(self, run: Run) -> None:
        """A journal that says “attempted”: the token may be staged by now."""
        journal = run.journal(account="other@social.example")
        seen: list[Seen] = []

        def interfere(request: Seen, real: Callable[[], bytes]) -> bytes:
            seen.append(request)
            if len(seen) == 3:
                run.value = seal(journal, KEY)
            return real()

        run.octo.interfere = interfere
        assert run.store.reread() == journal
        assert run.waits == list(LATE_READS[:3])

    def test_reread_ends_after_five_seconds(self, run: Run) -> None:
        assert run.store.reread() == run.journal()
        assert sum(run.waits) == 5


class TestClaim:
    """The variable before its first journal."""

    def test_claim_is_no_journal(self, first: Run) -> None:
        first.store.claim()
        assert first.store.is_claimed
        assert first.store.is_present
        assert not first.store.exists
        assert Run(first.octo).read() is None

    def test_only_one_of_two_first_runs_can_claim(self, first: Run) -> None:
        other = Run(first.octo)
        other.read()
        other.store.claim()
        claimed = first.value
        with fails("overtaken", Exit.INCOMPLETE):
            first.store.claim()
        assert first.value == claimed

    def test_run_that_finds_a_claim_takes_it_over(self, first: Run) -> None:
        """Whoever made it notices."""
        first.store.claim()
        other = Run(first.octo)
        other.read()
        other.store.claim()
        other.store.save(other.journal())
        with fails("overtaken", Exit.INCOMPLETE):
            first.store.look()
        assert first.written == other.journal()

    def test_claim_that_is_taken_back_is_gone(self, first: Run) -> None:
        first.store.claim()
        first.store.take_back_claim()
        assert first.value is None
        assert not first.store.is_present

    def test_claim_that_another_run_took_over_is_not_taken_back(self, first: Run) -> None:
        first.store.claim()
        other = Run(first.octo)
        other.read()
        other.store.claim()
        first.store.take_back_claim()
        assert other.value is not None

    def test_claim_without_a_key_at_hand_loses_nothing_while_its_secret_exists(
        self, first: Run
    ) -> None:
        first.store.claim()
        other = Run(first.octo, "")
        other.store.repository.secret_names = frozenset({f"{NAME}_KEY"})
        with fails("journal-key-missing", Exit.INPUT) as caught:
            other.read()
        assert "delete" not in said(caught.value).casefold()

    def test_claim_whose_key_was_never_written_is_gone_on_with(self, first: Run) -> None:
        first.store.claim()
        assert Run(first.octo, "").read() is None
