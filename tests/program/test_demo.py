"""`provisioner demo`: the whole story, from one command, with nothing else at hand."""

import re
from functools import cache

from tests.program.program import Run, run

FOUND = {
    "GH_TOKEN": "wrong",
    "GITHUB_API_URL": "https://api.github.com.invalid",
    "GITHUB_REPOSITORY": "somebody/else",
    "MASTODON_ACCOUNT": "somebody@else.invalid",
    "HTTP_PROXY": "http://127.0.0.1:9",
}
"""What the demo finds, and does not use."""


@cache
def played() -> Run:
    return run("demo", env=FOUND)


def test_demo_ends_with_a_post_and_shows_what_is_stored() -> None:
    assert (played().code, played().progress) == (0, "")
    assert re.search(r" http://127\.0\.0\.1:\d+/@mybot/\d+\n", played().output)
    shown = played().output.partition("\n3. What GitHub stored")[2]
    for stored in (
        r"secret +MASTODON_ACCESS_TOKEN +91 bytes",  # 48 more than a token of Mastodon's has
        r"secret +MASTODON_JOURNAL_KEY +\d{2} bytes",
        r"variable +MASTODON_JOURNAL +\d{3,5} bytes",
    ):
        assert re.search(f"octocat/mybot +{stored}", shown)


def test_demo_shows_nothing_as_long_as_a_token_but_what_is_public_in_the_link() -> None:
    link = next(word for word in played().output.split() if "/oauth/authorize?" in word)
    assert set(re.findall(r"[?&](\w+)=", link)) == {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "force_login"),
        *("code_challenge", "code_challenge_method"),
    }
    assert re.findall(r"[A-Za-z0-9_+/=-]{30,}", re.sub(r"http://\S+", "", played().output)) == []
