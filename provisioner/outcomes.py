"""How a run can end well: one frozen type for each, with the outputs that it stands for.

`outputs()` gives the fields of `--json` and of the action, by the names in the README; never a
token.
"""

from dataclasses import dataclass, replace
from typing import Literal

from provisioner.destinations import Mapping

Outputs = dict[str, str]


@dataclass(frozen=True)
class ApprovalPending:
    """A person must open the link and press Authorize."""

    account: str
    instance: str
    repository: str
    scopes: tuple[str, ...]
    authorize_url: str
    code_good_for: str
    """For how long, at the least, as “10 minutes”."""
    again: bool
    """Whether it is the link of an earlier begin, still good."""
    client_id: str = ""
    """Of the person's own application, which complete is to be told as well; else ""."""
    status: Literal["approval-pending"] = "approval-pending"

    def outputs(self) -> Outputs:
        """Status, link, account and the scopes that are asked for."""
        return {
            "status": self.status,
            "authorize-url": self.authorize_url,
            "account": self.account,
            "scopes": " ".join(self.scopes),
        }


Fate = Literal["waiting", "revoked", "retry", "stuck", "forgotten"]


@dataclass(frozen=True)
class OldToken:
    """A token that was replaced, or not used, and what became of it."""

    issued_at: str
    """ISO 8601; tells its application from others of the same name."""
    fate: Fate
    """“stuck” needs a person; “retry” is left to the next run; “forgotten” is no longer known."""
    revoke_after: str
    """ISO 8601: before that, runs may still use it."""
    reason: str
    """Why it is not revoked, as the second half of a sentence."""
    remove_at: str
    """The page where a person removes its application."""
    approver: str
    """As whom, as a part of a sentence."""
    is_strangers: bool = False
    """Whether somebody else approved it: it never was the bot's."""
    left_in: bool = False
    """Whether it is enough to delete the secret that the reason names."""

    @property
    def needs_nobody(self) -> bool:
        """Whether it is revoked, or will be, as it should be: nothing to warn of."""
        return self.fate == "revoked" or (self.fate == "waiting" and not self.reason)

    @property
    def note(self) -> str:
        """What became of it, and what is to be done."""
        return f"{self.fact}. {self.todo}" if self.todo else self.fact

    @property
    def fact(self) -> str:
        """What became of it."""
        which = f"The old token, of {self.issued_at},"
        if self.is_strangers:
            which = f"The token of {self.issued_at}, which {self.approver} approved,"
        reason = self.reason.rstrip(".")  # an error's sentence, as a part of ours
        match self.fate:
            case "revoked":
                return f"{which} is revoked"
            case "waiting":
                note = f"{which} stays alive for runs that still use it; the first run after "
                note += f"{self.revoke_after} revokes it"
                return f"{note}. But {reason}" if reason else note
            case "retry":
                return f"{which} is not revoked yet: {reason}. The next run tries again"
            case "stuck":
                return f"{which} is not revoked: {reason}"
            case "forgotten":
                return f"{which} will not be revoked: {reason}"

    @property
    def todo(self) -> str:
        """What a person is to do; "" where there is nothing."""
        removal = (
            f"in as {self.approver}, and remove its application (the one of that time): "
            f"{self.remove_at}"
        )
        match self.fate:
            case "stuck":
                deleted = "Delete that, if nothing reads it, or sign"
                return f"{deleted if self.left_in else 'Sign'} {removal}"
            case "forgotten":
                return f"If nothing else uses it, sign {removal}"
            case _:
                return ""


@dataclass(frozen=True)
class Provisioned:
    """The token is where the bot's workflows read it."""

    status: Literal["provisioned", "rotated"]
    account: str
    instance: str
    repository: str
    scopes: tuple[str, ...]
    expires_at: str
    """ISO 8601, or “never”."""
    written: tuple[Mapping, ...]
    overwritten: tuple[str, ...]
    """Secrets that held something before us: their old tokens live on."""
    old_tokens: tuple[OldToken, ...]
    """What was replaced, now and before."""
    unsettled_since: str
    """ISO 8601: when an earlier exchange may have issued another token; "" where none did."""
    remove_at: str
    """The page where a person removes applications and their tokens."""
    same_since: str = ""
    """ISO 8601: since when this very token was in use before; "" for another one, or the first."""

    @property
    def headline(self) -> str:
        """What was reached."""
        done = "has a new token" if self.status == "rotated" else "has its token"
        return f"{self.account} {done} in {self.repository}."

    @property
    def lines_for_bot(self) -> str:
        """What the bot's workflow needs to read it: YAML."""
        return "\n".join(["env:", *(f"  {one.name}: {_expression(one)}" for one in self.written)])

    @property
    def notes(self) -> list[str]:
        """What a person has to know, or to do, besides."""
        notes = [
            f"The secret {name} held something before, and that token lives on. If it was this "
            f"account's, remove its application: {self.remove_at}"
            for name in self.overwritten
        ]
        if self.same_since:
            notes.append(
                f"It is the same token as since {self.same_since}, and nothing was rotated: the "
                "instance gives an application of your own the token that it has. For another "
                "one, rotate without --client-id"
            )
        if self.unsettled_since:
            notes.append(
                f"An exchange of {self.unsettled_since} may have issued another token. If there is "
                "more than one authorization of that time, remove it as the account that approved "
                f"it: {self.remove_at}"
            )
        return notes + [old.note for old in self.old_tokens if not old.needs_nobody]

    @property
    def news(self) -> list[str]:
        """What went, or goes, as it should without anybody's doing."""
        return [old.note for old in self.old_tokens if old.needs_nobody]

    def outputs(self) -> Outputs:
        """Status, account, the scopes that were granted, and when the token expires."""
        return _of_token(self)


@dataclass(frozen=True)
class Finding:
    """One thing that a check looked at."""

    verdict: Literal["good", "unclear", "soon", "bad"]
    """“unclear” needs nobody, “soon” needs a person some day, “bad” needs one now."""
    text: str
    todo: str = ""


@dataclass(frozen=True)
class Checked:
    """What a check found."""

    account: str
    scopes: tuple[str, ...]
    expires_at: str
    findings: tuple[Finding, ...]

    @property
    def status(self) -> Literal["healthy", "attention"]:
        """Healthy where everything was seen to be good."""
        return "healthy" if all(f.verdict == "good" for f in self.findings) else "attention"

    @property
    def needs_person(self) -> bool:
        """Whether anything is wrong that only a person can mend."""
        return any(f.verdict == "bad" for f in self.findings)

    def outputs(self) -> Outputs:
        """Status, account, scopes and when the token expires."""
        return _of_token(self)


@dataclass(frozen=True)
class Ended:
    """An authorization was given up, or the bot's offboarding is done."""

    status: Literal["abandoned", "deprovisioned"]
    account: str
    headline: str
    """What was reached."""
    notes: tuple[str, ...] = ()
    """What is left behind, and where a person removes it."""
    news: tuple[str, ...] = ()
    """What became of old tokens without anybody's doing."""

    def outputs(self) -> Outputs:
        """Status and account."""
        return {"status": self.status, "account": self.account}


@dataclass(frozen=True)
class Posted:
    """The post is there."""

    account: str
    url: str
    """The post's own page; the account's, where the server names none of its own."""
    already: bool | None
    """Whether it was there before, so that nothing was posted now; None where the server leaves
    that open."""
    status: Literal["posted"] = "posted"

    @property
    def headline(self) -> str:
        """What was reached."""
        if self.already:
            return f"{self.account} has posted this before; nothing was posted now."
        if self.already is None:
            return f"{self.account} has posted it, now or before: the server does not say when."
        return f"{self.account} has posted it."

    def outputs(self) -> Outputs:
        """Status, account and where the post is."""
        return {"status": self.status, "account": self.account, "url": self.url}


@dataclass(frozen=True)
class Registered:
    """An application is registered; it has no token yet."""

    instance: str
    name: str
    scopes: tuple[str, ...]
    repository: str = ""
    written: tuple[Mapping, ...] = ()
    """Where its two strings are kept; empty where they were shown."""
    status: Literal["registered"] = "registered"

    def kept_in(self, repository: str, written: tuple[Mapping, ...]) -> "Registered":
        """The same, kept."""
        return replace(self, repository=repository, written=written)

    @property
    def lines_for_workflow(self) -> str:
        """What the credentials workflow needs to begin and complete with it: YAML."""
        inputs = {one.field.replace("_", "-"): _expression(one) for one in self.written}
        inputs["scopes"] = " ".join(self.scopes)  # the very ones that it was registered with
        return "\n".join(["with:", *(f"  {name}: {value}" for name, value in inputs.items())])

    def outputs(self) -> Outputs:
        """Status, instance and scopes; never the client secret."""
        return {
            "status": self.status,
            "instance": self.instance,
            "scopes": " ".join(self.scopes),
        }


@dataclass(frozen=True)
class Diagnosis:
    """What a doctor found at an instance."""

    instance: str
    software: str
    """Name and version; "" where it does not tell."""
    choices: dict[str, str]
    """What is chosen, and why, by subject."""


@dataclass(frozen=True)
class DryRun:
    """Everything was checked that can be without changing anything; what would come next."""

    account: str
    would: tuple[str, ...]
    status: Literal["dry-run"] = "dry-run"

    def outputs(self) -> Outputs:
        """Status and account."""
        return {"status": self.status, "account": self.account}


def _expression(mapping: Mapping) -> str:
    """How a workflow reads what was written."""
    context = {"secrets": "secrets", "variables": "vars"}[mapping.kind]
    return f"${{{{ {context}.{mapping.name} }}}}"


def _of_token(outcome: Provisioned | Checked) -> Outputs:
    """What the two outcomes that speak of a token say of it."""
    return {
        "status": outcome.status,
        "account": outcome.account,
        "scopes": " ".join(outcome.scopes),
        "expires-at": outcome.expires_at,
    }


Outcome = ApprovalPending | Provisioned | Checked | Ended | Posted | DryRun
