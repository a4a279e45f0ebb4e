"""What must always hold. Tests and comments name these promises by their numbers.

Three words: a *destination* is a secret or variable that the bot reads. The *journal* is what runs
remember between them, sealed in a variable. The *grace* is how long an old token stays usable after
a rotation.

Three judges watch over them: `faults` strikes at every request, `interleavings` lets two runs meet,
and `model` tries every order of steps. `make tried` prints what each of them tries.
"""

from enum import Enum


class Invariant(Enum):
    """A promise in a few words; its docstring has the whole of it."""

    I1 = "no destination holds a token that we revoked"
    """The removal of the whole bot (`deprovision`) is the exception.

    An old token is revoked only when every destination that holds it, or may hold it, is covered,
    when the new token was seen alive, and when the grace is over. A destination is covered if the
    run that made a later token current wrote it, or if it was seen to be gone. A destination that
    only may hold a later token is not covered: it has to be written, cleaned up or asked about.
    """

    I2 = "the new token is never the old one"
    """Mastodon gives one application the same token again. So each rotation registers a new
    application, and where two tokens are equal, neither counts as old and neither is revoked.
    """

    I3 = "every live token is known"
    """Each live token that we obtained is in the journal or at a destination.

    There is one window: from the moment the instance issues a token until the write that stages it
    in the journal is confirmed. It is one request long. Where a token may have been lost in it,
    the journal says so, or a person is told.
    """

    I4 = "a secret goes only where it belongs"
    """Its plaintext leaves the process for two places only: over TLS to the server that it
    belongs to, and in `::add-mask::` on GitHub's runner. It is not in command-line arguments,
    logs, errors, tracebacks, summaries, outputs or files. An instance on a loopback address may use
    http.
    """

    I5 = "any run can be followed by another"
    """A run may be killed or interrupted anywhere. The next runs finish its work, or say exactly
    what a person must do. Writes to GitHub are idempotent, and an answer that was lost is settled
    by reading back. “Failed, nothing changed” is true.
    """

    I6 = "a one-time code is spent last"
    """It is sent once, after everything else has been checked and the attempt is in the journal."""

    I7 = "an ambiguous answer costs no good secret"
    """It is neither overwritten nor deleted because of one. Only the instance's own “this token is
    invalid or revoked” makes a current token count as dead.
    """

    I8 = "the account is the one that was asked for"
    """Once its number is known, the number decides, not the name."""

    I9 = "an old answer is not another run"
    """GitHub answers reads late. A value that this run read or wrote before, or a 404 just after
    its own write, is an old answer: it is read again for up to 5 seconds.

    If our own old value stays, the latest is written once more. If the 404 stays, the journal was
    deleted, and it is not made anew. A journal that says “attempted” and holds no token is read
    again before it is written. Two runs within 5 seconds of each other count as two at once.
    """

    def __str__(self) -> str:
        return self.name


I1, I2, I3, I4, I5, I6, I7, I8, I9 = Invariant
