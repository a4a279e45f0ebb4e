"""Errors as data."""

from provisioner.errors import ActionRequiredError, ProvisionerError
from provisioner.report import Run


def test_error_of_another_kind_keeps_what_is_not_given() -> None:
    failed = ProvisionerError("code", "What.", why="Why.", next=("Next.",), link="https://a.test")
    same, other = failed.as_kind(ActionRequiredError), (Run("begin"),)
    assert vars(same) == vars(failed)
    changed = failed.as_kind(ActionRequiredError, why="Else.", next=other, link="https://b.test")
    assert type(changed) is ActionRequiredError
    assert (changed.code, changed.what) == ("code", "What.")
    assert (changed.why, changed.next, changed.link) == ("Else.", other, "https://b.test")
