"""What the action says to the runner, story by story: kept texts, and what holds in each of them.

`python -m tests.action.stories` renews the texts.
"""

import re
from functools import cache

import pytest

from tests.action import stories
from tests.action.step import JOURNAL, KEY, MASK, WRITTEN
from tests.action.stories import ENDED, GIVEN
from tests.support.site import REPOSITORY

KEPT = stories.kept()
each = pytest.mark.parametrize("name", KEPT)
SECRET = re.compile(
    r"<(?:GitHub token|journal key|client secret|verifier|code|access token)[ \d]*>"
)


@cache
def played() -> dict[str, str]:
    return stories.texts()


def lines(name: str) -> list[str]:
    """The lines of a run and its writes, up to its end."""
    return played()[name].partition(f"\n\n{ENDED}")[0].splitlines()[3:]


def leading(said: list[str]) -> list[str]:
    first = next(number for number, line in enumerate(said) if not line.startswith(MASK))
    return said[:first]


def test_texts_are_as_they_were_kept() -> None:
    """`python -m tests.action.stories` renews them."""
    assert played() == KEPT


@each
def test_what_was_handed_in_is_masked_before_anything_else(name: str) -> None:
    given = SECRET.findall(played()[name].splitlines()[1].removeprefix(GIVEN))
    said = lines(name)
    assert {f"{MASK}{secret}" for secret in given} <= set(leading(said))


@each
def test_secrets_stand_in_masks_alone(name: str) -> None:
    """In the log, the requests, the outputs and the summary."""
    said = [line for line in lines(name) if not line.startswith(MASK)]
    after = played()[name].partition(f"\n\n{ENDED}")[2]
    assert SECRET.findall("\n".join([*said, after])) == []


@each
def test_what_comes_to_life_is_masked_before_it_travels(name: str) -> None:
    """A secret that a server made is masked in the very next line, whatever comes after it."""
    said = lines(name)
    born = {"POST /api/v1/apps 200": "<client secret", "POST /oauth/token 200": "<access token"}
    for request, secret in born.items():
        for number, line in enumerate(said):
            if line == WRITTEN + request:
                assert said[number + 1].startswith(MASK + secret)


def test_what_the_action_makes_is_masked_before_it_travels() -> None:
    """The journal's key before it is stored, and a verifier before the journal and the link."""
    said = lines("begin")
    key = said.index(f"{MASK}<journal key>")
    stored = said.index(f"{WRITTEN}PUT /repos/{REPOSITORY}/actions/secrets/{KEY} 201")
    verifier = said.index(f"{MASK}<verifier 1>")
    journal = said.index(f"{WRITTEN}PATCH /repos/{REPOSITORY}/actions/variables/{JOURNAL} 204")
    link = next(number for number, line in enumerate(said) if "code_challenge=" in line)
    assert key < stored < verifier < journal < link
