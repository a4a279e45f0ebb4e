"""Times as a person reads them."""

import pytest

from provisioner.report import duration, iso, when


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
