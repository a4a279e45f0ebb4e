"""A stand-in for the Dockerfile's base image, for where no image registry can be reached.

The genuine `python:3.13-slim` is Debian 13 with a Python 3.13 of its own. Debian 13's own Python is
3.13 too, so the stand-in is made of Debian's packages alone, and the same on every machine. What
differs: its library is in /usr and not in /usr/local, and it trusts whom this machine trusts, which
may reach its packages by way of a proxy with a certificate of its own.
"""

import hashlib
import os
import subprocess
from pathlib import Path

SUITE = "trixie"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# What Debian's slim images go without, and every image of Docker's for Python.
UNWANTED = ("doc", "info", "locale", "man")
UNCOMPILED = 'find "$1/usr/lib" -name __pycache__ -prune -exec rm -rf {} +'
# As `python`, which Debian doesn't name it.
NAMED = 'ln -s /usr/bin/python3 "$1/usr/local/bin/python"'

COMMAND = (
    "mmdebstrap",
    "--quiet",
    "--variant=minbase",
    "--include=ca-certificates,python3,python3-pip",
    '--aptopt=Acquire::Retries "3"',
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in UNWANTED),
    f"--customize-hook={UNCOMPILED}",
    f"--customize-hook={NAMED}",
    f"--customize-hook=upload {CERTIFICATES} {CERTIFICATES}",
    SUITE,
)


class NotMadeError(Exception):
    """Debian's packages did not come. The message holds what mmdebstrap said."""


def recipe() -> str:
    """What it is made by, as a hash: another one, another image."""
    return hashlib.sha256(os.fsencode("\0".join(COMMAND)) + CERTIFICATES.read_bytes()).hexdigest()


def make(tarball: Path) -> None:
    """Write its files to a tarball, in half a minute."""
    done = subprocess.run(
        [*COMMAND, str(tarball)], capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise NotMadeError(done.stderr)
