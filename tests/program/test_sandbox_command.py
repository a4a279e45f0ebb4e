"""`provisioner sandbox`: what it prints is followed to the letter, and it ends when it is told."""

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from tests.program.program import PATIENCE, PROGRAM, ROOT, Run, environment, launch
from tests.support.person import Person


@dataclass
class Rehearsal:
    process: subprocess.Popen[str]
    printed: str

    def found(self, pattern: str) -> str:
        (found,) = re.findall(pattern, self.printed, re.MULTILINE)
        return str(found)

    def type_in(self, verb: str, typed: str = "") -> Run:
        """Type what is printed for this verb into a new terminal: the exports, and its line."""
        exports = re.findall(r"^  (export .*)$", self.printed, re.MULTILINE)
        lines = [*exports, self.found(rf"^  (\S.* {verb} --.*)$")]
        return launch(typed=typed, program=("sh", "-c", "\n".join(lines)))

    def stop(self, number: int) -> tuple[int, str, str]:
        """Send a signal; how it ended, and what it printed since."""
        self.process.send_signal(number)
        output, error = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, output, error


@contextmanager
def rehearse() -> Iterator[Rehearsal]:
    with subprocess.Popen(
        [*PROGRAM, "sandbox"],
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


@cache
def story() -> tuple[str, Run, tuple[int, str, str]]:
    """Type what is printed into a shell, do in the browser what it says, and press Ctrl-C.

    The code, the run of complete, and how the sandbox ended.
    """
    with rehearse() as rehearsal:
        begun = rehearsal.type_in("begin")
        name = rehearsal.found(r"sign in as (\S+) with the password")
        link = re.findall(r"http\S+/oauth/authorize\S+", begun.output)[0]
        with Person(*re.findall(r", as (\S+) with (\S+)\)", rehearsal.printed)[0]) as other:
            other.approve(link)  # and could complete with it
        with Person(name, rehearsal.found(r"with the password (\S+)")) as person:
            code = person.approve(link)
        return code, rehearsal.type_in("complete", f"{code}\n"), rehearsal.stop(signal.SIGINT)


def test_whoever_follows_what_is_printed_has_a_token_stored() -> None:
    """In two terminals: what the one began the other completes."""
    _, complete, (_, shown, _) = story()
    assert complete.code == 0
    assert re.search(r"GitHub +201 PUT \S+/secrets/MASTODON_ACCESS_TOKEN", shown)


def test_requests_are_shown_without_queries_and_codes() -> None:
    code, _, (_, shown, _) = story()
    assert re.search(r"instance +200 POST /oauth/token", shown)
    assert "?" not in shown
    assert code not in shown


def test_ctrl_c_is_how_it_is_meant_to_end() -> None:
    code, _, error = story()[-1]
    assert (code, error) == (0, "")


def test_sigterm_ends_it_though_a_browser_keeps_its_connection_open() -> None:
    with rehearse() as rehearsal:
        port = int(rehearsal.found(r"An instance at \S+:(\d+) that behaves as "))
        with socket.create_connection(("127.0.0.1", port)):
            code, _, error = rehearsal.stop(signal.SIGTERM)
    assert (code, error) == (0, "")


def test_port_that_is_taken_is_no_bug() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = launch("sandbox", "--github-port", str(taken.getsockname()[1]))
    assert done.code == 1
    assert "Address already in use" in done.progress
