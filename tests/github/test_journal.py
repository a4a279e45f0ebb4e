"""The journal: sealed and unsealed, refused where it can't be trusted, and written for certain."""

import base64
import re
import string
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.secret import SecretBox

from provisioner.destinations import LARGEST_VALUE
from provisioner.errors import Exit, InputError, NoAnswerError, PersonNeededError, ProvisionerError
from provisioner.journal import (
    Credential,
    Destination,
    Journal,
    Pending,
    Superseded,
    parse_key,
    seal,
    unseal,
)
from provisioner.oauth import Application, Server
from provisioner.secret import Secret
from provisioner.store import PATIENCE, DeletedError, JournalStore
from tests.github.server import Octo, Seen, reply
from tests.told import fails, said

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
servers = st.builds(
    Server,
    **dict.fromkeys(set(Server.model_fields) - {"has_metadata"}, texts),
    has_metadata=st.booleans(),
)
applications = st.builds(Application, client_id=texts, client_secret=secrets, by_hand=st.booleans())
scopes = st.lists(texts, max_size=3).map(tuple)
places = st.builds(
    Destination, repository_id=moments, kind=st.sampled_from(("secrets", "variables")), name=texts
)
credentials = st.builds(
    Credential,
    server=servers,
    application=applications,
    token=secrets,
    account_id=texts,
    scopes=scopes,
    issued_at=moments,
    expires_at=st.none() | moments,
    destinations=st.lists(places, max_size=2).map(tuple),
)
pendings = st.builds(
    Pending,
    server=servers,
    application=applications,
    verifier=st.none() | secrets,
    scopes=scopes,
    app_name=texts,
    begun_at=moments,
    overwrites=st.lists(texts, max_size=2).map(tuple),
    attempted_at=st.none() | moments,
    staged=st.none() | credentials,
)
superseded = st.builds(Superseded, credential=credentials, revoke_after=moments)
journals = st.builds(
    Journal,
    generation=moments,
    repository_id=moments,
    account=texts,
    origin=texts,
    pending=st.none() | pendings,
    current=st.none() | credentials,
    superseded=st.lists(superseded, max_size=2).map(tuple),
)

SERVER = Server(
    origin="https://social.example",
    authorization_endpoint="https://social.example/oauth/authorize",
    token_endpoint="https://social.example/oauth/token",
    registration_endpoint="https://social.example/api/v1/apps",
    revocation_endpoint="https://social.example/oauth/revoke",
    has_metadata=True,
)
CREDENTIAL = Credential(
    server=SERVER,
    application=Application(client_id="id", client_secret=Secret("client-secret-of-it")),
    token=Secret(TOKEN),
    scopes=("read",),
    issued_at=1,
    expires_at=None,
    destinations=(),
)
JOURNAL = Journal(repository_id=1, account="bot@social.example", current=CREDENTIAL)
SEALED = seal(JOURNAL, KEY)


@pytest.fixture
def octo() -> Iterator[Octo]:
    """An embedded GitHub, to which nothing is sent that GitHub's description does not know."""
    with Octo() as octo:
        yield octo
    assert octo.checked.violations == []


class Shop:
    """A store on the embedded GitHub, and how long it waited."""

    def __init__(self, octo: Octo, key: str = KEY_TEXT) -> None:
        self.waits: list[float] = []
        self.octo = octo
        self.store = JournalStore(octo.repository(), NAME, Secret(key), self.waits.append)

    def journal(self, **changes: object) -> Journal:
        """A journal of this repository."""
        own: dict[str, object] = {"repository_id": self.octo.stored.id}
        return JOURNAL.model_copy(update=own | changes)

    @property
    def written(self) -> Journal:
        """What stands in the repository."""
        return unseal(self.octo.stored.variables[NAME], KEY)

    @property
    def methods(self) -> list[str]:
        """The methods of the requests so far."""
        return [seen.method for seen in self.octo.wire.seen]


@pytest.fixture
def shop(octo: Octo) -> Shop:
    """A repository without a journal."""
    return Shop(octo)


@pytest.fixture
def open_shop(octo: Octo) -> Shop:
    """A repository with a journal of generation 1, which was read."""
    shop = Shop(octo)
    shop.store.write(shop.journal())
    shop.store.read()
    octo.wire.seen.clear()
    shop.waits.clear()
    return shop


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


# Sealing.


@settings(max_examples=50)
@given(journals, st.binary(min_size=32, max_size=32))
def test_round_trip(journal: Journal, key: bytes) -> None:
    """What was sealed is unsealed unchanged, whatever stands in it."""
    assert unseal(seal(journal, key), key) == journal


@settings(max_examples=25)
@given(journals, st.binary(min_size=32, max_size=32))
def test_sealed_form(journal: Journal, key: bytes) -> None:
    """A sealed journal is a line of ASCII: version, fingerprint, box."""
    assert re.fullmatch(r"1:[0-9a-f]{16}:[A-Za-z0-9+/]+={0,2}", seal(journal, key))


def test_never_the_same_box() -> None:
    """The same journal is sealed differently each time: a box tells nothing of the one before."""
    assert seal(JOURNAL, KEY) != SEALED


def test_white_space_around() -> None:
    """A value copied with white space around it is the same value."""
    assert unseal(f" {SEALED}\n", KEY) == JOURNAL


def test_no_secret_without_the_key() -> None:
    """A journal shown or dumped by accident holds no secret."""
    shown = f"{JOURNAL!r} {JOURNAL} {JOURNAL.model_dump_json()} {JOURNAL.model_dump()}"
    assert not any(secret in shown for secret in (TOKEN, "client-secret-of-it"))


def test_damaged_anywhere() -> None:
    """A change of any one character is noticed."""
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
def test_version_that_never_was(version: str) -> None:
    """A version that this tool never wrote is not read as one that it did."""
    with pytest.raises(PersonNeededError):
        unseal(version + SEALED[1:], KEY)


def test_truncated() -> None:
    """A value cut anywhere is refused."""
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
def test_garbage(value: str) -> None:
    """Garbage is said to be damage."""
    with fails("journal-damaged", Exit.PERSON):
        unseal(value, KEY)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_more_behind_it(length: int) -> None:
    """Whether its last characters are padding or not, nothing may stand behind them."""
    sealed = seal(JOURNAL.model_copy(update={"account": "a" * length}), KEY)
    with fails("journal-damaged", Exit.PERSON):
        unseal(f"{sealed}AAAA", KEY)


@settings(max_examples=200)
@given(st.text() | st.from_regex(r"1:[0-9a-f]{16}:[A-Za-z0-9+/=]+"))
def test_any_garbage(value: str) -> None:
    """Whatever stands in the variable, the answer is an error in words."""
    with pytest.raises(ProvisionerError):
        unseal(value, KEY)


@pytest.mark.parametrize("version", ["2", "10", "999999999"])
def test_newer(version: str) -> None:
    """A newer version's journal is left alone, whatever it looks like."""
    with fails("journal-newer", Exit.PERSON):
        unseal(f"{version}:something=else;entirely", KEY)


def test_other_key() -> None:
    """Another key than the one that sealed it is told from damage."""
    with fails("journal-key-wrong", Exit.INPUT) as caught:
        unseal(SEALED, bytes(32))
    # As README has it: the old token goes last, since the bot posts with it until then.
    todo = caught.value.todo
    assert todo.index(" delete ") < todo.index(" begin ") < todo.index(" remove ")


def test_refusals_quote_nothing() -> None:
    """A sealed journal of another shape is refused without a word of what is in it."""
    box = base64.b64encode(SecretBox(KEY).encrypt(b'{"account": "secret"}')).decode()
    with fails("journal-unreadable", Exit.PERSON) as caught:
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
def test_key(text: str) -> None:
    """A key is the base64 of 32 bytes, in either alphabet, with white space around it."""
    assert len(parse_key(text)) == 32


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
def test_malformed_key(text: str) -> None:
    """Anything else is refused, without quoting it."""
    with fails("bad-journal-key", Exit.INPUT) as caught:
        parse_key(text)
    if len(text) > 1:
        assert text not in said(caught.value)


# Reading.


def test_nothing_there(shop: Shop) -> None:
    """Where there is no journal yet, there is none; with a key or without."""
    without_key = JournalStore(shop.store.repository, NAME, Secret(""), shop.waits.append)
    assert (shop.store.read(), without_key.read()) == (None, None)


def test_key_missing(open_shop: Shop) -> None:
    """A journal without its key is refused, and the secret to hand in is named."""
    store = JournalStore(open_shop.store.repository, NAME, Secret(""), open_shop.waits.append)
    with fails("journal-key-missing", Exit.INPUT) as caught:
        store.read()
    assert f"{NAME}_KEY" in caught.value.todo


def test_key_missing_in_a_workflow(open_shop: Shop) -> None:
    """The action's input is named in a workflow, and elsewhere the environment's variable."""
    store = JournalStore(open_shop.store.repository, NAME, Secret(""), open_shop.waits.append)
    for store.in_workflow in (True, False):
        with fails("journal-key-missing", Exit.INPUT) as caught:
            store.read()
        assert ("journal-key" in caught.value.why) == store.in_workflow
        assert ("MASTODON_JOURNAL_KEY" in caught.value.why) != store.in_workflow
    assert f"`gh variable delete {NAME} --repo " in caught.value.todo


def test_malformed_key_before_anything(shop: Shop) -> None:
    """A malformed key is refused before GitHub is asked."""
    store = JournalStore(shop.store.repository, NAME, Secret("malformed"), shop.waits.append)
    with pytest.raises(InputError):
        store.read()
    assert shop.methods == []


def test_foreign(shop: Shop) -> None:
    """A journal copied from another repository is refused."""
    shop.octo.stored.variables[NAME] = seal(shop.journal(repository_id=1), KEY)
    with fails("journal-foreign", Exit.INPUT):
        shop.store.read()


def test_refusals_change_nothing(shop: Shop) -> None:
    """A journal that can't be opened stays as it is."""
    shop.octo.stored.variables[NAME] = "damaged"
    with pytest.raises(PersonNeededError):
        shop.store.read()
    assert (shop.octo.stored.variables[NAME], shop.methods) == ("damaged", ["GET"])


def test_survives_a_rename(open_shop: Shop) -> None:
    """A repository that was renamed keeps its journal."""
    open_shop.octo.github.rename("octo/bot", "octo/robot")
    opened = open_shop.octo.client.repository("octo/robot")
    journal = JournalStore(opened, NAME, Secret(KEY_TEXT), open_shop.waits.append).read()
    assert journal == open_shop.written


# Writing.


def test_first_write(shop: Shop) -> None:
    """The first write only creates the variable: it can't overwrite another run's."""
    shop.store.write(shop.journal())
    assert (shop.methods[-2:], shop.written.account) == (["GET", "POST"], JOURNAL.account)


def test_generations(shop: Shop) -> None:
    """Each write counts one generation, in what is returned and in what is stored."""
    journal, seen = shop.journal(), []
    for _ in range(3):
        journal = shop.store.write(journal)
        seen.append((journal.generation, shop.written.generation))
    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_what_is_written_is_read(open_shop: Shop) -> None:
    """A journal is read as it was written."""
    written = open_shop.store.write(open_shop.journal(account="other@social.example"))
    assert open_shop.store.read() == written


@pytest.mark.parametrize("loss", LOSSES)
def test_lost_answer_to_a_patch(open_shop: Shop, loss: Loss) -> None:
    """A PATCH whose answer was lost is settled by reading back, and is written in the end."""
    lose(open_shop.octo, loss, "PATCH")
    journal = open_shop.store.write(open_shop.journal(generation=1))
    assert (open_shop.written, journal.generation) == (journal, 2)


@pytest.mark.parametrize("loss", LOSSES)
def test_lost_answer_to_a_post(shop: Shop, loss: Loss) -> None:
    """A POST whose answer was lost is settled by reading back, and is written in the end."""
    lose(shop.octo, loss, "POST")
    journal = shop.store.write(shop.journal())
    assert (shop.written, journal.generation) == (journal, 1)


@pytest.mark.parametrize("loss", ["after", "torn", "502 after"])
def test_no_second_write(open_shop: Shop, loss: Loss) -> None:
    """A write that reading back confirms is not repeated, and nothing is waited for."""
    lose(open_shop.octo, loss, "PATCH")
    open_shop.store.write(open_shop.journal(generation=1))
    assert (open_shop.methods.count("PATCH"), sum(open_shop.waits)) == (1, 0)


@pytest.mark.parametrize("loss", ["after", "torn", "502 after"])
def test_no_second_first_write(shop: Shop, loss: Loss) -> None:
    """Nor is the one that makes the variable."""
    lose(shop.octo, loss, "POST")
    shop.store.write(shop.journal())
    assert (shop.methods.count("POST"), sum(shop.waits)) == (1, 0)


@pytest.mark.parametrize("loss", ["before", "502 before"])
def test_second_write(open_shop: Shop, loss: Loss) -> None:
    """A write that reading back does not find is repeated, after a pause."""
    lose(open_shop.octo, loss, "PATCH")
    open_shop.store.write(open_shop.journal(generation=1))
    assert (open_shop.methods.count("PATCH"), open_shop.waits[-1]) == (2, PATIENCE[1])


@pytest.mark.parametrize("loss", LOSSES)
def test_reading_back_fails_too(open_shop: Shop, loss: Loss) -> None:
    """A read-back that is lost as well settles nothing: the write goes on until it is certain."""
    lose(open_shop.octo, loss, "PATCH", "GET", times=5)
    journal = open_shop.store.write(open_shop.journal(generation=1))
    assert open_shop.written == journal


@pytest.mark.parametrize("loss", LOSSES)
def test_unconfirmed(open_shop: Shop, loss: Loss) -> None:
    """After all patience the run stops half-way, as one whose journal may or may not be written."""
    lose(open_shop.octo, loss, "PATCH", "GET", times=1000)
    with fails("journal-unconfirmed", Exit.HALF_WAY):
        open_shop.store.write(open_shop.journal(generation=1))
    assert tuple(open_shop.waits) == PATIENCE


def test_rate_limited_while_reading_back(open_shop: Shop) -> None:
    """A read-back that is refused settles nothing: it is not said that nothing was written."""
    limit = reply(403, {"message": "API rate limit exceeded"}, {"Retry-After": "999"})
    written: list[Seen] = []

    def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes | None:
        if seen.method == "GET":
            return limit if written else real()
        written.append(seen)
        real()
        return None

    open_shop.octo.interfere = interfere
    with fails("journal-unconfirmed", Exit.HALF_WAY):
        open_shop.store.write(open_shop.journal(generation=1))


def test_definite_refusal(open_shop: Shop) -> None:
    """A refusal is raised at once: nothing was written, and nothing is repeated."""
    open_shop.octo.token(open_shop.octo.github.add_token({"actions_variables": "read"}))
    with fails("github-permission", Exit.PERSON):
        open_shop.store.write(open_shop.journal(generation=1))
    assert open_shop.methods == ["GET", "PATCH"]


def test_overtaken_and_unheard(open_shop: Shop) -> None:
    """A lost write, in place of which reading back finds another run's, ends this run."""
    others = seal(open_shop.journal(generation=7), KEY)

    def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes | None:
        if seen.method == "PATCH":
            open_shop.octo.stored.variables[NAME] = others
            return None
        return real()

    open_shop.octo.interfere = interfere
    with fails("overtaken", Exit.HALF_WAY):
        open_shop.store.write(open_shop.journal(generation=1))
    assert open_shop.octo.stored.variables[NAME] == others


def test_overtaken(open_shop: Shop) -> None:
    """A run that was overtaken since it read the journal does not overwrite the other one's.

    The other one may have staged a token there, which nobody would know of afterwards.
    """
    others = open_shop.journal(generation=7)
    open_shop.octo.stored.variables[NAME] = seal(others, KEY)
    with fails("overtaken", Exit.HALF_WAY):
        open_shop.store.write(open_shop.journal(generation=1, current=None))
    assert open_shop.written == others


def test_overtaken_under_another_key(open_shop: Shop) -> None:
    """A journal that our key does not open is not taken for our own, garbled on its way."""
    others = seal(open_shop.journal(), b"k" * 32)
    open_shop.octo.stored.variables[NAME] = others
    with fails("overtaken", Exit.HALF_WAY):
        open_shop.store.write(open_shop.journal(generation=1))
    assert open_shop.octo.stored.variables[NAME] == others


def test_garbled(open_shop: Shop) -> None:
    """What our own key no longer opens is written once more, and looked at before that."""
    known = open_shop.octo.stored.variables[NAME]
    open_shop.octo.stored.variables[NAME] = known[:-8] + "AAAAAAA="
    open_shop.store.require_unchanged()
    assert open_shop.octo.stored.variables[NAME] == known
    assert open_shop.methods == ["GET", "GET", "PATCH"]


def test_overtaken_at_the_very_first_write(shop: Shop) -> None:
    """Where another run creates the variable between PATCH and POST, its journal is kept."""
    others = shop.journal(generation=1)

    def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes:
        if seen.method == "POST":
            shop.octo.stored.variables[NAME] = seal(others, KEY)
        return real()

    shop.octo.interfere = interfere
    with fails("overtaken", Exit.HALF_WAY):
        shop.store.write(shop.journal(current=None))
    assert shop.written == others


class TestDeleted:
    """A journal that this run knew and that is gone stays gone: its key may be deleted, too."""

    def test_before_a_write(self, open_shop: Shop) -> None:
        """It is not made anew."""
        del open_shop.octo.stored.variables[NAME]
        with pytest.raises(DeletedError):
            open_shop.store.write(open_shop.journal(generation=1))
        assert open_shop.octo.stored.variables == {}
        assert open_shop.methods == ["GET", "GET"]

    def test_before_an_act(self, open_shop: Shop) -> None:
        """Whatever was to follow the look does not."""
        del open_shop.octo.stored.variables[NAME]
        with pytest.raises(DeletedError):
            open_shop.store.require_unchanged()
        assert open_shop.octo.stored.variables == {}

    def test_before_a_write_without_a_look(self, open_shop: Shop) -> None:
        """The write that stages a token finds nothing to update, and creates nothing."""
        del open_shop.octo.stored.variables[NAME]
        with pytest.raises(DeletedError):
            open_shop.store.write(open_shop.journal(generation=1), at_once=True)
        assert open_shop.octo.stored.variables == {}

    def test_while_a_write_was_lost(self, open_shop: Shop) -> None:
        """Neither is one whose answer was lost repeated."""

        def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes | None:
            if seen.method == "PATCH":
                del open_shop.octo.stored.variables[NAME]
                return None
            return real()

        open_shop.octo.interfere = interfere
        with pytest.raises(DeletedError):
            open_shop.store.write(open_shop.journal(generation=1))
        assert open_shop.octo.stored.variables == {}

    def test_not_by_a_404_alone(self, open_shop: Shop) -> None:
        """GitHub says 404 to who may not look, too: that is what the run stops with."""
        del open_shop.octo.stored.variables[NAME]
        none = reply(404, {"message": "Not Found"})
        open_shop.octo.interfere = lambda _, __: none
        with pytest.raises(PersonNeededError):
            open_shop.store.require_unchanged()

    def test_as_seen_by_another_run(self, open_shop: Shop) -> None:
        """A run that starts afterwards makes one, as the first run did."""
        del open_shop.octo.stored.variables[NAME]
        assert open_shop.store.read() is None
        open_shop.store.write(open_shop.journal())
        assert open_shop.written.generation == 1


def test_taking_turns(open_shop: Shop) -> None:
    """Two stores that write in turn, each having read the other's, overtake nobody."""
    other = JournalStore(open_shop.store.repository, NAME, Secret(KEY_TEXT), open_shop.waits.append)
    for store in (other, open_shop.store, other):
        journal = store.read()
        assert journal is not None
        store.write(journal)
    assert open_shop.written.generation == 4


def test_too_large(open_shop: Shop) -> None:
    """A journal over 48 KB is refused before anything is sent, and the former one stays."""
    before = open_shop.octo.stored.variables[NAME]
    old = Superseded(credential=CREDENTIAL, revoke_after=1)
    with fails("value-too-large", Exit.INPUT):
        open_shop.store.write(open_shop.journal(superseded=(old,) * (LARGEST_VALUE // 300)))
    assert open_shop.octo.stored.variables[NAME] == before
    assert open_shop.methods == []


def test_large_journal(shop: Shop) -> None:
    """A journal of many rotations fits, and is read again."""
    old = Superseded(credential=CREDENTIAL, revoke_after=1)
    written = shop.store.write(shop.journal(superseded=(old,) * 40))
    assert shop.store.read() == written


def test_nothing_secret_on_the_wire(shop: Shop) -> None:
    """No request holds a secret of the journal, or its key."""
    shop.store.write(shop.journal())
    sent = b"".join(seen.body for seen in shop.octo.wire.seen)
    assert not any(secret.encode() in sent for secret in (TOKEN, "client-secret", KEY_TEXT))


def test_other_names(octo: Octo) -> None:
    """Two bots in one repository keep their journals apart."""
    repository, waits = octo.repository(), list[float]()
    first = JournalStore(repository, "ONE", Secret(KEY_TEXT), waits.append)
    second = JournalStore(repository, "TWO", Secret(KEY_TEXT), waits.append)
    first.write(JOURNAL.model_copy(update={"repository_id": octo.stored.id}))
    assert (second.read(), first.key_name, second.key_name) == (None, "ONE_KEY", "TWO_KEY")


def test_lost_connection_is_no_refusal(open_shop: Shop) -> None:
    """A variable of the bot's own, written with `repeat=False`, tells that its fate is unknown."""
    lose(open_shop.octo, "after", "PATCH")
    with pytest.raises(NoAnswerError):
        open_shop.store.repository.update_variable(NAME, "value", repeat=False)
