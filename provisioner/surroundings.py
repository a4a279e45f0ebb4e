"""What a laptop or a runner knows without being told: the GitHub token, the repository, the API."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from provisioner.addresses import host_of, is_loopback, require_secure, shown
from provisioner.errors import InputError
from provisioner.github_errors import FORM_FOR_NEW_TOKENS
from provisioner.inputs import Inputs, parse_inputs, parse_repository
from provisioner.secret import Secret, is_visible

PATIENCE = 10
"""Seconds that `gh` and `git` may take."""
FORM_OF_TOKENS = (
    "It holds a space, a line break or a character outside ASCII, or is far too long. GitHub's "
    "tokens are one word, which begins with github_pat_ (fine-grained), ghs_ (a GitHub App's), "
    "gho_ (of gh) or ghp_ (classic)."
)
"""https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats"""


def fill_in(options: Mapping[str, object]) -> tuple[Inputs, Secret]:
    """The inputs and the GitHub token, out of a command's options and what surrounds it."""
    raw = {name: _text(value) for name, value in options.items()}
    raw["repository"] = raw["repository"] or _repository_here()
    inputs = parse_inputs(raw, dry_run=options.get("dry_run") is True)
    return inputs, github_token(raw["github_token"])


def repository_to_write(given: str) -> str:
    """The repository that was named, or this checkout's. Raises InputError."""
    return parse_repository(given or _repository_here())


def github_token(given: str) -> Secret:
    """The token that was given, or what `gh` says. Raises InputError."""
    return parse_github_token(given.strip() or _token_of_gh())


def api_url() -> str:
    """`GITHUB_API_URL`, which runners set; GitHub's own by default. Raises InputError."""
    url = os.environ.get("GITHUB_API_URL", "").strip().rstrip("/") or "https://api.github.com"
    require_secure(url)
    if re.search(r"[?#]", url):
        raise InputError(
            "bad-api-url",
            f"GITHUB_API_URL is “{shown(url)}”, which is not the address of an API.",
            todo="Unset it for github.com; for an Enterprise server it is https://HOST/api/v3.",
        )
    return url


def program() -> list[str]:
    """This program as it was called: the first words of a command that it prints.

    They work in the same folder, in any terminal.
    """
    if Path(sys.argv[0]).name == "__main__.py":
        return [_as_typed(sys.orig_argv[0]), "-m", "provisioner"]
    return [_as_typed(sys.argv[0])]


def _as_typed(path: str) -> str:
    """A program's name alone where PATH leads to it: then nobody typed the whole path."""
    name = Path(path).name
    found = shutil.which(name)
    try:
        return name if found and Path(found).absolute() == Path(path).absolute() else path
    except OSError:  # the folder that this runs in is gone
        return path


def _text(value: object) -> str:
    """A repeatable option's values as lines."""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value or "")


def parse_github_token(token: str, *, in_workflow: bool = False) -> Secret:
    """A token for GitHub's API. Raises InputError where it can't be one."""
    if is_visible(token):
        return Secret(token)
    if in_workflow:
        missing = "The secret that --github-token names is not set in this repository."
        place = "put it into the secret that --github-token names."
    else:
        missing = "GH_TOKEN is not set in this shell, and `gh` is not signed in."
        place = "set it as GH_TOKEN; or sign in with `gh auth login`."
    raise InputError(
        "no-github-token" if not token else "bad-github-token",
        "There is no GitHub token." if not token else "What was given can't be a GitHub token.",
        why=FORM_OF_TOKENS if token else missing,
        todo="Make a fine-grained token for this repository alone, with Secrets and Variables: "
        f"read and write, and {place}",
        link=FORM_FOR_NEW_TOKENS,
    )


def _token_of_gh() -> str:
    """Gh's token for the very host that it will be sent to; none for a stand-in on loopback."""
    host = host_of(require_secure(api_url()))
    if is_loopback(host):
        return ""
    return _output_of("gh", "auth", "token", "--hostname", host.removeprefix("api."))


def _repository_here() -> str:
    """`owner/name` of the checkout's origin on GitHub, "" where there is none."""
    url = _output_of("git", "remote", "get-url", "origin")
    match = re.fullmatch(
        r"(?:\w+://)?(?:[^/@]+@)?github\.com(?::\d+)?[:/]([^:/\s]+/[^:/\s]+?)(?:\.git)?/?", url
    )
    return match[1] if match else ""


def _output_of(program: str, *arguments: str) -> str:
    """What a program prints, "" where it is missing, fails or takes too long."""
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        run = subprocess.run(  # noqa: S603
            [path, *arguments],
            stdin=subprocess.DEVNULL,  # ours may hold the code
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return run.stdout.decode().strip() if run.returncode == 0 else ""
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
