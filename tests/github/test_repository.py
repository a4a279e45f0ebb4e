"""The client against the embedded GitHub: what is asked, what is stored, what is refused."""

import base64
import json
from collections.abc import Callable, Iterator

import pytest

from provisioner.destinations import LARGEST_VALUE
from provisioner.errors import Exit, PersonNeededError, TransportError
from provisioner.github import GitHub
from provisioner.http import Http
from provisioner.sandbox import GitHub as EmbeddedGitHub
from provisioner.sandbox import serve
from provisioner.secret import Secret
from tests.github.server import NAME, Octo, Seen, reply
from tests.told import fails, said

KEY = base64.b64encode(bytes(range(32))).decode()
TOO_LARGE = ["x" * (LARGEST_VALUE + 1), "ü" * (LARGEST_VALUE // 2 + 1)]


@pytest.fixture
def octo() -> Iterator[Octo]:
    """An embedded GitHub, to which nothing is sent that GitHub's description does not know."""
    with Octo() as octo:
        yield octo
    assert octo.checked.violations == []


def answers(octo: Octo) -> list[int]:
    """Fill this list with the statuses that GitHub answers from now on."""
    statuses: list[int] = []
    octo.github.observers.append(lambda _request, response: statuses.append(response.status))
    return statuses


def lose_answer(octo: Octo, method: str) -> None:
    """Lose the first answer to such a request, after GitHub has acted."""
    lost: list[Seen] = []

    def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes | None:
        answer = real()
        if seen.method == method and not lost:
            lost.append(seen)
            return None
        return answer

    octo.interfere = interfere


def test_opens_by_any_case(octo: Octo) -> None:
    """A repository is known by its number and the name that it bears, however it was written."""
    opened = octo.client.repository("OCTO/Bot")
    assert (opened.id, opened.name) == (octo.stored.id, NAME)


def test_keeps_the_connection() -> None:
    """Opening a repository and writing to it works over the embedded GitHub's own server too."""
    github = EmbeddedGitHub()
    stored = github.add_repository(NAME)
    with serve(github) as server, Http() as http:
        client = GitHub(http, server.origin, Secret(github.add_token()))
        client.repository(NAME).put_secret("TOKEN", Secret("plaintext"))
    assert stored.open_secret("TOKEN") == "plaintext"


def test_headers(octo: Octo) -> None:
    """Each request names its API version, its media type, a user agent and the token."""
    octo.client.repository(NAME)
    headers = octo.wire.seen[0].headers
    assert (
        headers["x-github-api-version"],
        headers["accept"],
        headers["user-agent"].partition("/")[0],
        headers["authorization"],
    ) == (
        "2022-11-28",
        "application/vnd.github+json",
        "mastodon-provisioner",
        f"Bearer {octo.client.token.reveal()}",
    )


def test_secret_created_and_updated(octo: Octo) -> None:
    """A secret is created (201) and updated (204); both are success, and the last value stays."""
    repository = octo.repository()
    statuses = answers(octo)
    for value in ("first", "second"):
        repository.put_secret("TOKEN", Secret(value))
    assert (statuses, octo.stored.open_secret("TOKEN")) == ([200, 201, 204], "second")


def test_secret_is_sealed(octo: Octo) -> None:
    """What is sent is a box 48 bytes longer than the plaintext, under the key's id as a string."""
    repository = octo.repository()
    repository.put_secret("TOKEN", Secret("plaintext"))
    body = json.loads(octo.wire.seen[-1].body)
    box = base64.b64decode(body["encrypted_value"])
    assert (len(box), b"plaintext" in box, body["key_id"]) == (
        len("plaintext") + 48,
        False,
        octo.stored.vault.key_id,
    )


def test_key_is_read_once(octo: Octo) -> None:
    """Two secrets of one repository take one look at its public key."""
    repository = octo.repository()
    for name in ("ONE", "TWO"):
        repository.put_secret(name, Secret("value"))
    assert octo.wire.lines == [
        "GET /actions/secrets/public-key",
        "PUT /actions/secrets/ONE",
        "PUT /actions/secrets/TWO",
    ]


def test_key_rotated(octo: Octo) -> None:
    """A key that changed between reading and writing is read again, and the secret arrives."""
    repository = octo.repository()
    _ = repository.sealing_key
    octo.stored.vault.rotate_key()
    repository.put_secret("TOKEN", Secret("plaintext"))
    assert octo.stored.open_secret("TOKEN") == "plaintext"


def test_key_is_read_again_once(octo: Octo) -> None:
    """GitHub that goes on refusing the box is not asked for its key a third time."""
    repository = octo.repository()
    refusal = {"message": "Bad request - validation failed due to an improperly encrypted secret"}
    octo.always(reply(422, refusal), "PUT")
    with fails("github-invalid", Exit.INPUT):
        repository.put_secret("TOKEN", Secret("plaintext"))
    assert [line[:3] for line in octo.wire.lines] == ["GET", "PUT", "GET", "PUT"]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("2Sg8iYjAxxmI2LvUXpJjkYrMxURPc8r+dB7TJyvv1234", id="GitHub's own example"),
        pytest.param(base64.b64encode(bytes(31)).decode(), id="31 bytes"),
        pytest.param("", id="empty"),
        pytest.param("not base64!", id="not base64"),
        pytest.param("ключ", id="not ASCII"),
        pytest.param(None, id="null"),
        pytest.param(5, id="a number"),
        pytest.param(base64.b64encode(bytes(32)).decode(), id="nothing can be sealed for it"),
    ],
)
def test_bad_key(octo: Octo, key: object) -> None:
    """A public key that can't be one is refused in words, and nothing is written."""
    repository = octo.repository()
    octo.always(reply(200, {"key_id": "1", "key": key}), "GET", "public-key")
    with fails("bad-public-key", Exit.FAILED):
        repository.put_secret("TOKEN", Secret("plaintext"))
    assert len(octo.wire.seen) == 1


@pytest.mark.parametrize("key_id", [None, 568250167242549743, "", "\ud800x", "a\nb"])
def test_bad_key_id(octo: Octo, key_id: object) -> None:
    """Nor is a key without an id, or with one that could not be sent back."""
    repository = octo.repository()
    octo.always(reply(200, {"key_id": key_id, "key": KEY}), "GET", "public-key")
    with fails("bad-public-key", Exit.FAILED):
        repository.put_secret("TOKEN", Secret("plaintext"))
    assert len(octo.wire.seen) == 1


@pytest.mark.parametrize("moment", ["9999-12-31 23:59:59 -2300", "0001-01-01 00:00:00 +2300"])
def test_an_end_that_no_calendar_has(octo: Octo, moment: str) -> None:
    """A token's end before the first year or after the last is none that could be told."""
    expires = {"GitHub-Authentication-Token-Expiration": moment}
    octo.always(reply(404, {}, expires))
    octo.client.call("GET", "/")
    assert octo.client.token_expires_at is None


def test_key_with_more_fields(octo: Octo) -> None:
    """A key with the further fields that GitHub documents is a key like any other."""
    repository = octo.repository()
    more = {"id": 2, "url": "https://x.test", "title": "ssh", "created_at": "2011-01-26"}
    octo.always(reply(200, {"key_id": "1", "key": KEY} | more), "GET", "public-key")
    assert repository.sealing_key.id == "1"


def test_names_in_any_case(octo: Octo) -> None:
    """Upper and lower case are the same name to GitHub, for secrets and variables."""
    repository = octo.repository()
    repository.put_secret("token", Secret("value"))
    repository.put_variable("url", "value")
    assert (repository.has_secret("TOKEN"), repository.variable("URL")) == (True, "value")


def test_missing(octo: Octo) -> None:
    """What is not there is no error."""
    repository = octo.repository()
    assert (repository.has_secret("TOKEN"), repository.variable("URL")) == (False, None)


def test_variable_created(octo: Octo) -> None:
    """A new variable takes a PATCH, which finds none (404), and a POST."""
    repository = octo.repository()
    statuses = answers(octo)
    repository.put_variable("URL", "https://social.example/ü")
    assert (octo.stored.variables["URL"], statuses) == ("https://social.example/ü", [404, 201])


def test_variable_updated(octo: Octo) -> None:
    """A variable that is there takes one PATCH."""
    octo.stored.variables["URL"] = "old"
    repository = octo.repository()
    repository.put_variable("URL", "new")
    assert (octo.stored.variables["URL"], octo.wire.lines) == (
        "new",
        ["PATCH /actions/variables/URL"],
    )


def test_other_repository(octo: Octo) -> None:
    """What is written to one repository is sealed for it, and reaches no other one."""
    other = octo.github.add_repository("octo/other")
    octo.repository()
    octo.client.repository("octo/other").put_secret("TOKEN", Secret("plaintext"))
    assert (other.open_secret("TOKEN"), dict(octo.stored.secrets)) == ("plaintext", {})


@pytest.mark.parametrize("value", ["x" * LARGEST_VALUE, "ü" * (LARGEST_VALUE // 2)])
def test_largest_value(octo: Octo, value: str) -> None:
    """48 KB fit, counted in bytes, into a secret and a variable."""
    repository = octo.repository()
    repository.put_secret("TOKEN", Secret(value))
    repository.put_variable("URL", value)
    assert (octo.stored.open_secret("TOKEN"), octo.stored.variables["URL"]) == (value, value)


@pytest.mark.parametrize("value", TOO_LARGE)
def test_secret_too_large(octo: Octo, value: str) -> None:
    """A secret over 48 KB is refused before anything is asked of GitHub."""
    repository = octo.repository()
    with fails("value-too-large", Exit.INPUT) as caught:
        repository.put_secret("TOKEN", Secret(value))
    assert "TOKEN" in said(caught.value)
    assert octo.wire.seen == []


@pytest.mark.parametrize("value", TOO_LARGE)
def test_variable_too_large(octo: Octo, value: str) -> None:
    """A variable over 48 KB is refused before anything is asked of GitHub."""
    repository = octo.repository()
    with fails("value-too-large", Exit.INPUT) as caught:
        repository.put_variable("URL", value)
    assert "URL" in said(caught.value)
    assert octo.wire.seen == []


def test_lost_answer_of_a_secret(octo: Octo) -> None:
    """A write whose answer was lost is repeated, since writing twice does no harm."""
    repository = octo.repository()
    lose_answer(octo, "PUT")
    repository.put_secret("TOKEN", Secret("plaintext"))
    assert (octo.stored.open_secret("TOKEN"), octo.waits) == ("plaintext", [1.0])


def test_lost_answer_of_a_new_variable(octo: Octo) -> None:
    """A POST whose answer was lost had created the variable: the 409 that follows is no failure."""
    repository = octo.repository()
    lose_answer(octo, "POST")
    repository.put_variable("URL", "value")
    assert octo.stored.variables == {"URL": "value"}


def test_archived(octo: Octo) -> None:
    """An archived repository is refused when it is opened."""
    octo.stored.archived = True
    with fails("archived", Exit.PERSON):
        octo.client.repository(NAME)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in</html>",
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"id": "1", "full_name": "octo/bot"}',
        b'{"id": 1, "full_name": "bot"}',
        b"[" * 100_000,
        b"1" * 10_000,
    ],
)
def test_not_githubs_api(octo: Octo, body: bytes) -> None:
    """An address that answers 200 with something else than a repository is not taken for GitHub."""
    octo.always(reply(200, body))
    with fails("github-unwell", Exit.FAILED):
        octo.client.repository(NAME)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"value": 5}', b'{"value": null}'])
def test_variable_without_a_value(octo: Octo, body: bytes) -> None:
    """An answer without the value is an error, and not a variable that is missing."""
    repository = octo.repository()
    octo.always(reply(200, body))
    with pytest.raises(TransportError):
        repository.variable("URL")


def test_control_characters_in_a_name(octo: Octo) -> None:
    """What GitHub's address says that a repository is called can't command the terminal."""
    body = {"id": 1, "full_name": "octo/\x1b]0;owned\x07bot", "archived": True}
    octo.always(reply(200, body))
    with pytest.raises((PersonNeededError, TransportError)) as caught:
        octo.client.repository(NAME)
    assert "\x1b" not in said(caught.value)
