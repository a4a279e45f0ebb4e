"""`provisioner demo`: the whole story, from one command, with nothing else at hand."""

import re
from functools import cache

import pytest

from tests.cli.program import Run, run


@cache
def played() -> Run:
    """The demo."""
    return run("demo")


def test_succeeds() -> None:
    """The demo ends well, and has nothing to say on standard error."""
    done = played()
    assert (done.code, done.progress) == (0, "")


def test_no_colour_in_a_pipe() -> None:
    """Without a terminal there is no escape code."""
    assert "\x1b" not in played().output


def test_ends_with_the_post() -> None:
    """The last line is what the bot posted, with its address."""
    done = played()
    assert re.search(r"mybot posted “.+”: http://127\.0\.0\.1:\d+/@mybot/\d+\n\Z", done.output)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("secret", "MASTODON_ACCESS_TOKEN"),
        ("secret", "MASTODON_JOURNAL_KEY"),
        ("variable", "MASTODON_JOURNAL"),
    ],
)
def test_shows_what_is_stored(kind: str, name: str) -> None:
    """What GitHub stores is shown by its name and the length of its ciphertext."""
    done = played()
    assert re.search(rf"octocat/mybot +{kind} +{name} +\d{{2,5}} bytes, sealed\n", done.output)


def test_length_of_the_ciphertext() -> None:
    """The token's box is 48 bytes longer than a token of Mastodon's, which has 43 characters."""
    assert "MASTODON_ACCESS_TOKEN  91 bytes" in played().output


def test_no_secret() -> None:
    """Nothing as long as a token is shown, but for what is public in the link."""
    shown = played().output
    public = re.findall(r"(?:client_id|code_challenge)=([A-Za-z0-9_-]+)", shown)
    long = re.findall(r"[A-Za-z0-9_+/=-]{30,}", re.sub(r"http://\S+", "", shown))
    assert (len(public), long) == (2, [])


def test_link() -> None:
    """The link holds nothing but the parameters that are public."""
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


def test_surroundings_do_not_matter() -> None:
    """It needs no token, no repository and no network, and takes none that it finds."""
    found = {
        "GH_TOKEN": "wrong",
        "GITHUB_API_URL": "https://api.github.com.invalid",
        "GITHUB_REPOSITORY": "somebody/else",
        "MASTODON_ACCOUNT": "somebody@else.invalid",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    assert run("demo", env=found).code == 0
