"""The journal's key as a person's own machine keeps it: a file in the user's state folder.

It is named by the API's host, the repository's number and the journal, since several bots may be
looked after from one machine. The files hold nothing but keys.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from provisioner.journal import Journal, parse_key
from provisioner.journal_store import JournalStore
from provisioner.report import InputError, ProvisionerError, Run, Set
from provisioner.secret import Secret

UNOPENED = frozenset({"journal-key-missing", "journal-key-wrong", "journal-damaged"})
"""Errors of a journal that perhaps nobody can open again."""
START_OVER = (
    "Only if nobody can open it any more, start over. Its tokens stay alive until you remove them:",
    Run("setup", options=(Set("start-over"),)),
)


class KeyFile(msgspec.Struct, frozen=True):
    """The file for one journal's key, in a folder that is made when it is needed."""

    path: Path

    def read(self) -> Secret:
        """The key; empty where there is no file. Raises InputError where it can't be used.

        An empty file is refused too: taken for a key, it would be written to the key's secret.
        """
        try:
            key = Secret(self.path.read_text(errors="replace").strip())
            parse_key(key)
        except (OSError, InputError) as error:
            is_missing = isinstance(error, FileNotFoundError | NotADirectoryError)
            if is_missing and not self.path.is_symlink():  # `keep` can't replace a dangling link
                return Secret("")
            raise InputError(
                "key-file",
                f"The file of the journal's key can't be used: {self.path}.",
                why=str(error),
                next=("Restore it from a backup. If there is none, remove it.", Run("again")),
            ) from None
        return key

    def keep(self, key: Secret) -> Secret:
        """Keep a key for good; where another process kept one meanwhile, that one.

        It is on the disk, whole and under its name, when this returns: what is sealed under it
        outlives a power cut. Raises InputError where it can't be kept.
        """
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=folder)  # mode 0600
            try:
                with os.fdopen(descriptor, "wb", buffering=0) as file:
                    file.write(f"{key.reveal()}\n".encode())
                    os.fsync(descriptor)
                os.link(draft, self.path)  # only one process can
            except FileExistsError:
                return self.read()
            finally:
                Path(draft).unlink()
            descriptor = os.open(folder, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        except OSError as error:
            raise InputError(
                "key-file",
                f"The journal's key can't be kept in {self.path.parent}: {error.strerror}.",
                why="The next run on this machine needs that key.",
                next=(
                    "Make that folder writable, or name another one in XDG_STATE_HOME.",
                    "Or keep a key yourself: make one with `openssl rand -base64 32`.",
                    Set("journal-key"),
                ),
            ) from None
        return key

    def delete(self) -> None:
        with suppress(OSError):
            self.path.unlink()


def open_journal(store: JournalStore, file: KeyFile, *, start_over: bool) -> Journal | None:
    """The journal, with the key that was handed in or the one in the file; None if there is none.

    To `start_over` gives up a journal that can't be opened here. Raises as `JournalStore.open`.
    """
    if not store.key:
        store.key = file.read()
    try:
        journal = store.open()
    except ProvisionerError as error:
        if error.code not in UNOPENED:
            raise
        if start_over:
            store.give_up()
            return None
        raise error.as_kind(type(error), next=(*error.next, *START_OVER)) from None
    if journal and start_over:
        raise InputError(
            "nothing-to-start-over",
            "The journal can be opened: there is no reason to start over.",
            next=(Run("setup"),),
        )
    return journal
