"""Repository secrets on the embedded GitHub."""

import base64

import pytest

from tests.sandbox.hands import Clock, Octo

IMPROPER = "Bad request - validation failed due to an improperly encrypted secret"


def test_create(octo: Octo) -> None:
    """A new secret is 201 with an empty object; its box is opened, its name is upper case."""
    answer = octo.put("token", "s3cret ü")
    found = (answer.status_code, answer.text, octo.repository.open_secret("Token"))
    assert (*found, list(octo.repository.secrets)) == (201, "{}", "s3cret ü", ["TOKEN"])


def test_update(octo: Octo, clock: Clock) -> None:
    """A new value is 204 without a body, and moves only the time of the update."""
    octo.put("TOKEN", "old")
    clock.now += 10
    answer = octo.put("token", "new")
    stored = octo.repository.secrets["TOKEN"]
    assert (answer.status_code, answer.content, stored.updated_at - stored.created_at) == (
        204,
        b"",
        10,
    )


def test_length(octo: Octo) -> None:
    """The ciphertext is 48 bytes longer than the plaintext."""
    octo.put("TOKEN", "x" * 10)
    assert octo.repository.secrets["TOKEN"].ciphertext_length == 58


def test_public_key(octo: Octo) -> None:
    """The key is 32 bytes and its id a string."""
    body = octo.http.get(f"{octo.path}/secrets/public-key").json()
    assert (len(base64.b64decode(body["key"])), type(body["key_id"])) == (32, str)


def test_values_stay_inside(octo: Octo) -> None:
    """A secret is listed with its times and never its value."""
    octo.put("TOKEN", "value")
    now = "2027-01-15T08:02:03Z"
    item = {"name": "TOKEN", "created_at": now, "updated_at": now}
    listed = octo.http.get(f"{octo.path}/secrets").json()
    shown = octo.http.get(f"{octo.path}/secrets/token").json()
    assert (listed, shown) == ({"total_count": 1, "secrets": [item]}, item)


@pytest.mark.parametrize("change", ["key_id", "box", "key"])
def test_improper_box(octo: Octo, change: str) -> None:
    """A box that does not open, a wrong key id and an old key are refused alike."""
    body = octo.seal("value")
    if change == "key_id":
        body["key_id"] = "1"
    elif change == "box":
        body["encrypted_value"] = base64.b64encode(bytes(80)).decode()
    else:
        octo.repository.vault.rotate_key()
    answer = octo.http.put(f"{octo.path}/secrets/TOKEN", json=body)
    assert (answer.status_code, answer.json()["message"], len(octo.repository.secrets)) == (
        422,
        IMPROPER,
        0,
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, 'Invalid request.\n\n"encrypted_value", "key_id" weren\'t supplied.'),
        ({"encrypted_value": "AAAA"}, 'Invalid request.\n\n"key_id" wasn\'t supplied.'),
        (
            {"encrypted_value": "AAAA", "key_id": 1},
            "Invalid request.\n\nFor 'properties/key_id', 1 is not a string.",
        ),
    ],
)
def test_malformed(octo: Octo, body: dict[str, object], message: str) -> None:
    """Missing members and a key id that is a number are 422, in the words of the schema."""
    answer = octo.http.put(f"{octo.path}/secrets/TOKEN", json=body)
    assert (answer.status_code, answer.json()["message"]) == (422, message)


def test_not_base64(octo: Octo) -> None:
    """A value that is not base64 is refused, and is not repeated in the refusal."""
    body = {"encrypted_value": "plain-text!", "key_id": "1"}
    answer = octo.http.put(f"{octo.path}/secrets/TOKEN", json=body)
    assert (answer.status_code, "plain-text!" in answer.text) == (422, False)


@pytest.mark.parametrize("body", [b"{", b"\xff"])
def test_not_json(octo: Octo, body: bytes) -> None:
    """A body that is not JSON is 400."""
    answer = octo.http.put(f"{octo.path}/secrets/TOKEN", content=body)
    assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")


@pytest.mark.parametrize("name", ["1ST", "A-B", "A B", "GITHUB_X", "github_x", "É"])
def test_names(octo: Octo, name: str) -> None:
    """A name that GitHub refuses is 422."""
    assert octo.put(name, "value").json()["message"].startswith("Secret names ")


@pytest.mark.parametrize(("size", "status"), [(49_152, 201), (49_153, 422)])
def test_size(octo: Octo, size: int, status: int) -> None:
    """A secret may have 48 KB of plaintext."""
    assert octo.put("TOKEN", "x" * size).status_code == status


def test_count(octo: Octo) -> None:
    """A repository keeps 100 secrets; a known one can still be updated."""
    for number in range(100):
        octo.repository.set_secret(f"S{number}", "x")
    assert [octo.put(name, "x").status_code for name in ("MORE", "S0")] == [422, 204]


def test_delete(octo: Octo) -> None:
    """A deleted secret is gone: 204, then 404."""
    octo.put("TOKEN", "value")
    path = f"{octo.path}/secrets/token"
    assert [octo.http.delete(path).status_code for _ in range(2)] == [204, 404]


def test_pages(octo: Octo) -> None:
    """A list comes in pages with a Link header."""
    for number in range(5):
        octo.repository.set_secret(f"S{number}", "x")
    answer = octo.http.get(f"{octo.path}/secrets?per_page=2&page=2")
    names = [one["name"] for one in answer.json()["secrets"]]
    url = f"{octo.sandbox.github.api_url}{octo.path}/secrets?per_page=2"
    assert (names, {rel: one["url"] for rel, one in answer.links.items()}) == (
        ["S2", "S3"],
        {
            "prev": f"{url}&page=1",
            "next": f"{url}&page=3",
            "last": f"{url}&page=3",
            "first": f"{url}&page=1",
        },
    )
