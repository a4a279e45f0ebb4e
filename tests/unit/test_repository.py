"""The client against the embedded GitHub: what is asked, what is stored, what is refused."""

import base64
import json
from collections.abc import Callable, Iterator

import pytest

from provisioner.errors import ActionRequiredError, TransportError
from provisioner.github.client import GitHub
from provisioner.github.destinations import MAX_VALUE
from provisioner.http import Http
from provisioner.report import Exit
from provisioner.sandbox import GitHub as EmbeddedGitHub
from provisioner.sandbox import serve
from provisioner.secret import Secret
from tests.support.told import fails, said
from tests.unit.github_server import NAME, Octo, Seen, open_repository, reply

KEY = base64.b64encode(bytes(range(32))).decode()
TOO_LARGE = ["x" * (MAX_VALUE + 1), "ü" * (MAX_VALUE // 2 + 1)]


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
    opened = octo.open("OCTO/Bot")
    assert opened.id == octo.stored.id
    assert opened.name == NAME


def test_keeps_the_connection() -> None:
    """Opening a repository and writing to it works over the embedded GitHub's own server too."""
    github = EmbeddedGitHub()
    stored = github.add_repository(NAME)
    with serve(github) as server, Http() as http:
        client = GitHub(http, server.origin, Secret(github.add_token()))
        open_repository(client).put_secret("TOKEN", Secret("plaintext"))
    assert stored.open_secret("TOKEN") == "plaintext"


def test_headers(octo: Octo) -> None:
    """Each request names its API version, its media type, a user agent and the token."""
    octo.open()
    headers = octo.wire.seen[0].headers
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["user-agent"].startswith("mastodon-provisioner/")
    assert headers["authorization"] == f"Bearer {octo.client.token.reveal()}"


def test_secret_created_and_updated(octo: Octo) -> None:
    """A secret is created (201) and updated (204); both are success, and the last value stays."""
    repository = octo.repository()
    statuses = answers(octo)
    for value in ("first", "second"):
        repository.put_secret("TOKEN", Secret(value))
    assert statuses == [200, 201, 204]
    assert octo.stored.open_secret("TOKEN") == "second"


def test_secret_is_sealed(octo: Octo) -> None:
    """What is sent is a box 48 bytes longer than the plaintext, under the key's id as a string."""
    repository = octo.repository()
    repository.put_secret("TOKEN", Secret("plaintext"))
    body = json.loads(octo.wire.seen[-1].body)
    box = base64.b64decode(body["encrypted_value"])
    assert len(box) == len("plaintext") + 48
    assert b"plaintext" not in box
    assert body["key_id"] == octo.stored.key_id


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
    repository.read_sealing_key()
    octo.stored.rotate_key()
    repository.put_secret("TOKEN", Secret("plaintext"))
    assert octo.stored.open_secret("TOKEN") == "plaintext"


def test_key_is_read_again_once(octo: Octo) -> None:
    """GitHub that goes on refusing the box is not asked for its key a third time."""
    repository = octo.repository()
    refusal = {"message": "Bad request - validation failed due to an improperly encrypted secret"}
    octo.always(reply(422, refusal), "PUT")
    with fails("github-invalid", Exit.INPUT):
        repository.put_secret("TOKEN", Secret("plaintext"))
    assert [seen.method for seen in octo.wire.seen] == ["GET", "PUT", "GET", "PUT"]


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
    assert repository.read_sealing_key().id == "1"


def test_names_of_secrets_are_listed(octo: Octo) -> None:
    """One request lists them all: a repository has at most 100."""
    for number in range(100):
        octo.stored.set_secret(f"SECRET_{number}", "x")
    repository = octo.repository()
    repository.read_secret_names()
    assert repository.secret_names == {f"SECRET_{number}" for number in range(100)}
    assert len(octo.wire.seen) == 1


def test_written_secret_is_known_to_exist_without_another_list(octo: Octo) -> None:
    repository = octo.repository()
    repository.put_secret("TOKEN", Secret("value"))
    assert repository.secret_names == {"TOKEN"}


def test_deleted_secret_is_known_to_be_gone_without_another_list(octo: Octo) -> None:
    octo.stored.set_secret("TOKEN", "x")
    repository = octo.repository()
    repository.read_secret_names()
    assert repository.delete("secrets", "TOKEN")
    assert repository.secret_names == set()


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"secrets": null}'])
def test_list_that_is_none_is_an_error_and_not_an_empty_list(octo: Octo, body: bytes) -> None:
    repository = octo.repository()
    octo.always(reply(200, body))
    with fails("github-unwell", Exit.FAILED):
        repository.read_secret_names()


def test_entries_without_a_name_are_left_out(octo: Octo) -> None:
    repository = octo.repository()
    octo.always(reply(200, {"total_count": 4, "secrets": [{"name": "A"}, {}, 5, {"name": 5}]}))
    repository.read_secret_names()
    assert repository.secret_names == {"A"}


def test_variable_in_any_case(octo: Octo) -> None:
    """Upper and lower case are the same name to GitHub."""
    repository = octo.repository()
    repository.put_variable("url", "value", exists=False)
    assert repository.variable("URL") == "value"


def test_missing_variable(octo: Octo) -> None:
    """What is not there is no error."""
    assert octo.repository().variable("URL") is None


def test_variable_created(octo: Octo) -> None:
    """A variable that is known to be missing takes one POST."""
    repository = octo.repository()
    repository.put_variable("URL", "https://social.example/ü", exists=False)
    assert octo.stored.variables["URL"] == "https://social.example/ü"
    assert octo.wire.lines == ["POST /actions/variables"]


def test_variable_updated(octo: Octo) -> None:
    """A variable that is there takes one PATCH."""
    octo.stored.variables["URL"] = "old"
    repository = octo.repository()
    repository.put_variable("URL", "new", exists=True)
    assert octo.stored.variables["URL"] == "new"
    assert octo.wire.lines == ["PATCH /actions/variables/URL"]


def test_variable_deleted_meanwhile_is_created(octo: Octo) -> None:
    repository = octo.repository()
    statuses = answers(octo)
    repository.put_variable("URL", "value", exists=True)
    assert octo.stored.variables == {"URL": "value"}
    assert statuses == [404, 201]


def test_variable_created_meanwhile_is_updated(octo: Octo) -> None:
    octo.stored.variables["URL"] = "old"
    repository = octo.repository()
    statuses = answers(octo)
    repository.put_variable("URL", "new", exists=False)
    assert octo.stored.variables == {"URL": "new"}
    assert statuses == [409, 204]


@pytest.mark.parametrize("exists", [True, False])
def test_variable_that_both_exists_and_does_not_ends_in_words(
    octo: Octo,
    exists: bool,  # noqa: FBT001
) -> None:
    repository = octo.repository()

    def interfere(seen: Seen, _real: object) -> bytes:
        return reply(404 if seen.method == "PATCH" else 409, {"message": "No."})

    octo.interfere = interfere
    with fails("github-unwell", Exit.FAILED):
        repository.put_variable("URL", "value", exists=exists)


def test_other_repository(octo: Octo) -> None:
    """What is written to one repository is sealed for it, and reaches no other one."""
    other = octo.github.add_repository("octo/other")
    octo.repository()
    octo.open("octo/other").put_secret("TOKEN", Secret("plaintext"))
    assert other.open_secret("TOKEN") == "plaintext"
    assert dict(octo.stored.secrets) == {}


@pytest.mark.parametrize("value", ["x" * MAX_VALUE, "ü" * (MAX_VALUE // 2)])
def test_largest_value(octo: Octo, value: str) -> None:
    """48 KB fit, counted in bytes, into a secret and a variable."""
    repository = octo.repository()
    repository.put_secret("TOKEN", Secret(value))
    repository.put_variable("URL", value, exists=False)
    assert octo.stored.open_secret("TOKEN") == value
    assert octo.stored.variables["URL"] == value


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
        repository.put_variable("URL", value, exists=True)
    assert "URL" in said(caught.value)
    assert octo.wire.seen == []


def test_lost_answer_of_a_secret(octo: Octo) -> None:
    """A write whose answer was lost is repeated, since writing twice does no harm."""
    repository = octo.repository()
    lose_answer(octo, "PUT")
    repository.put_secret("TOKEN", Secret("plaintext"))
    assert octo.stored.open_secret("TOKEN") == "plaintext"
    assert octo.waits == [1.0]


def test_lost_answer_of_a_new_variable(octo: Octo) -> None:
    """A POST whose answer was lost had created the variable: the 409 that follows is no failure."""
    repository = octo.repository()
    lose_answer(octo, "POST")
    repository.put_variable("URL", "value", exists=False)
    assert octo.stored.variables == {"URL": "value"}


def test_archived(octo: Octo) -> None:
    """An archived repository is refused when it is opened."""
    octo.stored.archived = True
    with fails("archived", Exit.ACTION_REQUIRED):
        octo.open()


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
        octo.open()


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
    with pytest.raises((ActionRequiredError, TransportError)) as caught:
        octo.open()
    assert "\x1b" not in said(caught.value)
