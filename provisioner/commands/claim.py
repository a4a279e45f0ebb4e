"""Before the very first journal: its variable is created, then its key is put into the secret."""

from provisioner.commands.session import Session
from provisioner.errors import ProvisionerError, TransportError
from provisioner.journal import new_key


def claim(session: Session) -> None:
    """Claim the journal where there is none yet, and look what another run made of its claim.

    Only one of two first runs can create the variable. The key's write proves that secrets can be
    written, before anybody is asked to approve anything. A key that a workflow hands in comes out
    of a secret, perhaps a protected environment's, and stays there. Raises ProvisionerError.
    """
    store, repository = session.store, session.repository
    if store.is_claimed:  # the run that claimed it may have gone on meanwhile
        store.look()
    made = not store.key
    if made:
        key = new_key(session.entropy)
        store.key = session.key_file.keep(key) if session.key_file else key
        session.mask(store.key)
    session.changed = True
    store.claim()
    if session.config.keeps_key:
        return
    try:
        if made:
            store.require_no_key()
        elif store.key_is_stored:
            session.warn(f"The secret {store.key_name} existed, and gets the key handed in")
        repository.put_secret(store.key_name, store.key)
    except TransportError:
        raise  # the next run finds the claim, and goes on
    except ProvisionerError:
        store.take_back_claim()
        raise
    doing = "Made the journal's key and stored it" if made else "Stored the journal's key"
    session.reporter.done(f"{doing} in the secret {store.key_name}")
