"""`provisioner demo`: the whole story, from one command, with nothing else at hand."""

import re
from functools import cache

import pytest

from tests.program.program import Run, run


@cache
def played() -> Run:
    """The demo."""
    return run("demo")


def test_demo_ends_well() -> None:
    assert (played().code, played().progress) == (0, "")


def test_demo_shows_the_address_of_the_post() -> None:
    assert re.search(r" http://127\.0\.0\.1:\d+/@mybot/\d+\n", played().output)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("secret", "MASTODON_ACCESS_TOKEN"),
        ("secret", "MASTODON_JOURNAL_KEY"),
        ("variable", "MASTODON_JOURNAL"),
    ],
)
def test_demo_shows_name_and_size_of_what_is_stored(kind: str, name: str) -> None:
    assert re.search(rf"octocat/mybot +{kind} +{name} +\d{{2,5}} bytes", played().output)


def test_demo_shows_that_the_box_is_48_bytes_longer_than_the_token() -> None:
    """A token of Mastodon's has 43 characters."""
    assert re.search(r"MASTODON_ACCESS_TOKEN +91 bytes", played().output)


def test_demo_shows_nothing_as_long_as_a_token_but_what_is_public_in_the_link() -> None:
    shown = played().output
    public = re.findall(r"(?:client_id|code_challenge)=([A-Za-z0-9_-]+)", shown)
    long = re.findall(r"[A-Za-z0-9_+/=-]{30,}", re.sub(r"http://\S+", "", shown))
    assert len(public) == 2
    assert long == []


def test_link_of_the_demo_holds_public_parameters_alone() -> None:
    link = next(word for word in played().output.split() if "/oauth/authorize?" in word)
    assert set(re.findall(r"[?&](\w+)=", link)) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "force_login",
        "code_challenge",
        "code_challenge_method",
    }


def test_demo_takes_nothing_from_its_environment() -> None:
    """It needs no token, no repository and no network, and uses none that it finds."""
    found = {
        "GH_TOKEN": "wrong",
        "GITHUB_API_URL": "https://api.github.com.invalid",
        "GITHUB_REPOSITORY": "somebody/else",
        "MASTODON_ACCOUNT": "somebody@else.invalid",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    assert run("demo", env=found).code == 0
