"""`provisioner sandbox`: what it prints is followed to the letter, and it ends when it is told."""

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import pytest

from tests.program.program import PATIENCE, PROGRAM, ROOT, Run, environment, launch, run
from tests.support.person import Person


@dataclass
class Rehearsal:
    """A sandbox that runs, and what it printed when it was ready."""

    process: subprocess.Popen[str]
    printed: str

    @property
    def origin(self) -> str:
        """Where the instance is."""
        (origin,) = re.findall(r"An instance at (\S+) that behaves as ", self.printed)
        return str(origin)

    def exports(self) -> dict[str, str]:
        """What a shell makes of the lines that export something."""
        lines = re.findall(r"^  (export .*)$", self.printed, re.MULTILINE)
        shown = launch(program=("sh", "-c", "\n".join([*lines, "env"]))).output
        variables = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        names = [line.removeprefix("export ").partition("=")[0] for line in lines]
        return {name: variables[name] for name in names}

    def line(self, verb: str) -> str:
        """The line to be typed for this verb."""
        (line,) = re.findall(rf"^  (\S.* {verb} --.*)$", self.printed, re.MULTILINE)
        return str(line)

    @property
    def sign_in(self) -> tuple[str, str]:
        """The name and the password to sign in with."""
        ((name, password),) = re.findall(r"sign in as (\S+) with the password (\S+)", self.printed)
        return name, password

    def stop(self, number: int) -> tuple[int, str, str]:
        """Send a signal; how it ended, and what it printed since."""
        self.process.send_signal(number)
        output, error = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, output, error


@contextmanager
def rehearse(*options: str) -> Iterator[Rehearsal]:
    """A sandbox that is ready."""
    with subprocess.Popen(
        [*PROGRAM, "sandbox", *options],
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        printed = ""
        while "Requests:" not in printed:
            line = process.stdout.readline()
            assert line, "it ended before it was ready"
            printed += line
        try:
            yield Rehearsal(process, printed)
        finally:
            process.kill()


@dataclass(frozen=True)
class Story:
    """A rehearsal from its start to its end."""

    printed: str
    exports: list[dict[str, str]]
    """Those of two terminals."""
    secret: str
    """The code of the approval."""
    complete: Run
    code: int
    shown: str
    """What the sandbox printed after it was ready."""
    error: str


@cache
def story() -> Story:
    """Type what is printed into a shell, do in the browser what it says, and press Ctrl-C."""
    with rehearse() as rehearsal:
        exports = [rehearsal.exports(), rehearsal.exports()]
        begun = launch(env=exports[0], program=("sh", "-c", rehearsal.line("begin")))
        with Person(*rehearsal.sign_in) as person:
            code = person.approve(re.findall(r"http\S+/oauth/authorize\S+", begun.output)[0])
        shell = ("sh", "-c", rehearsal.line("complete"))
        done = launch(env=exports[1], typed=f"{code}\n", program=shell)
        return Story(rehearsal.printed, exports, code, done, *rehearsal.stop(signal.SIGINT))


def test_exports_are_githubs_address_a_token_and_a_journal_key() -> None:
    """Another terminal gets the same: what the one began the other completes."""
    first, second = story().exports
    assert first.keys() == {"GH_TOKEN", "GITHUB_API_URL", "MASTODON_JOURNAL_KEY"}
    assert first == second


def test_whoever_follows_what_is_printed_has_a_token_stored() -> None:
    assert story().complete.code == 0
    assert re.search(r"secret +MASTODON_ACCESS_TOKEN", story().shown)


def test_requests_are_shown_without_queries_and_codes() -> None:
    assert re.search(r"GitHub +201 POST", story().shown)
    assert "?" not in story().shown
    assert story().secret not in story().shown


def test_ctrl_c_is_how_it_is_meant_to_end() -> None:
    assert (story().code, story().error) == (0, "")


def test_sigterm_ends_it_though_a_browser_keeps_its_connection_open() -> None:
    with rehearse() as rehearsal:
        port = int(rehearsal.origin.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)):
            code, _, error = rehearsal.stop(signal.SIGTERM)
    assert (code, error) == (0, "")


def test_port_that_is_taken_is_no_bug() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = launch("sandbox", "--github-port", port)
    assert done.code == 2
    assert "(port-taken, " in done.progress


@pytest.mark.parametrize("port", ["99999", "000070000", "-1", "abc", "٣"])
def test_impossible_port_is_refused(port: str) -> None:
    done = run("sandbox", "--instance-port", port)
    assert done.code == 2
    assert "--instance-port" in done.progress
