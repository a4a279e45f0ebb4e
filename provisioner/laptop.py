"""A person's own machine, as `setup` needs it: terminal, browser, and a loopback address."""

import os
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from provisioner.commands.init import init
from provisioner.commands.setup import Redirect
from provisioner.config import Config
from provisioner.environment import agree, checkout, confirm, is_attended, lacks_workflow_scope
from provisioner.landing import outcome
from provisioner.loopback import Loopback
from provisioner.process import write_errors_ignored
from provisioner.report import InputError, ProvisionerError, Report
from provisioner.terminal import Terminal

WAIT = 600.0
"""Seconds that an approval may take; most codes live as long."""


class Laptop:
    """The terminal that a command was typed at, and the browser beside it."""

    def __init__(self, terminal: Terminal, browser: Sequence[str]) -> None:
        """`browser` is the command that opens a page; empty where there is none."""
        self._browser = browser
        self._stdin = sys.stdin.fileno() if sys.stdin else None
        self._loopback = Loopback(self._stdin)
        self._shown = ""
        self.has_browser = bool(browser)
        self.is_attended = is_attended()
        self.show = terminal.preview
        self.agrees, self.confirm = agree, confirm
        self.listen = self._loopback.listen

    def open(self, link: str) -> None:
        """Open a page in the browser, without waiting for it or giving it the terminal.

        The link is visible in the list of processes. It holds no secret: the code that comes of it
        is worth nothing without the verifier.
        """
        self._until = time.monotonic() + WAIT
        if not self._browser:
            return
        nothing, command = subprocess.DEVNULL, [*self._browser, link]
        with suppress(OSError):  # the link is on the screen
            self._started = subprocess.Popen(  # noqa: S603
                command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
            )

    def wait(self, state: str, origin: str) -> Redirect | str | None:
        with self._unechoed():
            try:
                return self._loopback.wait(state, origin, self._until, self._tell_time)
            finally:
                if self._shown:
                    self._write(f"\r{'':{len(self._shown)}}\r")

    def land(self, ended: Report | ProvisionerError) -> None:
        self._loopback.show(outcome(ended))

    def _tell_time(self, left: float) -> None:
        minutes, seconds = divmod(round(left), 60)
        shown = f"Waiting, {minutes}:{seconds:02} left. What you paste is not shown. "
        if shown != self._shown and sys.stderr and sys.stderr.isatty():
            padded = f"\r{shown:<{len(self._shown)}}"
            self._shown = shown  # first: an interruption may come right after the writing
            self._write(padded)

    def _write(self, text: str) -> None:
        with write_errors_ignored(sys.stderr):
            sys.stderr.write(text)  # its \r has it shown at once

    @contextmanager
    def _unechoed(self) -> Iterator[None]:
        """Hide what is typed: it is a code."""
        terminal = self._stdin
        if terminal is None or not os.isatty(terminal):
            yield
            return
        before = termios.tcgetattr(terminal)
        silent = termios.tcgetattr(terminal)
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
        try:
            yield
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def offer_workflows(config: Config, terminal: Terminal) -> None:
    """Write the workflow files into this checkout, if it is one and a person wants them."""
    files = "Write the workflow files of the bot and of a weekly check into this checkout?"
    if not config.yes and is_attended() and checkout() and agree(files):
        terminal.report(write_workflows(config))


def write_workflows(config: Config) -> Report:
    """Write the workflow files into this checkout. Raises InputError where it is none."""
    root = checkout()
    if root is None:
        raise InputError(
            "no-checkout",
            "This folder is not a git checkout. Nothing was written.",
            next=("Change to the bot's checkout, and run the command there.",),
        )

    def may_replace(path: Path, diff: str) -> bool:
        if config.yes:
            return True
        typer.echo(diff, err=True)
        return agree(f"Replace {path} by this?")

    return init(config, root, may_replace, lacks_scope=lacks_workflow_scope())
