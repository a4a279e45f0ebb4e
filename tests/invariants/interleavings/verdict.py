"""The invariants I1 to I8 (tests/invariants.py), checked from outside when two runs have ended."""

import re

from provisioner.errors import ProvisionerError
from provisioner.journal_store import CLAIM
from tests.invariants import I1, I2, I3, I4, I5, I6, I7, I8
from tests.invariants.interleavings.interleave import Played
from tests.invariants.interleavings.scene import JOURNAL, Scene
from tests.invariants.interleavings.witness import CREATED, EXCHANGE, WRITTEN
from tests.support.leaks import plaintext

DEAD, EQUAL = f"{I1}: a dead token is stored", f"{I2}: the same token is current and replaced"
UNKNOWN, SHOWN = f"{I3}: a token lives that nothing knows", f"{I4}: a secret was shown"
KEY_LOST, ENDLESS = f"{I5}: the journal's key is lost", f"{I5}: no number of runs finishes it"
SPENT, GONE = f"{I6}: a code was spent before the attempt was written", f"{I7}: the secret is gone"
FOREIGN = f"{I8}: another account's token is stored"
DAY = 86400.0
MOST_RUNS = 8
"""That a person makes afterwards; more, and it has not converged."""


def at_the_end(played: Played, *, offboards: bool, keeps_secret: bool) -> set[str]:
    """What is wrong now that both runs have ended."""
    scene, witness = played.scene, played.witness
    journal, stored = scene.remembered(), scene.stored()
    known = [one.token.reveal() for one in journal.credentials()] if journal else []
    pending = journal.pending if journal else None
    link = pending.application.client_id if pending else ""
    owners = {token.token: token.account for token in scene.instance.tokens}
    unknown = [token for token in scene.living() if token.token not in {stored, *known}]
    dead = bool(stored) and not scene.instance.is_live(stored)
    holds = {
        DEAD: not dead and (offboards or not witness.dead),
        EQUAL: len(set(known)) == len(known),
        # A lost token of the pending link comes back when that is approved again.
        UNKNOWN: all(token.application.client_id == link for token in unknown),
        KEY_LOST: journal is not None or not _has_journal(scene),
        SPENT: all(map(_attempt_first, (played.one, played.other))),
        GONE: bool(stored) or not keeps_secret,
        FOREIGN: not stored or owners[stored] is scene.instance.accounts[0],
    }
    return {what for what, held in holds.items() if not held}


def _attempt_first(asked: list[str]) -> bool:
    """Whether a code was sent once at the most, and right after the journal was written."""
    sent = [n for n, act in enumerate(asked) if act == EXCHANGE]
    return len(sent) <= 1 and all(asked[n - 1] in {CREATED, WRITTEN} for n in sent)


def afterwards(scene: Scene) -> set[str]:
    """A person goes on, as the messages say; what is wrong when all is done."""
    scene.network = scene.wire
    wrong = {SHOWN} if scene.leaks() else set()
    if not any(_run(scene) for _ in range(MOST_RUNS)):
        return wrong | {ENDLESS}
    stored = scene.stored()
    ours = [one for one in scene.living() if one.application.client_id not in scene.by_hand]
    if any(token.token != stored for token in ours):
        wrong.add(UNKNOWN)
    return wrong


def _run(scene: Scene) -> bool:
    """One more run, or what else a message asks for; whether a check then finds all well."""
    try:
        match next_of(scene):
            case "begin":
                scene.complete(scene.approve(scene.link()), grace="0")
            case "complete":
                scene.complete("", grace="0")
            case "deprovision":
                scene.deprovision()
            case "delete the journal":
                scene.delete("variables", JOURNAL)
            case _:
                scene.time += DAY
                scene.check()
                return True
    except ProvisionerError:
        pass
    return False


def next_of(scene: Scene) -> str:
    """What a person is told to do next."""
    if not _has_journal(scene):
        return "begin"
    journal, stored = scene.remembered(), scene.stored()
    if journal is None:
        return "delete the journal"
    if journal.deprovisioning:
        return "deprovision"
    if journal.pending:
        return "complete" if journal.pending.staged else "begin"
    current = journal.current.token.reveal() if journal.current else ""
    return "check" if current == stored and scene.instance.is_live(stored) else "begin"


def _has_journal(scene: Scene) -> bool:
    """Whether there is one; a claim is none."""
    return not scene.repository.variables.get(JOURNAL, CLAIM).startswith(CLAIM)


def shape(scene: Scene) -> str:
    """The world but for names and times: what follows is the same in all worlds of one shape."""
    journal = scene.remembered()
    text = repr(
        (
            plaintext(journal),
            JOURNAL in scene.repository.variables,
            _has_journal(scene),
            sorted(scene.repository.secrets),
            scene.stored(),
            [token.token for token in scene.living()],
        )
    )
    for n, application in enumerate(scene.instance.applications):
        text = text.replace(application.client_id, f"<{n}>")
        text = text.replace(application.client_secret, f"<secret {n}>")
    for n, token in enumerate(scene.instance.tokens):
        text = text.replace(token.token, f"<token {n}>")
    text = re.sub(r'"(code|verifier)":"[^"]+"', "", text)
    return re.sub(r"1[89]\d{8}", "<time>", text)
