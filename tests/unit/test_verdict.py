"""What an answer says about a token."""

import httpx
import pytest

from provisioner.answer import Answer
from provisioner.mastodon.errors import Dead, Unclear, judge
from tests.unit.instances import instance_of
from tests.unit.web import NOW, Reply, page, redirect, say

FRIENDICA = Reply(
    401,
    b"<!DOCTYPE html><title>Unauthorized</title><p>Request: 66d1c2",
    {"Content-Type": "text/html", "WWW-Authenticate": 'Basic realm="Friendica"'},
)
DOORKEEPER = 'Bearer realm="Doorkeeper", error="invalid_token", error_description="Token revoked"'


def verdict(reply: Reply, software: str = "Mastodon") -> Dead | Unclear:
    """What an instance's answer says."""
    answer = Answer(reply.status, httpx.Headers(dict(reply.headers)), reply.body, NOW, ())
    return judge(instance_of(software), answer)


@pytest.mark.parametrize(
    "error",
    [
        "The access token is invalid",
        "The access token was revoked",
        "The access token expired",
        "Unauthorized: token was revoked",
        "invalid_token",
    ],
)
def test_a_401_that_names_its_error_means_dead(error: str) -> None:
    assert verdict(say({"error": error}, 401)) == Dead(
        f"social.example answered HTTP 401 (“{error}”)"
    )


def test_the_challenge_of_rfc_6750_means_dead() -> None:
    assert isinstance(verdict(Reply(401, b"", {"WWW-Authenticate": DOORKEEPER})), Dead)


@pytest.mark.parametrize(
    ("software", "reply"),
    [
        ("takahe", Reply(400, b"Invalid Bearer token")),
        ("Pixelfed", redirect("/login")),
        ("Pixelfed", redirect("https://social.example/login")),
        ("Pixelfed", say({"error": "Unauthenticated."}, 500)),
        ("Sharkey", say({"error": {"code": "AUTHENTICATION_FAILED", "id": "x"}}, 401)),
        ("snac", Reply(422)),
        ("Friendica", FRIENDICA),
    ],
    ids=["takahe", "pixelfed", "pixelfed, whole", "pixelfed, json", "sharkey", "snac", "friendica"],
)
def test_a_server_s_own_way_to_say_so_means_dead(software: str, reply: Reply) -> None:
    assert isinstance(verdict(reply, software), Dead)


@pytest.mark.parametrize(
    ("software", "reply", "accepted"),
    [
        ("Pleroma", say({"error": "Invalid credentials."}, 403), False),
        ("Akkoma", say({"error": "Invalid credentials."}, 403), False),
        ("GoToSocial", say({"error": "Unauthorized: application not supplied"}, 401), True),
        ("Mastodon", say({"error": "Your login is currently disabled"}, 403), True),
        ("Mastodon", say({"error": "Your login is missing a confirmed e-mail address"}, 403), True),
        ("Mastodon", say({"error": "Your login is currently pending approval"}, 403), True),
        ("Mastodon", say({"error": "Your account requires two-factor authentication"}, 403), True),
    ],
)
def test_where_it_is_the_account_a_person_is_told_what_to_do(
    software: str, reply: Reply, *, accepted: bool
) -> None:
    state = verdict(reply, software)
    assert isinstance(state, Unclear)
    assert state.next
    assert state.refused
    assert state.token_accepted == accepted


@pytest.mark.parametrize("software", ["Mastodon", "takahe", "Pleroma", "Pixelfed", "snac", ""])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, b"Bad Request"),
        say({"error": "Insufficient permissions: read:accounts."}, 403),
        redirect("/maintenance"),
        redirect("https://other.example/login"),
        page(401),
        page(403),
        page(422),
        page(200),
        say({"error": "This method requires an authenticated user"}, 422),
        Reply(401, page().body, {"WWW-Authenticate": 'Basic realm="Staging"'}),
    ],
    ids=[
        *("400", "scopes", "maintenance", "another's login", "page 401", "page 403", "page 422"),
        *("page", "app-only token", "a proxy's password"),
    ],
)
def test_what_only_looks_like_it_kills_no_token(software: str, reply: Reply) -> None:
    state = verdict(reply, software)
    assert isinstance(state, Unclear)
    assert state.next == ()


@pytest.mark.parametrize(
    ("software", "reply"),
    [
        ("Mastodon", Reply(422)),
        ("Mastodon", FRIENDICA),
        ("Friendica", page(401)),
        ("Friendica", Reply(403, FRIENDICA.body, FRIENDICA.headers)),
        ("snac", say({}, 422)),
        ("snac", say({"error": ""}, 422)),
    ],
)
def test_one_server_s_way_means_nothing_elsewhere_or_by_half(software: str, reply: Reply) -> None:
    assert isinstance(verdict(reply, software), Unclear)


@pytest.mark.parametrize(
    ("reply", "refused"),
    [
        (page(401), True),
        (Reply(401), True),
        (say([], 401), True),
        (say({"message": "no"}, 401), True),
        (Reply(400, b"Bad token"), True),
        (say({"error": "This action is outside the authorized scopes"}, 403), True),
        (Reply(418), True),
        (Reply(408), False),
        (say({"error": "Too many"}, 429), False),
        (page(500), False),
        (page(503), False),
        (page(200), False),
        (Reply(200), False),
        (redirect("/login"), False),
        (redirect("urn:ietf:wg:oauth:2.0:oob?error=x"), False),
    ],
)
def test_whether_it_was_a_refusal_is_kept_for_tokens_that_we_just_revoked(
    reply: Reply, *, refused: bool
) -> None:
    state = verdict(reply)
    assert isinstance(state, Unclear)
    assert state.refused == refused
