"""A person's own machine: its browser, and how long it waits."""

import os
import re
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest

from provisioner import laptop
from provisioner.config import parse
from provisioner.terminal import Terminal
from tests.program.program import Stream


def test_browser_gets_the_link_and_nothing_of_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    seen, ours = tmp_path / "seen", os.dup(0)
    fds = " ".join(f"/proc/$$/fd/{number}" for number in range(3))
    here = laptop.Laptop(Terminal(), ("sh", "-c", f'(readlink {fds}; echo "$1") >{seen}', "sh"))
    os.dup2(os.open(tmp_path, os.O_RDONLY), 0)
    try:
        here.open("https://social.example/?a=b c")
    finally:
        os.dup2(ours, 0)
    assert not here.is_attended
    here._started.wait(60)  # noqa: SLF001
    assert seen.read_text().splitlines() == [*[os.devnull] * 3, "https://social.example/?a=b c"]


class Screen(StringIO):
    """A terminal's standard error: this happens as soon as the line of the wait is there."""

    def __init__(self, happens: type[BaseException]) -> None:
        super().__init__()
        self.happens = happens

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = super().write(text)
        if "Waiting" in text:
            raise self.happens
        return written


def test_line_of_the_wait_is_cleared_also_where_its_first_writing_is_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "w"):
        monkeypatch.setattr(sys, "stdin", stdin)
        screen = Screen(KeyboardInterrupt)
        monkeypatch.setattr(sys, "stderr", screen)
        here = laptop.Laptop(Terminal(), ())
        here.open("https://social.example/oauth/authorize")
        with pytest.raises(KeyboardInterrupt):
            here.wait("state", "https://social.example")
        assert re.search(r"Waiting.*\r +\r$", screen.getvalue())


@pytest.mark.parametrize("screen", [None, Screen(BrokenPipeError)])
def test_link_is_waited_for_ten_minutes_in_all(
    monkeypatch: pytest.MonkeyPatch, screen: Screen | None
) -> None:
    """A wrong paste does not begin them anew. Nobody needs to see it."""
    master, terminal = os.openpty()
    monkeypatch.setattr(laptop, "WAIT", 0.2)
    with os.fdopen(terminal) as stdin, os.fdopen(master, "wb"):
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stderr", screen)
        here = laptop.Laptop(Terminal(), ())
        assert here.is_attended
        here.open("true")
        assert not hasattr(here, "_started")  # without a browser, nothing
        assert here.wait("state", "https://social.example") is None
        began = time.monotonic()
        assert here.wait("state", "https://social.example") is None
        assert time.monotonic() - began < laptop.WAIT


def test_files_are_offered_in_a_checkout_alone_and_not_written_after_a_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"account": "a@b.test", "repository": "a/b", "github-token": "x"}
    monkeypatch.chdir(tmp_path)
    for typed in "", "no\n":
        monkeypatch.setattr(sys, "stdin", Stream(typed, is_terminal=True))
        laptop.offer_workflows(parse("setup", given), Terminal())
        subprocess.run(("git", "init", "--quiet"), check=True)
    assert not (tmp_path / ".github").exists()
