"""Secrets that redact themselves."""

import base64
import io
import json
import pickle
import re
import string
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.traceback import Traceback

from provisioner.secret import MASK, Secret, redact

PLAIN = "zU9-wjQ_3kd/8s+Jm=~"
VISIBLE = string.ascii_letters + string.digits + string.punctuation.replace("*", "")


@dataclass(frozen=True)
class Holder:
    """A dataclass with a secret in it."""

    token: Secret


class Struct(msgspec.Struct):
    """A struct with a secret in it, as the journal's are."""

    token: Secret


SHOWN: dict[str, Callable[[Secret], str]] = {
    "str": str,
    "repr": repr,
    "ascii": ascii,
    "f-string": lambda secret: f"{secret}",
    "f-string of repr": lambda secret: f"{secret!r:>40}",
    "format": format,
    "str.format": "{}".format,
    "percent": lambda secret: "%s" % secret,  # noqa: UP031 - one of the ways
    "list": lambda secret: str([secret]),
    "dict": lambda secret: str({"token": secret}),
    "dataclass": lambda secret: repr(Holder(secret)),
    "struct": lambda secret: repr(Struct(secret)),
    "struct as a dict": lambda secret: str(msgspec.structs.asdict(Struct(secret))),
    "exception": lambda secret: str(ValueError(secret)),
    "exception's repr": lambda secret: repr(ValueError("no", secret)),
}


@pytest.mark.parametrize("way", SHOWN)
def test_no_way_to_print_shows_it(way: str) -> None:
    """Whatever prints a secret, or something that holds one, prints no part of it."""
    assert PLAIN not in SHOWN[way](Secret(PLAIN))


def test_secret_shows_as_asterisks() -> None:
    assert str(Secret(PLAIN)) == MASK
    assert repr(Secret(PLAIN)) == f"Secret('{MASK}')"


def test_empty_secret_is_told_from_one_that_is_hidden() -> None:
    assert str(Secret("")) == ""
    assert not Secret("")
    assert Secret(PLAIN)
    assert len(Secret(PLAIN)) == len(PLAIN)


def test_secrets_are_equal_by_their_plaintext() -> None:
    assert Secret(PLAIN) == Secret(PLAIN)
    assert Secret(PLAIN) != Secret("other")
    assert {Secret(PLAIN), Secret(PLAIN), Secret("other")} == {Secret(PLAIN), Secret("other")}


def test_secret_is_not_equal_to_its_plaintext() -> None:
    """Else a comparison that forgot to reveal would work, and a set of both would mix them up."""
    assert Secret(PLAIN) != PLAIN


def test_secret_is_not_pickled() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(Holder(Secret(PLAIN)), protocol)


def test_secret_has_no_attributes_to_look_into() -> None:
    assert not hasattr(Secret(PLAIN), "__dict__")


@pytest.mark.parametrize(
    "encode",
    [json.dumps, msgspec.json.encode, msgspec.to_builtins],
    ids=["json", "msgspec", "dict"],
)
def test_no_encoder_takes_a_secret_unless_told_to_reveal_it(
    encode: Callable[[object], object],
) -> None:
    with pytest.raises(TypeError):
        encode({"token": Secret(PLAIN)})


def _failing(secret: Secret) -> None:
    holder = {"held": Holder(secret), "listed": [secret]}
    raise RuntimeError(holder, secret)


def test_tracebacks_with_locals() -> None:
    """A traceback that prints local variables prints no secret."""
    try:
        _failing(Secret(PLAIN))
    except RuntimeError as error:
        shown = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
    assert PLAIN not in shown


def test_rich_tracebacks_with_locals() -> None:
    """Nor does rich's, which looks into objects."""
    try:
        _failing(Secret(PLAIN))
    except RuntimeError as error:
        rendered = Traceback.from_exception(
            type(error), error, error.__traceback__, show_locals=True
        )
    out = io.StringIO()
    Console(file=out, width=200).print(rendered)
    assert PLAIN not in out.getvalue()


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
def test_echoes_are_redacted(form: str) -> None:
    """A secret that a server echoes in a usual encoding is found and masked."""
    redacted = redact(f"no such token: {ECHOES[form]}!", [Secret(PLAIN)])
    assert redacted.rstrip("!=") == f"no such token: {MASK}"


def test_form_encoded_spaces_are_redacted() -> None:
    """A space is found both as `+` and as `%20`."""
    assert redact("a+b a%20b", [Secret("a b")]) == f"{MASK} {MASK}"


def test_overlapping_secrets_are_redacted() -> None:
    """A secret that begins with another one is masked as a whole."""
    assert redact("abcdef abc", [Secret("abc"), Secret("abcdef")]) == f"{MASK} {MASK}"


def test_an_empty_secret_masks_nothing() -> None:
    """An empty secret is found nowhere, rather than between all letters."""
    assert redact("text", [Secret("")]) == "text"


@given(st.text(), st.lists(st.text(VISIBLE, min_size=1)))
def test_redacted_text_holds_no_secret(text: str, plains: list[str]) -> None:
    """No secret at all stands in a redacted text."""
    redacted = redact(text + "".join(plains), map(Secret, plains))
    assert not [plain for plain in plains if plain in redacted]


@given(st.text(string.ascii_lowercase + " "))
def test_other_text_stays_as_it_is(text: str) -> None:
    """Text without the secret is not changed."""
    assert redact(text, [Secret(PLAIN)]) == text
