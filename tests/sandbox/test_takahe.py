"""Takahē 0.11, row by row as it was measured."""

import re
from collections.abc import Mapping

import httpx
import pytest

from provisioner.sandbox import Instance, Person
from tests.sandbox.hands import OOB, Fediverse

DENIED = (401, {"error": "access_denied"})
OTHER = "other.example"


@pytest.fixture
def personality() -> str:
    """The server that the instance plays."""
    return "takahe"


def is_page(answer: httpx.Response) -> bool:
    """Whether an answer is a page and no JSON."""
    return answer.headers["Content-Type"].startswith("text/html") and "<h1>" in answer.text


def test_no_metadata(fediverse: Fediverse) -> None:
    """Where the metadata would be is a page of 404."""
    answer = fediverse.http.get("/.well-known/oauth-authorization-server")
    assert (answer.status_code, is_page(answer)) == (404, True)


def test_version(fediverse: Fediverse) -> None:
    """The old description of the instance tells the version."""
    assert fediverse.http.get("/api/v1/instance").json()["version"] == "takahe/0.11.0"


def test_without_an_administrator(fediverse: Fediverse) -> None:
    """The new description is a crash where nobody is an administrator."""
    answer = fediverse.http.get("/api/v2/instance")
    assert (answer.status_code, is_page(answer)) == (500, True)


def test_with_an_administrator(fediverse: Fediverse) -> None:
    """With an administrator the new description tells the version."""
    fediverse.sandbox.instance.accounts[0].admin = True
    assert fediverse.http.get("/api/v2/instance").json()["version"] == "takahe/0.11.0"


def test_registration(fediverse: Fediverse) -> None:
    """The answer tells neither scopes nor redirect URIs."""
    body = fediverse.apply().json()
    assert re.fullmatch(r"tk-[\w-]{22}", body.pop("client_id"))
    assert len(body.pop("client_secret")) == 54
    assert body == {
        "id": "1",
        "name": "Bot",
        "website": None,
        "redirect_uri": OOB,
        "vapid_key": None,
    }


@pytest.mark.parametrize(
    "body",
    [
        {"client_name": "B", "redirect_uris": [OOB]},
        {"client_name": "B", "redirect_uris": OOB, "scopes": ["read"]},
        {"redirect_uris": OOB},
    ],
)
def test_registration_refused(fediverse: Fediverse, body: Mapping[str, object]) -> None:
    """An array, or a name that is missing, is 400."""
    answer = fediverse.http.post("/api/v1/apps", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_input")


def test_any_scope(fediverse: Fediverse) -> None:
    """Any scope can be registered, and is granted, registered or not."""
    app = fediverse.register(scopes="make:tea")
    answer = fediverse.exchange(app, fediverse.code(app, scope="make:coffee"))
    assert answer.json()["scope"] == "make:coffee"


def test_not_limited(fediverse: Fediverse) -> None:
    """There is no limit of requests."""
    answers = [fediverse.apply() for _ in range(6)]
    assert (answers[-1].status_code, "X-RateLimit-Limit" in answers[-1].headers) == (200, False)


def test_code(fediverse: Fediverse) -> None:
    """A code has 58 characters of base64url."""
    assert re.fullmatch(r"[\w-]{58}", fediverse.code(fediverse.register()))


@pytest.mark.parametrize("code", ["wrong", "{code} ", " {code}"])
def test_wrong_code(fediverse: Fediverse, code: str) -> None:
    """A wrong code, or white space around it, is a crash with a page; the code stays good."""
    app = fediverse.register()
    right = fediverse.code(app)
    answer = fediverse.exchange(app, code.format(code=right))
    again = fediverse.exchange(app, right).status_code
    assert (answer.status_code, is_page(answer), again) == (500, True, 200)


def test_used_code(fediverse: Fediverse) -> None:
    """A used code gives another token."""
    app = fediverse.register()
    code = fediverse.code(app)
    one, other = (fediverse.exchange(app, code).json()["access_token"] for _ in range(2))
    assert (one != other, fediverse.whoami(one).status_code) == (True, 200)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_secret": "wrong"}, DENIED),
        ({"client_id": "wrong"}, DENIED),
        ({"redirect_uri": "https://other.example/"}, DENIED),
        ({"redirect_uri": ""}, DENIED),
        ({"grant_type": "password"}, (400, {"error": "invalid_grant_type"})),
        (
            {"code": ""},
            (400, {"error": "invalid_request", "error_description": "Required param : code"}),
        ),
    ],
)
def test_refusals(
    fediverse: Fediverse, changes: Mapping[str, str], expected: tuple[int, object]
) -> None:
    """Each cause has its status and error, and leaves the code good."""
    app = fediverse.register()
    code = fediverse.code(app)
    answer = fediverse.exchange(app, **{"code": code, **changes})
    again = fediverse.exchange(app, code).status_code
    assert (answer.status_code, answer.json(), again) == (*expected, 200)


def test_state_is_not_shown(fediverse: Fediverse) -> None:
    """Out of band the state is shown nowhere."""
    seen: list[str] = []
    fediverse.sandbox.instance.observers.append(
        lambda _, response: seen.append(f"{response.headers} {response.body.decode()}")
    )
    fediverse.code(fediverse.register(), state="xyzzy")
    assert "xyzzy" not in seen[-1]


def test_app_token(fediverse: Fediverse) -> None:
    """An application's own token is the same word for all, and opens nothing."""
    token = fediverse.app_token(fediverse.register())
    answer = fediverse.whoami(token)
    assert (token, answer.status_code, answer.json()) == (
        "__app__",
        401,
        {"error": "identity_token_required"},
    )


def test_revoke(fediverse: Fediverse) -> None:
    """A revocation is answered with an empty 200."""
    app = fediverse.register()
    answer = fediverse.revoke(app, fediverse.token(app))
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("changes", [{"client_secret": "wrong"}, {"token": "unknown"}])
def test_revoke_refused(fediverse: Fediverse, changes: Mapping[str, str]) -> None:
    """A wrong secret and an unknown token are an empty 403."""
    app = fediverse.register()
    answer = fediverse.revoke(app, **{"token": fediverse.token(app), **changes})
    assert (answer.status_code, answer.content) == (403, b"")


def test_revoke_other_application(fediverse: Fediverse) -> None:
    """Another application's token is an empty 403, and stays alive."""
    token = fediverse.token(fediverse.register())
    answer = fediverse.revoke(fediverse.register(), token)
    after = fediverse.whoami(token).status_code
    assert (answer.status_code, answer.content, after) == (403, b"", 200)


def test_dead_tokens(fediverse: Fediverse) -> None:
    """A revoked and an unknown token are 400, and no JSON."""
    app = fediverse.register()
    token = fediverse.token(app)
    fediverse.revoke(app, token)
    answers = [fediverse.whoami(one) for one in (token, "unknown")]
    found = [(one.status_code, one.text) for one in answers]
    assert found == 2 * [(400, "Invalid Bearer token")]


@pytest.mark.parametrize(
    ("scope", "status"),
    [("read", 200), ("write:statuses", 403), ("profile", 403), ("read:accounts", 403)],
)
def test_verify(fediverse: Fediverse, scope: str, status: int) -> None:
    """Whose token it is needs the whole of `read`: its parts are not enough."""
    token = fediverse.token(fediverse.register(scopes=scope), scope=scope)
    assert fediverse.whoami(token).status_code == status


@pytest.mark.parametrize("scope", ["write", "write:statuses"])
def test_prefix(fediverse: Fediverse, scope: str) -> None:
    """To post, `write` will do, and so does `write:statuses`."""
    token = fediverse.token(fediverse.register(scopes=scope), scope=scope)
    headers = {"Authorization": f"Bearer {token}"}
    answer = fediverse.http.post("/api/v1/statuses", data={"status": "Hi"}, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"response_type": "token"}, "Invalid response type 'token'"),
        ({"client_id": "nobody"}, "Invalid client_id"),
        ({"redirect_uri": "https://other.example/"}, "Invalid application redirect URI"),
    ],
)
def test_wrong_links(fediverse: Fediverse, changes: Mapping[str, str], text: str) -> None:
    """A wrong request ends on a page."""
    app = fediverse.register()
    assert text in fediverse.person().look(fediverse.link(app, **changes))


def test_identities(fediverse: Fediverse) -> None:
    """One person may have many identities, on many domains, and chooses one for each token."""
    instance = fediverse.sandbox.instance
    instance.add_account("news", "alice-password", "alice@example.org", domain=OTHER)
    app = fediverse.register()
    page = fediverse.person().look(fediverse.link(app))
    with Person("alice@example.org", "alice-password", identity="news") as person:
        code = person.approve(fediverse.link(app))
    token = fediverse.exchange(app, code).json()["access_token"]
    assert "Select Identity" in page
    assert fediverse.whoami(token).json()["url"] == f"http://{OTHER}/@news/"


def test_acct(fediverse: Fediverse) -> None:
    """An account has its domain in `acct`, but not when it asks about itself."""
    token = fediverse.token(fediverse.register())
    headers = {"Authorization": f"Bearer {token}"}
    post = fediverse.http.post("/api/v1/statuses", data={"status": "Hi"}, headers=headers).json()
    found = (post["account"]["acct"], fediverse.whoami(token).json()["acct"])
    assert found == (fediverse.sandbox.instance.address("alice"), "alice")


def test_same_name_on_two_domains() -> None:
    """A name may stand on two domains, and not twice on one."""
    instance = Instance(personality="takahe")
    instance.add_account("alice", "password")
    instance.add_account("alice", "password", domain=OTHER)
    with pytest.raises(ValueError, match="there is an account Alice already"):
        instance.add_account("Alice", "password", domain=OTHER)


@pytest.mark.parametrize(
    ("resource", "status"),
    [("", 400), ("https://{domain}/@alice", 400), ("acct:nobody@{domain}", 404)],
)
def test_webfinger_refusals(fediverse: Fediverse, resource: str, status: int) -> None:
    """Only accounts are looked up; a stranger is 404."""
    query = {"resource": resource.format(domain=fediverse.sandbox.instance.domain)}
    assert fediverse.http.get("/.well-known/webfinger", params=query).status_code == status
