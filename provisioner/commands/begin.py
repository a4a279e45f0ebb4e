"""begin: from an account's name to the link that its owner opens."""

import base64
from collections.abc import Callable, Iterator
from functools import partial

from provisioner.commands.authorization import warn_of_other_scopes, warn_of_unmanaged
from provisioner.commands.revocation import tell_lost
from provisioner.commands.session import (
    Session,
    approve,
    approver,
    dry_run,
    incomplete_on_error,
    require_nothing_staged,
    require_own,
)
from provisioner.github.destinations import names
from provisioner.http import both
from provisioner.journal import Pending, new_key
from provisioner.mastodon import discovery
from provisioner.mastodon.client import Mastodon
from provisioner.mastodon.errors import ScopesRefusedError
from provisioner.mastodon.instance import OUT_OF_BAND, Application, Instance
from provisioner.mastodon.scopes import InstanceInfo, candidates, excess, explain, missing
from provisioner.report import (
    InputError,
    Next,
    ProvisionerError,
    Report,
    Run,
    Set,
    TransportError,
    duration,
    plain,
    when,
)
from provisioner.secret import Secret

USABLE = 7 * 86400
"""Seconds for which a link is shown again where the server keeps unused applications."""

FORGOTTEN = "If the instance does not know the application any more, give up and begin again:"
"""Instances delete applications without a word, and only the person sees that the link is dead."""

Candidates = tuple[tuple[str, ...], ...]
"""Sets of scopes to register with, one after the other until the instance takes one."""


def begin(session: Session) -> Report:
    """Register an application and show the link that authorizes it. Raises ProvisionerError.

    While an approval is pending and usable, the same link is shown again: Mastodon allows five
    registrations in ten minutes per address.
    """
    info = read_with_instance(session, *session.reads_of_variables())
    require_nothing_staged(session)
    scopes, former = announce(session, info)
    if session.config.dry_run:
        if former:
            return dry_run(session, (f"show the link of {when(former.begun_at)} again",))
        would = would_start(session, info.instance, scopes[0])
        return dry_run(session, (*would, "show the link for you to open"))
    if former:
        return _approval(session, former, _shown_again(session, former))
    with incomplete_on_error(session):
        pending = start(session, info.instance, scopes)
    return _approval(session, pending)


def read_with_instance(session: Session, *more: Callable[[], object]) -> InstanceInfo:
    """Read the journal and discover the instance, at the same time; and call `more`.

    Where the journal holds tokens, it must be this account's and this instance's.
    """
    reading = partial(session.read, *more)
    _, info = both(session.gather, reading, partial(discover, session))
    tell_instance(session, info)
    if session.journal.holds_tokens:
        require_own(session, info.instance.origin)
    return info


def discover(session: Session) -> InstanceInfo:
    """Discover the account's instance, and say nothing yet."""
    config = session.config
    return discovery.find(session.http, config.account, config.instance, session.gather)


def tell_instance(session: Session, info: InstanceInfo) -> None:
    """Say what was found: after all that was read meanwhile, so that the order is always one."""
    config, instance = session.config, info.instance
    if not info.is_confirmed:
        asked = config.handle.domain
        session.warn(f"{asked} does not say that it has {config.handle}: check the spelling")
    session.subject = info.subject
    product = f" ({instance.product})" if instance.product else ""
    session.done(f"Found the instance: {instance.origin}{product}")
    for subject, choice in explain(info, config.requested_scopes).items():
        session.reporter.explain(f"{subject}: {choice}")


def warn_of_subject(session: Session) -> None:
    """Say whose token it will be where WebFinger calls the account by another name."""
    if session.subject:
        session.warn(
            f"{session.config.handle} is another name of {session.subject}, whose token it will "
            "be: sign in as that account"
        )


def announce(session: Session, info: InstanceInfo) -> tuple[Candidates, Pending | None]:
    """Say beforehand whose token it will be, and what completing it will replace.

    The scopes to ask for, and the authorization that is used once more. Raises InputError.
    """
    instance, scopes = info.instance, scopes_to_ask(session, info)
    pending = usable(session, instance)
    warn_of_subject(session)
    warn_of_unmanaged(session, instance)
    if pending:
        warn_of_other_scopes(session, pending)
    if current := session.journal.current:
        since = when(current.issued_at)
        session.reporter.done(f"A token is in use since {since}: this is its rotation")
        places = session.journal.may_hold(current)
        left = [one for one in places if one.is_secret and one not in session.destinations]
        if left:
            session.warn(
                f"The token in use stands in {names(left)}, where this run does not write",
                "To replace it there, name the same secrets and variables as before.",
            )
        if less := missing(pending.scopes if pending else scopes[0], current.scopes):
            session.warn(f"The new token will not have the scopes “{plain(' '.join(less))}”")
        own = pending.application if pending else session.config.application
        same = own is not None and own.client_id == current.application.client_id
        if same and instance.profile.replaces_token:
            session.warn(
                f"{instance.host} ends the token in use as soon as its application is approved "
                "again: workflows fail from then on, until complete has written the new one.",
                "To rotate without that, leave out your own application:",
                Run("begin", rotate=True),
            )
    return scopes, pending


def usable(session: Session, instance: Instance) -> Pending | None:
    """The pending authorization, where its link can be shown once more.

    After an attempted exchange it is shown whatever was asked: a token may have been issued whose
    answer was lost, and approving the same application again returns that very token on Mastodon.
    """
    pending, config = session.journal.pending, session.config
    if pending is None:
        return None
    profile = pending.instance.profile
    # An approval takes its time, and a link that is about to expire is not shown.
    usable_for = profile.unused_seconds * 2 // 3 if profile.unused_seconds else USABLE
    is_fresh = session.now() - pending.begun_at < usable_for
    if pending.attempts:
        # Where the same application does not bring a lost token back, it is of no use once the
        # server has deleted it. A server that does not tell its name may be a Mastodon.
        forgets = profile.unused_seconds and pending.instance.software and not profile.reuses_token
        return pending if is_fresh or not forgets else None
    application = pending.application if pending.application.user_supplied else None
    is_same = (
        session.journal.account == str(config.handle)
        and pending.subject == session.subject
        and pending.instance.origin == instance.origin
        and set(pending.requested_scopes) == set(config.requested_scopes)
        and pending.app_name == config.name_of_app
        and application == config.application
    )
    return pending if is_same and is_fresh else None


def start(
    session: Session, instance: Instance, scopes: Candidates, redirect_uri: str = OUT_OF_BAND
) -> Pending:
    """Register an application, and write the journal with it.

    A new authorization always gets a new application, since Mastodon gives the same application,
    account and scopes the *same* token.
    """
    config, former = session.config, session.journal.pending
    tell_lost(session, former)
    if not session.store.exists:
        claim(session)
    application, granted = config.application, scopes[0]
    if application is None:
        application, granted = register(session, instance, scopes, redirect_uri)
    verifier = Secret(_random(session, 32))  # 43 characters (RFC 7636, section 4.1)
    session.mask(verifier)
    pending = Pending(
        instance=instance,
        application=application,
        verifier=verifier,
        scopes=granted,
        requested_scopes=config.requested_scopes,
        app_name=config.name_of_app,
        begun_at=session.now(),
        redirect_uri=redirect_uri,
        state="" if redirect_uri == OUT_OF_BAND else _random(session, 16),
        subject=session.subject,
    )
    session.update(account=str(config.handle), pending=pending)
    session.reporter.done("Wrote the journal")
    if former:
        session.reporter.done(f"The link of {when(former.begun_at)} is replaced by a new one")
    return pending


def claim(session: Session) -> None:
    """Claim the journal where there is none yet, and look what another run made of its claim.

    Only one of two first runs can create the variable. The key's write proves that secrets can be
    written, before anybody is asked to approve anything. A key that a workflow hands in comes out
    of a secret, perhaps a protected environment's, and stays there. Raises ProvisionerError.
    """
    store = session.store
    if store.is_claimed:  # the run that claimed it may have gone on meanwhile
        store.look()
    made = not store.key
    if made:
        store.require_no_key()  # before it is kept: the next run takes it for the secret's own
        key = new_key(session.entropy)
        store.key = session.key_file.keep(key) if session.key_file else key
        session.mask(store.key)
    store.claim()
    session.changed = True
    if session.config.in_workflow and session.config.journal_key:  # it came from a secret
        return
    try:
        if not made and store.key_is_stored:
            session.warn(f"The secret {store.key_name} exists: this run's key is written over it")
        session.repository.put_secret(store.key_name, store.key)
    except TransportError:
        raise  # the next run finds the claim, and goes on
    except ProvisionerError:
        store.take_back_claim()
        raise
    doing = "Made the journal's key and stored it" if made else "Stored the journal's key"
    session.reporter.done(f"{doing} in the secret {store.key_name}")


def _random(session: Session, size: int) -> str:
    return base64.urlsafe_b64encode(session.entropy(size)).rstrip(b"=").decode()


def would_start(session: Session, instance: Instance, scopes: tuple[str, ...]) -> Iterator[str]:
    """What `start` would do, for a dry run."""
    store, config = session.store, session.config
    if not store.exists:
        yield f"write the journal's key to the secret {store.key_name}"
    if config.application is None:
        name = f"register the application “{config.name_of_app}” at {instance.origin}"
        yield f"{name}, for {' '.join(scopes)}"
    yield f"write the journal to the variable {store.name} of {session.repository.name}"
    if former := session.journal.pending:
        yield f"replace the link of {when(former.begun_at)}"


def scopes_to_ask(session: Session, info: InstanceInfo) -> Candidates:
    """The sets of scopes to register with, or the one of the person's own application.

    Raises InputError where the instance knows no such scopes, or does not tell what it is: then
    nobody can guess what that application was made with.
    """
    config, instance = session.config, info.instance
    if config.application and config.scopes:
        return (config.scopes,)
    if config.application and not (instance.software or instance.has_metadata):
        raise InputError(
            "scopes-untold",
            f"{instance.host} does not tell what it is, nor what the application may ask for.",
            why="A link must ask for the very scopes that an application was made with.",
            next=(Set("scopes", "profile write:statuses write:media"),),
        )
    return candidates(config.requested_scopes, info)


def register(
    session: Session, instance: Instance, scopes: Candidates, redirect_uri: str = OUT_OF_BAND
) -> tuple[Application, tuple[str, ...]]:
    """A new application with the first of these sets of scopes that the instance takes.

    Warns where the token may do more than was asked for. Raises as `Mastodon.register`.
    """
    name, reporter = session.config.name_of_app, session.reporter
    for tried in scopes:
        try:
            application = Mastodon(session.http, instance).register(name, tried, redirect_uri)
            break
        except ScopesRefusedError as error:
            if tried == scopes[-1]:
                raise
            reporter.explain(f"Scopes: not {' '.join(tried)} ({error.what})")
    session.mask(application.client_secret)
    reporter.done(f"Registered the application “{name}”: {' '.join(tried)}")
    if broader := excess(tried, session.config.requested_scopes):
        session.warn(
            f"{instance.host} knows no narrower scopes than {' '.join(broader)}: the token may do "
            "more than was asked for"
        )
    return application, tried


def _shown_again(session: Session, pending: Pending) -> Next:
    profile = pending.instance.profile
    if profile.reuses_token or profile.replaces_token:
        does = "brings it back" if profile.reuses_token else "ends it"
        for attempt in pending.attempts:
            session.warn(
                f"An exchange of {when(attempt)} may have issued a token that was lost.",
                f"Approving the same link again {does}.",
            )
    else:
        tell_lost(session, pending)
    return (FORGOTTEN, Run("abandon"), Run("begin"))


def _approval(session: Session, pending: Pending, way_out: Next = ()) -> Report:
    config, instance = session.config, pending.instance
    whose, scopes = approver(session, pending), " ".join(pending.scopes)
    complete = approve(session, pending)[1:]
    if not (config.in_workflow or config.journal_key or session.key_file):
        complete = (f"Only the workflow of {session.repository.name} has the key: complete there.",)
    return Report(
        "approval-pending",
        f"Open this link, sign in as {whose}, and press {instance.profile.approve_button}",
        link=pending.link,
        next=(*complete, *way_out),
        items=tuple(session.noted),
        table={
            "Token of": whose,
            "Instance": instance.origin,
            "Asks for": scopes,
            "The code": f"works once, for about {duration(instance.profile.code_seconds)}",
            "Will be stored in": f"{session.repository.name}: {names(config.mappings)}",
        },
        outputs={"authorize-url": pending.link, "account": str(config.handle), "scopes": scopes},
    )
