"""Errors as data; times and texts as a person reads them."""

import pytest

from provisioner.report import (
    ActionRequiredError,
    Open,
    ProvisionerError,
    Run,
    besides,
    duration,
    iso,
    plain,
    when,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1 minute"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (59 * 60, "59 minutes"),
        (3600, "1 hour"),
        (3601, "61 minutes"),
        (7200, "2 hours"),
        (7201, "3 hours"),
        (86400, "1 day"),
        (86401, "25 hours"),
        (2 * 86400, "2 days"),
    ],
)
def test_duration_is_rounded_up_to_a_unit_of_which_there_are_two(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_time_is_told_in_utc() -> None:
    assert when(1_800_000_000) == "15 January 2027, 08:00 UTC"
    assert iso(1_800_000_000) == "2027-01-15T08:00:00Z"
    assert when(None) == iso(None) == "never"


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
    other = Open("https://b.test")
    assert besides((*failed.next, other), "https://a.test") == (Run("begin"), other)


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
