"""Fills in what is between markers in README and docs: `python -m tests.support.readme`."""

import re
from pathlib import Path

import yaml

PAGES = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]
EXAMPLES = Path("provisioner/workflows")
BLOCK = re.compile(r"(<!-- ([a-z.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """A page with each block as it is today."""
    return BLOCK.sub(lambda match: f"{match[1]}{_block(match[2])}{match[3]}", text)


def _block(name: str) -> str:
    if name.endswith(".yml"):
        return f"```yaml\n{(EXAMPLES / name).read_text()}```\n"
    entries = yaml.safe_load(Path("action.yml").read_text())[name].items()
    if name == "outputs":
        rows = [f"| `{key}` | {what['description']} |" for key, what in entries]
        return "\n".join(["| output | meaning |", "|---|---|", *rows, ""])
    rows = [f"| `{key}` | {_default(what)} | {what['description']} |" for key, what in entries]
    return "\n".join(["| input | default | meaning |", "|---|---|---|", *rows, ""])


def _default(what: dict[str, str | bool]) -> str:
    if what.get("required"):
        return "required"
    default = what.get("default")
    if default == "${{ github.repository }}":
        return "this one"
    return f"`{default}`" if default else ""


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text()))
