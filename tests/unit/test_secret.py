"""Secrets that redact themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_plus

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
    assert Secret(PLAIN) != Secret("other")


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


@pytest.mark.parametrize("echo", [PLAIN, quote_plus(PLAIN), quote_plus(PLAIN).lower()])
def test_echo_in_a_usual_encoding_is_redacted(echo: str) -> None:
    assert redact(f"no such token: {echo}!", [Secret(PLAIN)]) == f"no such token: {MASK}!"


def test_other_secrets_are_masked_as_a_whole_and_other_text_is_not() -> None:
    assert redact("a%2Fb+c a%2Fb%20c", [Secret("a/b c")]) == f"{MASK} {MASK}"
    assert redact("abcd bc", [Secret("bc"), Secret("abcd")]) == f"{MASK} {MASK}"
    assert redact("text", [Secret(""), Secret(PLAIN)]) == "text"
    assert str(Secret("")) == ""
    assert not Secret("")
    assert len(Secret(PLAIN)) == len(PLAIN)
