"""`provisioner sandbox`: the embedded instance and GitHub, to rehearse the real thing with."""

import os
import shlex
import signal
import threading
from contextlib import ExitStack

from provisioner.config import DEFAULTS
from provisioner.demo import BOT, REPOSITORY, show_stored
from provisioner.environment import program
from provisioner.errors import InputError
from provisioner.journal import new_key
from provisioner.sandbox import Request, Response, Sandbox
from provisioner.terminal import Terminal

BOT_PASSWORD = "mybot-sandbox-password"  # noqa: S105 - of the embedded instance
OTHER, OTHER_PASSWORD = "alice", "alice-sandbox-password"


def serve(instance_port: int, github_port: int) -> None:
    """Serve until SIGINT or SIGTERM; prints how to point this tool at it, and each request."""
    terminal = Terminal()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        try:
            sandbox = stack.enter_context(
                Sandbox(
                    instance_port=instance_port,
                    github_port=github_port,
                )
            )
        except OSError as error:
            raise InputError(
                "port-taken",
                f"The sandbox can't listen on a port that was named: {error.strerror}.",
                next=("Name other ports, or name none: then free ones are chosen.",),
            ) from None
        sandbox.instance.add_account(BOT, BOT_PASSWORD)
        sandbox.instance.add_account(OTHER, OTHER_PASSWORD)
        repository = sandbox.github.add_repository(REPOSITORY)
        token = sandbox.github.add_token()
        key = new_key(os.urandom).reveal()
        ourselves = shlex.join(program())
        domain = sandbox.instance.origin.removeprefix("http://")
        terminal.say(f"""
An instance at {sandbox.instance.origin} that behaves as {sandbox.instance.server.software},
and a GitHub at {sandbox.github.api_url}.
Nothing in here is real, and nothing leaves this machine. In another terminal, in this folder:

  export GITHUB_API_URL={sandbox.github.api_url}
  export GH_TOKEN={token}
  export MASTODON_JOURNAL_KEY={key}
  {ourselves} begin --account {BOT}@{domain} --repository {REPOSITORY}

Open the link that it shows, sign in as {BOT} with the password {BOT_PASSWORD}
(or, to see what happens, as {OTHER} with {OTHER_PASSWORD}), and go on with:

  {ourselves} complete --account {BOT}@{domain} --repository {REPOSITORY}

Stop with Ctrl-C. Requests:
""")
        sandbox.instance.observers.append(lambda *seen: _show(terminal, "instance", *seen))
        sandbox.github.observers.append(lambda *seen: _show(terminal, "GitHub  ", *seen))
        while not stop.wait(1):  # a wait without an end can sleep through a signal
            pass
        show_stored(terminal, repository, DEFAULTS["journal"][0])


def _show(terminal: Terminal, who: str, request: Request, response: Response) -> None:
    terminal.say(f"  {who} {response.status} {request.method} {request.path}")
