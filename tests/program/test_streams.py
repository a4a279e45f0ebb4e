"""Streams that are closed, full, or read by nobody. Each run is a process of its own."""

import subprocess
from pathlib import Path

import pytest

from tests.program.program import PATIENCE, PROGRAM, ROOT, Run, environment, launch
from tests.program.site import WRONG, Shell

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")


def redirected(redirection: str, *arguments: str, env: dict[str, str] | None = None) -> Run:
    """Run it with a stream that a shell redirects."""
    program = ("sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM)
    return launch(*arguments, env=env, program=program)


# Nobody reads.


def test_output_without_a_reader_ends_without_a_word() -> None:
    assert redirected("| :", "demo").all == ""


def test_token_is_kept_where_the_reader_goes_away_just_before(site: Shell) -> None:
    env = environment(site.env | {"MASTODON_CODE": site.approve(site.begin())})
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
        process.stderr.readline()
        process.stderr.close()
        process.wait(PATIENCE)
    assert site.live_tokens == [site.stored()]


# Full.


@needs_full
@pytest.mark.parametrize(
    ("redirection", "arguments", "code"),
    [
        (">/dev/full", (*WRONG, "--json"), 2),
        ("2>/dev/full", WRONG, 2),
        (">/dev/full", ("--version",), 1),
    ],
)
def test_full_disk_leaves_the_exit_code(
    redirection: str, arguments: tuple[str, ...], code: int
) -> None:
    """It is 1 where the words that can't be kept are all that the run is for."""
    done = redirected(redirection, *arguments)
    assert done.code == code
    assert "Exception ignored" not in done.progress


# Closed.


@pytest.mark.parametrize("redirection", [">&-", "<&-"])
def test_run_without_one_of_its_streams_is_done(site: Shell, redirection: str) -> None:
    done = redirected(redirection, "begin", *site.whose, "--json", env=site.env)
    assert done.code == 0
    assert site.has_journal


def test_progress_does_not_go_to_standard_output_where_standard_error_is_closed(
    site: Shell,
) -> None:
    done = redirected("2>&-", "begin", *site.whose, "--json", env=site.env)
    assert done.outcome["status"] == "approval-pending"


def test_what_a_stream_can_not_show_or_read_stops_nothing(site: Shell) -> None:
    strict = {"PYTHONIOENCODING": "ascii:strict"}
    assert "(bad-account, " in launch(*WRONG, env=strict).progress
    site.begin()
    done = launch("complete", *site.whose, "--json", env=site.env | strict, typed="\u00e4")
    assert (done.code, done.error) == (2, "bad-code")
