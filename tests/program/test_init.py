"""`provisioner init`, and the offer at the end of a setup, in a real checkout."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.program.program import PROGRAM, Run, launch, launch_in_terminal
from tests.program.site import Shell

BOT = ".github/workflows/bot.yml"
THERE = ("sh", "-c", 'cd "$CHECKOUT" && exec "$@"', "sh", *PROGRAM)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone of a bot's repository, over https."""
    git = ("git", "-C", str(tmp_path))
    subprocess.run([*git, "init", "--quiet"], check=True)
    origin = "https://github.com/me/bot.git"
    subprocess.run([*git, "remote", "add", "origin", origin], check=True)
    return tmp_path


def init(folder: Path, *options: str, env: Mapping[str, str] | None = None) -> Run:
    given = {"CHECKOUT": str(folder), **(env or {})}
    return launch("init", "bot@social.example", *options, env=given, program=THERE)


def test_files_are_written_at_the_top_of_the_checkout(checkout: Path) -> None:
    """What keeps them from being pushed is told."""
    (checkout / "src").mkdir()
    gh = checkout / "gh"
    gh.write_text("#!/bin/sh\necho \"Token scopes: 'repo'\"\n")
    gh.chmod(0o755)
    done = init(checkout / "src", env={"PATH": f"{checkout}:/usr/bin:/bin"})
    assert done.code == 0
    assert "gh auth refresh -s workflow" in done.output
    assert (checkout / BOT).is_file()
    assert (checkout / ".github/workflows/token-check.yml").is_file()
    assert "git push" in done.output


def test_folder_that_is_no_checkout_is_left_alone(tmp_path: Path) -> None:
    done = init(tmp_path, "--json")
    assert (done.code, done.error) == (2, "no-checkout")
    assert list(tmp_path.iterdir()) == []


def test_file_that_cannot_be_written_is_named(checkout: Path) -> None:
    (checkout / BOT).mkdir(parents=True)
    done = init(checkout, "--json")
    assert done.error == "system"
    assert BOT in done.outcome["error"]["what"]


def test_changed_file_is_replaced_after_yes(checkout: Path) -> None:
    init(checkout)
    (checkout / BOT).write_text("mine\n")
    shown = launch_in_terminal(
        "init",
        "bot@social.example",
        env={"CHECKOUT": str(checkout)},
        answers=(("Replace", "y"),),
        program=THERE,
    )
    assert "-mine" in shown
    assert (checkout / BOT).read_text().startswith("# The bot")
    (checkout / BOT).write_text("mine\n")
    done = init(checkout, "--yes")  # it is the answer
    assert (done.code, "-mine" in done.all) == (0, False)


@pytest.mark.parametrize(
    "asked", ["setup", "setup --yes", "setup --json", "setup --repository octocat/mybot", "begin"]
)
def test_setup_offers_the_files_in_the_bots_checkout(
    site: Shell, page: Path, checkout: Path, asked: str
) -> None:
    """Whoever names the repository may be in another one's."""
    origin = "https://github.com/octocat/mybot"
    subprocess.run(["git", "-C", checkout, "remote", "set-url", "origin", origin], check=True)
    shown = launch_in_terminal(
        *asked.split(),
        env=site.env | {"CHECKOUT": str(checkout), "MASTODON_ACCOUNT": site.account},
        answers=(("into this checkout?", "y"),),
        program=THERE,
    )
    site.shown += shown
    assert page.exists() is (asked != "begin")
    assert (checkout / BOT).exists() is (asked == "setup")
    assert ("howdy universe!" in shown) is (asked not in {"setup --json", "begin"})
    assert "howdy universe!" not in shown.partition("into this checkout?")[2]
