"""Secrets that redact themselves."""

import base64
import io
import json
import re
import string
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from rich.console import Console
from rich.traceback import Traceback

from provisioner.secret import MASK, SEALING, SealedSecret, Secret, redact

PLAIN = "zU9-wjQ_3kd/8s+Jm=~"
VISIBLE = string.ascii_letters + string.digits + string.punctuation.replace("*", "")


@dataclass(frozen=True)
class Holder:
    """A dataclass with a secret in it."""

    token: Secret


class Model(BaseModel):
    """A model with a secret in it."""

    token: SealedSecret


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
    "model's repr": lambda secret: repr(Model(token=secret)),
    "model's str": lambda secret: str(Model(token=secret)),
    "dump": lambda secret: str(Model(token=secret).model_dump()),
    "dump for JSON": lambda secret: str(Model(token=secret).model_dump(mode="json")),
    "JSON": lambda secret: Model(token=secret).model_dump_json(),
    "JSON in another context": lambda secret: Model(token=secret).model_dump_json(context={"a": 1}),
    "exception": lambda secret: str(ValueError(secret)),
    "exception's repr": lambda secret: repr(ValueError("no", secret)),
}


@pytest.mark.parametrize("way", SHOWN)
def test_no_way_to_print_shows_it(way: str) -> None:
    """Whatever prints a secret, or something that holds one, prints no part of it."""
    assert PLAIN not in SHOWN[way](Secret(PLAIN))


def test_a_model_says_that_something_was_left_out() -> None:
    """A dumped secret is asterisks."""
    assert Model(token=Secret(PLAIN)).model_dump_json() == json.dumps(
        {"token": MASK}, separators=(",", ":")
    )


def test_sealing_reveals() -> None:
    """Dumped to be sealed, a model comes back as it was."""
    dumped = Model(token=Secret(PLAIN)).model_dump_json(context=SEALING)
    assert Model.model_validate_json(dumped).token.reveal() == PLAIN


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


def test_json_refuses_it() -> None:
    """The standard library's JSON takes no secret, so that none slips into it."""
    with pytest.raises(TypeError):
        json.dumps({"token": Secret(PLAIN)})


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
