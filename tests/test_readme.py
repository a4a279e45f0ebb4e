"""What README and docs say is what the program does."""

import ast
import re
from pathlib import Path

import pytest

from provisioner.mastodon.errors import (
    REFUSED_FIELDS,
    InvalidClientError,
    InvalidGrantError,
    NotNowError,
)
from provisioner.report import Exit, NoAnswerError, ProvisionerError
from tests.support.readme import PAGES, filled

REFERENCE = Path("docs/reference.md").read_text()
SOURCE = "".join(path.read_text() for path in sorted(Path("provisioner").glob("[!s]*/*.py")))
SOURCE += "".join(path.read_text() for path in sorted(Path("provisioner").glob("*.py")))
RAISED = re.compile(r"Error\(\s*\"([a-z]+(?:-[a-z]+)+)\"|\"(no-[a-z-]+)\" if ")
RAISED_AS = re.compile(r"\b(\w+Error)\(\s*\"([a-z]+(?:-[a-z]+)*)\"")
REFUSALS = {f"{word or 'registration'}-refused" for word in REFUSED_FIELDS}
RERAISED = {InvalidGrantError, InvalidClientError, NoAnswerError, NotNowError}
"""The run that spends the code turns them into other kinds."""


def section(title: str) -> str:
    """A section of the reference, without those below it."""
    return REFERENCE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_reference_explains_every_error() -> None:
    raised = {name for match in RAISED.findall(SOURCE) for name in match if name}
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", section("Error codes")))
    assert (raised | REFUSALS) - named == set()


def test_reference_explains_no_error_that_does_not_exist() -> None:
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", section("Error codes")))
    assert {name for name in named - REFUSALS if f'"{name}"' not in SOURCE} == set()


def test_reference_has_the_exit_code_of_every_error() -> None:
    rows = re.findall(r"^\| (`.+`) \| ([\d, ]+) \|", section("Error codes"), re.MULTILINE)
    documented = {name: code for names, code in rows for name in re.findall(r"`(.+?)`", names)}
    kinds = {kind.__name__: kind for kind in subclasses(ProvisionerError) - RERAISED}
    raised = {name: kinds[kind] for kind, name in RAISED_AS.findall(SOURCE) if kind in kinds}
    assert {name: documented.get(name) for name in raised} == {
        name: str(int(kind.exit_code)) for name, kind in raised.items()
    }


def subclasses(kind: type[ProvisionerError]) -> set[type[ProvisionerError]]:
    """A kind of error, and all kinds of it."""
    return {kind}.union(*(subclasses(one) for one in kind.__subclasses__()))


def test_reference_has_every_exit_code_and_no_other() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", section("Exit codes"), re.MULTILINE)
    documented = {int(code) for row in rows for code in row.split(",")}
    assert documented == {int(code) for code in Exit}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_blocks_equal_their_sources(page: Path) -> None:
    """tests.support.readme renews them."""
    assert filled(page.read_text()) == page.read_text()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_imports_run_downwards_in_the_table_of_modules() -> None:
    table = Path("CONTRIBUTING.md").read_text().partition("| module |")[2].partition("\n## ")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    row_of: dict[str, int] = {}
    for row, names in enumerate(re.findall(r"[\w/]+", cell) for cell in cells):
        folder = names[0].rpartition("/")[0]
        row_of |= {f"{folder}/{name.rpartition('/')[2]}".strip("/"): row for name in names}
    upwards = []
    for path in Path("provisioner").rglob("*.py"):
        module = path.relative_to("provisioner").with_suffix("").as_posix()
        if module.startswith(("sandbox", "__main__")) or path.name == "__init__.py":
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("provisioner"):
                source = str(node.module).replace(".", "/").removeprefix("provisioner").strip("/")
                named = {source, *(f"{source}/{one.name}".strip("/") for one in node.names)}
                above = [one for one in named & row_of.keys() if row_of[one] < row_of[module]]
                upwards += [f"{module} imports {one}" for one in above]
    assert upwards == []
