"""The journal: sealed, unsealed, and refused where it can't be trusted."""

import base64
import re
import string
from itertools import count

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.secret import SecretBox

from provisioner.github.destinations import Destination
from provisioner.journal import (
    UNKNOWN,
    Credential,
    Journal,
    Pending,
    Superseded,
    new_key,
    parse_key,
    seal,
    unseal,
)
from provisioner.mastodon.instance import Application, Instance
from provisioner.report import Exit, ProvisionerError, Set
from provisioner.secret import Secret
from tests.support.told import fails, said

KEY = bytes(range(32))
KEY_TEXT = base64.b64encode(KEY).decode()
TOKEN = "token-that-must-stay-secret"
BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
HERE = Destination("repository/1", "secrets", "TOKEN")
THERE = Destination("repository/1", "secrets", "OTHER")
ELSEWHERE = Destination("repository/1", "secrets", "FOREIGN")

texts = st.text(st.characters(codec="utf-8"), max_size=20)
st.register_type_strategy(str, texts)
st.register_type_strategy(int, st.integers(0, 2**40))
st.register_type_strategy(Secret, texts.map(Secret))
journals = st.from_type(Journal)

INSTANCE = Instance(
    origin="https://social.example",
    authorization_endpoint="https://social.example/oauth/authorize",
    token_endpoint="https://social.example/oauth/token",
    registration_endpoint="https://social.example/api/v1/apps",
    revocation_endpoint="https://social.example/oauth/revoke",
    has_metadata=True,
)
CREDENTIAL = Credential(
    instance=INSTANCE,
    application=Application("id", Secret("client-secret-of-it")),
    token=Secret(TOKEN),
    scopes=("read",),
    issued_at=1,
    expires_at=None,
)
PENDING = Pending(
    instance=INSTANCE,
    application=Application("pending", Secret("pending-secret")),
    verifier=Secret("verifier"),
    scopes=("read",),
    requested_scopes=(),
    app_name="bot",
    begun_at=1,
)
JOURNAL = Journal(repository_id=1, account="bot@social.example", current=CREDENTIAL)
SEALED = seal(JOURNAL, KEY)


# What is in it.


def test_journal_knows_where_a_token_may_stand_and_where_nothing_else_can() -> None:
    other = CREDENTIAL.replace(token=Secret("another-token"))
    mark, others = CREDENTIAL.fingerprint, other.fingerprint
    stands = {HERE: {mark}, THERE: {mark, others}, ELSEWHERE: {others, UNKNOWN}}
    journal = JOURNAL.replace(contents=JOURNAL.with_contents(stands))
    assert mark == "48edf00aa541af15"  # as in the journals that are kept
    assert journal.known(CREDENTIAL) == (HERE,)
    assert journal.may_hold(CREDENTIAL) == (HERE, THERE)
    assert journal.managed == (HERE, THERE)
    journal = journal.replace(contents=journal.without(other))
    assert journal.known(CREDENTIAL) == (HERE, THERE)
    assert journal.at(ELSEWHERE) == set()  # nothing of ours


@pytest.mark.parametrize(("moment", "due"), [(5, 5), (10, 10), (15, 10)])
def test_revocation_may_be_brought_forward_and_never_put_off(moment: int, due: int) -> None:
    assert Superseded(CREDENTIAL, 10).by(moment).revoke_after == due


def test_journal_names_all_its_secrets() -> None:
    """Each of them is masked."""
    old = CREDENTIAL.replace(token=Secret("old"), application=Application("old", Secret("o")))
    staged = CREDENTIAL.replace(token=Secret("staged"))
    pending = PENDING.replace(staged=staged)
    journal = JOURNAL.replace(pending=pending, superseded=(Superseded(old, 1),))
    assert {secret.reveal() for secret in journal.secrets()} == {
        *("staged", TOKEN, "old"),
        *("pending-secret", "client-secret-of-it", "o"),
        "verifier",
    }
    assert journal.staged == staged
    assert journal.credentials() == (staged, CREDENTIAL, old)


@pytest.mark.parametrize(
    ("journal", "holds"),
    [
        (Journal(1, ""), False),
        (Journal(1, "", pending=PENDING), False),
        (Journal(1, "", pending=PENDING.replace(attempts=(1,))), True),
        (Journal(1, "", pending=PENDING.replace(staged=CREDENTIAL)), True),
        (Journal(1, "", superseded=(Superseded(CREDENTIAL, 1),)), True),
        (JOURNAL, True),
    ],
)
def test_journal_holds_tokens_if_one_was_perhaps_issued(journal: Journal, *, holds: bool) -> None:
    assert journal.holds_tokens is holds
    assert journal.origin == (INSTANCE.origin if journal != Journal(1, "") else "")


# Sealing.


@settings(max_examples=50)
@given(journals, st.binary(min_size=32, max_size=32))
def test_sealed_journal_is_one_line_that_is_unsealed_unchanged(
    journal: Journal, key: bytes
) -> None:
    sealed = seal(journal, key)
    assert re.fullmatch(r"1:[0-9a-f]{16}:[A-Za-z0-9+/]+={0,2}", sealed)
    assert unseal(sealed, key) == journal
    assert unseal(f" {sealed}\n", key) == journal
    assert seal(journal, key) != sealed


def test_journal_that_is_shown_or_dumped_holds_no_secret() -> None:
    shown = f"{JOURNAL!r} {JOURNAL} {msgspec.structs.asdict(JOURNAL)}"
    assert TOKEN not in shown
    assert "client-secret-of-it" not in shown
    for dump in (msgspec.json.encode, msgspec.to_builtins):
        with pytest.raises(TypeError):
            dump(JOURNAL)


def test_change_or_cut_anywhere_is_noticed() -> None:
    for place, character in enumerate(SEALED):
        other = BASE64[(BASE64.index(character) + 32) % 64] if character in BASE64 else "A"
        for value in (SEALED[:place] + other + SEALED[place + 1 :], SEALED[:place]):
            with pytest.raises(ProvisionerError):
                unseal(value, KEY)


@pytest.mark.parametrize(
    "value",
    [
        *("", "1::", f"{SEALED}A", SEALED[2:], "\ud800"),
        *(f"{version}{SEALED[1:]}" for version in ("0", "01", "1.0", "\u0661")),
        *(f"{seal(JOURNAL.replace(account='a' * length), KEY)}AAAA" for length in (1, 2, 3)),
    ],
    ids=count(),
)
def test_garbage_is_called_damaged(value: str) -> None:
    with fails("journal-damaged", Exit.ACTION_REQUIRED):
        unseal(value, KEY)


@pytest.mark.parametrize("version", ["2", "10"])
def test_journal_of_a_newer_version_is_left_alone(version: str) -> None:
    with fails("journal-newer", Exit.ACTION_REQUIRED):
        unseal(f"{version}:something=else;entirely", KEY)


def test_another_key_is_told_from_damage() -> None:
    with fails("journal-key-wrong", Exit.INPUT) as caught:
        unseal(SEALED, bytes(32))
    assert Set("journal", "OTHER_JOURNAL") in caught.value.next  # fit to be pasted as it is


def test_refusal_quotes_nothing_of_the_journal() -> None:
    box = base64.b64encode(SecretBox(KEY).encrypt(b'{"account": "secret"}')).decode()
    with fails("journal-newer", Exit.ACTION_REQUIRED) as caught:
        unseal(SEALED[:19] + box, KEY)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# The key.


@pytest.mark.parametrize(
    "text", [KEY_TEXT, f"  {KEY_TEXT}\n", base64.urlsafe_b64encode(bytes(range(224, 256))).decode()]
)
def test_key_is_the_base64_of_32_bytes_in_either_alphabet(text: str) -> None:
    assert len(parse_key(Secret(text))) == 32
    assert parse_key(new_key(lambda size: bytes(range(size)))) == KEY


@pytest.mark.parametrize(
    "text",
    [
        *("", "malformed", KEY_TEXT[:-1], f"{KEY_TEXT[:20]} {KEY_TEXT[20:]}", "ключ"),
        *(base64.b64encode(bytes(size)).decode() for size in (31, 33)),
    ],
    ids=ascii,
)
def test_malformed_key_is_refused_without_quoting_it(text: str) -> None:
    with fails("bad-journal-key", Exit.INPUT) as caught:
        parse_key(Secret(text))
    assert not text or text not in said(caught.value)
