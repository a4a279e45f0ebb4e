"""`provisioner demo`: the whole story, told step by step, over real sockets on this machine."""

import base64
import os
import time
from typing import Protocol

from provisioner import ceremony, defaults
from provisioner.ceremony import Desk, Tell, open_case
from provisioner.errors import ProvisionerError
from provisioner.github import GitHub
from provisioner.http import Http
from provisioner.inputs import Inputs, parse_inputs
from provisioner.outcomes import Outcome
from provisioner.sandbox import Person, Repository, Sandbox
from provisioner.secret import Secret

BOT, PASSWORD = "mybot", "correct-horse-battery-staple"
REPOSITORY = "octocat/mybot"
FIRST_POST = "howdy universe!"


class Teller(Tell, Protocol):
    """Who tells the story: a terminal, or the log of a workflow."""

    def waiting(self, host: str, seconds: float, /) -> None:
        """A pause before a request is repeated."""

    def say(self, text: str = "", style: str = "", /) -> None:
        """A line, as it is."""


def play(teller: Teller) -> tuple[Outcome, Inputs]:
    """Begin, approve, complete, check; then the scheduled bot posts with the secret it reads.

    The person's part is played by a small browser that knows nothing but the pages it is shown.
    Returns the outcome of the completion.
    """
    with Sandbox() as sandbox, Http(waiting=teller.waiting) as http:
        sandbox.instance.add_account(BOT, PASSWORD)
        repository = sandbox.github.add_repository(REPOSITORY)
        desk = _desk(sandbox, http, teller)

        _title(teller, "1. begin: register an application, show the link")
        link = ceremony.begin(desk, open_case(desk)).outputs()["authorize-url"]
        teller.say(f"  {link}")

        _title(teller, "2. A person opens it, signs in, presses Authorize, and sees a code")
        with Person(BOT, PASSWORD) as person:
            code = person.approve(link)
        teller.done(f"A one-time code of {len(code)} characters")

        _title(teller, "3. complete: exchange the code, check the account, seal, write")
        outcome = ceremony.complete(desk, open_case(desk), lambda: code)

        _title(teller, "4. What GitHub stored: boxes that only its runners open")
        show_stored(teller, repository)

        _title(teller, "5. check: what a weekly schedule would do")
        for finding in ceremony.check(desk, open_case(desk)).findings:
            teller.done(finding.text)

        _title(teller, "6. The scheduled bot reads its secret, and posts")
        run = sandbox.github.queue(REPOSITORY)
        token = Secret(run.secret("MASTODON_ACCESS_TOKEN"))
        page = _post(http, run.variables["MASTODON_BASE_URL"], token)
        teller.done(f"{BOT} posted “{FIRST_POST}”: {page}")
        return outcome, desk.inputs


def show_stored(teller: Teller, repository: Repository) -> None:
    """What an embedded GitHub holds: names and sizes, and no secret."""
    name = repository.full_name
    for secret, box in repository.secrets.items():
        teller.say(f"  {name}  secret    {secret}  {box.ciphertext_length} bytes, sealed")
    for variable, value in repository.variables.items():
        shown = f"{len(value)} bytes, sealed" if variable == defaults.JOURNAL else value
        teller.say(f"  {name}  variable  {variable}  {shown}")


def _title(teller: Teller, text: str) -> None:
    teller.say(f"\n{text}", "bold")


def _desk(sandbox: Sandbox, http: Http, teller: Teller) -> Desk:
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
    return Desk(inputs, http, github, teller, time.time, os.urandom)


def _post(http: Http, base_url: str, token: Secret) -> str:
    """What the bot itself does: one request with the token. Returns the post's page."""
    form = {"status": FIRST_POST}
    answer = http.send("POST", f"{base_url}/api/v1/statuses", form=form, bearer=token)
    if not answer.ok:
        raise ProvisionerError("instance-unwell", f"The bot could not post: {answer.described()}.")
    return answer.text("url")
