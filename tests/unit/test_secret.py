"""Secrets that redact themselves."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import pytest

from provisioner.secret import MASK, MAX_LENGTH, Secret, is_visible, redact

PLAIN = "zU9-wjQ_3kd/8s+Jm=~"


@dataclass(frozen=True)
class Holder:
    """A dataclass with a secret in it."""

    token: Secret


@pytest.mark.parametrize("show", [str, repr, "{}".format, lambda secret: repr(Holder(secret))])
def test_no_way_to_print_shows_it(show: Callable[[Secret], str]) -> None:
    shown = show(Secret(PLAIN))
    assert PLAIN not in shown
    assert MASK in shown


def test_secrets_are_equal_by_their_plaintext_and_not_equal_to_it() -> None:
    """Else a comparison that forgot to reveal would work, and a set of both would mix them up."""
    assert {Secret(PLAIN), Secret(PLAIN), Secret("other")} == {Secret(PLAIN), Secret("other")}
    assert Secret(PLAIN) != PLAIN


def test_secret_has_no_attributes_to_look_into() -> None:
    assert not hasattr(Secret(PLAIN), "__dict__")


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("!~", True),
        ("a" * MAX_LENGTH, True),
        ("a" * (MAX_LENGTH + 1), False),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("\x7f", False),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_visible_text_can_stand_in_a_header(text: str, *, visible: bool) -> None:
    assert is_visible(text) is visible


ECHOES = {
    "plain": PLAIN,
    "URL-encoded": quote(PLAIN, safe=""),
    "URL-encoded in lower case": re.sub("%..", lambda hit: hit[0].lower(), quote(PLAIN, safe="")),
    "form-encoded": quote_plus(PLAIN),
    "base64": base64.b64encode(PLAIN.encode()).decode(),
    "base64 without padding": base64.b64encode(PLAIN.encode()).decode().rstrip("="),
    "base64url": base64.urlsafe_b64encode(PLAIN.encode()).decode(),
    "base64url without padding": base64.urlsafe_b64encode(PLAIN.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("form", ECHOES)
def test_echo_in_a_usual_encoding_is_redacted(form: str) -> None:
    redacted = redact(f"no such token: {ECHOES[form]}!", [Secret(PLAIN)])
    assert redacted.rstrip("!=") == f"no such token: {MASK}"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_echo_within_the_base64_of_more_is_redacted(before: str) -> None:
    """As in an Authorization header of the kind Basic."""
    encoded = base64.b64encode(f"{before}:{PLAIN}:x".encode()).decode()
    redacted = redact(encoded, [Secret(PLAIN)])
    assert MASK in redacted
    assert len(redacted) <= len(encoded) - len(PLAIN) + len(MASK)


def test_other_secrets_are_masked_as_a_whole_and_other_text_is_not() -> None:
    assert redact("a+b a%20b", [Secret("a b")]) == f"{MASK} {MASK}"
    assert redact("abcdef abc", [Secret("abc"), Secret("abcdef")]) == f"{MASK} {MASK}"
    assert redact("text", [Secret(""), Secret(PLAIN)]) == "text"
    assert str(Secret("")) == ""
    assert not Secret("")
    assert len(Secret(PLAIN)) == len(PLAIN)
