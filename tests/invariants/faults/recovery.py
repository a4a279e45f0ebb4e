"""What a person does after a run: reads how it ended, does what that says, and sees the end."""

import re
from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime
from typing import Self

from provisioner.report import Item, Next, ProvisionerError, Report, Run
from tests.invariants import I3, I5
from tests.invariants.faults.scenarios import SECRET, STRANGER, VARIABLE, Command, Scenario
from tests.invariants.witness import KEY, Ending, Witness, known_tokens, likeness
from tests.support.person import PersonStuckError
from tests.support.told import TIME, pages, says_still_to_be_revoked, says_token_may_be_lost, steps
from tests.support.wire import Fault, Killed
from tests.support.world import STRINGS, World

MOST_RUNS = 4
"""After the one that was struck: with more, it has not converged."""
REVOKES_NOTHING = "pixelfed"
"""The server that lets no program revoke a token."""
A_WHILE = 60
"""Seconds: a person goes on at a full minute, when GitHub answers with what is there."""
UNSURE = {"attention", "unclear"}


def ending_of(command: Command, world: World) -> Ending | Exception:
    """Run it."""
    try:
        return command.run(world)
    except (Killed, Exception) as ended:  # noqa: BLE001 - a bug is found by the witness
        return ended


class Recovery:
    """Goes on after a run as a person who does what the tool says and knows nothing else."""

    def __init__(self, world: World, witness: Witness, scenario: Scenario) -> None:
        self.world = world
        self.witness = witness
        self.scenario = scenario
        self.asked: list[tuple[str, ...]] = []
        """The requests of each run."""
        self.ended = world.time
        """When the last run ended."""
        self.removed: set[str] = set()
        """Tokens whose authorizations were removed by hand."""
        self._listed: set[str] = set()

    def copied(self) -> Self:
        """The same once more, with a world and a witness of its own."""
        return deepcopy(self, self.world.shared() | {id(self.scenario): self.scenario})

    def likeness(self, *more: object) -> str:
        """What all that follows depends on, if `more` does not differ either."""
        told = (self.witness.notes, self.witness.spoken_of, self.witness.offboarding)
        done = (len(self.asked), sorted(self.removed), sorted(self._listed))
        return likeness(self.world, told, done, more)

    def runs(self, command: Command, faults: Sequence[Fault] = ()) -> Command | None:
        """One run; what is to be run next, or None where it is done."""
        self.witness.begins(command)
        self.world.wire.faults = list(faults)
        return self.ends(command, ending_of(command, self.world))

    def ends(self, command: Command, ending: Ending | Exception) -> Command | None:
        """A run ended, well or not; what is to be run next."""
        self.world.wire.faults = []
        if not isinstance(ending, Ending):
            # The command line says to run it again.
            self.witness.found.append(f"a bug: {ending!r}")
            ending = Killed()
        self.witness.ends(ending)
        self.ended = self.world.time
        self.asked.append(tuple(self.witness.record.asked))
        self.world.time += A_WHILE - self.world.time % A_WHILE
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
                for item in ending.items:
                    if item.verdict == "bad":
                        self._sees_to(item)
                # What is not clear, and an old token that lives on, is left to the next check.
                left = any(says_still_to_be_revoked(item.text) for item in ending.items)
                return Command("check") if left or ending.status in UNSURE else None

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
        named: str = next(commands, "again")
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
        lost = TIME.search("\n".join(note for note in notes if says_token_may_be_lost(note)))
        kept = (note for note in notes if says_still_to_be_revoked(note) and origin in note)
        stuck = TIME.search("\n".join(kept))
        journal = self.witness.journal()
        known = known_tokens(journal)
        for token in list(self.world.living()):
            told = stuck if token.token in known else lost
            current = journal and journal.current and journal.current.token.reveal() == token.token
            if self.witness.may_be_left(token) or not (told and token.live) or current:
                continue
            who = token.account.username
            comes_back = self.scenario.personality.startswith("mastodon")
            if comes_back and (who, self.scenario.goal) == ("mybot", "provisioned"):
                self.witness.found.append(f"{I3}: a lost token was not brought back")
            self._removes(who, told[0])

    def _removes(self, who: str, issued_at: str) -> None:
        """Remove an authorization on the instance's page; its time tells which."""
        instance, before = self.world.instance, set(self.world.live())
        moment = datetime.strptime(issued_at, "%d %B %Y, %H:%M UTC")  # noqa: DTZ007
        when = f"{moment:%Y-%m-%d %H:}"  # as the page has it, to the hour
        with self.witness.looking_away(), self.world.person(who) as person:
            person.remove(instance.origin, when, instance.server.applications_page)
        self.removed |= before - set(self.world.live())

    def _removes_what_lives(self, error: ProvisionerError) -> None:
        """Remove by hand what a run said it could not revoke."""
        times = set(TIME.findall(steps(error.next)))
        for issued_at in times - self._listed:
            self._removes("mybot", issued_at)
        self._listed |= times

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
        live = set(world.live())
        ours = {one.token for one in world.living() if not self.witness.may_be_left(one)}
        known = set(known_tokens(journal)) - self.removed
        due = {
            old.credential.token.reveal()
            for old in journal.superseded
            if old.revoke_after <= world.time and not old.credential.application.user_supplied
        }
        in_use = journal.current.token.reveal() if journal.current else ""
        good = {in_use} if in_use else {"", STRANGER} | self.removed
        posts = int(self.scenario.goal == "posted")
        return {
            "an authorization is under way": journal.pending is not None,
            "there is no token": self.scenario.goal in {"provisioned", "posted"} and not in_use,
            "it is not posted, or not once": len(world.instance.statuses) != posts,
            "what is stored is not the token in use": world.stored(self.scenario.secret)
            not in good,
            "the variable is not written": bool(in_use)
            and world.repository.variables.get(VARIABLE) != world.instance.origin,
            "a token lives that is not known": not ours <= known,
            "a token is known that is dead": not known <= live,
            "a token lives that was to be revoked": bool(due & live),
        }
