"""Repository variables on the embedded GitHub."""

import httpx
import pytest

from tests.sandbox.hands import Clock, Octo


def create(octo: Octo, name: str, value: str) -> httpx.Response:
    """Create a variable."""
    return octo.http.post(f"{octo.path}/variables", json={"name": name, "value": value})


def test_create(octo: Octo) -> None:
    """A new variable is 201 with an empty object, and its name is upper case."""
    answer = create(octo, "journal", "x")
    assert (answer.status_code, answer.text, octo.repository.variables) == (
        201,
        "{}",
        {"JOURNAL": "x"},
    )


def test_create_twice(octo: Octo) -> None:
    """A variable that is there is not replaced by POST."""
    create(octo, "JOURNAL", "old")
    answer = create(octo, "journal", "new")
    assert (answer.status_code, answer.json()["message"], octo.repository.variables) == (
        409,
        "Already exists - Variable already exists",
        {"JOURNAL": "old"},
    )


def test_update(octo: Octo, clock: Clock) -> None:
    """PATCH changes the value: 204 without a body, read back at once, with a new time."""
    create(octo, "JOURNAL", "old")
    clock.now += 60
    path = f"{octo.path}/variables/journal"
    answer = octo.http.patch(path, json={"value": "new"})
    assert (answer.status_code, answer.content, octo.http.get(path).json()) == (
        204,
        b"",
        {
            "name": "JOURNAL",
            "value": "new",
            "created_at": "2027-01-15T08:02:03Z",
            "updated_at": "2027-01-15T08:03:03Z",
        },
    )


def test_rename(octo: Octo) -> None:
    """PATCH with a name renames."""
    create(octo, "OLD", "x")
    octo.http.patch(f"{octo.path}/variables/OLD", json={"name": "new"})
    assert octo.repository.variables == {"NEW": "x"}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_missing(octo: Octo, method: str) -> None:
    """PATCH does not create: what is not there is 404."""
    content = b'{"value": "x"}' if method == "PATCH" else None
    answer = octo.http.request(method, f"{octo.path}/variables/NONE", content=content)
    assert (answer.status_code, octo.repository.variables) == (404, {})


def test_delete(octo: Octo) -> None:
    """A deleted variable is gone."""
    create(octo, "JOURNAL", "x")
    answer = octo.http.delete(f"{octo.path}/variables/Journal")
    assert (answer.status_code, octo.repository.variables) == (204, {})


def test_list(octo: Octo) -> None:
    """A list shows values, ten to a page and thirty at the most."""
    octo.repository.variables.update({f"V{number:02}": str(number) for number in range(40)})
    sizes = [
        len(octo.http.get(f"{octo.path}/variables{query}").json()["variables"])
        for query in ("", "?per_page=100", "?page=5")
    ]
    assert sizes == [10, 30, 0]


@pytest.mark.parametrize(
    ("name", "value"), [("GITHUB_X", "x"), ("A-B", "x"), ("", "x"), ("X", "x" * 49_153)]
)
def test_refusals(octo: Octo, name: str, value: str) -> None:
    """Names and sizes have limits."""
    assert create(octo, name, value).status_code == 422


def test_count(octo: Octo) -> None:
    """A repository keeps 500 variables."""
    octo.repository.variables.update({f"V{number}": "" for number in range(500)})
    assert create(octo, "MORE", "x").status_code == 422
