"""The bot's owner: runs the tool, reads how it ended, does what that says, and sees the end."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from provisioner.errors import ProvisionerError
from provisioner.journal import Credential
from provisioner.outcomes import (
    ApprovalPending,
    Checked,
    DryRun,
    Ended,
    Posted,
    Provisioned,
    Registered,
)
from provisioner.sandbox import Person, PersonStuckError
from tests.faults.faults import Hit, Killed, Line
from tests.faults.scenarios import SECRET, STRANGER, VARIABLE, Command, Scenario
from tests.faults.witness import KEY, Ending, Witness
from tests.invariants import I3, I5
from tests.stage import STRINGS, Stage
from tests.told import (
    TIME,
    says_no_second_post,
    says_still_to_be_revoked,
    says_token_may_be_lost,
)

MOST_RUNS = 4
"""After the one that was struck: with more, it has not converged."""
REVOKES_NOTHING = "pixelfed"
"""The server that lets no program revoke a token."""


def _first_time(notes: Iterable[str]) -> str:
    """The first time that they tell; "" for none."""
    found = TIME.search("\n".join(notes))
    return found[0] if found else ""


class Owner:
    """The bot's owner, who does what the tool says and knows nothing else."""

    def __init__(self, stage: Stage, witness: Witness, scenario: Scenario) -> None:
        self.stage = stage
        self.witness = witness
        self.scenario = scenario
        self.asked: list[tuple[str, ...]] = []
        self.removed: set[str] = set()
        """Tokens whose authorizations the owner removed by hand."""
        self._listed: set[str] = set()

    def runs(self, command: Command, hits: Sequence[Hit] = ()) -> Command | None:
        """One run; what is to be run next, or None where it is done."""
        record = self.witness.begins(command)
        self.stage.network = Line(self.stage.wire, record, hits)
        try:
            return self.ends(command, command.run(self.stage))
        except (ProvisionerError, Killed) as stopped:
            return self.ends(command, stopped)
        except Exception as bug:  # noqa: BLE001 - as the command line, which says to run it again
            self.witness.found.append(f"a bug: {bug!r}")
            return self.ends(command, Killed())

    def ends(self, command: Command, ending: Ending) -> Command | None:
        """A run ended, well or not; what is to be run next."""
        self.witness.ends(ending)
        self.asked.append(tuple(self.witness.record.asked))
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
            case Killed():
                return command
            case ApprovalPending():
                return self._approves(command, ending.authorize_url)
            case Provisioned():
                return self._reads_notes(ending.notes)
            case Ended():
                return self._reads_notes(ending.notes)
            case Checked():
                return self._reads_findings(ending)
            case ProvisionerError():
                return self._reads_error(command, ending)
            case DryRun() | Posted() | Registered():
                return None

    def _reads_notes(self, notes: Sequence[str]) -> Command | None:
        """An old token that is still to be revoked is a later run's."""
        left = any(says_still_to_be_revoked(note) for note in notes)
        return Command("check") if left else None

    def _reads_error(self, command: Command, error: ProvisionerError) -> Command | None:
        if "/oauth/authorize?" in error.link:
            return self._approves(command, error.link)
        match error.ident:
            case "already-staged":
                return Command("complete", raw=command.raw)
            case "completed-already" | "code-used" | "nothing-to-abandon":
                return Command("check")
            case "nothing-pending" | "unknown-application":
                return Command("begin", raw=command.raw)
            case "post-unclear":
                return self._looks_for_the_post(command, error)
            case "nothing-provisioned" if self.scenario.goal != "provisioned":
                return None
            case "tokens-alive" if self.scenario.personality == REVOKES_NOTHING:
                self._removes_what_lives(error)
            case _ if command.verb == "register":
                self._deletes_strings(error)
            case _:
                pass
        return command

    def _looks_for_the_post(self, command: Command, error: ProvisionerError) -> Command | None:
        """Where to run it again is no risk, that is done; else the account's page is looked at."""
        if says_no_second_post(error):
            return command
        if self.stage.instance.statuses:
            return None
        if time := TIME.search(error.todo):
            self.stage.time = max(self.stage.time, datetime.fromisoformat(time[0]).timestamp())
        return command

    def _deletes_strings(self, error: ProvisionerError) -> None:
        """Delete what a register before this one left half-way: what the error names for that."""
        named = error.what if error.ident == "name-taken" else error.todo
        with self.witness.looking_away():
            for kind, name in zip(("variables", "secrets"), STRINGS, strict=True):
                if name in named and name in getattr(self.stage.repository, kind):
                    self.stage.delete(kind, name)

    def _reads_findings(self, checked: Checked) -> Command | None:
        """What is not clear, the next check sees; an instance that did not revoke may do so yet."""
        for finding in checked.findings:
            issued_at = TIME.search(finding.text)
            if finding.verdict != "bad":
                continue
            if not (issued_at and self.stage.instance.origin in finding.todo):
                self.witness.found.append(f"{I5}: a check found: {finding.text}")
            elif names := self.stage.repository.secrets.keys() & re.findall(r"\w+", finding.text):
                with self.witness.looking_away():
                    for name in names:
                        self.stage.delete("secrets", name)
            else:
                self._removes("mybot", issued_at[0])
        return Command("check") if checked.status == "attention" else None

    def _approves(self, command: Command, link: str) -> Command:
        return Command("complete", self.stage.approve(link), command.raw)

    def _cleans_up(self) -> None:
        """Remove by hand the authorizations of tokens that the tool said it can't revoke.

        Either its answer was lost, or a secret that was there before may hold it.
        """
        notes, origin = self.witness.notes, self.stage.instance.origin
        lost = _first_time(note for note in notes if says_token_may_be_lost(note))
        stuck = _first_time(n for n in notes if says_still_to_be_revoked(n) and origin in n)
        known = {one.token.reveal() for one in self._credentials()}
        left = [one for one in self.stage.instance.tokens if not self.witness.may_be_left(one)]
        for token in left:
            told = lost if token.token not in known else stuck
            if not (told and token.live and token.account) or token.token == self._current:
                continue
            who = token.account.username
            comes_back = self.scenario.personality.startswith("mastodon")
            if comes_back and (who, self.scenario.goal) == ("mybot", "provisioned"):
                self.witness.found.append(f"{I3}: a lost token was not brought back")
            self._removes(who, told)

    def _removes(self, who: str, issued_at: str) -> None:
        """Remove an authorization on the instance's page; its time tells which."""
        instance, before = self.stage.instance, set(self.stage.live())
        day, _, time = issued_at.partition("T")
        when = f"{day} {time[:3]}"  # as the page has it, to the hour
        with (
            self.witness.looking_away(),
            Person(who, f"{who}-password", transport=self.stage.wire) as person,
        ):
            person.remove(instance.origin, when, instance.applications_page)
        self.removed |= before - set(self.stage.live())

    def _removes_what_lives(self, error: ProvisionerError) -> None:
        """Remove by hand what a run said it could not revoke."""
        times = set(TIME.findall(error.todo))
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
            "a token lives": bool(self.stage.live()),
            "the token's secret is there": bool(self.stage.stored(SECRET)),
            "the key is there": bool(self.stage.stored(KEY)),
            "a variable is there": bool(self.stage.repository.variables),
        }

    def _unkept(self) -> dict[str, bool]:
        made = {(one.client_id, one.client_secret) for one in self.stage.instance.applications}
        return {
            "the two strings are not one application's": self.stage.strings() not in made,
            "something else is there": (
                *self.stage.repository.variables,
                *self.stage.repository.secrets,
            )
            != STRINGS,
        }

    def _unfinished(self) -> dict[str, bool]:
        stage, journal = self.stage, self.stage.journal()
        tokens = [token for token in stage.instance.tokens if token.live]
        live = {token.token for token in tokens}
        ours = {token.token for token in tokens if not self.witness.may_be_left(token)}
        known = {one.token.reveal() for one in self._credentials()} - self.removed
        due = {
            old.credential.token.reveal()
            for old in journal.superseded
            if old.revoke_after <= stage.time and not old.credential.application.by_hand
        }
        in_use, stored = self._current, stage.stored(self.scenario.secret)
        good = {in_use} if in_use else {"", STRANGER} | self.removed
        return {
            "an authorization is under way": journal.pending is not None,
            "there is no token": self.scenario.goal in {"provisioned", "posted"} and not in_use,
            "it is not posted, or not once": len(stage.instance.statuses)
            != (self.scenario.goal == "posted"),
            "what is stored is not the token in use": stored not in good,
            "the variable is not written": bool(in_use)
            and stage.repository.variables.get(VARIABLE) != stage.instance.origin,
            "a token lives that is not known": not ours <= known,
            "a token is known that is dead": not known <= live,
            "a token lives that was to be revoked": bool(due & live),
        }
