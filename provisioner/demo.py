"""`provisioner demo` and `provisioner sandbox`: the whole story over real sockets of this machine.

The demo plays it, told step by step; the sandbox lets a person play it in a browser.
"""

import os
import shlex
import signal
import threading
import time
from contextlib import closing
from functools import partial
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import msgspec
from nacl.bindings import crypto_box_SEALBYTES as SEALBYTES

from provisioner.commands.run import Prompts, run
from provisioner.commands.setup import Redirect
from provisioner.config import DEFAULTS, parse
from provisioner.environment import program
from provisioner.journal import new_key
from provisioner.landing import outcome
from provisioner.loopback import Loopback
from provisioner.report import ProvisionerError, Report, Reporter
from provisioner.sandbox import Instance, Repository, Request, Response, Sandbox

BOT, OTHER, REPOSITORY = "mybot", "alice", "octocat/mybot"
FIRST_POST = "howdy universe!"
PATIENCE = 60.0
"""Seconds that the embedded browser has to come back."""


class Teller(Reporter, Protocol):
    """Who tells the story: a terminal, or the log of a workflow."""

    def say(self, text: str) -> None:
        """A line, as it is."""


def play(teller: Teller) -> Report:
    """Set up a bot, which then posts with the secret it reads; check the token.

    Returns the report of the setup.
    """
    with Sandbox() as sandbox, closing(Loopback()) as loopback:
        repository, given = _furnish(sandbox)
        person = _Person(teller, sandbox.instance, loopback)

        def do(command: str) -> Report:
            config = parse(command, given, api_url=sandbox.github.api_url)
            return run(config, teller, Prompts(str, laptop=person))

        teller.say("\n1. setup: check everything, register an application, show the link")
        report = do("setup")

        teller.say("\n3. What GitHub stored: secrets that only its runners open")
        _show_stored(teller, repository)

        teller.say("\n4. The scheduled bot reads its secret, and posts")
        job = sandbox.github.queue(REPOSITORY)
        posted = httpx.post(
            f"{job.variables['MASTODON_BASE_URL']}/api/v1/statuses",
            data={"status": FIRST_POST},
            headers={"Authorization": f"Bearer {job.secret('MASTODON_ACCESS_TOKEN')}"},
            trust_env=False,
        )
        teller.done(f"{BOT} posted “{FIRST_POST}”: {posted.json()['url']}")

        teller.say("\n5. check: what a weekly schedule would do")
        for item in do("check").items:
            teller.done(item.text)
    teller.say("\nThe demo is over.")
    teller.say("The requests, the encryption and the journal were the real ones. The Mastodon,")
    teller.say("the GitHub and the person were embedded. Nothing left this machine.")
    teller.say("For your own bot: “Set up a bot” in README. To try it in your own browser first:")
    teller.say("`provisioner sandbox`.")
    return report


class _Person(msgspec.Struct, frozen=True):
    """The person and the browser of the demo. The redirect to this machine is a real request."""

    teller: Teller
    instance: Instance
    loopback: Loopback
    has_browser: bool = True
    is_attended: bool = False

    def show(self, report: Report) -> None:
        self.teller.say(report.headline)
        for label, text in report.table.items():
            self.teller.say(f"  {label}: {text}")
        if report.link:
            self.teller.say(f"  {report.link}")

    def agrees(self, question: str) -> bool:
        """Agree: in the demo nothing is anybody's."""
        return bool(question)

    def confirm(self, what: str, word: str) -> None:
        """Confirm."""

    def listen(self, port: int) -> str:
        return self.loopback.listen(port)

    def open(self, link: str) -> None:
        self.teller.say("\n2. A person signs in, and presses Authorize")
        asked = dict(parse_qsl(urlsplit(link).query))
        brought = {"code": self.instance.approve(link, BOT), "state": asked["state"]}
        back = f"{asked['redirect_uri']}?{urlencode(brought)}"
        come_back = partial(httpx.get, back, follow_redirects=True, trust_env=False)
        threading.Thread(target=come_back, daemon=True).start()

    def wait(self, state: str, origin: str) -> Redirect | str | None:
        until = time.monotonic() + PATIENCE
        arrived = self.loopback.wait(state, origin, until, lambda _: None)
        self.teller.done("The browser came back to this machine, and brought the code")
        return arrived

    def land(self, ended: Report | ProvisionerError) -> None:
        self.loopback.show(outcome(ended))


def serve(teller: Teller, instance_port: int, github_port: int) -> None:
    """Serve until SIGINT or SIGTERM; prints how to point this tool at it, and each request.

    Raises OSError where a port is taken.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Sandbox(instance_port=instance_port, github_port=github_port) as sandbox:
        _, given = _furnish(sandbox)
        command = shlex.join(program())
        options = f"--account {given['account']} --repository {REPOSITORY}"
        teller.say(f"""
An instance at {sandbox.instance.origin} that behaves as {sandbox.instance.server.software},
and a GitHub at {sandbox.github.api_url}.
Nothing in here is real, and nothing leaves this machine. In another terminal, in this folder:

  export GITHUB_API_URL={sandbox.github.api_url}
  export GH_TOKEN={given["github-token"]}
  export MASTODON_JOURNAL_KEY={given["journal-key"]}
  {command} setup {options}

In the browser, sign in as {BOT} with the password {_password(BOT)}
(or, to see what happens, as {OTHER} with {_password(OTHER)}), and press Authorize.
The same in two steps, as a workflow does it:

  {command} begin {options}
  {command} complete {options}

Stop with Ctrl-C. Requests:
""")

        def show(who: str, request: Request, response: Response) -> None:
            teller.say(f"  {who} {response.status} {request.method} {request.path}")

        sandbox.instance.observers.append(lambda *seen: show("instance", *seen))
        sandbox.github.observers.append(lambda *seen: show("GitHub  ", *seen))
        while not stop.wait(1):  # a wait without an end can sleep through a signal
            pass


def _furnish(sandbox: Sandbox) -> tuple[Repository, dict[str, str]]:
    """Add two accounts and a repository; what a run for the bot is given."""
    for name in (BOT, OTHER):
        sandbox.instance.add_account(name, _password(name))
    return sandbox.github.add_repository(REPOSITORY), {
        "account": f"{BOT}@{sandbox.instance.origin.removeprefix('http://')}",
        "repository": REPOSITORY,
        "journal-key": new_key(os.urandom).reveal(),
        "github-token": sandbox.github.add_token(),
    }


def _password(name: str) -> str:
    return f"{name}-sandbox-password"


def _show_stored(teller: Teller, repository: Repository) -> None:
    """What the embedded GitHub holds: names and sizes, and no secret."""
    name = repository.full_name
    for secret, value in repository.secrets.items():
        size = len(value.encode()) + SEALBYTES
        teller.say(f"  {name}  secret    {secret}  {size} bytes, sealed")
    for variable, value in repository.variables.items():
        shown = f"{len(value)} bytes, sealed" if variable == DEFAULTS["journal"][0] else value
        teller.say(f"  {name}  variable  {variable}  {shown}")
