"""`provisioner sandbox`: what it prints is followed to the letter, and it ends when it is told."""

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import httpx
import pytest

from provisioner.sandbox import Person
from tests.cli.program import PATIENCE, PROGRAM, ROOT, Run, environment, run

OOB = "urn:ietf:wg:oauth:2.0:oob"


@dataclass
class Rehearsal:
    """A sandbox that runs, and what it printed when it was ready."""

    process: subprocess.Popen[str]
    printed: str

    @property
    def commands(self) -> list[str]:
        """The lines to be typed in another terminal."""
        return re.findall(r"^  (\S.*)$", self.printed, re.MULTILINE)

    def exports(self) -> dict[str, str]:
        """What a shell makes of the lines that export something."""
        lines = [line for line in self.commands if line.startswith("export ")]
        shell = ["sh", "-c", "\n".join([*lines, "env"])]
        env = environment()
        shown = subprocess.run(shell, env=env, capture_output=True, encoding="utf-8", check=True)
        variables = dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)
        names = [line.removeprefix("export ").partition("=")[0] for line in lines]
        return {name: variables[name] for name in names}

    def type(self, verb: str, exports: dict[str, str], typed: str = "") -> Run:
        """Type the line for this verb into a shell."""
        line = next(line for line in self.commands if f" {verb} --" in line)
        return run(env=exports, typed=typed, program=("sh", "-c", line))

    def person(self) -> Person:
        """Somebody who signs in as it is printed."""
        return Person(*self.sign_in)

    @property
    def sign_in(self) -> tuple[str, str]:
        """The name and the password to sign in with."""
        name, password = re.findall(r"sign in as (\S+) with the password (\S+)", self.printed)[0]
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

    exports: dict[str, str]
    code: str
    complete: Run
    shown: str
    """What the sandbox printed after it was ready."""


@cache
def story() -> Story:
    """Type what is printed, and do in the browser what it says."""
    with rehearse() as rehearsal:
        exports = rehearsal.exports()
        link = re.findall(r"http\S+/oauth/authorize\S+", rehearsal.type("begin", exports).output)[0]
        with rehearsal.person() as person:
            code = person.approve(link)
        done = rehearsal.type("complete", exports, typed=f"{code}\n")
        _, shown, _ = rehearsal.stop(signal.SIGINT)
        return Story(exports, code, done, shown)


def test_prints_exports() -> None:
    """It prints what to export: where GitHub is, a token, and a new journal key."""
    assert sorted(story().exports) == ["GH_TOKEN", "GITHUB_API_URL", "MASTODON_JOURNAL_KEY"]


def test_pasted_twice() -> None:
    """Another terminal gets the same journal key: what the one began the other completes."""
    with rehearse() as rehearsal:
        assert rehearsal.exports() == rehearsal.exports()


def test_followed_to_the_letter() -> None:
    """Whoever follows what it prints has a token stored, which it shows in the end."""
    assert (story().complete.code, "secret    MASTODON_ACCESS_TOKEN" in story().shown) == (0, True)


def test_shows_requests() -> None:
    """It shows each request that it answers, without queries and codes."""
    shown = story().shown
    assert ("GitHub   404 PATCH" in shown, "?" in shown, story().code in shown) == (
        True,
        False,
        False,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends(number: int) -> None:
    """Ctrl-C and SIGTERM are how it is meant to end: success, and not a word on standard error."""
    with rehearse() as rehearsal:
        code, _, error = rehearsal.stop(number)
    assert (code, error) == (0, "")


def test_ends_while_somebody_is_connected() -> None:
    """A browser that keeps its connection open does not keep it from ending."""
    with rehearse() as rehearsal:
        port = int(re.findall(r"An instance at http://127\.0\.0\.1:(\d+)", rehearsal.printed)[0])
        with socket.create_connection(("127.0.0.1", port)):
            code, _, _ = rehearsal.stop(signal.SIGINT)
    assert code == 0


@pytest.mark.parametrize(
    ("server", "software"),
    [
        ("mastodon-4.7", "Mastodon 4.7"),
        ("mastodon-4.2", "Mastodon 4.2"),
        ("gotosocial", "GoToSocial 0.20"),
        ("pleroma", "Pleroma 2.9"),
        ("pixelfed", "Pixelfed 0.12"),
        ("takahe", "Takahē 0.11"),
    ],
)
def test_plays_a_server(server: str, software: str) -> None:
    """It plays the server that it is told to, says which, and who may sign in as what is printed.

    On some servers that is an e-mail address.
    """
    with rehearse("--as", server) as rehearsal, rehearsal.person() as person:
        origin = re.findall(r"An instance at (\S+) that behaves as ", rehearsal.printed)[0]
        registered = httpx.post(
            f"{origin}/api/v1/apps",
            data={"client_name": "Bot", "redirect_uris": OOB, "scopes": "read"},
            trust_env=False,
        ).json()
        query = {
            "response_type": "code",
            "client_id": registered["client_id"],
            "redirect_uri": OOB,
            "scope": "read",
        }
        code = person.approve(str(httpx.URL(f"{origin}/oauth/authorize", params=query)))
    assert (f"behaves as {software}," in rehearsal.printed, len(code) >= 40) == (True, True)


@pytest.mark.parametrize("server", ["mastodon-4.2", "pleroma"])
def test_login(server: str) -> None:
    """Where passwords are taken, it prints how to log in by one, and with which user name."""
    with rehearse("--as", server) as rehearsal:
        name, password = rehearsal.sign_in
        typed = f"{name}\n{password}\n"
        assert f"Or, without a browser, type {name} and that password" in rehearsal.printed
        assert rehearsal.type("login", rehearsal.exports(), typed).code == 0


def test_no_login() -> None:
    """Where none are taken, nothing is said of it."""
    with rehearse("--as", "mastodon-4.7") as rehearsal:
        assert " login " not in rehearsal.printed


def test_is_mastodon_without_a_word() -> None:
    """Without an option it plays Mastodon 4.7."""
    with rehearse() as rehearsal:
        assert "that behaves as Mastodon 4.7," in rehearsal.printed


def test_unknown_server() -> None:
    """A server that it can't play is refused, with those that it can."""
    done = run("sandbox", "--as", "friendica")
    known = "mastodon-4.7, mastodon-4.2, gotosocial, pleroma, pixelfed, takahe"
    assert (done.code, known in done.progress, "“friendica”" in done.progress) == (2, True, True)


def test_help_lists_servers() -> None:
    """The help names the servers that it can play."""
    shown = " ".join(run("sandbox", "--help").output.split())
    assert "mastodon-4.7, mastodon-4.2, gotosocial, pleroma, pixelfed, takahe" in shown


def test_taken_port() -> None:
    """A port that is taken is said to be, and is no bug."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run("sandbox", "--github-port", port).code in {1, 2}


@pytest.mark.parametrize("port", ["99999", "000070000", "-1", "abc", "٣"])
def test_impossible_port(port: str) -> None:
    """What is no port is the input's fault, and named."""
    done = run("sandbox", "--instance-port", port)
    assert (done.code, f"“{port}” is no port" in done.progress) == (2, True)
