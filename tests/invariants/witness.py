"""The invariants, checked against the sandbox's own state.

A witness sees every exchange of both servers the moment it is done, and each run when it ended. It
opens the secrets' boxes, knows which tokens live, and trusts nothing that the tool says of itself.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from urllib.parse import urlsplit

from provisioner.journal import Journal
from provisioner.journal_store import CLAIM
from provisioner.report import Exit, ProvisionerError, Report
from provisioner.sandbox import AccessToken, Request, Response
from tests.invariants import I1, I2, I3, I4, I5, I6, I7, I8, I9
from tests.invariants.faults.scenarios import STRANGER, Command
from tests.support.leaks import forms, plaintext
from tests.support.told import in_words, says_token_may_be_lost
from tests.support.wire import Killed, Record
from tests.support.world import World

TOKEN, KEY, JOURNAL = "MASTODON_ACCESS_TOKEN", "MASTODON_JOURNAL_KEY", "MASTODON_JOURNAL"
DEAD, UNKNOWN = f"{I1}: a dead token is stored", f"{I3}: a token lives that nothing knows"
EQUAL, SHOWN = f"{I2}: the same token is current and replaced", f"{I4}: a secret was shown"
KEY_LOST = f"{I5}: the journal's key is lost"
MOST_REQUESTS, MOST_SECONDS = 150, 1800
"""Of one run, whatever strikes: then it has ended. GitHub's own limit for a job is six hours."""

LONG_WORD = re.compile(r"([A-Za-z0-9_-]{10,})")
SECONDS = re.compile(r":\d\d(?=Z| GMT)")
DIGIT = re.compile(r"\d")

Ending = Report | ProvisionerError | Killed
State = tuple[dict[str, str], dict[str, str], set[str], int]


def has_journal(world: World) -> bool:
    """Whether there is one; a claim is none."""
    return not world.repository.variables.get(JOURNAL, CLAIM).startswith(CLAIM)


def remembered(world: World) -> Journal | None:
    """The journal; None where there is none, or none that the stored key opens."""
    try:
        return world.journal() if has_journal(world) else None
    except ProvisionerError:
        return None


def known_tokens(journal: Journal | None) -> list[str]:
    """The tokens in a journal."""
    return [one.token.reveal() for one in journal.credentials()] if journal else []


def dead_secrets(world: World) -> list[str]:
    """The names of the secrets that hold a token which was revoked."""
    dead = {token.token for token in world.instance.tokens if not token.live}
    return [name for name, value in world.repository.secrets.items() if value in dead]


def unknown_tokens(world: World, journal: Journal | None) -> list[AccessToken]:
    """The living tokens that are in no secret and not in the journal."""
    known = {*known_tokens(journal), *world.repository.secrets.values()}
    return [token for token in world.living() if token.token not in known]


def likeness(world: World, *more: object) -> str:
    """The world but for its time, random names and seconds: the same follows in all like it."""
    journal, instance = remembered(world), world.instance
    people, kept = instance.accounts, (instance.tokens, instance.grants, instance.statuses)
    state = (
        plaintext(journal),
        sorted(world.repository.variables),
        sorted(world.repository.secrets.items()),
        [vars(one) for one in (*people, *instance.applications)],
        [
            vars(one) | {"account": one.account.id, "application": one.application.id}
            for all_of in kept
            for one in all_of
        ],
        # What the journal keeps of a code is its hash.
        [(one.code, sha256(one.code.encode()).hexdigest()) for one in instance.grants],
        more,
    )
    return without_names(repr(state))


def without_names(text: str) -> str:
    """A text whose random words are numbered, and whose times are cut to the minute."""
    numbers: dict[str, str] = {}
    words = LONG_WORD.split(SECONDS.sub("", text))
    for n, word in enumerate(words[1::2]):
        if len(word) == 10 and word.isdecimal():
            words[2 * n + 1] = f"m{int(word) // 60}"
        elif len(word) >= 16 and DIGIT.search(word):
            words[2 * n + 1] = numbers.setdefault(word, f"<{len(numbers)}>")
    return "".join(words)


class Witness:
    """Watches one world from now on; what must not be is `found`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.offboarding = False
        """Whether a deprovision has begun: from then on secrets may hold dead tokens."""
        self.found: list[str] = []
        self.orphans: set[str] = set()
        """Tokens of these runs that were alive and in no place known: in the documented window."""
        self.told: list[str] = []
        """What those runs told in the end that ended well."""
        self.command = Command("check")
        self._away = False
        self._said_before = len(world.shown)
        self._secrets = dict(world.repository.secrets)
        self._live = set(world.live())
        self._before = self._state()
        self._began = world.time
        self._known_before = {*known_tokens(self.journal()), *self._secrets.values()}
        self._lost_before = self._live - self._known_before
        world.instance.observers.append(self._at_the_instance)
        world.github.observers.append(self._at_github)

    # A run.

    @property
    def record(self) -> Record:
        """What the run asks."""
        return self.world.wire.record

    def begins(self, command: Command) -> None:
        """A run begins; what it asks is recorded."""
        self.command, self.world.wire.record = command, Record()
        self.offboarding |= command.verb == "deprovision"
        self._before, self._began = self._state(), self.world.time

    def ends(self, ended: Ending) -> None:
        """A run ended, well or not."""
        if isinstance(ended, Report):
            self.told += map(in_words, ended.items)
        journal = self.journal()
        self._nothing_lost(journal)
        old = {one.credential.token.reveal() for one in journal.superseded} if journal else set()
        if journal and journal.current and journal.current.token.reveal() in old:
            self._no(EQUAL)
        kept = plaintext(journal)
        if any(account.password in kept for account in self.world.instance.accounts):
            self._no(f"{I4}: the journal keeps a password")
        self._nothing_sent_elsewhere()
        self._honest(ended)
        seconds = self.world.time - self._began
        if len(self.record.asked) > MOST_REQUESTS or seconds > MOST_SECONDS:
            self._no(f"{I5}: it took {len(self.record.asked)} requests and {seconds:.0f} s")

    def ends_for_good(self) -> None:
        """Nothing comes after that: what was shown is searched."""
        for line in self.world.leaks():
            self._no(f"{I4}: shown: {line}")

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """What a person does by hand is no run's doing."""
        self._away = True
        yield
        self._away = False
        self._live, self._secrets = set(self.world.live()), dict(self.world.repository.secrets)

    def journal(self) -> Journal | None:
        """The journal, where there is one that can be opened with the key that is there."""
        journal = remembered(self.world)
        if journal is None and has_journal(self.world):
            self._no(KEY_LOST)
        return journal

    # What is checked at each moment.

    def _at_the_instance(self, request: Request, _: Response) -> None:
        if self._away:
            return
        live = set(self.world.live())
        died, self._live = self._live - live, live
        for token in died:
            self._died(token)
        if (request.method, request.path) == ("POST", "/oauth/token"):
            self._exchanged()
        self._nothing_dead_in_secrets()

    def _at_github(self, request: Request, _: Response) -> None:
        if request.method == "GET" or self._away:
            return
        before, self._secrets = self._secrets, dict(self.world.repository.secrets)
        for name in before.keys() | self._secrets.keys():
            old, new = before.get(name), self._secrets.get(name)
            if old != new:
                self._changed(name, old, new)
        self._nothing_dead_in_secrets()

    def _nothing_dead_in_secrets(self) -> None:
        if self.offboarding:
            return
        if dead_secrets(self.world):
            self._no(DEAD)

    def _died(self, token: str) -> None:
        journal = self.journal()
        if journal is None:
            self._no(f"{I3}: a token was revoked that no journal knows any more")
            return
        known = self._token(token)
        if known and known.application.client_id in self.world.by_hand:
            self._no(f"{I8}: a token of an application made by hand was revoked")
        if self.offboarding:
            return
        current = self._current(journal)
        if token == current:
            self._no(f"{I2}: the token in use was revoked")
        for old in journal.superseded:
            if old.credential.token.reveal() != token:
                continue
            if old.revoke_after > self.world.time:
                self._no(f"{I1}: a token was revoked within its grace")
            if current and current not in self.record.seen_alive:
                self._no(f"{I1}: a token was revoked, and the new one was not seen alive before")

    def _exchanged(self) -> None:
        """A code reached the instance: everything else was checked, and the attempt written."""
        journal = self.journal()
        pending = journal.pending if journal else None
        if pending is None or not pending.attempts:
            self._no(f"{I3}: a code was sent, and the journal does not say so")
        asked = " ".join(self.record.asked)
        for place in ("/actions/secrets/public-key", f"/actions/variables/{JOURNAL}"):
            if place not in asked:
                self._no(f"{I6}: a code was sent before {place} was asked for")
        if not any(f"{method} /repos" in asked for method in ("PATCH", "POST")):
            self._no(f"{I6}: a code was sent before the journal was seen to be writable")

    def _changed(self, name: str, old: str | None, new: str | None) -> None:
        """A secret was written or deleted."""
        if name == KEY:
            if old is not None and JOURNAL in self.world.repository.variables:
                self._no(f"{I7}: the key of a journal was overwritten or deleted")
            return
        if new is None:
            if old == STRANGER or self.command.verb not in {"abandon", "deprovision"}:
                self._no(f"{I7}: the secret {name} was deleted")
            return
        if self.command.verb == "register":
            made = {one.client_secret for one in self.world.instance.applications}
            if old is not None or new not in made:
                self._no(f"{I7}: the secret {name} was overwritten, or got what nobody made")
            return
        token = self._token(new)
        if token is None or token.account.username != "mybot":
            self._no(f"{I8}: the secret {name} got what is no token of this account")
        elif not token.live:
            self._no(f"{I7}: the secret {name} got a dead token")
        elif new not in {*self.record.seen_alive, self._current(self.journal())}:
            self._no(f"{I7}: the secret {name} got a token that was not seen alive")

    # What is checked after each run.

    def _nothing_lost(self, journal: Journal | None) -> None:
        """Every live token is in the journal or a secret; or else exactly in the window."""
        pending = journal.pending if journal else None
        attempted = pending.application.client_id if pending and pending.attempts else ""
        for token in unknown_tokens(self.world, journal):
            if self.may_be_left(token):
                continue
            if token.token not in self._lost_before:
                self.orphans.add(token.token)
            if token.application.client_id != attempted and not self.spoken_of:
                self._no(UNKNOWN)

    def may_be_left(self, token: AccessToken) -> bool:
        """Whether it is a person's own: replaced, or another's who pressed Authorize."""
        theirs = token.account.username != "mybot"
        by_hand = token.application.client_id in self.world.by_hand
        return by_hand and (theirs or token.token in self._known_before)

    @property
    def spoken_of(self) -> bool:
        """Whether a person was told, on the way out, that a token may have been lost."""
        shown = self.world.shown[self._said_before :]
        return any(says_token_may_be_lost(text) for text in (*shown, *self.told))

    @property
    def notes(self) -> list[str]:
        """What a person was warned of, and told in the end, from the first of these runs on."""
        shown = self.world.shown[self._said_before :]
        return [*(line for line in shown if line.startswith("! ")), *self.told]

    def _nothing_sent_elsewhere(self) -> None:
        """Each server was sent its own secrets only, and the key nobody but sealed."""
        world = self.world
        key = {world.stored(KEY), "" if world.in_workflow else world.key}
        mastodons = {token.token for token in world.instance.tokens} | set(world.codes)
        mastodons |= {one.client_secret for one in world.instance.applications}
        mastodons |= {account.password for account in world.instance.accounts}
        foreign_to = {world.instance.origin: key | {world.token}, world.api: key | mastodons}
        for origin, foreign in foreign_to.items():
            server = urlsplit(origin).netloc
            sent = self.record.sent.get(server, "")
            if any(form in sent for secret in foreign if secret for form in forms(secret)):
                self._no(f"{I4}: {server} was sent a secret that is none of its own")

    def _honest(self, ended: Ending) -> None:
        """“Failed, nothing changed” and “wrong input” are true, and nobody else is blamed."""
        if not isinstance(ended, ProvisionerError):
            return
        code = ended.code
        if ended.exit_code in {Exit.FAILED, Exit.INPUT} and self._state() != self._before:
            self._no(f"{I5}: something was changed, and it said “{code}”, {ended.exit_code}")
        posted = self._state()[-1] > self._before[-1]
        if posted and code != "post-unclear":
            self._no(f"{I5}: a text was posted, and it said “{code}”")
        if not ended.next:
            self._no(f"{I5}: “{code}” says nothing of what to do")
        if code in {"overtaken", "journal-deleted"}:
            self._no(f"{I9}: there is no other run, and it said “{code}”")

    def _state(self) -> State:
        variables = dict(self.world.repository.variables)
        secrets = dict(self.world.repository.secrets)
        return secrets, variables, set(self.world.live()), len(self.world.instance.statuses)

    def _current(self, journal: Journal | None) -> str:
        return journal.current.token.reveal() if journal and journal.current else ""

    def _token(self, value: str) -> AccessToken | None:
        return next((one for one in self.world.instance.tokens if one.token == value), None)

    def _no(self, violation: str) -> None:
        if violation not in self.found:
            self.found.append(violation)
