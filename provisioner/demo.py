"""`provisioner demo`: the whole story, told step by step, over real sockets on this machine."""

import os
from typing import Protocol

from nacl.bindings import crypto_box_SEALBYTES as SEALBYTES

from provisioner.commands.run import Prompts, run
from provisioner.config import Config, parse
from provisioner.errors import ProvisionerError
from provisioner.http import Http
from provisioner.journal import new_key
from provisioner.parsing import parse_login
from provisioner.report import Report, Reporter
from provisioner.sandbox import Repository, Sandbox
from provisioner.secret import Secret

BOT, PASSWORD = "mybot", "correct-horse-battery-staple"
REPOSITORY = "octocat/mybot"
FIRST_POST = "howdy universe!"


class Teller(Reporter, Protocol):
    """Who tells the story: a terminal, or the log of a workflow."""

    def say(self, text: str = "", *, bold: bool = False) -> None:
        """A line, as it is."""


def play(teller: Teller) -> Report:
    """Begin, approve, complete, check; then the scheduled bot posts with the secret it reads.

    The embedded instance plays the person's part itself. Returns the report of the completion.
    """
    with Sandbox() as sandbox:
        sandbox.instance.add_account(BOT, PASSWORD)
        repository = sandbox.github.add_repository(REPOSITORY)
        values = _values(sandbox)

        def do(command: str, code: str = "") -> tuple[Report, Config]:
            config = parse(command, values | {"code": code}, api_url=sandbox.github.api_url)
            prompts = Prompts(lambda: "", lambda _instance: parse_login("", ""))
            return run(config, teller, prompts), config

        teller.say("\n1. begin: register an application, show the link", bold=True)
        link = do("begin")[0].link
        teller.say(f"  {link}")

        text = "\n2. A person opens it, signs in, presses Authorize, and sees a code"
        teller.say(text, bold=True)
        code = sandbox.instance.approve(link, BOT)
        teller.done(f"A one-time code of {len(code)} characters")

        text = "\n3. complete: exchange the code, check the account, seal, write"
        teller.say(text, bold=True)
        report, config = do("complete", code)

        teller.say("\n4. What GitHub stored: secrets that only its runners open", bold=True)
        show_stored(teller, repository, config.journal)

        teller.say("\n5. check: what a weekly schedule would do", bold=True)
        for item in do("check")[0].items:
            teller.done(item.text)

        teller.say("\n6. The scheduled bot reads its secret, and posts", bold=True)
        queued = sandbox.github.queue(REPOSITORY)
        token = Secret(queued.secret("MASTODON_ACCESS_TOKEN"))
        page = _post(teller, queued.variables["MASTODON_BASE_URL"], token)
        teller.done(f"{BOT} posted “{FIRST_POST}”: {page}")
    _tell_end(teller)
    return report


def show_stored(teller: Teller, repository: Repository, journal: str) -> None:
    """What an embedded GitHub holds: names and sizes, and no secret."""
    name = repository.full_name
    for secret, value in repository.secrets.items():
        size = len(value.encode()) + SEALBYTES
        teller.say(f"  {name}  secret    {secret}  {size} bytes, sealed")
    for variable, value in repository.variables.items():
        shown = f"{len(value)} bytes, sealed" if variable == journal else value
        teller.say(f"  {name}  variable  {variable}  {shown}")


def _tell_end(teller: Teller) -> None:
    """What was real, and what to do next."""
    teller.say("\nThe demo is over.", bold=True)
    teller.say("The requests, the encryption and the journal were the real ones. The Mastodon, the")
    teller.say("GitHub and the person were embedded, and are gone; nothing left this machine.")
    teller.say("For your own bot, follow README from “Set it up”. To try it in your own browser")
    teller.say("first, run the command `sandbox`.")


def _values(sandbox: Sandbox) -> dict[str, str]:
    token = sandbox.github.add_token()
    return {
        "account": f"{BOT}@{sandbox.instance.origin.removeprefix('http://')}",
        "repository": REPOSITORY,
        "journal-key": new_key(os.urandom).reveal(),
        "github-token": token,
    }


def _post(teller: Teller, base_url: str, token: Secret) -> str:
    """What the bot itself does: one request with the token. Returns the post's page."""
    form = {"status": FIRST_POST}
    with Http(waiting=teller.waiting) as http:
        answer = http.send("POST", f"{base_url}/api/v1/statuses", form=form, bearer=token)
    if not answer.ok:
        raise ProvisionerError("instance-unwell", f"The bot could not post: {answer.described()}.")
    return answer.text("url")
