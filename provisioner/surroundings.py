"""What a laptop or a runner knows without being told: the GitHub token, the repository, the API."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping

from provisioner.errors import InputError
from provisioner.github_errors import FORM_FOR_NEW_TOKENS
from provisioner.http import require_secure
from provisioner.inputs import Inputs, parse_inputs
from provisioner.mastodon import is_visible
from provisioner.secret import Secret

PATIENCE = 10
"""Seconds that `gh` and `git` may take."""


def fill_in(options: Mapping[str, object]) -> tuple[Inputs, Secret]:
    """The inputs and the GitHub token, out of a command's options and what surrounds it."""
    raw = {name: _text(value) for name, value in options.items()}
    raw["repository"] = raw["repository"] or _repository_here()
    inputs = parse_inputs(raw, dry_run=options.get("dry_run") is True)
    return inputs, _github_token(raw["github_token"])


def api_url() -> str:
    """`GITHUB_API_URL`, which runners set; GitHub's own by default. Raises InputError."""
    url = os.environ.get("GITHUB_API_URL", "").strip().rstrip("/") or "https://api.github.com"
    require_secure(url)
    return url


def _text(value: object) -> str:
    """A repeatable option's values as lines."""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _github_token(given: str) -> Secret:
    token = given.strip() or _output_of("gh", "auth", "token")
    if is_visible(token):
        return Secret(token)
    raise InputError(
        "no-github-token" if not token else "bad-github-token",
        "There is no GitHub token." if not token else "The GitHub token is not one.",
        why="" if not token else "It holds a space, a line break or a character outside ASCII.",
        todo="Make a fine-grained token for this repository alone, with Secrets and Variables: "
        "read and write, and set it as GH_TOKEN. Or sign in with `gh auth login`.",
        link=FORM_FOR_NEW_TOKENS,
    )


def _repository_here() -> str:
    """`owner/name` of the checkout's origin, "" where there is none."""
    url = _output_of("git", "remote", "get-url", "origin")
    match = re.search(r"[:/]([^:/\s]+/[^:/\s]+?)(?:\.git)?/?$", url)
    return match[1] if match and "github" in url else ""


def _output_of(program: str, *arguments: str) -> str:
    """What a program prints, "" where it is missing, fails or takes too long."""
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        run = subprocess.run(  # noqa: S603
            [path, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
