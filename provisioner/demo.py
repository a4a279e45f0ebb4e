"""`provisioner demo`: the whole story, told step by step, over real sockets on this machine."""

import base64
import os
import sys
import time

from provisioner import ceremony
from provisioner.ceremony import Desk
from provisioner.errors import ProvisionerError
from provisioner.github import GitHub
from provisioner.http import Http
from provisioner.inputs import parse_inputs
from provisioner.sandbox import Person, Repository, Sandbox
from provisioner.secret import Secret
from provisioner.terminal import Terminal

BOT, PASSWORD = "mybot", "correct-horse-battery-staple"
REPOSITORY = "octocat/mybot"
FIRST_POST = "howdy universe!"


def play() -> None:
    """Begin, approve, complete, check; then the scheduled bot posts with the secret it reads.

    The person's part is played by a small browser that knows nothing but the pages it is shown.
    """
    terminal = Terminal(progress=sys.stdout)
    with Sandbox() as sandbox, Http(waiting=terminal.waiting) as http:
        sandbox.instance.add_account(BOT, PASSWORD)
        repository = sandbox.github.add_repository(REPOSITORY)
        desk = _desk(sandbox, http, terminal)

        _title(terminal, "1. begin: register an application, show the link")
        link = ceremony.begin(desk).outputs()["authorize-url"]
        terminal.say(f"  {link}")

        _title(terminal, "2. A person opens it, signs in, presses Authorize, and sees a code")
        code = Person(BOT, PASSWORD).approve(link)
        terminal.done(f"A one-time code of {len(code)} characters")

        _title(terminal, "3. complete: exchange the code, check the account, seal, write")
        ceremony.complete(desk, lambda: code)

        _title(terminal, "4. What GitHub stored: boxes that only its runners open")
        show_stored(terminal, repository)

        _title(terminal, "5. check: what a weekly schedule would do")
        for finding in ceremony.check(desk).findings:
            terminal.done(finding.text)

        _title(terminal, "6. The scheduled bot reads its secret, and posts")
        run = sandbox.github.queue(REPOSITORY)
        token = Secret(run.secret("MASTODON_ACCESS_TOKEN"))
        page = _post(http, run.variables["MASTODON_BASE_URL"], token)
        terminal.done(f"{BOT} posted “{FIRST_POST}”: {page}")


def show_stored(terminal: Terminal, repository: Repository) -> None:
    """What an embedded GitHub holds: names and sizes, and no secret."""
    name = repository.full_name
    for secret, box in repository.secrets.items():
        terminal.say(f"  {name}  secret    {secret}  {box.ciphertext_length} bytes, sealed")
    for variable, value in repository.variables.items():
        shown = value if value.startswith("http") else f"{len(value)} bytes, sealed"
        terminal.say(f"  {name}  variable  {variable}  {shown}")


def _title(terminal: Terminal, text: str) -> None:
    terminal.say(f"\n{text}", "bold")


def _desk(sandbox: Sandbox, http: Http, terminal: Terminal) -> Desk:
    token = sandbox.github.add_token(
        permissions={"secrets": "write", "actions_variables": "write", "metadata": "read"}
    )
    inputs = parse_inputs(
        {
            "account": f"{BOT}@{sandbox.instance.origin.removeprefix('http://')}",
            "repository": REPOSITORY,
            "journal_key": base64.b64encode(os.urandom(32)).decode(),
        }
    )
    github = GitHub(http, sandbox.github.api_url, Secret(token))
    return Desk(inputs, http, github, terminal, time.time, os.urandom)


def _post(http: Http, base_url: str, token: Secret) -> str:
    """What the bot itself does: one request with the token. Returns the post's page."""
    form = {"status": FIRST_POST}
    answer = http.send("POST", f"{base_url}/api/v1/statuses", form=form, bearer=token)
    if not answer.ok:
        raise ProvisionerError("instance-unwell", f"The bot could not post: {answer.described()}.")
    return answer.text("url")
