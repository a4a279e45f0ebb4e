"""What the client asks of GitHub, what it stores there, and where it lets itself be sent."""

import base64
import json
from collections.abc import Callable, Mapping

import pytest

from provisioner.github.client import Repository
from provisioner.github.destinations import Kind
from provisioner.report import Exit, ProvisionerError, TransportError
from provisioner.secret import Secret
from tests.support.told import fails, runs, said
from tests.unit.octo import FAILED, NAME, Octo, acted, reply

KEY = base64.b64encode(bytes(range(32))).decode()
ACTIONS = f"/repos/{NAME}/actions"
HERE = {"Location": f"/repos/{NAME}"}
VALUE = Secret("plaintext")


def test_request_names_its_version_media_type_program_and_token(octo: Octo) -> None:
    octo.open().variable("URL")
    headers = octo.seen[0].headers
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["user-agent"].startswith("mastodon-provisioner/")
    assert headers["authorization"] == f"Bearer {octo.client.token.reveal()}"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("2026-12-01 09:30:00 UTC", 1796117400),
        ("2026-12-01 09:30:00 +0100", 1796113800),
        ("0001-01-01 00:00:00 +2300", None),
        ("soon", None),
    ],
)
def test_end_of_the_token_is_kept_if_any_answer_tells_it(
    octo: Octo, told: str, seconds: int | None
) -> None:
    octo.always(reply(404, {}, {"GitHub-Authentication-Token-Expiration": told}))
    octo.client.call("GET", "/")
    octo.always(reply(404, {}))
    octo.client.call("GET", "/")
    assert octo.client.token_expires_at == seconds


# The repository.


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in</html>",
        b'{"id": "1", "full_name": "octo/bot"}',
        b'{"id": 1, "full_name": "octo/\\u001b]0;owned\\u0007bot", "archived": true}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_answer_that_is_no_repository_is_not_taken_for_githubs(octo: Octo, body: bytes) -> None:
    octo.always(reply(200, body))
    with fails("github-unwell", Exit.FAILED) as caught:
        octo.open()
    assert "\x1b" not in said(caught.value)
    octo.always(reply(200, {"id": 1, "full_name": NAME, "archived": True}))
    with fails("archived", Exit.ACTION_REQUIRED):
        octo.open()


# Secrets.


def test_secret_is_created_and_updated_with_one_look_at_the_key(octo: Octo) -> None:
    repository = octo.open()
    for value in ("first", "second"):
        repository.put_secret("TOKEN", Secret(value))
    body = json.loads(octo.seen[-1].body)
    assert len(base64.b64decode(body["encrypted_value"])) == len("second") + 48  # it is sealed
    assert body["key_id"] == octo.stored.key_id
    assert octo.statuses == [200, 201, 204]
    assert octo.stored.open_secret("TOKEN") == "second"
    assert repository.secret_names == {"TOKEN"}


def test_key_is_read_again_once(octo: Octo) -> None:
    repository = octo.open()
    octo.always(reply(422, {"message": "improperly encrypted secret"}), "PUT")
    with fails("github-invalid", Exit.INPUT):
        repository.put_secret("TOKEN", VALUE)
    assert octo.methods == ["GET", "PUT", "GET", "PUT"]
    assert repository.secret_names == set()


@pytest.mark.parametrize(
    ("key_id", "key"),
    [
        pytest.param("1", base64.b64encode(bytes(31)).decode(), id="31 bytes"),
        pytest.param("1", "not base64!", id="not base64"),
        pytest.param("1", base64.b64encode(bytes(32)).decode(), id="nothing can be sealed for it"),
        pytest.param(None, KEY, id="no key id"),
        pytest.param("a\nb", KEY, id="key id of two lines"),
    ],
)
def test_nothing_is_written_under_a_key_that_is_none(octo: Octo, key_id: object, key: str) -> None:
    repository = octo.open()
    octo.always(reply(200, {"key_id": key_id, "key": key}), "GET")
    with fails("github-unwell", Exit.FAILED):
        repository.put_secret("TOKEN", VALUE)
    assert octo.methods == ["GET"]


def test_secret_names_are_listed_with_one_request(octo: Octo) -> None:
    for number in range(100):
        octo.stored.set_secret(f"SECRET_{number}", "x")
    repository = octo.open()
    repository.read_secret_names()
    assert repository.secret_names == {f"SECRET_{number}" for number in range(100)}
    assert octo.methods == ["GET"]
    octo.always(reply(200, {"total_count": 4, "secrets": [{"name": "A"}, {}, 5, {"name": 5}]}))
    repository.read_secret_names()
    assert repository.secret_names == {"A"}


def test_lost_write_of_a_secret_or_a_variable_is_repeated(octo: Octo) -> None:
    repository = octo.open()
    octo.once("PUT", acted)
    repository.put_secret("TOKEN", VALUE)
    assert octo.statuses == [200, 204]
    assert octo.waits == [1.0]
    octo.once("POST", acted)
    repository.put_variable("URL", "value", exists=False)
    assert octo.stored.variables == {"URL": "value"}


# Variables.


@pytest.mark.parametrize(
    ("stored", "exists", "statuses"),
    [
        (False, False, [201]),
        (True, True, [204]),
        (True, False, [409, 204]),
        (False, True, [404, 201]),
    ],
    ids=["created", "updated", "created meanwhile", "deleted meanwhile"],
)
def test_variable_is_created_or_updated(
    octo: Octo, *, stored: bool, exists: bool, statuses: list[int]
) -> None:
    octo.stored.variables |= {"URL": "old"} if stored else {}
    octo.open().put_variable("URL", "new", exists=exists)
    assert octo.stored.variables == {"URL": "new"}
    assert octo.statuses == statuses


@pytest.mark.parametrize("exists", [True, False])
def test_variable_that_both_exists_and_does_not_ends_in_words(octo: Octo, *, exists: bool) -> None:
    repository = octo.open()
    octo.interfere = lambda request, _real: reply(404 if request.method == "PATCH" else 409, {})
    with fails("github-unwell", Exit.FAILED) as caught:
        repository.put_variable("URL", "value", exists=exists)
    assert octo.methods == (["PATCH", "POST"] if exists else ["POST", "PATCH", "POST"])
    assert runs(caught.value.next) == ["again"]


def test_write_of_a_variable_is_not_repeated_if_its_answer_is_lost(octo: Octo) -> None:
    """The journal's store settles that by reading back."""
    repository = octo.open()
    octo.always(None)
    with pytest.raises(TransportError):
        repository.write_variable("URL", "value", create=True)
    assert octo.methods == ["POST"]


# Both.

USES: dict[str, Callable[[Repository], object]] = {
    "secret names": lambda repository: repository.read_secret_names(),
    "key": lambda repository: repository.read_sealing_key(),
    "secret": lambda repository: repository.put_secret("TOKEN", VALUE),
    "deleted secret": lambda repository: repository.delete("secrets", "TOKEN"),
    "variable": lambda repository: repository.variable("URL"),
    "new variable": lambda repository: repository.write_variable("URL", "value", create=True),
    "changed variable": lambda repository: repository.write_variable("URL", "value", create=False),
    "list": lambda repository: repository.require_readable("variables"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("body", [FAILED, b"{}"])
def test_success_that_is_not_githubs_is_an_error(
    octo: Octo, use: Callable[[Repository], object], body: bytes
) -> None:
    repository = octo.open()
    repository.read_sealing_key()
    octo.always(reply(200, body))
    with pytest.raises(TransportError) as caught:
        use(repository)
    assert caught.value.code == "github-unwell"


@pytest.mark.parametrize("kind", ["secrets", "variables"])
def test_deletion_says_whether_there_was_anything(octo: Octo, kind: Kind) -> None:
    octo.stored.set_secret("TOKEN", "x")
    octo.stored.variables["TOKEN"] = "x"
    repository = octo.open()
    repository.read_secret_names()
    assert repository.delete(kind, "TOKEN")
    assert not repository.delete(kind, "TOKEN")
    assert repository.secret_names == (set() if kind == "secrets" else {"TOKEN"})
    assert octo.methods == ["GET", "DELETE", "DELETE", "GET"]  # only a 404 needs a second look


def test_404_to_whoever_may_not_look_is_no_deletion(octo: Octo) -> None:
    repository = octo.open()
    repository.secret_names = frozenset({"TOKEN"})
    octo.always(reply(404, {"message": "Not Found"}))
    with fails("github-not-found", Exit.ACTION_REQUIRED):
        repository.delete("secrets", "TOKEN")
    assert repository.secret_names == {"TOKEN"}


def test_secret_that_somebody_else_deleted_is_among_the_names_no_more(octo: Octo) -> None:
    repository = octo.open()
    repository.secret_names = frozenset({"TOKEN"})
    assert not repository.delete("secrets", "TOKEN")
    assert repository.secret_names == set()


# Redirects of renamed repositories.


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_repository_renamed_meanwhile_is_followed_with_method_body_and_token(
    octo: Octo, use: Callable[[Repository], object]
) -> None:
    octo.stored.variables["OLD"] = "old"
    octo.stored.set_secret("TOKEN", "x")
    repository = octo.open()
    octo.github.rename(NAME, "elsewhere/robot")
    use(repository)
    asked, followed = octo.seen[-2:]
    assert octo.statuses[-2] in {301, 307}
    assert followed.path == asked.path.replace(f"/repos/{NAME}", f"/repositories/{octo.stored.id}")
    assert followed.method == asked.method
    assert followed.body == asked.body
    assert followed.query == asked.query
    assert followed.headers["authorization"] == asked.headers["authorization"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_write_stays_a_write_whatever_the_redirect(octo: Octo, status: int) -> None:
    repository = octo.open()
    location = f"{ACTIONS}/secrets/NEW"
    octo.always(reply(status, {"message": "Moved"}, {"Location": location}), "PUT", "/OLD")
    repository.put_secret("OLD", VALUE)
    assert octo.stored.open_secret("NEW") == "plaintext"


@pytest.mark.parametrize(
    "location",
    [
        *("https://evil.test/steal", "//evil.test/steal", "http://api.github.com/steal"),
        *("https://api.github.com@evil.test/steal", "https://[::1"),
    ],
)
def test_no_other_origin_gets_a_request(octo: Octo, location: str) -> None:
    octo.always(reply(307, {}, {"Location": location}))
    with pytest.raises(ProvisionerError):
        octo.open()
    assert octo.foreign == []


@pytest.mark.parametrize(
    ("status", "headers", "asked"),
    [(201, HERE, 1), (303, HERE, 1), (301, {}, 1), (307, HERE, 4)],
    ids=["no redirect", "for a GET", "no address", "a circle"],
)
def test_redirect_is_followed_thrice_if_it_keeps_the_method_and_has_an_address(
    octo: Octo, status: int, headers: Mapping[str, str], asked: int
) -> None:
    """303 would make a GET of a write: GitHub does not use it."""
    octo.always(reply(status, {}, headers))
    try:
        assert octo.client.call("PUT", "/").status == status
    except ProvisionerError as error:
        assert error.code == "foreign-redirect"  # noqa: PT017
    assert octo.methods == ["PUT"] * asked


def test_address_of_a_redirect_is_shown_without_the_token_in_it(octo: Octo) -> None:
    token = octo.client.token.reveal()
    octo.always(reply(301, {}, {"Location": f"https://evil.test/?{token}"}))
    with fails("foreign-redirect", Exit.ACTION_REQUIRED) as caught:
        octo.open()
    assert "https://evil.test/" in said(caught.value)
    assert token not in said(caught.value)
