"""The bot's owner: runs the tool, reads how it ended, does what that says, and sees the end."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from provisioner.errors import ProvisionerError
from provisioner.journal import Credential
from provisioner.report import Command as Verb
from provisioner.report import Item, Next, Report, Run
from tests.invariants import I3, I5
from tests.invariants.faults.faults import Hit, Killed, Line
from tests.invariants.faults.scenarios import SECRET, STRANGER, VARIABLE, Command, Scenario
from tests.invariants.faults.witness import KEY, Ending, Witness
from tests.support.person import Person, PersonStuckError
from tests.support.told import TIME, pages, says_still_to_be_revoked, says_token_may_be_lost, steps
from tests.support.world import STRINGS, World

MOST_RUNS = 4
"""After the one that was struck: with more, it has not converged."""
REVOKES_NOTHING = "pixelfed"
"""The server that lets no program revoke a token."""
A_WHILE = 10
"""Seconds that a person takes: by then GitHub answers with what is there."""


def _first_time(notes: Iterable[str]) -> str:
    """The first time that they tell; "" for none."""
    found = TIME.search("\n".join(notes))
    return found[0] if found else ""


class Owner:
    """The bot's owner, who does what the tool says and knows nothing else."""

    def __init__(self, world: World, witness: Witness, scenario: Scenario) -> None:
        self.world = world
        self.witness = witness
        self.scenario = scenario
        self.asked: list[tuple[str, ...]] = []
        self.removed: set[str] = set()
        """Tokens whose authorizations the owner removed by hand."""
        self._listed: set[str] = set()

    def runs(self, command: Command, hits: Sequence[Hit] = ()) -> Command | None:
        """One run; what is to be run next, or None where it is done."""
        record = self.witness.begins(command)
        self.world.network = Line(self.world, record, hits)
        try:
            return self.ends(command, command.run(self.world))
        except (ProvisionerError, Killed) as stopped:
            return self.ends(command, stopped)
        except Exception as bug:  # noqa: BLE001 - as the command line, which says to run it again
            self.witness.found.append(f"a bug: {bug!r}")
            return self.ends(command, Killed())

    def ends(self, command: Command, ending: Ending) -> Command | None:
        """A run ended, well or not; what is to be run next."""
        self.witness.ends(ending)
        self.asked.append(tuple(self.witness.record.asked))
        self.world.time += A_WHILE
        try:
            return self._reads(command, ending)
        except PersonStuckError as stuck:
            self.witness.found.append(f"{I5}: a person can't go on: {stuck}")
            return None

    def goes_on(self, following: Command | None) -> None:
        """Run what is to be run until it is done, and see that it is."""
        while following and len(self.asked) <= MOST_RUNS:
            following = self.runs(following)
        if following:
            self.witness.found.append(f"{I5}: still not done after {len(self.asked)} runs")
        else:
            self._cleans_up()
            self._sees()
        self.witness.ends_for_good()

    def _reads(self, command: Command, ending: Ending) -> Command | None:
        match ending:
            case Killed() if command.verb == "post":
                return self._looks_for_the_post(command)
            case Killed():
                return command
            case ProvisionerError():
                return self._reads_error(command, ending)
            case Report(status="approval-pending"):
                return self._approves(command, ending.link)
            case Report():
                return self._reads_items(ending)

    def _reads_error(self, command: Command, error: ProvisionerError) -> Command | None:
        for link in (error.link, *pages(error.next)):
            if "/oauth/authorize?" in link:
                return self._approves(command, link)
        match error.code:
            case "nothing-to-abandon":
                return Command("check")
            case "post-unclear":
                return self._looks_for_the_post(command)
            case "nothing-provisioned" if self.scenario.goal != "provisioned":
                return None
            case "tokens-alive" if self.scenario.personality == REVOKES_NOTHING:
                self._removes_what_lives(error)
            case _ if command.verb == "register":
                self._deletes_strings(error)
            case _:
                pass
        return self._follows(command, error.next)

    def _follows(self, command: Command, following: Next) -> Command:
        """Run the first command that is named; with none, the same again, as a text is posted."""
        commands = (step.command for step in following if isinstance(step, Run))
        named: Verb = next(commands, "again")
        if named in {"again", command.verb} or command.verb == "post":
            return command
        return Command(named, raw=command.raw)

    def _looks_for_the_post(self, command: Command) -> Command | None:
        """Run it again at once where a key is honoured; else look at the account's page first."""
        honoured = self.scenario.personality.partition("-")[0] in {"mastodon", "pleroma"}
        return command if honoured or not self.world.instance.statuses else None

    def _deletes_strings(self, error: ProvisionerError) -> None:
        """Delete what a register before this one left half-way: what the error names for that."""
        with self.witness.looking_away():
            for kind, name in zip(("variables", "secrets"), STRINGS, strict=True):
                if name in steps(error.next) and name in getattr(self.world.repository, kind):
                    self.world.delete(kind, name)

    def _reads_items(self, report: Report) -> Command | None:
        """What is not clear, and an old token that lives on, is left to the next check."""
        for item in report.items:
            if item.verdict == "bad":
                self._sees_to(item)
        left = any(says_still_to_be_revoked(item.text) for item in report.items)
        return Command("check") if left or report.status in {"attention", "unclear"} else None

    def _sees_to(self, finding: Item) -> None:
        """Delete the secrets that keep an old token from being revoked, or remove it by hand."""
        issued_at, todo = TIME.search(finding.text), steps(finding.next)
        names = self.world.repository.secrets.keys() & re.findall(r"\w+", todo)
        if not (says_still_to_be_revoked(finding.text) and issued_at):
            self.witness.found.append(f"{I5}: a run found: {finding.text}")
        elif names:
            with self.witness.looking_away():
                for name in names:
                    self.world.delete("secrets", name)
        elif pages(finding.next):
            self._removes("mybot", issued_at[0])

    def _approves(self, command: Command, link: str) -> Command:
        return Command("complete", self.world.approve(link), command.raw)

    def _cleans_up(self) -> None:
        """Remove by hand the authorizations of tokens that the tool said it can't revoke.

        Either its answer was lost, or a secret that was there before may hold it.
        """
        notes, origin = self.witness.notes, self.world.instance.origin
        lost = _first_time(note for note in notes if says_token_may_be_lost(note))
        stuck = _first_time(n for n in notes if says_still_to_be_revoked(n) and origin in n)
        known = {one.token.reveal() for one in self._credentials()}
        left = [one for one in self.world.instance.tokens if not self.witness.may_be_left(one)]
        for token in left:
            told = lost if token.token not in known else stuck
            if not (told and token.live) or token.token == self._current:
                continue
            who = token.account.username
            comes_back = self.scenario.personality.startswith("mastodon")
            if comes_back and (who, self.scenario.goal) == ("mybot", "provisioned"):
                self.witness.found.append(f"{I3}: a lost token was not brought back")
            self._removes(who, told)

    def _removes(self, who: str, issued_at: str) -> None:
        """Remove an authorization on the instance's page; its time tells which."""
        instance, before = self.world.instance, set(self.world.live())
        moment = datetime.strptime(issued_at, "%d %B %Y, %H:%M UTC")  # noqa: DTZ007
        when = f"{moment:%Y-%m-%d %H:}"  # as the page has it, to the hour
        with (
            self.witness.looking_away(),
            Person(who, f"{who}-password", transport=self.world.wire) as person,
        ):
            person.remove(instance.origin, when, instance.server.applications_page)
        self.removed |= before - set(self.world.live())

    def _removes_what_lives(self, error: ProvisionerError) -> None:
        """Remove by hand what a run said it could not revoke."""
        times = set(TIME.findall(steps(error.next)))
        for issued_at in times - self._listed:
            self._removes("mybot", issued_at)
        self._listed |= times

    def _credentials(self) -> tuple[Credential, ...]:
        journal = self.witness.journal()
        return journal.credentials() if journal else ()

    @property
    def _current(self) -> str:
        journal = self.witness.journal()
        return journal.current.token.reveal() if journal and journal.current else ""

    def _sees(self) -> None:
        """Whether all is as it should be in the end."""
        match self.scenario.goal:
            case "deprovisioned":
                wrong = self._left()
            case "registered":
                wrong = self._unkept()
            case _:
                wrong = self._unfinished()
        self.witness.found += [f"{I5}: in the end, {what}" for what, so in wrong.items() if so]

    def _left(self) -> dict[str, bool]:
        return {
            "a token lives": bool(self.world.live()),
            "the token's secret is there": self.world.stored(SECRET) not in {"", STRANGER},
            "the key is there": bool(self.world.stored(KEY)),
            "a variable is there": bool(self.world.repository.variables),
        }

    def _unkept(self) -> dict[str, bool]:
        made = {(one.client_id, one.client_secret) for one in self.world.instance.applications}
        return {
            "the two strings are not one application's": self.world.strings() not in made,
            "something else is there": (
                *self.world.repository.variables,
                *self.world.repository.secrets,
            )
            != STRINGS,
        }

    def _unfinished(self) -> dict[str, bool]:
        world, journal = self.world, self.world.journal()
        tokens = [token for token in world.instance.tokens if token.live]
        live = {token.token for token in tokens}
        ours = {token.token for token in tokens if not self.witness.may_be_left(token)}
        known = {one.token.reveal() for one in self._credentials()} - self.removed
        due = {
            old.credential.token.reveal()
            for old in journal.superseded
            if old.revoke_after <= world.time and not old.credential.application.user_supplied
        }
        in_use, stored = self._current, world.stored(self.scenario.secret)
        good = {in_use} if in_use else {"", STRANGER} | self.removed
        return {
            "an authorization is under way": journal.pending is not None,
            "there is no token": self.scenario.goal in {"provisioned", "posted"} and not in_use,
            "it is not posted, or not once": len(world.instance.statuses)
            != (self.scenario.goal == "posted"),
            "what is stored is not the token in use": stored not in good,
            "the variable is not written": bool(in_use)
            and world.repository.variables.get(VARIABLE) != world.instance.origin,
            "a token lives that is not known": not ours <= known,
            "a token is known that is dead": not known <= live,
            "a token lives that was to be revoked": bool(due & live),
        }
