"""What all servers that an instance can play have in common."""

import pytest

from provisioner.options import SERVERS
from provisioner.sandbox import PERSONALITIES, Instance, Person, PersonStuckError, Sandbox
from tests.sandbox.hands import Fediverse

WRONG_PASSWORD = {
    "mastodon-4.7": r"Invalid E-mail address or password\.",
    "mastodon-4.2": r"Invalid E-mail address or password\.",
    "gotosocial": "password/email combination was incorrect",
    "pleroma": "Invalid Username/Password",
    "pixelfed": "These credentials do not match our records",
    "takahe": "No account was found with that email",
}


@pytest.fixture(params=PERSONALITIES)
def personality(request: pytest.FixtureRequest) -> str:
    """Each server in turn."""
    return str(request.param)


def test_names() -> None:
    """The command line knows all of them."""
    assert SERVERS == PERSONALITIES


def test_unknown_name() -> None:
    """An unknown name is refused, with the known ones."""
    with pytest.raises(ValueError, match=r"there is no friendica; there are mastodon-4\.7, "):
        Sandbox(personality="friendica")


def test_default() -> None:
    """Without a name it is Mastodon 4.7."""
    assert Instance().software == "Mastodon 4.7"


def test_all_the_way(fediverse: Fediverse) -> None:
    """On each, a person's code becomes a token that says whose it is and can post."""
    app = fediverse.register()
    token = fediverse.token(app)
    name = fediverse.whoami(token).json()["username"]
    live = [one.token for one in fediverse.sandbox.instance.live_tokens("alice")]
    assert (name, live) == ("alice", [token])


def test_webfinger(fediverse: Fediverse) -> None:
    """On each, an account's name leads to its page."""
    name = fediverse.sandbox.instance.address("alice")
    query = {"resource": f"acct:{name}"}
    answer = fediverse.http.get("/.well-known/webfinger", params=query)
    assert (answer.status_code, answer.json()["subject"]) == (200, f"acct:{name}")


def test_wrong_password(personality: str, fediverse: Fediverse) -> None:
    """On each, a wrong password leads nowhere, and that is told on a page."""
    with (
        Person("alice", "wrong") as stranger,
        pytest.raises(PersonStuckError, match=WRONG_PASSWORD[personality]),
    ):
        stranger.approve(fediverse.link(fediverse.register()))


def test_death(fediverse: Fediverse) -> None:
    """On each, a token that was revoked is dead."""
    app = fediverse.register()
    token = fediverse.token(app)
    fediverse.sandbox.instance.revoke_access("alice")
    assert not fediverse.whoami(token).is_success


def test_removed_by_hand(fediverse: Fediverse) -> None:
    """On each, a person can end what they authorized on a page; other tokens stay alive."""
    app, other = fediverse.register(client_name="Tea"), fediverse.register(client_name="Coffee")
    gone, kept = fediverse.token(app), fediverse.token(other)
    instance = fediverse.sandbox.instance
    fediverse.person().remove(instance.origin, "Tea", instance.applications_page)
    assert [instance.is_live(one) for one in (gone, kept)] == [False, True]


@pytest.mark.parametrize("personality", ["gotosocial", "takahe"])
def test_idempotency_key_ignored(fediverse: Fediverse) -> None:
    """On some, an Idempotency-Key is ignored: there are two posts."""
    token = fediverse.token(fediverse.register())
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one"}
    for _ in range(2):
        fediverse.http.post("/api/v1/statuses", data={"status": "Hi"}, headers=headers)
    assert len(fediverse.sandbox.instance.statuses) == 2
