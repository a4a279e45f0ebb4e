"""One run of one command: from its config to its report."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from provisioner.commands.begin import begin
from provisioner.commands.check import check, check_token
from provisioner.commands.complete import complete
from provisioner.commands.doctor import doctor
from provisioner.commands.login import login
from provisioner.commands.offboard import abandon, deprovision
from provisioner.commands.post import post
from provisioner.commands.register import register
from provisioner.commands.session import Session
from provisioner.commands.setup import Laptop, setup
from provisioner.config import Config
from provisioner.github.client import GitHub
from provisioner.http import Http, in_threads
from provisioner.inputs import HERE, OF_A_JOURNAL
from provisioner.mastodon.instance import Instance
from provisioner.parsing import Login
from provisioner.report import Report, Reporter

COMMANDS: Mapping[str, Callable[[Session], Report]] = {
    "abandon": abandon,
    "begin": begin,
    "check": check,
    "check-token": check_token,
    "deprovision": deprovision,
    "doctor": doctor,
    "post": post,
    "register": register,
}


class Prompts(msgspec.Struct, frozen=True):
    """How a person is asked, each only if that is needed."""

    code: Callable[[], str]
    login: Callable[[str, Instance], Login] | None = None
    """Given a user name to offer."""
    laptop: Laptop | None = None
    """For setup and rotate, which are for a person's own machine."""


def run(
    config: Config, reporter: Reporter, prompts: Prompts, key_folder: Path | None = None
) -> Report:
    """Run `config.command`. Keeps no state in the process. Raises ProvisionerError.

    `key_folder` is where this machine keeps the journals' keys, if it does.
    """
    with Http(waiting=reporter.waiting) as http:
        github = GitHub(http, config.api_url, config.github_token)
        clock, entropy = time.time, os.urandom
        session = Session(config, http, github, reporter, clock, entropy, in_threads, key_folder)
        return perform(session, prompts)


def perform(session: Session, prompts: Prompts) -> Report:
    """Run the session's command."""
    command = session.config.command
    if command in OF_A_JOURNAL and session.config.account is None:
        session.read()
        session.is_read = True
    if command == "auto":
        command = _choose(session)
    if command == "complete":
        return complete(session, prompts.code)
    if command == "login" and prompts.login:
        return login(session, prompts.login)
    if command in HERE and prompts.laptop:
        return setup(session, prompts.laptop)
    return COMMANDS[command](session)


def _choose(session: Session) -> str:
    """What `auto` does: a schedule checks; a dispatch does what comes next."""
    config = session.config
    if config.scheduled:
        return "check"
    if config.code:
        return "complete"
    session.read()
    session.is_read = True
    journal = session.journal
    if journal.staged:
        return "complete"
    # A re-run of a rotation that is done must not start another.
    rotate = config.rotate and (journal.pending is not None or not config.is_rerun)
    return "begin" if rotate or journal.current is None else "check"
