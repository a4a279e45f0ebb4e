"""Errors as data."""

import pytest

from provisioner.errors import ActionRequiredError, ProvisionerError, plain
from provisioner.report import Open, Run


def test_error_of_another_kind_keeps_what_is_not_given() -> None:
    failed = ProvisionerError("code", "What.", why="Why.", next=("Next.",))
    same, other = failed.as_kind(ActionRequiredError), (Run("begin"),)
    assert vars(same) == vars(failed)
    changed = failed.as_kind(ActionRequiredError, why="Else.", next=other)
    assert type(changed) is ActionRequiredError
    assert (changed.code, changed.what) == ("code", "What.")
    assert (changed.why, changed.next) == ("Else.", other)


def test_link_is_the_first_page_that_the_next_steps_open() -> None:
    failed = ProvisionerError("code", "What.", next=(Run("begin"), Open("https://a.test")))
    assert failed.link == "https://a.test"
    assert ProvisionerError("code", "What.").link == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a “b”\n c", 'a "b" c'),
        ("\x1b[31mred\u202e", "[31mred"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
    ],
)
def test_text_of_a_server_is_one_printable_line_without_our_marks(text: str, shown: str) -> None:
    assert plain(text) == shown
