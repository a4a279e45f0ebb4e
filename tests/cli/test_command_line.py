"""The command line as people and scripts meet it: words, streams, colours, exit codes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from provisioner import __version__
from provisioner.ceremony import Desk, begin, open_case
from provisioner.errors import InputError, ProvisionerError
from provisioner.github import GitHub
from provisioner.http import Http
from provisioner.sandbox import Person, Request, Response, Sandbox
from provisioner.surroundings import api_url, fill_in, program
from provisioner.terminal import Terminal
from tests.cli.program import (
    PATIENCE,
    PROGRAM,
    ROOT,
    WITHOUT_TIMEOUTS,
    Run,
    environment,
    run,
    run_in_terminal,
)
from tests.cli.site import KEY, REPOSITORY
from tests.github.server import RawServer

COMMANDS = (
    *("begin", "complete", "login", "register", "post", "check"),
    *("abandon", "deprovision", "doctor", "demo", "sandbox"),
)
TYPED = "xK3-this-was-typed-and-must-not-be-shown"
WRONG = ("begin", "--account", "nonsense", "--repository", REPOSITORY)
"""Fails for its account, before anything is asked of anybody."""
OPTIONS: dict[str, object] = {
    "account": "a@b.test",
    "repository": "a/b",
    "github_token": "x" * 20,
}
LED = ("sh", "-c", 'exec "$@" <"$(tty)"', "sh", *PROGRAM)
"""What leads a session and opens a terminal has its Ctrl-C sent to it, and reads it unseen."""
NOWHERE = {"GH_TOKEN": "x" * 20, "GITHUB_API_URL": "http://nowhere.test"}
"""Lets no run, right or wrong, leave this machine: a token does not go over plain http."""


class Site:
    """A served sandbox with a bot, and the way to it."""

    def __init__(self, sandbox: Sandbox) -> None:
        sandbox.instance.add_account("mybot", "password")
        self.sandbox = sandbox
        self.repository = sandbox.github.add_repository(REPOSITORY)
        self.account = ("--account", sandbox.instance.address("mybot"))
        self.whose = (*self.account, "--repository", REPOSITORY)
        self.env = {
            "GITHUB_API_URL": sandbox.github.api_url,
            "GH_TOKEN": sandbox.github.add_token(),
            "MASTODON_JOURNAL_KEY": KEY,
        }

    def begin(self) -> str:
        """Begin without a program of its own, which takes its time; the link to open."""
        inputs, token = fill_in(
            {
                "account": self.account[1],
                "repository": REPOSITORY,
                "github_token": self.env["GH_TOKEN"],
                "journal_key": KEY,
            }
        )
        with Http() as http:
            github = GitHub(http, self.env["GITHUB_API_URL"], token)
            desk = Desk(inputs, http, github, Terminal(), time.time, os.urandom)
            return begin(desk, open_case(desk)).outputs()["authorize-url"]

    @property
    def begun(self) -> bool:
        """Whether the journal was written."""
        return "MASTODON_JOURNAL" in self.repository.variables


@pytest.fixture
def site() -> Iterator[Site]:
    """A served sandbox with a bot."""
    with Sandbox() as sandbox:
        yield Site(sandbox)


@cache
def helped(*arguments: str) -> Run:
    """What a command says of itself."""
    return run(*arguments, "--help", env={"COLUMNS": "80"})


# Help.


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    """Each command's help shows how it is used."""
    words = " ".join(helped(command).output.split())
    assert f"Example: provisioner {command}" in words


@pytest.mark.parametrize("command", COMMANDS)
def test_example_in_one_line(command: str) -> None:
    """The example can be copied: it is not broken into two lines."""
    short = {"demo": "demo", "sandbox": "sandbox", "doctor": "doctor --account .+"}
    whole = short.get(command, f"{command} --account .+ --\\S+ .+")
    assert re.search(rf"^ *provisioner {whole}$", helped(command).output, re.MULTILINE)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_in_80_columns(command: str) -> None:
    """Help fits a terminal of 80 columns, and nothing is cut off to make it fit."""
    shown = helped(*filter(None, [command])).output
    wide = [line for line in shown.splitlines() if len(line) > 80]
    assert (wide, "…" in shown) == ([], False)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_output(command: str) -> None:
    """Help goes to standard output, and is success."""
    helping = helped(*filter(None, [command]))
    assert (helping.code, helping.progress) == (0, "")


def test_help_names_the_commands() -> None:
    """The program's help names each command and the exit codes."""
    shown = " ".join(helped().output.split())
    assert [word for word in (*COMMANDS, "70 a bug", "130") if word not in shown] == []


def test_version() -> None:
    """The version is one line."""
    assert run("--version") == Run(0, f"provisioner {__version__}\n", "")


def test_no_arguments() -> None:
    """Without arguments, it helps."""
    assert run(env={"COLUMNS": "80"}).output.split() == helped().output.split()


def test_help_needs_nothing(tmp_path: Path) -> None:
    """Help works without a home, in a folder that can't be written, in a locale without UTF-8."""
    tmp_path.chmod(0o500)
    bare = {"PYTHONPATH": str(ROOT), "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [*PROGRAM, "--help"], env=bare, cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0


@cache
def listed() -> Run:
    """A run with every secret on its command line."""
    options = ("--github-token", "--journal-key", "--client-secret", "--code")
    return run("complete", *WRONG[1:], *(f"{option}={TYPED}" for option in options))


# Wrong command lines.


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((TYPED,), id="command"),
        pytest.param(("complete", f"--{TYPED}"), id="option of a command"),
        pytest.param(("complete", f"--kode={TYPED}"), id="misspelt, with a value"),
        pytest.param(("complete", f"-{TYPED}"), id="short options"),
        pytest.param(("complete", "--account", "a@b.test", TYPED), id="extra argument"),
        pytest.param(("sandbox", "--github-port", TYPED), id="not a number"),
        pytest.param(("complete", f"--json={TYPED}"), id="a flag's value"),
    ],
)
def test_wrong_words_are_not_shown(arguments: tuple[str, ...]) -> None:
    """A wrong command line is refused without its words: people put codes there."""
    done = run(*arguments)
    assert (done.code, TYPED in done.all, done.output) == (2, False, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("begn",), "“begn” is no command of `python -m provisioner`. Did you mean begin?"),
        (("begin", "--acount", "a@b.test"), "“--acount” is no option of "),
        (("post",), "TEXT is required"),
        (("demo", "hunter2"), "takes options only"),
        (("post", "--account", "a@b.example", "howdy", "hunter2"), "one TEXT"),
        (("check", "--account", "--journal", "hunter2"), "--account lacks its value: --journal "),
    ],
)
def test_wrong_words_are_named(arguments: tuple[str, ...], said: str) -> None:
    """A word too short for a code or token is named; never one that may be a password."""
    done = run(*arguments)
    assert (done.code, said in done.progress, "hunter2" in done.all) == (2, True, False)


def test_misplaced_token_is_not_shown() -> None:
    """Who writes the token where its name belongs does not see it in the error."""
    done = run("begin", "--account", "a@b.test", "--repository", "a/b", f"--secrets=TOKEN={TYPED}")
    assert (done.code, TYPED in done.all) == (2, False)


def test_required_option() -> None:
    """An option that is missing is named, with the command that tells more."""
    done = run("begin")
    assert (done.code, "--account is required" in done.progress, "--help" in done.progress) == (
        2,
        True,
        True,
    )


@pytest.mark.parametrize(
    "account",
    ["a@xn--a", f"a@{'b' * 300}.test", "a@b.test:99999", "a@[::1", "a@b c", "@", "a@\x1b[31m", "é"],
)
def test_impossible_account(account: str) -> None:
    """An account that can't be one is the input's fault, and no bug."""
    with pytest.raises(InputError) as caught:
        fill_in(OPTIONS | {"account": account})
    assert caught.value.ident == "bad-account"


@pytest.mark.parametrize("repository", ["octo/..", "octo/.", "octo", "octo/bot/x", "octo/b t"])
def test_impossible_repository(repository: str) -> None:
    """A repository that GitHub could not have is refused before it is asked for."""
    with pytest.raises(InputError) as caught:
        fill_in(OPTIONS | {"repository": repository})
    assert caught.value.ident == "bad-repository"


@pytest.mark.parametrize(
    ("option", "variable"),
    [
        ("--github-token", "GH_TOKEN"),
        ("--journal-key", "MASTODON_JOURNAL_KEY"),
        ("--client-secret", "MASTODON_CLIENT_SECRET"),
    ],
)
def test_listed_secret(option: str, variable: str) -> None:
    """A secret in the list of processes is warned of, with the variable to use in its place."""
    done = listed()
    assert (option in done.progress, f"${variable}" in done.progress, TYPED in done.all) == (
        True,
        True,
        False,
    )


def test_unlisted_secrets() -> None:
    """Secrets from the environment are not warned of."""
    names = ("GH_TOKEN", "MASTODON_JOURNAL_KEY", "MASTODON_CLIENT_SECRET", "MASTODON_CODE")
    assert (
        "list of processes" not in run("complete", *WRONG[1:], env=dict.fromkeys(names, TYPED)).all
    )


# Colours.


@pytest.mark.parametrize("arguments", [WRONG, ("--help",)])
def test_no_colour_in_a_pipe(arguments: tuple[str, ...]) -> None:
    """Without a terminal there is no escape code."""
    assert "\x1b" not in run(*arguments, env={"TERM": "xterm-256color"}).all


def test_colour_in_a_terminal() -> None:
    """In a terminal an error has colours."""
    assert "\x1b[1;31m" in run_in_terminal(*WRONG)


@pytest.mark.parametrize("arguments", [WRONG, ("--help",)])
def test_no_color(arguments: tuple[str, ...]) -> None:
    """With NO_COLOR set, a terminal gets no escape code either."""
    assert "\x1b" not in run_in_terminal(*arguments, env={"NO_COLOR": "1"})


def test_code_is_not_echoed(site: Site) -> None:
    """In a terminal the code is asked for, and not shown while it is typed."""
    site.begin()
    asked = "Code, or the address of its page (not shown): "
    shown = run_in_terminal("complete", *site.whose, env=site.env, prompt=asked, typed=TYPED)
    assert (asked in shown, TYPED in shown, "did not accept the code" in shown) == (
        True,
        False,
        True,
    )


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_ended_at_a_prompt(site: Site, key: str) -> None:
    """Ctrl-C and the end of the input leave the prompt's line: what is said next has its own."""
    site.begin()
    asked = "Code, or the address of its page (not shown): "
    shown = run_in_terminal(
        "complete", *site.whose, env=site.env, prompt=asked, typed=key, program=LED
    )
    assert re.search(r"\(not shown\): (\^[CD])?\r\n[^\r\n]*Interrupted", shown)


def test_no_text_at_a_prompt(site: Site) -> None:
    """2: a terminal that sends no UTF-8 is told of, on a line of its own."""
    site.begin()
    asked = "Code, or the address of its page (not shown): "
    shown = run_in_terminal(
        "complete", *site.whose, env=site.env, prompt=asked, typed=b"\xff", program=LED
    )
    assert re.search(r"\(not shown\): \r\n[^\r\n]*no text in UTF-8", shown)
    assert "(not-text, exit code 2)" in shown


# JSON.


def outcome(done: Run) -> dict[str, object]:
    """The one object on standard output."""
    assert done.output.count("\n") == 1
    value = json.loads(done.output)
    assert isinstance(value, dict)
    return value


def test_json_success(site: Site) -> None:
    """With --json, what comes of a run is one object."""
    done = run("begin", *site.whose, "--json", env=site.env)
    assert outcome(done)["status"] == "approval-pending"


def test_json_input() -> None:
    """With --json, a wrong input is one object, which names the error and the exit code."""
    value = outcome(run(*WRONG, "--json"))
    error = value["error"]
    assert isinstance(error, dict)
    assert (value["status"], value["exit-code"], error["name"]) == ("failed", 2, "bad-account")


def test_json_person_needed(site: Site) -> None:
    """With --json, a run that needs a person is one object."""
    done = run("check", *site.whose, "--json", env=site.env)
    assert (done.code, outcome(done)["exit-code"]) == (4, 4)


def test_json_usage() -> None:
    """With --json, a wrong command line is one object too."""
    assert outcome(run("begin", "--json"))["exit-code"] == 2


def test_json_alone(site: Site) -> None:
    """With --json and no standard error, progress does not go to standard output."""
    sh = ("sh", "-c", 'exec "$@" 2>&-', "sh", *PROGRAM)
    done = run("begin", *site.whose, "--json", env=site.env, program=sh)
    assert outcome(done)["status"] == "approval-pending"


# Exit codes.


def exhaust(site: Site, after: str = "") -> None:
    """Use up the token's budget: at once, or after a request of this method."""

    def observe(request: Request, _response: Response) -> None:
        if request.method == after:
            site.sandbox.github.limit(remaining=0, reset=time.time() + 1800)

    if after:
        site.sandbox.github.observers.append(observe)
    else:
        site.sandbox.github.limit(remaining=0, reset=time.time() + 1800)


def test_exit_failed(site: Site) -> None:
    """1: failed, and nothing was changed."""
    exhaust(site)
    assert (run("begin", *site.whose, env=site.env).code, site.begun) == (1, False)


def test_exit_half_way(site: Site) -> None:
    """3: stopped after something was written."""
    exhaust(site, after="PUT")
    assert (run("begin", *site.whose, env=site.env).code, site.begun) == (3, False)


def test_exit_person(site: Site) -> None:
    """4: a token that GitHub refuses takes a person."""
    assert run("begin", *site.whose, env=site.env | {"GH_TOKEN": "x" * 20}).code == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(number: int, code: int) -> None:
    """A run that is interrupted while a request hangs does not wait for its answer."""
    asked, over = threading.Event(), threading.Event()

    def hang(_seen: object) -> None:
        asked.set()
        over.wait(PATIENCE)

    with RawServer(hang) as server:
        env = environment({"GITHUB_API_URL": server.origin, "GH_TOKEN": "x" * 20})
        with subprocess.Popen(
            [*WITHOUT_TIMEOUTS, "begin", "--account", "a@b.test", "--repository", "a/b"],
            env=env,
            cwd=ROOT,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            assert asked.wait(PATIENCE)
            process.send_signal(number)
            _, said = process.communicate(timeout=PATIENCE)
        over.set()
    assert (process.returncode, "Run it again" in said, "Traceback" in said) == (code, True, False)


def test_interrupted_again_and_again() -> None:
    """Whoever presses Ctrl-C until it ends is told once how to go on, without a traceback."""

    def hang(_seen: object) -> None:
        time.sleep(1)

    with (
        RawServer(hang) as server,
        subprocess.Popen(
            [*PROGRAM, "begin", "--account", "a@b.test", "--repository", "a/b"],
            env=environment({"GITHUB_API_URL": server.origin, "GH_TOKEN": "x" * 20}),
            cwd=ROOT,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process,
    ):
        while not server.seen:
            time.sleep(0.01)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.001)
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said.count("Run it again"), "Traceback" in said) == (130, 1, False)


MISSED = """
import ctypes, operator, time
from functools import partial
from provisioner import surroundings
from provisioner.cli import main
def wait(_options):
    # Without a step of Python's between them, in which it could run a handler.
    send = partial(ctypes.CDLL(None)["raise"], {number})
    list(map(operator.call, (send, partial(time.sleep, 3600))))
surroundings.fill_in = wait
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_just_before_a_wait(number: int, code: int) -> None:
    """A signal that Python has not seen when a wait begins ends that wait all the same."""
    script = MISSED.format(number=int(number))
    done = run("check", "--account", "a@b.test", program=(sys.executable, "-c", script))
    assert done.code == code


EARLY = """
import signal, sys
from provisioner.__main__ import main
class Finder:
    def find_spec(name, *_):
        if name == "typer":
            signal.raise_signal({number})
sys.meta_path.insert(0, Finder)
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_before_it_begins(number: int, code: int) -> None:
    """A signal that comes while the program is still being read ends it like any other."""
    done = run("check", program=(sys.executable, "-c", EARLY.format(number=int(number))))
    assert (done.code, "Run it again" in done.progress, "Traceback" in done.all) == (
        code,
        True,
        False,
    )


# Bugs.

BROKEN = f"""
import os, sys
from provisioner.cli import main
def broken(size):
    raise RuntimeError("{TYPED}")
os.urandom = broken
sys.argv = ["provisioner", *sys.argv[1:]]
main()
"""


@cache
def broken(*arguments: str) -> Run:
    """A run with a bug in it."""
    return run(*arguments, program=(sys.executable, "-c", BROKEN))


def test_bug() -> None:
    """A bug is 70, and told without a traceback or a message, which may hold a secret."""
    done = broken("demo")
    assert (done.code, TYPED in done.all, "Traceback" in done.all) == (70, False, False)


def test_bug_has_a_place() -> None:
    """A bug is reported with its kind and where it is."""
    assert re.search(r"RuntimeError at .*\w+\.py:\d+", broken("demo").progress)


def test_json_bug(site: Site) -> None:
    """With --json, a bug is one object too."""
    program = (sys.executable, "-c", BROKEN)
    done = run("begin", *site.whose, "--json", env=site.env, program=program)
    assert outcome(done)["exit-code"] == 70


# Streams that are closed or full.

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux")


def with_gone_reader(stream: str, *arguments: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """Run with one stream a pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: writer}
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        env=environment(env),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=streams["stdout"],
        stderr=streams["stderr"],
        encoding="utf-8",
    )
    os.close(writer)
    return process


def test_nobody_reads() -> None:
    """A reader that went away ends the program without a word."""
    process = with_gone_reader("stdout", "demo", env={})
    _, said = process.communicate(timeout=PATIENCE)
    assert said == ""


def test_nobody_reads_the_progress(site: Site) -> None:
    """A run goes on to its end when nobody reads its progress: it must not stop half-way."""
    process = with_gone_reader("stderr", "begin", *site.whose, "--json", env=site.env)
    process.communicate(timeout=PATIENCE)
    assert (process.returncode, site.begun) == (0, True)


def test_token_is_kept_when_nobody_reads(site: Site) -> None:
    """A token is not lost where the reader goes away just before it is issued."""
    link = site.begin()
    with Person("mybot", "password") as person:
        env = environment(site.env | {"MASTODON_CODE": person.approve(link)})
    with subprocess.Popen(
        [*PROGRAM, "complete", *site.whose],
        env=env,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "public key" in line)
        process.stderr.close()
        process.wait(PATIENCE)
    live = [token.token for token in site.sandbox.instance.live_tokens("mybot")]
    stored = [site.repository.open_secret(name) for name in site.repository.secrets]
    assert [token for token in live if token not in stored] == []


@needs_full
@pytest.mark.parametrize(
    ("redirection", "arguments", "code"),
    [
        (">/dev/full", WRONG, 2),
        (">/dev/full", (*WRONG, "--json"), 2),
        ("2>/dev/full", WRONG, 2),
        ("2>/dev/full", ("nonsense",), 2),
        ("2>/dev/full", ("--version",), 0),
        (">/dev/full", ("--version",), 1),
        (">/dev/full", ("--help",), 1),
    ],
)
def test_full_disk(redirection: str, arguments: tuple[str, ...], code: int) -> None:
    """The exit code is the run's where its words can't be kept; 1 where they are all of it."""
    sh = ("sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM)
    done = run(*arguments, program=sh)
    assert (done.code, "Exception ignored" in done.progress) == (code, False)


@needs_full
def test_check_on_a_full_disk(site: Site) -> None:
    """4: what a check needs a person for is not hidden by a disk that is full."""
    sh = ("sh", "-c", 'exec "$@" >/dev/full', "sh", *PROGRAM)
    assert run("check", *site.whose, env=site.env, program=sh).code == 4


@pytest.mark.parametrize("variable", ["COLUMNS", "LINES"])
@pytest.mark.parametrize("value", ["0", "1", "²", "9" * 5000, "-1", "x"])
def test_size_of_the_terminal(variable: str, value: str) -> None:
    """Whatever a shell says of its terminal, an error is shown, and its lines are not broken."""
    done = run(*WRONG, env={variable: value})
    assert (done.code, "Write it as on a profile page: mybot@" in done.progress) == (2, True)


@pytest.mark.parametrize("redirection", [">&-", "<&-"])
def test_closed_streams(site: Site, redirection: str) -> None:
    """A run without one of its streams is done all the same."""
    sh = ("sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM)
    done = run("begin", *site.whose, "--json", env=site.env, program=sh)
    assert (done.code, site.begun) == (0, True)


def test_closed_input(site: Site) -> None:
    """Where there is no standard input, there is no code: the input's fault, and no bug."""
    site.begin()
    sh = ("sh", "-c", 'exec "$@" <&-', "sh", *PROGRAM)
    assert run("complete", *site.whose, env=site.env, program=sh).code == 2


# What surrounds it.


@pytest.mark.parametrize(
    ("typed", "there", "words"),
    [
        ("provisioner", "provisioner", ["provisioner"]),
        (".venv/bin/provisioner", "elsewhere", [".venv/bin/provisioner"]),
        ("{path}/provisioner", "provisioner", ["provisioner"]),
        ("{path}/provisioner", "elsewhere", ["{path}/provisioner"]),
    ],
)
def test_named_as_it_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, there: str, words: list[str]
) -> None:
    """In the commands that it prints it has the name that was typed; none is made up."""
    (tmp_path / there).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [typed.format(path=tmp_path)])
    assert program() == [word.format(path=tmp_path) for word in words]


def test_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the current folder was deleted, it has the name that was typed all the same."""
    (tmp_path / "provisioner").touch(mode=0o755)
    (tmp_path / "gone").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["provisioner"])
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert program() == ["provisioner"]


def fake_gh(folder: Path, script: str) -> dict[str, str]:
    """A `gh` of our own, first on the path."""
    program = folder / "gh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "GH_TOKEN": ""}


def test_gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token in the environment, that of `gh` for GitHub's own host is taken."""
    monkeypatch.setenv("PATH", fake_gh(tmp_path, 'echo "$4"')["PATH"])
    _, token = fill_in(OPTIONS | {"github_token": ""})
    assert token.reveal() == "github.com"


def test_gh_and_a_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in for GitHub on this machine is not given the token of `gh`."""
    monkeypatch.setenv("PATH", fake_gh(tmp_path, "echo gh_token")["PATH"])
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    with pytest.raises(InputError, match="no GitHub token"):
        fill_in(OPTIONS | {"github_token": ""})


def test_token_before_gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is given goes before that of `gh`."""
    monkeypatch.setenv("PATH", fake_gh(tmp_path, "echo wrong")["PATH"])
    _, token = fill_in(OPTIONS)
    assert token.reveal() == OPTIONS["github_token"]


@pytest.mark.parametrize(
    "script", ["exit 1", "true", "echo two words", "echo x; exit 4", "printf '\\377'"]
)
def test_useless_gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A `gh` that is not signed in, or prints something else, is no token: what to do is said."""
    monkeypatch.setenv("PATH", fake_gh(tmp_path, script)["PATH"])
    with pytest.raises(InputError, match="GitHub token"):
        fill_in(OPTIONS | {"github_token": ""})


def test_token_of_gh_for_another_host(tmp_path: Path) -> None:
    """The token that `gh` keeps for github.com is sent to no other host.

    The fake is like the real one: it names another token, or none, where it is told another host.
    """
    script = 'case "$*" in *--hostname*) exit 1;; *) echo token-for-github-com;; esac'
    with RawServer(lambda _seen: None) as server:
        server.script = lambda _seen: b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
        env = fake_gh(tmp_path, script) | {"GITHUB_API_URL": server.origin}
        run("begin", "--account", "a@b.test", "--repository", "a/b", env=env)
        sent = [seen.headers.get("authorization") for seen in server.seen]
    assert sent == []


@pytest.mark.parametrize("token", ["a\nb", "a b", "é", "\x7f", "x" * 5000])
def test_impossible_token(token: str) -> None:
    """A token that could not stand in a header is refused, and how GitHub's look is said."""
    with pytest.raises(InputError) as caught:
        fill_in(OPTIONS | {"github_token": token})
    assert (caught.value.ident, "github_pat_" in caught.value.why) == ("bad-github-token", True)


def checkout(folder: Path, origin: str) -> Path:
    """A checkout with this origin."""
    git = shutil.which("git")
    assert git is not None
    for command in (["init", "--quiet"], ["remote", "add", "origin", origin]):
        subprocess.run([git, *command], cwd=folder, check=True, env=environment())
    return folder


@pytest.mark.parametrize(
    "origin",
    [
        "https://github.com/octocat/mybot",
        "https://x-access-token:secret@github.com/octocat/mybot.git",
        "git@github.com:octocat/mybot.git",
        "ssh://git@github.com:22/octocat/mybot.git/",
    ],
)
def test_form_of_the_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    """The repository is that of the checkout's origin, in each of the forms that git takes."""
    monkeypatch.chdir(checkout(tmp_path, origin))
    inputs, _ = fill_in(OPTIONS | {"repository": ""})
    assert inputs.repository == REPOSITORY


@pytest.mark.parametrize(
    "origin", ["https://gitlab.com/octocat/mybot", "https://gitlab.com/github/mybot", "../mybot"]
)
def test_checkout_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    """A checkout that did not come from GitHub names no repository of GitHub."""
    monkeypatch.chdir(checkout(tmp_path, origin))
    with pytest.raises(InputError, match="No repository was named"):
        fill_in(OPTIONS | {"repository": ""})


def test_no_checkout(tmp_path: Path) -> None:
    """Outside a checkout, the repository is asked for."""
    done = run("begin", "--account", "a@b.test", env=NOWHERE, cwd=tmp_path)
    assert (done.code, "No repository was named" in done.progress) == (2, True)


def test_insecure_api() -> None:
    """A token is not sent over plain http."""
    done = run("begin", "--account", "a@b.test", "--repository", "a/b", env=NOWHERE)
    assert (done.code, "insecure-address" in done.progress) == (2, True)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.github.com",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.test",
        "http://localhost@evil.test",
        "ftp://localhost",
        "localhost",
        "https://",
        "https://api.github.com?x=1",
        "https://api.github.com#x",
        "https://api.github.com/?",
    ],
)
def test_impossible_api(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """An API goes over https, or to this very machine, and is an address that paths extend."""
    monkeypatch.setenv("GITHUB_API_URL", url)
    with pytest.raises(InputError) as caught:
        api_url()
    assert caught.value.ident in {"insecure-address", "bad-api-url"}


@pytest.mark.parametrize("url", ["", " ", "\n"])
def test_empty_api(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """An empty GITHUB_API_URL is as good as none."""
    monkeypatch.setenv("GITHUB_API_URL", url)
    assert api_url() == "https://api.github.com"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("HTTPS_PROXY", "nonsense://127.0.0.1"),
        ("NO_PROXY", "[::1"),
        ("SSL_CERT_FILE", "/nonexistent"),
    ],
)
def test_surrounding_network(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A setting of the surroundings that can't be used is named, or does not matter: no bug."""
    monkeypatch.setenv(name, value)
    with suppress(ProvisionerError), Http(sleep=lambda _seconds: None) as http:
        http.send("GET", "http://127.0.0.1:1")
