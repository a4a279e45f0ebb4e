"""One bot with its instance and its repository, in which commands are run.

Instance and GitHub are the sandbox's own, in memory behind a wire that can fail, or on sockets.
Every request to GitHub and every answer is held against GitHub's own description, and everything
that is shown to a person is searched for secrets.
"""

import base64
import dataclasses
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx
from msgspec.structs import replace

from provisioner.commands.run import Prompts, perform
from provisioner.commands.session import Session
from provisioner.config import parse
from provisioner.github.client import GitHub as GitHubClient
from provisioner.http import Http
from provisioner.journal import Credential, Journal, Pending, parse_key, seal, unseal
from provisioner.parsing import Login, parse_login
from provisioner.report import Item, ProvisionerError, Report
from provisioner.sandbox import AccessToken, Headers, Repository, Request, Response, serve
from provisioner.sandbox.web import Handler
from provisioner.secret import Secret
from tests.servers import GitHub, make
from tests.servers.github_description import CheckingObserver, Description
from tests.support.gather import in_order
from tests.support.laptop import Answer, Laptop, approves
from tests.support.leaks import forms
from tests.support.person import Person
from tests.support.told import in_words, said, says_token_may_be_lost, steps
from tests.support.wire import Fault, FaultKind, Record, Wire

__all__ = ["FAULTS", "Fault", "FaultKind", "Wire", "World"]

ORIGIN = "https://social.example"
API = "https://api.github.com"
NAME = "octocat/mybot"
START = 1_800_000_000.0
STRINGS = ("MASTODON_CLIENT_ID", "MASTODON_CLIENT_SECRET")
"""A variable and a secret, where register keeps an application's two strings."""
USERS = {"mastodon-4.2": "{}@example.org", "pleroma": "{}"}
"""Servers that take passwords from programs, and what they want for a user name."""

FLAGS = ("dry-run", "yes", "start-over", "no-browser")
FAULTS: tuple[FaultKind, ...] = ("refused", "request lost", "answer lost", "500", "html")
"""Kinds that a test of one command tries: those that differ to it."""


class World:
    """One bot, one other person, one repository; and what has been shown so far."""

    def __init__(
        self,
        description: Description | None = None,
        personality: str = "mastodon-4.7",
        *,
        in_workflow: bool = False,
    ) -> None:
        """Hold GitHub to its description, if it is given."""
        self.time, self.api, self.account = START, API, "mybot@social.example"
        self.instance = make(personality, ORIGIN, clock=self.clock, registration_limit=None)
        self.instance.add_account("mybot", "mybot-password")
        self.instance.add_account("alice", "alice-password")
        self.github = GitHub(API, clock=self.clock)
        self.github.add_repository(NAME)
        self.description = description
        self.violations: list[str] = []
        """Of GitHub's description, and of the order in which a person is told."""
        self._unsettled = ""
        """The application of which the journal knows that an exchange was lost."""
        self.github.observers.append(self._look_who_is_told)
        if description:
            checked = CheckingObserver(description)
            checked.violations = self.violations
            self.github.observers.append(checked)
        self.wire = Wire(
            {"social.example": self.instance, "api.github.com": self.github}, self.github
        )
        self.network: httpx.BaseTransport = self.wire
        self.token = self.github.add_token()
        self.key = base64.b64encode(bytes(range(32))).decode()
        self.shown: list[str] = []
        self.explained: list[str] = []
        """What was shown for those alone who ask why."""
        self.codes: list[str] = []
        self.hidden: set[str] = set()
        self.by_hand: set[str] = set()
        """Client ids of the applications that a person made."""
        self.in_workflow = in_workflow
        """Whether a run gets the journal's key out of its secret, as that is when it is queued."""
        self.laptop = Laptop(self)
        self.key_folder: Path | None = None
        """Where the person's machine keeps keys; None where the key is handed in."""
        self.client: Callable[..., Http] = Http
        """Makes a run's client."""
        self.drawn = 0
        """How often a run asked for random bytes."""

    def copied(self, *shared: object) -> Self:
        """The same world once more, as it is now, for something else to happen in."""
        return deepcopy(self, self.shared() | {id(one): one for one in shared})

    def becomes(self, other: Self) -> None:
        """Whoever has this world, or its laptop, has from now on the other one's."""
        self.laptop.__dict__, self.__dict__ = vars(other.laptop), vars(other)

    def shared(self) -> dict[int, object]:
        """What copies have in common by its `id`: what has no state, or none that matters."""
        numbers = self.github._numbers  # noqa: SLF001 - of repositories to come: can't be copied
        locks = (self.instance.lock, self.github.lock)
        keys = (one._key for one in self.github.repositories.values())  # noqa: SLF001
        shared = (*locks, numbers, *keys, self.description)
        return {id(one): one for one in shared} | {id(self.client): Http}

    @contextmanager
    def served(self, around: Callable[[Handler], Handler]) -> Iterator[None]:
        """Both servers on sockets, each behind what is put around it; the wire reaches them too."""
        with serve(around(self.instance)) as instance, serve(around(self.github)) as github:
            self.instance.origin, self.github.api_url = instance.origin, github.origin
            self.api, self.account = github.origin, self.instance.address("mybot")
            self.wire.hosts = {
                urlsplit(instance.origin).netloc: self.instance,
                urlsplit(github.origin).netloc: self.github,
            }
            yield

    @property
    def warned(self) -> list[str]:
        """What the person was warned of."""
        return [line for line in self.shown if line.startswith("! ")]

    @property
    def repository(self) -> Repository:
        return self.github.repository(NAME)

    def session(self, command: str, code: str = "", **raw: str) -> Session:
        """A run's inputs and collaborators; `raw` are inputs, with underscores for hyphens."""
        key = "" if self.key_folder else self.key
        if self.in_workflow:
            key = self.stored("MASTODON_JOURNAL_KEY")
        given = {"account": self.account, "repository": NAME, "journal-key": key}
        given |= {"github-token": self.token}
        given |= {name.replace("_", "-"): text for name, text in raw.items()}
        config = parse(
            command,
            {**given, **{name: given.get(name) == "true" for name in FLAGS}},
            api_url=self.api,
            in_workflow=self.in_workflow,
        )
        config = replace(config, code=Secret(code))
        http = self.client(sleep=self.sleep, clock=self.clock, transport=self.network)
        github = GitHubClient(http, self.api, config.github_token)
        folder = self.key_folder
        return Session(config, http, github, self, self.clock, self.entropy, in_order, folder)

    def run(self, command: str, code: str = "", **raw: str) -> Report:
        """Run a command; all that it shows is kept."""
        prompts = Prompts(lambda: code, lambda *_: parse_login("", ""), self.laptop)
        return self._perform(self.session(command, code, **raw), prompts)

    def _perform(self, session: Session, prompts: Prompts) -> Report:
        try:
            report = perform(session, prompts)
        except ProvisionerError as error:
            self.shown += [said(error), *traceback.format_exception(error, limit=0)]
            raise
        self.shown += [repr(report), *report.outputs.values(), steps(report.next)]
        self.shown += map(in_words, report.items)
        return report

    def setup(self, *answers: Answer, **raw: str) -> Report:
        """Setup, where the person answers so while it waits; by default they approve."""
        self.laptop.answers = list(answers or (approves,))
        return self.run("setup", **raw)

    def begin(self, **raw: str) -> Report:
        return self.run("begin", **raw)

    def complete(self, code: str = "", **raw: str) -> Report:
        return self.run("complete", code, **raw)

    def check(self, **raw: str) -> Report:
        return self.run("check", **raw)

    def abandon(self, **raw: str) -> Report:
        return self.run("abandon", **raw)

    def deprovision(self, **raw: str) -> Report:
        return self.run("deprovision", **raw)

    def login(self, ask: Callable[[], Login], **raw: str) -> Report:
        prompts = Prompts(lambda: "", lambda *_: ask())
        return self._perform(self.session("login", **raw), prompts)

    def log_in(self, who: str = "mybot", password: str = "mybot-password", **raw: str) -> Report:
        """Login by what a person types."""
        user = USERS[self.instance.personality].format(who)
        return self.login(lambda: parse_login(user, password), **raw)

    def post(self, text: str, visibility: str = "", **raw: str) -> Report:
        return self.run("post", text=text, visibility=visibility, **raw)

    def register(self, **raw: str) -> Report:
        """Register an application, and keep its strings."""
        return self.run("register", **raw)

    def strings(self) -> tuple[str, str]:
        """What register kept, "" for either that is not there."""
        name, secret = STRINGS
        return self.repository.variables.get(name, ""), self.stored(secret)

    def link(self, **raw: str) -> str:
        """Begin, and the link that it shows."""
        return self.begin(**raw).outputs["authorize-url"]

    def person(self, who: str = "mybot") -> Person:
        """Somebody with an account, at a browser."""
        return Person(who, f"{who}-password", transport=self.wire)

    def approve(self, link: str, who: str = "mybot") -> str:
        """A person opens the link, signs in and presses Authorize: the code."""
        faults, record = self.wire.faults, self.wire.record
        self.wire.faults, self.wire.record = [], Record()  # the person's requests are no run's
        with self.person(who) as person:
            self.codes.append(person.approve(link))
        self.wire.faults, self.wire.record = faults, record
        return self.codes[-1]

    def provision(self, **raw: str) -> Report:
        """Begin, approve and complete."""
        return self.complete(self.approve(self.link(**raw)), **raw)

    def hand_made(self) -> dict[str, str]:
        """An application as Preferences > Development makes one: the inputs that name it."""
        self.link(journal="SCRATCH")
        del self.repository.variables["SCRATCH"]
        made = self.instance.applications[-1]
        self.by_hand.add(made.client_id)
        return {"client_id": made.client_id, "client_secret": made.client_secret}

    def answer(self, path: str, answer: Response | Handler, host: str = "social.example") -> None:
        """Let a host answer so where the address has this in it, and elsewhere as before."""
        former = self.wire.hosts[host]

        def handler(request: Request) -> Response:
            if path not in request.path:
                return former(request)
            return answer if isinstance(answer, Response) else answer(request)

        self.wire.hosts[host] = handler

    def delete(self, kind: str, name: str) -> None:
        """A person deletes a secret or a variable by hand."""
        fields = {"User-Agent": "a person", "Authorization": f"Bearer {self.token}"}
        place = f"/repos/{NAME}/actions/{kind}/{name}"
        answer = self.github(Request("DELETE", place, headers=Headers(fields.items())))
        assert answer.status == 204

    def journal(self) -> Journal:
        """What the repository remembers."""
        made = self.in_workflow or self.key_folder
        key = self.stored("MASTODON_JOURNAL_KEY") if made else self.key
        return unseal(self.repository.variables["MASTODON_JOURNAL"], parse_key(Secret(key)))

    @property
    def current(self) -> Credential:
        found = self.journal().current
        assert found is not None
        return found

    @property
    def pending(self) -> Pending:
        found = self.journal().pending
        assert found is not None
        return found

    @property
    def superseded(self) -> list[str]:
        """The replaced tokens that the journal knows, in plain."""
        return [old.credential.token.reveal() for old in self.journal().superseded]

    @property
    def known(self) -> list[str]:
        """All tokens that the journal knows, in plain and sorted."""
        return sorted(credential.token.reveal() for credential in self.journal().credentials())

    def places(self, credential: Credential | None = None, *, alone: bool = False) -> list[str]:
        """The names where it may stand, by default the one in use; or where it stands `alone`."""
        journal, one = self.journal(), credential or self.current
        return [place.name for place in (journal.known if alone else journal.may_hold)(one)]

    def rewrite(self, **changes: object) -> None:
        """Change the journal, as time or another version would have."""
        journal = replace(self.journal(), **changes)
        self.repository.variables["MASTODON_JOURNAL"] = seal(journal, parse_key(Secret(self.key)))

    def stored(self, name: str = "MASTODON_ACCESS_TOKEN") -> str:
        """What a workflow would read."""
        return self.github.queue(NAME).secret(name)

    def living(self) -> list[AccessToken]:
        """Every living token of anybody."""
        return [token for token in self.instance.tokens if token.live]

    def live(self) -> list[str]:
        """The same, in plain."""
        return [token.token for token in self.living()]

    def requests(self, since: int = 0) -> list[str]:
        return self.wire.log[since:]

    def _look_who_is_told(self, request: Request, _: Response) -> None:
        """A person is told of a lost exchange before the journal forgets it."""
        if request.method == "GET" or "/variables" not in request.path:
            return
        pending = None
        with suppress(KeyError, ProvisionerError):  # there is none, or a claim
            pending = self.journal().pending
        unsettled = pending.application.client_id if pending and pending.attempts else ""
        left, self._unsettled = self._unsettled, unsettled
        going_on = pending and pending.application.client_id == left
        if left and not going_on and not any(map(says_token_may_be_lost, self.warned)):
            self.violations.append("a lost exchange was forgotten, and nobody was told before")

    # What a run is given besides its inputs.

    def done(self, text: str) -> None:
        self.shown.append(text)

    def warn(self, item: Item) -> None:
        self.shown.append(f"! {in_words(item)}")

    def explain(self, text: str) -> None:
        self.shown.append(text)
        self.explained.append(text)

    def waiting(self, host: str, seconds: float) -> None:
        self.shown.append(f"{host} {seconds}")

    def mask(self, secret: Secret) -> None:
        self.hidden.add(secret.reveal())

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def clock(self) -> float:
        return self.time

    def entropy(self, size: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(size, "big")

    @property
    def late(self) -> list[tuple[object, ...]]:
        """What GitHub still answers with instead of what is there, and for how long."""
        return [
            (name, before.status, before.body, until - self.time)
            for name, (before, until) in self.github.late.items()
            if self.time < until
        ]

    def reword(self, values: Mapping[str, str]) -> None:
        """Replace values of variables, also those that GitHub still answers with."""
        variables, late = self.repository.variables, self.github.late
        variables |= {name: values.get(value, value) for name, value in variables.items()}
        for name, (answer, until) in late.items():
            body = answer.body
            for before, after in values.items():
                body = body.replace(before.encode(), after.encode())
            late[name] = dataclasses.replace(answer, body=body), until

    def leaks(self) -> list[str]:
        """Lines shown to a person in which a secret stands: plain, base64 or URL-encoded."""
        secrets = {self.token, self.key, *self.codes}
        secrets |= {account.password for account in self.instance.accounts}
        secrets |= {token.token for token in self.instance.tokens}
        secrets |= {application.client_secret for application in self.instance.applications}
        secrets |= {
            base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
            for number in range(1, self.drawn + 1)
        }
        shown = "\n".join(self.shown)
        leaked = {form for secret in secrets for form in forms(secret) if form in shown}
        return [line for line in self.shown if any(form in line for form in leaked)]
