"""What a run tells a person, as tests look at it: codes and facts, and no sentences.

A fact that must be told (a link, a name, a time) is looked for wherever it may stand. Where the
product has a sentence for a fact and no field, one function here reads it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from provisioner.inputs import COMMANDS, INPUTS
from provisioner.report import Exit, Item, Next, Open, ProvisionerError, Report, Run, Set

TIME = re.compile(r"\d{1,2} \w+ \d{4}, \d\d:\d\d UTC")
"""As all times are told."""


@contextmanager
def fails(code: str, exit_code: Exit) -> Iterator[pytest.ExceptionInfo[ProvisionerError]]:
    """Expect an error of this code, which ends the run with this exit code."""
    with pytest.raises(ProvisionerError) as caught:
        yield caught
    assert caught.value.code == code
    assert caught.value.exit_code is exit_code
    assert said(caught.value)


def steps(following: Next) -> str:
    """What to do next, in no surface's words: each step's parts. Every input and command exists."""
    for step in following:
        if isinstance(step, Run):
            assert step.command in {*COMMANDS, "again"}
            steps(step.options)
        elif isinstance(step, Set):
            assert any(one.name == step.name for one in INPUTS)
    return "\n".join(step if isinstance(step, str) else repr(step) for step in following)


def said(error: ProvisionerError) -> str:
    """Everything that an error tells."""
    return f"{error.what}\n{error.why}\n{steps(error.next)}\n{error.link}"


def in_words(item: Item) -> str:
    """Everything that an item of a report tells."""
    assert ".." not in item.text
    return f"{item.text}\n{steps(item.next)}"


def runs(following: Next) -> list[str]:
    """The commands that are to be run next."""
    return [step.command for step in following if isinstance(step, Run)]


def would(report: Report) -> tuple[str, ...]:
    """What a dry run says that a real one would do."""
    planned = report.facts["would"]
    assert isinstance(planned, tuple)
    assert [one.text for one in report.items if one.verdict == "planned"] == [*planned]
    return planned


def pages(following: Next) -> list[str]:
    """The pages that are to be opened next."""
    return [step.url for step in following if isinstance(step, Open)]


def assert_in_turn(lines: Sequence[str], *facts: str) -> None:
    """Hold each line against the fact that it must tell."""
    for line, fact in zip(lines, facts, strict=True):
        assert fact in line


def says_no_code_is_needed(error: ProvisionerError) -> bool:
    """Whether it says that the next complete goes on with the staged token."""
    return any(isinstance(step, Run) and step == Run("complete") for step in error.next)


def says_token_may_be_lost(text: str) -> bool:
    """Whether it says that an exchange whose answer was lost may have issued a token."""
    return "may have issued a" in text


def says_token_comes_back(text: str) -> bool:
    """Whether it says that a lost token is given to the same application once more."""
    return "brings it back" in text or "the same token again" in text


def says_application_stays(note: Item) -> bool:
    """Whether it says that to remove the application would end the token in use."""
    return "leave the application" in steps(note.next)


def says_revoked(error: ProvisionerError) -> bool:
    """Whether it says that the token it speaks of was revoked by this run."""
    return "is revoked" in error.why


def says_still_to_be_revoked(note: str) -> bool:
    """Whether it says of an old token that it lives on, and that a later run sees to it."""
    return "is not revoked" in note


def says_no_second_post(error: ProvisionerError) -> bool:
    """Whether it says that the same text may be sent again at once: the server posts it once."""
    return "not posted twice" in said(error)


def calls_dead(finding: Item) -> bool:
    """Whether a check takes the token for invalid, and not for one that can't be used."""
    return "is dead" in finding.text
