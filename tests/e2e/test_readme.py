"""README's commands, run as they stand in a terminal, one block after the other."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.engine import ROOT
from tests.program.program import launch_in_terminal
from tests.program.site import Shell
from tests.servers import Sandbox
from tests.support.site import BROWSER, REPOSITORY

BLOCKS = re.findall(
    r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
)
OURS = "https://github.com/mastodon-provisioner/mastodon-provisioner"
ACCOUNT = "mybot@mastodon.social"


@pytest.fixture
def site() -> Iterator[Shell]:
    with Sandbox() as sandbox:
        site = Shell(sandbox)
        del site.env["MASTODON_JOURNAL_KEY"]
        yield site
        assert site.leaks(site.shown) == []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty HOME with a clone of the bot's repository, which is pushed to a folder."""
    git = ("git", "-C", str(tmp_path))
    (tmp_path / "browser.py").write_text(BROWSER)
    (tmp_path / ".gitconfig").write_text(
        f'[url "{ROOT}"]\n\tinsteadOf = {OURS}\n'
        f'[url "{tmp_path}/pushed"]\n\tpushInsteadOf = https://github.com/{REPOSITORY}\n'
        "[user]\n\tname = Me\n\temail = me@example.com\n[init]\n\tdefaultBranch = main\n"
        "[push]\n\tautoSetupRemote = true\n[safe]\n\tdirectory = *\n"
    )
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    for command in (
        ("init", "--quiet", "--bare", "pushed"),
        ("init", "--quiet", "mybot"),
        ("-C", "mybot", "remote", "add", "origin", f"https://github.com/{REPOSITORY}"),
    ):
        subprocess.run([*git, *command], env=environment, check=True)
    return tmp_path


def run(shell: str, lines: str, folder: Path, env: Mapping[str, str]) -> str:
    """What a terminal shows of these lines; an offer is answered with yes. They end well."""
    script = f'cd "{folder}"\n{lines}echo "All is done"'
    offer = ("checkout? [y/N]:", "y")
    program = (shell, "-e", "-c", script)
    shown = launch_in_terminal(env=env, answers=(offer,), program=program)
    assert shown.endswith("All is done\r\n"), shown
    return shown


def test_blocks_have_no_comments() -> None:
    """An interactive zsh takes them for commands."""
    assert "#" not in "".join(BLOCKS)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_commands_run_as_they_stand(shell: str, site: Shell, home: Path) -> None:
    """The account is the embedded instance's; a program approves in place of a browser."""
    install, setup, push, demo = BLOCKS
    pipx = Path(sys.executable).with_name("pipx")
    (home / "bin").mkdir()
    (home / "bin" / "pipx").symlink_to(pipx)
    env = site.env | {
        "HOME": str(home),
        "PATH": f"{home}/.local/bin:{home}/bin:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "BROWSER": f"{sys.executable} {home}/browser.py",
        **{name: os.environ[name] for name in os.environ if name.startswith("PIP_")},
    }
    setup = setup.replace(ACCOUNT, site.whose[1])

    run(shell, install, home, env)
    site.shown += run(shell, setup, home / "mybot", env)
    assert site.live_tokens == [site.stored()]
    run(shell, push, home / "mybot", env)
    pushed = ("git", "-C", home / "pushed", "ls-tree", "-r", "--name-only", "main")
    listed = subprocess.run(pushed, capture_output=True, encoding="utf-8", check=True)
    assert ".github/workflows/bot.yml" in listed.stdout
    run(shell, demo, home, env)
