"""init: write the workflow files of a bot into a checkout."""

import difflib
from collections.abc import Callable
from contextlib import suppress
from importlib import resources
from pathlib import Path

from provisioner.config import Config
from provisioner.report import Item, Next, Report

EXAMPLES = resources.files("provisioner") / "workflows"
"""README shows these files, and the tests lint and run them."""
FOLDER = Path(".github", "workflows")
ACCOUNT = "mybot@mastodon.social # your bot"
USUAL = {"access_token": "secrets.MASTODON_ACCESS_TOKEN ", "base_url": "vars.MASTODON_BASE_URL "}
PUSH: Next = (
    "To put them on GitHub:",
    "`git add .github/workflows`",
    '`git commit -m "Add the bot and the check of its token"`',
    "`git push`",
)
SCOPE: Next = (
    "GitHub takes workflow files only with the scope `workflow`, which gh's token lacks:",
    "`gh auth refresh -s workflow`",
)


def init(
    config: Config, root: Path, may_replace: Callable[[Path, str], bool], *, lacks_scope: bool
) -> Report:
    """Write the files into the checkout at `root`.

    `may_replace` is asked, with the diff, before a file is changed. `lacks_scope` is whether GitHub
    will refuse to take workflow files from the token that git pushes with. Raises OSError.
    """
    items, written = [], []
    for name in ("bot.yml", "credentials.yml" if config.with_rotation else "token-check.yml"):
        path = FOLDER / name
        new, old = rendered(name, config), None
        with suppress(FileNotFoundError):
            old = (root / path).read_text(encoding="utf-8", errors="replace")
        diff = difflib.unified_diff(
            (old or "").splitlines(), new.splitlines(), f"{path} now", f"{path} then", lineterm=""
        )
        if new == old:
            items.append(Item("good", f"{path} is as it should be"))
        elif old is None or may_replace(path, "\n".join(diff)):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(new, encoding="utf-8")
            items.append(Item("good", f"{path} is written"))
            written.append(str(path))
        else:
            items.append(Item("unclear", f"{path} is left as it was"))
    return Report(
        "written",
        "",
        items=items,
        next=(SCOPE if lacks_scope else ()) + PUSH if written else (),
        facts={"files": written},
    )


def rendered(name: str, config: Config) -> str:
    """An example, with the account and the names of this bot."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    text = text.replace(ACCOUNT, "\n          ".join([str(config.handle), *_inputs(name, config)]))
    for mapping in config.mappings:
        if usual := USUAL.get(mapping.field):
            text = text.replace(usual, f"{usual.partition('.')[0]}.{mapping.name} ")
    return text.replace("secrets.MASTODON_JOURNAL_KEY ", f"secrets.{config.journal}_KEY ")


def _inputs(name: str, config: Config) -> list[str]:
    """The lines under `with:` for what was not left to its default."""
    takes = {
        "token-check.yml": ("instance", "scopes"),
        "credentials.yml": ("instance", "scopes", "secrets", "variables", "journal"),
    }
    lines = []
    for one in takes.get(name, ()):
        values = config.given.get(one, ())
        if len(values) == 1:
            lines.append(f"{one}: {values[0]}")
        elif values:
            lines += [f"{one}: |", *(f"  {value}" for value in values)]
    return lines
